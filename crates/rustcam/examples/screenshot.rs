//! Saves the desktop as a PNG file: `screenshot FILE [BACKEND [SCRIPT]]`.
//!
//! `screenshot desktop.png` captures the real desktop, `screenshot desktop.png sim "size 640x480"` a simulated one.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use rustcam::capture::{Frame, Request, Session, Target};
use rustcam::frame::PixelFormat;
use rustcam::source::{Backend, OpenOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: screenshot FILE [BACKEND [SCRIPT]]")?;
    let name = arguments.next().unwrap_or_else(|| "auto".to_owned());
    let backend = Backend::choose(&name, arguments.next().as_deref())?;
    save(backend, Path::new(&path))
}

/// Saves the first output as it is at the moment.
pub fn save(backend: Backend, path: &Path) -> Result<(), Box<dyn Error>> {
    // Without the pointer; `watch_pointer(true)`, the default, would draw it.
    let mut session = Session::open(&OpenOptions::new(backend).watch_pointer(false), &mut || Ok(()))?;
    let request = Request::within(Duration::from_secs(5));
    let frame = session.grab(&request, Target::owned(PixelFormat::Rgb), &mut || Ok(()))?;
    let image = frame.and_then(Frame::into_image).ok_or("the desktop is not available, perhaps locked")?;
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, image.size.width, image.size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header()?.write_image_data(image.bytes())?;
    Ok(())
}
