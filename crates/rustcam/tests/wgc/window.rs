//! Captures of windows, whatever happens to them.

use rustcam::error::{ErrorKind, Loss};
use rustcam::geometry::{Rect, Size};
use rustcam::source::{TitlePattern, WindowArea, WindowChoice};

use windows::Win32::UI::WindowsAndMessaging::WS_OVERLAPPEDWINDOW;

use crate::lab_desktop::{assert_window, by_handle, failure, frame, grab, ms, open, open_session, LabDesktop, LONG};
use crate::test_window::{Options, TestWindow};

const VIRTUAL: &str = "clock virtual; size 640x480; refresh 60; static; pointer still; ";

#[test]
fn every_frame_is_exact_in_every_build_and_area() {
    for (build, border) in [(18362, 0), (18362, 3), (19041, 3), (22000, 3), (26100, 0), (26100, 3)] {
        let desktop = LabDesktop::new(&format!("{VIRTUAL} lab wgc build {build}; lab wgc border {border}"));
        let window = TestWindow::new("exact", 201, 143);
        let (whole, client) = desktop.geometry(&window);
        assert!(client.width() < whole.width && client.height() < whole.height, "{client} of {whole}");
        for area in [WindowArea::Client, WindowArea::Whole] {
            let mut session = open_session(&desktop.window(by_handle(&window), area));
            let part = if area == WindowArea::Whole { whole.rect() } else { client };
            let output = session.output();
            assert!(output.is_window && output.name == "exact" && output.size == part.size(), "{output:?}");
            let mut last = assert_window(&frame(&mut session), whole, part);
            let before = session.stats().source.device_copies;
            for _ in 0..10 {
                let number = assert_window(&frame(&mut session), whole, part);
                assert!(number > last, "{number} after {last}");
                last = number;
            }
            assert_eq!(session.stats().source.device_copies - before, 10, "one copy per frame");
        }
        drop(window);
        desktop.finish();
    }
}

#[test]
fn real_time_shows_the_newest_frames() {
    let desktop = LabDesktop::new("size 640x480; refresh 60; static; pointer still; lab wgc border 3");
    let window = TestWindow::new("real", 200, 140);
    let (whole, client) = desktop.geometry(&window);
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    let mut last = 0;
    for _ in 0..20 {
        let number = assert_window(&frame(&mut session), whole, client);
        assert!(number > last);
        last = number;
    }
    drop((session, window));
    desktop.finish();
}

#[test]
fn a_static_window_causes_no_work() {
    let desktop = LabDesktop::new("size 640x480; static; pointer still; lab wgc window-fps 0");
    let window = TestWindow::new("static", 200, 140);
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    frame(&mut session);
    let before = desktop.counters();
    assert!(grab(&mut session, ms(400)).expect("it is there").is_none());
    let after = desktop.counters();
    assert_eq!(
        (after.bytes_copied, after.maps, after.flushes, after.wgc_frames, after.wgc_sessions),
        (before.bytes_copied, before.maps, before.flushes, before.wgc_frames, before.wgc_sessions)
    );
    drop((session, window));
    desktop.finish();
}

#[test]
fn a_window_that_is_resized_is_followed() {
    for (clock, fps) in [("clock virtual; ", 60), ("", 60), ("", 0), ("clock virtual; ", 0)] {
        for build in [18362, 26100] {
            let desktop = LabDesktop::new(&format!(
                "{clock} size 640x480; refresh 60; static; lab wgc window-fps {fps}; lab wgc border 2; lab wgc build {build}"
            ));
            let window = TestWindow::new("resized", 200, 140);
            let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
            frame(&mut session);
            for (width, height) in [(300, 200), (150, 100), (150, 180), (301, 60)] {
                window.place(Rect::new(20, 30, 20 + width, 30 + height));
                let (whole, client) = desktop.geometry(&window);
                let resized = (0..250).find_map(|_| {
                    let frame = grab(&mut session, ms(20)).expect("a resize is no error");
                    frame.filter(|frame| frame.image().is_some_and(|image| image.size == client.size()))
                });
                let resized = resized.unwrap_or_else(|| panic!("{width}x{height} is shown ({clock}{fps}, {build})"));
                assert_window(&resized, whole, client);
                assert_eq!(session.output().size, client.size());
            }
            assert_eq!(session.stats().recoveries, 4, "{clock}{fps} {build}");
            drop((session, window));
            desktop.finish();
        }
    }
}

