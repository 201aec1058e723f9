//! Textures of half floats: the light of every desktop, equal to what the processor writes for `rgba16f`.

use rustcam::capture::{Frame, Request, Session, Target};
use rustcam::color::TextureFormat;
use rustcam::error::ErrorKind;
use rustcam::frame::PixelFormat;
use rustcam::geometry::{Rect, Rotation};
use rustcam::source::texture::TextureSync;

use crate::lab_desktop::{ms, options, request, LabDesktop, LONG};
use crate::reader::{read, reader_for, Consumer};

const HDR: &str = "color hdr; white 240; max 1000";
const SMALL: &str = "size 160x120; refresh 100; static; lab poison eager; ";

/// Pixels of half floats, as numbers in the order of their values: neighbouring half floats are neighbouring numbers, NaN is `None`.
fn light(bytes: &[u8]) -> Vec<Option<i32>> {
    let order = |bits: u16| match bits & 0x7FFF {
        0x7C01.. => None,
        magnitude if bits & 0x8000 == 0 => Some(i32::from(magnitude)),
        magnitude => Some(-i32::from(magnitude)),
    };
    bytes.as_chunks().0.iter().map(|bytes| order(u16::from_le_bytes(*bytes))).collect()
}

fn open(desktop: &LabDesktop, cursor: bool) -> Session {
    Session::open(&options(desktop, 0, cursor), &mut || Ok(())).expect("opens")
}

fn shared(sync: TextureSync, format: TextureFormat) -> Target<'static> {
    Target::shared(sync, format)
}

/// The current image as a texture.
fn share(session: &mut Session, sync: TextureSync, format: TextureFormat) -> Frame {
    session.grab(&current(), shared(sync, format), &mut || Ok(())).expect("alive").expect("an image")
}

/// The current image, new or not.
fn current() -> Request {
    request(LONG).new_frame_only(false)
}

/// The same desktop twice: for textures, and for frames in memory.
struct Twice {
    textures: Session,
    memory: Session,
    reader: Option<Consumer>,
}

impl Twice {
    fn open(desktop: &LabDesktop, cursor: bool) -> Self {
        Self { textures: open(desktop, cursor), memory: open(desktop, cursor), reader: None }
    }

    fn set_region(&mut self, region: Option<Rect>) {
        self.textures.set_region(region).expect("inside");
        self.memory.set_region(region).expect("inside");
    }

    /// The current image in a texture of half floats, its pixels, and those of the same image in memory.
    fn frame(&mut self, sync: TextureSync) -> (Frame, Vec<u8>, Vec<u8>) {
        for _ in 0..100 {
            let frame = share(&mut self.textures, sync, TextureFormat::Rgba16f);
            let texture = frame.texture().expect("on the device");
            assert_eq!((texture.format, texture.bytes()), (TextureFormat::Rgba16f, texture.size.area() * 8));
            let seen = read(self.reader.get_or_insert_with(|| reader_for(texture)), texture);
            let target = Target::owned(PixelFormat::Rgba16f);
            let memory = self.memory.grab(&current(), target, &mut || Ok(())).expect("alive").expect("an image");
            if (memory.info.present_time, &memory.info.pointer) == (frame.info.present_time, &frame.info.pointer) {
                return (frame, seen, memory.image().expect("in memory").bytes().to_vec());
            }
        }
        panic!("no frame was captured twice");
    }
}

/// Asserts that a texture equals the frame in memory, within `most` steps of half floats.
fn assert_same(seen: &[u8], expected: &[u8], width: u32, (most, what): (u32, &str)) {
    assert_eq!(seen.len(), expected.len(), "{what}");
    for (i, (here, there)) in light(seen).into_iter().zip(light(expected)).enumerate() {
        let same = match (here, there) {
            (Some(here), Some(there)) => here.abs_diff(there) <= most,
            (here, there) => here == there,
        };
        let (x, y) = (i / 4 % width as usize, i / 4 / width as usize);
        assert!(same, "{what}: channel {} of pixel {x},{y} is {here:?}, not {there:?}", i % 4);
    }
}

/// Shares frames of each kind, and compares every one, within `most` steps of half floats.
fn check(script: &str, cursor: bool, most: u32) {
    let desktop = LabDesktop::new(script);
    let mut twice = Twice::open(&desktop, cursor);
    for region in [None, Some(Rect::new(7, 9, 90, 61)), None] {
        twice.set_region(region);
        for sync in TextureSync::ALL {
            let (frame, seen, expected) = twice.frame(sync);
            let what = format!("{script}, {region:?}, {sync}, {:?}", frame.info.pointer.position);
            assert_same(&seen, &expected, twice.textures.region().width(), (most, &what));
        }
    }
    assert_eq!(twice.textures.stats().fallback, None, "{script}");
    drop(twice);
    desktop.finish();
}

#[test]
fn every_desktop_and_rotation_has_the_light_that_the_processor_writes() {
    for (colour, rotations) in [
        (HDR, &Rotation::ALL[..]),
        ("lab format bgra", &[Rotation::None, Rotation::Clockwise90]),
        ("lab format rgb10", &[Rotation::Clockwise270]),
        ("lab format acm", &[Rotation::Clockwise180]),
        ("lab format fp16", &[Rotation::None]),
    ] {
        for rotation in rotations {
            check(&format!("{SMALL} rotation {}; {colour}; pointer still", rotation.degrees()), false, 0);
        }
    }
}

