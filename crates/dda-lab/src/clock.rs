//! Time: since the start of the lab, as ticks of the performance counter, and how long calls take.

use std::sync::atomic::AtomicU64;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustcam::clock::performance_time;
use windows::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};

use crate::bypass::bypass;
use crate::counters::add;
use crate::mutex::lock;

/// Virtual time begins at this tick, far beyond 32 bits, as on a machine that has run for months.
const VIRTUAL_BASE: i64 = 1 << 45;
/// Longest part of a sleep: after each, the sleeper looks whether the lab was stopped.
const SLICE: Duration = Duration::from_millis(100);

/// The virtual time that a poll takes for programs that wait in real time.
pub(crate) const POLL: Duration = Duration::from_millis(1);

/// A clock that starts at zero.
pub(crate) enum Clock {
    Real { base: i64, frequency: i64 },
    Virtual { now: Mutex<Duration>, frequency: i64 },
}

impl Clock {
    pub(crate) fn start(virtual_time: bool) -> Self {
        let mut frequency = 0;
        // SAFETY: the pointer is valid for the call, which cannot fail since Windows XP.
        let _ = unsafe { QueryPerformanceFrequency(&raw mut frequency) };
        let frequency = frequency.max(1);
        if virtual_time {
            Clock::Virtual { now: Mutex::default(), frequency }
        } else {
            Clock::Real { base: ticks(), frequency }
        }
    }

    pub(crate) fn now(&self) -> Duration {
        match self {
            Clock::Real { base, frequency } => {
                let nanos = i128::from(ticks() - base) * 1_000_000_000 / i128::from(*frequency);
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
            }
            Clock::Virtual { now, .. } => *lock(now),
        }
    }

    /// The performance counter at `time`; never 0, which means "never".
    pub(crate) fn ticks_at(&self, time: Duration) -> i64 {
        let (base, frequency) = match self {
            Clock::Real { base, frequency } => (*base, *frequency),
            Clock::Virtual { frequency, .. } => (VIRTUAL_BASE, *frequency),
        };
        let ticks = time.as_nanos() as i128 * i128::from(frequency) / 1_000_000_000;
        (base + ticks as i64).max(1)
    }

    /// The performance counter at `time` in units of 100 ns, whatever its frequency is.
    pub(crate) fn hundreds_of_ns_at(&self, time: Duration) -> i64 {
        let (Clock::Real { frequency, .. } | Clock::Virtual { frequency, .. }) = self;
        (i128::from(self.ticks_at(time)) * 10_000_000 / i128::from(*frequency)) as i64
    }

    /// Sleeps for `time` or a part of it. Virtual time jumps instead, unless `time` is `None`: then nothing more is scripted to happen,
    /// and the sleep is real and short.
    pub(crate) fn sleep(&self, time: Option<Duration>) {
        match (self, time) {
            (Clock::Virtual { now, .. }, Some(time)) => {
                let mut now = lock(now);
                *now = now.saturating_add(time);
            }
            (Clock::Virtual { .. }, None) => sleep(Duration::from_millis(5)),
            (Clock::Real { .. }, time) => sleep(time.unwrap_or(SLICE).min(SLICE)),
        }
    }

    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self, Clock::Virtual { .. })
    }
}

/// Sleeps exactly, whatever the timer of the script is.
pub(crate) fn sleep(time: Duration) {
    bypass(|| std::thread::sleep(time));
}

/// The performance counter as a time.
pub(crate) fn counter_time() -> Duration {
    performance_time(ticks())
}

/// Real time, less the pauses.
pub(crate) struct Stopwatch {
    begun: Instant,
    paused: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now(), paused: Duration::ZERO }
    }

    /// Does something whose time does not count.
    pub(crate) fn pause(&mut self, work: impl FnOnce()) {
        let begun = Instant::now();
        work();
        self.paused += begun.elapsed();
    }

    pub(crate) fn stop(self) -> Duration {
        self.begun.elapsed().saturating_sub(self.paused)
    }
}

/// Does something, and adds the nanoseconds that it took to `counter`.
pub(crate) fn timed<T>(counter: Option<&AtomicU64>, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    if let Some(counter) = counter {
        add(counter, begun.elapsed().as_nanos() as u64);
    }
    result
}

fn ticks() -> i64 {
    let mut ticks = 0;
    // SAFETY: the pointer is valid for the call, which cannot fail since Windows XP.
    let _ = unsafe { QueryPerformanceCounter(&raw mut ticks) };
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn point_18_times_of_frames_do_not_depend_on_the_frequency_of_the_performance_counter() {
        for frequency in [3_579_545, 10_000_000, 24_000_000] {
            let clock = Clock::Virtual { now: Mutex::default(), frequency };
            let (start, later) =
                (clock.hundreds_of_ns_at(Duration::ZERO), clock.hundreds_of_ns_at(Duration::from_secs(3)));
            assert!((later - start).abs_diff(30_000_000) <= 3, "{frequency}");
            let seconds = clock.ticks_at(Duration::from_secs(3)) as f64 / frequency as f64;
            assert!((later as f64 / 1e7 - seconds).abs() < 1e-6, "{frequency}");
        }
    }
}
