//! The adapters, outputs and monitors of Windows: what there is, in which colours, and in physical pixels.

pub(super) mod color;
pub(super) mod dpi;
mod facts;
pub(super) mod monitors;
pub(super) mod outputs;
pub(super) mod utf16;

pub(super) use facts::facts;
pub(super) use outputs::outputs;
