//! One window: exact whatever covers it, and followed through all that happens to it.

use rustcam::error::{Error, ErrorKind, Loss};
use rustcam::geometry::{Point, Rect, Size};
use rustcam::source::x11::X11Source;
use rustcam::source::{Outcome, Source, TitlePattern, WindowArea, WindowChoice, WindowTarget};
use rustix::process::Signal;
use x11rb::connection::Connection as _;
use x11rb::protocol::res::ConnectionExt as _;
use x11rb::protocol::xproto::{ConnectionExt as _, StackMode, Window};
use x11rb::protocol::xtest::ConnectionExt as _;

use crate::program::{by_handle, by_title, open, try_to_open, Kind, Program};
use crate::xvfb::{
    begin, dirty, ms, options, presented, read, read_into, rect, sleeps, within, Xvfb, NOTHING, SMALL, TIMEOUT,
};

/// The place of most windows, and all of such a window.
const PLACE: Rect = Rect::new(100, 80, 300, 230);
const ALL: Rect = Rect::new(0, 0, 200, 150);

/// Every pixel of the window, through both ways of reading.
fn picture(source: &mut X11Source) -> Vec<u8> {
    let whole = source.output().size.rect();
    source.damage(TIMEOUT).expect("the window lives");
    let read = read(source, &[whole]).remove(0).1;
    if let Some(mut memory) = source.allocate(whole.size()) {
        assert_eq!(read_into(source, &mut memory, whole, &[whole]), Outcome::Done(()));
        assert!(memory.bytes() == read, "two ways of reading differ");
    }
    read
}

/// The loss that the next waits report.
fn lost(source: &mut X11Source) -> Error {
    (0..3).find_map(|_| source.wait(TIMEOUT).err()).expect("the window is not what it was")
}

#[track_caller]
fn is_transient(error: &Error, says: &str) {
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)), "{error}");
    assert!(error.message().contains(says), "{error}");
}

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
fn the_first_picture_of_a_covered_window_is_what_its_program_draws() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    for is_framed in [false, true] {
        let (outer, window) = if is_framed {
            framed(&mut program)
        } else {
            let window = program.window(PLACE, Kind::default());
            (window, window)
        };
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

/// A window inside a frame, as a window manager makes it: the frame, and the window.
fn framed(program: &mut Program) -> (Window, Window) {
    let frame = program.window(rect(60, 40, 220, 180), Kind { border: 2, override_redirect: true, ..Kind::default() });
    let window = program.window(rect(10, 20, 200, 150), Kind { parent: Some(frame), ..Kind::default() });
    (frame, window)
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
    source_is_quiet(&mut client);
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

fn source_is_quiet(source: &mut X11Source) {
    while source.wait(ms(30)).expect("alive").any() {}
    source.damage(TIMEOUT).expect("alive");
}

#[test]
fn another_frame_is_followed() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let (frame, window) = framed(&mut program);
    let mut client = open(&server, by_handle(window));
    let mut whole = try_to_open(&server, by_handle(window), WindowArea::Whole).expect("the window can be captured");
    begin(&mut client);
    begin(&mut whole);
    // A window manager that ends gives windows back to the screen, and the next one frames them anew.
    program.connection.reparent_window(window, program.root, 5, 5).expect("sent");
    program.destroy(frame);
    for source in [&mut client, &mut whole] {
        assert_eq!(lost(source).loss(), Some(Loss::Transient));
        source.rebuild(TIMEOUT).expect("the window is shown");
        begin(source);
        assert_eq!((source.output().position, source.output().size), (Point::new(5, 5), ALL.size()));
        assert!(picture(source) == program.expected(window));
    }
    let other = program.window(rect(90, 90, 240, 190), Kind { override_redirect: true, ..Kind::default() });
    program.connection.reparent_window(window, other, 20, 20).expect("sent");
    program.sync();
    for source in [&mut client, &mut whole] {
        assert_eq!(lost(source).loss(), Some(Loss::Transient));
        source.rebuild(TIMEOUT).expect("the window is shown");
        begin(source);
    }
    assert!(picture(&mut client) == program.expected(window));
    assert!(picture(&mut whole) == program.expected_with(other, window, rect(20, 20, 200, 150)));
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
    source_is_quiet(&mut source);
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
fn a_new_size_is_followed() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind { border: 3, ..Kind::default() });
    let cover = program.window(PLACE, Kind::default());
    let mut source = open(&server, by_handle(window));
    begin(&mut source);
    let mut from = PLACE.size();
    for size in [Size::new(320, 200), Size::new(1, 1), Size::new(900, 700), Size::new(200, 150)] {
        program.resize(window, size);
        let error = lost(&mut source);
        is_transient(&error, &format!("the window changed its size from {from} to {size}"));
        assert_eq!(source.read(&[rect(0, 0, 1, 1)], ms(0), &mut |_, _, _| {}).expect_err("lost").loss(), error.loss());
        source.rebuild(TIMEOUT).expect("the window is shown");
        assert_eq!(source.output().size, size);
        begin(&mut source);
        assert!(picture(&mut source) == program.expected(window), "{size}");
        from = size;
    }
    program.destroy(cover);

    // A read finds out by itself, too.
    program.resize(window, Size::new(50, 40));
    let error = source.read(&[ALL], TIMEOUT, &mut |_, _, _| {}).expect_err("the size changed");
    is_transient(&error, "from 200x150 to 50x40");
}

