//! The X11 backend against a real X server: Xvfb, one per test.
#![cfg(target_os = "linux")]
// A negative duration is a failed test.
#![allow(clippy::unchecked_time_subtraction)]

mod damage;
mod identity;
mod losses;
mod memory;
mod opening;
mod pointer;
mod program;
mod session;
mod source;
mod waits;
mod window_leaks;
mod window_list;
mod window_losses;
mod windows;
mod xvfb;
