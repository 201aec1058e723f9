//! What a capture counts.

use std::sync::Arc;

use crate::frame::FrameInfo;

/// What happened since the capture was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
pub struct SessionStats {
    /// Wake-ups in which only the pointer had changed.
    pub pointer_wakeups: u64,
    /// Times the desktop was lost and a frame of it came again.
    pub recoveries: u64,
    /// Why the desktop is away now, if it is.
    pub lost: Option<Arc<str>>,
    /// Bytes written to the memory of frames.
    pub bytes_copied: u64,
    /// Whether the session's region had to be cut to fit a changed output.
    pub region_clamped: bool,
    /// Why the source works in a slower way than it could, if it does.
    pub fallback: Option<Arc<str>>,
}

/// The frames that a caller got.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// Frames returned.
    pub frames: u64,
    /// Calls that ended without one.
    pub timeouts: u64,
    /// Presents between them that no frame shows.
    pub missed: u64,
    /// The last frame's info.
    pub info: Option<FrameInfo>,
}

impl Delivered {
    /// A frame goes to the caller.
    pub fn frame(&mut self, info: &FrameInfo) {
        self.frames += 1;
        self.missed += info.accumulated.saturating_sub(1);
        self.info = Some(info.clone());
    }

    /// A call ends without a frame.
    pub fn timeout(&mut self) {
        self.timeouts += 1;
    }
}
