//! Losses of the desktop, and recovery.

use crate::lab_desktop::{lost, ms, options, presented, request, BoxedSource, LabDesktop, LONG};
use rustcam::capture::{Session, Target};
use rustcam::error::{ErrorKind, Loss};
use rustcam::frame::PixelFormat;
use rustcam::geometry::{Rotation, Size};
use rustcam::source::Outcome;

const SMALL: &str = "size 640x480; refresh 100; pointer still; clock virtual; ";

/// Asserts that the desktop is regained and that its picture is that of the script.
fn shows_the_present(desktop: &LabDesktop, source: &mut BoxedSource) {
    let frame = desktop.frame_at(presented(source).present_time);
    let whole = source.output().texture_size().rect();
    if source.output().rotation == Rotation::None {
        assert_eq!(desktop.check(source, &[whole], frame), Outcome::Done(()));
    }
}

#[test]
fn access_is_denied_for_a_while() {
    let desktop = LabDesktop::new(&format!("{SMALL} at 1s lose access for 200ms"));
    let mut source = desktop.open(true);
    presented(&mut source);
    let error = lost(&mut source);
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)));
    assert_eq!(error.code(), Some(0x887A_0026));
    for again in [source.wait(ms(0)).err(), source.damage(LONG).err(), source.read(&[], LONG, &mut |_, _, _| {}).err()]
    {
        assert_eq!(again.expect("still lost").loss(), Some(Loss::Transient));
    }
    let failures = desktop.regain(&mut source);
    assert!(!failures.is_empty() && failures.iter().all(|e| e.loss() == Some(Loss::Transient)), "{failures:?}");
    shows_the_present(&desktop, &mut source);
    drop(source);
    desktop.finish();
}

#[test]
fn a_new_mode_and_a_rotation_are_followed() {
    let desktop = LabDesktop::new(&format!("{SMALL} at 1s mode 320x200@50; at 1500ms rotate 90"));
    let mut source = desktop.open(true);
    presented(&mut source);
    assert_eq!(lost(&mut source).loss(), Some(Loss::Transient));
    desktop.regain(&mut source);
    assert_eq!((source.output().size, source.output().refresh_hz), (Size::new(320, 200), 50.0));
    shows_the_present(&desktop, &mut source);
    lost(&mut source);
    desktop.regain(&mut source);
    assert_eq!((source.output().size, source.output().rotation), (Size::new(200, 320), Rotation::Clockwise90));
    assert_eq!(source.output().texture_size(), Size::new(320, 200));
    shows_the_present(&desktop, &mut source);
    drop(source);
    desktop.finish();
}

#[test]
fn an_outdated_enumeration_is_made_again() {
    for stale in ["strict", "unplugged"] {
        let script = "at 300ms mode 320x200@50; at 600ms rotate 90; at 900ms unplug for 100ms; at 1300ms mode 640x480";
        let desktop = LabDesktop::new(&format!("{SMALL} lab stale {stale}; {script}"));
        let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
        while desktop.lab.now() < ms(1600) {
            let grabbed = session.grab(&request(ms(1000)), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
            let frame = grabbed.expect("it comes back each time").expect("something is presented");
            desktop.assert_exact(&session, &frame, stale);
        }
        assert_eq!(session.stats().recoveries, 4);
        assert_eq!(session.output().size, Size::new(640, 480));
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_removed_device_is_replaced() {
    let desktop = LabDesktop::new(&format!("{SMALL} at 1s lose device for 150ms"));
    let mut source = desktop.open(true);
    presented(&mut source);
    let error = lost(&mut source);
    assert_eq!((error.kind(), error.loss(), error.code()), (ErrorKind::Device, Some(Loss::Lasting), Some(0x887A_0005)));
    assert!(error.hint().is_some());
    desktop.regain(&mut source);
    shows_the_present(&desktop, &mut source);
    drop(source);
    desktop.finish();
}

#[test]
fn an_unplugged_output_is_waited_for() {
    let desktop = LabDesktop::new(&format!("{SMALL} at 1s unplug for 200ms"));
    let mut source = desktop.open(true);
    presented(&mut source);
    assert_eq!(lost(&mut source).kind(), ErrorKind::AccessLost);
    let failures = desktop.regain(&mut source);
    assert!(failures.iter().any(|e| e.loss() == Some(Loss::Lasting)), "{failures:?}");
    shows_the_present(&desktop, &mut source);
    drop(source);
    desktop.finish();
}

#[test]
fn a_loss_is_reported_to_both_captures_of_an_output() {
    let desktop = LabDesktop::new(&format!("{SMALL} at 1500ms mode 320x200@50"));
    let mut first = desktop.open(false);
    let mut second = desktop.open(false);
    presented(&mut first);
    presented(&mut second);
    lost(&mut first);
    desktop.regain(&mut first);
    // The first capture has recovered already. The second must report the loss nevertheless, because its picture is outdated.
    assert_eq!(lost(&mut second).loss(), Some(Loss::Transient));
    assert_eq!(second.output().size, Size::new(640, 480));
    assert!(desktop.regain(&mut second).is_empty());
    for source in [&mut first, &mut second] {
        assert_eq!(source.output().size, Size::new(320, 200));
        shows_the_present(&desktop, source);
    }
    assert_eq!(desktop.counters().duplications, 2);
    drop((first, second));
    desktop.finish();
}

#[test]
fn a_frame_after_a_loss_is_not_described_as_the_image_before() {
    // The loss comes after a present was seen and before its image was read.
    let desktop = LabDesktop::new(
        "size 16x16; refresh 101; full; pointer still; timer 15.625ms; clock virtual; lab first half; lab first readback 30ms; \
         lab poison eager; at 10ms lose access for 0ms",
    );
    let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
    let mut frames = 0;
    for timeout in [3, 0, 0, 50, 50] {
        let target = Target::owned(PixelFormat::Bgra);
        if let Some(frame) = session.grab(&request(ms(timeout)), target, &mut || Ok(())).expect("a passing loss") {
            desktop.assert_exact(&session, &frame, "after a loss");
            frames += 1;
        }
    }
    assert!(frames > 0);
    drop(session);
    desktop.finish();
}
