//! What ends a wait for an X server before its time.

use std::time::{Duration, Instant};

use rustcam::source::{Change, Source};

use crate::xvfb::{begin, presented, rect, Xvfb, PATIENCE};

const SMALL: [&str; 3] = ["-screen", "0", "320x200x24"];
const INTERRUPTED: Change =
    Change { presents: 0, present_time: Duration::ZERO, pointer: false, protected: false, interrupted: true };

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
    assert_eq!(source.wait(FOREVER).expect("the server lives"), INTERRUPTED);
    assert!(start.elapsed() < FOREVER / 2);
    waking.join().expect("no panic");
}

#[test]
fn waking_nobody_ends_the_next_wait_and_only_that() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, false);
    let wake = source.waker().expect("a descriptor is left");
    wake();
    wake();
    begin(&mut source);
    assert_eq!(source.wait(FOREVER).expect("the server lives"), INTERRUPTED);
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
        source.damage(PATIENCE).expect("the server lives");
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
