//! The ring of textures that one capture shares with readers. The calls of Direct3D are behind [`Gpu`], so that every rule is tested on
//! every platform.
//!
//! | situation | rule |
//! |---|---|
//! | a holder has the texture of a frame | it is not written again until the holder has dropped it |
//! | the texture has a keyed mutex | the writer acquires key 0 and releases key 1, the reader acquires 1 and releases 0. The writer never acquires key 1, so an image that no reader has read, or that a reader has still work queued for, is not overwritten |
//! | a reader ends without releasing its key | the writer never waits for a key; an abandoned mutex is never used again, and the oldest texture whose key was not released is discarded when room is needed |
//! | [`MOST`] textures are held | the next request fails |

use std::sync::{Arc, OnceLock, Weak};

use crate::color::TextureFormat;
use crate::error::{Error, ErrorKind, Result};
use crate::geometry::Size;
use crate::source::hresult;
use crate::source::texture::{SharedTexture, TextureSync};
use crate::source::verdict::{self, Call};

/// The most textures in use at a time: enough for the queue of an encoder, too few to fill the memory of an adapter by mistake.
pub(super) const MOST: usize = 8;

/// The key of the writer, and that of the reader. The constants of [`SharedTexture`] are from the reader's point of view.
const WRITER: u64 = SharedTexture::RELEASE_KEY;
const READER: u64 = SharedTexture::ACQUIRE_KEY;

/// What the ring needs of a graphics device.
pub(super) trait Gpu {
    /// A texture with its handle and, if it has one, its mutex. A reader may keep its memory alive longer.
    type Texture;
    /// A handle of the texture's memory, closed when dropped.
    type Handle;

    /// A texture that can be shared.
    ///
    /// # Errors
    /// `Capture` if it cannot, `Device` if the device is lost.
    fn create(&self, kind: Kind) -> Result<Self::Texture>;

    /// Tries to acquire `key` without waiting. The returned code may be positive.
    fn acquire(&self, texture: &Self::Texture, key: u64) -> u32;

    /// Releases `key`, and returns the code.
    fn release(&self, texture: &Self::Texture, key: u64) -> u32;

    /// Another handle of the texture.
    ///
    /// # Errors
    /// `Capture`.
    fn duplicate(texture: &Self::Texture) -> Result<Self::Handle>;
}

/// What textures have to have in common to take each other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) size: Size,
    pub(super) format: TextureFormat,
    pub(super) sync: TextureSync,
}

struct Slot<T> {
    texture: Arc<T>,
    kind: Kind,
}

impl<T> Slot<T> {
    /// Whether a writer or a holder has it. Only the ring clones and upgrades references, so a texture that is not held stays so.
    fn is_held(&mut self) -> bool {
        Arc::get_mut(&mut self.texture).is_none()
    }
}

/// A texture that is being written. [`Ring::publish`] passes it to a holder, [`Ring::cancel`] returns it to the ring.
pub(super) struct Writing<T> {
    pub(super) texture: Arc<T>,
    sync: TextureSync,
}

/// A texture that a holder has. Dropping it closes the handle first and then returns the texture to the ring: the order of the fields.
pub(super) struct HeldTexture<G: Gpu> {
    handle: OnceLock<G::Handle>,
    pub(super) texture: Arc<G::Texture>,
}

impl<G: Gpu> HeldTexture<G> {
    /// The holder's own handle, created by the first call.
    ///
    /// # Errors
    /// `Capture`. A later call tries again.
    pub(super) fn own_handle(&self) -> Result<&G::Handle> {
        if let Some(handle) = self.handle.get() {
            return Ok(handle);
        }
        let handle = G::duplicate(&self.texture)?;
        // If two threads call this at once, one of them closes its handle again.
        Ok(self.handle.get_or_init(|| handle))
    }
}

/// All textures of one capture.
pub(super) struct Ring<T> {
    /// The least recently used first.
    slots: Vec<Slot<T>>,
    /// Textures that are held, but will not be written again.
    retired: Vec<Weak<T>>,
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), retired: Vec::new() }
    }
}

