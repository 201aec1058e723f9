//! The light of an HDR desktop: what its colours are as half floats of scRGB.
//!
//! The fourth byte of a colour says how bright it is:
//!
//! | bits | meaning |
//! |---|---|
//! | 0 to 6 | `n`: its white has the luminance `white + (max − white)·n/4`. So 0 is SDR content, 4 the maximum of the display, more is beyond |
//! | 7 | its primaries are those of BT.2020: saturated colours are outside the gamut of sRGB, where channels are negative |

use std::sync::LazyLock;

use half::f16;

use crate::color::{srgb_decode, srgb_encode, Color, SCRGB_UNIT_NITS};

/// The bit of the primaries of BT.2020.
pub(super) const WIDE: u32 = 0x80 << 24;

/// The colour `0x00RRGGBB` at step `n` of brightness.
pub(super) const fn brighter(colour: u32, n: u32) -> u32 {
    colour | n << 24
}

/// From linear BT.2020 to linear BT.709, row by row.
const TO_BT709: [[f64; 3]; 3] = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]];

static LINEAR: LazyLock<[f64; 256]> = LazyLock::new(|| std::array::from_fn(|level| srgb_decode(level as f64 / 255.0)));

/// The light of one colour: red, green and blue.
pub(super) fn light(colour: u32, color: &Color) -> [u16; 3] {
    let mut rgb = [16, 8, 0].map(|shift| LINEAR[(colour >> shift & 0xFF) as usize]);
    if colour & WIDE != 0 {
        rgb = TO_BT709.map(|row| row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]);
    }
    let step = f64::from(colour >> 24 & 0x7F);
    let white = color.white();
    let nits = white + (color.max_nits - white) * step / 4.0;
    rgb.map(|channel| f16::from_f64(channel * nits / SCRGB_UNIT_NITS).to_bits())
}

/// Red, green and blue of [`light`] with every channel cut at SDR white, as 8-bit sRGB.
fn cut(colour: u32, color: &Color) -> [u8; 3] {
    let unit = SCRGB_UNIT_NITS / color.white();
    light(colour, color).map(|bits| {
        let linear = f16::from_bits(bits).to_f64() * unit;
        (srgb_encode(linear.clamp(0.0, 1.0)) * 255.0).round() as u8
    })
}

/// A colour as it is shown in 8 bits: BGRA.
pub(super) fn shown(color: &Color, colour: [u8; 4]) -> [u8; 4] {
    let [b, g, r, _] = colour;
    if !color.hdr {
        return [b, g, r, 255];
    }
    let [r, g, b] = cut(u32::from_le_bytes(colour), color);
    [b, g, r, 255]
}

/// The light of many colours of one desktop; that of SDR content is looked up.
pub(super) struct Lamp {
    color: Color,
    sdr: [u16; 256],
}

impl Lamp {
    pub(super) fn new(color: Color) -> Self {
        Self { color, sdr: std::array::from_fn(|level| light(level as u32, &color)[2]) }
    }

    /// The bytes of one pixel; its fourth half float is undefined, and here the garbage of `stray`.
    pub(super) fn pixel(&self, colour: u32, stray: u32) -> [u8; 8] {
        let [r, g, b] = if colour >> 24 == 0 {
            [16, 8, 0].map(|shift| self.sdr[(colour >> shift & 0xFF) as usize])
        } else {
            light(colour, &self.color)
        };
        let words = [r, g, b, (stray >> 16) as u16].map(u64::from);
        (words[0] | words[1] << 16 | words[2] << 32 | words[3] << 48).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::ColorSpace;

    const HDR: Color =
        Color { hdr: true, space: ColorSpace::Scrgb, bits: 10, sdr_white_nits: 240.0, max_nits: 1000.0, min_nits: 0.0 };

    #[test]
    fn steps_reach_from_sdr_white_to_beyond_the_maximum() {
        let white = |step| f16::from_bits(light(brighter(0x00FF_FFFF, step), &HDR)[0]).to_f64() * 80.0;
        assert_eq!((white(0), white(4), white(8)), (240.0, 1000.0, 1760.0));
    }

    #[test]
    fn saturated_colours_of_wide_primaries_are_negative() {
        let [r, g, b] = light(WIDE | 0x00FF_0000, &HDR).map(f16::from_bits);
        assert!(r > f16::from_f64(3.0) && g < f16::ZERO && b < f16::ZERO);
        let white = light(WIDE | 0x00FF_FFFF, &HDR).map(|bits| f16::from_bits(bits).to_f64());
        assert!(white.iter().all(|channel| (channel - 3.0).abs() < 0.004), "white is white: {white:?}");
    }

    #[test]
    fn sdr_content_is_cut_to_itself() {
        for level in 0..=255 {
            assert_eq!(cut(level << 16 | (255 - level) << 8, &HDR), [level as u8, 255 - level as u8, 0]);
        }
    }
}
