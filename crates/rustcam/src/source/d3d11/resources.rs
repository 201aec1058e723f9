//! Shaders, buffers, textures and views, as rendering needs them.

use windows::Win32::Graphics::Direct3D11::{
    ID3D11Buffer, ID3D11PixelShader, ID3D11RenderTargetView, ID3D11ShaderResourceView, ID3D11Texture2D,
    D3D11_BIND_CONSTANT_BUFFER, D3D11_BIND_RENDER_TARGET, D3D11_BIND_SHADER_RESOURCE, D3D11_BUFFER_DESC,
    D3D11_SUBRESOURCE_DATA, D3D11_TEXTURE2D_DESC, D3D11_USAGE_DEFAULT, D3D11_USAGE_IMMUTABLE,
};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;

use super::device::{texture_desc, Device};
use super::failure::failed;
use crate::color::TextureFormat;
use crate::error::Result;
use crate::geometry::Size;
use crate::source::hresult;
use crate::source::verdict::{self, Call};

/// The shaders that render to targets of one format.
pub(super) struct PixelShaders {
    /// The desktop alone.
    pub(super) copy: ID3D11PixelShader,
    /// With a pointer of straight alpha.
    pub(super) alpha: ID3D11PixelShader,
    /// With a masked pointer.
    pub(super) mask: ID3D11PixelShader,
}

/// The pixel shader that `code` is.
///
/// # Errors
/// Those of the system.
pub(super) fn pixel_shader(device: &Device, code: &[u8]) -> Result<ID3D11PixelShader> {
    let mut shader = None;
    // SAFETY: the code is a pixel shader of shader model 4; the pointer is valid during the call.
    unsafe { device.object.CreatePixelShader(code, None, Some(&raw mut shader)) }
        .map_err(|e| failed(&e, Call::Draw))?;
    made(shader)
}

/// A buffer for constants of so many bytes.
///
/// # Errors
/// Those of the system.
pub(super) fn constant_buffer(device: &Device, bytes: usize) -> Result<ID3D11Buffer> {
    let desc = D3D11_BUFFER_DESC {
        ByteWidth: bytes as u32,
        Usage: D3D11_USAGE_DEFAULT,
        BindFlags: D3D11_BIND_CONSTANT_BUFFER.0 as u32,
        ..Default::default()
    };
    let mut buffer = None;
    // SAFETY: both pointers are valid during the call.
    unsafe { device.object.CreateBuffer(&raw const desc, None, Some(&raw mut buffer)) }
        .map_err(|e| failed(&e, Call::Draw))?;
    made(buffer)
}

/// `texture`, a render target of `device`, as shaders write it.
///
/// # Errors
/// Those of the system.
pub(super) fn target_view(device: &Device, texture: &ID3D11Texture2D) -> Result<ID3D11RenderTargetView> {
    let mut view = None;
    // SAFETY: a texture of this device that may be drawn on; the pointer is valid during the call.
    unsafe { device.object.CreateRenderTargetView(texture, None, Some(&raw mut view)) }
        .map_err(|e| failed(&e, Call::Draw))?;
    made(view)
}

/// A texture that never changes, from all its `bytes` without padding.
///
/// # Errors
/// Those of the system.
pub(super) fn texture(device: &Device, size: Size, format: DXGI_FORMAT, bytes: &[u8]) -> Result<ID3D11Texture2D> {
    let desc = D3D11_TEXTURE2D_DESC {
        Usage: D3D11_USAGE_IMMUTABLE,
        BindFlags: D3D11_BIND_SHADER_RESOURCE.0 as u32,
        Format: format,
        ..texture_desc(size, TextureFormat::Bgra8)
    };
    let row = bytes.len() / size.height as usize;
    let data = D3D11_SUBRESOURCE_DATA { pSysMem: bytes.as_ptr().cast(), SysMemPitch: row as u32, SysMemSlicePitch: 0 };
    let mut texture = None;
    // SAFETY: the bytes are as many as size and format say; all pointers are valid during the call.
    unsafe { device.object.CreateTexture2D(&raw const desc, Some(&raw const data), Some(&raw mut texture)) }
        .map_err(|e| failed(&e, Call::CreateTexture))?;
    made(texture)
}

/// `texture` as shaders see it.
///
/// # Errors
/// Those of the system.
pub(super) fn view(device: &Device, texture: &ID3D11Texture2D) -> Result<ID3D11ShaderResourceView> {
    let mut view = None;
    // SAFETY: a texture of this device that shaders may read; the pointer is valid during the call.
    unsafe { device.object.CreateShaderResourceView(texture, None, Some(&raw mut view)) }
        .map_err(|e| failed(&e, Call::Draw))?;
    made(view)
}

/// A render target that shaders also read.
pub(super) struct RenderTarget {
    pub(super) texture: ID3D11Texture2D,
    /// As shaders write it.
    pub(super) view: ID3D11RenderTargetView,
    /// As shaders read it.
    pub(super) image: ID3D11ShaderResourceView,
    size: Size,
    format: DXGI_FORMAT,
}

impl RenderTarget {
    /// A render target that is at least so large, `kept` if that one is. A new one is large enough for both, unless it would have more
    /// than `most` pixels.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn fitting<'a>(
        kept: &'a mut Option<Self>,
        device: &Device,
        (wanted, format): (Size, DXGI_FORMAT),
        most: u64,
    ) -> Result<&'a Self> {
        let known = kept.take().filter(|known| known.format == format);
        let before = known.as_ref().map(|known| known.size).unwrap_or_default();
        let both = Size::new(wanted.width.max(before.width), wanted.height.max(before.height));
        Ok(match known {
            Some(known) if known.size == both => kept.insert(known),
            _ => kept.insert(Self::new(device, if both.area() <= most { both } else { wanted }, format)?),
        })
    }

    fn new(device: &Device, size: Size, format: DXGI_FORMAT) -> Result<Self> {
        let desc = D3D11_TEXTURE2D_DESC {
            Usage: D3D11_USAGE_DEFAULT,
            BindFlags: (D3D11_BIND_SHADER_RESOURCE.0 | D3D11_BIND_RENDER_TARGET.0) as u32,
            Format: format,
            ..texture_desc(size, TextureFormat::Bgra8)
        };
        let mut texture = None;
        // SAFETY: both pointers are valid during the call.
        unsafe { device.object.CreateTexture2D(&raw const desc, None, Some(&raw mut texture)) }
            .map_err(|e| failed(&e, Call::CreateTexture))?;
        let texture = made(texture)?;
        Ok(Self { view: target_view(device, &texture)?, image: view(device, &texture)?, texture, size, format })
    }
}

/// The object that a successful call must have created.
///
/// # Errors
/// `Capture` if it has not.
pub(super) fn made<T>(object: Option<T>) -> Result<T> {
    object.ok_or_else(|| verdict::error(hresult::E_FAIL, Call::Draw))
}
