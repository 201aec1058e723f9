//! The simulated desktop as a pure function of script and time. Times are durations since the desktop was opened.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use half::f16;

use crate::color::{Color, ColorSpace};
use crate::error::Loss;
use crate::frame::{Damage, Move};
use crate::geometry::{Rect, Rotation, Size};

use super::light::{light, shown};
use super::modes::{modes, Mode};
use super::picture::{patch, Picture, Scene};
use super::pointer_track::{PointerTrack, Viewer};
use super::present::Present;
use super::script::{Action, Cause, Event, Nits, Refresh, Script, Span};
use super::software::Painted;

/// Everything that one output of a script shows, at every time. Frames are presents; the first has number 1.
pub struct World {
    script: Script,
    segments: Vec<Segment>,
    scripted: Vec<Scripted>,
    pub(super) pointer_track: PointerTrack,
    pub(super) outages: Vec<Outage>,
    protections: Vec<(Duration, bool)>,
}

/// The time from one change of the mode, or of the level of SDR white, to the next.
pub(super) struct Segment {
    pub(super) at: Duration,
    pub(super) size: Size,
    pub(super) rotation: Rotation,
    pub(super) refresh: Refresh,
    pub(super) color: Color,
    pub(super) picture: Picture,
    /// Number of the first present.
    first: u64,
    /// Its scripted presents.
    scripted: Range<usize>,
}

/// A present that an event of the script makes.
pub(super) struct Scripted {
    at: Duration,
    pub(super) number: u64,
    /// What it paints over the picture, clipped to the desktop; `None` if it changes the picture itself.
    pub(super) overlay: Option<Damage>,
    base: u64,
    last_full: u64,
    /// Scripted full presents of the segment up to this one.
    fulls: u64,
}

/// A time without a desktop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    pub(super) at: Duration,
    pub(super) until: Option<Duration>,
    pub(super) cause: Lost,
    pub(super) loss: Loss,
}

/// Why the desktop is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    Access,
    Device,
    Output,
    Mode,
}

impl From<Cause> for Lost {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Access => Lost::Access,
            Cause::Device => Lost::Device,
            Cause::Output => Lost::Output,
        }
    }
}

/// One present, resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) at: Duration,
    pub(super) segment: usize,
    /// The last present that changed the picture under the scripted parts.
    pub(super) base: u64,
    /// The last present that changed everything, a change of mode included.
    pub(super) last_full: u64,
    /// Presents since the change of mode that changed everything.
    epoch: u64,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("script", &self.script).finish_non_exhaustive()
    }
}

impl World {
    /// The world of one output of `script`.
    pub fn new(script: &Script, output: usize) -> Self {
        let events = script.sorted_events();
        let viewer = Viewer::Output { index: output, of: script.outputs };
        let pointer_track = PointerTrack::new(script, &events, viewer);
        Self::assemble(
            script.clone(),
            &events,
            (output, &format!("SIM-{}", output + 1)),
            pointer_track,
            outages(&events),
        )
    }

    /// The world that follows from `events`, which are in the order of time. The picture has a palette and a name.
    pub(super) fn assemble(
        script: Script,
        events: &[Event],
        picture: (usize, &str),
        pointer_track: PointerTrack,
        outages: Vec<Outage>,
    ) -> Self {
        let protections = events.iter().filter_map(|event| match event.action {
            Action::Protect(on) => Some((event.at, on)),
            _ => None,
        });
        let protections = protections.collect();
        let mut world =
            Self { script, segments: Vec::new(), scripted: Vec::new(), pointer_track, outages, protections };
        world.lay_out(events, picture);
        world
    }

    fn lay_out(&mut self, events: &[Event], (palette, name): (usize, &str)) {
        let modes = modes(&self.script, events);
        let presents: Vec<_> = events
            .iter()
            .scan(false, |software, event| {
                let composed = composes(&event.action, software);
                Some(composed.map(|present| (event.at, present)))
            })
            .flatten()
            .collect();
        let mut first = 1;
        for (i, &Mode { at, size, rotation, refresh, hdr, white }) in modes.iter().enumerate() {
            let end = modes.get(i + 1).map(|next| next.at);
            let color = if hdr { self.color(white) } else { Color::SDR };
            let picture = Picture::new(size, palette, name, hdr);
            let begin = self.scripted.len();
            let mut segment = Segment { at, size, rotation, refresh, color, picture, first, scripted: begin..begin };
            for (time, present) in presents.iter().filter(|p| p.0 >= at && end.is_none_or(|end| p.0 < end)) {
                let next = self.script_present(&segment, *time, present);
                self.scripted.push(next);
                segment.scripted.end += 1;
            }
            // Of the periodic presents, the one at the moment of the next mode change belongs to the next mode.
            let last = end.map(|end| end.saturating_sub(Duration::from_nanos(1)));
            let ticks = last.map_or(0, |last| self.ticks(&segment, last));
            first += 1 + ticks + segment.scripted.len() as u64;
            self.segments.push(segment);
        }
    }

