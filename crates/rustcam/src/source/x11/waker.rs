//! Ends a wait for the server from another thread.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{eventfd, EventfdFlags};

use crate::source::Waker;

/// A descriptor that can be waited for next to the server's socket.
pub(super) struct WakeFd(Arc<OwnedFd>);

impl WakeFd {
    /// `None` if the process has no descriptor left; then waits have to be short.
    pub(super) fn new() -> Option<Self> {
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok().map(|fd| Self(Arc::new(fd)))
    }

    /// A function that ends the wait under way, or else the next one. It keeps no descriptor open and does nothing once the source is gone.
    pub(super) fn waker(&self) -> Waker {
        let fd = Arc::downgrade(&self.0);
        Arc::new(move || {
            if let Some(fd) = fd.upgrade() {
                // Fails only if the counter is full, and then the wait ends all the same.
                let _ = rustix::io::write(fd, &1_u64.to_ne_bytes());
            }
        })
    }

    /// Makes the descriptor wait for the next call of a waker.
    pub(super) fn clear(&self) {
        // Fails only if no waker was called.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for WakeFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
