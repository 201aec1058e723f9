//! What all textures over one shared surface have in common.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;

use windows::Win32::Foundation::HANDLE;
use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows_core::{Interface, Result};

use crate::mutex::lock;
use crate::state::keyed_lock::KeyedLock;
use crate::state::mapping::Mapping;

/// A surface that textures of several devices share.
pub(crate) struct SharedSurface {
    pub(crate) number: u64,
    /// The creator's texture while it lives, as an address.
    texture: AtomicU64,
    mapping: Mapping,
    pub(crate) keyed: Option<KeyedLock>,
    /// Whether `CreateSharedHandle` was called.
    has_handle: AtomicBool,
    /// When it was last drawn on.
    drawn: Mutex<Duration>,
}

impl SharedSurface {
    /// The surface of its creator's `texture`.
    pub(crate) fn new(number: u64, texture: &ID3D11Texture2D, keyed: bool) -> Result<Self> {
        Ok(Self {
            number,
            texture: AtomicU64::new(texture.as_raw() as u64),
            mapping: Mapping::new(number)?,
            keyed: keyed.then(KeyedLock::default),
            has_handle: AtomicBool::new(false),
            drawn: Mutex::default(),
        })
    }

    /// The handle that `CreateSharedHandle` returns. `None` if there was one before.
    pub(crate) fn first_handle(&self) -> Option<Result<HANDLE>> {
        let had_one = self.has_handle.swap(true, Ordering::AcqRel);
        (!had_one).then(|| self.mapping.handle())
    }

    /// Number of handles that the program has.
    pub(crate) fn open_handles(&self) -> u64 {
        self.mapping.foreign_handles()
    }

    /// The creator's texture, if it lives.
    pub(crate) fn texture(&self) -> Option<ID3D11Texture2D> {
        let raw = self.texture.load(Ordering::Acquire) as usize as *mut c_void;
        // SAFETY: the address is cleared when the texture ends. A program that opens a handle has it from one that keeps the texture.
        unsafe { ID3D11Texture2D::from_raw_borrowed(&raw) }.cloned()
    }

    /// The creator's texture ends.
    pub(crate) fn forget_texture(&self) {
        self.texture.store(0, Ordering::Release);
    }

    /// Whether the texture lives, or a handle may still be opened.
    pub(crate) fn is_in_use(&self) -> bool {
        self.texture.load(Ordering::Acquire) != 0 || self.open_handles() > 0
    }

    pub(crate) fn note_drawing(&self, now: Duration) {
        *lock(&self.drawn) = now;
    }

    pub(crate) fn last_drawn(&self) -> Duration {
        *lock(&self.drawn)
    }
}
