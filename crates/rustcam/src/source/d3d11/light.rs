//! What rendering to half floats needs beyond rendering to 8 bits: other shaders, and the light of values as a table.

use windows::Win32::Graphics::Direct3D11::{ID3D11Buffer, ID3D11DeviceContext, ID3D11ShaderResourceView};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT_R32G32B32A32_FLOAT;

use super::device::Device;
use super::light_table::{largest_value, light_table, LIGHT_ROWS};
use super::resources::{constant_buffer, pixel_shader, texture, view, PixelShaders};
use super::shaders::Code;
use crate::color::{Color, TextureFormat};
use crate::error::Result;
use crate::geometry::Size;

/// What rendering to half floats depends on: the format of the desktop, and SDR white for the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LightSettings {
    format: TextureFormat,
    white_nits: f64,
}

impl LightSettings {
    /// For a desktop of this format and colour.
    pub(super) fn new(format: TextureFormat, color: &Color) -> Self {
        Self { format, white_nits: color.white() }
    }
}

/// The objects that render to half floats with some settings.
pub(super) struct Light {
    pub(super) settings: LightSettings,
    pub(super) shaders: PixelShaders,
    table: ID3D11ShaderResourceView,
    constants: ID3D11Buffer,
}

impl Light {
    /// `levels` are the shaders that render to 8 bits.
    ///
    /// # Errors
    /// Those of creating shaders, textures and buffers.
    pub(super) fn new(device: &Device, code: &Code, levels: &PixelShaders, settings: LightSettings) -> Result<Self> {
        let shader = |code: &[u8]| pixel_shader(device, code);
        // Over 8 bits a pointer is blended in 8 bits, as in every other frame.
        let (alpha, mask) = match settings.format {
            TextureFormat::Bgra8 => (shader(&code.ps_decode_alpha)?, shader(&code.ps_decode_mask)?),
            TextureFormat::Rgb10a2 | TextureFormat::Rgba16f => {
                (shader(&code.ps_light_alpha)?, shader(&code.ps_light_mask)?)
            }
        };
        let copy = match settings.format {
            TextureFormat::Rgba16f => levels.copy.clone(),
            TextureFormat::Bgra8 | TextureFormat::Rgb10a2 => shader(&code.ps_decode)?,
        };
        let table = light_table(settings.format, settings.white_nits);
        let bytes: Vec<u8> = table.into_iter().flatten().flat_map(f32::to_le_bytes).collect();
        let table = texture(device, Size::new(LIGHT_ROWS, 1), DXGI_FORMAT_R32G32B32A32_FLOAT, &bytes)?;
        let largest = largest_value(settings.format);
        let decoding = [largest as f32, if largest > 0 { 1.0 } else { 0.0 }, 1e30, 0.0];
        let constants = constant_buffer(device, size_of_val(&decoding))?;
        // SAFETY: the constants are as large as their buffer, which is of this device.
        unsafe { device.context.UpdateSubresource(&constants, 0, None, (&raw const decoding).cast(), 0, 0) };
        Ok(Self { settings, shaders: PixelShaders { copy, alpha, mask }, table: view(device, &table)?, constants })
    }

    /// Gives the shaders the table and the constants.
    pub(super) fn bind(&self, context: &ID3D11DeviceContext) {
        // SAFETY: everything is of the device of the context.
        unsafe {
            context.PSSetConstantBuffers(2, Some(&[Some(self.constants.clone())]));
            context.PSSetShaderResources(3, Some(&[Some(self.table.clone())]));
        }
    }
}

#[cfg(test)]
mod tests;
