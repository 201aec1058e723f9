//! What happens by itself as time passes: in virtual time no thread waits for it, so every sleep of the lab looks for it.

use std::cell::Cell;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use crate::mutex::lock;

/// Something that presents frames or raises events at times of its own.
pub(crate) trait Presenter: Send + Sync {
    /// The next time after `now` at which something may happen.
    fn next(&self, now: Duration) -> Option<Duration>;
    /// Does everything that is due at `now`. It may call the program.
    fn present(&self, now: Duration);
}

thread_local! {
    static CAPTURES: Cell<bool> = const { Cell::new(false) };
}

/// This thread waits for what presenters do.
pub(crate) fn note_that_this_thread_captures() {
    CAPTURES.set(true);
}

/// Whether this thread has captured: in virtual time its waits let time pass. Others wait as always, those of Direct3D among them.
pub(crate) fn this_thread_captures() -> bool {
    CAPTURES.get()
}

/// All presenters that exist.
#[derive(Default)]
pub(crate) struct Presenters(Mutex<Vec<Weak<dyn Presenter>>>);

impl Presenters {
    pub(crate) fn add(&self, presenter: Weak<dyn Presenter>) {
        lock(&self.0).push(presenter);
    }

    /// The next time after `now` at which one of them does something.
    pub(crate) fn next(&self, now: Duration) -> Option<Duration> {
        self.all().iter().filter_map(|presenter| presenter.next(now)).filter(|next| *next > now).min()
    }

    /// Lets them do everything that is due at `now`.
    pub(crate) fn present(&self, now: Duration) {
        // Without the lock: they call the program, which may create others.
        self.all().iter().for_each(|presenter| presenter.present(now));
    }

    fn all(&self) -> Vec<Arc<dyn Presenter>> {
        let mut presenters = lock(&self.0);
        presenters.retain(|presenter| presenter.strong_count() > 0);
        presenters.iter().filter_map(Weak::upgrade).collect()
    }
}
