//! Draws the desktop's texture upright into another one, with the pointer over it, on the device. Nothing comes back to the processor.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use windows::core::{s, w, HRESULT, PCSTR};
use windows::Win32::Graphics::Direct3D::{ID3DBlob, D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST};
use windows::Win32::Graphics::Direct3D11::{
    ID3D11Buffer, ID3D11PixelShader, ID3D11RenderTargetView, ID3D11ShaderResourceView, ID3D11Texture2D,
    ID3D11VertexShader, D3D11_BIND_CONSTANT_BUFFER, D3D11_BIND_SHADER_RESOURCE, D3D11_BUFFER_DESC,
    D3D11_SUBRESOURCE_DATA, D3D11_TEXTURE2D_DESC, D3D11_USAGE_DEFAULT, D3D11_USAGE_IMMUTABLE, D3D11_VIEWPORT,
};
use windows::Win32::Graphics::Dxgi::Common::{DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_SAMPLE_DESC};
use windows::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryExW, LOAD_LIBRARY_SEARCH_SYSTEM32};

use super::device::Device;
use super::hresult::{self, Call};
use super::outputs::failed;
use super::picture::{Constants, Texels};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Pointer, PointerShape};
use crate::geometry::{Point, Rect, Size};
use crate::source::Output;

/// The pipeline for pictures of the desktop on one device.
pub(super) struct Painter {
    corner: ID3D11VertexShader,
    plain: ID3D11PixelShader,
    blended: ID3D11PixelShader,
    masked: ID3D11PixelShader,
    constants: ID3D11Buffer,
    /// The texture drawn from last, as the shaders see it.
    desktop: Option<(ID3D11Texture2D, ID3D11ShaderResourceView)>,
    overlay: Option<Overlay>,
}

/// A pointer shape on the device.
struct Overlay {
    shape: Arc<PointerShape>,
    /// The texels, and whether they are masks; nothing, if the shape makes no sense.
    texels: Option<(ID3D11ShaderResourceView, bool)>,
}

impl Painter {
    /// Compiles what has to be compiled, once per process.
    ///
    /// # Errors
    /// `Capture` if the system has no compiler, `Device` if the device is lost.
    pub(super) fn new(device: &Device) -> Result<Self> {
        let code = compiled()?;
        let [corner, plain, blended, masked] = &*code;
        let desc = D3D11_BUFFER_DESC {
            ByteWidth: size_of::<Constants>() as u32,
            Usage: D3D11_USAGE_DEFAULT,
            BindFlags: D3D11_BIND_CONSTANT_BUFFER.0 as u32,
            ..Default::default()
        };
        let (mut vertices, mut constants) = (None, None);
        let pixels = |code: &[u8]| {
            let mut shader = None;
            // SAFETY: the code is a pixel shader of shader model 4; the pointer is valid during the call.
            unsafe { device.object.CreatePixelShader(code, None, Some(&raw mut shader)) }.map(|()| shader)
        };
        let fail = |e: windows::core::Error| failed(&e, Call::Draw);
        // SAFETY: the code is a vertex shader of shader model 4; all pointers are valid during the calls.
        unsafe {
            device.object.CreateVertexShader(corner, None, Some(&raw mut vertices)).map_err(fail)?;
            device.object.CreateBuffer(&raw const desc, None, Some(&raw mut constants)).map_err(fail)?;
        }
        Ok(Self {
            corner: made(vertices)?,
            plain: made(pixels(plain).map_err(fail)?)?,
            blended: made(pixels(blended).map_err(fail)?)?,
            masked: made(pixels(masked).map_err(fail)?)?,
            constants: made(constants)?,
            desktop: None,
            overlay: None,
        })
    }

