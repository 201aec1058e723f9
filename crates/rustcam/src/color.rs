//! Colour: what the values of a desktop's pixels mean, and how bright its output shows them.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// What the pixels of a delivered image are in memory. The rest of the engine calls such an image a texture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TextureFormat {
    /// Blue, green, red and an undefined byte: sRGB, 255 is SDR white.
    #[default]
    Bgra8,
    /// A little-endian word of ten bits each of red (the lowest), green and blue, and two undefined bits: sRGB, 1023 is SDR white.
    Rgb10a2,
    /// Little-endian half floats of red, green, blue, and an undefined one: linear scRGB, 1.0 is 80 nits. Every bit pattern can occur.
    Rgba16f,
}

impl TextureFormat {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            TextureFormat::Bgra8 => "bgra",
            TextureFormat::Rgb10a2 => "rgb10a2",
            TextureFormat::Rgba16f => "rgba16f",
        }
    }

    /// Bytes per pixel.
    pub const fn bytes(self) -> usize {
        match self {
            TextureFormat::Bgra8 | TextureFormat::Rgb10a2 => 4,
            TextureFormat::Rgba16f => 8,
        }
    }
}

/// The colour space in which the system hands out the pixels of a desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ColorSpace {
    /// sRGB: the primaries of BT.709 and the curve of IEC 61966-2-1.
    #[default]
    Srgb,
    /// scRGB: the primaries of BT.709, linear, 1.0 is 80 nits; negative values are outside the gamut of sRGB.
    Scrgb,
    /// The primaries of BT.2020 and the curve of SMPTE ST 2084 (PQ).
    Hdr10,
}

impl ColorSpace {
    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            ColorSpace::Srgb => "srgb",
            ColorSpace::Scrgb => "scrgb",
            ColorSpace::Hdr10 => "hdr10",
        }
    }
}

/// The colour of an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    /// Whether the output shows a high dynamic range.
    pub hdr: bool,
    /// The colour space of the desktop's pixels.
    pub space: ColorSpace,
    /// Bits per channel on the way to the display.
    pub bits: u32,
    /// How bright the system shows the white of SDR content, in nits (candela per square metre).
    pub sdr_white_nits: f64,
    /// The brightest that the display shows, in nits; 0 if unknown.
    pub max_nits: f64,
    /// The darkest that the display shows, in nits; 0 if unknown.
    pub min_nits: f64,
}

impl Color {
    /// An SDR output of 8 bits, as sRGB defines it.
    pub const SDR: Self = Self {
        hdr: false,
        space: ColorSpace::Srgb,
        bits: 8,
        sdr_white_nits: SCRGB_UNIT_NITS,
        max_nits: SCRGB_UNIT_NITS,
        min_nits: 0.0,
    };

    /// SDR white, which is a positive number also where the system reports none: then it is [`HDR_WHITE_NITS`] on an HDR output, and 80
    /// nits on others.
    pub fn white(&self) -> f64 {
        match self.sdr_white_nits {
            nits if self.reports_white() => nits,
            _ if self.hdr => HDR_WHITE_NITS,
            _ => SCRGB_UNIT_NITS,
        }
    }

    /// Whether the system reports a level of SDR white that makes sense.
    pub fn reports_white(&self) -> bool {
        self.sdr_white_nits.is_finite() && self.sdr_white_nits > 0.0
    }
}

impl Default for Color {
    fn default() -> Self {
        Self::SDR
    }
}

/// The luminance of the value 1.0 of scRGB.
pub const SCRGB_UNIT_NITS: f64 = 80.0;

/// SDR white on an HDR output whose system does not report it.
pub const HDR_WHITE_NITS: f64 = 200.0;

/// How 8-bit frames show what is brighter than SDR white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ToneMapping {
    /// The hue stays, and fades to white towards the display's maximum.
    #[default]
    Map,
    /// Every channel is cut at SDR white.
    Clip,
}

impl ToneMapping {
    /// Both.
    pub const ALL: [ToneMapping; 2] = [ToneMapping::Map, ToneMapping::Clip];

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            ToneMapping::Map => "map",
            ToneMapping::Clip => "clip",
        }
    }
}

impl fmt::Display for ToneMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ToneMapping {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|mapping| name.eq_ignore_ascii_case(mapping.name()));
        found.ok_or_else(|| Error::invalid(format!("unknown tone mapping hdr={name:?}; choose \"map\" or \"clip\"")))
    }
}

/// The curve of sRGB: a linear value from 0 to 1, encoded.
pub fn srgb_encode(linear: f64) -> f64 {
    if linear <= 0.003_130_8 {
        12.92 * linear
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    }
}

/// The inverse of [`srgb_encode`].
pub fn srgb_decode(encoded: f64) -> f64 {
    if encoded <= 0.040_45 {
        encoded / 12.92
    } else {
        ((encoded + 0.055) / 1.055).powf(2.4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curves_of_srgb_are_inverse_to_each_other() {
        for level in 0..=255 {
            let encoded = f64::from(level) / 255.0;
            assert!((srgb_encode(srgb_decode(encoded)) - encoded).abs() < 1e-7, "{level}");
        }
        assert!(srgb_decode(0.0).abs() < 1e-12 && (srgb_decode(1.0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn white_levels_that_make_no_sense_are_replaced() {
        for nits in [0.0, -80.0, f64::NAN, f64::INFINITY] {
            let sdr = Color { sdr_white_nits: nits, ..Color::SDR };
            let hdr = Color { hdr: true, ..sdr };
            assert_eq!((sdr.white(), hdr.white()), (80.0, 200.0), "{nits}");
        }
        assert!((Color { sdr_white_nits: 203.0, ..Color::SDR }.white() - 203.0).abs() < 1e-9);
    }

    #[test]
    fn tone_mappings_parse_in_any_case_and_errors_list_both() {
        assert_eq!("CLIP".parse::<ToneMapping>().ok(), Some(ToneMapping::Clip));
        let message = "x".parse::<ToneMapping>().expect_err("not a mapping").to_string();
        assert!(message.contains("\"map\" or \"clip\""), "{message}");
    }
}
