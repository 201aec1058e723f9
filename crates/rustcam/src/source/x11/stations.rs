//! The stations of damage on its way from the server to the caller, see [`super::damage`]. A method here is a transition from one
//! station to a neighbour, or says what a station holds.

use std::collections::VecDeque;
use std::time::Duration;

use x11rb::connection::{Connection as _, SequenceNumber};
use x11rb::protocol::damage::{ConnectionExt as _, Damage as DamageId, ReportLevel};
use x11rb::protocol::xfixes::{ConnectionExt as _, FetchRegionReply, Region as RegionId};
use x11rb::protocol::xproto::Window;
use x11rb::x11_utils::TryParse;

use super::error::ProtocolError;
use super::rects::{from_protocol, to_protocol};
use super::server::{keep_reply, Server};
use crate::geometry::{Point, Rect};
use crate::region::Region;

/// When something was drawn, if a wait still has to report that as a present. Only damage of the captured part is reported.
pub(super) type Unreported = Option<Duration>;

/// What an event said about the server's region.
#[derive(Clone, Copy)]
struct Drawn {
    /// The number of the last request that the server had processed when its region stopped being empty.
    after: SequenceNumber,
    time: Duration,
    /// The caller knows of it from an overtaken read, and so expects it in the answer when it asks what changed.
    expected: bool,
}

/// Station 1: the region of the server's damage object.
pub(super) struct ServerRegion {
    window: Window,
    id: DamageId,
    /// `None` while the region is empty.
    drawn: Option<Drawn>,
    /// The last request that emptied the region. Events from before it are about what it took out.
    emptied: SequenceNumber,
}

impl ServerRegion {
    /// Starts to collect what is drawn on `window`.
    pub(super) fn create(server: &Server, window: Window) -> Result<Self, ProtocolError> {
        let id = server.connection.generate_id()?;
        server.connection.damage_create(id, window, ReportLevel::NON_EMPTY)?;
        let mut region = Self { window, id, drawn: None, emptied: 0 };
        // A new object begins with the whole window as damage, and reports that.
        region.discard(server)?;
        Ok(region)
    }

    /// The window.
    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// Frees what the server keeps. It has done that by itself if the window is gone, and then reports an error that means nothing.
    pub(super) fn free(&self, server: &Server) -> Result<(), ProtocolError> {
        server.connection.damage_destroy(self.id)?;
        Ok(())
    }

    /// An event: the region of `damage` stopped being empty after request `sequence`.
    pub(super) fn note(&mut self, damage: DamageId, sequence: SequenceNumber, time: Duration) {
        if damage == self.id && sequence >= self.emptied {
            self.drawn = Some(Drawn { after: sequence, time, expected: false });
        }
    }

    /// When what it holds was drawn; `None` if it is empty.
    pub(super) fn time(&self) -> Option<Duration> {
        self.drawn.map(|drawn| drawn.time)
    }

    /// Whether it holds something that was drawn before request `read`.
    ///
    /// An event carries the number of the last request of ours that the server had processed. One with the number of the reading
    /// request itself was therefore sent after it.
    pub(super) fn drawn_before(&self, read: SequenceNumber) -> bool {
        self.drawn.is_some_and(|drawn| drawn.after < read)
    }

    /// The caller was told that a read was overtaken by what it holds.
    pub(super) fn expect(&mut self) {
        if let Some(drawn) = &mut self.drawn {
            drawn.expected = true;
        }
    }

    /// Whether the caller expects to be told what it holds.
    pub(super) fn is_expected(&self) -> bool {
        self.drawn.is_some_and(|drawn| drawn.expected)
    }

    /// To station 4, where there is no region of ours: everything changed.
    pub(super) fn skip_to(&mut self, arrived: &mut Arrived, server: &Server) -> Result<(), ProtocolError> {
        arrived.add_everything();
        self.discard(server)
    }

    /// Empties the region: the caller knows already that everything changed.
    pub(super) fn discard(&mut self, server: &Server) -> Result<(), ProtocolError> {
        self.empty_into(x11rb::NONE, server)
    }

    fn empty_into(&mut self, region: RegionId, server: &Server) -> Result<(), ProtocolError> {
        self.drawn = None;
        self.emptied = server.connection.damage_subtract(self.id, x11rb::NONE, region)?.sequence_number();
        Ok(())
    }
}

/// Station 2: a region of ours in the server, which `Subtract` fills.
pub(super) struct OurRegion {
    id: RegionId,
    /// A second one, for [`OurRegion::clip`].
    clip: RegionId,
    /// Whether it holds something that was not asked for yet.
    held: Option<Unreported>,
}

impl OurRegion {
    /// Creates an empty region; `None` without XFIXES.
    pub(super) fn create(server: &Server) -> Result<Option<Self>, ProtocolError> {
        if !server.extensions.xfixes {
            return Ok(None);
        }
        let connection = &server.connection;
        let (id, clip) = (connection.generate_id()?, connection.generate_id()?);
        connection.xfixes_create_region(id, &[])?;
        connection.xfixes_create_region(clip, &[])?;
        Ok(Some(Self { id, clip, held: None }))
    }

    /// From station 1. What is here already goes on to station 3, because `Subtract` overwrites it.
    pub(super) fn fill(
        &mut self,
        from: &mut ServerRegion,
        unreported: Unreported,
        in_flight: &mut InFlight,
        server: &Server,
    ) -> Result<(), ProtocolError> {
        self.fetch(in_flight, server)?;
        from.empty_into(self.id, server)?;
        self.held = Some(unreported);
        Ok(())
    }

