//! Copying, mapping and flushing: counted, delayed or failed as the script says, and checked against the frames that are acquired.

use std::ffi::c_void;

use windows::Win32::Foundation::S_OK;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11DeviceContext, ID3D11DeviceContext_Vtbl, ID3D11Resource, ID3D11Texture2D, D3D11_BOX, D3D11_MAP,
    D3D11_MAPPED_SUBRESOURCE, D3D11_MAP_FLAG_DO_NOT_WAIT, D3D11_MAP_READ, D3D11_TEXTURE2D_DESC, D3D11_USAGE_STAGING,
};
use windows::Win32::Graphics::Dxgi::DXGI_ERROR_WAS_STILL_DRAWING;
use windows_core::{Interface, Result, HRESULT};

use crate::bypass::bypass;
use crate::clock::timed;
use crate::counters::{add, count};
use crate::hooks::queue;
use crate::hooks::watched::{context_call, device_time, ContextCall};
use crate::mutex::lock;
use crate::patch::vtable::{original, patch, slot};
use crate::script::call::Call;
use crate::script::format::bytes_per_pixel;
use crate::state::device::Device;
use crate::state::simulation::Simulation;

const MAP: usize = slot!(ID3D11DeviceContext_Vtbl, Map);
const UNMAP: usize = slot!(ID3D11DeviceContext_Vtbl, Unmap);
const COPY_REGION: usize = slot!(ID3D11DeviceContext_Vtbl, CopySubresourceRegion);
const COPY: usize = slot!(ID3D11DeviceContext_Vtbl, CopyResource);
const FLUSH: usize = slot!(ID3D11DeviceContext_Vtbl, Flush);
const _: () = assert!(MAP == 14 && UNMAP == 15 && COPY_REGION == 46 && COPY == 47 && FLUSH == 111);

type Map =
    unsafe extern "system" fn(*mut c_void, *mut c_void, u32, D3D11_MAP, u32, *mut D3D11_MAPPED_SUBRESOURCE) -> HRESULT;
type Unmap = unsafe extern "system" fn(*mut c_void, *mut c_void, u32);
type Copy = unsafe extern "system" fn(*mut c_void, *mut c_void, *mut c_void);
type CopyRegion =
    unsafe extern "system" fn(*mut c_void, *mut c_void, u32, u32, u32, u32, *mut c_void, u32, *const D3D11_BOX);
type Flush = unsafe extern "system" fn(*mut c_void);

/// Replaces methods of contexts.
pub(crate) fn install(context: &ID3D11DeviceContext) -> Result<()> {
    let methods = [
        (MAP, map as *const () as usize),
        (UNMAP, unmap as *const () as usize),
        (COPY_REGION, copy_region as *const () as usize),
        (COPY, copy as *const () as usize),
        (FLUSH, flush as *const () as usize),
    ];
    // SAFETY: the slots are those of the interface, and the hooks have their types.
    unsafe { patch(context, methods) }
}

/// The description of a texture; `None` for another resource.
///
/// # Safety
/// `resource` is null or a resource.
unsafe fn describe(resource: *mut c_void) -> Option<D3D11_TEXTURE2D_DESC> {
    // SAFETY: as the caller promises.
    let texture: ID3D11Texture2D = unsafe { ID3D11Resource::from_raw_borrowed(&resource) }?.cast().ok()?;
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: the pointer is valid for the call.
    unsafe { texture.GetDesc(&raw mut desc) };
    Some(desc)
}

fn bytes(desc: &D3D11_TEXTURE2D_DESC) -> u64 {
    u64::from(desc.Width) * u64::from(desc.Height) * bytes_per_pixel(desc.Format) as u64
}

unsafe extern "system" fn map(
    this: *mut c_void,
    resource: *mut c_void,
    subresource: u32,
    kind: D3D11_MAP,
    flags: u32,
    out: *mut D3D11_MAPPED_SUBRESOURCE,
) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: Map = unsafe { original(this, MAP) };
    // SAFETY: `this` is the context that the method was called on.
    let Some(call) = (unsafe { context_call(&this) }) else {
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, resource, subresource, kind, flags, out) };
    };
    submit(&call);
    let ContextCall { sim, device, .. } = call;
    let _lock = lock(&device.lock);
    let may_wait = flags & D3D11_MAP_FLAG_DO_NOT_WAIT.0 as u32 == 0;
    if let Some(code) = failed_map(&sim, &device, resource as usize, may_wait) {
        device.note(code);
        if code == DXGI_ERROR_WAS_STILL_DRAWING {
            count(&sim.counters.maps_still_drawing);
        }
        return code;
    }
    // SAFETY: the caller's own arguments.
    let map = || unsafe { before(this, resource, subresource, kind, flags, out) };
    let code = timed(Some(&sim.counters.device_ns), map);
    if code == DXGI_ERROR_WAS_STILL_DRAWING {
        count(&sim.counters.maps_still_drawing);
    }
    // SAFETY: `resource` could be mapped; after success `out` is null or filled.
    if let (S_OK, Some(desc), Some(mapped)) = (code, unsafe { describe(resource) }, unsafe { out.as_mut() }) {
        count(&sim.counters.maps);
        add(&sim.counters.bytes_mapped, bytes(&desc));
        if sim.settings.pitch > 0 && kind == D3D11_MAP_READ {
            let mut wide = vec![0xCD; padded_len(&desc, mapped.RowPitch as usize, sim.settings.pitch)];
            // SAFETY: what `Map` has just returned, read as far as the description goes.
            unsafe { pad(&desc, mapped, sim.settings.pitch, &mut wide) };
            lock(&device.padded).insert((resource as usize, subresource), wide);
        }
    }
    code
}

