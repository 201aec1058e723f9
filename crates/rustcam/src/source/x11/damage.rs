//! What was drawn: the DAMAGE extension's region of the root window, and how much of it the caller knows.
//!
//! The server adds up everything drawn in one region per damage object and sends one event when that region stops being empty
//! (report level `NonEmpty`), not one per drawing operation. `Subtract` moves the region into one of ours and empties it, so that the
//! next drawing sends an event again. What is drawn after a `Subtract` stays for the next one: nothing is lost, at worst it is
//! reported although a read has already shown it.

use std::collections::VecDeque;
use std::time::Duration;

use x11rb::connection::{Connection as _, SequenceNumber};
use x11rb::protocol::damage::{ConnectionExt as _, Damage as DamageId, ReportLevel};
use x11rb::protocol::xfixes::{ConnectionExt as _, FetchRegionReply, Region as RegionId};
use x11rb::x11_utils::TryParse;

use super::error::ProtocolError;
use super::rects::{from_protocol, to_protocol, MOST_RECTS};
use super::server::{keep_reply, Server};
use crate::geometry::{Point, Rect};

/// So many rectangles are no better than one for everything.
const MOST_PENDING: usize = 4096;

/// When a region was drawn, if a wait still has to report it in case it concerns the output.
#[derive(Clone, Copy)]
struct News(Option<Duration>);

/// A region on its way.
struct Fetch {
    sequence: SequenceNumber,
    news: News,
}

/// The damage of the root window, clipped to one output.
pub(super) struct Tracker {
    id: DamageId,
    /// `None` without XFIXES: then there are events but no rectangles.
    region: Option<RegionId>,
    /// A region for what a read brings up to date.
    clip: Option<RegionId>,
    /// The number of the last request the server had seen when its region stopped being empty; `None` while it is empty. No wait has
    /// reported that yet.
    seen: Option<SequenceNumber>,
    /// When that was.
    time: Duration,
    /// The caller knows of it from an overtaken read, and so includes it when it asks what changed.
    known: bool,
    /// The last request that emptied the server's region. Events from before it are about what it took out.
    emptied: SequenceNumber,
    /// Our region holds something that nobody has asked for yet.
    held: Option<News>,
    fetches: VecDeque<Fetch>,
    /// News that a fetch brought and no wait has reported.
    fresh: Option<Duration>,
    /// What was fetched and not yet asked for, in texture space.
    pending: Vec<Rect>,
    /// Nothing is known about what changed, so everything did.
    everything: bool,
    /// Nobody has asked yet, so no image from before can be mixed with a new one.
    first: bool,
}

impl Tracker {
    /// Starts to follow the root window; `None` without the extension.
    pub(super) fn create(server: &Server) -> Result<Option<Self>, ProtocolError> {
        if !server.extensions.damage {
            return Ok(None);
        }
        let connection = &server.connection;
        let id = connection.generate_id()?;
        connection.damage_create(id, server.screen.root, ReportLevel::NON_EMPTY)?;
        // A new object begins with the whole window as damage, and reports that.
        let emptied = connection.damage_subtract(id, x11rb::NONE, x11rb::NONE)?.sequence_number();
        let region = if server.extensions.xfixes {
            let region = connection.generate_id()?;
            connection.xfixes_create_region(region, &[])?;
            Some(region)
        } else {
            None
        };
        Ok(Some(Self {
            id,
            region,
            clip: None,
            seen: None,
            time: Duration::ZERO,
            known: false,
            emptied,
            held: None,
            fetches: VecDeque::new(),
            fresh: None,
            pending: Vec::new(),
            everything: true,
            first: true,
        }))
    }

    /// Whether it has rectangles.
    pub(super) fn is_exact(&self) -> bool {
        self.region.is_some()
    }

    /// Starts over: everything is new.
    pub(super) fn reset(&mut self) {
        self.everything = true;
        self.first = true;
        self.pending.clear();
        self.fresh = None;
    }

    /// An event: the region of `damage` stopped being empty after request `sequence`.
    pub(super) fn note(&mut self, damage: DamageId, sequence: SequenceNumber, time: Duration) {
        if damage != self.id || sequence < self.emptied {
            return;
        }
        self.seen = Some(sequence);
        self.time = time;
        self.known = false;
    }

