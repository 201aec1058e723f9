//! Recovery from losses: when attempts are made, what calls return, and the picture afterwards.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustcam::capture::{Frame, Session, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::ErrorKind;
use rustcam::frame::PixelFormat;
use rustcam::geometry::{Rect, Size};
use rustcam::source::{Change, Source as _};

use super::sim_capture::{desktop, ms, waiting, SimCapture, SMALL};
use super::wrapped::Wrapped;

#[test]
fn a_transient_loss_is_no_error_and_is_recovered_from() {
    let capture = SimCapture::new(&format!("{SMALL}at 100ms lose access for 500ms"), false);
    capture.owned(0);
    capture.clock.sleep(ms(100));
    assert!(capture.owned(50).is_none(), "still lost");
    assert_eq!(capture.clock.now(), ms(150));
    let frame = capture.owned(1000).expect("back after 450 ms more");
    capture.assert_exact(&frame);
    assert!(capture.clock.now() >= ms(600) && capture.clock.now() <= ms(600 + 250), "back-off at most 250 ms");
    assert_eq!(capture.session().recoveries, 1);
    assert_eq!(capture.info().damage.dirty, [Rect::new(0, 0, 96, 64)], "everything is new");
}

#[test]
fn a_lasting_loss_is_an_error_at_the_deadline_and_the_next_call_recovers() {
    let capture = SimCapture::new(&format!("{SMALL}at 100ms unplug for 300ms"), false);
    capture.owned(0);
    capture.clock.sleep(ms(100));
    let error = capture.grab(50, Target::owned(PixelFormat::Bgra)).expect_err("the output is gone");
    assert_eq!(error.kind(), ErrorKind::AccessLost);
    assert!(error.code().is_some() && error.hint().is_some());
    assert_eq!(capture.clock.now(), ms(150), "not before the deadline");
    assert!(capture.owned(1000).is_some(), "plugged in again");
}

#[test]
fn a_removed_device_is_rebuilt_or_reported_as_device_error() {
    let capture = SimCapture::new(&format!("{SMALL}at 100ms lose device for 30ms; at 1s lose device for ever"), false);
    capture.owned(0);
    capture.clock.sleep(ms(100));
    assert!(capture.owned(200).is_some());
    capture.clock.sleep(ms(1000));
    let error = capture.grab(200, Target::owned(PixelFormat::Bgra)).expect_err("gone for good");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Device, Some(0x887A_0005)));
}

#[test]
fn an_error_that_is_no_loss_is_returned_and_the_next_call_works() {
    for call in ["wait", "read", "damage"] {
        let capture = SimCapture::new(&format!("{SMALL}at 10ms fail {call} 0x8007000E"), false);
        capture.retained(0);
        capture.clock.sleep(ms(10));
        let error = capture.grab(1000, Target::retained(PixelFormat::Bgra)).expect_err("a scripted failure");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Capture, Some(0x8007_000E)), "{call}");
        let frame = capture.retained(1000).expect("healthy again");
        capture.assert_exact(&frame);
    }
}

#[test]
fn a_changed_size_and_rotation_are_followed() {
    let capture = SimCapture::new(&format!("{SMALL}at 100ms mode 80x120@50; at 200ms rotate 90"), false);
    capture.owned(0);
    for (at, size, degrees) in [(100, Size::new(80, 120), 0), (200, Size::new(120, 80), 90)] {
        capture.clock.sleep(ms(at) - capture.clock.now());
        let frame = capture.owned(100).expect("regained");
        capture.assert_exact(&frame);
        assert_eq!(
            (frame.image().expect("memory").size, capture.handle.snapshot().output.rotation.degrees()),
            (size, degrees)
        );
    }
}

#[test]
fn a_region_that_no_longer_fits_is_clamped_and_grows_back() {
    let capture =
        SimCapture::new(&format!("{SMALL}at 100ms mode 50x40; at 200ms mode 96x64; at 300ms mode 20x20"), false);
    let region = Rect::new(30, 10, 90, 60);
    capture.handle.set_region(Some(region)).expect("inside");
    capture.owned(0);
    for (at, expected, clamped) in [(100, Rect::new(30, 10, 50, 40), true), (200, region, false)] {
        capture.clock.sleep(ms(at) - capture.clock.now());
        let frame = capture.owned(100).expect("regained");
        capture.assert_exact(&frame);
        assert_eq!((capture.region(), capture.session().region_clamped), (expected, clamped));
    }
    capture.clock.sleep(ms(300) - capture.clock.now());
    let error = capture.grab(100, Target::owned(PixelFormat::Bgra)).expect_err("nothing is left of the region");
    assert_eq!(error.kind(), ErrorKind::Capture);
    assert!(error.message().contains("(30, 10, 90, 60)"), "{error}");
}

/// When each attempt to get the desktop back was made.
type Attempts = Arc<Mutex<Vec<Duration>>>;

fn counting(script: &str) -> (Session, Arc<VirtualClock>, Attempts) {
    slowly_counting(script, Duration::ZERO)
}

/// A session whose attempts take `slow`.
fn slowly_counting(script: &str, slow: Duration) -> (Session, Arc<VirtualClock>, Attempts) {
    let (clock, attempts) = (Arc::new(VirtualClock::new()), Attempts::default());
    let (made, watch) = (Arc::clone(&attempts), Arc::clone(&clock));
    let source = Wrapped::new(desktop(script, false, Arc::clone(&clock) as Arc<dyn Clock>)).before_rebuild(move || {
        made.lock().expect("no panic").push(watch.now());
        watch.sleep(slow);
    });
    (Session::over(Box::new(source), Arc::clone(&clock) as Arc<dyn Clock>, false), clock, attempts)
}

