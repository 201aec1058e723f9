//! One window, followed through all that happens to it and to its server.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Instant;

use rustcam::error::{Error, ErrorKind, Loss};
use rustcam::geometry::{Point, Rect, Size};
use rustcam::source::x11::X11Source;
use rustcam::source::{Outcome, Source, TitlePattern, WindowArea, WindowChoice, WindowTarget};
use rustix::process::Signal;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::ConnectionExt as _;

use crate::program::{
    by_handle, by_title, framed, framed_or_plain, is_transient, lost, open, picture, try_to_open, Kind, Program, ALL,
    PLACE,
};
use crate::xvfb::{begin, dirty, ms, options, presented, rect, within, Xvfb, SMALL, TIMEOUT};

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
fn another_mode_of_the_screen_is_no_loss_of_a_window() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x1024x24"]) else { return };
    let mut program = Program::start(&server);
    let window = program.window(rect(700, 500, 200, 150), Kind::default());
    let mut source = open(&server, by_handle(window));
    begin(&mut source);
    server.xrandr(&["--newmode", "800x600", "38.25", "800", "832", "912", "1024", "600", "603", "607", "624"]);
    server.xrandr(&["--addmode", "screen", "800x600"]);
    server.xrandr(&["--output", "screen", "--mode", "800x600"]);
    for _ in 0..3 {
        source.wait(ms(20)).expect("the window is what it was");
        assert!(picture(&mut source) == program.expected(window));
    }
    program.fill(window, rect(150, 120, 20, 20), 0x0012_3456);
    presented(&mut source);
    assert!(picture(&mut source) == program.expected(window));
}

#[test]
fn a_minimised_window_gives_no_frame_and_its_return_is_news() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
    for is_framed in [false, true] {
        let (outer, window) = framed_or_plain(&mut program, is_framed);
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

/// A call, and the error that it returned.
type Call = fn(&mut X11Source) -> Option<Error>;

#[test]
fn a_closed_window_ends_every_call_for_good() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut program = Program::start(&server);
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

#[test]
fn a_window_that_is_closed_while_it_is_opened_is_refused_in_clear_words() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let newest = Arc::new(AtomicU32::new(0));
    let changing = std::thread::spawn({
        let (mut program, newest) = (Program::start(&server), Arc::clone(&newest));
        move || {
            for round in 0_u64..600 {
                let window = program.window(PLACE, Kind::default());
                newest.store(window, Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_micros(round * 37 % 3000));
                program.destroy(window);
            }
        }
    });
    let (mut opened, mut refused) = (0, 0);
    while !changing.is_finished() {
        let target = WindowTarget { choice: by_handle(newest.load(Ordering::Relaxed)), area: WindowArea::Client };
        let options = options(0, true).window(target);
        match X11Source::open_display(&options, &server.display) {
            Ok(mut source) => {
                opened += 1;
                while let Err(error) = source.wait(ms(0)).and_then(|_| source.damage(TIMEOUT)) {
                    assert_eq!(error.kind(), ErrorKind::AccessLost, "{error}");
                    if error.loss().is_none() {
                        assert!(error.message().contains("was closed"), "{error}");
                        break;
                    }
                    drop(source.rebuild(TIMEOUT));
                }
            }
            Err(error) => {
                let is_clear = match error.kind() {
                    ErrorKind::InvalidArgument => error.message().contains("no window has handle"),
                    ErrorKind::AccessLost => error.message().contains("was closed"),
                    _ => false,
                };
                assert!(is_clear, "{:?}: {error}", error.kind());
                refused += 1;
            }
        }
    }
    changing.join().expect("the program ends");
    assert!(opened > 20 && refused > 20, "{opened} opened, {refused} refused");
}

#[test]
fn no_picture_is_torn_whatever_happens_to_the_window() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    // The picture of each size has one colour, so that a picture of another one, or of two, is noticed.
    let colour = |size: Size| 0xff00_0000 | (size.width << 12) | size.height;
    let stop = Arc::new(AtomicBool::new(false));
    let changing = std::thread::spawn({
        let (mut program, stop) = (Program::start(&server), Arc::clone(&stop));
        move || {
            for round in 0_u32.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let size = |n: u32| Size::new(40 + (round * 7 + n * 31) % 260, 30 + (round * 5 + n * 17) % 200);
                let place = rect((round % 5) as i32 * 150 - 100, (round % 3) as i32 * 180 - 80, 1, 1);
                let window = program.window(Rect::at(place.origin(), size(0)), Kind::default());
                program.plain(window, size(0), colour(size(0)));
                program.set_title(window, "Restless");
                for n in 1..20 {
                    match (round + n * 3) % 7 {
                        0 => program.unmap(window),
                        1 | 4 => program.map(window),
                        2 => program.move_to(window, (n * 40) as i32 - 200, (n * 25) as i32 - 150),
                        _ => program.plain(window, size(n), colour(size(n))),
                    }
                    if n % 3 == 0 {
                        std::thread::sleep(ms(2));
                    }
                }
                program.destroy(window);
            }
        }
    });
    let open = || try_to_open(&server, by_title("Restless"), WindowArea::Client).ok();
    let start = Instant::now();
    let mut source = std::iter::repeat_with(open).flatten().next().expect("it is shown at times");
    let (mut pictures, mut losses) = (0, 0);
    while start.elapsed() < ms(3000) {
        let whole = source.output().size.rect();
        let mut seen = None;
        let read = source.read(&[whole], TIMEOUT, &mut |part, image, _| {
            let rows = (0..part.height() as usize).flat_map(|y| image.row(y).as_chunks::<4>().0);
            let pixels: Vec<u32> = rows.map(|pixel| u32::from_le_bytes(*pixel) | 0xff00_0000).collect();
            seen = Some((part.size(), pixels));
        });
        match read {
            Ok(outcome) => {
                assert!(matches!(outcome, Outcome::Done(()) | Outcome::Overtaken(())), "{outcome:?}");
                let (size, pixels) = seen.expect("it was read");
                assert!(pixels.iter().all(|pixel| *pixel == colour(size)), "{size}: {:x} at first", pixels[0]);
                pictures += 1;
            }
            Err(error) => {
                assert_eq!(error.loss(), Some(Loss::Transient), "{error}");
                losses += 1;
                while let Err(error) = source.rebuild(TIMEOUT) {
                    assert_eq!(error.loss(), Some(Loss::Transient), "{error}");
                }
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    changing.join().expect("the program ends");
    assert!(pictures > 50 && losses > 20, "{pictures} pictures, {losses} losses");
}
