//! What is reported as drawn, when, and how often.

use std::time::Instant;

use rustcam::geometry::{Point, Rect};
use rustcam::source::x11::X11Source;
use rustcam::source::{Outcome, Source};

use crate::xvfb::{
    begin, dirty, ms, options, presented, read, read_into, rect, set_monitor, Painter, Xvfb, NOTHING, SMALL, TIMEOUT,
    WHOLE,
};

/// A part that no test draws on.
const CORNER: Rect = Rect::new(0, 0, 10, 10);

fn draw(painter: &mut Painter, part: Rect) {
    painter.fill(part, 0x00ff_8040);
    painter.sync();
}

fn read_corner(source: &mut X11Source) -> Outcome {
    source.read(&[CORNER], TIMEOUT, &mut |_, _, _| {}).expect("alive")
}

#[test]
fn damage_names_what_was_drawn() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    let mut source = server.open(0, false);
    begin(&mut source);
    let clock = options(0, false).clock;
    let before = clock.now();
    painter.fill(rect(10, 20, 30, 40), 0x00ff_0000);
    painter.sync();
    let change = presented(&mut source);
    assert!(change.present_time <= clock.now() && change.present_time + ms(20) >= before, "{change:?} {before:?}");
    assert_eq!(dirty(&mut source), [rect(10, 20, 30, 40)]);
    assert_eq!(dirty(&mut source), []);
    assert_eq!(source.wait(ms(0)).expect("alive"), NOTHING);

    let three = [rect(0, 0, 5, 5), rect(100, 10, 7, 7), rect(600, 400, 40, 80)];
    for part in three {
        painter.fill(part, 0x0000_ff00);
    }
    painter.sync();
    presented(&mut source);
    // One event or two have reported all of it by now.
    source.wait(ms(20)).expect("alive");
    assert_eq!(dirty(&mut source), three);

    // A wait reports a change even if nothing was read since the one before.
    for step in 0..3 {
        painter.fill(rect(step * 10, 200, 4, 4), 0x0000_00ff);
        painter.sync();
        presented(&mut source);
    }
    assert_eq!(dirty(&mut source), [rect(0, 200, 4, 4), rect(10, 200, 4, 4), rect(20, 200, 4, 4)]);

    // Damage after a complete read is what led to it, not what came later.
    painter.fill(rect(50, 50, 5, 5), 0x00ff_ffff);
    painter.sync();
    presented(&mut source);
    read(&mut source, &[WHOLE]);
    painter.fill(rect(70, 70, 5, 5), 0x00ff_ffff);
    painter.sync();
    assert_eq!(dirty(&mut source), [rect(50, 50, 5, 5)]);
    presented(&mut source);
    assert_eq!(dirty(&mut source), [rect(70, 70, 5, 5)]);

    // A partial read that comes too late says so, and the change is there to be asked for.
    painter.fill(rect(300, 300, 9, 9), 0x00ff_ffff);
    painter.sync();
    let part = rect(0, 0, 10, 10);
    assert_eq!(source.read(&[part], TIMEOUT, &mut |_, _, _| {}).expect("alive"), Outcome::Overtaken(()));
    assert_eq!(dirty(&mut source), [rect(300, 300, 9, 9)]);
    assert_eq!(source.read(&[part], TIMEOUT, &mut |_, _, _| {}).expect("alive"), Outcome::Done(()));
}

/// Has the server process what the source has sent so far, without an answer that the source would read.
fn flush(server: &Xvfb, source: &mut X11Source) {
    let before = server.shared_blocks();
    let _block = source.allocate(CORNER.size()).expect("Xvfb shares memory");
    let start = Instant::now();
    while server.shared_blocks() == before {
        assert!(start.elapsed() < TIMEOUT, "the server maps no memory");
    }
}

