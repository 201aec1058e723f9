//! Time. Only this file reads a clock or sleeps, so that everything above it can run in virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;

/// A monotonic timeline. Points in time are durations since the clock's origin.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Duration;
    /// Blocks the thread for `duration`; a virtual clock advances instead.
    fn sleep(&self, duration: Duration);
    /// Blocks the thread until `moment`, as exactly as the machine allows.
    fn sleep_until(&self, moment: Duration) {
        self.sleep(moment.saturating_sub(self.now()));
    }
}

/// Estimate, in nanoseconds, of how late this machine wakes a thread from an exact sleep: three out of four sleeps are less late. Every
/// exact sleep updates it. A sleep is shortened by the estimate, and the thread spins for the rest.
static WAKE_LATENCY: AtomicU64 = AtomicU64::new(60_000);

/// The estimate after a sleep that was `late`: three steps up or one step down keep it where one sleep out of four is later.
fn updated(estimate: u64, late: u64) -> u64 {
    const STEP: u64 = 1_000;
    let next = if late > estimate { estimate + 3 * STEP } else { estimate - STEP };
    // On a machine that wakes its threads later than the upper bound, spinning would cost more than exactness is worth.
    next.clamp(5 * STEP, 60 * STEP)
}

/// The machine's monotonic clock, on the timeline of Python's `time.perf_counter`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    #[cfg(target_os = "linux")]
    fn now(&self) -> Duration {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
    }

    #[cfg(windows)]
    fn now(&self) -> Duration {
        let mut ticks = 0;
        // SAFETY: the pointer is valid during the call, which never fails since Windows XP.
        unsafe { performance_counter::QueryPerformanceCounter(&raw mut ticks) };
        performance_time(ticks)
    }

    #[cfg(not(any(target_os = "linux", windows)))]
    fn now(&self) -> Duration {
        use std::sync::OnceLock;
        static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
        ORIGIN.get_or_init(std::time::Instant::now).elapsed()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    fn sleep_until(&self, moment: Duration) {
        let estimate = WAKE_LATENCY.load(Ordering::Relaxed);
        let wake = moment.saturating_sub(Duration::from_nanos(estimate));
        let left = wake.saturating_sub(self.now());
        if !left.is_zero() {
            let _exact = ExactTimer::begin();
            std::thread::sleep(left);
            let late = self.now().saturating_sub(wake).as_nanos() as u64;
            // If two threads update at once, one update is lost.
            WAKE_LATENCY.store(updated(estimate, late), Ordering::Relaxed);
        }
        while self.now() < moment {
            std::hint::spin_loop();
        }
    }
}

/// While it exists, the kernel does not delay this thread's timers to combine them with others; by default it does so by up to 50 µs.
/// On Windows nothing has to be done: the standard library sleeps on a high-resolution timer.
struct ExactTimer {
    #[cfg(target_os = "linux")]
    slack: Option<std::num::NonZeroU64>,
}

impl ExactTimer {
    #[cfg(target_os = "linux")]
    fn begin() -> Self {
        use rustix::thread::{current_timer_slack, set_current_timer_slack};
        let slack = current_timer_slack().ok().and_then(std::num::NonZeroU64::new);
        // If this is not allowed, sleeps are less exact, nothing else.
        let _ = set_current_timer_slack(std::num::NonZeroU64::new(1));
        Self { slack }
    }

    #[cfg(not(target_os = "linux"))]
    fn begin() -> Self {
        Self {}
    }
}

#[cfg(target_os = "linux")]
impl Drop for ExactTimer {
    fn drop(&mut self) {
        // Zero would set the default of the process, which may differ from the thread's previous value.
        let _ = rustix::thread::set_current_timer_slack(self.slack);
    }
}

/// The time at which the performance counter of Windows shows `ticks`. The system states the times of presents in these ticks.
///
/// Python computes `time.perf_counter` the same way: ticks since the machine started, divided by the frequency.
#[cfg(windows)]
pub fn performance_time(ticks: i64) -> Duration {
    use std::sync::OnceLock;
    static FREQUENCY: OnceLock<u64> = OnceLock::new();
    let frequency = *FREQUENCY.get_or_init(|| {
        let mut frequency = 0;
        // SAFETY: the pointer is valid during the call, which never fails since Windows XP.
        unsafe { performance_counter::QueryPerformanceFrequency(&raw mut frequency) };
        u64::try_from(frequency).unwrap_or_default().max(1)
    });
    let ticks = u64::try_from(ticks).unwrap_or_default();
    let nanoseconds = u128::from(ticks % frequency) * 1_000_000_000 / u128::from(frequency);
    Duration::new(ticks / frequency, nanoseconds as u32)
}

#[cfg(windows)]
mod performance_counter {
    #[link(name = "kernel32")]
    extern "system" {
        pub(super) fn QueryPerformanceCounter(ticks: *mut i64) -> i32;
        pub(super) fn QueryPerformanceFrequency(frequency: *mut i64) -> i32;
    }
}

/// A clock whose time passes only through [`Clock::sleep`].
#[derive(Debug, Default)]
pub struct VirtualClock {
    now: Mutex<Duration>,
}

impl VirtualClock {
    /// A clock that starts at zero.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = now.saturating_add(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latency_estimate_converges_and_stays_in_bounds() {
        let after =
            |late: &dyn Fn(u64) -> u64| (0..2000).fold(60_000, |estimate, sleep| updated(estimate, late(sleep)));
        assert!((30_000..=34_000).contains(&after(&|_| 31_000)));
        // Every tenth sleep is far too late; that must not make every sleep spin for longer.
        assert!((30_000..=40_000).contains(&after(&|sleep| if sleep % 10 == 0 { 5_000_000 } else { 31_000 })));
        assert_eq!(after(&|_| 0), 5_000);
        assert_eq!(after(&|_| u64::MAX), 60_000);
    }

    #[test]
    fn no_sleep_ends_early() {
        let clock = MonotonicClock;
        for micros in [0, 1, 50, 300, 2000] {
            let moment = clock.now() + Duration::from_micros(micros);
            clock.sleep_until(moment);
            assert!(clock.now() >= moment);
        }
    }
}
