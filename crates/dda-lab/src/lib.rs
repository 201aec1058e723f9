//! A laboratory for Desktop Duplication.
//!
//! Loaded into a process on Windows or Wine, this DLL makes `IDXGIOutput1::DuplicateOutput` and `IDXGIOutput5::DuplicateOutput1` hand
//! out a duplication of a scripted desktop, the same one as rustcam's backend `sim` shows: every pixel of every frame is known, and the
//! script says what happens when. The images are real `ID3D11Texture2D` objects of the caller's own device, so whatever captures
//! through Direct3D 11 can be run and measured where no Desktop Duplication exists, unmodified.
//!
//! The laboratory keeps the contract of Desktop Duplication where a naive imitation would be kinder than Windows: a loss is sticky, the
//! texture of a wake-up without an image holds garbage of another format, a pointer shape is told once, and whoever breaks the rules is
//! counted. `docs/lab.md` describes the settings, the exports and what the laboratory is not.
//!
//! On other systems the crate is empty.
#![cfg(windows)]
// What #[implement] and #[interface] expand to.
#![allow(clippy::ref_as_ptr, clippy::inline_always, clippy::transmute_ptr_to_ptr)]

mod acquire;
mod across;
mod context;
mod counters;
mod creation;
mod describe;
mod device;
mod drawing;
mod duplicate;
mod duplication;
mod exports;
mod faults;
mod fold;
mod getters;
mod keyed;
mod lab;
mod outputs;
mod pixels;
mod pool;
mod private;
mod qpc;
mod reader;
mod reroute;
mod resource;
mod settings;
mod shared;
mod stage;
mod surface;
mod vtable;

pub use counters::Counters;
pub use lab::Lab;

/// Locks a mutex. Nothing in this crate leaves a value half-changed when it panics, so a poisoned lock is as good as any.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
