//! One window: exact whatever covers it.

use rustcam::geometry::{Point, Size};
use rustcam::source::x11::X11Source;
use rustcam::source::{Outcome, Source, WindowArea, WindowTarget};
use x11rb::protocol::xproto::StackMode;
use x11rb::protocol::xtest::ConnectionExt as _;

use crate::program::{
    by_handle, framed, framed_or_plain, open, picture, settle, try_to_open, Kind, Program, ALL, PLACE,
};
use crate::xvfb::{
    begin, crop, dirty, ms, options, presented, read, read_into, rect, sleeps, within, Xvfb, NOTHING, SMALL, TIMEOUT,
};

#[test]
fn a_window_is_exact_where_it_is_covered_and_off_the_screen() {
    for missing in [&[][..], &["-extension", "RENDER"], &["-extension", "MIT-SHM"], &["-extension", "DAMAGE"]] {
        let Some(server) = Xvfb::start(&[&SMALL, missing].concat()) else { return };
        let mut program = Program::start(&server);
        for place in [PLACE, rect(-90, -70, 200, 150), rect(560, 420, 200, 150), rect(1000, 900, 200, 150)] {
            let window = program.window(place, Kind::default());
            let cover = program.window(PLACE.translated(50, 40), Kind::default());
            let mut source = open(&server, by_handle(window));
            begin(&mut source);
            assert!(picture(&mut source) == program.expected(window), "{missing:?} {place}");
            program.fill(window, rect(60, 50, 30, 20), 0x00ab_cdef);
            presented(&mut source);
            assert!(picture(&mut source) == program.expected(window), "{missing:?} {place}");
            program.destroy(window);
            program.destroy(cover);
        }
    }
}

#[test]
fn children_are_a_part_of_the_window_and_its_border_is_not() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind { border: 5, ..Kind::default() });
    for (argb, place) in [(false, rect(20, 30, 60, 40)), (true, rect(20, 30, 60, 40)), (false, rect(-10, 120, 60, 60))]
    {
        let child = program.window(place, Kind { parent: Some(window), argb, ..Kind::default() });
        let mut source = open(&server, by_handle(window));
        begin(&mut source);
        let output = source.output();
        assert_eq!((output.position, output.size, output.is_window), (PLACE.origin(), PLACE.size(), true));
        assert!(picture(&mut source) == program.expected_with(window, child, place));
        program.fill(child, rect(15, 5, 9, 7), 0xff12_3456);
        presented(&mut source);
        assert!(picture(&mut source) == program.expected_with(window, child, place));
        program.destroy(child);
    }
}

#[test]
fn the_border_is_a_part_of_the_whole_window() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind { border: 5, ..Kind::default() });
    let mut source = try_to_open(&server, by_handle(window), WindowArea::Whole).expect("the window can be captured");
    begin(&mut source);
    assert_eq!((source.output().position, source.output().size), (Point::new(95, 75), Size::new(210, 160)));
    let bytes = picture(&mut source);
    let pixel =
        |x: usize, y: usize| u32::from_le_bytes(bytes[(y * 210 + x) * 4..][..4].try_into().expect("four bytes"));
    for (x, y) in [(0, 0), (209, 159), (4, 80), (205, 80), (100, 4), (100, 155)] {
        assert_eq!(pixel(x, y), 0xff77_7777, "the border at {x} {y}");
    }
    let client = program.expected(window);
    for y in 0..150 {
        assert!(bytes[((y + 5) * 210 + 5) * 4..][..800] == client[y * 800..][..800], "row {y}");
    }
    source.damage(TIMEOUT).expect("alive");
    program.fill(window, rect(10, 20, 30, 40), 0x00ff_0000);
    presented(&mut source);
    assert_eq!(dirty(&mut source), [rect(15, 25, 30, 40)]);
}

#[test]
fn a_window_with_alpha_is_opaque() {
    for missing in [&[][..], &["-extension", "RENDER"], &["-extension", "MIT-SHM"]] {
        let Some(server) = Xvfb::start(&[&SMALL, missing].concat()) else { return };
        let mut program = Program::start(&server);
        let window = program.window(PLACE, Kind { argb: true, ..Kind::default() });
        let mut source = open(&server, by_handle(window));
        begin(&mut source);
        assert_eq!(source.fallback().is_some(), !missing.is_empty(), "{:?}", source.fallback());
        assert!(picture(&mut source) == program.expected(window), "{missing:?}");
    }
}

#[test]
fn a_shaped_window_is_exact_inside_its_outline_and_opaque() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    let cover = program.window(PLACE.translated(50, 40), Kind::default());
    let outline = [rect(20, 10, 100, 60), rect(60, 50, 120, 90)];
    program.set_outline(window, &outline);
    let mut source = open(&server, by_handle(window));
    begin(&mut source);
    let mut memory = source.allocate(ALL.size()).expect("Xvfb shares memory");
    assert_eq!(read_into(&mut source, &mut memory, ALL, &[ALL]), Outcome::Done(()));
    assert!(memory.bytes().as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255));
    for part in outline {
        assert!(crop(memory.bytes(), 200, part) == crop(&program.expected(window), 200, part), "{part}");
    }
    program.destroy(cover);
}

#[test]
fn the_first_picture_of_a_covered_window_is_what_its_program_draws() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    for is_framed in [false, true] {
        let (outer, window) = framed_or_plain(&mut program, is_framed);
        let cover = program.window(PLACE.translated(50, 40), Kind::default());
        // From now on only the program knows the picture; what is uncovered shows the background until it has drawn.
        program.plain_background(window);
        std::thread::scope(|scope| {
            let painting = scope.spawn(|| program.paint_when_exposed(window, ms(10)));
            let mut source = open(&server, by_handle(window));
            assert!(read(&mut source, &[ALL])[0].1 == program.expected(window));
            painting.join().expect("the window was exposed");
        });
        // A window that is not covered needs no drawing, and nobody waits for it.
        program.destroy(cover);
        let start = std::time::Instant::now();
        drop(open(&server, by_handle(window)));
        assert!(start.elapsed() < ms(40), "{:?}", start.elapsed());
        program.destroy(outer);
    }
}

