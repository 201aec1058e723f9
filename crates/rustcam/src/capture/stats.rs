//! What a capture counts.

use std::sync::Arc;

/// What happened since the session began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames returned.
    pub frames: u64,
    /// Calls that ended without a frame because nothing new came in time.
    pub timeouts: u64,
    /// Wake-ups in which only the pointer had changed.
    pub pointer_wakeups: u64,
    /// Presents that no returned frame shows, because a later one came first.
    pub missed: u64,
    /// Times the desktop was lost and a picture of it came again.
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
