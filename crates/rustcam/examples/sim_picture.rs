//! Writes one picture of a simulated desktop: `cargo run --example sim_picture -- OUT.ppm [SECONDS] [SCRIPT]`.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::Duration;

use rustcam::source::sim::{Script, World};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let path = arguments.get(1).ok_or("which file shall be written?")?;
    let seconds = arguments.get(2).map_or(Ok(0.0), |s| s.parse::<f64>())?;
    let script = Script::parse(arguments.get(3).map_or("", String::as_str))?;
    let world = World::new(&script, 0);
    let frame = world.frame_at(Duration::try_from_secs_f64(seconds)?);
    let size = world.size(frame);
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "P6 {} {} 255", size.width, size.height)?;
    for y in 0..size.height as i32 {
        for x in 0..size.width as i32 {
            let [b, g, r, _] = world.pixel(frame, x, y);
            out.write_all(&[r, g, b])?;
        }
    }
    Ok(())
}