#[test]
fn a_framed_window_is_captured_with_and_without_its_frame() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let (frame, window) = framed(&mut program);
    let cover = program.window(rect(90, 90, 100, 100), Kind::default());
    let mut client = open(&server, by_handle(window));
    let mut whole = try_to_open(&server, by_handle(window), WindowArea::Whole).expect("the window can be captured");
    begin(&mut client);
    begin(&mut whole);
    assert_eq!((client.output().position, client.output().size), (Point::new(70, 60), ALL.size()));
    assert_eq!((whole.output().position, whole.output().size), (Point::new(58, 38), Size::new(224, 184)));
    for round in 0..3 {
        assert!(picture(&mut client) == program.expected(window));
        let inside = program.expected_with(frame, window, rect(10, 20, 200, 150));
        let bytes = picture(&mut whole);
        for y in 0..180 {
            assert!(bytes[((y + 2) * 224 + 2) * 4..][..880] == inside[y * 880..][..880], "row {y}");
        }
        program.fill(window, rect(20 * round, 30, 10, 10), 0x0011_2233 * round as u32);
        presented(&mut client);
        presented(&mut whole);
    }
    program.destroy(cover);

    // What the frame draws around the window is no news of the window, and moving and uncovering are none either.
    settle(&mut client);
    program.fill(frame, rect(0, 0, 220, 18), 0x0055_6677);
    for (x, y) in [(300, 200), (500, 400), (-100, -100), (60, 40)] {
        program.move_to(frame, x, y);
    }
    let cover = program.window(rect(90, 90, 100, 100), Kind::default());
    program.raise(cover, StackMode::BELOW);
    program.destroy(cover);
    assert_eq!(client.wait(ms(30)).expect("alive"), NOTHING);
    assert_eq!(dirty(&mut client), []);
    assert!(picture(&mut client) == program.expected(window));
}

#[test]
fn damage_names_what_was_drawn_on_the_window_and_nothing_else() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    let other = program.window(PLACE.translated(50, 40), Kind::default());
    let child = program.window(rect(10, 10, 50, 50), Kind { parent: Some(window), ..Kind::default() });
    let mut source = open(&server, by_handle(window));
    begin(&mut source);
    let mut memory = source.allocate(ALL.size()).expect("Xvfb shares memory");
    read_into(&mut source, &mut memory, ALL, &[ALL]);
    for (part, on_child) in [(rect(100, 100, 30, 40), false), (rect(2, 3, 4, 5), true), (rect(199, 149, 1, 1), false)] {
        program.fill(other, rect(0, 0, 60, 60), 0x0012_3400);
        let (on, by) = if on_child { (child, 10) } else { (window, 0) };
        program.fill(on, part, 0x00fe_dcba);
        presented(&mut source);
        let expected = part.translated(by, by);
        assert_eq!(dirty(&mut source), [expected]);
        assert_eq!(read_into(&mut source, &mut memory, ALL, &[expected]), Outcome::Done(()));
        assert!(memory.bytes() == program.expected_with(window, child, rect(10, 10, 50, 50)));
    }
    program.fill(window, rect(150, 20, 20, 20), 0x0000_ff00);
    presented(&mut source);
    let refreshed = source.refresh(&mut memory, ALL.size(), Point::default(), &[], TIMEOUT).expect("alive");
    assert!(matches!(refreshed, Outcome::Done(damage) if damage.dirty == [rect(150, 20, 20, 20)]));
    assert!(memory.bytes() == program.expected_with(window, child, rect(10, 10, 50, 50)));
}

#[test]
fn a_static_window_sends_nothing() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    let other = program.window(PLACE.translated(50, 40), Kind::default());
    let mut source = open(&server, by_handle(window));
    begin(&mut source);
    settle(&mut source);
    let before = sleeps();
    let waiting = std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..20 {
                program.fill(other, rect(0, 0, 60, 60), n);
            }
        });
        within(ms(300), || source.wait(ms(300)))
    });
    assert_eq!(waiting.expect("alive"), NOTHING);
    assert!(sleeps() - before <= 4, "{} sleeps", sleeps() - before);
}

#[test]
fn the_pointer_is_relative_to_the_window() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind { border: 3, ..Kind::default() });
    let at = |x, y| {
        program.connection.xtest_fake_input(6, 0, 0, program.root, x, y, 0).expect("sent");
        program.sync();
    };
    for (area, inset) in [(WindowArea::Client, 0), (WindowArea::Whole, 3)] {
        at(150, 130);
        let target = WindowTarget { choice: by_handle(window), area };
        let mut source =
            X11Source::open_display(&options(0, true).window(target), &server.display).expect("it can be captured");
        begin(&mut source);
        let hot_spot = source.pointer().shape.as_ref().expect("Xvfb has a pointer").hot_spot;
        let expected = |x: i32, y: i32| Point::new(x + inset - hot_spot.x, y + inset - hot_spot.y);
        assert_eq!((source.pointer().position, source.pointer().visible), (expected(50, 50), true));
        at(299, 229);
        read(&mut source, &[rect(0, 0, 5, 5)]);
        assert_eq!((source.pointer().position, source.pointer().visible), (expected(199, 149), true));
        at(500, 400);
        read(&mut source, &[rect(0, 0, 5, 5)]);
        assert!(!source.pointer().visible);
    }
}