#[test]
fn a_moved_window_stays_what_it_is() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    let mut source = open(&server, by_handle(window));
    begin(&mut source);
    for (x, y) in [(0, 0), (-150, -100), (600, 400), (50, 60)] {
        program.move_to(window, x, y);
        source.wait(ms(20)).expect("moving is no loss");
        assert!(picture(&mut source) == program.expected(window));
    }
}

#[test]
fn a_minimised_window_gives_no_frame_and_its_return_is_news() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    for is_framed in [false, true] {
        let (outer, window) = if is_framed {
            framed(&mut program)
        } else {
            let window = program.window(PLACE, Kind::default());
            (window, window)
        };
        let mut source = open(&server, by_handle(window));
        begin(&mut source);
        for iconic in [true, false] {
            let says = if iconic { "the window is minimised" } else { "the window is not shown" };
            program.set_numbers(window, "WM_STATE", "WM_STATE", &[if iconic { 3 } else { 1 }, 0]);
            program.unmap(outer);
            is_transient(&lost(&mut source), says);
            for _ in 0..3 {
                is_transient(&source.rebuild(TIMEOUT).expect_err("still hidden"), says);
                is_transient(&source.wait(ms(0)).expect_err("still hidden"), says);
            }
            program.map(outer);
            source.rebuild(TIMEOUT).expect("the window is shown again");
            begin(&mut source);
            assert!(picture(&mut source) == program.expected(window));
        }
        // So quick that it is shown again before anybody looks.
        program.unmap(outer);
        program.map(outer);
        is_transient(&lost(&mut source), "was hidden for a moment");
        source.rebuild(TIMEOUT).expect("the window is shown again");
        begin(&mut source);
        program.destroy(outer);
    }
}

#[test]
fn a_minimised_window_may_be_opened() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    program.unmap(window);
    let mut source = open(&server, by_handle(window));
    assert_eq!(source.output().size, PLACE.size());
    is_transient(&source.wait(ms(0)).expect_err("hidden"), "not shown");
    assert!(source.allocate(ALL.size()).is_none());
    is_transient(&source.rebuild(TIMEOUT).expect_err("hidden"), "not shown");
    program.map(window);
    source.rebuild(TIMEOUT).expect("the window is shown");
    begin(&mut source);
    assert_eq!(source.fallback(), None);
    assert!(picture(&mut source) == program.expected(window));
}