    fn color(&self, white: Nits) -> Color {
        Color {
            hdr: true,
            space: ColorSpace::Scrgb,
            bits: 10,
            sdr_white_nits: white.value(),
            max_nits: self.script.max.value(),
            min_nits: self.script.min.value(),
        }
    }

    fn script_present(&self, segment: &Segment, at: Duration, present: &Present) -> Scripted {
        let before = self.scripted[segment.scripted.clone()].last();
        let number = segment.first + self.ticks(segment, at) + segment.scripted.len() as u64 + 1;
        let fulls = before.map_or(0, |p| p.fulls);
        let previous = before.filter(|p| p.number == number - 1);
        let last_full = match (previous, before) {
            (Some(p), _) => p.last_full,
            (None, _) if self.script.full => number - 1,
            (None, p) => p.map_or(segment.first, |p| p.last_full),
        };
        match present {
            Present::Natural => Scripted { at, number, overlay: None, base: number, last_full, fulls },
            Present::Full => Scripted { at, number, overlay: None, base: number, last_full: number, fulls: fulls + 1 },
            Present::Parts(damage) => {
                let base = previous.map_or(number - 1, |p| p.base);
                Scripted { at, number, overlay: Some(clipped(damage, segment.size.rect())), base, last_full, fulls }
            }
        }
    }

    /// Periodic presents of the segment up to `time`, the one at its beginning not counted.
    fn ticks(&self, segment: &Segment, time: Duration) -> u64 {
        let Some(every) = self.script.every else { return 0 };
        let nanos = time.saturating_sub(segment.at).as_nanos();
        let period = u128::from(every) * 1_000_000_000_000;
        // The largest k for which `tick_at(k)`, rounded down, is not after `time`.
        (((nanos + 1) * u128::from(segment.refresh.0) - 1) / period) as u64
    }

    fn tick_at(&self, segment: &Segment, k: u64) -> Duration {
        let period = u128::from(self.script.every.unwrap_or(1)) * 1_000_000_000_000;
        let nanos = u128::from(k) * period / u128::from(segment.refresh.0);
        segment.at.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// The segment that holds at `time`.
    pub(super) fn segment_at(&self, time: Duration) -> &Segment {
        &self.segments[self.segments.partition_point(|s| s.at <= time).max(1) - 1]
    }

    /// Number of the last present at `time`.
    pub fn frame_at(&self, time: Duration) -> u64 {
        let segment = self.segment_at(time);
        let scripted = self.scripted[segment.scripted.clone()].partition_point(|p| p.at <= time);
        segment.first + self.ticks(segment, time) + scripted as u64
    }

    /// When `frame` was presented.
    pub fn present_time(&self, frame: u64) -> Duration {
        self.frame(frame).at
    }

    /// Size of the desktop in `frame`, as the user sees it.
    pub fn size(&self, frame: u64) -> Size {
        self.segments[self.frame(frame).segment].size
    }

    /// Rotation of the output in `frame`.
    pub fn rotation(&self, frame: u64) -> Rotation {
        self.segments[self.frame(frame).segment].rotation
    }

    /// Colour of the desktop in `frame`.
    pub fn color_of(&self, frame: u64) -> Color {
        self.segments[self.frame(frame).segment].color
    }

    /// Whether the image presented at `time` has blanked parts.
    pub fn protected_at(&self, time: Duration) -> bool {
        self.protections[..self.protections.partition_point(|p| p.0 <= time)].last().is_some_and(|p| p.1)
    }

    /// The time of the next present after `time`.
    pub fn next_present(&self, time: Duration) -> Option<Duration> {
        let index = self.segments.partition_point(|s| s.at <= time).max(1) - 1;
        let segment = &self.segments[index];
        let scripted = &self.scripted[segment.scripted.clone()];
        let next_scripted = scripted.get(scripted.partition_point(|p| p.at <= time)).map(|p| p.at);
        let next_tick = self.script.every.map(|_| self.tick_at(segment, self.ticks(segment, time) + 1));
        let next_mode = self.segments.get(index + 1).map(|s| s.at);
        [next_scripted, next_tick, next_mode].into_iter().flatten().min()
    }

    pub(super) fn frame(&self, number: u64) -> Frame {
        let number = number.max(1);
        let segment = self.segments.partition_point(|s| s.first <= number) - 1;
        let here = &self.segments[segment];
        let scripted = &self.scripted[here.scripted.clone()];
        let index = scripted.partition_point(|p| p.number <= number);
        let before = scripted[..index].last();
        let tick = number - here.first - index as u64;
        let full = self.script.full;
        let epoch = before.map_or(0, |p| p.fulls) + if full { tick } else { 0 };
        if let Some(p) = before.filter(|p| p.number == number) {
            return Frame { at: p.at, segment, base: p.base, last_full: p.last_full, epoch };
        }
        let last_full = if full { number } else { before.map_or(here.first, |p| p.last_full) };
        Frame { at: self.tick_at(here, tick), segment, base: number, last_full, epoch }
    }

    /// The picture that `frame` shows under the scripted parts.
    pub(super) fn scene(&self, frame: Frame) -> Scene<'_> {
        let base = self.frame(frame.base);
        self.segments[base.segment].picture.scene(frame.base, base.at, base.epoch)
    }

