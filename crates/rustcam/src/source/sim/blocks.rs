//! Memory that the simulated desktop writes to directly, like a system with shared memory.

use std::alloc::{alloc_zeroed, dealloc, Layout};
use std::ptr::NonNull;
use std::sync::{Arc, Weak};

use crate::memory::Memory;

/// The alignment of mapped pages.
const PAGE: usize = 4096;

/// The blocks that one source has allocated.
#[derive(Default)]
pub(super) struct Blocks {
    tags: Vec<Weak<u64>>,
    made: u64,
}

impl Blocks {
    /// A block of `len` bytes, `None` if there is no memory.
    pub(super) fn allocate(&mut self, len: usize) -> Option<Memory> {
        let layout = layout(len)?;
        // SAFETY: `layout` refuses sizes of zero.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        self.made += 1;
        let tag = Arc::new(self.made);
        self.tags.retain(|tag| tag.strong_count() > 0);
        self.tags.push(Arc::downgrade(&tag));
        // SAFETY: freshly allocated, `len` bytes long, nothing else has the address, and `release` frees it with the same layout.
        Some(unsafe { Memory::mapped(start, len, release, tag) })
    }

    /// Whether `memory` is one of these blocks.
    pub(super) fn own(&self, memory: &Memory) -> bool {
        memory.watch().is_some_and(|tag| self.tags.iter().any(|own| own.ptr_eq(&tag)))
    }

    /// Forgets all blocks, like a server that was lost.
    pub(super) fn forget(&mut self) {
        self.tags.clear();
    }
}

fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len, PAGE).ok().filter(|layout| layout.size() > 0)
}

fn release(start: NonNull<u8>, len: usize) {
    if let Some(layout) = layout(len) {
        // SAFETY: called once by `Memory`, with the pointer and the length that `allocate` gave it.
        unsafe { dealloc(start.as_ptr(), layout) };
    }
}
