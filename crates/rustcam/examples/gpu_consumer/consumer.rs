//! A reader of shared textures on Direct3D 11, to be copied: it knows nothing of rustcam but a handle, an adapter and two keys.

use windows::core::{Error, Interface, Result, HRESULT};
use windows::Win32::Foundation::{E_FAIL, HANDLE, HMODULE, S_OK};
use windows::Win32::Graphics::Direct3D::D3D_DRIVER_TYPE_UNKNOWN;
use windows::Win32::Graphics::Direct3D11::{
    D3D11CreateDevice, ID3D11Device, ID3D11Device1, ID3D11DeviceContext, ID3D11Texture2D, D3D11_CPU_ACCESS_READ,
    D3D11_CREATE_DEVICE_BGRA_SUPPORT, D3D11_MAPPED_SUBRESOURCE, D3D11_MAP_READ, D3D11_SDK_VERSION,
    D3D11_TEXTURE2D_DESC, D3D11_USAGE_STAGING,
};
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT_R16G16B16A16_FLOAT;
use windows::Win32::Graphics::Dxgi::{
    CreateDXGIFactory1, IDXGIAdapter1, IDXGIFactory1, IDXGIKeyedMutex, DXGI_ERROR_NOT_FOUND,
};

/// `GpuTexture.acquire_key` and `GpuTexture.release_key`.
const ACQUIRE_KEY: u64 = 1;
const RELEASE_KEY: u64 = 0;

/// What `AcquireSync` says when the time is up. Not negative, so the safe wrapper of the call would take it for success.
const WAIT_TIMEOUT: HRESULT = HRESULT(0x102);

/// A device of the reader's own.
pub struct Consumer {
    device: ID3D11Device1,
    context: ID3D11DeviceContext,
}

/// A shared texture on the reader's device. It stays valid when the handle is closed.
pub struct Opened {
    pub texture: ID3D11Texture2D,
    mutex: Option<IDXGIKeyedMutex>,
}

impl Consumer {
    /// A device on the adapter with this LUID (`GpuTexture.luid`): textures cannot be shared between adapters.
    pub fn on_adapter(luid: (u32, i32)) -> Result<Self> {
        // SAFETY: plain creation; the result is checked.
        let factory: IDXGIFactory1 = unsafe { CreateDXGIFactory1() }?;
        let adapter = (0..)
            // SAFETY: any index is allowed; the first that does not exist ends the search.
            .map_while(|index| unsafe { factory.EnumAdapters1(index) }.ok())
            .find(|adapter| luid_of(adapter).is_ok_and(|found| found == luid))
            .ok_or(DXGI_ERROR_NOT_FOUND)?;
        let (mut device, mut context): (Option<ID3D11Device>, _) = (None, None);
        // SAFETY: an adapter goes with the unknown driver type; all pointers are valid during the call.
        unsafe {
            D3D11CreateDevice(
                &adapter,
                D3D_DRIVER_TYPE_UNKNOWN,
                HMODULE::default(),
                D3D11_CREATE_DEVICE_BGRA_SUPPORT,
                None,
                D3D11_SDK_VERSION,
                Some(&raw mut device),
                None,
                Some(&raw mut context),
            )
        }?;
        Ok(Self { device: device.ok_or(E_FAIL)?.cast()?, context: context.ok_or(E_FAIL)? })
    }

    /// Opens `GpuTexture.shared_handle`. Do it before that texture is closed.
    pub fn open(&self, handle: isize) -> Result<Opened> {
        // SAFETY: a handle of another kind, or a closed one, is refused.
        let texture: ID3D11Texture2D = unsafe { self.device.OpenSharedResource1(HANDLE(handle as *mut _)) }?;
        // Only textures of `sync="keyed"` have one.
        let mutex = texture.cast().ok();
        Ok(Opened { texture, mutex })
    }

    /// The pixels without padding: BGRA, or half floats of red, green, blue and alpha. A stand-in for what a reader does on its device: encode, filter, infer.
    pub fn pixels(&self, opened: &Opened) -> Result<Vec<u8>> {
        let (mut desc, mut staging) = (D3D11_TEXTURE2D_DESC::default(), None);
        // SAFETY: a live texture; the pointer is valid during the call.
        unsafe { opened.texture.GetDesc(&raw mut desc) };
        desc.Usage = D3D11_USAGE_STAGING;
        desc.BindFlags = 0;
        desc.MiscFlags = 0;
        desc.CPUAccessFlags = D3D11_CPU_ACCESS_READ.0 as u32;
        // SAFETY: both pointers are valid during the call.
        unsafe { self.device.CreateTexture2D(&raw const desc, None, Some(&raw mut staging)) }?;
        let staging = staging.ok_or(E_FAIL)?;
        let pixel = if desc.Format == DXGI_FORMAT_R16G16B16A16_FLOAT { 8 } else { 4 };
        let (row, rows) = (desc.Width as usize * pixel, desc.Height as usize);
        let mut mapped = D3D11_MAPPED_SUBRESOURCE::default();
        let mut pixels = Vec::with_capacity(row * rows);
        // SAFETY: both textures are of this device and alike; as many rows can be read as `Map` says, until `Unmap`.
        unsafe {
            self.context.CopyResource(&staging, &opened.texture);
            self.context.Map(&staging, 0, D3D11_MAP_READ, 0, Some(&raw mut mapped))?;
            for y in 0..rows {
                let start = mapped.pData.cast::<u8>().add(y * mapped.RowPitch as usize);
                pixels.extend_from_slice(std::slice::from_raw_parts(start, row));
            }
            self.context.Unmap(&staging, 0);
        }
        Ok(pixels)
    }
}

impl Opened {
    /// Waits until the picture is the reader's; `false` if the time was up first. Any other answer than success and timeout is a
    /// failure: an abandoned mutex (0x80) means that the capturer ended, and the texture with it.
    pub fn acquire(&self, milliseconds: u32) -> Result<bool> {
        let Some(mutex) = &self.mutex else { return Ok(true) };
        // SAFETY: a live object. Through the table of functions, because two codes that are not negative are no success.
        match unsafe { (mutex.vtable().AcquireSync)(mutex.as_raw(), ACQUIRE_KEY, milliseconds) } {
            S_OK => Ok(true),
            WAIT_TIMEOUT => Ok(false),
            code => Err(Error::from_hresult(code)),
        }
    }

    /// Gives the texture back to the capturer. Work that was queued before is done before the capturer draws.
    pub fn release(&self) -> Result<()> {
        match &self.mutex {
            // SAFETY: a live object.
            Some(mutex) => unsafe { mutex.ReleaseSync(RELEASE_KEY) },
            None => Ok(()),
        }
    }
}

fn luid_of(adapter: &IDXGIAdapter1) -> Result<(u32, i32)> {
    // SAFETY: the result is checked.
    let luid = unsafe { adapter.GetDesc1() }?.AdapterLuid;
    Ok((luid.LowPart, luid.HighPart))
}
