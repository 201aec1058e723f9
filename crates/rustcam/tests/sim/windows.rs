//! Windows of the simulated desktop: how they are listed and chosen, and what happens to one that is captured.

use std::sync::Arc;
use std::time::Duration;

use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::{Error, ErrorKind, Loss};
use rustcam::frame::Move;
use rustcam::geometry::{Point, Rect, Size};
use rustcam::source::sim::{frame_pixel, windows, SimSource, World};
use rustcam::source::{Source, TitlePattern, Window, WindowArea, WindowChoice};

use super::sim_desktop::{apply, codes, handle, ms, opaque, parsed, titled, window_options, SimDesktop, LONG, ZERO};

const EDITOR: &str = "size 640x360; static; pointer still; window \"Editor\" at 40,30 size 90x70 app \"notes\" pid 7";

fn listed(script: &str) -> Vec<(String, u64)> {
    windows(&parsed(script)).into_iter().map(|window| (window.title, window.handle)).collect()
}

fn transient(message: &str) -> (ErrorKind, &str, Option<Loss>) {
    (ErrorKind::AccessLost, message, Some(Loss::Transient))
}

fn said(error: &Error) -> (ErrorKind, &str, Option<Loss>) {
    codes(error);
    (error.kind(), error.message(), error.loss())
}

#[test]
fn windows_are_listed_with_all_that_is_known_about_them() {
    let script = format!("{EDITOR}\nwindow \"Small\" minimized handle 5\nwindow \"Gone\" closed");
    let windows = windows(&parsed(&script));
    let mut small = Window::new(5, Rect::new(0, 0, 320, 200));
    (small.title, small.minimized) = ("Small".into(), true);
    let mut editor = Window::new(1001, Rect::new(40, 30, 130, 100));
    (editor.title, editor.app, editor.pid) = ("Editor".into(), "notes".into(), Some(7));
    assert_eq!(windows, [small, editor], "the highest first");
    assert!(listed("static").is_empty());
}

#[test]
fn what_happens_at_once_holds_at_the_beginning() {
    let windows = "window \"A\"; window \"B\"; window \"C\" closed; window \"D\" handle 1002";
    let titles = |events| listed(&format!("{windows}\n{events}"));
    let pairs = |list: &[(&str, u64)]| list.iter().map(|(t, h)| ((*t).to_owned(), *h)).collect::<Vec<_>>();
    assert_eq!(titles(""), pairs(&[("D", 1002), ("B", 1003), ("A", 1001)]));
    assert_eq!(titles("at 0s window \"A\" raise"), pairs(&[("A", 1001), ("D", 1002), ("B", 1003)]));
    assert_eq!(titles("at 0s window \"C\" open"), pairs(&[("C", 1004), ("D", 1002), ("B", 1003), ("A", 1001)]));
    assert_eq!(
        titles("at 0s window \"B\" close; at 0s window \"B\" title \"b\"; at 0s window \"B\" open"),
        pairs(&[("b", 1004), ("D", 1002), ("A", 1001)]),
        "opened again, it is another window"
    );
    assert_eq!(titles("at 0s window \"D\" close; at 0s window \"D\" open")[0].1, 1002, "as the script says");
}

#[test]
fn a_window_is_exact_and_its_damage_too() {
    for area in [WindowArea::Client, WindowArea::Whole] {
        let script = format!("{EDITOR}; at 10ms window \"Editor\" present; at 20ms window \"Editor\" present dirty 1,2,30,40 move 5,5>50,50,60,60; at 30ms window \"Editor\" present full; at 5ms present full");
        let mut desktop = SimDesktop::window(&script, titled("editor"), area).expect("a window");
        let first = desktop.wait();
        assert_eq!((first.presents, first.present_time, first.pointer), (1, ZERO, true));
        desktop.damage();
        let mut image = desktop.read();
        for at in [10, 20, 30] {
            assert_eq!(desktop.wait().presents, 1);
            assert_eq!(desktop.now(), ms(at), "the desktop's own presents do not count");
            let damage = desktop.damage();
            if at == 20 {
                let (x, y) = if area == WindowArea::Whole { (4, 24) } else { (0, 0) };
                assert_eq!(damage.dirty, [Rect::new(1 + x, 2 + y, 30 + x, 40 + y)]);
                let destination = Rect::new(50 + x, 50 + y, 60 + x, 60 + y);
                assert_eq!(damage.moves, [Move { source: Point::new(5 + x, 5 + y), destination }]);
            }
            apply(&mut desktop, &damage, &mut image);
            opaque(&mut image);
            let mut whole = desktop.read();
            opaque(&mut whole);
            assert!(image == whole);
            desktop.assert_exact();
        }
        assert!(!desktop.source.wait(ms(1000)).expect("a window").any());
    }
}

