//! The stream to the X server: a connection whose every blocking step obeys a deadline, and what can go wrong on it.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{self, sockopt, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use x11rb::errors::{ConnectError, ConnectionError, ParseError, ReplyError, ReplyOrIdError};
use x11rb::reexports::x11rb_protocol::parse_display::{parse_display, ConnectAddress};
use x11rb::reexports::x11rb_protocol::xauth::{get_auth, Family};
use x11rb::rust_connection::{DefaultStream, PollMode, RustConnection, Stream};
use x11rb::utils::RawFdContainer;
use x11rb::x11_utils::X11Error;

use super::advice;
use super::waker::WakeFd;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};

/// The protocol over a [`DeadlineStream`].
pub(super) type Connection = RustConnection<DeadlineStream>;

/// Why a step of the protocol did not happen.
#[derive(Debug)]
pub(super) enum ProtocolError {
    /// The server has not answered by the deadline. What was sent stays sent; its answer may still come.
    Late,
    /// The connection is unusable.
    Gone(String),
    /// The server answered with an error.
    Refused(X11Error),
    /// The output is not what it was; the error says so and how lasting that is.
    Moved(Box<Error>),
}

impl From<ConnectionError> for ProtocolError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::IoError(e) if is_late(&e) => ProtocolError::Late,
            other => ProtocolError::Gone(other.to_string()),
        }
    }
}

impl From<io::Error> for ProtocolError {
    fn from(error: io::Error) -> Self {
        ProtocolError::Gone(error.to_string())
    }
}

impl From<ParseError> for ProtocolError {
    fn from(error: ParseError) -> Self {
        ProtocolError::Gone(error.to_string())
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
            ReplyOrIdError::IdsExhausted => ProtocolError::Gone(error.to_string()),
        }
    }
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

fn late() -> io::Error {
    io::Error::from(io::ErrorKind::TimedOut)
}

/// Whether the error is ours; a kernel's `ETIMEDOUT` on a TCP connection carries a number and means that the connection is dead.
fn is_late(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
}

/// A socket to the server on which x11rb never blocks beyond the limit that was set last.
///
/// x11rb waits for replies without a deadline of its own, but leaves the waiting to its stream. When the stream gives up, x11rb hands
/// the error out before it touches any state, so the same reply can be waited for again.
pub(super) struct DeadlineStream {
    stream: DefaultStream,
    clock: Arc<dyn Clock>,
    /// Nanoseconds on `clock`; zero means that nothing may block.
    limit: AtomicU64,
    /// Whether the last write found the socket full. Otherwise asking the kernel before each write would cost a system call per
    /// request although x11rb collects requests in a buffer.
    full: AtomicBool,
    /// Whether the last read took all that there was, and nobody has found more since. x11rb reads until there is nothing left, and
    /// again for each event it is asked for.
    empty: AtomicBool,
}

impl DeadlineStream {
    fn new(stream: DefaultStream, clock: Arc<dyn Clock>, limit: Duration) -> Self {
        let stream = Self {
            stream,
            clock,
            limit: AtomicU64::new(0),
            full: AtomicBool::new(false),
            empty: AtomicBool::new(false),
        };
        stream.set_limit(limit);
        stream
    }

    /// Sets the moment after which nothing blocks any more, and returns the one before.
    pub(super) fn set_limit(&self, limit: Duration) -> Duration {
        let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.limit.swap(nanoseconds, Ordering::Relaxed))
    }

    /// Makes the next read look for itself whether there is anything.
    pub(super) fn look(&self) {
        self.empty.store(false, Ordering::Relaxed);
    }

    /// Waits until there is something to read, at most `timeout`. False if a signal or `wake_fd` ended the wait.
    pub(super) fn wait_readable(&self, timeout: Duration, wake_fd: Option<&WakeFd>) -> io::Result<bool> {
        let mut fds = [PollFd::new(self, PollFlags::IN), PollFd::new(self, PollFlags::empty())];
        if let Some(wake_fd) = wake_fd {
            fds[1] = PollFd::new(wake_fd, PollFlags::IN);
        }
        match (poll(&mut fds, timeout), wake_fd) {
            (Ok(_), Some(wake_fd)) if fds[1].revents().contains(PollFlags::IN) => {
                wake_fd.clear();
                Ok(false)
            }
            (Ok(true), _) => {
                self.look();
                Ok(true)
            }
            (Ok(false), _) => Ok(true),
            (Err(Errno::INTR), _) => Ok(false),
            (Err(e), _) => Err(e.into()),
        }
    }

    fn note_write(&self, result: io::Result<usize>) -> io::Result<usize> {
        let full = result.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock);
        self.full.store(full, Ordering::Relaxed);
        result
    }
}

/// Whether anything happened to `fds` within `timeout`.
fn poll(fds: &mut [PollFd<'_>], timeout: Duration) -> rustix::io::Result<bool> {
    // A timeout beyond what the kernel can express is as good as none.
    let timeout = Timespec::try_from(timeout).ok();
    rustix::event::poll(fds, timeout.as_ref()).map(|n| n > 0)
}

impl AsFd for DeadlineStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        AsFd::as_fd(&self.stream)
    }
}

