//! Handing out duplications.

use std::ffi::c_void;
use std::sync::Arc;

use rustcam::source::sim::Why;
use windows::Win32::Foundation::{E_ACCESSDENIED, E_INVALIDARG, S_OK};
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::Common::{DXGI_FORMAT, DXGI_FORMAT_B8G8R8A8_UNORM};
use windows::Win32::Graphics::Dxgi::{
    IDXGIAdapter, IDXGIDevice, IDXGIOutput, IDXGIOutput1_Vtbl, IDXGIOutput5_Vtbl, IDXGIOutputDuplication,
    DXGI_ERROR_NOT_CURRENTLY_AVAILABLE, DXGI_ERROR_NOT_FOUND, DXGI_ERROR_UNSUPPORTED,
};
use windows::Win32::UI::HiDpi::{
    AreDpiAwarenessContextsEqual, GetThreadDpiAwarenessContext, IsValidDpiAwarenessContext,
    DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2,
};
use windows_core::{IUnknown, Interface, Result, HRESULT};

use crate::counters::count;
use crate::device::Device;
use crate::duplication::Duplication;
use crate::faults::Call;
use crate::outputs::{identify, identify_adapter};
use crate::settings::Format;
use crate::stage::{current, Stage};
use crate::vtable::original;
use crate::{lock, slot};

pub(crate) const DUPLICATE_OUTPUT: usize = slot!(IDXGIOutput1_Vtbl, DuplicateOutput);
pub(crate) const DUPLICATE_OUTPUT1: usize = slot!(IDXGIOutput5_Vtbl, DuplicateOutput1);
const _: () = assert!(DUPLICATE_OUTPUT == 22 && DUPLICATE_OUTPUT1 == 26);

/// So many processes may duplicate at a time.
const MOST_PROCESSES: u32 = 4;

type Duplicate = unsafe extern "system" fn(*mut c_void, *mut c_void, *mut *mut c_void) -> HRESULT;
type Duplicate1 =
    unsafe extern "system" fn(*mut c_void, *mut c_void, u32, u32, *const DXGI_FORMAT, *mut *mut c_void) -> HRESULT;

pub(crate) unsafe extern "system" fn duplicate_output(
    this: *mut c_void,
    device: *mut c_void,
    out: *mut *mut c_void,
) -> HRESULT {
    let Some(stage) = current() else {
        // SAFETY: called for the slot that was replaced.
        let before: Duplicate = unsafe { original(this, DUPLICATE_OUTPUT) };
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, device, out) };
    };
    // SAFETY: the arguments of a COM call: `this` is an output, the others are null or valid.
    unsafe { answer(&stage, Call::DuplicateOutput, this, device, None, out) }
}

pub(crate) unsafe extern "system" fn duplicate_output1(
    this: *mut c_void,
    device: *mut c_void,
    flags: u32,
    number: u32,
    formats: *const DXGI_FORMAT,
    out: *mut *mut c_void,
) -> HRESULT {
    let Some(stage) = current() else {
        // SAFETY: called for the slot that was replaced.
        let before: Duplicate1 = unsafe { original(this, DUPLICATE_OUTPUT1) };
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, device, flags, number, formats, out) };
    };
    let formats: &[DXGI_FORMAT] = if formats.is_null() {
        &[]
    } else {
        // SAFETY: as many formats as the caller says.
        unsafe { std::slice::from_raw_parts(formats, number as usize) }
    };
    // SAFETY: the arguments of a COM call: `this` is an output, the others are null or valid.
    unsafe { answer(&stage, Call::DuplicateOutput1, this, device, Some(formats), out) }
}

/// # Safety
/// `output` is an output, `device` and `out` are null or valid.
unsafe fn answer(
    stage: &Arc<Stage>,
    call: Call,
    output: *mut c_void,
    device: *mut c_void,
    formats: Option<&[DXGI_FORMAT]>,
    out: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: as the caller promises.
    let (Some(out), Some(output)) = (unsafe { out.as_mut() }, unsafe { IDXGIOutput::from_raw_borrowed(&output) })
    else {
        return E_INVALIDARG;
    };
    *out = std::ptr::null_mut();
    // SAFETY: as the caller promises.
    match duplicate(stage, call, output, unsafe { IUnknown::from_raw_borrowed(&device) }, formats) {
        Ok(duplication) => {
            *out = duplication.into_raw();
            S_OK
        }
        Err(error) => error.code(),
    }
}

