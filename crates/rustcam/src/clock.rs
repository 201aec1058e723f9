//! Time. Only this file reads a clock or sleeps, so that everything above it can run in virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;

pub use crate::event_count::EventCount;

/// A monotonic timeline. Points in time are durations since the clock's origin.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Duration;
    /// Blocks the thread for `duration`; a virtual clock advances instead. It may end one tick of the system's timer too late.
    fn sleep(&self, duration: Duration);
    /// Blocks the thread until `moment`, as exactly as the machine allows.
    fn sleep_until(&self, moment: Duration) {
        self.sleep(moment.saturating_sub(self.now()));
    }
    /// Blocks the thread until `moment`, as exactly as a timer of the machine allows, or until `events` has counted an event after `seen`.
    /// It may return early. A virtual clock advances to `moment`.
    fn wait(&self, events: &EventCount, seen: u32, moment: Duration) {
        if events.count() == seen {
            self.sleep_until(moment);
        }
    }
    /// When a wait of `duration` that begins now is over, unless an event ends it before. Sources that simulate a system ask for it.
    fn timeout(&self, duration: Duration) -> Duration {
        self.now().saturating_add(duration)
    }
    /// Blocks the thread until `moment`, at which an event ends its wait or its time is over. Sources that simulate a system wait like this.
    fn wait_for_event(&self, moment: Duration) {
        self.sleep(moment.saturating_sub(self.now()));
    }
}

/// What is known in advance about how late a system wakes a thread from an exact sleep, in nanoseconds.
struct WakeLatency {
    first: u64,
    /// On a machine that wakes its threads later than this, spinning would cost more than exactness is worth.
    most: u64,
    step: u64,
}

/// High-resolution timers of Windows end 0.45 to 0.75 ms late.
const WINDOWS: WakeLatency = WakeLatency { first: 600_000, most: 1_200_000, step: 10_000 };
const OTHERS: WakeLatency = WakeLatency { first: 60_000, most: 60_000, step: 1_000 };
const THIS_SYSTEM: WakeLatency = if cfg!(windows) { WINDOWS } else { OTHERS };

/// Estimate, in nanoseconds, of how late this machine wakes a thread from an exact sleep: three out of four sleeps are less late. Every
/// exact sleep updates it. A sleep is shortened by the estimate, and the thread spins for the rest.
static ESTIMATE: AtomicU64 = AtomicU64::new(THIS_SYSTEM.first);

