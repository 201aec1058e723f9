//! Captures of outputs.

use rustcam::error::ErrorKind;
use rustcam::geometry::{Rect, Rotation, Size};
use rustcam::source::{outputs, Backend, OpenOptions};

use crate::lab_desktop::{bytes, failure, frame, grab, ms, open_session, LabDesktop};

/// Times are in ticks of 100 ns, and rounded down.
const TICK: std::time::Duration = std::time::Duration::from_micros(1);

const SMALL: &str = "size 320x240; refresh 60; ";

/// Asserts that frames are those of the script, with the pointer if that is captured.
fn assert_exact(desktop: &LabDesktop, options: &OpenOptions, cursor: bool, frames: usize) {
    let mut session = open_session(options);
    let mut last = 0;
    for _ in 0..frames {
        let frame = frame(&mut session);
        let at = frame.info.present_time;
        let number = desktop.frame_at(at);
        let expected = if cursor {
            desktop.lab.image_with_pointer(0, number, desktop.script_time(at) + TICK)
        } else {
            desktop.lab.image(number)
        };
        assert!(bytes(&frame) == expected, "frame {number} is wrong");
        assert!(number >= last, "{number} after {last}");
        assert!(!frame.info.pointer.visible, "where it is is not known");
        last = number;
    }
    assert!(last > 1);
}

#[test]
fn outputs_are_those_of_duplication() {
    let desktop = LabDesktop::new("size 320x240; outputs 2");
    let list = |backend| outputs(&backend, &mut || Ok(())).expect("there are outputs");
    assert_eq!(list(Backend::Wgc), list(Backend::Dxgi));
    let mut session = open_session(&desktop.options(1, false));
    assert_eq!(session.output().output_idx, 1);
    let second = frame(&mut session);
    let at = desktop.script_time(second.info.present_time) + std::time::Duration::from_micros(1);
    let world = desktop.lab.world_of(1).expect("a second output");
    let image = world.image(world.frame_at(at));
    let same = bytes(&second).chunks_exact(4).zip(image.chunks_exact(4)).all(|(a, b)| a[..3] == b[..3]);
    assert!(same, "it shows the second output");
    let error = rustcam::source::open(&desktop.options(2, false), &mut || Ok(())).err().expect("no such output");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    drop((session, second));
    desktop.finish();
}

#[test]
fn every_frame_is_exact_with_the_pointer_and_without() {
    for build in [18362, 19041, 22000, 26100] {
        for cursor in [true, false] {
            // Older builds always draw the pointer.
            let drawn = cursor || build < 19041;
            for clock in ["clock virtual; ", ""] {
                let desktop = LabDesktop::new(&format!("{clock}{SMALL} lab wgc build {build}"));
                assert_exact(&desktop, &desktop.options(0, cursor), drawn, if clock.is_empty() { 5 } else { 20 });
                desktop.finish();
            }
        }
    }
}

#[test]
fn a_build_that_always_draws_the_pointer_says_so() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab wgc build 18362"));
    let session = open_session(&desktop.options(0, false));
    let fallback = session.stats().fallback.expect("a reason");
    assert!(fallback.contains("pointer"), "{fallback}");
    drop(session);
    let session = open_session(&desktop.options(0, true));
    assert_eq!(session.stats().fallback, None);
    drop(session);
    desktop.finish();
}

#[test]
fn a_build_without_the_interface_is_refused_for_good() {
    for script in ["lab wgc build 17763", "lab wgc off", "lab wgc supported no", "lab wgc without graphicscaptureitem"]
    {
        let desktop = LabDesktop::new(&format!("{SMALL}{script}"));
        let options = desktop.options(0, true).timeout(LONG_OPENING);
        let begun = desktop.lab.now();
        let error = rustcam::capture::Session::open(&options, &mut || Ok(())).expect_err(script);
        assert_eq!((error.kind(), error.loss()), (ErrorKind::Duplication, None), "{script}: {error}");
        assert!(error.code().is_some() && error.hint().is_some(), "{script}: {error}");
        assert!(desktop.lab.now() - begun < LONG_OPENING / 2, "{script}: final");
        desktop.finish();
    }
}

const LONG_OPENING: std::time::Duration = std::time::Duration::from_secs(4);

#[test]
fn a_static_desktop_causes_no_work() {
    let desktop = LabDesktop::new(&format!("{SMALL} static; pointer still"));
    let mut session = open_session(&desktop.options(0, true));
    frame(&mut session);
    let before = desktop.counters();
    assert!(grab(&mut session, ms(400)).expect("it is there").is_none());
    let after = desktop.counters();
    assert_eq!(
        (after.bytes_copied, after.maps, after.flushes, after.textures, after.wgc_frames, after.wgc_sessions),
        (before.bytes_copied, before.maps, before.flushes, before.textures, before.wgc_frames, before.wgc_sessions)
    );
    drop(session);
    desktop.finish();
}

