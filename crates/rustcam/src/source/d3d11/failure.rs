//! Errors of COM calls as errors of the engine.

use crate::error::Error;
use crate::source::verdict::{self, Call};

/// The error for a failed `call`.
pub(in crate::source) fn failed(error: &windows::core::Error, call: Call) -> Error {
    verdict::error(error.code().0 as u32, call)
}
