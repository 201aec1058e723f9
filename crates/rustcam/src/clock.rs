//! Time. The only file that reads a clock or sleeps, so that everything above it runs in virtual time when a test wants it.

use std::sync::Mutex;
use std::time::Duration;

/// A monotonic timeline. Points in time are durations since the clock's origin.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Duration;
    /// Blocks the thread for `duration`; a virtual clock advances instead.
    fn sleep(&self, duration: Duration);
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
