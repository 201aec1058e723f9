//! The time of the laboratory: since its start, and as ticks of the performance counter.

use std::sync::atomic::AtomicU64;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use windows::Win32::System::Performance::{QueryPerformanceCounter, QueryPerformanceFrequency};

use crate::counters::add;
use crate::lock;

/// Ticks of virtual time begin here, far beyond 32 bits, as on a machine that has run for months.
const VIRTUAL_BASE: i64 = 1 << 45;
/// A sleep is cut into such slices, so that the end of the laboratory ends it.
const SLICE: Duration = Duration::from_millis(100);

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

    /// The performance counter at `time`, never 0: that means "never".
    pub(crate) fn ticks_at(&self, time: Duration) -> i64 {
        let (base, frequency) = match self {
            Clock::Real { base, frequency } => (*base, *frequency),
            Clock::Virtual { frequency, .. } => (VIRTUAL_BASE, *frequency),
        };
        let ticks = time.as_nanos() as i128 * i128::from(frequency) / 1_000_000_000;
        (base + ticks as i64).max(1)
    }

    /// Lets time pass: at most `time`, or a slice of it. Virtual time jumps, unless `time` is `None`, which means that nothing will
    /// ever happen.
    pub(crate) fn sleep(&self, time: Option<Duration>) {
        match (self, time) {
            (Clock::Virtual { now, .. }, Some(time)) => {
                let mut now = lock(now);
                *now = now.saturating_add(time);
            }
            (Clock::Virtual { .. }, None) => std::thread::sleep(Duration::from_millis(5)),
            (Clock::Real { .. }, time) => std::thread::sleep(time.unwrap_or(SLICE).min(SLICE)),
        }
    }
}

/// How long the laboratory itself works for a guest, whatever the script's clock says.
pub(crate) struct Work {
    begun: Instant,
    paused: Duration,
}

impl Work {
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), paused: Duration::ZERO }
    }

    /// Does something that is no work.
    pub(crate) fn pause(&mut self, rest: impl FnOnce()) {
        let begun = Instant::now();
        rest();
        self.paused += begun.elapsed();
    }

    pub(crate) fn end(self) -> Duration {
        self.begun.elapsed().saturating_sub(self.paused)
    }
}

/// Does something that the device of a guest is to do, and adds how long it took to `counter`.
pub(crate) fn on_the_device<T>(counter: Option<&AtomicU64>, work: impl FnOnce() -> T) -> T {
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
