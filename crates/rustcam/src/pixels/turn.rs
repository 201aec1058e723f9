//! Quarter turns: the image is processed in blocks, each of which is transposed in the cache and written from there.
//!
//! Memory access takes most of the time, not the transposition. A block must be long in both directions; otherwise the processor does
//! not prefetch the next cache lines, and writes incomplete ones.

// The kernels are compiled per CPU path like those of the rows.
#![allow(clippy::inline_always)]

use std::ops::Range;

use super::convert::{convert, Kernel};
use super::view::{offset, RowWriter, SourceView, TargetView};
use crate::geometry::{Point, Rect, Size};

/// Pixels per step of the transposition: with this number the compiler transposes in registers.
const STEP: usize = 32;

/// Quads and columns of a block for large parts: 128 rows of 96 pixels, 50 KiB of stack.
const LARGE: (usize, usize) = (128 / 4 + 1, 96);

/// Quads and columns of a block for small parts: 32 rows of 32 pixels.
const SMALL: (usize, usize) = (32 / 4 + 1, 32);

/// Four pixels of a row of the target; they come from four rows of the source.
type Quad = [[u8; 4]; 4];

/// A column of the source, which is a row of the target. Its last quad stays unused, so that the columns of a block do not all map to
/// the same few cache lines.
type Column<const QUADS: usize> = [Quad; QUADS];

/// Writes what `source` shows after a quarter turn.
pub(super) fn quarter(
    writer: &RowWriter<'_>,
    source: &SourceView<'_>,
    target: &mut TargetView<'_, '_>,
    clockwise: bool,
) {
    // A block is cleared before its first use, which is too expensive for a part that fills less than half of a large block.
    if target.width() * target.height() * 2 < (LARGE.0 - 1) * 4 * LARGE.1 {
        by_blocks::<{ SMALL.0 }, { SMALL.1 }>(writer, source, target, clockwise);
    } else {
        by_blocks::<{ LARGE.0 }, { LARGE.1 }>(writer, source, target, clockwise);
    }
}

fn by_blocks<const QUADS: usize, const COLUMNS: usize>(
    writer: &RowWriter<'_>,
    source: &SourceView<'_>,
    target: &mut TargetView<'_, '_>,
    clockwise: bool,
) {
    let (width, height) = (target.width(), target.height());
    let in_registers = writer.path.interleaves();
    let mut block: [Column<QUADS>; COLUMNS] = [[[[0; 4]; 4]; QUADS]; COLUMNS];
    for left in (0..height).step_by(COLUMNS) {
        let columns = COLUMNS.min(height - left);
        let y = if clockwise { left } else { height - left - columns };
        for x in (0..width).step_by((QUADS - 1) * 4) {
            let rows = ((QUADS - 1) * 4).min(width - x);
            let top = if clockwise { width - x - rows } else { x };
            // Rows are read in the order of the source, even if they are written from right to left. An incomplete quad is filled by
            // repeating the last row; the repeated pixels are not written.
            let quads = rows.div_ceil(4);
            for quad in 0..quads {
                let row = |i: usize| source.pixels(left, top + (4 * quad + i).min(rows - 1), columns).as_chunks().0;
                let mut four = [row(0), row(1), row(2), row(3)];
                let mut place = quad;
                if clockwise {
                    four.reverse();
                    place = quads - 1 - quad;
                }
                writer.path.run(Transpose { rows: four, block: &mut block[..columns], place, in_registers });
            }
            let first = if clockwise { 4 * quads - rows } else { 0 };
            write_rows(writer, target, (x, y), Size::new(rows as u32, columns as u32), |row| {
                let column = if clockwise { row } else { columns - 1 - row };
                block[column].as_flattened()[first..first + rows].as_flattened()
            });
        }
    }
}

/// Writes four rows of the source to the columns of a block, to the quads at `place`.
struct Transpose<'a, const QUADS: usize> {
    rows: [&'a [[u8; 4]]; 4],
    block: &'a mut [Column<QUADS>],
    place: usize,
    in_registers: bool,
}

impl<const QUADS: usize> Kernel for Transpose<'_, QUADS> {
    #[inline(always)]
    fn run(self) {
        let Self { rows, block, place, in_registers } = self;
        let whole = if in_registers { block.len() / STEP * STEP } else { 0 };
        let (steps, rest) = block.split_at_mut(whole);
        let [a, b, c, d] = rows.map(|row| row[..whole].as_chunks::<STEP>().0);
        for ((((step, a), b), c), d) in steps.as_chunks_mut::<STEP>().0.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            let mut quads: [Quad; STEP] = [[[0; 4]; 4]; STEP];
            for (i, quad) in quads.iter_mut().enumerate() {
                *quad = [a[i], b[i], c[i], d[i]];
            }
            for (column, quad) in step.iter_mut().zip(quads) {
                column[place] = quad;
            }
        }
        let [a, b, c, d] = rows.map(|row| &row[whole..]);
        for ((((column, a), b), c), d) in rest.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            column[place] = [*a, *b, *c, *d];
        }
    }
}

/// Writes `size.height` rows from (`x`, `y`) downwards; `pixels` returns each by its number. Only rows that may be under the pointer are
/// written one by one: for rows this short a call takes longer than the conversion.
fn write_rows<'p>(
    writer: &RowWriter<'_>,
    target: &mut TargetView<'_, '_>,
    (x, y): (usize, usize),
    size: Size,
    pixels: impl Fn(usize) -> &'p [u8] + Copy,
) {
    let area = Rect::at(Point::new(target.area.left + x as i32, target.area.top + y as i32), size);
    let covered = writer
        .pointer
        .and_then(|(image, at)| Rect::at(at, image.size()).intersection(area))
        .map_or(0..0, |covered| offset(area.top, covered.top)..offset(area.top, covered.bottom));
    writer.path.run(ConvertRows { target, x, y, rows: 0..covered.start, pixels });
    for row in covered.clone() {
        target.write_row(writer, x, y + row, pixels(row));
    }
    writer.path.run(ConvertRows { target, x, y, rows: covered.end..size.height as usize, pixels });
}

/// Converts rows that the pointer does not touch.
struct ConvertRows<'a, 'b, 'c, F> {
    target: &'a mut TargetView<'b, 'c>,
    x: usize,
    y: usize,
    rows: Range<usize>,
    pixels: F,
}

impl<'p, F: Fn(usize) -> &'p [u8]> Kernel for ConvertRows<'_, '_, '_, F> {
    #[inline(always)]
    fn run(self) {
        let format = self.target.dst.format();
        for row in self.rows {
            let bgra = (self.pixels)(row);
            convert(format, bgra, self.target.pixels_mut(self.x, self.y + row, bgra.len() / 4));
        }
    }
}
