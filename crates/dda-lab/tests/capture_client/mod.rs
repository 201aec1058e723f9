//! A program that captures by Windows.Graphics.Capture in the lab, with the plain `windows` crate.
#![allow(dead_code)] // Every test file uses its own part.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dda_lab::Lab;
use windows::Foundation::TypedEventHandler;
use windows::Graphics::Capture::*;
use windows::Graphics::DirectX::Direct3D11::IDirect3DDevice;
use windows::Graphics::DirectX::DirectXPixelFormat;
use windows::Graphics::SizeInt32;
use windows::Win32::Foundation::{HMODULE, HWND, RECT};
use windows::Win32::Graphics::Direct3D::D3D_DRIVER_TYPE_UNKNOWN;
use windows::Win32::Graphics::Direct3D11::*;
use windows::Win32::Graphics::Dxgi::*;
use windows::Win32::System::WinRT::Direct3D11::{
    CreateDirect3D11DeviceFromDXGIDevice, CreateDirect3D11SurfaceFromDXGISurface, IDirect3DDxgiInterfaceAccess,
};
use windows::Win32::System::WinRT::Graphics::Capture::IGraphicsCaptureItemInterop;
use windows::Win32::UI::WindowsAndMessaging::*;
use windows_core::{factory, w, IInspectable, Interface, Result, HRESULT};

pub const OK: HRESULT = HRESULT(0);
pub const CLOSED: HRESULT = HRESULT(0x8000_0013_u32 as i32);
pub const NO_INTERFACE: HRESULT = HRESULT(0x8000_4002_u32 as i32);
pub const INVALID: HRESULT = HRESULT(0x8007_0057_u32 as i32);
pub const NO_CLASS: HRESULT = HRESULT(0x8004_0154_u32 as i32);
pub const BGRA: DirectXPixelFormat = DirectXPixelFormat::B8G8R8A8UIntNormalized;
pub const HALF: DirectXPixelFormat = DirectXPixelFormat::R16G16B16A16Float;

/// What poisoned pixels hold.
pub const POISON: [u8; 4] = [0xFF, 0x7F, 0xFF, 0x7F];

/// There is one lab per process, so the tests of a file run one after another.
static SERIAL: Mutex<()> = Mutex::new(());

pub struct Client {
    pub context: ID3D11DeviceContext,
    pub d3d: ID3D11Device,
    pub output: IDXGIOutput,
    pub adapter: IDXGIAdapter1,
    pub lab: Lab,
    pub _serial: MutexGuard<'static, ()>,
}

/// A client of a small desktop in virtual time.
pub fn client(script: &str) -> Client {
    Client::new(&format!("size 320x200; clock virtual; pointer still; {script}"))
}

/// A session with all that it needs.
pub struct Capture {
    pub item: GraphicsCaptureItem,
    pub pool: Direct3D11CaptureFramePool,
    pub session: GraphicsCaptureSession,
    pub arrivals: Arc<AtomicU32>,
}

impl Client {
    pub fn new(script: &str) -> Self {
        let serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
        let lab = Lab::install(script).expect("the lab starts");
        let (adapter, output) = first_output();
        let (d3d, context) = new_device(&adapter);
        Self { context, d3d, output, adapter, lab, _serial: serial }
    }

    pub fn device(&self) -> IDirect3DDevice {
        wrap(&self.d3d).expect("a device of the Windows Runtime")
    }

    /// Lets time pass, with everything that happens in it.
    pub fn sleep(&self, ms: u64) {
        self.lab.clock().sleep(Duration::from_millis(ms));
    }

    pub fn monitor(&self) -> GraphicsCaptureItem {
        self.try_monitor().expect("an item")
    }

    pub fn try_monitor(&self) -> Result<GraphicsCaptureItem> {
        // SAFETY: a live output.
        let desc = unsafe { self.output.GetDesc() }?;
        let interop = factory::<GraphicsCaptureItem, IGraphicsCaptureItemInterop>()?;
        // SAFETY: plain creation.
        unsafe { interop.CreateForMonitor(desc.Monitor) }
    }

    /// A free-threaded pool of two buffers for an item, and its session, started.
    pub fn capture(&self, item: &GraphicsCaptureItem) -> Capture {
        let capture = self.prepare(item, 2, BGRA);
        capture.session.StartCapture().expect("the session starts");
        capture
    }

    pub fn prepare(&self, item: &GraphicsCaptureItem, buffers: i32, format: DirectXPixelFormat) -> Capture {
        let size = item.Size().expect("a size");
        let pool =
            Direct3D11CaptureFramePool::CreateFreeThreaded(&self.device(), format, buffers, size).expect("a pool");
        Self::with_pool(item, pool)
    }

    pub fn with_pool(item: &GraphicsCaptureItem, pool: Direct3D11CaptureFramePool) -> Capture {
        let arrivals = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&arrivals);
        let handler = TypedEventHandler::<Direct3D11CaptureFramePool, IInspectable>::new(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        pool.FrameArrived(&handler).expect("a handler");
        let session = pool.CreateCaptureSession(item).expect("a session");
        Capture { item: item.clone(), pool, session, arrivals }
    }

