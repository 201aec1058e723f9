//! Tone mapping: half floats of scRGB to 8-bit sRGB.
//!
//! With `c` linear and 1 = SDR white, `m` the largest channel and `M` the display's maximum, a pixel with `m ≤ 1` is encoded channel by
//! channel: by a table, because a half float has only 65536 values. The table is exact: every SDR value comes back as itself. What is
//! brighter is cut at 1 ([`ToneMapping::Clip`]), or becomes `c/m + (1 − c/m)·w` with `w = clamp((m − 1)/(M − 1), 0, 1)`
//! ([`ToneMapping::Map`]): the hue stays, and fades to white towards the display's maximum.
//!
//! Negative values, which are outside the gamut of sRGB, and NaN are 0; infinity is the largest finite value.

// The kernels are compiled per CPU path like those of the rows.
#![allow(clippy::inline_always)]

use std::sync::{LazyLock, OnceLock};

use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};

use super::convert::{CpuPath, Kernel};
use super::light::of_encoded;
use crate::color::{srgb_encode, Color, ToneMapping, SCRGB_UNIT_NITS};

/// Pixels that are mapped at a time. Only a step with a pixel above SDR white takes the arithmetic of [`ToneMapping::Map`].
const STEP: usize = 64;

/// Bits of positive infinity; the positive numbers are all below.
const INFINITY: u16 = 0x7C00;

/// The largest finite half float.
const LARGEST: f32 = 65504.0;

/// The level of every value `i / 65535` of a linear channel.
static LEVELS_OF_LINEAR: LazyLock<Box<[u8; 1 << 16]>> = LazyLock::new(|| {
    let level = |i: u16| level(f64::from(i) / 65535.0);
    table_of(level, u16::MAX)
});

/// The level of a linear value.
fn level(linear: f64) -> u8 {
    (srgb_encode(linear.clamp(0.0, 1.0)) * 255.0).round() as u8
}

/// The levels of the indices 0 to `last`, of which `level` is a rising function; 0 for the others. The curve is evaluated some thousand
/// times instead of once per index.
fn table_of(level: impl Fn(u16) -> u8, last: u16) -> Box<[u8; 1 << 16]> {
    let mut table = vec![0u8; 1 << 16];
    let mut start = 0;
    for value in level(0)..=level(last) {
        let (mut low, mut high) = (start, u32::from(last) + 1);
        while low < high {
            let middle = low.midpoint(high);
            if level(middle as u16) > value {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        table[start as usize..low as usize].fill(value);
        start = low;
    }
    table.try_into().expect("it has one byte for every index")
}

/// What the tone mapping of a desktop depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneSettings {
    mapping: ToneMapping,
    white_nits: f64,
    max_nits: f64,
}

impl ToneSettings {
    /// For a desktop of this colour.
    pub fn new(color: &Color, mapping: ToneMapping) -> Self {
        let max_nits = if color.max_nits.is_finite() { color.max_nits } else { 0.0 };
        Self { mapping, white_nits: color.white(), max_nits }
    }

    /// How 8-bit frames show what is brighter than SDR white.
    pub fn mapping(&self) -> ToneMapping {
        self.mapping
    }
}

impl Default for ToneSettings {
    /// For an SDR desktop.
    fn default() -> Self {
        Self::new(&Color::SDR, ToneMapping::Map)
    }
}

/// The tone mapping of a desktop. Its table is made when it is used for the first time, so that an SDR desktop costs nothing.
#[derive(Debug, Default)]
pub struct Tone {
    settings: ToneSettings,
    levels: OnceLock<Box<[u8; 1 << 16]>>,
}

impl Tone {
    /// With these settings.
    pub fn new(settings: ToneSettings) -> Self {
        Self { settings, levels: OnceLock::new() }
    }

    /// What it was made with.
    pub fn settings(&self) -> ToneSettings {
        self.settings
    }

    /// The luminance of SDR white.
    pub(super) fn white_nits(&self) -> f64 {
        self.settings.white_nits
    }

    /// The level of every half float, cut at SDR white.
    pub(super) fn levels(&self) -> &[u8; 1 << 16] {
        self.levels.get_or_init(|| {
            let unit = SCRGB_UNIT_NITS / self.settings.white_nits;
            table_of(|bits| level(f16::from_bits(bits).to_f64() * unit), INFINITY)
        })
    }

    /// Maps the half-float pixels of `src` to BGRA with alpha 255. Both have as many pixels.
    pub(super) fn map_row(&self, path: CpuPath, src: &[u8], dst: &mut [[u8; 4]]) {
        let (src, levels) = (src.as_chunks::<8>().0, self.levels());
        match self.settings.mapping {
            ToneMapping::Clip => path.run(Clip { levels, src, dst }),
            ToneMapping::Map => path.run(Map { levels, fade: Fade::new(self.settings), src, dst }),
        }
    }
}

/// Cuts every channel at SDR white.
struct Clip<'a> {
    levels: &'a [u8; 1 << 16],
    src: &'a [[u8; 8]],
    dst: &'a mut [[u8; 4]],
}

impl Kernel for Clip<'_> {
    #[inline(always)]
    fn run(self) {
        for (d, s) in self.dst.iter_mut().zip(self.src) {
            *d = cut(self.levels, *s);
        }
    }
}

