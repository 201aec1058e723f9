//! The exported C functions, for programs that load the DLL.

use std::ffi::{c_char, c_void, CStr};
use std::sync::Mutex;

use rustcam::geometry::Size;
use windows::Win32::Foundation::{E_POINTER, HANDLE, HMODULE};
use windows::Win32::System::SystemServices::DLL_PROCESS_ATTACH;
use windows_core::{Interface, BOOL};

use crate::capture::create_controller;
use crate::capture::window_picture::window_image;
use crate::lab::Lab;
use crate::mutex::lock;
use crate::sharing::reader::{self, Behaviour};
use crate::state::simulation::current;

/// The environment variable with a script that starts the lab when the DLL is loaded.
const VARIABLE: &str = "RUSTCAM_LAB_SCRIPT";

static RUNNING: Mutex<Option<Lab>> = Mutex::new(None);
static MESSAGE: Mutex<String> = Mutex::new(String::new());

fn start(script: &str) -> i32 {
    let mut running = lock(&RUNNING);
    // There is one at a time: the old one ends first.
    *running = None;
    match Lab::install(script) {
        Ok(lab) => {
            lab.let_polls_take_time();
            *running = Some(lab);
            0
        }
        Err(message) => fail(message),
    }
}

fn fail(message: String) -> i32 {
    *lock(&MESSAGE) = message;
    -1
}

/// Copies as many of `bytes` as fit; returns how many there are.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
unsafe fn deliver(bytes: &[u8], buffer: *mut u8, len: usize) -> usize {
    if !buffer.is_null() {
        // SAFETY: valid for `len` bytes, as the caller promises; never more than there are.
        unsafe { buffer.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len().min(len)) };
    }
    bytes.len()
}

/// Starts the lab with a script in UTF-8, after stopping one that runs. Returns 0, or -1 after a failure that [`lab_message`] explains.
/// Null means the empty script.
///
/// # Safety
/// `script` is null or ends with a zero byte.
#[no_mangle]
pub unsafe extern "C" fn lab_start(script: *const c_char) -> i32 {
    if script.is_null() {
        return start("");
    }
    // SAFETY: ends with a zero byte, as the caller promises.
    match unsafe { CStr::from_ptr(script) }.to_str() {
        Ok(script) => start(script),
        Err(error) => fail(error.to_string()),
    }
}

/// Stops the lab. Duplications that still exist fail with `ACCESS_LOST` from then on.
#[no_mangle]
pub extern "C" fn lab_stop() {
    *lock(&RUNNING) = None;
}

/// Writes the explanation of the last failure, in UTF-8, without a zero byte; returns its length.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lab_message(buffer: *mut u8, len: usize) -> usize {
    // SAFETY: as the caller promises.
    unsafe { deliver(lock(&MESSAGE).as_bytes(), buffer, len) }
}

/// Writes the counters as JSON, without a zero byte; returns the length of the whole text, 0 if no lab runs.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lab_counters(buffer: *mut u8, len: usize) -> usize {
    let Some(sim) = current() else { return 0 };
    // SAFETY: as the caller promises.
    unsafe { deliver(sim.snapshot().to_json().as_bytes(), buffer, len) }
}

/// Makes the `nth` call (0: every call) of the method called `call` fail with `code`, see `docs/lab.md`. Returns 0, or -1 after a failure
/// that [`lab_message`] explains.
///
/// # Safety
/// `call` is null or ends with a zero byte.
#[no_mangle]
pub unsafe extern "C" fn lab_inject(call: *const c_char, nth: u32, code: i32) -> i32 {
    let Some(sim) = current() else { return fail("no lab runs".into()) };
    if call.is_null() {
        return fail("no call".into());
    }
    // SAFETY: ends with a zero byte, as the caller promises.
    let name = unsafe { CStr::from_ptr(call) }.to_string_lossy();
    sim.inject(&name, nth, code).map_or_else(fail, |()| 0)
}

/// Removes every injected failure that has not happened.
#[no_mangle]
pub extern "C" fn lab_heal() {
    if let Some(sim) = current() {
        sim.heal();
    }
}

