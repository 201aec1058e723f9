//! Look-ahead: the next image is copied while the one before is read.

use std::time::Duration;

use rustcam::capture::{Session, Target};
use rustcam::frame::PixelFormat;
use rustcam::geometry::Rect;

use crate::lab_desktop::{ms, presented, request, LabDesktop, LONG};

const SMALL: &str = "size 640x480; refresh 100; pointer still; clock virtual; ";
const WHOLE: Rect = Rect::new(0, 0, 640, 480);

#[test]
fn every_present_is_read_even_if_copying_and_reading_take_longer_than_an_interval() {
    let desktop = LabDesktop::new(&format!("{SMALL} full; slow reads 6ms"));
    let clock = desktop.lab.clock();
    let mut source = desktop.open(false);
    let mut presents = Vec::new();
    for _ in 0..50 {
        let change = presented(&mut source);
        let frame = desktop.frame_at(change.present_time);
        let image = desktop.lab.world().image(frame);
        let read = source.read(&[WHOLE], LONG, &mut |_, pixels, _| {
            // The mapped image stays unchanged while the next one is copied.
            let half = |y: usize| assert_eq!(pixels.row(y)[..3], image[y * 640 * 4..][..3], "row {y} of {frame}");
            half(0);
            clock.sleep(ms(6));
            half(479);
        });
        read.expect("alive");
        presents.push(change.presents);
    }
    assert!(presents[4..].iter().all(|&n| n == 1), "{presents:?}");
    drop(source);
    desktop.finish();
}

#[test]
fn pictures_and_damage_are_exact_with_look_ahead() {
    for kind in ["", "full", "at 400ms lose access for 30ms"] {
        let desktop = LabDesktop::new(&format!("{SMALL} {kind}; slow reads 9ms; lab pitch 64; lab poison eager"));
        let source = desktop.open(false);
        let mut session = Session::over(source, desktop.lab.clock(), false);
        let mut known = vec![0; 640 * 480 * 4];
        for round in 0..60 {
            // Damage brings retained pictures up to date, so each one checks all damage before it.
            let target = match round % 7 {
                0 | 1 => Target::owned(PixelFormat::Bgra),
                _ => Target::retained(PixelFormat::Bgra),
            };
            session.set_region((round % 20 >= 15).then_some(Rect::new(100, 60, 340, 260))).expect("inside");
            let frame = session.grab(&request(LONG), target, &mut || Ok(())).expect("alive").expect("presented");
            desktop.assert_exact(&session, &frame, &format!("{kind}, round {round}"));
            desktop.lab.clock().sleep(ms(3));
            let info = &frame.info;
            let image = desktop.lab.world().image(desktop.frame_at(info.present_time));
            let moved = info.damage.moves.iter().map(|m| m.destination);
            for part in moved.chain(info.damage.dirty.iter().copied()) {
                for y in part.top..part.bottom {
                    let row = (y * 640 + part.left) as usize * 4..(y * 640 + part.right) as usize * 4;
                    known[row.clone()].copy_from_slice(&image[row]);
                }
            }
            assert!(known == image, "{kind}, round {round}: more has changed than the damage says");
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn an_image_taken_ahead_is_not_shown_once_there_is_a_newer_one() {
    let desktop = LabDesktop::new(&format!("{SMALL} full; slow reads 14ms"));
    let clock = desktop.lab.clock();
    let mut session = Session::over(desktop.open(false), desktop.lab.clock(), false);
    for _ in 0..10 {
        let target = Target::owned(PixelFormat::Bgra);
        let frame = session.grab(&request(LONG), target, &mut || Ok(())).expect("alive").expect("presented");
        let asked = clock.now();
        assert!(asked - frame.info.present_time < ms(30), "the newest at the time of the call");
        clock.sleep(ms(200));
    }
    drop(session);
    desktop.finish();
}

#[test]
fn every_present_is_read_where_the_device_takes_its_time_and_less_of_it_is_waited_for() {
    // One step after the other, copying and working take longer than an interval: `dda-lab/examples/ahead.rs` prints what is lost then.
    for (copy, work) in [(160, 4050), (1000, 3500)] {
        let desktop = LabDesktop::new(&format!(
            "size 640x480; refresh 240; pointer still; clock virtual; full; lab claims hardware; lab events prompt; lab copies take {copy}us"
        ));
        let clock = desktop.lab.clock();
        let mut source = desktop.open(false);
        let (mut presents, mut waited) = (Vec::new(), Duration::ZERO);
        for _ in 0..240 {
            presents.push(presented(&mut source).presents);
            let begun = clock.now();
            let read = source.read(&[WHOLE], LONG, &mut |_, _, _| {
                waited += clock.now() - begun;
                clock.sleep(Duration::from_micros(work));
            });
            read.expect("alive");
        }
        assert!(presents[4..].iter().all(|&n| n == 1), "{copy} {work}: {presents:?}");
        assert!(waited < Duration::from_micros(copy) * 216, "{copy} {work}: {waited:?} for 240 frames");
        drop(source);
        desktop.finish();
    }
}
