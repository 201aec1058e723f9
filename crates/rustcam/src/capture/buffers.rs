//! Reuse of frame memory: allocating fresh pages takes longer than the copy that fills them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::Result;
use crate::geometry::Size;
use crate::memory::Memory;

/// Unused buffers kept for later frames. A caller that drops each frame before or after taking the next one needs one or two; the others
/// are for callers that alternate between regions or formats.
const KEPT: usize = 4;

/// Memory of one frame. Dropping it, on any thread, returns the memory to the session that made it, or frees it if that session no longer
/// exists.
pub struct Buffer(Arc<Pooled>);

/// Memory that returns to its pool when the last buffer that shares it is dropped.
struct Pooled {
    id: u64,
    size: Size,
    memory: Option<Memory>,
    free_list: Weak<Mutex<FreeList>>,
}

impl Buffer {
    fn new(id: u64, size: Size, memory: Memory, free_list: &Arc<Mutex<FreeList>>) -> Self {
        Self(Arc::new(Pooled { id, size, memory: Some(memory), free_list: Arc::downgrade(free_list) }))
    }

    pub(super) fn id(&self) -> u64 {
        self.0.id
    }

    /// The same memory once more. Nobody writes to it from now on, until it has returned to its pool.
    pub(super) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    pub(super) fn memory_mut(&mut self) -> &mut Memory {
        let pooled = Arc::get_mut(&mut self.0).expect("a buffer that is being written is not shared");
        pooled.memory.as_mut().expect("a buffer owns its memory until it is dropped")
    }

    /// The bytes, if nobody shares them.
    pub(super) fn unshared_mut(&mut self) -> Option<&mut [u8]> {
        Arc::get_mut(&mut self.0)?.memory.as_mut().map(Memory::bytes_mut)
    }

    fn memory(&self) -> &Memory {
        self.0.memory.as_ref().expect("a buffer owns its memory until it is dropped")
    }

    /// Whether the operating system can write into it.
    pub(super) fn is_native(&self) -> bool {
        self.memory().tag().is_some()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.memory().bytes()
    }

    /// The address of the first byte, valid as long as the buffer lives; for writes only if it is [owned](super::Target::Owned).
    pub fn as_ptr(&self) -> *mut u8 {
        self.memory().as_ptr()
    }

    /// Frees the memory instead of returning it.
    pub(super) fn discard(mut self) {
        if let Some(pooled) = Arc::get_mut(&mut self.0) {
            pooled.free_list = Weak::new();
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("bytes", &self.bytes().len()).finish_non_exhaustive()
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let (Some(memory), Some(free_list)) = (self.memory.take(), self.free_list.upgrade()) else { return };
        let evicted = {
            let mut free_list = lock(&free_list);
            free_list.unused.push(Unused { id: self.id, size: self.size, memory });
            (free_list.unused.len() > KEPT).then(|| free_list.unused.remove(0))
        };
        // Unmapping is a system call, which must not be made under the lock.
        drop(evicted);
    }
}

struct Unused {
    id: u64,
    size: Size,
    memory: Memory,
}

#[derive(Default)]
struct FreeList {
    /// Least recently used first.
    unused: Vec<Unused>,
}

/// The buffers of one session.
#[derive(Default)]
pub(super) struct Pool {
    free_list: Arc<Mutex<FreeList>>,
    made: u64,
}

impl Pool {
    /// The buffer with this id, if it is unused.
    pub(super) fn take_by_id(&mut self, id: u64) -> Option<Buffer> {
        self.take_where(|unused| unused.id == id)
    }

    /// An unused native buffer for a picture of `size`.
    pub(super) fn take_native(&mut self, size: Size) -> Option<Buffer> {
        self.take_where(|unused| unused.size == size && unused.memory.tag().is_some())
    }

    /// Whether there is an unused native buffer for a picture of `size`.
    pub(super) fn has_native(&self, size: Size) -> bool {
        lock(&self.free_list).unused.iter().any(|unused| unused.size == size && unused.memory.tag().is_some())
    }

    /// An ordinary buffer of `len` bytes, unused or new.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn take_heap(&mut self, len: usize) -> Result<Buffer> {
        match self.take_where(|unused| unused.memory.tag().is_none() && unused.memory.bytes().len() == len) {
            Some(unused) => Ok(unused),
            None => Ok(self.adopt(Memory::heap(len)?, Size::default())),
        }
    }

    /// Makes a buffer of new memory.
    pub(super) fn adopt(&mut self, memory: Memory, size: Size) -> Buffer {
        self.made += 1;
        Buffer::new(self.made, size, memory, &self.free_list)
    }

    /// Frees all unused buffers.
    pub(super) fn clear(&mut self) {
        let unused = std::mem::take(&mut lock(&self.free_list).unused);
        drop(unused);
    }

    /// The most recently used match, whose pages are most likely to be in the cache.
    fn take_where(&mut self, wanted: impl Fn(&Unused) -> bool) -> Option<Buffer> {
        let mut free_list = lock(&self.free_list);
        let index = free_list.unused.iter().rposition(wanted)?;
        let Unused { id, size, memory } = free_list.unused.remove(index);
        Some(Buffer::new(id, size, memory, &self.free_list))
    }
}

/// No code panics while it holds the lock, and the list is consistent at every moment.
fn lock(free_list: &Mutex<FreeList>) -> MutexGuard<'_, FreeList> {
    free_list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_reused() {
        let mut pool = Pool::default();
        let first = pool.take_heap(100).expect("memory");
        let (id, address) = (first.id(), first.as_ptr());
        std::thread::spawn(move || drop(first)).join().expect("dropping cannot fail");
        let second = pool.take_heap(100).expect("memory");
        assert_eq!((second.id(), second.as_ptr()), (id, address));
        assert_ne!(pool.take_heap(100).expect("memory").id(), id, "a buffer in use is never returned again");
    }

    #[test]
    fn a_shared_buffer_is_reused_after_the_last_of_its_owners() {
        let mut pool = Pool::default();
        let first = pool.take_heap(100).expect("memory");
        let (id, second) = (first.id(), first.share());
        drop(first);
        let other = pool.take_heap(100).expect("memory");
        assert_ne!(other.id(), id, "it is in use");
        drop(second);
        assert_eq!(pool.take_heap(100).expect("memory").id(), id);
    }

    #[test]
    fn only_a_few_unused_buffers_are_kept() {
        let mut pool = Pool::default();
        let held: Vec<_> = (0..10).map(|_| pool.take_heap(64).expect("memory")).collect();
        drop(held);
        assert_eq!(lock(&pool.free_list).unused.len(), KEPT);
    }

    #[test]
    fn a_buffer_outlives_its_pool() {
        let mut pool = Pool::default();
        let mut buffer = pool.take_heap(8).expect("memory");
        drop(pool);
        buffer.memory_mut().bytes_mut()[7] = 9;
        assert_eq!(buffer.bytes()[7], 9);
    }
}
