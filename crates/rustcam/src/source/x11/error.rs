//! What can go wrong between this process and an X server, and the words for it.

use std::io;

use x11rb::errors::{ConnectionError, ParseError, ReplyError, ReplyOrIdError};
use x11rb::x11_utils::X11Error;

use super::advice;
use crate::error::{Error, ErrorKind};

/// Why a step of the protocol did not happen.
#[derive(Debug)]
pub(super) enum ProtocolError {
    /// The server has not answered by the deadline. What was sent stays sent; its answer may still come.
    TimedOut,
    /// The connection is unusable.
    Disconnected(String),
    /// The server answered with an error.
    Refused(X11Error),
    /// The output is not what it was; the error says what changed and how lasting that is.
    OutputChanged(Box<Error>),
}

impl From<ConnectionError> for ProtocolError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::IoError(e) if is_timeout(&e) => ProtocolError::TimedOut,
            other => ProtocolError::Disconnected(other.to_string()),
        }
    }
}

impl From<io::Error> for ProtocolError {
    fn from(error: io::Error) -> Self {
        ProtocolError::Disconnected(error.to_string())
    }
}

impl From<ParseError> for ProtocolError {
    fn from(error: ParseError) -> Self {
        ProtocolError::Disconnected(error.to_string())
    }
}

impl From<ReplyError> for ProtocolError {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::ConnectionError(e) => e.into(),
            ReplyError::X11Error(e) => ProtocolError::Refused(e),
        }
    }
}

impl From<ReplyOrIdError> for ProtocolError {
    fn from(error: ReplyOrIdError) -> Self {
        match error {
            ReplyOrIdError::ConnectionError(e) => e.into(),
            ReplyOrIdError::X11Error(e) => ProtocolError::Refused(e),
            ReplyOrIdError::IdsExhausted => ProtocolError::Disconnected(error.to_string()),
        }
    }
}

/// The error of a stream whose deadline has passed.
pub(super) fn timeout() -> io::Error {
    io::Error::from(io::ErrorKind::TimedOut)
}

/// Whether the error is [`timeout`]. A kernel's `ETIMEDOUT` on a TCP connection carries a number and means that the connection is dead.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
}

/// An X error in words: its name and the request that caused it.
pub(super) fn describe(error: &X11Error) -> String {
    let request = error.request_name.unwrap_or("a request");
    format!(
        "{:?} in {}{request}",
        error.error_kind,
        error.extension_name.as_deref().map_or(String::new(), |e| e.to_owned() + " ")
    )
}

/// There is no X server to connect to: `reason` says why. The hint says what to do in a Wayland session, too.
pub(super) fn no_server(reason: impl Into<String>) -> Error {
    let hint = advice::NO_SERVER.hint;
    let hint = match std::env::var_os("WAYLAND_DISPLAY") {
        None => hint.to_owned(),
        Some(name) => format!(
            "{hint}. This is a Wayland session (WAYLAND_DISPLAY={}). {}",
            name.to_string_lossy(),
            advice::WAYLAND.hint
        ),
    };
    Error::new(ErrorKind::Duplication, reason).with_hint(hint)
}

/// The server did not answer in time.
pub(super) fn unanswered(display: &str) -> Error {
    Error::new(ErrorKind::Duplication, format!("the X server at {display} does not answer"))
        .with_hint(advice::FROZEN.hint)
}

/// A server was connected to and cannot be captured.
pub(super) fn unusable(display: &str, error: ProtocolError) -> Error {
    let reason = match error {
        ProtocolError::TimedOut => return unanswered(display),
        ProtocolError::OutputChanged(error) => return *error,
        ProtocolError::Disconnected(reason) => reason,
        ProtocolError::Refused(error) => describe(&error),
    };
    Error::new(ErrorKind::Duplication, format!("the X server at {display} cannot be captured: {reason}"))
        .with_hint(advice::UNUSABLE.hint)
}
