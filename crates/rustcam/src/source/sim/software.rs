//! A software pointer: the system itself draws it into the image that it presents.
//!
//! The equations are implemented here a second time, one pixel at a time, as a reference for the code that draws the pointer over an
//! image without one.

use std::sync::Arc;

use crate::frame::{PointerShape, ShapeKind};
use crate::geometry::{Point, Rect};

use super::pointer_track::State;
use super::shapes;

/// A pointer in an image.
pub(super) struct Painted {
    position: Point,
    shape: &'static Arc<PointerShape>,
}

impl PartialEq for Painted {
    fn eq(&self, other: &Self) -> bool {
        self.position == other.position && Arc::ptr_eq(self.shape, other.shape)
    }
}

impl Painted {
    pub(super) fn new(state: State) -> Self {
        Self { position: state.position, shape: shapes::shape(state.shape) }
    }

    /// The pixels of the desktop under its shape.
    pub(super) fn rect(&self) -> Rect {
        Rect::at(self.position, self.shape.size)
    }

    /// `pixel` of the desktop with the pointer over it; its fourth byte stays.
    pub(super) fn over(painted: Option<&Self>, mut pixel: [u8; 4], x: i32, y: i32) -> [u8; 4] {
        let Some(Self { position, shape }) = painted else { return pixel };
        let (Ok(x), Ok(y)) = (usize::try_from(x - position.x), usize::try_from(y - position.y)) else { return pixel };
        if x >= shape.size.width as usize || y >= shape.size.height as usize {
            return pixel;
        }
        for (channel, value) in pixel[..3].iter_mut().enumerate() {
            *value = drawn(shape, x, y, channel, *value);
        }
        pixel
    }
}

fn drawn(shape: &PointerShape, x: usize, y: usize, channel: usize, under: u8) -> u8 {
    if shape.kind == ShapeKind::Monochrome {
        let bit = |row: usize| shape.data[row * shape.pitch + x / 8] & (0x80 >> (x % 8)) != 0;
        let kept = if bit(y) { under } else { 0 };
        return if bit(y + shape.size.height as usize) { !kept } else { kept };
    }
    let texel = &shape.data[y * shape.pitch + x * 4..][..4];
    let (colour, alpha) = (u32::from(texel[channel]), u32::from(texel[3]));
    // Twice the product and half the divisor, so that the quotient is rounded half up.
    let divided = |product: u32| (2 * product + 255) / 510;
    let value = match shape.kind {
        ShapeKind::MaskedColor if alpha == 0 => colour,
        ShapeKind::MaskedColor => colour ^ u32::from(under),
        ShapeKind::Color => divided(colour * alpha + u32::from(under) * (255 - alpha)),
        _ => (colour + divided(u32::from(under) * (255 - alpha))).min(255),
    };
    value as u8
}
