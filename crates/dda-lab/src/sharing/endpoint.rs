//! The endpoints of a shared surface: its creator's texture, and each texture that opened it.

use std::ffi::c_void;
use std::sync::Arc;

use windows::Win32::Foundation::E_FAIL;
use windows::Win32::Graphics::Direct3D11::{ID3D11DeviceChild_Vtbl, ID3D11Texture2D};
use windows_core::{implement, interface, Error, IUnknown, IUnknown_Vtbl, Interface, Result, GUID, HRESULT};

use crate::bypass::bypass;
use crate::counters::count;
use crate::patch::vtable::slot;
use crate::pixels::transfer::copy_across;
use crate::script::call::Call;
use crate::state::keyed_lock::Refused;
use crate::state::simulation::{current, Simulation};
use crate::state::surface::SharedSurface;

const _: () = assert!(slot!(ID3D11DeviceChild_Vtbl, GetPrivateData) == 4);

/// Under which a texture keeps its anchor.
static ANCHOR: GUID = GUID::from_u128(0x6c61_622d_7061_7274_9c41_7e02_d1b3_55aa);
const WAIT_ABANDONED: HRESULT = HRESULT(0x80);
const WAIT_TIMEOUT: HRESULT = HRESULT(0x102);

/// One texture of a shared surface.
pub(crate) struct Endpoint {
    pub(crate) number: u64,
    pub(crate) surface: Arc<SharedSurface>,
    is_creator: bool,
}

/// Private data of a texture, which the texture releases when it ends.
#[interface("8b1f3c52-4a0e-4a77-9d3e-6c61622d7061")]
unsafe trait IAnchor: IUnknown {
    fn endpoint(&self) -> *const Endpoint;
}

#[implement(IAnchor)]
struct Anchor(Arc<Endpoint>);

impl IAnchor_Impl for Anchor_Impl {
    unsafe fn endpoint(&self) -> *const Endpoint {
        Arc::as_ptr(&self.0)
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        let Endpoint { number, surface, is_creator } = &*self.0;
        if *is_creator {
            surface.forget_texture();
        }
        if let Some(keyed) = &surface.keyed {
            keyed.leave(*number);
        }
    }
}

impl Endpoint {
    /// Makes `texture` an endpoint of `surface`.
    pub(crate) fn attach(
        sim: &Simulation,
        texture: &ID3D11Texture2D,
        surface: Arc<SharedSurface>,
        is_creator: bool,
    ) -> Result<()> {
        let anchor = IUnknown::from(Anchor(Arc::new(Self { number: sim.new_number(), surface, is_creator })));
        // SAFETY: the pointer is valid for the call; the texture takes a reference of its own.
        unsafe { texture.SetPrivateDataInterface(&raw const ANCHOR, &anchor) }
    }

    /// The endpoint that a texture is, if it is shared.
    pub(crate) fn of(texture: &ID3D11Texture2D) -> Option<Arc<Self>> {
        let mut raw: *mut c_void = std::ptr::null_mut();
        let mut size = size_of::<*mut c_void>() as u32;
        // SAFETY: the pointer is valid for as many bytes as said. Under this name is an anchor or nothing, and we get a reference.
        let anchor = unsafe {
            texture.GetPrivateData(&raw const ANCHOR, &raw mut size, Some((&raw mut raw).cast())).ok()?;
            (!raw.is_null()).then(|| IUnknown::from_raw(raw))?.cast::<IAnchor>().ok()?
        };
        // SAFETY: the anchor keeps the endpoint, so its count is at least one; one more is taken for the result.
        unsafe {
            let endpoint = anchor.endpoint();
            Arc::increment_strong_count(endpoint);
            Some(Arc::from_raw(endpoint))
        }
    }

    /// Fails with the injected code of a call, or if the creator's device is removed.
    pub(crate) fn check(&self, call: Call) -> Result<()> {
        let Some(sim) = current() else { return Ok(()) };
        if let Some(code) = sim.injected(call) {
            return Err(code.into());
        }
        let device = self.surface.texture().and_then(|texture| {
            // SAFETY: every texture has a device.
            let device = unsafe { texture.GetDevice() }.ok()?;
            sim.device(&device)
        });
        match device.and_then(|device| sim.removal(&device, sim.now())) {
            Some(code) => Err(code.into()),
            None => Ok(()),
        }
    }

    /// Copies the pixels of the surface to this endpoint's `texture`.
    pub(crate) fn update(&self, texture: &ID3D11Texture2D) -> Result<()> {
        match self.surface.texture().filter(|_| !self.is_creator) {
            Some(creator) => bypass(|| copy_across(&creator, texture)),
            None => Ok(()),
        }
    }

    /// The program draws on its texture.
    pub(crate) fn note_drawing(&self, sim: &Simulation) {
        if self.surface.keyed.as_ref().is_some_and(|keyed| !keyed.is_owned_by(self.number)) {
            count(&sim.counters.draw_without_key);
        }
        self.surface.note_drawing(sim.now());
    }
}

/// The error of a keyed mutex; a call out of order is counted.
pub(crate) fn refused(reason: Refused) -> Error {
    match reason {
        Refused::OutOfOrder => {
            if let Some(sim) = current() {
                count(&sim.counters.key_out_of_order);
            }
            E_FAIL.into()
        }
        Refused::Abandoned => WAIT_ABANDONED.into(),
        Refused::TimedOut => WAIT_TIMEOUT.into(),
    }
}
