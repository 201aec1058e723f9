//! Processes the newest frame again and again, however long processing takes: `latest_frame [FRAMES [BACKEND [SCRIPT]]]`.
//!
//! A thread captures; a frame that comes while another one is processed replaces the one before it, so no backlog builds up.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use rustcam::capture::{Handle, StreamOptions};
use rustcam::error::ErrorKind;
use rustcam::frame::PixelFormat;
use rustcam::source::{Backend, OpenOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let frames = arguments.next().map_or(Ok(100), |frames| frames.parse())?;
    let name = arguments.next().unwrap_or_else(|| "auto".to_owned());
    let backend = Backend::choose(&name, arguments.next().as_deref())?;
    watch(backend, frames, &mut std::io::stdout())
}

/// Writes the brightness of so many frames to `out`, a line each.
pub fn watch(backend: Backend, frames: u32, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let handle = Handle::open(&OpenOptions::new(backend), &mut || Ok(()))?;
    handle.start(StreamOptions::default().format(PixelFormat::Gray), &mut || Ok(()))?;
    let mut taken = 0;
    while taken < frames {
        let frame = match handle.latest(Some(Duration::from_secs(1)), &mut || Ok(())) {
            Ok(frame) => frame,
            Err(error) if error.kind() == ErrorKind::Timeout => continue,
            Err(error) => return Err(error.into()),
        };
        let Some(image) = frame.image() else { continue };
        let sum: u64 = image.bytes().iter().map(|&byte| u64::from(byte)).sum();
        let missed = frame.info.accumulated.saturating_sub(1);
        writeln!(out, "present {}: brightness {}, {missed} missed", frame.info.sequence, sum / image.size.area())?;
        taken += 1;
    }
    handle.stop();
    Ok(())
}
