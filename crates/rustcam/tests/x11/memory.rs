//! When the server gets the pages of the memory that it shares with us.

use std::time::{Duration, Instant};

use rustcam::geometry::Rect;
use rustcam::source::{Outcome, Source};

use crate::xvfb::{begin, read, read_into, Xvfb, PATIENCE};

const WHOLE: Rect = Rect::new(0, 0, 1280, 720);
const PAGES: u64 = WHOLE.area() * 4 / 4096;

#[test]
fn waiting_gives_fresh_memory_its_pages_before_the_first_picture() {
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
            assert!(start.elapsed() < PATIENCE, "{} pages", server.page_faults() - before);
        }
        let made = server.page_faults();
        assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Outcome::Done(()));
        let filled = server.page_faults() - made;
        assert!(filled < PAGES / 10, "{filled} pages");
        assert!(memory.bytes() == painter.expected(WHOLE));
    }
}

#[test]
fn a_caller_who_does_not_wait_makes_nothing_ready() {
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
