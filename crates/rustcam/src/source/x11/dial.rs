//! From an address to a socket, until a deadline and with a check for an interrupt every few milliseconds.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{self, sockopt, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use x11rb::reexports::x11rb_protocol::xauth::Family;
use x11rb::rust_connection::DefaultStream;

use super::address::{Address, IpFamily};
use super::error::timeout;
use crate::clock::Clock;
use crate::error::Error;
use crate::source::CheckInterrupt;

/// No step of the opening blocks longer than this without a check for an interrupt.
const SLICE: Duration = Duration::from_millis(20);

/// The time that an opening may take, and how its caller ends it early.
pub(super) struct Limits<'a> {
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) deadline: Duration,
    pub(super) interrupt: &'a mut CheckInterrupt<'a>,
}

/// Why a step of the opening did not succeed.
pub(super) enum Failure {
    Io(io::Error),
    Interrupted(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Failure::Io(error.into())
    }
}

impl Limits<'_> {
    /// How long the next step may block.
    ///
    /// # Errors
    /// The interrupt's; [`timeout`] if the time is over.
    pub(super) fn slice(&mut self) -> Result<Duration, Failure> {
        (self.interrupt)().map_err(Failure::Interrupted)?;
        match self.left() {
            left if left.is_zero() => Err(timeout().into()),
            left => Ok(left.min(SLICE)),
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.clock.now())
    }

    /// The same with a share of the time that is left: so that one of `parts` attempts that gets no answer leaves some for the others.
    fn share(&mut self, parts: usize) -> Limits<'_> {
        let share = self.left() / u32::try_from(parts).unwrap_or(1).max(1);
        Limits { clock: self.clock, deadline: self.clock.now() + share, interrupt: &mut *self.interrupt }
    }
}

/// A non-blocking stream to a server, and the peer as an authority file names it.
pub(super) type Dialled = (DefaultStream, (Family, Vec<u8>));

/// Connects to `address`: where it is a host name, to the first of its addresses that accepts.
pub(super) fn dial(address: &Address, limits: &mut Limits<'_>) -> Result<Dialled, Failure> {
    match address {
        Address::Path(path) => dial_socket(&SocketAddrUnix::new(path.as_str())?, limits),
        Address::Abstract(name) => dial_socket(&SocketAddrUnix::new_abstract_name(name.as_bytes())?, limits),
        Address::Tcp { host, port, family } => dial_first(&resolve(host, *port, *family, limits)?, limits),
    }
}

/// Connects to the first of `addresses` that accepts.
fn dial_first(addresses: &[SocketAddr], limits: &mut Limits<'_>) -> Result<Dialled, Failure> {
    let mut last = Failure::Io(io::Error::new(io::ErrorKind::NotFound, "the host has no such address"));
    for (index, address) in addresses.iter().enumerate() {
        match dial_tcp(*address, &mut limits.share(addresses.len() - index)) {
            Err(Failure::Io(error)) => last = Failure::Io(error),
            other => return other,
        }
    }
    Err(last)
}

fn dial_socket(address: &SocketAddrUnix, limits: &mut Limits<'_>) -> Result<Dialled, Failure> {
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    loop {
        // A frozen server accepts no connection, and connecting blocks once its backlog is full; unix(7) sockets then obey the time
        // limit for sending and say EAGAIN.
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(limits.slice()?))?;
        match net::connect(&socket, address) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            other => break other?,
        }
    }
    Ok(DefaultStream::from_unix_stream(UnixStream::from(socket))?)
}

fn dial_tcp(address: SocketAddr, limits: &mut Limits<'_>) -> Result<Dialled, Failure> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    match net::connect(&socket, &address) {
        Err(Errno::INPROGRESS | Errno::INTR) => loop {
            let slice = Timespec::try_from(limits.slice()?).ok();
            match rustix::event::poll(&mut [PollFd::new(&socket, PollFlags::OUT)], slice.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                other => {
                    other?;
                    break sockopt::socket_error(&socket)??;
                }
            }
        },
        other => other?,
    }
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(DefaultStream::from_tcp_stream(stream)?)
}

