//! What factories, adapters and outputs answer while the laboratory runs.

use std::ffi::c_void;
use std::time::Duration;

use rustcam::source::sim::Why;
use windows::Win32::Foundation::S_OK;
use windows::Win32::Graphics::Dxgi::{
    IDXGIAdapter, IDXGIAdapter1_Vtbl, IDXGIAdapter_Vtbl, IDXGIFactory1, IDXGIFactory1_Vtbl, IDXGIFactory_Vtbl,
    IDXGIObject, IDXGIOutput, IDXGIOutput1, IDXGIOutput5, IDXGIOutput6_Vtbl, IDXGIOutput_Vtbl, DXGI_ADAPTER_DESC,
    DXGI_ADAPTER_DESC1, DXGI_ERROR_NOT_FOUND, DXGI_OUTPUT_DESC, DXGI_OUTPUT_DESC1,
};
use windows_core::{IUnknown_Vtbl, Interface, BOOL, GUID, HRESULT};

use crate::describe;
use crate::device::own;
use crate::faults::Call;
use crate::private::{mark, mark_of};
use crate::slot;
use crate::stage::{current, Stage};
use crate::vtable::original;

pub(crate) const ENUM_ADAPTERS: usize = slot!(IDXGIFactory_Vtbl, EnumAdapters);
pub(crate) const ENUM_ADAPTERS1: usize = slot!(IDXGIFactory1_Vtbl, EnumAdapters1);
pub(crate) const IS_CURRENT: usize = slot!(IDXGIFactory1_Vtbl, IsCurrent);
pub(crate) const ENUM_OUTPUTS: usize = slot!(IDXGIAdapter_Vtbl, EnumOutputs);
pub(crate) const ADAPTER_DESC: usize = slot!(IDXGIAdapter_Vtbl, GetDesc);
pub(crate) const ADAPTER_DESC1: usize = slot!(IDXGIAdapter1_Vtbl, GetDesc1);
pub(crate) const QUERY_OUTPUT: usize = slot!(IUnknown_Vtbl, QueryInterface);
pub(crate) const OUTPUT_DESC: usize = slot!(IDXGIOutput_Vtbl, GetDesc);
pub(crate) const OUTPUT_DESC1: usize = slot!(IDXGIOutput6_Vtbl, GetDesc1);

// The numbers as documented; a layout that disagrees must not compile.
const _: () = assert!(ENUM_ADAPTERS == 7 && ENUM_ADAPTERS1 == 12 && IS_CURRENT == 13);
const _: () = assert!(ENUM_OUTPUTS == 7 && ADAPTER_DESC == 8 && ADAPTER_DESC1 == 10);
const _: () = assert!(QUERY_OUTPUT == 0 && OUTPUT_DESC == 7 && OUTPUT_DESC1 == 27);

type Enumerate = unsafe extern "system" fn(*mut c_void, u32, *mut *mut c_void) -> HRESULT;

/// The generation that a factory belongs to: that of the moment when the laboratory saw it first.
fn generation_of(stage: &Stage, factory: &IDXGIObject) -> u64 {
    let mark_now = || {
        let generation = stage.generation(stage.now());
        mark(factory, [stage.run, generation, 0]);
        generation
    };
    mark_of(factory, stage.run).map_or_else(mark_now, |[_, generation, _]| generation)
}

/// Which of the laboratory's outputs `output` is, and the generation it was found in.
pub(crate) fn identify(stage: &Stage, output: &IDXGIOutput) -> (usize, u64) {
    mark_of(output, stage.run).map_or((0, 0), |[_, index, generation]| (index as usize, generation))
}

/// Which of the laboratory's adapters `adapter` is.
pub(crate) fn identify_adapter(stage: &Stage, adapter: &IDXGIAdapter) -> u64 {
    mark_of(adapter, stage.run).map_or(0, |[_, index, _]| index)
}

/// The code with which a guest's own call fails, if it does: Direct3D lists adapters too.
fn guests(stage: &Stage, call: Call) -> Option<HRESULT> {
    if own() {
        return None;
    }
    stage.inject(call)
}

