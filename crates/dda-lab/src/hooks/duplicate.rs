//! `DuplicateOutput` and `DuplicateOutput1`.

use std::ffi::c_void;
use std::sync::Arc;

use rustcam::source::sim::Why;
use windows::Win32::Foundation::{E_ACCESSDENIED, E_INVALIDARG, S_OK};
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::Common::{DXGI_FORMAT, DXGI_FORMAT_B8G8R8A8_UNORM};
use windows::Win32::Graphics::Dxgi::{
    IDXGIDevice, IDXGIOutput, IDXGIOutput1_Vtbl, IDXGIOutput5_Vtbl, IDXGIOutput6, IDXGIOutputDuplication,
    DXGI_ERROR_DEVICE_REMOVED, DXGI_ERROR_NOT_CURRENTLY_AVAILABLE, DXGI_ERROR_NOT_FOUND, DXGI_ERROR_UNSUPPORTED,
};
use windows::Win32::UI::HiDpi::{
    AreDpiAwarenessContextsEqual, GetThreadDpiAwarenessContext, IsValidDpiAwarenessContext,
    DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2,
};
use windows_core::{IUnknown, Interface, Result, HRESULT};

use crate::counters::count;
use crate::duplication::Duplication;
use crate::hooks::device;
use crate::hooks::identity::{adapter_identity, output_index};
use crate::mutex::lock;
use crate::patch::vtable::{original, patch, slot};
use crate::script::call::Call;
use crate::script::format::Format;
use crate::script::settings::Stale;
use crate::state::device::Device;
use crate::state::simulation::{current, Simulation};

const DUPLICATE_OUTPUT: usize = slot!(IDXGIOutput1_Vtbl, DuplicateOutput);
const DUPLICATE_OUTPUT1: usize = slot!(IDXGIOutput5_Vtbl, DuplicateOutput1);
const _: () = assert!(DUPLICATE_OUTPUT == 22 && DUPLICATE_OUTPUT1 == 26);

/// Number of processes that can duplicate at a time.
const MOST_PROCESSES: u32 = 4;

/// Frames after which the first duplication of an output is silent in a session that is not at the console.
const FRAMES_WHEN_DETACHED: u64 = 4;

type Duplicate = unsafe extern "system" fn(*mut c_void, *mut c_void, *mut *mut c_void) -> HRESULT;
type Duplicate1 =
    unsafe extern "system" fn(*mut c_void, *mut c_void, u32, u32, *const DXGI_FORMAT, *mut *mut c_void) -> HRESULT;

/// Replaces methods of outputs.
pub(crate) fn install(output: &IDXGIOutput6) -> Result<()> {
    let methods = [
        (DUPLICATE_OUTPUT, duplicate_output as *const () as usize),
        (DUPLICATE_OUTPUT1, duplicate_output1 as *const () as usize),
    ];
    // SAFETY: the slots are those of the interface, and the hooks have their types.
    unsafe { patch(output, methods) }
}

unsafe extern "system" fn duplicate_output(this: *mut c_void, device: *mut c_void, out: *mut *mut c_void) -> HRESULT {
    let Some(sim) = current() else {
        // SAFETY: called for the slot that was replaced.
        let before: Duplicate = unsafe { original(this, DUPLICATE_OUTPUT) };
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, device, out) };
    };
    // SAFETY: the arguments of a COM call: `this` is an output, the others are null or valid.
    unsafe { answer(&sim, Call::DuplicateOutput, this, device, None, out) }
}

