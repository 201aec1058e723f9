//! The devices that duplications were made for.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustcam::source::sim::Why;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Device, ID3D11DeviceChild, ID3D11DeviceContext, ID3D11Device_Vtbl, ID3D11Texture2D, D3D11_SUBRESOURCE_DATA,
    D3D11_TEXTURE2D_DESC,
};
use windows::Win32::Graphics::Dxgi::{
    DXGI_ERROR_DEVICE_HUNG, DXGI_ERROR_DEVICE_REMOVED, DXGI_ERROR_DEVICE_RESET, DXGI_ERROR_DRIVER_INTERNAL_ERROR,
};
use windows::Win32::System::Com::{IAgileObject, IAgileObject_Impl};
use windows_core::{implement, Interface, GUID, HRESULT};

use crate::counters::{count, discount, Counting};
use crate::faults::Call;
use crate::private::{mark_device, mark_of_device};
use crate::stage::{current, Stage};
use crate::vtable::{original, patch};
use crate::{context, drawing, lock, shared, slot, surface};

const CREATE_TEXTURE: usize = slot!(ID3D11Device_Vtbl, CreateTexture2D);
const REMOVED_REASON: usize = slot!(ID3D11Device_Vtbl, GetDeviceRemovedReason);
const _: () = assert!(CREATE_TEXTURE == 5 && REMOVED_REASON == 39);

/// What the laboratory knows about one device.
pub(crate) struct Device {
    /// When a duplication was first made for it.
    since: Duration,
    removed: Mutex<Option<HRESULT>>,
    /// Held by a waiting acquire, as Windows holds the lock of the device.
    pub(crate) lock: Mutex<()>,
    /// When something was last copied into a texture, by its address.
    pub(crate) copied: Mutex<BTreeMap<usize, Duration>>,
    /// When something was last drawn.
    pub(crate) drawn: Mutex<Duration>,
    /// Mapped memory with longer rows, by texture and subresource.
    pub(crate) padded: Mutex<BTreeMap<(usize, u32), Vec<u8>>>,
}

impl Device {
    /// The reason why the device is gone, if it is.
    pub(crate) fn removed(&self, stage: &Stage, now: Duration) -> Option<HRESULT> {
        let mut removed = lock(&self.removed);
        if removed.is_none() && stage.lost_since(self.since, now, |why| why == Why::Device) {
            *removed = Some(DXGI_ERROR_DEVICE_REMOVED);
        }
        *removed
    }

    /// Remembers a code that says that the device is gone.
    pub(crate) fn note(&self, code: HRESULT) {
        let gone = [
            DXGI_ERROR_DEVICE_REMOVED,
            DXGI_ERROR_DEVICE_HUNG,
            DXGI_ERROR_DEVICE_RESET,
            DXGI_ERROR_DRIVER_INTERNAL_ERROR,
        ];
        if gone.contains(&code) {
            lock(&self.removed).get_or_insert(code);
        }
    }
}

/// Lives as long as the object that it is attached to, and is counted meanwhile.
#[implement(IAgileObject)]
struct Census {
    stage: Arc<Stage>,
    counter: fn(&Counting) -> &AtomicU64,
}

/// Under which objects keep it.
static CENSUS: GUID = GUID::from_u128(0x6c61_622d_6365_6e73_9d3c_27f0_5e18_b402);

impl Census {
    fn begin(stage: &Arc<Stage>, counter: fn(&Counting) -> &AtomicU64) -> IAgileObject {
        count(counter(&stage.counting));
        Self { stage: Arc::clone(stage), counter }.into()
    }

    /// An object that keeps no data stays uncounted.
    fn of_device(stage: &Arc<Stage>, device: &ID3D11Device) {
        let census = Self::begin(stage, |counting| &counting.live_devices);
        // SAFETY: the pointer is valid for the call; the device takes a reference of its own.
        let _ = unsafe { device.SetPrivateDataInterface(&raw const CENSUS, &census) };
    }

    fn of_texture(stage: &Arc<Stage>, texture: &ID3D11DeviceChild) {
        let census = Self::begin(stage, |counting| &counting.live_textures);
        // SAFETY: the pointer is valid for the call; the texture takes a reference of its own.
        let _ = unsafe { texture.SetPrivateDataInterface(&raw const CENSUS, &census) };
    }
}

impl IAgileObject_Impl for Census_Impl {}

impl Drop for Census {
    fn drop(&mut self) {
        discount((self.counter)(&self.stage.counting));
    }
}

impl Stage {
    /// What is known about a device that a duplication was made for.
    pub(crate) fn device(&self, device: &ID3D11Device) -> Option<Arc<Device>> {
        let [_, number, _] = mark_of_device(device, self.run)?;
        lock(&self.devices).get(&number).cloned()
    }

