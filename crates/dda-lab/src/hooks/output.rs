//! Outputs: which interfaces they have, and how they describe themselves.

use std::ffi::c_void;

use windows::Win32::Foundation::{RECT, S_OK};
use windows::Win32::Graphics::Dxgi::Common::DXGI_MODE_ROTATION;
use windows::Win32::Graphics::Dxgi::{
    IDXGIOutput, IDXGIOutput1, IDXGIOutput5, IDXGIOutput6, IDXGIOutput6_Vtbl, IDXGIOutput_Vtbl, DXGI_OUTPUT_DESC,
    DXGI_OUTPUT_DESC1,
};
use windows::Win32::Graphics::Gdi::HMONITOR;
use windows_core::{IUnknown_Vtbl, Interface, Result, BOOL, GUID, HRESULT};

use crate::com::clear;
use crate::hooks::identity::output_index;
use crate::hooks::watched::injected;
use crate::patch::vtable::{original, patch, slot};
use crate::script::call::Call;
use crate::script::settings::Stale;
use crate::state::describe;
use crate::state::simulation::current;

const QUERY: usize = slot!(IUnknown_Vtbl, QueryInterface);
const DESC: usize = slot!(IDXGIOutput_Vtbl, GetDesc);
const DESC1: usize = slot!(IDXGIOutput6_Vtbl, GetDesc1);
const _: () = assert!(QUERY == 0 && DESC == 7 && DESC1 == 27);

type Query = unsafe extern "system" fn(*mut c_void, *const GUID, *mut *mut c_void) -> HRESULT;
type Describe<T> = unsafe extern "system" fn(*mut c_void, *mut T) -> HRESULT;

/// Replaces methods of outputs.
pub(crate) fn install(output: &IDXGIOutput6) -> Result<()> {
    let methods = [
        (QUERY, query_interface as *const () as usize),
        (DESC, desc as *const () as usize),
        (DESC1, desc1 as *const () as usize),
    ];
    // SAFETY: the slots are those of the interface, and the hooks have their types.
    unsafe { patch(output, methods) }
}

/// Old versions of Windows lack `IDXGIOutput1` or `IDXGIOutput5`; injected failures play them.
unsafe extern "system" fn query_interface(this: *mut c_void, iid: *const GUID, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: null or the caller's variable.
    let call = match unsafe { iid.as_ref() } {
        Some(&IDXGIOutput1::IID) => Some(Call::QueryOutput1),
        Some(&IDXGIOutput5::IID) => Some(Call::QueryOutput5),
        _ => None,
    };
    if let Some(code) = call.and_then(injected) {
        // SAFETY: null or the caller's variable.
        unsafe { clear(out) };
        return code;
    }
    // SAFETY: called for the slot that was replaced.
    let before: Query = unsafe { original(this, QUERY) };
    // SAFETY: the caller's own arguments.
    unsafe { before(this, iid, out) }
}

unsafe extern "system" fn desc(this: *mut c_void, out: *mut DXGI_OUTPUT_DESC) -> HRESULT {
    // SAFETY: the caller's own arguments.
    unsafe {
        describe(this, DESC, out, |desc| Described {
            name: &mut desc.DeviceName,
            place: &mut desc.DesktopCoordinates,
            attached: &mut desc.AttachedToDesktop,
            monitor: &mut desc.Monitor,
            rotation: &mut desc.Rotation,
        })
    }
}

unsafe extern "system" fn desc1(this: *mut c_void, out: *mut DXGI_OUTPUT_DESC1) -> HRESULT {
    // SAFETY: the caller's own arguments.
    let code = unsafe {
        describe(this, DESC1, out, |desc| Described {
            name: &mut desc.DeviceName,
            place: &mut desc.DesktopCoordinates,
            attached: &mut desc.AttachedToDesktop,
            monitor: &mut desc.Monitor,
            rotation: &mut desc.Rotation,
        })
    };
    // SAFETY: after success `out` is valid.
    if let (S_OK, Some(desc), Some(sim)) = (code, unsafe { out.as_mut() }, current()) {
        (desc.ColorSpace, desc.BitsPerColor) = describe::colour(&sim, sim.now());
        (desc.MaxLuminance, desc.MinLuminance) = describe::luminances(&sim, sim.now());
        desc.MaxFullFrameLuminance = desc.MaxLuminance;
    }
    code
}

/// The members of a description that come from the script.
struct Described<'a> {
    name: &'a mut [u16; 32],
    place: &'a mut RECT,
    attached: &'a mut BOOL,
    monitor: &'a mut HMONITOR,
    rotation: &'a mut DXGI_MODE_ROTATION,
}

/// `GetDesc` and `GetDesc1`.
///
/// # Safety
/// As the replaced methods.
unsafe fn describe<T>(this: *mut c_void, slot: usize, out: *mut T, members: fn(&mut T) -> Described<'_>) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: Describe<T> = unsafe { original(this, slot) };
    // SAFETY: the caller's own arguments.
    let code = unsafe { before(this, out) };
    // SAFETY: after success `out` is valid; `this` is the output that the method was called on.
    let (desc, output) = unsafe { (out.as_mut(), IDXGIOutput::from_raw_borrowed(&this)) };
    if let (S_OK, Some(sim), Some(desc), Some(output)) = (code, current(), desc, output) {
        let (index, generation) = output_index(&sim, output);
        let now = sim.now();
        // A stale output describes itself as it was.
        let silent = sim.settings.stale == Stale::Silent;
        let known = if silent { sim.known_until(generation, now) } else { now };
        let desc = members(desc);
        (*desc.name, *desc.place, *desc.rotation) = describe::output(&sim, index, known);
        *desc.attached = true.into();
        if let Some(monitor) = describe::monitor(index) {
            *desc.monitor = HMONITOR(monitor as *mut c_void);
        }
    }
    code
}
