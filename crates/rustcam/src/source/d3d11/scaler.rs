//! Scales parts of an image on the device, upright and with the pointer: sums along the columns, then along the rows, then the means.
//!
//! All sums along the columns are whole numbers below 2^24, which floats hold exactly; those along the rows are off by a few parts in 2^24.
//! So levels are within one of the exact mean, and exact where they are no mean: if a step copies pixels, or all of them are equal.

use std::sync::Arc;

use windows::Win32::Graphics::Direct3D::D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11BlendState, ID3D11Buffer, ID3D11PixelShader, ID3D11RenderTargetView, ID3D11ShaderResourceView,
    ID3D11Texture2D, D3D11_BLEND_DESC, D3D11_BLEND_ONE, D3D11_BLEND_OP_ADD, D3D11_COLOR_WRITE_ENABLE_ALL,
    D3D11_FORMAT_SUPPORT_BLENDABLE, D3D11_FORMAT_SUPPORT_RENDER_TARGET, D3D11_FORMAT_SUPPORT_SHADER_LOAD,
    D3D11_RENDER_TARGET_BLEND_DESC,
};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT_R32G32B32A32_FLOAT;

use super::device::Device;
use super::failure::failed;
use super::formats::dxgi_format;
use super::light::LightSettings;
use super::renderer::{viewport, Renderer};
use super::resources::{constant_buffer, made, pixel_shader, texture, view, RenderTarget};
use super::scale_plan::{inside, span_texels, tiles, SumConstants, Texels, MOST_SUMS, TAPS};
use super::shader_data::Upright;
use super::shaders::compiled_scaler;
use crate::axis::Axis;
use crate::color::TextureFormat;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Pointer;
use crate::frame_format::Resample;
use crate::geometry::{Point, Rect, Size};
use crate::region::bounds;
use crate::source::scaling::ScaleStep;
use crate::source::verdict::Call;
use crate::source::Output;

/// The most axes that are kept: regions have few different sizes.
const MOST_AXES: usize = 256;

/// What is scaled.
#[derive(Clone, Copy)]
pub(super) struct Picture<'a> {
    /// The image of the desktop.
    pub(super) texture: &'a ID3D11Texture2D,
    /// Whose image it is.
    pub(super) output: &'a Output,
    /// What is blended over it.
    pub(super) pointer: Option<&'a Pointer>,
    /// With them the result is half floats.
    pub(super) light: Option<LightSettings>,
}

/// The pipeline of one device that scales.
pub(super) struct Scaler {
    renderer: Renderer,
    levels: SumShaders,
    numbers: SumShaders,
    ps_round: ID3D11PixelShader,
    ps_mean: ID3D11PixelShader,
    ps_luma: ID3D11PixelShader,
    ps_chroma: ID3D11PixelShader,
    /// Adds to what is in the target.
    add: ID3D11BlendState,
    constants: ID3D11Buffer,
    /// The least recently used first.
    axes: Vec<Arc<DeviceAxis>>,
    /// Sums along the columns.
    columns: Option<RenderTarget>,
    /// Sums along both axes.
    sums: Option<RenderTarget>,
    /// Upright pixels with the pointer, or in half floats.
    upright: Option<RenderTarget>,
    /// Pixels of which luma and chroma are made.
    levels_of_yuv: Option<RenderTarget>,
}

/// The shaders that sum.
struct SumShaders {
    ends: ID3D11PixelShader,
    inside: ID3D11PixelShader,
}

/// An axis, and its spans as shaders see them.
struct DeviceAxis {
    key: (Resample, u32, u32),
    axis: Axis,
    spans: ID3D11ShaderResourceView,
    /// The most texels inside of a span, and their weight.
    inside: (u32, f32),
}

/// Upright pixels of a region in a texture.
struct Piece {
    image: ID3D11ShaderResourceView,
    upright: Upright,
    /// The part of the region that is taken from it.
    part: Rect,
}