    /// The presents after `before` and up to `last` that painted over the picture.
    pub(super) fn overlays(&self, before: u64, last: u64) -> impl DoubleEndedIterator<Item = (&Scripted, &Damage)> {
        let from = self.scripted.partition_point(|p| p.number <= before);
        let to = self.scripted.partition_point(|p| p.number <= last).max(from);
        self.scripted[from..to].iter().filter_map(|p| p.overlay.as_ref().map(|damage| (p, damage)))
    }

    /// The oracle: the exact pixel (`x`, `y`) of the desktop in `frame`, as BGRA with alpha 255, without the pointer unless the system
    /// draws it into the image. Of an HDR desktop it is what remains when every channel is cut at SDR white.
    ///
    /// # Panics
    /// If the desktop of that frame has no such pixel.
    pub fn pixel(&self, frame: u64, x: i32, y: i32) -> [u8; 4] {
        let colour = self.look(&mut BTreeMap::new(), frame, x, y);
        shown(&self.color_of(frame), Painted::over(self.painted(frame).as_ref(), colour, x, y))
    }

    /// All pixels of [`World::pixel`], row by row without padding.
    pub fn image(&self, frame: u64) -> Vec<u8> {
        let color = self.color_of(frame);
        self.colours(frame).flat_map(|colour| shown(&color, colour)).collect()
    }

    /// All pixels of the desktop in `frame` as half floats of scRGB, with alpha 1: red, green, blue and alpha, little-endian, row by row
    /// without padding. Of an SDR desktop they are the light of [`World::image`].
    pub fn light(&self, frame: u64) -> Vec<u8> {
        let color = self.color_of(frame);
        let light = |colour| light(u32::from_le_bytes(colour), &color).into_iter().chain([f16::ONE.to_bits()]);
        self.colours(frame).flat_map(light).flat_map(u16::to_le_bytes).collect()
    }

