//! Small parts of COM that several objects and hooks need.

pub(crate) mod private_data;
pub(crate) mod tag;

use std::ffi::c_void;

use windows::Win32::Foundation::S_OK;
use windows_core::{Error, IUnknown, Interface, Result, HRESULT};

/// A code as an error, codes of success included.
pub(crate) fn failure<T>(code: HRESULT) -> Result<T> {
    Err(Error::from_hresult(code))
}

/// Writes null where a caller of a method wants an object.
///
/// # Safety
/// `out` is null or valid.
pub(crate) unsafe fn clear(out: *mut *mut c_void) {
    // SAFETY: as the caller promises.
    if let Some(out) = unsafe { out.as_mut() } {
        *out = std::ptr::null_mut();
    }
}

/// What a method wrote to `out`: null unless its code was `S_OK`, and then for its caller, too.
///
/// # Safety
/// `out` is null or valid.
pub(crate) unsafe fn written(code: HRESULT, out: *mut *mut c_void) -> *mut c_void {
    if code != S_OK {
        // SAFETY: as the caller promises.
        unsafe { clear(out) };
    }
    // SAFETY: as the caller promises.
    unsafe { out.as_ref() }.map_or(std::ptr::null_mut(), |object| *object)
}

/// Number of references to an object.
pub(crate) fn references(object: &impl Interface) -> u32 {
    let raw = object.as_raw();
    // SAFETY: every interface begins with `IUnknown`, and the object lives.
    unsafe { IUnknown::from_raw_borrowed(&raw) }.map_or(0, |object| {
        let table = object.vtable();
        // SAFETY: `AddRef` and `Release` of a live object, in balance.
        unsafe {
            (table.AddRef)(raw);
            (table.Release)(raw)
        }
    })
}
