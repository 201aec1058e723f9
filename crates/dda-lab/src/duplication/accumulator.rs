//! What a duplication reports: everything that happened since the last acquired frame, accumulated in one frame.

use std::sync::Arc;
use std::time::Duration;

use rustcam::frame::PointerShape;
use rustcam::geometry::Rect;
use rustcam::source::sim::{careless_damage, PointerState};
use windows::Win32::Foundation::{POINT, RECT};
use windows::Win32::Graphics::Dxgi::{DXGI_OUTDUPL_FRAME_INFO, DXGI_OUTDUPL_MOVE_RECT, DXGI_OUTDUPL_POINTER_POSITION};

use crate::duplication::upload::Content;
use crate::script::settings::First;
use crate::state::describe::{point, rect};
use crate::state::simulation::Simulation;

/// How long after a first frame without a present time the real one follows.
const LATE: Duration = Duration::from_millis(20);
/// Position of a pointer that is hidden or has not moved: not meant to be used.
const NOWHERE: i32 = 0x7FFF_FFFF;

/// What one acquired frame reports.
pub(crate) struct Update {
    pub(crate) info: DXGI_OUTDUPL_FRAME_INFO,
    pub(crate) frame: u64,
    pub(crate) content: Content,
    pub(crate) dirty: Vec<RECT>,
    pub(crate) moves: Vec<DXGI_OUTDUPL_MOVE_RECT>,
    pub(crate) shape: Option<Arc<PointerShape>>,
}

/// What was reported so far.
pub(crate) struct Accumulator {
    output: usize,
    started: bool,
    /// From when on the first image is due, if it was not reported yet.
    first_image: Option<Duration>,
    /// The last frame whose present was reported.
    reported: u64,
    /// Changes of windows that the compositor answered up to then were reported.
    nudged: Duration,
    pointer: Option<PointerState>,
    shape: Option<Arc<PointerShape>>,
}

impl Accumulator {
    /// For a duplication that begins at `born`.
    pub(crate) fn new(sim: &Simulation, output: usize, born: Duration) -> Self {
        let pointer = sim.settings.pointer_untold.then(|| sim.worlds[output].pointer_at(born));
        let shape = pointer.as_ref().map(|pointer| Arc::clone(&pointer.shape));
        let first_image = Some(Duration::ZERO);
        Self { output, started: false, first_image, reported: 0, nudged: born, pointer, shape }
    }

    /// What is new at `now`, if anything is. It counts as reported.
    pub(crate) fn take(&mut self, sim: &Simulation, now: Duration) -> Option<Update> {
        let frame = sim.worlds[self.output].frame_at(now);
        let first = sim.settings.first;
        if !self.started {
            self.started = true;
            match first {
                First::Real => {}
                First::Black => return Some(self.imageless(sim, now, frame, Content::Black)),
                First::Partial => return Some(self.imageless(sim, now, frame, Content::UpperHalf)),
                First::Nothing => (self.first_image, self.reported) = (None, frame),
                First::Half => {
                    (self.first_image, self.reported) = (None, frame);
                    return Some(self.imageless(sim, now, frame, Content::UpperHalf));
                }
                First::Pointer => return Some(self.imageless(sim, now, frame, Content::Garbage)),
                First::Timeless | First::Late => {
                    self.first_image = if first == First::Late { Some(now + LATE) } else { None };
                    self.reported = frame;
                    return Some(self.imageless(sim, now, frame, Content::Frame));
                }
            }
        }
        let first = self.first_image.is_some_and(|due| due <= now);
        if first || (self.reported > 0 && frame > self.reported) {
            return Some(self.image(sim, now, frame, first));
        }
        if let Some(due) = sim.nudge_due().filter(|due| *due > self.nudged && *due <= now) {
            return Some(self.composed(sim, now, frame, due));
        }
        let state = sim.worlds[self.output].pointer_at(now);
        let moved = self.pointer.as_ref().is_none_or(|old| !old.looks_like(&state));
        moved.then(|| self.imageless(sim, now, frame, Content::Garbage))
    }

