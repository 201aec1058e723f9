//! Marks on other people's objects, and the private data that every DXGI object keeps for its users.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Mutex;

use windows::Win32::Foundation::{E_INVALIDARG, E_NOINTERFACE, HANDLE};
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::{
    IDXGIDeviceSubObject_Impl, IDXGIObject, IDXGIObject_Impl, IDXGIResource, IDXGIResource_Impl, DXGI_ERROR_MORE_DATA,
    DXGI_ERROR_NOT_FOUND, DXGI_ERROR_UNSUPPORTED, DXGI_RESOURCE_PRIORITY, DXGI_RESOURCE_PRIORITY_NORMAL, DXGI_USAGE,
    DXGI_USAGE_BACK_BUFFER,
};
use windows_core::{implement, IUnknown, Result, GUID};

use crate::lock;

/// Under which the laboratory keeps its own marks.
static MARK: GUID = GUID::from_u128(0x6c61_622d_6d61_726b_8f2e_51d0_9b7a_c301);

/// A mark: the run of the laboratory, and two values that depend on what is marked.
pub(crate) type Mark = [u64; 3];

/// Marks a DXGI object.
pub(crate) fn mark(object: &IDXGIObject, mark: Mark) {
    // SAFETY: the pointer is valid for as many bytes as said. An object that keeps no data stays unmarked.
    let _ = unsafe { object.SetPrivateData(&raw const MARK, size_of::<Mark>() as u32, mark.as_ptr().cast()) };
}

/// The mark that a DXGI object got in this `run`.
pub(crate) fn mark_of(object: &IDXGIObject, run: u64) -> Option<Mark> {
    let mut mark = Mark::default();
    let mut size = size_of::<Mark>() as u32;
    // SAFETY: the pointer is valid for as many bytes as said.
    unsafe { object.GetPrivateData(&raw const MARK, &raw mut size, mark.as_mut_ptr().cast()) }.ok()?;
    (mark[0] == run).then_some(mark)
}

/// Marks a device.
pub(crate) fn mark_device(device: &ID3D11Device, mark: Mark) {
    // SAFETY: the pointer is valid for as many bytes as said.
    let _ = unsafe { device.SetPrivateData(&raw const MARK, size_of::<Mark>() as u32, Some(mark.as_ptr().cast())) };
}

/// The mark that a device got in this `run`.
pub(crate) fn mark_of_device(device: &ID3D11Device, run: u64) -> Option<Mark> {
    let mut mark = Mark::default();
    let mut size = size_of::<Mark>() as u32;
    // SAFETY: the pointer is valid for as many bytes as said.
    unsafe { device.GetPrivateData(&raw const MARK, &raw mut size, Some(mark.as_mut_ptr().cast())) }.ok()?;
    (mark[0] == run).then_some(mark)
}

enum Datum {
    Bytes(Vec<u8>),
    Object(IUnknown),
}

/// The private data of one of the laboratory's own objects.
#[derive(Default)]
pub(crate) struct PrivateData(Mutex<BTreeMap<u128, Datum>>);

impl PrivateData {
    /// # Safety
    /// As `IDXGIObject::SetPrivateData`: `data` is null or valid for `size` bytes.
    pub(crate) unsafe fn set(&self, name: *const GUID, size: u32, data: *const c_void) -> Result<()> {
        // SAFETY: valid or null, as the caller promises.
        let name = unsafe { name.as_ref() }.ok_or(E_INVALIDARG)?.to_u128();
        if data.is_null() {
            lock(&self.0).remove(&name);
            return Ok(());
        }
        // SAFETY: valid for `size` bytes, as the caller promises.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size as usize) }.to_vec();
        lock(&self.0).insert(name, Datum::Bytes(bytes));
        Ok(())
    }

    /// # Safety
    /// `name` is null or valid.
    pub(crate) unsafe fn set_object(&self, name: *const GUID, object: Option<IUnknown>) -> Result<()> {
        // SAFETY: valid or null, as the caller promises.
        let name = unsafe { name.as_ref() }.ok_or(E_INVALIDARG)?.to_u128();
        match object {
            Some(object) => lock(&self.0).insert(name, Datum::Object(object)),
            None => lock(&self.0).remove(&name),
        };
        Ok(())
    }

