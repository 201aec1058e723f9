//! The classes of Windows.Graphics.Capture, and Direct3D devices as they take them.

use std::ffi::c_void;
use std::sync::Once;

use windows::core::{s, w, Error as ComError, Interface, RuntimeName, HRESULT, HSTRING};
use windows::Graphics::Capture::{GraphicsCaptureItem, GraphicsCaptureSession};
use windows::Graphics::DirectX::Direct3D11::IDirect3DDevice;
use windows::Win32::Foundation::HMODULE;
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::IDXGIDevice;
use windows::Win32::System::Com::CoIncrementMTAUsage;
use windows::Win32::System::LibraryLoader::{
    GetModuleHandleW, GetProcAddress, LoadLibraryExW, LOAD_LIBRARY_SEARCH_SYSTEM32,
};
use windows::Win32::System::WinRT::Graphics::Capture::IGraphicsCaptureItemInterop;

use crate::error::{Error, Result};
use crate::source::d3d11::failure::failed;
use crate::source::hresult;
use crate::source::verdict::{self, Call};

type GetActivationFactory =
    unsafe extern "system" fn(*mut c_void, *const windows::core::GUID, *mut *mut c_void) -> HRESULT;
type CreateDirect3DDevice = unsafe extern "system" fn(*mut c_void, *mut *mut c_void) -> HRESULT;

/// A Direct3D device as pools take it.
pub(super) struct PoolDevice(pub(super) IDirect3DDevice);

// SAFETY: the class is agile, and the device behind it may be used by one thread after the other.
unsafe impl Send for PoolDevice {}

/// What makes items of monitors and windows.
///
/// # Errors
/// `Duplication` where the system does not have it.
pub(super) fn items() -> Result<IGraphicsCaptureItemInterop> {
    use_com();
    factory::<GraphicsCaptureItem, _>().map_err(|e| failed(&e, Call::Activate))
}

/// Fails where the system does not have Windows.Graphics.Capture, or does not let it be used.
///
/// # Errors
/// `Duplication`.
pub(super) fn check() -> Result<()> {
    items()?;
    match GraphicsCaptureSession::IsSupported() {
        Ok(true) => Ok(()),
        Ok(false) => Err(verdict::error(hresult::CLASS_NOT_AVAILABLE, Call::Activate)),
        Err(error) => Err(failed(&error, Call::Activate)),
    }
}

/// `device` as pools take it.
///
/// # Errors
/// `Duplication`.
pub(super) fn direct3d_device(device: &ID3D11Device) -> Result<PoolDevice> {
    let not_there = || verdict::error(hresult::E_NOTIMPL, Call::Activate);
    let failed = |error: ComError| failed(&error, Call::Activate);
    let device: IDXGIDevice = device.cast().map_err(failed)?;
    // By its name: an import of a function that a system lacks would end the process.
    // SAFETY: d3d11 is loaded, because it made the device; the name is that of a function of this type. It returns an object of its own.
    unsafe {
        let d3d11 = GetModuleHandleW(w!("d3d11.dll")).map_err(failed)?;
        let address = GetProcAddress(d3d11, s!("CreateDirect3D11DeviceFromDXGIDevice")).ok_or_else(not_there)?;
        let create: CreateDirect3DDevice = std::mem::transmute(address);
        let mut object = std::ptr::null_mut();
        create(device.as_raw(), &raw mut object).ok().map_err(failed)?;
        if object.is_null() {
            return Err(not_there());
        }
        windows::core::IInspectable::from_raw(object).cast().map(PoolDevice).map_err(failed)
    }
}

/// Threads without an apartment may use COM from now on, as long as the process lives: none is set up on them. Those that have one keep it.
fn use_com() {
    static ONCE: Once = Once::new();
    // SAFETY: no preconditions. If it fails, the next call of COM fails, too.
    ONCE.call_once(|| drop(unsafe { CoIncrementMTAUsage() }));
}

/// The factory of class `C`.
fn factory<C: RuntimeName, I: Interface>() -> windows::core::Result<I> {
    let name = HSTRING::from(C::NAME);
    let (id, mut factory) = (I::IID, std::ptr::null_mut());
    // SAFETY: the name is that of a function of this type; a string is a pointer; the function returns an interface of that kind, or fails.
    unsafe {
        let combase: HMODULE = LoadLibraryExW(w!("combase.dll"), None, LOAD_LIBRARY_SEARCH_SYSTEM32)?;
        let address = GetProcAddress(combase, s!("RoGetActivationFactory"))
            .ok_or_else(|| ComError::from_hresult(HRESULT(hresult::CLASS_NOT_REGISTERED as i32)))?;
        let get: GetActivationFactory = std::mem::transmute(address);
        let name: *mut c_void = std::mem::transmute_copy(&name);
        get(name, &raw const id, &raw mut factory).ok()?;
        if factory.is_null() {
            return Err(ComError::from_hresult(HRESULT(hresult::CLASS_NOT_REGISTERED as i32)));
        }
        Ok(I::from_raw(factory))
    }
}

/// An error of a call of Windows.Graphics.Capture that has not begun yet, or has begun `before`.
pub(super) fn refused(error: &ComError, before: bool) -> Error {
    failed(error, if before { Call::BeginAgain } else { Call::Begin })
}
