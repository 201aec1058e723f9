//! Bringing a texture from one frame to another, with as little work as possible.

use std::collections::BTreeMap;
use std::time::Duration;

use rustcam::frame::ImageRef;
use rustcam::geometry::{Rect, Size};
use rustcam::source::sim::{Framebuffer, World};
use windows::Win32::Graphics::Direct3D11::{ID3D11Device, ID3D11DeviceContext, ID3D11Texture2D};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows_core::Result;

use crate::pixels::convert::Converter;
use crate::pixels::transfer::{new_texture, upload};
use crate::script::format::bytes_per_pixel;
use crate::state::simulation::Simulation;

/// More parts than this are uploaded as one.
const MOST_PARTS: usize = 16;
/// Bytes of textures that one duplication keeps, to paint less.
const MOST_KEPT: usize = 1100 << 20;

/// What a texture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Frame,
    /// The upper half of the frame, black below.
    UpperHalf,
    Black,
    /// No image: pixels that a program must not use.
    Garbage,
}

/// Paints the frames of one output into textures of one size and format.
pub(crate) struct Uploader {
    device: ID3D11Device,
    pub(crate) context: ID3D11DeviceContext,
    pub(crate) output: usize,
    pub(crate) size: Size,
    pub(crate) format: DXGI_FORMAT,
    converter: Converter,
    /// Converted rows.
    buffer: Vec<u8>,
    /// Of a picture that changes everywhere all the time: for each of its varieties, a frame that shows it and a copy of that frame.
    varieties: BTreeMap<u32, (u64, ID3D11Texture2D)>,
}

impl Uploader {
    /// For a duplication that begins at `born`, when the desktop shows `frame`.
    pub(crate) fn new(
        sim: &Simulation,
        device: ID3D11Device,
        output: usize,
        frame: u64,
        format: DXGI_FORMAT,
        born: Duration,
    ) -> Result<Self> {
        let world = &sim.worlds[output];
        // SAFETY: every device has an immediate context.
        let context = unsafe { device.GetImmediateContext() }?;
        Ok(Self {
            device,
            context,
            output,
            size: world.rotation(frame).apply(world.size(frame)),
            format,
            converter: Converter::new(sim.settings.format_at(born), format, sim.settings.white),
            buffer: Vec::new(),
            varieties: BTreeMap::new(),
        })
    }

    /// A new texture as duplications have them.
    pub(crate) fn create_texture(&self, format: DXGI_FORMAT) -> Result<ID3D11Texture2D> {
        new_texture(&self.device, self.size, format)
    }

    /// Brings `texture` to `frame`. It shows the frame `before`, if any; then only what differs is uploaded.
    pub(crate) fn upload_frame(
        &mut self,
        sim: &Simulation,
        framebuffer: &mut Framebuffer,
        texture: &ID3D11Texture2D,
        before: Option<u64>,
        frame: u64,
    ) {
        let world = &sim.worlds[self.output];
        let whole = self.size.rect();
        let parts = match before {
            None => vec![whole],
            Some(before) => {
                let (rotation, desktop) = (world.rotation(frame), world.size(frame));
                let damage = world.damage(before, frame);
                let changed = damage.dirty.into_iter().chain(damage.moves.iter().map(|m| m.destination));
                merged(changed.map(|part| rotation.to_texture(part, desktop)).collect())
            }
        };
        if parts == [whole] && sim.script.is_full() {
            if let Some(variety) = world.variety(frame) {
                return self.upload_variety(world, framebuffer, texture, frame, variety);
            }
        }
        self.upload_parts(world, framebuffer, texture, &parts);
    }

    /// Brings a texture to a frame in which everything changed, from a kept frame that looked almost the same: copying a texture costs
    /// less than uploading it.
    fn upload_variety(
        &mut self,
        world: &World,
        framebuffer: &mut Framebuffer,
        texture: &ID3D11Texture2D,
        frame: u64,
        variety: u32,
    ) {
        if let Some((kept, copy)) = self.varieties.get(&variety) {
            // SAFETY: both live, of the same size and format.
            unsafe { self.context.CopyResource(texture, copy) };
            let (rotation, desktop) = (world.rotation(frame), world.size(frame));
            let parts = world.difference(*kept, frame).into_iter().map(|part| rotation.to_texture(part, desktop));
            return self.upload_parts(world, framebuffer, texture, &merged(parts.collect()));
        }
        self.upload_parts(world, framebuffer, texture, &[self.size.rect()]);
        self.keep_variety(texture, frame, variety);
    }

