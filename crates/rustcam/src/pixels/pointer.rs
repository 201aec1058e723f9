//! Pointer shapes: decoded once per change of the shape, then blended exactly.
//!
//! The equations are those of the Windows display driver interface for monochrome, straight-alpha and masked-colour shapes
//! (`DXGI_OUTDUPL_POINTER_SHAPE_TYPE`); the equation for premultiplied shapes is that of an X server's software cursor. They are
//! integer equations, so that the result does not depend on the machine.

// The blend is compiled per CPU path like the row kernels.
#![allow(clippy::inline_always)]

use super::convert::{CpuPath, Kernel};
use crate::frame::{ImageMut, PixelFormat, PointerShape, ShapeKind};
use crate::geometry::{Point, Rect, Size};

/// Largest width and height of a shape. No interface states a limit. This one bounds the cost of a malformed description, and leaves
/// room for the largest pointers of the accessibility settings.
const MAX_SIDE: u32 = 1024;

const RGB: u32 = 0x00FF_FFFF;
const ALPHA: u32 = 0xFF00_0000;

/// A pointer shape decoded once per shape change.
#[derive(Debug)]
pub struct PointerImage {
    size: Size,
    /// For every row the columns from the first to the last visible pixel, because most of a pointer's square is empty.
    spans: Vec<Span>,
    pub(super) texels: Texels,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    first: u32,
    end: u32,
}

/// Little-endian BGRA words, row by row without padding.
#[derive(Debug)]
pub(super) enum Texels {
    /// `(pixel & and) ^ xor`; both leave the alpha byte alone.
    Masks { and: Vec<u32>, xor: Vec<u32> },
    /// Colours with straight alpha.
    Straight(Vec<u32>),
    /// Colours already multiplied by their alpha.
    Premultiplied(Vec<u32>),
}

/// The visible pixels of the pointer in one row of an image.
pub(super) struct Run {
    /// First covered pixel of the row.
    pub start: usize,
    /// Pixel of the row after the last covered one.
    pub end: usize,
    /// Index of the texel that covers `start`.
    pub texel: usize,
}

impl PointerImage {
    /// Decodes `shape`. `None` if it is malformed: a side of 0 or above 1024 pixels, a pitch shorter than a row, or too little
    /// data. Bytes beyond the last row are ignored, as the system's buffers may be larger than the shape.
    pub fn decode(shape: &PointerShape) -> Option<PointerImage> {
        let Size { width, height } = shape.size;
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return None;
        }
        let (width, height) = (width as usize, height as usize);
        let texels = match shape.kind {
            ShapeKind::Monochrome => {
                // Width and pitch are independent: 33 pixels need 5 bytes, and the pitch is usually 8.
                let rows = rows(shape, width.div_ceil(8), 2 * height)?;
                Texels::Masks {
                    and: bits(&rows[..height], width).map(|keep| if keep { ALPHA | RGB } else { ALPHA }).collect(),
                    xor: bits(&rows[height..], width).map(|flip| if flip { RGB } else { 0 }).collect(),
                }
            }
            ShapeKind::MaskedColor => {
                let words = words(shape, width, height)?;
                Texels::Masks {
                    // The mask byte should be 0 or 255. As in Microsoft's sample, any other value counts as 255.
                    and: words.iter().map(|word| if word & ALPHA == 0 { ALPHA } else { ALPHA | RGB }).collect(),
                    xor: words.iter().map(|word| word & RGB).collect(),
                }
            }
            ShapeKind::Color => Texels::Straight(words(shape, width, height)?),
            ShapeKind::Premultiplied => Texels::Premultiplied(words(shape, width, height)?),
        };
        let spans = (0..height).map(|row| texels.visible_span(row * width, width)).collect();
        Some(PointerImage { size: shape.size, spans, texels })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The shape as BGRA, row by row without padding. For colour shapes the fourth byte is alpha. For the other kinds it says how the
    /// pixel combines with the pixel under it: 0 replaces, 255 is exclusive or.
    pub fn bgra(&self) -> Vec<u8> {
        match &self.texels {
            Texels::Straight(words) | Texels::Premultiplied(words) => {
                words.iter().flat_map(|word| word.to_le_bytes()).collect()
            }
            Texels::Masks { and, xor } => {
                let word = |(and, xor): (&u32, &u32)| if and & RGB == 0 { *xor } else { ALPHA | xor };
                and.iter().zip(xor).flat_map(|masks| word(masks).to_le_bytes()).collect()
            }
        }
    }

    /// What the pointer at `at` covers of the `len` pixels from (`x`, `y`) rightwards. The differences have 64 bits, because positions
    /// come from the system and may have any value.
    pub(super) fn run(&self, at: Point, x: i32, y: i32, len: usize) -> Option<Run> {
        let row = usize::try_from(i64::from(y) - i64::from(at.y)).ok()?;
        let span = self.spans.get(row)?;
        let left = i64::from(at.x) - i64::from(x);
        let start = (left + i64::from(span.first)).max(0);
        let end = (left + i64::from(span.end)).min(len as i64);
        (start < end).then(|| Run {
            start: start as usize,
            end: end as usize,
            texel: row * self.size.width as usize + (start - left) as usize,
        })
    }

