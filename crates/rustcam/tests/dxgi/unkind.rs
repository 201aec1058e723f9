//! What Windows does to captures that expect too much: refusals that pass, first frames that are not whole, duplications that fall silent.

use std::sync::Arc;

use rustcam::capture::{Session, Target};
use rustcam::clock::MonotonicClock;
use rustcam::frame::PixelFormat;
use rustcam::geometry::{Point, Rect};

use crate::lab_desktop::{lost, ms, options, presented, request, LabDesktop};

const SMALL: &str = "size 320x200; refresh 100; pointer still; clock virtual; ";

fn owned() -> Target<'static> {
    Target::owned(PixelFormat::Bgra)
}

#[test]
fn opening_waits_until_a_refusal_has_passed() {
    for refusal in [
        "refuse 0x80070005 for 600ms",
        "refuse 0x887A0028 for 600ms",
        "refuse 0x887A0004 for 600ms",
        "refuse 0x887A0022 for 600ms",
        "refuse 0x887A0025 for 600ms",
        "refuse 0x887A0026 for 600ms",
        "lab refuse EnumOutputs 0x887A0002 for 600ms",
        "lab refuse EnumOutputs 0x887A0025 for 600ms",
        "lab refuse CreateDXGIFactory1 0x887A0025 for 600ms",
    ] {
        let desktop = LabDesktop::new(&format!("{SMALL} {refusal}"));
        let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("it passes");
        assert!((ms(600)..ms(750)).contains(&desktop.lab.now()), "{refusal}: {:?}", desktop.lab.now());
        let frame = session.grab(&request(ms(100)), owned(), &mut || Ok(())).expect("alive").expect("presents");
        desktop.assert_exact(&session, &frame, refusal);
        drop(session);
        desktop.finish();
    }
}

#[test]
fn after_half_a_picture_the_next_one_is_copied_whole() {
    for memory in ["", "lab system memory"] {
        let desktop = LabDesktop::new(&format!(
            "{SMALL} static; at 1s present dirty 10,10,20,20; at 1200ms present dirty 30,30,50,50; lab first half; {memory}"
        ));
        let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
        let first = session.grab(&request(ms(500)), owned(), &mut || Ok(())).expect("alive").expect("half of it");
        assert_eq!(first.info.damage.dirty, [Rect::new(0, 0, 320, 200)]);
        let whole = session.grab(&request(ms(2000)), owned(), &mut || Ok(())).expect("alive").expect("a present");
        desktop.assert_exact(&session, &whole, memory);
        assert_eq!(whole.info.damage.dirty, [Rect::new(0, 0, 320, 200)], "everything may differ from half a picture");
        let next = session.grab(&request(ms(2000)), owned(), &mut || Ok(())).expect("alive").expect("a present");
        desktop.assert_exact(&session, &next, memory);
        assert_eq!(next.info.damage.dirty, [Rect::new(30, 30, 50, 50)]);
        drop(session);
        desktop.finish();
    }
}

#[test]
fn the_nudge_brings_the_first_frame_of_a_desktop_where_nothing_happens() {
    for first in ["nothing", "half", "timeless"] {
        // In real time: the window belongs to a thread of its own.
        let desktop =
            LabDesktop::new(&format!("size 320x200; static; pointer still; lab first {first}; lab nudge answered"));
        let options = options(&desktop, 0, false).clock(Arc::new(MonotonicClock));
        let mut session = Session::open(&options, &mut || Ok(())).expect("opens");
        let mut frame = session.grab(&request(ms(5000)), owned(), &mut || Ok(())).expect("alive").expect("presented");
        if first == "half" {
            // On a busy machine the half may be delivered before the nudge is answered. The whole follows.
            if let Some(next) = session.grab(&request(ms(500)), owned(), &mut || Ok(())).expect("alive") {
                frame = next;
            }
        }
        let world = desktop.picture(1, session.region());
        assert!(frame.image().expect("memory").bytes() == world, "{first}");
        drop((frame, session));
        desktop.finish();
    }
}

#[test]
fn a_desktop_of_which_nothing_comes_is_duplicated_again() {
    let desktop = LabDesktop::new(&format!("{SMALL} static; at 20s present full; lab first nothing"));
    let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
    while desktop.lab.now() < ms(19_000) {
        assert!(session.grab(&request(ms(250)), owned(), &mut || Ok(())).expect("a passing loss").is_none());
    }
    let duplications = desktop.counters().duplications;
    assert!((4..=6).contains(&duplications), "after 1, 2, 4 and 8 s: {duplications}");
    let frame = session.grab(&request(ms(9000)), owned(), &mut || Ok(())).expect("alive").expect("a present");
    desktop.assert_exact(&session, &frame, "at last");
    drop(session);
    desktop.finish();
}

#[test]
fn a_duplication_that_stops_outside_the_console_session_is_made_again() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab session detached"));
    let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
    let mut frames = 0;
    while desktop.lab.now() < ms(4000) {
        if let Some(frame) = session.grab(&request(ms(100)), owned(), &mut || Ok(())).expect("a passing loss") {
            desktop.assert_exact(&session, &frame, "detached");
            frames += 1;
        }
    }
    assert_eq!((session.stats().recoveries, desktop.counters().duplications), (1, 2));
    assert!(frames > 150, "{frames} frames after two seconds of silence");
    drop(session);
    desktop.finish();
}

#[test]
fn the_pointer_of_a_lost_duplication_is_not_shown_again() {
    let desktop = LabDesktop::new(
        "size 320x200; refresh 100; clock virtual; pointer still; lab pointer untold; at 200ms pointer 50,60; \
         at 200ms shape hand; at 400ms lose access for 50ms; at 900ms pointer 70,80; at 900ms shape arrow",
    );
    let mut source = desktop.open(true);
    presented(&mut source);
    assert!(!source.pointer().visible, "the system has not told");
    let error = lost(&mut source);
    assert!(source.pointer().visible && source.pointer().position == Point::new(50, 60), "{error}");
    desktop.regain(&mut source);
    presented(&mut source);
    assert!(!source.pointer().visible, "it may be anywhere");
    while desktop.lab.now() < ms(1000) {
        source.wait(ms(10)).expect("alive");
    }
    assert!(source.pointer().visible && source.pointer().position == Point::new(70, 80));
    drop(source);
    desktop.finish();
}

#[test]
fn careless_lists_of_what_changed_reach_no_picture() {
    for memory in ["", "; lab system memory", "; lab claims hardware; lab events late 3ms"] {
        let desktop = LabDesktop::new(&format!("{SMALL} damage wild{memory}"));
        let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
        for i in 0..40 {
            let target = if i % 2 == 0 { Target::retained(PixelFormat::Bgra) } else { owned() };
            let frame = session.grab(&request(ms(1000)), target, &mut || Ok(())).expect("alive").expect("presents");
            desktop.assert_exact(&session, &frame, memory);
        }
        drop(session);
        desktop.finish();
    }
}
