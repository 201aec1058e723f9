//! A program that captures in the lab: raw COM calls, so that tests see every code and every pointer.
#![allow(dead_code)] // Every test file uses its own part.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dda_lab::Lab;
use rustcam::geometry::Rotation;
use windows::Win32::Foundation::{HMODULE, RECT};
use windows::Win32::Graphics::Direct3D::D3D_DRIVER_TYPE_UNKNOWN;
use windows::Win32::Graphics::Direct3D11::*;
use windows::Win32::Graphics::Dxgi::Common::*;
use windows::Win32::Graphics::Dxgi::*;
use windows::Win32::UI::HiDpi::{
    SetThreadDpiAwarenessContext, DPI_AWARENESS_CONTEXT, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE,
    DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2,
};
use windows_core::{Interface, HRESULT};

pub const OK: HRESULT = HRESULT(0);
pub const INVALID_CALL: HRESULT = DXGI_ERROR_INVALID_CALL;
pub const LOST: HRESULT = DXGI_ERROR_ACCESS_LOST;
pub const TIMEOUT: HRESULT = DXGI_ERROR_WAIT_TIMEOUT;

/// There is one lab per process, so the tests of a file run one after another.
static SERIAL: Mutex<()> = Mutex::new(());

pub struct Client {
    pub context: ID3D11DeviceContext,
    pub device: ID3D11Device,
    pub output: IDXGIOutput,
    pub adapter: IDXGIAdapter1,
    pub factory: IDXGIFactory1,
    pub lab: Lab,
    pub _serial: MutexGuard<'static, ()>,
}

/// A client of a small desktop in virtual time, which passes in waits only.
pub fn client(script: &str) -> Client {
    Client::new(&format!("size 320x200; clock virtual; pointer still; {script}"))
}

/// What `AcquireNextFrame` returned and wrote.
pub struct Answer {
    pub code: HRESULT,
    pub info: DXGI_OUTDUPL_FRAME_INFO,
    pub resource: Option<IDXGIResource>,
}

impl Answer {
    pub fn texture(&self) -> ID3D11Texture2D {
        self.resource.as_ref().expect("a resource").cast().expect("a texture")
    }
}

pub fn new_factory() -> (IDXGIFactory1, IDXGIAdapter1) {
    // SAFETY: plain creation.
    unsafe {
        let factory: IDXGIFactory1 = CreateDXGIFactory1().expect("a factory");
        let adapter = factory.EnumAdapters1(0).expect("an adapter");
        (factory, adapter)
    }
}

pub fn new_device(adapter: &IDXGIAdapter1) -> (ID3D11Device, ID3D11DeviceContext) {
    try_new_device(adapter).expect("a device")
}

pub fn try_new_device(adapter: &IDXGIAdapter1) -> Result<(ID3D11Device, ID3D11DeviceContext), HRESULT> {
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
    .map_err(|error| error.code())?;
    Ok((device.expect("a device"), context.expect("a context")))
}

impl Client {
    pub fn new(script: &str) -> Self {
        let serial = SERIAL.lock().unwrap_or_else(PoisonError::into_inner);
        let lab = Lab::install(script).expect("the lab starts");
        let (factory, adapter) = new_factory();
        let (device, context) = new_device(&adapter);
        // SAFETY: plain enumeration.
        let output = unsafe { adapter.EnumOutputs(0) }.expect("an output");
        Self { context, device, output, adapter, factory, lab, _serial: serial }
    }

    pub fn ms(&self) -> u128 {
        self.lab.now().as_millis()
    }

    pub fn try_duplicate(&self) -> Result<IDXGIOutputDuplication, HRESULT> {
        try_duplicate(&self.output, &self.device)
    }

    pub fn duplicate(&self) -> IDXGIOutputDuplication {
        self.try_duplicate().expect("a duplication")
    }

    /// `DuplicateOutput1` on a thread that is DPI-aware per monitor.
    pub fn try_duplicate1(&self, formats: &[DXGI_FORMAT]) -> Result<IDXGIOutputDuplication, HRESULT> {
        let mut before = dpi(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2);
        if before.0.is_null() {
            before = dpi(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE);
        }
        let result = self.try_duplicate1_as_is(formats);
        dpi(before);
        result
    }

    /// `DuplicateOutput1` on the thread as it is.
    pub fn try_duplicate1_as_is(&self, formats: &[DXGI_FORMAT]) -> Result<IDXGIOutputDuplication, HRESULT> {
        let output: IDXGIOutput5 = self.output.cast().expect("an output of Windows 10");
        // SAFETY: all arguments are alive.
        unsafe { output.DuplicateOutput1(&self.device, 0, formats) }.map_err(|error| error.code())
    }

    /// A texture's rows without padding.
    pub fn pixels(&self, texture: &ID3D11Texture2D) -> Vec<u8> {
        self.mapped(&self.staging_copy(texture))
    }

