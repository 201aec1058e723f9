//! Opening and closing an output of an X server, and being refused.

use std::process::Command;

use crate::xvfb::{begin, ms, options, read, read_into, rect, Xvfb, SMALL, WHOLE};
use rustcam::error::ErrorKind;
use rustcam::geometry::Size;
use rustcam::source::x11::{outputs_of, X11Source};
use rustcam::source::{Outcome, Source};

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
fn a_server_that_requires_authorization_says_so() {
    let path = std::env::temp_dir().join(format!("rustcam-x11-{}.auth", std::process::id()));
    // One entry for every address: family, address, display, name and key, each with its length (Xau's file format).
    let name = b"MIT-MAGIC-COOKIE-1";
    let entry = [&[0xff, 0xff, 0, 0, 0, 0, 0, name.len() as u8], &name[..], &[0, 16], &[7; 16]].concat();
    std::fs::write(&path, entry).expect("the temporary directory is writable");
    let server = Xvfb::start(&["-screen", "0", "640x480x24", "-auth", &path.to_string_lossy()]);
    // The server reads the file when a client connects.
    let opened = server.as_ref().map(|server| X11Source::open_display(&options(0, false), &server.display));
    std::fs::remove_file(&path).expect("the file is ours");
    let Some(opened) = opened else { return };
    let error = opened.err().expect("the cookie is missing");
    assert_eq!(error.kind(), ErrorKind::Duplication);
    assert!(error.message().contains("refused the connection"), "{error}");
    assert!(error.hint().is_some_and(|h| h.contains("XAUTHORITY")), "{error}");
}

#[test]
fn opening_and_closing_leaves_nothing_behind() {
    // Other tests open files at the same time, so this one counts in a process of its own.
    let this = std::env::current_exe().expect("the test has a path");
    let run = Command::new(this).args(["--ignored", "--exact", "opening::leaks_of_a_thousand_openings"]).output();
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
    let mut wakers = Vec::new();
    for _ in 0..1000 {
        let mut source = server.open(0, true);
        // A waker that is kept keeps no file open.
        wakers.push(source.waker());
        let mut memory = source.allocate(Size::new(64, 64)).expect("Xvfb shares memory");
        let area = rect(0, 0, 64, 64);
        assert_eq!(read_into(&mut source, &mut memory, area, &[area]), Outcome::Done(()));
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
fn a_forked_child_is_refused() {
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
