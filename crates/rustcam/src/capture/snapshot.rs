//! What can be read of a session while somebody else uses it.

use crate::frame::FrameInfo;
use crate::geometry::Rect;
use crate::source::Output;

use super::session::Session;
use super::stats::Stats;

/// What can be read of a session at any time, also while another thread waits in it and after it was closed.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The output.
    pub output: Output,
    /// The session's region; empty if a changed output left nothing of it.
    pub region: Rect,
    /// The last returned frame.
    pub info: Option<FrameInfo>,
    /// What happened so far.
    pub stats: Stats,
}

impl Snapshot {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            output: session.output().clone(),
            region: session.region(),
            info: session.info().cloned(),
            stats: session.stats(),
        }
    }

    /// The same as [`Snapshot::of`], without cloning what stays the same for hours.
    pub(super) fn update(&mut self, session: &Session) {
        self.follow(session);
        self.info = session.info().cloned();
        self.stats = session.stats();
    }

    /// The same while a stream is ahead of its reader: what was returned, and how often nothing was, only the reader knows.
    pub(super) fn follow(&mut self, session: &Session) {
        if self.output != *session.output() {
            self.output = session.output().clone();
        }
        self.region = session.region();
        let Stats { frames, timeouts, missed, .. } = self.stats;
        self.stats = Stats { frames, timeouts, missed, ..session.stats() };
    }
}