    /// Keeps a copy of what a texture shows, if there is room. Says whether there was.
    fn keep_variety(&mut self, texture: &ID3D11Texture2D, frame: u64, variety: u32) -> bool {
        let bytes = self.size.area() as usize * bytes_per_pixel(self.format);
        let room = (self.varieties.len() + 1) * bytes <= MOST_KEPT;
        let Some(copy) = room.then(|| self.create_texture(self.format)).and_then(Result::ok) else { return false };
        // SAFETY: both live, of the same size and format.
        unsafe { self.context.CopyResource(&copy, texture) };
        self.varieties.insert(variety, (frame, copy));
        true
    }

    /// Paints and keeps every variety of a picture that changes everywhere, from `frame` on, as far as there is room. `texture` is
    /// overwritten.
    pub(crate) fn paint_ahead(&mut self, sim: &Simulation, texture: &ID3D11Texture2D, frame: u64) {
        let world = &sim.worlds[self.output];
        let mode = |frame| (world.size(frame), world.rotation(frame));
        let mut framebuffer = Framebuffer::new(world, frame, 0).expect("memory for a simulated image");
        for next in (frame..).take_while(|&next| mode(next) == mode(frame)) {
            let Some(variety) = world.variety(next).filter(|variety| !self.varieties.contains_key(variety)) else {
                break;
            };
            framebuffer.show(world, next);
            self.upload_parts(world, &mut framebuffer, texture, &[self.size.rect()]);
            if !self.keep_variety(texture, next, variety) {
                break;
            }
        }
    }

    /// Uploads parts of what the framebuffer shows.
    pub(crate) fn upload_parts(
        &mut self,
        world: &World,
        framebuffer: &mut Framebuffer,
        texture: &ID3D11Texture2D,
        parts: &[Rect],
    ) {
        for &part in parts {
            let image = framebuffer.view(world, part);
            let stride =
                if part.height() > 1 { image.row(1).as_ptr() as usize - image.row(0).as_ptr() as usize } else { 0 };
            if self.converter.keeps(image.format()) {
                // SAFETY: the rows of the view, `stride` bytes apart; the part is inside the texture, as all parts are.
                unsafe { upload(&self.context, texture, part, image.row(0).as_ptr(), stride) };
                continue;
            }
            self.buffer.clear();
            for y in 0..part.height() as usize {
                self.converter.convert(image.format(), image.row(y), &mut self.buffer);
            }
            let pitch = self.buffer.len() / part.height() as usize;
            // SAFETY: the converted rows, without padding; the part is inside the texture, as all parts are.
            unsafe { upload(&self.context, texture, part, self.buffer.as_ptr(), pitch) };
        }
    }

    /// The rows of an image in the format of the textures, without padding.
    pub(crate) fn convert(&self, image: ImageRef<'_>) -> Vec<u8> {
        let mut rows = Vec::new();
        for y in 0..image.size().height as usize {
            self.converter.convert(image.format(), image.row(y), &mut rows);
        }
        rows
    }

    /// A first frame without the whole image: its upper half, or nothing of it, and black otherwise.
    pub(crate) fn upload_start(
        &mut self,
        sim: &Simulation,
        framebuffer: &mut Framebuffer,
        texture: &ID3D11Texture2D,
        content: Content,
    ) {
        let pitch = self.size.width as usize * bytes_per_pixel(self.format);
        let mut rows = Vec::with_capacity(pitch * self.size.height as usize);
        if content == Content::UpperHalf {
            let half = Rect { bottom: (self.size.height / 2).max(1) as i32, ..self.size.rect() };
            let image = framebuffer.view(&sim.worlds[self.output], half);
            for y in 0..half.height() as usize {
                self.converter.convert(image.format(), image.row(y), &mut rows);
            }
        }
        rows.resize(pitch * self.size.height as usize, 0);
        // SAFETY: the rows, without padding; the whole texture.
        unsafe { upload(&self.context, texture, self.size.rect(), rows.as_ptr(), pitch) };
    }
}

/// Rectangles that cover at least the same, with those united that have no larger area together.
fn merged(mut parts: Vec<Rect>) -> Vec<Rect> {
    parts.retain(|part| !part.is_empty());
    if parts.len() > MOST_PARTS {
        return vec![parts.iter().fold(Rect::default(), |all, part| all.union(*part))];
    }
    let mut i = 0;
    while i < parts.len() {
        let together =
            (i + 1..parts.len()).find(|&j| parts[i].union(parts[j]).area() <= parts[i].area() + parts[j].area());
        if let Some(j) = together {
            parts[i] = parts[i].union(parts.swap_remove(j));
            i = 0;
        } else {
            i += 1;
        }
    }
    parts
}
