//! What was drawn on a window, and how much of it the caller knows.
//!
//! Damage passes four stations, each a type of its own:
//!
//! | station | what it holds | leaves with |
//! |---|---|---|
//! | [`ServerRegion`] | what was drawn since the region was last emptied | DAMAGE `Subtract`, which puts it into a region of ours |
//! | [`OurRegion`] | what the last `Subtract` took out | XFIXES `FetchRegion` |
//! | [`InFlight`] | regions that were asked for | their answers |
//! | [`Arrived`] | rectangles inside the captured part | [`Tracker::take`], the caller's question what changed |
//!
//! The server adds up everything drawn in one region per damage object and sends one event when that region stops being empty
//! (report level `NonEmpty`), not one per drawing operation. `Subtract` empties it, so that the next drawing sends an event again. What
//! is drawn after a `Subtract` stays for the next one: nothing is lost, at worst it is reported although a read has already shown it.
//!
//! Without XFIXES there are events but no rectangles: damage goes from the first station to the last, as a change of everything.

use std::time::Duration;

use x11rb::connection::{Connection as _, SequenceNumber};
use x11rb::protocol::damage::Damage as DamageId;
use x11rb::protocol::xfixes::Region as RegionId;
use x11rb::protocol::xproto::Window;

use super::error::ProtocolError;
use super::rects::MOST_RECTS;
use super::server::Server;
use super::stations::{Arrived, InFlight, OurRegion, ServerRegion, Unreported};
use crate::geometry::Rect;

/// The damage of the root window, clipped to one output, or of another window.
pub(super) struct Tracker {
    server_region: ServerRegion,
    /// `None` without XFIXES.
    our_region: Option<OurRegion>,
    in_flight: InFlight,
    arrived: Arrived,
}

impl Tracker {
    /// Starts to follow `window`; `None` without the extension.
    pub(super) fn create(server: &Server, window: Window) -> Result<Option<Self>, ProtocolError> {
        if !server.extensions.damage {
            return Ok(None);
        }
        Ok(Some(Self {
            server_region: ServerRegion::create(server, window)?,
            our_region: OurRegion::create(server)?,
            in_flight: InFlight::default(),
            arrived: Arrived::new(),
        }))
    }

    /// Whether it has rectangles.
    pub(super) fn is_exact(&self) -> bool {
        self.our_region.is_some()
    }

    /// Follows `window` from now on, which may be the same: everything is new.
    pub(super) fn follow(&mut self, window: Window, server: &Server) -> Result<(), ProtocolError> {
        if window != self.server_region.window() {
            self.server_region.free(server)?;
            self.server_region = ServerRegion::create(server, window)?;
            self.set_reported();
        }
        self.arrived = Arrived::new();
        Ok(())
    }

    /// Forgets what the server's region holds. Whether it held anything.
    pub(super) fn forget(&mut self, server: &Server) -> Result<bool, ProtocolError> {
        if self.server_region.time().is_none() {
            return Ok(false);
        }
        self.server_region.discard(server)?;
        server.connection.flush()?;
        Ok(true)
    }

    /// An event: the region of `damage` stopped being empty after request `sequence`.
    pub(super) fn note(&mut self, damage: DamageId, sequence: SequenceNumber, time: Duration) {
        self.server_region.note(damage, sequence, time);
    }

    /// Whether request `read` shows something that was drawn since the server's region was emptied.
    pub(super) fn drawn_before(&self, read: SequenceNumber) -> bool {
        self.server_region.drawn_before(read)
    }

    /// Whether request `read` shows something drawn that the caller does not know the rectangles of.
    pub(super) fn overtakes(&self, read: SequenceNumber) -> bool {
        self.arrived.is_newer_than_caller() || self.arrived.was_asked() && self.drawn_before(read)
    }

    /// The caller was told that a read was overtaken: the next [`Tracker::take`] has to include what the read has shown.
    pub(super) fn expect(&mut self) {
        self.server_region.expect();
    }

    /// Before a complete read: whatever the server has collected so far will be shown by it, so no wait need report it.
    pub(super) fn subtract_before_read(&mut self, server: &Server) -> Result<(), ProtocolError> {
        self.set_reported();
        self.subtract(None, server)
    }

    /// Before a read of everything that changed: a region of the server with all of that and with `stale`, in the coordinates of the
    /// window. `None` if that cannot be had.
    pub(super) fn clip(
        &mut self,
        stale: &[Rect],
        server: &Server,
        place: Rect,
    ) -> Result<Option<RegionId>, ProtocolError> {
        if self.our_region.is_none() || self.arrived.rects().is_none() {
            return Ok(None);
        }
        // Our region holds what the last `Subtract` took out. What earlier ones took out has to be here first.
        if self.on_the_way() + usize::from(self.server_region.time().is_some()) > 1 {
            self.await_all(server, place)?;
        }
        self.subtract(None, server)?;
        self.set_reported();
        let also_held = self.on_the_way() > 0;
        let (Some(ours), Some(known)) = (&self.our_region, self.arrived.rects()) else { return Ok(None) };
        if stale.len() + known.len() > MOST_RECTS {
            return Ok(None);
        }
        let rects = stale.iter().chain(known).copied();
        ours.clip(rects, place.origin(), also_held, server).map(Some)
    }