#[test]
fn the_loss_of_a_resized_window_says_the_sizes_and_ends_at_once() {
    let desktop = LabDesktop::new(&format!("{VIRTUAL} lab wgc border 2"));
    let window = TestWindow::new("resized", 200, 140);
    let before = desktop.geometry(&window).1.size();
    let mut source = open(&desktop.window(by_handle(&window), WindowArea::Client));
    while source.wait(ms(20)).expect("it is there").presents == 0 {}
    window.place(Rect::new(0, 0, 180, 120));
    let after = desktop.geometry(&window).1.size();
    let error = (0..50).find_map(|_| source.wait(ms(20)).err()).expect("it is lost");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)));
    assert!(error.message().contains(&format!("the window changed its size from {before} to {after}")), "{error}");
    assert_eq!(source.wait(ms(0)).expect_err("still").message(), error.message());
    source.rebuild(ms(100)).expect("at once");
    assert_eq!(source.output().size, after);
    assert!(source.wait(ms(0)).expect("there").presents > 0, "the first wait reports it");
    drop((source, window));
    desktop.finish();
}

#[test]
fn a_window_that_is_moved_goes_on_without_a_loss() {
    let desktop = LabDesktop::new(&format!("{VIRTUAL} lab wgc border 2"));
    let window = TestWindow::new("moved", 200, 140);
    let (whole, client) = desktop.geometry(&window);
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    // Also where it is partly off the screen.
    for (x, y) in [(10, 10), (-50, -30), (600, 460), (5000, 5000)] {
        window.place(Rect::at(rustcam::geometry::Point::new(x, y), Size::new(200, 140)));
        for _ in 0..3 {
            assert_window(&frame(&mut session), whole, client);
        }
    }
    assert_eq!(session.stats().recoveries, 0);
    drop((session, window));
    desktop.finish();
}

#[test]
fn a_covered_window_is_captured_whole() {
    let desktop = LabDesktop::new(VIRTUAL);
    let window = TestWindow::new("below", 200, 140);
    let _above = TestWindow::new("above", 300, 300);
    let (whole, client) = desktop.geometry(&window);
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    assert_window(&frame(&mut session), whole, client);
}

#[test]
fn a_minimised_window_gives_no_frames_until_it_is_restored() {
    for (clock, fps) in [("clock virtual; ", 60), ("", 0)] {
        let desktop = LabDesktop::new(&format!(
            "{clock} size 640x480; refresh 60; static; lab wgc window-fps {fps}; lab wgc border 2"
        ));
        let window = TestWindow::new("minimised", 200, 140);
        let (whole, client) = desktop.geometry(&window);
        let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
        frame(&mut session);
        for _ in 0..2 {
            window.minimize();
            let late = desktop.lab.now();
            // A frame from before may be under way.
            grab(&mut session, ms(100)).expect("no error");
            assert!(grab(&mut session, ms(300)).expect("no error").is_none());
            assert!(desktop.lab.now() - late >= ms(300));
            let lost = session.stats().lost.expect("it is lost");
            assert!(lost.contains("the window is minimised"), "{lost}");
            window.restore();
            let restored = frame(&mut session);
            assert_window(&restored, whole, client);
            assert!(session.stats().lost.is_none() && restored.info.is_new);
        }
        drop((session, window));
        desktop.finish();
    }
}

#[test]
fn a_minimised_window_may_be_opened() {
    let desktop = LabDesktop::new(&format!("{VIRTUAL} lab wgc border 2"));
    // With a frame that the system draws, and so knows.
    let options = Options::new("minimised", Rect::new(30, 30, 230, 170));
    let window = TestWindow::with(Options { style: WS_OVERLAPPEDWINDOW, ..options });
    let (whole, client) = desktop.geometry(&window);
    window.minimize();
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    assert_eq!(session.output().size, client.size(), "as it will be");
    assert!(grab(&mut session, ms(200)).expect("no error").is_none());
    window.restore();
    assert_window(&frame(&mut session), whole, client);
    drop((session, window));
    desktop.finish();
}

