//! Luma and chroma: BT.709 in the limited range, as encoders expect it.
//!
//! With `R`, `G` and `B` from 0 to 255:
//!
//! ```text
//! Y  = (11966·R + 40254·G +  4064·B + 16·2¹⁶ + 2¹⁵) >> 16
//! Cb = (−6595·R − 22189·G + 28784·B + 128·2¹⁸ + 2¹⁷) >> 18, R, G and B being sums of 2×2 pixels
//! Cr = (28784·R − 26145·G −  2639·B + 128·2¹⁸ + 2¹⁷) >> 18
//! ```

// The kernels are compiled per CPU path like those of the rows.
#![allow(clippy::inline_always)]

use super::super::convert::{CpuPath, Kernel};
use crate::frame_format::YuvFormat;
use crate::geometry::Size;

/// The factors of red, green and blue, times 65536.
const LUMA: [i32; 3] = [11966, 40254, 4064];
const CB: [i32; 3] = [-6595, -22189, 28784];
const CR: [i32; 3] = [28784, -26145, -2639];

/// Where the rows of a frame go.
pub(super) struct YuvStore<'a> {
    pub(super) path: CpuPath,
    pub(super) format: YuvFormat,
    pub(super) size: Size,
    pub(super) bytes: &'a mut [u8],
    /// The row above, if it is an even one.
    pub(super) above: &'a mut Vec<u8>,
}

impl YuvStore<'_> {
    /// Stores the pixels of `bgra` from column `x` of row `y` on. Columns are even in number and in place, and each even row is followed
    /// by the odd one below it.
    pub(super) fn row(&mut self, y: u32, x: u32, bgra: &[u8]) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let (x, y, pixels) = (x as usize, y as usize, bgra.len() / 4);
        let (luma, chroma) = self.bytes.split_at_mut(width * height);
        let start = y * width + x;
        self.path.run(Luma { bgra: bgra.as_chunks().0, luma: &mut luma[start..start + pixels] });
        if y % 2 == 0 {
            self.above.clear();
            self.above.extend_from_slice(bgra);
            return;
        }
        let rows = [self.above.as_chunks().0, bgra.as_chunks().0];
        match self.format {
            YuvFormat::Nv12 => {
                let start = y / 2 * width + x;
                let pairs = chroma[start..start + pixels].as_chunks_mut::<2>().0;
                self.path.run(Chroma { rows, store: |i, value| pairs[i] = value });
            }
            YuvFormat::I420 => {
                let (blue, red) = chroma.split_at_mut(width / 2 * (height / 2));
                let start = y / 2 * (width / 2) + x / 2;
                let (blue, red) = (&mut blue[start..start + pixels / 2], &mut red[start..start + pixels / 2]);
                let store = |i: usize, [b, r]: [u8; 2]| (blue[i], red[i]) = (b, r);
                self.path.run(Chroma { rows, store });
            }
        }
    }
}

impl YuvStore<'_> {
    /// Stores luma from column `x` of row `y` on.
    pub(super) fn luma(&mut self, y: usize, x: usize, luma: &[u8]) {
        let start = y * self.size.width as usize + x;
        self.bytes[start..start + luma.len()].copy_from_slice(luma);
    }

    /// Stores Cb and Cr, in turn, of row `y` of chroma, from column `x` of luma on.
    pub(super) fn chroma(&mut self, y: usize, x: usize, pairs: &[u8]) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let chroma = &mut self.bytes[width * height..];
        match self.format {
            YuvFormat::Nv12 => {
                let start = y * width + x;
                chroma[start..start + pairs.len()].copy_from_slice(pairs);
            }
            YuvFormat::I420 => {
                let (blue, red) = chroma.split_at_mut(width / 2 * (height / 2));
                let start = y * (width / 2) + x / 2;
                let planes = blue[start..].iter_mut().zip(&mut red[start..]);
                for ((blue, red), [b, r]) in planes.zip(pairs.as_chunks::<2>().0) {
                    (*blue, *red) = (*b, *r);
                }
            }
        }
    }
}

struct Luma<'a> {
    bgra: &'a [[u8; 4]],
    luma: &'a mut [u8],
}

impl Kernel for Luma<'_> {
    #[inline(always)]
    fn run(self) {
        for (luma, pixel) in self.luma.iter_mut().zip(self.bgra) {
            let [b, g, r, _] = pixel.map(i32::from);
            *luma = ((LUMA[0] * r + LUMA[1] * g + LUMA[2] * b + (16 << 16) + (1 << 15)) >> 16) as u8;
        }
    }
}

/// The chroma of every 2×2 pixels of two rows.
struct Chroma<'a, F> {
    rows: [&'a [[u8; 4]]; 2],
    store: F,
}

impl<F: FnMut(usize, [u8; 2])> Kernel for Chroma<'_, F> {
    #[inline(always)]
    fn run(mut self) {
        let [above, below] = self.rows.map(|row| row.as_chunks::<2>().0);
        for (i, (above, below)) in above.iter().zip(below).enumerate() {
            let sum =
                |c: usize| [above[0][c], above[1][c], below[0][c], below[1][c]].map(i32::from).iter().sum::<i32>();
            let (b, g, r) = (sum(0), sum(1), sum(2));
            let value = |factors: [i32; 3]| {
                ((factors[0] * r + factors[1] * g + factors[2] * b + (128 << 18) + (1 << 17)) >> 18) as u8
            };
            (self.store)(i, [value(CB), value(CR)]);
        }
    }
}
