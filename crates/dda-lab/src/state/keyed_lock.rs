//! The state of a keyed mutex, which Wine does not have.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::mutex::lock;

/// Why a call on the lock failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It was acquired by its owner, or released by another.
    OutOfOrder,
    Abandoned,
    TimedOut,
}

/// A lock with one owner at a time, and a key that says who may be the next. Owners are numbers.
#[derive(Default)]
pub(crate) struct KeyedLock {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    key: u64,
    owner: Option<u64>,
    /// An owner ended without releasing it. It stays abandoned.
    abandoned: bool,
}

impl KeyedLock {
    /// Waits until it was released with `key`, at most `timeout`.
    pub(crate) fn acquire(&self, who: u64, key: u64, timeout: Duration) -> Result<(), Refused> {
        let state = lock(&self.state);
        if state.owner == Some(who) {
            return Err(Refused::OutOfOrder);
        }
        let blocked = |state: &mut State| !state.abandoned && (state.owner.is_some() || state.key != key);
        let waited = self.changed.wait_timeout_while(state, timeout, blocked);
        let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.abandoned {
            return Err(Refused::Abandoned);
        }
        if outcome.timed_out() {
            return Err(Refused::TimedOut);
        }
        state.owner = Some(who);
        Ok(())
    }

    /// Releases it with `key`, for whoever waits for that key.
    pub(crate) fn release(&self, who: u64, key: u64) -> Result<(), Refused> {
        let mut state = lock(&self.state);
        if state.owner != Some(who) {
            return Err(Refused::OutOfOrder);
        }
        state.owner = None;
        state.key = key;
        self.changed.notify_all();
        Ok(())
    }

    /// `who` has ended. If it was the owner, the lock is abandoned.
    pub(crate) fn leave(&self, who: u64) {
        let mut state = lock(&self.state);
        if state.owner == Some(who) {
            state.owner = None;
            state.abandoned = true;
            self.changed.notify_all();
        }
    }

    pub(crate) fn is_owned_by(&self, who: u64) -> bool {
        lock(&self.state).owner == Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_pass_the_lock_to_and_fro() {
        let lock = KeyedLock::default();
        let now = Duration::ZERO;
        assert_eq!(lock.acquire(2, 1, now), Err(Refused::TimedOut));
        assert_eq!(lock.acquire(1, 0, now), Ok(()));
        assert_eq!(lock.acquire(2, 0, now), Err(Refused::TimedOut), "owned");
        assert_eq!(lock.release(2, 1), Err(Refused::OutOfOrder), "not by its owner");
        assert_eq!(lock.release(1, 1), Ok(()));
        assert_eq!(lock.acquire(1, 0, now), Err(Refused::TimedOut));
        assert_eq!(lock.acquire(2, 1, now), Ok(()));
        assert_eq!(lock.acquire(2, 1, now), Err(Refused::OutOfOrder), "not recursive");
    }

    #[test]
    fn an_owner_that_ends_abandons_the_lock_for_good() {
        let lock = KeyedLock::default();
        lock.leave(1);
        assert_eq!(lock.acquire(1, 0, Duration::ZERO), Ok(()));
        lock.leave(1);
        for who in [1, 2] {
            assert_eq!(lock.acquire(who, 0, Duration::from_secs(60)), Err(Refused::Abandoned));
        }
    }
}