    /// Whether something was drawn between the last time the region was emptied and request `draw`.
    pub(super) fn drawn_before(&self, draw: SequenceNumber) -> bool {
        self.seen.is_some_and(|s| s < draw)
    }

    /// Whether something was drawn before request `draw` that the caller has not been told the rectangles of.
    ///
    /// An event carries the number of the last request of ours that the server had processed. One with the number of the drawing
    /// request itself was therefore sent after it.
    pub(super) fn overtakes(&self, draw: SequenceNumber) -> bool {
        !self.first && (self.everything || !self.pending.is_empty() || self.drawn_before(draw))
    }

    /// The caller was told that a read was overtaken.
    pub(super) fn expect(&mut self) {
        self.known = true;
    }

    /// Before a complete read: whatever the server has collected so far will be shown by it, so no wait need report it.
    pub(super) fn subtract_before_read(&mut self, server: &Server) -> Result<(), ProtocolError> {
        self.forget_news();
        if self.seen.is_some() {
            self.request(server, None)?;
        }
        Ok(())
    }

    /// Before a read of everything that changed: a region of the server with all of that and with `stale`, in the coordinates of the
    /// root window. `None` if that cannot be had.
    pub(super) fn clip(
        &mut self,
        stale: &[Rect],
        server: &Server,
        place: Rect,
    ) -> Result<Option<RegionId>, ProtocolError> {
        if self.first || self.everything {
            return Ok(None);
        }
        let Some(region) = self.region else { return Ok(None) };
        // The region holds what the last request took out. What earlier ones took out has to be here first.
        if self.on_the_way() + usize::from(self.seen.is_some()) > 1 {
            self.finish(server, place)?;
        }
        if self.seen.is_some() {
            self.request(server, None)?;
        }
        self.forget_news();
        if self.everything || stale.len() + self.pending.len() > MOST_RECTS {
            return Ok(None);
        }
        let to_root = Point::new(-place.left, -place.top);
        let rects: Vec<_> = stale.iter().chain(&self.pending).map(|part| to_protocol(*part, to_root)).collect();
        let connection = &server.connection;
        let clip = if let Some(clip) = self.clip {
            connection.xfixes_set_region(clip, &rects)?;
            clip
        } else {
            let clip = connection.generate_id()?;
            connection.xfixes_create_region(clip, &rects)?;
            *self.clip.insert(clip)
        };
        if self.on_the_way() > 0 {
            connection.xfixes_union_region(clip, region, clip)?;
        }
        Ok(Some(clip))
    }

    fn forget_news(&mut self) {
        self.fresh = None;
        self.held = self.held.map(|_| News(None));
        self.fetches.iter_mut().for_each(|fetch| fetch.news = News(None));
    }

    /// How many regions are not here yet.
    fn on_the_way(&self) -> usize {
        self.fetches.len() + usize::from(self.held.is_some())
    }

    /// When something was presented that no wait has reported, if anything was. `all` says that every drawing concerns the output.
    pub(super) fn report(&mut self, server: &Server, all: bool) -> Result<Option<Duration>, ProtocolError> {
        let fresh = self.fresh.take();
        if fresh.is_some() || self.seen.is_none() {
            return Ok(fresh);
        }
        if all || self.region.is_none() {
            // At once, or else what is drawn from now on would not send an event. What was drawn before the server gets to this would
            // not either, so the region is news once more, unless the caller reads or asks for the damage before the next wait.
            self.request(server, Some(self.time))?;
            return Ok(Some(self.time));
        }
        // The event names only the first rectangle drawn; whether the output is concerned, only the region tells.
        if self.on_the_way() == 0 {
            self.request(server, Some(self.time))?;
        }
        Ok(None)
    }

    /// Empties the server's region into ours.
    fn request(&mut self, server: &Server, news: Option<Duration>) -> Result<(), ProtocolError> {
        self.fetch(server)?;
        self.seen = None;
        let Some(region) = self.region else {
            self.everything = true;
            return self.empty(server);
        };
        self.emptied = server.connection.damage_subtract(self.id, x11rb::NONE, region)?.sequence_number();
        self.held = Some(News(news));
        Ok(())
    }

