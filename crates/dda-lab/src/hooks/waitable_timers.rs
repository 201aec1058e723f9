//! Waitable timers: those of high resolution are a little late, the others are set by the ticks of the script's timer.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::sync::Mutex;
use std::time::Duration;

use rustcam::clock::HIGH_RESOLUTION_LATENESS;
use windows::Win32::Foundation::HANDLE;
use windows::Win32::System::Threading::CREATE_WAITABLE_TIMER_HIGH_RESOLUTION;
use windows_core::Result;

use crate::bypass::{bypass, bypassed};
use crate::mutex::lock;
use crate::patch::function::Function;
use crate::timer::lasts;

static CREATE: Function = Function::new(c"kernelbase.dll", c"CreateWaitableTimerExW");
static SET: Function = Function::new(c"kernelbase.dll", c"SetWaitableTimer");
static SET_EX: Function = Function::new(c"kernelbase.dll", c"SetWaitableTimerEx");

type Create = unsafe extern "system" fn(*const c_void, *const u16, u32, u32) -> HANDLE;
type Set = unsafe extern "system" fn(HANDLE, *const i64, i32, *const c_void, *const c_void, i32) -> i32;
type SetEx =
    unsafe extern "system" fn(HANDLE, *const i64, i32, *const c_void, *const c_void, *const c_void, u32) -> i32;

/// The timers of high resolution. One that was closed stays until its handle is used again.
static PRECISE: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// Replaces the functions.
pub(crate) fn install() -> Result<()> {
    // SAFETY: the hooks have the types of these functions.
    unsafe {
        CREATE.replace(create as *const () as usize)?;
        SET.replace(set as *const () as usize)?;
        SET_EX.replace(set_ex as *const () as usize)
    }
}

unsafe extern "system" fn create(security: *const c_void, name: *const u16, flags: u32, access: u32) -> HANDLE {
    // SAFETY: the function that was replaced, with the caller's own arguments.
    let timer = unsafe { CREATE.original::<Create>()(security, name, flags, access) };
    bypass(|| {
        let mut precise = lock(&PRECISE);
        if flags & CREATE_WAITABLE_TIMER_HIGH_RESOLUTION != 0 {
            precise.insert(timer.0 as usize);
        } else {
            precise.remove(&(timer.0 as usize));
        }
    });
    timer
}

unsafe extern "system" fn set(
    timer: HANDLE,
    due: *const i64,
    period: i32,
    routine: *const c_void,
    argument: *const c_void,
    resume: i32,
) -> i32 {
    // SAFETY: null or the caller's variable.
    let due = unsafe { due.as_ref() }.map(|due| later(timer, *due));
    let due = due.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the function that was replaced, with the caller's own arguments but for the time.
    unsafe { SET.original::<Set>()(timer, due, period, routine, argument, resume) }
}

unsafe extern "system" fn set_ex(
    timer: HANDLE,
    due: *const i64,
    period: i32,
    routine: *const c_void,
    argument: *const c_void,
    reason: *const c_void,
    delay: u32,
) -> i32 {
    // SAFETY: null or the caller's variable.
    let due = unsafe { due.as_ref() }.map(|due| later(timer, *due));
    let due = due.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the function that was replaced, with the caller's own arguments but for the time.
    unsafe { SET_EX.original::<SetEx>()(timer, due, period, routine, argument, reason, delay) }
}

/// When a timer that is to be set at `due` is set: in units of 100 ns, negative from now on. Absolute times stay as they are.
fn later(timer: HANDLE, due: i64) -> i64 {
    if bypassed() || due >= 0 {
        return due;
    }
    let wanted = Duration::from_nanos(due.unsigned_abs().saturating_mul(100));
    let precise = bypass(|| lock(&PRECISE).contains(&(timer.0 as usize)));
    let lasts = if precise { wanted + HIGH_RESOLUTION_LATENESS } else { lasts(wanted) };
    i64::try_from(lasts.as_nanos() / 100).map_or(due, |units| -units)
}