    /// A staging texture with the pixels of another.
    pub fn staging_copy(&self, texture: &ID3D11Texture2D) -> ID3D11Texture2D {
        let staging = self.staging(texture);
        // SAFETY: same size and format.
        unsafe { self.context.CopyResource(&staging, texture) };
        staging
    }

    /// The rows of a staging texture without padding.
    /// The rows of a staging texture without padding.
    pub fn mapped(&self, staging: &ID3D11Texture2D) -> Vec<u8> {
        let desc = describe(staging);
        let width = desc.Width as usize * if desc.Format == DXGI_FORMAT_R16G16B16A16_FLOAT { 8 } else { 4 };
        let (code, mapped) = self.map(staging, 0);
        assert_eq!(code, OK);
        let mut bytes = Vec::new();
        for y in 0..desc.Height as usize {
            // SAFETY: mapped rows.
            bytes.extend(unsafe {
                std::slice::from_raw_parts(mapped.pData.cast::<u8>().add(y * mapped.RowPitch as usize), width)
            });
        }
        // SAFETY: mapped above.
        unsafe { self.context.Unmap(staging, 0) };
        bytes
    }

    pub fn map(&self, staging: &ID3D11Texture2D, flags: u32) -> (HRESULT, D3D11_MAPPED_SUBRESOURCE) {
        let mut mapped = D3D11_MAPPED_SUBRESOURCE::default();
        // SAFETY: all arguments are alive.
        let result = unsafe { self.context.Map(staging, 0, D3D11_MAP_READ, flags, Some(&raw mut mapped)) };
        (result.map_or_else(|error| error.code(), |()| OK), mapped)
    }

    pub fn staging(&self, like: &ID3D11Texture2D) -> ID3D11Texture2D {
        self.staging_of(like, None)
    }

    /// A staging texture of the format of another, and of its size unless one is given.
    pub fn staging_of(&self, like: &ID3D11Texture2D, size: Option<(u32, u32)>) -> ID3D11Texture2D {
        self.try_staging(like, size).expect("a staging texture")
    }

    pub fn try_staging(&self, like: &ID3D11Texture2D, size: Option<(u32, u32)>) -> Result<ID3D11Texture2D, HRESULT> {
        let mut desc = describe(like);
        if let Some((width, height)) = size {
            (desc.Width, desc.Height) = (width, height);
        }
        desc.Usage = D3D11_USAGE_STAGING;
        desc.BindFlags = 0;
        desc.CPUAccessFlags = D3D11_CPU_ACCESS_READ.0 as u32;
        let mut staging = None;
        // SAFETY: both pointers are valid for the call.
        unsafe { self.device.CreateTexture2D(&raw const desc, None, Some(&raw mut staging)) }.map_err(|e| e.code())?;
        Ok(staging.expect("a texture"))
    }

    /// Asserts that a BGRA texture shows `frame`, with the rotation of textures.
    pub fn assert_shows(&self, texture: &ID3D11Texture2D, frame: u64) {
        assert_same(&self.pixels(texture), &self.expected(frame), &format!("frame {frame}"));
    }

    /// What the texture of `frame` must hold: the oracle's picture, rotated back.
    pub fn expected(&self, frame: u64) -> Vec<u8> {
        let world = self.lab.world();
        let (image, size, rotation) = (world.image(frame), world.size(frame), world.rotation(frame));
        let texture = rotation.apply(size);
        let mut rotated = vec![0; image.len()];
        for y in 0..size.height as i32 {
            for x in 0..size.width as i32 {
                let (tx, ty) = if rotation == Rotation::None { (x, y) } else { rotation.texture_pixel(x, y, size) };
                let from = (y as usize * size.width as usize + x as usize) * 4;
                let to = (ty as usize * texture.width as usize + tx as usize) * 4;
                rotated[to..to + 4].copy_from_slice(&image[from..from + 4]);
            }
        }
        rotated
    }
}

/// Compares colours; the fourth byte does not matter.
pub fn assert_same(got: &[u8], wanted: &[u8], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let wrong = got.chunks(4).zip(wanted.chunks(4)).position(|(a, b)| a[..3] != b[..3]);
    assert_eq!(wrong, None, "{what}: first wrong pixel");
}

pub fn dpi(context: DPI_AWARENESS_CONTEXT) -> DPI_AWARENESS_CONTEXT {
    // SAFETY: any context may be passed.
    unsafe { SetThreadDpiAwarenessContext(context) }
}

pub fn describe(texture: &ID3D11Texture2D) -> D3D11_TEXTURE2D_DESC {
    let mut desc = D3D11_TEXTURE2D_DESC::default();
    // SAFETY: the pointer is valid for the call.
    unsafe { texture.GetDesc(&raw mut desc) };
    desc
}

