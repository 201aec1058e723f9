//! Failed calls of COM interfaces as errors of the engine.

use crate::error::Error;
use crate::source::verdict::{self, Call};

/// The error that tells a user about `error` from `call`.
pub(in crate::source) fn failed(error: &windows::core::Error, call: Call) -> Error {
    verdict::error(error.code().0 as u32, call)
}