    /// Asks for what our region holds; the number of the request if there was anything to ask. A server sends each answer at once and
    /// so wakes us, hence this is asked after the request that takes long.
    pub(super) fn fetch(&mut self, server: &Server) -> Result<Option<SequenceNumber>, ProtocolError> {
        let (Some(region), Some(news)) = (self.region, self.held.take()) else { return Ok(None) };
        let sequence = keep_reply(server.connection.xfixes_fetch_region(region))?;
        self.fetches.push_back(Fetch { sequence, news });
        Ok(Some(sequence))
    }

    /// Empties the server's region unseen.
    fn empty(&mut self, server: &Server) -> Result<(), ProtocolError> {
        self.seen = None;
        self.emptied = server.connection.damage_subtract(self.id, x11rb::NONE, x11rb::NONE)?.sequence_number();
        Ok(())
    }

    /// Takes in the regions that were read from the socket already. `place` is the output on the root window.
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
        while let Some(fetch) = self.fetches.front().filter(|fetch| fetch.sequence < end) {
            let Some(answer) = server.answer_if_read(fetch.sequence).transpose() else { break };
            self.receive(answer, place)?;
        }
        Ok(())
    }

    /// Takes in the region that was asked for first, with `answer` the answer to that. It stays in flight if there is none.
    pub(super) fn receive(&mut self, answer: Result<Vec<u8>, ProtocolError>, place: Rect) -> Result<(), ProtocolError> {
        match answer {
            Ok(bytes) => self.absorb(&FetchRegionReply::try_parse(&bytes)?.0, place),
            Err(ProtocolError::Refused(_)) => self.give_up_region(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits for all regions on their way.
    fn finish(&mut self, server: &Server, place: Rect) -> Result<(), ProtocolError> {
        self.fetch(server)?;
        while let Some(fetch) = self.fetches.front() {
            self.receive(server.answer(fetch.sequence), place)?;
        }
        Ok(())
    }

    fn absorb(&mut self, reply: &FetchRegionReply, place: Rect) {
        let news = self.fetches.pop_front().and_then(|f| f.news.0);
        let before = self.pending.len();
        for r in &reply.rectangles {
            let drawn = from_protocol(r.x, r.y, r.width, r.height);
            self.pending.extend(drawn.intersection(place).map(|r| r.translated(-place.left, -place.top)));
        }
        if self.pending.len() > before && news.is_some() {
            self.fresh = news;
        }
        // A caller who only waits never asks for them.
        if self.pending.len() > MOST_PENDING {
            self.pending.clear();
            self.everything = true;
        }
    }

    fn give_up_region(&mut self) {
        self.fresh = self.fetches.pop_front().and_then(|f| f.news.0).or(self.fresh);
        self.everything = true;
    }

    /// What changed since the last call, `None` for everything. [`ProtocolError::TimedOut`] if the server takes too long to say.
    pub(super) fn take(&mut self, server: &Server, place: Rect) -> Result<Option<Vec<Rect>>, ProtocolError> {
        self.first = false;
        self.forget_news();
        if self.everything {
            self.everything = false;
            self.pending.clear();
            if self.seen.is_some() && self.known {
                self.empty(server)?;
                server.connection.flush()?;
            }
            return Ok(None);
        }
        self.finish(server, place)?;
        // What the caller does not know of was drawn after its last read. To report it now would pass it off as read.
        if self.seen.is_some() && self.known {
            self.request(server, None)?;
            self.finish(server, place)?;
        }
        if std::mem::take(&mut self.everything) {
            self.pending.clear();
            return Ok(None);
        }
        Ok(Some(std::mem::take(&mut self.pending)))
    }

    /// Fetches what overtook a read and says whether it concerns the output.
    pub(super) fn confirm(&mut self, server: &Server, place: Rect) -> Result<bool, ProtocolError> {
        if self.region.is_none() {
            return Ok(true);
        }
        self.finish(server, place)?;
        if self.seen.is_some() {
            self.request(server, Some(self.time))?;
            self.finish(server, place)?;
        }
        Ok(self.everything || !self.pending.is_empty())
    }
}
