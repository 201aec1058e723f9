//! A desktop resource that is not a texture, for programs that must handle one.

use windows::Win32::Foundation::HANDLE;
use windows::Win32::Graphics::Dxgi::{
    IDXGIResource, IDXGIResource_Impl, DXGI_ERROR_UNSUPPORTED, DXGI_RESOURCE_PRIORITY, DXGI_RESOURCE_PRIORITY_NORMAL,
    DXGI_USAGE, DXGI_USAGE_BACK_BUFFER,
};
use windows_core::{implement, Result};

use crate::com::private_data::{device_sub_object, PrivateData};

#[implement(IDXGIResource)]
#[derive(Default)]
pub(crate) struct NotATexture {
    data: PrivateData,
}

device_sub_object!(NotATexture_Impl);

impl IDXGIResource_Impl for NotATexture_Impl {
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
