//! Frames: a texture for as long as the program holds it.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use windows::Foundation::{IClosable, IClosable_Impl, TimeSpan};
use windows::Graphics::Capture::{Direct3D11CaptureFrame, GraphicsCaptureDirtyRegionMode};
use windows::Graphics::DirectX::Direct3D11::{Direct3DSurfaceDescription, IDirect3DSurface, IDirect3DSurface_Impl};
use windows::Graphics::{RectInt32, SizeInt32};
use windows::Win32::System::WinRT::Direct3D11::{IDirect3DDxgiInterfaceAccess, IDirect3DDxgiInterfaceAccess_Impl};
use windows_collections::IVectorView;
use windows_core::{implement, Result, GUID};

use crate::capture::abi::{
    IDirect3D11CaptureFrame, IDirect3D11CaptureFrame2, IDirect3D11CaptureFrame2_Impl, IDirect3D11CaptureFrame_Impl,
};
use crate::capture::device::{describe, interface};
use crate::capture::item::size_of;
use crate::capture::pool::Delivery;
use crate::capture::{class_of, closed, dirty};
use crate::counters::{count, discount};
use crate::script::call::Call;
use crate::state::simulation::Simulation;

/// What is behind a frame.
struct Frame {
    sim: Arc<Simulation>,
    delivery: Delivery,
    mode: GraphicsCaptureDirtyRegionMode,
    closed: AtomicBool,
}

/// A frame of builds without dirty regions.
#[implement(IDirect3D11CaptureFrame, IClosable)]
struct OldFrame(Held);

#[implement(IDirect3D11CaptureFrame, IDirect3D11CaptureFrame2, IClosable)]
struct NewFrame(Held);

#[implement(IDirect3DSurface, IDirect3DDxgiInterfaceAccess, IClosable)]
struct FrameSurface(Arc<Frame>);

/// The object for a frame that the program has taken.
pub(super) fn create(
    sim: &Arc<Simulation>,
    delivery: Delivery,
    mode: GraphicsCaptureDirtyRegionMode,
) -> Direct3D11CaptureFrame {
    let frame = Arc::new(Frame { sim: Arc::clone(sim), delivery, mode, closed: AtomicBool::new(false) });
    let object: IDirect3D11CaptureFrame =
        if sim.settings.wgc.build < 26100 { OldFrame(Held(frame)).into() } else { NewFrame(Held(frame)).into() };
    // SAFETY: the default interface of the class.
    unsafe { class_of(object) }
}

impl Frame {
    /// Fails if the frame was closed, or if a failure of the call was injected.
    fn check(&self, call: Call) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return closed(&self.sim);
        }
        self.sim.fail(call)
    }

    fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            discount(&self.sim.counters.wgc_held);
            self.delivery.buffer.end_frame();
        }
    }

    fn surface(self: &Arc<Self>) -> Result<IDirect3DSurface> {
        self.check(Call::FrameSurface)?;
        Ok(FrameSurface(Arc::clone(self)).into())
    }

    /// The performance counter at the update, in units of 100 ns, whatever its frequency is.
    fn time(&self) -> Result<TimeSpan> {
        self.check(Call::SystemRelativeTime)?;
        Ok(TimeSpan { Duration: self.sim.clock.hundreds_of_ns_at(self.delivery.update.at) })
    }

    fn content_size(&self) -> Result<SizeInt32> {
        self.check(Call::ContentSize)?;
        Ok(size_of(self.delivery.update.content))
    }
}

/// A frame that ends with the last reference to its own object. Its surface may live longer, without the texture.
struct Held(Arc<Frame>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Methods of both kinds of frames.
macro_rules! frame {
    ($object:ident) => {
        impl IDirect3D11CaptureFrame_Impl for $object {
            fn Surface(&self) -> Result<IDirect3DSurface> {
                self.0 .0.surface()
            }

            fn SystemRelativeTime(&self) -> Result<TimeSpan> {
                self.0 .0.time()
            }

            fn ContentSize(&self) -> Result<SizeInt32> {
                self.0 .0.content_size()
            }
        }

        impl IClosable_Impl for $object {
            fn Close(&self) -> Result<()> {
                count(&self.0 .0.sim.counters.wgc_closes);
                self.0 .0.sim.fail(Call::FrameClose)?;
                self.0 .0.close();
                Ok(())
            }
        }
    };
}
frame!(OldFrame_Impl);
frame!(NewFrame_Impl);

impl IDirect3D11CaptureFrame2_Impl for NewFrame_Impl {
    fn DirtyRegions(&self) -> Result<IVectorView<RectInt32>> {
        self.0 .0.check(Call::DirtyRegions)?;
        let Delivery { update, dirty, .. } = &self.0 .0.delivery;
        let parts = dirty::reported(&self.0 .0.sim, dirty, update.content.rect());
        let rect = |part: rustcam::geometry::Rect| RectInt32 {
            X: part.left,
            Y: part.top,
            Width: part.width() as i32,
            Height: part.height() as i32,
        };
        Ok(parts.into_iter().map(rect).collect::<Vec<_>>().into())
    }

    fn DirtyRegionMode(&self) -> Result<GraphicsCaptureDirtyRegionMode> {
        self.0 .0.check(Call::DirtyRegions)?;
        Ok(self.0 .0.mode)
    }
}

impl IDirect3DSurface_Impl for FrameSurface_Impl {
    fn Description(&self) -> Result<Direct3DSurfaceDescription> {
        self.0.check(Call::SurfaceInterface)?;
        Ok(describe(&self.0.delivery.buffer.texture))
    }
}

impl IDirect3DDxgiInterfaceAccess_Impl for FrameSurface_Impl {
    fn GetInterface(&self, iid: *const GUID, out: *mut *mut c_void) -> Result<()> {
        self.0.check(Call::SurfaceInterface)?;
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { interface(&self.0.delivery.buffer.texture, iid, out) }
    }
}

impl IClosable_Impl for FrameSurface_Impl {
    fn Close(&self) -> Result<()> {
        Ok(())
    }
}
