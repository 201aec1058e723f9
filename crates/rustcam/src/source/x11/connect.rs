//! From the name of a display to a connection.

use std::env::VarError;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{self, sockopt, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use x11rb::errors::ConnectError;
use x11rb::reexports::x11rb_protocol::parse_display::{parse_display, ConnectAddress};
use x11rb::reexports::x11rb_protocol::xauth::{get_auth, Family};
use x11rb::rust_connection::{DefaultStream, RustConnection};

use super::advice;
use super::error::{is_timeout, no_server, timeout, unanswered};
use super::stream::DeadlineStream;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// How long a server may take to accept a connection and say what it can do.
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

/// Connects to `display` until `deadline`.
///
/// # Errors
/// `Duplication`, with what the user can do.
pub(super) fn connect(display: &str, clock: &Arc<dyn Clock>, deadline: Duration) -> Result<Connected> {
    let parsed =
        parse_display(Some(display)).map_err(|_| no_server(format!("{display:?} is not the name of an X server")))?;
    let mut last = String::from("it has no address");
    for address in parsed.connect_instruction() {
        let left = deadline.saturating_sub(clock.now());
        let local = matches!(address, ConnectAddress::Socket(_));
        let (stream, (family, host)) = match dial(&address, left) {
            Ok(stream) => stream,
            Err(e) if is_timeout(&e) => return Err(unanswered(display)),
            Err(e) => {
                last = e.to_string();
                continue;
            }
        };
        // Without a readable authority file the server decides whether it accepts the connection.
        let (name, data) = get_auth(family, &host, parsed.display).ok().flatten().unwrap_or_default();
        let stream = DeadlineStream::new(stream, Arc::clone(clock), deadline);
        let screen = usize::from(parsed.screen);
        return match RustConnection::connect_to_stream_with_auth_info(stream, screen, name, data) {
            Ok(connection) => Ok(Connected { connection, screen, local }),
            Err(ConnectError::IoError(e)) if is_timeout(&e) => Err(unanswered(display)),
            Err(e @ (ConnectError::SetupFailed(_) | ConnectError::SetupAuthenticate(_))) => {
                let message = format!("the X server at {display} refused the connection: {}", e.to_string().trim());
                Err(Error::new(ErrorKind::Duplication, message).with_hint(advice::NOT_AUTHORIZED.hint))
            }
            Err(e) => Err(no_server(format!("the X server at {display} failed: {e}"))),
        };
    }
    Err(no_server(format!("cannot reach the X server at {display}: {last}")))
}

/// A non-blocking stream to `address`, and the peer as an authority file names it.
fn dial(address: &ConnectAddress<'_>, left: Duration) -> io::Result<(DefaultStream, (Family, Vec<u8>))> {
    if left.is_zero() {
        return Err(timeout());
    }
    match address {
        ConnectAddress::Socket(path) => {
            let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
            // A frozen server accepts no connection, and connecting blocks once its backlog is full; unix(7) sockets then obey the
            // time limit for sending and say EAGAIN.
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(left))?;
            match net::connect(&socket, &SocketAddrUnix::new(path.as_str())?) {
                Err(Errno::AGAIN | Errno::INTR) => return Err(timeout()),
                other => other?,
            }
            DefaultStream::from_unix_stream(UnixStream::from(socket))
        }
        ConnectAddress::Hostname(host, port) => {
            let address = (*host, *port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
            let stream = TcpStream::connect_timeout(&address, left).map_err(|e| match e.kind() {
                io::ErrorKind::TimedOut => timeout(),
                _ => e,
            })?;
            stream.set_nodelay(true)?;
            DefaultStream::from_tcp_stream(stream)
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
