//! What guests do with the immediate context: counted, delayed, refused, and checked against the frames they own.

use std::ffi::c_void;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use windows::Win32::Foundation::S_OK;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11DeviceContext, ID3D11DeviceContext_Vtbl, ID3D11Resource, ID3D11Texture2D, D3D11_BOX, D3D11_MAP,
    D3D11_MAPPED_SUBRESOURCE, D3D11_MAP_FLAG_DO_NOT_WAIT, D3D11_MAP_READ, D3D11_TEXTURE2D_DESC,
};
use windows::Win32::Graphics::Dxgi::DXGI_ERROR_WAS_STILL_DRAWING;
use windows_core::{Interface, HRESULT};

use crate::counters::{add, count};
use crate::device::{own, Device};
use crate::faults::Call;
use crate::pool;
use crate::qpc::on_the_device;
use crate::stage::{current, Stage};
use crate::vtable::{original, patch};
use crate::{lock, pixels, slot};

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

/// Watches the calls of a context, and of all others of its class.
pub(crate) fn watch(context: &ID3D11DeviceContext) -> windows_core::Result<()> {
    let methods = [
        (MAP, map as *const () as usize),
        (UNMAP, unmap as *const () as usize),
        (COPY_REGION, copy_region as *const () as usize),
        (COPY, copy as *const () as usize),
        (FLUSH, flush as *const () as usize),
    ];
    for (slot, hook) in methods {
        // SAFETY: the slots are those of `ID3D11DeviceContext`, and the hooks have their types.
        unsafe { patch(context.as_raw(), slot, hook) }?;
    }
    Ok(())
}

/// The stage and the device of a call that a guest makes on a device with a duplication.
///
/// # Safety
/// `this` is a context.
pub(crate) unsafe fn guest(this: &*mut c_void) -> Option<(Arc<Stage>, Arc<Device>, &ID3D11DeviceContext)> {
    let stage = current().filter(|_| !own())?;
    // SAFETY: as the caller promises.
    let context = unsafe { ID3D11DeviceContext::from_raw_borrowed(this) }?;
    let device = stage.device_of(context)?;
    Some((stage, device, context))
}

/// Where the time goes that a guest's device works.
pub(crate) fn device_time<'a>(
    guest: Option<&'a (Arc<Stage>, Arc<Device>, &ID3D11DeviceContext)>,
) -> Option<&'a AtomicU64> {
    guest.map(|(stage, _, _)| &stage.counting.device_ns)
}

/// Description of a texture, `None` for another resource.
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
    u64::from(desc.Width) * u64::from(desc.Height) * pixels::bytes(desc.Format) as u64
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
    let Some((stage, device, _)) = (unsafe { guest(&this) }) else {
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, resource, subresource, kind, flags, out) };
    };
    let _lock = lock(&device.lock);
    let patient = flags & D3D11_MAP_FLAG_DO_NOT_WAIT.0 as u32 == 0;
    if let Some(code) = refusal(&stage, &device, resource as usize, patient) {
        device.note(code);
        if code == DXGI_ERROR_WAS_STILL_DRAWING {
            count(&stage.counting.maps_still_drawing);
        }
        return code;
    }
    // SAFETY: the caller's own arguments.
    let call = || unsafe { before(this, resource, subresource, kind, flags, out) };
    let code = on_the_device(Some(&stage.counting.device_ns), call);
    if code == DXGI_ERROR_WAS_STILL_DRAWING {
        count(&stage.counting.maps_still_drawing);
    }
    // SAFETY: `resource` could be mapped; after success `out` is null or filled.
    if let (S_OK, Some(desc), Some(mapped)) = (code, unsafe { describe(resource) }, unsafe { out.as_mut() }) {
        count(&stage.counting.maps);
        add(&stage.counting.bytes_mapped, bytes(&desc));
        if stage.settings.pitch > 0 && kind == D3D11_MAP_READ {
            let mut wide = vec![0xCD; padded_len(&desc, mapped.RowPitch as usize, stage.settings.pitch)];
            // SAFETY: what `Map` has just handed out, read as far as the description goes.
            unsafe { pad(&desc, mapped, stage.settings.pitch, &mut wide) };
            lock(&device.padded).insert((resource as usize, subresource), wide);
        }
    }
    code
}

