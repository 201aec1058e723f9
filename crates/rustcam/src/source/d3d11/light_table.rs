//! The light of values as a table for shaders, so that they draw what the processor writes.

use half::f16;

use crate::color::{srgb_decode, srgb_encode, TextureFormat, SCRGB_UNIT_NITS};

/// Rows of the table: the values of ten bits. The columns of the pointer have only the first 256.
pub(super) const LIGHT_ROWS: u32 = 1024;

/// The largest value of a channel of `format`, 0 for half floats.
pub(super) fn largest_value(format: TextureFormat) -> u32 {
    match format {
        TextureFormat::Bgra8 => 255,
        TextureFormat::Rgb10a2 => 1023,
        TextureFormat::Rgba16f => 0,
    }
}

/// For every value `i` of a desktop in `format`, whose SDR white is at `white_nits`:
///
/// | column | content |
/// |---|---|
/// | 0 | its half float |
/// | 1 | the light of level `i` of the pointer |
/// | 2 | the same as a half float |
/// | 3 | the least half float of the desktop that is cut to level `i` or above it |
pub(super) fn light_table(format: TextureFormat, white_nits: f64) -> Vec<[f32; 4]> {
    let largest = largest_value(format);
    let white = white_nits / SCRGB_UNIT_NITS;
    let mut table = vec![[0.0; 4]; LIGHT_ROWS as usize];
    for (value, row) in (0..=largest).zip(&mut table).filter(|_| largest > 0) {
        row[0] = f16::from_f64(srgb_decode(f64::from(value) / f64::from(largest))).to_f32();
    }
    for (level, row) in (0..=u8::MAX).zip(&mut table) {
        let light = srgb_decode(f64::from(level) / 255.0) * white;
        let least = least_at(level, white);
        row[1..].copy_from_slice(&[light as f32, f16::from_f64(light).to_f32(), least.to_f32()]);
    }
    table
}

/// The least half float that is cut to `level` or above it where SDR white is `white`. The levels rise with the half floats, up to infinity.
fn least_at(level: u8, white: f64) -> f16 {
    let is_below = |bits: u16| {
        let encoded = srgb_encode((f16::from_bits(bits).to_f64() / white).clamp(0.0, 1.0));
        ((encoded * 255.0).round() as u8) < level
    };
    let (mut low, mut high) = (0, f16::INFINITY.to_bits());
    while low < high {
        let middle = low.midpoint(high);
        if is_below(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    f16::from_bits(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::{Color, ToneMapping};
    use crate::pixels::{Tone, ToneSettings};

    fn tone(white: f64) -> Tone {
        let color = Color { hdr: true, sdr_white_nits: white, max_nits: 1000.0, ..Color::SDR };
        Tone::new(ToneSettings::new(&color, ToneMapping::Map))
    }

    #[test]
    fn every_half_float_is_found_at_its_level() {
        for white in [80.0, 203.52, 480.0, 10_000.0] {
            let (tone, bits) = (tone(white), 0..=u16::MAX);
            let table = light_table(TextureFormat::Rgba16f, white);
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
            let table = light_table(format, 240.0);
            let white = largest_value(format) as usize;
            assert_eq!((table[0][0], table[white][0]), (0.0, 1.0));
            assert!(table[..=white].is_sorted_by(|a, b| a[0] < b[0]), "{format:?}");
            assert_eq!((table[255][1], table[255][2]), (3.0, 3.0));
        }
    }
}
