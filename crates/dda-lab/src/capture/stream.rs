//! When the compositor updates the picture of an item, and what each update shows.

use std::sync::Arc;
use std::time::Duration;

use rustcam::geometry::Size;
use rustcam::source::sim::{PointerState, World};

use crate::capture::target::Target;
use crate::capture::window::Window;
use crate::state::simulation::Simulation;

/// From this build on updates without a change are left out, and the rate is limited.
pub(crate) const QUIET: u32 = 26100;
/// Shortest interval that counts; shorter ones, and the default of 0, mean the next.
const SHORTEST: Duration = Duration::from_millis(1);
const USUAL: Duration = Duration::from_millis(20);

/// One update.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    /// The number of the frame: of the desktop, or of presents of the window since the item was made.
    pub(crate) number: u64,
    pub(crate) at: Duration,
    pub(crate) content: Size,
    /// The pointer, if it is drawn into the picture.
    pub(crate) pointer: Option<PointerState>,
}

/// What a session may change while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) pointer: bool,
    pub(crate) min_interval: Duration,
}

/// The updates of one session, in order.
pub(crate) struct Stream {
    target: Target,
    /// When the item was made.
    item: Duration,
    /// Everything up to then was considered; `None` before the first update.
    done: Option<Duration>,
    last: Option<Update>,
    /// Number of changes of a window without presents of its own.
    changes: u64,
    started: Duration,
}

impl Stream {
    pub(crate) fn new(target: Target, item: Duration, started: Duration) -> Self {
        Self { target, item, done: None, last: None, changes: 0, started }
    }

    /// The next update that was made until `now`.
    pub(crate) fn next(&mut self, sim: &Simulation, now: Duration, pace: Pace) -> Option<Update> {
        loop {
            let Some(due) = self.due(sim, pace).filter(|due| *due <= now) else { return self.changed_size(sim, now) };
            self.done = Some(due);
            let Some(update) = self.update(sim, due, pace) else { continue };
            let same = self.last.as_ref().is_some_and(|last| last.looks_like(&update));
            if same && sim.settings.wgc.build >= QUIET {
                continue;
            }
            self.last = Some(update.clone());
            return Some(update);
        }
    }

    /// When the next update is made, or was made that was not considered yet.
    pub(crate) fn due(&self, sim: &Simulation, pace: Pace) -> Option<Duration> {
        let Some(done) = self.done else { return Some(self.started) };
        let change = self.next_change(sim, done, pace)?;
        let interval = if sim.settings.wgc.build < QUIET {
            Duration::ZERO
        } else if pace.min_interval < SHORTEST {
            USUAL
        } else {
            pace.min_interval
        };
        let earliest = self.last.as_ref().map_or(Duration::ZERO, |last| last.at + interval);
        Some(change.max(earliest))
    }

    /// The next time after `time` at which the compositor has something to draw.
    fn next_change(&self, sim: &Simulation, time: Duration, pace: Pace) -> Option<Duration> {
        let loud = sim.settings.wgc.build < QUIET;
        let of_desktop = |world: &World| [world.next_present(time), world.next_pointer(time)];
        match self.target {
            Target::Monitor(output) => {
                let world = &sim.worlds[output];
                let pointer = if pace.pointer || loud { world.next_pointer(time) } else { None };
                let back = world.gaps().filter_map(|gap| gap.until).filter(|until| *until > time).min();
                [world.next_present(time), pointer, back].into_iter().flatten().min()
            }
            Target::Window(_) => {
                let composed = if loud { of_desktop(&sim.worlds[0]) } else { [None; 2] };
                [self.next_window_present(sim, time), composed[0], composed[1]].into_iter().flatten().min()
            }
        }
    }

    fn next_window_present(&self, sim: &Simulation, time: Duration) -> Option<Duration> {
        let fps = sim.settings.wgc.window_fps;
        (fps > 0).then(|| self.item + tick(fps, ticks(fps, time.saturating_sub(self.item)) + 1))
    }

    fn update(&self, sim: &Simulation, at: Duration, pace: Pace) -> Option<Update> {
        match self.target {
            Target::Monitor(output) => {
                let world = &sim.worlds[output];
                if sim.present_gap(at).is_some() || self.target.is_gone(sim, at) {
                    return None;
                }
                let number = world.frame_at(at);
                let pointer = pace.pointer.then(|| world.pointer_at(at)).filter(|pointer| pointer.visible);
                Some(Update { number, at, content: world.size(number), pointer })
            }
            Target::Window(window) => {
                let number = match sim.settings.wgc.window_fps {
                    0 => 1 + self.changes,
                    fps => 1 + ticks(fps, at.saturating_sub(self.item)),
                };
                Some(Update { number, at, content: window.content(sim)?, pointer: None })
            }
        }
    }

    /// An update because a window without presents of its own has another size, or is no longer iconic.
    fn changed_size(&mut self, sim: &Simulation, now: Duration) -> Option<Update> {
        let Target::Window(window) = self.target else { return None };
        if sim.settings.wgc.window_fps > 0 || self.done.is_none() {
            return None;
        }
        self.static_window(sim, window, now)
    }

    fn static_window(&mut self, sim: &Simulation, window: Window, now: Duration) -> Option<Update> {
        let Some(content) = window.content(sim) else {
            // Its next picture is one more change.
            if let Some(last) = &mut self.last {
                last.content = Size::default();
            }
            return None;
        };
        if self.last.as_ref().is_some_and(|last| last.content == content) {
            return None;
        }
        self.changes += u64::from(self.last.is_some());
        let update = Update { number: 1 + self.changes, at: now, content, pointer: None };
        self.last = Some(update.clone());
        Some(update)
    }
}

impl Update {
    fn looks_like(&self, other: &Update) -> bool {
        let pointers = match (&self.pointer, &other.pointer) {
            (Some(one), Some(other)) => one.looks_like(other) && Arc::ptr_eq(&one.shape, &other.shape),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.number == other.number && self.content == other.content && pointers
    }
}

/// How many presents there are in `time`.
fn ticks(fps: u32, time: Duration) -> u64 {
    (time.as_nanos() * u128::from(fps) / 1_000_000_000) as u64
}

/// When present `number` is due.
fn tick(fps: u32, number: u64) -> Duration {
    Duration::from_nanos((u128::from(number) * 1_000_000_000).div_ceil(u128::from(fps)) as u64)
}
