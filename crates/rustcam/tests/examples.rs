//! The programs in `examples/` that can run on the simulated desktop do what they say. `watch_region` has tests of its own.

#[path = "../examples/constant_rate.rs"]
#[allow(dead_code, reason = "the example's main function")]
mod constant_rate;
#[path = "../examples/latest_frame.rs"]
#[allow(dead_code, reason = "the example's main function")]
mod latest_frame;
#[path = "../examples/screenshot.rs"]
#[allow(dead_code, reason = "the example's main function")]
mod screenshot;

use std::fs::File;
use std::io::BufReader;
use std::time::Duration;

use rustcam::source::sim::{Script, World};
use rustcam::source::Backend;

const SCRIPT: &str = "size 96x64; refresh 60; pointer still; clock virtual";

fn sim(script: &str) -> Backend {
    Backend::choose("sim", Some(script)).expect("a script")
}

fn world() -> World {
    World::new(&Script::parse(SCRIPT).expect("a script"), 0)
}

#[test]
fn screenshot_saves_every_pixel() {
    let path = std::env::temp_dir().join(format!("rustcam-screenshot-{}.png", std::process::id()));
    screenshot::save(sim(SCRIPT), &path).expect("saved");
    let mut reader = png::Decoder::new(BufReader::new(File::open(&path).expect("a file"))).read_info().expect("a PNG");
    let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut rgb).expect("an image");
    std::fs::remove_file(&path).expect("it can be deleted");
    assert_eq!((info.width, info.height), (96, 64));
    let expected: Vec<u8> = world().image(1).chunks_exact(4).flat_map(|p| [p[2], p[1], p[0]]).collect();
    assert!(rgb == expected);
}

#[test]
fn screenshot_names_what_is_wrong() {
    let error = screenshot::save(sim("refuse 0x80070005"), "nowhere.png".as_ref()).expect_err("refused");
    assert!(error.to_string().contains("0x80070005"), "{error}");
}

#[test]
fn latest_frame_writes_a_line_per_frame() {
    let mut out = Vec::new();
    latest_frame::watch(sim("size 96x64; refresh 200"), 5, &mut out).expect("written");
    let text = String::from_utf8(out).expect("text");
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.lines().all(|line| line.starts_with("present ") && line.contains("brightness ")), "{text}");
}

#[test]
fn constant_rate_records_every_slot_exactly() {
    let mut out = Vec::new();
    let counts = constant_rate::record(sim(&format!("{SCRIPT}; at 0ms pointer hide")), 45, &mut out).expect("recorded");
    assert_eq!((counts.late, counts.repeated), (0, 0));
    let header = b"YUV4MPEG2 W96 H64 F30:1 Ip A1:1 Cmono\n";
    let frames = out.strip_prefix(header).expect("a header");
    assert_eq!(frames.len(), 45 * (b"FRAME\n".len() + 96 * 64));
    let world = world();
    for (slot, frame) in (0..).zip(frames.chunks(b"FRAME\n".len() + 96 * 64)) {
        let image = world.image(world.frame_at(Duration::from_nanos(slot * 1_000_000_000 / 30)));
        let luma = |p: &[u8]| ((77 * u32::from(p[2]) + 150 * u32::from(p[1]) + 29 * u32::from(p[0]) + 128) >> 8) as u8;
        let expected: Vec<u8> = image.chunks_exact(4).map(luma).collect();
        let pixels = frame.strip_prefix(b"FRAME\n").expect("a frame");
        assert!(pixels == expected, "slot {slot}");
    }
}
