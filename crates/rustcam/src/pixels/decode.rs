//! Images that are not BGRA, for 8-bit frames: they are decoded to BGRA tile by tile, and each tile goes through the ordinary pass while it
//! is in the cache. So crop, rotation, pointer and format are those of every other frame.

// The kernel is compiled per CPU path like those of the rows.
#![allow(clippy::inline_always)]

use super::convert::{CpuPath, Kernel};
use super::tone::Tone;
use crate::color::TextureFormat;
use crate::frame::ImageRef;
use crate::geometry::{Point, Rect, Rotation, Size};

/// Pixels of the largest tile: 16 KiB of stack, half of the cache next to the processor.
const LARGEST: usize = 64 * ROWS;

/// Rows of a tile that is turned by a quarter. Other tiles are as wide as they can be.
const ROWS: usize = 64;

/// Decodes the pixels of `area`, which is inside `part` and in texture space, and passes each tile to `write`.
pub(super) fn by_tiles(
    path: CpuPath,
    (part, image): (Rect, ImageRef<'_>),
    tone: &Tone,
    (area, rotation): (Rect, Rotation),
    mut write: impl FnMut(Rect, ImageRef<'_>),
) {
    let mut pixels = [[0; 4]; LARGEST];
    for tile in tiles(area, rotation, LARGEST) {
        let image = image.cropped(tile.translated(-part.left, -part.top));
        let width = tile.width() as usize;
        let rows = pixels.chunks_exact_mut(width).take(tile.height() as usize);
        for (y, bgra) in rows.enumerate() {
            let row = image.row(y);
            match image.format() {
                TextureFormat::Rgba16f => tone.map_row(path, row, bgra),
                TextureFormat::Rgb10a2 => path.run(FromTenBits { src: row.as_chunks().0, dst: bgra }),
                TextureFormat::Bgra8 => bgra.as_flattened_mut().copy_from_slice(row),
            }
        }
        write(tile, ImageRef::new(pixels.as_flattened(), width * 4, tile.size()));
    }
}

/// `area` in tiles of at most so many pixels.
pub(super) fn tiles(area: Rect, rotation: Rotation, pixels: usize) -> impl Iterator<Item = Rect> {
    let widest = if rotation.transposes() { pixels / ROWS } else { pixels };
    let columns = (area.width() as usize).clamp(1, widest);
    let rows = pixels / columns;
    let size = Size::new(columns as u32, rows as u32);
    (area.top..area.bottom).step_by(rows).flat_map(move |top| {
        let corners = (area.left..area.right).step_by(columns).map(move |left| Point::new(left, top));
        corners.filter_map(move |corner| Rect::at(corner, size).intersection(area))
    })
}

/// Ten bits per channel to eight, rounded.
struct FromTenBits<'a> {
    src: &'a [[u8; 4]],
    dst: &'a mut [[u8; 4]],
}

impl Kernel for FromTenBits<'_> {
    #[inline(always)]
    fn run(self) {
        for (d, s) in self.dst.iter_mut().zip(self.src) {
            let word = u32::from_le_bytes(*s);
            // 255/1023 is 85/341, whose odd divisor leaves no ties.
            let level = |shift: u32| ((word >> shift & 0x3FF) * 85 + 170) / 341;
            *d = (0xFF00_0000 | level(0) << 16 | level(10) << 8 | level(20)).to_le_bytes();
        }
    }
}
