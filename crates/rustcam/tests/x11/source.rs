//! What [`X11Source`] promises as a source.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::xvfb::{begin, crop, dirty, options, presented, read, read_into, rect, within, Painter, Xvfb, PATIENCE};
use rustcam::error::{ErrorKind, Loss};
use rustcam::frame::ShapeKind;
use rustcam::geometry::{Point, Rect, Size};
use rustcam::source::x11::{outputs_of, X11Source};
use rustcam::source::{Change, Read, Source};
use rustix::process::Signal;
use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::render::{ConnectionExt as _, CreatePictureAux, PictType};
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, CreateGCAux, ImageFormat};

const SMALL: [&str; 3] = ["-screen", "0", "640x480x24"];
const WHOLE: Rect = Rect::new(0, 0, 640, 480);
const NOTHING: Change =
    Change { presents: 0, present_time: Duration::ZERO, pointer: false, protected: false, interrupted: false };

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn shared_memory_receives_exactly_what_was_drawn_and_is_opaque() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    painter.scene();
    let mut source = server.open(0, false);
    assert_eq!(source.fallback(), None);
    begin(&mut source);
    let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Read::Done);
    assert!(memory.bytes() == painter.expected(WHOLE));

    // A region, of which only parts are asked for: the rest keeps its zeros.
    let area = rect(101, 53, 33, 19);
    let parts = [rect(101, 53, 4, 19), rect(110, 60, 1, 1), rect(120, 65, 14, 7)];
    let mut region = source.allocate(area.size()).expect("Xvfb shares memory");
    assert_eq!(read_into(&mut source, &mut region, area, &parts), Read::Done);
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
    assert_eq!(read_into(&mut source, &mut region, area, &[area]), Read::Done);
    assert!(region.bytes() == painter.expected(area));

    // Memory of another source, of another size, or without a source is refused, not written.
    let mut other = server.open(0, false);
    let size = area.size();
    assert_eq!(other.read_into(&mut region, size, area.origin(), &[area], PATIENCE).expect("alive"), None);
    assert_eq!(
        source.read_into(&mut region, size.transposed(), area.origin(), &[area], PATIENCE).expect("alive"),
        None
    );

    // Parts that no pixel belongs to are a mistake of the caller.
    for part in [rect(0, 0, 641, 1), rect(-1, 0, 5, 5), rect(5, 5, 0, 5)] {
        let error = source.read(&[part], PATIENCE, &mut |_, _, _| {}).expect_err("outside");
        assert_eq!((error.kind(), error.loss()), (ErrorKind::InvalidArgument, None));
        assert!(source.read_into(&mut region, size, area.origin(), &[part], PATIENCE).is_err());
    }

    // Many buffers come and go, and what is held survives the source.
    for _ in 0..50 {
        let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
        assert_eq!(read_into(&mut source, &mut memory, WHOLE, &[WHOLE]), Read::Done);
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
            source.damage(PATIENCE).expect("alive");
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
fn a_static_screen_wakes_nobody() {
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
    // All of it is there by now, in one event or in two.
    source.wait(ms(20)).expect("alive");
    assert_eq!(dirty(&mut source), three);

    // A wait without a read after it does not make the source deaf.
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
    assert_eq!(source.read(&[part], PATIENCE, &mut |_, _, _| {}).expect("alive"), Read::Overtaken);
    assert_eq!(dirty(&mut source), [rect(300, 300, 9, 9)]);
    assert_eq!(source.read(&[part], PATIENCE, &mut |_, _, _| {}).expect("alive"), Read::Done);
}

#[test]
fn assembled_images_never_show_a_state_that_never_was() {
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
    source.damage(PATIENCE).expect("alive");
    let (mut done, mut overtaken) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < ms(1500) {
        source.wait(ms(50)).expect("alive");
        let parts = dirty(&mut source);
        if parts.is_empty() {
            continue;
        }
        match read_into(&mut source, &mut memory, WHOLE, &parts) {
            Read::Done => done += 1,
            Read::Overtaken => {
                overtaken += 1;
                continue;
            }
            Read::Pending => panic!("the server is not frozen"),
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
fn monitors_are_outputs_and_do_not_wake_each_other() {
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
    assert_eq!(source.read(&[part], PATIENCE, &mut |_, _, _| {}).expect("alive"), Read::Done);
    painter.fill(rect(390, 90, 20, 20), 0x0000_ff00);
    painter.sync();
    presented(&mut source);
    assert_eq!(dirty(&mut source), [rect(0, 10, 10, 20)]);
    let here = rect(0, 0, 240, 300);
    assert_eq!(read(&mut source, &[here]), [(here, painter.expected(rect(400, 80, 240, 300)))]);
    let mut memory = source.allocate(here.size()).expect("Xvfb shares memory");
    assert_eq!(read_into(&mut source, &mut memory, here, &[here]), Read::Done);
    assert!(memory.bytes() == painter.expected(rect(400, 80, 240, 300)));

    // A caller who only polls sees it, too.
    painter.fill(rect(450, 100, 3, 3), 0x0000_00ff);
    painter.sync();
    let start = Instant::now();
    while source.wait(ms(0)).expect("alive").presents == 0 {
        assert!(start.elapsed() < PATIENCE, "a poll never reports the change");
    }
    assert_eq!(dirty(&mut source), [rect(50, 20, 3, 3)]);

    // The monitor moves, then vanishes.
    set_monitor(&painter, "east", rect(400, 80, 200, 300), true, false);
    let error = source.wait(PATIENCE).expect_err("the monitor changed");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)));
    assert!(error.message().contains("from 240x300 to 200x300"), "{error}");
    source.rebuild(PATIENCE).expect("the monitor is there");
    begin(&mut source);
    let atom = painter.connection.intern_atom(false, b"east").expect("sent").reply().expect("alive").atom;
    painter.connection.randr_delete_monitor(painter.root, atom).expect("sent");
    painter.sync();
    let error = source.wait(PATIENCE).expect_err("the monitor is gone");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
}

fn set_monitor(painter: &Painter, name: &str, place: Rect, primary: bool, real: bool) {
    let connection = &painter.connection;
    let name = connection.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("alive").atom;
    let resources = connection.randr_get_screen_resources_current(painter.root).expect("sent").reply().expect("alive");
    let monitor = MonitorInfo {
        name,
        primary,
        automatic: false,
        x: place.left as i16,
        y: place.top as i16,
        width: place.width() as u16,
        height: place.height() as u16,
        width_in_millimeters: 100,
        height_in_millimeters: 100,
        outputs: if real { resources.outputs } else { Vec::new() },
    };
    // A monitor cannot be changed, only replaced. Under a grab nobody sees the moment without it.
    connection.grab_server().expect("sent");
    connection.randr_delete_monitor(painter.root, name).expect("sent").ignore_error();
    connection.randr_set_monitor(painter.root, monitor).expect("sent").check().expect("the server takes it");
    connection.ungrab_server().expect("sent");
    painter.sync();
}

#[test]
fn a_new_size_is_a_passing_loss() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x1024x24"]) else { return };
    let mut source = server.open(0, false);
    begin(&mut source);
    let old = source.output().size;
    let mut memory = source.allocate(old).expect("Xvfb shares memory");
    let modes = ["800x600 38.25 800 832 912 1024 600 603 607 624", "1024x768 63.5 1024 1072 1176 1328 768 771 775 798"];
    for mode in modes {
        let numbers: Vec<_> = mode.split(' ').collect();
        server.xrandr(&[&["--newmode"], &numbers[..]].concat());
        server.xrandr(&["--addmode", "screen", numbers[0]]);
    }
    assert_eq!(source.wait(ms(50)).expect("another mode on offer changes nothing"), NOTHING);
    server.xrandr(&["--output", "screen", "--mode", "800x600"]);
    let error = source.wait(PATIENCE).expect_err("the size changed");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)));
    assert!(error.message().contains("from 1280x1024 to 800x600"), "{error}");
    assert_eq!(source.wait(ms(0)).expect_err("until the rebuild").loss(), Some(Loss::Transient));
    assert!(source.read_into(&mut memory, old, Point::default(), &[old.rect()], PATIENCE).is_err());
    source.rebuild(PATIENCE).expect("the server lives");
    assert_eq!(source.output().size, Size::new(800, 600));
    assert!((source.output().refresh_hz - 59.86).abs() < 0.01, "{}", source.output().refresh_hz);
    begin(&mut source);
    let mut painter = server.painter();
    painter.scene();
    let whole = rect(0, 0, 800, 600);
    read(&mut source, &[whole]);
    assert_eq!(read(&mut source, &[whole]), [(whole, painter.expected(whole))]);

    // A read notices by itself, too: nothing of the wrong size is passed off as an image.
    server.xrandr(&["--output", "screen", "--mode", "1024x768"]);
    let error = source.read(&[whole], PATIENCE, &mut |_, _, _| {}).expect_err("the size changed");
    assert!(error.message().contains("from 800x600 to 1024x768"), "{error}");
    source.rebuild(PATIENCE).expect("the server lives");
    assert_eq!(source.output().size, Size::new(1024, 768));
}

