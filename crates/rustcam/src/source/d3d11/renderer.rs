//! Renders the desktop's texture upright into another texture, with the pointer over it, on the device. Nothing is read back.

use std::sync::Arc;

use windows::Win32::Graphics::Direct3D::D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Buffer, ID3D11PixelShader, ID3D11RenderTargetView, ID3D11ShaderResourceView, ID3D11Texture2D,
    ID3D11VertexShader, D3D11_BIND_CONSTANT_BUFFER, D3D11_BIND_SHADER_RESOURCE, D3D11_BUFFER_DESC,
    D3D11_SUBRESOURCE_DATA, D3D11_TEXTURE2D_DESC, D3D11_USAGE_DEFAULT, D3D11_USAGE_IMMUTABLE, D3D11_VIEWPORT,
};

use super::device::{texture_desc, Device};
use super::failure::failed;
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
    vs_fullscreen: ID3D11VertexShader,
    ps_copy: ID3D11PixelShader,
    ps_alpha: ID3D11PixelShader,
    ps_mask: ID3D11PixelShader,
    ps_tone: ID3D11PixelShader,
    constants: ID3D11Buffer,
    /// The content of the constant buffer.
    uploaded: Option<Constants>,
    /// The texture drawn from last, as the shaders see it.
    desktop: Option<(ID3D11Texture2D, ID3D11ShaderResourceView)>,
    overlay: Option<Overlay>,
    tone: Option<ToneObjects>,
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
        let Code { vs_fullscreen, ps_copy, ps_alpha, ps_mask, ps_tone } = &*code;
        let mut vertices = None;
        let pixels = |code: &[u8]| {
            let mut shader = None;
            // SAFETY: the code is a pixel shader of shader model 4; the pointer is valid during the call.
            unsafe { device.object.CreatePixelShader(code, None, Some(&raw mut shader)) }.map(|()| shader)
        };
        let fail = |e: windows::core::Error| failed(&e, Call::Draw);
        // SAFETY: the code is a vertex shader of shader model 4; the pointer is valid during the call.
        unsafe {
            device.object.CreateVertexShader(vs_fullscreen, None, Some(&raw mut vertices)).map_err(fail)?;
        }
        Ok(Self {
            vs_fullscreen: made(vertices)?,
            ps_copy: made(pixels(ps_copy).map_err(fail)?)?,
            ps_alpha: made(pixels(ps_alpha).map_err(fail)?)?,
            ps_mask: made(pixels(ps_mask).map_err(fail)?)?,
            ps_tone: made(pixels(ps_tone).map_err(fail)?)?,
            constants: constant_buffer(device, size_of::<Constants>())?,
            uploaded: None,
            desktop: None,
            overlay: None,
            tone: None,
        })
    }

    /// Queues the rendering of `region` of the desktop, whose image is `from` with the rotation of `output`, into `to`: `parts` of the
    /// region, and the pointer over them. Returns the part of the region that the pointer covers.
    ///
    /// # Errors
    /// Those of creating views and textures.
    pub(super) fn draw(
        &mut self,
        device: &Device,
        from: &ID3D11Texture2D,
        to: &ID3D11RenderTargetView,
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
        let overlay = overlay.and_then(|(texels, shader, extent)| {
            let covered = extent.intersection(region)?.translated(-region.left, -region.top);
            Some((texels, shader, covered))
        });
        let covered = overlay.as_ref().map(|(_, _, covered)| *covered);
        if parts.is_empty() && overlay.is_none() {
            return Ok(covered);
        }
        let context = &device.context;
        let to = [Some(to.clone())];
        // The constants seldom change: from frame to frame only the pointer's position does.
        if self.uploaded.replace(constants) != Some(constants) {
            let from = (&raw const constants).cast();
            // SAFETY: the constants are as large as their buffer, which is of this device.
            unsafe { context.UpdateSubresource(&self.constants, 0, None, from, 0, 0) };
        }
        // SAFETY: everything is of this device, and the shaders use what is bound here.
        unsafe {
            context.IASetPrimitiveTopology(D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST);
            context.VSSetShader(&self.vs_fullscreen, None);
            context.PSSetConstantBuffers(0, Some(&[Some(self.constants.clone())]));
            context.OMSetRenderTargets(Some(&to), None);
            context.PSSetShaderResources(0, Some(&[Some(desktop)]));
            context.PSSetShader(&self.ps_copy, None);
            for &part in parts {
                context.RSSetViewports(Some(&[viewport(part)]));
                context.Draw(3, 0);
            }
            if let Some((texels, shader, covered)) = overlay {
                context.PSSetShaderResources(1, Some(&[Some(texels)]));
                context.PSSetShader(&shader, None);
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

    /// The texels of the pointer's shape, the shader that draws them, and the pixels that they cover.
    fn overlay(
        &mut self,
        device: &Device,
        pointer: &Pointer,
    ) -> Result<Option<(ID3D11ShaderResourceView, ID3D11PixelShader, Rect)>> {
        let (Some(shape), Some(extent)) = (&pointer.shape, pointer.extent()) else { return Ok(None) };
        let known = self.overlay.take().filter(|known| Arc::ptr_eq(&known.shape, shape));
        let overlay = self.overlay.insert(match known {
            Some(known) => known,
            None => Overlay::new(device, shape)?,
        });
        Ok(overlay.texels.as_ref().map(|(texels, masked)| {
            let shader = if *masked { &self.ps_mask } else { &self.ps_alpha };
            (texels.clone(), shader.clone(), extent)
        }))
    }
}

impl ToneObjects {
    fn new(device: &Device) -> Result<Self> {
        let levels = view(device, &texture(device, LEVELS, &levels())?)?;
        let constants = constant_buffer(device, size_of::<ToneConstants>())?;
        Ok(Self { levels, constants, uploaded: None })
    }
}

fn constant_buffer(device: &Device, bytes: usize) -> Result<ID3D11Buffer> {
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
            Some(Texels { words, masked }) => Some((view(device, &texture(device, shape.size, &words)?)?, masked)),
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
fn texture(device: &Device, size: Size, words: &[u32]) -> Result<ID3D11Texture2D> {
    let desc = D3D11_TEXTURE2D_DESC {
        Usage: D3D11_USAGE_IMMUTABLE,
        BindFlags: D3D11_BIND_SHADER_RESOURCE.0 as u32,
        ..texture_desc(size, TextureFormat::Bgra8)
    };
    let data =
        D3D11_SUBRESOURCE_DATA { pSysMem: words.as_ptr().cast(), SysMemPitch: size.width * 4, SysMemSlicePitch: 0 };
    let mut texture = None;
    // SAFETY: the words are as many as the size says; all pointers are valid during the call.
    unsafe { device.object.CreateTexture2D(&raw const desc, Some(&raw const data), Some(&raw mut texture)) }
        .map_err(|e| failed(&e, Call::CreateTexture))?;
    made(texture)
}

/// `texture` as shaders see it.
fn view(device: &Device, texture: &ID3D11Texture2D) -> Result<ID3D11ShaderResourceView> {
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
mod tests {
    use std::time::Duration;

    use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIFactory1};

    use super::super::device::Place;
    use super::*;
    use crate::clock::{Clock, MonotonicClock};
    use crate::frame::ShapeKind;
    use crate::geometry::Point;
    use crate::source::texture::TextureSync;

    const SIDE: u32 = 256;
    const SIZE: Size = Size::new(SIDE, SIDE);

    struct Fixture {
        device: Device,
        renderer: Renderer,
        from: ID3D11Texture2D,
        to: ID3D11Texture2D,
        view: ID3D11RenderTargetView,
        staging: ID3D11Texture2D,
    }

    impl Fixture {
        /// A desktop whose columns are the 256 values of a byte.
        fn new() -> Self {
            // SAFETY: plain creation.
            let adapter = unsafe { CreateDXGIFactory1::<IDXGIFactory1>().and_then(|factory| factory.EnumAdapters1(0)) };
            let device = Device::create(&adapter.expect("an adapter")).expect("a device");
            let renderer = Renderer::new(&device).expect("the shaders compile");
            let columns: Vec<u32> = (0..SIDE * SIDE).map(|i| (i % SIDE) * 0x01_0101).collect();
            let from = texture(&device, SIZE, &columns).expect("a texture");
            // Wine cannot share it, but can render to it.
            let to = device.texture(SIZE, TextureFormat::Bgra8, Place::Shared(TextureSync::None)).expect("a texture");
            let mut view = None;
            // SAFETY: a texture that may be drawn on; the pointer is valid.
            unsafe { device.object.CreateRenderTargetView(&to, None, Some(&raw mut view)) }.expect("a view");
            let staging = device.texture(SIZE, TextureFormat::Bgra8, Place::Staging).expect("a texture");
            Self { device, renderer, from, to, view: view.expect("a view"), staging }
        }

        /// Draws a pointer that covers everything, and reads the words of the picture.
        fn draw(&mut self, kind: ShapeKind, texels: impl Fn(u32) -> u32) -> Vec<u32> {
            let data = (0..SIDE * SIDE).flat_map(|i| texels(i / SIDE).to_le_bytes()).collect();
            let shape = PointerShape { kind, size: SIZE, pitch: SIDE as usize * 4, hot_spot: Point::default(), data };
            let pointer = Pointer { position: Point::default(), visible: true, shape: Some(Arc::new(shape)) };
            let output = Output::new("", SIZE);
            let place = (SIZE.rect(), &output);
            let parts = [SIZE.rect()];
            let covered = self.renderer.draw(&self.device, &self.from, &self.view, place, &parts, Some(&pointer));
            assert_eq!(covered.expect("drawn"), Some(SIZE.rect()));
            self.device.copy(&self.to, SIZE.rect(), &self.staging, Point::default());
            let deadline = MonotonicClock.now() + Duration::from_secs(30);
            let (row, rows) = (SIDE as usize * 4, SIDE as usize);
            let mapped = self.device.map(&self.staging, row, rows, &MonotonicClock, deadline);
            let mapped = mapped.expect("alive").expect("done in time");
            let pixels = (0..rows).flat_map(|y| mapped.bytes()[y * mapped.pitch..][..row].as_chunks::<4>().0.iter());
            pixels.map(|pixel| u32::from_le_bytes(*pixel)).collect()
        }
    }

    /// Asserts that row `s` and column `d` of a picture, opaque and gray, has the expected value.
    fn check(picture: &[u32], what: &str, expected: impl Fn(u32, u32) -> u32) {
        for (i, word) in (0..).zip(picture) {
            let gray = expected(i / SIDE, i % SIDE);
            assert_eq!(*word, 0xFF00_0000 | (gray * 0x01_0101), "{what}: {} over {}", i / SIDE, i % SIDE);
        }
    }

    #[test]
    fn every_alpha_of_every_colour_over_every_colour_is_exact() {
        let mut fixture = Fixture::new();
        for alpha in 0..=255 {
            let picture = fixture.draw(ShapeKind::Color, |s| (alpha << 24) | (s * 0x01_0101));
            check(&picture, &format!("alpha {alpha}"), |s, d| (2 * (s * alpha + d * (255 - alpha)) + 255) / 510);
        }
    }

    #[test]
    fn every_masked_colour_over_every_colour_is_exact() {
        let mut fixture = Fixture::new();
        for mask in [0, 1, 255] {
            let picture = fixture.draw(ShapeKind::MaskedColor, |s| (mask << 24) | (s * 0x01_0101));
            check(&picture, &format!("mask {mask}"), |s, d| if mask == 0 { s } else { s ^ d });
        }
    }
}