#[test]
fn a_closed_window_ends_every_call_for_good() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    type Call = fn(&mut X11Source) -> Option<Error>;
    let calls: [(&str, Call); 5] = [
        ("wait", |source| source.wait(TIMEOUT).err()),
        ("damage", |source| source.damage(TIMEOUT).err().or_else(|| source.wait(TIMEOUT).err())),
        ("read", |source| source.read(&[ALL], TIMEOUT, &mut |_, _, _| {}).err()),
        ("refresh", |source| {
            let mut memory = source.allocate(ALL.size())?;
            source.refresh(&mut memory, ALL.size(), Point::default(), &[ALL], TIMEOUT).err()
        }),
        ("rebuild", |source| source.rebuild(TIMEOUT).err()),
    ];
    for watch_pointer in [false, true] {
        for (name, call) in calls {
            let window = program.window(PLACE, Kind::default());
            program.set_title(window, "A title");
            let target = WindowTarget { choice: by_handle(window), area: WindowArea::Client };
            let options = options(0, watch_pointer).window(target);
            let mut source = X11Source::open_display(&options, &server.display).expect("it can be captured");
            begin(&mut source);
            picture(&mut source);
            program.destroy(window);
            let error = call(&mut source).unwrap_or_else(|| panic!("{name} ends"));
            for error in [error, source.wait(ms(0)).expect_err("closed"), source.rebuild(ms(0)).expect_err("closed")] {
                assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, None), "{name}: {error}");
                assert_eq!(error.message(), "the window \"A title\" was closed", "{name}");
            }

            // Another window with the same number is not the one that was opened.
            program.window_with_id(window, PLACE, Kind::default());
            assert_eq!(source.rebuild(TIMEOUT).expect_err("closed").loss(), None);
            program.destroy(window);
        }
    }
}

#[test]
fn a_window_that_was_chosen_by_its_title_is_found_again() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let pattern = WindowChoice::Pattern(TitlePattern::new("^Note \\d", |title| title.starts_with("Note ")));
    for choice in [by_title("NOTE"), pattern] {
        let first = program.window(PLACE, Kind::default());
        program.set_title(first, "Note 1");
        let mut source = open(&server, choice);
        begin(&mut source);
        assert_eq!(source.output().name, "Note 1");
        // Another title is no reason to let go of it.
        program.set_title(first, "Renamed");
        program.fill(first, rect(0, 0, 5, 5), 1);
        presented(&mut source);
        program.resize(first, Size::new(90, 80));
        is_transient(&lost(&mut source), "changed its size");
        source.rebuild(TIMEOUT).expect("it is there");
        assert_eq!(source.output().name, "Renamed");
        program.destroy(first);
        is_transient(&lost(&mut source), "the window \"Renamed\" was closed");
        is_transient(&source.rebuild(TIMEOUT).expect_err("there is none"), "no window has title");

        let [second, third] = [(); 2].map(|()| program.window(PLACE, Kind::default()));
        program.set_title(second, "Note 2");
        program.set_title(third, "Note 3");
        is_transient(&source.rebuild(TIMEOUT).expect_err("there are two"), "2 windows have title");
        program.destroy(third);
        source.rebuild(TIMEOUT).expect("there is one");
        begin(&mut source);
        assert_eq!(source.output().name, "Note 2");
        assert!(picture(&mut source) == program.expected(second));
        program.fill(second, rect(7, 8, 9, 10), 0x0000_00ff);
        presented(&mut source);
        assert_eq!(dirty(&mut source), [rect(7, 8, 9, 10)]);

        // A program may withdraw its window and show another one.
        program.unmap(second);
        is_transient(&lost(&mut source), "not shown");
        let fourth = program.window(PLACE, Kind::default());
        program.set_title(fourth, "Note 4");
        source.rebuild(TIMEOUT).expect("there is another one");
        begin(&mut source);
        assert!(picture(&mut source) == program.expected(fourth));
        program.destroy(second);
        program.destroy(fourth);
    }
}

#[test]
fn a_redirection_is_given_back_and_shared() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let (frame, window) = framed(&mut program);
    let all_back = |program: &Program| {
        let start = std::time::Instant::now();
        while [window, frame].iter().any(|window| program.is_redirected(*window)) {
            assert!(start.elapsed() < TIMEOUT, "a redirection is left");
        }
    };
    all_back(&program);
    let mut first = open(&server, by_handle(window));
    let mut second = open(&server, by_handle(window));
    begin(&mut first);
    begin(&mut second);
    assert!(program.is_redirected(window));
    assert!(picture(&mut first) == picture(&mut second));
    drop(first);
    program.fill(window, rect(3, 4, 5, 6), 0x00ff_00ff);
    presented(&mut second);
    assert!(picture(&mut second) == program.expected(window));
    assert!(program.is_redirected(window) && program.is_redirected(frame));
    drop(second);
    all_back(&program);

    // A source that follows another window lets go of the first.
    program.set_title(window, "Same");
    program.set_numbers(window, "WM_STATE", "WM_STATE", &[1, 0]);
    let mut source = open(&server, by_title("Same"));
    begin(&mut source);
    program.unmap(frame);
    lost(&mut source);
    let other = program.window(PLACE, Kind::default());
    program.set_title(other, "Same");
    program.connection.delete_property(window, program.atom("WM_STATE")).expect("sent");
    program.sync();
    source.rebuild(TIMEOUT).expect("there is another one");
    program.map(frame);
    assert!(program.is_redirected(other) && !program.is_redirected(window) && !program.is_redirected(frame));
}

