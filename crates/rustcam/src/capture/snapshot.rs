//! The state of a session that can be read while another thread uses it.

use std::sync::Arc;

use crate::color::Color;
use crate::geometry::Rect;
use crate::source::Output;

use super::session::Session;
use super::stats::SessionStats;

/// The state of a session as of the last call, readable at any time: also while another thread waits in the session, and after it was
/// closed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// The output.
    pub output: Arc<Output>,
    /// The session's region; empty if nothing of it is on the changed output.
    pub region: Rect,
    /// The name of the backend, if it is another one than was chosen.
    pub other_backend: Option<&'static str>,
    /// The colour of the output.
    pub color: Color,
    /// What the session has counted.
    pub stats: SessionStats,
}

impl Snapshot {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            output: Arc::clone(session.output()),
            region: session.region(),
            other_backend: session.other_backend(),
            color: session.color(),
            stats: session.stats(),
        }
    }
}
