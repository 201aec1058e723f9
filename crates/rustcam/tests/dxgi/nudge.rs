//! A desktop that presents nothing by itself is made to present: by a window of our own that nobody sees, and no other.

use std::time::Instant;

use windows::core::{w, BOOL, PCWSTR};
use windows::Win32::Foundation::{HWND, LPARAM, RECT};
use windows::Win32::Graphics::Gdi::{GetUpdateRect, UpdateWindow, ValidateRect};
use windows::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DestroyWindow, EnumWindows, GetWindowLongPtrW, GetWindowRect, GetWindowThreadProcessId,
    GWL_EXSTYLE, WINDOW_EX_STYLE, WS_EX_LAYERED, WS_EX_NOACTIVATE, WS_EX_TOOLWINDOW, WS_EX_TRANSPARENT, WS_POPUP,
    WS_VISIBLE,
};

use crate::lab_desktop::{ms, presented, LabDesktop, LONG};

/// The layered windows of this process that are one pixel large.
fn pixels() -> Vec<HWND> {
    unsafe extern "system" fn add(window: HWND, found: LPARAM) -> BOOL {
        let (mut process, mut rect) = (0, RECT::default());
        // SAFETY: `found` is the list below; all pointers are valid during the calls.
        unsafe {
            GetWindowThreadProcessId(window, Some(&raw mut process));
            let known = GetWindowRect(window, &raw mut rect).is_ok();
            let small = (rect.right - rect.left, rect.bottom - rect.top) == (1, 1);
            let layered = GetWindowLongPtrW(window, GWL_EXSTYLE) as u32 & WS_EX_LAYERED.0 != 0;
            if process == std::process::id() && known && small && layered {
                (*(found.0 as *mut Vec<HWND>)).push(window);
            }
        }
        true.into()
    }
    let mut found = Vec::new();
    // SAFETY: the function and the list live during the call.
    let _ = unsafe { EnumWindows(Some(add), LPARAM((&raw mut found) as isize)) };
    found
}

#[test]
fn the_nudge_is_one_invisible_pixel_for_a_moment_and_repaints_no_other_window() {
    // SAFETY: a window of this thread, of a class of the system.
    let other = unsafe {
        let style = WS_POPUP | WS_VISIBLE;
        CreateWindowExW(WINDOW_EX_STYLE(0), w!("STATIC"), PCWSTR::null(), style, 0, 0, 64, 64, None, None, None, None)
    };
    let other = other.expect("a window");
    // SAFETY: the window of this thread.
    unsafe {
        let _ = UpdateWindow(other);
        let _ = ValidateRect(Some(other), None);
    }
    let desktop = LabDesktop::new("size 320x200; static; pointer still; lab first timeless");
    let mut source = desktop.open(false);
    let mut style = None;
    let start = Instant::now();
    while style.is_none() && start.elapsed() < LONG {
        source.wait(ms(5)).expect("alive");
        if let Some(window) = pixels().first() {
            // SAFETY: any window may be asked.
            style = Some(unsafe { GetWindowLongPtrW(*window, GWL_EXSTYLE) } as u32);
        }
    }
    let wanted = WS_EX_TOOLWINDOW | WS_EX_TRANSPARENT | WS_EX_NOACTIVATE | WS_EX_LAYERED;
    assert_eq!(style.map(|style| style & wanted.0), Some(wanted.0), "a window of one pixel");
    presented(&mut source);
    while !pixels().is_empty() {
        assert!(start.elapsed() < LONG, "the window stays");
        source.wait(ms(5)).expect("alive");
    }
    // SAFETY: the window of this thread.
    unsafe {
        assert!(!GetUpdateRect(other, None, false).as_bool(), "another window has to be repainted");
        let _ = DestroyWindow(other);
    }
    drop(source);
    desktop.finish();
}
