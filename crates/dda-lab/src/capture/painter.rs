//! Painting what an update shows into a texture, on the thread that asks for the frame.

use rustcam::color::TextureFormat;
use rustcam::frame::{ImageMut, PixelFormat};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::pixels::{draw_pointer, write, Placement, PointerImage};
use rustcam::source::sim::{Framebuffer, PointerState};
use windows::Win32::Graphics::Direct3D11::{ID3D11Device, ID3D11DeviceContext};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows_core::Result;

use crate::bypass::bypass;
use crate::capture::buffer::{Buffer, Shown};
use crate::capture::stream::Update;
use crate::capture::target::Target;
use crate::capture::window_picture::{renumber, window_image};
use crate::duplication::upload::Uploader;
use crate::mutex::lock;
use crate::pixels::convert::Converter;
use crate::pixels::transfer::upload;
use crate::script::format::{bytes_per_pixel, Format};
use crate::state::simulation::Simulation;
use crate::state::texture::poisoned;

/// Paints the updates of one session for the textures of one pool.
pub(crate) struct Painter {
    target: Target,
    device: ID3D11Device,
    context: ID3D11DeviceContext,
    size: Size,
    format: DXGI_FORMAT,
    desktop: Option<Desktop>,
    /// The last picture of a window.
    window: Option<(Size, Vec<u8>)>,
}

/// One mode of an output.
struct Desktop {
    size: Size,
    rotation: Rotation,
    composed: Format,
    framebuffer: Framebuffer,
    uploader: Uploader,
}

/// An image as the user sees it, in the script's own format, rows without padding.
struct Image {
    size: Size,
    format: TextureFormat,
    bytes: Vec<u8>,
}

impl Painter {
    /// For textures of `size` and `format` on `device`.
    pub(crate) fn new(target: Target, device: ID3D11Device, size: Size, format: DXGI_FORMAT) -> Result<Self> {
        // SAFETY: every device has an immediate context.
        let context = unsafe { device.GetImmediateContext() }?;
        Ok(Self { target, device, context, size, format, desktop: None, window: None })
    }

    /// Brings a texture to `update`. With `only`, all but these parts is poisoned.
    pub(crate) fn paint(
        &mut self,
        sim: &Simulation,
        buffer: &Buffer,
        update: &Update,
        only: Option<&[Rect]>,
    ) -> Result<()> {
        bypass(|| {
            if let Target::Monitor(output) = self.target {
                self.enter_mode(sim, output, update)?;
                if only.is_none() && self.is_plain() {
                    self.paint_changes(sim, buffer, update);
                    return Ok(());
                }
            }
            let image = self.image(sim, update);
            self.upload(sim, buffer, update, &image, only);
            Ok(())
        })
    }

    /// Prepares for the mode of an update.
    fn enter_mode(&mut self, sim: &Simulation, output: usize, update: &Update) -> Result<()> {
        let world = &sim.worlds[output];
        let (size, rotation) = (world.size(update.number), world.rotation(update.number));
        let composed = sim.settings.format_at(update.at);
        let same = |desktop: &Desktop| (desktop.size, desktop.rotation, desktop.composed) == (size, rotation, composed);
        if !self.desktop.as_ref().is_some_and(same) {
            let framebuffer = Framebuffer::new(world, update.number, 0).expect("memory for a simulated image");
            let uploader = Uploader::new(sim, self.device.clone(), output, update.number, self.format, update.at)?;
            self.desktop = Some(Desktop { size, rotation, composed, framebuffer, uploader });
        }
        Ok(())
    }

    /// Whether the textures have exactly the pixels of the framebuffer.
    fn is_plain(&self) -> bool {
        self.desktop.as_ref().is_some_and(|desktop| desktop.rotation == Rotation::None && desktop.size == self.size)
    }

    /// Uploads what changed since the texture was painted last.
    fn paint_changes(&mut self, sim: &Simulation, buffer: &Buffer, update: &Update) {
        let (Some(desktop), Target::Monitor(output)) = (&mut self.desktop, self.target) else { return };
        let Desktop { framebuffer, uploader, composed, .. } = desktop;
        let world = &sim.worlds[output];
        framebuffer.show(world, update.number);
        let mut shown = lock(&buffer.shown);
        let poisoned = buffer.record.take_poisoned();
        let before = shown.frame.filter(|_| !poisoned && shown.content == update.content);
        uploader.upload_frame(sim, framebuffer, &buffer.texture, before, update.number);
        if let (Some(_), Some(old)) = (before, shown.pointer) {
            uploader.upload_parts(world, framebuffer, &buffer.texture, &[old]);
        }
        *shown = Shown { frame: Some(update.number), pointer: None, content: update.content };
        let Some((pointer, place)) = visible(update.pointer.as_ref(), update.content) else { return };
        let view = framebuffer.view(world, place);
        if view.format() != TextureFormat::Bgra8 {
            return;
        }
        let mut colours: Vec<u8> = (0..view.size().height as usize).flat_map(|y| view.row(y)).copied().collect();
        blend(&mut colours, place, pointer);
        let rows = convert(
            &Converter::new(*composed, self.format, sim.settings.white),
            TextureFormat::Bgra8,
            &colours,
            place.size(),
        );
        // SAFETY: the rows of the part, without padding; the part is inside the texture, which is as large as the content.
        unsafe { upload(&self.context, &buffer.texture, place, rows.as_ptr(), rows.len() / place.height() as usize) };
        shown.pointer = Some(place);
    }

