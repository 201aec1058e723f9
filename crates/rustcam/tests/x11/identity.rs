//! What was opened stays what is captured: monitors that go, come back, and leave their names to others.

use rustcam::error::{ErrorKind, Loss};
use rustcam::geometry::Rect;
use rustcam::source::x11::{outputs_of, X11Source};
use rustcam::source::{Backend, OpenOptions, Source};
use x11rb::protocol::randr::ConnectionExt as _;
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, PropMode};

use crate::xvfb::{begin, options, read, rect, set_monitor, Painter, Xvfb, SMALL, TIMEOUT};

const LEFT: Rect = Rect::new(0, 0, 320, 480);
const RIGHT: Rect = Rect::new(320, 0, 640, 480);

fn open(server: &Xvfb, output: &str) -> X11Source {
    let options = OpenOptions::new(Backend::X11).output(output).watch_pointer(false);
    X11Source::open_display(&options, &server.display).expect("there is such an output")
}

fn delete_monitor(painter: &Painter, name: &str) {
    let name = painter.connection.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("alive").atom;
    painter.connection.randr_delete_monitor(painter.root, name).expect("sent").check().expect("it was there");
    painter.sync();
}

/// Gives the only output of the server the EDID of a monitor of the maker DEL.
fn set_edid(painter: &Painter, product: u16, serial: u32) {
    let mut edid = vec![0; 128];
    edid[..8].copy_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    edid[8..10].copy_from_slice(&[0x10, 0xac]);
    edid[10..12].copy_from_slice(&product.to_le_bytes());
    edid[12..16].copy_from_slice(&serial.to_le_bytes());
    let connection = &painter.connection;
    let atom = connection.intern_atom(false, b"EDID").expect("sent").reply().expect("alive").atom;
    let resources = connection.randr_get_screen_resources_current(painter.root).expect("sent").reply().expect("alive");
    for output in resources.outputs {
        let integer = AtomEnum::INTEGER.into();
        let sent = connection
            .randr_change_output_property(output, atom, integer, 8, PropMode::REPLACE, 128, &edid)
            .expect("sent");
        sent.check().expect("the server takes it");
    }
    painter.sync();
}

/// The error of a source that has lost its output.
fn lost(source: &mut X11Source) -> String {
    // The first wait after a rebuild may report the desktop as it was then.
    let error = (0..3).find_map(|_| source.wait(TIMEOUT).err()).expect("the output is gone");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)), "{error}");
    let again = source.rebuild(TIMEOUT).expect_err("the output is still gone");
    assert_eq!((again.kind(), again.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)), "{again}");
    error.to_string()
}

#[test]
fn a_monitor_that_goes_is_not_replaced_by_another_one() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    painter.scene();
    set_monitor(&painter, "left", LEFT, true, true);
    set_monitor(&painter, "right", RIGHT, false, false);
    let (mut left, mut right) = (open(&server, "left"), open(&server, "RIGHT"));
    begin(&mut left);
    begin(&mut right);
    delete_monitor(&painter, "left");
    assert!(lost(&mut left).contains("the output left is gone; there is"));

    // Its name alone does not make another monitor the one that was opened.
    set_monitor(&painter, "left", RIGHT, false, false);
    let error = left.rebuild(TIMEOUT).expect_err("that is another monitor");
    assert_eq!(error.loss(), Some(Loss::Lasting), "{error}");

    // The one that was opened is found wherever it is.
    set_monitor(&painter, "left", rect(10, 20, 100, 50), true, true);
    left.rebuild(TIMEOUT).expect("it is back");
    begin(&mut left);
    read(&mut left, &[rect(0, 0, 100, 50)]);
    assert!(read(&mut left, &[rect(0, 0, 100, 50)])[0].1 == painter.expected(rect(10, 20, 100, 50)));

    // The other one was there all the time, at another index.
    if right.wait(TIMEOUT).is_err() {
        right.rebuild(TIMEOUT).expect("it never went");
    }
    assert_eq!(right.output().name, "right");
    let whole = rect(0, 0, 320, 480);
    read(&mut right, &[whole]);
    assert!(read(&mut right, &[whole])[0].1 == painter.expected(RIGHT));
}

#[test]
fn an_output_is_known_by_the_edid_of_its_monitor() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let painter = server.painter();
    let ids = || outputs_of(&server.display).expect("alive").into_iter().map(|o| o.id).collect::<Vec<_>>();
    assert_eq!(ids(), ["screen"], "without an EDID, the connector");
    set_edid(&painter, 0xa0b1, 0);
    assert_eq!(ids(), ["DEL-A0B1@screen"]);
    set_edid(&painter, 0xa0b1, 1234);
    assert_eq!(ids(), ["DEL-A0B1-1234"]);
    let mut source = open(&server, "del-a0b1-1234");
    begin(&mut source);
    // Defining a monitor elsewhere makes the server report a new arrangement.
    set_monitor(&painter, "part", rect(0, 0, 10, 10), false, false);
    source.wait(TIMEOUT).expect("the monitor is the same");
    assert_eq!(ids(), ["part", "DEL-A0B1-1234"], "the server lists monitors of clients first");
    set_edid(&painter, 0xa0b1, 1235);
    set_monitor(&painter, "part", rect(0, 0, 20, 20), false, false);
    assert!(lost(&mut source).contains("is gone"), "another monitor at the same connector");
    set_edid(&painter, 0xa0b1, 1234);
    source.rebuild(TIMEOUT).expect("it was plugged in again");

    // A part of the monitor that a client has defined is not the monitor.
    set_monitor(&painter, "half", LEFT, false, true);
    assert!(ids().contains(&"half:DEL-A0B1-1234".to_owned()), "{:?}", ids());
    assert!(lost(&mut source).contains("is gone"));
    let unknown = X11Source::open_display(&OpenOptions::new(Backend::X11).output("DEL-A0B1-1234"), &server.display);
    let error = unknown.err().expect("there is no such output now");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("half:DEL-A0B1-1234"), "{error}");
    drop(X11Source::open_display(&options(0, false), &server.display).expect("indices work as ever"));
}
