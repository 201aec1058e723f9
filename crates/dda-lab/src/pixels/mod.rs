//! Pixels in the formats of textures, and between textures and memory.

pub(crate) mod convert;
pub(crate) mod transfer;