#[test]
fn windows_are_listed_from_the_top_and_described() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let listed = || rustcam::source::x11::windows_of(&server.display).expect("alive");
    assert_eq!(listed(), []);
    let named = program.window(PLACE, Kind { border: 4, ..Kind::default() });
    program.set_title(named, "Größe 漢字");
    program.set_class(named, "instance", "Class");
    program.set_numbers(named, "_NET_WM_PID", "CARDINAL", &[4321]);
    let old = program.window(rect(-20, -30, 50, 60), Kind::default());
    program.set_text(old, "WM_NAME", "STRING", b"Gr\xf6\xdfe");
    program.set_class(old, "only", "");
    program.set_text(old, "WM_CLIENT_MACHINE", "STRING", b"elsewhere.example.org");
    program.set_numbers(old, "_NET_WM_PID", "CARDINAL", &[4321]);
    let compound = program.window(PLACE, Kind { override_redirect: true, ..Kind::default() });
    program.set_text(compound, "WM_NAME", "COMPOUND_TEXT", b"a\x1b%G\xe2\x82\xac\x1b%@\xe9");
    // A menu, a window for input only, and one that its program keeps for itself.
    program.window(PLACE, Kind { override_redirect: true, ..Kind::default() });
    program.window(PLACE, Kind { input_only: true, ..Kind::default() });
    let own = program.window(PLACE, Kind::default());
    program.unmap(own);

    let found = listed();
    let titles: Vec<_> = found.iter().map(|window| (window.handle as Window, window.title.as_str())).collect();
    assert_eq!(titles, [(compound, "a€é"), (old, "Größe"), (named, "Größe 漢字")]);
    assert_eq!((found[2].client, found[2].app.as_str(), found[2].pid), (PLACE, "Class", None));
    assert_eq!((found[1].client, found[1].app.as_str(), found[1].pid), (rect(-20, -30, 50, 60), "only", None));
    assert!(found.iter().all(|window| !window.minimized));
    let host = rustix::system::uname();
    program.set_text(named, "WM_CLIENT_MACHINE", "STRING", host.nodename().to_bytes());
    program.raise(named, StackMode::ABOVE);
    assert_eq!(listed()[0].pid, Some(4321));
    let with_pid = |pid| WindowChoice::Handle { handle: u64::from(named), pid: Some(pid) };
    open(&server, with_pid(4321));
    let error = try_to_open(&server, with_pid(4322), WindowArea::Client).err().expect("another process");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn a_window_manager_says_which_windows_there_are() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let listed = || {
        let windows = rustcam::source::x11::windows_of(&server.display).expect("alive");
        windows.iter().map(|window| (window.handle as Window, window.minimized)).collect::<Vec<_>>()
    };
    let (frame, window) = framed(&mut program);
    let iconic = program.window(PLACE, Kind::default());
    program.unmap(iconic);
    program.set_title(frame, "a frame");
    // A manager that lists nothing marks the windows of programs.
    program.set_numbers(window, "WM_STATE", "WM_STATE", &[1, 0]);
    program.set_numbers(iconic, "WM_STATE", "WM_STATE", &[3, 0]);
    assert_eq!(listed(), [(window, false), (iconic, true)]);
    let hidden = program.atom("_NET_WM_STATE_HIDDEN");
    program.set_numbers(window, "_NET_WM_STATE", "ATOM", &[hidden]);
    assert_eq!(listed(), [(window, true), (iconic, true)]);
    program.set_numbers(window, "_NET_WM_STATE", "ATOM", &[]);

    // One that lists them does so from the bottom to the top; a list whose manager is gone counts no more.
    let check = program.window(rect(-5, -5, 1, 1), Kind { override_redirect: true, ..Kind::default() });
    for on in [program.root, check] {
        program.set_numbers(on, "_NET_SUPPORTING_WM_CHECK", "WINDOW", &[check]);
    }
    program.set_numbers(program.root, "_NET_CLIENT_LIST_STACKING", "WINDOW", &[window, iconic, 0x00ab_cdef]);
    assert_eq!(listed(), [(iconic, true), (window, false)]);
    program.destroy(check);
    assert_eq!(listed(), [(window, false), (iconic, true)]);
}

