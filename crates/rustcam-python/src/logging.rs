//! What the engine logs, for the logger `rustcam` of Python's `logging`.
//!
//! The engine logs on threads that must never wait for the interpreter. So its lines go into a queue, and whoever holds the interpreter
//! on the way back to Python hands them on.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};

use log::{Level, LevelFilter, Log, Metadata, Record};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// Lines kept for a program that makes no calls meanwhile; the oldest go first.
const MOST_LINES: usize = 200;

/// Attempts to get at the queue. It is taken for moments only, unless the process was forked in one.
const ATTEMPTS: usize = 1000;

struct Line {
    level: Level,
    text: String,
}

struct Journal;

static JOURNAL: Journal = Journal;
static LINES: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());
static ANY: AtomicBool = AtomicBool::new(false);

/// Lets the engine log into the queue.
pub fn begin() {
    // Fails only if a journal is there already, which a second import of the module finds.
    if log::set_logger(&JOURNAL).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

impl Log for Journal {
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
            ANY.store(true, Ordering::Release);
        }
    }

    fn flush(&self) {}
}

/// The queue; `None` if somebody keeps it, which no capture waits for.
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

/// Hands the lines of the queue to Python.
pub fn hand_on(py: Python<'_>) {
    if !ANY.load(Ordering::Acquire) {
        return;
    }
    let Some(lines) = lines().map(|mut lines| {
        ANY.store(false, Ordering::Release);
        std::mem::take(&mut *lines)
    }) else {
        return;
    };
    for line in lines {
        if let Err(error) = tell(py, &line) {
            // A handler of the program failed. The call that happens to be under way has nothing to do with it.
            error.write_unraisable(py, None);
        }
    }
}

fn tell(py: Python<'_>, line: &Line) -> PyResult<()> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let logger = LOGGER.get_or_try_init(py, || {
        let logging = py.import("logging")?;
        let logger = logging.call_method1("getLogger", ("rustcam",))?;
        // A library is silent unless the program wants to hear it.
        logger.call_method1("addHandler", (logging.call_method0("NullHandler")?,))?;
        Ok::<_, PyErr>(logger.unbind())
    })?;
    let level = match line.level {
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug | Level::Trace => 10,
    };
    logger.call_method1(py, "log", (level, "%s", &line.text)).map(drop)
}
