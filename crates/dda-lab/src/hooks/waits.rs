//! The waits of the system: they time out with the ticks of the script's timer, and in virtual time they end with what a device sets.
//!
//! Only `WaitForSingleObject` and its relatives may use locks: the other functions here are what locks wait with.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use windows::Win32::Foundation::{HANDLE, WAIT_TIMEOUT};
use windows::Win32::System::Threading::{GetThreadId, INFINITE};
use windows_core::Result;

use crate::bypass::{bypass, bypassed};
use crate::hooks::waitable_timers;
use crate::patch::function::Function;
use crate::state::presenters::this_thread_captures;
use crate::state::simulation::{current, Simulation};
use crate::timer::{lasts_ms, lengthen, shorten};

static SLEEP: Function = Function::new(c"kernelbase.dll", c"Sleep");
static SLEEP_EX: Function = Function::new(c"kernelbase.dll", c"SleepEx");
static WAIT_ON_ADDRESS: Function = Function::new(c"kernelbase.dll", c"WaitOnAddress");
static CONDITION_SRW: Function = Function::new(c"kernelbase.dll", c"SleepConditionVariableSRW");
static CONDITION_CS: Function = Function::new(c"kernelbase.dll", c"SleepConditionVariableCS");
static WAIT_ONE: Function = Function::new(c"kernelbase.dll", c"WaitForSingleObject");
static WAIT_ONE_EX: Function = Function::new(c"kernelbase.dll", c"WaitForSingleObjectEx");
static WAIT_MANY: Function = Function::new(c"kernelbase.dll", c"WaitForMultipleObjects");
static WAIT_MANY_EX: Function = Function::new(c"kernelbase.dll", c"WaitForMultipleObjectsEx");
static BEGIN_PERIOD: Function = Function::new(c"winmm.dll", c"timeBeginPeriod");
static END_PERIOD: Function = Function::new(c"winmm.dll", c"timeEndPeriod");

type Sleep = unsafe extern "system" fn(u32);
type SleepEx = unsafe extern "system" fn(u32, i32) -> u32;
type WaitOnAddress = unsafe extern "system" fn(*const c_void, *const c_void, usize, u32) -> i32;
type ConditionSrw = unsafe extern "system" fn(*mut c_void, *mut c_void, u32, u32) -> i32;
type ConditionCs = unsafe extern "system" fn(*mut c_void, *mut c_void, u32) -> i32;
type WaitOne = unsafe extern "system" fn(HANDLE, u32) -> u32;
type WaitOneEx = unsafe extern "system" fn(HANDLE, u32, i32) -> u32;
type WaitMany = unsafe extern "system" fn(u32, *const HANDLE, i32, u32) -> u32;
type WaitManyEx = unsafe extern "system" fn(u32, *const HANDLE, i32, u32, i32) -> u32;
type Period = unsafe extern "system" fn(u32) -> u32;

/// Replaces the functions that the script concerns.
pub(crate) fn install(sim: &Simulation) -> Result<()> {
    let quantised = sim.script.timer().is_some() && !sim.clock.is_virtual();
    let completed = sim.settings.events.is_some() && sim.clock.is_virtual();
    // SAFETY: the hooks have the types of these functions.
    unsafe {
        if quantised || completed {
            replace_waits()?;
        }
        if quantised {
            BEGIN_PERIOD.replace(begin_period as *const () as usize)?;
            END_PERIOD.replace(end_period as *const () as usize)?;
            waitable_timers::install()?;
            CONDITION_SRW.replace(condition_srw as *const () as usize)?;
            CONDITION_CS.replace(condition_cs as *const () as usize)?;
            SLEEP.replace(sleep as *const () as usize)?;
            SLEEP_EX.replace(sleep_ex as *const () as usize)?;
            WAIT_ON_ADDRESS.replace(wait_on_address as *const () as usize)?;
        }
    }
    Ok(())
}

/// In virtual time, waits of threads that capture let time pass.
pub(crate) fn install_for_captures(sim: &Simulation) -> Result<()> {
    if !sim.clock.is_virtual() {
        return Ok(());
    }
    replace_waits()
}

fn replace_waits() -> Result<()> {
    // SAFETY: the hooks have the types of these functions.
    unsafe {
        WAIT_ONE.replace(wait_one as *const () as usize)?;
        WAIT_ONE_EX.replace(wait_one_ex as *const () as usize)?;
        WAIT_MANY.replace(wait_many as *const () as usize)?;
        WAIT_MANY_EX.replace(wait_many_ex as *const () as usize)
    }
}

/// How long a wait of the program for `ms` milliseconds lasts.
fn lasting(ms: u32) -> u32 {
    if bypassed() {
        ms
    } else {
        lasts_ms(ms)
    }
}

unsafe extern "system" fn sleep(ms: u32) {
    // SAFETY: the function that was replaced; it takes any number.
    unsafe { SLEEP.original::<Sleep>()(lasting(ms)) }
}

unsafe extern "system" fn sleep_ex(ms: u32, alertable: i32) -> u32 {
    // SAFETY: as above.
    unsafe { SLEEP_EX.original::<SleepEx>()(lasting(ms), alertable) }
}