#[test]
fn a_window_has_the_pace_and_the_colour_of_its_desktop_unless_it_has_its_own() {
    let presents = |statement: &str| {
        let mut desktop = SimDesktop::titled(&format!("size 64x64; refresh 100\n{statement}"), "A");
        (0..3).map(|_| desktop.source.wait(ms(50)).expect("a window").presents).collect::<Vec<_>>()
    };
    assert_eq!(presents("pointer still; window \"A\""), [1, 1, 1]);
    assert_eq!(presents("pointer still; window \"A\" static"), [1, 0, 0]);
    assert_eq!(presents("pointer still; static; window \"A\" every 2"), [1, 1, 1]);
    let mut full = SimDesktop::titled("static; window \"A\" size 40x30 every 1 full", "A");
    full.wait();
    full.damage();
    full.wait();
    assert_eq!(full.damage().dirty, [Rect::new(0, 0, 40, 30)]);
    for area in [WindowArea::Client, WindowArea::Whole] {
        let script = "color hdr; static; window \"A\" size 40x30; at 10ms white 300; at 20ms color sdr";
        let mut desktop = SimDesktop::window(script, titled("A"), area).expect("a window");
        desktop.wait();
        assert!(desktop.source.output().color.hdr);
        desktop.assert_exact();
        desktop.wait();
        desktop.assert_exact();
        assert_eq!(desktop.lost().message(), "the simulated desktop changed its mode");
        desktop.rebuild_window().expect("regained");
        desktop.assert_exact();
    }
}

#[test]
fn a_window_is_described_as_it_was_at_the_last_rebuild() {
    let script = format!("{EDITOR}; refresh 144; at 10ms window \"Editor\" move -50,-60; at 20ms window \"Editor\" title \"New\"; at 30ms window \"Editor\" resize 100x80");
    let mut desktop = SimDesktop::window(&script, handle(1001), WindowArea::Whole).expect("a window");
    desktop.wait();
    let output = desktop.source.output();
    assert_eq!((output.name.as_str(), output.is_window, output.is_primary), ("Editor", true, false));
    assert_eq!((output.position, output.size, output.refresh_hz), (Point::new(36, 6), Size::new(98, 98), 144.0));
    assert_eq!(said(&desktop.lost()), transient("the window changed its size from 98x98 to 108x108"));
    assert_eq!(desktop.now(), ms(30), "a move is no loss, nor is a new title");
    desktop.source.rebuild(ZERO).expect("at once");
    let output = desktop.source.output();
    assert_eq!(
        (output.name.as_str(), output.position, output.size),
        ("New", Point::new(-54, -84), Size::new(108, 108))
    );
    desktop.assert_exact();
}

#[test]
fn a_move_is_a_change_of_the_pointer_only() {
    let script = format!(
        "{EDITOR}; at 1ms pointer 45,40; at 10ms window \"Editor\" move 30,20; at 20ms window \"Editor\" move 300,20"
    );
    let mut desktop = SimDesktop::titled(&script, "Editor");
    let pointer = |desktop: &SimDesktop| (desktop.pointer().position, desktop.pointer().visible);
    desktop.wait();
    assert_eq!((pointer(&desktop).1, desktop.wait().presents), (false, 0), "it rested in the middle of the desktop");
    assert_eq!((desktop.now(), pointer(&desktop)), (ms(1), (Point::new(5, 10), true)));
    let moved = desktop.wait();
    assert_eq!((moved.presents, moved.pointer, desktop.now()), (0, true, ms(10)));
    assert_eq!(pointer(&desktop), (Point::new(15, 20), true));
    desktop.wait();
    assert_eq!((desktop.now(), pointer(&desktop).1), (ms(20), false));
}