/// The code with which a `Map` fails: on demand, because the device is gone, or because the copy is said to take longer.
fn refusal(stage: &Stage, device: &Device, resource: usize, patient: bool) -> Option<HRESULT> {
    if let Some(code) = stage.inject(Call::Map) {
        // A patient caller is never told to come again.
        return Some(code).filter(|code| !patient || *code != DXGI_ERROR_WAS_STILL_DRAWING);
    }
    if let Some(code) = device.removed(stage, stage.now()) {
        return Some(code);
    }
    let slow = stage.script.slow_reads();
    let ready = lock(&device.copied).get(&resource).map(|copied| *copied + slow)?;
    while let Some(left) = ready.checked_sub(stage.now()).filter(|left| !slow.is_zero() && !left.is_zero()) {
        if !patient {
            return Some(DXGI_ERROR_WAS_STILL_DRAWING);
        }
        stage.clock.sleep(Some(left));
    }
    None
}

/// An odd multiple of 16 bytes, as drivers begin mapped memory at.
fn lead(memory: &[u8]) -> usize {
    16 + memory.as_ptr().align_offset(32)
}

fn padded_len(desc: &D3D11_TEXTURE2D_DESC, pitch: usize, more: usize) -> usize {
    (pitch + more) * desc.Height as usize + 64
}

/// Copies mapped rows to rows that are `more` bytes further apart, and hands out those.
///
/// # Safety
/// `mapped` describes readable memory for a texture of `desc`.
unsafe fn pad(desc: &D3D11_TEXTURE2D_DESC, mapped: &mut D3D11_MAPPED_SUBRESOURCE, more: usize, wide: &mut [u8]) {
    let lead = lead(wide);
    let (width, before) = (desc.Width as usize * pixels::bytes(desc.Format), mapped.RowPitch as usize);
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
    let guest = unsafe { guest(&this) };
    let _lock = guest.as_ref().map(|(stage, device, _)| {
        count(&stage.counting.unmaps);
        lock(&device.padded).remove(&(resource as usize, subresource));
        lock(&device.lock)
    });
    // SAFETY: the caller's own arguments.
    on_the_device(device_time(guest.as_ref()), || unsafe { before(this, resource, subresource) });
}

unsafe extern "system" fn copy(this: *mut c_void, to: *mut c_void, from: *mut c_void) {
    // SAFETY: called for the slot that was replaced.
    let before: Copy = unsafe { original(this, COPY) };
    // SAFETY: `this` is the context that the method was called on.
    let guest = unsafe { guest(&this) };
    let _lock = guest.as_ref().map(|(stage, device, context)| {
        let guard = lock(&device.lock);
        pool::check_source(stage, context, from as usize);
        count(&stage.counting.copy_resource);
        // SAFETY: the caller's own argument.
        add(&stage.counting.bytes_copied, unsafe { describe(from) }.map_or(0, |desc| bytes(&desc)));
        lock(&device.copied).insert(to as usize, stage.now());
        guard
    });
    // SAFETY: the caller's own arguments.
    on_the_device(device_time(guest.as_ref()), || unsafe { before(this, to, from) });
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
    let guest = unsafe { guest(&this) };
    let _lock = guest.as_ref().map(|(stage, device, context)| {
        let guard = lock(&device.lock);
        pool::check_source(stage, context, from as usize);
        count(&stage.counting.copy_region);
        // SAFETY: the caller's own arguments.
        let (desc, part) = unsafe { (describe(from), part.as_ref()) };
        let len = desc.map_or(0, |desc| match part {
            None => bytes(&desc),
            Some(part) => {
                let area =
                    u64::from(part.right.saturating_sub(part.left)) * u64::from(part.bottom.saturating_sub(part.top));
                area * pixels::bytes(desc.Format) as u64
            }
        });
        add(&stage.counting.bytes_copied, len);
        lock(&device.copied).insert(to as usize, stage.now());
        guard
    });
    // SAFETY: the caller's own arguments.
    on_the_device(device_time(guest.as_ref()), || unsafe {
        before(this, to, to_sub, x, y, z, from, from_sub, part);
    });
}

unsafe extern "system" fn flush(this: *mut c_void) {
    // SAFETY: called for the slot that was replaced.
    let before: Flush = unsafe { original(this, FLUSH) };
    // SAFETY: `this` is the context that the method was called on.
    let guest = unsafe { guest(&this) };
    let _lock = guest.as_ref().map(|(stage, device, _)| {
        count(&stage.counting.flushes);
        lock(&device.lock)
    });
    // SAFETY: the caller's own argument.
    on_the_device(device_time(guest.as_ref()), || unsafe { before(this) });
}
