//! Captures through Desktop Duplication leave nothing behind, however they ended: no duplication, device or texture, no handle and no thread
//! of the process. This is a test program of its own, because other tests have threads, too.
#![cfg(windows)]

#[path = "dxgi/lab_desktop.rs"]
#[allow(dead_code, reason = "every test program uses its own part")]
mod lab_desktop;
#[path = "dxgi/matrix.rs"]
#[allow(dead_code, reason = "the outcomes are checked elsewhere")]
mod matrix;

use std::ffi::c_void;
use std::time::Duration;

use lab_desktop::{ms, options, request, LabDesktop};
use matrix::{Outcome, When, ROWS};
use rustcam::capture::{Session, Target};
use rustcam::frame::PixelFormat;
use rustcam::source::hresult::{ACCESS_LOST, DEVICE_REMOVED};
use windows::Win32::Foundation::{GetHandleInformation, HANDLE};

const SCRIPT: &str = "size 160x100; refresh 100; clock virtual; pointer path";

#[link(name = "ntdll")]
extern "system" {
    fn NtQuerySystemInformation(class: u32, memory: *mut u8, len: u32, needed: *mut u32) -> i32;
}

/// The numbers of handles and threads of this process. Wine reports the capacity of its handle table as the number of handles, so every
/// possible handle is tested.
fn handles_and_threads() -> (usize, u32) {
    const PROCESSES: u32 = 5;
    const THREADS: usize = 0x04;
    const PROCESS: usize = 0x50;
    let (mut memory, mut needed) = (vec![0u8; 1 << 22], 0);
    // SAFETY: a buffer of the length passed with it, and a valid pointer.
    let status =
        unsafe { NtQuerySystemInformation(PROCESSES, memory.as_mut_ptr(), memory.len() as u32, &raw mut needed) };
    assert_eq!(status, 0);
    let number = |at: usize| u32::from_le_bytes(memory[at..at + 4].try_into().expect("four bytes"));
    let mut record = 0;
    while number(record + PROCESS) != std::process::id() {
        assert!(number(record) > 0, "the system does not know this process");
        record += number(record) as usize;
    }
    let mut flags = 0;
    // SAFETY: any number may be asked about; the pointer is valid.
    let is_open =
        |place: &usize| unsafe { GetHandleInformation(HANDLE((place * 4) as *mut c_void), &raw mut flags) }.is_ok();
    ((1..4096).filter(is_open).count(), number(record + THREADS))
}

fn grab(session: &mut Session, timeout: Duration) {
    let _ = session.grab(&request(timeout), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
}

/// Opens, fails in every way that is not recovered from, and closes.
fn fail_in_every_way(desktop: &LabDesktop) {
    let mut done = Vec::new();
    for row in ROWS {
        let kind = (row.call, row.always);
        if matches!(row.always, Outcome::Frame | Outcome::Uncalled) || done.contains(&kind) {
            continue;
        }
        done.push(kind);
        let mut session = None;
        if row.when != When::Opening {
            let opened = session.insert(Session::open(&options(desktop, 0, true), &mut || Ok(())).expect("opens"));
            grab(opened, ms(1000));
            let first = if row.when == When::Replacing { DEVICE_REMOVED } else { ACCESS_LOST };
            if row.when != When::Capturing {
                desktop.lab.inject("AcquireNextFrame", 1, first as i32).expect("a call");
            }
        }
        desktop.lab.inject(row.call, 0, row.code as i32).expect("a call");
        if let Some(mut session) = session.or_else(|| Session::open(&options(desktop, 0, true), &mut || Ok(())).ok()) {
            grab(&mut session, ms(100));
        }
        desktop.lab.heal();
        desktop.assert_nothing_lives(&format!("{kind:?}"));
    }
}

#[test]
fn nothing_remains_of_a_capture_however_it_ended() {
    let desktop = LabDesktop::new(SCRIPT);
    let cycle = |desktop: &LabDesktop| {
        for _ in 0..3 {
            let mut session = Session::open(&options(desktop, 0, true), &mut || Ok(())).expect("opens");
            let mut second = Session::open(&options(desktop, 0, false), &mut || Ok(())).expect("shares");
            grab(&mut session, ms(1000));
            grab(&mut second, ms(1000));
        }
        fail_in_every_way(desktop);
    };
    cycle(&desktop);
    let before = handles_and_threads();
    cycle(&desktop);
    // A thread that has ended is counted a little longer.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let mut after = handles_and_threads();
    while (after.0 > before.0 || after.1 > before.1) && std::time::Instant::now() < deadline {
        after = handles_and_threads();
    }
    assert!(after.0 <= before.0 && after.1 <= before.1, "handles and threads: {before:?}, then {after:?}");
    let file = std::fs::File::open(std::env::current_exe().expect("known")).expect("readable");
    assert!(handles_and_threads().0 > after.0, "one more handle would be noticed");
    drop(file);
    desktop.finish();
}
