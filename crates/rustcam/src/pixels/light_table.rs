//! The half-float pass as a table, for shaders: they draw the same light as the processor writes.

use half::f16;

use super::light::of_encoded;
use super::tone::Tone;
use crate::color::{srgb_decode, TextureFormat, SCRGB_UNIT_NITS};

/// Rows of the table: the values of ten bits. The columns of the pointer have only the first 256.
pub(crate) const LIGHT_ROWS: u32 = 1024;

/// The largest value of a channel of `format`, 0 for half floats.
pub(crate) fn largest_value(format: TextureFormat) -> u32 {
    match format {
        TextureFormat::Bgra8 => 255,
        TextureFormat::Rgb10a2 => 1023,
        TextureFormat::Rgba16f => 0,
    }
}

/// For every value `i`:
///
/// | column | content |
/// |---|---|
/// | 0 | the half float of the value `i` of a desktop in `format` |
/// | 1 | the light of level `i` of the pointer |
/// | 2 | the same as a half float |
/// | 3 | the least half float of the desktop that is cut to level `i` or above it |
pub(crate) fn light_table(format: TextureFormat, tone: &Tone) -> Vec<[f32; 4]> {
    let half = |bits: u16| f16::from_bits(bits).to_f32();
    let largest = largest_value(format);
    let white = tone.white_nits() / SCRGB_UNIT_NITS;
    let mut table = vec![[0.0; 4]; LIGHT_ROWS as usize];
    for (value, row) in (0..=largest).zip(&mut table).filter(|_| largest > 0) {
        row[0] = half(of_encoded(f64::from(value) / f64::from(largest), SCRGB_UNIT_NITS));
    }
    // The levels rise with the half floats, up to infinity.
    let levels = &tone.levels()[..=usize::from(f16::INFINITY.to_bits())];
    for (level, row) in (0..=u8::MAX).zip(&mut table) {
        let light = srgb_decode(f64::from(level) / 255.0) * white;
        let least = levels.partition_point(|&below| below < level);
        row[1..].copy_from_slice(&[light as f32, f16::from_f64(light).to_f32(), half(least as u16)]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::{Color, ToneMapping};
    use crate::pixels::ToneSettings;

    fn tone(white: f64) -> Tone {
        let color = Color { hdr: true, sdr_white_nits: white, max_nits: 1000.0, ..Color::SDR };
        Tone::new(ToneSettings::new(&color, ToneMapping::Map))
    }

    #[test]
    fn every_half_float_is_found_at_its_level() {
        for white in [80.0, 203.52, 480.0, 10_000.0] {
            let (tone, bits) = (tone(white), 0..=u16::MAX);
            let table = light_table(TextureFormat::Rgba16f, &tone);
            for bits in bits.filter(|&bits| !f16::from_bits(bits).is_nan()) {
                let value = f16::from_bits(bits).to_f32();
                let level = (1..256).rev().find(|&level| value >= table[level][3]).unwrap_or_default();
                assert_eq!(level, usize::from(tone.levels()[usize::from(bits)]), "{value} at {white} nits");
            }
        }
    }

    #[test]
    fn values_of_the_desktop_are_those_of_sdr_and_levels_of_the_pointer_are_at_sdr_white() {
        for format in [TextureFormat::Bgra8, TextureFormat::Rgb10a2] {
            let table = light_table(format, &tone(240.0));
            let white = largest_value(format) as usize;
            assert_eq!((table[0][0], table[white][0]), (0.0, 1.0));
            assert!(table[..=white].is_sorted_by(|a, b| a[0] < b[0]), "{format:?}");
            assert_eq!((table[255][1], table[255][2]), (3.0, 3.0));
        }
    }
}