impl Scaler {
    /// Creates the shaders. They are compiled once per process.
    ///
    /// # Errors
    /// `Capture` if the device or the system cannot do that, `Device` if the device is lost.
    pub(super) fn new(device: &Device) -> Result<Self> {
        let needed = D3D11_FORMAT_SUPPORT_RENDER_TARGET.0
            | D3D11_FORMAT_SUPPORT_BLENDABLE.0
            | D3D11_FORMAT_SUPPORT_SHADER_LOAD.0;
        // SAFETY: no preconditions.
        let support = unsafe { device.object.CheckFormatSupport(DXGI_FORMAT_R32G32B32A32_FLOAT) };
        if support.unwrap_or_default() & needed as u32 != needed as u32 {
            return Err(Error::new(ErrorKind::Capture, "the graphics device does not add floats, so it cannot scale"));
        }
        let code = compiled_scaler()?;
        Ok(Self {
            renderer: Renderer::new(device)?,
            levels: SumShaders {
                ends: pixel_shader(device, &code.level_ends)?,
                inside: pixel_shader(device, &code.level_inside)?,
            },
            numbers: SumShaders {
                ends: pixel_shader(device, &code.number_ends)?,
                inside: pixel_shader(device, &code.number_inside)?,
            },
            ps_round: pixel_shader(device, &code.round)?,
            ps_mean: pixel_shader(device, &code.mean)?,
            ps_luma: pixel_shader(device, &code.luma)?,
            ps_chroma: pixel_shader(device, &code.chroma)?,
            add: adding(device)?,
            constants: constant_buffer(device, size_of::<SumConstants>())?,
            axes: Vec::new(),
            columns: None,
            sums: None,
            upright: None,
            levels_of_yuv: None,
        })
    }

    /// The part of the desktop that `step` needs.
    ///
    /// # Errors
    /// Those of creating textures.
    pub(super) fn needed(&mut self, device: &Device, step: &ScaleStep, resample: Resample) -> Result<Rect> {
        let ScaleStep { region, size, target } = *step;
        let [x, y] = self.axes(device, resample, (region.size(), size))?;
        Ok(Axis::needed_of(&x.axis, &y.axis, target).translated(region.left, region.top))
    }

    /// The smallest part of a frame of size `to` that contains everything that `parts` of its region, which has size `from`, take part in.
    ///
    /// # Errors
    /// Those of creating textures.
    pub(super) fn touched(
        &mut self,
        device: &Device,
        resample: Resample,
        (from, to): (Size, Size),
        parts: &[Rect],
    ) -> Result<Rect> {
        let [x, y] = self.axes(device, resample, (from, to))?;
        let touched: Vec<Rect> = parts.iter().map(|part| Axis::touched_by(&x.axis, &y.axis, *part)).collect();
        Ok(bounds(&touched))
    }

    /// Queues the drawing of a step to `to`, from pixel `at` on.
    ///
    /// # Errors
    /// Those of creating views and textures.
    pub(super) fn draw(
        &mut self,
        device: &Device,
        picture: &Picture<'_>,
        (step, resample): (&ScaleStep, Resample),
        (to, at): (&ID3D11RenderTargetView, Point),
    ) -> Result<()> {
        let ScaleStep { region, size, target } = *step;
        let [x, y] = self.axes(device, resample, (region.size(), size))?;
        let texels = if picture.light.is_some() { Texels::Light } else { Texels::Levels };
        let pieces = self.pieces(device, picture, region, Axis::needed_of(&x.axis, &y.axis, target), &x.axis)?;
        for tile in tiles(&x.axis, &y.axis, target) {
            let place = Rect::at(Point::new(at.x + tile.left - target.left, at.y + tile.top - target.top), tile.size());
            self.draw_tile(device, texels, &pieces, ([&x, &y], tile), (to, place))?;
        }
        Ok(())
    }

    /// Queues the drawing of `tile`, pixels of a frame that is made of `pieces`, to `place` in `to`.
    fn draw_tile(
        &mut self,
        device: &Device,
        texels: Texels,
        pieces: &[Piece],
        ([x, y], tile): ([&DeviceAxis; 2], Rect),
        (to, place): (&ID3D11RenderTargetView, Rect),
    ) -> Result<()> {
        let needed = Axis::needed_of(&x.axis, &y.axis, tile);
        let sums_of = |size| (size, DXGI_FORMAT_R32G32B32A32_FLOAT);
        let summed = sums_of(Size::new(tile.width(), needed.height()));
        RenderTarget::fitting(&mut self.columns, device, summed, 2 * MOST_SUMS)?;
        RenderTarget::fitting(&mut self.sums, device, sums_of(tile.size()), 2 * MOST_SUMS)?;
        let (Some(columns), Some(sums)) = (&self.columns, &self.sums) else { return Ok(()) };
        let (shaders, mean) = match texels {
            Texels::Levels => (&self.levels, &self.ps_round),
            Texels::Light => (&self.numbers, &self.ps_mean),
        };
        for piece in pieces {
            let Some(part) = piece.part.intersection(needed) else { continue };
            let (left, right) = x.axis.touched(part.left as u32, part.right as u32);
            let touched = Rect { left: left as i32, right: right as i32, ..part };
            let Some(shown) = touched.intersection(Rect { left: tile.left, right: tile.right, ..needed }) else {
                continue;
            };
            let constants = SumConstants::columns(texels, piece.upright, tile, needed, x.inside.1);
            let area = shown.translated(-tile.left, -needed.top);
            self.sum(device, shaders, (&piece.image, x), (&columns.view, area), constants);
        }
        let constants = SumConstants::rows(tile, needed, y.inside.1);
        self.sum(device, &self.numbers, (&columns.image, y), (&sums.view, tile.size().rect()), constants);
        self.bind((&sums.image, None), to, place, device);
        self.run(device, mean, SumConstants::means(texels, place.origin(), &x.axis, &y.axis));
        // SAFETY: bound objects are not destroyed.
        unsafe { device.context.ClearState() };
        Ok(())
    }

