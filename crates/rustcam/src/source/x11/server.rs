//! A connected server: its screen, its extensions, and round trips with a deadline.
//!
//! A round trip that timed out leaves an overdue answer. It is waited for before anything else is sent, so that requests never pile up at
//! a server that does not answer.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use x11rb::connection::{Connection as _, ReplyOrError, RequestConnection, SequenceNumber};
use x11rb::cookie::Cookie;
use x11rb::errors::ConnectionError;
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::damage::{self, ConnectionExt as _};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::render::{self, ConnectionExt as _, Directformat, Pictformat, Pictforminfo, Pictvisual};
use x11rb::protocol::screensaver::{self, ConnectionExt as _};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, EventMask, Screen, Visualid};
use x11rb::x11_utils::TryParse;

use super::advice;
use super::connect::{connect, Connected, Connection};
use super::error::{unusable, ProtocolError};
use super::visual;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::source::CheckInterrupt;

/// Picture formats of the RENDER extension.
pub(super) struct Formats {
    /// 32 bit BGRA with alpha.
    pub(super) argb: Pictformat,
    /// For each visual a format without alpha.
    opaque: Vec<(Visualid, Pictformat)>,
}

impl Formats {
    /// The formats that `reply` lists. Copying from a format without alpha makes the destination opaque (RENDER protocol, section 6); one
    /// with alpha is copied as it is. So the format for a visual with alpha is the one that ignores its alpha.
    fn new(reply: &render::QueryPictFormatsReply) -> Option<Self> {
        let colours =
            |d: &Directformat| [(d.red_shift, d.red_mask), (d.green_shift, d.green_mask), (d.blue_shift, d.blue_mask)];
        let argb = reply.formats.iter().find(|f| {
            let d = &f.direct;
            let bgr = [(16, 0xff), (8, 0xff), (0, 0xff)];
            f.depth == 32 && (d.alpha_shift, d.alpha_mask) == (24, 0xff) && colours(d) == bgr
        })?;
        let opaque_for = |visual: &Pictvisual| {
            let own = reply.formats.iter().find(|f| f.id == visual.format)?;
            let alike = |f: &&Pictforminfo| f.depth == own.depth && colours(&f.direct) == colours(&own.direct);
            let opaque = reply.formats.iter().filter(alike).find(|f| f.direct.alpha_mask == 0)?;
            Some((visual.visual, opaque.id))
        };
        let visuals = reply.screens.iter().flat_map(|s| &s.depths).flat_map(|d| &d.visuals);
        Some(Self { argb: argb.id, opaque: visuals.filter_map(opaque_for).collect() })
    }

    /// The format without alpha for `visual`.
    pub(super) fn opaque(&self, visual: Visualid) -> Option<Pictformat> {
        self.opaque.iter().find(|(id, _)| *id == visual).map(|(_, format)| *format)
    }
}

/// Extensions that can be used.
#[derive(Clone, Copy, Default)]
pub(super) struct Extensions {
    /// RANDR 1.5 or later: the server knows monitors.
    pub(super) monitors: bool,
    pub(super) xfixes: bool,
    pub(super) damage: bool,
}

/// A connection, and what is at its other end.
pub(super) struct Server {
    pub(super) connection: Connection,
    /// Its name, as in `$DISPLAY`.
    pub(super) display: String,
    pub(super) screen: Screen,
    pub(super) vendor: String,
    pub(super) local: bool,
    pub(super) extensions: Extensions,
    /// `None` without RENDER.
    pub(super) formats: Option<Formats>,
    /// `Some` if MIT-SHM can be handed file descriptors; whether it offers pixmaps in shared memory.
    pub(super) shared_pixmaps: Option<bool>,
    /// The request of a round trip that timed out and has not been answered since.
    overdue: Cell<Option<SequenceNumber>>,
}

