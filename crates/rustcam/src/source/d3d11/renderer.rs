//! Renders the desktop's texture upright into another texture, with the pointer over it, on the device. Nothing is read back.

use std::sync::Arc;

use windows::Win32::Graphics::Direct3D::D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Buffer, ID3D11PixelShader, ID3D11RenderTargetView, ID3D11ShaderResourceView, ID3D11Texture2D,
    ID3D11VertexShader, D3D11_BIND_CONSTANT_BUFFER, D3D11_BIND_SHADER_RESOURCE, D3D11_BUFFER_DESC,
    D3D11_SUBRESOURCE_DATA, D3D11_TEXTURE2D_DESC, D3D11_USAGE_DEFAULT, D3D11_USAGE_IMMUTABLE, D3D11_VIEWPORT,
};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;

use super::device::{texture_desc, Device};
use super::failure::failed;
use super::formats::dxgi_format;
use super::light::{Light, LightSettings};
use super::shader_data::{levels, Constants, Texels, ToneConstants, LEVELS};
use super::shaders::{compiled, Code};
use crate::color::TextureFormat;
use crate::error::Result;
use crate::frame::{Pointer, PointerShape};
use crate::geometry::{Rect, Size};
use crate::source::hresult;
use crate::source::verdict::{self, Call};
use crate::source::Output;

/// The render pipeline of one device.
pub(super) struct Renderer {
    code: Arc<Code>,
    vs_fullscreen: ID3D11VertexShader,
    levels: PixelShaders,
    ps_tone: ID3D11PixelShader,
    constants: ID3D11Buffer,
    /// The content of the constant buffer.
    uploaded: Option<Constants>,
    /// The texture drawn from last, as the shaders see it.
    desktop: Option<(ID3D11Texture2D, ID3D11ShaderResourceView)>,
    overlay: Option<Overlay>,
    tone: Option<ToneObjects>,
    light: Option<Light>,
}

/// The shaders that render to targets of one format.
pub(super) struct PixelShaders {
    /// The desktop alone.
    pub(super) copy: ID3D11PixelShader,
    /// With a pointer of straight alpha.
    pub(super) alpha: ID3D11PixelShader,
    /// With a masked pointer.
    pub(super) mask: ID3D11PixelShader,
}

/// What mapping an HDR desktop needs.
struct ToneObjects {
    levels: ID3D11ShaderResourceView,
    constants: ID3D11Buffer,
    /// The content of the constant buffer.
    uploaded: Option<ToneConstants>,
}

/// A pointer shape on the device.
struct Overlay {
    shape: Arc<PointerShape>,
    /// The texels, and whether they are masks; `None` for a malformed shape.
    texels: Option<(ID3D11ShaderResourceView, bool)>,
}

impl Renderer {
    /// Creates the shaders. They are compiled once per process.
    ///
    /// # Errors
    /// `Capture` if the system has no compiler, `Device` if the device is lost.
    pub(super) fn new(device: &Device) -> Result<Self> {
        let code = compiled()?;
        let mut vertices = None;
        // SAFETY: the code is a vertex shader of shader model 4; the pointer is valid during the call.
        unsafe { device.object.CreateVertexShader(&code.vs_fullscreen, None, Some(&raw mut vertices)) }
            .map_err(|e| failed(&e, Call::Draw))?;
        Ok(Self {
            vs_fullscreen: made(vertices)?,
            levels: PixelShaders {
                copy: pixel_shader(device, &code.ps_copy)?,
                alpha: pixel_shader(device, &code.ps_alpha)?,
                mask: pixel_shader(device, &code.ps_mask)?,
            },
            ps_tone: pixel_shader(device, &code.ps_tone)?,
            code,
            constants: constant_buffer(device, size_of::<Constants>())?,
            uploaded: None,
            desktop: None,
            overlay: None,
            tone: None,
            light: None,
        })
    }

