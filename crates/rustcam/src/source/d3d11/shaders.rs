//! The shaders of `renderer.hlsl` and `scaler.hlsl`, compiled by the system's own compiler when they are first needed.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use windows::core::{s, w, HRESULT, PCSTR};
use windows::Win32::Graphics::Direct3D::ID3DBlob;
use windows::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryExW, LOAD_LIBRARY_SEARCH_SYSTEM32};

use crate::error::{Error, ErrorKind, Result};

/// A file of shaders, and its name in messages of the compiler.
#[derive(Clone, Copy)]
struct Source(&'static str, PCSTR);

const RENDERER: Source = Source(include_str!("renderer.hlsl"), s!("renderer.hlsl"));
const SCALER: Source = Source(include_str!("scaler.hlsl"), s!("scaler.hlsl"));
const VERTEX: PCSTR = s!("vs_4_0");
const PIXEL: PCSTR = s!("ps_4_0");

/// `D3DCOMPILE_ENABLE_STRICTNESS` and `D3DCOMPILE_OPTIMIZATION_LEVEL3`.
const FLAGS: u32 = 1 << 11 | 1 << 15;

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

/// The compiled shaders of the renderer.
pub(super) struct Code {
    pub(super) vs_fullscreen: Vec<u8>,
    pub(super) ps_copy: Vec<u8>,
    pub(super) ps_alpha: Vec<u8>,
    pub(super) ps_mask: Vec<u8>,
    pub(super) ps_tone: Vec<u8>,
    pub(super) ps_decode: Vec<u8>,
    pub(super) ps_decode_alpha: Vec<u8>,
    pub(super) ps_decode_mask: Vec<u8>,
    pub(super) ps_light_alpha: Vec<u8>,
    pub(super) ps_light_mask: Vec<u8>,
}

/// The compiled shaders of the scaler.
pub(super) struct ScalerCode {
    pub(super) level_ends: Vec<u8>,
    pub(super) level_inside: Vec<u8>,
    pub(super) number_ends: Vec<u8>,
    pub(super) number_inside: Vec<u8>,
    pub(super) round: Vec<u8>,
    pub(super) mean: Vec<u8>,
    pub(super) luma: Vec<u8>,
    pub(super) chroma: Vec<u8>,
}

/// Code that is compiled once per process.
struct Once<T>(Mutex<Option<Arc<T>>>);

impl<T> Once<T> {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn get(&self, compile: impl FnOnce(Compile) -> Result<T>) -> Result<Arc<T>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(code) = &*known {
            return Ok(Arc::clone(code));
        }
        let compiler = compiler().map_err(|e| {
            Error::new(ErrorKind::Capture, "the shader compiler d3dcompiler_47.dll is missing")
                .with_code(e.code().0 as u32)
                .with_hint("It is part of Windows since version 8.1; grab() works without it")
        })?;
        Ok(Arc::clone(known.insert(Arc::new(compile(compiler)?))))
    }
}

/// The code of the renderer.
///
/// # Errors
/// `Capture` if there is no compiler, or it rejects the source.
pub(super) fn compiled() -> Result<Arc<Code>> {
    static CODE: Once<Code> = Once::new();
    CODE.get(compile_renderer)
}

/// The code of the scaler.
///
/// # Errors
/// As for [`compiled`].
pub(super) fn compiled_scaler() -> Result<Arc<ScalerCode>> {
    static CODE: Once<ScalerCode> = Once::new();
    CODE.get(|compiler| {
        let pixel = |name| compile(compiler, SCALER, name, PIXEL);
        Ok(ScalerCode {
            level_ends: pixel(s!("ps_level_ends"))?,
            level_inside: pixel(s!("ps_level_inside"))?,
            number_ends: pixel(s!("ps_number_ends"))?,
            number_inside: pixel(s!("ps_number_inside"))?,
            round: pixel(s!("ps_round"))?,
            mean: pixel(s!("ps_mean"))?,
            luma: pixel(s!("ps_luma"))?,
            chroma: pixel(s!("ps_chroma"))?,
        })
    })
}

fn compile_renderer(compiler: Compile) -> Result<Code> {
    let pixel = |name| compile(compiler, RENDERER, name, PIXEL);
    Ok(Code {
        vs_fullscreen: compile(compiler, RENDERER, s!("vs_fullscreen"), VERTEX)?,
        ps_copy: pixel(s!("ps_copy"))?,
        ps_alpha: pixel(s!("ps_alpha"))?,
        ps_mask: pixel(s!("ps_mask"))?,
        ps_tone: pixel(s!("ps_tone"))?,
        ps_decode: pixel(s!("ps_decode"))?,
        ps_decode_alpha: pixel(s!("ps_decode_alpha"))?,
        ps_decode_mask: pixel(s!("ps_decode_mask"))?,
        ps_light_alpha: pixel(s!("ps_light_alpha"))?,
        ps_light_mask: pixel(s!("ps_light_mask"))?,
    })
}

fn compiler() -> windows::core::Result<Compile> {
    // SAFETY: only the system's own folder is searched; the library is never unloaded; the name is that of a function of this type.
    unsafe {
        let library = LoadLibraryExW(w!("d3dcompiler_47.dll"), None, LOAD_LIBRARY_SEARCH_SYSTEM32)?;
        let address = GetProcAddress(library, s!("D3DCompile")).ok_or_else(windows::core::Error::from_thread)?;
        Ok(std::mem::transmute::<unsafe extern "system" fn() -> isize, Compile>(address))
    }
}

fn compile(compiler: Compile, Source(source, name): Source, entry: PCSTR, target: PCSTR) -> Result<Vec<u8>> {
    let (source, length) = (source.as_ptr().cast(), source.len());
    let (defines, include) = (std::ptr::null(), std::ptr::null_mut());
    let (mut code, mut messages) = (None, None);
    let (to, also) = (&raw mut code, &raw mut messages);
    // SAFETY: source, names and pointers are valid during the call; definitions and includes are optional.
    let result = unsafe { compiler(source, length, name, defines, include, entry, target, FLAGS, 0, to, also) };
    let Some(code) = code.filter(|_| result.is_ok()) else {
        let messages = messages.map(|text| String::from_utf8_lossy(bytes(&text)).into_owned()).unwrap_or_default();
        let message = format!("the shaders do not compile: {}", messages.trim_end_matches(['\0', '\n']));
        return Err(Error::new(ErrorKind::Capture, message).with_code(result.0 as u32));
    };
    Ok(bytes(&code).to_vec())
}

fn bytes(blob: &ID3DBlob) -> &[u8] {
    // SAFETY: a blob has as many bytes as it reports, and they do not change.
    unsafe { std::slice::from_raw_parts(blob.GetBufferPointer().cast(), blob.GetBufferSize()) }
}
