//! A mutex that is locked in the order of requests.
//!
//! A thread that waits for a frame holds the mutex for a slice, unlocks it and locks it again at once. An ordinary mutex favours the thread
//! that has just unlocked it, also on Windows, so that another thread which only reads pixels would starve.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Queue {
    next_ticket: u64,
    serving: u64,
}

/// A value that one thread at a time may use, first come, first served.
pub(in crate::source) struct FairMutex<T> {
    queue: Mutex<Queue>,
    served: Condvar,
    value: Mutex<T>,
}

/// Access to the value until it is dropped.
pub(in crate::source) struct FairMutexGuard<'a, T> {
    mutex: &'a FairMutex<T>,
    value: Option<MutexGuard<'a, T>>,
}

impl<T> FairMutex<T> {
    pub(in crate::source) fn new(value: T) -> Self {
        Self { queue: Mutex::default(), served: Condvar::new(), value: Mutex::new(value) }
    }

    /// Waits until all threads that called `lock` earlier have unlocked it.
    pub(in crate::source) fn lock(&self) -> FairMutexGuard<'_, T> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        while queue.serving != ticket {
            queue = self.served.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        drop(queue);
        FairMutexGuard { mutex: self, value: Some(self.value.lock().unwrap_or_else(PoisonError::into_inner)) }
    }
}

impl<T> Deref for FairMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("held until dropped")
    }
}

impl<T> DerefMut for FairMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("held until dropped")
    }
}

impl<T> Drop for FairMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.mutex.queue.lock().unwrap_or_else(PoisonError::into_inner).serving += 1;
        self.mutex.served.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_thread_goes_before_one_that_locks_again() {
        let mutex = FairMutex::new(String::new());
        std::thread::scope(|scope| {
            let first = mutex.lock();
            scope.spawn(|| mutex.lock().push('b'));
            while mutex.queue.lock().expect("no panic").next_ticket < 2 {
                std::thread::yield_now();
            }
            drop(first);
            mutex.lock().push('a');
        });
        assert_eq!(*mutex.lock(), "ba");
    }
}
