//! `IDXGIResource1` of a shared texture, which Wine does not have.

use std::ffi::c_void;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use windows::Win32::Foundation::{E_INVALIDARG, E_NOINTERFACE, E_NOTIMPL, HANDLE};
use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::{
    IDXGIDeviceSubObject_Impl, IDXGIObject_Impl, IDXGIResource1, IDXGIResource1_Impl, IDXGIResource_Impl,
    IDXGISurface2, DXGI_ERROR_UNSUPPORTED, DXGI_RESOURCE_PRIORITY, DXGI_RESOURCE_PRIORITY_NORMAL,
    DXGI_SHARED_RESOURCE_READ, DXGI_SHARED_RESOURCE_WRITE, DXGI_USAGE, DXGI_USAGE_RENDER_TARGET_OUTPUT,
};
use windows::Win32::Security::SECURITY_ATTRIBUTES;
use windows_core::{implement, Interface, Result, GUID, PCWSTR};

use crate::counters::count;
use crate::faults::Call;
use crate::private::{private_data, PrivateData};
use crate::shared::Party;
use crate::stage::current;

/// It keeps the texture alive, as an interface of the same object would.
#[implement(IDXGIResource1)]
pub(crate) struct Resource {
    texture: ID3D11Texture2D,
    party: Arc<Party>,
    data: PrivateData,
}

impl Resource {
    pub(crate) fn new(texture: ID3D11Texture2D, party: Arc<Party>) -> Self {
        Self { texture, party, data: PrivateData::default() }
    }
}

impl IDXGIResource1_Impl for Resource_Impl {
    fn CreateSubresourceSurface(&self, _index: u32) -> Result<IDXGISurface2> {
        Err(E_NOTIMPL.into())
    }

    fn CreateSharedHandle(
        &self,
        _attributes: *const SECURITY_ATTRIBUTES,
        access: u32,
        name: &PCWSTR,
    ) -> Result<HANDLE> {
        self.party.refuse(Call::CreateSharedHandle)?;
        let known = DXGI_SHARED_RESOURCE_READ.0 | DXGI_SHARED_RESOURCE_WRITE.0;
        if access == 0 || access & !known != 0 || !name.is_null() {
            return Err(E_INVALIDARG.into());
        }
        let Some(stage) = current() else { return Err(E_INVALIDARG.into()) };
        if self.party.memory.handed_out.swap(true, Ordering::AcqRel) {
            count(&stage.counting.shared_twice);
            return Err(E_INVALIDARG.into());
        }
        count(&stage.counting.shared_handles);
        self.party.memory.handle()
    }
}

impl IDXGIResource_Impl for Resource_Impl {
    fn GetSharedHandle(&self) -> Result<HANDLE> {
        // Never for one with a handle of the kernel.
        Err(E_INVALIDARG.into())
    }

    fn GetUsage(&self) -> Result<DXGI_USAGE> {
        Ok(DXGI_USAGE_RENDER_TARGET_OUTPUT)
    }

    fn SetEvictionPriority(&self, _priority: DXGI_RESOURCE_PRIORITY) -> Result<()> {
        Err(DXGI_ERROR_UNSUPPORTED.into())
    }

    fn GetEvictionPriority(&self) -> Result<DXGI_RESOURCE_PRIORITY> {
        Ok(DXGI_RESOURCE_PRIORITY_NORMAL)
    }
}

impl IDXGIObject_Impl for Resource_Impl {
    private_data!();

    fn GetParent(&self, _iid: *const GUID, _parent: *mut *mut c_void) -> Result<()> {
        Err(E_NOINTERFACE.into())
    }
}

impl IDXGIDeviceSubObject_Impl for Resource_Impl {
    fn GetDevice(&self, iid: *const GUID, device: *mut *mut c_void) -> Result<()> {
        // SAFETY: every texture has a device; the caller keeps the contract of the same method.
        unsafe { self.texture.GetDevice()?.query(iid, device).ok() }
    }
}
