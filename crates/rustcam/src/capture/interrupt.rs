//! How a caller ends a call early.

use crate::error::Result;

/// Ends a call before its deadline. Every `FnMut() -> Result<()>` is an interrupt; `&mut || Ok(())` never ends a call.
pub trait Interrupt {
    /// Fails to end the call. Called between waits, at most every few milliseconds.
    ///
    /// # Errors
    /// The error that the call returns.
    fn check(&mut self) -> Result<()>;

    /// Whether `check` may begin to fail without a signal in the waiting thread and without a call of the waker, so that nothing ends a
    /// wait. Then waits are cut into short slices, which cost processor time.
    fn must_poll(&self) -> bool {
        false
    }
}

impl<F: FnMut() -> Result<()>> Interrupt for F {
    fn check(&mut self) -> Result<()> {
        self()
    }
}
