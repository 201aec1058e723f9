//! The world of an output or a window behind the trait [`Source`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::options::OpenOptions;
use super::super::output::{select, Output};
use super::super::{Change, Outcome, Sink, Source};
use super::blocks::Blocks;
use super::faults::{careless_damage, Faults};
use super::followed::FollowedWindow;
use super::framebuffer::Framebuffer;
use super::listing::{describe, describe_window, outputs};
use super::pointer_track::State;
use super::script::{Call, Script};
use super::shapes;
use super::window_frame::{framed, shifted};
use super::world::World;
use crate::clock::Clock;
use crate::color::Color;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::{Damage, Pointer};
use crate::geometry::{Point, Rect, Size};
use crate::memory::Memory;
use crate::region;

/// More parts than this are reported as one, as by a system whose list is full.
const MOST_PARTS: usize = 64;

/// The arguments of a slow read.
#[derive(PartialEq)]
struct ReadRequest {
    parts: Vec<Rect>,
    into: Option<(usize, Size, Point)>,
}

/// One output or one window of a scripted desktop.
pub struct SimSource {
    script: Script,
    /// What the output shows, or the client area of the window.
    world: World,
    /// `None` for an output.
    window: Option<FollowedWindow>,
    clock: Arc<dyn Clock>,
    opened: Duration,
    watch_pointer: bool,
    output: Output,
    framebuffer: Option<Framebuffer>,
    /// The pixels of a window and its frame that were delivered last.
    framed: Vec<u8>,
    /// The frame as of the last wait.
    shown: u64,
    /// The last frame that waits have counted.
    counted: u64,
    /// Whether no wait has reported a present since the desktop was opened or regained.
    fresh: bool,
    /// The frame as of the last damage.
    damaged: Option<u64>,
    pointer: Pointer,
    pointed: Option<State>,
    faults: Faults,
    reading: Option<(ReadRequest, Duration)>,
    blocks: Blocks,
}

impl SimSource {
    /// Opens the output or the window of `script` that `options` name; the world begins now, on the clock of `options`.
    ///
    /// # Errors
    /// `InvalidArgument` if the script has no such output or window, `Duplication` if the script refuses.
    pub fn open(script: &Script, options: &OpenOptions) -> Result<Self> {
        let window = options.window.as_ref().map(|target| FollowedWindow::open(script, target)).transpose()?;
        let listed = outputs(script);
        let output = match &window {
            None => select(&listed, options.device, &options.output)?,
            Some(_) => &listed[0],
        };
        if let Some(code) = script.refusal(options.waited()) {
            let error = Error::new(ErrorKind::Duplication, "the simulated desktop refuses to be captured")
                .with_code(code)
                .with_hint("Its script says \"refuse\"");
            let passes = script.refuse.is_some_and(|(_, span)| span.is_some());
            return Err(if passes { error.with_loss(Loss::Transient) } else { error });
        }
        let (world, output) = match &window {
            None => (World::new(script, output.output_idx), output.clone()),
            Some(window) => {
                let world = window.world(script);
                let output = describe_window(window, &world, Duration::ZERO);
                (world, output)
            }
        };
        Ok(Self {
            faults: Faults::of(script),
            shown: world.frame_at(Duration::ZERO),
            opened: options.clock.now(),
            clock: Arc::clone(&options.clock),
            watch_pointer: options.watch_pointer,
            world,
            window,
            script: script.clone(),
            output,
            framebuffer: None,
            framed: Vec::new(),
            counted: 0,
            fresh: true,
            damaged: None,
            pointer: Pointer::default(),
            pointed: None,
            reading: None,
            blocks: Blocks::default(),
        })
    }

    /// Time since the desktop was opened.
    fn now(&self) -> Duration {
        self.clock.now().saturating_sub(self.opened)
    }

    /// Fails if the desktop is lost, or if the script has a fault for `call`.
    fn check(&mut self, call: Call, now: Duration) -> Result<()> {
        self.check_loss(now)?;
        self.faults.trigger(call, now)
    }

    /// Fails if the desktop or the window is lost.
    fn check_loss(&mut self, now: Duration) -> Result<()> {
        if let Some(window) = &mut self.window {
            window.check(now)?;
        }
        self.faults.check(&self.world, now)
    }

    /// Moves on to the world as it is now, and returns what changed.
    fn latch(&mut self, now: Duration) -> Change {
        let mut change = Change::default();
        self.shown = self.world.frame_at(now);
        if self.fresh || self.shown > self.counted {
            let at = self.world.present_time(self.shown);
            change.presents = (self.shown - self.counted).max(1);
            change.present_time = self.opened + at;
            self.fresh = false;
            self.counted = self.shown;
        }
        change.pointer = self.update_pointer(now);
        change.protected = change.any() && self.world.protected_at(self.world.present_time(self.shown));
        change
    }