#[test]
fn the_pointer_is_visible_where_its_hot_spot_is_in_the_captured_part() {
    let script = format!("{EDITOR}; outputs 2; at 1ms pointer 38,25; at 2ms pointer software; at 3ms pointer 129,99");
    for (area, visible, position) in
        [(WindowArea::Client, [false, false, true], (89, 69)), (WindowArea::Whole, [true, true, true], (93, 93))]
    {
        let mut desktop = SimDesktop::window(&script, titled("Editor"), area).expect("a window");
        let seen = [1, 2, 3].map(|at| {
            desktop.skip_to(ms(at));
            desktop.source.wait(ZERO).expect("a window");
            desktop.pointer().visible
        });
        assert_eq!(seen, visible, "and the system draws it into no window");
        assert_eq!(desktop.pointer().position, Point::new(position.0, position.1));
        desktop.assert_exact();
    }
}

#[test]
fn a_new_size_is_a_loss_that_the_first_attempt_ends() {
    let script = format!("{EDITOR}; at 10ms window \"Editor\" resize 50x90; at 20ms window \"Editor\" resize 60x90; at 20ms window \"Editor\" resize 50x90");
    let mut desktop = SimDesktop::titled(&script, "Editor");
    desktop.wait();
    let lost = desktop.lost();
    assert_eq!(said(&lost), transient("the window changed its size from 90x70 to 50x90"));
    assert_eq!(desktop.now(), ms(10));
    assert_eq!(desktop.source.damage(LONG).expect_err("lost").message(), lost.message());
    let part = [Rect::new(0, 0, 1, 1)];
    assert!(desktop.source.read(&part, LONG, &mut |_, _, _| panic!("delivered while lost")).is_err());
    desktop.source.rebuild(ZERO).expect("at once");
    assert_eq!((desktop.wait().presents, desktop.damage().dirty), (1, vec![Rect::new(0, 0, 50, 90)]));
    desktop.assert_exact();
    // Two new sizes in a moment are none, but everything was drawn again.
    assert_eq!((desktop.wait().presents, desktop.damage().dirty), (2, vec![Rect::new(0, 0, 50, 90)]));
    desktop.assert_exact();
}

#[test]
fn a_minimised_window_is_lost_until_it_is_restored_and_that_is_news() {
    let minimised = transient("the window is minimised");
    for (beginning, is_shown) in [("minimized", false), ("", true)] {
        let script = format!("static; window \"A\" size 40x30 {beginning}; at 10ms window \"A\" minimize; at 15ms window \"A\" resize 50x30; at 30ms window \"A\" restore");
        let mut desktop = SimDesktop::titled(&script, "A");
        if is_shown {
            desktop.wait();
        }
        assert_eq!(said(&desktop.lost()), minimised);
        desktop.skip_to(ms(29));
        assert_eq!(said(&desktop.source.rebuild(ZERO).expect_err("minimised")), minimised);
        desktop.skip_to(ms(30));
        assert_eq!(said(&desktop.lost()), minimised, "until an attempt to regain it");
        desktop.source.rebuild(ZERO).expect("restored");
        assert_eq!(desktop.source.output().size, Size::new(50, 30));
        assert!(desktop.wait().presents > 0, "the window as it is");
        desktop.assert_exact();
        assert!(!desktop.source.wait(ms(1000)).expect("a window").any());
    }
}

#[test]
fn a_closed_window_that_was_chosen_by_its_handle_is_gone_for_ever() {
    // Another window gets its number at once.
    let script = "static; window \"A\" handle 5; window \"B\" handle 5 closed; at 10ms window \"A\" close; at 10ms window \"B\" open; at 20ms window \"B\" close; at 20ms window \"A\" open";
    let mut desktop = SimDesktop::window(script, handle(5), WindowArea::Client).expect("a window");
    desktop.wait();
    for at in [10, 20, 30] {
        desktop.skip_to(ms(at));
        let closed = (ErrorKind::AccessLost, "the window \"A\" was closed", None);
        assert_eq!(said(&desktop.lost()), closed);
        assert_eq!(said(&desktop.source.damage(LONG).expect_err("closed")), closed);
        assert_eq!(said(&desktop.source.rebuild(ZERO).expect_err("closed")), closed);
    }
    let script = "static; window \"A\" handle 5; at 10ms window \"A\" minimize; at 20ms window \"A\" close";
    let mut desktop = SimDesktop::window(script, handle(5), WindowArea::Client).expect("a window");
    desktop.wait();
    assert_eq!(desktop.lost().message(), "the window is minimised");
    desktop.skip_to(ms(20));
    assert_eq!(desktop.source.rebuild(ZERO).expect_err("closed").loss(), None);
    assert_eq!(desktop.lost().message(), "the window \"A\" was closed");
}