impl<T> Ring<T> {
    /// A texture that no holder has, and exclusive write access to it.
    ///
    /// # Errors
    /// `Capture` if all are held or the system refuses to share, `Device` if the device is lost.
    pub(super) fn begin<G: Gpu<Texture = T>>(&mut self, gpu: &G, kind: Kind) -> Result<Writing<T>> {
        let sync = kind.sync;
        // Unused textures of another kind only occupy memory.
        self.slots.retain_mut(|slot| slot.is_held() || slot.kind == kind);
        if let Some(writing) = self.reuse(gpu, kind)? {
            return Ok(writing);
        }
        self.make_room()?;
        let texture = Arc::new(gpu.create(kind)?);
        if sync == TextureSync::Keyed {
            let code = gpu.acquire(&texture, WRITER);
            if code != hresult::S_OK {
                return Err(verdict::error(code, Call::Sync));
            }
        }
        self.slots.push(Slot { texture: Arc::clone(&texture), kind });
        Ok(Writing { texture, sync })
    }

    fn reuse<G: Gpu<Texture = T>>(&mut self, gpu: &G, kind: Kind) -> Result<Option<Writing<T>>> {
        let sync = kind.sync;
        let mut i = 0;
        while i < self.slots.len() {
            let slot = &mut self.slots[i];
            if slot.kind != kind || slot.is_held() {
                i += 1;
                continue;
            }
            let code = if sync == TextureSync::Keyed { gpu.acquire(&slot.texture, WRITER) } else { hresult::S_OK };
            match code {
                hresult::S_OK => {
                    let slot = self.slots.remove(i);
                    let writing = Writing { texture: Arc::clone(&slot.texture), sync };
                    self.slots.push(slot);
                    return Ok(Some(writing));
                }
                // The reader has not released the key, or not even acquired it yet.
                hresult::WAIT_TIMEOUT => i += 1,
                _ => {
                    let error = verdict::error(code, Call::Sync);
                    if error.loss().is_some() {
                        return Err(error);
                    }
                    // The reader ended while it had the key, or the mutex failed: the texture cannot be used any more.
                    log::info!("a shared texture is discarded: {error}");
                    self.slots.remove(i);
                }
            }
        }
        Ok(None)
    }

    /// Makes room for one more texture, if necessary by discarding the oldest one whose key was not released.
    fn make_room(&mut self) -> Result<()> {
        self.retired.retain(|texture| texture.strong_count() > 0);
        if self.slots.len() + self.retired.len() < MOST {
            return Ok(());
        }
        if let Some(unreturned) = self.slots.iter_mut().position(|slot| !slot.is_held()) {
            self.slots.remove(unreturned);
            return Ok(());
        }
        Err(Error::new(ErrorKind::Capture, format!("{MOST} textures are held, and there are no more"))
            .with_hint("Close each GpuTexture when its reader is done with it, or use it in a `with` statement"))
    }

    /// Passes a written texture to a holder.
    ///
    /// # Errors
    /// `Capture`, `Device`. The texture is discarded.
    pub(super) fn publish<G: Gpu<Texture = T>>(&mut self, gpu: &G, writing: Writing<T>) -> Result<HeldTexture<G>> {
        self.release(gpu, &writing, READER)?;
        Ok(HeldTexture { handle: OnceLock::new(), texture: writing.texture })
    }

    /// Returns a texture that could not be written to the ring, for the next writer.
    pub(super) fn cancel<G: Gpu<Texture = T>>(&mut self, gpu: &G, writing: Writing<T>) {
        let released = self.release(gpu, &writing, WRITER);
        drop(writing);
        if let Err(error) = released {
            log::info!("a shared texture is discarded: {error}");
        }
    }

    fn release<G: Gpu<Texture = T>>(&mut self, gpu: &G, writing: &Writing<T>, key: u64) -> Result<()> {
        let code = if writing.sync == TextureSync::Keyed { gpu.release(&writing.texture, key) } else { hresult::S_OK };
        if code == hresult::S_OK {
            return Ok(());
        }
        self.slots.retain(|slot| !Arc::ptr_eq(&slot.texture, &writing.texture));
        Err(verdict::error(code, Call::Sync))
    }

    /// Discards all textures, because their device is lost. Those that are held stay with their holders.
    pub(super) fn clear(&mut self) {
        for mut slot in self.slots.drain(..) {
            if slot.is_held() {
                self.retired.push(Arc::downgrade(&slot.texture));
            }
        }
    }
}

#[cfg(test)]
mod tests;
