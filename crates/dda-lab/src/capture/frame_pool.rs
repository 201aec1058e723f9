//! The object of a pool of frames.

use std::sync::Arc;

use rustcam::geometry::Size;
use windows::Foundation::{IClosable, IClosable_Impl};
use windows::Graphics::Capture::{
    Direct3D11CaptureFrame, Direct3D11CaptureFramePool, GraphicsCaptureDirtyRegionMode, GraphicsCaptureItem,
    GraphicsCaptureSession,
};
use windows::Graphics::DirectX::Direct3D11::IDirect3DDevice;
use windows::Graphics::DirectX::DirectXPixelFormat;
use windows::Graphics::SizeInt32;
use windows::System::DispatcherQueue;
use windows::Win32::Foundation::E_NOTIMPL;
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows_core::{implement, Error, Interface, Ref, Result};

use crate::capture::abi::{IDirect3D11CaptureFramePool, IDirect3D11CaptureFramePool_Impl};
use crate::capture::device::unwrap_device;
use crate::capture::item::Item;
use crate::capture::pool::{Arrived, Pool, Shape};
use crate::capture::queue::ThreadQueue;
use crate::capture::session::Session;
use crate::capture::{class_of, frame, session_object};
use crate::clock::POLL;
use crate::counters::count;
use crate::script::call::Call;
use crate::state::simulation::Simulation;

/// A pool that is closed with its last reference.
#[implement(IDirect3D11CaptureFramePool, IClosable)]
struct PoolObject(Arc<Pool>);

impl Drop for PoolObject {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A new pool. Its events are raised on the thread of `queue`, or on a thread of its own.
pub(super) fn create(
    sim: &Arc<Simulation>,
    shape: Shape,
    queue: Option<Arc<ThreadQueue>>,
) -> Result<Direct3D11CaptureFramePool> {
    let pool = Pool::create(sim, shape, queue)?;
    let object: IDirect3D11CaptureFramePool = PoolObject(Arc::clone(&pool)).into();
    // SAFETY: the default interface of the class.
    let object: Direct3D11CaptureFramePool = unsafe { class_of(object) };
    let _ = pool.object.set(object.downgrade()?);
    Ok(object)
}

/// What a program asks for.
pub(super) fn shape(
    sim: &Simulation,
    device: &Ref<'_, IDirect3DDevice>,
    format: DirectXPixelFormat,
    count: i32,
    size: SizeInt32,
) -> Result<Shape> {
    let device = unwrap_device(device.ok()?)?;
    let side = |side: i32| u32::try_from(side).unwrap_or(0);
    Ok(Shape {
        record: sim.device(&device),
        device,
        // The numbers are the same.
        format: DXGI_FORMAT(format.0),
        count,
        size: Size::new(side(size.Width), side(size.Height)),
    })
}

impl IDirect3D11CaptureFramePool_Impl for PoolObject_Impl {
    fn Recreate(
        &self,
        device: Ref<'_, IDirect3DDevice>,
        format: DirectXPixelFormat,
        count: i32,
        size: &SizeInt32,
    ) -> Result<()> {
        self.0.check()?;
        self.0.recreate(shape(&self.0.sim, &device, format, count, *size)?)
    }

    fn TryGetNextFrame(&self) -> Result<Direct3D11CaptureFrame> {
        let sim = &self.0.sim;
        if let Some(delivery) = self.0.next_frame()? {
            let mode = self.0.dirty_mode().unwrap_or(GraphicsCaptureDirtyRegionMode::ReportOnly);
            return Ok(frame::create(sim, delivery, mode));
        }
        sim.let_poll_take_time(POLL);
        // Success, with the null that the caller of this method has written.
        Err(Error::empty())
    }

    fn FrameArrived(&self, handler: Ref<'_, Arrived>) -> Result<i64> {
        self.0.check()?;
        self.0.sim.fail(Call::AddFrameArrived)?;
        Ok(self.0.arrived.add(handler.ok()?.clone()))
    }

    fn RemoveFrameArrived(&self, token: i64) -> Result<()> {
        self.0.arrived.remove(token);
        Ok(())
    }

    fn CreateCaptureSession(&self, item: Ref<'_, GraphicsCaptureItem>) -> Result<GraphicsCaptureSession> {
        self.0.check()?;
        let sim = &self.0.sim;
        sim.fail(Call::CreateCaptureSession)?;
        let session = Session::new(Item::of(item.ok()?)?, Arc::clone(&self.0));
        Ok(session_object::create(Arc::new(session), sim.settings.wgc.build))
    }

    fn DispatcherQueue(&self) -> Result<DispatcherQueue> {
        Err(E_NOTIMPL.into())
    }
}

impl IClosable_Impl for PoolObject_Impl {
    fn Close(&self) -> Result<()> {
        let sim = &self.0.sim;
        count(&sim.counters.wgc_closes);
        sim.fail(Call::PoolClose)?;
        self.0.close();
        Ok(())
    }
}
