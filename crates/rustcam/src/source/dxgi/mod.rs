//! The desktop of Windows, through Desktop Duplication.
//!
//! The compositor lets a process look at an output: it says when something was presented, which parts are new, and where the pointer
//! is, and lends the image as a texture on the adapter that shows it. Three properties shape this module.
//!
//! - **A frame is lent.** While it is held, the compositor saves work but games stutter and frames merge; so the changed parts are copied on
//!   the device and the frame goes back at once, before anything waits for the GPU (`readback.rs` explains which copies, and why no more).
//! - **One duplication per output and process.** Captures of one output share it; each remembers how far it has looked.
//! - **It is taken away all the time**, by prompts, mode changes, full-screen programs and driver restarts. `hresult` is the one table that
//!   says which answer means what.
//!
//! Frames can also stay on the device: drawn upright, with the pointer, into textures that others open (`sharing.rs`, `ring.rs`).
//!
//! Images and damage are not turned, position and shape of the pointer are. A frame in which only the pointer changed holds no image, and
//! costs no work of the GPU.

pub mod hresult;

mod changes;
mod picture;
mod ring;
mod turn;

#[cfg(windows)]
mod desktop;
#[cfg(windows)]
mod device;
#[cfg(windows)]
mod dpi;
#[cfg(windows)]
mod duplication;
#[cfg(windows)]
mod facts;
#[cfg(windows)]
mod metadata;
#[cfg(windows)]
mod outputs;
#[cfg(windows)]
mod painter;
#[cfg(windows)]
mod pointer;
#[cfg(windows)]
mod promise;
#[cfg(windows)]
mod readback;
#[cfg(windows)]
mod relay;
#[cfg(windows)]
mod shaders;
#[cfg(windows)]
mod shared;
#[cfg(windows)]
mod sharing;
#[cfg(windows)]
mod viewer;

#[cfg(windows)]
pub use facts::facts;
#[cfg(windows)]
pub use viewer::{outputs, DxgiSource};
