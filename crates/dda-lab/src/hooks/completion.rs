//! `EnqueueSetEvent`, which Wine does not have: an event that is set when the device has done the work that was queued before.

use std::ffi::c_void;
use std::sync::Arc;

use windows::Win32::Foundation::{HANDLE, S_OK};
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::{IDXGIDevice2, IDXGIDevice2_Vtbl};
use windows_core::{Interface, Result, HRESULT};

use crate::counters::count;
use crate::hooks::context::submit;
use crate::hooks::watched::{watching, ContextCall};
use crate::mutex::lock;
use crate::patch::vtable::{original, patch, slot};
use crate::state::completions;
use crate::state::device::Device;
use crate::state::simulation::Simulation;

const ENQUEUE: usize = slot!(IDXGIDevice2_Vtbl, EnqueueSetEvent);
const _: () = assert!(ENQUEUE == 16);

type Enqueue = unsafe extern "system" fn(*mut c_void, HANDLE) -> HRESULT;

/// Replaces methods of devices.
pub(crate) fn install(device: &ID3D11Device) -> Result<()> {
    let Ok(device) = device.cast::<IDXGIDevice2>() else { return Ok(()) };
    // SAFETY: the slot is that of the interface, and the hook has its type.
    unsafe { patch(&device, [(ENQUEUE, enqueue as *const () as usize)]) }
}

unsafe extern "system" fn enqueue(this: *mut c_void, event: HANDLE) -> HRESULT {
    // SAFETY: `this` is the device that the method was called on.
    let call = watching().zip(unsafe { IDXGIDevice2::from_raw_borrowed(&this) });
    let call = call.filter(|(sim, _)| sim.settings.events.is_some());
    let device = call.and_then(|(sim, device)| Some((sim.device(&device.cast().ok()?)?, sim)));
    let Some((device, sim)) = device else {
        // SAFETY: called for the slot that was replaced, with the caller's own arguments.
        return unsafe { original::<Enqueue>(this, ENQUEUE)(this, event) };
    };
    // The method submits what is queued.
    // SAFETY: every device has an immediate context.
    let context = device_object(this).and_then(|device| unsafe { device.GetImmediateContext() }.ok());
    if let Some(context) = &context {
        submit(&ContextCall { sim: Arc::clone(&sim), device: Arc::clone(&device), context });
    }
    set_when_done(&sim, &device, event).map_or_else(|error| error.code(), |()| S_OK)
}

fn device_object(this: *mut c_void) -> Option<ID3D11Device> {
    // SAFETY: `this` is the device that a method was called on.
    unsafe { IDXGIDevice2::from_raw_borrowed(&this) }?.cast().ok()
}

fn set_when_done(sim: &Simulation, device: &Device, event: HANDLE) -> Result<()> {
    let now = sim.now();
    if let Some(code) = sim.removal(device, now) {
        return Err(code.into());
    }
    count(&sim.counters.events);
    let drawn = lock(&device.drawn).map_or(now, |begun| begun + sim.script.slow_reads());
    let done = now.max(drawn).max(lock(&device.schedule).done());
    let due = done + sim.settings.events.unwrap_or_default();
    if sim.clock.is_virtual() && due > now {
        sim.completions.set_at(event, due)
    } else {
        completions::set_after(event, due.saturating_sub(now))
    }
}
