//! From the name of a display to a connection.

use std::env::VarError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use x11rb::errors::ConnectError;
use x11rb::reexports::x11rb_protocol::connect::Connect;
use x11rb::reexports::x11rb_protocol::xauth::get_auth;
use x11rb::rust_connection::{PollMode, RustConnection, Stream as _};

use super::address::{Address, DisplayName};
use super::dial::{dial, Dialled, Failure, Limits};
use super::error::{hung_up, is_timeout, no_server, refused, unanswered};
use super::stream::DeadlineStream;
use crate::clock::Clock;
use crate::error::Result;
use crate::source::CheckInterrupt;

/// How long a server may take to accept a connection and say what it can do, where the caller sets no limit.
pub(super) const OPENING: Duration = Duration::from_secs(5);

/// The protocol over a [`DeadlineStream`].
pub(super) type Connection = RustConnection<DeadlineStream>;

/// A new connection.
pub(super) struct Connected {
    pub(super) connection: Connection,
    /// Index of the screen that the display's name asks for.
    pub(super) screen: usize,
    /// Whether the server is on this machine: then it reads the same clock and can map our memory.
    pub(super) local: bool,
}

/// The display that `$DISPLAY` names.
///
/// # Errors
/// `Duplication` if there is none.
pub(super) fn default_display() -> Result<String> {
    match std::env::var("DISPLAY") {
        Ok(name) if !name.is_empty() => Ok(name),
        Ok(_) | Err(VarError::NotPresent) => Err(no_server("there is no X server: DISPLAY is not set")),
        Err(VarError::NotUnicode(_)) => Err(no_server("DISPLAY is not the name of an X server")),
    }
}

/// Connects to `display` until `deadline`, unless `interrupt` fails.
///
/// # Errors
/// `Duplication`, with what the user can do; a transient loss if another attempt may succeed; the interrupt's.
pub(super) fn connect(
    display: &str,
    clock: &Arc<dyn Clock>,
    deadline: Duration,
    interrupt: &mut CheckInterrupt<'_>,
) -> Result<Connected> {
    let name =
        DisplayName::parse(display).ok_or_else(|| no_server(format!("{display:?} is not the name of an X server")))?;
    let mut limits = Limits { clock, deadline, interrupt };
    let mut unreached = Vec::new();
    for address in &name.addresses {
        match dial(address, &mut limits) {
            Ok(dialled) => {
                let (connection, screen) = (shake_hands(display, &name, dialled, &mut limits)?, name.screen);
                return Ok(Connected { connection, screen, local: !matches!(address, Address::Tcp { .. }) });
            }
            Err(Failure::Interrupted(error)) => return Err(error),
            Err(Failure::Io(error)) if is_timeout(&error) => return Err(unanswered(display)),
            Err(Failure::Io(error)) => unreached.push(format!("{address}: {error}")),
        }
    }
    Err(no_server(format!("cannot reach the X server at {display}: {}", unreached.join(", "))))
}

/// Sends who we are, and receives what the server is.
fn shake_hands(
    display: &str,
    name: &DisplayName,
    (stream, (family, host)): Dialled,
    limits: &mut Limits<'_>,
) -> Result<Connection> {
    // Without a readable authority file the server decides whether it accepts the connection.
    let (protocol, key) = get_auth(family, &host, name.number).ok().flatten().unwrap_or_default();
    let stream = DeadlineStream::new(stream, Arc::clone(limits.clock), limits.deadline);
    let (mut answer, request) = Connect::with_authorization(protocol, key);
    match exchange(&stream, &request, &mut answer, limits) {
        Ok(()) => {}
        Err(Failure::Interrupted(error)) => return Err(error),
        Err(Failure::Io(error)) if is_timeout(&error) => return Err(unanswered(display)),
        Err(Failure::Io(error)) => return Err(hung_up(display, &error.to_string())),
    }
    stream.set_limit(limits.deadline);
    let connection = answer.into_setup().and_then(|setup| {
        if name.screen >= setup.roots.len() {
            return Err(ConnectError::InvalidScreen);
        }
        RustConnection::for_connected_stream(stream, setup)
    });
    let said = |reason: &[u8]| refused(display, String::from_utf8_lossy(reason).trim_end_matches(['\0', '\n']).trim());
    connection.map_err(|error| match error {
        ConnectError::SetupFailed(answer) => said(&answer.reason),
        ConnectError::SetupAuthenticate(answer) => said(&answer.reason),
        error => no_server(format!("the X server at {display} failed: {error}")),
    })
}

/// Sends the request for a connection, and receives the answer to it.
fn exchange(
    stream: &DeadlineStream,
    request: &[u8],
    answer: &mut Connect,
    limits: &mut Limits<'_>,
) -> std::result::Result<(), Failure> {
    let mut sent = 0;
    while sent < request.len() {
        if wait_for(stream, PollMode::Writable, limits)? {
            sent += transferred(stream.write(&request[sent..], &mut Vec::new()))?;
        }
    }
    loop {
        if wait_for(stream, PollMode::Readable, limits)? {
            let received = transferred(stream.read(answer.buffer(), &mut Vec::new()))?;
            if received > 0 && answer.advance(received) {
                return Ok(());
            }
        }
    }
}

/// Whether `stream` became ready within a slice of the time.
fn wait_for(stream: &DeadlineStream, mode: PollMode, limits: &mut Limits<'_>) -> std::result::Result<bool, Failure> {
    let slice = limits.slice()?;
    stream.set_limit(limits.clock.now() + slice);
    match stream.poll(mode) {
        Ok(()) => Ok(true),
        Err(error) if is_timeout(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// How many bytes a stream has taken or given; an error if it has ended.
fn transferred(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection")),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