    /// # Safety
    /// As `IDXGIObject::GetPrivateData`: `data` is null or valid for `*size` bytes.
    pub(crate) unsafe fn get(&self, name: *const GUID, size: *mut u32, data: *mut c_void) -> Result<()> {
        // SAFETY: valid or null, as the caller promises.
        let (name, size) = unsafe { (name.as_ref().ok_or(E_INVALIDARG)?, size.as_mut().ok_or(E_INVALIDARG)?) };
        let all = lock(&self.0);
        let datum = all.get(&name.to_u128()).ok_or(DXGI_ERROR_NOT_FOUND)?;
        let address =
            [if let Datum::Object(object) = datum { windows_core::Interface::as_raw(object) as usize } else { 0 }];
        let bytes = match datum {
            Datum::Bytes(bytes) => bytes.as_slice(),
            // SAFETY: the bytes of one address, on the stack.
            Datum::Object(_) => unsafe {
                std::slice::from_raw_parts(address.as_ptr().cast::<u8>(), size_of::<usize>())
            },
        };
        let room = std::mem::replace(size, bytes.len() as u32) as usize;
        if data.is_null() {
            return Ok(());
        }
        if room < bytes.len() {
            return Err(DXGI_ERROR_MORE_DATA.into());
        }
        // SAFETY: valid for `room` bytes, as the caller promises, and that is enough.
        unsafe { data.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        if let Datum::Object(object) = datum {
            // The caller gets a reference of its own.
            std::mem::forget(object.clone());
        }
        Ok(())
    }
}

/// The methods of `IDXGIObject` that keep private data, for an object whose field `data` is a [`PrivateData`].
macro_rules! private_data {
    () => {
        fn SetPrivateData(
            &self,
            name: *const windows_core::GUID,
            size: u32,
            data: *const std::ffi::c_void,
        ) -> windows_core::Result<()> {
            // SAFETY: the caller keeps the contract of the same method.
            unsafe { self.data.set(name, size, data) }
        }

        fn SetPrivateDataInterface(
            &self,
            name: *const windows_core::GUID,
            object: windows_core::Ref<'_, windows_core::IUnknown>,
        ) -> windows_core::Result<()> {
            // SAFETY: the caller keeps the contract of the same method.
            unsafe { self.data.set_object(name, object.cloned()) }
        }

        fn GetPrivateData(
            &self,
            name: *const windows_core::GUID,
            size: *mut u32,
            data: *mut std::ffi::c_void,
        ) -> windows_core::Result<()> {
            // SAFETY: the caller keeps the contract of the same method.
            unsafe { self.data.get(name, size, data) }
        }
    };
}
pub(crate) use private_data;

/// A desktop resource that is no texture, as whatever failed behind a successful acquire.
#[implement(IDXGIResource)]
#[derive(Default)]
pub(crate) struct NoTexture {
    data: PrivateData,
}

impl IDXGIObject_Impl for NoTexture_Impl {
    private_data!();

    fn GetParent(&self, _iid: *const GUID, _parent: *mut *mut c_void) -> Result<()> {
        Err(E_NOINTERFACE.into())
    }
}

impl IDXGIDeviceSubObject_Impl for NoTexture_Impl {
    fn GetDevice(&self, _iid: *const GUID, _device: *mut *mut c_void) -> Result<()> {
        Err(E_NOINTERFACE.into())
    }
}

impl IDXGIResource_Impl for NoTexture_Impl {
    fn GetSharedHandle(&self) -> Result<HANDLE> {
        Err(DXGI_ERROR_UNSUPPORTED.into())
    }

    fn GetUsage(&self) -> Result<DXGI_USAGE> {
        Ok(DXGI_USAGE_BACK_BUFFER)
    }

    fn SetEvictionPriority(&self, _priority: DXGI_RESOURCE_PRIORITY) -> Result<()> {
        Ok(())
    }

    fn GetEvictionPriority(&self) -> Result<DXGI_RESOURCE_PRIORITY> {
        Ok(DXGI_RESOURCE_PRIORITY_NORMAL)
    }
}
