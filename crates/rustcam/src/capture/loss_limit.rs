//! How long a stream or a sequence of frames goes on while the desktop is lost for a reason that does not pass by itself.

use std::time::Duration;

use crate::error::{Error, Result};

use super::session::Session;

/// The limit that the caller set for a lasting loss.
#[derive(Clone, Copy, Debug)]
pub(super) struct LossLimit(pub(super) Duration);

impl Default for LossLimit {
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

impl LossLimit {
    /// How long one call of the session may take, so that the end of the limit is not missed by much.
    pub(super) fn call(self, longest: Duration) -> Duration {
        self.0.clamp(Duration::from_millis(50), longest)
    }

    /// A call of `session` failed with `error` at `now`. Succeeds if the next one may still succeed.
    ///
    /// # Errors
    /// `error`, if it is no loss or the desktop has been lost for the limit, the time of losses that pass not counted.
    pub(super) fn tolerate(self, error: Error, session: &Session, now: Duration) -> Result<()> {
        let lost_for = session.lasting_since().map_or(Duration::ZERO, |since| now.saturating_sub(since));
        if error.loss().is_none() || lost_for >= self.0 {
            return Err(error);
        }
        Ok(())
    }
}
