//! Shared textures and their readers: handles, keys, failures.

use std::collections::{HashMap, VecDeque};

use rustcam::capture::Frame;
use rustcam::error::{ErrorKind, Result};
use rustcam::geometry::Rect;
use rustcam::source::texture::TextureSync;

use crate::gpu::{assert_same, expected, session, share, texture, try_share, SMALL};
use crate::lab_desktop::{ms, LabDesktop};
use crate::reader::{open, read, reader_for};

#[test]
fn every_handle_is_closed_once() {
    let desktop = LabDesktop::new("size 64x48; refresh 1000; pointer storm 1000");
    let mut session = session(&desktop, true);
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(share(&mut session, TextureSync::None));
        held.truncate(3);
    }
    let c = desktop.counters();
    assert_eq!(c.open_handles, c.shared_textures, "one per texture, and none for holders before they need one: {c:?}");
    let handle = |i: usize| texture(&held[i]).handle.handle().expect("a handle");
    let (first, second) = (handle(0), handle(1));
    assert_eq!((handle(0), handle(1)), (first, second));
    assert_ne!(first, second);
    let c = desktop.counters();
    assert_eq!(c.open_handles, c.shared_textures + 2, "one more for each holder that needed one: {c:?}");
    assert!(c.shared_textures <= 4, "{c:?}");
    let reader = reader_for(texture(&held[0]));
    held.remove(0);
    assert!(reader.open(first).is_err(), "closed");
    assert!(reader.open(second).is_ok());
    drop(held);
    drop(session);
    assert_eq!(desktop.counters().open_handles, 0);
    desktop.finish();
}

#[test]
fn too_many_held_textures_are_an_error_until_one_is_closed() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = session(&desktop, false);
    let mut held: Vec<_> = (0..8).map(|_| share(&mut session, TextureSync::None)).collect();
    let error = try_share(&mut session, TextureSync::None).expect_err("no room");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::Capture, None));
    assert!(error.hint().is_some(), "{error}");
    held.pop();
    held.push(share(&mut session, TextureSync::None));
    drop((held, session));
    desktop.finish();
}

#[test]
fn a_slow_reader_gets_every_frame_once_and_in_order() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = session(&desktop, false);
    let region = session.region();
    let (sender, receiver) = std::sync::mpsc::sync_channel::<Frame>(4);
    std::thread::scope(|scope| {
        let desktop = &desktop;
        let reading = scope.spawn(move || {
            let mut sequences = Vec::new();
            let mut reader = None;
            for frame in receiver {
                let reader = reader.get_or_insert_with(|| reader_for(texture(&frame)));
                std::thread::sleep(ms(15));
                let opened = open(reader, texture(&frame));
                assert!(opened.acquire(0).expect("alive"), "it is written, and no other reader has it");
                let again = opened.acquire(0).expect_err("a keyed mutex is not recursive");
                assert_eq!(again.code().0 as u32, 0x8000_4005);
                let seen = reader.pixels(&opened).expect("readable");
                opened.release().expect("acquired above");
                assert_same(&seen, &expected(desktop, &frame.info, region, false), region.width(), "slow");
                sequences.push(frame.info.sequence);
            }
            sequences
        });
        for _ in 0..20 {
            sender.send(share(&mut session, TextureSync::Keyed)).expect("the reader lives");
        }
        drop(sender);
        let sequences = reading.join().expect("every picture was exact");
        assert!(sequences.len() == 20 && sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    });
    let c = desktop.lab.counters();
    assert_eq!((c.draw_without_key, c.key_out_of_order), (0, 20), "the reader's own twenty");
    drop(session);
    assert_eq!(desktop.lab.counters().open_handles, 0);
}

#[test]
fn the_same_number_is_the_same_memory_which_is_opened_once() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = session(&desktop, false);
    let region = session.region();
    let (mut reader, mut opened) = (None, HashMap::new());
    let mut held = VecDeque::new();
    for round in 0..20 {
        let frame = share(&mut session, TextureSync::Keyed);
        let reader = reader.get_or_insert_with(|| reader_for(texture(&frame)));
        let known = opened.entry(texture(&frame).memory).or_insert_with(|| open(reader, texture(&frame)));
        assert!(known.acquire(0).expect("alive"), "round {round}");
        let seen = reader.pixels(known).expect("readable");
        known.release().expect("acquired above");
        assert_same(&seen, &expected(&desktop, &frame.info, region, false), region.width(), &format!("round {round}"));
        held.push_back(frame);
        held.drain(..held.len().saturating_sub(3));
    }
    let c = desktop.counters();
    assert_eq!((opened.len() as u64, c.shared_opened), (c.shared_textures, c.shared_textures), "{c:?}");
    assert!(held.iter().all(|a| held.iter().filter(|b| texture(a).memory == texture(b).memory).count() == 1));
    // Another size needs other memory.
    session.set_region(Some(Rect::new(0, 0, 64, 64))).expect("inside");
    assert!(!opened.contains_key(&texture(&share(&mut session, TextureSync::Keyed)).memory));
    drop((held, session));
    assert_eq!(desktop.counters().open_handles, 0);
    desktop.finish();
}

