//! Time. The only file that reads a clock or sleeps, so that everything above it runs in virtual time when a test wants it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;

/// A monotonic timeline. Points in time are durations since the clock's origin.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Duration;
    /// Blocks the thread for `duration`; a virtual clock advances instead.
    fn sleep(&self, duration: Duration);
    /// Blocks the thread until `moment`, as exactly as the machine can.
    fn sleep_until(&self, moment: Duration) {
        self.sleep(moment.saturating_sub(self.now()));
    }
}

/// How late, in nanoseconds, this machine wakes a thread that may sleep exactly; three times out of four it is less. Learnt from every
/// such sleep. Sleeps aim that much earlier, and the rest is spent looking at the clock.
static LATENESS: AtomicU64 = AtomicU64::new(60_000);

/// The estimate after a sleep that was `late`: three steps up or one step down keep it where one sleep out of four is later.
fn learn(estimate: u64, late: u64) -> u64 {
    const STEP: u64 = 1_000;
    let next = if late > estimate { estimate + 3 * STEP } else { estimate - STEP };
    // On a machine that wakes its threads later than that, being exact would cost more than it is worth.
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
        let estimate = LATENESS.load(Ordering::Relaxed);
        let wake = moment.saturating_sub(Duration::from_nanos(estimate));
        let left = wake.saturating_sub(self.now());
        if !left.is_zero() {
            let _exact = ExactTimer::begin();
            std::thread::sleep(left);
            let late = self.now().saturating_sub(wake).as_nanos() as u64;
            // Two threads that learn at once lose one lesson.
            LATENESS.store(learn(estimate, late), Ordering::Relaxed);
        }
        while self.now() < moment {
            std::hint::spin_loop();
        }
    }
}

/// While it lives, the kernel does not delay this thread's timers to bundle them with others, which it does by 50 µs. Windows needs
/// nothing of the kind: there the standard library sleeps on a high-resolution timer.
struct ExactTimer {
    #[cfg(target_os = "linux")]
    slack: Option<std::num::NonZeroU64>,
}

impl ExactTimer {
    #[cfg(target_os = "linux")]
    fn begin() -> Self {
        use rustix::thread::{current_timer_slack, set_current_timer_slack};
        let slack = current_timer_slack().ok().and_then(std::num::NonZeroU64::new);
        // Not being allowed to makes sleeps less exact, nothing else.
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
        // Zero would be the default of the process, which need not be what the thread had.
        let _ = rustix::thread::set_current_timer_slack(self.slack);
    }
}

/// The moment at which the performance counter of Windows, on whose timeline the system puts its presents, shows `ticks`.
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

/// Time that passes only when somebody sleeps.
#[derive(Debug, Default)]
pub struct VirtualClock {
    now: Mutex<Duration>,
}

impl VirtualClock {
    /// A clock that stands at zero.
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
    fn lateness_is_learnt_and_stays_in_bounds() {
        let after = |late: &dyn Fn(u64) -> u64| (0..2000).fold(60_000, |estimate, turn| learn(estimate, late(turn)));
        assert!((30_000..=34_000).contains(&after(&|_| 31_000)));
        // Every tenth sleep is far too late; that is no reason to look at the clock for longer each time.
        assert!((30_000..=40_000).contains(&after(&|turn| if turn % 10 == 0 { 5_000_000 } else { 31_000 })));
        assert_eq!(after(&|_| 0), 5_000);
        assert_eq!(after(&|_| u64::MAX), 60_000);
    }

    #[test]
    fn nobody_is_woken_early() {
        let clock = MonotonicClock;
        for micros in [0, 1, 50, 300, 2000] {
            let moment = clock.now() + Duration::from_micros(micros);
            clock.sleep_until(moment);
            assert!(clock.now() >= moment);
        }
    }
}