impl Server {
    /// Connects, learns what the server can do, and asks for events of the root window. `interrupt` is checked while the server does not
    /// answer.
    ///
    /// # Errors
    /// `Duplication`, the interrupt's.
    pub(super) fn open(
        display: &str,
        clock: &Arc<dyn Clock>,
        deadline: Duration,
        interrupt: &mut CheckInterrupt<'_>,
    ) -> Result<Self> {
        let Connected { connection, screen, local } = connect(display, clock, deadline, interrupt)?;
        let setup = connection.setup();
        let vendor = String::from_utf8_lossy(&setup.vendor).into_owned();
        let screen = setup.roots[screen].clone();
        let mut server = Self {
            connection,
            display: display.to_owned(),
            screen,
            vendor,
            local,
            extensions: Extensions::default(),
            formats: None,
            shared_pixmaps: None,
            overdue: Cell::new(None),
        };
        server.negotiate_extensions().map_err(|error| unusable(display, error))?;
        Ok(server)
    }

    /// Refuses a screen whose images are not BGRA in memory.
    ///
    /// # Errors
    /// `Duplication`.
    pub(super) fn check_pixels(&self) -> Result<()> {
        visual::check("screen", self.connection.setup(), &self.screen, self.screen.root_visual)
    }

    /// Refuses a window of `visual` whose images are not BGRA in memory.
    ///
    /// # Errors
    /// `Duplication`.
    pub(super) fn check_window_pixels(&self, visual: Visualid) -> Result<()> {
        visual::check("window", self.connection.setup(), &self.screen, visual)
    }