unsafe extern "system" fn wait_on_address(at: *const c_void, seen: *const c_void, size: usize, ms: u32) -> i32 {
    // SAFETY: the function that was replaced, with the caller's own pointers.
    unsafe { WAIT_ON_ADDRESS.original::<WaitOnAddress>()(at, seen, size, lasting(ms)) }
}

unsafe extern "system" fn condition_srw(variable: *mut c_void, lock: *mut c_void, ms: u32, flags: u32) -> i32 {
    // SAFETY: as above.
    unsafe { CONDITION_SRW.original::<ConditionSrw>()(variable, lock, lasting(ms), flags) }
}

unsafe extern "system" fn condition_cs(variable: *mut c_void, section: *mut c_void, ms: u32) -> i32 {
    // SAFETY: as above.
    unsafe { CONDITION_CS.original::<ConditionCs>()(variable, section, lasting(ms)) }
}

unsafe extern "system" fn wait_one(handle: HANDLE, ms: u32) -> u32 {
    // SAFETY: the function that was replaced, with the caller's own handle.
    wait(&[handle], ms, |ms| unsafe { WAIT_ONE.original::<WaitOne>()(handle, ms) })
}

unsafe extern "system" fn wait_one_ex(handle: HANDLE, ms: u32, alertable: i32) -> u32 {
    // SAFETY: as above.
    wait(&[handle], ms, |ms| unsafe { WAIT_ONE_EX.original::<WaitOneEx>()(handle, ms, alertable) })
}

unsafe extern "system" fn wait_many(number: u32, handles: *const HANDLE, all: i32, ms: u32) -> u32 {
    // SAFETY: as many handles as the caller says.
    let known = unsafe { known(number, handles) };
    // SAFETY: the function that was replaced, with the caller's own handles.
    wait(known, ms, |ms| unsafe { WAIT_MANY.original::<WaitMany>()(number, handles, all, ms) })
}

unsafe extern "system" fn wait_many_ex(number: u32, handles: *const HANDLE, all: i32, ms: u32, alertable: i32) -> u32 {
    // SAFETY: as many handles as the caller says.
    let known = unsafe { known(number, handles) };
    // SAFETY: the function that was replaced, with the caller's own handles.
    wait(known, ms, |ms| unsafe { WAIT_MANY_EX.original::<WaitManyEx>()(number, handles, all, ms, alertable) })
}

/// # Safety
/// `handles` is null or valid for as many handles as said.
unsafe fn known<'a>(number: u32, handles: *const HANDLE) -> &'a [HANDLE] {
    if handles.is_null() {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(handles, number as usize) }
}

/// A wait for `handles`. In virtual time one that a device will set does not really wait.
fn wait(handles: &[HANDLE], ms: u32, original: impl Fn(u32) -> u32) -> u32 {
    if bypassed() {
        return original(ms);
    }
    if let Some(sim) = bypass(|| capturing(handles)) {
        return wait_for_presents(&sim, handles, ms, original);
    }
    let device = bypass(|| {
        let sim = current().filter(|sim| sim.clock.is_virtual())?;
        sim.completions.set_due(sim.now());
        let due = sim.completions.first_due(handles)?;
        Some((sim, due))
    });
    let Some((sim, due)) = device else { return original(lasts_ms(ms)) };
    let before = original(0);
    if before != WAIT_TIMEOUT.0 {
        return before;
    }
    bypass(|| {
        sim.sleep_until(due.min(sim.timeout(Duration::from_millis(u64::from(ms)))));
        sim.completions.set_due(sim.now());
    });
    original(0)
}

/// The simulation, if virtual time passes in a wait of this thread for `handles`.
fn capturing(handles: &[HANDLE]) -> Option<Arc<Simulation>> {
    if !this_thread_captures() {
        return None;
    }
    let sim = current().filter(|sim| sim.clock.is_virtual())?;
    // A thread ends in real time.
    // SAFETY: what is no thread has no number.
    let is_thread = |handle: &HANDLE| unsafe { GetThreadId(*handle) } != 0;
    (!handles.iter().any(is_thread)).then_some(sim)
}

/// Lets time pass from one present of a capture to the next, until something that is waited for is set.
fn wait_for_presents(sim: &Simulation, handles: &[HANDLE], ms: u32, original: impl Fn(u32) -> u32) -> u32 {
    let end = (ms != INFINITE).then(|| sim.timeout(Duration::from_millis(u64::from(ms))));
    loop {
        let now = sim.now();
        // The handlers are the program's: not past the hooks.
        sim.presenters.present(now);
        sim.completions.set_due(now);
        let code = original(0);
        if code != WAIT_TIMEOUT.0 || end.is_some_and(|end| end <= now) {
            return code;
        }
        let due = sim.completions.first_due(handles).filter(|due| *due > now);
        let Some(next) = [sim.presenters.next(now), due, end].into_iter().flatten().min() else { return original(ms) };
        sim.clock.sleep(Some(next.saturating_sub(now)));
    }
}

unsafe extern "system" fn begin_period(ms: u32) -> u32 {
    shorten();
    // SAFETY: the function that was replaced; it takes any number.
    unsafe { BEGIN_PERIOD.original::<Period>()(ms) }
}

unsafe extern "system" fn end_period(ms: u32) -> u32 {
    lengthen();
    // SAFETY: as above.
    unsafe { END_PERIOD.original::<Period>()(ms) }
}