    /// Queues the rendering of `region` of the desktop, whose image is `from` with the rotation of `output`, into `to`: `parts` of the
    /// region, and the pointer over them. With `light`, `to` has half floats. Returns the part of the region that the pointer covers.
    ///
    /// # Errors
    /// Those of creating views and textures.
    pub(super) fn draw(
        &mut self,
        device: &Device,
        from: &ID3D11Texture2D,
        (to, light): (&ID3D11RenderTargetView, Option<LightSettings>),
        (region, output): (Rect, &Output),
        parts: &[Rect],
        pointer: Option<&Pointer>,
    ) -> Result<Option<Rect>> {
        let visible = pointer.filter(|pointer| pointer.visible);
        let at = visible.map(|pointer| pointer.position).unwrap_or_default();
        let constants = Constants::new(region, output.size, output.image_rotation, at);
        let desktop = self.desktop(device, from)?;
        let overlay = match visible {
            Some(pointer) => self.overlay(device, pointer)?,
            None => None,
        };
        let overlay = overlay.and_then(|(texels, masked, extent)| {
            let covered = extent.intersection(region)?.translated(-region.left, -region.top);
            Some((texels, masked, covered))
        });
        let covered = overlay.as_ref().map(|(_, _, covered)| *covered);
        if parts.is_empty() && overlay.is_none() {
            return Ok(covered);
        }
        if let Some(settings) = light {
            self.prepare_light(device, settings)?;
        }
        let context = &device.context;
        let to = [Some(to.clone())];
        // The constants seldom change: from frame to frame only the pointer's position does.
        if self.uploaded.replace(constants) != Some(constants) {
            let from = (&raw const constants).cast();
            // SAFETY: the constants are as large as their buffer, which is of this device.
            unsafe { context.UpdateSubresource(&self.constants, 0, None, from, 0, 0) };
        }
        let light = self.light.as_ref().filter(|_| light.is_some());
        let shaders = light.map_or(&self.levels, |light| &light.shaders);
        // SAFETY: everything is of this device, and the shaders use what is bound here.
        unsafe {
            context.IASetPrimitiveTopology(D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST);
            context.VSSetShader(&self.vs_fullscreen, None);
            context.PSSetConstantBuffers(0, Some(&[Some(self.constants.clone())]));
            context.OMSetRenderTargets(Some(&to), None);
            context.PSSetShaderResources(0, Some(&[Some(desktop)]));
            if let Some(light) = light {
                light.bind(context);
            }
            context.PSSetShader(&shaders.copy, None);
            for &part in parts {
                context.RSSetViewports(Some(&[viewport(part)]));
                context.Draw(3, 0);
            }
            if let Some((texels, masked, covered)) = overlay {
                context.PSSetShaderResources(1, Some(&[Some(texels)]));
                context.PSSetShader(if masked { &shaders.mask } else { &shaders.alpha }, None);
                context.RSSetViewports(Some(&[viewport(covered)]));
                context.Draw(3, 0);
            }
            // Bound objects are not destroyed.
            context.ClearState();
        }
        Ok(covered)
    }

