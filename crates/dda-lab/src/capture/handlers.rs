//! The handlers of one event.

use std::sync::Mutex;

use windows_core::Interface;

use crate::mutex::lock;

/// A handler of the program: agile, as all classes of Windows.Graphics.Capture demand.
struct Handler<T>(i64, T);

// SAFETY: an agile object may be called and released on every thread.
unsafe impl<T> Send for Handler<T> {}

pub(crate) struct Handlers<T> {
    list: Mutex<Vec<Handler<T>>>,
    last: Mutex<i64>,
}

impl<T> Default for Handlers<T> {
    fn default() -> Self {
        Self { list: Mutex::default(), last: Mutex::default() }
    }
}

impl<T: Interface + Clone> Handlers<T> {
    /// Adds a handler and returns its token.
    pub(crate) fn add(&self, handler: T) -> i64 {
        let mut last = lock(&self.last);
        *last += 1;
        lock(&self.list).push(Handler(*last, handler));
        *last
    }

    /// Removes the handler of a token, if there is one. It may still run.
    pub(crate) fn remove(&self, token: i64) {
        let mut list = lock(&self.list);
        let found = list.iter().position(|handler| handler.0 == token);
        let removed = found.map(|index| list.remove(index));
        // Its release may call the program.
        drop(list);
        drop(removed);
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.list).is_empty()
    }

    /// Calls something with every handler, without a lock.
    pub(crate) fn call(&self, invoke: impl Fn(&T)) {
        let all: Vec<T> = lock(&self.list).iter().map(|handler| handler.1.clone()).collect();
        all.iter().for_each(invoke);
    }
}