/// The code with which a `Map` fails: by injection, because the device is removed, or because a copy is slow and the caller does not
/// wait. A caller that may wait waits here.
fn failed_map(sim: &Simulation, device: &Device, resource: usize, may_wait: bool) -> Option<HRESULT> {
    if let Some(code) = sim.injected(Call::Map) {
        // A caller that may wait never gets `WAS_STILL_DRAWING`.
        return Some(code).filter(|code| !may_wait || *code != DXGI_ERROR_WAS_STILL_DRAWING);
    }
    if let Some(code) = sim.removal(device, sim.now()) {
        return Some(code);
    }
    let ready = lock(&device.schedule).ready(resource)?;
    while let Some(left) = ready.checked_sub(sim.now()).filter(|left| !left.is_zero()) {
        if !may_wait {
            return Some(DXGI_ERROR_WAS_STILL_DRAWING);
        }
        sim.clock.sleep(Some(left));
    }
    None
}

/// Bytes to skip, so that mapped memory begins at an odd multiple of 16, as with drivers.
fn lead(memory: &[u8]) -> usize {
    16 + memory.as_ptr().align_offset(32)
}

fn padded_len(desc: &D3D11_TEXTURE2D_DESC, pitch: usize, more: usize) -> usize {
    (pitch + more) * desc.Height as usize + 64
}

/// Copies mapped rows to rows in `wide` that are `more` bytes further apart, and makes `mapped` describe those.
///
/// # Safety
/// `mapped` describes readable memory for a texture of `desc`.
unsafe fn pad(desc: &D3D11_TEXTURE2D_DESC, mapped: &mut D3D11_MAPPED_SUBRESOURCE, more: usize, wide: &mut [u8]) {
    let lead = lead(wide);
    let (width, before) = (desc.Width as usize * bytes_per_pixel(desc.Format), mapped.RowPitch as usize);
    for (y, row) in wide[lead..].chunks_mut(before + more).take(desc.Height as usize).enumerate() {
        // SAFETY: row `y` of the mapped memory has `width` bytes.
        let old = unsafe { std::slice::from_raw_parts(mapped.pData.cast::<u8>().add(y * before), width) };
        row[..width].copy_from_slice(old);
    }
    mapped.pData = wide[lead..].as_mut_ptr().cast();
    mapped.RowPitch = (before + more) as u32;
}

unsafe extern "system" fn unmap(this: *mut c_void, resource: *mut c_void, subresource: u32) {
    // SAFETY: called for the slot that was replaced.
    let before: Unmap = unsafe { original(this, UNMAP) };
    // SAFETY: `this` is the context that the method was called on.
    let call = unsafe { context_call(&this) };
    let _lock = call.as_ref().map(|ContextCall { sim, device, .. }| {
        count(&sim.counters.unmaps);
        lock(&device.padded).remove(&(resource as usize, subresource));
        lock(&device.lock)
    });
    // SAFETY: the caller's own arguments.
    timed(device_time(call.as_ref()), || unsafe { before(this, resource, subresource) });
}

/// Counts a copy out of a texture whose frame is not acquired. If the desktop has presented since its release, the texture is overwritten
/// first: so nothing needs to be overwritten for programs that keep the rule.
fn check_source(sim: &Simulation, context: &ID3D11DeviceContext, resource: usize) {
    let Some(record) = lock(&sim.textures).get(&resource).cloned() else { return };
    if !record.has_image {
        count(&sim.counters.read_without_image);
    }
    if record.is_acquired() {
        return;
    }
    count(&sim.counters.read_after_release);
    if record.is_outdated(sim.worlds[record.output].frame_at(sim.now())) && !record.is_poisoned() {
        let raw = resource as *mut c_void;
        // SAFETY: the address has a record, so the pool that made the texture still holds it.
        if let Some(texture) = unsafe { ID3D11Texture2D::from_raw_borrowed(&raw) } {
            bypass(|| record.poison(context, texture));
        }
    }
}

