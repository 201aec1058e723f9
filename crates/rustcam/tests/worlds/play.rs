//! Runs a program in its world and compares everything it gets with the oracle.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use rustcam::capture::{FixedRate, Frame, Handle, Rate, Request, Snapshot, Stats, Target};
use rustcam::clock::Clock;
use rustcam::color::ToneMapping;
use rustcam::error::{Error, ErrorKind, Result};
use rustcam::frame::{Damage, FrameInfo, ImageMut, PixelFormat, Pointer};
use rustcam::geometry::{Point, Rect, Size};
use rustcam::source::sim::{Script, World};
use rustcam::source::{Backend, OpenOptions};

use super::case::{Case, Memory, Part, Step};
use super::{light, oracle};

/// How much longer than its timeout a call may take.
const GRACE: Duration = Duration::from_millis(50);

/// How long a step of a video waits for a desktop that is lost.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Plays `case` on the simulated desktop.
pub fn play(case: &Case) -> TestCaseResult {
    let script = format!("{}\nclock virtual", case.script);
    let script = Script::parse(&script).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let options = OpenOptions::new(Backend::Sim(script)).output(case.output).watch_pointer(case.cursor);
    let options = options.tone_mapping(tone_mapping(case));
    let clock = Arc::clone(&options.clock);
    let handle = Handle::open(&options, &mut || Ok(())).expect("the desktop opens");
    play_on(case, handle, clock, Duration::ZERO)
}

pub fn tone_mapping(case: &Case) -> ToneMapping {
    if case.clip {
        ToneMapping::Clip
    } else {
        ToneMapping::Map
    }
}

/// Plays `case` with an open capture of a desktop whose script began at `start`.
pub fn play_on(case: &Case, handle: Handle, clock: Arc<dyn Clock>, start: Duration) -> TestCaseResult {
    let script = Script::parse(&case.script).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let desktop = Desktop {
        world: World::new(&script, case.output),
        start,
        mapping: tone_mapping(case),
        images: BTreeMap::new(),
    };
    let live = case.script.contains("reads live");
    let mut player = Player { case, handle, clock, desktop, held: Vec::new(), own: None, last: Vec::new(), live };
    player.run()
}

struct Player<'a> {
    case: &'a Case,
    handle: Handle,
    clock: Arc<dyn Clock>,
    desktop: Desktop,
    held: Vec<Held>,
    /// The region of the capture, if it has one.
    own: Option<Rect>,
    /// The last returned frame; several numbers if these frames are equal in the captured region.
    last: Vec<u64>,
    /// Whether images may be newer than their info.
    live: bool,
}

/// A picture that the program keeps, and a copy of its pixels.
struct Held {
    frame: Frame,
    bytes: Vec<u8>,
}

impl Held {
    fn is_intact(&self) -> bool {
        self.frame.image().is_some_and(|image| image.bytes() == self.bytes)
    }
}

