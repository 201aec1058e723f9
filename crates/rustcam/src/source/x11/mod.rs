//! The desktop of an X server.
//!
//! Outputs are the monitors of RANDR. The DAMAGE extension says when and where something was drawn, MIT-SHM and RENDER bring the
//! pixels, XFIXES the shape of the pointer; each of them may be missing, and then [`Source::fallback`] says what that costs. Only one
//! request reads the screen per read, because a server may serve other clients between two requests, never within one.
//!
//! The server is somebody else's process and may freeze or die at any time. Every step that waits for it obeys the deadline of the
//! call, and nothing more is sent to a server that owes an answer.

pub(in crate::source) mod advice;
mod alarm;
mod capture;
mod changes;
mod connection;
mod cursor;
mod damage;
mod desk;
mod facts;
mod loss;
mod monitors;
mod motion;
mod reading;
mod segment;
mod server;

use std::sync::Arc;
use std::time::Duration;

use self::alarm::Alarm;
use self::capture::{Target, Want};
use self::connection::{no_server, unusable, Fault};
use self::desk::Desk;
pub use self::facts::facts;
use self::reading::{check_parts, covers};
use self::segment::Transport;
use self::server::Server;
use super::{select, Change, OpenOptions, Output, Read, Source, Waker};
use crate::clock::{Clock, MonotonicClock};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Damage, ImageRef, Pointer};
use crate::geometry::{Point, Rect, Size};
use crate::memory::Memory;

/// How long a server may take to let us in.
const OPENING: Duration = Duration::from_secs(5);

/// All outputs of the server that `$DISPLAY` names; exactly one is primary.
///
/// # Errors
/// `Duplication` if there is no server or it refuses.
pub fn outputs() -> Result<Vec<Output>> {
    outputs_of(&display()?)
}

/// All outputs of the server at `display`.
#[doc(hidden)]
pub fn outputs_of(display: &str) -> Result<Vec<Output>> {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    let server = Server::open(display, &clock, clock.now() + OPENING)?;
    monitors::query(&server).map(|layout| layout.outputs).map_err(|fault| unusable(display, fault))
}

fn display() -> Result<String> {
    match std::env::var("DISPLAY") {
        Ok(name) if !name.is_empty() => Ok(name),
        Ok(_) | Err(std::env::VarError::NotPresent) => {
            Err(Error::new(ErrorKind::Duplication, "there is no X server: DISPLAY is not set").with_hint(no_server()))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Error::new(ErrorKind::Duplication, "DISPLAY is not the name of an X server").with_hint(no_server()))
        }
    }
}

