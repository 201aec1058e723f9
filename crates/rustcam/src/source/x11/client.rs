//! One connection with everything that lives and dies with it.

use std::sync::Arc;
use std::time::Duration;

use x11rb::connection::{Connection as _, SequenceNumber};
use x11rb::protocol::render::Picture;
use x11rb::protocol::shm::Seg;
use x11rb::protocol::xfixes::Region;
use x11rb::protocol::xproto::GetInputFocusReply;
use x11rb::protocol::Event;

use super::batch::Batch;
use super::cursor::Watch;
use super::damage::Tracker;
use super::error::{describe, unusable, ProtocolError};
use super::segment::{Segments, Transport};
use super::server::Server;
use crate::clock::Clock;
use crate::error::Result;
use crate::frame::Pointer;
use crate::geometry::{Rect, Size};
use crate::memory::Memory;

/// A server followed: its damage, its pointer, the memory shared with it, and the read under way.
pub(super) struct Client {
    pub(super) server: Server,
    clock: Arc<dyn Clock>,
    pub(super) damage: Option<Tracker>,
    pub(super) cursor: Option<Watch>,
    pub(super) segments: Segments,
    /// The source's own memory for reads whose destination is not shared memory.
    pub(super) scratch: Option<Memory>,
    /// A region for what a read brings up to date.
    pub(super) clip: Option<Region>,
    pub(super) batch: Option<Batch>,
    /// The last request of a step of [`Client::touch`] that has not been answered.
    touching: Option<SequenceNumber>,
    /// The arrangement of the outputs may have changed.
    pub(super) layout_stale: bool,
    /// The connection is unusable; only another one helps.
    pub(super) dead: bool,
    /// Slower ways that the server forces upon us, in words.
    pub(super) fallback: Option<String>,
    notes: Vec<String>,
}

impl Client {
    /// Connects to `display` and starts to follow it.
    ///
    /// # Errors
    /// `Duplication`.
    pub(super) fn open(display: &str, clock: &Arc<dyn Clock>, watch_pointer: bool, deadline: Duration) -> Result<Self> {
        let server = Server::open(display, clock, deadline)?;
        server.check_pixels()?;
        let parts = (|| {
            let segments = Segments::probe(&server)?;
            let damage = Tracker::create(&server)?;
            let cursor = if watch_pointer { Watch::create(&server)? } else { None };
            Ok((segments, damage, cursor))
        })();
        let (segments, damage, cursor) = parts.map_err(|error| unusable(display, error))?;
        let mut notes = Vec::new();
        match &damage {
            None => notes.push(
                "the DAMAGE extension is not available: every refresh interval counts as a new image, and all of it as changed".to_owned(),
            ),
            Some(damage) if !damage.is_exact() => {
                notes.push("the XFIXES extension is not available: every change counts as a change of everything".to_owned());
            }
            Some(_) => {}
        }
        if watch_pointer && cursor.is_none() {
            notes.push("the XFIXES extension is not available: the pointer cannot be shown".to_owned());
        }
        let clock = Arc::clone(clock);
        let mut client = Self {
            server,
            clock,
            damage,
            cursor,
            segments,
            scratch: None,
            clip: None,
            batch: None,
            touching: None,
            layout_stale: false,
            dead: false,
            fallback: None,
            notes,
        };
        client.explain();
        Ok(client)
    }

    /// Works out [`Client::fallback`].
    fn explain(&mut self) {
        let reasons: Vec<_> = self.segments.reason.iter().chain(&self.notes).map(String::as_str).collect();
        self.fallback = (!reasons.is_empty()).then(|| reasons.join("; "));
    }

    /// Gives up the present way of getting pixels for the next slower one.
    pub(super) fn degrade(&mut self, error: &x11rb::x11_utils::X11Error) {
        let (way, next) = match self.segments.transport {
            Transport::Composite => ("shared pixmaps", "images are copied once more"),
            Transport::Segment | Transport::Socket => ("shared memory", "images are sent through the socket"),
        };
        self.scratch = None;
        self.segments.degrade(format!("the server refused {way}: {}; {next}", describe(error)));
        self.explain();
    }

