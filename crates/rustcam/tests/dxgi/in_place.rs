//! A desktop in system memory is read where it is: without a copy by the device, and without one that is read after its frame was released.

use crate::lab_desktop::{lost, ms, options, presented, request, BoxedSource, LabDesktop, LONG};
use crate::reader::{read, reader_for};
use rustcam::capture::{Session, Target};
use rustcam::frame::PixelFormat;
use rustcam::geometry::Rect;
use rustcam::source::texture::{TextureRequest, TextureSync};
use rustcam::source::Outcome;

const MEMORY: &str = "size 640x480; refresh 100; pointer still; clock virtual; lab system memory; ";
const WHOLE: Rect = Rect::new(0, 0, 640, 480);

#[test]
fn every_frame_is_exact_and_needs_no_device() {
    for script in ["", "full", "lab poison eager; lab coalesce 2", "rotation 90"] {
        let desktop = LabDesktop::new(&format!("{MEMORY} {script}"));
        let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
        for i in 0..30 {
            let target =
                if i % 3 == 0 { Target::retained(PixelFormat::Bgra) } else { Target::owned(PixelFormat::Bgra) };
            session.set_region((i % 7 == 6).then_some(Rect::new(33, 41, 141, 200))).expect("inside");
            let frame = session.grab(&request(ms(1000)), target, &mut || Ok(())).expect("alive").expect("presents");
            desktop.assert_exact(&session, &frame, script);
        }
        let source = session.stats().source;
        assert_eq!((source.device_copies, source.device_bytes), (0, 0), "{script}");
        assert!(source.reads_in_place >= 30, "{script}: {source:?}");
        let counters = desktop.counters();
        assert_eq!((counters.bytes_copied, counters.maps, counters.textures), (0, 0, 0), "{script}: {counters:?}");
        drop(session);
        desktop.finish();
    }
}

#[test]
fn an_image_can_be_read_again_after_its_frame_was_released() {
    let desktop = LabDesktop::new(&format!("{MEMORY} static; pointer storm 100; at 1s present dirty 10,10,50,30"));
    let mut source = desktop.open(true);
    presented(&mut source);
    let part = Rect::new(5, 5, 100, 90);
    for frame in [1, 2] {
        while desktop.lab.now() < ms(frame * 1000) - ms(100) {
            // Frames of the pointer alone have no image, and release the one before.
            source.wait(ms(10)).expect("alive");
        }
        assert_eq!(desktop.check(&mut source, &[WHOLE], frame), Outcome::Done(()));
        assert_eq!(desktop.check(&mut source, &[part], frame), Outcome::Done(()));
    }
    assert_eq!(desktop.counters().bytes_copied, 0, "kept in ordinary memory");
    drop(source);
    desktop.finish();
}

#[test]
fn two_captures_read_the_same_desktop_in_place() {
    let desktop = LabDesktop::new(MEMORY);
    let mut sources = [desktop.open(false), desktop.open(false)];
    for _ in 0..20 {
        for source in &mut sources {
            let frame = desktop.frame_at(presented(source).present_time);
            source.damage(LONG).expect("alive");
            desktop.check(source, &[WHOLE], frame);
        }
    }
    drop(sources);
    desktop.finish();
}

#[test]
fn the_frame_is_released_before_the_desktop_is_lost_and_when_the_capture_ends() {
    let desktop = LabDesktop::new(&format!("{MEMORY} at 500ms mode 320x200; at 1s lose access for 100ms"));
    let mut source = desktop.open(false);
    for _ in 0..2 {
        presented(&mut source);
        source.read(&[source.output().texture_size().rect()], LONG, &mut |_, _, _| {}).expect("alive");
        lost(&mut source);
        desktop.regain(&mut source);
    }
    let frame = desktop.frame_at(presented(&mut source).present_time);
    desktop.check(&mut source, &[Rect::new(0, 0, 320, 200)], frame);
    // The frame is held.
    drop(source);
    desktop.finish();
}

#[test]
fn a_desktop_that_cannot_be_mapped_is_copied() {
    let desktop = LabDesktop::new(MEMORY);
    desktop.lab.inject("MapDesktopSurface", 0, 0x887A_0004_u32 as i32).expect("a call");
    let mut source = desktop.open(false);
    for _ in 0..10 {
        let frame = desktop.frame_at(presented(&mut source).present_time);
        desktop.check(&mut source, &[WHOLE], frame);
        desktop.check(&mut source, &[Rect::new(9, 9, 99, 30)], frame);
    }
    assert!(desktop.counters().bytes_copied > 0);
    drop(source);
    desktop.finish();
}

#[test]
fn textures_of_a_desktop_in_memory_show_it() {
    // In real time: the device that draws is a real one.
    let desktop =
        LabDesktop::new("size 640x480; refresh 100; pointer still; lab system memory; static; at 4s present full");
    let mut source = desktop.open(false);
    presented(&mut source);
    let share = |source: &mut BoxedSource| {
        let request = TextureRequest::new(WHOLE, false, TextureSync::None);
        let Outcome::Done(texture) = source.share(&request, LONG).expect("alive") else { panic!("not done") };
        read(&reader_for(&texture), &texture)
    };
    // Once while its frame is held, and once after it was released.
    let held = share(&mut source);
    assert!(same(&held, &desktop.picture(1, WHOLE)));
    source.wait(ms(10)).expect("alive");
    assert!(same(&share(&mut source), &held));
    presented(&mut source);
    source.wait(ms(10)).expect("alive");
    assert!(same(&share(&mut source), &desktop.picture(2, WHOLE)));
    assert_eq!(desktop.check(&mut source, &[WHOLE], 2), Outcome::Done(()));
    drop(source);
    desktop.finish();
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.chunks_exact(4).zip(b.chunks_exact(4)).all(|(a, b)| a[..3] == b[..3])
}