#[test]
fn a_reader_that_ends_with_the_key_does_not_block_the_writer() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = session(&desktop, false);
    let region = session.region();
    let mut reader = None;
    let mut hanging = Vec::new();
    for round in 0..24 {
        let frame = share(&mut session, TextureSync::Keyed);
        let reader = reader.get_or_insert_with(|| reader_for(texture(&frame)));
        match round % 3 {
            // It ends while it has the key.
            0 => assert!(open(reader, texture(&frame)).acquire(0).expect("alive")),
            // It never releases the key.
            1 => {
                let opened = open(reader, texture(&frame));
                assert!(opened.acquire(0).expect("alive"));
                hanging.push(opened);
            }
            _ => {
                let seen = read(reader, texture(&frame));
                assert_same(&seen, &expected(&desktop, &frame.info, region, false), region.width(), "healthy");
            }
        }
    }
    drop((hanging, session));
    assert_eq!(desktop.counters().open_handles, 0);
    desktop.finish();
}

fn failing(call: &str, code: u32, sync: TextureSync) -> Result<Option<Frame>> {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = session(&desktop, false);
    desktop.lab.inject(call, 1, code as i32).expect("a call");
    let result = try_share(&mut session, sync);
    assert_eq!(desktop.counters().injected, 1, "{call} was not called");
    // Afterwards frames are exact again.
    let frame = share(&mut session, sync);
    let region = session.region();
    let seen = read(&reader_for(texture(&frame)), texture(&frame));
    assert_same(&seen, &expected(&desktop, &frame.info, region, false), region.width(), call);
    drop(frame);
    drop(session);
    // The result of the call is still held: a texture with a handle of its own.
    assert_eq!(desktop.counters().open_handles, u64::from(result.is_ok()));
    result
}

#[test]
fn a_refused_handle_is_an_error_of_one_call() {
    for code in [0x8000_4001, 0x887A_002B, 0x887A_002C] {
        for sync in TextureSync::ALL {
            let error = failing("CreateSharedHandle", code, sync).expect_err("no handle");
            assert_eq!((error.kind(), error.code(), error.loss()), (ErrorKind::Capture, Some(code), None));
        }
    }
}

#[test]
fn a_failing_mutex_is_an_error_of_one_call_whatever_the_sign_of_its_code() {
    for call in ["AcquireSync", "ReleaseSync"] {
        for code in [0x102, 0x80, 0x8000_4005] {
            let error = failing(call, code, TextureSync::Keyed).expect_err("a failing mutex");
            assert_eq!((error.kind(), error.code(), error.loss()), (ErrorKind::Capture, Some(code), None), "{call}");
        }
    }
}

#[test]
fn a_device_that_is_lost_while_sharing_is_rebuilt() {
    for call in ["CreateSharedHandle", "AcquireSync", "ReleaseSync", "CreateTexture2D"] {
        let frame = failing(call, 0x887A_0005, TextureSync::Keyed).expect("the session recovers");
        assert!(frame.is_some(), "{call}");
    }
}

#[test]
fn textures_of_a_lost_device_are_stale() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = session(&desktop, false);
    let old = share(&mut session, TextureSync::None);
    assert!(!texture(&old).handle.is_stale());
    desktop.lab.inject("AcquireNextFrame", 1, 0x887A_0005_u32 as i32).expect("a call");
    while session.stats().recoveries == 0 {
        drop(try_share(&mut session, TextureSync::None).expect("the session recovers"));
    }
    let new = share(&mut session, TextureSync::None);
    assert!(texture(&old).handle.is_stale());
    assert!(!texture(&new).handle.is_stale());
    drop((old, session));
    assert!(!texture(&new).handle.is_stale());
    drop(new);
    assert_eq!(desktop.counters().open_handles, 0);
    desktop.finish();
}
