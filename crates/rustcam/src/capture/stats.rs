//! What a capture counts.

use std::sync::Arc;

use crate::frame::FrameInfo;
use crate::source::SourceStats;

/// What happened since the capture was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Frames returned.
    pub frames: u64,
    /// Calls that ended without a frame because nothing new came in time.
    pub timeouts: u64,
    /// Presents that no returned frame shows, because a later one came first.
    pub missed: u64,
    /// What the session counts.
    pub session: SessionStats,
}

/// What a session counts while it captures, whether its frames are returned or replaced by newer ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStats {
    /// Wake-ups for which only the pointer had changed.
    pub pointer_wakeups: u64,
    /// Outages: the desktop was lost, and a frame was captured again.
    pub recoveries: u64,
    /// Why the desktop is lost at the moment; `None` if it is not.
    pub lost: Option<Arc<str>>,
    /// Bytes written to the memory of frames.
    pub bytes_copied: u64,
    /// Whether the session's region had to be cut to fit a changed output.
    pub region_clamped: bool,
    /// How many threads convert a large frame.
    pub threads: usize,
    /// What the source counts.
    pub source: SourceStats,
    /// Why the source works in a slower way than it could; `None` if it does not.
    pub fallback: Option<Arc<str>>,
}

/// The frames that the callers got.
#[derive(Clone, Debug, Default)]
pub(super) struct Delivered {
    /// Frames returned.
    pub(super) frames: u64,
    /// Calls that ended without a frame.
    pub(super) timeouts: u64,
    /// Presents that no returned frame shows.
    pub(super) missed: u64,
    /// The info of the last frame.
    pub(super) info: Option<FrameInfo>,
}

impl Delivered {
    /// Counts a frame that goes to a caller.
    pub(super) fn frame(&mut self, info: &FrameInfo) {
        self.frames += 1;
        self.missed += info.accumulated.saturating_sub(1);
        self.info = Some(info.clone());
    }

    /// Counts a call that ends without a frame.
    pub(super) fn timeout(&mut self) {
        self.timeouts += 1;
    }
}