    /// The same, for a device that may be new. Its calls are watched from now on.
    pub(crate) fn adopt(self: &Arc<Self>, device: &ID3D11Device) -> windows_core::Result<Arc<Device>> {
        if let Some(known) = self.device(device) {
            return Ok(known);
        }
        // SAFETY: every device has an immediate context.
        let immediate = unsafe { device.GetImmediateContext() }?;
        let methods = [
            (CREATE_TEXTURE, create_texture as *const () as usize),
            (REMOVED_REASON, removed_reason as *const () as usize),
        ];
        for (slot, hook) in methods {
            // SAFETY: the slots are those of `ID3D11Device`, and the hooks have their types.
            unsafe { patch(device.as_raw(), slot, hook) }?;
        }
        context::watch(&immediate)?;
        drawing::watch(&immediate)?;
        surface::watch(device)?;
        shared::watch(device)?;
        let known = Arc::new(Device {
            since: self.now(),
            removed: Mutex::default(),
            lock: Mutex::default(),
            copied: Mutex::default(),
            drawn: Mutex::default(),
            padded: Mutex::default(),
        });
        let number = self.number();
        mark_device(device, [self.run, number, 0]);
        Census::of_device(self, device);
        lock(&self.devices).insert(number, Arc::clone(&known));
        Ok(known)
    }

    /// What is known about the device of a context.
    pub(crate) fn device_of(&self, context: &ID3D11DeviceContext) -> Option<Arc<Device>> {
        // SAFETY: every context has a device.
        self.device(&unsafe { context.GetDevice() }.ok()?)
    }
}

thread_local! {
    static OWN: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread's calls are the laboratory's own.
pub(crate) fn own() -> bool {
    OWN.get()
}

/// Does something whose calls are not counted.
pub(crate) fn quietly<T>(work: impl FnOnce() -> T) -> T {
    let before = OWN.replace(true);
    let result = work();
    OWN.set(before);
    result
}

type CreateTexture = unsafe extern "system" fn(
    *mut c_void,
    *const D3D11_TEXTURE2D_DESC,
    *const D3D11_SUBRESOURCE_DATA,
    *mut *mut c_void,
) -> HRESULT;

unsafe extern "system" fn create_texture(
    this: *mut c_void,
    desc: *const D3D11_TEXTURE2D_DESC,
    data: *const D3D11_SUBRESOURCE_DATA,
    out: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: CreateTexture = unsafe { original(this, CREATE_TEXTURE) };
    // SAFETY: `this` is the device that the method was called on.
    let guest = current().filter(|_| !own()).zip(unsafe { ID3D11Device::from_raw_borrowed(&this) });
    if let Some((stage, Some(device))) = guest.map(|(stage, device)| (stage.device(device), stage)).map(|(d, s)| (s, d))
    {
        let failure = stage.inject(Call::CreateTexture2D).or_else(|| device.removed(&stage, stage.now()));
        if let Some(code) = failure {
            device.note(code);
            // SAFETY: null or the caller's variable.
            if let Some(out) = unsafe { out.as_mut() } {
                *out = std::ptr::null_mut();
            }
            return code;
        }
        count(&stage.counting.textures);
        // SAFETY: the caller's own arguments.
        let code = unsafe { before(this, desc, data, out) };
        // SAFETY: `out` is null or the caller's variable; after success it holds a texture.
        let made =
            unsafe { out.as_ref().filter(|_| code.is_ok()).and_then(|out| ID3D11DeviceChild::from_raw_borrowed(out)) };
        if let Some(texture) = made {
            Census::of_texture(&stage, texture);
        }
        // SAFETY: after success the description is valid and the caller's variable, if there is one, has a texture.
        let made = unsafe { (desc.as_ref(), out.as_ref().and_then(|raw| ID3D11Texture2D::from_raw_borrowed(raw))) };
        if let (true, (Some(desc), Some(texture))) = (code.is_ok(), made) {
            // What cannot be shared has no handle later.
            let _ = shared::created(&stage, desc, texture);
        }
        return code;
    }
    // SAFETY: the caller's own arguments.
    unsafe { before(this, desc, data, out) }
}

unsafe extern "system" fn removed_reason(this: *mut c_void) -> HRESULT {
    // SAFETY: `this` is the device that the method was called on.
    if let (Some(stage), Some(device)) = (current(), unsafe { ID3D11Device::from_raw_borrowed(&this) }) {
        if let Some(code) = stage.device(device).and_then(|device| device.removed(&stage, stage.now())) {
            return code;
        }
    }
    // SAFETY: called for the slot that was replaced.
    let before: unsafe extern "system" fn(*mut c_void) -> HRESULT = unsafe { original(this, REMOVED_REASON) };
    // SAFETY: the caller's own argument.
    unsafe { before(this) }
}
