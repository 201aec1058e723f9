//! The desktop, frame by frame, to a reader with a Direct3D device of its own: `gpu_consumer [none|keyed] [FRAMES] [SCRIPT]`.
//!
//! `consumer.rs` is the reader. With a script, the lab plays the desktop, for systems without Desktop Duplication. There a texture without
//! a mutex always shows the content that it had when it was opened, so use `keyed`.
#![allow(clippy::print_stdout)]

#[cfg(windows)]
mod consumer;

#[cfg(not(windows))]
fn main() {
    println!("shared textures exist on Windows only");
}

#[cfg(windows)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use consumer::Consumer;
    use rustcam::capture::{Request, Session, Target};
    use rustcam::color::TextureFormat;
    use rustcam::source::texture::TextureSync;
    use rustcam::source::{Backend, OpenOptions};
    use std::collections::hash_map::Entry;
    use std::collections::HashMap;
    use std::time::Duration;

    let mut arguments = std::env::args().skip(1);
    let sync: TextureSync = arguments.next().as_deref().unwrap_or("keyed").parse()?;
    let frames: u32 = arguments.next().as_deref().unwrap_or("10").parse()?;
    let _lab = arguments.next().map(|script| dda_lab::Lab::install(&script)).transpose()?;

    let options = OpenOptions::new(Backend::Dxgi);
    let mut session = Session::open(&options, &mut || Ok(()))?;
    let request = Request::within(Duration::from_secs(5));
    let mut reader = None;
    // Opening is costly, and the same memory comes back: what is open stays open.
    let mut opened = HashMap::new();
    for _ in 0..frames {
        let Some(frame) = session.grab(&request, Target::shared(sync, TextureFormat::Bgra8), &mut || Ok(()))? else {
            println!("nothing new in 5 seconds");
            continue;
        };
        let Some(texture) = frame.texture() else { continue };
        let luid = (texture.luid.low, texture.luid.high);
        let reader = match &mut reader {
            Some((known, reader)) if *known == luid => reader,
            // The first frame, or the desktop moved to another adapter.
            other => {
                opened.clear();
                &mut other.insert((luid, Consumer::on_adapter(luid)?)).1
            }
        };
        // A capture has at most eight textures at a time; the others are from before a change of the desktop's size.
        if opened.len() > 8 {
            opened.clear();
        }
        let opened = match opened.entry(texture.memory) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(reader.open(texture.handle.handle()?)?),
        };
        if !opened.acquire(1000)? {
            println!("the texture was not released in a second");
            continue;
        }
        let pixels = reader.pixels(opened)?;
        opened.release()?;
        let sum: u64 = pixels.iter().map(|&byte| u64::from(byte)).sum();
        println!("frame {} of {}: {} bytes, sum {sum}", frame.info.sequence, texture.size, pixels.len());
    }
    Ok(())
}
