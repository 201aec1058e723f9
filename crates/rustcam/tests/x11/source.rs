//! The contract of [`Source`] as [`X11Source`] keeps it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Instant;

use crate::xvfb::{
    begin, crop, dirty, ms, options, presented, read, read_into, rect, set_monitor, within, Xvfb, NOTHING, SMALL,
    TIMEOUT, WHOLE,
};
use rustcam::error::{ErrorKind, Loss};
use rustcam::geometry::{Point, Rect, Size};
use rustcam::source::x11::{outputs_of, X11Source};
use rustcam::source::{Outcome, Source};
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::ConnectionExt as _;

#[test]
fn shared_memory_receives_exactly_what_was_drawn_and_is_opaque() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    painter.scene();
    let mut source = server.open(0, false);
    assert_eq!(source.fallback(), None);
    begin(&mut source);
    let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Outcome::Done(()));
    assert!(memory.bytes() == painter.expected(WHOLE));

    // A region, of which only parts are asked for: the rest keeps its zeros.
    let area = rect(101, 53, 33, 19);
    let parts = [rect(101, 53, 4, 19), rect(110, 60, 1, 1), rect(120, 65, 14, 7)];
    let mut region = source.allocate(area.size()).expect("Xvfb shares memory");
    assert_eq!(read_into(&mut source, &mut region, area, &parts), Outcome::Done(()));
    let mut expected = vec![0; area.area() as usize * 4];
    for part in parts {
        let bytes = painter.expected(part);
        for (row, y) in bytes.chunks(part.width() as usize * 4).zip(part.top..) {
            let start = ((y - area.top) as usize * area.width() as usize + (part.left - area.left) as usize) * 4;
            expected[start..start + row.len()].copy_from_slice(row);
        }
    }
    assert!(region.bytes() == expected);
    // The clip of the parts is gone.
    assert_eq!(read_into(&mut source, &mut region, area, &[area]), Outcome::Done(()));
    assert!(region.bytes() == painter.expected(area));

    // Memory of another source, of another size, or without a source is refused, not written.
    let mut other = server.open(0, false);
    let size = area.size();
    assert_eq!(
        other.read_into(&mut region, size, area.origin(), &[area], TIMEOUT).expect("alive"),
        Outcome::Unsupported
    );
    assert_eq!(
        source.read_into(&mut region, size.transposed(), area.origin(), &[area], TIMEOUT).expect("alive"),
        Outcome::Unsupported
    );

    // Parts that no pixel belongs to are a mistake of the caller.
    for part in [rect(0, 0, 641, 1), rect(-1, 0, 5, 5), rect(5, 5, 0, 5)] {
        let error = source.read(&[part], TIMEOUT, &mut |_, _, _| {}).expect_err("outside");
        assert_eq!((error.kind(), error.loss()), (ErrorKind::InvalidArgument, None));
        assert!(source.read_into(&mut region, size, area.origin(), &[part], TIMEOUT).is_err());
    }

    // Many buffers come and go, and what is held survives the source.
    for _ in 0..50 {
        let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
        assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Outcome::Done(()));
        assert!(memory.bytes() == painter.expected(WHOLE));
    }
    drop(source);
    assert!(memory.bytes() == painter.expected(WHOLE));
}

#[test]
fn every_way_of_reading_delivers_the_same_pixels() {
    let variants: [(&[&str], &[&str]); 5] = [
        (&[], &[]),
        (&["-extension", "MIT-SHM"], &["MIT-SHM is not available"]),
        (&["-extension", "RENDER"], &["RENDER extension is not available"]),
        (&["-extension", "DAMAGE"], &["DAMAGE extension is not available"]),
        (
            &["-extension", "XFIXES"],
            &["XFIXES extension is not available: every change", "the pointer cannot be shown"],
        ),
    ];
    for (missing, reasons) in variants {
        let Some(server) = Xvfb::start(&[&SMALL, missing].concat()) else { return };
        let mut painter = server.painter();
        painter.scene();
        let mut source = server.open(0, true);
        let fallback = source.fallback().unwrap_or_default().to_owned();
        assert_eq!(fallback.is_empty(), reasons.is_empty(), "{missing:?}: {fallback}");
        for reason in reasons {
            assert!(fallback.contains(reason), "{missing:?}: {fallback}");
        }
        begin(&mut source);
        assert_eq!(read(&mut source, &[WHOLE]), [(WHOLE, painter.expected(WHOLE))], "{missing:?}");
        for round in 0..3 {
            painter.fill(rect(40 * round, 30, 300, 100), 0x00ab_cd00 + round as u32);
            painter.sync();
            presented(&mut source);
            // Everything that may have changed is asked for, so that the parts may be anything.
            source.damage(TIMEOUT).expect("alive");
            let parts = [rect(7, 9, 100, 50), rect(200, 100, 33, 77), rect(639, 479, 1, 1)];
            for (part, bytes) in read(&mut source, &parts) {
                assert!(bytes == painter.expected(part), "{missing:?} {part}");
            }
        }
        let shared = source.allocate(WHOLE.size());
        assert_eq!(shared.is_some(), !fallback.contains("RENDER") && !fallback.contains("MIT-SHM"));
    }
}

#[test]
fn a_wait_for_a_static_screen_takes_its_whole_time() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, false);
    begin(&mut source);
    for timeout in [ms(0), ms(30), ms(120)] {
        let start = Instant::now();
        assert_eq!(within(timeout, || source.wait(timeout)).expect("alive"), NOTHING);
        assert!(start.elapsed() >= timeout);
        assert_eq!(dirty(&mut source), []);
    }
    // Polling is cheap: one system call that finds nothing.
    let start = Instant::now();
    for _ in 0..1000 {
        assert_eq!(source.wait(ms(0)).expect("alive"), NOTHING);
    }
    assert!(start.elapsed() < ms(100), "{:?} for 1000 polls", start.elapsed());
}

