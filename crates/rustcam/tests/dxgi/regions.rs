//! A caller that keeps to one region: only the region of each image is copied, and every other pixel is exact nevertheless.

use crate::lab_desktop::{lost, ms, options, presented, request, BoxedSource, LabDesktop, LONG};
use crate::reader::{read, reader_for};
use rustcam::capture::{Handle, Session, Target};
use rustcam::frame::PixelFormat;
use rustcam::geometry::Rect;
use rustcam::source::texture::{TextureRequest, TextureSync};
use rustcam::source::Outcome;

/// Hardware, so that copies are not made through bounce textures.
const SMALL: &str = "size 640x480; refresh 100; pointer still; clock virtual; lab claims hardware; lab events prompt; ";
const WHOLE: Rect = Rect::new(0, 0, 640, 480);
const A: Rect = Rect::new(100, 60, 340, 260);
/// Neither inside nor outside of A.
const B: Rect = Rect::new(300, 200, 460, 400);

/// Reads A of the next image.
fn next(desktop: &LabDesktop, source: &mut BoxedSource) -> u64 {
    let frame = desktop.frame_at(presented(source).present_time);
    desktop.check(source, &[A], frame);
    frame
}

/// Reads A of so many images that it is chosen. Returns the last one.
fn keep_to_region(desktop: &LabDesktop, source: &mut BoxedSource) -> u64 {
    (0..6).map(|_| next(desktop, source)).last().expect("six")
}

/// The bytes that the device copies for the next image and a read of `part`.
fn bytes_for_next(desktop: &LabDesktop, source: &mut BoxedSource, part: Rect) -> u64 {
    let before = desktop.counters().bytes_copied;
    let frame = desktop.frame_at(presented(source).present_time);
    desktop.check(source, &[part], frame);
    desktop.counters().bytes_copied - before
}

#[test]
fn an_image_costs_one_copy_of_the_region_and_its_frame_is_released_at_the_read() {
    for (script, factor) in [(SMALL, 1), ("size 640x480; refresh 100; pointer still; clock virtual; ", 2)] {
        let desktop = LabDesktop::new(&format!("{script} full"));
        let mut source = desktop.open(false);
        keep_to_region(&desktop, &mut source);
        let before = desktop.counters();
        for _ in 0..40 {
            next(&desktop, &mut source);
            let c = desktop.counters();
            assert_eq!(c.acquires - c.releases, 0, "released");
        }
        let after = desktop.counters();
        assert_eq!(after.bytes_copied - before.bytes_copied, 40 * factor * A.area() * 4, "{script}");
        assert_eq!((after.copy_region - before.copy_region, after.maps - before.maps), (40 * factor, 40), "{script}");
        assert_eq!((after.textures, after.duplications), (before.textures, 1), "{script}");
        drop(source);
        desktop.finish();
    }
}

#[test]
fn of_an_image_that_changes_elsewhere_nothing_is_copied() {
    let presents: Vec<_> = (1..40).map(|i| format!("at {}ms present dirty 400,300,420,320", 10 * i)).collect();
    let presents = presents.join("; ");
    let desktop = LabDesktop::new(&format!("{SMALL} static; {presents}"));
    let mut source = desktop.open(false);
    keep_to_region(&desktop, &mut source);
    for _ in 0..20 {
        assert_eq!(bytes_for_next(&desktop, &mut source, A), 0);
    }
    drop(source);
    desktop.finish();
}

#[test]
fn other_pixels_of_an_image_that_has_just_come_are_copied_from_its_frame() {
    for part in [B, WHOLE, Rect::new(620, 470, 640, 480)] {
        let desktop = LabDesktop::new(&format!("{SMALL} full"));
        let mut source = desktop.open(false);
        keep_to_region(&desktop, &mut source);
        let frame = desktop.frame_at(presented(&mut source).present_time);
        assert_eq!(desktop.check(&mut source, &[part], frame), Outcome::Done(()));
        assert_eq!(desktop.check(&mut source, &[A], frame), Outcome::Done(()), "now everything is there");
        assert_eq!(desktop.check(&mut source, &[WHOLE], frame), Outcome::Done(()));
        assert_eq!(desktop.counters().duplications, 1, "{part}");
        drop(source);
        desktop.finish();
    }
}

#[test]
fn other_pixels_of_an_image_whose_frame_was_released_come_with_a_new_duplication() {
    for part in [B, WHOLE] {
        let desktop = LabDesktop::new(&format!("{SMALL} full"));
        let mut source = desktop.open(false);
        let frame = keep_to_region(&desktop, &mut source);
        assert_eq!(source.damage(LONG).expect("alive").dirty, [WHOLE]);
        let partly = if part == WHOLE { Outcome::Done(()) } else { Outcome::Overtaken(()) };
        assert_eq!(desktop.check(&mut source, &[part], frame), partly);
        assert_eq!(source.damage(LONG).expect("alive").dirty, [WHOLE]);
        assert_eq!(desktop.check(&mut source, &[B, Rect::new(0, 0, 10, 10)], frame), Outcome::Done(()));
        assert_eq!(desktop.counters().duplications, 2);
        assert_eq!(presented(&mut source).presents, 1, "no present is counted twice");
        // The next region is chosen later.
        keep_to_region(&desktop, &mut source);
        assert!(bytes_for_next(&desktop, &mut source, A) > A.area() * 4);
        drop(source);
        desktop.finish();
    }
}

