//! The pointer: its position from `QueryPointer`, its shape from XFIXES.
//!
//! No event on the root window tells a client where the pointer is without taking it away from others, so the position is asked for, see
//! [`Motion`]. A pointer that another client hid with `HideCursor` cannot be told from a shown one:
//! XFIXES goes on to report its shape.

use std::sync::Arc;

use x11rb::connection::SequenceNumber;
use x11rb::protocol::xfixes::{ConnectionExt as _, CursorNotifyMask, GetCursorImageReply};
use x11rb::protocol::xproto::{ConnectionExt as _, QueryPointerReply};
use x11rb::x11_utils::TryParse;

use super::error::ProtocolError;
use super::motion::Motion;
use super::server::{keep, Server};
use crate::frame::{Pointer, PointerShape, ShapeKind};
use crate::geometry::{Point, Rect, Size};

/// A question about the pointer on its way.
#[derive(Clone, Copy)]
pub(super) struct Query {
    shape: Option<SequenceNumber>,
    /// The last request of the question.
    pub(super) position: SequenceNumber,
}

/// The pointer as the server describes it.
pub(super) struct Watch {
    serial: Option<u32>,
    shape: Option<Arc<PointerShape>>,
    /// The shape changed since it was asked for.
    stale: bool,
    /// The question that the last wait asked.
    pub(super) query: Option<Query>,
    /// When a wait asks the next.
    pub(super) motion: Motion,
}

impl Watch {
    /// Starts to follow the pointer; `None` without XFIXES.
    pub(super) fn create(server: &Server) -> Result<Option<Self>, ProtocolError> {
        if !server.extensions.xfixes {
            return Ok(None);
        }
        let window = server.screen.root;
        server.connection.xfixes_select_cursor_input(window, CursorNotifyMask::DISPLAY_CURSOR)?;
        let motion = Motion::create(server)?;
        Ok(Some(Self { serial: None, shape: None, stale: true, query: None, motion }))
    }

    /// The server shows the shape with this serial number from now on.
    pub(super) fn note(&mut self, serial: u32) {
        self.stale = self.serial != Some(serial);
        if self.stale {
            self.motion.hurry();
        }
    }

    /// Asks for the position, and for the shape if it changed.
    pub(super) fn ask(&mut self, server: &Server) -> Result<Query, ProtocolError> {
        let stale = std::mem::take(&mut self.stale);
        let shape = if stale { Some(keep(server.connection.xfixes_get_cursor_image())?) } else { None };
        let position = keep(server.connection.query_pointer(server.screen.root))?;
        Ok(Query { shape, position })
    }

    /// The pointer that `query` found, if the answer was read already. `place` is the output on the root window.
    pub(super) fn harvest(
        &mut self,
        server: &Server,
        query: Query,
        place: Rect,
    ) -> Result<Option<Pointer>, ProtocolError> {
        match server.harvest::<QueryPointerReply>(query.position)? {
            Some(at) => self.complete(server, query, &at, place).map(Some),
            None => Ok(None),
        }
    }

    /// The pointer that `query` found, with `position` the answer to its last request.
    pub(super) fn finish(
        &mut self,
        server: &Server,
        query: Query,
        position: &[u8],
        place: Rect,
    ) -> Result<Pointer, ProtocolError> {
        let at = QueryPointerReply::try_parse(position)?.0;
        self.complete(server, query, &at, place)
    }

    fn complete(
        &mut self,
        server: &Server,
        query: Query,
        at: &QueryPointerReply,
        place: Rect,
    ) -> Result<Pointer, ProtocolError> {
        if let Some(sequence) = query.shape {
            match server.harvest::<GetCursorImageReply>(sequence) {
                Ok(Some(image)) => self.accept(&image),
                Ok(None) => {}
                // The server shows no pointer.
                Err(ProtocolError::Refused(_)) => (self.serial, self.shape) = (None, None),
                Err(error) => return Err(error),
            }
        }
        Ok(self.locate(at, place))
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

    fn locate(&self, at: &QueryPointerReply, place: Rect) -> Pointer {
        let Some(shape) = &self.shape else { return Pointer::default() };
        let corner = Point::new(i32::from(at.root_x) - shape.hot_spot.x, i32::from(at.root_y) - shape.hot_spot.y);
        let visible = at.same_screen && Rect::at(corner, shape.size).intersection(place).is_some();
        let position = Point::new(corner.x - place.left, corner.y - place.top);
        Pointer { position, visible, shape: Some(Arc::clone(shape)) }
    }
}
