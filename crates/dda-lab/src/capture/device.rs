//! Devices and surfaces of Direct3D as objects of the Windows Runtime.

use std::ffi::c_void;

use windows::Foundation::{IClosable, IClosable_Impl};
use windows::Graphics::DirectX::Direct3D11::{
    Direct3DMultisampleDescription, Direct3DSurfaceDescription, IDirect3DDevice, IDirect3DDevice_Impl,
    IDirect3DSurface, IDirect3DSurface_Impl,
};
use windows::Graphics::DirectX::DirectXPixelFormat;
use windows::Win32::Foundation::E_INVALIDARG;
use windows::Win32::Graphics::Direct3D11::{ID3D11Device, ID3D11Texture2D, D3D11_TEXTURE2D_DESC};
use windows::Win32::System::WinRT::Direct3D11::{IDirect3DDxgiInterfaceAccess, IDirect3DDxgiInterfaceAccess_Impl};
use windows_core::{implement, IInspectable, IUnknown, Interface, Result, GUID};

#[implement(IDirect3DDevice, IDirect3DDxgiInterfaceAccess, IClosable)]
struct Device(IUnknown);

#[implement(IDirect3DSurface, IDirect3DDxgiInterfaceAccess, IClosable)]
struct Surface(ID3D11Texture2D);

/// `CreateDirect3D11DeviceFromDXGIDevice`.
pub(crate) fn wrap_device(device: &IUnknown) -> Result<IInspectable> {
    let object: IDirect3DDevice = Device(device.clone()).into();
    object.cast()
}

/// `CreateDirect3D11SurfaceFromDXGISurface`.
pub(crate) fn wrap_surface(surface: &IUnknown) -> Result<IInspectable> {
    let object: IDirect3DSurface = Surface(surface.cast()?).into();
    object.cast()
}

/// The Direct3D device of an object of the Windows Runtime.
pub(super) fn unwrap_device(device: &IDirect3DDevice) -> Result<ID3D11Device> {
    let access: IDirect3DDxgiInterfaceAccess = device.cast().map_err(|_| E_INVALIDARG)?;
    // SAFETY: a live object.
    unsafe { access.GetInterface() }
}

/// How a texture describes itself as a surface.
pub(super) fn describe(texture: &ID3D11Texture2D) -> Direct3DSurfaceDescription {
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: the pointer is valid for the call.
    unsafe { texture.GetDesc(&raw mut desc) };
    Direct3DSurfaceDescription {
        Width: desc.Width as i32,
        Height: desc.Height as i32,
        // The numbers are the same.
        Format: DirectXPixelFormat(desc.Format.0),
        MultisampleDescription: Direct3DMultisampleDescription {
            Count: desc.SampleDesc.Count as i32,
            Quality: desc.SampleDesc.Quality as i32,
        },
    }
}

/// Another interface of what is behind an object of the Windows Runtime.
///
/// # Safety
/// As `IDirect3DDxgiInterfaceAccess::GetInterface`.
pub(super) unsafe fn interface(object: &impl Interface, iid: *const GUID, out: *mut *mut c_void) -> Result<()> {
    if iid.is_null() || out.is_null() {
        return Err(E_INVALIDARG.into());
    }
    // SAFETY: both are valid, as COM demands of those that are not null.
    unsafe { object.query(iid, out) }.ok()
}

impl IDirect3DDevice_Impl for Device_Impl {
    fn Trim(&self) -> Result<()> {
        Ok(())
    }
}

impl IDirect3DDxgiInterfaceAccess_Impl for Device_Impl {
    fn GetInterface(&self, iid: *const GUID, out: *mut *mut c_void) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { interface(&self.0, iid, out) }
    }
}

impl IClosable_Impl for Device_Impl {
    fn Close(&self) -> Result<()> {
        Ok(())
    }
}

impl IDirect3DSurface_Impl for Surface_Impl {
    fn Description(&self) -> Result<Direct3DSurfaceDescription> {
        Ok(describe(&self.0))
    }
}

impl IDirect3DDxgiInterfaceAccess_Impl for Surface_Impl {
    fn GetInterface(&self, iid: *const GUID, out: *mut *mut c_void) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { interface(&self.0, iid, out) }
    }
}

impl IClosable_Impl for Surface_Impl {
    fn Close(&self) -> Result<()> {
        Ok(())
    }
}