fn duplicate(
    stage: &Arc<Stage>,
    call: Call,
    output: &IDXGIOutput,
    device: Option<&IUnknown>,
    formats: Option<&[DXGI_FORMAT]>,
) -> Result<IDXGIOutputDuplication> {
    let device: ID3D11Device = device.ok_or(E_INVALIDARG)?.cast().map_err(|_| E_INVALIDARG)?;
    let (index, generation) = identify(stage, output);
    let again = lock(&stage.known).contains(&index);
    // A script's own failures are for whoever tries again.
    let injected = stage.inject(call).or_else(|| if again { stage.inject(Call::Duplicate) } else { None });
    let known = stage.adopt(&device)?;
    let refused = injected.or_else(|| stage.script.refusal().map(|code| HRESULT(code as i32)));
    if let Some(code) = refused.or_else(|| absence(stage, &known, generation)) {
        known.note(code);
        return Err(code.into());
    }
    if !same_adapter(stage, &device, output)? {
        return Err(E_INVALIDARG.into());
    }
    let format = negotiate(stage, formats)?;
    if stage.settings.others >= MOST_PROCESSES {
        return Err(DXGI_ERROR_NOT_CURRENTLY_AVAILABLE.into());
    }
    if !lock(&stage.live).insert(index) {
        count(&stage.counting.duplicate_while_live);
        return Err(E_INVALIDARG.into());
    }
    lock(&stage.known).insert(index);
    // From here on the end of the duplication takes the output off the list.
    let duplication = Duplication::begin(stage, index, output.clone(), device, known, format)?;
    if call == Call::DuplicateOutput1 {
        count(&stage.counting.duplications1);
    }
    Ok(duplication)
}

/// The code that says that there is no desktop now.
fn absence(stage: &Stage, device: &Device, generation: u64) -> Option<HRESULT> {
    let now = stage.now();
    if let Some(code) = device.removed(stage, now) {
        return Some(code);
    }
    match stage.lasting_gap(now).map(|gap| gap.why) {
        Some(Why::Access | Why::Mode) => Some(E_ACCESSDENIED),
        Some(Why::Device) => {
            device.note(windows::Win32::Graphics::Dxgi::DXGI_ERROR_DEVICE_REMOVED);
            device.removed(stage, now)
        }
        Some(Why::Unplugged) => Some(DXGI_ERROR_NOT_FOUND),
        None => stage.stale(generation, now).then_some(DXGI_ERROR_UNSUPPORTED),
    }
}

fn same_adapter(stage: &Stage, device: &ID3D11Device, output: &IDXGIOutput) -> Result<bool> {
    // SAFETY: every Direct3D device is a DXGI device with an adapter, and every output has one too.
    let (ours, theirs): (IDXGIAdapter, IDXGIAdapter) =
        unsafe { (output.GetParent()?, device.cast::<IDXGIDevice>()?.GetAdapter()?) };
    // SAFETY: the calls have no other condition.
    let (a, b) = unsafe { (ours.GetDesc()?.AdapterLuid, theirs.GetDesc()?.AdapterLuid) };
    // Outputs belong to the first adapter, whichever object they call their parent.
    let first = identify_adapter(stage, &theirs) == 0;
    Ok(first && (a.LowPart, a.HighPart) == (b.LowPart, b.HighPart))
}

/// The format of the textures: that of the desktop if the caller takes it, else BGRA, else whatever the caller takes.
fn negotiate(stage: &Stage, formats: Option<&[DXGI_FORMAT]>) -> Result<DXGI_FORMAT> {
    let Some(formats) = formats else { return Ok(DXGI_FORMAT_B8G8R8A8_UNORM) };
    if formats.is_empty() {
        return Err(E_INVALIDARG.into());
    }
    if !aware() {
        return Err(DXGI_ERROR_UNSUPPORTED.into());
    }
    if !formats.contains(&DXGI_FORMAT_B8G8R8A8_UNORM) {
        count(&stage.counting.formats_without_bgra);
    }
    let wanted = [stage.settings.format_at(stage.now()).dxgi(), DXGI_FORMAT_B8G8R8A8_UNORM];
    let chosen = wanted.into_iter().find(|format| formats.contains(format));
    let any = || formats.iter().copied().find(|format| Format::known(*format));
    chosen.or_else(any).ok_or_else(|| DXGI_ERROR_UNSUPPORTED.into())
}

/// Whether the thread is as aware of resolutions as `DuplicateOutput1` demands: per monitor, version 2, or version 1 where the system,
/// as Wine 8, has no other.
fn aware() -> bool {
    // SAFETY: the calls only look at handles.
    unsafe {
        let version_2 = IsValidDpiAwarenessContext(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2).as_bool();
        let enough = if version_2 {
            DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2
        } else {
            DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE
        };
        AreDpiAwarenessContextsEqual(GetThreadDpiAwarenessContext(), enough).as_bool()
    }
}