/// Cuts the channels of one pixel.
#[inline(always)]
fn cut(levels: &[u8; 1 << 16], pixel: [u8; 8]) -> [u8; 4] {
    let bits = u64::from_le_bytes(pixel);
    let level = |shift: u32| levels[usize::from((bits >> shift) as u16)];
    [level(32), level(16), level(0), 255]
}

/// The constants of the formula for what is brighter than SDR white.
#[derive(Clone, Copy)]
struct Fade {
    /// SDR white as the desktop holds it: the half float next to it. What is not above it is SDR.
    white: u16,
    /// Its value.
    white_light: f32,
    /// From scRGB to 1 = SDR white.
    unit: f32,
    /// `1/(M − 1)`, 0 if `M ≤ 1`.
    per_headroom: f32,
}

impl Fade {
    fn new(settings: ToneSettings) -> Self {
        let headroom = settings.max_nits / settings.white_nits - 1.0;
        let white = of_encoded(1.0, settings.white_nits);
        Self {
            white,
            white_light: f16::from_bits(white).to_f32(),
            unit: (SCRGB_UNIT_NITS / settings.white_nits) as f32,
            per_headroom: if headroom > 0.0 { (1.0 / headroom) as f32 } else { 0.0 },
        }
    }
}

/// Fades what is brighter than SDR white to white.
struct Map<'a> {
    levels: &'a [u8; 1 << 16],
    fade: Fade,
    src: &'a [[u8; 8]],
    dst: &'a mut [[u8; 4]],
}

impl Kernel for Map<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { levels, fade, src, dst } = self;
        let linear = &**LEVELS_OF_LINEAR;
        for (d, s) in dst.chunks_mut(STEP).zip(src.chunks(STEP)) {
            if may_be_bright(s, fade.white) {
                map_step(levels, linear, fade, s, d);
            } else {
                for (d, s) in d.iter_mut().zip(s) {
                    *d = cut(levels, *s);
                }
            }
        }
    }
}

/// Whether a channel is brighter than `white`, or NaN. As signed integers, half floats compare like their values: the negative ones are
/// below all others, NaN is above infinity.
#[inline(always)]
fn may_be_bright(pixels: &[[u8; 8]], white: u16) -> bool {
    // Sixteen lanes, which the compiler compares at once; every fourth is alpha.
    let mut largest = [0i16; 16];
    let (lanes, rest) = pixels.as_flattened().as_chunks::<32>();
    for lanes in lanes {
        for (i, largest) in largest.iter_mut().enumerate() {
            *largest = (*largest).max(i16::from_le_bytes([lanes[2 * i], lanes[2 * i + 1]]));
        }
    }
    for (largest, lane) in largest.iter_mut().zip(rest.as_chunks::<2>().0) {
        *largest = (*largest).max(i16::from_le_bytes(*lane));
    }
    largest.as_chunks::<4>().0.iter().any(|[r, g, b, _]| (*r).max(*g).max(*b) > white as i16)
}

/// Maps up to [`STEP`] pixels.
#[inline(always)]
#[allow(clippy::manual_clamp, reason = "`max` returns the number if the other operand is NaN, `clamp` does not")]
fn map_step(levels: &[u8; 1 << 16], linear: &[u8; 1 << 16], fade: Fade, src: &[[u8; 8]], dst: &mut [[u8; 4]]) {
    let mut bits = [[0u16; STEP]; 3];
    for (i, pixel) in src.iter().take(STEP).enumerate() {
        let word = u64::from_le_bytes(*pixel);
        for (channel, bits) in bits.iter_mut().enumerate() {
            bits[i] = (word >> (16 * channel)) as u16;
        }
    }
    let mut light = [[0f32; STEP]; 3];
    bits.as_flattened().reinterpret_cast::<f16>().convert_to_f32_slice(light.as_flattened_mut());
    let mut mapped = [[0u16; STEP]; 3];
    let mut bright = [false; STEP];
    let ([red, green, blue], [r, g, b]) = (&light, &mut mapped);
    for i in 0..STEP {
        let channels = [red[i], green[i], blue[i]].map(|channel| channel.max(0.0).min(LARGEST));
        let brightest = channels[0].max(channels[1]).max(channels[2]).max(f32::MIN_POSITIVE);
        let fading = ((brightest * fade.unit - 1.0) * fade.per_headroom).max(0.0).min(1.0);
        let (share, white) = ((1.0 - fading) * (65535.0 / brightest), fading * 65535.0);
        bright[i] = brightest > fade.white_light;
        [r[i], g[i], b[i]] = channels.map(|channel| rounded(channel * share + white));
    }
    for (i, (d, s)) in dst.iter_mut().zip(src).take(STEP).enumerate() {
        let level = |mapped: u16| linear[usize::from(mapped)];
        *d = if bright[i] { [level(b[i]), level(g[i]), level(r[i]), 255] } else { cut(levels, *s) };
    }
}

/// The nearest integer of a number from 0 to 65535: the sum has no bits for a fraction.
#[inline(always)]
fn rounded(value: f32) -> u16 {
    (value + 8_388_608.0).to_bits() as u16
}
