//! The window, and what is drawn into it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Request, Session, Target};
use rustcam::clock::{Clock, MonotonicClock};
use rustcam::frame::PixelFormat;
use rustcam::geometry::Rect;
use rustcam::source::sim::Script;
use rustcam::source::{Backend, OpenOptions};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::protocol::xproto::{ConnectionExt, CreateGCAux, CreateWindowAux, ImageFormat, WindowClass};

/// Bytes of a request before its pixels.
const HEADER: usize = 32;

/// Opens the window and keeps it up to date for that long.
pub fn show(seconds: u64) -> Result<(), Box<dyn Error>> {
    let (x, screen) = x11rb::connect(None)?;
    let screen = &x.setup().roots[screen];
    let (width, height) = (screen.width_in_pixels, screen.height_in_pixels);
    let (window, gc) = (x.generate_id()?, x.generate_id()?);
    let covering = CreateWindowAux::new().override_redirect(1).background_pixel(screen.black_pixel);
    x.create_window(
        screen.root_depth,
        window,
        screen.root,
        0,
        0,
        width,
        height,
        0,
        WindowClass::INPUT_OUTPUT,
        0,
        &covering,
    )?;
    x.create_gc(gc, window, &CreateGCAux::new())?;
    x.map_window(window)?;

    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    let script = Script::parse(&format!("size {width}x{height}"))?;
    let options = OpenOptions::new(Backend::Sim(script)).watch_pointer(false).clock(Arc::clone(&clock));
    let mut desktop = Session::open(&options, &mut || Ok(()))?;
    let request = Request::within(Duration::from_secs(1));
    let end = clock.now() + Duration::from_secs(seconds);
    let mut announced = false;
    while clock.now() < end {
        let Some(frame) = desktop.grab(&request, Target::retained(PixelFormat::Bgra), &mut || Ok(()))? else {
            continue;
        };
        let Some(image) = frame.image() else { continue };
        for part in &frame.info.damage.dirty {
            put(&x, window, gc, screen.root_depth, image.bytes(), usize::from(width) * 4, *part)?;
        }
        // A reply tells that the server has drawn all of it.
        x.get_input_focus()?.reply()?;
        if !announced {
            println!("ready");
            announced = true;
        }
    }
    Ok(())
}

/// Draws `part` of a picture, in as many requests as their largest size demands.
fn put(
    x: &impl RequestConnection,
    window: u32,
    gc: u32,
    depth: u8,
    picture: &[u8],
    stride: usize,
    part: Rect,
) -> Result<(), Box<dyn Error>> {
    let row_bytes = part.width() as usize * 4;
    let rows_per_request = ((x.maximum_request_bytes() - HEADER) / row_bytes).clamp(1, part.height() as usize);
    let rows: Vec<i32> = (part.top..part.bottom).collect();
    for band in rows.chunks(rows_per_request) {
        let bytes: Vec<u8> = band
            .iter()
            .flat_map(|&y| &picture[y as usize * stride + part.left as usize * 4..][..row_bytes])
            .copied()
            .collect();
        x.put_image(
            ImageFormat::Z_PIXMAP,
            window,
            gc,
            part.width() as u16,
            band.len() as u16,
            part.left as i16,
            band[0] as i16,
            0,
            depth,
            &bytes,
        )?;
    }
    Ok(())
}
