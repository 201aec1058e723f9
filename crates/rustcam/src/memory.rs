//! Memory for one picture: ordinary, or mapped by a source so that the operating system can write to it.

use std::alloc::{alloc_zeroed, dealloc, Layout, LayoutError};
use std::fmt;
use std::ptr::NonNull;
use std::sync::{Arc, Weak};

use crate::error::{Error, ErrorKind, Result};

/// The size of a cache line, and of the widest vector register.
const ALIGNMENT: usize = 64;

/// A block of bytes with one owner.
pub struct Memory {
    start: NonNull<u8>,
    len: usize,
    origin: Origin,
}

enum Origin {
    Heap,
    Mapped { unmap: fn(NonNull<u8>, usize), tag: Arc<u64> },
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("len", &self.len).field("tag", &self.tag()).finish_non_exhaustive()
    }
}

// SAFETY: the block is owned by this value alone; nothing about it belongs to a thread.
unsafe impl Send for Memory {}
// SAFETY: shared references only read.
unsafe impl Sync for Memory {}

impl Memory {
    /// `len` zero bytes of ordinary memory.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub fn heap(len: usize) -> Result<Self> {
        let layout = Self::layout(len).map_err(|_| out_of_memory(len))?;
        // SAFETY: the layout is never of size zero, see `layout`.
        let start = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| out_of_memory(len))?;
        Ok(Self { start, len, origin: Origin::Heap })
    }

    /// `len` bytes that a source mapped. `unmap` is called once with the same pointer and length. `tag` is the source's number for
    /// the block; the source may keep a [`Weak`] of it to detect when the block has been freed.
    ///
    /// # Safety
    /// `start` must be valid for reads and writes of `len` bytes until `unmap` is called, and no Rust reference to them may exist.
    /// Other processes may write to the block only during a call that asks its source to do so.
    pub unsafe fn mapped(start: NonNull<u8>, len: usize, unmap: fn(NonNull<u8>, usize), tag: Arc<u64>) -> Self {
        Self { start, len, origin: Origin::Mapped { unmap, tag } }
    }

    /// The source's number for the block, `None` for ordinary memory.
    pub fn tag(&self) -> Option<u64> {
        match &self.origin {
            Origin::Heap => None,
            Origin::Mapped { tag, .. } => Some(**tag),
        }
    }

    /// A reference with which a source detects when the block has been freed; `None` for ordinary memory.
    pub fn watch(&self) -> Option<Weak<u64>> {
        match &self.origin {
            Origin::Heap => None,
            Origin::Mapped { tag, .. } => Some(Arc::downgrade(tag)),
        }
    }

    /// The address of the first byte.
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: valid for `len` bytes by construction; `&self` excludes writers.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The bytes, to write.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: valid for `len` bytes by construction; `&mut self` makes the access unique.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    fn layout(len: usize) -> std::result::Result<Layout, LayoutError> {
        Layout::from_size_align(len.max(1), ALIGNMENT)
    }
}

/// The error for `len` bytes that the system does not have.
pub fn out_of_memory(len: usize) -> Error {
    Error::new(ErrorKind::OutOfMemory, format!("no memory for an image of {len} bytes"))
        .with_hint("Drop frames that are no longer needed, or capture a smaller region")
}

impl Drop for Memory {
    fn drop(&mut self) {
        match &self.origin {
            Origin::Heap => {
                let layout = Self::layout(self.len).expect("it was valid when the block was allocated");
                // SAFETY: allocated in `heap` with this very layout.
                unsafe { dealloc(self.start.as_ptr(), layout) }
            }
            Origin::Mapped { unmap, .. } => unmap(self.start, self.len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_memory_is_zero_and_aligned() {
        let mut memory = Memory::heap(1000).expect("so little is there");
        assert!(memory.bytes().iter().all(|&b| b == 0));
        assert_eq!(memory.as_ptr() as usize % ALIGNMENT, 0);
        memory.bytes_mut()[999] = 1;
        assert_eq!((memory.tag(), memory.bytes().len()), (None, 1000));
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        for len in [isize::MAX as usize - 4096, usize::MAX] {
            assert_eq!(Memory::heap(len).err().map(|e| e.kind()), Some(ErrorKind::OutOfMemory), "{len}");
        }
    }
}
