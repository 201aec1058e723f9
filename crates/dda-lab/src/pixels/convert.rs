//! Conversion of the simulated desktop, which is BGRA of 8 bits or half floats of light, to the formats of textures.

use std::sync::OnceLock;

use half::f16;
use rustcam::color::TextureFormat;
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
    /// The byte for each half float, cut off at 80 nits.
    cut: OnceLock<Box<[u8]>>,
}

impl Converter {
    /// For a desktop composed in `from`, whose white has `white` nits if it is of HDR, and textures of `to`.
    pub(crate) fn new(from: Format, to: DXGI_FORMAT, white: u32) -> Self {
        let scale = if from == Format::Half { white as f32 / NITS } else { 1.0 };
        let table =
            |code: &dyn Fn(f32) -> u16| Box::new(std::array::from_fn(|v| code(linear(v as f32 / 255.0) * scale)));
        let table = if from == Format::Wild && to == DXGI_FORMAT_R16G16B16A16_FLOAT {
            Some(Box::new(std::array::from_fn(any_half)))
        } else if to == DXGI_FORMAT_R16G16B16A16_FLOAT {
            Some(table(&|light| f16::from_f32(light).to_bits()))
        } else if from == Format::Half {
            Some(table(&|light| u16::from(byte(light))))
        } else {
            None
        };
        Self { to, table, cut: OnceLock::new() }
    }

    /// Whether rows of `format` stay as they are.
    pub(crate) fn keeps(&self, format: TextureFormat) -> bool {
        match format {
            TextureFormat::Rgba16f => self.to == DXGI_FORMAT_R16G16B16A16_FLOAT,
            _ => self.table.is_none() && self.to == DXGI_FORMAT_B8G8R8A8_UNORM,
        }
    }

    /// Appends the pixels of `row`, whose format is that of the script's desktop, to `out`.
    pub(crate) fn convert(&self, format: TextureFormat, row: &[u8], out: &mut Vec<u8>) {
        if self.keeps(format) {
            out.extend_from_slice(row);
        } else if format == TextureFormat::Rgba16f {
            let cut = self.cut.get_or_init(|| (0..=u16::MAX).map(|bits| byte(f16::from_bits(bits).to_f32())).collect());
            for [r, g, b, _] in row.as_chunks::<2>().0.as_chunks::<4>().0 {
                let [r, g, b] = [r, g, b].map(|bits| u16::from(cut[usize::from(u16::from_le_bytes(*bits))]));
                self.append([b, g, r], 255, out);
            }
        } else {
            let look = |v: u8| self.table.as_ref().map_or(u16::from(v), |table| table[v as usize]);
            for [b, g, r, alpha] in row.as_chunks::<4>().0 {
                self.append([look(*b), look(*g), look(*r)], *alpha, out);
            }
        }
    }

    /// Appends one pixel: bytes, or the bits of half floats.
    fn append(&self, [b, g, r]: [u16; 3], alpha: u8, out: &mut Vec<u8>) {
        match self.to {
            DXGI_FORMAT_R16G16B16A16_FLOAT => {
                out.extend([r, g, b, f16::ONE.to_bits()].iter().flat_map(|v| v.to_le_bytes()));
            }
            DXGI_FORMAT_R8G8B8A8_UNORM => out.extend([r as u8, g as u8, b as u8, alpha]),
            DXGI_FORMAT_R10G10B10A2_UNORM => {
                let ten = |v: u16| (u32::from(v) * 1023 + 127) / 255;
                out.extend((ten(r) | ten(g) << 10 | ten(b) << 20 | 3 << 30).to_le_bytes());
            }
            _ => out.extend([b as u8, g as u8, r as u8, alpha]),
        }
    }
}

/// The half float that stands for a byte: every exponent of both signs, among them those of infinities, NaN and subnormal values.
fn any_half(byte: usize) -> u16 {
    let (exponent, mantissa) = ((byte as u16) >> 2 & 0x1F, [0, 1, 0x200, 0x3FF][byte & 3]);
    (byte as u16 & 0x80) << 8 | exponent << 10 | mantissa
}

/// The byte of linear light; what is brighter than 80 nits is cut off.
fn byte(light: f32) -> u8 {
    (encoded(light.clamp(0.0, 1.0)) * 255.0).round() as u8
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_survive_the_way_through_halves() {
        for white in [80, 200, 480] {
            let there = Converter::new(Format::Half, Format::Half.dxgi(), white);
            let table = there.table.as_ref().expect("halves need a table");
            for value in 0..=255u16 {
                let code = table[value as usize];
                let light = f16::from_bits(code).to_f32();
                assert_eq!((encoded(light * NITS / white as f32) * 255.0).round() as u16, value);
            }
        }
    }

    #[test]
    fn wild_desktops_hold_every_kind_of_half_float() {
        let halves: Vec<_> = (0..256).map(|byte| f16::from_bits(any_half(byte))).collect();
        for sign in [false, true] {
            let of_sign = || halves.iter().filter(|half| half.is_sign_negative() == sign);
            assert!(of_sign().any(|half| half.is_infinite()) && of_sign().any(|half| half.is_nan()));
            assert!(of_sign().any(|half| half.classify() == std::num::FpCategory::Subnormal));
            assert!(
                of_sign().any(|half| *half == f16::ZERO)
                    && of_sign().any(|half| half.to_bits() & 0x7FFF == f16::MAX.to_bits())
            );
        }
    }

    #[test]
    fn bright_colours_are_clipped_without_halves() {
        let row = [255, 128, 0, 7];
        let mut out = Vec::new();
        Converter::new(Format::Half, Format::Bgra.dxgi(), 200).convert(TextureFormat::Bgra8, &row, &mut out);
        assert_eq!((out[0], out[2], out[3]), (255, 0, 7));
        assert!(out[1] > 190, "{out:?}");
        out.clear();
        Converter::new(Format::Bgra, Format::Rgba.dxgi(), 80).convert(TextureFormat::Bgra8, &row, &mut out);
        assert_eq!(out, [0, 128, 255, 7]);
    }

    #[test]
    fn light_of_hdr_desktops_is_kept_or_cut_off() {
        let row: Vec<u8> = [12.5, 0.5, -0.25, 7.0].into_iter().flat_map(|v| f16::from_f32(v).to_le_bytes()).collect();
        let mut out = Vec::new();
        Converter::new(Format::Half, Format::Half.dxgi(), 200).convert(TextureFormat::Rgba16f, &row, &mut out);
        assert_eq!(out, row);
        out.clear();
        Converter::new(Format::Half, Format::Bgra.dxgi(), 200).convert(TextureFormat::Rgba16f, &row, &mut out);
        assert_eq!(out, [0, 188, 255, 255]);
    }
}
