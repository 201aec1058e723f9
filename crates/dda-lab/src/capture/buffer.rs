//! The textures of a pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustcam::geometry::{Rect, Size};
use windows::Win32::Graphics::Direct3D11::{ID3D11Device, ID3D11Texture2D};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows_core::{Interface, Result};

use crate::bypass::bypass;
use crate::com::references;
use crate::counters::count;
use crate::mutex::lock;
use crate::pixels::transfer::new_texture;
use crate::state::simulation::Simulation;
use crate::state::texture::TextureRecord;

/// What a texture shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The frame of the desktop, if it can be brought to the next one by what changed between them.
    pub(crate) frame: Option<u64>,
    /// Where the pointer is drawn.
    pub(crate) pointer: Option<Rect>,
    /// The size of the content; the rest is poisoned.
    pub(crate) content: Size,
}

/// One texture of a pool.
pub(crate) struct Buffer {
    sim: Arc<Simulation>,
    pub(crate) texture: ID3D11Texture2D,
    pub(crate) record: Arc<TextureRecord>,
    /// Whether it is part of a frame, waiting or held.
    busy: AtomicBool,
    pub(crate) shown: Mutex<Shown>,
}

impl Buffer {
    pub(crate) fn create(
        sim: &Arc<Simulation>,
        device: &ID3D11Device,
        size: Size,
        format: DXGI_FORMAT,
    ) -> Result<Self> {
        let texture = bypass(|| new_texture(device, size, format))?;
        let record = Arc::new(TextureRecord::new(0, size, format, true));
        lock(&sim.textures).insert(texture.as_raw() as usize, Arc::clone(&record));
        let sim = Arc::clone(sim);
        Ok(Self { sim, texture, record, busy: AtomicBool::new(false), shown: Mutex::default() })
    }

    /// Takes the buffer for a frame, if it is free.
    pub(crate) fn take(&self) -> bool {
        !self.busy.swap(true, Ordering::AcqRel)
    }

    /// The frame was not delivered.
    pub(crate) fn give_back(&self) {
        self.busy.store(false, Ordering::Release);
    }

    /// The program gives the frame back. From then on the compositor may draw on the texture: what the program reads of it is poisoned at
    /// that moment, or at once if the script says so.
    pub(crate) fn end_frame(&self) {
        let sim = &self.sim;
        self.record.release(0);
        if references(&self.texture) > 1 {
            count(&sim.counters.wgc_textures_kept);
            // SAFETY: every texture has a device with a context.
            let context = unsafe { self.texture.GetDevice().and_then(|device| device.GetImmediateContext()) };
            if let (Ok(context), true) = (context, sim.settings.eager_poison) {
                bypass(|| self.record.poison(&context, &self.texture));
            }
        }
        self.give_back();
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        lock(&self.sim.textures).remove(&(self.texture.as_raw() as usize));
    }
}
