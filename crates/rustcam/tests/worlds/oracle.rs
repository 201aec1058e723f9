//! The exact picture, one pixel and one channel at a time: the desktop's pixels, the pointer by its equations, the format by its
//! definition.

use half::f16;
use rustcam::color::srgb_decode;
use rustcam::frame::{PixelFormat, Pointer, PointerShape, ShapeKind};
use rustcam::geometry::{Rect, Size};

/// `region` of a desktop of `size` whose BGRA pixels are `desktop`, with `pointer` over it.
pub fn picture(desktop: &[u8], size: Size, pointer: Option<&Pointer>, region: Rect, format: PixelFormat) -> Vec<u8> {
    let pointer = pointer.filter(|p| p.visible).and_then(|p| Some((p.position, p.shape.as_deref()?)));
    let pointer = pointer.filter(|(_, shape)| is_well_formed(shape));
    let mut bytes = Vec::with_capacity(region.area() as usize * format.bytes());
    for y in region.top..region.bottom {
        for x in region.left..region.right {
            let start = (y as usize * size.width as usize + x as usize) * 4;
            let mut bgr = [desktop[start], desktop[start + 1], desktop[start + 2]];
            if let Some((at, shape)) = pointer {
                bgr = under_shape(bgr, shape, x - at.x, y - at.y);
            }
            push(&mut bytes, bgr, format);
        }
    }
    bytes
}

/// Whether the description of the shape is consistent.
fn is_well_formed(shape: &PointerShape) -> bool {
    let Size { width, height } = shape.size;
    let (row, rows) = match shape.kind {
        ShapeKind::Monochrome => (width.div_ceil(8) as usize, 2 * height as usize),
        _ => (width as usize * 4, height as usize),
    };
    let sides = (1..=1024).contains(&width) && (1..=1024).contains(&height);
    sides && shape.pitch >= row && shape.data.len() >= (rows - 1) * shape.pitch + row
}

fn under_shape(mut bgr: [u8; 3], shape: &PointerShape, x: i32, y: i32) -> [u8; 3] {
    if x < 0 || y < 0 || x >= shape.size.width as i32 || y >= shape.size.height as i32 {
        return bgr;
    }
    for (channel, value) in bgr.iter_mut().enumerate() {
        *value = blended(*value, shape, x as usize, y as usize, channel);
    }
    bgr
}

fn blended(under: u8, shape: &PointerShape, x: usize, y: usize, channel: usize) -> u8 {
    let divided = |n: u32| (f64::from(n) / 255.0).round() as u32;
    if shape.kind == ShapeKind::Monochrome {
        let bit = |row: usize| shape.data[row * shape.pitch + x / 8] >> (7 - x % 8) & 1 == 1;
        let kept = if bit(y) { under } else { 0 };
        return if bit(y + shape.size.height as usize) { kept ^ 255 } else { kept };
    }
    let texel = &shape.data[y * shape.pitch + x * 4..][..4];
    let (over, alpha) = (u32::from(texel[channel]), u32::from(texel[3]));
    let below = u32::from(under);
    match shape.kind {
        ShapeKind::MaskedColor if alpha == 0 => texel[channel],
        ShapeKind::MaskedColor => under ^ texel[channel],
        ShapeKind::Color => divided(over * alpha + below * (255 - alpha)) as u8,
        _ => (over + divided(below * (255 - alpha))).min(255) as u8,
    }
}

fn push(bytes: &mut Vec<u8>, [b, g, r]: [u8; 3], format: PixelFormat) {
    match format {
        PixelFormat::Bgra => bytes.extend([b, g, r, 255]),
        PixelFormat::Rgba => bytes.extend([r, g, b, 255]),
        PixelFormat::Bgr => bytes.extend([b, g, r]),
        PixelFormat::Rgb => bytes.extend([r, g, b]),
        PixelFormat::Gray => {
            bytes.push(((77 * u32::from(r) + 150 * u32::from(g) + 29 * u32::from(b) + 128) >> 8) as u8);
        }
        PixelFormat::Rgba16f => {
            let light = |level: u8| f16::from_f64(srgb_decode(f64::from(level) / 255.0));
            bytes.extend([light(r), light(g), light(b), f16::ONE].into_iter().flat_map(f16::to_le_bytes));
        }
        other => panic!("the oracle does not know {other}"),
    }
}
