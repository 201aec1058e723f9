//! The light that sRGB values stand for, as half floats of scRGB.

use std::sync::LazyLock;

use half::f16;

use crate::color::{srgb_decode, SCRGB_UNIT_NITS};

/// The alpha of half-float pixels: 1.0.
pub(super) const OPAQUE: u64 = 0x3C00 << 48;

/// The half float that shows the sRGB value `encoded`, from 0 to 1, where SDR white is at `white_nits`.
pub(super) fn of_encoded(encoded: f64, white_nits: f64) -> u16 {
    f16::from_f64(srgb_decode(encoded) * white_nits / SCRGB_UNIT_NITS).to_bits()
}

/// The half floats of all 256 levels of an SDR desktop, whose white is 1.0.
pub(super) fn of_levels() -> &'static [u16; 256] {
    static LIGHT: LazyLock<[u16; 256]> =
        LazyLock::new(|| std::array::from_fn(|level| of_encoded(level as f64 / 255.0, SCRGB_UNIT_NITS)));
    &LIGHT
}
