//! When the server gets the pages of the memory that it shares with us.

use rustcam::geometry::Rect;
use rustcam::source::{Read, Source};

use crate::xvfb::{begin, read_into, Xvfb};

const WHOLE: Rect = Rect::new(0, 0, 1280, 720);
const PAGES: u64 = WHOLE.area() * 4 / 4096;

#[test]
fn fresh_memory_has_its_pages_before_the_first_picture() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x720x24"]) else { return };
    let mut painter = server.painter();
    painter.scene();
    let mut source = server.open(0, false);
    begin(&mut source);
    for _ in 0..3 {
        let before = server.page_faults();
        let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
        // The server answers in order, each client for itself: this one's answer says that all before it is done.
        let mut other = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
        assert_eq!(read_into(&mut source, &mut other, WHOLE, &[WHOLE]), Read::Done);
        let made = server.page_faults();
        assert!(made - before >= 2 * PAGES, "{} pages", made - before);
        assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Read::Done);
        let filled = server.page_faults() - made;
        assert!(filled < PAGES / 10, "{filled} pages");
        assert!(memory.bytes() == painter.expected(WHOLE));
    }
}
