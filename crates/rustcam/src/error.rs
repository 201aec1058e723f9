//! One error type for the whole engine: a kind, the operating system's code, a message, and a hint.

use std::fmt;

/// Result of every fallible function of the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// The kinds of errors that a caller may have to distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is wrong; nothing was done.
    InvalidArgument,
    /// The object is not in a state that allows the call, or the call came from a wrong thread.
    WrongState,
    /// The caller's own interrupt check ended the call.
    Interrupted,
    /// Capturing failed for a reason that has no kind of its own.
    Capture,
    /// The graphics device was removed, reset or hung.
    Device,
    /// The operating system refused to let the desktop be captured.
    Duplication,
    /// The desktop was lost and not regained by the deadline.
    AccessLost,
    /// A deadline passed where the caller asked for an error.
    Timeout,
    /// There is no memory for the pixels.
    OutOfMemory,
}

/// How a loss reported by a source ends if the caller's deadline comes before the desktop does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It passes by itself (a prompt, a mode change, a lock screen): the call ends without a frame.
    Transient,
    /// Something is gone (a device, a server, an output), perhaps for good: the call ends with the error.
    Lasting,
}

/// Why an operation failed.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    code: Option<u32>,
    message: String,
    hint: Option<String>,
    loss: Option<Loss>,
}

impl Error {
    /// An error of `kind` described by one sentence.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), hint: None, loss: None }
    }

    /// An [`ErrorKind::InvalidArgument`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// Adds the operating system's code (an HRESULT on Windows).
    #[must_use]
    pub fn with_code(mut self, code: u32) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Marks the error as a loss: the source must be rebuilt before it can be used again.
    #[must_use]
    pub fn with_loss(mut self, loss: Loss) -> Self {
        self.loss = Some(loss);
        self
    }

    /// The same for a caller that does not try again.
    #[must_use]
    pub fn without_loss(self) -> Self {
        Self { loss: None, ..self }
    }

    /// Adds how long attempts were made before this was the result.
    #[must_use]
    pub fn after(mut self, time: std::time::Duration) -> Self {
        if !time.is_zero() {
            self.message = format!("{}; attempts were made for {} ms", self.message, time.as_millis());
        }
        self
    }

    /// Marks an error of a failed rebuild as a loss, because a later attempt may succeed. An error that is a loss already stays as it is.
    /// [`ErrorKind::Duplication`] becomes [`ErrorKind::AccessLost`], because the output was captured before.
    #[must_use]
    pub fn into_loss(self, loss: Loss) -> Self {
        if self.loss.is_some() {
            return self;
        }
        let kind = if self.kind == ErrorKind::Duplication { ErrorKind::AccessLost } else { self.kind };
        Self { kind, loss: Some(loss), ..self }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The operating system's code, if there is one.
    pub fn code(&self) -> Option<u32> {
        self.code
    }

    /// The sentence that describes what happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the user can do about it, if anything is known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Which kind of loss this is; `None` if rebuilding the source does not help.
    pub fn loss(&self) -> Option<Loss> {
        self.loss
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(code) = self.code {
            write!(f, " (0x{code:08X})")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, ". {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