#[test]
fn pixels_that_did_not_change_come_from_the_copy_of_the_whole_screen() {
    // Everything that changes is inside of A.
    let presents: Vec<_> = (1..10).map(|i| format!("at {}ms present dirty 110,70,{},90", 10 * i, 120 + i)).collect();
    let presents = presents.join("; ");
    let desktop = LabDesktop::new(&format!("{SMALL} static; {presents}"));
    let mut source = desktop.open(false);
    for _ in 0..9 {
        next(&desktop, &mut source);
    }
    let frame = next(&desktop, &mut source);
    assert_eq!(desktop.check(&mut source, &[Rect::new(400, 0, 640, 200)], frame), Outcome::Done(()), "not stale");
    let before = desktop.counters().bytes_copied;
    assert_eq!(desktop.check(&mut source, &[B], frame), Outcome::Done(()), "completed by the copy of the region");
    assert!(desktop.counters().bytes_copied - before < (B.area() + A.area()) * 4);
    assert_eq!(desktop.check(&mut source, &[WHOLE], frame), Outcome::Done(()));
    assert_eq!(desktop.counters().duplications, 1);
    drop(source);
    desktop.finish();
}

#[test]
fn a_shared_texture_shows_the_whole_image() {
    for released in [false, true] {
        let desktop = LabDesktop::new(&format!("{SMALL} full"));
        let mut source = desktop.open(false);
        let mut frame = keep_to_region(&desktop, &mut source);
        if !released {
            frame = desktop.frame_at(presented(&mut source).present_time);
        }
        let request = TextureRequest::new(WHOLE, false, TextureSync::None);
        // The device that draws is a real one, which virtual time does not wait for.
        let texture = (0..1000).find_map(|_| match source.share(&request, LONG).expect("alive") {
            Outcome::Done(texture) => Some(texture),
            _ => None,
        });
        let texture = texture.expect("drawn some time");
        let reader = reader_for(&texture);
        assert!(read(&reader, &texture) == desktop.picture(frame, WHOLE), "released: {released}");
        assert_eq!(desktop.counters().duplications, 1 + u64::from(released));
        assert!(bytes_for_next(&desktop, &mut source, A) > WHOLE.area() * 4, "the next image is needed whole");
        drop((reader, texture, source));
        desktop.finish();
    }
}

#[test]
fn a_second_capture_sees_the_whole_image_and_ends_the_choice() {
    let desktop = LabDesktop::new(&format!("{SMALL} full; at 5s present full"));
    let mut first = desktop.open(false);
    let frame = keep_to_region(&desktop, &mut first);
    let mut second = desktop.open(false);
    assert_eq!(second.wait(ms(0)).expect("alive").presents, 1, "the image that is there");
    desktop.check(&mut second, &[WHOLE], frame);
    desktop.check(&mut first, &[B], frame);
    for _ in 0..40 {
        let frame = desktop.frame_at(presented(&mut first).present_time);
        presented(&mut second);
        desktop.check(&mut first, &[A], frame);
        desktop.check(&mut second, &[B], frame);
    }
    assert_eq!(desktop.counters().duplications, 2);
    // Alone again.
    drop(second);
    for _ in 0..40 {
        next(&desktop, &mut first);
    }
    assert_eq!(bytes_for_next(&desktop, &mut first, A), A.area() * 4);
    drop(first);
    desktop.finish();
}

#[test]
fn a_region_that_is_not_read_any_more_is_given_up() {
    let desktop = LabDesktop::new(&format!("{SMALL} full"));
    let mut source = desktop.open(false);
    keep_to_region(&desktop, &mut source);
    let mut last = 0;
    for _ in 0..33 {
        last = desktop.frame_at(presented(&mut source).present_time);
    }
    let c = desktop.counters();
    assert_eq!(c.acquires, c.releases, "whole images are not held");
    desktop.check(&mut source, &[WHOLE], last);
    assert_eq!(desktop.counters().duplications, 1);
    drop(source);
    desktop.finish();
}

#[test]
fn the_choice_does_not_survive_a_loss() {
    let desktop = LabDesktop::new(&format!("{SMALL} full; at 300ms lose access for 30ms; at 600ms lose device"));
    let mut source = desktop.open(false);
    for _ in 0..2 {
        keep_to_region(&desktop, &mut source);
        lost(&mut source);
        desktop.regain(&mut source);
        let frame = desktop.frame_at(presented(&mut source).present_time);
        desktop.check(&mut source, &[B], frame);
        desktop.check(&mut source, &[WHOLE], frame);
    }
    drop(source);
    desktop.finish();
}