#[test]
fn a_dead_server_is_a_lasting_loss_until_it_is_back() {
    let Some(mut server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, true);
    begin(&mut source);
    let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    server.kill();
    let error = source.wait(PATIENCE).expect_err("the server is dead");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
    assert!(error.message().contains(&format!("{} went away", server.display)) && error.hint().is_some(), "{error}");
    assert!(source.damage(ms(0)).is_err() && source.read(&[WHOLE], ms(0), &mut |_, _, _| {}).is_err());
    assert!(source.allocate(WHOLE.size()).is_none());
    let error = within(ms(200), || source.rebuild(ms(200))).expect_err("there is no server");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));

    // A frozen one lets nobody in, and does not hold anybody up.
    server.restart(&SMALL);
    server.signal(Signal::STOP);
    let error = within(ms(200), || source.rebuild(ms(200))).expect_err("the server is frozen");
    assert!(error.message().contains("does not answer"), "{error}");
    server.signal(Signal::CONT);
    source.rebuild(PATIENCE).expect("the server is back");
    let mut painter = server.painter();
    painter.scene();
    begin(&mut source);
    let again = source.read_into(&mut memory, WHOLE.size(), Point::default(), &[WHOLE], PATIENCE);
    assert_eq!(again.expect("alive"), None, "memory of the old connection");
    assert_eq!(read(&mut source, &[WHOLE]), [(WHOLE, painter.expected(WHOLE))]);
}

