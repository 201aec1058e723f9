//! The log of the engine, for the logger `rustcam` of Python's `logging`.
//!
//! The engine logs on threads that must never wait for the interpreter. So its lines go into a queue, and calls that return to Python
//! forward them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use log::{Level, LevelFilter, Log, Metadata, Record};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

/// Lines kept while a program makes no calls; then the oldest ones are dropped.
const MOST_LINES: usize = 200;

/// Attempts to lock the queue. It is locked for moments only, unless the process was forked while it was.
const ATTEMPTS: usize = 1000;

struct Line {
    level: Level,
    text: String,
}

struct QueueLogger;

static LOGGER: QueueLogger = QueueLogger;
static LINES: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());
static HAS_LINES: AtomicBool = AtomicBool::new(false);

/// Makes the engine log into the queue.
pub fn install() {
    // It fails only if a logger is set already, as by an earlier import of the module.
    if log::set_logger(&LOGGER).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

impl Log for QueueLogger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = Line { level: record.level(), text: record.args().to_string() };
        if let Some(mut lines) = lines() {
            if lines.len() == MOST_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
            HAS_LINES.store(true, Ordering::Release);
        }
    }

    fn flush(&self) {}
}

/// The queue; `None` if it stays locked, because no capture may wait for it.
fn lines() -> Option<MutexGuard<'static, VecDeque<Line>>> {
    for _ in 0..ATTEMPTS {
        match LINES.try_lock() {
            Ok(lines) => return Some(lines),
            Err(TryLockError::Poisoned(lines)) => return Some(lines.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    None
}

/// Forwards the lines of the queue to Python.
///
/// # Errors
/// The exception of a signal handler that ran meanwhile, such as `KeyboardInterrupt`.
pub fn forward(py: Python<'_>) -> PyResult<()> {
    if !HAS_LINES.load(Ordering::Acquire) {
        return Ok(());
    }
    let Some(lines) = lines().map(|mut lines| {
        HAS_LINES.store(false, Ordering::Release);
        std::mem::take(&mut *lines)
    }) else {
        return Ok(());
    };
    for line in lines {
        match log_line(py, &line) {
            // A log handler of the program failed, which must not fail the call that forwards the line.
            Err(error) if error.is_instance_of::<PyException>(py) => error.write_unraisable(py, None),
            done => done?,
        }
    }
    Ok(())
}

fn log_line(py: Python<'_>, line: &Line) -> PyResult<()> {
    let level = match line.level {
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug | Level::Trace => 10,
    };
    py.import("rustcam._imports")?.call_method1("log", (level, &line.text)).map(drop)
}
