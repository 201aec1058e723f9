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

use std::hint::black_box;
use std::sync::{LazyLock, OnceLock};

use half::f16;

use super::convert::{CpuPath, Kernel};
use super::light::of_encoded;
use crate::color::{srgb_encode, Color, ToneMapping, SCRGB_UNIT_NITS};

/// Pixels that are mapped at a time. Only a step with a pixel above SDR white takes the arithmetic of [`ToneMapping::Map`].
const STEP: usize = 64;

/// Bits of positive infinity; the positive numbers are all below.
const INFINITY: u16 = 0x7C00;

/// A linear value whose level is 0, as are the levels of all below it.
const DARKEST: f32 = 1.0 / 8192.0;

/// The levels of the linear values from [`DARKEST`] to 1, by [`index_of`]. Only the first 26 KiB are read.
static LEVELS_OF_LINEAR: LazyLock<Box<[u8; 1 << 16]>> = LazyLock::new(|| {
    let level = |i: u16| level(f64::from(f32::from_bits(DARKEST.to_bits() + (u32::from(i) << INDEX_SHIFT))));
    table_of(level, u16::MAX)
});

/// The bits of an `f32` that its index drops, by rounding: a linear value moves by at most 1/48 of a level.
const INDEX_SHIFT: u32 = 12;

/// Where the levels of linear values begin in [`Levels::mapped`]: above all half floats that are not negative.
const LINEAR: usize = 1 << 15;

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
    levels: OnceLock<Levels>,
}

/// The tables of a tone mapping.
#[derive(Debug)]
struct Levels {
    /// The level of every half float, cut at SDR white.
    cut: Box<[u8; 1 << 16]>,
    /// The same for those that are not negative, then [`LEVELS_OF_LINEAR`]: one table for a pixel whether it is bright or not.
    mapped: Box<[u8; 1 << 16]>,
}

impl Levels {
    fn new(settings: ToneSettings) -> Self {
        let unit = SCRGB_UNIT_NITS / settings.white_nits;
        let cut = table_of(|bits| level(f16::from_bits(bits).to_f64() * unit), INFINITY);
        let mut mapped = cut.clone();
        mapped[LINEAR..].copy_from_slice(&LEVELS_OF_LINEAR[..LINEAR]);
        Self { cut, mapped }
    }
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
    pub(crate) fn levels(&self) -> &[u8; 1 << 16] {
        &self.tables().cut
    }

    fn tables(&self) -> &Levels {
        self.levels.get_or_init(|| Levels::new(self.settings))
    }

    /// Maps the half-float pixels of `src` to BGRA with alpha 255. Both have as many pixels.
    pub(super) fn map_row(&self, path: CpuPath, src: &[u8], dst: &mut [[u8; 4]]) {
        let (src, levels) = (src.as_chunks::<8>().0, self.tables());
        match self.settings.mapping {
            ToneMapping::Clip => path.run(Clip { levels: &levels.cut, src, dst }),
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
        for (d, s) in self.dst.chunks_mut(STEP).zip(self.src.chunks(STEP)) {
            load(s);
            cut(self.levels, s, d);
        }
    }
}

/// Loads the cache lines of pixels, all at the same time: the lookups would wait for one after the other.
#[inline(always)]
fn load(src: &[[u8; 8]]) {
    for line in src.chunks(8) {
        black_box(line[0][0]);
    }
}

/// Cuts the channels of pixels.
#[inline(always)]
fn cut(levels: &[u8; 1 << 16], src: &[[u8; 8]], dst: &mut [[u8; 4]]) {
    for (d, s) in dst.iter_mut().zip(src) {
        let bits = u64::from_le_bytes(*s);
        let level = |shift: u32| levels[usize::from((bits >> shift) as u16)];
        *d = [level(32), level(16), level(0), 255];
    }
}

/// The constants of the formula for what is brighter than SDR white.
#[derive(Clone, Copy)]
struct Fade {
    /// SDR white as the desktop holds it: the half float next to it. What is not above it is SDR.
    white: u16,
    /// From scRGB to 1 = SDR white.
    unit: f32,
    /// `1/(M − 1)`, 0 if `M ≤ 1`.
    per_headroom: f32,
}

impl Fade {
    fn new(settings: ToneSettings) -> Self {
        let headroom = settings.max_nits / settings.white_nits - 1.0;
        Self {
            white: of_encoded(1.0, settings.white_nits),
            unit: (SCRGB_UNIT_NITS / settings.white_nits) as f32,
            per_headroom: if headroom > 0.0 { (1.0 / headroom) as f32 } else { 0.0 },
        }
    }
}

/// Fades what is brighter than SDR white to white.
struct Map<'a> {
    levels: &'a Levels,
    fade: Fade,
    src: &'a [[u8; 8]],
    dst: &'a mut [[u8; 4]],
}

impl Kernel for Map<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { levels, fade, src, dst } = self;
        let (src, src_rest) = src.as_chunks::<STEP>();
        let (dst, dst_rest) = dst.as_chunks_mut::<STEP>();
        for (d, s) in dst.iter_mut().zip(src) {
            map_step(levels, fade, s, d);
        }
        if !src_rest.is_empty() {
            let (mut s, mut d) = ([[0; 8]; STEP], [[0; 4]; STEP]);
            s[..src_rest.len()].copy_from_slice(src_rest);
            map_step(levels, fade, &s, &mut d);
            dst_rest.copy_from_slice(&d[..dst_rest.len()]);
        }
    }
}