#[test]
fn a_server_that_dies_during_a_read_is_a_loss() {
    let Some(mut server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, false);
    begin(&mut source);
    server.signal(Signal::STOP);
    assert_eq!(source.read(&[WHOLE], ms(20), &mut |_, _, _| {}).expect("only frozen"), Read::Pending);
    server.kill();
    let error = source.read(&[WHOLE], PATIENCE, &mut |_, _, _| {}).expect_err("the server is dead");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
}

#[test]
fn a_frozen_server_holds_nobody_up() {
    for missing in [&[][..], &["-extension", "RENDER"], &["-extension", "MIT-SHM"]] {
        let Some(server) = Xvfb::start(&[&SMALL, missing].concat()) else { return };
        let mut painter = server.painter();
        painter.scene();
        let mut source = server.open(0, true);
        begin(&mut source);
        read(&mut source, &[WHOLE]);
        let mut memory = source.allocate(WHOLE.size());
        painter.fill(rect(5, 5, 50, 50), 0x00ff_ffff);
        painter.sync();
        server.signal(Signal::STOP);
        for _ in 0..20 {
            within(ms(15), || source.wait(ms(15))).expect("only frozen");
            within(ms(0), || source.wait(ms(0))).expect("only frozen");
        }
        for _ in 0..3 {
            let read = within(ms(30), || source.read(&[WHOLE], ms(30), &mut |_, _, _| panic!("nothing came")));
            assert_eq!(read.expect("only frozen"), Read::Pending);
            let other = [rect(3, 3, 9, 9)];
            let read = within(ms(30), || source.read(&other, ms(30), &mut |_, _, _| panic!("nothing came")));
            assert_eq!(read.expect("only frozen"), Read::Pending);
            assert_eq!(within(ms(30), || source.damage(ms(30))).expect("only frozen").dirty, [WHOLE]);
            assert!(within(ms(0), || source.allocate(WHOLE.size())).is_none());
            within(ms(30), || source.wait(ms(30))).expect("only frozen");
        }
        if let Some(memory) = &mut memory {
            let pending = within(ms(30), || source.read_into(memory, WHOLE.size(), Point::default(), &[WHOLE], ms(30)));
            assert_eq!(pending.expect("only frozen"), Some(Read::Pending));
        }
        server.signal(Signal::CONT);
        if let Some(memory) = &mut memory {
            assert_eq!(read_into(&mut source, memory, WHOLE, &[WHOLE]), Read::Done);
            assert!(memory.bytes() == painter.expected(WHOLE));
        }
        assert_eq!(read(&mut source, &[WHOLE]), [(WHOLE, painter.expected(WHOLE))]);

        // And the usual life goes on.
        source.damage(PATIENCE).expect("alive");
        painter.fill(rect(9, 9, 2, 2), 0x0012_3456);
        painter.sync();
        presented(&mut source);
        assert!(dirty(&mut source).iter().any(|r| r.contains(rect(9, 9, 2, 2))));
    }
}

