//! The desktop of an X server.
//!
//! Outputs are the monitors of RANDR. The DAMAGE extension says when and where something was drawn, MIT-SHM and RENDER bring the
//! pixels, XFIXES the shape of the pointer; each of them may be missing, and then [`Source::fallback`] says what that costs. Only one
//! request reads the screen per read, because a server may serve other clients between two requests, never within one.
//!
//! The server is somebody else's process and may freeze or die at any time. Every step that waits for it obeys the deadline of the
//! call, and nothing more is sent to a server that owes an answer.

pub(in crate::source) mod advice;
mod batch;
mod wait;
mod waker;

mod client;
mod connect;
mod cursor;
mod damage;
mod error;
mod facts;
mod loss;
mod monitors;
mod motion;
mod read;
mod segment;
mod server;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use self::batch::{Target, Want};
use self::client::Client;
use self::connect::{default_display, OPENING};
use self::error::{unusable, ProtocolError};
pub use self::facts::facts;
use self::segment::Transport;
use self::server::Server;
use self::waker::WakeFd;
use super::options::OpenOptions;
use super::output::{select, Output};
use super::{check_parts, Change, Outcome, Sink, Source, Waker};
use crate::clock::{Clock, MonotonicClock};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Damage, Pointer};
use crate::geometry::{Point, Rect, Size};
use crate::memory::Memory;
use crate::region::covers;

/// All outputs of the server that `$DISPLAY` names; exactly one is primary.
///
/// # Errors
/// `Duplication` if there is no server or it refuses.
pub fn outputs() -> Result<Vec<Output>> {
    outputs_of(&default_display()?)
}

/// All outputs of the server at `display`.
#[doc(hidden)]
pub fn outputs_of(display: &str) -> Result<Vec<Output>> {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    let server = Server::open(display, &clock, clock.now() + OPENING)?;
    monitors::query(&server).map(|layout| layout.outputs).map_err(|error| unusable(display, error))
}

/// One output of an X server.
pub struct X11Source {
    clock: Arc<dyn Clock>,
    watch_pointer: bool,
    display: String,
    /// The process that opened the connection. A forked child shares the socket; if it wrote, it would garble the parent's requests.
    process: u32,
    client: Client,
    wake_fd: Option<WakeFd>,
    output: Output,
    /// Every drawing concerns the output, because it is the whole screen.
    covers_root: bool,
    pointer: Pointer,
    /// The desktop as it is has not been reported.
    first: bool,
    /// When the next present is made up, where the server does not report any.
    next_present: Duration,
    /// The loss that only a rebuild cures.
    lost: Option<Error>,
}

impl X11Source {
    /// Opens an output of the server that `$DISPLAY` names.
    ///
    /// # Errors
    /// As for [`super::open`].
    pub fn open(options: &OpenOptions) -> Result<Self> {
        Self::open_display(options, &default_display()?)
    }

    /// Opens an output of the server at `display`.
    #[doc(hidden)]
    pub fn open_display(options: &OpenOptions, display: &str) -> Result<Self> {
        let clock = Arc::clone(&options.clock);
        let deadline = clock.now() + OPENING;
        let client = Client::open(display, &clock, options.watch_pointer, deadline)?;
        let layout = monitors::query(&client.server).map_err(|error| unusable(display, error))?;
        let output = select(&layout.outputs, options.device, options.output)?.clone();
        let mut source = Self {
            clock,
            watch_pointer: options.watch_pointer,
            display: display.to_owned(),
            process: std::process::id(),
            client,
            wake_fd: WakeFd::new(),
            output,
            covers_root: false,
            pointer: Pointer::default(),
            first: true,
            next_present: Duration::ZERO,
            lost: None,
        };
        let output = source.output.clone();
        source.adopt(output, layout.root).map_err(|error| unusable(display, error))?;
        Ok(source)
    }

    /// Makes `output` of a screen of size `root` the one that is shown.
    fn adopt(&mut self, output: Output, root: Size) -> std::result::Result<(), ProtocolError> {
        self.output = output;
        self.covers_root = self.place() == root.rect();
        self.first = true;
        self.next_present = Duration::ZERO;
        self.client.layout_stale = false;
        if let Some(damage) = &mut self.client.damage {
            damage.reset();
        }
        let place = self.place();
        self.pointer = self.client.ask_pointer(place)?;
        Ok(())
    }

    /// The output on the root window.
    fn place(&self) -> Rect {
        Rect::at(self.output.position, self.output.size)
    }

    /// Every call that uses the connection starts here.
    fn begin(&self, timeout: Duration) -> Result<Duration> {
        self.check_process()?;
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        let deadline = self.clock.now().saturating_add(timeout);
        self.client.server.set_limit(deadline);
        Ok(deadline)
    }

    fn check_process(&self) -> Result<()> {
        if std::process::id() == self.process {
            return Ok(());
        }
        Err(Error::new(ErrorKind::WrongState, "the capture was opened in another process")
            .with_hint(advice::FORKED.hint))
    }
}

