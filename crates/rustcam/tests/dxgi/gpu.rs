//! Frames that stay on the device: every pixel, every handle, every key.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rustcam::capture::{GpuFrame, Request, Session, Target};
use rustcam::clock::MonotonicClock;
use rustcam::error::{ErrorKind, Result};
use rustcam::frame::{FrameInfo, ImageMut, PixelFormat};
use rustcam::geometry::Rect;
use rustcam::pixels::{draw_pointer, PointerImage};
use rustcam::source::texture::TextureSync;

use crate::reader::{beside, open, read};
use crate::stage::{ms, Stage};

const SMALL: &str = "size 320x200; refresh 100; ";

#[allow(clippy::unnecessary_wraps, reason = "the shape of every interrupt")]
fn never() -> Result<()> {
    Ok(())
}

fn request(region: Option<Rect>, timeout: u64) -> Request {
    Request { region, timeout: ms(timeout), new_frame_only: true }
}

fn session(stage: &Stage, cursor: bool) -> Session {
    Session::over(Box::new(stage.open(cursor)), Arc::new(MonotonicClock), cursor)
}

fn try_share(session: &mut Session, sync: TextureSync) -> Result<Option<GpuFrame>> {
    session.share(&request(None, 5000), sync, &mut never)
}

fn share(session: &mut Session, sync: TextureSync) -> GpuFrame {
    try_share(session, sync).expect("alive").expect("something is presented")
}

