//! Creating and opening shared surfaces.

use std::sync::Arc;

use windows::Win32::Foundation::{E_INVALIDARG, HANDLE};
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Device, ID3D11Texture2D, D3D11_RESOURCE_MISC_SHARED_KEYEDMUTEX, D3D11_RESOURCE_MISC_SHARED_NTHANDLE,
    D3D11_TEXTURE2D_DESC,
};
use windows::Win32::Graphics::Dxgi::IDXGIDevice;
use windows_core::{Interface, Result};

use crate::bypass::bypass;
use crate::counters::count;
use crate::mutex::lock;
use crate::pixels::transfer::copy_across;
use crate::sharing::endpoint::Endpoint;
use crate::state::mapping;
use crate::state::simulation::Simulation;
use crate::state::surface::SharedSurface;

/// Whether a texture is created to be shared by an NT handle.
pub(crate) fn is_shared(desc: &D3D11_TEXTURE2D_DESC) -> bool {
    desc.MiscFlags & D3D11_RESOURCE_MISC_SHARED_NTHANDLE.0 as u32 != 0
}

/// Makes the surface of a texture that the program created to be shared.
pub(crate) fn create(sim: &Simulation, desc: &D3D11_TEXTURE2D_DESC, texture: &ID3D11Texture2D) -> Result<()> {
    let keyed = desc.MiscFlags & D3D11_RESOURCE_MISC_SHARED_KEYEDMUTEX.0 as u32 != 0;
    let surface = Arc::new(SharedSurface::new(sim.new_number(), texture, keyed)?);
    count(&sim.counters.shared_textures);
    let mut surfaces = lock(&sim.surfaces);
    surfaces.retain(|_, surface| surface.is_in_use());
    surfaces.insert(surface.number, Arc::clone(&surface));
    drop(surfaces);
    Endpoint::attach(sim, texture, surface, true)
}

/// The surface that a handle leads to.
pub(crate) fn surface_of(sim: &Simulation, handle: HANDLE) -> Result<Arc<SharedSurface>> {
    let number = mapping::number_of(handle)?;
    Ok(lock(&sim.surfaces).get(&number).cloned().ok_or(E_INVALIDARG)?)
}

/// A surface without a keyed mutex is read: the program has to wait until the device has drawn it.
pub(crate) fn check_finished(sim: &Simulation, surface: &SharedSurface) {
    if surface.keyed.is_none() && sim.is_drawing(surface.last_drawn()) {
        count(&sim.counters.opened_before_done);
    }
}

/// A texture on `device` for the surface that `handle` leads to.
pub(crate) fn open(sim: &Simulation, device: &ID3D11Device, handle: HANDLE) -> Result<ID3D11Texture2D> {
    let surface = surface_of(sim, handle)?;
    let creator = surface.texture().ok_or(E_INVALIDARG)?;
    // SAFETY: every texture has a device.
    if luid(&unsafe { creator.GetDevice() }?)? != luid(device)? {
        return Err(E_INVALIDARG.into());
    }
    check_finished(sim, &surface);
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    let mut texture = None;
    // SAFETY: all pointers are valid for the calls.
    bypass(|| unsafe {
        creator.GetDesc(&raw mut desc);
        desc.MiscFlags = 0;
        device.CreateTexture2D(&raw const desc, None, Some(&raw mut texture))
    })?;
    let texture: ID3D11Texture2D = texture.ok_or(E_INVALIDARG)?;
    if surface.keyed.is_none() {
        bypass(|| copy_across(&creator, &texture))?;
    }
    Endpoint::attach(sim, &texture, surface, false)?;
    count(&sim.counters.shared_opened);
    Ok(texture)
}

/// Which adapter a device is of.
fn luid(device: &ID3D11Device) -> Result<(u32, i32)> {
    // SAFETY: every Direct3D device is a DXGI device with an adapter.
    let luid = unsafe { device.cast::<IDXGIDevice>()?.GetAdapter()?.GetDesc() }?.AdapterLuid;
    Ok((luid.LowPart, luid.HighPart))
}
