//! The frame around a window: title bar and edges.

use crate::color::{Color, TextureFormat};
use crate::frame::{Damage, ImageRef};
use crate::geometry::{Point, Rect};

use super::light::Lamp;
use super::picture::stray_alpha;

/// The pixel (`x`, `y`) of the frame around a window, counted from the corner of the whole window, as BGRA with alpha 255. It differs from
/// all others within 256 pixels.
pub fn frame_pixel(x: i32, y: i32) -> [u8; 4] {
    [x as u8, y as u8, 0x60, 255]
}

/// The pixels of `part` of a whole window, written to `bytes`: those of `client`, which shows the given part of the window, and around them
/// the frame.
pub(super) fn framed<'a>(
    bytes: &'a mut Vec<u8>,
    part: Rect,
    color: Color,
    client: Option<(Rect, ImageRef<'_>)>,
) -> ImageRef<'a> {
    let lamp = color.hdr.then(|| Lamp::new(color));
    let format = if color.hdr { TextureFormat::Rgba16f } else { TextureFormat::Bgra8 };
    bytes.clear();
    for y in part.top..part.bottom {
        for x in part.left..part.right {
            let [blue, green, red, _] = frame_pixel(x, y);
            let (colour, stray) = (u32::from_le_bytes([blue, green, red, 0]), stray_alpha(x) ^ stray_alpha(y));
            match &lamp {
                Some(lamp) => bytes.extend(lamp.pixel(colour, stray)),
                None => bytes.extend((colour ^ stray).to_le_bytes()),
            }
        }
    }
    let stride = part.width() as usize * format.bytes();
    if let Some((seen, image)) = client {
        let left = seen.left.abs_diff(part.left) as usize * format.bytes();
        for (y, row) in (seen.top..seen.bottom).zip(0..) {
            let start = y.abs_diff(part.top) as usize * stride + left;
            bytes[start..start + image.row(row).len()].copy_from_slice(image.row(row));
        }
    }
    ImageRef::of(format, bytes, stride, part.size())
}

/// Damage of a client area that lies at `inset` in the whole window, as that of the whole window.
pub(super) fn shifted(mut damage: Damage, inset: Point) -> Damage {
    for part in &mut damage.dirty {
        *part = part.translated(inset.x, inset.y);
    }
    for m in &mut damage.moves {
        m.source = Point::new(m.source.x + inset.x, m.source.y + inset.y);
        m.destination = m.destination.translated(inset.x, inset.y);
    }
    damage
}
