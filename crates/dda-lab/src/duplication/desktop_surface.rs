//! The memory of mapped images.

use rustcam::frame::ImageRef;
use windows::Win32::Graphics::Dxgi::DXGI_MAPPED_RECT;

/// What memory holds that is not, or no longer, a mapped image.
pub(crate) const UNMAPPED: u8 = 0xCD;
/// Extra bytes per row.
const PADDING: usize = 52;

/// It lives as long as the duplication, so that a program that reads too late gets wrong pixels and no crash.
#[derive(Default)]
pub(crate) struct DesktopSurface {
    memory: Vec<u8>,
    mapped: bool,
}

impl DesktopSurface {
    pub(crate) fn is_mapped(&self) -> bool {
        self.mapped
    }

    /// Maps the first `shown` rows of `image`, and `elsewhere` in the other rows.
    pub(crate) fn map(&mut self, image: ImageRef<'_>, shown: u32, elsewhere: u8) -> DXGI_MAPPED_RECT {
        let row = image.size().width as usize * 4;
        let pitch = row + PADDING;
        self.memory.clear();
        self.memory.resize(pitch * image.size().height as usize, elsewhere);
        for (y, place) in self.memory.chunks_exact_mut(pitch).take(shown as usize).enumerate() {
            place[..row].copy_from_slice(image.row(y));
        }
        self.mapped = true;
        DXGI_MAPPED_RECT { Pitch: pitch as i32, pBits: self.memory.as_mut_ptr() }
    }

    /// `false` if nothing was mapped.
    pub(crate) fn unmap(&mut self) -> bool {
        if self.mapped {
            self.memory.fill(UNMAPPED);
        }
        std::mem::take(&mut self.mapped)
    }
}
