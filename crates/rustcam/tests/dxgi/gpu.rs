//! Frames that stay on the device: their pixels, and that no unnecessary work is done.

use std::sync::Arc;

use rustcam::capture::{Frame, Request, Session, Target};
use rustcam::clock::MonotonicClock;
use rustcam::color::TextureFormat;
use rustcam::error::Result;
use rustcam::frame::{FrameInfo, ImageMut, PixelFormat};
use rustcam::geometry::Rect;
use rustcam::pixels::{draw_pointer, PointerImage};
use rustcam::source::texture::{SharedTexture, TextureSync};

use crate::lab_desktop::{ms, LabDesktop};
use crate::reader::{read, reader_for};

pub const SMALL: &str = "size 320x200; refresh 100; ";

fn request(region: Option<Rect>, timeout: u64) -> Request {
    Request::within(ms(timeout)).region(region)
}

pub fn session(desktop: &LabDesktop, cursor: bool) -> Session {
    Session::over(desktop.open(cursor), Arc::new(MonotonicClock), cursor)
}

pub fn try_share(session: &mut Session, sync: TextureSync) -> Result<Option<Frame>> {
    session.grab(&request(None, 5000), Target::shared(sync, TextureFormat::Bgra8), &mut || Ok(()))
}

/// The texture of a frame that stays on the device.
pub fn texture(frame: &Frame) -> &SharedTexture {
    frame.texture().expect("on the device")
}

pub fn share(session: &mut Session, sync: TextureSync) -> Frame {
    try_share(session, sync).expect("alive").expect("something is presented")
}

/// The exact picture: that of the script, opaque, with the pointer over it.
pub fn expected(desktop: &LabDesktop, info: &FrameInfo, region: Rect, cursor: bool) -> Vec<u8> {
    let (world, frame) = (desktop.lab.world(), desktop.frame_at(info.present_time));
    let (image, width) = (world.image(frame), world.size(frame).width as i32);
    let mut bytes = Vec::new();
    for y in region.top..region.bottom {
        let start = (y * width + region.left) as usize * 4;
        for p in image[start..start + region.width() as usize * 4].chunks_exact(4) {
            bytes.extend([p[0], p[1], p[2], 255]);
        }
    }
    let pointer = &info.pointer;
    if let Some(shape) = pointer.shape.as_ref().filter(|_| cursor && pointer.visible) {
        let shape = PointerImage::decode(shape).expect("well formed");
        let stride = region.width() as usize * 4;
        let mut image = ImageMut::new(&mut bytes, stride, region.size(), PixelFormat::Bgra);
        draw_pointer(&shape, pointer.position, region, &mut image);
    }
    bytes
}

pub fn assert_same(seen: &[u8], expected: &[u8], width: u32, what: &str) {
    assert_eq!(seen.len(), expected.len(), "{what}");
    if let Some(i) = (0..seen.len() / 4).find(|i| seen[i * 4..i * 4 + 4] != expected[i * 4..i * 4 + 4]) {
        let (x, y) = (i % width as usize, i / width as usize);
        panic!("{what}: pixel {x},{y} is {:?}, not {:?}", &seen[i * 4..i * 4 + 4], &expected[i * 4..i * 4 + 4]);
    }
}

#[test]
fn pictures_are_exact_rotated_cropped_and_with_every_pointer() {
    // The equations of the pointer are tested completely in `renderer.rs`.
    for (rotation, shapes) in
        [(0, ["arrow", "ibeam"]), (90, ["masked", "hand"]), (180, ["ibeam", "arrow"]), (270, ["hand", "masked"])]
    {
        for shape in shapes {
            let desktop =
                LabDesktop::new(&format!("{SMALL} rotation {rotation}; at 0ms shape {shape}; lab poison eager"));
            let mut session = session(&desktop, true);
            let mut reader = None;
            for (round, region) in [None, Some(Rect::new(101, 33, 240, 181)), None].into_iter().enumerate() {
                session.set_region(region).expect("inside");
                let region = session.region();
                for sync in TextureSync::ALL {
                    let frame = share(&mut session, sync);
                    assert_eq!((texture(&frame).size, texture(&frame).sync), (region.size(), sync));
                    assert_eq!(texture(&frame).bytes(), region.area() * 4);
                    let reader = reader.get_or_insert_with(|| reader_for(texture(&frame)));
                    let what = format!("rotation {rotation}, {shape}, {region}, {sync}, round {round}");
                    let seen = read(reader, texture(&frame));
                    assert_same(&seen, &expected(&desktop, &frame.info, region, true), region.width(), &what);
                }
            }
            drop(session);
            desktop.finish();
        }
    }
}

#[test]
fn pointers_at_every_edge_are_clipped_exactly() {
    for shape in ["arrow", "masked"] {
        for (x, y) in [(-7, 50), (50, -9), (313, 60), (316, 196)] {
            let desktop =
                LabDesktop::new(&format!("{SMALL} static; rotation 90; at 0ms shape {shape}; at 1ms pointer {x},{y}"));
            let mut session = session(&desktop, true);
            // The first frame may be from before the pointer was put there.
            let frame = loop {
                let frame = share(&mut session, TextureSync::None);
                if !frame.info.pointer.visible
                    || (frame.info.pointer.position.x, frame.info.pointer.position.y) == (x, y)
                {
                    break frame;
                }
            };
            let region = session.region();
            let seen = read(&reader_for(texture(&frame)), texture(&frame));
            let what = format!("{shape} at {x},{y}");
            assert_same(&seen, &expected(&desktop, &frame.info, region, true), region.width(), &what);
            drop((frame, session));
            desktop.finish();
        }
    }
}

