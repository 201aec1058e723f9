//! `IDXGIResource1` of a shared texture.

use std::sync::Arc;

use windows::Win32::Foundation::{E_INVALIDARG, E_NOTIMPL, HANDLE};
use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::{
    IDXGIResource1, IDXGIResource1_Impl, IDXGIResource_Impl, IDXGISurface2, DXGI_ERROR_UNSUPPORTED,
    DXGI_RESOURCE_PRIORITY, DXGI_RESOURCE_PRIORITY_NORMAL, DXGI_SHARED_RESOURCE_READ, DXGI_SHARED_RESOURCE_WRITE,
    DXGI_USAGE, DXGI_USAGE_RENDER_TARGET_OUTPUT,
};
use windows::Win32::Security::SECURITY_ATTRIBUTES;
use windows_core::{implement, Result, PCWSTR};

use crate::com::private_data::{device_sub_object, PrivateData};
use crate::counters::count;
use crate::script::call::Call;
use crate::sharing::endpoint::Endpoint;
use crate::state::simulation::current;

/// It keeps the texture alive, as an interface of the same object would.
#[implement(IDXGIResource1)]
pub(crate) struct Resource {
    texture: ID3D11Texture2D,
    endpoint: Arc<Endpoint>,
    data: PrivateData,
}

impl Resource {
    pub(crate) fn new(texture: ID3D11Texture2D, endpoint: Arc<Endpoint>) -> Self {
        Self { texture, endpoint, data: PrivateData::default() }
    }
}

device_sub_object!(Resource_Impl, texture);

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
        self.endpoint.check(Call::CreateSharedHandle)?;
        let known = DXGI_SHARED_RESOURCE_READ.0 | DXGI_SHARED_RESOURCE_WRITE.0;
        if access == 0 || access & !known != 0 || !name.is_null() {
            return Err(E_INVALIDARG.into());
        }
        let Some(sim) = current() else { return Err(E_INVALIDARG.into()) };
        let Some(handle) = self.endpoint.surface.first_handle() else {
            count(&sim.counters.shared_twice);
            return Err(E_INVALIDARG.into());
        };
        count(&sim.counters.shared_handles);
        handle
    }
}

impl IDXGIResource_Impl for Resource_Impl {
    fn GetSharedHandle(&self) -> Result<HANDLE> {
        // Not for a texture that is shared by an NT handle.
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
