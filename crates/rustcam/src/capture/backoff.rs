//! Pauses between attempts to regain a lost desktop.

use std::time::Duration;

/// The pauses. Short at first, because most losses (a mode change, a full-screen switch) are over at once; the last one repeats for as
/// long as the caller waits.
const PAUSES_MS: [u64; 6] = [0, 10, 25, 50, 100, 250];

/// A call makes a last attempt at its deadline, unless another one was made less than this before: a desktop may come back during a long
/// pause, but a caller that polls must not cause an attempt with every call.
const LAST_ATTEMPT: Duration = Duration::from_millis(50);

/// When attempts are due.
#[derive(Default)]
pub(super) struct BackOff {
    attempts: usize,
    last: Duration,
    next: Duration,
}

impl BackOff {
    /// When a call with this deadline makes the next attempt.
    pub(super) fn next(&self, deadline: Duration) -> Duration {
        self.next.min(deadline.max(self.last + LAST_ATTEMPT))
    }

    /// Records an attempt at `now`.
    pub(super) fn attempted(&mut self, now: Duration) {
        self.attempts = (self.attempts + 1).min(PAUSES_MS.len() - 1);
        self.last = now;
        self.next = now + Duration::from_millis(PAUSES_MS[self.attempts]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_last_one() {
        let mut back_off = BackOff::default();
        let mut pauses = Vec::new();
        let mut now = Duration::ZERO;
        for _ in 0..7 {
            back_off.attempted(now);
            pauses.push(back_off.next(Duration::MAX).saturating_sub(now).as_millis());
            now = back_off.next(Duration::MAX);
        }
        assert_eq!(pauses, [10, 25, 50, 100, 250, 250, 250]);
    }

    #[test]
    fn a_call_that_waits_makes_a_last_attempt_and_one_that_polls_does_not() {
        let ms = Duration::from_millis;
        let mut back_off = BackOff::default();
        for at in [0, 10, 35, 85, 185] {
            back_off.attempted(ms(at));
        }
        assert_eq!(back_off.next(ms(400)), ms(400), "before the next at 435");
        assert_eq!(back_off.next(ms(500)), ms(435));
        assert_eq!(back_off.next(ms(185)), ms(235), "no earlier, however often a caller polls");
    }
}
