//! Records of the textures that duplications and pools of frames hand out.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;

use rustcam::geometry::Size;
use windows::Win32::Graphics::Direct3D11::{ID3D11DeviceContext, ID3D11Texture2D};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;

use crate::mutex::lock;
use crate::pixels::transfer::upload;
use crate::script::format::bytes_per_pixel;

/// What a texture without an image holds, and one that was read too late: as BGRA a bright pink, as half floats not a number.
const POISON: [u8; 4] = [0xFF, 0x7F, 0xFF, 0x7F];

/// So many bytes of it.
pub(crate) fn poisoned(len: usize) -> Vec<u8> {
    POISON.iter().copied().cycle().take(len).collect()
}

/// A texture of a duplication or of a pool of frames, while that lives.
pub(crate) struct TextureRecord {
    /// Index of the output.
    pub(crate) output: usize,
    /// Whether it may hold an image at all.
    pub(crate) has_image: bool,
    size: Size,
    format: DXGI_FORMAT,
    /// Whether it belongs to the frame that the program has acquired.
    acquired: AtomicBool,
    /// The frame that the desktop showed when the program released it.
    released_at: AtomicU64,
    poisoned: AtomicBool,
    /// The size of its content, if it is smaller than the texture.
    content: Mutex<Option<Size>>,
}

impl TextureRecord {
    pub(crate) fn new(output: usize, size: Size, format: DXGI_FORMAT, has_image: bool) -> Self {
        Self {
            output,
            has_image,
            size,
            format,
            acquired: AtomicBool::new(false),
            released_at: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            content: Mutex::default(),
        }
    }

    /// It shows content of this size from now on, in its corner.
    pub(crate) fn show(&self, content: Size) {
        *lock(&self.content) =
            (content.width < self.size.width || content.height < self.size.height).then_some(content);
    }

    /// Whether a copy of `part`, or of everything, reads beyond the content.
    pub(crate) fn exceeds_content(&self, part: Option<(u32, u32)>) -> bool {
        let (right, bottom) = part.unwrap_or((self.size.width, self.size.height));
        lock(&self.content).is_some_and(|content| right > content.width || bottom > content.height)
    }

    pub(crate) fn acquire(&self) {
        self.acquired.store(true, Ordering::Release);
    }

    /// The program released the frame while the desktop showed `frame`.
    pub(crate) fn release(&self, frame: u64) {
        self.released_at.store(frame, Ordering::Release);
        self.acquired.store(false, Ordering::Release);
    }

    pub(crate) fn is_acquired(&self) -> bool {
        self.acquired.load(Ordering::Acquire)
    }

    /// Whether the desktop has presented since the release, if it shows `frame` now: then Windows may have overwritten the texture.
    pub(crate) fn is_outdated(&self, frame: u64) -> bool {
        frame > self.released_at.load(Ordering::Acquire)
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// Whether it was poisoned; it counts as not poisoned from now on.
    pub(crate) fn take_poisoned(&self) -> bool {
        self.poisoned.swap(false, Ordering::AcqRel)
    }

    /// Overwrites the texture that this is the record of.
    pub(crate) fn poison(&self, context: &ID3D11DeviceContext, texture: &ID3D11Texture2D) {
        let pitch = self.size.width as usize * bytes_per_pixel(self.format);
        let rows = poisoned(pitch * self.size.height as usize);
        // SAFETY: the rows, without padding; the whole texture.
        unsafe { upload(context, texture, self.size.rect(), rows.as_ptr(), pitch) };
        self.poisoned.store(true, Ordering::Release);
    }
}
