//! Python's signal handlers as the interrupt of engine calls.

use std::time::Duration;

use pyo3::intern;
use pyo3::prelude::*;
use rustcam::capture::Interrupt;
use rustcam::error::{Error, ErrorKind, Result};

use crate::logging;

/// A wait up to this long is over before it matters whether a signal can end it.
const SHORT: Duration = Duration::from_millis(20);

/// Lets Python's signal handlers run during a wait; what they raise ends the call. So does the end of the interpreter.
pub struct PythonInterrupt {
    must_poll: bool,
    raised: Option<PyErr>,
}

impl PythonInterrupt {
    /// For a call that may wait for `wait`.
    ///
    /// Python runs signal handlers in its main thread only, whichever thread the signal is delivered to. Where that can be another one,
    /// the signal ends no wait of the main thread, which has to poll.
    pub fn new(py: Python<'_>, wait: Duration) -> PyResult<Self> {
        let must_poll = wait > SHORT && is_main_thread_among_others(py)?;
        Ok(Self { must_poll, raised: None })
    }

    /// What a signal handler raised.
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
        let signals = Python::try_attach(|py| {
            logging::hand_on(py);
            py.check_signals()
        });
        let reason = match signals {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => {
                self.raised = Some(error);
                "interrupted by a signal handler"
            }
            // A daemon thread that outlives the interpreter gives up what it holds; it cannot return to Python.
            None => "the interpreter has ended",
        };
        Err(Error::new(ErrorKind::Interrupted, reason))
    }

    fn must_poll(&self) -> bool {
        self.must_poll
    }
}
