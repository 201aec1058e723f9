//! The formats that the desktop can be composed in.

use windows::Win32::Graphics::Dxgi::Common::{
    DXGI_FORMAT, DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_FORMAT_R10G10B10A2_UNORM, DXGI_FORMAT_R16G16B16A16_FLOAT,
    DXGI_FORMAT_R8G8B8A8_UNORM,
};

/// A format of the desktop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Bgra,
    Rgba,
    /// Linear half floats of an HDR desktop; 1.0 is 80 nits.
    Half,
    /// The same with any half floats: infinities, NaN, subnormal and negative values.
    Wild,
    /// Linear half floats of an SDR desktop with automatic colour management; 1.0 is white.
    Managed,
    /// Ten bits per colour.
    Ten,
}

impl Format {
    pub(crate) fn dxgi(self) -> DXGI_FORMAT {
        match self {
            Format::Bgra => DXGI_FORMAT_B8G8R8A8_UNORM,
            Format::Rgba => DXGI_FORMAT_R8G8B8A8_UNORM,
            Format::Half | Format::Wild | Format::Managed => DXGI_FORMAT_R16G16B16A16_FLOAT,
            Format::Ten => DXGI_FORMAT_R10G10B10A2_UNORM,
        }
    }

    /// Whether a duplication can have textures of `format`.
    pub(crate) fn known(format: DXGI_FORMAT) -> bool {
        [Format::Bgra, Format::Rgba, Format::Half, Format::Ten].iter().any(|f| f.dxgi() == format)
    }
}

/// Bytes per pixel of a texture, for the formats of desktops.
pub(crate) fn bytes_per_pixel(format: DXGI_FORMAT) -> usize {
    if format == DXGI_FORMAT_R16G16B16A16_FLOAT {
        8
    } else {
        4
    }
}