    /// Queues the drawing of `region` of the desktop, which `from` shows as `output` says, into all of `to`.
    ///
    /// # Errors
    /// Those of creating views and textures.
    pub(super) fn draw(
        &mut self,
        device: &Device,
        from: &ID3D11Texture2D,
        to: &ID3D11RenderTargetView,
        (region, output): (Rect, &Output),
        pointer: Option<&Pointer>,
    ) -> Result<()> {
        let visible = pointer.filter(|pointer| pointer.visible);
        let at = visible.map(|pointer| pointer.position).unwrap_or_default();
        let constants = Constants::new(region, output.size, output.image_rotation, at);
        let desktop = self.desktop(device, from)?;
        let overlay = match visible {
            Some(pointer) => self.overlay(device, pointer)?,
            None => None,
        };
        let context = &device.context;
        let to = [Some(to.clone())];
        // SAFETY: everything is of this device, the constants are as large as their buffer, and the shaders use what is bound here.
        unsafe {
            context.UpdateSubresource(&self.constants, 0, None, (&raw const constants).cast(), 0, 0);
            context.IASetPrimitiveTopology(D3D_PRIMITIVE_TOPOLOGY_TRIANGLELIST);
            context.VSSetShader(&self.corner, None);
            context.PSSetConstantBuffers(0, Some(&[Some(self.constants.clone())]));
            context.OMSetRenderTargets(Some(&to), None);
            context.PSSetShaderResources(0, Some(&[Some(desktop)]));
            context.PSSetShader(&self.plain, None);
            context.RSSetViewports(Some(&[viewport(region.size().rect())]));
            context.Draw(3, 0);
            if let Some((texels, shader, covered)) = overlay.and_then(|(texels, shader, extent)| {
                let covered = extent.intersection(region)?;
                Some((texels, shader, covered))
            }) {
                let origin = Point::new(covered.left - region.left, covered.top - region.top);
                context.PSSetShaderResources(1, Some(&[Some(texels)]));
                context.PSSetShader(&shader, None);
                context.RSSetViewports(Some(&[viewport(Rect::at(origin, covered.size()))]));
                context.Draw(3, 0);
            }
            // What stays bound stays alive.
            context.ClearState();
        }
        Ok(())
    }

    fn desktop(&mut self, device: &Device, texture: &ID3D11Texture2D) -> Result<ID3D11ShaderResourceView> {
        if let Some((_, view)) = self.desktop.as_ref().filter(|(known, _)| known == texture) {
            return Ok(view.clone());
        }
        let view = view(device, texture)?;
        self.desktop = Some((texture.clone(), view.clone()));
        Ok(view)
    }

    /// The texels of the pointer's shape, the shader that draws them, and the pixels that they cover.
    fn overlay(
        &mut self,
        device: &Device,
        pointer: &Pointer,
    ) -> Result<Option<(ID3D11ShaderResourceView, ID3D11PixelShader, Rect)>> {
        let (Some(shape), Some(extent)) = (&pointer.shape, pointer.extent()) else { return Ok(None) };
        let known = self.overlay.take().filter(|known| Arc::ptr_eq(&known.shape, shape));
        let overlay = self.overlay.insert(match known {
            Some(known) => known,
            None => Overlay::new(device, shape)?,
        });
        Ok(overlay.texels.as_ref().map(|(texels, masked)| {
            let shader = if *masked { &self.masked } else { &self.blended };
            (texels.clone(), shader.clone(), extent)
        }))
    }
}

impl Overlay {
    fn new(device: &Device, shape: &Arc<PointerShape>) -> Result<Self> {
        let texels = match Texels::new(shape) {
            Some(Texels { words, masked }) => Some((view(device, &texture(device, shape.size, &words)?)?, masked)),
            None => None,
        };
        Ok(Self { shape: Arc::clone(shape), texels })
    }
}

fn viewport(area: Rect) -> D3D11_VIEWPORT {
    D3D11_VIEWPORT {
        TopLeftX: area.left as f32,
        TopLeftY: area.top as f32,
        Width: area.width() as f32,
        Height: area.height() as f32,
        MinDepth: 0.0,
        MaxDepth: 1.0,
    }
}

/// A texture that never changes, from BGRA `words` without padding.
fn texture(device: &Device, size: Size, words: &[u32]) -> Result<ID3D11Texture2D> {
    let desc = D3D11_TEXTURE2D_DESC {
        Width: size.width,
        Height: size.height,
        MipLevels: 1,
        ArraySize: 1,
        Format: DXGI_FORMAT_B8G8R8A8_UNORM,
        SampleDesc: DXGI_SAMPLE_DESC { Count: 1, Quality: 0 },
        Usage: D3D11_USAGE_IMMUTABLE,
        BindFlags: D3D11_BIND_SHADER_RESOURCE.0 as u32,
        ..Default::default()
    };
    let data =
        D3D11_SUBRESOURCE_DATA { pSysMem: words.as_ptr().cast(), SysMemPitch: size.width * 4, SysMemSlicePitch: 0 };
    let mut texture = None;
    // SAFETY: the words are as many as the size says; all pointers are valid during the call.
    unsafe { device.object.CreateTexture2D(&raw const desc, Some(&raw const data), Some(&raw mut texture)) }
        .map_err(|e| failed(&e, Call::CreateTexture))?;
    made(texture)
}

