//! The COM object.

use std::ffi::c_void;
use std::sync::Arc;

use windows::Win32::Foundation::{E_INVALIDARG, RECT};
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows::Win32::Graphics::Dxgi::{
    IDXGIObject_Impl, IDXGIOutput, IDXGIOutputDuplication, IDXGIOutputDuplication_Impl, IDXGIResource,
    DXGI_MAPPED_RECT, DXGI_OUTDUPL_DESC, DXGI_OUTDUPL_FRAME_INFO, DXGI_OUTDUPL_MOVE_RECT,
    DXGI_OUTDUPL_POINTER_SHAPE_INFO,
};
use windows_core::{implement, Interface, OutRef, Result, GUID};

use crate::com::private_data::{private_data, PrivateData};
use crate::duplication::machine::Machine;
use crate::script::call::Call;
use crate::state::describe;
use crate::state::device::Device;
use crate::state::simulation::Simulation;

/// `IDXGIOutputDuplication` of one output.
#[implement(IDXGIOutputDuplication)]
pub(crate) struct Duplication {
    machine: Machine,
    output: IDXGIOutput,
    desc: DXGI_OUTDUPL_DESC,
    data: PrivateData,
}

impl Duplication {
    /// Duplicates output `index`. The caller has added it to the outputs that have a duplication; the end removes it. After
    /// `most` frames it delivers nothing more.
    pub(crate) fn create(
        sim: &Arc<Simulation>,
        index: usize,
        output: IDXGIOutput,
        device: ID3D11Device,
        record: Arc<Device>,
        format: DXGI_FORMAT,
        most: u64,
    ) -> Result<IDXGIOutputDuplication> {
        let born = sim.now();
        let machine = Machine::new(sim, index, device, record, format, (born, most))?;
        let desc = describe::duplication(sim, index, born);
        Ok(Self { machine, output, desc, data: PrivateData::default() }.into())
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
        match self.machine.acquire(timeout) {
            Ok((report, texture)) => {
                // SAFETY: not null, hence the caller's variable.
                unsafe { *info = report };
                resource.write(Some(texture))
            }
            Err(error) => {
                // A program that reads it after a failure shall notice.
                // SAFETY: not null, hence the caller's variable; every byte pattern is a value of it.
                unsafe { info.cast::<u8>().write_bytes(0xCC, size_of::<DXGI_OUTDUPL_FRAME_INFO>()) };
                resource.write(None)?;
                Err(error)
            }
        }
    }

    fn GetFrameDirtyRects(&self, size: u32, rects: *mut RECT, needed: *mut u32) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { self.machine.metadata(Call::GetFrameDirtyRects, size, rects, needed, |update| &update.dirty) }
    }

    fn GetFrameMoveRects(&self, size: u32, rects: *mut DXGI_OUTDUPL_MOVE_RECT, needed: *mut u32) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { self.machine.metadata(Call::GetFrameMoveRects, size, rects, needed, |update| &update.moves) }
    }

    fn GetFramePointerShape(
        &self,
        size: u32,
        data: *mut c_void,
        needed: *mut u32,
        info: *mut DXGI_OUTDUPL_POINTER_SHAPE_INFO,
    ) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { self.machine.pointer_shape(size, data, needed, info) }
    }

    fn MapDesktopSurface(&self) -> Result<DXGI_MAPPED_RECT> {
        self.machine.map()
    }

    fn UnMapDesktopSurface(&self) -> Result<()> {
        self.machine.unmap()
    }

    fn ReleaseFrame(&self) -> Result<()> {
        self.machine.release()
    }
}