    /// A texture's rows without padding, in bytes of 4 or 8 per pixel.
    pub fn pixels(&self, texture: &ID3D11Texture2D) -> Vec<u8> {
        let mut desc = describe(texture);
        let width = desc.Width as usize * if desc.Format.0 == 10 { 8 } else { 4 };
        desc.Usage = D3D11_USAGE_STAGING;
        desc.BindFlags = 0;
        desc.CPUAccessFlags = D3D11_CPU_ACCESS_READ.0 as u32;
        let (mut staging, mut mapped) = (None, D3D11_MAPPED_SUBRESOURCE::default());
        let mut bytes = Vec::new();
        // SAFETY: textures of one device and of one size; mapped rows.
        unsafe {
            self.d3d.CreateTexture2D(&raw const desc, None, Some(&raw mut staging)).expect("a staging texture");
            let staging = staging.expect("a texture");
            self.context.CopyResource(&staging, texture);
            self.context.Map(&staging, 0, D3D11_MAP_READ, 0, Some(&raw mut mapped)).expect("mapped");
            for y in 0..desc.Height as usize {
                let row = mapped.pData.cast::<u8>().add(y * mapped.RowPitch as usize);
                bytes.extend(std::slice::from_raw_parts(row, width));
            }
            self.context.Unmap(&staging, 0);
        }
        bytes
    }

    /// Takes the next frame, reads all of its texture, and closes it. `None` if there is no frame.
    pub fn take(&self, capture: &Capture) -> Option<Taken> {
        let frame = try_frame(&capture.pool).expect("no failure")?;
        let taken = self.read(&frame);
        frame.Close().expect("closed");
        Some(taken)
    }

    pub fn read(&self, frame: &Direct3D11CaptureFrame) -> Taken {
        let texture = texture(frame).expect("a texture");
        let content = frame.ContentSize().expect("a size");
        let time = frame.SystemRelativeTime().expect("a time").Duration;
        let desc = describe(&texture);
        Taken { pixels: self.pixels(&texture), texture: (desc.Width, desc.Height), content, time }
    }

    /// When a frame was rendered, on the clock of the script. The performance counter has 10 MHz under Wine.
    pub fn at(&self, taken: &Taken) -> Duration {
        Duration::from_nanos((taken.time - self.lab.ticks_at(Duration::ZERO)) as u64 * 100)
    }

    /// Every frame that waits.
    pub fn drain(&self, capture: &Capture) -> Vec<Taken> {
        std::iter::from_fn(|| self.take(capture)).collect()
    }
}

/// What a program read of a frame.
pub struct Taken {
    pub pixels: Vec<u8>,
    pub texture: (u32, u32),
    pub content: SizeInt32,
    pub time: i64,
}

impl Taken {
    /// Asserts that the texture is exactly this picture, but for the fourth bytes.
    pub fn assert_is(&self, wanted: &[u8], what: &str) {
        assert_eq!(self.pixels.len(), wanted.len(), "{what}");
        let wrong = self.pixels.chunks(4).zip(wanted.chunks(4)).position(|(a, b)| a[..3] != b[..3]);
        assert_eq!(wrong, None, "{what}: first wrong pixel");
    }

    /// The pixels of a part that begins in the corner.
    pub fn corner(&self, width: usize, height: usize) -> Vec<u8> {
        self.pixels
            .chunks(self.texture.0 as usize * 4)
            .take(height)
            .flat_map(|row| &row[..width * 4])
            .copied()
            .collect()
    }
}

pub fn first_output() -> (IDXGIAdapter1, IDXGIOutput) {
    // SAFETY: plain creation and enumeration.
    unsafe {
        let factory: IDXGIFactory1 = CreateDXGIFactory1().expect("a factory");
        let adapter = factory.EnumAdapters1(0).expect("an adapter");
        let output = adapter.EnumOutputs(0).expect("an output");
        (adapter, output)
    }
}

