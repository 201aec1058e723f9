//! Conversion of the simulated desktop, which is BGRA of 8 bits, to the formats of textures.

use windows::Win32::Graphics::Dxgi::Common::{
    DXGI_FORMAT, DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_FORMAT_R10G10B10A2_UNORM, DXGI_FORMAT_R16G16B16A16_FLOAT,
    DXGI_FORMAT_R8G8B8A8_UNORM,
};

use crate::script::format::Format;

/// Nits of the value 1.0 in half floats.
const NITS: f32 = 80.0;

/// Converts rows of the simulated desktop to rows of a texture.
pub(crate) struct Converter {
    to: DXGI_FORMAT,
    /// The value for each byte of colour, unless it stays the same.
    table: Option<Box<[u16; 256]>>,
}

impl Converter {
    /// For a desktop composed in `from`, whose white has `white` nits if it is linear, and textures of `to`.
    pub(crate) fn new(from: Format, to: DXGI_FORMAT, white: u32) -> Self {
        let scale = if from == Format::Half { white as f32 / NITS } else { 1.0 };
        let table =
            |code: &dyn Fn(f32) -> u16| Box::new(std::array::from_fn(|v| code(linear(v as f32 / 255.0) * scale)));
        let table = if to == DXGI_FORMAT_R16G16B16A16_FLOAT {
            Some(table(&half))
        } else if from == Format::Half {
            // What is brighter than 80 nits is clipped.
            Some(table(&|light| (encoded(light.min(1.0)) * 255.0).round() as u16))
        } else {
            None
        };
        Self { to, table }
    }

    /// Whether rows stay as they are.
    pub(crate) fn is_identity(&self) -> bool {
        self.table.is_none() && self.to == DXGI_FORMAT_B8G8R8A8_UNORM
    }

    /// Appends the pixels of `row` to `out`.
    pub(crate) fn convert(&self, row: &[u8], out: &mut Vec<u8>) {
        let look = |v: u8| self.table.as_ref().map_or(u16::from(v), |table| table[v as usize]);
        for pixel in row.chunks_exact(4) {
            let [b, g, r] = [look(pixel[0]), look(pixel[1]), look(pixel[2])];
            match self.to {
                DXGI_FORMAT_R16G16B16A16_FLOAT => out.extend([r, g, b, half(1.0)].iter().flat_map(|v| v.to_le_bytes())),
                DXGI_FORMAT_R8G8B8A8_UNORM => out.extend([r as u8, g as u8, b as u8, pixel[3]]),
                DXGI_FORMAT_R10G10B10A2_UNORM => {
                    let ten = |v: u16| (u32::from(v) * 1023 + 127) / 255;
                    out.extend((ten(r) | ten(g) << 10 | ten(b) << 20 | 3 << 30).to_le_bytes());
                }
                _ => out.extend([b as u8, g as u8, r as u8, pixel[3]]),
            }
        }
    }
}

/// The linear light of an sRGB value.
fn linear(value: f32) -> f32 {
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

/// The sRGB value of linear light.
fn encoded(light: f32) -> f32 {
    if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    }
}

/// The half float nearest to a number from 0 to 65504, ties to even.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let exponent = (bits >> 23) as i32 - 127;
    if exponent < -24 {
        return 0;
    }
    let mantissa = bits & 0x007F_FFFF | 0x0080_0000;
    // Numbers below 2^-14 are subnormal: no implicit bit, less precision.
    let shift = 13 + (-14 - exponent).max(0) as u32;
    let base = if exponent < -14 { 0 } else { ((exponent + 14) as u32) << 10 };
    let (kept, lost, middle) = (mantissa >> shift, mantissa & ((1 << shift) - 1), 1 << (shift - 1));
    let up = lost > middle || lost == middle && kept & 1 == 1;
    (base + kept + u32::from(up)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_the_nearest() {
        let known = [
            (0.0, 0),
            (1.0, 0x3C00),
            (2.5, 0x4100),
            (0.5, 0x3800),
            (65504.0, 0x7BFF),
            (6.0e-8, 1),
            (0.333_251_95, 0x3555),
        ];
        for (value, code) in known {
            assert_eq!(half(value), code, "{value}");
        }
    }

    #[test]
    fn colours_survive_the_way_through_halves() {
        for white in [80, 200, 480] {
            let there = Converter::new(Format::Half, Format::Half.dxgi(), white);
            let table = there.table.as_ref().expect("halves need a table");
            for value in 0..=255u16 {
                let code = table[value as usize];
                let (e, m) = (i32::from(code >> 10), f32::from(code & 0x3FF));
                let light = if e == 0 { m * 2f32.powi(-24) } else { (1.0 + m / 1024.0) * 2f32.powi(e - 15) };
                assert_eq!((encoded(light * NITS / white as f32) * 255.0).round() as u16, value);
            }
        }
    }

    #[test]
    fn bright_colours_are_clipped_without_halves() {
        let row = [255, 128, 0, 7];
        let mut out = Vec::new();
        Converter::new(Format::Half, Format::Bgra.dxgi(), 200).convert(&row, &mut out);
        assert_eq!((out[0], out[2], out[3]), (255, 0, 7));
        assert!(out[1] > 190, "{out:?}");
        out.clear();
        Converter::new(Format::Bgra, Format::Rgba.dxgi(), 80).convert(&row, &mut out);
        assert_eq!(out, [0, 128, 255, 7]);
    }
}
