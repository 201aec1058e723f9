//! Renders the desktop's texture upright into another texture, with the pointer over it, on the device. Nothing is read back.

use std::sync::Arc;

use windows::Win32::Graphics::Direct3D::D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Buffer, ID3D11PixelShader, ID3D11RenderTargetView, ID3D11ShaderResourceView, ID3D11Texture2D,
    ID3D11VertexShader, D3D11_VIEWPORT,
};

use super::device::Device;
use super::failure::failed;
use super::formats::dxgi_format;
use super::light::{Light, LightSettings};
use super::resources::{constant_buffer, made, pixel_shader, texture, view, PixelShaders};
use super::shader_data::{levels, Constants, Texels, ToneConstants, LEVELS};
use super::shaders::{compiled, Code};
use crate::color::TextureFormat;
use crate::error::Result;
use crate::frame::{Pointer, PointerShape};
use crate::geometry::{Rect, Size};
use crate::source::verdict::Call;
use crate::source::Output;

/// The render pipeline of one device.
pub(super) struct Renderer {
    code: Arc<Code>,
    /// One triangle that covers the viewport.
    pub(super) vs_fullscreen: ID3D11VertexShader,
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

    /// `texture` as shaders read it, known from the last call if it was the same.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn desktop(&mut self, device: &Device, texture: &ID3D11Texture2D) -> Result<ID3D11ShaderResourceView> {
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

impl Overlay {
    fn new(device: &Device, shape: &Arc<PointerShape>) -> Result<Self> {
        let texels = match Texels::new(shape) {
            Some(Texels { words, masked }) => Some((view(device, &bgra_texture(device, shape.size, &words)?)?, masked)),
            None => None,
        };
        Ok(Self { shape: Arc::clone(shape), texels })
    }
}

/// The viewport that is this part of a target.
pub(super) fn viewport(area: Rect) -> D3D11_VIEWPORT {
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

#[cfg(test)]
mod tests;
