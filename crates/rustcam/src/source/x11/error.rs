//! What can go wrong between this process and an X server, and the words for it.

use std::io;

use x11rb::errors::{ConnectionError, ParseError, ReplyError, ReplyOrIdError};
use x11rb::x11_utils::X11Error;

use super::advice;
use crate::error::{Error, ErrorKind, Loss};

/// Why a step of the protocol did not happen.
#[derive(Debug)]
pub(super) enum ProtocolError {
    /// The server has not answered by the deadline. What was sent stays sent; its answer may still come.
    TimedOut,
    /// The connection is unusable.
    Disconnected(String),
    /// The server answered with an error.
    Refused(X11Error),
    /// The output or the window is not what it was, or cannot be captured; the error says why and how lasting that is.
    Lost(Box<Error>),
}

impl From<Error> for ProtocolError {
    fn from(error: Error) -> Self {
        ProtocolError::Lost(Box::new(error))
    }
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

/// `None` for an answer that is an error of the protocol.
pub(super) fn unless_refused<T>(answer: Result<T, ProtocolError>) -> Result<Option<T>, ProtocolError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ProtocolError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
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

/// The server accepted the connection and closed it. A server that resets itself because its last client has gone does that.
pub(super) fn hung_up(display: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Duplication, format!("the X server at {display} hung up: {reason}"))
        .with_hint(advice::HUNG_UP.hint)
        .with_loss(Loss::Transient)
}

/// The server refused the connection and said why.
pub(super) fn refused(display: &str, reason: &str) -> Error {
    let message = format!("the X server at {display} refused the connection: {reason}");
    let error = Error::new(ErrorKind::Duplication, message);
    let said = |words: &[&str]| words.iter().any(|word| reason.to_ascii_lowercase().contains(word));
    if said(&["maximum number of clients"]) {
        error.with_hint(advice::FULL.hint).with_loss(Loss::Transient)
    } else if said(&["auth", "cookie", "protocol specified"]) {
        error.with_hint(advice::NOT_AUTHORIZED.hint)
    } else {
        error.with_hint(advice::REFUSED.hint)
    }
}

/// A server was connected to and cannot be captured.
pub(super) fn unusable(display: &str, error: ProtocolError) -> Error {
    match error {
        ProtocolError::TimedOut => unanswered(display),
        ProtocolError::Lost(error) => *error,
        ProtocolError::Disconnected(reason) => hung_up(display, &reason),
        ProtocolError::Refused(error) => match error.error_kind {
            x11rb::protocol::ErrorKind::Access => unreadable(ErrorKind::Duplication, display, &error),
            // The screen is not viewable, or smaller than it was a moment before.
            x11rb::protocol::ErrorKind::Match => hidden(ErrorKind::Duplication, display, &error),
            _ => {
                let reason = describe(&error);
                Error::new(ErrorKind::Duplication, format!("the X server at {display} cannot be captured: {reason}"))
                    .with_hint(advice::UNUSABLE.hint)
            }
        },
    }
}

/// The server refused a read while it was captured.
pub(super) fn refused_read(display: &str, error: &X11Error) -> Error {
    match error.error_kind {
        x11rb::protocol::ErrorKind::Access => {
            unreadable(ErrorKind::AccessLost, display, error).with_loss(Loss::Lasting)
        }
        _ => hidden(ErrorKind::AccessLost, display, error),
    }
}

fn unreadable(kind: ErrorKind, display: &str, error: &X11Error) -> Error {
    let reason = describe(error);
    Error::new(kind, format!("the X server at {display} does not let this program read its screen: {reason}"))
        .with_hint(advice::UNTRUSTED.hint)
}

fn hidden(kind: ErrorKind, display: &str, error: &X11Error) -> Error {
    Error::new(kind, format!("the X server at {display} does not show its screen: {}", describe(error)))
        .with_hint(advice::HIDDEN.hint)
        .with_loss(Loss::Transient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(kind: x11rb::protocol::ErrorKind) -> X11Error {
        X11Error {
            error_kind: kind,
            error_code: 0,
            sequence: 0,
            bad_value: 0,
            minor_opcode: 0,
            major_opcode: 73,
            extension_name: None,
            request_name: Some("GetImage"),
        }
    }

    #[test]
    fn a_refusal_is_explained_by_its_reason() {
        for (reason, advice, loss) in [
            ("Maximum number of clients reached", advice::FULL, Some(Loss::Transient)),
            ("Client is not authorized to connect to Server", advice::NOT_AUTHORIZED, None),
            ("Authorization required, but no authorization protocol specified", advice::NOT_AUTHORIZED, None),
            ("No protocol specified", advice::NOT_AUTHORIZED, None),
            ("Invalid MIT-MAGIC-COOKIE-1 key", advice::NOT_AUTHORIZED, None),
            ("Protocol version mismatch", advice::REFUSED, None),
        ] {
            let error = refused(":5", reason);
            assert!(error.message().ends_with(reason));
            assert_eq!((error.hint(), error.loss()), (Some(advice.hint), loss), "{reason}");
        }
    }

    #[test]
    fn a_screen_that_cannot_be_read_is_refused_for_good_and_a_hidden_one_waited_for() {
        use x11rb::protocol::ErrorKind as Code;
        for (code, advice, at_opening, later) in [
            (Code::Access, advice::UNTRUSTED, None, Loss::Lasting),
            (Code::Match, advice::HIDDEN, Some(Loss::Transient), Loss::Transient),
        ] {
            let error = unusable(":5", ProtocolError::Refused(refusal(code)));
            assert_eq!((error.kind(), error.loss()), (ErrorKind::Duplication, at_opening));
            assert!(error.message().contains(&format!("{code:?} in GetImage")));
            assert_eq!(error.hint(), Some(advice.hint));
            let error = refused_read(":5", &refusal(code));
            assert_eq!(
                (error.kind(), error.loss(), error.hint()),
                (ErrorKind::AccessLost, Some(later), Some(advice.hint))
            );
        }
    }
}
