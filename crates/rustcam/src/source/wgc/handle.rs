//! A window, told apart from a later one with the same handle: the system uses handles again.

use windows::Win32::Foundation::{CloseHandle, FILETIME, HANDLE, HWND};
use windows::Win32::Graphics::Gdi::{MonitorFromWindow, HMONITOR, MONITOR_DEFAULTTONEAREST};
use windows::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, QueryFullProcessImageNameW, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION,
};
use windows::Win32::UI::WindowsAndMessaging::{
    GetClassLongW, GetClassNameW, GetWindowThreadProcessId, InternalGetWindowText, IsIconic, IsWindow, GCW_ATOM,
};

use crate::source::displays::utf16::text;

/// Longer titles are cut.
const LONGEST_TITLE: usize = 1024;
/// No name of a class is longer.
const LONGEST_CLASS: usize = 257;
/// No path is longer.
const LONGEST_PATH: usize = 32768;

/// A window and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowHandle {
    handle: u32,
    origin: Origin,
    /// When its process began; 0 where the system does not say.
    process_began: u64,
}

/// What made a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    thread: u32,
    process: u32,
    class: u32,
}

impl WindowHandle {
    /// The window that has this handle now; `None` if there is none.
    pub(super) fn of(handle: u64) -> Option<Self> {
        // Handles have 32 bits, which may come with their sign. The system ignores the others.
        let low = handle as u32;
        let same = handle == u64::from(low) || handle == i64::from(low as i32) as u64;
        let origin = origin(low).filter(|_| same)?;
        Some(Self { handle: low, origin, process_began: process_began(origin.process) })
    }

    /// The number by which programs know it.
    pub(super) fn number(self) -> u64 {
        self.handle.into()
    }

    pub(super) fn hwnd(self) -> HWND {
        hwnd(self.handle)
    }

    pub(super) fn process(self) -> u32 {
        self.origin.process
    }

    /// Whether it has not been closed.
    pub(super) fn exists(self) -> bool {
        origin(self.handle) == Some(self.origin)
    }

    /// Whether the handle is still that of this window; asked before it is captured again.
    pub(super) fn is_the_same(self) -> bool {
        Self::of(self.number()) == Some(self)
    }

    pub(super) fn is_minimized(self) -> bool {
        // SAFETY: any handle is allowed.
        unsafe { IsIconic(self.hwnd()) }.as_bool()
    }

    /// The monitor that shows most of it, or is nearest.
    pub(super) fn monitor(self) -> HMONITOR {
        // SAFETY: any handle is allowed.
        unsafe { MonitorFromWindow(self.hwnd(), MONITOR_DEFAULTTONEAREST) }
    }

    /// Its title, as the system knows it: no message is sent to the window, whose thread may be waiting for this one.
    pub(super) fn title(self) -> String {
        let mut title = [0; LONGEST_TITLE];
        // SAFETY: any handle is allowed; the buffer is valid during the call, which writes a zero at the end.
        unsafe { InternalGetWindowText(self.hwnd(), &mut title) };
        text(&title)
    }

    /// The name of its class.
    pub(super) fn class_name(self) -> String {
        let mut name = [0; LONGEST_CLASS];
        // SAFETY: as for the title. No message is sent.
        unsafe { GetClassNameW(self.hwnd(), &mut name) };
        text(&name)
    }

    /// The file name of its program; empty where the system does not say.
    pub(super) fn program(self) -> String {
        let Some(process) = Process::open(self.origin.process) else { return String::new() };
        let mut path = vec![0; LONGEST_PATH];
        let mut length = path.len() as u32;
        let place = windows::core::PWSTR(path.as_mut_ptr());
        // SAFETY: an own handle, and a buffer of the length that is passed.
        let known = unsafe { QueryFullProcessImageNameW(process.0, PROCESS_NAME_WIN32, place, &raw mut length) };
        let path = text(if known.is_ok() { &path } else { &[] });
        path.rsplit('\\').next().unwrap_or_default().to_owned()
    }
}

fn hwnd(handle: u32) -> HWND {
    HWND(handle as usize as *mut _)
}

/// What made the window that has this handle; `None` if there is none.
fn origin(handle: u32) -> Option<Origin> {
    let window = hwnd(handle);
    let mut process = 0;
    // SAFETY: any handle is allowed; the pointer is valid during the call.
    unsafe {
        if handle == 0 || !IsWindow(Some(window)).as_bool() {
            return None;
        }
        let thread = GetWindowThreadProcessId(window, Some(&raw mut process));
        let class = GetClassLongW(window, GCW_ATOM);
        (thread != 0).then_some(Origin { thread, process, class })
    }
}

/// When a process began, in units of the system; 0 where it does not say.
fn process_began(id: u32) -> u64 {
    let Some(process) = Process::open(id) else { return 0 };
    let mut times = [FILETIME::default(); 4];
    let [began, ended, kernel, user] = &mut times;
    // SAFETY: an own handle; the pointers are valid during the call.
    let known = unsafe { GetProcessTimes(process.0, began, ended, kernel, user) };
    known.map_or(0, |()| u64::from(times[0].dwHighDateTime) << 32 | u64::from(times[0].dwLowDateTime))
}

/// A process that may be asked what it is.
struct Process(HANDLE);

impl Process {
    /// `None` if the process is gone, or this one may not ask.
    fn open(id: u32) -> Option<Self> {
        // SAFETY: any number is allowed.
        unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, false, id) }.ok().map(Self)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SAFETY: an own handle, closed only here.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use windows::Win32::UI::WindowsAndMessaging::GetDesktopWindow;

    use super::*;

    #[test]
    fn a_window_with_the_same_handle_is_another_one_if_its_origin_differs() {
        // SAFETY: no preconditions.
        let desktop = unsafe { GetDesktopWindow() }.0 as u64;
        let window = WindowHandle::of(desktop).expect("it is always there");
        assert!(window.exists() && window.is_the_same());
        let Origin { thread, process, class } = window.origin;
        for origin in [
            Origin { thread: thread + 4, ..window.origin },
            Origin { process: process + 4, ..window.origin },
            Origin { class: class + 1, ..window.origin },
        ] {
            let before = WindowHandle { origin, ..window };
            assert!(!before.exists() && !before.is_the_same());
        }
        // Numbers of processes and threads are used again, too.
        let before = WindowHandle { process_began: window.process_began + 1, ..window };
        assert!(!before.is_the_same());
    }

    #[test]
    fn handles_have_32_bits() {
        // SAFETY: no preconditions.
        let desktop = unsafe { GetDesktopWindow() }.0 as u64;
        assert_eq!(WindowHandle::of(desktop).map(WindowHandle::number), Some(desktop));
        for wrong in [0, 3, desktop | 1 << 32, u64::MAX, 1 << 63 | desktop] {
            assert_eq!(WindowHandle::of(wrong), None, "{wrong:x}");
        }
    }
}
