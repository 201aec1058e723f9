//! The laboratory for everything that can load a DLL.

use std::ffi::{c_char, c_void, CStr};
use std::sync::Mutex;

use windows::Win32::Foundation::{HANDLE, HMODULE};
use windows::Win32::System::SystemServices::DLL_PROCESS_ATTACH;
use windows_core::BOOL;

use crate::reader::{self, Manner};
use crate::{lab, lock, stage, Lab};

/// The script that starts the laboratory by itself when the DLL is loaded.
const VARIABLE: &str = "RUSTCAM_LAB_SCRIPT";

static RUNNING: Mutex<Option<Lab>> = Mutex::new(None);
static MESSAGE: Mutex<String> = Mutex::new(String::new());

fn start(script: &str) -> i32 {
    let mut running = lock(&RUNNING);
    // One at a time: the old desktop ends first.
    *running = None;
    match Lab::install(script) {
        Ok(lab) => {
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

/// Copies as much of `bytes` as fits and says how many there are.
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

/// Starts the laboratory with a script in UTF-8; one that runs already is stopped first. 0 is success, -1 a failure that
/// [`lab_message`] explains. Null stands for the empty script.
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

/// Stops the laboratory. Duplications that still exist have lost their access.
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

/// Writes the counters as JSON, without a zero byte; returns the length of the whole text, 0 if no laboratory runs.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lab_counters(buffer: *mut u8, len: usize) -> usize {
    let Some(stage) = stage::current() else { return 0 };
    // SAFETY: as the caller promises.
    unsafe { deliver(lab::counters(&stage).to_json().as_bytes(), buffer, len) }
}

/// Makes the `nth` call (0: every call) of the method called `call` fail with `code`, see `docs/lab.md`. 0 is success, -1 a failure
/// that [`lab_message`] explains.
///
/// # Safety
/// `call` is null or ends with a zero byte.
#[no_mangle]
pub unsafe extern "C" fn lab_inject(call: *const c_char, nth: u32, code: i32) -> i32 {
    let Some(stage) = stage::current() else { return fail("no laboratory runs".into()) };
    if call.is_null() {
        return fail("no call".into());
    }
    // SAFETY: ends with a zero byte, as the caller promises.
    let name = unsafe { CStr::from_ptr(call) }.to_string_lossy();
    lab::inject(&stage, &name, nth, code).map_or_else(fail, |()| 0)
}

/// Forgets every failure that is still to come.
#[no_mangle]
pub extern "C" fn lab_heal() {
    if let Some(stage) = stage::current() {
        lab::heal(&stage);
    }
}

/// Writes the picture that a perfect capturer gets now of `frame` of the first output: BGRA, alpha 255, rows without padding. Returns
/// the number of its bytes, 0 if no laboratory runs.
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
    let Some(stage) = stage::current() else { return 0 };
    let Some(world) = stage.worlds.get(output as usize) else { return 0 };
    let needed = world.size(frame).area() as usize * 4;
    if buffer.is_null() || len < needed {
        return needed;
    }
    // SAFETY: as the caller promises.
    unsafe { deliver(&stage.image(output as usize, frame, stage.now()), buffer, len) }
}

/// Number of the frame that the desktop shows now, 0 if no laboratory runs.
#[no_mangle]
pub extern "C" fn lab_present() -> u64 {
    stage::current().map_or(0, |stage| stage.worlds[0].frame_at(stage.now()))
}

/// Milliseconds since the start, on the clock of the script; -1 if no laboratory runs.
#[no_mangle]
pub extern "C" fn lab_time_ms() -> f64 {
    stage::current().map_or(-1.0, |stage| stage.now().as_secs_f64() * 1000.0)
}

/// Called by the loader. Starts the laboratory if the environment holds a script.
#[no_mangle]
pub extern "system" fn DllMain(_module: HMODULE, reason: u32, _reserved: *mut c_void) -> BOOL {
    if reason == DLL_PROCESS_ATTACH {
        if let Ok(script) = std::env::var(VARIABLE) {
            return (start(&script) == 0).into();
        }
    }
    true.into()
}

/// Writes the picture in the shared texture that `handle` leads to: BGRA, rows without padding. Returns the number of its bytes, 0 after a
/// failure that [`lab_message`] explains. With a keyed mutex the picture is read as a reader does: key 1 is acquired, for at most a
/// second, and key 0 left. `manner` 1: the reader ends while it has the key. 2: it ends without leaving a key, but goes on having it.
///
/// # Safety
/// `buffer` is null or valid for `len` bytes.
#[no_mangle]
pub unsafe extern "C" fn lab_shared(handle: usize, manner: u32, buffer: *mut u8, len: usize) -> usize {
    let Some(stage) = stage::current() else { return 0 };
    let manner = [Manner::Polite, Manner::Dying, Manner::Hanging].get(manner as usize).copied();
    let handle = HANDLE(handle as *mut c_void);
    match reader::read(&stage, handle, manner.unwrap_or(Manner::Polite)) {
        // SAFETY: as the caller promises.
        Ok(pixels) => unsafe { deliver(&pixels, buffer, len) },
        Err(error) => {
            fail(error.to_string());
            0
        }
    }
}
