//! Python's signal handlers as the interrupt of engine calls.

use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use rustcam::capture::Interrupt;
use rustcam::error::{Error, ErrorKind, Result};

use crate::logging;

/// A wait up to this long need not be ended by a signal.
const SHORT: Duration = Duration::from_millis(20);

/// Runs Python's signal handlers during a wait. An exception of theirs ends the call, and so does the end of the interpreter.
pub struct PythonInterrupt {
    must_poll: bool,
    raised: Option<PyErr>,
}

impl PythonInterrupt {
    /// For a call that may wait for `wait`.
    ///
    /// Python runs signal handlers in its main thread only, but the system may deliver the signal to another thread. Such a signal does not
    /// end a wait of the main thread, which therefore has to poll if there are other threads.
    pub fn new(py: Python<'_>, wait: Duration) -> PyResult<Self> {
        let must_poll = wait > SHORT && is_main_thread_among_others(py)?;
        Ok(Self { must_poll, raised: None })
    }

    /// The exception of a signal handler, if there was one.
    pub fn raised(self) -> Option<PyErr> {
        self.raised
    }
}

fn is_main_thread_among_others(py: Python<'_>) -> PyResult<bool> {
    let threading = py.import(intern!(py, "threading"))?;
    if threading.call_method0(intern!(py, "active_count"))?.eq(1)? {
        return Ok(false);
    }
    let main = threading.call_method0(intern!(py, "main_thread"))?.getattr(intern!(py, "ident"))?;
    main.eq(threading.call_method0(intern!(py, "get_ident"))?)
}

impl Interrupt for PythonInterrupt {
    fn check(&mut self) -> Result<()> {
        let signals = Python::try_attach(|py| logging::forward(py).and_then(|()| py.check_signals()));
        let reason = match signals {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => {
                self.raised = Some(error);
                "interrupted by a signal handler"
            }
            // A daemon thread that outlives the interpreter releases the session, but cannot return to Python.
            None => "the interpreter has ended",
        };
        Err(Error::new(ErrorKind::Interrupted, reason))
    }

    fn must_poll(&self) -> bool {
        self.must_poll
    }
}
