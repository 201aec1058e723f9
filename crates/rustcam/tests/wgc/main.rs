//! The wgc backend against the lab, which gives this process a scripted Windows.Graphics.Capture over real windows and Direct3D textures.
#![cfg(windows)]
// A negative duration is a failed test.
#![allow(clippy::unchecked_time_subtraction)]

mod choosing;
mod failures;
mod fallback;
mod fresh;
mod lab_desktop;
mod lifecycle;
mod monitor;
mod test_window;
mod threads;
mod window;
