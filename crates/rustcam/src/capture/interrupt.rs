//! How a caller ends a call early.

use std::fmt;

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

/// An interrupt with a condition: the call also ends when the condition fails.
pub struct Conditional<'a, C> {
    condition: C,
    interrupt: &'a mut dyn Interrupt,
}

impl<'a, C: FnMut() -> Result<()>> Conditional<'a, C> {
    /// `interrupt`, checked after `condition`.
    pub fn new(condition: C, interrupt: &'a mut dyn Interrupt) -> Self {
        Self { condition, interrupt }
    }
}

impl<C: FnMut() -> Result<()>> Interrupt for Conditional<'_, C> {
    fn check(&mut self) -> Result<()> {
        (self.condition)()?;
        self.interrupt.check()
    }

    fn must_poll(&self) -> bool {
        self.interrupt.must_poll()
    }
}

impl<C> fmt::Debug for Conditional<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conditional").field("must_poll", &self.interrupt.must_poll()).finish_non_exhaustive()
    }
}