    /// Queues the drawing of luma and chroma of a step, see [`ScaledFormat::Nv12`](crate::source::scaling::ScaledFormat::Nv12), to `place` in `to`.
    ///
    /// # Errors
    /// Those of creating views and textures.
    pub(super) fn draw_nv12(
        &mut self,
        device: &Device,
        picture: &Picture<'_>,
        (step, resample): (&ScaleStep, Resample),
        (to, place): (&ID3D11RenderTargetView, Rect),
    ) -> Result<()> {
        let ScaleStep { region, size, target } = *step;
        let format = dxgi_format(TextureFormat::Bgra8);
        let most = picture.output.size.area();
        let levels = RenderTarget::fitting(&mut self.levels_of_yuv, device, (target.size(), format), most)?;
        let (view, image) = (levels.view.clone(), levels.image.clone());
        let Picture { texture, output, pointer, .. } = *picture;
        if region.size() == size {
            let shown = (target.translated(region.left, region.top), output);
            self.renderer.draw(device, texture, (&view, None), shown, &[target.size().rect()], pointer)?;
        } else {
            self.draw(device, picture, (step, resample), (&view, Point::default()))?;
        }
        let middle = place.top + target.height() as i32;
        for (shader, part) in
            [(&self.ps_luma, Rect { bottom: middle, ..place }), (&self.ps_chroma, Rect { top: middle, ..place })]
        {
            self.bind((&image, None), to, part, device);
            self.run(device, shader, SumConstants::packed(part.origin(), target.width()));
        }
        // SAFETY: bound objects are not destroyed.
        unsafe { device.context.ClearState() };
        Ok(())
    }

    /// Where the pixels of the region inside `needed` are upright: in the image of the desktop, and what the pointer covers in a texture of its
    /// own, or everything in one of half floats.
    fn pieces(
        &mut self,
        device: &Device,
        picture: &Picture<'_>,
        region: Rect,
        needed: Rect,
        x: &Axis,
    ) -> Result<Vec<Piece>> {
        let Picture { texture, output, pointer, light } = *picture;
        if light.is_some() {
            let (image, upright) = self.upright(device, picture, region, needed)?;
            return Ok(vec![Piece { image, upright, part: needed }]);
        }
        let image = self.renderer.desktop(device, texture)?;
        let upright = Upright::new(region, output.size, output.image_rotation);
        let mut pieces = vec![Piece { image, upright, part: needed }];
        let covered =
            pointer.and_then(|pointer| pointer.extent()?.translated(-region.left, -region.top).intersection(needed));
        if let Some(covered) = covered {
            // Every span that has a pixel under the pointer is summed again, all of it from the texture with the pointer.
            let (first, end) = x.touched(covered.left as u32, covered.right as u32);
            let (left, right) = x.needed(first, end);
            let spans = Rect { left: left as i32, right: right as i32, ..covered };
            if !spans.is_empty() {
                let (image, upright) = self.upright(device, picture, region, spans)?;
                pieces.push(Piece { image, upright, part: covered });
            }
        }
        Ok(pieces)
    }

    /// `part` of the region, upright and with the pointer, in a texture of its own.
    fn upright(
        &mut self,
        device: &Device,
        picture: &Picture<'_>,
        region: Rect,
        part: Rect,
    ) -> Result<(ID3D11ShaderResourceView, Upright)> {
        let Picture { texture, output, pointer, light } = *picture;
        let format = if light.is_some() { TextureFormat::Rgba16f } else { TextureFormat::Bgra8 };
        let whole = output.size.area();
        let to = RenderTarget::fitting(&mut self.upright, device, (part.size(), dxgi_format(format)), whole)?;
        let shown = (part.translated(region.left, region.top), output);
        self.renderer.draw(device, texture, (&to.view, light), shown, &[part.size().rect()], pointer)?;
        Ok((to.image.clone(), Upright::at(part.origin())))
    }

