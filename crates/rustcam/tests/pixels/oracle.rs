//! One pixel at a time, by the definitions: of a clockwise turn, of the pointer equations, of the formats.

use half::f16;
use rustcam::frame::{ImageMut, PixelFormat, PointerShape, ShapeKind};
use rustcam::geometry::{Point, Rect, Rotation, Size};

use crate::cases::Case;

/// What destinations hold before they are written, so that a byte written by mistake shows.
const UNTOUCHED: u8 = 0xA5;

/// A pixel by its position; nothing about it repeats along a row or a column.
pub fn texture_pixel(seed: u32, x: i32, y: i32) -> [u8; 4] {
    let mut h = seed ^ (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    h = (h ^ h >> 15).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ h >> 12).wrapping_mul(0x297A_2D39);
    (h ^ h >> 15).to_le_bytes()
}

/// The texture pixel that a turn clockwise brings to desktop pixel (`x`, `y`), found by turning quarter by quarter.
pub fn before_turn(rotation: Rotation, desktop: Size, x: i32, y: i32) -> (i32, i32) {
    let (mut x, mut y) = (x, y);
    let (mut width, mut height) = (desktop.width as i32, desktop.height as i32);
    for _ in 0..rotation.degrees() / 90 {
        // A quarter turn back: the right edge becomes the top one.
        (x, y) = (y, width - 1 - x);
        (width, height) = (height, width);
    }
    (x, y)
}

fn shape_word(shape: &PointerShape, x: usize, y: usize) -> [u32; 4] {
    [0, 1, 2, 3].map(|i| u32::from(shape.data[y * shape.pitch + x * 4 + i]))
}

fn shape_bit(shape: &PointerShape, x: usize, y: usize) -> bool {
    shape.data[y * shape.pitch + x / 8] & (0x80 >> (x % 8)) != 0
}

/// Blue, green and red of a desktop pixel under the shape.
pub fn blended(shape: &PointerShape, at: Point, x: i32, y: i32, under: [u8; 3]) -> [u8; 3] {
    let (sx, sy) = (i64::from(x) - i64::from(at.x), i64::from(y) - i64::from(at.y));
    if sx < 0 || sy < 0 || sx >= i64::from(shape.size.width) || sy >= i64::from(shape.size.height) {
        return under;
    }
    let (sx, sy) = (sx as usize, sy as usize);
    let mut out = under;
    for (channel, out) in out.iter_mut().enumerate() {
        let d = u32::from(*out);
        let value = match shape.kind {
            ShapeKind::Monochrome => {
                let and = if shape_bit(shape, sx, sy) { 255 } else { 0 };
                let xor = if shape_bit(shape, sx, sy + shape.size.height as usize) { 255 } else { 0 };
                (d & and) ^ xor
            }
            ShapeKind::MaskedColor => {
                let word = shape_word(shape, sx, sy);
                if word[3] == 0 {
                    word[channel]
                } else {
                    d ^ word[channel]
                }
            }
            ShapeKind::Color => {
                let word = shape_word(shape, sx, sy);
                let t = word[channel] * word[3] + d * (255 - word[3]) + 128;
                (t + (t >> 8)) >> 8
            }
            ShapeKind::Premultiplied => {
                let word = shape_word(shape, sx, sy);
                let t = d * (255 - word[3]) + 128;
                (word[channel] + ((t + (t >> 8)) >> 8)).min(255)
            }
        };
        *out = u8::try_from(value).expect("a byte");
    }
    out
}

pub fn converted(format: PixelFormat, [b, g, r]: [u8; 3]) -> Vec<u8> {
    match format {
        PixelFormat::Bgra => vec![b, g, r, 255],
        PixelFormat::Rgba => vec![r, g, b, 255],
        PixelFormat::Bgr => vec![b, g, r],
        PixelFormat::Rgb => vec![r, g, b],
        PixelFormat::Gray => {
            vec![((77 * u32::from(r) + 150 * u32::from(g) + 29 * u32::from(b) + 128) >> 8) as u8]
        }
        PixelFormat::Rgba16f => {
            let light = |level: u8| {
                let encoded = f64::from(level) / 255.0;
                let linear = if level <= 10 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) };
                f16::from_f64(linear)
            };
            [light(r), light(g), light(b), f16::ONE].into_iter().flat_map(f16::to_le_bytes).collect()
        }
        other => panic!("the oracle does not know {other}"),
    }
}

/// A pixel image with padded rows, in memory that is not aligned to anything.
pub struct Picture {
    size: Size,
    format: PixelFormat,
    stride: usize,
    bottom_up: bool,
    pub bytes: Vec<u8>,
}

impl Picture {
    pub fn new(size: Size, format: PixelFormat, padding: usize, bottom_up: bool) -> Self {
        let stride = size.width as usize * format.bytes() + padding;
        Self { size, format, stride, bottom_up, bytes: vec![UNTOUCHED; stride * size.height as usize + 1] }
    }

    pub fn image(&mut self) -> ImageMut<'_> {
        let image = ImageMut::new(&mut self.bytes[1..], self.stride, self.size, self.format);
        if self.bottom_up {
            image.bottom_up()
        } else {
            image
        }
    }

    /// The bytes of one pixel.
    pub fn pixel(&self, x: usize, y: usize) -> &[u8] {
        let y = if self.bottom_up { self.size.height as usize - 1 - y } else { y };
        let start = 1 + y * self.stride + x * self.format.bytes();
        &self.bytes[start..start + self.format.bytes()]
    }

    pub fn set(&mut self, x: usize, y: usize, pixel: &[u8]) {
        let y = if self.bottom_up { self.size.height as usize - 1 - y } else { y };
        let start = 1 + y * self.stride + x * self.format.bytes();
        self.bytes[start..start + pixel.len()].copy_from_slice(pixel);
    }
}

/// The bytes of `part` of the texture, with `padding` bytes between rows.
pub fn part_bytes(seed: u32, part: Rect, padding: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in part.top..part.bottom {
        for x in part.left..part.right {
            bytes.extend(texture_pixel(seed, x, y));
        }
        bytes.extend(vec![0x5A; padding]);
    }
    bytes
}

pub fn expected(case: &Case) -> Vec<u8> {
    let desktop = case.rotation.apply(case.texture);
    let mut picture = Picture::new(case.region.size(), case.format, case.paddings.1, case.bottom_up);
    for y in case.region.top..case.region.bottom {
        for x in case.region.left..case.region.right {
            let pixel = Rect::new(x, y, x + 1, y + 1);
            let (tx, ty) = before_turn(case.rotation, desktop, x, y);
            let held = case.parts.iter().any(|part| part.contains(Rect::new(tx, ty, tx + 1, ty + 1)));
            if !desktop.rect().contains(pixel) || !held {
                continue;
            }
            let [b, g, r, _] = texture_pixel(case.seed, tx, ty);
            let mut bgr = [b, g, r];
            if let Some((shape, at)) = &case.pointer {
                bgr = blended(shape, *at, x, y, bgr);
            }
            let (dx, dy) = (x - case.region.left, y - case.region.top);
            picture.set(dx as usize, dy as usize, &converted(case.format, bgr));
        }
    }
    picture.bytes
}
