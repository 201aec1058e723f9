//! A duplication that delivers nothing although it reports no error.
//!
//! | observed | remedy |
//! |---|---|
//! | A new duplication brings no image, not even after the nudge. | It is made again after a second, and from then on after twice the time of the attempt before. |
//! | In a session that is not at the console, duplications stop after a few frames. | It is made again, once until it has worked. |

use std::time::Duration;

use windows::Win32::System::RemoteDesktop::{ProcessIdToSessionId, WTSGetActiveConsoleSessionId};
use windows::Win32::System::Threading::GetCurrentProcessId;

use crate::error::{Error, ErrorKind, Loss, Result};
use crate::source::hresult;
use crate::source::verdict;

/// How long a new duplication may bring no image, at first and at most.
const PATIENCE: Duration = Duration::from_secs(1);
const MOST_PATIENCE: Duration = Duration::from_secs(16);

/// Frames after which a duplication outside the console session was observed to stop.
const EARLY_FRAMES: u32 = 4;

/// How long such a duplication may deliver nothing.
const EARLY_SILENCE: Duration = Duration::from_secs(2);

/// What was heard of the duplications so far.
pub(super) struct Silence {
    since: Option<Duration>,
    /// Frames of the present duplication.
    frames: u32,
    patience: Duration,
    /// The duplication was made again after an early silence.
    tried: bool,
}

impl Default for Silence {
    fn default() -> Self {
        Self { since: None, frames: 0, patience: PATIENCE, tried: false }
    }
}

impl Silence {
    /// Records a frame with an image.
    pub(super) fn heard(&mut self) {
        self.since = None;
        self.frames = self.frames.saturating_add(1);
        self.patience = PATIENCE;
        self.tried &= self.frames <= EARLY_FRAMES;
    }

    /// Records that the duplication was made again.
    pub(super) fn begin_again(&mut self) {
        self.since = None;
        self.frames = 0;
    }

    /// Fails if the duplication has been silent for too long at `now`.
    ///
    /// # Errors
    /// A transient loss.
    pub(super) fn check(&mut self, now: Duration, is_at_the_console: impl Fn() -> bool) -> Result<()> {
        let silent = now.saturating_sub(*self.since.get_or_insert(now));
        if self.frames == 0 && silent >= self.patience {
            self.patience = (self.patience * 2).min(MOST_PATIENCE);
            return Err(silence("brings no image"));
        }
        let early = (1..=EARLY_FRAMES).contains(&self.frames) && silent >= EARLY_SILENCE;
        if early && !self.tried && !is_at_the_console() {
            self.tried = true;
            return Err(silence("stopped after a few frames"));
        }
        Ok(())
    }
}

fn silence(how: &str) -> Error {
    Error::new(ErrorKind::AccessLost, format!("the duplication of the desktop {how}; it is made again"))
        .with_code(hresult::ACCESS_LOST)
        .with_hint(verdict::PASSES)
        .with_loss(Loss::Transient)
}

/// Whether this process runs in the session that is at the machine's own keyboard and display.
pub(super) fn is_at_the_console() -> bool {
    let mut session = 0;
    // SAFETY: the pointer is valid during the call; the others have no preconditions.
    unsafe {
        ProcessIdToSessionId(GetCurrentProcessId(), &raw mut session).is_err()
            || session == WTSGetActiveConsoleSessionId()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The seconds after which `silence` fails, during a minute in which every failure is followed by a new duplication.
    fn failures(silence: &mut Silence, at_the_console: bool) -> Vec<u64> {
        let mut failed = Vec::new();
        for second in 0..60 {
            if let Err(error) = silence.check(SECOND * second, || at_the_console) {
                assert_eq!(error.loss(), Some(Loss::Transient));
                failed.push(u64::from(second));
                silence.begin_again();
            }
        }
        failed
    }

    #[test]
    fn a_duplication_without_an_image_is_made_again_more_and_more_rarely() {
        // A new one is silent from the first check on, a second after the failure of the one before.
        assert_eq!(failures(&mut Silence::default(), true), [1, 4, 9, 18, 35, 52]);
    }

    #[test]
    fn silence_after_the_first_frames_means_something_outside_the_console_only_and_once() {
        let mut heard = Silence::default();
        heard.heard();
        assert_eq!(failures(&mut heard, true), [0; 0], "a desktop where nothing changes");
        let mut heard = Silence::default();
        heard.heard();
        heard.check(SECOND, || false).expect("not for long");
        heard.check(SECOND * 3, || false).expect_err("silent for two seconds");
        heard.begin_again();
        heard.heard();
        heard.check(SECOND * 4, || false).expect("heard");
        heard.check(SECOND * 9, || false).expect("tried before");
        for _ in 0..5 {
            heard.heard();
        }
        heard.check(SECOND * 10, || false).expect("heard");
        heard.check(SECOND * 30, || false).expect("it works, and nothing changes");
    }
}
