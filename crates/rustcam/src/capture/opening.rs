//! Opening: refusals that pass by themselves are waited out.

use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, Loss, Result};
use crate::source::CheckInterrupt;

use super::deadline::WaitBudget;
use super::interrupt::Interrupt;

/// The pause between two attempts: a capture service that restarts, or a mode change, takes some of them.
const PAUSE: Duration = Duration::from_millis(100);

/// Attempts something until it succeeds, is refused for good, or `timeout` has passed. The last attempt is made at the deadline.
/// An attempt that takes its time checks what it is given, and so the interrupt.
///
/// # Errors
/// The last refusal, which is no loss any more; the interrupt's.
pub fn persist<T>(
    clock: &dyn Clock,
    timeout: Duration,
    interrupt: &mut dyn Interrupt,
    mut attempt: impl FnMut(&mut CheckInterrupt<'_>) -> Result<T>,
) -> Result<T> {
    let begun = clock.now();
    let mut budget = WaitBudget::new(clock, timeout, interrupt);
    let mut refused: Option<Error> = None;
    loop {
        let last = budget.is_over();
        match attempt(&mut || budget.check_interrupt()) {
            Ok(value) => {
                if let Some(error) = refused {
                    let waited = clock.now().saturating_sub(begun).as_millis();
                    log::info!("opened after {waited} ms; until then: {error}");
                }
                return Ok(value);
            }
            Err(error) if last || error.loss() != Some(Loss::Transient) => {
                let error = error.without_loss();
                return Err(if refused.is_some() { error.after(clock.now().saturating_sub(begun)) } else { error });
            }
            Err(error) => refused = Some(error),
        }
        let next = clock.now().saturating_add(PAUSE);
        while clock.now() < next && !budget.is_over() {
            budget.sleep(next)?;
        }
    }
}
