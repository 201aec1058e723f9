//! The pointer: its position from `QueryPointer`, its shape from XFIXES.
//!
//! No event on the root window tells a client where the pointer is without taking it away from others, so the position is asked for, see
//! [`PollSchedule`]. A pointer that another client hid with `HideCursor` cannot be told from a shown one: XFIXES goes on to report its
//! shape.

use std::sync::Arc;
use std::time::Duration;

use x11rb::connection::SequenceNumber;
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask, GetCursorImageReply};
use x11rb::protocol::xproto::{ConnectionExt as _, QueryPointerReply, Window};
use x11rb::x11_utils::TryParse;

use super::error::ProtocolError;
use super::polling::PollSchedule;
use super::server::{keep_reply, Server};
use crate::frame::{Pointer, PointerShape, ShapeKind};
use crate::geometry::{Point, Rect, Size};

/// Requests for the pointer that were sent.
#[derive(Clone, Copy)]
pub(super) struct Query {
    shape: Option<SequenceNumber>,
    /// The last of them.
    pub(super) position: SequenceNumber,
}

/// The pointer as the server describes it.
pub(super) struct Cursor {
    /// What positions are relative to.
    window: Window,
    serial: Option<u32>,
    shape: Option<Arc<PointerShape>>,
    /// The shape changed since it was last asked for.
    stale: bool,
    /// The poll that a wait sent and that was not answered yet.
    poll: Option<Query>,
    schedule: PollSchedule,
}

impl Cursor {
    /// Starts to follow the pointer, relative to `window`; `None` without XFIXES.
    pub(super) fn create(server: &Server, window: Window) -> Result<Option<Self>, ProtocolError> {
        if !server.extensions.xfixes {
            return Ok(None);
        }
        server.connection.xfixes_select_cursor_input(server.screen.root, CursorNotifyMask::DISPLAY_CURSOR)?;
        let schedule = PollSchedule::create(server)?;
        Ok(Some(Self { window, serial: None, shape: None, stale: true, poll: None, schedule }))
    }

    /// Positions are relative to `window` from now on.
    pub(super) fn follow(&mut self, window: Window) {
        self.window = window;
    }

    /// An event says that the server shows the shape with this serial number from now on.
    pub(super) fn note_shape(&mut self, serial: u32) {
        self.stale = self.serial != Some(serial);
        if self.stale {
            self.schedule.hasten();
        }
    }

    /// An event or an answer says that the pointer changed.
    pub(super) fn note_motion(&mut self, server: &Server, now: Duration) -> Result<(), ProtocolError> {
        self.schedule.moved(server, now)
    }

    /// Asks for the pointer if a poll is due, without waiting for the answer. Returns when the next one is due; `None` while the answer
    /// to one is awaited. `refresh` is the least time between two.
    pub(super) fn poll(
        &mut self,
        server: &Server,
        now: Duration,
        refresh: Duration,
    ) -> Result<Option<Duration>, ProtocolError> {
        if self.poll.is_some() {
            return Ok(None);
        }
        if now < self.schedule.due() {
            return Ok(Some(self.schedule.due()));
        }
        self.schedule.begin_poll(server, now, refresh)?;
        self.poll = Some(self.query(server)?);
        Ok(None)
    }

    /// The pointer that the last poll found, if its answer was read already. `place` is the captured part of the window.
    pub(super) fn polled(&mut self, server: &Server, place: Rect) -> Result<Option<Pointer>, ProtocolError> {
        let Some(query) = self.poll else { return Ok(None) };
        let Some(position) = server.answer_if_read(query.position)? else { return Ok(None) };
        self.poll = None;
        self.locate(server, query, &position, place).map(Some)
    }

    /// Asks for the position, and for the shape if it changed.
    pub(super) fn query(&mut self, server: &Server) -> Result<Query, ProtocolError> {
        let stale = std::mem::take(&mut self.stale);
        let shape = if stale { Some(keep_reply(server.connection.xfixes_get_cursor_image())?) } else { None };
        let position = keep_reply(server.connection.query_pointer(self.window))?;
        Ok(Query { shape, position })
    }

    /// The pointer that `query` found, with `position` the answer to its last request. A poll from before `query` is over, too.
    pub(super) fn finish(
        &mut self,
        server: &Server,
        query: Query,
        position: &[u8],
        place: Rect,
    ) -> Result<Pointer, ProtocolError> {
        self.polled(server, place)?;
        self.locate(server, query, position, place)
    }

    fn locate(
        &mut self,
        server: &Server,
        query: Query,
        position: &[u8],
        place: Rect,
    ) -> Result<Pointer, ProtocolError> {
        if let Some(sequence) = query.shape {
            match server.answer_if_read(sequence) {
                Ok(Some(image)) => self.accept(&GetCursorImageReply::try_parse(&image)?.0),
                Ok(None) => {}
                // The server shows no pointer.
                Err(ProtocolError::Refused(_)) => (self.serial, self.shape) = (None, None),
                Err(error) => return Err(error),
            }
        }
        let at = QueryPointerReply::try_parse(position)?.0;
        let Some(shape) = &self.shape else { return Ok(Pointer::default()) };
        let corner = Point::new(i32::from(at.win_x) - shape.hot_spot.x, i32::from(at.win_y) - shape.hot_spot.y);
        let visible = at.same_screen && Rect::at(corner, shape.size).intersection(place).is_some();
        let position = Point::new(corner.x - place.left, corner.y - place.top);
        Ok(Pointer { position, visible, shape: Some(Arc::clone(shape)) })
    }

    fn accept(&mut self, image: &GetCursorImageReply) {
        if self.serial == Some(image.cursor_serial) && self.shape.is_some() {
            return;
        }
        self.serial = Some(image.cursor_serial);
        let size = Size::new(u32::from(image.width), u32::from(image.height));
        let complete = size.area() > 0 && image.cursor_image.len() as u64 >= size.area();
        // Pixels are 32 bit numbers, alpha on top, colours already multiplied by it (fixesproto, section 7).
        self.shape = complete.then(|| {
            Arc::new(PointerShape {
                kind: ShapeKind::Premultiplied,
                size,
                pitch: size.width as usize * 4,
                hot_spot: Point::new(i32::from(image.xhot), i32::from(image.yhot)),
                data: image.cursor_image.iter().take(size.area() as usize).flat_map(|p| p.to_le_bytes()).collect(),
            })
        });
    }
}
