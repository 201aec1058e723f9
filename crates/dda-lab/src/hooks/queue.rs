//! Copies that the device does when it gets to them: not when they are called, but when what was queued is submitted.

use std::ffi::c_void;

use windows::Win32::Graphics::Direct3D11::{ID3D11DeviceContext, ID3D11Resource, D3D11_BOX};
use windows_core::Interface;

use crate::bypass::bypass;
use crate::hooks::watched::ContextCall;
use crate::mutex::lock;
use crate::state::queue::QueuedCopy;

/// Queues a copy, if the script wants copies to be queued. `false` if it does not.
///
/// # Safety
/// `to` and `from` are null or resources, `part` is null or valid.
pub(super) unsafe fn enqueue(
    call: Option<&ContextCall<'_>>,
    (to, to_sub, place): (*mut c_void, u32, [u32; 3]),
    (from, from_sub): (*mut c_void, u32),
    part: *const D3D11_BOX,
) -> bool {
    let Some(call) = call.filter(|call| call.sim.settings.device_order) else { return false };
    // SAFETY: as the caller promises.
    let (to, from) = unsafe { (ID3D11Resource::from_raw_borrowed(&to), ID3D11Resource::from_raw_borrowed(&from)) };
    let (Some(to), Some(from)) = (to, from) else { return false };
    // SAFETY: as the caller promises.
    let part = unsafe { part.as_ref() }.copied();
    let copy = QueuedCopy { to: to.clone(), to_sub, place, from: from.clone(), from_sub, part };
    lock(&call.device.queued).push(copy);
    true
}

/// The device does everything that is queued. `check` is called with the source of each copy before.
pub(super) fn submit(call: &ContextCall<'_>, check: impl Fn(&ID3D11DeviceContext, usize)) {
    let queued = std::mem::take(&mut *lock(&call.device.queued));
    for QueuedCopy { to, to_sub, place: [x, y, z], from, from_sub, part } in queued {
        check(call.context, from.as_raw() as usize);
        let part = part.as_ref().map(std::ptr::from_ref);
        // SAFETY: what the program's own call had, kept alive since.
        bypass(|| unsafe { call.context.CopySubresourceRegion(&to, to_sub, x, y, z, &from, from_sub, part) });
    }
}
