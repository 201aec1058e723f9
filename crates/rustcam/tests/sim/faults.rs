//! Faults of the simulated desktop: losses, mode changes, failing calls, damage that is not credible.

use std::sync::Arc;
use std::time::Duration;

use rustcam::clock::VirtualClock;
use rustcam::error::{ErrorKind, Loss, Result};
use rustcam::frame::Move;
use rustcam::geometry::{Point, Rect, Size};
use rustcam::source::Source;

use super::sim_desktop::{codes, ms, open, SimDesktop, LONG, ZERO};

#[test]
fn lose_access_for_a_time_lasts_until_a_rebuild() {
    let mut desktop = SimDesktop::new("static; size 64x64; at 300ms lose access for 500ms");
    desktop.wait();
    let lost = (ErrorKind::AccessLost, Some(0x887A_0026), Some(Loss::Transient));
    assert_eq!(codes(&desktop.lost()), lost);
    assert_eq!(desktop.now(), ms(300));
    assert_eq!(codes(&desktop.source.damage(LONG).expect_err("lost")), lost);
    let read = desktop.source.read(&[Rect::new(0, 0, 1, 1)], LONG, &mut |_, _, _| panic!("delivered while lost"));
    assert_eq!(codes(&read.expect_err("lost")), lost);
    let denied = desktop.source.rebuild(ZERO).expect_err("too early");
    assert_eq!(codes(&denied), (ErrorKind::AccessLost, Some(0x8007_0005), Some(Loss::Transient)));
    desktop.skip_to(ms(800));
    assert_eq!(codes(&desktop.lost()), lost);
    desktop.source.rebuild(ZERO).expect("regained");
    assert_eq!(desktop.wait().presents, 1);
    assert_eq!(desktop.damage().dirty, [Rect::new(0, 0, 64, 64)]);
    desktop.assert_exact();
}

#[test]
fn lose_access_without_a_time_is_regained_at_once() {
    let mut desktop = SimDesktop::new("at 5ms lose access");
    desktop.wait();
    desktop.lost();
    desktop.source.rebuild(ZERO).expect("regained");
    assert_eq!(desktop.wait().presents, 1);
}

#[test]
fn lasting_losses_are_reported_as_such() {
    let cases = [
        ("lose access for ever lasting", ErrorKind::AccessLost, 0x887A_0026, 0x8007_0005),
        ("lose device for ever", ErrorKind::Device, 0x887A_0005, 0x887A_0005),
        ("lose device for 100ms", ErrorKind::Device, 0x887A_0005, 0x887A_0005),
        ("unplug for 1s", ErrorKind::AccessLost, 0x887A_0026, 0x887A_0002),
    ];
    for (event, kind, code, rebuilding) in cases {
        let mut desktop = SimDesktop::new(&format!("static; at 1ms {event}"));
        desktop.wait();
        assert_eq!(codes(&desktop.lost()), (kind, Some(code), Some(Loss::Lasting)), "{event}");
        let error = desktop.source.rebuild(ZERO).expect_err("too early");
        assert_eq!(codes(&error), (kind, Some(rebuilding), Some(Loss::Lasting)), "{event}");
        desktop.skip_to(Duration::from_secs(30_000_000));
        assert_eq!(desktop.source.rebuild(ZERO).is_ok(), !event.contains("ever"), "{event}");
    }
}

#[test]
fn mode_and_rotate_give_a_new_geometry() {
    let mut desktop = SimDesktop::new("size 100x80; at 20ms mode 120x90@144; at 30ms rotate 90");
    desktop.wait();
    desktop.read();
    desktop.wait();
    assert_eq!(codes(&desktop.lost()), (ErrorKind::AccessLost, Some(0x887A_0026), Some(Loss::Transient)));
    assert_eq!(desktop.source.output().size, Size::new(100, 80));
    desktop.source.rebuild(ZERO).expect("regained");
    assert_eq!((desktop.source.output().size, desktop.source.output().refresh_hz), (Size::new(120, 90), 144.0));
    desktop.wait();
    desktop.assert_exact();
    while desktop.source.wait(LONG).is_ok() {}
    desktop.source.rebuild(ZERO).expect("regained");
    // A read need not be preceded by a wait.
    desktop.assert_exact();
    assert_eq!(
        (desktop.source.output().size, desktop.source.output().texture_size()),
        (Size::new(90, 120), Size::new(120, 90))
    );
    desktop.wait();
    desktop.assert_exact();
}

