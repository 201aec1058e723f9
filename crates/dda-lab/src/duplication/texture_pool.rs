//! The textures of a duplication: few, and used in rotation.

use std::sync::Arc;

use rustcam::frame::ImageRef;
use rustcam::source::sim::Framebuffer;
use windows::Win32::Foundation::E_FAIL;
use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::Common::{DXGI_FORMAT, DXGI_FORMAT_R16G16B16A16_FLOAT, DXGI_FORMAT_R8G8B8A8_UNORM};
use windows_core::{Interface, Result};

use crate::bypass::bypass;
use crate::com::references;
use crate::duplication::upload::{Content, Uploader};
use crate::mutex::lock;
use crate::state::simulation::Simulation;
use crate::state::texture::TextureRecord;

/// Number of textures in rotation, as on Windows.
const TEXTURES: usize = 3;

struct Texture {
    object: ID3D11Texture2D,
    record: Arc<TextureRecord>,
    /// The frame that it shows.
    frame: Option<u64>,
}

pub(crate) struct TexturePool {
    uploader: Uploader,
    textures: Vec<Texture>,
    /// Index of the next texture to use.
    next: usize,
    /// The texture of frames without an image.
    garbage: Option<Texture>,
}

impl TexturePool {
    pub(crate) fn new(uploader: Uploader) -> Self {
        Self { uploader, textures: Vec::new(), next: 0, garbage: None }
    }

    /// The next texture, with the given content, acquired by the program from now on.
    pub(crate) fn next(
        &mut self,
        sim: &Simulation,
        framebuffer: &mut Framebuffer,
        frame: u64,
        content: Content,
    ) -> Result<(ID3D11Texture2D, Arc<TextureRecord>)> {
        bypass(|| {
            if sim.settings.eager_poison {
                self.poison_outdated(sim);
            }
            let texture = match content {
                Content::Garbage => self.garbage(sim)?,
                _ => self.show(sim, framebuffer, frame, content)?,
            };
            texture.record.acquire();
            Ok((texture.object.clone(), Arc::clone(&texture.record)))
        })
    }

    /// The rows of an image in the format of the textures, without padding.
    pub(crate) fn convert(&self, image: ImageRef<'_>) -> Vec<u8> {
        self.uploader.convert(image)
    }

    /// Uploads to the next texture in rotation.
    fn show(
        &mut self,
        sim: &Simulation,
        framebuffer: &mut Framebuffer,
        frame: u64,
        content: Content,
    ) -> Result<&Texture> {
        if self.next == self.textures.len() {
            let texture = self.create(sim, self.uploader.format, true)?;
            self.textures.push(texture);
        }
        let texture = &mut self.textures[self.next];
        self.next = (self.next + 1) % TEXTURES;
        let poisoned = texture.record.take_poisoned();
        let before = texture.frame.take().filter(|_| !poisoned);
        if content == Content::Frame {
            self.uploader.upload_frame(sim, framebuffer, &texture.object, before, frame);
            texture.frame = Some(frame);
        } else {
            self.uploader.upload_start(sim, framebuffer, &texture.object, content);
        }
        Ok(texture)
    }

    /// The texture without an image. Its format differs from that of the images.
    fn garbage(&mut self, sim: &Simulation) -> Result<&Texture> {
        if self.garbage.is_none() {
            let rgba = self.uploader.format == DXGI_FORMAT_R8G8B8A8_UNORM;
            let format = if rgba { DXGI_FORMAT_R16G16B16A16_FLOAT } else { DXGI_FORMAT_R8G8B8A8_UNORM };
            let texture = self.create(sim, format, false)?;
            texture.record.poison(&self.uploader.context, &texture.object);
            self.garbage = Some(texture);
        }
        Ok(self.garbage.as_ref().ok_or(E_FAIL)?)
    }

    fn create(&self, sim: &Simulation, format: DXGI_FORMAT, has_image: bool) -> Result<Texture> {
        let object = self.uploader.create_texture(format)?;
        let record = Arc::new(TextureRecord::new(self.uploader.output, self.uploader.size, format, has_image));
        lock(&sim.textures).insert(object.as_raw() as usize, Arc::clone(&record));
        Ok(Texture { object, record, frame: None })
    }

    /// Overwrites what Windows may have overwritten.
    fn poison_outdated(&self, sim: &Simulation) {
        let frame = sim.worlds[self.uploader.output].frame_at(sim.now());
        for texture in &self.textures {
            if !texture.record.is_acquired() && texture.record.is_outdated(frame) {
                texture.record.poison(&self.uploader.context, &texture.object);
            }
        }
    }

    /// Paints every variety of a picture that changes everywhere, from `frame` on.
    pub(crate) fn paint_ahead(&mut self, sim: &Simulation, frame: u64) -> Result<()> {
        bypass(|| {
            if self.textures.is_empty() {
                let texture = self.create(sim, self.uploader.format, true)?;
                self.textures.push(texture);
            }
            self.uploader.paint_ahead(sim, &self.textures[0].object, frame);
            Ok(())
        })
    }

    fn all(&self) -> impl Iterator<Item = &Texture> {
        self.textures.iter().chain(&self.garbage)
    }

    /// Number of references to the textures besides the pool's own.
    pub(crate) fn foreign_refs(&self) -> u64 {
        self.all().map(|texture| u64::from(references(&texture.object)).saturating_sub(1)).sum()
    }

    /// Removes the records of the textures.
    pub(crate) fn forget(&self, sim: &Simulation) {
        let mut records = lock(&sim.textures);
        for texture in self.all() {
            records.remove(&(texture.object.as_raw() as usize));
        }
    }
}
