//! `IDXGIKeyedMutex` of a shared texture.

use std::sync::Arc;
use std::time::Duration;

use windows::Win32::Foundation::E_FAIL;
use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::{IDXGIKeyedMutex, IDXGIKeyedMutex_Impl};
use windows_core::{implement, Result};

use crate::com::private_data::{device_sub_object, PrivateData};
use crate::script::call::Call;
use crate::sharing::endpoint::{refused, Endpoint};

/// It keeps the texture alive, as an interface of the same object would.
#[implement(IDXGIKeyedMutex)]
pub(crate) struct KeyedMutex {
    texture: ID3D11Texture2D,
    endpoint: Arc<Endpoint>,
    data: PrivateData,
}

impl KeyedMutex {
    pub(crate) fn new(texture: ID3D11Texture2D, endpoint: Arc<Endpoint>) -> Self {
        Self { texture, endpoint, data: PrivateData::default() }
    }
}

device_sub_object!(KeyedMutex_Impl, texture);

impl IDXGIKeyedMutex_Impl for KeyedMutex_Impl {
    fn AcquireSync(&self, key: u64, milliseconds: u32) -> Result<()> {
        self.endpoint.check(Call::AcquireSync)?;
        let keyed = self.endpoint.surface.keyed.as_ref().ok_or(E_FAIL)?;
        keyed.acquire(self.endpoint.number, key, Duration::from_millis(u64::from(milliseconds))).map_err(refused)?;
        self.endpoint.update(&self.texture)
    }

    fn ReleaseSync(&self, key: u64) -> Result<()> {
        self.endpoint.check(Call::ReleaseSync)?;
        let keyed = self.endpoint.surface.keyed.as_ref().ok_or(E_FAIL)?;
        keyed.release(self.endpoint.number, key).map_err(refused)
    }
}