impl WakeLatency {
    /// The estimate after a sleep that was `late`: three steps up or one step down keep it where one sleep out of four is later.
    fn updated(&self, estimate: u64, late: u64) -> u64 {
        let next = if late > estimate { estimate + 3 * self.step } else { estimate - self.step };
        next.clamp(5 * OTHERS.step, self.most)
    }
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
        let estimate = ESTIMATE.load(Ordering::Relaxed);
        let wake = moment.saturating_sub(Duration::from_nanos(estimate));
        let left = wake.saturating_sub(self.now());
        if !left.is_zero() {
            let _exact = ExactTimer::begin();
            std::thread::sleep(left);
            let late = self.now().saturating_sub(wake).as_nanos() as u64;
            // If two threads update at once, one update is lost.
            ESTIMATE.store(THIS_SYSTEM.updated(estimate, late), Ordering::Relaxed);
        }
        while self.now() < moment {
            std::hint::spin_loop();
        }
    }

    fn wait(&self, events: &EventCount, seen: u32, moment: Duration) {
        let left = moment.saturating_sub(self.now());
        if !left.is_zero() {
            events.wait(seen, left);
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

/// A clock whose sleeps end as on Windows, for tests of what must be exact nevertheless. The timer of Windows ticks every 15.625 ms, and
/// every millisecond after `timeBeginPeriod(1)`.
///
/// | block | ends |
/// |---|---|
/// | [`Clock::sleep`]: `Sleep`, a condition variable, `AcquireNextFrame` that times out | with the first tick of the system's timer that is not too early |
/// | [`Clock::sleep_until`], [`Clock::wait`]: a high-resolution waitable timer | [`HIGH_RESOLUTION_LATENESS`] late |
/// | [`Clock::wait_for_event`] | at once |
#[derive(Debug, Default)]
pub struct WindowsTimer<C = VirtualClock> {
    clock: C,
    period: Duration,
}

/// How late Windows wakes a thread from a high-resolution waitable timer.
pub const HIGH_RESOLUTION_LATENESS: Duration = Duration::from_micros(500);

impl<C: Clock> WindowsTimer<C> {
    /// `clock`, on a system whose timer ticks at all multiples of `period`.
    pub fn new(clock: C, period: Duration) -> Self {
        Self { clock, period }
    }
}

/// When a wait until `moment` ends on a system whose timer ticks at all multiples of `period`.
pub fn next_tick(period: Duration, moment: Duration) -> Duration {
    let (period, moment) = (period.as_nanos().max(1), moment.as_nanos());
    Duration::from_nanos(u64::try_from(moment.next_multiple_of(period)).unwrap_or(u64::MAX))
}

impl<C: Clock> Clock for WindowsTimer<C> {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) {
        self.clock.wait_for_event(self.timeout(duration));
    }

    fn timeout(&self, duration: Duration) -> Duration {
        let now = self.now();
        if duration.is_zero() {
            now
        } else {
            next_tick(self.period, now.saturating_add(duration))
        }
    }

    fn sleep_until(&self, moment: Duration) {
        if moment > self.now() {
            self.clock.wait_for_event(moment.saturating_add(HIGH_RESOLUTION_LATENESS));
        }
    }

    fn wait(&self, events: &EventCount, seen: u32, moment: Duration) {
        if moment > self.now() {
            self.clock.wait(events, seen, moment.saturating_add(HIGH_RESOLUTION_LATENESS));
        }
    }

    fn wait_for_event(&self, moment: Duration) {
        self.clock.wait_for_event(moment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_of_windows_ends_sleeps_with_its_ticks() {
        let (ms, us) = (Duration::from_millis, Duration::from_micros);
        let clock = WindowsTimer::new(VirtualClock::new(), us(15_625));
        clock.sleep(Duration::ZERO);
        assert_eq!(clock.now(), Duration::ZERO, "no sleep");
        clock.sleep(ms(2));
        assert_eq!(clock.now(), us(15_625));
        clock.sleep(us(15_625));
        assert_eq!(clock.now(), us(31_250), "exactly at a tick");
        clock.sleep(ms(16));
        assert_eq!(clock.now(), us(62_500));
        clock.sleep_until(ms(70));
        assert_eq!(clock.now(), ms(70) + HIGH_RESOLUTION_LATENESS, "a high-resolution timer");
        clock.sleep_until(ms(70));
        assert_eq!(clock.now(), ms(70) + HIGH_RESOLUTION_LATENESS, "over already");
        clock.wait_for_event(ms(71));
        assert_eq!(clock.now(), ms(71), "an event");
        // After timeBeginPeriod(1).
        let clock = WindowsTimer::new(VirtualClock::new(), ms(1));
        clock.sleep(us(1200));
        assert_eq!(clock.now(), ms(2));
        clock.sleep(Duration::MAX);
        assert!(clock.now() > Duration::from_secs(1 << 33), "no overflow");
    }

    #[test]
    fn the_latency_estimate_converges_and_stays_in_bounds() {
        let after = |late: &dyn Fn(u64) -> u64| {
            (0..2000).fold(OTHERS.first, |estimate, sleep| OTHERS.updated(estimate, late(sleep)))
        };
        assert!((30_000..=34_000).contains(&after(&|_| 31_000)));
        // Every tenth sleep is far too late; that must not make every sleep spin for longer.
        assert!((30_000..=40_000).contains(&after(&|sleep| if sleep % 10 == 0 { 5_000_000 } else { 31_000 })));
        assert_eq!(after(&|_| 0), 5_000);
        assert_eq!(after(&|_| u64::MAX), 60_000);
    }

    #[test]
    fn exact_sleeps_are_exact_with_the_timers_of_windows() {
        let (mut estimate, mut error) = (WINDOWS.first, 0);
        for sleep in 0_u64..1000 {
            // Lateness as observed, spread evenly.
            let late = 450_000 + sleep * 7_919 % 300_000;
            error += late.saturating_sub(estimate);
            estimate = WINDOWS.updated(estimate, late);
        }
        assert!(error / 1000 < 50_000, "{} ns on average", error / 1000);
        assert!(estimate < 800_000, "spins for {estimate} ns");
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
