//! Rectangles as the protocol has them. X coordinates have 16 bits, and so have all numbers that come from them.

use x11rb::protocol::xproto::Rectangle;

use crate::geometry::{Point, Rect, Size};

/// A list of rectangles longer than this is not worth its bytes. It also keeps a batch of requests well below x11rb's buffer of 16 KiB.
pub(super) const MOST_RECTS: usize = 512;

/// `rect` relative to `origin`.
pub(super) fn to_protocol(rect: Rect, origin: Point) -> Rectangle {
    Rectangle {
        x: (rect.left - origin.x) as i16,
        y: (rect.top - origin.y) as i16,
        width: rect.width() as u16,
        height: rect.height() as u16,
    }
}

/// A rectangle from an answer.
pub(super) fn from_protocol(x: i16, y: i16, width: u16, height: u16) -> Rect {
    Rect::at(Point::new(i32::from(x), i32::from(y)), Size::new(u32::from(width), u32::from(height)))
}