    /// To station 3. Returns the number of the request if there was anything to ask for.
    ///
    /// A server sends each answer at once, which would wake this process early. So a read fetches after the request that takes long.
    pub(super) fn fetch(
        &mut self,
        in_flight: &mut InFlight,
        server: &Server,
    ) -> Result<Option<SequenceNumber>, ProtocolError> {
        let Some(unreported) = self.held.take() else { return Ok(None) };
        let sequence = keep_reply(server.connection.xfixes_fetch_region(self.id))?;
        in_flight.fetches.push_back(Fetch { sequence, unreported });
        Ok(Some(sequence))
    }

    /// A region with `rects`, whose pixels are relative to `origin` on the window, and if `also_held` with what `Subtract` has put
    /// here last.
    pub(super) fn clip(
        &self,
        rects: impl Iterator<Item = Rect>,
        origin: Point,
        also_held: bool,
        server: &Server,
    ) -> Result<RegionId, ProtocolError> {
        let connection = &server.connection;
        let to_window = Point::new(-origin.x, -origin.y);
        let rects: Vec<_> = rects.map(|rect| to_protocol(rect, to_window)).collect();
        connection.xfixes_set_region(self.clip, &rects)?;
        if also_held {
            connection.xfixes_union_region(self.clip, self.id, self.clip)?;
        }
        Ok(self.clip)
    }

    /// Whether it holds something that was not asked for yet.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// No wait has to report what is here.
    pub(super) fn set_reported(&mut self) {
        self.held = self.held.map(|_| None);
    }
}

/// A request for a region.
struct Fetch {
    sequence: SequenceNumber,
    unreported: Unreported,
}

/// Station 3: regions that were asked for, in the order of their answers.
#[derive(Default)]
pub(super) struct InFlight {
    fetches: VecDeque<Fetch>,
}

impl InFlight {
    /// How many regions have not arrived yet.
    pub(super) fn len(&self) -> usize {
        self.fetches.len()
    }

    /// The number of the oldest request.
    pub(super) fn first(&self) -> Option<SequenceNumber> {
        self.fetches.front().map(|fetch| fetch.sequence)
    }

    /// To station 4: the region that was asked for first, with `answer` the answer to [`InFlight::first`]. It stays here if there is
    /// none. `place` is the captured part of the window.
    pub(super) fn receive(
        &mut self,
        answer: Result<Vec<u8>, ProtocolError>,
        arrived: &mut Arrived,
        place: Rect,
    ) -> Result<(), ProtocolError> {
        let region = match answer {
            Ok(bytes) => Some(FetchRegionReply::try_parse(&bytes)?.0),
            Err(ProtocolError::Refused(_)) => None,
            Err(error) => return Err(error),
        };
        let unreported = self.fetches.pop_front().and_then(|fetch| fetch.unreported);
        if let Some(region) = region {
            let rects = region.rectangles.iter().map(|r| from_protocol(r.x, r.y, r.width, r.height));
            arrived.add(rects.filter_map(|r| r.intersection(place)), place.origin(), unreported);
        } else {
            arrived.add_everything();
            arrived.unreported = unreported.or(arrived.unreported);
        }
        Ok(())
    }

    /// No wait has to report what is here.
    pub(super) fn set_reported(&mut self) {
        self.fetches.iter_mut().for_each(|fetch| fetch.unreported = None);
    }
}

/// What is known of the changes since the caller asked last.
enum Changes {
    /// The caller has never asked, so it has no image from before that could be mixed with a new one.
    NeverAsked,
    /// No rectangles are known, so everything changed.
    Everything,
    /// Rectangles in texture space. Their number is bounded, because a caller who only waits never asks for them.
    Rects(Region),
}

/// Station 4: damage that has arrived here and that the caller has not asked for yet.
pub(super) struct Arrived {
    changes: Changes,
    unreported: Unreported,
}

impl Arrived {
    /// Everything is new.
    pub(super) fn new() -> Self {
        Self { changes: Changes::NeverAsked, unreported: None }
    }

    /// Adds rectangles on the window that are inside the captured part, which begins at `origin`.
    fn add(&mut self, rects: impl Iterator<Item = Rect>, origin: Point, unreported: Unreported) {
        let mut rects = rects.peekable();
        if rects.peek().is_some() && unreported.is_some() {
            self.unreported = unreported;
        }
        if let Changes::Rects(known) = &mut self.changes {
            known.extend(rects.map(|r| r.translated(-origin.x, -origin.y)));
        }
    }

    fn add_everything(&mut self) {
        if let Changes::Rects(_) = self.changes {
            self.changes = Changes::Everything;
        }
    }

    /// The rectangles that changed, in texture space; `None` if they are not known.
    pub(super) fn rects(&self) -> Option<&[Rect]> {
        match &self.changes {
            Changes::Rects(known) => Some(known.rects()),
            Changes::NeverAsked | Changes::Everything => None,
        }
    }

    /// Whether the caller has an image from before some change.
    pub(super) fn is_newer_than_caller(&self) -> bool {
        match &self.changes {
            Changes::NeverAsked => false,
            Changes::Everything => true,
            Changes::Rects(known) => !known.is_empty(),
        }
    }

    /// Whether the caller has ever asked.
    pub(super) fn was_asked(&self) -> bool {
        !matches!(self.changes, Changes::NeverAsked)
    }

    /// To the caller: what changed since the last call; `None` for everything.
    pub(super) fn take(&mut self) -> Option<Vec<Rect>> {
        match std::mem::replace(&mut self.changes, Changes::Rects(Region::default())) {
            Changes::NeverAsked | Changes::Everything => None,
            Changes::Rects(known) => Some(known.into_rects()),
        }
    }

    /// To a wait: when something was drawn that no wait has reported.
    pub(super) fn take_unreported(&mut self) -> Unreported {
        self.unreported.take()
    }
}
