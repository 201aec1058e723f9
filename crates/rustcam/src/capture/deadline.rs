//! The time that a call may take, divided into waits that the caller can end.

use std::time::Duration;

use crate::clock::{Clock, EventCount};
use crate::error::Result;

use super::interrupt::Interrupt;

/// No wait lasts longer than this without a check of the interrupt.
const SLICE: Duration = Duration::from_millis(20);

/// The same for waits that signals and other threads can end. It only bounds the delay of a signal that arrives between the check and
/// the wait.
pub(super) const LONG_SLICE: Duration = Duration::from_millis(250);

/// A read may last this long from its beginning, also beyond the deadline: what the first read of a capture allocates may take most of
/// that. The API allows 50 ms after the deadline, of which the wait before the read may take 16 ms: it may end with the next tick of the
/// system's timer. Reads wait by timers of high resolution.
const READ_GRACE: Duration = Duration::from_millis(33);

/// A single attempt to rebuild cannot be interrupted, so it must not take long.
const REBUILD_LIMIT: Duration = Duration::from_millis(500);

/// The caller's deadline and interrupt.
pub(super) struct WaitBudget<'a> {
    clock: &'a dyn Clock,
    deadline: Duration,
    /// When the interrupt was last checked; `None` if it has to be checked next.
    checked: Option<Duration>,
    /// When the read in progress began.
    read_begun: Option<Duration>,
    /// How long one wait for a change may last.
    longest: Duration,
    /// For pauses that only time or a signal ends.
    never: EventCount,
    interrupt: &'a mut dyn Interrupt,
}

impl<'a> WaitBudget<'a> {
    pub(super) fn new(clock: &'a dyn Clock, timeout: Duration, interrupt: &'a mut dyn Interrupt) -> Self {
        let now = clock.now();
        let deadline = now.saturating_add(timeout);
        Self {
            clock,
            deadline,
            checked: Some(now),
            read_begun: None,
            longest: SLICE,
            never: EventCount::default(),
            interrupt,
        }
    }

    /// Allows long waits for a change if a signal or another thread can end them (`wakeable`) and the interrupt does not have to be
    /// polled. See [`WaitBudget::interrupted`].
    pub(super) fn with_long_waits_if(self, wakeable: bool) -> Self {
        let longest = if wakeable && !self.interrupt.must_poll() { LONG_SLICE } else { SLICE };
        Self { longest, ..self }
    }

