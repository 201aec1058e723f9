//! Factories: which adapters there are, and whether the desktop has changed since.

use std::ffi::c_void;

use windows::Win32::Graphics::Dxgi::{
    IDXGIAdapter, IDXGIFactory1, IDXGIFactory1_Vtbl, IDXGIFactory_Vtbl, DXGI_ERROR_NOT_FOUND,
};
use windows_core::{Interface, Result, BOOL, HRESULT};

use crate::com::written;
use crate::hooks::identity::{factory_generation, tag_adapter};
use crate::hooks::watched::injected;
use crate::patch::vtable::{original, patch, slot};
use crate::script::call::Call;
use crate::script::settings::Stale;
use crate::state::simulation::current;

const ENUM_ADAPTERS: usize = slot!(IDXGIFactory_Vtbl, EnumAdapters);
const ENUM_ADAPTERS1: usize = slot!(IDXGIFactory1_Vtbl, EnumAdapters1);
const IS_CURRENT: usize = slot!(IDXGIFactory1_Vtbl, IsCurrent);
// The documented numbers, here and in the other files of hooks: a layout that disagrees must not compile.
const _: () = assert!(ENUM_ADAPTERS == 7 && ENUM_ADAPTERS1 == 12 && IS_CURRENT == 13);

type Enumerate = unsafe extern "system" fn(*mut c_void, u32, *mut *mut c_void) -> HRESULT;
type IsCurrent = unsafe extern "system" fn(*mut c_void) -> BOOL;

/// Replaces methods of factories.
pub(crate) fn install(factory: &IDXGIFactory1) -> Result<()> {
    let methods = [
        (ENUM_ADAPTERS, enum_adapters as *const () as usize),
        (ENUM_ADAPTERS1, enum_adapters1 as *const () as usize),
        (IS_CURRENT, is_current as *const () as usize),
    ];
    // SAFETY: the slots are those of the interface, and the hooks have their types.
    unsafe { patch(factory, methods) }
}

unsafe extern "system" fn enum_adapters(this: *mut c_void, index: u32, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: the same arguments.
    unsafe { enumerate(this, Call::EnumAdapters, index, out) }
}

unsafe extern "system" fn enum_adapters1(this: *mut c_void, index: u32, out: *mut *mut c_void) -> HRESULT {
    // SAFETY: the same arguments.
    unsafe { enumerate(this, Call::EnumAdapters1, index, out) }
}

/// `EnumAdapters` and `EnumAdapters1`.
///
/// # Safety
/// As the replaced methods.
unsafe fn enumerate(this: *mut c_void, call: Call, index: u32, out: *mut *mut c_void) -> HRESULT {
    let slot = if call == Call::EnumAdapters { ENUM_ADAPTERS } else { ENUM_ADAPTERS1 };
    // SAFETY: called for the slot that was replaced.
    let before: Enumerate = unsafe { original(this, slot) };
    // SAFETY: `this` is the factory that the method was called on.
    let (Some(sim), Some(factory)) = (current(), unsafe { IDXGIFactory1::from_raw_borrowed(&this) }) else {
        // SAFETY: the caller's own arguments.
        return unsafe { before(this, index, out) };
    };
    let generation = factory_generation(&sim, factory);
    let now = sim.now();
    let mut there = (0..u64::from(sim.settings.adapters)).filter(|n| sim.settings.changes.has_adapter(*n, now));
    let found = there.nth(index as usize);
    let code = match injected(call) {
        Some(code) => code,
        None if found.is_none() => DXGI_ERROR_NOT_FOUND,
        // SAFETY: the caller's own arguments, but for the index: all adapters are the first.
        None => unsafe { before(this, 0, out) },
    };
    // SAFETY: `out` is null or the caller's variable; after success it holds an adapter.
    let adapter = unsafe { written(code, out) };
    // SAFETY: null or an adapter.
    if let (Some(adapter), Some(found)) = (unsafe { IDXGIAdapter::from_raw_borrowed(&adapter) }, found) {
        tag_adapter(&sim, adapter, found, generation);
    }
    code
}

unsafe extern "system" fn is_current(this: *mut c_void) -> BOOL {
    // SAFETY: `this` is the factory that the method was called on.
    if let (Some(sim), Some(factory)) = (current(), unsafe { IDXGIFactory1::from_raw_borrowed(&this) }) {
        let current = factory_generation(&sim, factory) == sim.generation(sim.now());
        return (current || sim.settings.stale == Stale::Silent).into();
    }
    // SAFETY: called for the slot that was replaced.
    let before: IsCurrent = unsafe { original(this, IS_CURRENT) };
    // SAFETY: the caller's own argument.
    unsafe { before(this) }
}
