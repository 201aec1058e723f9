//! The other way to map a staging texture: as an `IDXGISurface`.

use std::ffi::c_void;
use std::sync::Arc;

use windows::Win32::Foundation::S_OK;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Device, ID3D11Texture2D, D3D11_CPU_ACCESS_READ, D3D11_TEXTURE2D_DESC, D3D11_USAGE_STAGING,
};
use windows::Win32::Graphics::Dxgi::Common::{DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_SAMPLE_DESC};
use windows::Win32::Graphics::Dxgi::{IDXGISurface, IDXGISurface_Vtbl, DXGI_MAPPED_RECT};
use windows_core::{Interface, Result, HRESULT};

use crate::bypass::bypass;
use crate::counters::{add, count};
use crate::hooks::context::submit;
use crate::hooks::watched::{watching, ContextCall};
use crate::mutex::lock;
use crate::patch::vtable::{original, patch, slot};
use crate::script::call::Call;
use crate::script::format::bytes_per_pixel;

const MAP: usize = slot!(IDXGISurface_Vtbl, Map);
const UNMAP: usize = slot!(IDXGISurface_Vtbl, Unmap);
const _: () = assert!(MAP == 9 && UNMAP == 10);

type Map = unsafe extern "system" fn(*mut c_void, *mut DXGI_MAPPED_RECT, u32) -> HRESULT;
type Unmap = unsafe extern "system" fn(*mut c_void) -> HRESULT;

/// Replaces methods of the surfaces of textures: a texture is created on `device` to find them.
pub(crate) fn install(device: &ID3D11Device) -> Result<()> {
    let desc = D3D11_TEXTURE2D_DESC {
        Width: 1,
        Height: 1,
        MipLevels: 1,
        ArraySize: 1,
        Format: DXGI_FORMAT_B8G8R8A8_UNORM,
        SampleDesc: DXGI_SAMPLE_DESC { Count: 1, Quality: 0 },
        Usage: D3D11_USAGE_STAGING,
        CPUAccessFlags: D3D11_CPU_ACCESS_READ.0 as u32,
        ..Default::default()
    };
    let mut texture: Option<ID3D11Texture2D> = None;
    // SAFETY: both pointers are valid for the call.
    bypass(|| unsafe { device.CreateTexture2D(&raw const desc, None, Some(&raw mut texture)) })?;
    let Some(Ok(surface)) = texture.map(|texture| texture.cast::<IDXGISurface>()) else { return Ok(()) };
    // SAFETY: the slots are those of the interface, and the hooks have their types.
    unsafe { patch(&surface, [(MAP, map as *const () as usize), (UNMAP, unmap as *const () as usize)]) }
}

unsafe extern "system" fn map(this: *mut c_void, out: *mut DXGI_MAPPED_RECT, flags: u32) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: Map = unsafe { original(this, MAP) };
    // SAFETY: `this` is the surface that the method was called on.
    let Some((sim, surface)) = watching().zip(unsafe { IDXGISurface::from_raw_borrowed(&this) }) else {
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, out, flags) };
    };
    // SAFETY: every surface of a Direct3D texture has a device.
    let device = unsafe { surface.GetDevice::<ID3D11Device>() }.ok().and_then(|device| sim.device(&device));
    // SAFETY: as above, and every device has an immediate context.
    let context = unsafe { surface.GetDevice::<ID3D11Device>().and_then(|device| device.GetImmediateContext()) }.ok();
    if let (Some(device), Some(context)) = (&device, &context) {
        submit(&ContextCall { sim: Arc::clone(&sim), device: Arc::clone(device), context });
    }
    let _lock = device.as_ref().map(|device| lock(&device.lock));
    if let Some(device) = &device {
        if let Some(code) = sim.injected(Call::Map).or_else(|| sim.removal(device, sim.now())) {
            device.note(code);
            return code;
        }
    }
    // SAFETY: the caller's own arguments. The runtime maps through the context, whose hook must not count it again.
    let code = bypass(|| unsafe { before(this, out, flags) });
    if code == S_OK && device.is_some() {
        count(&sim.counters.maps);
        // SAFETY: the call has no condition.
        if let Ok(desc) = unsafe { surface.GetDesc() } {
            let bytes = desc.Width as usize * desc.Height as usize * bytes_per_pixel(desc.Format);
            add(&sim.counters.bytes_mapped, bytes as u64);
        }
    }
    code
}

unsafe extern "system" fn unmap(this: *mut c_void) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: Unmap = unsafe { original(this, UNMAP) };
    if let Some(sim) = watching() {
        count(&sim.counters.unmaps);
    }
    // SAFETY: the caller's own argument.
    bypass(|| unsafe { before(this) })
}
