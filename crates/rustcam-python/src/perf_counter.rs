//! Times on the clock of Python's `time.perf_counter`.

use std::sync::OnceLock;
use std::time::Duration;

use pyo3::prelude::*;
use rustcam::clock::{Clock, MonotonicClock};

/// Two consecutive readings of one clock differ by less than this.
const SAME_CLOCK: f64 = 0.001;

/// `moment` of the engine's clock in seconds on the clock of `time.perf_counter`.
///
/// Both count the same ticks, but on Windows Python 3.9 counts from the start of the process.
pub fn perf_counter(py: Python<'_>, moment: Duration) -> PyResult<f64> {
    static AHEAD: OnceLock<f64> = OnceLock::new();
    let ahead = if let Some(known) = AHEAD.get() {
        *known
    } else {
        let theirs: f64 = py.import("time")?.call_method0("perf_counter")?.extract()?;
        let ahead = theirs - MonotonicClock.now().as_secs_f64();
        *AHEAD.get_or_init(|| if ahead.abs() < SAME_CLOCK { 0.0 } else { ahead })
    };
    Ok(moment.as_secs_f64() + ahead)
}
