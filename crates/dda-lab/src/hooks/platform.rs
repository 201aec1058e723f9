//! What the system says about itself: who translates Direct3D, which session is at the console, and what a change of a window causes.

use std::ffi::{c_char, c_void};

use windows::Win32::Foundation::{HWND, RECT};
use windows_core::Result;

use crate::hooks::watched::watching;
use crate::patch::function::Function;
use crate::state::simulation::{current, Simulation};

static VERSION: Function = Function::new(c"ntdll.dll", c"wine_get_version");
static CONSOLE: Function = Function::new(c"kernel32.dll", c"WTSGetActiveConsoleSessionId");
static UPDATE_WINDOW: Function = Function::new(c"user32.dll", c"UpdateLayeredWindow");
static INVALIDATE: Function = Function::new(c"user32.dll", c"InvalidateRect");

type Version = unsafe extern "C" fn() -> *const c_char;
type Console = unsafe extern "system" fn() -> u32;
type UpdateWindow = unsafe extern "system" fn(
    HWND,
    *mut c_void,
    *const c_void,
    *const c_void,
    *mut c_void,
    *const c_void,
    u32,
    *const c_void,
    u32,
) -> i32;
type Invalidate = unsafe extern "system" fn(HWND, *const RECT, i32) -> i32;

/// Replaces the functions that the script concerns.
pub(crate) fn install(sim: &Simulation) -> Result<()> {
    // SAFETY: the hooks have the types of these functions.
    unsafe {
        if sim.settings.hardware {
            VERSION.replace(version as *const () as usize)?;
        }
        if sim.settings.detached {
            CONSOLE.replace(console as *const () as usize)?;
        }
        if sim.settings.nudge_answered {
            UPDATE_WINDOW.replace(update_window as *const () as usize)?;
            INVALIDATE.replace(invalidate as *const () as usize)?;
        }
    }
    Ok(())
}

unsafe extern "C" fn version() -> *const c_char {
    if current().is_some_and(|sim| sim.settings.hardware) {
        return std::ptr::null();
    }
    // SAFETY: the function that was replaced.
    unsafe { VERSION.original::<Version>()() }
}

unsafe extern "system" fn console() -> u32 {
    // SAFETY: the function that was replaced.
    let session = unsafe { CONSOLE.original::<Console>()() };
    if current().is_some_and(|sim| sim.settings.detached) {
        session.wrapping_add(1)
    } else {
        session
    }
}

#[allow(clippy::too_many_arguments)] // As the original.
unsafe extern "system" fn update_window(
    window: HWND,
    to: *mut c_void,
    place: *const c_void,
    size: *const c_void,
    from: *mut c_void,
    corner: *const c_void,
    key: u32,
    blend: *const c_void,
    flags: u32,
) -> i32 {
    if let Some(sim) = watching() {
        sim.nudge();
    }
    // SAFETY: the function that was replaced, with the caller's own arguments.
    unsafe { UPDATE_WINDOW.original::<UpdateWindow>()(window, to, place, size, from, corner, key, blend, flags) }
}

unsafe extern "system" fn invalidate(window: HWND, part: *const RECT, erase: i32) -> i32 {
    if let Some(sim) = watching() {
        sim.nudge();
    }
    // SAFETY: the function that was replaced, with the caller's own arguments.
    unsafe { INVALIDATE.original::<Invalidate>()(window, part, erase) }
}
