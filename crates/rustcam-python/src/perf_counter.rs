//! Moments as Python's `time.perf_counter` tells them.

use std::sync::OnceLock;
use std::time::Duration;

use pyo3::prelude::*;
use rustcam::clock::{Clock, MonotonicClock};

/// Two readings of the same clock, one after the other, are never so far apart that it matters.
const SAME: f64 = 0.001;

/// `moment` of the engine's clock in seconds on the timeline of `time.perf_counter`.
///
/// Both count the same ticks, but on Windows Python 3.9 counts from its own start.
pub fn perf_counter(py: Python<'_>, moment: Duration) -> PyResult<f64> {
    static AHEAD: OnceLock<f64> = OnceLock::new();
    let ahead = if let Some(known) = AHEAD.get() {
        *known
    } else {
        let theirs: f64 = py.import("time")?.call_method0("perf_counter")?.extract()?;
        let ahead = theirs - MonotonicClock.now().as_secs_f64();
        *AHEAD.get_or_init(|| if ahead.abs() < SAME { 0.0 } else { ahead })
    };
    Ok(moment.as_secs_f64() + ahead)
}