#[test]
fn a_read_resumes_after_the_freeze() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    painter.scene();
    let mut source = server.open(0, false);
    begin(&mut source);
    let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    server.signal(Signal::STOP);
    for _ in 0..5 {
        let read = source.read_into(&mut memory, WHOLE.size(), Point::default(), &[WHOLE], ms(5)).expect("only frozen");
        assert_eq!(read, Some(Read::Pending));
    }
    server.signal(Signal::CONT);
    painter.sync();
    // The batch was answered long ago: collecting it takes no time at all.
    let read = source.read_into(&mut memory, WHOLE.size(), Point::default(), &[WHOLE], ms(500)).expect("alive");
    assert_eq!(read, Some(Read::Done));
    assert!(memory.bytes() == painter.expected(WHOLE));
}

#[test]
fn the_pointer_has_a_place_and_a_shape() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let painter = server.painter();
    let cursor: Vec<u32> = (0..16 * 12).map(|i| if i % 3 == 0 { 0x8040_2010 } else { 0xff00_00ff - i }).collect();
    set_cursor(&painter, &cursor, 16, 12, (3, 4));
    warp(&painter, 100, 200);
    let mut source = server.open(0, true);
    begin(&mut source);
    let pointer = source.pointer().clone();
    assert_eq!((pointer.position, pointer.visible), (Point::new(97, 196), true));
    let shape = pointer.shape.expect("the pointer has a shape");
    assert_eq!((shape.kind, shape.size), (ShapeKind::Premultiplied, Size::new(16, 12)));
    assert_eq!((shape.hot_spot, shape.pitch), (Point::new(3, 4), 64));
    assert!(shape.data == cursor.iter().flat_map(|p| p.to_le_bytes()).collect::<Vec<_>>());

    // It is not part of the image.
    let around = rect(80, 180, 60, 60);
    assert_eq!(read(&mut source, &[WHOLE])[0].1, painter.expected(WHOLE));
    source.damage(PATIENCE).expect("alive");
    assert_eq!(read(&mut source, &[around]), [(around, painter.expected(around))]);

    warp(&painter, 300, 200);
    let change = pointed(&mut source);
    assert_eq!((change.presents, source.pointer().position), (0, Point::new(297, 196)));
    // What a read has shown is not reported again.
    warp(&painter, 310, 210);
    let mut shown = Point::default();
    source.read(&[around], PATIENCE, &mut |_, _, pointer| shown = pointer.position).expect("alive");
    assert_eq!((shown, source.pointer().position), (Point::new(307, 206), Point::new(307, 206)));
    for _ in 0..3 {
        assert!(!source.wait(ms(30)).expect("alive").pointer);
    }
    // A new shape is news although the pointer stays.
    set_cursor(&painter, &[0xff11_2233; 4], 2, 2, (0, 0));
    assert!(pointed(&mut source).pointer);
    assert_eq!(source.pointer().shape.as_ref().map(|s| s.size), Some(Size::new(2, 2)));
    assert_eq!(source.pointer().position, Point::new(310, 210));

    // A storm of movements is merged, and a caller who does not watch the pointer sleeps through it.
    let mut deaf = server.open(0, false);
    begin(&mut deaf);
    let start = Instant::now();
    let mut reports = 0;
    for n in 0i16.. {
        warp(&painter, 100 + n % 200, 100);
        reports += u32::from(source.wait(ms(1)).expect("alive").pointer);
        if start.elapsed() >= ms(500) {
            break;
        }
    }
    assert!((10..=32).contains(&reports), "{reports} reports in half a second");
    assert_eq!(deaf.wait(ms(50)).expect("alive"), NOTHING);
    assert!(!deaf.pointer().visible);
}

