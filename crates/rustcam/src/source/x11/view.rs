//! Where the pixels of the captured output or window are.

use x11rb::protocol::xproto::{Drawable, Visualid, Window};

use crate::geometry::{Point, Rect};
use crate::source::Output;

/// A part of a window that is captured.
#[derive(Clone)]
pub(super) struct View {
    /// What it is called and where it is on the desktop.
    pub(super) output: Output,
    /// The window whose drawing is followed. The pointer is relative to it.
    pub(super) window: Window,
    /// What is read: the root window, or the pixmap that another window is drawn to. `NONE` while the window shows nothing.
    pub(super) drawable: Drawable,
    /// How its pixels are stored.
    pub(super) visual: Visualid,
    /// The captured part, in the coordinates of `window`.
    pub(super) place: Rect,
    /// Where the coordinates of `window` begin in `drawable`.
    pub(super) origin: Point,
    /// Every drawing on `window` concerns the captured part, because that is all of it.
    pub(super) is_all: bool,
}

impl View {
    /// The first pixel of the captured part, in `drawable`.
    pub(super) fn corner(&self) -> Point {
        Point::new(self.place.left + self.origin.x, self.place.top + self.origin.y)
    }

    /// All pixels, in texture space.
    pub(super) fn texture(&self) -> Rect {
        self.output.texture_size().rect()
    }
}
