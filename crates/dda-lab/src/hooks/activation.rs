//! The ways to Windows.Graphics.Capture: activation of its classes, functions that wrap devices, attributes of windows.

use std::ffi::c_void;

use windows::Win32::Foundation::{E_INVALIDARG, HWND, RECT, S_OK};
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dwm::{DWMWA_CLOAKED, DWMWA_EXTENDED_FRAME_BOUNDS, DWM_CLOAKED_APP};
use windows::Win32::Graphics::Dxgi::IDXGIDevice;
use windows_core::{IInspectable, IUnknown, Interface, Result, GUID, HRESULT, HSTRING};

use crate::bypass::bypass;
use crate::capture::{self, window};
use crate::com::clear;
use crate::hooks::identity::adapter_identity;
use crate::hooks::watched::injected;
use crate::hooks::{device, waits};
use crate::patch::export::Provided;
use crate::patch::function::Function;
use crate::script::call::Call;
use crate::state::simulation::{current, Simulation};

static ACTIVATE: Function = Function::new(c"combase.dll", c"RoGetActivationFactory");
static ATTRIBUTE: Function = Function::new(c"dwmapi.dll", c"DwmGetWindowAttribute");
static WRAP_DEVICE: Provided = Provided::new(c"d3d11.dll", c"CreateDirect3D11DeviceFromDXGIDevice");
static WRAP_SURFACE: Provided = Provided::new(c"d3d11.dll", c"CreateDirect3D11SurfaceFromDXGISurface");

type Activate = unsafe extern "system" fn(*mut c_void, *const GUID, *mut *mut c_void) -> HRESULT;
type Attribute = unsafe extern "system" fn(HWND, u32, *mut c_void, u32) -> HRESULT;
type Wrap = unsafe extern "system" fn(*mut c_void, *mut *mut c_void) -> HRESULT;

/// Replaces the functions, unless the script leaves Windows.Graphics.Capture as it is.
pub(crate) fn install(sim: &Simulation) -> Result<()> {
    if sim.settings.wgc.off {
        return Ok(());
    }
    // SAFETY: the hooks have the types of these functions.
    unsafe {
        ACTIVATE.replace(activate as *const () as usize)?;
        ATTRIBUTE.replace(attribute as *const () as usize)?;
        WRAP_DEVICE.provide(wrap_device as *const () as usize)?;
        WRAP_SURFACE.provide(wrap_surface as *const () as usize)
    }
}

unsafe extern "system" fn activate(class: *mut c_void, iid: *const GUID, out: *mut *mut c_void) -> HRESULT {
    let found = current().filter(|sim| !sim.settings.wgc.off).map(|sim| {
        // SAFETY: the caller's string, null for an empty one; it stays the caller's.
        let name = unsafe { std::mem::ManuallyDrop::new(std::mem::transmute::<*mut c_void, HSTRING>(class)) };
        capture::factory(&sim, &name.to_string())
    });
    match found {
        Some(Ok(Some(_))) if iid.is_null() || out.is_null() => E_INVALIDARG,
        // SAFETY: not null, hence valid.
        Some(Ok(Some(factory))) => unsafe { factory.query(iid, out) },
        Some(Err(error)) => {
            // SAFETY: null or the caller's variable.
            unsafe { clear(out) };
            error.code()
        }
        // SAFETY: the function that was replaced, with the caller's own arguments.
        _ => unsafe { ACTIVATE.original::<Activate>()(class, iid, out) },
    }
}

unsafe extern "system" fn wrap_device(device: *mut c_void, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: the arguments of a function of COM: null or valid.
    unsafe { wrap(device, out, &WRAP_DEVICE, capture::wrap_device) }
}

unsafe extern "system" fn wrap_surface(surface: *mut c_void, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: as above.
    unsafe { wrap(surface, out, &WRAP_SURFACE, capture::wrap_surface) }
}

/// # Safety
/// `object` is null or an object, `out` null or valid.
unsafe fn wrap(
    object: *mut c_void,
    out: *mut *mut c_void,
    provided: &Provided,
    wrap: impl FnOnce(&IUnknown) -> Result<IInspectable>,
) -> HRESULT {
    // SAFETY: as the caller promises.
    unsafe { clear(out) };
    // SAFETY: as the caller promises.
    let (Some(wrapped), false) = (unsafe { IUnknown::from_raw_borrowed(&object) }, out.is_null()) else {
        return E_INVALIDARG;
    };
    let Some(sim) = current().filter(|sim| !sim.settings.wgc.off) else {
        // SAFETY: the function of the system, if it has one, with the caller's own arguments.
        return unsafe { provided.original::<Wrap>() }.map_or(capture::ABSENT, |wrap| unsafe { wrap(object, out) });
    };
    if let Some(code) = injected(Call::CreateDirect3D11Device) {
        return code;
    }
    let result = watch(&sim, wrapped).and_then(|()| wrap(wrapped));
    match result {
        Ok(object) => {
            // SAFETY: not null, hence the caller's variable.
            unsafe { *out = object.into_raw() };
            S_OK
        }
        Err(error) => error.code(),
    }
}

/// A device that captures is watched as one that duplicates.
fn watch(sim: &Simulation, object: &IUnknown) -> Result<()> {
    let Ok(device) = object.cast::<ID3D11Device>() else { return Ok(()) };
    waits::install_for_captures(sim)?;
    if sim.device(&device).is_none() {
        bypass(|| device::install(&device))?;
        // SAFETY: every Direct3D device is a DXGI device with an adapter.
        let adapter = unsafe { device.cast::<IDXGIDevice>()?.GetAdapter()? };
        sim.register(&device, adapter_identity(sim, &adapter).0);
    }
    Ok(())
}

unsafe extern "system" fn attribute(window: HWND, attribute: u32, out: *mut c_void, size: u32) -> HRESULT {
    let sim = current().filter(|sim| !sim.settings.wgc.off && !out.is_null());
    match sim {
        Some(sim) if attribute == DWMWA_EXTENDED_FRAME_BOUNDS.0 as u32 && size as usize >= size_of::<RECT>() => {
            let Some(bounds) = window::visible_bounds(&sim, window) else { return E_INVALIDARG };
            // SAFETY: not null, and as large as the caller says.
            unsafe { out.cast::<RECT>().write_unaligned(bounds) };
            S_OK
        }
        Some(_) if attribute == DWMWA_CLOAKED.0 as u32 && size as usize >= size_of::<u32>() => {
            let cloaked = if window::is_cloaked(window) { DWM_CLOAKED_APP } else { 0 };
            // SAFETY: as above.
            unsafe { out.cast::<u32>().write_unaligned(cloaked) };
            S_OK
        }
        // SAFETY: the function that was replaced, with the caller's own arguments.
        _ => unsafe { ATTRIBUTE.original::<Attribute>()(window, attribute, out, size) },
    }
}
