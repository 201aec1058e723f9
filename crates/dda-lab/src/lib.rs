//! A lab for Desktop Duplication and Windows.Graphics.Capture.
//!
//! Loaded into a process on Windows or Wine, this DLL makes `IDXGIOutput1::DuplicateOutput` and `IDXGIOutput5::DuplicateOutput1` return
//! a duplication of a scripted desktop, the same one that rustcam's backend `sim` shows: every pixel of every frame is known, and the
//! script says what happens when. The images are real `ID3D11Texture2D` objects on the caller's own device, so any program that captures
//! through Direct3D 11 can be run and measured, unmodified, where no Desktop Duplication exists. Windows.Graphics.Capture shows the same
//! desktop, and real windows with a picture of which every pixel is known, too.
//!
//! Where a simple imitation would be more lenient than Windows, the lab keeps the contract: a lost duplication stays lost, the texture of
//! a frame without an image holds garbage in another format, a pointer shape is reported once, and violations of the rules are counted.
//! `docs/lab.md` describes the settings, the exported functions and the limits.
//!
//! # Layers
//!
//! From top to bottom; a module uses modules of its own and of lower layers, and `scripts/arrows.py` refuses circles.
//!
//! | layer | modules | purpose |
//! |---|---|---|
//! | entry | `lab`, `c_api` | start and stop, from Rust and from any program that loads DLLs |
//! | hooks | `hooks` | functions in place of the system's; each file installs its own |
//! | objects | `capture`, `duplication`, `sharing` | the COM objects that programs get: captures of Windows.Graphics.Capture, the duplication, shared textures, keyed mutexes |
//! | state | `state` | the simulation: the desktop at this moment, and records of the program's devices and textures |
//! | formats | `pixels` | pixels in the formats of textures, and between textures and memory |
//! | script | `script` | the lab's own statements, injected failures, formats |
//! | tools | `patch`, `com`, `clock`, `timer`, `counters`, `bypass`, `mutex` | replacing functions, private data, time, waits that end late, counting |
//!
//! The objects and the state do not know the hooks. A hook that meets something new, a device or a shared texture, tells the state and
//! then has the hooks for it installed.
//!
//! On other systems the crate is empty.
#![cfg(windows)]
// What #[implement] and #[interface] expand to.
#![allow(clippy::ref_as_ptr, clippy::inline_always, clippy::transmute_ptr_to_ptr)]

mod bypass;
mod c_api;
mod capture;
mod clock;
mod com;
mod counters;
mod duplication;
mod hooks;
mod lab;
mod mutex;
mod patch;
mod pixels;
mod script;
mod sharing;
mod state;
mod timer;

pub use capture::window_picture::{window_frame, window_image, window_pixel};
pub use counters::Counters;
pub use lab::Lab;