    /// Memory for a picture of `size` that only the source uses: its segment and the picture in it. `None` where pixels come through
    /// the socket.
    pub(super) fn scratch(&mut self, size: Size) -> std::result::Result<Option<(Seg, Option<Picture>)>, ProtocolError> {
        if self.segments.transport == Transport::Socket {
            return Ok(None);
        }
        let known = |client: &Self| {
            let segment = client.scratch.as_ref().and_then(|memory| client.segments.find(memory))?;
            (segment.size == size).then_some((segment.shm, segment.target.map(|(_, picture)| picture)))
        };
        if let Some(found) = known(self) {
            return Ok(Some(found));
        }
        self.server.settle()?;
        let pixmap = self.segments.transport == Transport::Composite;
        self.scratch = self.segments.map(&self.server, size, pixmap)?;
        Ok(known(self))
    }

    /// Makes fresh memory ready, one step at a time.
    pub(super) fn touch(&mut self) -> std::result::Result<(), ProtocolError> {
        if let Some(step) = self.touching {
            match self.server.harvest::<GetInputFocusReply>(step) {
                Ok(None) => return Ok(()),
                Ok(Some(_)) | Err(ProtocolError::Refused(_)) => self.touching = None,
                Err(error) => return Err(error),
            }
        }
        if self.batch.is_none() {
            self.touching = self.segments.touch(&self.server)?;
        }
        Ok(())
    }

    /// The pointer right now.
    pub(super) fn ask_pointer(&mut self, place: Rect) -> std::result::Result<Pointer, ProtocolError> {
        let Some(cursor) = &mut self.cursor else { return Ok(Pointer::default()) };
        let query = cursor.ask(&self.server)?;
        let position = self.server.answer(query.position)?;
        // The shape may be in the answer to the question of the last wait, which has come before.
        if let Some(older) = cursor.query.take() {
            cursor.harvest(&self.server, older, place)?;
        }
        cursor.finish(&self.server, query, &position, place)
    }

    /// Takes in all events that have arrived. Costs one system call if there are none.
    pub(super) fn drain(&mut self) -> std::result::Result<(), ProtocolError> {
        while let Some((event, sequence)) = self.server.connection.poll_for_event_with_sequence()? {
            match event {
                Event::DamageNotify(e) => {
                    let time = self.present_time(e.timestamp);
                    if let Some(damage) = self.damage.as_mut().filter(|d| d.id == e.damage) {
                        damage.note(sequence, time);
                    }
                }
                Event::XfixesCursorNotify(e) => {
                    if let Some(cursor) = &mut self.cursor {
                        cursor.note(e.cursor_serial);
                    }
                }
                Event::XinputRawMotion(_) => {
                    if let Some(cursor) = &mut self.cursor {
                        cursor.motion.stir(&self.server, self.clock.now())?;
                    }
                }
                Event::ConfigureNotify(e) if e.window != self.server.screen.root => {}
                Event::RandrNotify(_) | Event::RandrScreenChangeNotify(_) | Event::ConfigureNotify(_) => {
                    self.layout_stale = true;
                }
                Event::Error(e) => match &mut self.batch {
                    Some(batch) if batch.covers(sequence) => batch.failure = Some(e),
                    _ => log::debug!("x11: {}", describe(&e)),
                },
                _ => {}
            }
        }
        Ok(())
    }

    /// The moment of a server timestamp on our clock.
    ///
    /// Servers on this machine count milliseconds of `CLOCK_MONOTONIC`, often of its coarse variant, which lags by up to a tick of the
    /// kernel (4 ms at 250 Hz). So a difference of a few milliseconds means nothing, one of many minutes another clock; between them
    /// it says how long the event has been waiting for us.
    fn present_time(&self, timestamp: u32) -> Duration {
        let now = self.clock.now();
        let age = (now.as_millis() as u32).wrapping_sub(timestamp);
        if self.server.local && (3..600_000).contains(&age) {
            now.saturating_sub(Duration::from_millis(u64::from(age) - 1))
        } else {
            now
        }
    }
}
