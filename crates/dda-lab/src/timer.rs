//! The timer of the system, with whose ticks waits time out.
//!
//! Everything here is lock-free: the functions in place of the system's waits use it, and a lock is made of waits.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use rustcam::clock::next_tick;

use crate::clock::counter_time;

/// The period that `timeBeginPeriod(1)` sets.
const SHORTEST: Duration = Duration::from_millis(1);
/// The timeout of a wait without end.
const INFINITE: u32 = u32::MAX;

/// The period in nanoseconds, 0 if waits time out exactly.
static PERIOD: AtomicU64 = AtomicU64::new(0);
/// How many times the program began a short period more often than it ended one.
static SHORTENED: AtomicU32 = AtomicU32::new(0);

/// Sets the period for a new run of the lab.
pub(crate) fn start(period: Option<Duration>) {
    SHORTENED.store(0, Ordering::Relaxed);
    PERIOD.store(period.map_or(0, |period| period.as_nanos() as u64), Ordering::Release);
}

/// `timeBeginPeriod`.
pub(crate) fn shorten() {
    SHORTENED.fetch_add(1, Ordering::AcqRel);
}

/// `timeEndPeriod`.
pub(crate) fn lengthen() {
    // More ends than beginnings are an error of the program, which changes nothing.
    let _ = SHORTENED.fetch_update(Ordering::AcqRel, Ordering::Acquire, |times| times.checked_sub(1));
}

fn period() -> Option<Duration> {
    let period = Duration::from_nanos(PERIOD.load(Ordering::Acquire));
    let shortest = if SHORTENED.load(Ordering::Acquire) > 0 { SHORTEST } else { Duration::MAX };
    (!period.is_zero()).then(|| period.min(shortest))
}

/// When a wait from `now` on for `duration` times out.
pub(crate) fn timeout(now: Duration, duration: Duration) -> Duration {
    let moment = now.saturating_add(duration);
    match period() {
        Some(period) if !duration.is_zero() => next_tick(period, moment),
        _ => moment,
    }
}

/// How long a wait for `duration` that begins now lasts in real time.
pub(crate) fn lasts(duration: Duration) -> Duration {
    let now = counter_time();
    timeout(now, duration).saturating_sub(now)
}

/// The same in milliseconds, as many calls of the system take them.
pub(crate) fn lasts_ms(ms: u32) -> u32 {
    if ms == 0 || ms == INFINITE {
        return ms;
    }
    let lasts = lasts(Duration::from_millis(u64::from(ms))).as_micros().div_ceil(1000);
    u32::try_from(lasts).unwrap_or(INFINITE - 1)
}
