//! Replacing functions of other DLLs: methods of COM objects, and exported functions.

pub(crate) mod export;
pub(crate) mod function;
pub(crate) mod vtable;
