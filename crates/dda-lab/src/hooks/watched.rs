//! Calls that the program makes, as opposed to calls of the lab itself and of devices without a duplication.

use std::ffi::c_void;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use windows::Win32::Graphics::Direct3D11::ID3D11DeviceContext;
use windows_core::{Interface, HRESULT};

use crate::bypass::bypassed;
use crate::script::call::Call;
use crate::state::device::Device;
use crate::state::simulation::{current, Simulation};

/// The simulation, if a call is the program's own.
pub(crate) fn watching() -> Option<Arc<Simulation>> {
    current().filter(|_| !bypassed())
}

/// The injected code of a call of the program's own.
pub(crate) fn injected(call: Call) -> Option<HRESULT> {
    watching()?.injected(call)
}

/// A call on the immediate context of a device with a duplication.
pub(crate) struct ContextCall<'a> {
    pub(crate) sim: Arc<Simulation>,
    pub(crate) device: Arc<Device>,
    pub(crate) context: &'a ID3D11DeviceContext,
}

/// The call that a hook of a context is in, if it is watched.
///
/// # Safety
/// `this` is a context.
pub(crate) unsafe fn context_call(this: &*mut c_void) -> Option<ContextCall<'_>> {
    let sim = watching()?;
    // SAFETY: as the caller promises.
    let context = unsafe { ID3D11DeviceContext::from_raw_borrowed(this) }?;
    let device = sim.device_of(context)?;
    Some(ContextCall { sim, device, context })
}

/// The counter for the time that the device of a call works.
pub(crate) fn device_time<'a>(call: Option<&'a ContextCall<'_>>) -> Option<&'a AtomicU64> {
    call.map(|call| &call.sim.counters.device_ns)
}
