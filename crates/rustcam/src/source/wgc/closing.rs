//! Closing on a thread of its own, because the capture service may not answer.

use std::sync::mpsc::{channel, Receiver};
use std::thread::Builder;
use std::time::Duration;

/// How long the end of a capture waits for the capture service.
const LIMIT: Duration = Duration::from_millis(500);

/// What is being closed.
#[derive(Default)]
pub(super) struct Closing(Vec<Receiver<()>>);

impl Closing {
    /// Does `work`, which closes something, on a thread. Where there is no thread, what it owns is only dropped, which closes it, too.
    pub(super) fn begin(&mut self, work: impl FnOnce() + Send + 'static) {
        let (done, finished) = channel();
        let thread = Builder::new().name("rustcam-close".into()).spawn(move || {
            work();
            let _ = done.send(());
        });
        self.0.retain(|other| other.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty));
        match thread {
            Ok(_) => self.0.push(finished),
            Err(error) => log::warn!("no thread to close a capture: {error}"),
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        for finished in &self.0 {
            if finished.recv_timeout(LIMIT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                log::warn!("the capture service does not close a capture; it is left to itself");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_end_waits_for_what_closes_and_not_for_what_hangs() {
        let (closed, was_closed) = mpsc::channel();
        let mut closing = Closing::default();
        closing.begin(move || {
            std::thread::sleep(Duration::from_millis(30));
            let _ = closed.send(());
        });
        drop(closing);
        assert!(was_closed.try_recv().is_ok());

        let (release, hang) = mpsc::channel::<()>();
        let mut closing = Closing::default();
        for _ in 0..2 {
            closing.begin(|| ());
        }
        closing.begin(move || {
            let _ = hang.recv();
        });
        let begun = Instant::now();
        drop(closing);
        let took = begun.elapsed();
        assert!(took >= LIMIT / 2 && took < LIMIT * 4, "{took:?}");
        drop(release);
    }
}