#[test]
fn nothing_is_read_back() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = session(&desktop, true);
    drop(share(&mut session, TextureSync::None));
    let before = desktop.counters();
    for _ in 0..20 {
        for sync in TextureSync::ALL {
            drop(share(&mut session, sync));
        }
    }
    let after = desktop.counters();
    assert_eq!((after.maps, after.bytes_mapped), (before.maps, before.bytes_mapped));
    assert!(after.draws >= before.draws + 40, "{after:?}");
    drop(session);
    desktop.finish();
}

#[test]
fn a_held_texture_keeps_its_frame() {
    for sync in TextureSync::ALL {
        let desktop = LabDesktop::new(&format!("{SMALL} full; pointer still"));
        let mut session = session(&desktop, false);
        let held: Vec<_> = (0..4).map(|_| share(&mut session, sync)).collect();
        for _ in 0..20 {
            share(&mut session, sync);
        }
        let region = session.region();
        let reader = reader_for(texture(&held[0]));
        for frame in &held {
            let seen = read(&reader, texture(frame));
            assert_same(&seen, &expected(&desktop, &frame.info, region, false), region.width(), "held");
        }
        // A holder outlives the capture.
        drop(session);
        if sync == TextureSync::None {
            let seen = read(&reader, texture(&held[3]));
            assert_same(&seen, &expected(&desktop, &held[3].info, region, false), region.width(), "after the capture");
        }
        drop(held);
        assert_eq!(desktop.counters().open_handles, 0);
        desktop.finish();
    }
}

#[test]
fn a_reused_texture_shows_nothing_of_its_previous_frame() {
    // A window, a counter and the pointer move. Each texture misses a different number of frames before it is reused.
    for (rotation, sync) in [(0, TextureSync::None), (90, TextureSync::None), (0, TextureSync::Keyed)] {
        let desktop = LabDesktop::new(&format!("{SMALL} rotation {rotation}; at 0ms shape masked; lab poison eager"));
        let mut session = session(&desktop, true);
        let mut held = Vec::new();
        let mut reader = None;
        for round in 0..48 {
            if round % 16 == 0 {
                session.set_region((round == 16).then_some(Rect::new(3, 40, 150, 171))).expect("inside");
            }
            let frame = share(&mut session, sync);
            let reader = reader.get_or_insert_with(|| reader_for(texture(&frame)));
            let seen = read(reader, texture(&frame));
            let region = session.region();
            let what = format!("rotation {rotation}, {sync}, round {round}");
            assert_same(&seen, &expected(&desktop, &frame.info, region, true), region.width(), &what);
            held.push(frame);
            held.drain(..held.len().saturating_sub([0, 3, 1, 4, 2][round / 3 % 5]));
        }
        assert!(desktop.counters().shared_textures <= 15, "they are reused: {:?}", desktop.counters());
        drop((held, session));
        desktop.finish();
    }
}

#[test]
fn a_slow_device_is_waited_for_and_no_longer_than_allowed() {
    let desktop = LabDesktop::new(&format!("{SMALL} static; pointer still; slow reads 150ms"));
    let mut session = session(&desktop, false);
    // The grace period of 35 ms is not enough; the next call waits for the same picture.
    let first = session
        .grab(&request(None, 0), Target::shared(TextureSync::None, TextureFormat::Bgra8), &mut || Ok(()))
        .expect("alive");
    assert!(first.is_none());
    let draws = desktop.counters().draws;
    assert_eq!(draws, 1);
    let frame = share(&mut session, TextureSync::None);
    assert_eq!(desktop.counters().draws, draws, "it was rendered already");
    let seen = read(&reader_for(texture(&frame)), texture(&frame));
    let region = session.region();
    assert_same(&seen, &expected(&desktop, &frame.info, region, false), region.width(), "slow");
    assert!(desktop.counters().still_drawing > 0);
    drop((frame, session));
    desktop.finish();
}

#[test]
fn shared_textures_and_grabs_can_alternate() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still; rotation 180"));
    let mut session = session(&desktop, true);
    let region = session.region();
    for _ in 0..5 {
        let frame = share(&mut session, TextureSync::None);
        let seen = read(&reader_for(texture(&frame)), texture(&frame));
        assert_same(&seen, &expected(&desktop, &frame.info, region, true), region.width(), "shared");
        for target in [Target::retained(PixelFormat::Bgra), Target::owned(PixelFormat::Bgra)] {
            let frame = session.grab(&request(None, 5000), target, &mut || Ok(())).expect("alive").expect("presented");
            let info = frame.info.clone();
            let bytes = frame.image().expect("memory of its own").bytes();
            assert_same(bytes, &expected(&desktop, &info, region, true), region.width(), "grabbed");
        }
    }
    drop(session);
    desktop.finish();
}

#[test]
fn a_poll_without_a_new_image_renders_nothing() {
    let desktop = LabDesktop::new(&format!("{SMALL} static; pointer still"));
    let mut session = session(&desktop, true);
    drop(share(&mut session, TextureSync::None));
    let before = desktop.counters().draws;
    for _ in 0..5 {
        let frame = session
            .grab(&request(None, 10), Target::shared(TextureSync::None, TextureFormat::Bgra8), &mut || Ok(()))
            .expect("alive");
        assert!(frame.is_none());
    }
    assert_eq!(desktop.counters().draws, before);
    drop(session);
    desktop.finish();
}