pub fn pointed(source: &mut X11Source) -> Change {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let change = source.wait(ms(100)).expect("alive");
        if change.pointer {
            return change;
        }
    }
    panic!("the pointer was not reported");
}

pub fn warp(painter: &Painter, x: i16, y: i16) {
    painter.connection.warp_pointer(x11rb::NONE, painter.root, 0, 0, 0, 0, x, y).expect("sent");
    painter.sync();
}

/// Shows premultiplied ARGB `pixels` as the pointer of the root window.
pub fn set_cursor(painter: &Painter, pixels: &[u32], width: u16, height: u16, hot_spot: (u16, u16)) {
    let connection = &painter.connection;
    let formats = connection.render_query_pict_formats().expect("sent").reply().expect("alive").formats;
    let argb = formats.iter().find(|f| f.type_ == PictType::DIRECT && f.depth == 32 && f.direct.alpha_shift == 24);
    let argb = argb.expect("RENDER requires this format").id;
    let [pixmap, gc, picture, cursor] = std::array::from_fn(|_| connection.generate_id().expect("an id"));
    connection.create_pixmap(32, pixmap, painter.root, width, height).expect("sent");
    connection.create_gc(gc, pixmap, &CreateGCAux::new()).expect("sent");
    let data: Vec<u8> = pixels.iter().flat_map(|p| p.to_le_bytes()).collect();
    connection.put_image(ImageFormat::Z_PIXMAP, pixmap, gc, width, height, 0, 0, 0, 32, &data).expect("sent");
    connection.render_create_picture(picture, pixmap, argb, &CreatePictureAux::new()).expect("sent");
    connection.render_create_cursor(cursor, picture, hot_spot.0, hot_spot.1).expect("sent");
    let attributes = ChangeWindowAttributesAux::new().cursor(cursor);
    connection.change_window_attributes(painter.root, &attributes).expect("sent").check().expect("the server takes it");
}