    /// The next time at which something may be new.
    pub(crate) fn next_change(&self, sim: &Simulation, now: Duration) -> Option<Duration> {
        let world = &sim.worlds[self.output];
        [
            world.next_present(now),
            world.next_pointer(now),
            self.first_image.filter(|due| *due > now),
            sim.nudge_due().filter(|due| *due > now),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// A frame that the compositor presents at `due` although nothing of the script changed.
    fn composed(&mut self, sim: &Simulation, now: Duration, frame: u64, due: Duration) -> Update {
        self.nudged = due;
        let first = self.reported == 0;
        let mut update = self.image(sim, now, frame, first);
        update.info.LastPresentTime = sim.clock.ticks_at(due);
        if !first {
            // The place of the window that changed.
            update.dirty.push(RECT { left: 0, top: 0, right: 1, bottom: 1 });
            update.info.TotalMetadataBufferSize += size_of::<RECT>() as u32;
        }
        update
    }

    fn image(&mut self, sim: &Simulation, now: Duration, frame: u64, first: bool) -> Update {
        let world = &sim.worlds[self.output];
        let (rotation, desktop) = (world.rotation(frame), world.size(frame));
        let mut update = self.imageless(sim, now, frame, Content::Frame);
        // Before the first image nothing was reported that could have moved.
        let known = self.reported > 0 && !(first && frame == self.reported);
        let (mut dirty, mut moves) = (vec![rotation.apply(desktop).rect()], Vec::new());
        if known {
            let damage = world.damage(self.reported, frame).to_texture(rotation, desktop);
            let texture = rotation.apply(desktop);
            let careless = sim.script.has_careless_damage();
            let damage = if careless { careless_damage(&damage, texture, frame) } else { damage };
            (dirty, moves) = (damage.dirty, damage.moves);
        }
        if dirty.len() > sim.settings.coalesce {
            dirty = vec![dirty.iter().fold(Rect::default(), |all, part| all.union(*part))];
            update.info.RectsCoalesced = true.into();
        }
        update.dirty = dirty.into_iter().map(rect).collect();
        let moved = |m: rustcam::frame::Move| DXGI_OUTDUPL_MOVE_RECT {
            SourcePoint: point(m.source),
            DestinationRect: rect(m.destination),
        };
        update.moves = moves.into_iter().map(moved).collect();
        let at = world.present_time(frame);
        update.info.LastPresentTime = sim.clock.ticks_at(at);
        update.info.AccumulatedFrames = if self.reported > 0 { (frame - self.reported).max(1) as u32 } else { 1 };
        update.info.ProtectedContentMaskedOut = world.protected_at(at).into();
        let bytes = size_of_val(update.dirty.as_slice()) + size_of_val(update.moves.as_slice());
        update.info.TotalMetadataBufferSize = bytes as u32;
        self.reported = frame;
        if first {
            self.first_image = None;
        }
        update
    }

    /// A frame that reports the pointer only.
    fn imageless(&mut self, sim: &Simulation, now: Duration, frame: u64, content: Content) -> Update {
        let world = &sim.worlds[self.output];
        let state = world.pointer_at(now);
        let mut info = DXGI_OUTDUPL_FRAME_INFO::default();
        let moved = self.pointer.as_ref().is_none_or(|old| !old.looks_like(&state));
        if moved {
            info.LastMouseUpdateTime = sim.clock.ticks_at(world.last_pointer(now));
        }
        info.PointerPosition = match (moved, state.visible) {
            (true, true) => DXGI_OUTDUPL_POINTER_POSITION { Position: point(state.position), Visible: true.into() },
            (true, false) => DXGI_OUTDUPL_POINTER_POSITION { Position: nowhere(), Visible: false.into() },
            // Visibility means nothing if the pointer did not change, so it alternates.
            (false, _) => {
                DXGI_OUTDUPL_POINTER_POSITION { Position: nowhere(), Visible: (frame.is_multiple_of(2)).into() }
            }
        };
        let new = self.shape.as_ref().is_none_or(|old| !Arc::ptr_eq(old, &state.shape));
        let shape = new.then(|| Arc::clone(&state.shape));
        if let Some(shape) = &shape {
            info.PointerShapeBufferSize = shape.data.len() as u32;
        }
        self.shape = Some(Arc::clone(&state.shape));
        self.pointer = Some(state);
        Update { info, frame, content, dirty: Vec::new(), moves: Vec::new(), shape }
    }
}

fn nowhere() -> POINT {
    POINT { x: NOWHERE, y: NOWHERE }
}