    /// When a wait may have something to report next.
    fn next_event(&self, now: Duration) -> Option<Duration> {
        let pointer = if self.watch_pointer { self.world.pointer_track.next(now) } else { None };
        let window = self.window.as_ref().and_then(|window| window.next(now));
        [self.world.next_present(now), pointer, window, self.faults.next(&self.world, now)].into_iter().flatten().min()
    }

    /// The outcome of the read of `parts`. Sleeps if the script makes reads slow.
    fn ready(&mut self, parts: &[Rect], into: Option<(usize, Size, Point)>, timeout: Duration) -> Result<Outcome> {
        let now = self.now();
        self.check(Call::Read, now)?;
        if self.script.slow_reads.is_zero() {
            return Ok(self.catch_up(now, parts));
        }
        let request = ReadRequest { parts: parts.to_vec(), into };
        let began = self.reading.take().filter(|(before, _)| *before == request).map_or(now, |(_, began)| began);
        let done = began + self.script.slow_reads;
        let end = now.saturating_add(timeout);
        if done > end {
            // A read waits by timers of high resolution, whatever the timer of the script.
            self.clock.sleep_until(self.opened.saturating_add(end));
            self.reading = Some((request, began));
            return Ok(Outcome::Pending);
        }
        self.wait_until(done);
        let now = self.now();
        self.check_loss(now)?;
        Ok(self.catch_up(now, parts))
    }

    /// Moves on to the desktop as it is at the time of a read, if the script says `reads live`, and says whether `parts` of it fit what a
    /// caller knows from the last damage.
    fn catch_up(&mut self, now: Duration, parts: &[Rect]) -> Outcome {
        if self.script.live {
            self.shown = self.world.frame_at(now);
            self.update_pointer(now);
        }
        let changed = self.damaged.is_some_and(|known| known != self.shown);
        if changed && (self.script.live || !region::covers(parts, self.output.texture_size().rect())) {
            Outcome::Overtaken(())
        } else {
            Outcome::Done(())
        }
    }

    /// Moves on to the pointer as it is now, and returns whether it changed.
    fn update_pointer(&mut self, now: Duration) -> bool {
        if !self.watch_pointer {
            return false;
        }
        let state = self.world.pointer_track.at(now, self.world.segment_at(now).size);
        let changed = self.pointed.is_none_or(|old| !old.looks_like(state));
        self.pointed = Some(state);
        let shape = Some(Arc::clone(shapes::shape(state.shape)));
        self.pointer = Pointer { position: state.position, visible: state.visible, shape };
        changed
    }

    /// When a wait of `duration` that begins now times out.
    fn timeout(&self, duration: Duration) -> Duration {
        self.clock.timeout(duration).saturating_sub(self.opened)
    }

    fn wait_until(&self, time: Duration) {
        if time > self.now() {
            self.clock.wait_for_event(self.opened.saturating_add(time));
        }
    }

    fn deliver(&mut self, parts: &[Rect], sink: &mut Sink<'_>) -> Result<()> {
        let border = self.window.as_ref().and_then(FollowedWindow::border);
        let Self { framebuffer, framed: whole, world, script, shown, pointer, .. } = self;
        let framebuffer = match framebuffer {
            Some(framebuffer) => framebuffer,
            None => framebuffer.insert(Framebuffer::new(world, *shown, script.pitch)?),
        };
        framebuffer.show(world, *shown);
        for &part in parts {
            let Some(border) = border else {
                sink(part, framebuffer.view(world, part), pointer);
                continue;
            };
            let Point { x, y } = border.inset();
            let client = world.size(*shown).rect().translated(x, y).intersection(part);
            let client = client.map(|seen| (seen, framebuffer.view(world, seen.translated(-x, -y))));
            sink(part, framed(whole, part, world.color_of(*shown), client), pointer);
        }
        Ok(())
    }

    /// Writes `parts` into a tightly packed picture of `size` that begins at `origin`, with alpha 255.
    fn write(&mut self, memory: &mut Memory, size: Size, origin: Point, parts: &[Rect]) -> Result<()> {
        let stride = size.width as usize * 4;
        let bytes = memory.bytes_mut();
        self.deliver(parts, &mut |part, image, _| {
            let place = part.translated(-origin.x, -origin.y);
            for y in 0..image.size().height as usize {
                let start = (place.top as usize + y) * stride + place.left as usize * 4;
                let row = image.row(y);
                for (new, old) in bytes[start..start + row.len()].chunks_exact_mut(4).zip(row.chunks_exact(4)) {
                    new.copy_from_slice(&[old[0], old[1], old[2], 255]);
                }
            }
        })
    }
}

