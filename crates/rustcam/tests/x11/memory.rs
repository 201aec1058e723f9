//! The memory that the server shares with a source: when the server gets its pages, and when it gives the memory up.

use std::time::{Duration, Instant};

use rustcam::geometry::Rect;
use rustcam::source::x11::X11Source;
use rustcam::source::{Outcome, Source};

use crate::xvfb::{begin, read, read_into, Xvfb, TIMEOUT};

const WHOLE: Rect = Rect::new(0, 0, 1280, 720);
const PAGES: u64 = WHOLE.area() * 4 / 4096;

#[test]
fn a_wait_makes_the_server_touch_new_memory_before_the_first_picture() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x720x24"]) else { return };
    let mut painter = server.painter();
    painter.scene();
    let mut source = server.open(0, false);
    begin(&mut source);
    let start = Instant::now();
    for _ in 0..3 {
        let before = server.page_faults();
        let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
        while server.page_faults() - before < PAGES {
            assert!(!source.wait(Duration::from_millis(10)).expect("alive").any());
            assert!(start.elapsed() < TIMEOUT, "{} pages", server.page_faults() - before);
        }
        let made = server.page_faults();
        assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Outcome::Done(()));
        let filled = server.page_faults() - made;
        assert!(filled < PAGES / 10, "{filled} pages");
        assert!(memory.bytes() == painter.expected(WHOLE));
    }
}

#[test]
fn a_poll_does_not_make_the_server_touch_new_memory() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x720x24"]) else { return };
    let mut source = server.open(0, false);
    begin(&mut source);
    let before = server.page_faults();
    let _memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    for _ in 0..10 {
        source.wait(Duration::ZERO).expect("alive");
    }
    // The server has answered, so it has done what came before.
    read(&mut source, &[Rect::new(0, 0, 1, 1)]);
    assert!(server.page_faults() - before < PAGES / 2);
}

#[test]
fn the_server_gives_up_memory_that_was_dropped_and_no_other() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x720x24"]) else { return };
    let mut painter = server.painter();
    painter.scene();
    let mut source = server.open(0, false);
    begin(&mut source);
    // What the source keeps for itself.
    let read_by_parts = |source: &mut X11Source| read(source, &[Rect::new(0, 0, 1, 1), Rect::new(5, 5, 6, 6)]);
    read_by_parts(&mut source);
    let own = server.shared_blocks();
    let mut held: Vec<_> = (0..3).map(|_| source.allocate(WHOLE.size()).expect("Xvfb shares memory")).collect();
    for _ in 0..20 {
        let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
        assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Outcome::Done(()));
    }
    held.truncate(2);
    // Dropped memory is given up when more is made; the server has done that once it has answered.
    held.push(source.allocate(WHOLE.size()).expect("Xvfb shares memory"));
    read_by_parts(&mut source);
    assert_eq!(server.shared_blocks() - own, held.len());
    for memory in &mut held {
        assert_eq!(read_into(&mut source, memory, WHOLE, &[WHOLE]), Outcome::Done(()));
        assert!(memory.bytes() == painter.expected(WHOLE));
    }
}

#[test]
fn a_wait_does_not_make_the_server_touch_memory_that_was_dropped() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x720x24"]) else { return };
    let mut source = server.open(0, false);
    begin(&mut source);
    drop(source.allocate(WHOLE.size()).expect("Xvfb shares memory"));
    let before = server.page_faults();
    for _ in 0..10 {
        source.wait(Duration::from_millis(10)).expect("alive");
    }
    let touched = server.page_faults() - before;
    assert!(touched < PAGES / 2, "{touched} pages");
}
