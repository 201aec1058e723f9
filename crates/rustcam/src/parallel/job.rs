//! Work that threads may join until the one that offers it has finished.
//!
//! A scope of the pool would wait for every thread, also for one that sleeps: on a machine whose cores are busy that takes milliseconds,
//! in which the calling thread does all the work.

use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The work, offered by the thread that made this. Dropping it withdraws the offer and waits for those who have accepted it.
pub(super) struct SharedJob<'a> {
    job: Arc<Job>,
    /// The work is borrowed for as long as this lives.
    borrowed: PhantomData<&'a ()>,
}

/// The same for a thread that helps.
pub(super) struct Helper(Arc<Job>);

struct Job {
    work: *const (dyn Fn() + Sync),
    state: Mutex<State>,
    finished: Condvar,
}

struct State {
    withdrawn: bool,
    helpers: usize,
    panicked: bool,
}

// SAFETY: `work` may be shared between threads, and `Helper::help` uses it only while `SharedJob` keeps it borrowed.
unsafe impl Send for Job {}
// SAFETY: as above.
unsafe impl Sync for Job {}

impl<'a> SharedJob<'a> {
    pub(super) fn new(work: &'a (dyn Fn() + Sync + 'a)) -> Self {
        // SAFETY: only the lifetime changes; `Helper::help` says why it is valid wherever it is used.
        let work = unsafe { std::mem::transmute::<&'a (dyn Fn() + Sync + 'a), &'static (dyn Fn() + Sync)>(work) };
        let state = Mutex::new(State { withdrawn: false, helpers: 0, panicked: false });
        Self { job: Arc::new(Job { work, state, finished: Condvar::new() }), borrowed: PhantomData }
    }

    /// Withdraws the offer and waits for those who have accepted it.
    ///
    /// # Panics
    /// If the work has panicked in one of them.
    pub(super) fn finish(self) {
        let job = Arc::clone(&self.job);
        drop(self);
        assert!(!job.lock().panicked, "a thread that converts a frame panicked");
    }

    pub(super) fn for_helper(&self) -> Helper {
        Helper(Arc::clone(&self.job))
    }
}

impl Helper {
    /// Does the work, unless it is withdrawn.
    pub(super) fn help(self) {
        let mut state = self.0.lock();
        if state.withdrawn {
            return;
        }
        state.helpers += 1;
        drop(state);
        let _counted = Counted(&self.0);
        // SAFETY: the work is not withdrawn, so its `SharedJob` lives, and when that is dropped it waits until `helpers` is 0.
        let work = unsafe { &*self.0.work };
        work();
    }
}

impl Job {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A helper at work. Dropped also when the work panics.
struct Counted<'a>(&'a Job);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.helpers -= 1;
        state.panicked |= std::thread::panicking();
        drop(state);
        self.0.finished.notify_one();
    }
}

impl Drop for SharedJob<'_> {
    fn drop(&mut self) {
        let mut state = self.job.lock();
        state.withdrawn = true;
        while state.helpers > 0 {
            state = self.job.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
