//! The engine of rustcam: exact, fast screen capture.
//!
//! A [`source`] shows the desktop, a capture session turns what it shows into the image the caller asked for, and the Python package
//! only translates. Everything above the operating system is ordinary Rust that runs and is tested on any machine.
//!
//! The dependencies between the modules point one way: `error ← geometry ← frame ← {pixels, source} ← capture`.

#![warn(missing_debug_implementations)]

pub mod capture;
pub mod clock;
pub mod error;
pub mod frame;
pub mod geometry;
pub mod memory;
pub mod pixels;
mod region;
pub mod source;
