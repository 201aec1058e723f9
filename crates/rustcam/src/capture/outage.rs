//! A desktop that is away: why, when to look for it again, and what is told about it.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Loss, Result};
use crate::source::{Output, Source};

use super::pacer::{BackOff, Patience};

/// Whether the desktop is away. What begins with a loss ends with the next picture: a desktop that is regained and lost again before
/// is one outage.
#[derive(Default)]
pub(super) struct Outage {
    /// Why the desktop is gone, while it is.
    lost: Option<Error>,
    story: Option<Story>,
    back_off: BackOff,
}

/// What happened since the outage began.
struct Story {
    since: Duration,
    /// What was reported last.
    kind: ErrorKind,
    /// How the desktop was lost again before an image came, if it was.
    relapse: Option<Error>,
}

impl Outage {
    /// Why the desktop is gone, if it is.
    pub(super) fn lost(&self) -> Option<&Error> {
        self.lost.as_ref()
    }

    /// The desktop is lost, perhaps again before a picture came.
    pub(super) fn begin(&mut self, error: Error, output: &Output, now: Duration) {
        if let Some(story) = &mut self.story {
            story.relapse = Some(error.clone());
        }
        self.report(&error, output, now);
        self.lost = Some(error);
    }

    /// One attempt to regain the desktop, or a pause until the next one is due. Says whether it is back.
    ///
    /// # Errors
    /// The caller's interrupt, and whatever is no loss.
    pub(super) fn recover(&mut self, source: &mut dyn Source, patience: &mut Patience<'_>) -> Result<bool> {
        let due = self.back_off.next(patience.deadline());
        if patience.now() < due {
            patience.sleep(due)?;
        }
        if patience.now() < due {
            return Ok(false);
        }
        let rebuilt = source.rebuild(patience.attempt());
        // Counted whatever came of it: a desktop that is lost again at once must not be rebuilt in a tight loop.
        self.back_off.attempted(patience.now());
        let Err(error) = rebuilt else {
            self.lost = None;
            return Ok(true);
        };
        self.report(&error, source.output(), patience.now());
        self.lost = Some(error.clone());
        if error.loss().is_none() {
            return Err(error);
        }
        Ok(false)
    }

    /// The deadline of a call has come.
    ///
    /// # Errors
    /// The loss, unless it passes by itself. A desktop that is lost again each time before an image comes is as good as away.
    pub(super) fn verdict(&self) -> Result<()> {
        let relapse = self.story.as_ref().and_then(|story| story.relapse.as_ref());
        match self.lost.as_ref().or(relapse) {
            Some(error) if error.loss() != Some(Loss::Transient) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// A picture of the desktop came. Says whether that ended an outage.
    pub(super) fn end(&mut self, output: &Output, now: Duration) -> bool {
        self.back_off = BackOff::default();
        let Some(story) = self.story.take() else { return false };
        let Output { name, size, rotation, .. } = output;
        let away = now.saturating_sub(story.since).as_millis();
        log::info!("{name}: regained after {away} ms: {size} at {} degrees", rotation.degrees());
        true
    }

    /// Says once that the desktop is lost, and again if it turns out to be lost in another way.
    fn report(&mut self, error: &Error, output: &Output, now: Duration) {
        let name = &output.name;
        match &mut self.story {
            None => {
                log::warn!("{name}: lost: {error}");
                self.story = Some(Story { since: now, kind: error.kind(), relapse: None });
            }
            Some(story) if story.kind != error.kind() => {
                log::warn!("{name}: still lost: {error}");
                story.kind = error.kind();
            }
            Some(_) => {}
        }
    }
}
