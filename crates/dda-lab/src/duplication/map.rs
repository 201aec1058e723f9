//! Mapping the image itself, where the desktop is in system memory.

use windows::Win32::Graphics::Dxgi::{DXGI_ERROR_INVALID_CALL, DXGI_ERROR_UNSUPPORTED, DXGI_MAPPED_RECT};
use windows_core::Result;

use crate::com::failure;
use crate::counters::count;
use crate::duplication::desktop_surface::UNMAPPED;
use crate::duplication::machine::{Machine, State};
use crate::duplication::upload::Content;
use crate::script::call::Call;

impl Machine {
    /// Maps the image, if the script says that the desktop is in system memory.
    pub(crate) fn map(&self) -> Result<DXGI_MAPPED_RECT> {
        let mut state = self.enter(Call::MapDesktopSurface)?;
        let State { framebuffer, pool, owned, surface, .. } = &mut *state;
        let (false, Some(owned)) = (surface.is_mapped(), owned) else { return failure(DXGI_ERROR_INVALID_CALL) };
        if !self.sim.settings.system_memory {
            return failure(DXGI_ERROR_UNSUPPORTED);
        }
        let world = &self.sim.worlds[self.index];
        let frame = owned.update.frame;
        let size = world.rotation(frame).apply(world.size(frame));
        let (shown, elsewhere) = match owned.update.content {
            Content::Frame => (size.height, UNMAPPED),
            Content::UpperHalf => ((size.height / 2).max(1), 0),
            Content::Black => (0, 0),
            Content::Garbage => (0, UNMAPPED),
        };
        let rows = pool.convert(framebuffer.view(world, size.rect()));
        let mapped = surface.map(&rows, rows.len() / size.height as usize, shown, elsewhere);
        count(&self.sim.counters.desktop_maps);
        Ok(mapped)
    }

    /// Unmaps what [`Self::map`] mapped.
    pub(crate) fn unmap(&self) -> Result<()> {
        let mut state = self.enter(Call::UnMapDesktopSurface)?;
        if state.surface.unmap() {
            Ok(())
        } else {
            failure(DXGI_ERROR_INVALID_CALL)
        }
    }
}
