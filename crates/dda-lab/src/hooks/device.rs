//! Devices: textures are counted, and a removed device says so.

use std::ffi::c_void;

use windows::Win32::Graphics::Direct3D11::{
    ID3D11Device, ID3D11DeviceChild, ID3D11Device_Vtbl, ID3D11Texture2D, D3D11_SUBRESOURCE_DATA, D3D11_TEXTURE2D_DESC,
};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows_core::{Interface, Result, HRESULT};

use crate::com::clear;
use crate::counters::count;
use crate::hooks::watched::{injected, watching};
use crate::hooks::{completion, context, drawing, sharing, surface};
use crate::patch::vtable::{original, patch, slot};
use crate::script::call::Call;
use crate::sharing::open;
use crate::state::lifetime;
use crate::state::simulation::current;

const CREATE_TEXTURE: usize = slot!(ID3D11Device_Vtbl, CreateTexture2D);
const FORMAT_SUPPORT: usize = slot!(ID3D11Device_Vtbl, CheckFormatSupport);
const REMOVED_REASON: usize = slot!(ID3D11Device_Vtbl, GetDeviceRemovedReason);
const _: () = assert!(CREATE_TEXTURE == 5 && FORMAT_SUPPORT == 29 && REMOVED_REASON == 39);

type CreateTexture = unsafe extern "system" fn(
    *mut c_void,
    *const D3D11_TEXTURE2D_DESC,
    *const D3D11_SUBRESOURCE_DATA,
    *mut *mut c_void,
) -> HRESULT;
type FormatSupport = unsafe extern "system" fn(*mut c_void, DXGI_FORMAT, *mut u32) -> HRESULT;
type RemovedReason = unsafe extern "system" fn(*mut c_void) -> HRESULT;

/// Replaces methods of devices, and of their contexts and surfaces.
pub(crate) fn install(device: &ID3D11Device) -> Result<()> {
    // SAFETY: every device has an immediate context.
    let immediate = unsafe { device.GetImmediateContext() }?;
    let methods = [
        (CREATE_TEXTURE, create_texture as *const () as usize),
        (FORMAT_SUPPORT, format_support as *const () as usize),
        (REMOVED_REASON, removed_reason as *const () as usize),
    ];
    // SAFETY: the slots are those of the interface, and the hooks have their types.
    unsafe { patch(device, methods) }?;
    context::install(&immediate)?;
    drawing::install(&immediate)?;
    surface::install(device)?;
    completion::install(device)?;
    sharing::install(device)
}

unsafe extern "system" fn create_texture(
    this: *mut c_void,
    desc: *const D3D11_TEXTURE2D_DESC,
    data: *const D3D11_SUBRESOURCE_DATA,
    out: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: CreateTexture = unsafe { original(this, CREATE_TEXTURE) };
    // SAFETY: `this` is the device that the method was called on.
    let call = watching().zip(unsafe { ID3D11Device::from_raw_borrowed(&this) });
    let Some((sim, device)) = call.and_then(|(sim, device)| sim.device(device).map(|record| (sim, record))) else {
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, desc, data, out) };
    };
    if let Some(code) = sim.injected(Call::CreateTexture2D).or_else(|| sim.removal(&device, sim.now())) {
        device.note(code);
        // SAFETY: null or the caller's variable.
        unsafe { clear(out) };
        return code;
    }
    count(&sim.counters.textures);
    // SAFETY: the caller's own arguments.
    let code = unsafe { before(this, desc, data, out) };
    // SAFETY: after success the description is valid and the caller's variable, if there is one, has a texture.
    let created = unsafe { (desc.as_ref(), out.as_ref().and_then(|raw| ID3D11Texture2D::from_raw_borrowed(raw))) };
    if let (true, (Some(desc), Some(texture))) = (code.is_ok(), created) {
        let child: &ID3D11DeviceChild = texture;
        lifetime::count_texture(&sim.counters, child);
        if open::is_shared(desc) {
            // A texture that cannot be shared has no handle later.
            let _ = open::create(&sim, desc, texture).and_then(|()| sharing::install_texture(texture));
        }
    }
    code
}

unsafe extern "system" fn format_support(this: *mut c_void, format: DXGI_FORMAT, out: *mut u32) -> HRESULT {
    if let Some(code) = injected(Call::CheckFormatSupport) {
        return code;
    }
    // SAFETY: called for the slot that was replaced.
    let before: FormatSupport = unsafe { original(this, FORMAT_SUPPORT) };
    // SAFETY: the caller's own arguments.
    unsafe { before(this, format, out) }
}

unsafe extern "system" fn removed_reason(this: *mut c_void) -> HRESULT {
    // SAFETY: `this` is the device that the method was called on.
    if let (Some(sim), Some(device)) = (current(), unsafe { ID3D11Device::from_raw_borrowed(&this) }) {
        if let Some(code) = sim.device(device).and_then(|device| sim.removal(&device, sim.now())) {
            return code;
        }
    }
    // SAFETY: called for the slot that was replaced.
    let before: RemovedReason = unsafe { original(this, REMOVED_REASON) };
    // SAFETY: the caller's own argument.
    unsafe { before(this) }
}