#[test]
fn each_frame_is_copied_once() {
    let desktop = LabDesktop::new("clock virtual; size 640x480; refresh 60; full; pointer still");
    let mut session = open_session(&desktop.options(0, false));
    for _ in 0..4 {
        frame(&mut session);
    }
    let before = desktop.counters();
    for _ in 0..10 {
        frame(&mut session);
    }
    let after = desktop.counters();
    let frames = after.wgc_frames - before.wgc_frames;
    assert_eq!(after.copy_region - before.copy_region, frames, "from the frame to memory that is mapped");
    assert_eq!(after.bytes_copied - before.bytes_copied, frames * 640 * 480 * 4);
    drop(session);
    desktop.finish();
}

#[test]
fn a_rotated_output_is_captured_upright() {
    let desktop = LabDesktop::new("clock virtual; size 320x240; refresh 60; rotation 90; pointer still");
    let mut session = open_session(&desktop.options(0, false));
    assert_eq!((session.output().size, session.output().rotation), (Size::new(320, 240), Rotation::Clockwise90));
    for _ in 0..5 {
        let frame = frame(&mut session);
        assert!(bytes(&frame) == desktop.lab.image(desktop.frame_at(frame.info.present_time)));
    }
    drop(session);
    desktop.finish();
}

#[test]
fn a_change_of_the_mode_is_followed() {
    for clock in ["clock virtual; ", ""] {
        let script = format!("{clock} size 32x24; refresh 30; at 300ms mode 40x20; at 600ms mode 20x10; pointer still");
        let desktop = LabDesktop::new(&script);
        let mut session = open_session(&desktop.options(0, false));
        let mut sizes = vec![session.output().size];
        while desktop.lab.now() < ms(900) {
            let Some(frame) = grab(&mut session, ms(200)).expect("it comes back") else { continue };
            let size = session.output().size;
            if sizes.last() != Some(&size) {
                sizes.push(size);
            }
            let number = desktop.frame_at(frame.info.present_time);
            assert!(bytes(&frame) == desktop.lab.image(number), "frame {number}");
        }
        assert_eq!(sizes, [Size::new(32, 24), Size::new(40, 20), Size::new(20, 10)]);
        assert!(session.stats().recoveries >= 2);
        drop(session);
        desktop.finish();
    }
}

#[test]
fn regions_are_read_alone_and_any_other_afterwards() {
    let desktop = LabDesktop::new("clock virtual; size 640x480; refresh 60; full; pointer still");
    let mut session = open_session(&desktop.options(0, false));
    let sessions = desktop.counters().wgc_sessions;
    for round in 0..16 {
        let region = if round % 8 < 6 { Rect::new(8, 8, 72, 40) } else { Rect::new(300, 200, 640, 480) };
        session.set_region(Some(region)).expect("inside");
        let frame = frame(&mut session);
        let image = desktop.lab.image(desktop.frame_at(frame.info.present_time));
        let width = region.width() as usize * 4;
        for (y, row) in bytes(&frame).chunks_exact(width).enumerate() {
            let start = ((region.top as usize + y) * 640 + region.left as usize) * 4;
            assert!(row == &image[start..start + width]);
        }
    }
    assert_eq!(desktop.counters().wgc_sessions, sessions, "no image had to be fetched again");
    drop(session);
    desktop.finish();
}

#[test]
fn an_hdr_desktop_is_captured_in_half_floats() {
    let desktop = LabDesktop::new("size 64x48; refresh 60; pointer still; static; lab format fp16; lab white 240");
    let mut session = open_session(&desktop.options(0, false));
    let frame = frame(&mut session);
    let color = session.color();
    assert_eq!((color.hdr, color.space), (true, rustcam::color::ColorSpace::Scrgb));
    // Half floats keep every level of SDR content: images that the system converts would be cut off at 80 nits.
    let image = desktop.lab.world().image(1);
    let pairs = bytes(&frame).chunks_exact(4).zip(image.chunks_exact(4));
    let far = pairs.flat_map(|(a, b)| (0..3).map(|i| a[i].abs_diff(b[i]))).max();
    assert!(far <= Some(1), "{far:?} levels");
    assert_eq!(session.stats().fallback, None);
    drop((session, frame));
    desktop.finish();
}

#[test]
fn a_desktop_that_becomes_hdr_is_followed() {
    let desktop = LabDesktop::new("clock virtual; size 64x48; refresh 10; pointer still; lab at 500ms format fp16");
    let mut session = open_session(&desktop.options(0, false));
    frame(&mut session);
    assert!(!session.color().hdr);
    while desktop.lab.now() < ms(3000) {
        grab(&mut session, ms(100)).expect("it is followed");
    }
    assert!(session.color().hdr);
    drop(session);
    desktop.finish();
}

#[test]
fn an_output_that_is_unplugged_is_a_loss_and_comes_back() {
    let desktop = LabDesktop::new("clock virtual; size 64x48; refresh 10; outputs 2; lab at 500ms detach 1 for 3s");
    let mut session = open_session(&desktop.options(0, false));
    frame(&mut session);
    while desktop.lab.now() < ms(2000) {
        let _ = grab(&mut session, ms(100));
    }
    let error = failure(&mut session);
    assert_eq!(error.kind(), ErrorKind::AccessLost, "{error}");
    while desktop.lab.now() < ms(6000) {
        let _ = grab(&mut session, ms(100));
    }
    let frame = frame(&mut session);
    assert!(bytes(&frame) == desktop.lab.image(desktop.frame_at(frame.info.present_time)));
    drop((session, frame));
    desktop.finish();
}
