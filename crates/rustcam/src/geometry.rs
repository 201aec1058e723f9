//! Sizes, half-open rectangles, and the rotation between the image that the operating system delivers and the desktop that the
//! user sees.
//!
//! *Texture space* is the space of the delivered image, *desktop space* is the space of the output as the user sees it. They differ
//! only on a rotated output.

use std::fmt;

/// A point in pixels; negative left of or above the origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Point {
    /// Distance from the left edge.
    pub x: i32,
    /// Distance from the top edge.
    pub y: i32,
}

impl Point {
    /// The point (`x`, `y`).
    pub const fn new(x: i32, y: i32) -> Self {
        Self { x, y }
    }
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

impl Size {
    /// `width` columns by `height` rows.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Width and height exchanged.
    #[must_use]
    pub const fn transposed(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    /// Number of pixels.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The rectangle from the origin to this size.
    pub const fn rect(self) -> Rect {
        Rect { left: 0, top: 0, right: self.width as i32, bottom: self.height as i32 }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A half-open rectangle: `left` and `top` belong to it, `right` and `bottom` do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rect {
    /// First column.
    pub left: i32,
    /// First row.
    pub top: i32,
    /// Column after the last.
    pub right: i32,
    /// Row after the last.
    pub bottom: i32,
}

impl Rect {
    /// The rectangle with these edges.
    pub const fn new(left: i32, top: i32, right: i32, bottom: i32) -> Self {
        Self { left, top, right, bottom }
    }

    /// The rectangle of `size` whose top-left corner is `at`. Edges saturate, so an extreme position cannot overflow.
    pub const fn at(at: Point, size: Size) -> Self {
        let width = if size.width > i32::MAX as u32 { i32::MAX } else { size.width as i32 };
        let height = if size.height > i32::MAX as u32 { i32::MAX } else { size.height as i32 };
        Self { left: at.x, top: at.y, right: at.x.saturating_add(width), bottom: at.y.saturating_add(height) }
    }

    /// Whether it has no pixel.
    pub const fn is_empty(self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }

    /// Number of columns, 0 if empty.
    pub const fn width(self) -> u32 {
        if self.is_empty() {
            0
        } else {
            self.right.abs_diff(self.left)
        }
    }

    /// Number of rows, 0 if empty.
    pub const fn height(self) -> u32 {
        if self.is_empty() {
            0
        } else {
            self.bottom.abs_diff(self.top)
        }
    }

    /// Width and height.
    pub const fn size(self) -> Size {
        Size { width: self.width(), height: self.height() }
    }

    /// Number of pixels.
    pub const fn area(self) -> u64 {
        self.size().area()
    }

    /// Top-left corner.
    pub const fn origin(self) -> Point {
        Point { x: self.left, y: self.top }
    }

    /// Whether every pixel of `other` is in this rectangle. An empty rectangle is inside every other.
    pub const fn contains(self, other: Rect) -> bool {
        other.is_empty()
            || (self.left <= other.left
                && self.top <= other.top
                && self.right >= other.right
                && self.bottom >= other.bottom)
    }

    /// The common part, `None` if there is none.
    pub fn intersection(self, other: Rect) -> Option<Rect> {
        let common = Rect {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        (!common.is_empty()).then_some(common)
    }

    /// The smallest rectangle that contains both.
    #[must_use]
    pub fn union(self, other: Rect) -> Rect {
        if self.is_empty() {
            return other;
        }
        if other.is_empty() {
            return self;
        }
        Rect {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// Moved by (`dx`, `dy`); edges saturate.
    #[must_use]
    pub const fn translated(self, dx: i32, dy: i32) -> Rect {
        Rect {
            left: self.left.saturating_add(dx),
            top: self.top.saturating_add(dy),
            right: self.right.saturating_add(dx),
            bottom: self.bottom.saturating_add(dy),
        }
    }
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {}, {})", self.left, self.top, self.right, self.bottom)
    }
}

/// How far the delivered image must be rotated clockwise to become the desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rotation {
    /// Not at all.
    #[default]
    None,
    /// By 90 degrees clockwise.
    Clockwise90,
    /// Upside down.
    Clockwise180,
    /// By 270 degrees clockwise.
    Clockwise270,
}

impl Rotation {
    /// All four.
    pub const ALL: [Rotation; 4] =
        [Rotation::None, Rotation::Clockwise90, Rotation::Clockwise180, Rotation::Clockwise270];

    /// Degrees clockwise: 0, 90, 180 or 270.
    pub const fn degrees(self) -> u32 {
        match self {
            Rotation::None => 0,
            Rotation::Clockwise90 => 90,
            Rotation::Clockwise180 => 180,
            Rotation::Clockwise270 => 270,
        }
    }

    /// The rotation by `degrees` clockwise, `None` unless it is 0, 90, 180 or 270.
    pub const fn from_degrees(degrees: u32) -> Option<Self> {
        match degrees {
            0 => Some(Rotation::None),
            90 => Some(Rotation::Clockwise90),
            180 => Some(Rotation::Clockwise180),
            270 => Some(Rotation::Clockwise270),
            _ => None,
        }
    }

    /// Whether width and height are exchanged.
    pub const fn transposes(self) -> bool {
        matches!(self, Rotation::Clockwise90 | Rotation::Clockwise270)
    }

    /// Size of the desktop whose texture has `size`, and of the texture whose desktop has it.
    #[must_use]
    pub const fn apply(self, size: Size) -> Size {
        if self.transposes() {
            size.transposed()
        } else {
            size
        }
    }

    /// Maps a rectangle of the texture to the desktop of size `desktop`.
    #[must_use]
    pub const fn to_desktop(self, r: Rect, desktop: Size) -> Rect {
        let (w, h) = (desktop.width as i32, desktop.height as i32);
        match self {
            Rotation::None => r,
            Rotation::Clockwise90 => Rect::new(w - r.bottom, r.left, w - r.top, r.right),
            Rotation::Clockwise180 => Rect::new(w - r.right, h - r.bottom, w - r.left, h - r.top),
            Rotation::Clockwise270 => Rect::new(r.top, h - r.right, r.bottom, h - r.left),
        }
    }

    /// Maps a rectangle of the desktop of size `desktop` to the texture.
    #[must_use]
    pub const fn to_texture(self, r: Rect, desktop: Size) -> Rect {
        let (w, h) = (desktop.width as i32, desktop.height as i32);
        match self {
            Rotation::None => r,
            Rotation::Clockwise90 => Rect::new(r.top, w - r.right, r.bottom, w - r.left),
            Rotation::Clockwise180 => Rect::new(w - r.right, h - r.bottom, w - r.left, h - r.top),
            Rotation::Clockwise270 => Rect::new(h - r.bottom, r.left, h - r.top, r.right),
        }
    }

    /// The texture pixel that is shown at desktop pixel (`x`, `y`).
    pub const fn texture_pixel(self, x: i32, y: i32, desktop: Size) -> (i32, i32) {
        let r = self.to_texture(Rect::new(x, y, x + 1, y + 1), desktop);
        (r.left, r.top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The desktop pixel, by the definition of a clockwise rotation instead of rectangle arithmetic.
    fn rotated(rotation: Rotation, texture: Size, x: i32, y: i32) -> (i32, i32) {
        let (w, h) = (texture.width as i32, texture.height as i32);
        match rotation {
            Rotation::None => (x, y),
            Rotation::Clockwise90 => (h - 1 - y, x),
            Rotation::Clockwise180 => (w - 1 - x, h - 1 - y),
            Rotation::Clockwise270 => (y, w - 1 - x),
        }
    }

    #[test]
    fn rotation_maps_every_pixel_there_and_back() {
        let texture = Size::new(5, 3);
        for rotation in Rotation::ALL {
            let desktop = rotation.apply(texture);
            for y in 0..3 {
                for x in 0..5 {
                    let (dx, dy) = rotated(rotation, texture, x, y);
                    let pixel = Rect::new(x, y, x + 1, y + 1);
                    let there = rotation.to_desktop(pixel, desktop);
                    assert_eq!(there, Rect::new(dx, dy, dx + 1, dy + 1), "{rotation:?} ({x}, {y})");
                    assert_eq!(rotation.to_texture(there, desktop), pixel);
                    assert_eq!(rotation.texture_pixel(dx, dy, desktop), (x, y));
                }
            }
        }
    }

    #[test]
    fn rectangles_are_half_open() {
        let a = Rect::new(0, 0, 10, 10);
        assert_eq!(a.intersection(Rect::new(10, 0, 20, 10)), None);
        assert_eq!(a.intersection(Rect::new(9, 9, 20, 20)), Some(Rect::new(9, 9, 10, 10)));
        assert_eq!(a.union(Rect::default()), a);
        assert!(a.contains(a) && !a.contains(Rect::new(0, 0, 11, 10)));
    }

    #[test]
    fn extreme_positions_saturate() {
        let r = Rect::at(Point::new(i32::MAX - 1, i32::MIN), Size::new(u32::MAX, 5));
        assert_eq!(r.right, i32::MAX);
        assert_eq!(r.intersection(Size::new(100, 100).rect()), None);
        assert_eq!(Rect::new(i32::MIN, 0, i32::MAX, 1).width(), u32::MAX);
    }
}
