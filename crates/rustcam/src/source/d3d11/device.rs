//! A Direct3D device on the adapter of the screen, and operations on its textures.

use std::time::Duration;

use windows::core::{Interface, BOOL, HRESULT};
use windows::Win32::Foundation::{CloseHandle, HANDLE, HMODULE, WAIT_OBJECT_0};
use windows::Win32::Graphics::Direct3D::{
    D3D_DRIVER_TYPE_UNKNOWN, D3D_FEATURE_LEVEL_10_0, D3D_FEATURE_LEVEL_10_1, D3D_FEATURE_LEVEL_11_0,
    D3D_FEATURE_LEVEL_11_1,
};
use windows::Win32::Graphics::Direct3D11::{
    D3D11CreateDevice, ID3D11Device, ID3D11DeviceContext, ID3D11Multithread, ID3D11Query, ID3D11Texture2D,
    D3D11_BIND_RENDER_TARGET, D3D11_BIND_SHADER_RESOURCE, D3D11_BOX, D3D11_CPU_ACCESS_READ,
    D3D11_CREATE_DEVICE_BGRA_SUPPORT, D3D11_MAPPED_SUBRESOURCE, D3D11_MAP_FLAG_DO_NOT_WAIT, D3D11_MAP_READ,
    D3D11_QUERY_DESC, D3D11_QUERY_EVENT, D3D11_RESOURCE_MISC_SHARED, D3D11_RESOURCE_MISC_SHARED_KEYEDMUTEX,
    D3D11_RESOURCE_MISC_SHARED_NTHANDLE, D3D11_SDK_VERSION, D3D11_TEXTURE2D_DESC, D3D11_USAGE_DEFAULT,
    D3D11_USAGE_STAGING,
};
use windows::Win32::Graphics::Dxgi::Common::{DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_SAMPLE_DESC};
use windows::Win32::Graphics::Dxgi::{IDXGIAdapter1, IDXGIDevice2};
use windows::Win32::System::Threading::{CreateEventW, WaitForSingleObject};

use super::failure::failed;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::geometry::{Point, Rect, Size};
use crate::source::hresult;
use crate::source::texture::{Luid, TextureSync};
use crate::source::verdict::{self, Call, Verdict};

/// Where a texture lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the device.
    Device,
    /// In memory that the processor can read.
    Staging,
    /// On the device, as a render target that other devices can open.
    Shared(TextureSync),
}

/// A device and its one immediate context. Only the thread that holds the screen's mutex uses them.
pub(in crate::source) struct Device {
    pub(in crate::source) object: ID3D11Device,
    pub(super) context: ID3D11DeviceContext,
    /// Its adapter.
    pub(super) luid: Luid,
    idle: Option<IdleEvent>,
}

impl Device {
    /// A device on `adapter`.
    ///
    /// # Errors
    /// `Duplication` or `Device`.
    pub(in crate::source) fn create(adapter: &IDXGIAdapter1) -> Result<Self> {
        let levels = [D3D_FEATURE_LEVEL_11_1, D3D_FEATURE_LEVEL_11_0, D3D_FEATURE_LEVEL_10_1, D3D_FEATURE_LEVEL_10_0];
        let create = |levels: &[_]| {
            let (mut device, mut context) = (None, None);
            // SAFETY: an adapter goes with the unknown driver type and no module; all pointers are valid during the call.
            unsafe {
                D3D11CreateDevice(
                    adapter,
                    D3D_DRIVER_TYPE_UNKNOWN,
                    HMODULE::default(),
                    D3D11_CREATE_DEVICE_BGRA_SUPPORT,
                    Some(levels),
                    D3D11_SDK_VERSION,
                    Some(&raw mut device),
                    None,
                    Some(&raw mut context),
                )
            }
            .map(|()| device.zip(context))
        };
        // A runtime before 11.1 rejects the whole list because of the level that it does not know.
        let created = match create(&levels) {
            Err(e) if e.code().0 as u32 == hresult::E_INVALIDARG => create(&levels[1..]),
            other => other,
        };
        let made = created.map_err(|e| failed(&e, Call::CreateDevice))?;
        let (device, context) = made.ok_or_else(|| verdict::error(hresult::E_FAIL, Call::CreateDevice))?;
        // The system itself uses the device inside AcquireNextFrame, on the calling thread.
        if let Ok(lock) = device.cast::<ID3D11Multithread>() {
            // SAFETY: no preconditions.
            let _ = unsafe { lock.SetMultithreadProtected(true) };
        }
        // SAFETY: the result is checked.
        let luid = unsafe { adapter.GetDesc1() }.map_err(|e| failed(&e, Call::CreateDevice))?.AdapterLuid;
        let idle = IdleEvent::create(&device);
        Ok(Self { object: device, context, luid: Luid { low: luid.LowPart, high: luid.HighPart }, idle })
    }

    /// Why the device was removed; `None` if it was not.
    pub(in crate::source) fn removed(&self) -> Option<u32> {
        // SAFETY: no preconditions.
        unsafe { self.object.GetDeviceRemovedReason() }.err().map(|e| e.code().0 as u32)
    }