    /// Blends the texels of `run`, from its `skip`-th on, over BGRA `pixels` and makes them opaque.
    pub(super) fn blend(&self, path: CpuPath, run: &Run, skip: usize, pixels: &mut [u8]) {
        let (pixels, first) = (pixels.as_chunks_mut::<4>().0, run.texel + skip);
        path.run(Blend { texels: &self.texels, first, pixels });
    }
}

struct Blend<'a> {
    texels: &'a Texels,
    first: usize,
    pixels: &'a mut [[u8; 4]],
}

impl Kernel for Blend<'_> {
    #[inline(always)]
    fn run(self) {
        let (first, pixels) = (self.first, self.pixels);
        match self.texels {
            Texels::Masks { and, xor } => {
                for (pixel, (and, xor)) in pixels.iter_mut().zip(and[first..].iter().zip(&xor[first..])) {
                    *pixel = ((u32::from_le_bytes(*pixel) & and ^ xor) | ALPHA).to_le_bytes();
                }
            }
            Texels::Straight(words) => mix(pixels, &words[first..], straight),
            Texels::Premultiplied(words) => mix(pixels, &words[first..], premultiplied),
        }
    }
}

impl Texels {
    /// The columns of the `width` texels from `start` between which all visible ones lie. A texel that changes nothing is invisible.
    fn visible_span(&self, start: usize, width: usize) -> Span {
        let visible = |x: &usize| {
            let i = start + x;
            match self {
                Texels::Masks { and, xor } => and[i] & RGB != RGB || xor[i] != 0,
                Texels::Straight(words) => words[i] & ALPHA != 0,
                Texels::Premultiplied(words) => words[i] != 0,
            }
        };
        match ((0..width).find(visible), (0..width).rfind(visible)) {
            (Some(first), Some(last)) => Span { first: first as u32, end: last as u32 + 1 },
            _ => Span { first: 0, end: 0 },
        }
    }
}

/// Applies `channel(source, alpha, under)` to blue, green and red.
#[inline(always)]
fn mix(pixels: &mut [[u8; 4]], words: &[u32], channel: impl Fn(u32, u32, u32) -> u32) {
    for (pixel, word) in pixels.iter_mut().zip(words) {
        let under = u32::from_le_bytes(*pixel);
        let alpha = word >> 24;
        let blend = |shift: u32| channel(word >> shift & 0xFF, alpha, under >> shift & 0xFF) << shift;
        *pixel = (ALPHA | blend(16) | blend(8) | blend(0)).to_le_bytes();
    }
}

#[inline(always)]
fn straight(source: u32, alpha: u32, under: u32) -> u32 {
    over_255(source * alpha + under * (255 - alpha))
}

/// A shape whose colour exceeds its alpha adds light; it saturates instead of wrapping.
#[inline(always)]
fn premultiplied(source: u32, alpha: u32, under: u32) -> u32 {
    (source + over_255(under * (255 - alpha))).min(255)
}

/// `n / 255`, rounded half up; exact for every product of two bytes.
#[inline(always)]
fn over_255(n: u32) -> u32 {
    let n = n + 128;
    (n + (n >> 8)) >> 8
}

/// The first `count` rows of `len` bytes, `None` if there are not that many.
fn rows(shape: &PointerShape, len: usize, count: usize) -> Option<Vec<&[u8]>> {
    if shape.pitch < len {
        return None;
    }
    (0..count)
        .map(|y| {
            let start = y.checked_mul(shape.pitch)?;
            shape.data.get(start..start.checked_add(len)?)
        })
        .collect()
}

/// The rows of a 32-bit shape as one run of words.
fn words(shape: &PointerShape, width: usize, height: usize) -> Option<Vec<u32>> {
    let rows = rows(shape, width * 4, height)?;
    Some(rows.iter().flat_map(|row| row.as_chunks::<4>().0).map(|bgra| u32::from_le_bytes(*bgra)).collect())
}

/// The first `width` bits of every row, most significant first.
fn bits<'a>(rows: &'a [&[u8]], width: usize) -> impl Iterator<Item = bool> + 'a {
    rows.iter().flat_map(move |row| (0..width).map(move |x| row[x >> 3] >> (7 - (x & 7)) & 1 != 0))
}

