//! Row kernels: one row of BGRA to one row of the wanted format.
//!
//! Each kernel is a plain safe loop that the compiler vectorises. The same source is compiled once for the baseline of the target
//! and once with AVX2, because the x86-64 baseline has no byte shuffle, which makes three-byte pixels five times slower.
//! A [`CpuPath`] selects one of them at run time.

// A kernel must be inlined into the function that enables the instruction set; otherwise it does not use it.
#![allow(clippy::inline_always)]

use super::light::{self, OPAQUE};
use super::stores::stream;
use crate::frame::PixelFormat;

/// Pixels per step of the gray kernel: with this number the compiler uses the widest vectors on every path.
const GRAY_STEP: usize = 32;

/// Pixels that are converted at a time before they are stored past the caches: 8 KiB of stack.
const STREAMED: usize = 1024;

/// A compiled variant of the kernels that this CPU can run. Values are created only after CPU detection.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuPath {
    isa: Isa,
    streams: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Isa {
    Baseline,
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    Avx2,
}

impl CpuPath {
    /// The fastest path. The standard library caches CPU detection, so this costs one load.
    pub fn best() -> Self {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if is_x86_feature_detected!("avx2") {
            return Self { isa: Isa::Avx2, streams: false };
        }
        Self { isa: Isa::Baseline, streams: false }
    }

    /// The same with stores that bypass the caches.
    #[must_use]
    pub fn streaming(self) -> Self {
        Self { streams: true, ..self }
    }

    /// Whether stores bypass the caches.
    pub(super) fn streams(self) -> bool {
        self.streams
    }

    /// Every path that this CPU can run, so that a test can compare them.
    pub fn all() -> Vec<Self> {
        let mut paths = vec![Self { isa: Isa::Baseline, streams: false }];
        if Self::best() != paths[0] {
            paths.push(Self::best());
        }
        paths.push(Self::best().streaming());
        paths
    }

    /// Its name. On ARM the baseline itself has vectors and is named after them.
    pub const fn name(self) -> &'static str {
        match self.isa {
            Isa::Baseline if cfg!(target_feature = "neon") => "neon",
            Isa::Baseline => "baseline",
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Isa::Avx2 => "avx2",
        }
    }

    /// Whether the compiler interleaves rows of pixels in registers. For the x86 baseline it does not, and processing in steps is only
    /// slower.
    pub(super) const fn interleaves(self) -> bool {
        !matches!(self.isa, Isa::Baseline) || cfg!(target_feature = "neon")
    }

    /// Converts the BGRA pixels of `src` to `format`. Stops at the end of the shorter row.
    pub(super) fn convert(self, format: PixelFormat, src: &[u8], dst: &mut [u8]) {
        if self.streams {
            self.convert_streaming(format, src, dst);
        } else {
            self.run(Convert { format, src, dst });
        }
    }

    /// Converts in the cache, and stores from there.
    fn convert_streaming(self, format: PixelFormat, src: &[u8], dst: &mut [u8]) {
        let mut strip = [0; STREAMED * 8];
        for (src, dst) in src.chunks(STREAMED * 4).zip(dst.chunks_mut(STREAMED * format.bytes())) {
            let strip = &mut strip[..dst.len()];
            self.run(Convert { format, src, dst: strip });
            stream(strip, dst);
        }
    }

    /// Copies the pixels of `src` to `dst` in the opposite order; both have as many.
    pub(super) fn reverse(self, src: &[u8], dst: &mut [[u8; 4]]) {
        self.run(Reverse { src, dst });
    }

    /// Compiles and runs `kernel` for this path.
    pub(super) fn run(self, kernel: impl Kernel) {
        match self.isa {
            Isa::Baseline => kernel.run(),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            // SAFETY: `Isa::Avx2` is made in `CpuPath::best` only, after AVX2 was detected.
            Isa::Avx2 => unsafe { run_avx2(kernel) },
        }
    }
}

/// A loop over pixels that is compiled once per instruction set. `run` must be `#[inline(always)]`.
pub(super) trait Kernel {
    /// Runs the loop.
    fn run(self);
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
#[target_feature(enable = "avx2")]
fn run_avx2(kernel: impl Kernel) {
    kernel.run();
}

struct Convert<'a> {
    format: PixelFormat,
    src: &'a [u8],
    dst: &'a mut [u8],
}

impl Kernel for Convert<'_> {
    #[inline(always)]
    fn run(self) {
        convert(self.format, self.src, self.dst);
    }
}

/// What [`CpuPath::convert`] does, for kernels that convert many rows.
#[inline(always)]
pub(super) fn convert(format: PixelFormat, src: &[u8], dst: &mut [u8]) {
    let src = src.as_chunks::<4>().0;
    match format {
        PixelFormat::Bgra => four(src, dst, |bgra| bgra | 0xFF00_0000),
        PixelFormat::Rgba => four(src, dst, |bgra| 0xFF00_0000 | bgra.swap_bytes() >> 8),
        PixelFormat::Bgr => three::<0, 2>(src, dst),
        PixelFormat::Rgb => three::<2, 0>(src, dst),
        PixelFormat::Gray => gray(src, dst),
        PixelFormat::Rgba16f => half_floats(src, dst),
    }
}

struct Reverse<'a> {
    src: &'a [u8],
    dst: &'a mut [[u8; 4]],
}