/// `texture` as shaders see it.
fn view(device: &Device, texture: &ID3D11Texture2D) -> Result<ID3D11ShaderResourceView> {
    let mut view = None;
    // SAFETY: a texture of this device that shaders may read; the pointer is valid during the call.
    unsafe { device.object.CreateShaderResourceView(texture, None, Some(&raw mut view)) }
        .map_err(|e| failed(&e, Call::Draw))?;
    made(view)
}

/// What a successful call must have made.
fn made<T>(object: Option<T>) -> Result<T> {
    object.ok_or_else(|| hresult::error(hresult::E_FAIL, Call::Draw))
}

const SOURCE: &str = include_str!("picture.hlsl");
const SHADERS: [(PCSTR, PCSTR); 4] = [
    (s!("corner"), s!("vs_4_0")),
    (s!("plain"), s!("ps_4_0")),
    (s!("blended"), s!("ps_4_0")),
    (s!("masked"), s!("ps_4_0")),
];

type Code = [Vec<u8>; 4];
type Compile = unsafe extern "system" fn(
    *const c_void,
    usize,
    PCSTR,
    *const c_void,
    *mut c_void,
    PCSTR,
    PCSTR,
    u32,
    u32,
    *mut Option<ID3DBlob>,
    *mut Option<ID3DBlob>,
) -> HRESULT;

/// The shaders' code, compiled by the system's compiler when it is first asked for: it is part of Windows since 8.1.
///
/// # Errors
/// `Capture` if there is no compiler, or it rejects the source.
fn compiled() -> Result<Arc<Code>> {
    static CODE: Mutex<Option<Arc<Code>>> = Mutex::new(None);
    let mut known = CODE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(code) = &*known {
        return Ok(Arc::clone(code));
    }
    let compile = compiler().map_err(|e| {
        Error::new(ErrorKind::Capture, "the shader compiler d3dcompiler_47.dll is missing")
            .with_code(e.code().0 as u32)
            .with_hint("It is part of Windows since version 8.1; grab() works without it")
    })?;
    let mut code = Code::default();
    for ((entry, target), code) in SHADERS.into_iter().zip(&mut code) {
        let (mut blob, mut messages) = (None, None);
        // SAFETY: a function of this very type; source, names and places are valid during the call, the rest may be null.
        let result = unsafe {
            let (source, none) = (SOURCE.as_ptr().cast(), std::ptr::null());
            let flags = STRICT | OPTIMIZE;
            compile(
                source,
                SOURCE.len(),
                s!("picture.hlsl"),
                none,
                std::ptr::null_mut(),
                entry,
                target,
                flags,
                0,
                &raw mut blob,
                &raw mut messages,
            )
        };
        let Some(blob) = blob.filter(|_| result.is_ok()) else {
            let messages = messages.map(|text| String::from_utf8_lossy(bytes(&text)).into_owned()).unwrap_or_default();
            return Err(Error::new(ErrorKind::Capture, format!("the shaders do not compile: {}", messages.trim_end()))
                .with_code(result.0 as u32));
        };
        *code = bytes(&blob).to_vec();
    }
    Ok(Arc::clone(known.insert(Arc::new(code))))
}

/// `D3DCOMPILE_ENABLE_STRICTNESS` and `D3DCOMPILE_OPTIMIZATION_LEVEL3`.
const STRICT: u32 = 1 << 11;
const OPTIMIZE: u32 = 1 << 15;

fn compiler() -> windows::core::Result<Compile> {
    // SAFETY: only the system's own folder is searched; the library is never unloaded; the name is a function of this very type.
    unsafe {
        let library = LoadLibraryExW(w!("d3dcompiler_47.dll"), None, LOAD_LIBRARY_SEARCH_SYSTEM32)?;
        let address = GetProcAddress(library, s!("D3DCompile")).ok_or_else(windows::core::Error::from_thread)?;
        Ok(std::mem::transmute::<unsafe extern "system" fn() -> isize, Compile>(address))
    }
}

fn bytes(blob: &ID3DBlob) -> &[u8] {
    // SAFETY: a blob has as many bytes as it says, unchanged as long as it lives.
    unsafe { std::slice::from_raw_parts(blob.GetBufferPointer().cast(), blob.GetBufferSize()) }
}
