//! The list of windows, and what cannot be opened.

use rustcam::error::ErrorKind;
use rustcam::source::{WindowArea, WindowChoice};
use x11rb::protocol::xproto::{StackMode, Window};

use crate::program::{by_handle, by_title, framed, open, try_to_open, Kind, Program, PLACE};
use crate::xvfb::{begin, rect, Xvfb, SMALL};

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