    /// The colours of all pixels, row by row.
    fn colours(&self, frame: u64) -> impl Iterator<Item = [u8; 4]> + '_ {
        let size = self.size(frame);
        let mut scenes = BTreeMap::new();
        let places = (0..size.height as i32).flat_map(move |y| (0..size.width as i32).map(move |x| (x, y)));
        let painted = self.painted(frame);
        places.map(move |(x, y)| Painted::over(painted.as_ref(), self.look(&mut scenes, frame, x, y), x, y))
    }

    /// Searches the scripted presents, the newest first, for the one that painted the pixel. `scenes` is a cache.
    fn look<'a>(&'a self, scenes: &mut BTreeMap<u64, Scene<'a>>, frame: u64, x: i32, y: i32) -> [u8; 4] {
        let hdr = self.color_of(frame).hdr;
        let (mut number, mut x, mut y) = (frame.max(1), x, y);
        let colour = 'back: loop {
            let here = self.frame(number);
            for (present, damage) in self.overlays(here.last_full, number).rev() {
                let hit = |r: &Rect| r.contains(Rect::new(x, y, x + 1, y + 1));
                if damage.dirty.iter().any(hit) {
                    break 'back patch(present.number, hdr, x, y);
                }
                if let Some(m) = damage.moves.iter().find(|m| hit(&m.destination)) {
                    (x, y) = (x - m.destination.left + m.source.x, y - m.destination.top + m.source.y);
                    number = present.number - 1;
                    continue 'back;
                }
            }
            break scenes.entry(here.base).or_insert_with(|| self.scene(here)).pixel(x, y);
        };
        colour.to_le_bytes()
    }

    /// What changed from frame `before` to frame `after`, in desktop space.
    pub fn damage(&self, before: u64, after: u64) -> Damage {
        let (old, new) = (self.frame(before), self.frame(after));
        if new.last_full > before {
            return Damage::everything(self.segments[new.segment].size.rect());
        }
        let mut damage = Damage::default();
        if old.base != new.base {
            damage.dirty = self.scene(old).difference(&self.scene(new));
        }
        for (present, parts) in self.overlays(before, after) {
            // A move reads the image before it. Only for the first present that is the image the caller has.
            if present.number == before + 1 {
                damage.moves.clone_from(&parts.moves);
            } else {
                damage.dirty.extend(parts.moves.iter().map(|m| m.destination));
            }
            damage.dirty.extend(&parts.dirty);
        }
        self.account_for_pointer(&mut damage, before, after);
        damage
    }

    /// The pointer that the system drew into `frame`.
    pub(super) fn painted(&self, frame: u64) -> Option<Painted> {
        let frame = self.frame(frame);
        let state = self.pointer_track.at(frame.at, self.segments[frame.segment].size);
        (state.painted && !state.shape.is_malformed()).then(|| Painted::new(state))
    }

    /// A pointer in the image changes it where it was and where it is. A move whose source it covered becomes dirty.
    fn account_for_pointer(&self, damage: &mut Damage, before: u64, after: u64) {
        let whole = self.size(after).rect();
        let [old, new] = [before, after].map(|frame| self.painted(frame));
        let rect = |painted: &Option<Painted>| painted.as_ref().and_then(|p| p.rect().intersection(whole));
        let (was, is) = (rect(&old), rect(&new));
        let covered = |m: &Move| was.is_some_and(|r| r.intersection(m.source_rect()).is_some());
        damage.dirty.extend(damage.moves.iter().filter(|m| covered(m)).map(|m| m.destination));
        damage.moves.retain(|m| !covered(m));
        if old != new || !damage.moves.is_empty() {
            damage.dirty.extend(was.into_iter().chain(is));
        }
    }
}

/// The present that an event makes, if it makes one. A pointer in the image cannot change without a present.
fn composes<'a>(event: &'a Action, software: &mut bool) -> Option<&'a Present> {
    static NOTHING: Present = Present::Parts(Damage { dirty: Vec::new(), moves: Vec::new() });
    match event {
        Action::Present(present) => Some(present),
        Action::PointerSoftware(on) => {
            *software = *on;
            Some(&NOTHING)
        }
        Action::PointerTo(_) | Action::PointerVisible(_) | Action::Shape(_) => software.then_some(&NOTHING),
        _ => None,
    }
}

fn clipped(damage: &Damage, whole: Rect) -> Damage {
    let dirty = damage.dirty.iter().filter_map(|r| r.intersection(whole)).collect();
    let moves = damage.moves.iter().filter_map(|m| {
        let (dx, dy) = (m.destination.left - m.source.x, m.destination.top - m.source.y);
        let destination = m.destination.intersection(whole)?.intersection(whole.translated(dx, dy))?;
        Some(Move { source: destination.translated(-dx, -dy).origin(), destination })
    });
    Damage { dirty, moves: moves.collect() }
}

/// The times without a desktop, in the order of `events`.
pub(super) fn outages(events: &[Event]) -> Vec<Outage> {
    let outage = |event: &Event| {
        let (span, cause, loss) = match event.action {
            Action::Lose { cause, during: None, span, loss } => (span, cause.into(), loss),
            Action::Mode(..) | Action::Rotate(_) | Action::Color(_) => (Span::Moment, Lost::Mode, Loss::Transient),
            _ => return None,
        };
        Some(Outage { at: event.at, until: span.end(event.at), cause, loss })
    };
    events.iter().filter_map(outage).collect()
}
