//! The windows that can be captured: those that the task switcher shows.

use windows::core::BOOL;
use windows::Win32::Foundation::{HWND, LPARAM};
use windows::Win32::Graphics::Dwm::{DwmGetWindowAttribute, DWMWA_CLOAKED};
use windows::Win32::UI::WindowsAndMessaging::{
    EnumWindows, GetAncestor, GetShellWindow, GetWindowLongW, IsWindowVisible, GA_ROOT, GWL_EXSTYLE, GWL_STYLE,
    WINDOW_EX_STYLE, WINDOW_STYLE, WS_DISABLED, WS_EX_TOOLWINDOW,
};

use super::geometry::client_area;
use super::handle::WindowHandle;
use crate::source::displays::dpi::PhysicalPixels;
use crate::source::Window;

/// Windows of the shell that cannot be captured: their titles and their classes.
const OF_THE_SHELL: [(&str, &str); 3] = [
    ("Task View", "Windows.UI.Core.CoreWindow"),
    ("DesktopWindowXamlSource", "Windows.UI.Core.CoreWindow"),
    ("PopupHost", "Xaml_WindowedPopupClass"),
];

/// All windows with a title that can be captured, the top-most first.
pub(in crate::source) fn windows() -> Vec<Window> {
    let capturable = |window: &WindowHandle| obstacle(*window).is_none();
    let all = top_level().into_iter().filter_map(WindowHandle::of).filter(capturable);
    all.map(describe).filter(|window| !window.title.is_empty()).collect()
}

/// The description of a window.
pub(super) fn describe(window: WindowHandle) -> Window {
    let _pixels = PhysicalPixels::for_this_thread();
    let minimized = window.is_minimized();
    let client = client_area(window.hwnd()).filter(|_| !minimized).unwrap_or_default();
    Window {
        title: window.title(),
        app: window.program(),
        pid: Some(window.process()),
        minimized,
        ..Window::new(window.number(), client)
    }
}

/// Why a window cannot be captured; `None` if it can.
pub(super) fn obstacle(window: WindowHandle) -> Option<&'static str> {
    let hwnd = window.hwnd();
    // SAFETY: any handle is allowed. No message is sent.
    let (is_shell, is_visible, is_root, style, extended) = unsafe {
        (
            GetShellWindow() == hwnd,
            IsWindowVisible(hwnd).as_bool(),
            GetAncestor(hwnd, GA_ROOT) == hwnd,
            WINDOW_STYLE(GetWindowLongW(hwnd, GWL_STYLE) as u32),
            WINDOW_EX_STYLE(GetWindowLongW(hwnd, GWL_EXSTYLE) as u32),
        )
    };
    let of_the_shell = || {
        let class = window.class_name();
        OF_THE_SHELL.iter().any(|(title, of)| class == *of && window.title() == *title)
    };
    match () {
        () if !is_root => Some("is part of another window"),
        () if is_shell => Some("is the desktop itself"),
        () if !is_visible => Some("is hidden"),
        () if extended.contains(WS_EX_TOOLWINDOW) => Some("is a tool window"),
        () if style.contains(WS_DISABLED) => Some("is disabled, as while it shows a dialog"),
        () if is_cloaked(hwnd) => Some("is not shown, as on another virtual desktop"),
        () if of_the_shell() => Some("belongs to the shell"),
        () => None,
    }
}

/// Whether the compositor hides it.
fn is_cloaked(window: HWND) -> bool {
    let mut cloaked = 0_u32;
    // SAFETY: any handle is allowed; the attribute is a number of that size.
    let known = unsafe {
        DwmGetWindowAttribute(window, DWMWA_CLOAKED, (&raw mut cloaked).cast(), size_of::<u32>() as u32).is_ok()
    };
    known && cloaked != 0
}

/// The handles of all windows of the desktop, the top-most first.
fn top_level() -> Vec<u64> {
    unsafe extern "system" fn add(window: HWND, list: LPARAM) -> BOOL {
        // SAFETY: the list that is passed below, which nothing else uses during the call.
        let list = unsafe { &mut *(list.0 as *mut Vec<u64>) };
        list.push(window.0 as u64);
        true.into()
    }
    let mut list: Vec<u64> = Vec::new();
    // SAFETY: a function of that type, which gets a pointer to the list; it is called during this call only. Windows that are closed meanwhile
    // end the enumeration early at worst.
    let _ = unsafe { EnumWindows(Some(add), LPARAM((&raw mut list) as isize)) };
    list
}
