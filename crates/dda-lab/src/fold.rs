//! What one duplication tells its owner: everything since the last time, folded into one frame.

use std::sync::Arc;
use std::time::Duration;

use rustcam::frame::PointerShape;
use rustcam::geometry::Rect;
use rustcam::source::sim::{to_texture, PointerState};
use windows::Win32::Foundation::{POINT, RECT};
use windows::Win32::Graphics::Dxgi::{DXGI_OUTDUPL_FRAME_INFO, DXGI_OUTDUPL_MOVE_RECT, DXGI_OUTDUPL_POINTER_POSITION};

use crate::describe::{point, rect};
use crate::pool::Show;
use crate::settings::First;
use crate::stage::Stage;

/// How long after a first frame without a present time the real one follows.
const LATE: Duration = Duration::from_millis(20);
/// Where a pointer is that is not there.
const NOWHERE: i32 = 0x7FFF_FFFF;

/// A frame to hand out.
pub(crate) struct Update {
    pub(crate) info: DXGI_OUTDUPL_FRAME_INFO,
    pub(crate) frame: u64,
    pub(crate) show: Show,
    pub(crate) dirty: Vec<RECT>,
    pub(crate) moves: Vec<DXGI_OUTDUPL_MOVE_RECT>,
    pub(crate) shape: Option<Arc<PointerShape>>,
}

/// What was told so far.
pub(crate) struct Fold {
    output: usize,
    started: bool,
    /// The desktop as it is has not been told as an image yet; since when it may be.
    fresh: Option<Duration>,
    /// The frame up to which presents are told.
    shown: u64,
    pointer: Option<PointerState>,
    shape: Option<Arc<PointerShape>>,
}

impl Fold {
    pub(crate) fn new(output: usize) -> Self {
        Self { output, started: false, fresh: Some(Duration::ZERO), shown: 0, pointer: None, shape: None }
    }

    /// The news at `now`, if there is any. Whoever asks has told it.
    pub(crate) fn news(&mut self, stage: &Stage, now: Duration) -> Option<Update> {
        let frame = stage.worlds[self.output].frame_at(now);
        let first = stage.settings.first;
        if !self.started {
            self.started = true;
            match first {
                First::Real => {}
                First::Black => return Some(self.imageless(stage, now, frame, Show::Black)),
                First::Partial => return Some(self.imageless(stage, now, frame, Show::Half)),
                First::Pointer => return Some(self.imageless(stage, now, frame, Show::Nothing)),
                First::Timeless | First::Late => {
                    self.fresh = if first == First::Late { Some(now + LATE) } else { None };
                    self.shown = frame;
                    return Some(self.imageless(stage, now, frame, Show::Frame));
                }
            }
        }
        let fresh = self.fresh.is_some_and(|due| due <= now);
        if fresh || (self.shown > 0 && frame > self.shown) {
            return Some(self.image(stage, now, frame, fresh));
        }
        let state = stage.worlds[self.output].pointer_at(now);
        let moved = self.pointer.as_ref().is_none_or(|old| old.differs(&state));
        moved.then(|| self.imageless(stage, now, frame, Show::Nothing))
    }

    /// When there may be news next.
    pub(crate) fn next(&self, stage: &Stage, now: Duration) -> Option<Duration> {
        let world = &stage.worlds[self.output];
        [world.next_present(now), world.next_pointer(now), self.fresh.filter(|due| *due > now)]
            .into_iter()
            .flatten()
            .min()
    }

    fn image(&mut self, stage: &Stage, now: Duration, frame: u64, fresh: bool) -> Update {
        let world = &stage.worlds[self.output];
        let (rotation, desktop) = (world.rotation(frame), world.size(frame));
        let mut update = self.imageless(stage, now, frame, Show::Frame);
        // Nothing was told before the first image, so it has nothing to move.
        let known = self.shown > 0 && !(fresh && frame == self.shown);
        let (mut dirty, mut moves) = (vec![rotation.apply(desktop).rect()], Vec::new());
        if known {
            let damage = to_texture(&world.damage(self.shown, frame), rotation, desktop);
            (dirty, moves) = (damage.dirty, damage.moves);
        }
        if dirty.len() > stage.settings.coalesce {
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
        update.info.LastPresentTime = stage.clock.ticks_at(at);
        update.info.AccumulatedFrames = if self.shown > 0 { (frame - self.shown).max(1) as u32 } else { 1 };
        update.info.ProtectedContentMaskedOut = world.protected_at(at).into();
        let bytes = size_of_val(update.dirty.as_slice()) + size_of_val(update.moves.as_slice());
        update.info.TotalMetadataBufferSize = bytes as u32;
        self.shown = frame;
        if fresh {
            self.fresh = None;
        }
        update
    }

    /// A frame that says nothing but what the pointer does.
    fn imageless(&mut self, stage: &Stage, now: Duration, frame: u64, show: Show) -> Update {
        let world = &stage.worlds[self.output];
        let state = world.pointer_at(now);
        let mut info = DXGI_OUTDUPL_FRAME_INFO::default();
        let moved = self.pointer.as_ref().is_none_or(|old| old.differs(&state));
        if moved {
            info.LastMouseUpdateTime = stage.clock.ticks_at(world.last_pointer(now));
        }
        info.PointerPosition = match (moved, state.visible) {
            (true, true) => DXGI_OUTDUPL_POINTER_POSITION { Position: point(state.position), Visible: true.into() },
            (true, false) => DXGI_OUTDUPL_POINTER_POSITION { Position: nowhere(), Visible: false.into() },
            // Nobody may look at it, so it is now this and now that.
            (false, _) => {
                DXGI_OUTDUPL_POINTER_POSITION { Position: nowhere(), Visible: (frame.is_multiple_of(2)).into() }
            }
        };
        let news = self.shape.as_ref().is_none_or(|old| !Arc::ptr_eq(old, &state.shape));
        let shape = news.then(|| Arc::clone(&state.shape));
        if let Some(shape) = &shape {
            info.PointerShapeBufferSize = shape.data.len() as u32;
        }
        self.shape = Some(Arc::clone(&state.shape));
        self.pointer = Some(state);
        Update { info, frame, show, dirty: Vec::new(), moves: Vec::new(), shape }
    }
}

fn nowhere() -> POINT {
    POINT { x: NOWHERE, y: NOWHERE }
}
