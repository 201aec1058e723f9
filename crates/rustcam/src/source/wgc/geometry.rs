//! Where the captured part of a window is in its image, and on the desktop.

use windows::Win32::Foundation::{HWND, POINT, RECT};
use windows::Win32::Graphics::Dwm::{DwmGetWindowAttribute, DWMWA_EXTENDED_FRAME_BOUNDS};
use windows::Win32::Graphics::Gdi::ClientToScreen;
use windows::Win32::UI::WindowsAndMessaging::{
    AdjustWindowRectEx, GetClientRect, GetMenu, GetWindowLongW, GetWindowPlacement, GetWindowRect, IsIconic,
    GWL_EXSTYLE, GWL_STYLE, WINDOWPLACEMENT, WINDOW_EX_STYLE, WINDOW_STYLE, WS_MINIMIZE,
};

use crate::geometry::{Point, Rect, Size};
use crate::source::displays::dpi::PhysicalPixels;
use crate::source::displays::outputs::rect;
use crate::source::WindowArea;

/// A window may be moved between two questions.
const ATTEMPTS: usize = 4;

/// A window on the desktop, in physical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// What is visible of it: what its image shows.
    visible: Rect,
    /// The same with the invisible border by which it can be dragged. Windows 10 may show that in the image, too.
    outer: Rect,
    client: Rect,
}

impl Geometry {
    /// Where the window is. `None` if it is minimised, closed, or moves all the time.
    pub(super) fn of(window: HWND) -> Option<Self> {
        let _pixels = PhysicalPixels::for_this_thread();
        let mut before = measure(window)?;
        for _ in 0..ATTEMPTS {
            let now = measure(window)?;
            if now == before {
                return Some(now);
            }
            before = now;
        }
        None
    }

    /// The captured part on the desktop.
    pub(super) fn part(&self, area: WindowArea) -> Rect {
        match area {
            WindowArea::Client => self.client,
            WindowArea::Whole => self.visible,
        }
    }

    /// Whether an image of size `content` shows the window as it is here. While a window is resized its images may be older.
    pub(super) fn fits(&self, content: Size) -> bool {
        content == self.visible.size() || content == self.outer.size()
    }

    /// Where the captured part is in an image of size `content`; empty if nothing of it is there.
    pub(super) fn place(&self, area: WindowArea, content: Size) -> Rect {
        if area == WindowArea::Whole {
            return content.rect();
        }
        let shown =
            if content == self.outer.size() && content != self.visible.size() { self.outer } else { self.visible };
        let at = |client: i32, shown: i32| client.saturating_sub(shown).max(0);
        let (left, top) = (at(self.client.left, shown.left), at(self.client.top, shown.top));
        let Size { width, height } = self.client.size();
        let right = left.saturating_add_unsigned(width).min(content.width as i32);
        let bottom = top.saturating_add_unsigned(height).min(content.height as i32);
        let part = Rect::new(left, top, right, bottom);
        if part.is_empty() {
            Rect::default()
        } else {
            part
        }
    }
}

/// The client area of a window on the desktop; empty if it is minimised. The thread must see physical pixels.
pub(super) fn client_area(window: HWND) -> Option<Rect> {
    let mut client = RECT::default();
    let mut origin = POINT::default();
    // SAFETY: any handle is allowed; the pointers are valid during the calls. No message is sent.
    unsafe {
        GetClientRect(window, &raw mut client).ok()?;
        ClientToScreen(window, &raw mut origin).as_bool().then_some(())?;
    }
    Some(Rect::at(Point::new(origin.x, origin.y), rect(client).size()))
}

/// The captured part of a minimised window as it will be when it is restored, about: its frame may be another one then.
pub(super) fn when_restored(window: HWND, area: WindowArea) -> Rect {
    let _pixels = PhysicalPixels::for_this_thread();
    let mut placement = WINDOWPLACEMENT { length: size_of::<WINDOWPLACEMENT>() as u32, ..Default::default() };
    let mut frame = RECT::default();
    // SAFETY: any handle is allowed; the pointers are valid during the calls.
    unsafe {
        let _ = GetWindowPlacement(window, &raw mut placement);
        let style = WINDOW_STYLE(GetWindowLongW(window, GWL_STYLE) as u32) & !WS_MINIMIZE;
        let extended = WINDOW_EX_STYLE(GetWindowLongW(window, GWL_EXSTYLE) as u32);
        let _ = AdjustWindowRectEx(&raw mut frame, style, !GetMenu(window).is_invalid(), extended);
    }
    let outer = rect(placement.rcNormalPosition);
    let part = match area {
        WindowArea::Whole => outer,
        WindowArea::Client => Rect::new(
            outer.left - frame.left,
            outer.top - frame.top,
            outer.right - frame.right,
            outer.bottom - frame.bottom,
        ),
    };
    if part.is_empty() {
        Rect::at(outer.origin(), Size::new(1, 1))
    } else {
        part
    }
}

fn measure(window: HWND) -> Option<Geometry> {
    let (mut outer, mut visible) = (RECT::default(), RECT::default());
    // SAFETY: as above; the attribute is a rectangle.
    let is_known = unsafe {
        if IsIconic(window).as_bool() {
            return None;
        }
        GetWindowRect(window, &raw mut outer).ok()?;
        let size = size_of::<RECT>() as u32;
        DwmGetWindowAttribute(window, DWMWA_EXTENDED_FRAME_BOUNDS, (&raw mut visible).cast(), size).is_ok()
    };
    let client = client_area(window)?;
    // SAFETY: any handle is allowed.
    if unsafe { IsIconic(window) }.as_bool() {
        return None;
    }
    let outer = rect(outer);
    Some(Geometry { visible: if is_known { rect(visible) } else { outer }, outer, client })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window at (100, 50) with an invisible border of 7 pixels on three sides, and a title bar of 31.
    const WINDOW: Geometry = Geometry {
        visible: Rect::new(107, 50, 507, 343),
        outer: Rect::new(100, 50, 514, 350),
        client: Rect::new(108, 81, 506, 342),
    };

    #[test]
    fn the_client_area_is_inside_of_what_is_visible() {
        let content = Size::new(400, 293);
        assert!(WINDOW.fits(content));
        assert_eq!(WINDOW.place(WindowArea::Client, content), Rect::new(1, 31, 399, 292));
        assert_eq!(WINDOW.place(WindowArea::Whole, content), content.rect());
        assert_eq!(WINDOW.part(WindowArea::Whole), WINDOW.visible);
    }

    #[test]
    fn an_image_with_the_invisible_border_is_told_by_its_size() {
        let content = Size::new(414, 300);
        assert!(WINDOW.fits(content));
        assert_eq!(WINDOW.place(WindowArea::Client, content), Rect::new(8, 31, 406, 292));
    }

    #[test]
    fn an_older_image_does_not_fit_and_is_never_left() {
        let content = Size::new(200, 30);
        assert!(!WINDOW.fits(content));
        assert_eq!(WINDOW.place(WindowArea::Client, content), Rect::default());
        assert_eq!(WINDOW.place(WindowArea::Client, Size::new(200, 32)), Rect::new(1, 31, 200, 32));
        assert_eq!(WINDOW.place(WindowArea::Client, Size::new(0, 0)), Rect::default());
    }

    #[test]
    fn a_client_area_that_begins_before_the_image_is_not_shifted() {
        let odd = Geometry { client: Rect::new(99, 40, 120, 60), ..WINDOW };
        assert_eq!(odd.place(WindowArea::Client, Size::new(400, 293)), Rect::new(0, 0, 21, 20));
    }
}
