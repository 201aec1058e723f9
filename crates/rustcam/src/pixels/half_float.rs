//! Half-float frames of images with more than eight bits: every value stays as it is, and alpha becomes 1.0.

// The kernels are compiled per CPU path like those of the rows.
#![allow(clippy::inline_always)]

use std::sync::LazyLock;

use super::convert::{CpuPath, Kernel};
use super::decode::tiles;
use super::light::{self, OPAQUE};
use super::pointer::PointerImage;
use super::tone::Tone;
use super::view::TargetView;
use crate::color::{TextureFormat, SCRGB_UNIT_NITS};
use crate::frame::ImageRef;
use crate::geometry::{Point, Rect, Rotation};

/// Pixels of the largest tile: two of them take 32 KiB of stack.
const LARGEST: usize = 2048;

/// Bytes per pixel of the frame.
const PIXEL: usize = 8;

/// Writes the pixels of `area`, which is inside `part` and in texture space, to `target`, with the pointer at SDR white over them.
pub(super) fn write(
    path: CpuPath,
    (part, image): (Rect, ImageRef<'_>),
    tone: &Tone,
    (area, rotation): (Rect, Rotation),
    pointer: Option<(&PointerImage, Point)>,
    target: &mut TargetView<'_, '_>,
) {
    let desktop = target.area;
    let mut pixels = [[0; PIXEL]; LARGEST];
    let mut turned = [[0; PIXEL]; LARGEST];
    for tile in tiles(area, rotation, LARGEST) {
        let image = image.cropped(tile.translated(-part.left, -part.top));
        let (width, height) = (tile.width() as usize, tile.height() as usize);
        for (y, row) in pixels.chunks_exact_mut(width).take(height).enumerate() {
            path.run(Decode { format: image.format(), src: image.row(y), dst: row });
        }
        let upright = if rotation == Rotation::None {
            &pixels
        } else {
            turn(rotation, (width, height), &pixels, &mut turned);
            &turned
        };
        // Relative to all that is written, in desktop space.
        let place = rotation.to_desktop(tile.translated(-area.left, -area.top), desktop.size());
        let columns = place.width() as usize;
        for (y, row) in (place.top..place.bottom).zip(upright.chunks_exact(columns)) {
            let (x, y) = (place.left as usize, y as usize);
            let dst = target.pixels_mut(x, y, columns);
            dst.copy_from_slice(row.as_flattened());
            let (left, top) = (desktop.left + x as i32, desktop.top + y as i32);
            if let Some((image, run)) =
                pointer.and_then(|(image, at)| Some((image, image.run(at, left, top, columns)?)))
            {
                image.blend_light(&run, tone, dst[run.start * PIXEL..run.end * PIXEL].as_chunks_mut().0);
            }
        }
    }
}

/// Turns `size.1` rows of `size.0` pixels.
fn turn(rotation: Rotation, (width, height): (usize, usize), from: &[[u8; PIXEL]], to: &mut [[u8; PIXEL]]) {
    match rotation {
        Rotation::None => to[..width * height].copy_from_slice(&from[..width * height]),
        Rotation::Clockwise180 => {
            for (d, s) in to.iter_mut().zip(from[..width * height].iter().rev()) {
                *d = *s;
            }
        }
        Rotation::Clockwise90 | Rotation::Clockwise270 => {
            for (y, row) in to.chunks_exact_mut(height).take(width).enumerate() {
                let clockwise = rotation == Rotation::Clockwise90;
                let column =
                    from[..width * height].iter().skip(if clockwise { y } else { width - 1 - y }).step_by(width);
                if clockwise {
                    row.iter_mut().rev().zip(column).for_each(|(d, s)| *d = *s);
                } else {
                    row.iter_mut().zip(column).for_each(|(d, s)| *d = *s);
                }
            }
        }
    }
}

/// Decodes a row of any format.
struct Decode<'a> {
    format: TextureFormat,
    src: &'a [u8],
    dst: &'a mut [[u8; PIXEL]],
}

impl Kernel for Decode<'_> {
    #[inline(always)]
    fn run(self) {
        match self.format {
            TextureFormat::Rgba16f => {
                for (d, s) in self.dst.iter_mut().zip(self.src.as_chunks::<PIXEL>().0) {
                    *d = (u64::from_le_bytes(*s) & !(0xFFFF << 48) | OPAQUE).to_le_bytes();
                }
            }
            TextureFormat::Rgb10a2 => {
                let light = &*LIGHT_OF_TEN_BITS;
                each(self.dst, self.src, |word| [0, 10, 20].map(|shift| light[(word >> shift & 0x3FF) as usize]));
            }
            TextureFormat::Bgra8 => {
                let light = light::of_levels();
                each(self.dst, self.src, |word| [16, 8, 0].map(|shift| light[(word >> shift & 0xFF) as usize]));
            }
        }
    }
}

/// Writes the half floats of red, green and blue that `light` makes of every word.
#[inline(always)]
fn each(dst: &mut [[u8; PIXEL]], src: &[u8], light: impl Fn(u32) -> [u16; 3]) {
    for (d, s) in dst.iter_mut().zip(src.as_chunks::<4>().0) {
        let [r, g, b] = light(u32::from_le_bytes(*s)).map(u64::from);
        *d = (r | g << 16 | b << 32 | OPAQUE).to_le_bytes();
    }
}

/// The half floats of all 1024 values of ten bits; white is 1.0.
static LIGHT_OF_TEN_BITS: LazyLock<[u16; 1024]> =
    LazyLock::new(|| std::array::from_fn(|value| light::of_encoded(value as f64 / 1023.0, SCRGB_UNIT_NITS)));