impl Player<'_> {
    fn run(&mut self) -> TestCaseResult {
        if let Some(region) = self.case.region {
            let region = region.on(self.size());
            self.handle.set_region(Some(region)).expect("inside the output");
            self.own = Some(region);
        }
        for step in &self.case.steps {
            match step {
                Step::Pass { ms } => self.clock.sleep(Duration::from_millis(*ms)),
                Step::Drop => prop_assert!(self.held.drain(..).all(|h| h.is_intact()), "a held picture changed"),
                Step::Grab { memory, format, region, timeout, current, hold } => {
                    let request = Request::within(Duration::from_millis(*timeout))
                        .region(self.region(*region))
                        .new_frame_only(!*current);
                    self.grab(&request, *memory, *format, *hold)?;
                }
                Step::Video { fps, frames, memory, format, region } => {
                    let rate = Rate::new(*fps, 1).expect("a rate");
                    self.video(rate, *frames, *memory == Memory::Retained, *format, self.region(*region))?;
                }
            }
        }
        prop_assert!(self.held.iter().all(Held::is_intact), "a held picture changed");
        Ok(())
    }

    fn size(&self) -> Size {
        self.handle.snapshot().output.size
    }

    fn region(&self, part: Option<Part>) -> Option<Rect> {
        part.map(|part| part.on(self.size()))
    }

    fn grab(&mut self, request: &Request, memory: Memory, format: PixelFormat, hold: bool) -> TestCaseResult {
        let before = self.handle.snapshot();
        let Stats { frames, timeouts, .. } = self.handle.stats();
        let area = request.region.unwrap_or(before.region).size();
        let row = area.width as usize * format.bytes();
        let (padding, upwards) =
            if let Memory::Into { padding, upwards } = memory { (padding, upwards) } else { (0, false) };
        let mut own = vec![0u8; (row + padding) * area.height as usize];
        let target = match memory {
            Memory::Owned => Target::owned(format),
            Memory::Retained => Target::retained(format),
            Memory::Into { .. } => {
                let image = ImageMut::new(&mut own, row + padding, area, format);
                Target::Into(if upwards { image.bottom_up() } else { image })
            }
        };
        let began = self.clock.now();
        let outcome = self.handle.grab(request, target, &mut || Ok(()));
        let took = self.clock.now().saturating_sub(began);
        prop_assert!(took <= request.timeout + GRACE, "{took:?} for a timeout of {:?}", request.timeout);
        let after = self.handle.snapshot();
        let counted = (self.handle.stats().frames, self.handle.stats().timeouts);
        match outcome {
            Ok(None) => {
                prop_assert_eq!(counted, (frames, timeouts + 1));
                Ok(())
            }
            Err(error) => {
                prop_assert_eq!(counted, (frames, timeouts));
                is_announced(&error)
            }
            Ok(Some(frame)) => {
                prop_assert_eq!(counted, (frames + 1, timeouts));
                let bytes = match frame.image() {
                    Some(image) => image.bytes().to_vec(),
                    None => tight(&own, row, padding, upwards),
                };
                prop_assert!(frame.image().is_none_or(|image| image.format.as_packed() == Some(format)
                    && image.size == request.region.unwrap_or(after.region).size()));
                prop_assert!(self.handle.info().is_some_and(|info| info == frame.info));
                let shown = (request.region.unwrap_or(after.region), after.output.size);
                self.check((&frame.info, format), &bytes, shown, &after, began)?;
                if hold && frame.image().is_some() {
                    self.held.push(Held { frame, bytes });
                }
                Ok(())
            }
        }
    }

    fn video(
        &mut self,
        rate: Rate,
        frames: u64,
        retained: bool,
        format: PixelFormat,
        region: Option<Rect>,
    ) -> TestCaseResult {
        if let Err(error) = self.handle.begin_frames(region, &mut || Ok(())) {
            return is_announced(&error);
        }
        let mut slots = FixedRate::new(rate)
            .region(region)
            .format(format)
            .timeout(Duration::from_millis(100))
            .patience(LONGEST_WAIT);
        let mut start = Duration::ZERO;
        // When the call began that may have captured the image of a slot.
        let mut captured = self.clock.now();
        for expected in 0..frames {
            let began = self.clock.now();
            let (clock, limit) = (Arc::clone(&self.clock), began + LONGEST_WAIT);
            let mut interrupt = || -> Result<()> {
                if clock.now() < limit {
                    return Ok(());
                }
                Err(Error::new(ErrorKind::Interrupted, "enough"))
            };
            let (frame, slot) = match self.handle.next_frame(&mut slots, retained, &mut interrupt) {
                Ok(next) => next,
                Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Interrupted) => break,
                Err(error) => {
                    is_announced(&error)?;
                    break;
                }
            };
            prop_assert_eq!(slot, expected);
            if slot == 0 {
                start = self.clock.now();
            }
            let due = start + rate.slot(slot);
            prop_assert!(self.clock.now() >= due, "slot {} came too early", slot);
            let latest = due + rate.slot(1);
            let presented = frame.info.present_time;
            prop_assert!(slot == 0 || presented <= latest, "slot {slot}, due at {due:?}, shows {presented:?}");
            let snapshot = self.handle.snapshot();
            let bytes = frame.image().expect("memory of its own").bytes().to_vec();
            // A slot that passed while the desktop changed its mode shows the image from before.
            let shown = self.desktop.frame_at(frame.info.present_time);
            let size = if frame.info.is_new { snapshot.output.size } else { self.desktop.world.size(shown) };
            let wanted = region.or(self.own).unwrap_or(size.rect());
            let region = wanted.intersection(size.rect()).unwrap_or_default();
            self.check((&frame.info, format), &bytes, (region, size), &snapshot, captured)?;
            if frame.info.is_new {
                captured = began;
            }
        }
        self.handle.end_frames();
        Ok(())
    }

    /// Checks everything about a returned frame.
    fn check(
        &mut self,
        (info, format): (&FrameInfo, PixelFormat),
        bytes: &[u8],
        (region, size): (Rect, Size),
        snapshot: &Snapshot,
        captured: Duration,
    ) -> TestCaseResult {
        let shown = self.desktop.frame_at(info.present_time);
        prop_assert!(self.live || self.desktop.world.size(shown) == size, "the output as it was in frame {shown}");
        prop_assert!(snapshot.stats.lost.is_none(), "a desktop that delivers is not lost");
        let pointer = Some(&info.pointer).filter(|_| self.case.cursor);
        let now = self.clock.now();
        // A live read shows the desktop at some time since the call began, which only the system knows.
        let possible = if self.live {
            shown.min(self.desktop.frame_at(captured))..=self.desktop.frame_at(now)
        } else {
            shown..=shown
        };
        let possible: Vec<u64> = possible.filter(|number| self.desktop.world.size(*number) == size).collect();
        let mut differs = |number| {
            let expected = self.desktop.picture(number, pointer, region, format);
            bytes.iter().zip(&expected).position(|(a, b)| a != b).or((bytes.len() != expected.len()).then_some(0))
        };
        let exact: Vec<u64> = possible.iter().copied().filter(|number| differs(*number).is_none()).collect();
        if exact.is_empty() {
            let wrong = possible.first().and_then(|number| differs(*number));
            let here = wrong.and_then(|byte| bytes.get(byte));
            let there = wrong.and_then(|byte| self.desktop.picture(shown, pointer, region, format).get(byte).copied());
            return Err(TestCaseError::fail(format!(
                "frame {shown} at {now:?} differs first at byte {wrong:?} of {region} x {format}: {here:?} for {there:?}"
            )));
        }
        let before = std::mem::replace(&mut self.last, exact.clone());
        let mut result = self.check_damage(before.first().copied(), exact[0], info);
        for (before, exact) in before.iter().flat_map(|before| exact.iter().map(move |exact| (*before, *exact))) {
            if result.is_ok() {
                break;
            }
            result = self.check_damage(Some(before), exact, info);
        }
        result
    }

    /// Checks that applying moves and dirty parts to the frame before gives this frame.
    fn check_damage(&mut self, before: Option<u64>, shown: u64, info: &FrameInfo) -> TestCaseResult {
        let size = self.desktop.world.size(shown);
        let Damage { dirty, moves } = &info.damage;
        let whole = size.rect();
        prop_assert!(dirty.iter().all(|r| !r.is_empty() && whole.contains(*r)), "dirty {dirty:?} on {whole}");
        for m in moves {
            let from = Rect::at(m.source, m.destination.size());
            prop_assert!(whole.contains(from) && whole.contains(m.destination) && from != m.destination, "{m:?}");
        }
        if before == Some(shown) || dirty.as_slice() == [whole] {
            return Ok(());
        }
        let Some(before) = before else {
            return Err(TestCaseError::fail(format!("everything is new in the first frame, not {dirty:?}")));
        };
        prop_assert_eq!(self.desktop.world.size(before), size, "everything is new after a change of size");
        let (old, new) = (self.desktop.image(before), self.desktop.image(shown));
        let pixel = |image: &[u8], at: Point| {
            let start = (at.y as usize * size.width as usize + at.x as usize) * 4;
            [image[start], image[start + 1], image[start + 2]]
        };
        for (x, y) in (0..whole.bottom).flat_map(|y| (0..whole.right).map(move |x| (x, y))) {
            let here = Rect::new(x, y, x + 1, y + 1);
            if dirty.iter().any(|r| r.contains(here)) {
                continue;
            }
            let moved = moves.iter().find(|m| m.destination.contains(here));
            let from = moved.map_or(Point::new(x, y), |m| {
                Point::new(x - m.destination.left + m.source.x, y - m.destination.top + m.source.y)
            });
            prop_assert!(
                pixel(&new, Point::new(x, y)) == pixel(&old, from),
                "({x}, {y}) changed between {before} and {shown}; reported were {dirty:?} and {moves:?}"
            );
        }
        Ok(())
    }
}