    /// Records that a wait ended before its time: the interrupt may have a reason to fail.
    pub(super) fn interrupted(&mut self) {
        self.checked = None;
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Whether the deadline has passed.
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

    /// How long the next wait for a change may last, at most until `until`.
    ///
    /// # Errors
    /// The interrupt's.
    pub(super) fn slice(&mut self, until: Duration) -> Result<Duration> {
        let now = self.check()?;
        Ok(self.deadline.min(until).saturating_sub(now).min(self.longest))
    }

    /// Makes the next slice of a read the first of a new one. After the deadline all reads of a call, as those before and after a loss,
    /// count as one.
    pub(super) fn begin_read(&mut self) {
        if !self.is_over() {
            self.read_begun = None;
        }
    }

    /// How long the next wait for a read in progress may last; `None` when its time is over.
    ///
    /// # Errors
    /// The interrupt's.
    pub(super) fn read_slice(&mut self) -> Result<Option<Duration>> {
        let now = self.check()?;
        let begun = *self.read_begun.get_or_insert(now);
        let left = self.deadline.max(begun.saturating_add(READ_GRACE)).saturating_sub(now);
        Ok((!left.is_zero()).then_some(left.min(SLICE)))
    }

    /// How long one attempt to rebuild a source may take.
    pub(super) fn attempt(&self) -> Duration {
        self.left().clamp(READ_GRACE, REBUILD_LIMIT)
    }

    /// Sleeps until the deadline.
    ///
    /// # Errors
    /// The interrupt's.
    pub(super) fn sleep_out(&mut self) -> Result<()> {
        while !self.is_over() {
            self.sleep(self.deadline)?;
        }
        Ok(())
    }

    /// Sleeps one slice, at most until `until`. A signal ends it.
    ///
    /// # Errors
    /// The interrupt's.
    pub(super) fn sleep(&mut self, until: Duration) -> Result<()> {
        let end = self.deadline.min(until).min(self.check()?.saturating_add(SLICE));
        self.clock.wait(&self.never, self.never.count(), end);
        if self.now() < end {
            self.interrupted();
        }
        Ok(())
    }

    /// Ends work that takes its time without waiting.
    ///
    /// # Errors
    /// The interrupt's.
    pub(super) fn check_interrupt(&mut self) -> Result<()> {
        self.check().map(drop)
    }

    /// Checks the interrupt once per slice. A check may take longer than a whole frame, for example while another thread holds the lock
    /// of a Python interpreter.
    fn check(&mut self) -> Result<Duration> {
        let now = self.now();
        if self.checked.is_none_or(|checked| now.saturating_sub(checked) >= SLICE) {
            self.checked = Some(now);
            self.interrupt.check()?;
        }
        Ok(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;

    #[test]
    fn slices_add_up_to_the_timeout_exactly() {
        let clock = VirtualClock::new();
        let mut checks = 0;
        let mut interrupt = || {
            checks += 1;
            Ok(())
        };
        let mut budget = WaitBudget::new(&clock, Duration::from_millis(50), &mut interrupt);
        while !budget.is_over() {
            budget.sleep(Duration::MAX).expect("nothing interrupts");
        }
        assert_eq!(clock.now(), Duration::from_millis(50));
        assert_eq!(checks, 2, "once per whole slice");
    }

    #[test]
    fn a_huge_timeout_does_not_overflow() {
        let clock = VirtualClock::new();
        clock.sleep(Duration::from_secs(1));
        let mut interrupt = || Ok(());
        let mut budget = WaitBudget::new(&clock, Duration::MAX, &mut interrupt);
        assert_eq!(budget.slice(Duration::MAX).ok(), Some(SLICE));
        assert_eq!(budget.read_slice().ok(), Some(Some(SLICE)));
    }

    #[test]
    fn a_read_has_its_time_from_its_beginning() {
        let clock = VirtualClock::new();
        let ms = Duration::from_millis;
        let mut interrupt = || Ok(());
        let mut budget = WaitBudget::new(&clock, ms(10), &mut interrupt);
        let slices = |budget: &mut WaitBudget<'_>, at| {
            clock.sleep_until(ms(at));
            budget.begin_read();
            let mut slices = Vec::new();
            while let Some(slice) = budget.read_slice().expect("nothing interrupts") {
                slices.push(slice);
                clock.sleep(slice);
            }
            slices
        };
        assert_eq!(slices(&mut budget, 5), [ms(20), ms(13)], "beyond the deadline");
        assert!(slices(&mut budget, 38).is_empty(), "another one does not prolong it");
        let mut interrupt = || Ok(());
        let mut budget = WaitBudget::new(&clock, ms(10), &mut interrupt);
        assert_eq!(slices(&mut budget, 63), [ms(20), ms(13)], "also if it began late");
        let mut interrupt = || Ok(());
        let mut budget = WaitBudget::new(&clock, ms(100), &mut interrupt);
        assert_eq!(slices(&mut budget, 0).iter().sum::<Duration>(), ms(100), "until the deadline at least");
    }

    #[test]
    fn waits_are_long_only_if_something_can_end_them() {
        struct Polled;
        impl Interrupt for Polled {
            fn check(&mut self) -> Result<()> {
                Ok(())
            }
            fn must_poll(&self) -> bool {
                true
            }
        }
        let clock = VirtualClock::new();
        let slice = |interrupt: &mut dyn Interrupt, wakeable| {
            let budget = WaitBudget::new(&clock, Duration::MAX, interrupt);
            budget.with_long_waits_if(wakeable).slice(Duration::MAX).expect("nothing interrupts")
        };
        assert_eq!(slice(&mut || Ok(()), true), LONG_SLICE);
        assert_eq!(slice(&mut || Ok(()), false), SLICE);
        assert_eq!(slice(&mut Polled, true), SLICE);
    }
}
