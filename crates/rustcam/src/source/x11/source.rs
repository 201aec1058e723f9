//! The source: each call checks whether it may use the connection, sets its deadline, and turns what went wrong into an outcome.

use std::time::Duration;

use super::advice;
use super::batch::{ReadSpec, Scope};
use super::client::Client;
use super::connect::default_display;
use super::error::{unusable, ProtocolError};
use super::monitor::Monitor;
use super::server::Server;
use super::subject::{Found, Subject};
use super::waker::WakeFd;
use super::window::TrackedWindow;
use super::{read, recover, wait};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Damage, Pointer};
use crate::geometry::{Point, Rect, Size};
use crate::memory::Memory;
use crate::region::covers;
use crate::source::{check_parts, Change, CheckInterrupt, OpenOptions, Outcome, Output, Sink, Source, Waker};

/// How long an attempt to open an output may take at least, also when the time for opening it is over: a server on this machine needs some
/// milliseconds.
const ATTEMPT: Duration = Duration::from_millis(100);

/// How long it may take to keep the display awake, or no longer. What was not sent by then goes with the next request.
const AWAKE: Duration = Duration::from_millis(20);

/// One output or one window of an X server.
pub struct X11Source {
    client: Client,
    wake_fd: Option<WakeFd>,
    /// The process that opened the connection. A forked child shares the socket; if it wrote, it would garble the parent's requests.
    process: u32,
}

impl X11Source {
    /// Opens an output or a window of the server that `$DISPLAY` names.
    ///
    /// # Errors
    /// As for [`open`](crate::source::open()).
    pub fn open(options: &OpenOptions, interrupt: &mut CheckInterrupt<'_>) -> Result<Self> {
        Self::open_at(options, &default_display()?, interrupt)
    }

    /// Opens an output or a window of the server at `display`.
    #[doc(hidden)]
    pub fn open_display(options: &OpenOptions, display: &str) -> Result<Self> {
        Self::open_at(options, display, &mut || Ok(()))
    }

    fn open_at(options: &OpenOptions, display: &str, interrupt: &mut CheckInterrupt<'_>) -> Result<Self> {
        let left = options.timeout.saturating_sub(options.waited()).max(ATTEMPT);
        let server = Server::open(display, &options.clock, options.clock.now().saturating_add(left), interrupt)?;
        let (subject, found) = choose(&server, options).map_err(|error| unusable(display, error))?;
        let client = Client::open(server, subject, found, options.watch_pointer)?;
        Ok(Self { client, wake_fd: WakeFd::new(), process: std::process::id() })
    }

    /// Every call that uses the connection starts here: it may take `timeout`.
    fn begin(&mut self, timeout: Duration) -> Result<&mut Client> {
        self.check_process()?;
        if let Some(lost) = &self.client.lost {
            return Err(lost.clone());
        }
        let server = &self.client.server;
        server.set_limit(server.now().saturating_add(timeout));
        Ok(&mut self.client)
    }

    fn check_process(&self) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(Error::new(ErrorKind::WrongState, "the capture was opened in another process")
            .with_hint(advice::FORKED.hint))
    }
}

/// The output or the window that `options` mean.
fn choose(server: &Server, options: &OpenOptions) -> std::result::Result<(Box<dyn Subject>, Found), ProtocolError> {
    if let Some(target) = &options.window {
        let mut window = TrackedWindow::choose(server, target)?;
        let found = window.find(server)?;
        return Ok((Box::new(window), found));
    }
    let (monitor, found) = Monitor::choose(server, options.device, &options.output)?;
    Ok((Box::new(monitor), found))
}

/// The outcome of a read. An answer that did not come in time is pending; everything else that went wrong is a loss.
fn outcome<T>(client: &mut Client, result: std::result::Result<Outcome<T>, ProtocolError>) -> Result<Outcome<T>> {
    match result {
        Ok(outcome) => Ok(outcome),
        Err(ProtocolError::TimedOut) => Ok(Outcome::Pending),
        Err(error) => Err(recover::lose(client, error)),
    }
}

impl Source for X11Source {
    fn output(&self) -> &Output {
        &self.client.desktop.view.output
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        self.begin(timeout)?;
        match wait::wait(&mut self.client, self.wake_fd.as_ref()) {
            Ok(change) => Ok(change),
            Err(ProtocolError::TimedOut) => Ok(Change::default()),
            Err(error) => Err(recover::lose(&mut self.client, error)),
        }
    }

    fn waker(&self) -> Option<Waker> {
        self.wake_fd.as_ref().map(WakeFd::waker)
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        let client = self.begin(timeout)?;
        match client.settle().and_then(|()| client.desktop.take_damage(&client.server)) {
            Ok(damage) => Ok(damage),
            Err(ProtocolError::TimedOut) => Ok(Damage::everything(client.desktop.view.texture())),
            Err(error) => Err(recover::lose(client, error)),
        }
    }

    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
        let client = self.begin(timeout)?;
        check_parts(parts, client.desktop.view.texture())?;
        if parts.is_empty() {
            return Ok(Outcome::Done(()));
        }
        let result = read::read(client, parts, sink);
        outcome(client, result)
    }

    fn allocate(&mut self, size: Size) -> Option<Memory> {
        let client = self.begin(Duration::ZERO).ok()?;
        // Not while an answer is awaited: the server may be frozen, and what is sent to it now stays in the socket.
        if client.batch.is_some() {
            return None;
        }
        client.transport.allocate(&client.server, size).ok()?
    }

    fn read_into(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        parts: &[Rect],
        timeout: Duration,
    ) -> Result<Outcome> {
        let client = self.begin(timeout)?;
        let Some(target) = client.transport.picture(memory, size, origin) else { return Ok(Outcome::Unsupported) };
        let area = Rect::at(origin, size);
        check_parts(parts, area.intersection(client.desktop.view.texture()).unwrap_or_default())?;
        if parts.is_empty() {
            return Ok(Outcome::Done(()));
        }
        let scope = if covers(parts, area) { Scope::Complete } else { Scope::Parts };
        let result = read::capture(client, &ReadSpec { target, parts: parts.to_vec(), scope });
        outcome(client, result.map(|captured| captured.map(drop)))
    }

    fn refresh(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        stale: &[Rect],
        timeout: Duration,
    ) -> Result<Outcome<Damage>> {
        let client = self.begin(timeout)?;
        let Some(target) = client.transport.picture(memory, size, origin) else { return Ok(Outcome::Unsupported) };
        let area = Rect::at(origin, size);
        check_parts(stale, area.intersection(client.desktop.view.texture()).unwrap_or_default())?;
        let spec = ReadSpec { target, parts: stale.to_vec(), scope: Scope::Changes(area) };
        let result = read::refresh(client, &spec);
        outcome(client, result)
    }

    fn pointer(&self) -> &Pointer {
        &self.client.desktop.pointer
    }

    fn rebuild(&mut self, timeout: Duration) -> Result<()> {
        self.check_process()?;
        let deadline = self.client.server.now().saturating_add(timeout);
        recover::rebuild(&mut self.client, deadline)
    }

    fn keep_awake(&mut self, on: bool) {
        if self.begin(AWAKE).is_ok() {
            self.client.keep_awake(on);
        }
    }

    fn fallback(&self) -> Option<&str> {
        self.client.fallback()
    }
}
