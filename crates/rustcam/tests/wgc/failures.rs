//! Every failure of every call: once and for ever. Afterwards the next frames are exact, and nothing is left of the capture.

use rustcam::capture::Session;
use rustcam::error::ErrorKind::{self, AccessLost, Device, Duplication, InvalidArgument};
use rustcam::error::Result;
use rustcam::source::hresult::{
    CALL_FAILED, CLASS_NOT_AVAILABLE, CLASS_NOT_REGISTERED, DEVICE_REMOVED, E_ACCESSDENIED, E_FAIL, E_INVALIDARG,
    E_NOINTERFACE, E_OUTOFMEMORY, RO_E_CLOSED, SERVER_UNAVAILABLE, SERVICE_DOES_NOT_EXIST,
};
use rustcam::source::WindowArea;

use crate::lab_desktop::{assert_window, by_handle, bytes, frame, grab, ms, open_session, LabDesktop};
use crate::test_window::TestWindow;

const DESKTOP: &str = "clock virtual; size 64x48; refresh 60; pointer still";
const ILLEGAL_METHOD_CALL: u32 = 0x8000_000E;

/// What the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Frame,
    /// No frame and no error at the deadline.
    Nothing,
    Raises(ErrorKind),
}

use Outcome::{Frame, Nothing, Raises};

/// The calls that fail with the codes, the outcome if they fail once, and if they always do.
type Row = (&'static [&'static str], &'static [u32], Outcome, Outcome);

const SERVICE: &[u32] = &[SERVICE_DOES_NOT_EXIST, SERVER_UNAVAILABLE, CALL_FAILED];
const MISSING: &[u32] = &[CLASS_NOT_REGISTERED, CLASS_NOT_AVAILABLE, E_NOINTERFACE];
#[rustfmt::skip]
const OPENING: &[Row] = &[
    (&["RoGetActivationFactory"], SERVICE, Frame, Raises(Duplication)),
    (&["RoGetActivationFactory"], MISSING, Raises(Duplication), Raises(Duplication)),
    (&["CreateDirect3D11Device"], &[E_FAIL, E_OUTOFMEMORY], Raises(Duplication), Raises(Duplication)),
    (&["IsSupported"], &[CALL_FAILED], Frame, Raises(Duplication)),
    (&["IsSupported"], &[E_FAIL], Raises(Duplication), Raises(Duplication)),
    (&["CreateForMonitor"], &[SERVICE_DOES_NOT_EXIST, E_INVALIDARG, E_ACCESSDENIED], Frame, Raises(Duplication)),
    (&["CreateForMonitor"], &[ILLEGAL_METHOD_CALL], Raises(Duplication), Raises(Duplication)),
    (&["ItemSize", "CreateFramePool", "CreateCaptureSession"], &[CALL_FAILED], Frame, Raises(Duplication)),
    (&["StartCapture"], &[SERVER_UNAVAILABLE], Frame, Raises(Duplication)),
    (&["AddFrameArrived"], &[RO_E_CLOSED], Frame, Raises(Duplication)),
    (&["CreateFramePool", "StartCapture"], &[ILLEGAL_METHOD_CALL], Raises(Duplication), Raises(Duplication)),
    (&["CreateFramePool"], &[DEVICE_REMOVED], Raises(Device), Raises(Device)),
];

/// A capture does without them.
const OPTIONAL: &[&str] = &[
    "AddClosed",
    "SetIsCursorCaptureEnabled",
    "SetIsBorderRequired",
    "SetDirtyRegionMode",
    "SetMinUpdateInterval",
    "DirtyRegions",
    "FrameClose",
    "SessionClose",
    "PoolClose",
];

const TAKING: &[&str] = &["TryGetNextFrame", "FrameSurface", "SurfaceInterface", "ContentSize"];

#[rustfmt::skip]
const CAPTURING: &[Row] = &[
    (&["TryGetNextFrame"], SERVICE, Frame, Nothing),
    (&["TryGetNextFrame"], &[RO_E_CLOSED, E_FAIL], Frame, Nothing),
    (&["TryGetNextFrame"], &[ILLEGAL_METHOD_CALL], Frame, Raises(AccessLost)),
    (TAKING, &[E_FAIL], Frame, Nothing),
    (TAKING, &[DEVICE_REMOVED], Frame, Raises(Device)),
];

