//! Where the pointer is and what it looks like, how often the server is asked for it, and how soon its movements are found.

use std::time::{Duration, Instant};

use rustcam::frame::ShapeKind;
use rustcam::geometry::{Point, Size};
use rustcam::source::x11::X11Source;
use rustcam::source::{Change, Source};
use x11rb::connection::Connection;
use x11rb::protocol::render::{ConnectionExt as _, CreatePictureAux, PictType};
use x11rb::protocol::xproto::MOTION_NOTIFY_EVENT;
use x11rb::protocol::xproto::{ChangeWindowAttributesAux, ConnectionExt as _, CreateGCAux, ImageFormat};
use x11rb::protocol::xtest::ConnectionExt as _;

use crate::xvfb::{begin, ms, read, rect, set_monitor, sleeps, Painter, Xvfb, NOTHING, SMALL, TIMEOUT, WHOLE};

/// Moves the pointer as a mouse does.
fn move_mouse(painter: &Painter, x: i16, y: i16) {
    let absolute = 0;
    let sent = painter.connection.xtest_fake_input(MOTION_NOTIFY_EVENT, absolute, 0, painter.root, x, y, 0);
    sent.expect("sent");
    painter.sync();
}

/// Waits for so long, and nothing may change meanwhile.
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
    move_mouse(&painter, 10, 10);
    let mut source = server.open(0, true);
    begin(&mut source);
    Some((server, painter, source))
}

#[test]
fn a_resting_pointer_is_polled_seldom() {
    let Some((_server, _painter, mut source)) = open(&[]) else { return };
    rest(&mut source, ms(800));
    let before = sleeps();
    rest(&mut source, ms(2000));
    // Eight polls, each with two sleeps: before it and for the answer. At every refresh it would be 240.
    let slept = sleeps() - before;
    assert!(slept <= 40, "{slept} sleeps");
}

#[test]
fn a_pointer_that_begins_to_move_is_found_at_once() {
    let Some((_server, painter, mut source)) = open(&[]) else { return };
    let mut delays: Vec<_> = (0..5)
        .map(|turn| {
            rest(&mut source, ms(800));
            move_mouse(&painter, 20 + turn, 20);
            let start = Instant::now();
            pointed(&mut source);
            assert_eq!(source.pointer().position, Point::new(20 + i32::from(turn), 20));
            start.elapsed()
        })
        .collect();
    delays.sort_unstable();
    // The poll of a resting pointer would take twice as long on average. A busy moment of the machine may delay some.
    assert!(delays[2] < ms(60), "{delays:?}");
}

#[test]
fn a_warped_pointer_is_found_by_the_next_poll() {
    let Some((_server, painter, mut source)) = open(&[]) else { return };
    for turn in 0..3 {
        rest(&mut source, ms(800));
        warp(&painter, 50 + turn, 60);
        pointed(&mut source);
        assert_eq!(source.pointer().position, Point::new(50 + i32::from(turn), 60));
    }
}

#[test]
fn a_server_without_raw_motion_is_polled_at_every_refresh() {
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
    source.damage(TIMEOUT).expect("alive");
    assert_eq!(read(&mut source, &[around]), [(around, painter.expected(around))]);

    warp(&painter, 300, 200);
    let change = pointed(&mut source);
    assert_eq!((change.presents, source.pointer().position), (0, Point::new(297, 196)));
    // What a read has shown is not reported again.
    warp(&painter, 310, 210);
    let mut shown = Point::default();
    source.read(&[around], TIMEOUT, &mut |_, _, pointer| shown = pointer.position).expect("alive");
    assert_eq!((shown, source.pointer().position), (Point::new(307, 206), Point::new(307, 206)));
    for _ in 0..3 {
        assert!(!source.wait(ms(30)).expect("alive").pointer);
    }
    // A new shape is a change although the pointer stays where it is.
    set_cursor(&painter, &[0xff11_2233; 4], 2, 2, (0, 0));
    assert!(pointed(&mut source).pointer);
    assert_eq!(source.pointer().shape.as_ref().map(|s| s.size), Some(Size::new(2, 2)));
    assert_eq!(source.pointer().position, Point::new(310, 210));

    // Many movements are reported once per refresh, and not at all by a source that does not watch the pointer.
    let mut unwatched = server.open(0, false);
    begin(&mut unwatched);
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
    assert_eq!(unwatched.wait(ms(50)).expect("alive"), NOTHING);
    assert!(!unwatched.pointer().visible);
}

#[test]
fn a_shape_that_was_asked_for_before_a_loss_is_known_after_the_rebuild() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let painter = server.painter();
    set_monitor(&painter, "all", WHOLE, true, true);
    set_cursor(&painter, &[0xffff_ffff], 1, 1, (0, 0));
    let mut source = server.open(0, true);
    begin(&mut source);
    rest(&mut source, ms(50));
    set_cursor(&painter, &[0xff11_2233; 4], 2, 2, (0, 0));
    // A poll asks for the shape and leaves without the answer, which then arrives together with the event of the new arrangement.
    source.wait(ms(0)).expect("alive");
    set_monitor(&painter, "all", rect(0, 0, 600, 480), true, true);
    let loss = (0..10).find_map(|_| source.wait(ms(500)).err());
    assert!(loss.is_some_and(|error| error.message().contains("from 640x480 to 600x480")));
    source.rebuild(TIMEOUT).expect("the monitor is there");
    assert_eq!(source.pointer().shape.as_ref().map(|s| s.size), Some(Size::new(2, 2)));
}

fn pointed(source: &mut X11Source) -> Change {
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
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