    /// The whole picture of an update.
    fn image(&mut self, sim: &Simulation, update: &Update) -> Image {
        let (Some(desktop), Target::Monitor(output)) = (&mut self.desktop, self.target) else {
            return self.window_image(update);
        };
        let world = &sim.worlds[output];
        desktop.framebuffer.show(world, update.number);
        let part = desktop.rotation.apply(desktop.size).rect();
        let view = desktop.framebuffer.view(world, part);
        let (format, bgra) = (view.format(), view.format() == TextureFormat::Bgra8);
        let channels = if bgra { PixelFormat::Bgra } else { PixelFormat::Rgba16f };
        let stride = desktop.size.width as usize * channels.bytes();
        let mut bytes = vec![0; stride * desktop.size.height as usize];
        let placement = Placement { region: desktop.size.rect(), desktop: desktop.size, rotation: desktop.rotation };
        write(part, view, &placement, None, &mut ImageMut::new(&mut bytes, stride, desktop.size, channels));
        if let Some((pointer, _)) = visible(update.pointer.as_ref(), desktop.size).filter(|_| bgra) {
            blend(&mut bytes, desktop.size.rect(), pointer);
        }
        Image { size: desktop.size, format, bytes }
    }

    fn window_image(&mut self, update: &Update) -> Image {
        let (size, number) = (update.content, update.number as u32);
        let mut bytes = match self.window.take() {
            Some((kept, bytes)) if kept == size => bytes,
            _ => window_image(number, size),
        };
        renumber(&mut bytes, number, size.width as usize);
        self.window = Some((size, bytes.clone()));
        Image { size, format: TextureFormat::Bgra8, bytes }
    }

    /// Uploads a whole image, clipped to the texture, and poisons the rest of it.
    fn upload(&self, sim: &Simulation, buffer: &Buffer, update: &Update, image: &Image, only: Option<&[Rect]>) {
        let pixel = bytes_per_pixel(self.format);
        let converter = Converter::new(sim.settings.format_at(update.at), self.format, sim.settings.white);
        let rows = convert(&converter, image.format, &image.bytes, image.size);
        let (from, pitch) = (image.size.width as usize * pixel, self.size.width as usize * pixel);
        let content = Rect::new(
            0,
            0,
            image.size.width.min(self.size.width) as i32,
            image.size.height.min(self.size.height) as i32,
        );
        let mut shown = lock(&buffer.shown);
        let fresh = buffer.record.take_poisoned() || shown.content != update.content || only.is_some();
        if fresh && (content != self.size.rect() || only.is_some()) {
            let garbage = poisoned(pitch * self.size.height as usize);
            // SAFETY: as many bytes as the whole texture has.
            unsafe { upload(&self.context, &buffer.texture, self.size.rect(), garbage.as_ptr(), pitch) };
        }
        let whole = [content];
        for part in only.unwrap_or(&whole) {
            let Some(part) = part.intersection(content).filter(|part| !part.is_empty()) else { continue };
            let start = part.top as usize * from + part.left as usize * pixel;
            // SAFETY: the part is inside the image and inside the texture.
            unsafe { upload(&self.context, &buffer.texture, part, rows[start..].as_ptr(), from) };
        }
        *shown = Shown {
            frame: None,
            pointer: None,
            content: if only.is_some() { Size::default() } else { update.content },
        };
    }
}

/// The pointer, and the part of an image that it covers.
fn visible(pointer: Option<&PointerState>, size: Size) -> Option<(&PointerState, Rect)> {
    let pointer = pointer?;
    let place = pointer_place(pointer).intersection(size.rect()).filter(|place| !place.is_empty())?;
    Some((pointer, place))
}

/// Where the pointer is, its parts outside of the desktop included.
pub(crate) fn pointer_place(pointer: &PointerState) -> Rect {
    PointerImage::decode(&pointer.shape).map_or(Rect::default(), |image| Rect::at(pointer.position, image.size()))
}

/// Draws the pointer over BGRA, which shows `place` of the desktop.
pub(crate) fn blend(bytes: &mut [u8], place: Rect, pointer: &PointerState) {
    let Some(image) = PointerImage::decode(&pointer.shape) else { return };
    let at: Point = pointer.position;
    let stride = place.width() as usize * 4;
    draw_pointer(&image, at, place, &mut ImageMut::new(bytes, stride, place.size(), PixelFormat::Bgra));
}

fn convert(converter: &Converter, format: TextureFormat, bytes: &[u8], size: Size) -> Vec<u8> {
    let row = bytes.len() / size.height.max(1) as usize;
    let mut out = Vec::with_capacity(bytes.len());
    bytes.chunks_exact(row.max(1)).for_each(|row| converter.convert(format, row, &mut out));
    out
}
