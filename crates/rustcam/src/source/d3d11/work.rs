//! What the device of a screen has done, for statistics: counted by the thread that uses the device, read by every thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::source::SourceStats;

/// The counts of one screen; those of a replaced device go on.
#[derive(Debug, Default)]
pub(super) struct Work {
    copies: AtomicU64,
    bytes: AtomicU64,
    reads_in_place: AtomicU64,
    gpu_priority: AtomicBool,
}

impl Work {
    pub(super) fn copied(&self, bytes: u64) {
        self.copies.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn read_in_place(&self) {
        self.reads_in_place.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_gpu_priority(&self, raised: bool) {
        self.gpu_priority.store(raised, Ordering::Relaxed);
    }

    /// What was counted so far; `thread_priority` is that of one capture.
    pub(super) fn stats(&self, thread_priority: Option<bool>) -> SourceStats {
        SourceStats {
            device_copies: self.copies.load(Ordering::Relaxed),
            device_bytes: self.bytes.load(Ordering::Relaxed),
            reads_in_place: self.reads_in_place.load(Ordering::Relaxed),
            gpu_priority: Some(self.gpu_priority.load(Ordering::Relaxed)),
            thread_priority,
        }
    }
}