#[test]
fn refusals_say_what_to_do() {
    let Some(server) = Xvfb::start(&["-screen", "0", "640x480x16"]) else { return };
    let error = X11Source::open_display(&options(0, false), &server.display).err().expect("16 bits are not supported");
    assert_eq!(error.kind(), ErrorKind::Duplication);
    for word in ["depth 16", "0xf800", "supported is depth 24"] {
        assert!(error.message().contains(word), "{error}");
    }
    assert!(error.hint().is_some());
    for (display, word) in [(":54321", "cannot reach"), ("nonsense", "not the name")] {
        let error = X11Source::open_display(&options(0, false), display).err().expect("there is no such server");
        assert_eq!(error.kind(), ErrorKind::Duplication);
        assert!(error.message().contains(word) && error.message().contains(display), "{error}");
        assert!(error.hint().is_some_and(|h| h.contains("DISPLAY") && h.contains("Xvfb")), "{error}");
        assert!(outputs_of(display).is_err());
    }
}

#[test]
fn a_server_that_wants_a_key_says_so() {
    let path = std::env::temp_dir().join(format!("rustcam-x11-{}.auth", std::process::id()));
    // One entry for every address: family, address, display, name and key, each with its length (Xau's file format).
    let name = b"MIT-MAGIC-COOKIE-1";
    let entry = [&[0xff, 0xff, 0, 0, 0, 0, 0, name.len() as u8], &name[..], &[0, 16], &[7; 16]].concat();
    std::fs::write(&path, entry).expect("the temporary directory is writable");
    let server = Xvfb::start(&["-screen", "0", "640x480x24", "-auth", &path.to_string_lossy()]);
    // The server reads the file when somebody knocks.
    let opened = server.as_ref().map(|server| X11Source::open_display(&options(0, false), &server.display));
    std::fs::remove_file(&path).expect("the file is ours");
    let Some(opened) = opened else { return };
    let error = opened.err().expect("the key is missing");
    assert_eq!(error.kind(), ErrorKind::Duplication);
    assert!(error.message().contains("refused the connection"), "{error}");
    assert!(error.hint().is_some_and(|h| h.contains("XAUTHORITY")), "{error}");
}

#[test]
fn opening_and_closing_leaves_nothing_behind() {
    // Other tests open files at the same time, so this one counts in a process of its own.
    let this = std::env::current_exe().expect("the test has a path");
    let run = Command::new(this).args(["--ignored", "--exact", "source::leaks_of_a_thousand_openings"]).output();
    let run = run.expect("the test can start itself");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by opening_and_closing_leaves_nothing_behind"]
fn leaks_of_a_thousand_openings() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let open_files = || std::fs::read_dir("/proc/self/fd").expect("proc is mounted").count();
    let before = open_files();
    for _ in 0..1000 {
        let mut source = server.open(0, true);
        let mut memory = source.allocate(Size::new(64, 64)).expect("Xvfb shares memory");
        let area = rect(0, 0, 64, 64);
        assert_eq!(read_into(&mut source, &mut memory, area, &[area]), Read::Done);
        read(&mut source, &[rect(5, 5, 50, 50)]);
    }
    assert_eq!(open_files(), before);
    let maps = std::fs::read_to_string("/proc/self/maps").expect("proc is mounted");
    assert!(!maps.contains("memfd:rustcam"), "{maps}");
}

extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

#[test]
fn a_forked_child_is_turned_away() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, true);
    begin(&mut source);
    // SAFETY: the child only asks the source, which refuses before it touches anything shared, and leaves without unwinding.
    let status = unsafe {
        let pid = fork();
        if pid == 0 {
            let refused = source.wait(ms(10)).err().map(|e| e.kind()) == Some(ErrorKind::WrongState)
                && source.rebuild(ms(10)).err().map(|e| e.kind()) == Some(ErrorKind::WrongState);
            drop(source);
            _exit(i32::from(!refused));
        }
        let mut status = -1;
        waitpid(pid, &raw mut status, 0);
        status
    };
    assert_eq!(status, 0);
    let mut painter = server.painter();
    painter.scene();
    assert_eq!(read(&mut source, &[WHOLE]), [(WHOLE, painter.expected(WHOLE))]);
}
