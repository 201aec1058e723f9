//! The socket to the X server, on which every blocking step obeys a deadline.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use x11rb::rust_connection::{DefaultStream, PollMode, Stream};
use x11rb::utils::RawFdContainer;

use super::error::timeout;
use super::waker::WakeFd;
use crate::clock::Clock;

/// A socket to the server on which x11rb never blocks beyond the limit that was set last.
///
/// x11rb waits for replies without a deadline of its own, but leaves the waiting to its stream. When the stream gives up, x11rb hands
/// the error out before it touches any state, so the same reply can be waited for again.
pub(super) struct DeadlineStream {
    stream: DefaultStream,
    clock: Arc<dyn Clock>,
    /// Nanoseconds on `clock`; zero means that nothing may block.
    limit: AtomicU64,
    /// Whether the last write found the socket full. Otherwise asking the kernel before each write would cost a system call per
    /// request although x11rb collects requests in a buffer.
    full: AtomicBool,
    /// Whether the last read took all that there was, and no poll has found more since. x11rb reads until there is nothing left, and
    /// again for each event it is asked for.
    empty: AtomicBool,
}

impl DeadlineStream {
    /// `stream` with a limit on `clock`.
    pub(super) fn new(stream: DefaultStream, clock: Arc<dyn Clock>, limit: Duration) -> Self {
        let stream = Self {
            stream,
            clock,
            limit: AtomicU64::new(0),
            full: AtomicBool::new(false),
            empty: AtomicBool::new(false),
        };
        stream.set_limit(limit);
        stream
    }

    /// The clock of the limit.
    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The moment after which nothing blocks any more.
    pub(super) fn limit(&self) -> Duration {
        Duration::from_nanos(self.limit.load(Ordering::Relaxed))
    }

    /// Sets the moment after which nothing blocks any more.
    pub(super) fn set_limit(&self, limit: Duration) {
        let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        self.limit.store(nanoseconds, Ordering::Relaxed);
    }

    /// Makes the next read ask the kernel whether there is anything, even if the last one left nothing.
    pub(super) fn expect_more(&self) {
        self.empty.store(false, Ordering::Relaxed);
    }

    /// Waits until there is something to read, at most `timeout`. False if a signal or `wake_fd` ended the wait.
    pub(super) fn wait_readable(&self, timeout: Duration, wake_fd: Option<&WakeFd>) -> io::Result<bool> {
        let mut fds = [PollFd::new(self, PollFlags::IN), PollFd::new(self, PollFlags::empty())];
        if let Some(wake_fd) = wake_fd {
            fds[1] = PollFd::new(wake_fd, PollFlags::IN);
        }
        match (poll(&mut fds, timeout), wake_fd) {
            (Ok(_), Some(wake_fd)) if fds[1].revents().contains(PollFlags::IN) => {
                wake_fd.clear();
                Ok(false)
            }
            (Ok(true), _) => {
                self.expect_more();
                Ok(true)
            }
            (Ok(false), _) => Ok(true),
            (Err(Errno::INTR), _) => Ok(false),
            (Err(e), _) => Err(e.into()),
        }
    }

    fn note_write(&self, result: io::Result<usize>) -> io::Result<usize> {
        let full = result.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock);
        self.full.store(full, Ordering::Relaxed);
        result
    }
}

/// Whether anything happened to `fds` within `timeout`.
fn poll(fds: &mut [PollFd<'_>], timeout: Duration) -> rustix::io::Result<bool> {
    // A timeout beyond what the kernel can express is as good as none.
    let timeout = Timespec::try_from(timeout).ok();
    rustix::event::poll(fds, timeout.as_ref()).map(|n| n > 0)
}

impl AsFd for DeadlineStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        AsFd::as_fd(&self.stream)
    }
}

impl Stream for DeadlineStream {
    fn poll(&self, mode: PollMode) -> io::Result<()> {
        if mode.writable() && !self.full.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, mode.readable());
        flags.set(PollFlags::OUT, mode.writable());
        let limit = self.limit();
        loop {
            // Computed anew each time round, so that a server that sends a few bytes at a time cannot stretch the wait.
            let left = if limit.is_zero() { limit } else { limit.saturating_sub(self.clock.now()) };
            if left.is_zero() {
                return Err(timeout());
            }
            match poll(&mut [PollFd::new(self, flags)], left) {
                Ok(true) => {
                    self.expect_more();
                    return Ok(());
                }
                Ok(false) => return Err(timeout()),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn read(&self, buf: &mut [u8], fd_storage: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        if self.empty.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = self.stream.read(buf, fd_storage);
        let all = match &result {
            Ok(count) => *count < buf.len(),
            Err(e) => e.kind() == io::ErrorKind::WouldBlock,
        };
        self.empty.store(all, Ordering::Relaxed);
        result
    }

    fn write(&self, buf: &[u8], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.note_write(self.stream.write(buf, fds))
    }

    fn write_vectored(&self, bufs: &[io::IoSlice<'_>], fds: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.note_write(self.stream.write_vectored(bufs, fds))
    }
}
