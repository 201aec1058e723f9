//! Rows of a region to rows of a frame of another size: first along the columns, then along the rows.
//!
//! Weights are whole numbers, and sums of products of them with levels stay exact: along the columns in 24 bits of a float, along the
//! rows in 53 of a double. So every level is the exact mean, rounded once.

// The kernels are compiled per CPU path like those of the rows.
#![allow(clippy::inline_always)]

use super::super::convert::{CpuPath, Kernel};
use super::rows::Rows;
use crate::axis::{Axis, Span};

/// Rows whose sum fits into 16 bits.
const MOST_ROWS: usize = 257;

/// Lifts ties, and what arithmetic has made of them, above themselves, so that they round up. The product with an inverse is off by less
/// than 2⁻⁴³, while means that are no ties are 2⁻³⁵ away from one.
const LIFT: f64 = 1.0 / (1u64 << 40) as f64;

/// Added to a number, it rounds the number to a whole one, which is in the lowest bits of the sum.
const WHOLE: f64 = (1u64 << 52) as f64;

/// Memory that is used again from row to row and from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Sums of levels.
    sums: Vec<u16>,
    /// A row of the region, summed along the columns.
    columns: Vec<f32>,
    /// A row of the frame.
    row: Vec<[u8; 4]>,
}

/// The axes of a frame.
#[derive(Clone, Copy)]
pub(super) struct Axes<'a> {
    pub(super) x: &'a Axis,
    pub(super) y: &'a Axis,
}

/// Makes row `y` of the frame, from column `left` to `right` (outside), of `rows`, whose first column is column `offset` of the region.
pub(super) fn row<'a>(
    path: CpuPath,
    axes: Axes<'_>,
    rows: &'a mut Rows<'_>,
    (y, left, right): (u32, u32, u32),
    scratch: &'a mut Scratch,
) -> &'a [u8] {
    let span = axes.y.spans[y as usize];
    let spans = &axes.x.spans[left as usize..right as usize];
    let offset = rows.left();
    if axes.y.copies && axes.x.is_identity {
        let (from, to) = ((left - offset) as usize * 4, (right - offset) as usize * 4);
        return &rows.row(span.first)[from..to];
    }
    scratch.row.resize(spans.len(), [0; 4]);
    if axes.y.copies && axes.x.copies {
        let row = rows.row(span.first).as_chunks::<4>().0;
        for (pixel, span) in scratch.row.iter_mut().zip(spans) {
            *pixel = row[(span.first - offset) as usize];
        }
        return scratch.row.as_flattened();
    }
    sum_columns(path, &span, rows, scratch);
    let total = axes.x.total * axes.y.total;
    path.run(SumRow { columns: scratch.columns.as_chunks().0, spans, offset, total, row: &mut scratch.row });
    scratch.row.as_flattened()
}

/// Sums the rows of `span` with their weights.
fn sum_columns(path: CpuPath, span: &Span, rows: &mut Rows<'_>, scratch: &mut Scratch) {
    let Scratch { sums, columns, .. } = scratch;
    let weights = span.weights;
    let first = rows.row(span.first);
    columns.resize(first.len(), 0.0);
    path.run(Weigh::<true> { row: first, weight: weights.first, columns });
    let mut y = span.first + 1;
    while y < span.last {
        let end = span.last.min(y + MOST_ROWS as u32);
        sums.clear();
        sums.resize(columns.len(), 0);
        while y < end {
            if y + 1 < end && rows.has(y, y + 1) {
                let (one, two) = rows.two(y);
                path.run(AddTwo { one, two, sums });
                y += 2;
            } else {
                path.run(Add { row: rows.row(y), sums });
                y += 1;
            }
        }
        path.run(WeighSums { sums, weight: weights.middle, columns });
    }
    if span.last > span.first {
        path.run(Weigh::<false> { row: rows.row(span.last), weight: weights.last, columns });
    }
}

/// `columns = weight·row`, or `columns += weight·row`.
struct Weigh<'a, const FIRST: bool> {
    row: &'a [u8],
    weight: f32,
    columns: &'a mut [f32],
}

impl<const FIRST: bool> Kernel for Weigh<'_, FIRST> {
    #[inline(always)]
    fn run(self) {
        for (column, level) in self.columns.iter_mut().zip(self.row) {
            let product = self.weight * f32::from(*level);
            *column = if FIRST { product } else { *column + product };
        }
    }
}

struct Add<'a> {
    row: &'a [u8],
    sums: &'a mut [u16],
}

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run(self) {
        for (sum, level) in self.sums.iter_mut().zip(self.row) {
            *sum += u16::from(*level);
        }
    }
}

struct AddTwo<'a> {
    one: &'a [u8],
    two: &'a [u8],
    sums: &'a mut [u16],
}

impl Kernel for AddTwo<'_> {
    #[inline(always)]
    fn run(self) {
        for ((sum, one), two) in self.sums.iter_mut().zip(self.one).zip(self.two) {
            *sum += u16::from(*one) + u16::from(*two);
        }
    }
}

struct WeighSums<'a> {
    sums: &'a [u16],
    weight: f32,
    columns: &'a mut [f32],
}

impl Kernel for WeighSums<'_> {
    #[inline(always)]
    fn run(self) {
        for (column, sum) in self.columns.iter_mut().zip(self.sums) {
            *column += self.weight * f32::from(*sum);
        }
    }
}

/// The pixels of a row of the frame.
struct SumRow<'a> {
    columns: &'a [[f32; 4]],
    spans: &'a [Span],
    offset: u32,
    total: f64,
    row: &'a mut [[u8; 4]],
}

impl Kernel for SumRow<'_> {
    #[inline(always)]
    fn run(self) {
        let inverse = 1.0 / self.total;
        for (pixel, span) in self.row.iter_mut().zip(self.spans) {
            let (first, last) = ((span.first - self.offset) as usize, (span.last - self.offset) as usize);
            let mut sum = scaled(self.columns[first], span.weights.first);
            if last > first {
                let mut between = [[0.0; 4]; 2];
                let (pairs, rest) = self.columns[first + 1..last].as_chunks::<2>();
                for pair in pairs {
                    for c in 0..4 {
                        between[0][c] += f64::from(pair[0][c]);
                        between[1][c] += f64::from(pair[1][c]);
                    }
                }
                for one in rest {
                    for c in 0..4 {
                        between[0][c] += f64::from(one[c]);
                    }
                }
                let end = scaled(self.columns[last], span.weights.last);
                for c in 0..4 {
                    sum[c] += f64::from(span.weights.middle) * (between[0][c] + between[1][c]) + end[c];
                }
            }
            for c in 0..4 {
                pixel[c] = (sum[c] * inverse + LIFT + WHOLE).to_bits() as u8;
            }
        }
    }
}

#[inline(always)]
fn scaled(pixel: [f32; 4], weight: f32) -> [f64; 4] {
    pixel.map(|level| f64::from(level) * f64::from(weight))
}