    /// Queues the mapping of `parts` of the half floats `from` to the 8 bits of `to`, a render target of the same size.
    ///
    /// # Errors
    /// Those of creating views, textures and buffers.
    pub(super) fn draw_tone(
        &mut self,
        device: &Device,
        from: &ID3D11Texture2D,
        to: &ID3D11RenderTargetView,
        parts: &[Rect],
        constants: ToneConstants,
    ) -> Result<()> {
        let desktop = self.desktop(device, from)?;
        let tone = match &mut self.tone {
            Some(tone) => tone,
            None => self.tone.insert(ToneObjects::new(device)?),
        };
        let context = &device.context;
        if tone.uploaded.replace(constants) != Some(constants) {
            let from = (&raw const constants).cast();
            // SAFETY: the constants are as large as their buffer, which is of this device.
            unsafe { context.UpdateSubresource(&tone.constants, 0, None, from, 0, 0) };
        }
        // SAFETY: everything is of this device, and the shaders use what is bound here.
        unsafe {
            context.IASetPrimitiveTopology(D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST);
            context.VSSetShader(&self.vs_fullscreen, None);
            context.PSSetShader(&self.ps_tone, None);
            context.PSSetConstantBuffers(1, Some(&[Some(tone.constants.clone())]));
            context.PSSetShaderResources(0, Some(&[Some(desktop)]));
            context.PSSetShaderResources(2, Some(&[Some(tone.levels.clone())]));
            context.OMSetRenderTargets(Some(&[Some(to.clone())]), None);
            for &part in parts {
                context.RSSetViewports(Some(&[viewport(part)]));
                context.Draw(3, 0);
            }
            // Bound objects are not destroyed.
            context.ClearState();
        }
        Ok(())
    }

    fn desktop(&mut self, device: &Device, texture: &ID3D11Texture2D) -> Result<ID3D11ShaderResourceView> {
        if let Some((_, view)) = self.desktop.as_ref().filter(|(known, _)| known == texture) {
            return Ok(view.clone());
        }
        let view = view(device, texture)?;
        self.desktop = Some((texture.clone(), view.clone()));
        Ok(view)
    }

    /// Makes the objects that render to half floats with these settings.
    fn prepare_light(&mut self, device: &Device, settings: LightSettings) -> Result<()> {
        if self.light.as_ref().is_none_or(|light| light.settings != settings) {
            self.light = Some(Light::new(device, &self.code, &self.levels, settings)?);
        }
        Ok(())
    }

    /// The texels of the pointer's shape, whether they are masks, and the pixels that they cover.
    fn overlay(
        &mut self,
        device: &Device,
        pointer: &Pointer,
    ) -> Result<Option<(ID3D11ShaderResourceView, bool, Rect)>> {
        let (Some(shape), Some(extent)) = (&pointer.shape, pointer.extent()) else { return Ok(None) };
        let known = self.overlay.take().filter(|known| Arc::ptr_eq(&known.shape, shape));
        let overlay = self.overlay.insert(match known {
            Some(known) => known,
            None => Overlay::new(device, shape)?,
        });
        Ok(overlay.texels.as_ref().map(|(texels, masked)| (texels.clone(), *masked, extent)))
    }
}

impl ToneObjects {
    fn new(device: &Device) -> Result<Self> {
        let levels = view(device, &bgra_texture(device, LEVELS, &levels())?)?;
        let constants = constant_buffer(device, size_of::<ToneConstants>())?;
        Ok(Self { levels, constants, uploaded: None })
    }
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

impl Overlay {
    fn new(device: &Device, shape: &Arc<PointerShape>) -> Result<Self> {
        let texels = match Texels::new(shape) {
            Some(Texels { words, masked }) => Some((view(device, &bgra_texture(device, shape.size, &words)?)?, masked)),
            None => None,
        };
        Ok(Self { shape: Arc::clone(shape), texels })
    }
}

fn viewport(area: Rect) -> D3D11_VIEWPORT {
    D3D11_VIEWPORT {
        TopLeftX: area.left as f32,
        TopLeftY: area.top as f32,
        Width: area.width() as f32,
        Height: area.height() as f32,
        MinDepth: 0.0,
        MaxDepth: 1.0,
    }
}

/// A texture that never changes, from BGRA `words` without padding.
fn bgra_texture(device: &Device, size: Size, words: &[u32]) -> Result<ID3D11Texture2D> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    texture(device, size, dxgi_format(TextureFormat::Bgra8), &bytes)
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

/// The object that a successful call must have created.
fn made<T>(object: Option<T>) -> Result<T> {
    object.ok_or_else(|| verdict::error(hresult::E_FAIL, Call::Draw))
}

#[cfg(test)]
mod tests;
