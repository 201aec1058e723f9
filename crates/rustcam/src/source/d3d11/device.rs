//! A Direct3D device on the adapter of the screen, and operations on its textures.

use std::sync::Arc;
use std::time::Duration;

use windows::core::{s, w, Interface, BOOL, HRESULT};
use windows::Win32::Foundation::HMODULE;
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
use windows::Win32::Graphics::Dxgi::Common::DXGI_SAMPLE_DESC;
use windows::Win32::Graphics::Dxgi::{IDXGIAdapter1, IDXGIDevice2};
use windows::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};

use super::failure::failed;
use super::formats::{dxgi_format, pixel_bytes};
use super::priority::raise_gpu_priority;
use super::work::Work;
use crate::clock::{Clock, EventCount};
use crate::color::TextureFormat;
use crate::error::{Error, Result};
use crate::geometry::{Point, Rect, Size};
use crate::kernel_wait::Event;
use crate::source::hresult;
use crate::source::texture::{Luid, TextureSync};
use crate::source::verdict::{self, Call, Verdict};

/// How often one wait for the device asks the system for a notification: the first may be one that an earlier wait did not wait for.
const NOTIFICATIONS: u32 = 3;

/// Where a texture lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the device.
    Device,
    /// In memory that the processor can read.
    Staging,
    /// On the device, as a render target.
    Target,
    /// On the device, as a render target that other devices can open.
    Shared(TextureSync),
}

/// A device and its one immediate context. Only the thread that holds the screen's mutex uses them.
pub(in crate::source) struct Device {
    pub(in crate::source) object: ID3D11Device,
    pub(super) context: ID3D11DeviceContext,
    /// Its adapter.
    pub(in crate::source) luid: Luid,
    idle: Option<IdleEvent>,
    /// Direct3D is translated to another API, as by Wine.
    pub(super) translated: bool,
    pub(super) work: Arc<Work>,
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
        let desc = unsafe { adapter.GetDesc1() }.map_err(|e| failed(&e, Call::CreateDevice))?;
        let luid = Luid { low: desc.AdapterLuid.LowPart, high: desc.AdapterLuid.HighPart };
        let idle = IdleEvent::create(&device);
        let work = Arc::<Work>::default();
        work.set_gpu_priority(raise_gpu_priority(&device, desc.VendorId));
        Ok(Self { object: device, context, luid, idle, translated: is_translated(), work })
    }

    /// This device, which replaces `before` and goes on counting.
    pub(super) fn count_on(mut self, before: &Self) -> Self {
        let raised = self.work.stats(None).gpu_priority.unwrap_or_default();
        self.work = Arc::clone(&before.work);
        self.work.set_gpu_priority(raised);
        self
    }

    /// Why the device was removed; `None` if it was not.
    pub(in crate::source) fn removed(&self) -> Option<u32> {
        // SAFETY: no preconditions.
        unsafe { self.object.GetDeviceRemovedReason() }.err().map(|e| e.code().0 as u32)
    }

    /// A texture of `size` and `format`.
    ///
    /// # Errors
    /// `Capture` without memory, `Device` if the device is lost.
    pub(super) fn texture(&self, size: Size, format: TextureFormat, place: Place) -> Result<ID3D11Texture2D> {
        // For reading only: with write access some drivers choose memory that is slow to read.
        let staging = (D3D11_USAGE_STAGING, 0, D3D11_CPU_ACCESS_READ.0, 0);
        let (usage, bind, access, misc) = match place {
            Place::Staging => staging,
            Place::Device => (D3D11_USAGE_DEFAULT, D3D11_BIND_SHADER_RESOURCE.0, 0, 0),
            Place::Target => (D3D11_USAGE_DEFAULT, D3D11_BIND_SHADER_RESOURCE.0 | D3D11_BIND_RENDER_TARGET.0, 0, 0),
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
            ..texture_desc(size, format)
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
        self.work.copied(part.area() * pixel_bytes(from) as u64);
        // SAFETY: both textures are of this device and of the same format; the caller guarantees that the box is inside them.
        // Direct3D ignores a copy that is not; it does not fault.
        unsafe {
            self.context.CopySubresourceRegion(to, 0, at.x as u32, at.y as u32, 0, from, 0, Some(&raw const area));
        }
    }

    /// Queues the copy of an image without padding to `to`, a texture of its size.
    pub(super) fn upload(&self, bytes: &[u8], size: Size, to: &ID3D11Texture2D) {
        let row = size.width * pixel_bytes(to) as u32;
        debug_assert_eq!(bytes.len() as u64, u64::from(row) * u64::from(size.height));
        self.work.copied(bytes.len() as u64);
        // SAFETY: the memory has as many rows of as many bytes as the texture; the call copies them before it returns.
        unsafe { self.context.UpdateSubresource(to, 0, None, bytes.as_ptr().cast(), row, 0) };
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
        let never = EventCount::default();
        let mut pause = Duration::from_micros(50);
        let mut notified = 0;
        loop {
            if let Some(result) = query()? {
                return Ok(Some(result));
            }
            let left = deadline.saturating_sub(clock.now());
            if left.is_zero() {
                return Ok(None);
            }
            // The kernel wakes the thread when the device is done. Where it cannot, poll with growing pauses.
            notified += 1;
            if notified <= NOTIFICATIONS && self.idle.as_ref().is_some_and(|idle| idle.wait(left)) {
                continue;
            }
            clock.wait(&never, never.count(), clock.now() + pause.min(left));
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
    event: Event,
}

impl IdleEvent {
    /// `None` where the system has no memory for an event.
    fn create(device: &ID3D11Device) -> Option<Self> {
        Some(Self { device: device.cast().ok()?, event: Event::new()? })
    }

    /// Submits the queued work and waits for it. `false` if the system cannot notify, or the work is not done in time.
    fn wait(&self, timeout: Duration) -> bool {
        // The signal of an earlier wait may have come after that wait's end. One that comes later still ends this wait too early.
        self.event.reset();
        // SAFETY: the event lives as long as `self`. A pending signal holds its own reference to it.
        let queued = unsafe { self.device.EnqueueSetEvent(self.event.handle()) };
        queued.is_ok() && self.event.wait(timeout)
    }
}

/// The description of a texture of `size` and `format`, without usage and flags.
pub(super) fn texture_desc(size: Size, format: TextureFormat) -> D3D11_TEXTURE2D_DESC {
    D3D11_TEXTURE2D_DESC {
        Width: size.width,
        Height: size.height,
        MipLevels: 1,
        ArraySize: 1,
        Format: dxgi_format(format),
        SampleDesc: DXGI_SAMPLE_DESC { Count: 1, Quality: 0 },
        ..Default::default()
    }
}

/// Whether this system translates Direct3D. Wine says its version; elsewhere there is no such function, or it says nothing.
fn is_translated() -> bool {
    type Version = unsafe extern "C" fn() -> *const std::ffi::c_char;
    // SAFETY: ntdll is in every process; the name is that of a function of this type, which has no preconditions.
    unsafe {
        let Ok(ntdll) = GetModuleHandleW(w!("ntdll.dll")) else { return false };
        let Some(address) = GetProcAddress(ntdll, s!("wine_get_version")) else { return false };
        let version: Version = std::mem::transmute(address);
        !version().is_null()
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