pub fn new_device(adapter: &IDXGIAdapter1) -> (ID3D11Device, ID3D11DeviceContext) {
    let (mut device, mut context) = (None, None);
    // SAFETY: all pointers are valid for the call.
    unsafe {
        D3D11CreateDevice(
            adapter,
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
    let (device, context) = (device.expect("a device"), context.expect("a context"));
    if let Ok(multithread) = context.cast::<ID3D11Multithread>() {
        // SAFETY: a live object.
        let _ = unsafe { multithread.SetMultithreadProtected(true) };
    }
    (device, context)
}

/// The device as an object of the Windows Runtime, by the function that is imported statically.
pub fn wrap(device: &ID3D11Device) -> Result<IDirect3DDevice> {
    let device: IDXGIDevice = device.cast()?;
    // SAFETY: a live device.
    unsafe { CreateDirect3D11DeviceFromDXGIDevice(&device) }?.cast()
}

pub fn wrap_surface(texture: &ID3D11Texture2D) -> Result<IInspectable> {
    let surface: IDXGISurface = texture.cast()?;
    // SAFETY: a live surface.
    unsafe { CreateDirect3D11SurfaceFromDXGISurface(&surface) }
}

/// `TryGetNextFrame` itself: its code, and what it wrote over a variable that was not null.
pub fn raw_frame(pool: &Direct3D11CaptureFramePool) -> (HRESULT, Option<Direct3D11CaptureFrame>, bool) {
    let mut out = 0xDEAD_usize as *mut c_void;
    // SAFETY: the slot of the method in the documented table, and a variable for one object.
    let code = unsafe {
        let table = *pool.as_raw().cast::<*const usize>();
        let method: unsafe extern "system" fn(*mut c_void, *mut *mut c_void) -> HRESULT =
            std::mem::transmute(*table.add(7));
        method(pool.as_raw(), &raw mut out)
    };
    let written = out as usize != 0xDEAD;
    // SAFETY: what the method wrote, if it wrote an object.
    let frame = (written && !out.is_null()).then(|| unsafe { Direct3D11CaptureFrame::from_raw(out) });
    (code, frame, written)
}

/// The next frame; `None` for success without one.
pub fn try_frame(pool: &Direct3D11CaptureFramePool) -> std::result::Result<Option<Direct3D11CaptureFrame>, HRESULT> {
    match pool.TryGetNextFrame() {
        Ok(frame) => Ok(Some(frame)),
        Err(error) if error.code().is_ok() => Ok(None),
        Err(error) => Err(error.code()),
    }
}

pub fn texture(frame: &Direct3D11CaptureFrame) -> Result<ID3D11Texture2D> {
    let access: IDirect3DDxgiInterfaceAccess = frame.Surface()?.cast()?;
    // SAFETY: a live object.
    unsafe { access.GetInterface() }
}

pub fn describe(texture: &ID3D11Texture2D) -> D3D11_TEXTURE2D_DESC {
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: the pointer is valid for the call.
    unsafe { texture.GetDesc(&raw mut desc) };
    desc
}

pub fn window_item(window: HWND) -> Result<GraphicsCaptureItem> {
    let interop = factory::<GraphicsCaptureItem, IGraphicsCaptureItemInterop>()?;
    // SAFETY: plain creation.
    unsafe { interop.CreateForWindow(window) }
}

pub fn code<T>(result: Result<T>) -> HRESULT {
    result.map_or_else(|error| error.code(), |_| OK)
}

impl Capture {
    pub fn arrived(&self) -> u32 {
        self.arrivals.load(Ordering::SeqCst)
    }
}

/// A window of the thread that made it.
pub struct TestWindow(pub HWND);

impl TestWindow {
    pub fn new(width: i32, height: i32) -> Self {
        let window = Self::with(WINDOW_EX_STYLE(0), WS_POPUP | WS_MINIMIZEBOX, None, width, height);
        // Where no window manager runs, Wine waits two seconds for one to hide a window that was activated.
        window.show(SW_SHOWNOACTIVATE);
        window
    }

    pub fn with(ex: WINDOW_EX_STYLE, style: WINDOW_STYLE, parent: Option<HWND>, width: i32, height: i32) -> Self {
        // SAFETY: a class of the system; plain creation.
        let window = unsafe {
            CreateWindowExW(
                ex,
                w!("STATIC"),
                w!("a window of the tests"),
                style,
                40,
                30,
                width,
                height,
                parent,
                None,
                None,
                None,
            )
        };
        Self(window.expect("a window"))
    }

    pub fn resize(&self, width: i32, height: i32) {
        // SAFETY: a live window.
        unsafe { MoveWindow(self.0, 60, 50, width, height, false) }.expect("resized");
    }

    pub fn show(&self, how: SHOW_WINDOW_CMD) {
        // SAFETY: a live window.
        let _ = unsafe { ShowWindow(self.0, how) };
    }

    /// Size by `GetWindowRect`.
    pub fn outer(&self) -> (i32, i32) {
        let mut rect = RECT::default();
        // SAFETY: the pointer is valid for the call.
        unsafe { GetWindowRect(self.0, &raw mut rect) }.expect("a rectangle");
        (rect.right - rect.left, rect.bottom - rect.top)
    }

    pub fn destroy(&self) {
        // SAFETY: a window of this thread, or a dead one.
        let _ = unsafe { DestroyWindow(self.0) };
    }
}

impl Drop for TestWindow {
    fn drop(&mut self) {
        self.destroy();
    }
}

/// Handles all messages of this thread.
pub fn pump() {
    let mut message = MSG::default();
    // SAFETY: the pointer is valid for the calls.
    unsafe {
        while PeekMessageW(&raw mut message, None, 0, 0, PM_REMOVE).as_bool() {
            DispatchMessageW(&raw const message);
        }
    }
}

pub fn size(width: i32, height: i32) -> SizeInt32 {
    SizeInt32 { Width: width, Height: height }
}