#[test]
fn a_closed_window_that_was_chosen_by_its_title_is_looked_for_again() {
    let script = "static; window \"One doc\" size 40x30; window \"Two doc\" size 50x20 at 9,9 closed; window \"Three doc\" closed
        at 10ms window \"One doc\" close; at 30ms window \"Two doc\" open; at 30ms window \"Three doc\" open; at 40ms window \"Three doc\" close";
    let pattern = WindowChoice::Pattern(TitlePattern::new("doc$", |title| title.ends_with("doc")));
    for choice in [titled("DOC"), pattern] {
        let mut desktop = SimDesktop::window(script, choice.clone(), WindowArea::Client).expect("a window");
        desktop.wait();
        assert_eq!(said(&desktop.lost()), transient("the window \"One doc\" was closed"));
        let none = desktop.source.rebuild(ZERO).expect_err("closed");
        let message = format!("the window \"One doc\" was closed; no window has {choice}; there is none");
        assert_eq!((none.message(), none.loss()), (message.as_str(), Some(Loss::Transient)));
        desktop.skip_to(ms(30));
        let several = desktop.source.rebuild(ZERO).expect_err("two");
        assert!(
            several.message().contains("; 2 windows have ") && several.loss() == Some(Loss::Transient),
            "{several}"
        );
        desktop.skip_to(ms(40));
        desktop.rebuild_window().expect("the only one");
        let output = desktop.source.output();
        assert_eq!(
            (output.name.as_str(), Rect::at(output.position, output.size)),
            ("Two doc", Rect::new(9, 9, 59, 29))
        );
        assert_eq!((desktop.wait().presents, desktop.damage().dirty), (1, vec![Rect::new(0, 0, 50, 20)]));
        desktop.assert_exact();
    }
}

#[test]
fn a_window_that_is_opened_again_under_its_title_is_found_also_while_it_is_minimised() {
    let script = "static; window \"A\" size 40x30; window \"B\" size 20x30 closed
        at 10ms window \"A\" close; at 20ms window \"B\" title \"A again\"; at 20ms window \"B\" open; at 20ms window \"B\" minimize; at 30ms window \"B\" title \"else\"; at 40ms window \"B\" restore";
    let mut desktop = SimDesktop::titled(script, "A");
    desktop.wait();
    desktop.lost();
    desktop.skip_to(ms(25));
    assert_eq!(said(&desktop.source.rebuild(ZERO).expect_err("minimised")), transient("the window is minimised"));
    desktop.skip_to(ms(40));
    desktop.source.rebuild(ZERO).expect("followed by its handle, whatever its title is now");
    assert_eq!(desktop.source.output().name, "else");
    desktop.world = World::window(&parsed(script), "B").expect("its first title");
    assert_eq!(desktop.wait().presents, 1);
    desktop.assert_exact();
}

#[test]
fn a_window_found_by_its_title_is_followed_when_its_title_changes() {
    let script = "static; window \"A\" size 40x30; window \"B\"; at 10ms window \"A\" title \"C\"; at 10ms window \"B\" title \"A\"; at 20ms window \"A\" resize 41x30";
    let mut desktop = SimDesktop::titled(script, "A");
    desktop.wait();
    assert_eq!(desktop.lost().message(), "the window changed its size from 40x30 to 41x30");
    desktop.source.rebuild(ZERO).expect("at once");
    assert_eq!((desktop.source.output().name.as_str(), desktop.source.output().size.width), ("C", 41));
}

#[test]
fn opening_none_or_several_is_an_error_that_lists_the_candidates() {
    let script = format!("{EDITOR}; window \"Editor 2\"; window \"Gone\" closed");
    let error = |choice| SimDesktop::window(&script, choice, WindowArea::Client).err().expect("an error");
    let cases = [
        (
            error(titled("editor")),
            "2 windows have title \"editor\": \"Editor 2\" (handle 1002, 320x200), \"Editor\" (handle 1001, 90x70)",
        ),
        (error(titled("Gone")), "no window has title \"Gone\"; there is \"Editor 2\" (handle 1002"),
        (error(handle(7)), "no window has handle 7; there is \"Editor 2\""),
        (
            error(WindowChoice::Handle { handle: 1001, pid: Some(8) }),
            "no window has handle 1001 of process 8; there is",
        ),
    ];
    for (error, message) in cases {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().starts_with(message), "{error}");
    }
    let own = WindowChoice::Handle { handle: 1001, pid: Some(7) };
    assert!(SimDesktop::window(&script, own, WindowArea::Client).is_ok());
}