/// Blends the pointer over a BGRA destination that already holds clean pixels: for memory that the operating system filled
/// itself. `dst` shows the desktop-space rectangle `region`; `at` is the shape's top-left corner in desktop space and may be
/// anywhere. Writes the pointer's visible pixels only; their alpha becomes 255. A destination of another format is left unchanged,
/// because the equations are defined on BGRA.
pub fn draw_pointer(pointer: &PointerImage, at: Point, region: Rect, dst: &mut ImageMut<'_>) {
    debug_assert_eq!(dst.format(), PixelFormat::Bgra, "a pointer is blended in BGRA");
    if dst.format() != PixelFormat::Bgra {
        return;
    }
    let Some(shown) = Rect::at(region.origin(), dst.size()).intersection(region) else { return };
    let Some(covered) = Rect::at(at, pointer.size).intersection(shown) else { return };
    let (width, path) = (shown.width() as usize, CpuPath::best());
    for y in covered.top..covered.bottom {
        if let Some(run) = pointer.run(at, shown.left, y, width) {
            let row = dst.row_mut(y.abs_diff(shown.top) as usize);
            pointer.blend(path, &run, 0, &mut row[run.start * 4..run.end * 4]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(kind: ShapeKind, size: Size, pitch: usize, data: Vec<u8>) -> PointerShape {
        PointerShape { kind, size, pitch, hot_spot: Point::default(), data }
    }

    #[test]
    fn malformed_shapes_are_refused() {
        let color = |w, h, pitch, len| {
            PointerImage::decode(&shape(ShapeKind::Color, Size::new(w, h), pitch, vec![9; len])).is_some()
        };
        assert!(color(2, 2, 8, 16) && color(2, 2, 12, 20) && color(1024, 1, 4096, 4096));
        assert!(!color(0, 2, 8, 16) && !color(2, 0, 8, 16));
        assert!(!color(1025, 1, 4100, 4100) && !color(1, 1025, 4, 4100));
        assert!(!color(2, 2, 7, 16), "pitch shorter than a row");
        assert!(!color(2, 2, 8, 15) && !color(2, 2, 12, 19), "too little data");
        assert!(!color(2, 2, usize::MAX, 64), "pitch that overflows");
        let mono = |w, h, pitch, len| {
            PointerImage::decode(&shape(ShapeKind::Monochrome, Size::new(w, h), pitch, vec![9; len])).is_some()
        };
        assert!(mono(33, 2, 8, 29) && mono(9, 1, 2, 4));
        assert!(!mono(33, 2, 8, 28) && !mono(33, 2, 4, 64) && !mono(8, 1, 1, 1), "both masks are needed");
    }

    #[test]
    fn the_quotient_by_255_is_exact() {
        for product in 0..=255 * 255 {
            assert_eq!(over_255(product), (2 * product + 255) / 510);
        }
    }

    #[test]
    fn monochrome_shapes_draw_black_white_nothing_and_the_inverse() {
        let image =
            PointerImage::decode(&shape(ShapeKind::Monochrome, Size::new(4, 1), 1, vec![0b0011 << 4, 0b0101 << 4]))
                .expect("well formed");
        let mut bytes = [10, 20, 30, 40].repeat(4);
        let size = Size::new(4, 1);
        draw_pointer(&image, Point::new(7, 7), Rect::at(Point::new(7, 7), size), &mut {
            ImageMut::new(&mut bytes, 16, size, PixelFormat::Bgra)
        });
        assert_eq!(bytes, [0, 0, 0, 255, 255, 255, 255, 255, 10, 20, 30, 255, 245, 235, 225, 255]);
    }

    #[test]
    fn every_kind_is_exported_as_bgra() {
        let exported = |kind, pitch, data: &[u8]| {
            let size = Size::new(4, 1);
            PointerImage::decode(&shape(kind, size, pitch, data.to_vec())).expect("well formed").bgra()
        };
        let colours = [1, 2, 3, 0, 5, 6, 7, 255, 9, 10, 11, 12, 0, 0, 0, 255];
        assert_eq!(exported(ShapeKind::Color, 16, &colours), colours);
        assert_eq!(exported(ShapeKind::Premultiplied, 16, &colours), colours);
        let masked = [1, 2, 3, 0, 5, 6, 7, 255, 9, 10, 11, 255, 0, 0, 0, 255];
        assert_eq!(exported(ShapeKind::MaskedColor, 16, &colours), masked, "every mask but 0 means 255");
        let monochrome = [0, 0, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 255];
        assert_eq!(exported(ShapeKind::Monochrome, 1, &[0b0011 << 4, 0b0101 << 4]), monochrome);
    }

    #[test]
    fn invisible_texels_are_outside_the_spans() {
        let mut data = vec![0; 4 * 4 * 2];
        data[7] = 1; // alpha of column 1 in row 0
        let image = PointerImage::decode(&shape(ShapeKind::Color, Size::new(4, 2), 16, data)).expect("well formed");
        let run = image.run(Point::new(0, 0), 0, 0, 100).expect("one visible pixel");
        assert_eq!((run.start, run.end, run.texel), (1, 2, 1));
        assert!(image.run(Point::new(0, 0), 0, 1, 100).is_none(), "an empty row");
        assert!(image.run(Point::new(i32::MIN, i32::MIN), i32::MAX, i32::MAX, 100).is_none());
        assert!(image.run(Point::new(i32::MAX, i32::MAX), i32::MIN, i32::MIN, 100).is_none());
    }
}
