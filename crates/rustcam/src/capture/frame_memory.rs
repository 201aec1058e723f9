//! Memory for the next frame: that of the source, if the source can write the frame itself.

use crate::error::Result;
use crate::geometry::Size;
use crate::source::Source;

use super::buffers::{Buffer, Pool};
use super::view::View;

/// The memory of a session's frames.
#[derive(Default)]
pub(super) struct FrameMemory {
    pool: Pool,
    /// The size of the last frame, if it was in native memory.
    native: Option<Size>,
}

impl FrameMemory {
    /// Memory of unknown content for a frame that shows `view`.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn take(&mut self, source: &mut dyn Source, view: &View) -> Result<Buffer> {
        let native = if view.is_native() { self.take_native(source, view.size()) } else { None };
        self.native = native.as_ref().map(|_| view.size());
        match native {
            Some(buffer) => Ok(buffer),
            None => self.pool.take_heap(view.bytes()),
        }
    }

    fn take_native(&mut self, source: &mut dyn Source, size: Size) -> Option<Buffer> {
        self.pool.take_native(size).or_else(|| source.allocate(size).map(|memory| self.pool.adopt(memory, size)))
    }

    /// Ordinary memory of `len` bytes.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn take_heap(&mut self, len: usize) -> Result<Buffer> {
        self.pool.take_heap(len)
    }

    /// The buffer with this id, unless a caller holds it.
    pub(super) fn take_by_id(&mut self, id: u64) -> Option<Buffer> {
        self.pool.take_by_id(id)
    }

    /// Allocates memory for the next frame while there is time, if callers hold all native buffers.
    pub(super) fn prepare(&mut self, source: &mut dyn Source) {
        let Some(size) = self.native.filter(|size| !self.pool.has_native(*size)) else { return };
        match source.allocate(size) {
            Some(memory) => drop(self.pool.adopt(memory, size)),
            None => self.native = None,
        }
    }

    /// Frees all unused buffers, after a loss of the desktop.
    pub(super) fn clear(&mut self) {
        self.pool.clear();
        self.native = None;
    }
}
