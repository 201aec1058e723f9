//! Tags on objects that another DLL made: which of the lab's adapters, outputs or devices they are.

use std::ffi::c_void;

use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::IDXGIObject;
use windows_core::{Result, GUID};

/// Under which the lab keeps its tags.
static TAG: GUID = GUID::from_u128(0x6c61_622d_6d61_726b_8f2e_51d0_9b7a_c301);
const SIZE: u32 = size_of::<Tag>() as u32;

/// What the lab notes on an object.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Tag {
    /// The run of the lab that wrote it. Tags of earlier runs do not count.
    pub(crate) run: u64,
    /// Which adapter, output or device it is.
    pub(crate) number: u64,
    /// The state of the desktop that a factory or an output belongs to.
    pub(crate) generation: u64,
}

impl Tag {
    /// Writes the tag to a DXGI object. An object that keeps no private data stays without one.
    pub(crate) fn write(self, object: &IDXGIObject) {
        // SAFETY: the pointer is valid for as many bytes as said.
        let _ = unsafe { object.SetPrivateData(&raw const TAG, SIZE, (&raw const self).cast()) };
    }

    /// Writes the tag to a device.
    pub(crate) fn write_device(self, device: &ID3D11Device) {
        // SAFETY: the pointer is valid for as many bytes as said.
        let _ = unsafe { device.SetPrivateData(&raw const TAG, SIZE, Some((&raw const self).cast())) };
    }

    /// The tag that a DXGI object got in this `run`.
    pub(crate) fn read(object: &IDXGIObject, run: u64) -> Option<Self> {
        // SAFETY: the pointers are valid for as many bytes as said.
        Self::of_run(run, |size, data| unsafe { object.GetPrivateData(&raw const TAG, size, data) })
    }

    /// The tag that a device got in this `run`.
    pub(crate) fn read_device(device: &ID3D11Device, run: u64) -> Option<Self> {
        // SAFETY: the pointers are valid for as many bytes as said.
        Self::of_run(run, |size, data| unsafe { device.GetPrivateData(&raw const TAG, size, Some(data)) })
    }

    fn of_run(run: u64, get: impl FnOnce(*mut u32, *mut c_void) -> Result<()>) -> Option<Self> {
        let (mut tag, mut size) = (Self::default(), SIZE);
        get(&raw mut size, (&raw mut tag).cast()).ok()?;
        (tag.run == run).then_some(tag)
    }
}
