//! The private data that every DXGI object keeps for its users.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Mutex;

use windows::Win32::Foundation::E_INVALIDARG;
use windows::Win32::Graphics::Dxgi::{DXGI_ERROR_MORE_DATA, DXGI_ERROR_NOT_FOUND};
use windows_core::{IUnknown, Interface, Result, GUID};

use crate::mutex::lock;

enum Datum {
    Bytes(Vec<u8>),
    Object(IUnknown),
}

/// The private data of one of the lab's own objects.
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
        let address = [if let Datum::Object(object) = datum { object.as_raw() as usize } else { 0 }];
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

/// `IDXGIObject` and `IDXGIDeviceSubObject` of an object without a parent, whose field `data` is a [`PrivateData`]. Its device is that of
/// the texture in the named field; without a field it has none.
macro_rules! device_sub_object {
    (@device $this:ident, $iid:ident, $out:ident) => {{
        let _ = ($iid, $out);
        Err(windows::Win32::Foundation::E_NOINTERFACE.into())
    }};
    (@device $this:ident, $iid:ident, $out:ident, $texture:ident) => {
        // SAFETY: every texture has a device; the caller keeps the contract of the same method.
        unsafe { windows_core::Interface::query(&$this.$texture.GetDevice()?, $iid, $out).ok() }
    };
    ($object:ty $(, $texture:ident)?) => {
        impl windows::Win32::Graphics::Dxgi::IDXGIObject_Impl for $object {
            $crate::com::private_data::private_data!();

            fn GetParent(
                &self,
                _iid: *const windows_core::GUID,
                _parent: *mut *mut std::ffi::c_void,
            ) -> windows_core::Result<()> {
                Err(windows::Win32::Foundation::E_NOINTERFACE.into())
            }
        }

        impl windows::Win32::Graphics::Dxgi::IDXGIDeviceSubObject_Impl for $object {
            fn GetDevice(
                &self,
                iid: *const windows_core::GUID,
                out: *mut *mut std::ffi::c_void,
            ) -> windows_core::Result<()> {
                $crate::com::private_data::device_sub_object!(@device self, iid, out $(, $texture)?)
            }
        }
    };
}
pub(crate) use device_sub_object;
