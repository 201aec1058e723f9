//! Windows.Graphics.Capture in place of Desktop Duplication.

use rustcam::capture::Session;
use rustcam::error::{ErrorKind, Result};
use rustcam::source::{Backend, OpenOptions};

use crate::lab_desktop::{self, bytes, frame, ms, LabDesktop};

const DESKTOP: &str = "clock virtual; size 320x240; refresh 60; pointer still; ";
const UNSUPPORTED: &str = "lab inject DuplicateOutput 0 0x887A0004; lab inject DuplicateOutput1 0 0x887A0004; ";

fn options(desktop: &LabDesktop, fall_back: bool) -> OpenOptions {
    let clock = desktop.lab.clock();
    OpenOptions::new(Backend::Dxgi).watch_pointer(false).fall_back(fall_back).clock(clock).timeout(ms(250))
}

fn open(options: &OpenOptions) -> Result<Session> {
    Session::open(options, &mut || Ok(()))
}

#[test]
fn an_output_that_cannot_be_duplicated_is_captured_all_the_same() {
    for (script, why) in [
        (UNSUPPORTED, "the adapter or the mode does not allow it"),
        ("lab others 4; ", "it is not available at the moment"),
    ] {
        let desktop = LabDesktop::new(&format!("{DESKTOP}{script}"));
        let begun = desktop.lab.now();
        let mut session = open(&options(&desktop, true)).expect("it falls back");
        let took = desktop.lab.now() - begun;
        assert!((ms(100)..ms(400)).contains(&took), "after {took:?}");
        let fallback = session.stats().fallback.expect("it says so");
        assert!(fallback.contains("Windows.Graphics.Capture") && fallback.contains(why), "{fallback}");
        for _ in 0..5 {
            let frame = frame(&mut session);
            assert!(bytes(&frame) == desktop.lab.image(desktop.frame_at(frame.info.present_time)));
        }
        drop(session);
        let source = rustcam::source::open(&options(&desktop, false), &mut || Ok(())).err();
        assert!(source.is_some(), "only if it is allowed");
        desktop.finish();
    }
}

#[test]
fn the_backend_that_is_used_is_named() {
    let desktop = LabDesktop::new(&format!("{DESKTOP}{UNSUPPORTED}"));
    let opening = options(&desktop, true);
    rustcam::source::open(&opening, &mut || Ok(())).err().expect("refused once");
    desktop.lab.clock().sleep(ms(100));
    let source = rustcam::source::open(&opening, &mut || Ok(())).expect("it falls back");
    assert_eq!((source.other_backend(), source.pointer_in_image()), (Some("wgc"), true));
    drop(source);
    let source = lab_desktop::open(&desktop.options(0, true));
    assert_eq!((source.other_backend(), source.fallback()), (None, None), "nothing was chosen instead");
    drop(source);
    desktop.finish();
}

#[test]
fn a_backend_that_was_asked_for_is_not_replaced() {
    let desktop = LabDesktop::new(&format!("{DESKTOP}{UNSUPPORTED}"));
    let error = open(&options(&desktop, false)).expect_err("it is refused");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Duplication, Some(0x887A_0004)));
    assert_eq!(desktop.counters().wgc_sessions, 0);
    desktop.finish();
}

#[test]
fn a_refusal_that_passes_is_waited_out() {
    for code in ["0x887A0004", "0x887A0022"] {
        let script =
            format!("lab refuse DuplicateOutput {code} for 80ms; lab refuse DuplicateOutput1 {code} for 80ms; ");
        let desktop = LabDesktop::new(&format!("{DESKTOP}{script}"));
        let session = open(&options(&desktop, true)).expect("it is duplicated in the end");
        assert_eq!(session.stats().fallback, None);
        assert_eq!(desktop.counters().wgc_sessions, 0);
        drop(session);
        desktop.finish();
    }
}

#[test]
fn what_refuses_both_is_no_reason() {
    for code in ["0x80070005", "0x887A0028"] {
        let script = format!("lab inject DuplicateOutput 0 {code}; lab inject DuplicateOutput1 0 {code}; ");
        let desktop = LabDesktop::new(&format!("{DESKTOP}{script}"));
        let error = open(&options(&desktop, true)).expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::Duplication, "{error}");
        assert_eq!(desktop.counters().wgc_sessions, 0);
        desktop.finish();
    }
}

#[test]
fn where_neither_works_the_error_is_that_of_duplication() {
    for script in ["lab wgc off", "lab wgc build 17763", "lab wgc service gone"] {
        let desktop = LabDesktop::new(&format!("{DESKTOP}{UNSUPPORTED}{script}"));
        let error = open(&options(&desktop, true)).expect_err("it is refused");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Duplication, Some(0x887A_0004)), "{error}");
        desktop.finish();
    }
}