    /// A texture of `size` in BGRA, the only format of this backend.
    ///
    /// # Errors
    /// `Capture` without memory, `Device` if the device is lost.
    pub(super) fn texture(&self, size: Size, place: Place) -> Result<ID3D11Texture2D> {
        // For reading only: with write access some drivers choose memory that is slow to read.
        let staging = (D3D11_USAGE_STAGING, 0, D3D11_CPU_ACCESS_READ.0, 0);
        let (usage, bind, access, misc) = match place {
            Place::Staging => staging,
            Place::Device => (D3D11_USAGE_DEFAULT, D3D11_BIND_SHADER_RESOURCE.0, 0, 0),
            Place::Shared(sync) => {
                let kind = match sync {
                    TextureSync::None => D3D11_RESOURCE_MISC_SHARED,
                    TextureSync::Keyed => D3D11_RESOURCE_MISC_SHARED_KEYEDMUTEX,
                };
                let bind = D3D11_BIND_SHADER_RESOURCE.0 | D3D11_BIND_RENDER_TARGET.0;
                (D3D11_USAGE_DEFAULT, bind, 0, kind.0 | D3D11_RESOURCE_MISC_SHARED_NTHANDLE.0)
            }
        };
        let desc = D3D11_TEXTURE2D_DESC {
            Usage: usage,
            BindFlags: bind as u32,
            CPUAccessFlags: access as u32,
            MiscFlags: misc as u32,
            ..bgra_texture(size)
        };
        let mut texture = None;
        // SAFETY: both pointers are valid during the call.
        let made = unsafe { self.object.CreateTexture2D(&raw const desc, None, Some(&raw mut texture)) };
        made.map_err(|e| failed(&e, Call::CreateTexture))?;
        texture.ok_or_else(|| verdict::error(hresult::E_FAIL, Call::CreateTexture))
    }

    /// Queues a copy of `part`, which lies inside both textures, to `at`.
    pub(super) fn copy(&self, from: &ID3D11Texture2D, part: Rect, to: &ID3D11Texture2D, at: Point) {
        let area = D3D11_BOX {
            left: part.left as u32,
            top: part.top as u32,
            front: 0,
            right: part.right as u32,
            bottom: part.bottom as u32,
            back: 1,
        };
        // SAFETY: both textures are of this device and of the same format; the caller guarantees that the box is inside them.
        // Direct3D ignores a copy that is not; it does not fault.
        unsafe {
            self.context.CopySubresourceRegion(to, 0, at.x as u32, at.y as u32, 0, from, 0, Some(&raw const area));
        }
    }

    /// Submits the queued work to the GPU.
    pub(in crate::source) fn flush(&self) {
        // SAFETY: no preconditions.
        unsafe { self.context.Flush() };
    }

    /// Maps a staging texture to read `rows` rows of `row` bytes. `None` if the GPU has not finished at `deadline`.
    ///
    /// # Errors
    /// `Device` if the device is lost, `Capture`.
    pub(super) fn map(
        &self,
        texture: &ID3D11Texture2D,
        row: usize,
        rows: usize,
        clock: &dyn Clock,
        deadline: Duration,
    ) -> Result<Option<Mapped>> {
        self.poll(clock, deadline, || {
            let mut mapped = D3D11_MAPPED_SUBRESOURCE::default();
            // SAFETY: a staging texture of this device; Direct3D refuses to map a mapped one. The pointer is valid.
            let result = unsafe {
                let flags = D3D11_MAP_FLAG_DO_NOT_WAIT.0 as u32;
                self.context.Map(texture, 0, D3D11_MAP_READ, flags, Some(&raw mut mapped))
            };
            let code = result.as_ref().map_or_else(|e| e.code().0 as u32, |()| hresult::S_OK);
            match verdict::classify(code, Call::Map) {
                Verdict::Success if !mapped.pData.is_null() => {
                    let pitch = mapped.RowPitch as usize;
                    let len = if rows == 0 { 0 } else { (rows - 1) * pitch + row };
                    let (context, texture) = (self.context.clone(), texture.clone());
                    Ok(Some(Mapped { context, texture, start: mapped.pData.cast(), len, pitch }))
                }
                Verdict::StillDrawing => Ok(None),
                _ => Err(verdict::error(if code == hresult::S_OK { hresult::E_FAIL } else { code }, Call::Map)),
            }
        })
    }

    /// A fence for [`Device::signal`] and [`Device::wait`].
    ///
    /// # Errors
    /// `Capture`, `Device` if the device is lost.
    pub(super) fn fence(&self) -> Result<ID3D11Query> {
        let desc = D3D11_QUERY_DESC { Query: D3D11_QUERY_EVENT, MiscFlags: 0 };
        let mut query = None;
        // SAFETY: both pointers are valid during the call.
        unsafe { self.object.CreateQuery(&raw const desc, Some(&raw mut query)) }
            .map_err(|e| failed(&e, Call::Draw))?;
        query.ok_or_else(|| verdict::error(hresult::E_FAIL, Call::Draw))
    }