fn grab(session: &mut Session, timeout_ms: u64) -> Option<Frame> {
    session.grab(&waiting(timeout_ms), Target::owned(PixelFormat::Bgra), &mut || Ok(())).expect("no error")
}

#[test]
fn an_outage_of_a_minute_takes_four_attempts_a_second_and_ends_at_once() {
    let (mut session, clock, attempts) = counting(&format!("{SMALL}at 1s lose access for 60s"));
    while clock.now() < ms(1000) {
        grab(&mut session, 1000);
    }
    let mut empty = 0;
    while grab(&mut session, 1000).is_none() {
        empty += 1;
        assert!(session.stats().lost.is_some_and(|why| why.contains("access")));
    }
    let attempts = attempts.lock().expect("no panic");
    assert!((59..=60).contains(&empty), "{empty} calls of a second each");
    // One more at every deadline than the back-off alone would make.
    assert!((240..=310).contains(&attempts.len()), "{} attempts", attempts.len());
    assert_eq!(attempts[..5].iter().map(Duration::as_millis).collect::<Vec<_>>(), [1000, 1010, 1035, 1085, 1185]);
    assert!(clock.now() <= ms(61_250), "{:?}", clock.now());
    assert_eq!((session.stats().recoveries, session.stats().lost), (1, None));
}

#[test]
fn polling_a_lost_desktop_does_not_make_an_attempt_each_time() {
    let (mut session, clock, attempts) = counting(&format!("{SMALL}static; at 10ms lose access for 10s"));
    grab(&mut session, 0);
    clock.sleep(ms(10));
    for _ in 0..2000 {
        assert!(grab(&mut session, 0).is_none());
        clock.sleep(ms(1));
    }
    let made = attempts.lock().expect("no panic").len();
    assert!((8..=45).contains(&made), "{made} attempts in 2 seconds");
}

#[test]
fn a_desktop_that_comes_back_during_a_pause_is_regained_at_the_deadline() {
    let (mut session, _, _) = counting(&format!("{SMALL}at 100ms lose device for 200ms"));
    for _ in 0..10 {
        grab(&mut session, 1000);
    }
    // The back-off alone would try again 435 ms after the loss.
    assert!(grab(&mut session, 410).is_some());
    assert_eq!(session.stats().recoveries, 1);
}

#[test]
fn a_desktop_lost_repeatedly_before_a_frame_is_not_rebuilt_in_a_tight_loop() {
    let losses = (0..40).map(|_| "; at 100ms lose access during read").collect::<String>();
    let (mut session, clock, attempts) = counting(&format!("{SMALL}at 0ms present{losses}"));
    while session.stats().recoveries == 0 {
        grab(&mut session, 1000);
    }
    let attempts = attempts.lock().expect("no panic");
    assert_eq!(attempts.len(), 40);
    assert!(clock.now() >= ms(100 + 30 * 250), "with the back-off in between: {:?}", clock.now());
}

#[test]
fn a_device_lost_again_before_every_frame_is_an_error_at_any_deadline() {
    let losses = (0..40).map(|_| "; at 100ms lose device during read").collect::<String>();
    // Creating a device takes time, and the deadline may come just when it exists.
    for timeout in (250..900).step_by(7) {
        let (mut session, clock, _) = slowly_counting(&format!("{SMALL}at 0ms present{losses}"), ms(90));
        grab(&mut session, 1000);
        clock.sleep(ms(100));
        let error = session.grab(&waiting(timeout), Target::owned(PixelFormat::Bgra), &mut || Ok(())).err();
        assert_eq!(error.map(|e| e.kind()), Some(ErrorKind::Device), "{timeout} ms");
    }
}

#[test]
fn the_first_frame_after_a_loss_waits_for_a_report_of_the_regained_desktop() {
    // The loss comes during a slow read, when a present and a movement of the pointer are reported already; the regained desktop is silent
    // for a while.
    let clock = Arc::new(VirtualClock::new());
    let script = "size 96x64; refresh 50; pointer path; slow reads 60ms; at 101ms mode 90x60";
    let (silent, watch) = (ms(102)..ms(180), Arc::clone(&clock));
    let source =
        Wrapped::new(desktop(script, true, Arc::clone(&clock) as Arc<dyn Clock>)).waiting(move |d, timeout| {
            if silent.contains(&watch.now()) {
                watch.sleep(timeout);
                return Ok(Change::NOTHING);
            }
            d.wait(timeout)
        });
    let mut session = Session::over(Box::new(source), Arc::clone(&clock) as Arc<dyn Clock>, true);
    assert!(grab(&mut session, 250).is_some());
    assert!(grab(&mut session, 0).is_none(), "the read has begun");
    let request = waiting(500).new_frame_only(false);
    let frame = session.grab(&request, Target::owned(PixelFormat::Bgra), &mut || Ok(())).expect("no error");
    let frame = frame.expect("regained");
    assert_eq!(frame.image().expect("memory of its own").size, Size::new(90, 60));
    assert!(frame.info.present_time >= ms(101), "{:?} is from before the loss", frame.info.present_time);
}
