//! Which windows there are, and how one is chosen.

use rustcam::error::ErrorKind;
use rustcam::geometry::Rect;
use rustcam::source::{self, Backend, WindowArea, WindowChoice};
use windows::Win32::UI::WindowsAndMessaging::{WS_DISABLED, WS_EX_TOOLWINDOW, WS_POPUP};

use crate::lab_desktop::{by_handle, ms, open_session, LabDesktop};
use crate::test_window::{Options, TestWindow};

fn windows() -> Vec<source::Window> {
    source::windows(&Backend::Wgc, &mut || Ok(())).expect("a list")
}

fn refused(desktop: &LabDesktop, choice: WindowChoice) -> rustcam::error::Error {
    let options = desktop.window(choice, WindowArea::Client).timeout(ms(0));
    let error = source::open(&options, &mut || Ok(())).err().expect("it is refused");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::InvalidArgument, None), "{error}");
    error
}

#[test]
fn windows_are_listed_from_the_top_with_their_programs() {
    let desktop = LabDesktop::new("size 640x480; static");
    let below = TestWindow::new("listed – ärger", 200, 140);
    let above = TestWindow::new("listed 2", 220, 150);
    let all = windows();
    let ours: Vec<_> = all.iter().filter(|window| window.title.starts_with("listed")).collect();
    assert_eq!(ours.iter().map(|window| window.handle).collect::<Vec<_>>(), [above.handle(), below.handle()]);
    let listed = ours[1];
    assert_eq!(listed.title, "listed – ärger");
    assert_eq!(listed.pid, Some(std::process::id()));
    let program = std::env::current_exe().expect("known");
    assert_eq!(listed.app, program.file_name().expect("a name").to_string_lossy());
    assert_eq!((listed.client, listed.minimized), (below.client(), false));
    below.minimize();
    let all = windows();
    let listed = all.iter().find(|window| window.handle == below.handle()).expect("it is listed");
    assert!(listed.minimized && listed.client.is_empty(), "{listed:?}");
    drop((below, above));
    assert!(windows().iter().all(|window| !window.title.starts_with("listed")));
    desktop.finish();
}

#[test]
fn windows_that_cannot_be_captured_are_not_listed_and_say_why() {
    let desktop = LabDesktop::new("size 640x480; static");
    let plain = || Options::new("odd", Rect::new(0, 0, 200, 100));
    let tool = TestWindow::with(Options { extended: WS_EX_TOOLWINDOW, ..plain() });
    let hidden = TestWindow::with(Options { shown: false, ..plain() });
    let disabled = TestWindow::with(Options { style: WS_POPUP | WS_DISABLED, ..plain() });
    let cloaked = TestWindow::with(plain());
    // SAFETY: its own window; the lab takes this property for cloaking.
    cloaked
        .run(|window| unsafe {
            use windows::core::w;
            use windows::Win32::Foundation::HANDLE;
            use windows::Win32::UI::WindowsAndMessaging::SetPropW;
            SetPropW(window, w!("dda_lab_cloaked"), Some(HANDLE(std::ptr::dangling_mut())))
        })
        .expect("a property");
    let parent = TestWindow::with(Options::new("parent", Rect::new(0, 0, 200, 100)));
    let child = parent.run(|parent| {
        use windows::core::w;
        use windows::Win32::UI::WindowsAndMessaging::{CreateWindowExW, WINDOW_EX_STYLE, WS_CHILD, WS_VISIBLE};
        let (style, extended) = (WS_CHILD | WS_VISIBLE, WINDOW_EX_STYLE(0));
        // SAFETY: a class of the system.
        let child = unsafe {
            CreateWindowExW(extended, w!("STATIC"), w!("odd"), style, 0, 0, 9, 9, Some(parent), None, None, None)
        };
        child.expect("a child").0 as u64
    });
    assert!(windows().iter().all(|window| window.title != "odd"));
    for (handle, why) in [
        (tool.handle(), "tool window"),
        (hidden.handle(), "hidden"),
        (disabled.handle(), "disabled"),
        (cloaked.handle(), "not shown"),
        (child, "part of another"),
    ] {
        let error = refused(&desktop, WindowChoice::Handle { handle, pid: None });
        assert!(error.message().contains(why) && error.hint().is_some(), "{error}");
    }
    drop((tool, hidden, disabled, cloaked, parent));
    desktop.finish();
}

#[test]
fn what_is_no_window_is_an_error_that_lists_the_windows() {
    let desktop = LabDesktop::new("size 640x480; static");
    let window = TestWindow::new("candidate", 200, 140);
    let pid = Some(std::process::id() + 1);
    // The system ignores the upper half of a handle.
    let beyond = window.handle() | 1 << 40;
    for choice in [
        WindowChoice::Handle { handle: 3, pid: None },
        WindowChoice::Handle { handle: u64::MAX, pid: None },
        WindowChoice::Handle { handle: beyond, pid: None },
        WindowChoice::Handle { handle: window.handle(), pid },
        WindowChoice::Title("no such title".into()),
    ] {
        let error = refused(&desktop, choice);
        assert!(error.message().contains("\"candidate\" (handle"), "{error}");
    }
    let dead = TestWindow::new("dead", 200, 140);
    let choice = by_handle(&dead);
    dead.close();
    assert!(refused(&desktop, choice).message().starts_with("no window has handle"));
    let second = TestWindow::new("candidate 2", 200, 140);
    let error = refused(&desktop, WindowChoice::Title("candidate".into()));
    assert!(error.message().starts_with("2 windows have title \"candidate\""), "{error}");
    drop((window, second));
    desktop.finish();
}

#[test]
fn a_window_that_was_just_made_is_asked_for_again() {
    for clock in ["clock virtual; ", ""] {
        let desktop = LabDesktop::new(&format!("{clock} size 640x480; static; lab wgc new-windows refused"));
        let window = TestWindow::new("new", 200, 140);
        let session = open_session(&desktop.window(by_handle(&window), WindowArea::Client));
        drop((session, window));
        desktop.finish();
    }
}

#[test]
fn a_window_that_windows_refuses_is_an_error_after_half_a_second() {
    let desktop = LabDesktop::new("clock virtual; size 640x480; static; lab inject CreateForWindow 0 0x80070057");
    let window = TestWindow::new("refused", 200, 140);
    let options = desktop.window(by_handle(&window), WindowArea::Client).timeout(ms(3000));
    let begun = desktop.lab.now();
    let error = rustcam::capture::Session::open(&options, &mut || Ok(())).expect_err("it is refused");
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidArgument, Some(0x8007_0057)), "{error}");
    let took = desktop.lab.now() - begun;
    assert!((ms(500)..=ms(700)).contains(&took), "{took:?}");
    drop(window);
    desktop.finish();
}

#[test]
fn outputs_only_backends_say_so() {
    let desktop = LabDesktop::new("size 640x480; static");
    let window = TestWindow::new("window", 200, 140);
    let mut options = desktop.window(by_handle(&window), WindowArea::Client);
    options.backend = Backend::Dxgi;
    let error = source::open(&options, &mut || Ok(())).err().expect("it is refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("outputs only"), "{error}");
    drop(window);
    desktop.finish();
}