#[test]
fn refuse_fails_to_open() {
    let clock = Arc::new(VirtualClock::new());
    let error = open("refuse 0x80070005", 0, &clock).expect_err("refused");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Duplication, Some(0x8007_0005)));
}

#[test]
fn fail_injects_errors_into_each_call() {
    fn fails<T: std::fmt::Debug>(result: Result<T>) {
        let error = result.expect_err("a scripted failure");
        assert_eq!(codes(&error), (ErrorKind::Capture, Some(0x8007_000E), None));
    }
    let mut desktop = SimDesktop::new(
        "static; at 10ms fail wait 0x8007000E times 2; at 0ms fail read 0x8007000e; at 0ms fail damage 0x8007000E; at 0s fail rebuild 0x8007000E",
    );
    desktop.wait();
    fails(desktop.source.wait(LONG));
    assert_eq!(desktop.now(), ms(10));
    fails(desktop.source.wait(ZERO));
    desktop.source.wait(ZERO).expect("only twice");
    fails(desktop.source.read(&[], ZERO, &mut |_, _, _| ()));
    desktop.source.read(&[], ZERO, &mut |_, _, _| ()).expect("only once");
    fails(desktop.source.damage(ZERO));
    desktop.source.damage(ZERO).expect("only once");
    fails(desktop.source.rebuild(ZERO));
    desktop.source.rebuild(ZERO).expect("only once");
}

#[test]
fn lose_during_a_call_is_triggered_by_that_call() {
    let mut desktop = SimDesktop::new(
        "static; size 64x64; at 0ms lose access during damage for 50ms; at 10ms lose device during read; \
         at 20ms unplug during rebuild for 5ms",
    );
    desktop.wait();
    desktop.read();
    let lost = (ErrorKind::AccessLost, Some(0x887A_0026), Some(Loss::Transient));
    assert_eq!(codes(&desktop.source.damage(LONG).expect_err("triggered")), lost);
    assert_eq!(codes(&desktop.source.wait(ZERO).expect_err("lost for every call from then on")), lost);
    assert_eq!(codes(&desktop.source.rebuild(ZERO).expect_err("too early")).1, Some(0x8007_0005));
    desktop.skip_to(ms(50));
    assert_eq!(codes(&desktop.source.rebuild(ZERO).expect_err("the next one")).1, Some(0x887A_0026));
    assert_eq!(codes(&desktop.source.rebuild(ZERO).expect_err("too early")).1, Some(0x887A_0002));
    desktop.skip_to(ms(55));
    desktop.source.rebuild(ZERO).expect("regained");
    assert_eq!(desktop.wait().presents, 1);
    desktop.damage();
    let read = desktop.source.read(&[Rect::new(0, 0, 1, 1)], LONG, &mut |_, _, _| panic!("delivered while lost"));
    let device = (ErrorKind::Device, Some(0x887A_0005), Some(Loss::Lasting));
    assert_eq!(codes(&read.expect_err("triggered")), device);
    desktop.source.rebuild(ZERO).expect("gone for a moment only");
    desktop.wait();
    desktop.assert_exact();
}

#[test]
fn damage_wild_lists_the_same_damage_and_much_that_is_not_credible() {
    for rotation in [0, 180] {
        let script =
            format!("size 60x40; rotation {rotation}; static; at 10ms present move 30,5>0,5,20,15 dirty 50,0,60,10");
        let [mut exact, mut wild] = ["", "; damage wild"].map(|more| SimDesktop::new(&format!("{script}{more}")));
        for desktop in [&mut exact, &mut wild] {
            desktop.wait();
            desktop.damage();
            desktop.wait();
        }
        let (exact, wild) = (exact.damage(), wild.damage());
        let whole = Rect::new(0, 0, 60, 40);
        assert!(wild.dirty.iter().any(|r| r.is_empty()) && wild.dirty.iter().any(|r| !whole.contains(*r)));
        let still = |m: &Move| m.source == m.destination.origin();
        assert!(wild.moves.iter().any(still) && wild.moves.iter().any(|m| m.source == Point::new(-70, -70)));
        let sane = wild.sane(whole);
        let changed = |damage: &rustcam::frame::Damage, x, y| {
            let here = Rect::new(x, y, x + 1, y + 1);
            let moved = damage.moves.iter().map(|m| m.destination);
            damage.dirty.iter().copied().chain(moved).any(|r| r.contains(here))
        };
        for (x, y) in (0..40).flat_map(|y| (0..60).map(move |x| (x, y))) {
            assert_eq!(changed(&exact, x, y), changed(&sane, x, y), "{x} {y}");
        }
    }
}