/// All addresses of `host`. A name is looked up on a thread of its own, because nothing ends the lookup early.
fn resolve(host: &str, port: u16, family: IpFamily, limits: &mut Limits<'_>) -> Result<Vec<SocketAddr>, Failure> {
    let found = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => look_up((host.to_owned(), port), limits)?,
    };
    let wanted = |address: &SocketAddr| match family {
        IpFamily::Any => true,
        IpFamily::V4 => address.is_ipv4(),
        IpFamily::V6 => address.is_ipv6(),
    };
    Ok(found.into_iter().filter(wanted).collect())
}

fn look_up(name: (String, u16), limits: &mut Limits<'_>) -> Result<Vec<SocketAddr>, Failure> {
    let (answer, answered) = mpsc::channel();
    thread::Builder::new().name("rustcam lookup".to_owned()).spawn(move || {
        // Nobody receives the answer if the deadline came first.
        let _ = answer.send(name.to_socket_addrs().map(Iterator::collect));
    })?;
    loop {
        match answered.recv_timeout(limits.slice()?) {
            Ok(addresses) => return Ok(addresses?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the lookup ended early").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::clock::MonotonicClock;
    use crate::error::ErrorKind;

    /// Runs `f` with limits of `time`, and an interrupt that fails after that many checks.
    fn limited<T>(time: Duration, checks: u32, f: impl FnOnce(&mut Limits<'_>) -> T) -> T {
        let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
        let mut left = checks;
        let mut interrupt = || {
            left = left.checked_sub(1).ok_or_else(|| Error::new(ErrorKind::Interrupted, "enough"))?;
            Ok(())
        };
        f(&mut Limits { clock: &clock, deadline: clock.now() + time, interrupt: &mut interrupt })
    }

    /// An address that never answers, and what keeps it so: a listener whose backlog is full.
    fn silent() -> (SocketAddr, impl Sized) {
        let socket = net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        net::bind(&socket, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        net::listen(&socket, 0).expect("it listens");
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().expect("it is bound");
        let held: Vec<_> =
            std::iter::from_fn(|| TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok()).collect();
        (address, (listener, held))
    }

    #[test]
    fn all_addresses_of_a_host_are_tried_in_turn() {
        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let good = server.local_addr().expect("it is bound");
        let refused = SocketAddr::new("127.0.0.2".parse().expect("an address"), good.port());
        let (silent, _held) = silent();
        let second = Duration::from_secs(1);
        assert!(limited(second, u32::MAX, |limits| dial_first(&[refused, silent, good], limits)).is_ok());
        let failed = limited(second, u32::MAX, |limits| dial_first(&[refused], limits)).err();
        assert!(matches!(failed, Some(Failure::Io(error)) if error.kind() == io::ErrorKind::ConnectionRefused));
    }

    #[test]
    fn dialling_ends_at_the_deadline_or_by_an_interrupt() {
        let (silent, _held) = silent();
        let ended = limited(Duration::from_millis(50), u32::MAX, |limits| dial_first(&[silent], limits)).err();
        assert!(matches!(ended, Some(Failure::Io(error)) if super::super::error::is_timeout(&error)));
        let ended = limited(Duration::from_secs(60), 3, |limits| dial_first(&[silent], limits)).err();
        assert!(matches!(ended, Some(Failure::Interrupted(error)) if error.kind() == ErrorKind::Interrupted));
    }

    #[test]
    fn a_name_is_looked_up_and_its_family_respected() {
        let look_up = |host, family| limited(Duration::from_secs(5), u32::MAX, |l| resolve(host, 6005, family, l)).ok();
        let local = SocketAddr::from(([127, 0, 0, 1], 6005));
        assert_eq!(look_up("localhost", IpFamily::V4).as_deref(), Some(&[local][..]));
        assert_eq!(look_up("127.0.0.1", IpFamily::Any).as_deref(), Some(&[local][..]));
        assert_eq!(look_up("127.0.0.1", IpFamily::V6).as_deref(), Some(&[][..]));
        assert_eq!(look_up("no such host", IpFamily::Any), None);
    }
}