/// `EnumAdapters` and `EnumAdapters1`.
///
/// # Safety
/// As the replaced methods.
unsafe fn enumerate_adapters(this: *mut c_void, call: Call, index: u32, out: *mut *mut c_void) -> HRESULT {
    let slot = if call == Call::EnumAdapters { ENUM_ADAPTERS } else { ENUM_ADAPTERS1 };
    // SAFETY: called for the slot that was replaced.
    let before: Enumerate = unsafe { original(this, slot) };
    // SAFETY: `this` is the factory that the method was called on.
    let (Some(stage), Some(factory)) = (current(), unsafe { IDXGIFactory1::from_raw_borrowed(&this) }) else {
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, index, out) };
    };
    generation_of(&stage, factory);
    let many = stage.settings.adapters > 1;
    let code = match guests(&stage, call) {
        Some(code) => code,
        None if many && index >= stage.settings.adapters => DXGI_ERROR_NOT_FOUND,
        // SAFETY: the caller's own arguments, but for the index: all adapters are the first.
        None => unsafe { before(this, if many { 0 } else { index }, out) },
    };
    // SAFETY: `out` is null or the caller's variable; after success it holds an adapter.
    let made = unsafe { out.as_mut() }.map(|made| {
        if code != S_OK {
            *made = std::ptr::null_mut();
        }
        *made
    });
    // SAFETY: null or an adapter.
    if let Some(adapter) = made.as_ref().and_then(|made| unsafe { IDXGIAdapter::from_raw_borrowed(made) }) {
        mark(adapter, [stage.run, u64::from(index), 0]);
    }
    code
}

pub(crate) unsafe extern "system" fn enum_adapters(this: *mut c_void, index: u32, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: the same arguments.
    unsafe { enumerate_adapters(this, Call::EnumAdapters, index, out) }
}

pub(crate) unsafe extern "system" fn enum_adapters1(this: *mut c_void, index: u32, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: the same arguments.
    unsafe { enumerate_adapters(this, Call::EnumAdapters1, index, out) }
}

pub(crate) unsafe extern "system" fn is_current(this: *mut c_void) -> BOOL {
    // SAFETY: `this` is the factory that the method was called on.
    if let (Some(stage), Some(factory)) = (current(), unsafe { IDXGIFactory1::from_raw_borrowed(&this) }) {
        return (generation_of(&stage, factory) == stage.generation(stage.now())).into();
    }
    // SAFETY: called for the slot that was replaced.
    let before: unsafe extern "system" fn(*mut c_void) -> BOOL = unsafe { original(this, IS_CURRENT) };
    // SAFETY: the caller's own argument.
    unsafe { before(this) }
}

pub(crate) unsafe extern "system" fn enum_outputs(this: *mut c_void, index: u32, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: Enumerate = unsafe { original(this, ENUM_OUTPUTS) };
    // SAFETY: `this` is the adapter that the method was called on.
    let (Some(stage), Some(adapter)) = (current(), unsafe { IDXGIAdapter::from_raw_borrowed(&this) }) else {
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, index, out) };
    };
    let now = stage.now();
    let unplugged = stage.lasting_gap(now).is_some_and(|gap| gap.why == Why::Unplugged);
    let absent = unplugged || index as usize >= stage.worlds.len() || identify_adapter(&stage, adapter) != 0;
    let code = match guests(&stage, Call::EnumOutputs) {
        Some(code) => code,
        None if absent => DXGI_ERROR_NOT_FOUND,
        // SAFETY: the caller's own arguments, but for the index: all outputs are the first.
        None => unsafe { before(this, 0, out) },
    };
    // SAFETY: `out` is null or the caller's variable; after success it holds an output.
    let made = unsafe { out.as_mut() }.map(|made| {
        if code != S_OK {
            *made = std::ptr::null_mut();
        }
        *made
    });
    // SAFETY: null or an output.
    if let Some(output) = made.as_ref().and_then(|made| unsafe { IDXGIOutput::from_raw_borrowed(made) }) {
        // SAFETY: every adapter has a factory.
        let generation = unsafe { adapter.GetParent::<IDXGIFactory1>() }
            .map_or_else(|_| stage.generation(now), |factory| generation_of(&stage, &factory));
        mark(output, [stage.run, u64::from(index), generation]);
    }
    code
}

/// `QueryInterface` of an output: the interfaces that some versions of Windows lack.
pub(crate) unsafe extern "system" fn query_output(
    this: *mut c_void,
    iid: *const GUID,
    out: *mut *mut c_void,
) -> HRESULT {
    // SAFETY: null or the caller's variable.
    let call = match unsafe { iid.as_ref() } {
        Some(&IDXGIOutput1::IID) => Some(Call::QueryOutput1),
        Some(&IDXGIOutput5::IID) => Some(Call::QueryOutput5),
        _ => None,
    };
    if let Some(code) = current().zip(call).and_then(|(stage, call)| guests(&stage, call)) {
        // SAFETY: null or the caller's variable.
        if let Some(out) = unsafe { out.as_mut() } {
            *out = std::ptr::null_mut();
        }
        return code;
    }
    // SAFETY: called for the slot that was replaced.
    let before: unsafe extern "system" fn(*mut c_void, *const GUID, *mut *mut c_void) -> HRESULT =
        unsafe { original(this, QUERY_OUTPUT) };
    // SAFETY: the caller's own arguments.
    unsafe { before(this, iid, out) }
}