    fn negotiate_extensions(&mut self) -> std::result::Result<(), ProtocolError> {
        let has = |name| self.connection.extension_information(name).map(|i| i.is_some());
        let root = self.screen.root;
        let (shm, render) = (has(shm::X11_EXTENSION_NAME)?, has(render::X11_EXTENSION_NAME)?);
        let (randr, xfixes) = (has(randr::X11_EXTENSION_NAME)?, has(xfixes::X11_EXTENSION_NAME)?);
        let damage = has(damage::X11_EXTENSION_NAME)?;
        // Servers refuse requests of an extension whose version was never asked for, or behave like its first version.
        if randr {
            let version = self.reply(self.connection.randr_query_version(1, 5))?;
            self.extensions.monitors = (version.major_version, version.minor_version) >= (1, 5);
            let mask = randr::NotifyMask::SCREEN_CHANGE
                | randr::NotifyMask::CRTC_CHANGE
                | randr::NotifyMask::OUTPUT_CHANGE
                | randr::NotifyMask::RESOURCE_CHANGE;
            self.connection.randr_select_input(root, mask)?;
        }
        if xfixes {
            // Regions came with version 2.
            self.extensions.xfixes = self.reply(self.connection.xfixes_query_version(5, 0))?.major_version >= 2;
        }
        if damage {
            self.reply(self.connection.damage_query_version(1, 1))?;
            self.extensions.damage = true;
        }
        if render {
            self.reply(self.connection.render_query_version(0, 11))?;
            let formats = self.reply(self.connection.render_query_pict_formats())?;
            self.formats = Formats::new(&formats);
        }
        if shm && self.local {
            let version = self.reply(self.connection.shm_query_version())?;
            // File descriptors came with version 1.2; System V segments would outlive a crash.
            if (version.major_version, version.minor_version) >= (1, 2) {
                self.shared_pixmaps = Some(version.shared_pixmaps);
            }
        }
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::STRUCTURE_NOTIFY);
        self.connection.change_window_attributes(root, &events)?;
        self.reply(self.connection.get_input_focus())?;
        Ok(())
    }

    /// Suspends the screen saver and the timers that switch the display off, or lets them go on. Nothing happens without version 1.1 of
    /// MIT-SCREEN-SAVER.
    pub(super) fn suspend_screen_saver(&self, suspend: bool) -> std::result::Result<(), ProtocolError> {
        if self.connection.extension_information(screensaver::X11_EXTENSION_NAME)?.is_none() {
            return Ok(());
        }
        let version = self.reply(self.connection.screensaver_query_version(1, 1))?;
        if (version.server_major_version, version.server_minor_version) >= (1, 1) {
            self.connection.screensaver_suspend(u32::from(suspend))?;
            self.connection.flush()?;
        }
        Ok(())
    }

    /// Makes sure that the server has the Composite extension, which windows need.
    ///
    /// # Errors
    /// `Duplication` if not.
    pub(super) fn negotiate_composite(&self) -> std::result::Result<(), ProtocolError> {
        let name = composite::X11_EXTENSION_NAME;
        if self.connection.extension_information(name)?.is_some() {
            let version = self.reply(self.connection.composite_query_version(0, 4))?;
            // Pixmaps of windows came with version 0.2.
            if (version.major_version, version.minor_version) >= (0, 2) {
                return Ok(());
            }
        }
        let message =
            format!("the X server at {} has no {name} extension, which the capture of windows needs", self.display);
        Err(Error::new(ErrorKind::Duplication, message).with_hint(advice::NO_COMPOSITE.hint).into())
    }

    /// The clock of the deadlines.
    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        self.connection.stream().clock()
    }

    /// The present moment.
    pub(super) fn now(&self) -> Duration {
        self.clock().now()
    }

    /// The moment after which nothing blocks any more.
    pub(super) fn limit(&self) -> Duration {
        self.connection.stream().limit()
    }

    /// Sets the moment after which nothing blocks any more.
    pub(super) fn set_limit(&self, limit: Duration) {
        self.connection.stream().set_limit(limit);
    }

    /// The moment of a server timestamp on our clock.
    ///
    /// Servers on this machine count milliseconds of `CLOCK_MONOTONIC`, often of its coarse variant, which lags by up to a tick of the
    /// kernel (4 ms at 250 Hz). So a difference of a few milliseconds means nothing, one of many minutes another clock; between them
    /// it says how long the event has been waiting for us.
    pub(super) fn present_time(&self, timestamp: u32) -> Duration {
        let now = self.now();
        let age = (now.as_millis() as u32).wrapping_sub(timestamp);
        if self.local && (3..600_000).contains(&age) {
            now.saturating_sub(Duration::from_millis(u64::from(age) - 1))
        } else {
            now
        }
    }

    /// Waits for an overdue answer, if there is one.
    pub(super) fn await_overdue(&self) -> std::result::Result<(), ProtocolError> {
        if let Some(sequence) = self.overdue.get() {
            match self.answer(sequence) {
                Ok(_) | Err(ProtocolError::Refused(_)) => self.overdue.set(None),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for an overdue answer and sends what is left to send, so that what comes next starts with an empty buffer.
    pub(super) fn settle(&self) -> std::result::Result<(), ProtocolError> {
        self.await_overdue()?;
        Ok(self.connection.flush()?)
    }

    /// A round trip. If it times out, its answer is overdue, see [`Server::await_overdue`].
    pub(super) fn reply<R: TryParse>(
        &self,
        sent: std::result::Result<Cookie<'_, Connection, R>, ConnectionError>,
    ) -> std::result::Result<R, ProtocolError> {
        let sequence = keep_reply(sent)?;
        match self.answer(sequence) {
            Ok(bytes) => Ok(R::try_parse(&bytes)?.0),
            Err(error) => {
                if matches!(error, ProtocolError::TimedOut) {
                    self.overdue.set(Some(sequence));
                }
                Err(error)
            }
        }
    }

    /// Waits for the answer to request `sequence`. After [`ProtocolError::TimedOut`] the same can be waited for again.
    pub(super) fn answer(&self, sequence: SequenceNumber) -> std::result::Result<Vec<u8>, ProtocolError> {
        match self.connection.wait_for_reply_or_raw_error(sequence)? {
            ReplyOrError::Reply(bytes) => Ok(bytes),
            ReplyOrError::Error(bytes) => Err(ProtocolError::Refused(self.connection.parse_error(&bytes)?)),
        }
    }

    /// The answer to request `sequence` if it was read from the socket already. Nothing is waited for, but x11rb sends what is left to
    /// send.
    pub(super) fn answer_if_read(
        &self,
        sequence: SequenceNumber,
    ) -> std::result::Result<Option<Vec<u8>>, ProtocolError> {
        let limit = self.limit();
        self.set_limit(Duration::ZERO);
        let answer = self.answer(sequence);
        self.set_limit(limit);
        match answer {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ProtocolError::TimedOut) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The number of a request whose reply will be collected by number. Dropping the cookie would discard the reply.
pub(super) fn keep_reply<R: TryParse>(
    sent: std::result::Result<Cookie<'_, Connection, R>, ConnectionError>,
) -> std::result::Result<SequenceNumber, ProtocolError> {
    let cookie = sent?;
    let sequence = cookie.sequence_number();
    std::mem::forget(cookie);
    Ok(sequence)
}
