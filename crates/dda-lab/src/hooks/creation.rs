//! The functions that create factories and devices: they can be made to fail.

use std::ffi::c_void;

use windows_core::{Result, GUID, HRESULT};

use crate::bypass::bypass;
use crate::com::clear;
use crate::hooks::watched::injected;
use crate::patch::function::Function;
use crate::script::call::Call;

static CREATE_FACTORY: Function = Function::new(c"dxgi.dll", c"CreateDXGIFactory1");
static CREATE_DEVICE: Function = Function::new(c"d3d11.dll", c"D3D11CreateDevice");

type CreateFactory = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;
type CreateDevice = unsafe extern "system" fn(
    *mut c_void,
    i32,
    *mut c_void,
    u32,
    *const i32,
    u32,
    u32,
    *mut *mut c_void,
    *mut i32,
    *mut *mut c_void,
) -> HRESULT;

/// Replaces the functions.
pub(crate) fn install() -> Result<()> {
    // SAFETY: the hooks have the types of these functions.
    unsafe {
        CREATE_FACTORY.replace(create_factory as *const () as usize)?;
        CREATE_DEVICE.replace(create_device as *const () as usize)
    }
}

unsafe extern "system" fn create_factory(iid: *const GUID, out: *mut *mut c_void) -> HRESULT {
    if let Some(code) = injected(Call::CreateDXGIFactory1) {
        // SAFETY: the caller's own argument.
        unsafe { clear(out) };
        return code;
    }
    // SAFETY: this is the function that was replaced, with the caller's own arguments.
    unsafe { CREATE_FACTORY.original::<CreateFactory>()(iid, out) }
}

#[allow(clippy::too_many_arguments)] // As the original.
unsafe extern "system" fn create_device(
    adapter: *mut c_void,
    driver: i32,
    software: *mut c_void,
    flags: u32,
    levels: *const i32,
    number: u32,
    version: u32,
    device: *mut *mut c_void,
    level: *mut i32,
    context: *mut *mut c_void,
) -> HRESULT {
    if let Some(code) = injected(Call::D3D11CreateDevice) {
        // SAFETY: the caller's own arguments.
        unsafe {
            clear(device);
            clear(context);
        }
        return code;
    }
    // What the function calls in turn is not a call of the program.
    // SAFETY: this is the function that was replaced, with the caller's own arguments.
    bypass(|| unsafe {
        let before: CreateDevice = CREATE_DEVICE.original();
        before(adapter, driver, software, flags, levels, number, version, device, level, context)
    })
}
