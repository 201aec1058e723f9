//! Time. The only file that reads a clock or sleeps, so that everything above it runs in virtual time when a test wants it.

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

/// What a sleep may be late on an idle machine once it is allowed to be exact; the rest is spent looking at the clock.
const WAKE_UP: Duration = Duration::from_micros(60);

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
        let left = moment.saturating_sub(self.now());
        if left > WAKE_UP {
            let _exact = ExactTimer::begin();
            std::thread::sleep(left.saturating_sub(WAKE_UP));
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
