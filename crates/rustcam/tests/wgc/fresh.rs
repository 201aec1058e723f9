//! What a capture shows after a pause: the screen as it is then.

use rustcam::source::WindowArea;

use crate::lab_desktop::{assert_window, by_handle, bytes, frame, grab, ms, open_session, LabDesktop, LONG};
use crate::test_window::TestWindow;

/// A desktop that changes for half a second, and is static then.
fn changes_for_a_while() -> String {
    let presents: Vec<_> = (1..30).map(|n| format!("at {}ms present full", n * 17)).collect();
    format!("size 320x240; refresh 60; pointer still; static; {}", presents.join("; "))
}

#[test]
fn a_capture_that_paused_shows_the_newest_image_at_once() {
    for clock in ["clock virtual; ", ""] {
        for build in [19041, 26100] {
            let script = format!("{clock} size 64x48; refresh 60; pointer still; lab wgc build {build}");
            let desktop = LabDesktop::new(&script);
            let mut session = open_session(&desktop.options(0, false));
            frame(&mut session);
            for _ in 0..5 {
                desktop.lab.clock().sleep(ms(300));
                let begun = desktop.lab.now();
                let frame = frame(&mut session);
                let shown = desktop.script_time(frame.info.present_time);
                // One that was replaced less than an interval before is allowed.
                assert!(shown + ms(34) >= begun, "{shown:?} is shown at {begun:?}");
                let number = desktop.frame_at(frame.info.present_time);
                assert!(bytes(&frame) == desktop.lab.image(number));
            }
            drop(session);
            desktop.finish();
        }
    }
}

#[test]
fn a_poll_after_a_pause_has_the_newest_image() {
    let desktop = LabDesktop::new("clock virtual; size 320x240; refresh 60; pointer still");
    let mut session = open_session(&desktop.options(0, false));
    frame(&mut session);
    for _ in 0..10 {
        desktop.lab.clock().sleep(ms(200));
        let frame = grab(&mut session, ms(0)).expect("it is there").expect("a poll has it");
        let shown = desktop.script_time(frame.info.present_time);
        assert!(shown + ms(17) >= desktop.lab.now(), "{shown:?}");
    }
    assert_eq!(desktop.counters().wgc_sessions, 1);
    drop(session);
    desktop.finish();
}

#[test]
fn what_was_presented_last_before_a_standstill_is_shown() {
    for clock in ["clock virtual; ", ""] {
        let desktop = LabDesktop::new(&format!("{clock}{}", changes_for_a_while()));
        let mut session = open_session(&desktop.options(0, false));
        let first = frame(&mut session);
        desktop.lab.clock().sleep(ms(700));
        let newer = grab(&mut session, LONG).expect("no error");
        // On a busy machine in real time the changes may be over when the capture has been opened.
        assert!(newer.is_some() || clock.is_empty());
        assert!(bytes(&newer.unwrap_or(first)) == desktop.lab.image(desktop.lab.world().frame_at(desktop.lab.now())));
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_window_that_was_resized_during_a_pause_is_shown_as_it_is() {
    for fps in [0, 60] {
        let desktop = LabDesktop::new(&format!("clock virtual; size 640x480; static; lab wgc window-fps {fps}"));
        let window = TestWindow::new("paused", 200, 140);
        let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
        frame(&mut session);
        for (width, height) in [(300, 200), (100, 90), (260, 250)] {
            window.place(rustcam::geometry::Rect::new(0, 0, width, height));
            desktop.lab.clock().sleep(ms(200));
            let (whole, client) = desktop.geometry(&window);
            assert_window(&frame(&mut session), whole, client);
        }
        drop((session, window));
        desktop.finish();
    }
}
