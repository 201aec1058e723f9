//! Records of the program's devices.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use windows::Win32::Graphics::Dxgi::{
    DXGI_ERROR_DEVICE_HUNG, DXGI_ERROR_DEVICE_REMOVED, DXGI_ERROR_DEVICE_RESET, DXGI_ERROR_DRIVER_INTERNAL_ERROR,
};
use windows_core::HRESULT;

use crate::mutex::lock;
use crate::state::queue::QueuedCopy;
use crate::state::schedule::Schedule;

/// A device for which a duplication was requested.
pub(crate) struct Device {
    /// When the first duplication was requested.
    pub(crate) since: Duration,
    /// The index of its adapter.
    pub(crate) adapter: u64,
    /// Why it is removed, if it is.
    removed: Mutex<Option<HRESULT>>,
    /// Held by a waiting `AcquireNextFrame`, as on Windows, and by calls on the immediate context.
    pub(crate) lock: Mutex<()>,
    /// When it has made its copies.
    pub(crate) schedule: Mutex<Schedule>,
    /// Copies that wait to be submitted.
    pub(crate) queued: Mutex<Vec<QueuedCopy>>,
    /// When something was last drawn.
    pub(crate) drawn: Mutex<Option<Duration>>,
    /// Mapped memory with longer rows, by texture and subresource.
    pub(crate) padded: Mutex<BTreeMap<(usize, u32), Vec<u8>>>,
}

impl Device {
    pub(crate) fn new(since: Duration, adapter: u64) -> Self {
        Self {
            since,
            adapter,
            removed: Mutex::default(),
            lock: Mutex::default(),
            schedule: Mutex::default(),
            queued: Mutex::default(),
            drawn: Mutex::default(),
            padded: Mutex::default(),
        }
    }

    /// Why it is removed, if it is.
    pub(crate) fn removal(&self) -> Option<HRESULT> {
        *lock(&self.removed)
    }

    /// A call on the device was answered with `code`. A code that says that the device is removed stays its answer.
    pub(crate) fn note(&self, code: HRESULT) {
        let removal = [
            DXGI_ERROR_DEVICE_REMOVED,
            DXGI_ERROR_DEVICE_HUNG,
            DXGI_ERROR_DEVICE_RESET,
            DXGI_ERROR_DRIVER_INTERNAL_ERROR,
        ];
        if removal.contains(&code) {
            lock(&self.removed).get_or_insert(code);
        }
    }
}