/// Counts a copy that reads beyond the content of a frame. `end` is the far corner of the part, if it is not everything.
fn check_content(sim: &Simulation, resource: usize, end: Option<(u32, u32)>) {
    let record = lock(&sim.textures).get(&resource).cloned();
    if record.is_some_and(|record| record.exceeds_content(end)) {
        count(&sim.counters.wgc_outside_content);
    }
}

/// Counts a copy of `len` bytes, and lets the device take its time for it.
///
/// # Safety
/// `to` is null or a resource.
unsafe fn begin_copy(sim: &Simulation, device: &Device, to: *mut c_void, len: u64) {
    add(&sim.counters.bytes_copied, len);
    // SAFETY: as the caller promises.
    let is_readback = unsafe { describe(to) }.is_some_and(|desc| desc.Usage == D3D11_USAGE_STAGING);
    lock(&device.schedule).copy(sim.now(), to as usize, is_readback, sim.copy_time(len));
}

/// The device does everything that is queued.
pub(super) fn submit(call: &ContextCall<'_>) {
    queue::submit(call, |context, source| check_source(&call.sim, context, source));
}

unsafe extern "system" fn copy(this: *mut c_void, to: *mut c_void, from: *mut c_void) {
    // SAFETY: called for the slot that was replaced.
    let before: Copy = unsafe { original(this, COPY) };
    // SAFETY: `this` is the context that the method was called on.
    let call = unsafe { context_call(&this) };
    let _lock = call.as_ref().map(|ContextCall { sim, device, context }| {
        let guard = lock(&device.lock);
        check_source(sim, context, from as usize);
        check_content(sim, from as usize, None);
        count(&sim.counters.copy_resource);
        // SAFETY: the caller's own argument.
        let len = unsafe { describe(from) }.map_or(0, |desc| bytes(&desc));
        // SAFETY: as above.
        unsafe { begin_copy(sim, device, to, len) };
        guard
    });
    // SAFETY: the caller's own arguments.
    if unsafe { queue::enqueue(call.as_ref(), (to, 0, [0; 3]), (from, 0), std::ptr::null()) } {
        return;
    }
    // SAFETY: the caller's own arguments.
    timed(device_time(call.as_ref()), || unsafe { before(this, to, from) });
}

unsafe extern "system" fn copy_region(
    this: *mut c_void,
    to: *mut c_void,
    to_sub: u32,
    x: u32,
    y: u32,
    z: u32,
    from: *mut c_void,
    from_sub: u32,
    part: *const D3D11_BOX,
) {
    // SAFETY: called for the slot that was replaced.
    let before: CopyRegion = unsafe { original(this, COPY_REGION) };
    // SAFETY: `this` is the context that the method was called on.
    let call = unsafe { context_call(&this) };
    let _lock = call.as_ref().map(|ContextCall { sim, device, context }| {
        let guard = lock(&device.lock);
        check_source(sim, context, from as usize);
        count(&sim.counters.copy_region);
        // SAFETY: the caller's own arguments.
        let (desc, part) = unsafe { (describe(from), part.as_ref()) };
        check_content(sim, from as usize, part.map(|part| (part.right, part.bottom)));
        let len = desc.map_or(0, |desc| match part {
            None => bytes(&desc),
            Some(part) => {
                let area =
                    u64::from(part.right.saturating_sub(part.left)) * u64::from(part.bottom.saturating_sub(part.top));
                area * bytes_per_pixel(desc.Format) as u64
            }
        });
        // SAFETY: as above.
        unsafe { begin_copy(sim, device, to, len) };
        guard
    });
    // SAFETY: the caller's own arguments.
    if unsafe { queue::enqueue(call.as_ref(), (to, to_sub, [x, y, z]), (from, from_sub), part) } {
        return;
    }
    // SAFETY: the caller's own arguments.
    timed(device_time(call.as_ref()), || unsafe {
        before(this, to, to_sub, x, y, z, from, from_sub, part);
    });
}

unsafe extern "system" fn flush(this: *mut c_void) {
    // SAFETY: called for the slot that was replaced.
    let before: Flush = unsafe { original(this, FLUSH) };
    // SAFETY: `this` is the context that the method was called on.
    let call = unsafe { context_call(&this) };
    let _lock = call.as_ref().map(|call| {
        submit(call);
        count(&call.sim.counters.flushes);
        lock(&call.device.lock)
    });
    // SAFETY: the caller's own argument.
    timed(device_time(call.as_ref()), || unsafe { before(this) });
}