#[test]
fn a_closed_window_that_was_chosen_by_its_handle_is_an_error_for_ever() {
    for clock in ["clock virtual; ", ""] {
        let desktop = LabDesktop::new(&format!("{clock} size 640x480; refresh 60; static"));
        let window = TestWindow::new("closed", 200, 140);
        let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
        frame(&mut session);
        window.close();
        for _ in 0..3 {
            let begun = desktop.lab.now();
            let error = failure(&mut session);
            assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, None));
            assert_eq!(error.message(), "the window \"closed\" was closed");
            assert!(desktop.lab.now() - begun < ms(1000));
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_window_that_is_closed_while_it_is_minimised_is_an_error() {
    let desktop = LabDesktop::new(VIRTUAL);
    let window = TestWindow::new("closed", 200, 140);
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    frame(&mut session);
    window.minimize();
    assert!(grab(&mut session, ms(200)).expect("no error").is_none());
    window.close();
    for _ in 0..3 {
        assert_eq!(failure(&mut session).message(), "the window \"closed\" was closed");
    }
    drop(session);
    desktop.finish();
}

#[test]
fn a_window_that_was_chosen_by_its_title_is_looked_for_again() {
    let pattern = || WindowChoice::Pattern(TitlePattern::new("^wanted", |title| title.starts_with("wanted")));
    for choice in [WindowChoice::Title("WANTED".into()), pattern()] {
        let desktop = LabDesktop::new(&format!("{VIRTUAL} lab wgc border 2"));
        let window = TestWindow::new("wanted 1", 200, 140);
        let mut session = open_session(&desktop.window(choice, WindowArea::Client));
        frame(&mut session);
        // It is followed by its handle while it is there.
        window.rename("another");
        let other = TestWindow::new("wanted 2", 150, 150);
        let (whole, client) = desktop.geometry(&window);
        assert_window(&frame(&mut session), whole, client);
        window.close();
        let (whole, client) = desktop.geometry(&other);
        assert_window(&frame(&mut session), whole, client);
        assert_eq!((&*session.output().name, session.output().size), ("wanted 2", client.size()));
        other.close();
        assert!(grab(&mut session, ms(500)).expect("no error").is_none());
        let lost = session.stats().lost.expect("it is lost");
        assert!(lost.contains("the window \"wanted 2\" was closed, and no window has title"), "{lost}");
        let (one, two) = (TestWindow::new("wanted 3", 120, 120), TestWindow::new("wanted 4", 130, 130));
        assert!(grab(&mut session, ms(500)).expect("no error").is_none(), "several");
        two.close();
        let (whole, client) = desktop.geometry(&one);
        assert_window(&frame(&mut session), whole, client);
        drop((session, one));
        desktop.finish();
    }
}

#[test]
fn a_window_whose_thread_does_not_pump_is_captured_from_the_same_process() {
    let desktop = LabDesktop::new(VIRTUAL);
    let options = Options { pumps: false, ..Options::new("deaf", Rect::new(10, 10, 210, 150)) };
    let window = TestWindow::with(options);
    let (whole, client) = desktop.geometry(&window);
    for choice in [by_handle(&window), WindowChoice::Title("deaf".into())] {
        let mut session = open_session(&desktop.window(choice, WindowArea::Client));
        assert_window(&frame(&mut session), whole, client);
    }
    drop(window);
    desktop.finish();
}

#[test]
fn a_window_is_rendered_into_a_texture() {
    use rustcam::capture::{Request, Target};
    use rustcam::color::TextureFormat as Format;
    use rustcam::source::texture::TextureSync;
    let desktop = LabDesktop::new("size 640x480; refresh 60; static; pointer still; lab wgc border 3");
    let window = TestWindow::new("texture", 200, 140);
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    let target = Target::Shared { sync: TextureSync::None, format: Format::Bgra8, scale: None };
    let frame = session.grab(&Request::within(LONG), target, &mut || Ok(())).expect("shared").expect("a frame");
    drop((frame, session, window));
    desktop.finish();
}