impl Source for X11Source {
    fn output(&self) -> &Output {
        &self.output
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        let deadline = self.begin(timeout)?;
        match self.watch(deadline) {
            Ok(change) => Ok(change),
            Err(ProtocolError::TimedOut) => Ok(Change::default()),
            Err(error) => Err(self.lose(error)),
        }
    }

    fn waker(&self) -> Option<Waker> {
        self.wake_fd.as_ref().map(WakeFd::waker)
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        self.begin(timeout)?;
        let place = self.place();
        let everything = Damage::everything(self.output.texture_size().rect());
        let client = &mut self.client;
        let taken = client.settle(place).and_then(|()| match &mut client.damage {
            Some(damage) => damage.take(&client.server, place),
            None => Ok(None),
        });
        match taken {
            Ok(Some(dirty)) => Ok(Damage { dirty, moves: Vec::new() }),
            Ok(None) | Err(ProtocolError::TimedOut) => Ok(everything),
            Err(error) => Err(self.lose(error)),
        }
    }

    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
        self.begin(timeout)?;
        check_parts(parts, self.output.texture_size().rect())?;
        if parts.is_empty() {
            return Ok(Outcome::Done(()));
        }
        loop {
            match self.read_once(parts, sink) {
                Ok(outcome) => return Ok(outcome),
                Err(ProtocolError::TimedOut) => return Ok(Outcome::Pending),
                Err(ProtocolError::Refused(error)) if self.client.segments.transport != Transport::Socket => {
                    self.client.degrade(&error);
                }
                Err(error) => return Err(self.lose(error)),
            }
        }
    }

    fn allocate(&mut self, size: Size) -> Option<Memory> {
        self.begin(Duration::ZERO).ok()?;
        // Not while the server owes an answer: it may be frozen, and what is sent to it now stays in the socket.
        if self.client.segments.transport != Transport::Composite || self.client.batch.is_some() {
            return None;
        }
        self.client.server.settle().ok()?;
        let memory = self.client.segments.map(&self.client.server, size, true).ok()??;
        self.client.server.settle().ok()?;
        Some(memory)
    }

    fn read_into(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        parts: &[Rect],
        timeout: Duration,
    ) -> Result<Outcome> {
        self.begin(timeout)?;
        let segment = self.client.segments.find(memory).filter(|s| s.size == size);
        let Some((_, picture)) = segment.and_then(|s| s.target) else { return Ok(Outcome::Unsupported) };
        let area = Rect::at(origin, size);
        check_parts(parts, area.intersection(self.output.texture_size().rect()).unwrap_or_default())?;
        if parts.is_empty() {
            return Ok(Outcome::Done(()));
        }
        let want = Want { target: Target::Picture { picture, origin }, parts: parts.to_vec(), changed: None };
        match self.capture(&want, covers(parts, area)) {
            Ok(outcome) => Ok(outcome.map(drop)),
            Err(ProtocolError::TimedOut) => Ok(Outcome::Pending),
            Err(ProtocolError::Refused(error)) => {
                self.client.degrade(&error);
                Ok(Outcome::Unsupported)
            }
            Err(error) => Err(self.lose(error)),
        }
    }

    fn refresh(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        stale: &[Rect],
        timeout: Duration,
    ) -> Result<Outcome<Damage>> {
        self.begin(timeout)?;
        let segment = self.client.segments.find(memory).filter(|s| s.size == size);
        let Some((_, picture)) = segment.and_then(|s| s.target) else { return Ok(Outcome::Unsupported) };
        let area = Rect::at(origin, size);
        check_parts(stale, area.intersection(self.output.texture_size().rect()).unwrap_or_default())?;
        let want = Want { target: Target::Picture { picture, origin }, parts: stale.to_vec(), changed: Some(area) };
        let place = self.place();
        let refreshed = self.capture(&want, false).and_then(|outcome| {
            if outcome == Outcome::Unsupported {
                return Ok(Outcome::Unsupported);
            }
            let Client { server, damage, .. } = &mut self.client;
            let dirty = match damage {
                Some(damage) => damage.take(server, place)?,
                None => None,
            };
            let dirty = dirty.unwrap_or_else(|| vec![Rect::at(Point::default(), place.size())]);
            Ok(outcome.map(|_| Damage { dirty, moves: Vec::new() }))
        });
        match refreshed {
            Ok(refreshed) => Ok(refreshed),
            Err(ProtocolError::TimedOut) => Ok(Outcome::Pending),
            Err(ProtocolError::Refused(error)) => {
                self.client.degrade(&error);
                Ok(Outcome::Unsupported)
            }
            Err(error) => Err(self.lose(error)),
        }
    }

    fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    fn rebuild(&mut self, timeout: Duration) -> Result<()> {
        self.check_process()?;
        let deadline = self.clock.now().saturating_add(timeout);
        let result = self.regain(deadline);
        if let Err(error) = &result {
            self.lost = Some(error.clone());
        }
        result
    }

    fn fallback(&self) -> Option<&str> {
        self.client.fallback.as_deref()
    }
}