#[inline(always)]
fn map_step(levels: &Levels, fade: Fade, src: &[[u8; 8]; STEP], dst: &mut [[u8; 4]; STEP]) {
    if may_be_bright(src, fade.white) {
        fade_step(&levels.mapped, fade, src, dst);
    } else {
        cut(&levels.cut, src, dst);
    }
}

/// Whether a channel is brighter than `white`, or NaN: without its sign, half floats compare like integers. A sum per channel carries into
/// the bit of the sign if it is. A loop over words instead of channels is one that the compiler always vectorises.
#[inline(always)]
fn may_be_bright(pixels: &[[u8; 8]], white: u16) -> bool {
    const CHANNELS: u64 = 0x0001_0001_0001;
    let carrying = u64::from(0x7FFF - white) * CHANNELS;
    let mut above = 0;
    for pixel in pixels {
        let word = u64::from_le_bytes(*pixel);
        above |= ((word & (0x7FFF * CHANNELS)) + carrying) & !word;
    }
    above & (0x8000 * CHANNELS) != 0
}

/// Maps pixels of which some are bright. All arithmetic comes first and ends with an index into `levels`, so that the compiler vectorises
/// it: no branch, no lookup, and no conversion that needs an instruction for half floats.
#[inline(always)]
#[allow(clippy::manual_clamp, reason = "`max` returns the number if the other operand is NaN, `clamp` does not")]
fn fade_step(levels: &[u8; 1 << 16], fade: Fade, src: &[[u8; 8]; STEP], dst: &mut [[u8; 4]; STEP]) {
    let [mut red, mut green, mut blue] = [[0u16; STEP]; 3];
    for (i, pixel) in src.iter().enumerate() {
        let word = u64::from_le_bytes(*pixel);
        (red[i], green[i], blue[i]) = (word as u16, (word >> 16) as u16, (word >> 32) as u16);
    }
    for i in 0..STEP {
        let channels = [red[i], green[i], blue[i]].map(finite);
        let brightest = channels[0].max(channels[1]).max(channels[2]);
        let light = value_of(brightest.max(fade.white));
        let fading = ((light * fade.unit - 1.0) * fade.per_headroom).max(0.0).min(1.0);
        let share = (1.0 - fading) / light;
        let index = |bits| if brightest > fade.white { index_of(value_of(bits) * share + fading) } else { bits };
        [red[i], green[i], blue[i]] = channels.map(index);
    }
    for (i, d) in dst.iter_mut().enumerate() {
        *d = [levels[usize::from(blue[i])], levels[usize::from(green[i])], levels[usize::from(red[i])], 255];
    }
}

/// The bits of a half float: those of 0 for a negative one or NaN, those of the largest finite one for infinity.
#[inline(always)]
fn finite(bits: u16) -> u16 {
    if bits > INFINITY {
        0
    } else {
        bits.min(INFINITY - 1)
    }
}

/// The value of a half float that is finite and not negative.
#[inline(always)]
fn value_of(bits: u16) -> f32 {
    // With the exponent of a float, whose zero is 112 higher, a normal number is `wide / 2`, and a subnormal one `wide` without the leading
    // one that it should not have. The value is always the lesser of the two. Subnormal floats, which are slow, do not occur.
    const LEADING: f32 = f32::from_bits(113 << 23);
    let wide = f32::from_bits((u32::from(bits) << 13) + LEADING.to_bits());
    let (normal, subnormal) = (wide * 0.5, wide - LEADING);
    if normal < subnormal {
        normal
    } else {
        subnormal
    }
}

/// The index of the level of a linear value from 0 to 1 in [`Levels::mapped`].
#[inline(always)]
fn index_of(linear: f32) -> u16 {
    let steps = (linear.max(DARKEST).to_bits() - DARKEST.to_bits() + (1 << (INDEX_SHIFT - 1))) >> INDEX_SHIFT;
    LINEAR as u16 + steps as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels whose channels and alpha are `bits`.
    fn pixel(bits: [u16; 4]) -> [u8; 8] {
        bits.map(u16::to_le_bytes).as_flattened().try_into().expect("four channels")
    }

    #[test]
    fn what_is_above_white_is_found_in_every_channel_and_alpha_is_none() {
        for white in [1, 0x3BFF, 0x3C00, 0x4200, 0x7BFF] {
            for bits in 0..=u16::MAX {
                let above = (white + 1..0x8000).contains(&bits);
                for channel in 0..4 {
                    let mut channels = [0, white, 0x8000 | white, bits ^ 0x5A5A];
                    channels[channel] = bits;
                    let found = may_be_bright(&[pixel(channels)], white);
                    assert_eq!(found, above && channel < 3, "{bits:#06x} in {channel}, white {white:#06x}");
                }
            }
        }
    }

    #[test]
    fn the_value_of_every_half_float_is_exact() {
        for bits in 0..INFINITY {
            assert_eq!(value_of(bits).to_bits(), f16::from_bits(bits).to_f32().to_bits(), "{bits:#06x}");
        }
    }

    #[test]
    fn the_level_of_a_linear_value_is_within_a_48th_of_the_exact_one() {
        let levels = Levels::new(ToneSettings::default());
        for i in 0..=1_000_000u32 {
            let linear = i as f32 / 1e6;
            let got = f64::from(levels.mapped[usize::from(index_of(linear))]);
            let exact = srgb_encode(f64::from(linear)) * 255.0;
            assert!((got - exact).abs() <= 0.5 + 1.0 / 48.0, "{linear}: {got} is not {exact}");
        }
    }
}
