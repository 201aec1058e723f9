//! Records the desktop as a gray video at a constant rate: `constant_rate FILE.y4m [SECONDS [BACKEND [SCRIPT]]]`.
//!
//! Slot `i` is due exactly `i / rate` after the first one. The video stays in time whatever the desktop and the disk do: a slot without a
//! new image repeats the previous one.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use rustcam::capture::{FixedRate, Handle, Rate, SlotCounts};
use rustcam::frame::PixelFormat;
use rustcam::source::{Backend, OpenOptions};

/// Frames per second.
const FPS: u64 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: constant_rate FILE.y4m [SECONDS [BACKEND [SCRIPT]]]")?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |seconds| seconds.parse())?;
    let name = arguments.next().unwrap_or_else(|| "auto".to_owned());
    let backend = Backend::choose(&name, arguments.next().as_deref())?;
    let counts = record(backend, seconds * FPS, &mut BufWriter::new(File::create(path)?))?;
    writeln!(std::io::stdout(), "{} repeated, {} skipped, {} late", counts.repeated, counts.skipped, counts.late)?;
    Ok(())
}

/// Writes so many frames of the first output to `out` as YUV4MPEG2 without colour.
pub fn record(backend: Backend, frames: u64, out: &mut impl Write) -> Result<SlotCounts, Box<dyn Error>> {
    let handle = Handle::open(&OpenOptions::new(backend), &mut || Ok(()))?;
    let size = handle.snapshot().output.size;
    writeln!(out, "YUV4MPEG2 W{} H{} F{FPS}:1 Ip A1:1 Cmono", size.width, size.height)?;
    let mut slots = FixedRate::new(Rate::new(FPS, 1)?).format(PixelFormat::Gray);
    handle.begin_frames(None, &mut || Ok(()))?;
    for _ in 0..frames {
        let (frame, _slot) = handle.next_frame(&mut slots, true, &mut || Ok(()))?;
        let image = frame.image().ok_or("the pixels are in memory")?;
        if image.size != size {
            return Err("the display changed its mode, which a video cannot follow".into());
        }
        out.write_all(b"FRAME\n")?;
        out.write_all(image.bytes())?;
    }
    handle.end_frames();
    Ok(slots.counts())
}