impl Stream for DeadlineStream {
    fn poll(&self, mode: PollMode) -> io::Result<()> {
        if mode.writable() && !self.full.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, mode.readable());
        flags.set(PollFlags::OUT, mode.writable());
        let limit = Duration::from_nanos(self.limit.load(Ordering::Relaxed));
        loop {
            // Checked on every turn, so that a server that trickles bytes cannot stretch the time.
            let left = if limit.is_zero() { limit } else { limit.saturating_sub(self.clock.now()) };
            if left.is_zero() {
                return Err(late());
            }
            match poll(&mut [PollFd::new(self, flags)], left) {
                Ok(true) => {
                    self.look();
                    return Ok(());
                }
                Ok(false) => return Err(late()),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn read(&self, buf: &mut [u8], fd_storage: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        if self.empty.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = self.stream.read(buf, fd_storage);
        let all = match &result {
            Ok(count) => *count < buf.len(),
            Err(e) => e.kind() == io::ErrorKind::WouldBlock,
        };
        self.empty.store(all, Ordering::Relaxed);
        result
    }

    fn write(&self, buf: &[u8], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.note_write(self.stream.write(buf, fds))
    }

    fn write_vectored(&self, bufs: &[io::IoSlice<'_>], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.note_write(self.stream.write_vectored(bufs, fds))
    }
}

/// A fresh connection.
pub(super) struct Connected {
    pub(super) connection: Connection,
    /// Index of the screen that the display's name asks for.
    pub(super) screen: usize,
    /// Whether the server is on this machine: then it reads the same clock and can map our memory.
    pub(super) local: bool,
}

/// Connects to `display` until `deadline`.
///
/// # Errors
/// `Duplication`, with what the user can do.
pub(super) fn connect(display: &str, clock: &Arc<dyn Clock>, deadline: Duration) -> Result<Connected> {
    let parsed = parse_display(Some(display)).map_err(|_| {
        Error::new(ErrorKind::Duplication, format!("{display:?} is not the name of an X server")).with_hint(no_server())
    })?;
    let mut last = String::from("it has no address");
    for address in parsed.connect_instruction() {
        let left = deadline.saturating_sub(clock.now());
        let local = matches!(address, ConnectAddress::Socket(_));
        let (stream, (family, host)) = match dial(&address, left) {
            Ok(stream) => stream,
            Err(e) if is_late(&e) => return Err(unanswered(display)),
            Err(e) => {
                last = e.to_string();
                continue;
            }
        };
        // Without a readable authority file the server decides whether it lets us in.
        let (name, data) = get_auth(family, &host, parsed.display).ok().flatten().unwrap_or_default();
        let stream = DeadlineStream::new(stream, Arc::clone(clock), deadline);
        let screen = usize::from(parsed.screen);
        return match RustConnection::connect_to_stream_with_auth_info(stream, screen, name, data) {
            Ok(connection) => Ok(Connected { connection, screen, local }),
            Err(ConnectError::IoError(e)) if is_late(&e) => Err(unanswered(display)),
            Err(e @ (ConnectError::SetupFailed(_) | ConnectError::SetupAuthenticate(_))) => {
                let message = format!("the X server at {display} refused the connection: {}", e.to_string().trim());
                Err(Error::new(ErrorKind::Duplication, message).with_hint(advice::NOT_LET_IN.hint))
            }
            Err(e) => Err(Error::new(ErrorKind::Duplication, format!("the X server at {display} failed: {e}"))
                .with_hint(no_server())),
        };
    }
    Err(Error::new(ErrorKind::Duplication, format!("cannot reach the X server at {display}: {last}"))
        .with_hint(no_server()))
}

/// What a user can do who has no X server.
pub(super) fn no_server() -> String {
    let hint = advice::NO_SERVER.hint;
    match std::env::var_os("WAYLAND_DISPLAY") {
        None => hint.to_owned(),
        Some(name) => format!(
            "{hint}. This is a Wayland session (WAYLAND_DISPLAY={}). {}",
            name.to_string_lossy(),
            advice::WAYLAND.hint
        ),
    }
}

/// The error of a source that could connect to a server and cannot use it.
pub(super) fn unusable(display: &str, error: ProtocolError) -> Error {
    let reason = match error {
        ProtocolError::Late => return unanswered(display),
        ProtocolError::Moved(error) => return *error,
        ProtocolError::Gone(reason) => reason,
        ProtocolError::Refused(error) => describe(&error),
    };
    Error::new(ErrorKind::Duplication, format!("the X server at {display} cannot be captured: {reason}"))
        .with_hint(advice::UNUSABLE.hint)
}

fn unanswered(display: &str) -> Error {
    Error::new(ErrorKind::Duplication, format!("the X server at {display} does not answer"))
        .with_hint(advice::FROZEN.hint)
}

/// A non-blocking stream to `address`, and the peer as an authority file names it.
fn dial(address: &ConnectAddress<'_>, timeout: Duration) -> io::Result<(DefaultStream, (Family, Vec<u8>))> {
    if timeout.is_zero() {
        return Err(late());
    }
    match address {
        ConnectAddress::Socket(path) => {
            let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
            // A frozen server accepts nobody, and connecting blocks once its backlog is full; unix(7) sockets then obey the time
            // limit for sending and say EAGAIN.
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(timeout))?;
            match net::connect(&socket, &SocketAddrUnix::new(path.as_str())?) {
                Err(Errno::AGAIN | Errno::INTR) => return Err(late()),
                other => other?,
            }
            DefaultStream::from_unix_stream(UnixStream::from(socket))
        }
        ConnectAddress::Hostname(host, port) => {
            let address = (*host, *port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
            let stream = TcpStream::connect_timeout(&address, timeout).map_err(|e| match e.kind() {
                io::ErrorKind::TimedOut => late(),
                _ => e,
            })?;
            stream.set_nodelay(true)?;
            DefaultStream::from_tcp_stream(stream)
        }
        _ => Err(io::ErrorKind::Unsupported.into()),
    }
}
