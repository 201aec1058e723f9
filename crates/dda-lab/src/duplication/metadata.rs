//! The metadata of a frame: lists of rectangles, and the pointer's shape.

use std::ffi::c_void;

use rustcam::frame::ShapeKind;
use windows::Win32::Foundation::E_INVALIDARG;
use windows::Win32::Graphics::Dxgi::{
    DXGI_ERROR_INVALID_CALL, DXGI_ERROR_MORE_DATA, DXGI_OUTDUPL_POINTER_SHAPE_INFO,
    DXGI_OUTDUPL_POINTER_SHAPE_TYPE_COLOR, DXGI_OUTDUPL_POINTER_SHAPE_TYPE_MASKED_COLOR,
    DXGI_OUTDUPL_POINTER_SHAPE_TYPE_MONOCHROME,
};
use windows_core::{Result, HRESULT};

use crate::com::failure;
use crate::counters::count;
use crate::duplication::accumulator::Update;
use crate::duplication::machine::Machine;
use crate::script::call::Call;
use crate::state::describe::point;

impl Machine {
    /// Writes one of the lists of rectangles.
    ///
    /// # Safety
    /// `rects` is null or valid for `size` bytes, `needed` null or valid.
    pub(crate) unsafe fn metadata<T: Copy>(
        &self,
        call: Call,
        size: u32,
        rects: *mut T,
        needed: *mut u32,
        list: impl Fn(&Update) -> &Vec<T>,
    ) -> Result<()> {
        // SAFETY: as the caller promises.
        let needed = unsafe { needed.as_mut() }.ok_or(E_INVALIDARG)?;
        let mut state = self.state();
        let injected = self.check_injection(&mut state, call).err().map(|error| error.code());
        if let Some(code) = injected.filter(|code| code.is_err() && *code != DXGI_ERROR_MORE_DATA) {
            return failure(code);
        }
        self.check(&mut state, self.sim.now())?;
        let Some(owned) = &state.owned else { return failure(DXGI_ERROR_INVALID_CALL) };
        let list = list(&owned.update);
        *needed = size_of_val(list.as_slice()) as u32;
        if injected == Some(DXGI_ERROR_MORE_DATA) {
            // As if the list had grown since the frame reported its size.
            *needed = (*needed).max(size) + size_of::<T>() as u32;
        }
        if *needed > size {
            return failure(DXGI_ERROR_MORE_DATA);
        }
        if list.is_empty() {
            return Ok(());
        }
        if rects.is_null() {
            return Err(E_INVALIDARG.into());
        }
        // SAFETY: valid for `size` bytes, and the list has no more.
        unsafe { rects.copy_from_nonoverlapping(list.as_ptr(), list.len()) };
        if injected == Some(HRESULT(0)) {
            // A size that is not a whole number of rectangles.
            *needed -= 3;
        }
        Ok(())
    }

    /// Writes the pointer's shape, if this frame reports it.
    ///
    /// # Safety
    /// `data` is null or valid for `size` bytes, `needed` and `info` are null or valid.
    pub(crate) unsafe fn pointer_shape(
        &self,
        size: u32,
        data: *mut c_void,
        needed: *mut u32,
        info: *mut DXGI_OUTDUPL_POINTER_SHAPE_INFO,
    ) -> Result<()> {
        // SAFETY: as the caller promises.
        let (needed, info) = unsafe { (needed.as_mut().ok_or(E_INVALIDARG)?, info.as_mut().ok_or(E_INVALIDARG)?) };
        let mut state = self.state();
        let injected = self.check_injection(&mut state, Call::GetFramePointerShape).err().map(|error| error.code());
        if let Some(code) = injected.filter(|code| *code != DXGI_ERROR_MORE_DATA) {
            return failure(code);
        }
        self.check(&mut state, self.sim.now())?;
        let Some(owned) = &state.owned else { return failure(DXGI_ERROR_INVALID_CALL) };
        let Some(shape) = &owned.update.shape else {
            *needed = 0;
            return Ok(());
        };
        *needed = shape.data.len() as u32;
        if injected.is_some() {
            *needed = (*needed).max(size) + 64;
        }
        if *needed > size {
            return failure(DXGI_ERROR_MORE_DATA);
        }
        if data.is_null() {
            return Err(E_INVALIDARG.into());
        }
        // SAFETY: valid for `size` bytes, and the shape has no more.
        unsafe { data.cast::<u8>().copy_from_nonoverlapping(shape.data.as_ptr(), shape.data.len()) };
        let (kind, masks) = match shape.kind {
            ShapeKind::Monochrome => (DXGI_OUTDUPL_POINTER_SHAPE_TYPE_MONOCHROME, 2),
            ShapeKind::MaskedColor => (DXGI_OUTDUPL_POINTER_SHAPE_TYPE_MASKED_COLOR, 1),
            // The interface cannot tell premultiplied alpha from straight alpha.
            ShapeKind::Color | ShapeKind::Premultiplied => (DXGI_OUTDUPL_POINTER_SHAPE_TYPE_COLOR, 1),
        };
        let odd = |call, value| self.sim.injected(call).map_or(value, |code| code.0 as u32);
        *info = DXGI_OUTDUPL_POINTER_SHAPE_INFO {
            Type: odd(Call::ShapeType, kind.0 as u32),
            Width: odd(Call::ShapeWidth, shape.size.width),
            Height: odd(Call::ShapeHeight, shape.size.height * masks),
            Pitch: odd(Call::ShapePitch, shape.pitch as u32),
            HotSpot: point(shape.hot_spot),
        };
        count(&self.sim.counters.shapes);
        Ok(())
    }
}