    /// Signals `fence` when all work queued so far is done.
    pub(super) fn signal(&self, fence: &ID3D11Query) {
        // SAFETY: a query of this device.
        unsafe { self.context.End(fence) };
        self.flush();
    }

    /// Waits until `fence` is signalled. `false` if it is not at `deadline`.
    ///
    /// # Errors
    /// `Device` if the device is lost, `Capture`.
    pub(super) fn wait(&self, fence: &ID3D11Query, clock: &dyn Clock, deadline: Duration) -> Result<bool> {
        let signalled = self.poll(clock, deadline, || {
            let mut done = BOOL::default();
            let (size, place) = (size_of::<BOOL>() as u32, (&raw mut done).cast());
            // Called through the vtable, because "not yet" is a positive code, which the safe wrapper takes for success.
            // SAFETY: a query of this device; the pointer is valid for that many bytes.
            let HRESULT(code) =
                unsafe { (self.context.vtable().GetData)(self.context.as_raw(), fence.as_raw(), place, size, 0) };
            match code as u32 {
                hresult::S_OK => Ok(done.as_bool().then_some(())),
                hresult::S_FALSE => Ok(None),
                code => Err(verdict::error(code, Call::Draw)),
            }
        })?;
        Ok(signalled.is_some())
    }

    /// Calls `query` until it returns a result, or until `deadline`.
    fn poll<T>(
        &self,
        clock: &dyn Clock,
        deadline: Duration,
        mut query: impl FnMut() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut pause = Duration::from_micros(50);
        let mut waited = false;
        loop {
            if let Some(result) = query()? {
                return Ok(Some(result));
            }
            let left = deadline.saturating_sub(clock.now());
            if left.is_zero() {
                return Ok(None);
            }
            // The kernel wakes the thread when the device is done. Where it cannot, poll with growing pauses.
            if !std::mem::replace(&mut waited, true) && self.idle.as_ref().is_some_and(|idle| idle.wait(left)) {
                continue;
            }
            clock.sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(1));
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: no preconditions. Direct3D destroys unreferenced objects only when the context is flushed.
        unsafe {
            self.context.ClearState();
            self.context.Flush();
        }
    }
}

/// The rows of a staging texture. Unmapped when dropped. Nothing may be copied to the texture until then.
pub(super) struct Mapped {
    context: ID3D11DeviceContext,
    texture: ID3D11Texture2D,
    start: *const u8,
    len: usize,
    /// Bytes from one row to the next.
    pub(super) pitch: usize,
}

impl Mapped {
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: Map returned this address for a texture with at least as many rows and columns, readable until Unmap.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the texture was mapped when this was made, and is unmapped only here.
        unsafe { self.context.Unmap(&self.texture, 0) };
    }
}

/// An event that the system sets when the device has done all work queued so far.
struct IdleEvent {
    device: IDXGIDevice2,
    event: HANDLE,
}

// SAFETY: event handles belong to the process, not to a thread.
unsafe impl Send for IdleEvent {}

impl IdleEvent {
    /// `None` before Windows 8, and where the system has no memory for an event.
    fn create(device: &ID3D11Device) -> Option<Self> {
        let device = device.cast().ok()?;
        // SAFETY: an unnamed auto-reset event with default security.
        let event = unsafe { CreateEventW(None, false, false, None) }.ok()?;
        Some(Self { device, event })
    }

    /// Submits the queued work and waits for it. `false` if the system cannot notify, or the work is not done in time.
    fn wait(&self, timeout: Duration) -> bool {
        let ms = timeout.as_micros().div_ceil(1000).min(1000) as u32;
        // SAFETY: the event lives as long as `self`. A late signal of an earlier wait only ends a later wait too early.
        unsafe {
            self.device.EnqueueSetEvent(self.event).is_ok() && WaitForSingleObject(self.event, ms) == WAIT_OBJECT_0
        }
    }
}

impl Drop for IdleEvent {
    fn drop(&mut self) {
        // SAFETY: created in `create`, closed only here. A pending signal holds its own reference to the event.
        let _ = unsafe { CloseHandle(self.event) };
    }
}

/// The description of a BGRA texture of `size`, without usage and flags.
pub(super) fn bgra_texture(size: Size) -> D3D11_TEXTURE2D_DESC {
    D3D11_TEXTURE2D_DESC {
        Width: size.width,
        Height: size.height,
        MipLevels: 1,
        ArraySize: 1,
        Format: DXGI_FORMAT_B8G8R8A8_UNORM,
        SampleDesc: DXGI_SAMPLE_DESC { Count: 1, Quality: 0 },
        ..Default::default()
    }
}

/// The error of the device's removal if `error` is a loss and the device was removed; otherwise `error`.
pub(in crate::source) fn or_device_removed(device: &Device, error: Error) -> Error {
    match device.removed() {
        Some(code) if error.loss().is_some() => verdict::error(
            if verdict::classify(code, Call::Map) == Verdict::LostDevice { code } else { hresult::DEVICE_REMOVED },
            Call::Map,
        ),
        _ => error,
    }
}
