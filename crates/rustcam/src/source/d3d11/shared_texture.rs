//! Textures that other devices and processes open through kernel handles.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;

use windows::core::{Interface, HRESULT};
use windows::Win32::Foundation::{CloseHandle, DuplicateHandle, DUPLICATE_SAME_ACCESS, HANDLE};
use windows::Win32::Graphics::Direct3D11::{ID3D11Device, ID3D11RenderTargetView};
use windows::Win32::Graphics::Dxgi::{
    IDXGIKeyedMutex, IDXGIResource1, DXGI_SHARED_RESOURCE_READ, DXGI_SHARED_RESOURCE_WRITE,
};
use windows::Win32::System::Threading::GetCurrentProcess;

use super::device::{Device, Place};
use super::failure::failed;
use super::rendered::Rendered;
use super::resources::target_view;
use super::ring::{Gpu, HeldTexture, Kind};
use crate::error::Result;
use crate::source::hresult;
use crate::source::texture::{TextureHandle, TextureSync};
use crate::source::verdict::Call;

/// The number of the next texture.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A texture, the view to render to it, and the handle to share it.
pub(super) struct Shared {
    /// The render target. It keeps the texture alive, too.
    pub(super) view: ID3D11RenderTargetView,
    /// What was rendered to it; `None` after a failure.
    pub(super) rendered: Mutex<Option<Rendered>>,
    mutex: Option<IDXGIKeyedMutex>,
    /// Direct3D creates only one handle for a texture; holders get duplicates.
    handle: NtHandle,
    /// No other texture of this process has the same number.
    pub(super) number: u64,
    device: ID3D11Device,
}

/// A handle of the kernel, closed when dropped.
pub(super) struct NtHandle(HANDLE);

// SAFETY: handles belong to the process, not to a thread.
unsafe impl Send for NtHandle {}
// SAFETY: as above; nothing but dropping changes it.
unsafe impl Sync for NtHandle {}

impl Drop for NtHandle {
    fn drop(&mut self) {
        // SAFETY: owned by this value alone, and closed only here.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

impl Gpu for Device {
    type Texture = Shared;
    type Handle = NtHandle;

    fn create(&self, Kind { size, format, sync }: Kind) -> Result<Shared> {
        let texture = self.texture(size, format, Place::Shared(sync))?;
        let view = target_view(self, &texture)?;
        let access = DXGI_SHARED_RESOURCE_READ.0 | DXGI_SHARED_RESOURCE_WRITE.0;
        let handle = texture.cast::<IDXGIResource1>().and_then(|resource| {
            // SAFETY: no attributes and no name; the result is checked.
            unsafe { resource.CreateSharedHandle(None, access, None) }
        });
        let handle = NtHandle(handle.map_err(|e| failed(&e, Call::Share))?);
        let mutex = match sync {
            TextureSync::None => None,
            TextureSync::Keyed => Some(texture.cast().map_err(|e| failed(&e, Call::Sync))?),
        };
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Ok(Shared { view, rendered: Mutex::default(), mutex, handle, number, device: self.object.clone() })
    }

    fn acquire(&self, texture: &Shared, key: u64) -> u32 {
        let Some(mutex) = &texture.mutex else { return hresult::E_FAIL };
        // Called through the vtable, because the safe wrapper takes the positive codes for success.
        // SAFETY: a valid object; it does not wait.
        let HRESULT(code) = unsafe { (mutex.vtable().AcquireSync)(mutex.as_raw(), key, 0) };
        code as u32
    }

    fn release(&self, texture: &Shared, key: u64) -> u32 {
        let Some(mutex) = &texture.mutex else { return hresult::E_FAIL };
        // SAFETY: a valid object.
        let HRESULT(code) = unsafe { (mutex.vtable().ReleaseSync)(mutex.as_raw(), key) };
        code as u32
    }

    fn duplicate(texture: &Shared) -> Result<NtHandle> {
        let mut handle = HANDLE::default();
        // SAFETY: this process has the handle, which `texture` owns; the pointer is valid during the call.
        unsafe {
            let process = GetCurrentProcess();
            DuplicateHandle(process, texture.handle.0, process, &raw mut handle, 0, false, DUPLICATE_SAME_ACCESS)
        }
        .map_err(|e| failed(&e, Call::Share))?;
        Ok(NtHandle(handle))
    }
}

impl TextureHandle for HeldTexture<Device> {
    fn handle(&self) -> Result<isize> {
        self.own_handle().map(|NtHandle(handle)| handle.0 as isize)
    }

    fn is_stale(&self) -> bool {
        // SAFETY: no preconditions.
        unsafe { self.texture.device.GetDeviceRemovedReason() }.is_err()
    }
}
