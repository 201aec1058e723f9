//! Shows the simulated desktop in a window that covers an X screen, so that there is something to capture on a bare server:
//! `x11_desktop [SECONDS]`, 60 if not given. Prints "ready" once it is visible.

// An example talks to its user.
#![allow(clippy::print_stdout)]

use std::error::Error;

#[cfg(target_os = "linux")]
mod window;

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = std::env::args().nth(1).map_or(Ok(60), |s| s.parse())?;
    #[cfg(target_os = "linux")]
    return window::show(seconds);
    #[cfg(not(target_os = "linux"))]
    Err(format!("no X11 here to show a desktop for {seconds} seconds").into())
}
