//! Many captures, and what is left of them.

use std::time::Instant;

use rustcam::source::hresult::RO_E_CLOSED;
use rustcam::source::WindowArea;

use crate::lab_desktop::{by_handle, frame, ms, open, open_session, LabDesktop};
use crate::test_window::TestWindow;

/// Opens and closes so many captures.
fn open_and_close(captures: usize) {
    let desktop = LabDesktop::new("size 64x48; refresh 60; static; pointer still");
    let window = TestWindow::new("many", 120, 90);
    let one = |round: usize| {
        let mut source = open(&match round % 3 {
            0 => desktop.options(0, true),
            1 => desktop.window(by_handle(&window), WindowArea::Client),
            _ => desktop.window(by_handle(&window), WindowArea::Whole),
        });
        if round.is_multiple_of(10) {
            while source.wait(ms(20)).expect("it is there").presents == 0 {}
        }
    };
    (0..6).for_each(one);
    let before = handles();
    (0..captures).for_each(one);
    let left = handles();
    assert!(left < before + 20, "{before} handles became {left}");
    drop(window);
    desktop.finish();
}

#[test]
fn many_captures_leave_nothing_behind() {
    open_and_close(24);
}

#[test]
#[ignore = "Wine takes a third of a second for each device"]
fn a_thousand_captures_leave_nothing_behind() {
    open_and_close(1000);
}

#[test]
fn a_thousand_sessions_leave_nothing_behind() {
    let desktop = LabDesktop::new("clock virtual; size 64x48; refresh 60; static");
    let window = TestWindow::new("many", 90, 70);
    let mut session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
    frame(&mut session);
    let before = handles();
    for _ in 0..1000 {
        desktop.lab.inject("FrameSurface", 1, RO_E_CLOSED as i32).expect("a call");
        frame(&mut session);
    }
    let left = handles();
    assert!(left < before + 20, "{before} handles became {left}");
    assert!(desktop.counters().wgc_sessions > 1000);
    drop((session, window));
    desktop.finish();
}

#[test]
fn the_end_of_a_capture_does_not_wait_long_for_a_session_that_hangs() {
    let desktop = LabDesktop::new("size 64x48; refresh 60; pointer still; lab wgc close hangs 1s");
    let mut session = open_session(&desktop.options(0, false));
    frame(&mut session);
    let begun = Instant::now();
    drop(session);
    assert!(begun.elapsed() < ms(900), "{:?}", begun.elapsed());
    std::thread::sleep(ms(700));
    desktop.finish();
}

#[test]
fn a_session_that_hangs_when_it_is_replaced_does_not_delay_the_next_frame() {
    let desktop = LabDesktop::new("size 64x48; refresh 60; pointer still; at 300ms mode 80x60; lab wgc close hangs 1s");
    let mut session = open_session(&desktop.options(0, false));
    let mut longest = ms(0);
    while desktop.lab.now() < ms(800) {
        let begun = Instant::now();
        frame(&mut session);
        longest = longest.max(begun.elapsed());
    }
    assert!(longest < ms(700), "{longest:?}");
    drop(session);
    std::thread::sleep(ms(1200));
    desktop.finish();
}

/// Handles of the kernel that this process has.
fn handles() -> u32 {
    use windows::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};
    let mut count = 0;
    // SAFETY: the pointer is valid during the call.
    unsafe { GetProcessHandleCount(GetCurrentProcess(), &raw mut count) }.expect("known");
    count
}