/// Checks that an error is of one of the kinds that the API names for faults of a desktop.
fn is_announced(error: &Error) -> TestCaseResult {
    let known = matches!(error.kind(), ErrorKind::Capture | ErrorKind::AccessLost | ErrorKind::Device);
    prop_assert!(known, "{error:?}");
    Ok(())
}

/// The rows of a padded image from the top down.
fn tight(bytes: &[u8], row: usize, padding: usize, upwards: bool) -> Vec<u8> {
    let rows = bytes.chunks_exact(row + padding).map(|r| &r[..row]);
    if upwards {
        rows.rev().flatten().copied().collect()
    } else {
        rows.flatten().copied().collect()
    }
}

/// The desktop's pictures, cached.
struct Desktop {
    world: World,
    /// When the script began.
    start: Duration,
    mapping: ToneMapping,
    images: BTreeMap<u64, Rc<[u8]>>,
}

impl Desktop {
    /// The frame that was presented at `time`, which a system may have rounded down to a tick of its clock.
    fn frame_at(&self, time: Duration) -> u64 {
        self.world.frame_at(time.saturating_sub(self.start) + Duration::from_micros(1))
    }

    /// The desktop in `frame` as BGRA.
    fn image(&mut self, frame: u64) -> Rc<[u8]> {
        let Self { world, mapping, .. } = self;
        let image = || {
            let color = world.color_of(frame);
            if color.hdr && *mapping == ToneMapping::Map {
                let size = world.size(frame);
                light::from_light(&world.light(frame), size, &color, None, size.rect(), PixelFormat::Bgra)
            } else {
                world.image(frame)
            }
        };
        Rc::clone(self.images.entry(frame).or_insert_with(|| image().into()))
    }

    /// `region` of the desktop in `frame`, with the pointer over it.
    fn picture(&mut self, frame: u64, pointer: Option<&Pointer>, region: Rect, format: PixelFormat) -> Vec<u8> {
        let (size, color) = (self.world.size(frame), self.world.color_of(frame));
        if color.hdr && format.is_half_float() {
            return light::from_light(&self.world.light(frame), size, &color, pointer, region, format);
        }
        oracle::picture(&self.image(frame), size, pointer, region, format)
    }
}
