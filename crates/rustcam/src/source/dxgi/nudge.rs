//! Makes the compositor present something on a desktop where nothing changes: a window of our own, one transparent pixel, for a moment.
//!
//! Nothing of it can be seen, clicked or found in the task bar, no window of another program is repainted, and no pixel of the desktop changes.

use std::thread;
use std::time::Duration;

use windows::core::{w, PCWSTR};
use windows::Win32::Foundation::{COLORREF, HWND, POINT, SIZE};
use windows::Win32::Graphics::Gdi::{
    CreateCompatibleDC, CreateDIBSection, DeleteDC, DeleteObject, SelectObject, AC_SRC_ALPHA, AC_SRC_OVER, BITMAPINFO,
    BITMAPINFOHEADER, BI_RGB, BLENDFUNCTION, DIB_RGB_COLORS, HBITMAP, HDC, HGDIOBJ,
};
use windows::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DestroyWindow, DispatchMessageW, MsgWaitForMultipleObjects, PeekMessageW, ShowWindow,
    UpdateLayeredWindow, MSG, PM_REMOVE, QS_ALLINPUT, SW_SHOWNOACTIVATE, ULW_ALPHA, WS_EX_LAYERED, WS_EX_NOACTIVATE,
    WS_EX_TOOLWINDOW, WS_EX_TOPMOST, WS_EX_TRANSPARENT, WS_POPUP,
};

use crate::geometry::Point;
use crate::source::displays::dpi::PhysicalPixels;

/// How often the window is drawn; the compositor presents after each.
const DRAWN: usize = 4;

/// The pause after each, longer than a refresh of a slow display.
const PAUSE: Duration = Duration::from_millis(25);

/// Makes the compositor present the output whose top-left corner is at `place`. Returns at once: windows belong to a thread, and this one
/// has work to do.
pub(super) fn nudge(place: Point) {
    // Without a thread there is no nudge, and the desktop is delivered later.
    let _ = thread::Builder::new().name("rustcam nudge".to_owned()).spawn(move || {
        let _pixels = PhysicalPixels::for_this_thread();
        let Some(window) = Window::new(place) else { return };
        for _ in 0..DRAWN {
            window.draw();
            handle_messages(PAUSE);
        }
    });
}

/// A window of one transparent pixel. Belongs to the thread that made it.
struct Window {
    handle: HWND,
    memory: HDC,
    bitmap: HBITMAP,
    before: HGDIOBJ,
}

impl Window {
    fn new(place: Point) -> Option<Self> {
        let style = WS_EX_TOOLWINDOW | WS_EX_TRANSPARENT | WS_EX_NOACTIVATE | WS_EX_LAYERED | WS_EX_TOPMOST;
        let header = BITMAPINFOHEADER {
            biSize: size_of::<BITMAPINFOHEADER>() as u32,
            biWidth: 1,
            biHeight: 1,
            biPlanes: 1,
            biBitCount: 32,
            biCompression: BI_RGB.0,
            ..Default::default()
        };
        let info = BITMAPINFO { bmiHeader: header, ..Default::default() };
        let mut bits = std::ptr::null_mut();
        // SAFETY: a class of the system's own; every result is checked. The section is filled with zeros: one transparent pixel.
        unsafe {
            let (x, y) = (place.x, place.y);
            let window =
                CreateWindowExW(style, w!("STATIC"), PCWSTR::null(), WS_POPUP, x, y, 1, 1, None, None, None, None)
                    .ok()?;
            let memory = CreateCompatibleDC(None);
            let Ok(bitmap) = CreateDIBSection(Some(memory), &raw const info, DIB_RGB_COLORS, &raw mut bits, None, 0)
            else {
                let _ = DeleteDC(memory);
                let _ = DestroyWindow(window);
                return None;
            };
            let before = SelectObject(memory, bitmap.into());
            let _ = ShowWindow(window, SW_SHOWNOACTIVATE);
            Some(Self { handle: window, memory, bitmap, before })
        }
    }

    /// Draws the pixel again, which changes nothing but makes the compositor present.
    fn draw(&self) {
        let blend = BLENDFUNCTION {
            BlendOp: AC_SRC_OVER as u8,
            BlendFlags: 0,
            SourceConstantAlpha: 255,
            AlphaFormat: AC_SRC_ALPHA as u8,
        };
        let (size, origin) = (SIZE { cx: 1, cy: 1 }, POINT::default());
        // SAFETY: own objects of this thread; all pointers are valid during the call.
        let _ = unsafe {
            UpdateLayeredWindow(
                self.handle,
                None,
                None,
                Some(&raw const size),
                Some(self.memory),
                Some(&raw const origin),
                COLORREF(0),
                Some(&raw const blend),
                ULW_ALPHA,
            )
        };
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: own objects, on the thread that made them, destroyed only here.
        unsafe {
            SelectObject(self.memory, self.before);
            let _ = DeleteObject(self.bitmap.into());
            let _ = DeleteDC(self.memory);
            let _ = DestroyWindow(self.handle);
        }
    }
}

/// Handles messages for about `time`: a window whose thread does not would block programs that send a message to every window.
fn handle_messages(time: Duration) {
    // SAFETY: no handles; the message is valid during the calls.
    unsafe {
        MsgWaitForMultipleObjects(None, false, time.as_millis() as u32, QS_ALLINPUT);
        let mut message = MSG::default();
        while PeekMessageW(&raw mut message, None, 0, 0, PM_REMOVE).as_bool() {
            DispatchMessageW(&raw const message);
        }
    }
}
