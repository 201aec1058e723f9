//! Recovery of a lost desktop: when to try again, what a call returns at its deadline, and what is logged.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Loss, Result};
use crate::source::{Output, Source};

use super::backoff::BackOff;
use super::deadline::WaitBudget;

/// The state of recovery. An outage begins with a loss and ends with the next frame: if the desktop is regained and lost again before a
/// frame was captured, that is one outage.
#[derive(Default)]
pub(super) struct Recovery {
    /// Why the desktop is lost; `None` if it is not.
    lost: Option<Error>,
    record: Option<Record>,
    back_off: BackOff,
}

/// The outage so far.
struct Record {
    since: Duration,
    /// When it was first known that it does not pass by itself.
    lasting_since: Option<Duration>,
    /// The kind of the error that was logged last.
    logged: ErrorKind,
    /// The error of the last loss after the desktop had been regained without a frame, if there was one.
    relapse: Option<Error>,
}

impl Recovery {
    /// Why the desktop is lost; `None` if it is not.
    pub(super) fn lost(&self) -> Option<&Error> {
        self.lost.as_ref()
    }

    /// When it was first known that the outage does not pass by itself, if that is known. A window may be minimised, or a session locked, for
    /// any time before that.
    pub(super) fn lasting_since(&self) -> Option<Duration> {
        self.record.as_ref().and_then(|record| record.lasting_since)
    }

    /// Records that the desktop is lost, perhaps for the second time without a frame in between.
    pub(super) fn begin(&mut self, error: Error, output: &Output, now: Duration) {
        if let Some(record) = &mut self.record {
            record.relapse = Some(error.clone());
        }
        self.note(&error, output, now);
        self.lost = Some(error);
    }

    /// Makes one attempt to regain the desktop, or pauses until the next one is due. Returns whether the desktop is regained.
    ///
    /// # Errors
    /// Those of the interrupt, and every error that is not a loss.
    pub(super) fn attempt(&mut self, source: &mut dyn Source, budget: &mut WaitBudget<'_>) -> Result<bool> {
        let due = self.back_off.next(budget.deadline());
        if budget.now() < due {
            budget.sleep(due)?;
        }
        if budget.now() < due {
            return Ok(false);
        }
        let rebuilt = source.rebuild(budget.attempt());
        // Counted whether it succeeded or not: a desktop that is lost again at once must not be rebuilt in a tight loop.
        self.back_off.attempted(budget.now());
        let Err(error) = rebuilt else {
            self.lost = None;
            return Ok(true);
        };
        self.note(&error, source.output(), budget.now());
        self.lost = Some(error.clone());
        if error.loss().is_none() {
            // The next call fails as quickly as this one.
            self.back_off = BackOff::default();
            return Err(error);
        }
        Ok(false)
    }

    /// What a call returns at its deadline.
    ///
    /// # Errors
    /// The loss, unless it is transient. A desktop that was regained and lost again before a frame was captured counts as lost.
    pub(super) fn outcome_at_deadline(&self) -> Result<()> {
        let relapse = self.record.as_ref().and_then(|record| record.relapse.as_ref());
        match self.lost.as_ref().or(relapse) {
            Some(error) if error.loss() != Some(Loss::Transient) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The error of a call that got no image within `timeout`, if it has to fail.
    pub(super) fn timed_out(&self, what: &str, timeout: Duration) -> Error {
        let message = format!("{what} within {} ms", timeout.as_millis());
        let reason = self.lost.as_ref().map_or(String::new(), |error| format!(": {}", error.message()));
        let hint = self.lost.as_ref().and_then(Error::hint);
        Error::new(ErrorKind::Timeout, message + &reason).with_hint(hint.unwrap_or(
            "The desktop is not available, for example behind a lock screen: try again later or allow more time",
        ))
    }

    /// Records that a frame was captured. Returns whether that ended an outage.
    pub(super) fn end(&mut self, output: &Output, now: Duration) -> bool {
        self.back_off = BackOff::default();
        let Some(record) = self.record.take() else { return false };
        let Output { name, size, rotation, .. } = output;
        let away = now.saturating_sub(record.since).as_millis();
        log::info!("{name}: regained after {away} ms: {size} at {} degrees", rotation.degrees());
        true
    }

    /// Records an error of this outage. Logs once that the desktop is lost, and again when the kind of the error changes.
    fn note(&mut self, error: &Error, output: &Output, now: Duration) {
        let name = &output.name;
        let lasting_since = (error.loss() == Some(Loss::Lasting)).then_some(now);
        match &mut self.record {
            None => {
                log::warn!("{name}: lost: {error}");
                self.record = Some(Record { since: now, lasting_since, logged: error.kind(), relapse: None });
            }
            Some(record) => {
                if record.logged != error.kind() {
                    log::warn!("{name}: still lost: {error}");
                    record.logged = error.kind();
                }
                record.lasting_since = record.lasting_since.or(lasting_since);
            }
        }
    }
}
