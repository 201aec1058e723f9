//! Sleeping on Windows as exactly as its kernel can. The standard library does the same, but makes and closes a timer for each sleep.

use std::time::Duration;

use windows::Win32::Foundation::{CloseHandle, HANDLE, WAIT_OBJECT_0};
use windows::Win32::System::Threading::{
    CreateWaitableTimerExW, SetWaitableTimer, WaitForSingleObject, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, INFINITE,
    SYNCHRONIZATION_SYNCHRONIZE, TIMER_MODIFY_STATE,
};

/// A timer of the kernel that does not wait for the next tick of the system. Closed when its thread ends.
struct Timer(HANDLE);

thread_local! {
    static TIMER: Option<Timer> = Timer::create();
}

/// Blocks the thread for `duration`.
pub(super) fn sleep(duration: Duration) {
    // A thread that is ending has no timer any more.
    let slept = TIMER.try_with(|timer| timer.as_ref().is_some_and(|timer| timer.sleep(duration)));
    if slept != Ok(true) {
        std::thread::sleep(duration);
    }
}

impl Timer {
    /// `None` before version 1803 of Windows 10.
    fn create() -> Option<Self> {
        let access = SYNCHRONIZATION_SYNCHRONIZE.0 | TIMER_MODIFY_STATE.0;
        // SAFETY: an unnamed timer with default security.
        unsafe { CreateWaitableTimerExW(None, None, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, access) }.ok().map(Self)
    }

    /// `false`, at once, if the timer cannot be set.
    fn sleep(&self, duration: Duration) -> bool {
        let Ok(steps) = i64::try_from(duration.as_nanos().div_ceil(100)) else { return false };
        // Negative: from now on.
        let due = -steps;
        // SAFETY: the timer lives as long as `self`, and only its own thread sets it; nothing is called back.
        unsafe {
            SetWaitableTimer(self.0, &raw const due, 0, None, None, false).is_ok()
                && WaitForSingleObject(self.0, INFINITE) == WAIT_OBJECT_0
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: created in `create`, closed only here.
        let _ = unsafe { CloseHandle(self.0) };
    }
}
