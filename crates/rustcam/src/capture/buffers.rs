//! Frame memory that is used again: fresh pages cost more than the copy that fills them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::geometry::Size;
use crate::memory::Memory;

/// Unused buffers kept for the next frame. A caller that drops each frame before or after taking the next one needs one or two; the
/// rest serves callers that alternate between regions or formats.
const KEPT: usize = 4;

/// Memory of one frame. Dropping it, on any thread, gives the memory back to the session that made it, or frees it when that
/// session is gone.
pub struct Buffer {
    id: u64,
    size: Size,
    memory: Option<Memory>,
    home: Weak<Mutex<Shelf>>,
}

impl Buffer {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn memory_mut(&mut self) -> &mut Memory {
        self.memory.as_mut().expect("a buffer owns its memory until it is dropped")
    }

    fn memory(&self) -> &Memory {
        self.memory.as_ref().expect("a buffer owns its memory until it is dropped")
    }

    /// Whether the operating system can write into it.
    pub(super) fn is_native(&self) -> bool {
        self.memory().tag().is_some()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.memory().bytes()
    }

    /// The address of the first byte, valid for writes as long as the buffer lives.
    pub fn as_ptr(&self) -> *mut u8 {
        self.memory().as_ptr()
    }

    /// Frees the memory instead of giving it back.
    pub(super) fn discard(mut self) {
        self.home = Weak::new();
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("bytes", &self.bytes().len()).finish_non_exhaustive()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let (Some(memory), Some(home)) = (self.memory.take(), self.home.upgrade()) else { return };
        let evicted = {
            let mut shelf = lock(&home);
            shelf.unused.push(Unused { id: self.id, size: self.size, memory });
            (shelf.unused.len() > KEPT).then(|| shelf.unused.remove(0))
        };
        // Unmapping takes a system call: not under the lock.
        drop(evicted);
    }
}

struct Unused {
    id: u64,
    size: Size,
    memory: Memory,
}

#[derive(Default)]
struct Shelf {
    /// Least recently used first.
    unused: Vec<Unused>,
}

/// The buffers of one session.
#[derive(Default)]
pub(super) struct Pool {
    shelf: Arc<Mutex<Shelf>>,
    made: u64,
}

impl Pool {
    /// The unused buffer with this id.
    pub(super) fn take_again(&mut self, id: u64) -> Option<Buffer> {
        self.take_where(|unused| unused.id == id)
    }

    /// An unused native buffer for a picture of `size`.
    pub(super) fn take_native(&mut self, size: Size) -> Option<Buffer> {
        self.take_where(|unused| unused.size == size && unused.memory.tag().is_some())
    }

    /// Whether there is one.
    pub(super) fn has_native(&self, size: Size) -> bool {
        lock(&self.shelf).unused.iter().any(|unused| unused.size == size && unused.memory.tag().is_some())
    }

    /// An ordinary buffer of `len` bytes, unused or new.
    pub(super) fn take_heap(&mut self, len: usize) -> Buffer {
        self.take_where(|unused| unused.memory.tag().is_none() && unused.memory.bytes().len() == len)
            .unwrap_or_else(|| self.adopt(Memory::heap(len), Size::default()))
    }

    /// A buffer for new memory.
    pub(super) fn adopt(&mut self, memory: Memory, size: Size) -> Buffer {
        self.made += 1;
        Buffer { id: self.made, size, memory: Some(memory), home: Arc::downgrade(&self.shelf) }
    }

    /// Frees all unused buffers.
    pub(super) fn clear(&mut self) {
        let unused = std::mem::take(&mut lock(&self.shelf).unused);
        drop(unused);
    }

    /// The most recently used match: its pages are the warmest.
    fn take_where(&mut self, wanted: impl Fn(&Unused) -> bool) -> Option<Buffer> {
        let mut shelf = lock(&self.shelf);
        let index = shelf.unused.iter().rposition(wanted)?;
        let Unused { id, size, memory } = shelf.unused.remove(index);
        Some(Buffer { id, size, memory: Some(memory), home: Arc::downgrade(&self.shelf) })
    }
}

/// No code panics while it holds the lock, and a shelf is sound at every moment anyway.
fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_used_again() {
        let mut pool = Pool::default();
        let first = pool.take_heap(100);
        let (id, address) = (first.id(), first.as_ptr());
        std::thread::spawn(move || drop(first)).join().expect("dropping cannot fail");
        let second = pool.take_heap(100);
        assert_eq!((second.id(), second.as_ptr()), (id, address));
        assert_ne!(pool.take_heap(100).id(), id, "a held buffer is never handed out");
    }

    #[test]
    fn only_a_few_unused_buffers_are_kept() {
        let mut pool = Pool::default();
        let held: Vec<_> = (0..10).map(|_| pool.take_heap(64)).collect();
        drop(held);
        assert_eq!(lock(&pool.shelf).unused.len(), KEPT);
    }

    #[test]
    fn a_buffer_outlives_its_pool() {
        let mut pool = Pool::default();
        let mut buffer = pool.take_heap(8);
        drop(pool);
        buffer.memory_mut().bytes_mut()[7] = 9;
        assert_eq!(buffer.bytes()[7], 9);
    }
}
