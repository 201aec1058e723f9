//! The desktop of Windows, through Desktop Duplication.
//!
//! The compositor tells a process when something was presented on an output, which parts are new and where the pointer is, and lends the
//! image as a texture on the adapter that shows it. Three properties shape this module.
//!
//! - **A frame is borrowed.** While it is held, the compositor saves work but games stutter and frames merge; so the changed parts are
//!   copied on the device and the frame is released at once, before anything waits for the GPU (`d3d11/copies.rs` says which copies).
//! - **One duplication per output and process.** Captures of one output share it; each remembers how far it has seen.
//! - **It is lost all the time**, by prompts, mode changes, full-screen programs and driver restarts. `hresult` is the one table that says
//!   which answer means what.
//!
//! Images and damage are not turned, position and shape of the pointer are. A frame in which only the pointer changed has no image, and
//! costs the GPU no work.

mod desktop;
mod dpi;
mod duplication;
mod facts;
mod first_frame;
mod format_check;
mod metadata;
mod outputs;
mod pointer;
mod source;

pub(super) use facts::facts;
pub(super) use source::{outputs, DxgiSource};