/// One output of an X server.
pub struct X11Source {
    clock: Arc<dyn Clock>,
    watch_pointer: bool,
    display: String,
    /// The process that opened the connection. A forked child shares the socket; if it wrote, it would garble the parent's requests.
    process: u32,
    desk: Desk,
    alarm: Option<Alarm>,
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
        Self::open_display(options, &display()?)
    }

    /// Opens an output of the server at `display`.
    #[doc(hidden)]
    pub fn open_display(options: &OpenOptions, display: &str) -> Result<Self> {
        let clock = Arc::clone(&options.clock);
        let deadline = clock.now() + OPENING;
        let desk = Desk::open(display, &clock, options.watch_pointer, deadline)?;
        let layout = monitors::query(&desk.server).map_err(|fault| unusable(display, fault))?;
        let output = select(&layout.outputs, options.device, options.output)?.clone();
        let mut source = Self {
            clock,
            watch_pointer: options.watch_pointer,
            display: display.to_owned(),
            process: std::process::id(),
            desk,
            alarm: Alarm::new(),
            output,
            covers_root: false,
            pointer: Pointer::default(),
            first: true,
            next_present: Duration::ZERO,
            lost: None,
        };
        let output = source.output.clone();
        source.adopt(output, layout.root).map_err(|fault| unusable(display, fault))?;
        Ok(source)
    }

    /// Makes `output` of a screen of size `root` the one that is shown.
    fn adopt(&mut self, output: Output, root: Size) -> std::result::Result<(), Fault> {
        self.output = output;
        self.covers_root = self.place() == root.rect();
        self.first = true;
        self.next_present = Duration::ZERO;
        self.desk.layout_stale = false;
        if let Some(damage) = &mut self.desk.damage {
            damage.reset();
        }
        let place = self.place();
        self.pointer = self.desk.ask_pointer(place)?;
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
        self.desk.server.set_limit(deadline);
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
            Err(Fault::Late) => Ok(Change::default()),
            Err(fault) => Err(self.lose(fault)),
        }
    }

    fn waker(&self) -> Option<Waker> {
        self.alarm.as_ref().map(Alarm::waker)
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        self.begin(timeout)?;
        let place = self.place();
        let everything = || Damage { dirty: vec![self.output.texture_size().rect()], moves: Vec::new() };
        let everything = everything();
        let desk = &mut self.desk;
        let taken = desk.settle(place).and_then(|()| match &mut desk.damage {
            Some(damage) => damage.take(&desk.server, place),
            None => Ok(None),
        });
        match taken {
            Ok(Some(dirty)) => Ok(Damage { dirty, moves: Vec::new() }),
            Ok(None) | Err(Fault::Late) => Ok(everything),
            Err(fault) => Err(self.lose(fault)),
        }
    }

    fn read(
        &mut self,
        parts: &[Rect],
        timeout: Duration,
        sink: &mut dyn FnMut(Rect, ImageRef<'_>, &Pointer),
    ) -> Result<Read> {
        self.begin(timeout)?;
        check_parts(parts, self.output.texture_size().rect())?;
        if parts.is_empty() {
            return Ok(Read::Done);
        }
        loop {
            match self.read_once(parts, sink) {
                Ok(read) => return Ok(read),
                Err(Fault::Late) => return Ok(Read::Pending),
                Err(Fault::Refused(error)) if self.desk.segments.transport != Transport::Socket => {
                    self.desk.degrade(&error);
                }
                Err(fault) => return Err(self.lose(fault)),
            }
        }
    }

    fn allocate(&mut self, size: Size) -> Option<Memory> {
        self.begin(Duration::ZERO).ok()?;
        // Not while the server owes an answer: it may be frozen, and what is sent to it now stays in the socket.
        if self.desk.segments.transport != Transport::Composite || self.desk.batch.is_some() {
            return None;
        }
        self.desk.server.settle().ok()?;
        let memory = self.desk.segments.map(&self.desk.server, size, true).ok()??;
        self.desk.server.settle().ok()?;
        Some(memory)
    }

    fn read_into(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        parts: &[Rect],
        timeout: Duration,
    ) -> Result<Option<Read>> {
        self.begin(timeout)?;
        let segment = self.desk.segments.find(memory).filter(|s| s.size == size);
        let Some((_, picture)) = segment.and_then(|s| s.target) else { return Ok(None) };
        let area = Rect::at(origin, size);
        check_parts(parts, area.intersection(self.output.texture_size().rect()).unwrap_or_default())?;
        if parts.is_empty() {
            return Ok(Some(Read::Done));
        }
        let want = Want { target: Target::Picture { picture, origin }, parts: parts.to_vec(), changed: None };
        match self.capture(&want, covers(parts, area)) {
            Ok(captured) => Ok(captured.map(|(read, _)| read)),
            Err(Fault::Late) => Ok(Some(Read::Pending)),
            Err(Fault::Refused(error)) => {
                self.desk.degrade(&error);
                Ok(None)
            }
            Err(fault) => Err(self.lose(fault)),
        }
    }

    fn refresh(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        stale: &[Rect],
        timeout: Duration,
    ) -> Result<Option<(Read, Damage)>> {
        self.begin(timeout)?;
        let segment = self.desk.segments.find(memory).filter(|s| s.size == size);
        let Some((_, picture)) = segment.and_then(|s| s.target) else { return Ok(None) };
        let area = Rect::at(origin, size);
        check_parts(stale, area.intersection(self.output.texture_size().rect()).unwrap_or_default())?;
        let want = Want { target: Target::Picture { picture, origin }, parts: stale.to_vec(), changed: Some(area) };
        let place = self.place();
        let refreshed = self.capture(&want, false).and_then(|captured| {
            let Some((read, _)) = captured else { return Ok(None) };
            let Desk { server, damage, .. } = &mut self.desk;
            let dirty = match damage {
                Some(damage) => damage.take(server, place)?,
                None => None,
            };
            let dirty = dirty.unwrap_or_else(|| vec![Rect::at(Point::default(), place.size())]);
            Ok(Some((read, Damage { dirty, moves: Vec::new() })))
        });
        match refreshed {
            Ok(refreshed) => Ok(refreshed),
            Err(Fault::Late) => Ok(Some((Read::Pending, Damage::default()))),
            Err(Fault::Refused(error)) => {
                self.desk.degrade(&error);
                Ok(None)
            }
            Err(fault) => Err(self.lose(fault)),
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
        self.desk.fallback.as_deref()
    }
}
