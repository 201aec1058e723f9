//! Pixels from textures to memory, from memory to textures, and between textures of two devices.

use rustcam::geometry::{Rect, Size};
use windows::Win32::Foundation::E_FAIL;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Device, ID3D11DeviceContext, ID3D11Texture2D, D3D11_BIND_RENDER_TARGET, D3D11_BIND_SHADER_RESOURCE,
    D3D11_BOX, D3D11_CPU_ACCESS_READ, D3D11_MAPPED_SUBRESOURCE, D3D11_MAP_READ, D3D11_TEXTURE2D_DESC,
    D3D11_USAGE_DEFAULT, D3D11_USAGE_STAGING,
};
use windows::Win32::Graphics::Dxgi::Common::{DXGI_FORMAT, DXGI_SAMPLE_DESC};
use windows_core::Result;

use crate::script::format::bytes_per_pixel;

/// Reads all pixels of `texture`; rows without padding.
pub(crate) fn read(texture: &ID3D11Texture2D) -> Result<Vec<u8>> {
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: every texture has a device with a context; all pointers are valid for the calls.
    let (context, staging) = unsafe {
        let device = texture.GetDevice()?;
        texture.GetDesc(&raw mut desc);
        desc.Usage = D3D11_USAGE_STAGING;
        desc.BindFlags = 0;
        desc.MiscFlags = 0;
        desc.CPUAccessFlags = D3D11_CPU_ACCESS_READ.0 as u32;
        let mut staging = None;
        device.CreateTexture2D(&raw const desc, None, Some(&raw mut staging))?;
        (device.GetImmediateContext()?, staging.ok_or(E_FAIL)?)
    };
    let (row, rows) = (desc.Width as usize * bytes_per_pixel(desc.Format), desc.Height as usize);
    let mut mapped = D3D11_MAPPED_SUBRESOURCE::default();
    let mut pixels = Vec::with_capacity(row * rows);
    // SAFETY: textures of one device and of the same size; `Map` gives as many rows, readable until `Unmap`.
    unsafe {
        context.CopyResource(&staging, texture);
        context.Map(&staging, 0, D3D11_MAP_READ, 0, Some(&raw mut mapped))?;
        for y in 0..rows {
            let start = mapped.pData.cast::<u8>().add(y * mapped.RowPitch as usize);
            pixels.extend_from_slice(std::slice::from_raw_parts(start, row));
        }
        context.Unmap(&staging, 0);
    }
    Ok(pixels)
}

/// Copies all pixels of `from` to `to`, a texture of the same size and format, perhaps on another device.
pub(crate) fn copy_across(from: &ID3D11Texture2D, to: &ID3D11Texture2D) -> Result<()> {
    let pixels = read(from)?;
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: every texture has a device with a context; the pixels are as many as the description says.
    unsafe {
        to.GetDesc(&raw mut desc);
        let pitch = desc.Width * bytes_per_pixel(desc.Format) as u32;
        to.GetDevice()?.GetImmediateContext()?.UpdateSubresource(to, 0, None, pixels.as_ptr().cast(), pitch, 0);
    }
    Ok(())
}

/// Writes rows to a part of a texture.
///
/// # Safety
/// `rows` are as many rows as `part` has, `pitch` bytes apart; `part` is inside `texture`.
pub(crate) unsafe fn upload(
    context: &ID3D11DeviceContext,
    texture: &ID3D11Texture2D,
    part: Rect,
    rows: *const u8,
    pitch: usize,
) {
    let place = D3D11_BOX {
        left: part.left as u32,
        top: part.top as u32,
        front: 0,
        right: part.right as u32,
        bottom: part.bottom as u32,
        back: 1,
    };
    // SAFETY: as the caller promises.
    unsafe { context.UpdateSubresource(texture, 0, Some(&raw const place), rows.cast(), pitch as u32, 0) };
}

/// A new texture as the system makes them for images of the screen.
pub(crate) fn new_texture(device: &ID3D11Device, size: Size, format: DXGI_FORMAT) -> Result<ID3D11Texture2D> {
    let desc = D3D11_TEXTURE2D_DESC {
        Width: size.width,
        Height: size.height,
        MipLevels: 1,
        ArraySize: 1,
        Format: format,
        SampleDesc: DXGI_SAMPLE_DESC { Count: 1, Quality: 0 },
        Usage: D3D11_USAGE_DEFAULT,
        BindFlags: (D3D11_BIND_RENDER_TARGET.0 | D3D11_BIND_SHADER_RESOURCE.0) as u32,
        CPUAccessFlags: 0,
        MiscFlags: 0,
    };
    let mut texture = None;
    // SAFETY: both pointers are valid for the call.
    unsafe { device.CreateTexture2D(&raw const desc, None, Some(&raw mut texture)) }?;
    texture.ok_or_else(|| E_FAIL.into())
}