unsafe extern "system" fn duplicate_output1(
    this: *mut c_void,
    device: *mut c_void,
    flags: u32,
    number: u32,
    formats: *const DXGI_FORMAT,
    out: *mut *mut c_void,
) -> HRESULT {
    let Some(sim) = current() else {
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
    unsafe { answer(&sim, Call::DuplicateOutput1, this, device, Some(formats), out) }
}

/// # Safety
/// `output` is an output, `device` and `out` are null or valid.
unsafe fn answer(
    sim: &Arc<Simulation>,
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
    match duplicate(sim, call, output, unsafe { IUnknown::from_raw_borrowed(&device) }, formats) {
        Ok(duplication) => {
            *out = duplication.into_raw();
            S_OK
        }
        Err(error) => error.code(),
    }
}

fn duplicate(
    sim: &Arc<Simulation>,
    call: Call,
    output: &IDXGIOutput,
    device: Option<&IUnknown>,
    formats: Option<&[DXGI_FORMAT]>,
) -> Result<IDXGIOutputDuplication> {
    let device: ID3D11Device = device.ok_or(E_INVALIDARG)?.cast().map_err(|_| E_INVALIDARG)?;
    let (index, generation) = output_index(sim, output);
    let again = lock(&sim.ever_duplicated).contains(&index);
    // A script's own failures do not concern the first duplication.
    let injected = sim.injected(call).or_else(|| if again { sim.injected(Call::Duplicate) } else { None });
    let own = adapter_of(sim, &device)?;
    let record = if let Some(record) = sim.device(&device) {
        record
    } else {
        device::install(&device)?;
        sim.register(&device, own.0)
    };
    let refused = injected.or_else(|| sim.refusal());
    if let Some(code) = refused.or_else(|| absence(sim, &record, index, generation)) {
        record.note(code);
        return Err(code.into());
    }
    // An output that was found earlier goes on accepting devices that belong to its adapter as it was then.
    let there = sim.adapter_of(index);
    if own != (there, sim.settings.changes.renewals(there, sim.known_until(generation, sim.now()))) {
        return Err(E_INVALIDARG.into());
    }
    let format = negotiate(sim, formats)?;
    if sim.settings.others >= MOST_PROCESSES {
        return Err(DXGI_ERROR_NOT_CURRENTLY_AVAILABLE.into());
    }
    if !lock(&sim.duplicated).insert(index) {
        count(&sim.counters.duplicate_while_live);
        return Err(E_INVALIDARG.into());
    }
    lock(&sim.ever_duplicated).insert(index);
    let silent = sim.settings.stale == Stale::Silent && generation < sim.generation(sim.now());
    let most = if sim.settings.detached && !again { FRAMES_WHEN_DETACHED } else { u64::MAX };
    let most = if silent { 0 } else { most };
    let duplication = Duplication::create(sim, index, output.clone(), device, record, format, most)?;
    if call == Call::DuplicateOutput1 {
        count(&sim.counters.duplications1);
    }
    Ok(duplication)
}

/// The code that says why the output cannot be duplicated now.
fn absence(sim: &Simulation, device: &Device, index: usize, generation: u64) -> Option<HRESULT> {
    let now = sim.now();
    if let Some(code) = sim.removal(device, now) {
        return Some(code);
    }
    match sim.present_gap(now).map(|gap| gap.why) {
        Some(Why::Access | Why::Mode) => Some(E_ACCESSDENIED),
        Some(Why::Device) => {
            device.note(DXGI_ERROR_DEVICE_REMOVED);
            sim.removal(device, now)
        }
        Some(Why::Unplugged) => Some(DXGI_ERROR_NOT_FOUND),
        None if !sim.outputs_on(sim.adapter_of(index), now).any(|there| there == index) => Some(DXGI_ERROR_NOT_FOUND),
        None => sim.is_stale(generation, now).then_some(DXGI_ERROR_UNSUPPORTED),
    }
}

/// The index of the adapter of a device, and the number of its LUID.
fn adapter_of(sim: &Simulation, device: &ID3D11Device) -> Result<(u64, u64)> {
    // SAFETY: every Direct3D device is a DXGI device with an adapter.
    let adapter = unsafe { device.cast::<IDXGIDevice>()?.GetAdapter()? };
    Ok(adapter_identity(sim, &adapter))
}

/// The format of the textures: that of the desktop if the caller accepts it, else BGRA, else the first that the caller accepts.
fn negotiate(sim: &Simulation, formats: Option<&[DXGI_FORMAT]>) -> Result<DXGI_FORMAT> {
    let Some(formats) = formats else { return Ok(DXGI_FORMAT_B8G8R8A8_UNORM) };
    if formats.is_empty() {
        return Err(E_INVALIDARG.into());
    }
    if !is_dpi_aware() {
        return Err(DXGI_ERROR_UNSUPPORTED.into());
    }
    if !formats.contains(&DXGI_FORMAT_B8G8R8A8_UNORM) {
        count(&sim.counters.formats_without_bgra);
    }
    let wanted = [sim.format_at(sim.now()).dxgi(), DXGI_FORMAT_B8G8R8A8_UNORM];
    let chosen = wanted.into_iter().find(|format| formats.contains(format));
    let any = || formats.iter().copied().find(|format| Format::known(*format));
    chosen.or_else(any).ok_or_else(|| DXGI_ERROR_UNSUPPORTED.into())
}

/// Whether the thread is DPI-aware as `DuplicateOutput1` demands: per monitor, version 2, or version 1 on a system without version 2, as
/// Wine 8.
fn is_dpi_aware() -> bool {
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