/// Draws twice, so that two waits report it and the source takes each out of the server's region by itself.
fn draw_for_two_waits(server: &Xvfb, source: &mut X11Source, painter: &mut Painter, parts: [Rect; 2]) {
    draw(painter, parts[0]);
    presented(source);
    flush(server, source);
    draw(painter, parts[1]);
    assert_eq!(source.wait(ms(0)).expect("alive").presents, 1);
}

#[test]
fn damage_of_two_waits_is_not_lost() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    let mut source = server.open(0, false);
    begin(&mut source);
    let parts = [rect(100, 10, 7, 7), rect(300, 200, 30, 40)];
    draw_for_two_waits(&server, &mut source, &mut painter, parts);
    assert_eq!(dirty(&mut source), parts);
}

#[test]
fn a_refresh_brings_the_damage_of_two_waits() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    painter.scene();
    let mut source = server.open(0, false);
    begin(&mut source);
    let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Outcome::Done(()));
    let parts = [rect(100, 10, 7, 7), rect(300, 200, 30, 40)];
    draw_for_two_waits(&server, &mut source, &mut painter, parts);
    let refreshed = source.refresh(&mut memory, WHOLE.size(), Point::default(), &[], TIMEOUT).expect("alive");
    let Outcome::Done(damage) = refreshed else { panic!("nothing was drawn since: {refreshed:?}") };
    assert!(memory.bytes() == painter.expected(WHOLE));
    assert!(parts.iter().all(|part| damage.dirty.contains(part)), "{damage:?}");
}

#[test]
fn no_read_is_overtaken_before_the_caller_asked_what_changed() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    let mut source = server.open(0, false);
    draw(&mut painter, rect(300, 300, 9, 9));
    assert_eq!(read_corner(&mut source), Outcome::Done(()));
    begin(&mut source);
    draw(&mut painter, rect(300, 300, 9, 9));
    assert_eq!(read_corner(&mut source), Outcome::Overtaken(()));
}

#[test]
fn no_wait_reports_what_a_complete_read_has_shown() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    let mut source = server.open(0, false);
    begin(&mut source);
    let part = rect(300, 300, 9, 9);
    draw(&mut painter, part);
    assert_eq!(read_corner(&mut source), Outcome::Overtaken(()));
    read(&mut source, &[WHOLE]);
    assert_eq!(source.wait(ms(30)).expect("alive"), NOTHING);
    assert_eq!(dirty(&mut source), [part]);
}

#[test]
fn no_wait_reports_what_the_caller_has_asked_for() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    // Where an output is not the whole screen, only rectangles tell whether it is concerned, and they take a round trip.
    set_monitor(&painter, "west", rect(0, 0, 400, 480), true, true);
    let mut source = server.open(0, false);
    begin(&mut source);
    for by_read in [false, true] {
        let part = rect(200, 100, 9, 9);
        draw(&mut painter, part);
        assert_eq!(source.wait(ms(0)).expect("alive"), NOTHING, "the rectangles are on their way");
        if by_read {
            assert_eq!(read_corner(&mut source), Outcome::Overtaken(()));
        }
        assert_eq!(dirty(&mut source), [part]);
        assert_eq!(source.wait(ms(30)).expect("alive"), NOTHING);
    }
}

#[test]
fn without_rectangles_everything_is_reported_once() {
    let Some(server) = Xvfb::start(&[&SMALL[..], &["-extension", "XFIXES"]].concat()) else { return };
    let mut painter = server.painter();
    let mut source = server.open(0, false);
    begin(&mut source);
    draw(&mut painter, rect(300, 300, 9, 9));
    presented(&mut source);
    flush(&server, &mut source);
    draw(&mut painter, rect(200, 300, 9, 9));
    assert_eq!(read_corner(&mut source), Outcome::Overtaken(()));
    assert_eq!(dirty(&mut source), [WHOLE]);
    assert_eq!(source.wait(ms(30)).expect("alive"), NOTHING);
    draw(&mut painter, rect(100, 300, 9, 9));
    presented(&mut source);
    assert_eq!(dirty(&mut source), [WHOLE]);
}
