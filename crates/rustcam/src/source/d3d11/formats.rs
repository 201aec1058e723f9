//! The formats of images, as Direct3D names them.

use windows::Win32::Graphics::Direct3D11::{ID3D11Texture2D, D3D11_TEXTURE2D_DESC};
use windows::Win32::Graphics::Dxgi::Common::{
    DXGI_FORMAT, DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_FORMAT_R10G10B10A2_UNORM, DXGI_FORMAT_R16G16B16A16_FLOAT,
};

use crate::color::TextureFormat;
use crate::geometry::Size;

/// The formats that screens can have.
const ALL: [TextureFormat; 3] = [TextureFormat::Bgra8, TextureFormat::Rgb10a2, TextureFormat::Rgba16f];

/// What Direct3D calls `format`.
pub(in crate::source) const fn dxgi_format(format: TextureFormat) -> DXGI_FORMAT {
    match format {
        TextureFormat::Bgra8 => DXGI_FORMAT_B8G8R8A8_UNORM,
        TextureFormat::Rgb10a2 => DXGI_FORMAT_R10G10B10A2_UNORM,
        TextureFormat::Rgba16f => DXGI_FORMAT_R16G16B16A16_FLOAT,
    }
}

/// Size and format of a texture.
pub(in crate::source) fn describe(texture: &ID3D11Texture2D) -> (Size, DXGI_FORMAT) {
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: the pointer is valid during the call.
    unsafe { texture.GetDesc(&raw mut desc) };
    (Size::new(desc.Width, desc.Height), desc.Format)
}

/// The format of images that Direct3D calls `format`; `None` if images do not have it.
pub(in crate::source) fn texture_format(format: DXGI_FORMAT) -> Option<TextureFormat> {
    ALL.into_iter().find(|&known| dxgi_format(known) == format)
}

/// Bytes per pixel of `texture`, which has one of these formats.
pub(super) fn pixel_bytes(texture: &ID3D11Texture2D) -> usize {
    texture_format(describe(texture).1).unwrap_or_default().bytes()
}
