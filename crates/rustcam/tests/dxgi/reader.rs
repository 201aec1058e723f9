//! Somebody else who reads shared textures: a Direct3D device of its own that opens handles.

use rustcam::source::texture::SharedTexture;
use windows::core::{Interface, HRESULT};
use windows::Win32::Foundation::{HANDLE, HMODULE};
use windows::Win32::Graphics::Direct3D::D3D_DRIVER_TYPE_UNKNOWN;
use windows::Win32::Graphics::Direct3D11::{
    D3D11CreateDevice, ID3D11Device, ID3D11Device1, ID3D11DeviceContext, ID3D11Texture2D, D3D11_CPU_ACCESS_READ,
    D3D11_CREATE_DEVICE_BGRA_SUPPORT, D3D11_MAPPED_SUBRESOURCE, D3D11_MAP_READ, D3D11_SDK_VERSION,
    D3D11_TEXTURE2D_DESC, D3D11_USAGE_STAGING,
};
use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIAdapter1, IDXGIFactory1, IDXGIKeyedMutex};

pub struct Reader {
    device: ID3D11Device,
    context: ID3D11DeviceContext,
}

/// A texture on the reader's device.
pub struct Opened<'a> {
    reader: &'a Reader,
    texture: ID3D11Texture2D,
    mutex: Option<IDXGIKeyedMutex>,
}

impl Reader {
    /// On the adapter of `texture`.
    pub fn beside(texture: &SharedTexture) -> Self {
        // SAFETY: plain creation.
        let factory: IDXGIFactory1 = unsafe { CreateDXGIFactory1() }.expect("a factory");
        let is_same = |adapter: &IDXGIAdapter1| {
            // SAFETY: the call has no condition.
            let luid = unsafe { adapter.GetDesc1() }.expect("a description").AdapterLuid;
            (luid.LowPart, luid.HighPart) == (texture.luid.low, texture.luid.high)
        };
        // SAFETY: any index is allowed.
        let adapters = (0..).map_while(|index| unsafe { factory.EnumAdapters1(index) }.ok());
        let adapter = adapters.into_iter().find(is_same).expect("the adapter of the texture");
        let (mut device, mut context) = (None, None);
        // SAFETY: all pointers are valid for the call.
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
        }
        .expect("a device");
        Self { device: device.expect("a device"), context: context.expect("a context") }
    }

    pub fn open(&self, texture: &SharedTexture) -> windows::core::Result<Opened<'_>> {
        self.open_handle(texture.lease.handle())
    }

    pub fn open_handle(&self, handle: isize) -> windows::core::Result<Opened<'_>> {
        let device: ID3D11Device1 = self.device.cast()?;
        // SAFETY: any handle may be tried.
        let texture: ID3D11Texture2D = unsafe { device.OpenSharedResource1(HANDLE(handle as *mut _)) }?;
        let mutex = texture.cast().ok();
        Ok(Opened { reader: self, texture, mutex })
    }

    /// The picture in a texture, read as its mutex, if there is one, demands.
    pub fn read(&self, texture: &SharedTexture) -> Vec<u8> {
        let opened = self.open(texture).expect("on the same adapter");
        if opened.mutex.is_none() {
            return opened.pixels();
        }
        assert_eq!(opened.acquire(SharedTexture::ACQUIRE_KEY, 5000), 0, "the writer has left the reader's key");
        let pixels = opened.pixels();
        assert_eq!(opened.release(SharedTexture::RELEASE_KEY), 0);
        pixels
    }
}

impl Opened<'_> {
    pub fn acquire(&self, key: u64, ms: u32) -> i32 {
        let mutex = self.mutex.as_ref().expect("a keyed texture");
        // SAFETY: the arguments of the call.
        let HRESULT(code) = unsafe { (mutex.vtable().AcquireSync)(mutex.as_raw(), key, ms) };
        code
    }

    pub fn release(&self, key: u64) -> i32 {
        let mutex = self.mutex.as_ref().expect("a keyed texture");
        // SAFETY: the arguments of the call.
        let HRESULT(code) = unsafe { (mutex.vtable().ReleaseSync)(mutex.as_raw(), key) };
        code
    }

    /// BGRA, without padding.
    pub fn pixels(&self) -> Vec<u8> {
        let context = &self.reader.context;
        let (mut desc, mut staging) = (D3D11_TEXTURE2D_DESC::default(), None);
        let mut mapped = D3D11_MAPPED_SUBRESOURCE::default();
        let mut pixels = Vec::new();
        // SAFETY: all pointers are valid for the calls; the textures are alike; rows are read as `Map` describes them.
        unsafe {
            self.texture.GetDesc(&raw mut desc);
            desc.Usage = D3D11_USAGE_STAGING;
            desc.BindFlags = 0;
            desc.MiscFlags = 0;
            desc.CPUAccessFlags = D3D11_CPU_ACCESS_READ.0 as u32;
            self.reader.device.CreateTexture2D(&raw const desc, None, Some(&raw mut staging)).expect("a texture");
            let staging = staging.expect("a texture");
            context.CopyResource(&staging, &self.texture);
            context.Map(&staging, 0, D3D11_MAP_READ, 0, Some(&raw mut mapped)).expect("mapped");
            for y in 0..desc.Height as usize {
                let row = mapped.pData.cast::<u8>().add(y * mapped.RowPitch as usize);
                pixels.extend_from_slice(std::slice::from_raw_parts(row, desc.Width as usize * 4));
            }
            context.Unmap(&staging, 0);
        }
        pixels
    }
}
