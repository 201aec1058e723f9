//! A mutex that is locked in the order of requests.
//!
//! A thread that waits for a frame locks the mutex for a moment, unlocks it and locks it again soon. An ordinary mutex favours the thread
//! that has just unlocked it, also on Windows, so that another thread which only reads pixels would starve.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, EventCount};

#[derive(Default)]
struct Queue {
    next_ticket: u64,
    waiting: VecDeque<u64>,
    locked: bool,
}

/// A value that one thread at a time may use, first come, first served.
pub(in crate::source) struct FairMutex<T> {
    queue: Mutex<Queue>,
    changed: EventCount,
    value: Mutex<T>,
}

/// Access to the value until it is dropped.
pub(in crate::source) struct FairMutexGuard<'a, T> {
    mutex: &'a FairMutex<T>,
    value: Option<MutexGuard<'a, T>>,
}

impl<T> FairMutex<T> {
    pub(in crate::source) fn new(value: T) -> Self {
        Self { queue: Mutex::default(), changed: EventCount::default(), value: Mutex::new(value) }
    }

    /// Waits until all threads that called `lock` earlier have unlocked it, or gave up. `None` if `deadline` comes first.
    pub(in crate::source) fn lock(&self, clock: &dyn Clock, deadline: Duration) -> Option<FairMutexGuard<'_, T>> {
        let mut queue = self.queue();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push_back(ticket);
        while queue.locked || queue.waiting.front() != Some(&ticket) {
            let left = deadline.saturating_sub(clock.now());
            if left.is_zero() {
                queue.waiting.retain(|waiting| *waiting != ticket);
                drop(queue);
                self.changed.notify();
                return None;
            }
            let seen = self.changed.count();
            drop(queue);
            // In real time, also where the clock is a virtual one: the thread that has the lock makes that one advance.
            self.changed.wait(seen, left);
            queue = self.queue();
        }
        queue.waiting.pop_front();
        queue.locked = true;
        drop(queue);
        Some(FairMutexGuard { mutex: self, value: Some(self.value.lock().unwrap_or_else(PoisonError::into_inner)) })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.mutex.queue().locked = false;
        self.mutex.changed.notify();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::MonotonicClock;

    const CLOCK: MonotonicClock = MonotonicClock;

    fn lock<T>(mutex: &FairMutex<T>) -> FairMutexGuard<'_, T> {
        mutex.lock(&CLOCK, Duration::MAX).expect("no deadline")
    }

    fn wait_for_tickets(mutex: &FairMutex<String>, tickets: u64) {
        while mutex.queue().next_ticket < tickets {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_waiting_thread_goes_before_one_that_locks_again() {
        let mutex = FairMutex::new(String::new());
        std::thread::scope(|scope| {
            let first = lock(&mutex);
            scope.spawn(|| lock(&mutex).push('b'));
            wait_for_tickets(&mutex, 2);
            drop(first);
            lock(&mutex).push('a');
        });
        assert_eq!(*lock(&mutex), "ba");
    }

    #[test]
    fn a_thread_that_gives_up_at_its_deadline_does_not_block_those_behind_it() {
        let mutex = FairMutex::new(String::new());
        let deadline = CLOCK.now() + Duration::from_millis(30);
        std::thread::scope(|scope| {
            let first = lock(&mutex);
            let giving_up = || assert!(mutex.lock(&CLOCK, deadline).is_none());
            scope.spawn(giving_up);
            wait_for_tickets(&mutex, 2);
            scope.spawn(|| lock(&mutex).push('c'));
            wait_for_tickets(&mutex, 3);
            while mutex.queue().waiting.len() > 1 {
                std::thread::yield_now();
            }
            let late = CLOCK.now().saturating_sub(deadline);
            assert!(late < Duration::from_millis(50), "{late:?}");
            drop(first);
        });
        assert_eq!(*lock(&mutex), "c");
    }
}
