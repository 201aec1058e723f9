//! How often the server is asked about the pointer, and how soon its movements are found.

use std::time::{Duration, Instant};

use rustcam::geometry::Point;
use rustcam::source::x11::X11Source;
use rustcam::source::Source;
use x11rb::protocol::xproto::MOTION_NOTIFY_EVENT;
use x11rb::protocol::xtest::ConnectionExt as _;

use crate::source::{pointed, set_cursor, warp};
use crate::xvfb::{begin, sleeps, Painter, Xvfb};

const SMALL: [&str; 3] = ["-screen", "0", "640x480x24"];

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Moves the pointer as a mouse does.
fn push(painter: &Painter, x: i16, y: i16) {
    let absolute = 0;
    let sent = painter.connection.xtest_fake_input(MOTION_NOTIFY_EVENT, absolute, 0, painter.root, x, y, 0);
    sent.expect("sent");
    painter.sync();
}

/// Waits for so long; nothing may move meanwhile.
fn rest(source: &mut X11Source, time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        assert!(!source.wait(time.saturating_sub(start.elapsed())).expect("alive").any());
    }
}

/// A server with a pointer of one pixel, and a source that has seen it.
fn open(extra: &[&str]) -> Option<(Xvfb, Painter, X11Source)> {
    let server = Xvfb::start(&[&SMALL, extra].concat())?;
    let painter = server.painter();
    set_cursor(&painter, &[0xffff_ffff], 1, 1, (0, 0));
    push(&painter, 10, 10);
    let mut source = server.open(0, true);
    begin(&mut source);
    Some((server, painter, source))
}

#[test]
fn a_resting_pointer_is_asked_for_seldom() {
    let Some((_server, _painter, mut source)) = open(&[]) else { return };
    rest(&mut source, ms(800));
    let before = sleeps();
    rest(&mut source, ms(2000));
    // Eight questions, each with two sleeps: before it and for the answer. At every refresh it would be 240.
    let slept = sleeps() - before;
    assert!(slept <= 40, "{slept} sleeps");
}

#[test]
fn a_pointer_that_begins_to_move_is_found_at_once() {
    let Some((_server, painter, mut source)) = open(&[]) else { return };
    let mut delays: Vec<_> = (0..5)
        .map(|turn| {
            rest(&mut source, ms(800));
            push(&painter, 20 + turn, 20);
            let start = Instant::now();
            pointed(&mut source);
            assert_eq!(source.pointer().position, Point::new(20 + i32::from(turn), 20));
            start.elapsed()
        })
        .collect();
    delays.sort_unstable();
    // A seldom question would take twice as long on average. A busy moment of the machine may delay some.
    assert!(delays[2] < ms(60), "{delays:?}");
}

#[test]
fn a_pointer_that_is_put_elsewhere_is_found_by_the_next_question() {
    let Some((_server, painter, mut source)) = open(&[]) else { return };
    for turn in 0..3 {
        rest(&mut source, ms(800));
        warp(&painter, 50 + turn, 60);
        pointed(&mut source);
        assert_eq!(source.pointer().position, Point::new(50 + i32::from(turn), 60));
    }
}

#[test]
fn a_server_that_tells_nothing_is_asked_at_every_refresh() {
    let Some((_server, painter, mut source)) = open(&["-extension", "XInputExtension"]) else { return };
    rest(&mut source, ms(800));
    let start = Instant::now();
    let mut reports = 0;
    for n in 0.. {
        warp(&painter, 100 + n % 200, 100);
        reports += u32::from(source.wait(ms(1)).expect("alive").pointer);
        if start.elapsed() >= ms(500) {
            break;
        }
    }
    assert!((10..=32).contains(&reports), "{reports} reports in half a second");
}
