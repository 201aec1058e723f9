//! The caller's way to end a call early.

use crate::error::Result;

/// Ends a call before its deadline.
pub trait Interrupt {
    /// Ends the call by failing. Called between waits, at most every few milliseconds.
    ///
    /// # Errors
    /// Whatever the call shall return.
    fn check(&mut self) -> Result<()>;

    /// Whether `check` may begin to fail without anything that ends a wait: no signal in the waiting thread and no waker. Then waits are
    /// cut into short slices, which cost processor time.
    fn must_poll(&self) -> bool {
        false
    }
}

impl<F: FnMut() -> Result<()>> Interrupt for F {
    fn check(&mut self) -> Result<()> {
        self()
    }
}
