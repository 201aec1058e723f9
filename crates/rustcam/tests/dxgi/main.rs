//! The dxgi backend against the lab, which gives this process a scripted Desktop Duplication over real Direct3D textures.
#![cfg(windows)]
// A negative duration is a failed test.
#![allow(clippy::unchecked_time_subtraction)]

mod ahead;
mod colours;
mod failures;
mod gpu;
mod in_place;
mod lab_desktop;
mod light;
mod losses;
mod matrix;
mod nudge;
mod opening;
mod pacing;
mod reader;
mod regions;
mod scaled;
mod session;
mod sharing;
mod source;
mod topology;
mod unkind;