    /// Queues the sums of the spans of `axis` over `image` in an area of `to`.
    fn sum(
        &self,
        device: &Device,
        shaders: &SumShaders,
        (image, axis): (&ID3D11ShaderResourceView, &DeviceAxis),
        (to, area): (&ID3D11RenderTargetView, Rect),
        constants: SumConstants,
    ) {
        self.bind((image, Some(&axis.spans)), to, area, device);
        self.run(device, &shaders.ends, constants);
        // SAFETY: of this device.
        unsafe { device.context.OMSetBlendState(&self.add, None, u32::MAX) };
        for done in (0..axis.inside.0).step_by(TAPS as usize) {
            self.run(device, &shaders.inside, constants.after(done));
        }
        // SAFETY: bound objects are not destroyed.
        unsafe { device.context.ClearState() };
    }

    /// Binds what the next draws read, and the area of `to` that they write.
    fn bind(
        &self,
        (image, spans): (&ID3D11ShaderResourceView, Option<&ID3D11ShaderResourceView>),
        to: &ID3D11RenderTargetView,
        area: Rect,
        device: &Device,
    ) {
        let context = &device.context;
        // SAFETY: everything is of this device, and the shaders use what is bound here.
        unsafe {
            context.IASetPrimitiveTopology(D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST);
            context.VSSetShader(&self.renderer.vs_fullscreen, None);
            context.PSSetConstantBuffers(0, Some(&[Some(self.constants.clone())]));
            context.OMSetRenderTargets(Some(&[Some(to.clone())]), None);
            context.PSSetShaderResources(0, Some(&[Some(image.clone()), spans.cloned()]));
            context.RSSetViewports(Some(&[viewport(area)]));
        }
    }

    /// Draws to the area that is bound.
    fn run(&self, device: &Device, shader: &ID3D11PixelShader, constants: SumConstants) {
        let context = &device.context;
        let from = (&raw const constants).cast();
        // SAFETY: the constants are as large as their buffer, which is of this device, as is the shader.
        unsafe {
            context.UpdateSubresource(&self.constants, 0, None, from, 0, 0);
            context.PSSetShader(shader, None);
            context.Draw(3, 0);
        }
    }

    /// The axes of a frame of size `to` that shows a region of size `from`.
    fn axes(&mut self, device: &Device, resample: Resample, (from, to): (Size, Size)) -> Result<[Arc<DeviceAxis>; 2]> {
        Ok([
            self.axis(device, (resample, from.width, to.width))?,
            self.axis(device, (resample, from.height, to.height))?,
        ])
    }

    fn axis(&mut self, device: &Device, key: (Resample, u32, u32)) -> Result<Arc<DeviceAxis>> {
        if let Some(index) = self.axes.iter().position(|axis| axis.key == key) {
            let known = self.axes.remove(index);
            self.axes.push(Arc::clone(&known));
            return Ok(known);
        }
        let (resample, from, to) = key;
        let axis = Axis::new(resample, from, to);
        let bytes: Vec<u8> = span_texels(&axis).into_iter().flatten().flat_map(f32::to_le_bytes).collect();
        let spans = texture(device, Size::new(to, 1), DXGI_FORMAT_R32G32B32A32_FLOAT, &bytes)?;
        let inside = inside(&axis);
        let axis = Arc::new(DeviceAxis { key, axis, spans: view(device, &spans)?, inside });
        if self.axes.len() == MOST_AXES {
            self.axes.remove(0);
        }
        self.axes.push(Arc::clone(&axis));
        Ok(axis)
    }
}

/// The state that adds what is drawn to the target.
fn adding(device: &Device) -> Result<ID3D11BlendState> {
    let mut desc = D3D11_BLEND_DESC::default();
    desc.RenderTarget[0] = D3D11_RENDER_TARGET_BLEND_DESC {
        BlendEnable: true.into(),
        SrcBlend: D3D11_BLEND_ONE,
        DestBlend: D3D11_BLEND_ONE,
        BlendOp: D3D11_BLEND_OP_ADD,
        SrcBlendAlpha: D3D11_BLEND_ONE,
        DestBlendAlpha: D3D11_BLEND_ONE,
        BlendOpAlpha: D3D11_BLEND_OP_ADD,
        RenderTargetWriteMask: D3D11_COLOR_WRITE_ENABLE_ALL.0 as u8,
    };
    let mut state = None;
    // SAFETY: both pointers are valid during the call.
    unsafe { device.object.CreateBlendState(&raw const desc, Some(&raw mut state)) }
        .map_err(|e| failed(&e, Call::Draw))?;
    made(state)
}