pub(crate) unsafe extern "system" fn output_desc(this: *mut c_void, desc: *mut DXGI_OUTPUT_DESC) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: unsafe extern "system" fn(*mut c_void, *mut DXGI_OUTPUT_DESC) -> HRESULT =
        unsafe { original(this, OUTPUT_DESC) };
    // SAFETY: the caller's own arguments.
    let code = unsafe { before(this, desc) };
    // SAFETY: after success `desc` is valid; `this` is the output that the method was called on.
    if let (S_OK, Some(desc), Some((stage, index, now))) = (code, unsafe { desc.as_mut() }, unsafe { seen(this) }) {
        let (name, place, rotation) = describe::output(&stage, index, now);
        (desc.DeviceName, desc.DesktopCoordinates, desc.Rotation) = (name, place, rotation);
        desc.AttachedToDesktop = true.into();
    }
    code
}

pub(crate) unsafe extern "system" fn output_desc1(this: *mut c_void, desc: *mut DXGI_OUTPUT_DESC1) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: unsafe extern "system" fn(*mut c_void, *mut DXGI_OUTPUT_DESC1) -> HRESULT =
        unsafe { original(this, OUTPUT_DESC1) };
    // SAFETY: the caller's own arguments.
    let code = unsafe { before(this, desc) };
    // SAFETY: after success `desc` is valid; `this` is the output that the method was called on.
    if let (S_OK, Some(desc), Some((stage, index, now))) = (code, unsafe { desc.as_mut() }, unsafe { seen(this) }) {
        let (name, place, rotation) = describe::output(&stage, index, now);
        (desc.DeviceName, desc.DesktopCoordinates, desc.Rotation) = (name, place, rotation);
        desc.AttachedToDesktop = true.into();
        (desc.ColorSpace, desc.BitsPerColor) = describe::colour(&stage, now);
    }
    code
}

/// The stage, the index of the output `this` and the time.
///
/// # Safety
/// `this` is an output.
unsafe fn seen(this: *mut c_void) -> Option<(std::sync::Arc<Stage>, usize, Duration)> {
    let stage = current()?;
    // SAFETY: as the caller promises.
    let (index, _) = identify(&stage, unsafe { IDXGIOutput::from_raw_borrowed(&this) }?);
    let now = stage.now();
    Some((stage, index, now))
}

/// An adapter that the laboratory invented differs from the real one in its identity.
fn disguise(index: u64, name: &mut [u16; 128], luid: &mut u32) {
    if index > 0 {
        let text = format!("Laboratory adapter {index}");
        *name = [0; 128];
        for (place, unit) in name.iter_mut().zip(text.encode_utf16()) {
            *place = unit;
        }
        *luid ^= 0x4C41_4200 | index as u32;
    }
}

pub(crate) unsafe extern "system" fn adapter_desc(this: *mut c_void, desc: *mut DXGI_ADAPTER_DESC) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: unsafe extern "system" fn(*mut c_void, *mut DXGI_ADAPTER_DESC) -> HRESULT =
        unsafe { original(this, ADAPTER_DESC) };
    // SAFETY: the caller's own arguments.
    let code = unsafe { before(this, desc) };
    // SAFETY: after success `desc` is valid; `this` is the adapter that the method was called on.
    let (desc, adapter) = unsafe { (desc.as_mut(), IDXGIAdapter::from_raw_borrowed(&this)) };
    if let (S_OK, Some(stage), Some(desc), Some(adapter)) = (code, current(), desc, adapter) {
        disguise(identify_adapter(&stage, adapter), &mut desc.Description, &mut desc.AdapterLuid.LowPart);
    }
    code
}

pub(crate) unsafe extern "system" fn adapter_desc1(this: *mut c_void, desc: *mut DXGI_ADAPTER_DESC1) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: unsafe extern "system" fn(*mut c_void, *mut DXGI_ADAPTER_DESC1) -> HRESULT =
        unsafe { original(this, ADAPTER_DESC1) };
    // SAFETY: the caller's own arguments.
    let code = unsafe { before(this, desc) };
    // SAFETY: after success `desc` is valid; `this` is the adapter that the method was called on.
    let (desc, adapter) = unsafe { (desc.as_mut(), IDXGIAdapter::from_raw_borrowed(&this)) };
    if let (S_OK, Some(stage), Some(desc), Some(adapter)) = (code, current(), desc, adapter) {
        disguise(identify_adapter(&stage, adapter), &mut desc.Description, &mut desc.AdapterLuid.LowPart);
    }
    code
}
