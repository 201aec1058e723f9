//! Opening shared textures, and the interfaces that Wine's textures lack.

use std::ffi::c_void;

use windows::Win32::Foundation::{E_INVALIDARG, E_NOINTERFACE, HANDLE, S_OK};
use windows::Win32::Graphics::Direct3D11::{ID3D11Device, ID3D11Device1, ID3D11Device1_Vtbl, ID3D11Texture2D};
use windows::Win32::Graphics::Dxgi::{IDXGIKeyedMutex, IDXGIResource1};
use windows_core::{IUnknown_Vtbl, Interface, Result, GUID, HRESULT};

use crate::hooks::watched::watching;
use crate::patch::vtable::{original, patch, slot};
use crate::sharing::endpoint::Endpoint;
use crate::sharing::keyed_mutex::KeyedMutex;
use crate::sharing::open;
use crate::sharing::resource::Resource;
use crate::state::simulation::current;

const QUERY: usize = slot!(IUnknown_Vtbl, QueryInterface);
const OPEN: usize = slot!(ID3D11Device1_Vtbl, OpenSharedResource1);
const _: () = assert!(QUERY == 0 && OPEN == 48);

type Query = unsafe extern "system" fn(*mut c_void, *const GUID, *mut *mut c_void) -> HRESULT;
type Open = unsafe extern "system" fn(*mut c_void, HANDLE, *const GUID, *mut *mut c_void) -> HRESULT;

/// Replaces methods of devices.
pub(crate) fn install(device: &ID3D11Device) -> Result<()> {
    if device.cast::<ID3D11Device1>().is_err() {
        return Ok(());
    }
    // SAFETY: a device that answers to `ID3D11Device1` has one table for both, and the hook has the slot's type.
    unsafe { patch(device, [(OPEN, open_shared as *const () as usize)]) }
}

/// Replaces methods of textures.
pub(crate) fn install_texture(texture: &ID3D11Texture2D) -> Result<()> {
    // SAFETY: the slot is that of every COM object, and the hook has its type.
    unsafe { patch(texture, [(QUERY, query_interface as *const () as usize)]) }
}

unsafe extern "system" fn query_interface(this: *mut c_void, iid: *const GUID, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: null or the caller's variables.
    if let (Some(&wanted), Some(out), true) = (unsafe { iid.as_ref() }, unsafe { out.as_mut() }, current().is_some()) {
        if wanted == IDXGIResource1::IID || wanted == IDXGIKeyedMutex::IID {
            // SAFETY: `this` is the texture that the method was called on.
            let texture = unsafe { ID3D11Texture2D::from_raw_borrowed(&this) };
            let endpoint = texture.and_then(|texture| Some((texture.clone(), Endpoint::of(texture)?)));
            let object = endpoint.and_then(|(texture, endpoint)| match wanted {
                IDXGIResource1::IID => Some(IDXGIResource1::from(Resource::new(texture, endpoint)).into_raw()),
                _ if endpoint.surface.keyed.is_none() => None,
                _ => Some(IDXGIKeyedMutex::from(KeyedMutex::new(texture, endpoint)).into_raw()),
            });
            *out = object.unwrap_or(std::ptr::null_mut());
            return if object.is_some() { S_OK } else { E_NOINTERFACE };
        }
    }
    // SAFETY: called for the slot that was replaced, with the caller's own arguments.
    unsafe { original::<Query>(this, QUERY)(this, iid, out) }
}

unsafe extern "system" fn open_shared(
    this: *mut c_void,
    handle: HANDLE,
    iid: *const GUID,
    out: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: `this` is the device that the method was called on.
    let Some((sim, device)) = watching().zip(unsafe { ID3D11Device::from_raw_borrowed(&this) }) else {
        // SAFETY: called for the slot that was replaced, with the caller's own arguments.
        return unsafe { original::<Open>(this, OPEN)(this, handle, iid, out) };
    };
    // SAFETY: null or the caller's variable.
    let Some(place) = (unsafe { out.as_mut() }) else { return E_INVALIDARG };
    *place = std::ptr::null_mut();
    let opened = open::open(&sim, device, handle).and_then(|texture| install_texture(&texture).map(|()| texture));
    match opened {
        // SAFETY: the caller keeps the contract of a query.
        Ok(texture) => unsafe { texture.query(iid, out) },
        Err(error) => error.code(),
    }
}
