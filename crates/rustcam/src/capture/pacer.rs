//! How long to wait: deadlines cut into slices, and the back-off between attempts to get a lost desktop back.

use std::time::Duration;

use crate::clock::Clock;
use crate::error::Result;

/// No wait lasts longer than this without asking the caller whether to go on.
const SLICE: Duration = Duration::from_millis(20);

/// The same for waits that signals and other threads can end. A signal that arrives between the question and the wait is noticed
/// after this time.
pub(super) const LONG_SLICE: Duration = Duration::from_millis(250);

/// A read that began in time may end this much after the deadline: the contract allows 50 ms for everything.
const READ_GRACE: Duration = Duration::from_millis(35);

/// A single attempt to rebuild is not interrupted, so it must not take long.
const REBUILD_LIMIT: Duration = Duration::from_millis(500);

/// Pauses between attempts to rebuild a source. Short at first, because most losses (a mode change, a full-screen switch) are over at
/// once; the last one repeats for as long as the caller waits.
const BACK_OFF_MS: [u64; 6] = [0, 10, 25, 50, 100, 250];

/// A call makes a last attempt at its deadline, unless there was one so shortly before: a desktop may come back during a long pause, but
/// a caller that polls must not make attempts as fast as it can.
const LAST_ATTEMPT: Duration = Duration::from_millis(50);

/// The caller's deadline and the caller's way to end a wait before it.
pub(super) struct Patience<'a> {
    clock: &'a dyn Clock,
    deadline: Duration,
    /// When the caller was asked last; `None` if it has to be asked before anything else.
    asked: Option<Duration>,
    /// How long a wait for news may last.
    longest: Duration,
    interrupt: &'a mut dyn FnMut() -> Result<()>,
}

impl<'a> Patience<'a> {
    pub(super) fn new(clock: &'a dyn Clock, timeout: Duration, interrupt: &'a mut dyn FnMut() -> Result<()>) -> Self {
        let now = clock.now();
        Self { clock, deadline: now.saturating_add(timeout), asked: Some(now), longest: SLICE, interrupt }
    }

    /// Says that waits for news end as soon as there is a reason to ask the caller, see [`Patience::interrupted`].
    pub(super) fn with_long_waits(self) -> Self {
        Self { longest: LONG_SLICE, ..self }
    }

    /// A wait ended before its time: there may be a reason for the caller not to go on.
    pub(super) fn interrupted(&mut self) {
        self.asked = None;
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Whether the deadline has come.
    pub(super) fn is_over(&self) -> bool {
        self.now() >= self.deadline
    }

    /// When the call has to end.
    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Time left until the deadline.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.now())
    }

    /// How long to wait for news next, at most until `until`.
    ///
    /// # Errors
    /// The caller's interrupt.
    pub(super) fn slice(&mut self, until: Duration) -> Result<Duration> {
        let now = self.ask()?;
        Ok(self.deadline.min(until).saturating_sub(now).min(self.longest))
    }

    /// How long to wait next for a read that has begun, `None` when its time is up.
    ///
    /// # Errors
    /// The caller's interrupt.
    pub(super) fn read_slice(&mut self) -> Result<Option<Duration>> {
        let now = self.ask()?;
        let left = self.deadline.saturating_add(READ_GRACE).saturating_sub(now);
        Ok((!left.is_zero()).then_some(left.min(SLICE)))
    }

    /// How long one attempt to rebuild a source may take.
    pub(super) fn attempt(&self) -> Duration {
        self.left().clamp(READ_GRACE, REBUILD_LIMIT)
    }

    /// Sleeps until the deadline.
    ///
    /// # Errors
    /// The caller's interrupt.
    pub(super) fn sleep_out(&mut self) -> Result<()> {
        while !self.is_over() {
            self.sleep(self.deadline)?;
        }
        Ok(())
    }

    /// Asks the caller whether to go on, once per slice: asking may cost more than a whole frame, for example while another thread
    /// holds the lock of a Python interpreter.
    fn ask(&mut self) -> Result<Duration> {
        let now = self.now();
        if self.asked.is_none_or(|asked| now.saturating_sub(asked) >= SLICE) {
            self.asked = Some(now);
            (self.interrupt)()?;
        }
        Ok(now)
    }

    /// Sleeps one slice, at most until `until`.
    ///
    /// # Errors
    /// The caller's interrupt.
    pub(super) fn sleep(&mut self, until: Duration) -> Result<()> {
        let now = self.ask()?;
        self.clock.sleep(self.deadline.min(until).saturating_sub(now).min(SLICE));
        Ok(())
    }
}

/// When to try next.
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

    /// An attempt was made at `now`.
    pub(super) fn attempted(&mut self, now: Duration) {
        self.attempts = (self.attempts + 1).min(BACK_OFF_MS.len() - 1);
        self.last = now;
        self.next = now + Duration::from_millis(BACK_OFF_MS[self.attempts]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;

    #[test]
    fn slices_add_up_to_the_timeout_exactly() {
        let clock = VirtualClock::new();
        let mut asked = 0;
        let mut interrupt = || {
            asked += 1;
            Ok(())
        };
        let mut patience = Patience::new(&clock, Duration::from_millis(50), &mut interrupt);
        while !patience.is_over() {
            patience.sleep(Duration::MAX).expect("nobody interrupts");
        }
        assert_eq!(clock.now(), Duration::from_millis(50));
        assert_eq!(asked, 2, "once per whole slice");
    }

    #[test]
    fn a_huge_timeout_does_not_overflow() {
        let clock = VirtualClock::new();
        clock.sleep(Duration::from_secs(1));
        let mut interrupt = || Ok(());
        let mut patience = Patience::new(&clock, Duration::MAX, &mut interrupt);
        assert_eq!(patience.slice(Duration::MAX).ok(), Some(SLICE));
        assert_eq!(patience.read_slice().ok(), Some(Some(SLICE)));
    }

    #[test]
    fn back_off_grows_to_its_last_step() {
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
        assert_eq!(back_off.next(ms(185)), ms(235), "not sooner, however often somebody polls");
    }
}
