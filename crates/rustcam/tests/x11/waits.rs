//! What ends a wait for an X server before its time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustcam::capture::{Request, Session, Target};
use rustcam::clock::MonotonicClock;
use rustcam::frame::PixelFormat;
use rustcam::source::{Change, Source};

use crate::xvfb::{begin, presented, rect, sleeps, Xvfb, TIMEOUT};

const SMALL: [&str; 3] = ["-screen", "0", "320x200x24"];

/// Longer than any test waits for something that has to come.
const FOREVER: Duration = Duration::from_secs(60);

#[test]
fn another_thread_ends_a_wait() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, false);
    begin(&mut source);
    let wake = source.waker().expect("a descriptor is left");
    let start = Instant::now();
    let waking = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        wake();
    });
    assert_eq!(source.wait(FOREVER).expect("the server lives"), Change::INTERRUPTED);
    assert!(start.elapsed() < FOREVER / 2);
    waking.join().expect("no panic");
}

#[test]
fn a_wake_before_a_wait_ends_that_wait_and_no_other() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, false);
    let wake = source.waker().expect("a descriptor is left");
    wake();
    wake();
    begin(&mut source);
    assert_eq!(source.wait(FOREVER).expect("the server lives"), Change::INTERRUPTED);
    let start = Instant::now();
    assert_eq!(source.wait(Duration::from_millis(100)).expect("the server lives"), Change::default());
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[test]
fn what_was_drawn_is_not_lost_when_a_wait_is_ended() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    let mut source = server.open(0, false);
    begin(&mut source);
    for colour in 0..50 {
        let wake = source.waker().expect("a descriptor is left");
        let waking = std::thread::spawn(move || wake());
        painter.fill(rect(0, 0, 10, 10), colour);
        painter.sync();
        presented(&mut source);
        source.damage(TIMEOUT).expect("the server lives");
        waking.join().expect("no panic");
    }
}

#[test]
fn a_waker_outlives_its_source() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let source = server.open(0, false);
    let wake = source.waker().expect("a descriptor is left");
    drop(source);
    wake();
}

#[test]
fn a_frame_costs_two_sleeps() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    let source = Box::new(server.open(0, false));
    let mut session = Session::over(source, Arc::new(MonotonicClock), false);
    let request = Request::within(FOREVER);
    // The pixels of the last one come through the answer to the request that reads the screen.
    for (retained, format) in [(true, PixelFormat::Bgra), (false, PixelFormat::Bgra), (false, PixelFormat::Rgb)] {
        let target = || if retained { Target::retained(format) } else { Target::owned(format) };
        let mut slept = 0;
        for turn in 0..55 {
            painter.fill(rect(turn, turn, 20, 20), turn as u32);
            let painting = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(10));
                painter.sync();
                painter
            });
            let before = sleeps();
            let frame = session.grab(&request, target(), &mut || Ok(())).expect("the server lives");
            assert!(frame.is_some());
            // The first frames make their memory.
            slept += if turn < 5 { 0 } else { sleeps() - before };
            painter = painting.join().expect("no panic");
        }
        // One until something is drawn, and one until its picture is there.
        assert!(slept <= 2 * 50 + 10, "{slept} sleeps for 50 frames");
    }
}