    /// For a wait: when something was presented that no wait has reported, if anything was. `all` says that every drawing concerns the
    /// captured part.
    pub(super) fn report(&mut self, server: &Server, all: bool) -> Result<Option<Duration>, ProtocolError> {
        let unreported = self.arrived.take_unreported();
        let Some(time) = self.server_region.time() else { return Ok(unreported) };
        if unreported.is_some() {
            return Ok(unreported);
        }
        if all || self.our_region.is_none() {
            // At once, or else what is drawn from now on would not send an event. What was drawn before the server gets to this would
            // not either, so the region has to be reported once more, unless the caller reads or asks for the damage before the next
            // wait.
            self.subtract(Some(time), server)?;
            return Ok(Some(time));
        }
        // The event names only the first rectangle drawn; whether the captured part is concerned, only the region tells.
        if self.on_the_way() == 0 {
            self.subtract(Some(time), server)?;
        }
        Ok(None)
    }

    /// Asks for what our region holds, see [`OurRegion::fetch`].
    pub(super) fn fetch(&mut self, server: &Server) -> Result<Option<SequenceNumber>, ProtocolError> {
        match &mut self.our_region {
            Some(ours) => ours.fetch(&mut self.in_flight, server),
            None => Ok(None),
        }
    }

    /// Takes in the regions that were read from the socket already. `place` is the captured part of the window.
    pub(super) fn receive_all(&mut self, server: &Server, place: Rect) -> Result<(), ProtocolError> {
        self.receive_before(SequenceNumber::MAX, server, place)
    }

    /// The same for those that were asked for before request `end`.
    pub(super) fn receive_before(
        &mut self,
        end: SequenceNumber,
        server: &Server,
        place: Rect,
    ) -> Result<(), ProtocolError> {
        while let Some(sequence) = self.in_flight.first().filter(|sequence| *sequence < end) {
            let Some(answer) = server.answer_if_read(sequence).transpose() else { break };
            self.receive(answer, place)?;
        }
        Ok(())
    }

    /// Takes in the region that was asked for first, see [`InFlight::receive`].
    pub(super) fn receive(&mut self, answer: Result<Vec<u8>, ProtocolError>, place: Rect) -> Result<(), ProtocolError> {
        self.in_flight.receive(answer, &mut self.arrived, place)
    }

    /// For the caller: what changed since the last call, in texture space; `None` for everything. [`ProtocolError::TimedOut`] if the
    /// server takes too long to say.
    pub(super) fn take(&mut self, server: &Server, place: Rect) -> Result<Option<Vec<Rect>>, ProtocolError> {
        self.set_reported();
        if self.arrived.rects().is_none() {
            let everything = self.arrived.take();
            if self.server_region.is_expected() {
                self.server_region.discard(server)?;
                server.connection.flush()?;
            }
            return Ok(everything);
        }
        self.await_all(server, place)?;
        // What the caller does not expect was drawn after its last read. To name it now would say that the read has shown it.
        if self.server_region.is_expected() {
            self.subtract(None, server)?;
            self.await_all(server, place)?;
        }
        Ok(self.arrived.take())
    }

    /// Fetches what overtook a read and says whether it concerns the captured part.
    pub(super) fn confirm(&mut self, server: &Server, place: Rect) -> Result<bool, ProtocolError> {
        if self.our_region.is_none() {
            return Ok(true);
        }
        self.await_all(server, place)?;
        self.subtract(self.server_region.time(), server)?;
        self.await_all(server, place)?;
        Ok(self.arrived.is_newer_than_caller())
    }

    /// Empties the server's region, if it holds anything, into ours.
    fn subtract(&mut self, unreported: Unreported, server: &Server) -> Result<(), ProtocolError> {
        let Self { server_region, our_region, in_flight, arrived } = self;
        if server_region.time().is_none() {
            return Ok(());
        }
        match our_region {
            Some(ours) => ours.fill(server_region, unreported, in_flight, server),
            None => server_region.skip_to(arrived, server),
        }
    }

    /// Waits for all regions on their way.
    fn await_all(&mut self, server: &Server, place: Rect) -> Result<(), ProtocolError> {
        self.fetch(server)?;
        while let Some(sequence) = self.in_flight.first() {
            self.receive(server.answer(sequence), place)?;
        }
        Ok(())
    }

    /// How many regions were taken out of the server's and have not arrived.
    fn on_the_way(&self) -> usize {
        let held = self.our_region.as_ref().is_some_and(OurRegion::is_held);
        usize::from(held) + self.in_flight.len()
    }

    /// What was taken out of the server's region up to now needs no wait to report it.
    fn set_reported(&mut self) {
        self.arrived.take_unreported();
        if let Some(ours) = &mut self.our_region {
            ours.set_reported();
        }
        self.in_flight.set_reported();
    }
}