impl fmt::Debug for SimSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, opened, shown, .. } = self;
        f.debug_struct("SimSource")
            .field("output", output)
            .field("opened", opened)
            .field("shown", shown)
            .finish_non_exhaustive()
    }
}

impl Source for SimSource {
    fn output(&self) -> &Output {
        &self.output
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        let deadline = self.timeout(timeout);
        loop {
            let now = self.now();
            self.check(Call::Wait, now)?;
            let change = self.latch(now);
            if change.any() || now >= deadline {
                return Ok(change);
            }
            let wake = self.next_event(now).map_or(deadline, |event| event.min(deadline));
            self.wait_until(wake);
        }
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        let now = self.now();
        self.check(Call::Damage, now)?;
        let in_time = self.script.slow_damage <= timeout;
        self.wait_until(now + self.script.slow_damage.min(timeout));
        self.check_loss(self.now())?;
        let before = self.damaged.replace(self.shown).filter(|_| in_time);
        let Some(before) = before else {
            return Ok(Damage::everything(self.output.texture_size().rect()));
        };
        let mut damage = self.world.damage(before, self.shown);
        if let Some(border) = self.window.as_ref().and_then(FollowedWindow::border) {
            // A new level of white changes the frame, too.
            let same = self.world.color_of(before) == self.world.color_of(self.shown);
            let whole = self.output.texture_size().rect();
            damage = if same { shifted(damage, border.inset()) } else { Damage::everything(whole) };
        }
        if damage.dirty.len() > MOST_PARTS {
            damage.dirty = vec![region::bounds(&damage.dirty)];
        }
        let damage = damage.to_texture(self.output.image_rotation, self.output.size);
        let careless = self.script.has_careless_damage();
        Ok(if careless { careless_damage(&damage, self.output.texture_size(), self.shown) } else { damage })
    }

    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
        let read = self.ready(parts, None, timeout)?;
        if read != Outcome::Pending {
            self.deliver(parts, sink)?;
        }
        Ok(read)
    }

    fn allocate(&mut self, size: Size) -> Option<Memory> {
        let direct = self.script.direct && !self.color().hdr;
        let len = usize::try_from(size.area() * 4).ok().filter(|_| direct)?;
        self.blocks.allocate(len)
    }

    fn read_into(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        parts: &[Rect],
        timeout: Duration,
    ) -> Result<Outcome> {
        if !self.blocks.own(memory) {
            return Ok(Outcome::Unsupported);
        }
        let read = self.ready(parts, Some((memory.as_ptr() as usize, size, origin)), timeout)?;
        if read != Outcome::Pending {
            self.write(memory, size, origin, parts)?;
        }
        Ok(read)
    }

    fn refresh(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        stale: &[Rect],
        timeout: Duration,
    ) -> Result<Outcome<Damage>> {
        if !self.blocks.own(memory) {
            return Ok(Outcome::Unsupported);
        }
        if self.ready(stale, Some((memory.as_ptr() as usize, size, origin)), timeout)? == Outcome::Pending {
            return Ok(Outcome::Pending);
        }
        let damage = self.damage(timeout)?;
        let area = Rect::at(origin, size);
        let changed = damage.changed().filter_map(|r| r.intersection(area));
        let parts: Vec<Rect> = stale.iter().copied().chain(changed).collect();
        self.write(memory, size, origin, &parts)?;
        Ok(Outcome::Done(damage))
    }

    fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    fn color(&self) -> Color {
        self.world.color_of(self.shown)
    }

    fn rebuild(&mut self, _timeout: Duration) -> Result<()> {
        self.reading = None;
        let now = self.now();
        self.faults.trigger(Call::Rebuild, now)?;
        self.faults.recover(&self.world, now)?;
        match &mut self.window {
            None => self.output = describe(self.output.output_idx, self.world.segment_at(now)),
            Some(window) => {
                if window.rebuild(now)? {
                    self.world = window.world(&self.script);
                    self.counted = self.world.frame_at(now);
                }
                self.output = describe_window(window, &self.world, now);
            }
        }
        self.shown = self.world.frame_at(now);
        (self.framebuffer, self.damaged, self.pointed, self.fresh) = (None, None, None, true);
        self.blocks.forget();
        Ok(())
    }
}