#[test]
fn a_new_duplication_that_is_refused_is_a_loss() {
    for code in [0x8007_0005_u32, 0x887A_0022] {
        let desktop = LabDesktop::new(&format!("{SMALL} full"));
        let mut source = desktop.open(false);
        keep_to_region(&desktop, &mut source);
        desktop.lab.inject("Duplicate", 0, code as i32).expect("a call");
        let error = source.read(&[B], LONG, &mut |_, _, _| {}).expect_err("refused");
        assert!(error.loss().is_some(), "{error}");
        assert!(source.wait(ms(0)).is_err());
        desktop.lab.heal();
        desktop.regain(&mut source);
        let frame = desktop.frame_at(presented(&mut source).present_time);
        desktop.check(&mut source, &[B], frame);
        drop(source);
        desktop.finish();
    }
}

#[test]
fn a_caller_that_needs_other_pixels_again_and_again_costs_few_duplications() {
    let desktop = LabDesktop::new(&format!("{SMALL} full"));
    let mut source = desktop.open(false);
    for i in 0..120 {
        let frame = next(&desktop, &mut source);
        if i % 20 == 19 {
            desktop.check(&mut source, &[B], frame);
        }
    }
    let duplications = desktop.counters().duplications;
    assert!((2..=3).contains(&duplications), "{duplications}");
    drop(source);
    desktop.finish();
}

#[test]
fn every_picture_is_exact_whatever_is_read_when() {
    for script in [
        "damage wild",
        "full; lab copies queued; lab poison eager",
        "slow reads 9ms; lab pitch 64",
        "full; lab copies take 4ms; lab poison eager",
    ] {
        let desktop = LabDesktop::new(&format!("{SMALL} {script}"));
        let mut session = Session::over(desktop.open(false), desktop.lab.clock(), false);
        for round in 0..93_u64 {
            // Mostly one region; another one, the whole screen, or the same image again now and then.
            let region = match round % 31 {
                27 => Some(B),
                29 => None,
                _ => Some(A),
            };
            session.set_region(region).expect("inside");
            let target =
                if round % 3 == 0 { Target::owned(PixelFormat::Bgra) } else { Target::retained(PixelFormat::Bgra) };
            let request = request(LONG).new_frame_only(round % 31 != 29 || round > 60);
            let frame = session.grab(&request, target, &mut || Ok(())).expect("alive").expect("presented");
            desktop.assert_exact(&session, &frame, &format!("{script}, round {round}"));
            if round % 13 == 0 {
                desktop.lab.clock().sleep(ms(17));
            }
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_read_waits_for_the_copy_of_its_region_only() {
    // 240 x 200 pixels take 183 microseconds, the whole screen 1172.
    let desktop = LabDesktop::new(&format!("{SMALL} full; lab copies take 1000us per megabyte"));
    let clock = desktop.lab.clock();
    let mut source = desktop.open(false);
    keep_to_region(&desktop, &mut source);
    for _ in 0..10 {
        presented(&mut source);
        let begun = clock.now();
        source.read(&[A], LONG, &mut |_, _, _| {}).expect("alive");
        assert_eq!((clock.now() - begun).as_micros(), 183);
    }
    drop(source);
    desktop.finish();
}

#[test]
fn a_capture_that_was_warmed_up_delivers_its_first_frame_at_once() {
    for (region, whole_copies) in [(WHOLE, 1), (A, 1)] {
        let desktop = LabDesktop::new(&format!("{SMALL} static; lab first readback 30ms"));
        let handle = Handle::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
        handle.set_region(Some(region)).expect("inside");
        handle.warm_up();
        let before = desktop.counters();
        assert_eq!((before.maps, desktop.lab.now()), (0, ms(0)), "{region}: nothing is waited for");
        desktop.lab.clock().sleep(ms(30));
        let begun = desktop.lab.now();
        let target = Target::owned(PixelFormat::Bgra);
        let frame = handle.grab(&request(ms(0)), target, &mut || Ok(())).expect("alive").expect("at once");
        assert_eq!(desktop.lab.now(), begun, "{region}");
        assert!(frame.image().expect("memory").bytes() == desktop.picture(1, region));
        let after = desktop.counters();
        assert_eq!(after.textures, before.textures, "{region}: no texture is made");
        let copied = after.bytes_copied - before.bytes_copied;
        let own = if region == WHOLE { 0 } else { region.area() };
        assert_eq!(copied, (whole_copies * WHOLE.area() + own) * 4, "{region}");
        drop((frame, handle));
        desktop.finish();
    }
}

#[test]
fn the_first_frame_comes_within_its_time_without_that_too() {
    for region in [WHOLE, A] {
        let desktop = LabDesktop::new(&format!("{SMALL} static; lab first readback 30ms"));
        let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
        session.set_region(Some(region)).expect("inside");
        let target = Target::owned(PixelFormat::Bgra);
        let frame = session.grab(&request(ms(0)), target, &mut || Ok(())).expect("alive").expect("in time");
        assert_eq!(desktop.lab.now(), ms(30), "{region}");
        assert!(frame.image().expect("memory").bytes() == desktop.picture(1, region));
        drop((frame, session));
        desktop.finish();
    }
}