#[test]
fn what_cannot_be_opened_is_refused_with_a_list() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let refused = |choice| try_to_open(&server, choice, WindowArea::Client).err().expect("refused");
    let error = refused(by_title("x"));
    assert_eq!((error.kind(), error.loss()), (ErrorKind::InvalidArgument, None));
    assert!(error.message().ends_with("there is none"), "{error}");
    let [first, second] = [(); 2].map(|()| program.window(PLACE, Kind::default()));
    program.set_title(first, "Editor 1");
    program.set_title(second, "Editor 2");
    let input = program.window(PLACE, Kind { input_only: true, ..Kind::default() });
    program.destroy(second);
    let third = program.window(PLACE, Kind::default());
    program.set_title(third, "Editor 3");
    for (choice, says) in [
        (by_title("editor"), "2 windows have title \"editor\": \"Editor 3\" (handle"),
        (by_title("browser"), "no window has title \"browser\"; there is \"Editor 3\""),
        (by_handle(second), "no window has handle"),
        (by_handle(0xffff_ffff), "no window has handle 4294967295; there is"),
        (WindowChoice::Handle { handle: u64::MAX, pid: None }, "no window has handle 18446744073709551615"),
        (by_handle(program.root), "is the screen itself"),
        (by_handle(input), "only takes input"),
    ] {
        let error = refused(choice);
        assert_eq!((error.kind(), error.loss()), (ErrorKind::InvalidArgument, None), "{error}");
        assert!(error.message().contains(says), "{error}");
    }
}

#[test]
fn a_server_without_composite_is_refused_by_name() {
    let Some(server) = Xvfb::start(&[&SMALL[..], &["-extension", "Composite"]].concat()) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    let error = try_to_open(&server, by_handle(window), WindowArea::Client).err().expect("refused");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::Duplication, None));
    assert!(error.message().contains("no Composite extension") && error.hint().is_some(), "{error}");
    assert_eq!(rustcam::source::x11::windows_of(&server.display).expect("alive").len(), 1);
    begin(&mut server.open(0, false));
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

#[test]
fn a_frozen_server_delays_no_call() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    program.set_title(window, "Title");
    let mut source = open(&server, by_title("Title"));
    begin(&mut source);
    picture(&mut source);
    program.fill(window, rect(5, 5, 50, 50), 0x00ff_ffff);
    server.signal(Signal::STOP);
    within(ms(30), || source.wait(ms(30))).expect("only frozen");
    let read = within(ms(30), || source.read(&[ALL], ms(30), &mut |_, _, _| panic!("nothing came")));
    assert_eq!(read.expect("only frozen"), Outcome::Pending);
    server.signal(Signal::CONT);
    assert!(picture(&mut source) == program.expected(window));

    // Not even looking for the window again does.
    program.resize(window, Size::new(90, 80));
    lost(&mut source);
    server.signal(Signal::STOP);
    for _ in 0..5 {
        is_transient(&within(ms(20), || source.rebuild(ms(20))).expect_err("frozen"), "does not answer");
    }
    server.signal(Signal::CONT);
    source.rebuild(TIMEOUT).expect("it runs again");
    begin(&mut source);
    assert!(picture(&mut source) == program.expected(window));
    server.signal(Signal::STOP);
    within(ms(50), || drop(source));
    server.signal(Signal::CONT);
}