/// What a perfect capturer sees: the script's picture, opaque, with the pointer over it.
fn expected(stage: &Stage, info: &FrameInfo, region: Rect, cursor: bool) -> Vec<u8> {
    let (world, frame) = (stage.lab.world(), stage.frame_at(info.present_time));
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

fn assert_same(seen: &[u8], expected: &[u8], width: u32, what: &str) {
    assert_eq!(seen.len(), expected.len(), "{what}");
    if let Some(i) = (0..seen.len() / 4).find(|i| seen[i * 4..i * 4 + 4] != expected[i * 4..i * 4 + 4]) {
        let (x, y) = (i % width as usize, i / width as usize);
        panic!("{what}: pixel {x},{y} is {:?}, not {:?}", &seen[i * 4..i * 4 + 4], &expected[i * 4..i * 4 + 4]);
    }
}

#[test]
fn pictures_are_exact_turned_cut_and_with_every_pointer() {
    // Which bits a pointer makes of which is tested in full where it is drawn.
    for (rotation, shapes) in
        [(0, ["arrow", "ibeam"]), (90, ["masked", "hand"]), (180, ["ibeam", "arrow"]), (270, ["hand", "masked"])]
    {
        for shape in shapes {
            let stage = Stage::new(&format!("{SMALL} rotation {rotation}; at 0ms shape {shape}; lab poison eager"));
            let mut session = session(&stage, true);
            let mut reader = None;
            for (round, region) in [None, Some(Rect::new(101, 33, 240, 181)), None].into_iter().enumerate() {
                session.set_region(region).expect("inside");
                let region = session.region();
                for sync in TextureSync::ALL {
                    let frame = share(&mut session, sync);
                    assert_eq!((frame.texture.size, frame.texture.sync), (region.size(), sync));
                    assert_eq!(frame.texture.bytes(), region.area() * 4);
                    let reader = reader.get_or_insert_with(|| beside(&frame.texture));
                    let what = format!("rotation {rotation}, {shape}, {region}, {sync}, round {round}");
                    let seen = read(reader, &frame.texture);
                    assert_same(&seen, &expected(&stage, &frame.info, region, true), region.width(), &what);
                }
            }
            drop(session);
            stage.finish();
        }
    }
}

#[test]
fn pointers_at_every_edge_are_cut_exactly() {
    for shape in ["arrow", "masked"] {
        for (x, y) in [(-7, 50), (50, -9), (313, 60), (316, 196)] {
            let stage =
                Stage::new(&format!("{SMALL} static; rotation 90; at 0ms shape {shape}; at 1ms pointer {x},{y}"));
            let mut session = session(&stage, true);
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
            let seen = read(&beside(&frame.texture), &frame.texture);
            let what = format!("{shape} at {x},{y}");
            assert_same(&seen, &expected(&stage, &frame.info, region, true), region.width(), &what);
            drop((frame, session));
            stage.finish();
        }
    }
}

#[test]
fn nothing_comes_back_to_the_processor() {
    let stage = Stage::new(&format!("{SMALL} pointer still"));
    let mut session = session(&stage, true);
    drop(share(&mut session, TextureSync::None));
    let before = stage.counters();
    for _ in 0..20 {
        for sync in TextureSync::ALL {
            drop(share(&mut session, sync));
        }
    }
    let after = stage.counters();
    assert_eq!((after.maps, after.bytes_mapped), (before.maps, before.bytes_mapped));
    assert!(after.draws >= before.draws + 40, "{after:?}");
    drop(session);
    stage.finish();
}

#[test]
fn a_held_picture_stays_whatever_comes_after_it() {
    for sync in TextureSync::ALL {
        let stage = Stage::new(&format!("{SMALL} full; pointer still"));
        let mut session = session(&stage, false);
        let held: Vec<_> = (0..4).map(|_| share(&mut session, sync)).collect();
        for _ in 0..20 {
            share(&mut session, sync);
        }
        let region = session.region();
        let reader = beside(&held[0].texture);
        for frame in &held {
            let seen = read(&reader, &frame.texture);
            assert_same(&seen, &expected(&stage, &frame.info, region, false), region.width(), "held");
        }
        // A holder outlives the capture.
        drop(session);
        if sync == TextureSync::None {
            let seen = read(&reader, &held[3].texture);
            assert_same(&seen, &expected(&stage, &held[3].info, region, false), region.width(), "after the capture");
        }
        drop(held);
        assert_eq!(stage.counters().open_handles, 0);
        stage.finish();
    }
}

#[test]
fn a_texture_that_comes_again_shows_nothing_of_the_frame_before() {
    // A window, a counter and the pointer move. Each texture misses a different number of frames before it comes again.
    for (rotation, sync) in [(0, TextureSync::None), (90, TextureSync::None), (0, TextureSync::Keyed)] {
        let stage = Stage::new(&format!("{SMALL} rotation {rotation}; at 0ms shape masked; lab poison eager"));
        let mut session = session(&stage, true);
        let mut held = Vec::new();
        let mut reader = None;
        for round in 0..48 {
            if round % 16 == 0 {
                session.set_region((round == 16).then_some(Rect::new(3, 40, 150, 171))).expect("inside");
            }
            let frame = share(&mut session, sync);
            let reader = reader.get_or_insert_with(|| beside(&frame.texture));
            let seen = read(reader, &frame.texture);
            let region = session.region();
            let what = format!("rotation {rotation}, {sync}, round {round}");
            assert_same(&seen, &expected(&stage, &frame.info, region, true), region.width(), &what);
            held.push(frame);
            held.drain(..held.len().saturating_sub([0, 3, 1, 4, 2][round / 3 % 5]));
        }
        assert!(stage.counters().shared_textures <= 15, "they come again: {:?}", stage.counters());
        drop((held, session));
        stage.finish();
    }
}

#[test]
fn every_handle_is_closed_once() {
    let stage = Stage::new("size 64x48; refresh 1000; pointer storm 1000");
    let mut session = session(&stage, true);
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(share(&mut session, TextureSync::None));
        held.truncate(3);
    }
    let c = stage.counters();
    assert_eq!(c.open_handles, c.shared_textures, "one per texture, none for a holder who asks for none: {c:?}");
    let handle = |i: usize| held[i].texture.lease.handle().expect("a handle");
    let (first, second) = (handle(0), handle(1));
    assert_eq!((handle(0), handle(1)), (first, second));
    assert_ne!(first, second);
    let c = stage.counters();
    assert_eq!(c.open_handles, c.shared_textures + 2, "one more for each who asked: {c:?}");
    assert!(c.shared_textures <= 4, "{c:?}");
    let reader = beside(&held[0].texture);
    held.remove(0);
    assert!(reader.open(first).is_err(), "closed");
    assert!(reader.open(second).is_ok());
    drop(held);
    drop(session);
    assert_eq!(stage.counters().open_handles, 0);
    stage.finish();
}

#[test]
fn too_many_held_textures_are_an_error_and_room_is_made_by_closing() {
    let stage = Stage::new(&format!("{SMALL} pointer still"));
    let mut session = session(&stage, false);
    let mut held: Vec<_> = (0..8).map(|_| share(&mut session, TextureSync::None)).collect();
    let error = try_share(&mut session, TextureSync::None).expect_err("no room");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::Capture, None));
    assert!(error.hint().is_some(), "{error}");
    held.pop();
    held.push(share(&mut session, TextureSync::None));
    drop((held, session));
    stage.finish();
}