#[test]
fn every_pointer_is_at_sdr_white() {
    // A translucent pointer is mixed in linear light, whose rounding is the device's; over 8 bits it is mixed in them.
    for (colour, translucent, shapes) in [
        (HDR, 1, &["arrow", "hand", "bitmap", "ibeam", "masked"][..]),
        ("lab format bgra", 0, &["hand", "masked"]),
        ("lab format rgb10", 1, &["arrow", "bitmap"]),
    ] {
        for (shape, rotation) in shapes.iter().zip([0, 90, 180, 270, 0]) {
            let most = if ["arrow", "hand"].contains(shape) { translucent } else { 0 };
            let moved = format!("at 0ms shape {shape}; at 1ms pointer 60,30; at 1ms present");
            check(&format!("{SMALL} rotation {rotation}; {colour}; {moved}"), true, most);
        }
    }
}

#[test]
fn small_changes_are_drawn_into_textures_that_come_again() {
    let changes: Vec<_> =
        (1..40).map(|i| format!("at {}ms present dirty {i},{i},{},{}", i * 50, i + 20, i + 9)).collect();
    for colour in [HDR, "lab format bgra", "lab format rgb10"] {
        let desktop = LabDesktop::new(&format!("{SMALL} pointer still; {colour}; {}", changes.join("; ")));
        let mut twice = Twice::open(&desktop, false);
        let mut held = Vec::new();
        for round in 0..12 {
            let (frame, seen, expected) = twice.frame(TextureSync::None);
            assert_same(&seen, &expected, 160, (0, &format!("{colour}, round {round}")));
            held.push(frame);
            held.drain(..held.len().saturating_sub([0, 3, 1, 2][round % 4]));
        }
        assert!(desktop.counters().shared_textures <= 4, "they are reused: {:?}", desktop.counters());
        drop((held, twice));
        desktop.finish();
    }
}

#[test]
fn formats_can_alternate() {
    for colour in [HDR, "lab format bgra"] {
        let desktop = LabDesktop::new(&format!("{SMALL} {colour}; pointer still"));
        let mut twice = Twice::open(&desktop, false);
        let held = share(&mut twice.textures, TextureSync::None, TextureFormat::Bgra8);
        let texture = held.texture().expect("on the device");
        let before = read(&reader_for(texture), texture);
        for round in 0..4 {
            let (frame, seen, expected) = twice.frame(TextureSync::None);
            assert_same(&seen, &expected, 160, (0, &format!("{colour}, round {round}")));
            assert_eq!(seen.len(), 160 * 120 * 8);
            drop(frame);
            let frame = share(&mut twice.textures, TextureSync::Keyed, TextureFormat::Bgra8);
            let texture = frame.texture().expect("on the device");
            assert_eq!((texture.format, texture.bytes()), (TextureFormat::Bgra8, 160 * 120 * 4));
            assert_eq!(read(&reader_for(texture), texture).len(), 160 * 120 * 4);
        }
        let texture = held.texture().expect("on the device");
        assert!(read(&reader_for(texture), texture) == before, "a held texture keeps its frame");
        drop((held, twice));
        desktop.finish();
    }
}

#[test]
fn a_device_that_cannot_map_to_eight_bits_still_shares_the_light() {
    let desktop = LabDesktop::new(&format!("{SMALL} {HDR}; pointer still"));
    desktop.lab.inject("CheckFormatSupport", 0, 0x8000_4005_u32 as i32).expect("a call");
    let mut twice = Twice::open(&desktop, false);
    let (_, seen, expected) = twice.frame(TextureSync::None);
    assert_same(&seen, &expected, 160, (0, "half floats"));
    drop(twice);
    desktop.finish();
}

#[test]
fn ten_bits_are_no_format_of_textures() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = open(&desktop, false);
    let target = shared(TextureSync::None, TextureFormat::Rgb10a2);
    let error = session.grab(&request(ms(500)), target, &mut || Ok(())).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.to_string().contains("\"bgra\" or \"rgba16f\""), "{error}");
    drop(session);
    desktop.finish();
}

#[test]
fn infinities_and_nan_stay_what_they_are() {
    for rotation in [0, 90] {
        check(&format!("{SMALL} lab format wild; rotation {rotation}; pointer still"), false, 0);
    }
}

#[test]
fn a_desktop_of_any_half_floats_is_captured_in_every_format() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab format wild; at 1ms pointer 60,30"));
    let mut session = open(&desktop, true);
    for &format in PixelFormat::ALL {
        for target in [Target::owned(format), Target::retained(format), Target::owned(format)] {
            let frame = session.grab(&current(), target, &mut || Ok(())).expect("alive").expect("an image");
            assert_eq!(frame.image().expect("in memory").bytes().len(), 160 * 120 * format.bytes(), "{format}");
        }
    }
    for format in [TextureFormat::Bgra8, TextureFormat::Rgba16f] {
        for sync in TextureSync::ALL {
            let frame = share(&mut session, sync, format);
            let texture = frame.texture().expect("on the device");
            assert_eq!(read(&reader_for(texture), texture).len(), 160 * 120 * format.bytes(), "{format:?}");
        }
    }
    assert_eq!((session.stats().recoveries, session.stats().fallback), (0, None));
    drop(session);
    desktop.finish();
}