#[test]
fn a_window_is_lost_with_the_desktop_but_not_with_an_output() {
    let script = format!("{EDITOR}; at 10ms mode 320x200@50; at 20ms rotate 90; at 30ms unplug for ever; at 40ms lose access for 5ms; at 50ms lose device for 5ms");
    let mut desktop = SimDesktop::titled(&script, "Editor");
    desktop.wait();
    while let Ok(change) = desktop.source.wait(LONG) {
        assert_eq!(change.presents, 0);
    }
    assert_eq!((desktop.now(), codes(&desktop.lost()).0), (ms(40), ErrorKind::AccessLost));
    desktop.source.rebuild(ZERO).expect_err("too early");
    desktop.skip_to(ms(45));
    desktop.source.rebuild(ZERO).expect("regained");
    desktop.wait();
    assert_eq!((codes(&desktop.lost()).0, desktop.now()), (ErrorKind::Device, ms(50)));
    let refused = window_options("window \"A\"; refuse 0x80070005", titled("A"), WindowArea::Client, &Arc::default());
    let script = parsed("window \"A\"; refuse 0x80070005");
    assert_eq!(SimSource::open(&script, &refused).expect_err("refused").code(), Some(0x8007_0005));
}

#[test]
fn a_window_that_vanishes_during_a_slow_read_is_not_delivered() {
    for (event, message) in [
        ("close", "the window \"A\" was closed"),
        ("minimize", "the window is minimised"),
        ("resize 9x9", "the window changed its size from 40x30 to 9x9"),
    ] {
        let script =
            format!("static; slow reads 20ms; slow damage 20ms; window \"A\" size 40x30; at 10ms window \"A\" {event}");
        for by in [titled("A"), handle(1001)] {
            let mut desktop = SimDesktop::window(&script, by.clone(), WindowArea::Client).expect("a window");
            desktop.wait();
            let whole = [Rect::new(0, 0, 40, 30)];
            let read = desktop.source.read(&whole, LONG, &mut |_, _, _| panic!("delivered"));
            assert_eq!(read.expect_err(event).message(), message);
            let mut desktop = SimDesktop::window(&script, by, WindowArea::Client).expect("a window");
            desktop.wait();
            assert_eq!(desktop.source.damage(LONG).expect_err(event).message(), message);
        }
    }
}

#[test]
fn memory_direct_and_careless_damage_work_for_whole_windows() {
    let script = "memory direct; damage wild; static; window \"A\" at 5,5 size 60x40 every 1";
    let mut desktop = SimDesktop::window(script, titled("A"), WindowArea::Whole).expect("a window");
    let size = Size::new(68, 68);
    let mut memory = desktop.source.allocate(size).expect("memory");
    for _ in 0..9 {
        desktop.wait();
        let whole = [size.rect()];
        let read = desktop.source.refresh(&mut memory, size, Point::new(0, 0), &whole, LONG);
        assert!(matches!(read, Ok(rustcam::source::Outcome::Done(_))));
        assert!(memory.bytes() == desktop.oracle());
    }
}

#[test]
fn the_frame_around_a_window_is_a_function_of_the_position() {
    assert_eq!(frame_pixel(3, 23), [3, 23, 96, 255]);
    assert_eq!(frame_pixel(260, 511), [4, 255, 96, 255]);
}

#[test]
fn a_tiny_window_is_captured() {
    let script = "static; window \"A\" size 1x1 frame 0,0 every 1; at 5ms window \"A\" present dirty 0,0,9,9";
    for area in [WindowArea::Client, WindowArea::Whole] {
        let clock = Arc::new(VirtualClock::new());
        let options = window_options(script, titled("A"), area, &clock);
        let mut source = SimSource::open(&parsed(script), &options).expect("a window");
        let mut seen = Vec::new();
        while clock.now() < Duration::from_millis(100) {
            source.wait(LONG).expect("a window");
            let read =
                source.read(&[Rect::new(0, 0, 1, 1)], LONG, &mut |_, image, _| seen.push(image.row(0)[..3].to_vec()));
            read.expect("a window");
        }
        assert!(seen.len() > 6);
    }
}
