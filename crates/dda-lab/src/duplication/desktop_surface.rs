//! The memory of mapped images.

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

    /// Maps the first `shown` of `rows`, which are `row` bytes long each, and `elsewhere` in the others.
    pub(crate) fn map(&mut self, rows: &[u8], row: usize, shown: u32, elsewhere: u8) -> DXGI_MAPPED_RECT {
        let pitch = row + PADDING;
        self.memory.clear();
        self.memory.resize(pitch * (rows.len() / row), elsewhere);
        for (place, row) in self.memory.chunks_exact_mut(pitch).zip(rows.chunks_exact(row)).take(shown as usize) {
            place[..row.len()].copy_from_slice(row);
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
