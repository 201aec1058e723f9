//! The duplication object: its states, and the COM interface in front of them.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustcam::source::sim::{Canvas, Why};
use windows::Win32::Foundation::{E_INVALIDARG, RECT};
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows::Win32::Graphics::Dxgi::{
    IDXGIObject_Impl, IDXGIOutput, IDXGIOutputDuplication, IDXGIOutputDuplication_Impl, IDXGIResource,
    DXGI_ERROR_ACCESS_LOST, DXGI_MAPPED_RECT, DXGI_OUTDUPL_DESC, DXGI_OUTDUPL_FRAME_INFO, DXGI_OUTDUPL_MOVE_RECT,
    DXGI_OUTDUPL_POINTER_SHAPE_INFO,
};
use windows_core::{implement, Interface, OutRef, Result, GUID, HRESULT};

use crate::counters::{add, count};
use crate::device::Device;
use crate::faults::Call;
use crate::fold::{Fold, Update};
use crate::pixels::Converter;
use crate::pool::{Pool, Slot};
use crate::private::{private_data, PrivateData};
use crate::stage::Stage;
use crate::{describe, lock};

/// A frame that the guest owns.
pub(crate) struct Owned {
    pub(crate) update: Update,
    pub(crate) slot: Option<Arc<Slot>>,
}

/// What a duplication is doing.
pub(crate) struct State {
    pub(crate) fold: Fold,
    pub(crate) canvas: Canvas,
    pub(crate) pool: Pool,
    pub(crate) owned: Option<Owned>,
    /// The image as mapped memory.
    pub(crate) mapped: Option<Vec<u8>>,
    /// Sticky.
    pub(crate) lost: bool,
    /// Whether the frame of the last acquire was released.
    pub(crate) released: bool,
    /// An acquire was said to come too early, so that a release without a frame is what to do.
    pub(crate) excused: bool,
}

/// A duplication of one output.
#[implement(IDXGIOutputDuplication)]
pub(crate) struct Duplication {
    pub(crate) stage: Arc<Stage>,
    pub(crate) index: usize,
    pub(crate) device: Arc<Device>,
    born: Duration,
    output: IDXGIOutput,
    desc: DXGI_OUTDUPL_DESC,
    state: Mutex<State>,
    data: PrivateData,
}

impl Duplication {
    pub(crate) fn begin(
        stage: &Arc<Stage>,
        index: usize,
        output: IDXGIOutput,
        device: ID3D11Device,
        known: Arc<Device>,
        format: DXGI_FORMAT,
    ) -> Result<IDXGIOutputDuplication> {
        let born = stage.now();
        let world = &stage.worlds[index];
        let frame = world.frame_at(born);
        let size = world.rotation(frame).apply(world.size(frame));
        let converter = Converter::new(stage.settings.format_at(born), format, stage.settings.white);
        let mut pool = Pool::new(device, index, size, format, converter)?;
        if stage.settings.paint_ahead && stage.script.is_full() {
            pool.paint_ahead(stage, frame)?;
        }
        count(&stage.counting.duplications);
        let state = State {
            fold: Fold::new(index),
            canvas: Canvas::new(world, frame, 0),
            pool,
            owned: None,
            mapped: None,
            lost: false,
            released: false,
            excused: false,
        };
        Ok(Self {
            stage: Arc::clone(stage),
            index,
            device: known,
            born,
            output,
            desc: describe::duplication(stage, index, born),
            state: Mutex::new(state),
            data: PrivateData::default(),
        }
        .into())
    }

    /// The code with which a call fails because somebody wants it to. A loss stays, wherever it came from.
    pub(crate) fn injected(&self, state: &mut State, call: Call) -> Result<()> {
        let Some(code) = self.stage.inject(call) else { return Ok(()) };
        state.lost |= code == DXGI_ERROR_ACCESS_LOST;
        self.device.note(code);
        Err(windows_core::Error::from_hresult(code))
    }