/// Writes the oracle's picture of `frame` of the first output, as a program that takes BGRA must get it now: BGRA, alpha 255, rows without
/// padding. Returns the number of its bytes, 0 if no lab runs.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lab_frame(frame: u64, buffer: *mut u8, len: usize) -> usize {
    // SAFETY: as the caller promises.
    unsafe { lab_output_frame(0, frame, buffer, len) }
}

/// [`lab_frame`] of output `output`.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lab_output_frame(output: u32, frame: u64, buffer: *mut u8, len: usize) -> usize {
    let Some(sim) = current() else { return 0 };
    let Some(world) = sim.worlds.get(output as usize) else { return 0 };
    let needed = world.size(frame).area() as usize * 4;
    if buffer.is_null() || len < needed {
        return needed;
    }
    // SAFETY: as the caller promises.
    unsafe { deliver(&sim.image(output as usize, frame, sim.now()), buffer, len) }
}

/// Writes the picture of a captured window of this size in `frame`: BGRA, alpha 255, rows without padding. Returns the number of its bytes.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lab_window_frame(frame: u32, width: u32, height: u32, buffer: *mut u8, len: usize) -> usize {
    let size = Size::new(width, height);
    let needed = size.area() as usize * 4;
    if buffer.is_null() || len < needed {
        return needed;
    }
    // SAFETY: as the caller promises.
    unsafe { deliver(&window_image(frame, size), buffer, len) }
}

/// `CreateDispatcherQueueController` of coremessaging.dll for the thread that calls it, for a DLL that stands in for that one.
///
/// # Safety
/// `controller` is null or valid for an object.
#[no_mangle]
pub unsafe extern "C" fn lab_dispatcher_queue_controller(controller: *mut *mut c_void) -> i32 {
    // SAFETY: as the caller promises.
    let Some(controller) = (unsafe { controller.as_mut() }) else { return E_POINTER.0 };
    *controller = std::ptr::null_mut();
    match create_controller() {
        Ok(object) => {
            *controller = object.into_raw();
            0
        }
        Err(error) => error.code().0,
    }
}

/// Number of the frame that the desktop shows now, 0 if no lab runs.
#[no_mangle]
pub extern "C" fn lab_present() -> u64 {
    current().map_or(0, |sim| sim.worlds[0].frame_at(sim.now()))
}

/// Milliseconds since the start, on the clock of the script; -1 if no lab runs.
#[no_mangle]
pub extern "C" fn lab_time_ms() -> f64 {
    current().map_or(-1.0, |sim| sim.now().as_secs_f64() * 1000.0)
}

/// Called by the loader. Starts the lab if the environment holds a script.
#[no_mangle]
pub extern "system" fn DllMain(_module: HMODULE, reason: u32, _reserved: *mut c_void) -> BOOL {
    if reason == DLL_PROCESS_ATTACH {
        if let Ok(script) = std::env::var(VARIABLE) {
            return (start(&script) == 0).into();
        }
    }
    true.into()
}

/// Writes the pixels of the shared texture that `handle` leads to, as a reader gets them: BGRA or half floats, rows without padding. Returns the number of
/// their bytes, 0 after a failure that [`lab_message`] explains. If the texture has a keyed mutex, the reader waits for key 1, for at most
/// a second, and releases key 0. `behaviour` 1: it ends instead of releasing the mutex, which is abandoned. 2: it never releases it.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lab_shared(handle: usize, behaviour: u32, buffer: *mut u8, len: usize) -> usize {
    let Some(sim) = current() else { return 0 };
    let behaviours = [Behaviour::Polite, Behaviour::Dying, Behaviour::Hanging];
    let behaviour = behaviours.get(behaviour as usize).copied().unwrap_or(Behaviour::Polite);
    let handle = HANDLE(handle as *mut c_void);
    match reader::read(&sim, handle, behaviour) {
        // SAFETY: as the caller promises.
        Ok(pixels) => unsafe { deliver(&pixels, buffer, len) },
        Err(error) => {
            fail(error.to_string());
            0
        }
    }
}
