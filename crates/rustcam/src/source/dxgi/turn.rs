//! A lock that serves in the order of asking.
//!
//! Whoever waits for a frame holds the desktop for a slice, lets go and takes it again at once. An ordinary mutex, here as in Windows,
//! favours the thread that just let go, and another one that only wants pixels would starve.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Queue {
    next: u64,
    serving: u64,
}

/// A value that one thread at a time may use, in the order in which they asked.
pub(super) struct Turn<T> {
    queue: Mutex<Queue>,
    called: Condvar,
    value: Mutex<T>,
}

/// The value, until this is dropped.
pub(super) struct Taken<'a, T> {
    turn: &'a Turn<T>,
    value: Option<MutexGuard<'a, T>>,
}

impl<T> Turn<T> {
    pub(super) fn new(value: T) -> Self {
        Self { queue: Mutex::default(), called: Condvar::new(), value: Mutex::new(value) }
    }

    /// Waits for this thread's turn.
    pub(super) fn take(&self) -> Taken<'_, T> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = queue.next;
        queue.next += 1;
        while queue.serving != ticket {
            queue = self.called.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        drop(queue);
        Taken { turn: self, value: Some(self.value.lock().unwrap_or_else(PoisonError::into_inner)) }
    }
}

impl<T> Deref for Taken<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("taken until dropped")
    }
}

impl<T> DerefMut for Taken<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("taken until dropped")
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.value = None;
        self.turn.queue.lock().unwrap_or_else(PoisonError::into_inner).serving += 1;
        self.turn.called.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_first_comes_before_who_takes_it_again() {
        let turn = Turn::new(String::new());
        std::thread::scope(|scope| {
            let mine = turn.take();
            scope.spawn(|| turn.take().push('b'));
            while turn.queue.lock().expect("nobody panics").next < 2 {
                std::thread::yield_now();
            }
            drop(mine);
            turn.take().push('a');
        });
        assert_eq!(*turn.take(), "ba");
    }
}