impl Kernel for Reverse<'_> {
    #[inline(always)]
    fn run(self) {
        for (d, s) in self.dst.iter_mut().zip(self.src.as_chunks::<4>().0.iter().rev()) {
            *d = *s;
        }
    }
}

/// Four bytes to four bytes, as whole words: the baseline can shift words where it cannot shuffle bytes.
#[inline(always)]
fn four(src: &[[u8; 4]], dst: &mut [u8], map: impl Fn(u32) -> u32) {
    for (d, s) in dst.as_chunks_mut::<4>().0.iter_mut().zip(src) {
        *d = map(u32::from_le_bytes(*s)).to_le_bytes();
    }
}

/// Four bytes to three, blue going to byte `B` and red to byte `R`. One pixel per step: the compiler then sees three interleaved
/// streams and shuffles them in registers, which it does not if the step is wider.
#[inline(always)]
fn three<const B: usize, const R: usize>(src: &[[u8; 4]], dst: &mut [u8]) {
    for (d, s) in dst.as_chunks_mut::<3>().0.iter_mut().zip(src) {
        d[B] = s[0];
        d[1] = s[1];
        d[R] = s[2];
    }
}

/// Four bytes to luma. The sum is formed in 32-bit lanes and narrowed in two steps, which keeps the second half of the work in
/// 16-bit lanes.
#[inline(always)]
fn gray(src: &[[u8; 4]], dst: &mut [u8]) {
    let (src, src_rest) = src.as_chunks::<GRAY_STEP>();
    let (dst, dst_rest) = dst.as_chunks_mut::<GRAY_STEP>();
    for (d, s) in dst.iter_mut().zip(src) {
        let mut sums = [0u16; GRAY_STEP];
        for (sum, pixel) in sums.iter_mut().zip(s) {
            *sum = luma_sum(*pixel);
        }
        for (d, sum) in d.iter_mut().zip(sums) {
            *d = (sum >> 8) as u8;
        }
    }
    for (d, pixel) in dst_rest.iter_mut().zip(src_rest) {
        *d = (luma_sum(*pixel) >> 8) as u8;
    }
}

/// Four bytes to four half floats of what the bytes mean.
#[inline(always)]
fn half_floats(src: &[[u8; 4]], dst: &mut [u8]) {
    let light = light::of_levels();
    for (d, s) in dst.as_chunks_mut::<8>().0.iter_mut().zip(src) {
        let channel = |i: usize| u64::from(light[usize::from(s[i])]);
        *d = (channel(2) | channel(1) << 16 | channel(0) << 32 | OPAQUE).to_le_bytes();
    }
}

/// 256 times the luma of a pixel, rounded. At most 65408, so 16 bits hold it.
///
/// One multiplication serves blue and red: of (blue + red·2¹⁶)·(77 + 29·2¹⁶), the upper 16 of 32 bits are 29·blue + 77·red, because
/// 77·blue carries nothing into them and red·29·2³² is shifted out.
#[inline(always)]
fn luma_sum(pixel: [u8; 4]) -> u16 {
    let word = u32::from_le_bytes(pixel);
    let (blue_red, green) = (word & 0x00FF_00FF, word >> 8 & 0xFF);
    ((blue_red.wrapping_mul(77 + (29 << 16)) >> 16) + 150 * green + 128) as u16
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;
    use crate::color::srgb_decode;

    /// Every length around the vector widths and the gray step, so that heads, bodies and tails are all covered.
    #[test]
    fn every_path_and_length_gives_the_defined_bytes() {
        let src: Vec<u8> = (0..4 * 200u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for path in CpuPath::all() {
            for &format in PixelFormat::ALL {
                for n in 0..200 {
                    let mut dst = vec![0xA5; n * format.bytes() + 1];
                    path.convert(format, &src[..n * 4], &mut dst[..n * format.bytes()]);
                    let mut expected = Vec::new();
                    for p in src[..n * 4].chunks(4) {
                        let (b, g, r) = (u32::from(p[0]), u32::from(p[1]), u32::from(p[2]));
                        match format {
                            PixelFormat::Bgra => expected.extend([p[0], p[1], p[2], 255]),
                            PixelFormat::Rgba => expected.extend([p[2], p[1], p[0], 255]),
                            PixelFormat::Bgr => expected.extend([p[0], p[1], p[2]]),
                            PixelFormat::Rgb => expected.extend([p[2], p[1], p[0]]),
                            PixelFormat::Gray => expected.push(((77 * r + 150 * g + 29 * b + 128) >> 8) as u8),
                            PixelFormat::Rgba16f => {
                                let light = |level: u32| f16::from_f64(srgb_decode(f64::from(level) / 255.0));
                                expected.extend([r, g, b].iter().flat_map(|level| light(*level).to_le_bytes()));
                                expected.extend(f16::ONE.to_le_bytes());
                            }
                        }
                    }
                    expected.push(0xA5);
                    assert_eq!(dst, expected, "{path:?} {format} {n} pixels");
                }
            }
        }
    }

    #[test]
    fn gray_keeps_black_and_white() {
        for path in CpuPath::all() {
            let mut dst = [1, 1];
            path.convert(PixelFormat::Gray, &[0, 0, 0, 9, 255, 255, 255, 9], &mut dst);
            assert_eq!(dst, [0, 255]);
        }
    }

    #[test]
    fn the_best_path_is_among_all() {
        assert!(CpuPath::all().contains(&CpuPath::best()));
        assert!(!CpuPath::best().name().is_empty());
    }
}