#[test]
fn a_window_does_not_outlive_its_server_but_its_title_may() {
    let Some(mut server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    program.set_title(window, "Title");
    let mut by_number = open(&server, by_handle(window));
    let mut by_name = open(&server, by_title("Title"));
    begin(&mut by_number);
    begin(&mut by_name);
    server.kill();
    for source in [&mut by_number, &mut by_name] {
        let error = source.wait(TIMEOUT).expect_err("the server is dead");
        assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)), "{error}");
        let error = source.rebuild(ms(50)).expect_err("the server is dead");
        assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)), "{error}");
    }
    server.restart(&SMALL);
    let mut program = Program::start(&server);
    // The first client of a server gets the same numbers.
    assert_eq!(program.connection.generate_id().expect("an id"), window);
    program.window_with_id(window, PLACE, Kind::default());
    let error = by_number.rebuild(TIMEOUT).expect_err("that is another window");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, None), "{error}");
    is_transient(&by_name.rebuild(TIMEOUT).expect_err("it has no title yet"), "no window has title \"Title\"");
    program.set_title(window, "Title");
    by_name.rebuild(TIMEOUT).expect("it is back");
    begin(&mut by_name);
    assert!(picture(&mut by_name) == program.expected(window));
}

/// How many resources of each type the server keeps for each of its clients, of whom `program` is one.
fn resources(program: &Program) -> Vec<(u32, u32)> {
    let connection = &program.connection;
    let clients = connection.res_query_clients().expect("sent").reply().expect("alive").clients;
    let mut all = Vec::new();
    for client in clients {
        let Ok(reply) = connection.res_query_client_resources(client.resource_base).expect("sent").reply() else {
            continue;
        };
        all.extend(reply.types.iter().map(|r| (r.resource_type, r.count)));
    }
    all.sort_unstable();
    all
}

/// The same after some other capture, for which the server makes what it never frees.
fn resources_without_capture(server: &Xvfb, program: &Program) -> Vec<(u32, u32)> {
    let clients = || program.connection.res_query_clients().expect("sent").reply().expect("alive").num_clients();
    let before = clients();
    drop(server.open(0, false));
    let start = std::time::Instant::now();
    while clients() > before {
        assert!(start.elapsed() < TIMEOUT, "a client is left");
    }
    resources(program)
}

#[test]
fn the_server_keeps_nothing_for_windows_that_were_captured() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let (frame, window) = framed(&mut program);
    let before = resources_without_capture(&server, &program);
    for _ in 0..100 {
        let mut source = open(&server, by_handle(window));
        assert!(picture(&mut source) == program.expected(window));
    }
    let start = std::time::Instant::now();
    while resources(&program) != before {
        assert!(start.elapsed() < TIMEOUT, "{:?} instead of {before:?}", resources(&program));
    }

    // Nor does one source that lives through all of it make it keep more and more.
    program.set_title(window, "Title");
    program.set_numbers(window, "WM_STATE", "WM_STATE", &[1, 0]);
    let mut source = open(&server, by_title("Title"));
    begin(&mut source);
    let mut counts = Vec::new();
    for round in 0..40 {
        program.unmap(frame);
        program.map(frame);
        lost(&mut source);
        source.rebuild(TIMEOUT).expect("the window is shown");
        begin(&mut source);
        read(&mut source, &[ALL]);
        if round % 10 == 0 {
            counts.push(resources(&program));
        }
    }
    assert!(counts.windows(2).all(|two| two[0] == two[1]), "{counts:?}");
}

#[test]
fn opening_and_closing_windows_leaves_nothing_behind() {
    // Other tests open files at the same time, so this one counts in a process of its own.
    let this = std::env::current_exe().expect("the test has a path");
    let name = "windows::leaks_of_a_thousand_openings";
    let run = std::process::Command::new(this).args(["--ignored", "--exact", name]).output();
    let run = run.expect("the test can start itself");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by opening_and_closing_windows_leaves_nothing_behind"]
fn leaks_of_a_thousand_openings() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    let window = program.window(PLACE, Kind::default());
    let open_files = || std::fs::read_dir("/proc/self/fd").expect("proc is mounted").count();
    let before = open_files();
    let kept = resources_without_capture(&server, &program);
    for _ in 0..1000 {
        let mut source = open(&server, by_handle(window));
        let mut memory = source.allocate(ALL.size()).expect("Xvfb shares memory");
        assert_eq!(read_into(&mut source, &mut memory, ALL, &[ALL]), Outcome::Done(()));
    }
    assert_eq!(open_files(), before);
    let start = std::time::Instant::now();
    while resources(&program) != kept {
        assert!(start.elapsed() < TIMEOUT, "{:?} instead of {kept:?}", resources(&program));
    }
    assert!(!program.is_redirected(window));
}
