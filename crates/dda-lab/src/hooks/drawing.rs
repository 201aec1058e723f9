//! Drawing: only on textures whose keyed mutex is acquired, and finished no earlier than the script says.

use std::ffi::c_void;

use windows::Win32::Foundation::S_FALSE;
use windows::Win32::Graphics::Direct3D11::{
    ID3D11DeviceContext, ID3D11DeviceContext_Vtbl, ID3D11RenderTargetView, ID3D11Texture2D,
};
use windows_core::{Interface, Result, HRESULT};

use crate::clock::timed;
use crate::counters::count;
use crate::hooks::context::submit;
use crate::hooks::watched::{context_call, device_time, ContextCall};
use crate::mutex::lock;
use crate::patch::vtable::{original, patch, slot};
use crate::sharing::endpoint::Endpoint;

const DRAW: usize = slot!(ID3D11DeviceContext_Vtbl, Draw);
const END: usize = slot!(ID3D11DeviceContext_Vtbl, End);
const GET_DATA: usize = slot!(ID3D11DeviceContext_Vtbl, GetData);
const CLEAR_STATE: usize = slot!(ID3D11DeviceContext_Vtbl, ClearState);
const _: () = assert!(DRAW == 13 && END == 28 && GET_DATA == 29 && CLEAR_STATE == 110);

type Draw = unsafe extern "system" fn(*mut c_void, u32, u32);
type End = unsafe extern "system" fn(*mut c_void, *mut c_void);
type ClearState = unsafe extern "system" fn(*mut c_void);
type GetData = unsafe extern "system" fn(*mut c_void, *mut c_void, *mut c_void, u32, u32) -> HRESULT;

/// Replaces methods of contexts.
pub(crate) fn install(context: &ID3D11DeviceContext) -> Result<()> {
    let methods = [
        (DRAW, draw as *const () as usize),
        (END, end as *const () as usize),
        (GET_DATA, get_data as *const () as usize),
        (CLEAR_STATE, clear_state as *const () as usize),
    ];
    // SAFETY: the slots are those of the interface, and the hooks have their types.
    unsafe { patch(context, methods) }
}

/// The texture that a context draws on.
fn target(context: &ID3D11DeviceContext) -> Option<ID3D11Texture2D> {
    let mut views = [None::<ID3D11RenderTargetView>];
    // SAFETY: the place for one view; every view has a resource.
    unsafe {
        context.OMGetRenderTargets(Some(&mut views), None);
        views[0].as_ref()?.GetResource().ok()?.cast().ok()
    }
}

unsafe extern "system" fn draw(this: *mut c_void, vertices: u32, first: u32) {
    // SAFETY: called for the slot that was replaced.
    let before: Draw = unsafe { original(this, DRAW) };
    // SAFETY: `this` is the context that the method was called on.
    let call = unsafe { context_call(&this) };
    let _lock = call.as_ref().map(|call| {
        submit(call);
        count(&call.sim.counters.draws);
        *lock(&call.device.drawn) = Some(call.sim.now());
        if let Some(endpoint) = target(call.context).and_then(|texture| Endpoint::of(&texture)) {
            endpoint.note_drawing(&call.sim);
        }
        lock(&call.device.lock)
    });
    // SAFETY: the caller's own arguments.
    timed(device_time(call.as_ref()), || unsafe { before(this, vertices, first) });
}

unsafe extern "system" fn end(this: *mut c_void, query: *mut c_void) {
    // SAFETY: called for the slot that was replaced; `this` is the context that the method was called on.
    let (before, call): (End, _) = unsafe { (original(this, END), context_call(&this)) };
    call.as_ref().inspect(|call| submit(call));
    // SAFETY: the caller's own arguments.
    timed(device_time(call.as_ref()), || unsafe { before(this, query) });
}

unsafe extern "system" fn clear_state(this: *mut c_void) {
    // SAFETY: called for the slot that was replaced; `this` is the context that the method was called on.
    let (before, call): (ClearState, _) = unsafe { (original(this, CLEAR_STATE), context_call(&this)) };
    // SAFETY: the caller's own argument.
    timed(device_time(call.as_ref()), || unsafe { before(this) });
}

unsafe extern "system" fn get_data(
    this: *mut c_void,
    query: *mut c_void,
    data: *mut c_void,
    size: u32,
    flags: u32,
) -> HRESULT {
    // SAFETY: called for the slot that was replaced.
    let before: GetData = unsafe { original(this, GET_DATA) };
    // SAFETY: `this` is the context that the method was called on.
    let call = unsafe { context_call(&this) };
    if let Some(ContextCall { sim, device, .. }) = &call {
        if let Some(code) = sim.removal(device, sim.now()) {
            return code;
        }
        if lock(&device.drawn).is_some_and(|begun| sim.is_drawing(begun)) {
            count(&sim.counters.still_drawing);
            return S_FALSE;
        }
    }
    // SAFETY: the caller's own arguments.
    timed(device_time(call.as_ref()), || unsafe { before(this, query, data, size, flags) })
}