/// While a session is replaced.
#[rustfmt::skip]
const BEGINNING_AGAIN: &[Row] = &[
    (&["RoGetActivationFactory", "CreateDirect3D11Device"], &[CLASS_NOT_REGISTERED], Frame, Raises(AccessLost)),
    (&["CreateForWindow"], &[CALL_FAILED, E_INVALIDARG], Frame, Nothing),
    (&["ItemSize", "CreateFramePool", "CreateCaptureSession", "StartCapture"], &[CALL_FAILED], Frame, Nothing),
    (&["StartCapture"], &[ILLEGAL_METHOD_CALL], Frame, Raises(AccessLost)),
    (&["CreateFramePool"], &[DEVICE_REMOVED], Frame, Raises(Device)),
];

/// Plays `rows`: `play` makes a call fail once (1) or always (0), and returns the outcome.
fn play(rows: &[Row], mut play: impl FnMut(&str, u32, u32) -> Outcome) {
    let mut wrong = Vec::new();
    for (calls, codes, once, always) in rows {
        for (call, code) in calls.iter().flat_map(|call| codes.iter().map(move |code| (call, *code))) {
            let both = [(1, *once), (0, *always)];
            // What never ends includes what happens once.
            for (nth, expected) in &both[usize::from(once == always)..] {
                let outcome = play(call, *nth, code);
                if outcome != *expected {
                    wrong.push(format!("{call} {code:08X} ({nth}): {outcome:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn outcome(frame: Result<Option<rustcam::capture::Frame>>, code: u32) -> Outcome {
    match frame {
        Ok(Some(_)) => Frame,
        Ok(None) => Nothing,
        Err(error) => {
            assert_eq!(error.code(), Some(code), "{error}");
            assert!(error.hint().is_some(), "{error}");
            Raises(error.kind())
        }
    }
}

fn assert_works(desktop: &LabDesktop, session: &mut Session) {
    desktop.lab.heal();
    for _ in 0..3 {
        let frame = frame(session);
        assert!(bytes(&frame) == desktop.lab.image(desktop.frame_at(frame.info.present_time)));
    }
}

#[test]
fn failures_of_opening() {
    play(OPENING, |call, nth, code| {
        let desktop = LabDesktop::new(DESKTOP);
        desktop.lab.inject(call, nth, code as i32).expect("a call");
        // Once is over with the second attempt.
        let options = desktop.options(0, false).timeout(ms(100 * u64::from(nth)));
        let outcome = match Session::open(&options, &mut || Ok(())) {
            Ok(mut session) => {
                let outcome = outcome(grab(&mut session, ms(1000)), code);
                assert_works(&desktop, &mut session);
                outcome
            }
            Err(error) => outcome(Err(error), code),
        };
        desktop.finish();
        outcome
    });
}

/// Plays `rows` one after the other on one session, each after `before`.
fn play_on_one(rows: &[Row], before: impl Fn(&LabDesktop)) {
    let desktop = LabDesktop::new(DESKTOP);
    let window = TestWindow::new("fails", 90, 70);
    let (whole, client) = desktop.geometry(&window);
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    frame(&mut session);
    play(rows, |call, nth, code| {
        before(&desktop);
        desktop.lab.inject(call, nth, code as i32).expect("a call");
        let timeout = if nth == 0 { ms(20) } else { ms(1000) };
        let outcome = outcome(grab(&mut session, timeout), code);
        desktop.lab.heal();
        for _ in 0..2 {
            assert_window(&frame(&mut session), whole, client);
        }
        outcome
    });
    drop((session, window));
    desktop.finish();
}

#[test]
fn a_capture_does_without_what_is_optional() {
    for code in [E_NOINTERFACE, E_FAIL, RO_E_CLOSED] {
        let desktop = LabDesktop::new(DESKTOP);
        for call in OPTIONAL {
            desktop.lab.inject(call, 0, code as i32).expect("a call");
        }
        let mut session = open_session(&desktop.options(0, false));
        for _ in 0..10 {
            let frame = frame(&mut session);
            let (number, at) = (desktop.frame_at(frame.info.present_time), frame.info.present_time);
            // Where it cannot be switched off, the pointer is in the images.
            let image = desktop.lab.image_with_pointer(0, number, desktop.script_time(at) + ms(1));
            assert!(bytes(&frame) == image, "{code:08X}: frame {number}");
        }
        assert!(session.stats().fallback.is_some_and(|reason| reason.contains("pointer")));
        drop(session);
        desktop.finish();
    }
}

#[test]
fn images_without_a_time_are_of_now() {
    let desktop = LabDesktop::new(DESKTOP);
    desktop.lab.inject("SystemRelativeTime", 0, E_FAIL as i32).expect("a call");
    let mut session = open_session(&desktop.options(0, false));
    for _ in 0..10 {
        let late = desktop.lab.now().saturating_sub(desktop.script_time(frame(&mut session).info.present_time));
        assert!(late < ms(20), "{late:?}");
    }
    drop(session);
    desktop.finish();
}

#[test]
fn failures_while_capturing() {
    play_on_one(CAPTURING, |_| ());
}

#[test]
fn failures_while_a_session_is_replaced() {
    play_on_one(BEGINNING_AGAIN, |desktop| {
        desktop.lab.inject("FrameSurface", 1, RO_E_CLOSED as i32).expect("a call");
    });
}

#[test]
fn failures_of_recreating_the_pool() {
    for code in [RO_E_CLOSED, DEVICE_REMOVED] {
        for nth in [1, 0] {
            let desktop = LabDesktop::new(&format!("{DESKTOP}; at 200ms mode 100x80"));
            let mut session = open_session(&desktop.options(0, false));
            frame(&mut session);
            desktop.lab.inject("Recreate", nth, code as i32).expect("a call");
            while desktop.lab.now() < ms(600) {
                let _ = grab(&mut session, ms(50));
            }
            assert_works(&desktop, &mut session);
            assert_eq!(session.output().size, rustcam::geometry::Size::new(100, 80));
            drop(session);
            desktop.finish();
        }
    }
}

#[test]
fn failures_of_making_an_item_of_a_window() {
    for (code, kind) in [(E_INVALIDARG, InvalidArgument), (E_FAIL, Duplication), (CALL_FAILED, Duplication)] {
        for nth in [1, 0] {
            let desktop = LabDesktop::new(DESKTOP);
            let window = TestWindow::new("item", 120, 90);
            desktop.lab.inject("CreateForWindow", nth, code as i32).expect("a call");
            let options = desktop.window(by_handle(&window), WindowArea::Client).timeout(ms(700));
            match Session::open(&options, &mut || Ok(())) {
                Ok(mut session) => {
                    assert_eq!(nth, 1);
                    frame(&mut session);
                }
                Err(error) => assert_eq!((nth, error.kind(), error.code()), (0, kind, Some(code)), "{error}"),
            }
            drop(window);
            desktop.finish();
        }
    }
}

#[test]
fn a_service_that_restarts_is_waited_for() {
    for code in ["", "0x800706BE"] {
        let desktop = LabDesktop::new(&format!("{DESKTOP}; lab wgc service gone {code} for 500ms"));
        let mut session = open_session(&desktop.options(0, false).timeout(ms(1000)));
        assert_works(&desktop, &mut session);
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_lost_device_is_replaced() {
    let desktop = LabDesktop::new(&format!("{DESKTOP}; at 300ms lose device"));
    let mut session = open_session(&desktop.options(0, false));
    while desktop.lab.now() < ms(800) {
        let frame = frame(&mut session);
        assert!(bytes(&frame) == desktop.lab.image(desktop.frame_at(frame.info.present_time)));
    }
    assert_eq!(session.stats().recoveries, 1);
    drop(session);
    desktop.finish();
}

#[test]
fn lists_of_changes_that_are_wrong_cost_no_image() {
    for dirty in ["exact", "all", "outside", "empty"] {
        let desktop = LabDesktop::new(&format!("{DESKTOP}; lab wgc dirty {dirty}"));
        let mut session = open_session(&desktop.options(0, false));
        let mut before = 0;
        for _ in 0..20 {
            let frame = frame(&mut session);
            let number = desktop.frame_at(frame.info.present_time);
            assert!(bytes(&frame) == desktop.lab.image(number), "{dirty}");
            assert!(number > before && number <= before + 2, "{dirty}: {number} after {before}");
            before = number;
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn borders_that_stay_are_no_failure() {
    for script in ["lab wgc border-setter ignored", "lab wgc border-setter fails", "lab wgc access denied"] {
        let desktop = LabDesktop::new(&format!("{DESKTOP}; {script}"));
        let mut session = open_session(&desktop.options(0, false));
        assert_works(&desktop, &mut session);
        drop(session);
        desktop.finish();
    }
}