#[test]
fn a_slow_reader_gets_every_frame_once_and_in_order() {
    let stage = Stage::new(&format!("{SMALL} pointer still"));
    let mut session = session(&stage, false);
    let region = session.region();
    let (sender, receiver) = std::sync::mpsc::sync_channel::<GpuFrame>(4);
    std::thread::scope(|scope| {
        let stage = &stage;
        let reading = scope.spawn(move || {
            let mut sequences = Vec::new();
            let mut reader = None;
            for frame in receiver {
                let reader = reader.get_or_insert_with(|| beside(&frame.texture));
                std::thread::sleep(ms(15));
                let opened = open(reader, &frame.texture);
                assert!(opened.acquire(0).expect("alive"), "it is written, and nobody else's");
                let again = opened.acquire(0).expect_err("a keyed mutex is not recursive");
                assert_eq!(again.code().0 as u32, 0x8000_4005);
                let seen = reader.pixels(&opened).expect("readable");
                opened.release().expect("acquired above");
                assert_same(&seen, &expected(stage, &frame.info, region, false), region.width(), "slow");
                sequences.push(frame.info.sequence);
            }
            sequences
        });
        for _ in 0..20 {
            sender.send(share(&mut session, TextureSync::Keyed)).expect("the reader lives");
        }
        drop(sender);
        let sequences = reading.join().expect("every picture was right");
        assert!(sequences.len() == 20 && sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    });
    let c = stage.lab.counters();
    assert_eq!((c.draw_without_key, c.key_out_of_order), (0, 20), "the reader's own twenty");
    drop(session);
    assert_eq!(stage.lab.counters().open_handles, 0);
}

#[test]
fn the_same_number_is_the_same_memory_opened_once_for_all() {
    let stage = Stage::new(&format!("{SMALL} pointer still"));
    let mut session = session(&stage, false);
    let region = session.region();
    let (mut reader, mut opened) = (None, HashMap::new());
    let mut held = VecDeque::new();
    for round in 0..20 {
        let frame = share(&mut session, TextureSync::Keyed);
        let reader = reader.get_or_insert_with(|| beside(&frame.texture));
        let known = opened.entry(frame.texture.memory).or_insert_with(|| open(reader, &frame.texture));
        assert!(known.acquire(0).expect("alive"), "round {round}");
        let seen = reader.pixels(known).expect("readable");
        known.release().expect("acquired above");
        assert_same(&seen, &expected(&stage, &frame.info, region, false), region.width(), &format!("round {round}"));
        held.push_back(frame);
        held.drain(..held.len().saturating_sub(3));
    }
    let c = stage.counters();
    assert_eq!((opened.len() as u64, c.shared_opened), (c.shared_textures, c.shared_textures), "{c:?}");
    assert!(held.iter().all(|a| held.iter().filter(|b| a.texture.memory == b.texture.memory).count() == 1));
    // Another size is other memory.
    session.set_region(Some(Rect::new(0, 0, 64, 64))).expect("inside");
    assert!(!opened.contains_key(&share(&mut session, TextureSync::Keyed).texture.memory));
    drop((held, session));
    assert_eq!(stage.counters().open_handles, 0);
    stage.finish();
}

#[test]
fn a_dying_reader_costs_its_texture_and_no_time() {
    let stage = Stage::new(&format!("{SMALL} pointer still"));
    let mut session = session(&stage, false);
    let region = session.region();
    let mut reader = None;
    let mut hanging = Vec::new();
    for round in 0..24 {
        let frame = share(&mut session, TextureSync::Keyed);
        let reader = reader.get_or_insert_with(|| beside(&frame.texture));
        match round % 3 {
            // It ends while it has the key.
            0 => assert!(open(reader, &frame.texture).acquire(0).expect("alive")),
            // It never gives the key back.
            1 => {
                let opened = open(reader, &frame.texture);
                assert!(opened.acquire(0).expect("alive"));
                hanging.push(opened);
            }
            _ => {
                let seen = read(reader, &frame.texture);
                assert_same(&seen, &expected(&stage, &frame.info, region, false), region.width(), "healthy");
            }
        }
    }
    drop((hanging, session));
    assert_eq!(stage.counters().open_handles, 0);
    stage.finish();
}

fn failing(call: &str, code: u32, sync: TextureSync) -> Result<Option<GpuFrame>> {
    let stage = Stage::new(&format!("{SMALL} pointer still"));
    let mut session = session(&stage, false);
    stage.lab.inject(call, 1, code as i32).expect("a call");
    let result = try_share(&mut session, sync);
    assert_eq!(stage.counters().injected, 1, "{call} was not called");
    // It goes on, exactly.
    let frame = share(&mut session, sync);
    let region = session.region();
    let seen = read(&beside(&frame.texture), &frame.texture);
    assert_same(&seen, &expected(&stage, &frame.info, region, false), region.width(), call);
    drop(frame);
    drop(session);
    // What came of the failing call is still held: the texture with its own handle.
    assert_eq!(stage.counters().open_handles, u64::from(result.is_ok()));
    result
}

#[test]
fn a_handle_that_is_refused_is_an_error_of_one_call() {
    for code in [0x8000_4001, 0x887A_002B, 0x887A_002C] {
        for sync in TextureSync::ALL {
            let error = failing("CreateSharedHandle", code, sync).expect_err("no handle");
            assert_eq!((error.kind(), error.code(), error.loss()), (ErrorKind::Capture, Some(code), None));
        }
    }
}

#[test]
fn a_mutex_that_fails_is_an_error_of_one_call_whatever_the_sign_of_its_code() {
    for call in ["AcquireSync", "ReleaseSync"] {
        for code in [0x102, 0x80, 0x8000_4005] {
            let error = failing(call, code, TextureSync::Keyed).expect_err("a new texture is nobody else's");
            assert_eq!((error.kind(), error.code(), error.loss()), (ErrorKind::Capture, Some(code), None), "{call}");
        }
    }
}

#[test]
fn a_device_that_is_lost_on_the_way_is_rebuilt() {
    for call in ["CreateSharedHandle", "AcquireSync", "ReleaseSync", "CreateTexture2D"] {
        let frame = failing(call, 0x887A_0005, TextureSync::Keyed).expect("it comes back by itself");
        assert!(frame.is_some(), "{call}");
    }
}

#[test]
fn textures_of_a_lost_device_say_so() {
    let stage = Stage::new(&format!("{SMALL} pointer still"));
    let mut session = session(&stage, false);
    let old = share(&mut session, TextureSync::None);
    assert!(!old.texture.lease.is_stale());
    stage.lab.inject("AcquireNextFrame", 1, 0x887A_0005_u32 as i32).expect("a call");
    while session.stats().recoveries == 0 {
        drop(try_share(&mut session, TextureSync::None).expect("it comes back"));
    }
    let new = share(&mut session, TextureSync::None);
    assert!(old.texture.lease.is_stale());
    assert!(!new.texture.lease.is_stale());
    drop((old, session));
    assert!(!new.texture.lease.is_stale());
    drop(new);
    assert_eq!(stage.counters().open_handles, 0);
    stage.finish();
}

#[test]
fn a_slow_device_is_waited_for_and_no_longer_than_allowed() {
    let stage = Stage::new(&format!("{SMALL} static; pointer still; slow reads 150ms"));
    let mut session = session(&stage, false);
    // 35 ms more than nothing are not enough; the same picture is waited for in the next call.
    let first = session.share(&request(None, 0), TextureSync::None, &mut never).expect("alive");
    assert!(first.is_none());
    let draws = stage.counters().draws;
    assert_eq!(draws, 1);
    let frame = share(&mut session, TextureSync::None);
    assert_eq!(stage.counters().draws, draws, "it was drawn already");
    let seen = read(&beside(&frame.texture), &frame.texture);
    let region = session.region();
    assert_same(&seen, &expected(&stage, &frame.info, region, false), region.width(), "slow");
    assert!(stage.counters().still_drawing > 0);
    drop((frame, session));
    stage.finish();
}

#[test]
fn both_ways_to_get_a_frame_go_together() {
    let stage = Stage::new(&format!("{SMALL} pointer still; rotation 180"));
    let mut session = session(&stage, true);
    let region = session.region();
    for _ in 0..5 {
        let frame = share(&mut session, TextureSync::None);
        let seen = read(&beside(&frame.texture), &frame.texture);
        assert_same(&seen, &expected(&stage, &frame.info, region, true), region.width(), "shared");
        for target in [Target::Retained(PixelFormat::Bgra), Target::Owned(PixelFormat::Bgra)] {
            let frame = session.grab(&request(None, 5000), target, &mut never).expect("alive").expect("presented");
            let info = session.info().expect("grabbed").clone();
            let bytes = frame.buffer.as_ref().expect("memory of its own").bytes();
            assert_same(bytes, &expected(&stage, &info, region, true), region.width(), "grabbed");
        }
    }
    drop(session);
    stage.finish();
}

#[test]
fn a_poll_without_news_costs_no_drawing() {
    let stage = Stage::new(&format!("{SMALL} static; pointer still"));
    let mut session = session(&stage, true);
    drop(share(&mut session, TextureSync::None));
    let before = stage.counters().draws;
    for _ in 0..5 {
        let frame = session.share(&request(None, 10), TextureSync::None, &mut never).expect("alive");
        assert!(frame.is_none());
    }
    assert_eq!(stage.counters().draws, before);
    drop(session);
    stage.finish();
}
