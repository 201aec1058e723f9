//! The real windows that are captured: their geometry, and whether they can be captured at all.

use rustcam::geometry::Size;
use windows::Win32::Foundation::{HWND, RECT};
use windows::Win32::UI::WindowsAndMessaging::{
    GetAncestor, GetPropW, GetWindowLongPtrW, GetWindowRect, GetWindowThreadProcessId, InternalGetWindowText, IsIconic,
    IsWindow, IsWindowVisible, GA_ROOT, GWL_EXSTYLE, GWL_STYLE, WS_CHILD, WS_EX_TOOLWINDOW,
};
use windows_core::{w, PCWSTR};

use crate::state::simulation::Simulation;

/// A window with this property is cloaked.
const CLOAKED: PCWSTR = w!("dda_lab_cloaked");

/// A window as it was when its item was made: handles of dead windows are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    handle: isize,
    process: u32,
    thread: u32,
}

impl Window {
    /// The window, if it can be captured.
    pub(crate) fn capturable(handle: HWND) -> Option<Self> {
        // SAFETY: the calls accept any handle.
        let suits = unsafe {
            IsWindow(Some(handle)).as_bool()
                && IsWindowVisible(handle).as_bool()
                && GetAncestor(handle, GA_ROOT) == handle
                && GetWindowLongPtrW(handle, GWL_STYLE) as u32 & WS_CHILD.0 == 0
                && GetWindowLongPtrW(handle, GWL_EXSTYLE) as u32 & WS_EX_TOOLWINDOW.0 == 0
        };
        (suits && !is_cloaked(handle)).then(|| Self::of(handle))
    }

    fn of(handle: HWND) -> Self {
        let mut process = 0;
        // SAFETY: accepts any handle; the pointer is valid for the call.
        let thread = unsafe { GetWindowThreadProcessId(handle, Some(&raw mut process)) };
        Self { handle: handle.0 as isize, process, thread }
    }

    pub(crate) fn handle(self) -> HWND {
        HWND(self.handle as *mut _)
    }

    /// Whether the window lives: not another one with its handle.
    pub(crate) fn lives(self) -> bool {
        // SAFETY: accepts any handle.
        unsafe { IsWindow(Some(self.handle())) }.as_bool() && Self::of(self.handle()) == self
    }

    /// The size of what is captured; `None` while the window is iconic, hidden or dead.
    pub(crate) fn content(self, sim: &Simulation) -> Option<Size> {
        // SAFETY: accepts any handle.
        let shown =
            self.lives() && unsafe { IsWindowVisible(self.handle()).as_bool() && !IsIconic(self.handle()).as_bool() };
        let size = size(visible_bounds(sim, self.handle()).filter(|_| shown)?);
        (size.area() > 0).then_some(size)
    }

    /// The size that its item says: on old builds with the invisible border.
    pub(crate) fn item_size(self, sim: &Simulation) -> Size {
        let rect =
            if sim.settings.wgc.build < 22000 { rectangle(self.handle()) } else { visible_bounds(sim, self.handle()) };
        rect.map_or(Size::default(), size)
    }
}

/// `GetWindowRect`: with the invisible border.
fn rectangle(handle: HWND) -> Option<RECT> {
    let mut rect = RECT::default();
    // SAFETY: accepts any handle; the pointer is valid for the call.
    unsafe { GetWindowRect(handle, &raw mut rect) }.is_ok().then_some(rect)
}

/// The rectangle of a window without the invisible border.
pub(crate) fn visible_bounds(sim: &Simulation, handle: HWND) -> Option<RECT> {
    let border = sim.settings.wgc.border as i32;
    let RECT { left, top, right, bottom } = rectangle(handle)?;
    let (right, bottom) = (right - border, bottom - border);
    let left = left + border;
    Some(RECT { left, top, right: right.max(left), bottom: bottom.max(top) })
}

/// Whether the compositor hides a window.
pub(crate) fn is_cloaked(handle: HWND) -> bool {
    // SAFETY: accepts any handle; the name is constant.
    !unsafe { GetPropW(handle, CLOAKED) }.is_invalid()
}

/// The title, read without sending a message.
pub(crate) fn title(handle: HWND) -> Vec<u16> {
    let mut text = vec![0; 512];
    // SAFETY: accepts any handle; the buffer is valid for the call.
    let length = unsafe { InternalGetWindowText(handle, &mut text) };
    text.truncate(length.max(0) as usize);
    text
}

fn size(rect: RECT) -> Size {
    Size::new((rect.right - rect.left).max(0) as u32, (rect.bottom - rect.top).max(0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use windows::Win32::UI::WindowsAndMessaging::GetDesktopWindow;

    #[test]
    fn point_20_another_window_with_the_handle_of_a_dead_one_is_not_that_window() {
        // SAFETY: no preconditions.
        let window = Window::of(unsafe { GetDesktopWindow() });
        assert!(window.lives());
        let others = [
            Window { thread: window.thread + 1, ..window },
            Window { process: window.process + 1, ..window },
            Window { handle: 0x7FFF_FFF0, ..window },
        ];
        assert!(others.iter().all(|other| !other.lives()));
    }
}