#[test]
fn images_made_of_parts_show_states_that_existed() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let stop = Arc::new(AtomicBool::new(false));
    let (left, right) = (rect(0, 0, 60, 60), rect(500, 400, 60, 60));
    let painting = std::thread::spawn({
        let (mut painter, stop) = (server.painter(), Arc::clone(&stop));
        move || {
            for n in 1.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                painter.fill(left, n);
                painter.sync();
                painter.fill(right, n);
                painter.sync();
                if n % 16 == 0 {
                    std::thread::sleep(ms(1));
                }
            }
        }
    });
    let mut source = server.open(0, false);
    begin(&mut source);
    let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    read_into(&mut source, &mut memory, WHOLE, &[WHOLE]);
    source.damage(TIMEOUT).expect("alive");
    let (mut done, mut overtaken) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < ms(1500) {
        source.wait(ms(50)).expect("alive");
        let parts = dirty(&mut source);
        if parts.is_empty() {
            continue;
        }
        match read_into(&mut source, &mut memory, WHOLE, &parts) {
            Outcome::Done(()) => done += 1,
            Outcome::Overtaken(()) => {
                overtaken += 1;
                continue;
            }
            other => panic!("the server is not frozen: {other:?}"),
        }
        let number = |part: Rect| {
            let bytes = crop(memory.bytes(), 640, part);
            assert!(bytes.chunks(4).all(|pixel| pixel == &bytes[..4]), "a part is torn");
            i64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]))
        };
        let ahead = number(left) - number(right);
        assert!(ahead == 0 || ahead == 1, "{} and {} were never shown together", number(left), number(right));
    }
    stop.store(true, Ordering::Relaxed);
    painting.join().expect("the painter ends");
    assert!(done > 50, "{done} done, {overtaken} overtaken");
}

#[test]
fn monitors_are_outputs_and_report_only_what_is_drawn_on_them() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let whole = outputs_of(&server.display).expect("alive");
    assert_eq!((whole.len(), whole[0].size, whole[0].is_primary), (1, WHOLE.size(), true));
    let mut painter = server.painter();
    set_monitor(&painter, "west", rect(0, 0, 400, 480), false, true);
    set_monitor(&painter, "east", rect(400, 80, 240, 300), true, false);
    let outputs = outputs_of(&server.display).expect("alive");
    let names: Vec<_> = outputs.iter().map(|o| (o.name.as_str(), o.position, o.size, o.is_primary)).collect();
    let east = names.iter().position(|n| n.0 == "east").expect("listed");
    let west = names.iter().position(|n| n.0 == "west").expect("listed");
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[east], ("east", Point::new(400, 80), Size::new(240, 300), true));
    assert_eq!(names[west], ("west", Point::new(0, 0), Size::new(400, 480), false));

    let mut source = server.open(east, false);
    begin(&mut source);
    let error = X11Source::open_display(&options(2, false), &server.display).err().expect("there are two");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("east") && error.message().contains("400x480"), "{error}");

    painter.fill(rect(10, 10, 50, 50), 0x00ff_0000);
    painter.sync();
    for _ in 0..5 {
        assert_eq!(source.wait(ms(20)).expect("alive"), NOTHING);
    }
    let part = rect(0, 0, 10, 10);
    painter.fill(rect(0, 90, 50, 50), 0x00ff_0000);
    painter.sync();
    assert_eq!(source.read(&[part], TIMEOUT, &mut |_, _, _| {}).expect("alive"), Outcome::Done(()));
    painter.fill(rect(390, 90, 20, 20), 0x0000_ff00);
    painter.sync();
    presented(&mut source);
    assert_eq!(dirty(&mut source), [rect(0, 10, 10, 20)]);
    let here = rect(0, 0, 240, 300);
    assert_eq!(read(&mut source, &[here]), [(here, painter.expected(rect(400, 80, 240, 300)))]);
    let mut memory = source.allocate(here.size()).expect("Xvfb shares memory");
    assert_eq!(read_into(&mut source, &mut memory, here, &[here]), Outcome::Done(()));
    assert!(memory.bytes() == painter.expected(rect(400, 80, 240, 300)));

    // A caller who only polls sees it, too.
    painter.fill(rect(450, 100, 3, 3), 0x0000_00ff);
    painter.sync();
    let start = Instant::now();
    while source.wait(ms(0)).expect("alive").presents == 0 {
        assert!(start.elapsed() < TIMEOUT, "a poll never reports the change");
    }
    assert_eq!(dirty(&mut source), [rect(50, 20, 3, 3)]);

    // The monitor moves, then vanishes.
    set_monitor(&painter, "east", rect(400, 80, 200, 300), true, false);
    let error = source.wait(TIMEOUT).expect_err("the monitor changed");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)));
    assert!(error.message().contains("from 240x300 to 200x300"), "{error}");
    source.rebuild(TIMEOUT).expect("the monitor is there");
    begin(&mut source);
    let atom = painter.connection.intern_atom(false, b"east").expect("sent").reply().expect("alive").atom;
    painter.connection.randr_delete_monitor(painter.root, atom).expect("sent");
    painter.sync();
    let error = source.wait(TIMEOUT).expect_err("the monitor is gone");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
}
