//! Waiting for an event of the kernel, or for a moment, whichever comes first, with the precision of a high-resolution timer.
//!
//! The timeouts of Windows' wait functions, condition variables included, end at ticks of the system's timer, 15.6 ms apart by default. A
//! high-resolution timer (Windows 10 1803 and later) ends about 0.5 ms late. Before 1803 an ordinary timer is used, which ends at ticks, too.

use std::time::Duration;

use windows::core::PCWSTR;
use windows::Win32::Foundation::{CloseHandle, HANDLE, WAIT_OBJECT_0};
use windows::Win32::System::Threading::{
    CancelWaitableTimer, CreateEventW, CreateWaitableTimerExW, ResetEvent, SetEvent, SetWaitableTimer,
    WaitForMultipleObjects, WaitForSingleObject, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION,
    CREATE_WAITABLE_TIMER_MANUAL_RESET, TIMER_ALL_ACCESS,
};

/// Longer waits are cut: the caller repeats them.
const LONGEST: Duration = Duration::from_secs(3600);

thread_local! {
    static TIMER: Option<Timer> = Timer::new();
}

/// An auto-reset event of the kernel.
#[derive(Debug)]
pub(crate) struct Event(HANDLE);

// SAFETY: event handles belong to the process, not to a thread, and every function of events may be called by any thread.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// `None` if the system has no memory for it.
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: an unnamed auto-reset event with default security.
        unsafe { CreateEventW(None, false, false, None) }.ok().map(Self)
    }

    /// The handle, which is valid as long as `self`.
    pub(crate) fn handle(&self) -> HANDLE {
        self.0
    }

    pub(crate) fn set(&self) {
        // SAFETY: an own handle.
        let _ = unsafe { SetEvent(self.0) };
    }

    pub(crate) fn reset(&self) {
        // SAFETY: an own handle.
        let _ = unsafe { ResetEvent(self.0) };
    }

    /// Waits until the event is set, at most `timeout`, and resets it. `false` if it was not set in time.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let timeout = timeout.min(LONGEST);
        let by_timer = |timer: &Option<Timer>| timer.as_ref().and_then(|timer| timer.wait(self.0, timeout));
        let timed = if timeout.is_zero() { None } else { TIMER.try_with(by_timer).ok().flatten() };
        timed.unwrap_or_else(|| {
            let ms = timeout.as_nanos().div_ceil(1_000_000) as u32;
            // SAFETY: an own handle.
            unsafe { WaitForSingleObject(self.0, ms) == WAIT_OBJECT_0 }
        })
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: an own handle, closed only here.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

/// The timer of one thread.
struct Timer(HANDLE);

impl Timer {
    fn new() -> Option<Self> {
        // With manual reset, because setting such a timer resets it everywhere: of the others, Wine keeps the signal of a time before.
        let manual = CREATE_WAITABLE_TIMER_MANUAL_RESET;
        // SAFETY: an unnamed timer with default security.
        let create = |flags| unsafe { CreateWaitableTimerExW(None, PCWSTR::null(), flags, TIMER_ALL_ACCESS.0) };
        create(manual | CREATE_WAITABLE_TIMER_HIGH_RESOLUTION).or_else(|_| create(manual)).ok().map(Self)
    }

    /// Whether `event` was set within `timeout`; `None` if the timer cannot be used.
    fn wait(&self, event: HANDLE, timeout: Duration) -> Option<bool> {
        // The wait has a timeout, too, which is never earlier.
        let ms = timeout.as_millis() as u32 + 1;
        // Relative times are negative, in units of 100 ns.
        let due = -i64::try_from(timeout.as_nanos().div_ceil(100)).ok()?;
        // SAFETY: own handles and a pointer that is valid during the call. Setting the timer resets it.
        unsafe {
            SetWaitableTimer(self.0, &raw const due, 0, None, None, false).ok()?;
            let ended = WaitForMultipleObjects(&[event, self.0], false, ms);
            let _ = CancelWaitableTimer(self.0);
            Some(ended == WAIT_OBJECT_0)
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: an own handle, closed only here.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_wait_ends_with_the_event_or_on_time() {
        let event = Event::new().expect("an event");
        for micros in [0, 300, 1_000, 5_000] {
            let timeout = Duration::from_micros(micros);
            let start = Instant::now();
            assert!(!event.wait(timeout));
            assert!(start.elapsed() >= timeout, "{timeout:?} took {:?}", start.elapsed());
        }
        event.set();
        assert!(event.wait(Duration::MAX));
        assert!(!event.wait(Duration::ZERO), "the wait has reset it");
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(10));
                event.set();
            });
            assert!(event.wait(Duration::from_secs(60)));
        });
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
