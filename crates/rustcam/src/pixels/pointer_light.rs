//! The pointer over half floats.
//!
//! | texel | result |
//! |---|---|
//! | a colour | its light, at SDR white |
//! | a colour with alpha | mixed with the light under it, in linear light |
//! | inverting | the value under it is cut to eight bits, as [`ToneMapping::Clip`](crate::color::ToneMapping::Clip) does, and inverted there; the result is SDR |
//! | nothing | the pixel keeps its exact value |

use half::f16;

use super::pointer::{PointerImage, Run, Texels};
use super::tone::Tone;
use crate::color::{srgb_decode, SCRGB_UNIT_NITS};

impl PointerImage {
    /// Blends the texels of `run` over half-float pixels of red, green, blue and alpha.
    pub(super) fn blend_light(&self, run: &Run, tone: &Tone, pixels: &mut [[u8; 8]]) {
        let white = tone.white_nits() / SCRGB_UNIT_NITS;
        for (i, pixel) in (run.texel..).zip(pixels) {
            for (channel, shift) in [16, 8, 0].into_iter().enumerate() {
                let byte = |word: u32| word >> shift & 0xFF;
                let under = u16::from_le_bytes([pixel[2 * channel], pixel[2 * channel + 1]]);
                let over = match &self.texels {
                    Texels::Masks { and, xor } => masked(byte(and[i]), byte(xor[i]), under, tone, white),
                    Texels::Straight(words) => {
                        let alpha = words[i] >> 24;
                        mixed(byte(words[i]), 255, alpha, alpha, under, white)
                    }
                    Texels::Premultiplied(words) => {
                        let (alpha, level) = (words[i] >> 24, byte(words[i]));
                        // A colour that exceeds its alpha adds light.
                        let cover = alpha.max(level);
                        mixed(level, cover, cover, alpha, under, white)
                    }
                };
                if let Some(over) = over {
                    pixel[2 * channel..2 * channel + 2].copy_from_slice(&f16::from_f64(over).to_le_bytes());
                }
            }
        }
    }
}

/// What the masks make of a channel; `None` if they keep it.
fn masked(and: u32, xor: u32, under: u16, tone: &Tone, white: f64) -> Option<f64> {
    let keeps = and == 0xFF && xor == 0;
    (!keeps).then(|| {
        let level = u32::from(tone.levels()[usize::from(under)]) & and ^ xor;
        srgb_decode(f64::from(level) / 255.0) * white
    })
}

/// The colour `level / of`, `cover / 255` of it, over what `alpha` leaves of a channel; `None` if nothing of it shows.
fn mixed(level: u32, of: u32, cover: u32, alpha: u32, under: u16, white: f64) -> Option<f64> {
    if cover == 0 {
        return None;
    }
    let light = srgb_decode(f64::from(level) / f64::from(of)) * white * f64::from(cover) / 255.0;
    Some(if alpha == 255 { light } else { light + f16::from_bits(under).to_f64() * f64::from(255 - alpha) / 255.0 })
}