pub fn try_duplicate(output: &IDXGIOutput, device: &ID3D11Device) -> Result<IDXGIOutputDuplication, HRESULT> {
    let output: IDXGIOutput1 = output.cast().expect("an output of Windows 8");
    // SAFETY: all arguments are alive.
    unsafe { output.DuplicateOutput(device) }.map_err(|error| error.code())
}

/// Calls the method itself, because the safe wrapper hides positive codes.
pub fn acquire(duplication: &IDXGIOutputDuplication, ms: u32) -> Answer {
    let mut info = DXGI_OUTDUPL_FRAME_INFO { LastPresentTime: -1, ..Default::default() };
    let mut resource = None::<IDXGIResource>;
    // SAFETY: all pointers are valid for the call; an `Option` of an interface is a nullable pointer.
    let code = unsafe {
        (Interface::vtable(duplication).AcquireNextFrame)(
            duplication.as_raw(),
            ms,
            &raw mut info,
            (&raw mut resource).cast(),
        )
    };
    Answer { code, info, resource }
}

/// Acquires, which must succeed.
pub fn frame(duplication: &IDXGIOutputDuplication, ms: u32) -> Answer {
    let answer = acquire(duplication, ms);
    assert_eq!(answer.code, OK);
    answer
}

/// Releases, which must succeed.
pub fn done(duplication: &IDXGIOutputDuplication) {
    assert_eq!(release(duplication), OK);
}

pub fn release(duplication: &IDXGIOutputDuplication) -> HRESULT {
    // SAFETY: a live object.
    unsafe { (Interface::vtable(duplication).ReleaseFrame)(duplication.as_raw()) }
}

/// Code, needed size and rectangles.
pub fn dirty(duplication: &IDXGIOutputDuplication, room: usize) -> (HRESULT, u32, Vec<RECT>) {
    let mut rects = vec![RECT::default(); room];
    let mut needed = 0;
    // SAFETY: the buffer has as many bytes as said.
    let code = unsafe {
        (Interface::vtable(duplication).GetFrameDirtyRects)(
            duplication.as_raw(),
            (room * 16) as u32,
            rects.as_mut_ptr(),
            &raw mut needed,
        )
    };
    rects.truncate(if code == OK { needed as usize / 16 } else { 0 });
    (code, needed, rects)
}

/// Code, needed size and moves.
pub fn moves(duplication: &IDXGIOutputDuplication, room: usize) -> (HRESULT, u32, Vec<DXGI_OUTDUPL_MOVE_RECT>) {
    let mut rects = vec![DXGI_OUTDUPL_MOVE_RECT::default(); room];
    let mut needed = 0;
    // SAFETY: the buffer has as many bytes as said.
    let code = unsafe {
        (Interface::vtable(duplication).GetFrameMoveRects)(
            duplication.as_raw(),
            (room * 24) as u32,
            rects.as_mut_ptr(),
            &raw mut needed,
        )
    };
    rects.truncate(if code == OK { needed as usize / 24 } else { 0 });
    (code, needed, rects)
}

/// Code, needed size, description and bytes.
pub fn shape(
    duplication: &IDXGIOutputDuplication,
    room: usize,
) -> (HRESULT, u32, DXGI_OUTDUPL_POINTER_SHAPE_INFO, Vec<u8>) {
    let mut bytes = vec![0; room];
    let (mut needed, mut info) = (0, DXGI_OUTDUPL_POINTER_SHAPE_INFO::default());
    // SAFETY: the buffer has as many bytes as said.
    let code = unsafe {
        (Interface::vtable(duplication).GetFramePointerShape)(
            duplication.as_raw(),
            room as u32,
            bytes.as_mut_ptr().cast(),
            &raw mut needed,
            &raw mut info,
        )
    };
    (code, needed, info, bytes)
}

/// Code, and memory of the mapped desktop.
pub fn map_surface(duplication: &IDXGIOutputDuplication) -> (HRESULT, DXGI_MAPPED_RECT) {
    let mut mapped = DXGI_MAPPED_RECT::default();
    // SAFETY: the pointer is valid for the call.
    let code =
        unsafe { (Interface::vtable(duplication).MapDesktopSurface)(duplication.as_raw(), (&raw mut mapped).cast()) };
    (code, mapped)
}

pub fn unmap_surface(duplication: &IDXGIOutputDuplication) -> HRESULT {
    // SAFETY: a live object.
    unsafe { (Interface::vtable(duplication).UnMapDesktopSurface)(duplication.as_raw()) }
}

/// The codes of every call but `GetDesc`: acquire, release, dirty, moves, shape, map, unmap.
pub fn codes(dup: &IDXGIOutputDuplication) -> [HRESULT; 7] {
    [
        acquire(dup, 0).code,
        release(dup),
        dirty(dup, 9).0,
        moves(dup, 9).0,
        shape(dup, 9999).0,
        map_surface(dup).0,
        unmap_surface(dup),
    ]
}