    /// The code with which every call fails once the desktop or the device is lost.
    pub(crate) fn check(&self, state: &mut State, now: Duration) -> Result<()> {
        if let Some(code) = self.device.removed(&self.stage, now) {
            return Err(code.into());
        }
        let stage = &self.stage;
        let gone = |why| why != Why::Device;
        state.lost |= stage.over() || stage.lost_since(self.born, now, gone) || stage.format_changed(self.born, now);
        if state.lost {
            return Err(DXGI_ERROR_ACCESS_LOST.into());
        }
        Ok(())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// State, injection and loss, in the order that every call but acquire checks them.
    pub(crate) fn enter(&self, call: Call) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        self.injected(&mut state, call)?;
        self.check(&mut state, self.stage.now())?;
        Ok(state)
    }
}

impl Drop for Duplication {
    fn drop(&mut self) {
        lock(&self.stage.live).remove(&self.index);
        let state = self.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        add(&self.stage.counting.leaked_refs, state.pool.foreign_refs());
        state.pool.forget(&self.stage);
    }
}

impl IDXGIObject_Impl for Duplication_Impl {
    private_data!();

    fn GetParent(&self, iid: *const GUID, parent: *mut *mut c_void) -> Result<()> {
        if iid.is_null() || parent.is_null() {
            return Err(E_INVALIDARG.into());
        }
        // SAFETY: both are valid, as COM demands of those that are not null.
        unsafe { self.output.query(iid, parent) }.ok()
    }
}

impl IDXGIOutputDuplication_Impl for Duplication_Impl {
    fn GetDesc(&self, desc: *mut DXGI_OUTDUPL_DESC) {
        // SAFETY: null or valid.
        if let Some(desc) = unsafe { desc.as_mut() } {
            *desc = self.desc;
        }
    }

    fn AcquireNextFrame(
        &self,
        timeout: u32,
        info: *mut DXGI_OUTDUPL_FRAME_INFO,
        resource: OutRef<'_, IDXGIResource>,
    ) -> Result<()> {
        if info.is_null() || resource.is_null() {
            return Err(E_INVALIDARG.into());
        }
        match self.acquire(timeout) {
            Ok((news, texture)) => {
                // SAFETY: not null, hence the caller's variable.
                unsafe { *info = news };
                resource.write(Some(texture))
            }
            Err(error) => {
                // Whoever reads it anyway shall notice.
                // SAFETY: not null, hence the caller's variable; every byte pattern is a value of it.
                unsafe { info.cast::<u8>().write_bytes(0xCC, size_of::<DXGI_OUTDUPL_FRAME_INFO>()) };
                resource.write(None)?;
                Err(error)
            }
        }
    }

    fn GetFrameDirtyRects(&self, size: u32, rects: *mut RECT, needed: *mut u32) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { self.metadata(Call::GetFrameDirtyRects, size, rects, needed, |update| &update.dirty) }
    }

    fn GetFrameMoveRects(&self, size: u32, rects: *mut DXGI_OUTDUPL_MOVE_RECT, needed: *mut u32) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { self.metadata(Call::GetFrameMoveRects, size, rects, needed, |update| &update.moves) }
    }

    fn GetFramePointerShape(
        &self,
        size: u32,
        data: *mut c_void,
        needed: *mut u32,
        info: *mut DXGI_OUTDUPL_POINTER_SHAPE_INFO,
    ) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { self.pointer_shape(size, data, needed, info) }
    }

    fn MapDesktopSurface(&self) -> Result<DXGI_MAPPED_RECT> {
        self.map()
    }

    fn UnMapDesktopSurface(&self) -> Result<()> {
        self.unmap()
    }

    fn ReleaseFrame(&self) -> Result<()> {
        self.release()
    }
}

/// A code as an error, positive ones included.
pub(crate) fn failure<T>(code: HRESULT) -> Result<T> {
    Err(windows_core::Error::from_hresult(code))
}
