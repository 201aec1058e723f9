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

    /// Sets it off, for as long as it exists.
    pub(super) fn waker(&self) -> Waker {
        let fd = Arc::downgrade(&self.0);
        Arc::new(move || {
            if let Some(fd) = fd.upgrade() {
                // A counter that is full is as good as one more.
                let _ = rustix::io::write(fd, &1_u64.to_ne_bytes());
            }
        })
    }

    pub(super) fn clear(&self) {
        // Fails only if it was not set off.
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl AsFd for WakeFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
