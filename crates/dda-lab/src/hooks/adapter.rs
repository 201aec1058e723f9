//! Adapters: which outputs they have, and how they describe themselves.

use std::ffi::c_void;

use windows::Win32::Foundation::{LUID, S_OK};
use windows::Win32::Graphics::Dxgi::{
    IDXGIAdapter, IDXGIAdapter1, IDXGIAdapter1_Vtbl, IDXGIAdapter_Vtbl, IDXGIFactory1, IDXGIOutput, DXGI_ADAPTER_DESC,
    DXGI_ADAPTER_DESC1, DXGI_ERROR_NOT_FOUND,
};
use windows_core::{Interface, Result, HRESULT};

use crate::com::written;
use crate::hooks::identity::{adapter_identity, factory_generation, tag_output};
use crate::hooks::watched::injected;
use crate::patch::vtable::{original, patch, slot};
use crate::script::call::Call;
use crate::script::settings::Described;
use crate::state::describe;
use crate::state::simulation::current;

const ENUM_OUTPUTS: usize = slot!(IDXGIAdapter_Vtbl, EnumOutputs);
const DESC: usize = slot!(IDXGIAdapter_Vtbl, GetDesc);
const DESC1: usize = slot!(IDXGIAdapter1_Vtbl, GetDesc1);
const _: () = assert!(ENUM_OUTPUTS == 7 && DESC == 8 && DESC1 == 10);

type Enumerate = unsafe extern "system" fn(*mut c_void, u32, *mut *mut c_void) -> HRESULT;
type Describe<T> = unsafe extern "system" fn(*mut c_void, *mut T) -> HRESULT;

/// Replaces methods of adapters.
pub(crate) fn install(adapter: &IDXGIAdapter1) -> Result<()> {
    let methods = [
        (ENUM_OUTPUTS, enum_outputs as *const () as usize),
        (DESC, desc as *const () as usize),
        (DESC1, desc1 as *const () as usize),
    ];
    // SAFETY: the slots are those of the interface, and the hooks have their types.
    unsafe { patch(adapter, methods) }
}

unsafe extern "system" fn enum_outputs(this: *mut c_void, index: u32, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: Enumerate = unsafe { original(this, ENUM_OUTPUTS) };
    // SAFETY: `this` is the adapter that the method was called on.
    let (Some(sim), Some(adapter)) = (current(), unsafe { IDXGIAdapter::from_raw_borrowed(&this) }) else {
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, index, out) };
    };
    let (here, _) = adapter_identity(&sim, adapter);
    let found = sim.outputs_on(here, sim.now()).nth(index as usize);
    let code = match injected(Call::EnumOutputs) {
        Some(code) => code,
        None if found.is_none() => DXGI_ERROR_NOT_FOUND,
        // SAFETY: the caller's own arguments, but for the index: all outputs are the first.
        None => unsafe { before(this, 0, out) },
    };
    // SAFETY: `out` is null or the caller's variable; after success it holds an output.
    let output = unsafe { written(code, out) };
    // SAFETY: null or an output.
    if let (Some(output), Some(found)) = (unsafe { IDXGIOutput::from_raw_borrowed(&output) }, found) {
        // SAFETY: every adapter has a factory.
        let generation = unsafe { adapter.GetParent::<IDXGIFactory1>() }
            .map_or_else(|_| sim.generation(sim.now()), |factory| factory_generation(&sim, &factory));
        tag_output(&sim, output, found, generation);
    }
    code
}

unsafe extern "system" fn desc(this: *mut c_void, out: *mut DXGI_ADAPTER_DESC) -> HRESULT {
    // SAFETY: the caller's own arguments.
    unsafe {
        describe(this, DESC, out, |desc| Members {
            name: &mut desc.Description,
            vendor: &mut desc.VendorId,
            device: &mut desc.DeviceId,
            luid: &mut desc.AdapterLuid,
        })
    }
}

unsafe extern "system" fn desc1(this: *mut c_void, out: *mut DXGI_ADAPTER_DESC1) -> HRESULT {
    // SAFETY: the caller's own arguments.
    unsafe {
        describe(this, DESC1, out, |desc| Members {
            name: &mut desc.Description,
            vendor: &mut desc.VendorId,
            device: &mut desc.DeviceId,
            luid: &mut desc.AdapterLuid,
        })
    }
}

/// The members of a description that come from the script.
struct Members<'a> {
    name: &'a mut [u16; 128],
    vendor: &'a mut u32,
    device: &'a mut u32,
    luid: &'a mut LUID,
}

/// `GetDesc` and `GetDesc1`: an adapter that exists only in the script has a LUID and, unless all are alike, a name of its own.
///
/// # Safety
/// As the replaced methods.
unsafe fn describe<T>(this: *mut c_void, slot: usize, out: *mut T, members: fn(&mut T) -> Members<'_>) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: Describe<T> = unsafe { original(this, slot) };
    // SAFETY: the caller's own arguments.
    let code = unsafe { before(this, out) };
    // SAFETY: after success `out` is valid; `this` is the adapter that the method was called on.
    let (desc, adapter) = unsafe { (out.as_mut(), IDXGIAdapter::from_raw_borrowed(&this)) };
    if let (S_OK, Some(sim), Some(desc), Some(adapter)) = (code, current(), desc, adapter) {
        let (index, renewals) = adapter_identity(&sim, adapter);
        let Members { name, vendor, device, luid } = members(desc);
        *luid = describe::luid(*luid, index, renewals);
        if index > 0 && !sim.settings.alike {
            *name = describe::utf16(&format!("Lab adapter {index}"));
        } else if sim.settings.described == Described::Basic {
            *name = describe::utf16("Microsoft Basic Render Driver");
            (*vendor, *device) = (0x1414, 0x8C);
        }
    }
    code
}
