//! Pixels of a texture brought to the processor, and to a texture of another device.

use windows::Win32::Foundation::E_FAIL;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Texture2D, D3D11_CPU_ACCESS_READ, D3D11_MAPPED_SUBRESOURCE, D3D11_MAP_READ, D3D11_TEXTURE2D_DESC,
    D3D11_USAGE_STAGING,
};
use windows_core::Result;

use crate::pixels::bytes;

/// All pixels of `texture`, without padding.
pub(crate) fn contents(texture: &ID3D11Texture2D) -> Result<Vec<u8>> {
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
    let (row, rows) = (desc.Width as usize * bytes(desc.Format), desc.Height as usize);
    let mut mapped = D3D11_MAPPED_SUBRESOURCE::default();
    let mut pixels = Vec::with_capacity(row * rows);
    // SAFETY: textures of one device and of the same size; `Map` hands out as many rows, readable until `Unmap`.
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

/// Copies all pixels of `from` to `to`, which may be of another device, of the same size and format.
pub(crate) fn copy_across(from: &ID3D11Texture2D, to: &ID3D11Texture2D) -> Result<()> {
    let pixels = contents(from)?;
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: every texture has a device with a context; the pixels are as many as the description says.
    unsafe {
        to.GetDesc(&raw mut desc);
        let pitch = desc.Width * bytes(desc.Format) as u32;
        to.GetDevice()?.GetImmediateContext()?.UpdateSubresource(to, 0, None, pixels.as_ptr().cast(), pitch, 0);
    }
    Ok(())
}
