//! The objects of sessions: builds differ in the interfaces that they have.

use std::sync::Arc;

use windows::Foundation::{IClosable, IClosable_Impl, TimeSpan};
use windows::Graphics::Capture::{GraphicsCaptureDirtyRegionMode, GraphicsCaptureSession};
use windows_core::{implement, Result};

use crate::capture::abi::{
    IGraphicsCaptureSession, IGraphicsCaptureSession2, IGraphicsCaptureSession2_Impl, IGraphicsCaptureSession3,
    IGraphicsCaptureSession3_Impl, IGraphicsCaptureSession4, IGraphicsCaptureSession4_Impl, IGraphicsCaptureSession5,
    IGraphicsCaptureSession5_Impl, IGraphicsCaptureSession6, IGraphicsCaptureSession6_Impl,
    IGraphicsCaptureSession_Impl,
};
use crate::capture::class_of;
use crate::capture::session::Session;
use crate::counters::count;
use crate::script::call::Call;

/// A session that ends with its last reference.
struct Ending(Arc<Session>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.close();
    }
}

#[implement(IGraphicsCaptureSession, IClosable)]
struct First(Ending);

/// With the pointer: from build 19041 on.
#[implement(IGraphicsCaptureSession, IGraphicsCaptureSession2, IClosable)]
struct WithCursor(Ending);

/// With the border: from build 20348 on.
#[implement(IGraphicsCaptureSession, IGraphicsCaptureSession2, IGraphicsCaptureSession3, IClosable)]
struct WithBorder(Ending);

/// With everything: from build 26100 on.
#[implement(
    IGraphicsCaptureSession,
    IGraphicsCaptureSession2,
    IGraphicsCaptureSession3,
    IGraphicsCaptureSession4,
    IGraphicsCaptureSession5,
    IGraphicsCaptureSession6,
    IClosable
)]
struct Whole(Ending);

/// The object of a session, with the interfaces of `build`.
pub(super) fn create(session: Arc<Session>, build: u32) -> GraphicsCaptureSession {
    let ending = Ending(session);
    let object: IGraphicsCaptureSession = match build {
        ..19041 => First(ending).into(),
        19041..20348 => WithCursor(ending).into(),
        20348..26100 => WithBorder(ending).into(),
        _ => Whole(ending).into(),
    };
    // SAFETY: the default interface of the class.
    unsafe { class_of(object) }
}

macro_rules! session {
    ($object:ident) => {
        impl IGraphicsCaptureSession_Impl for $object {
            fn StartCapture(&self) -> Result<()> {
                self.0 .0.start()
            }
        }

        impl IClosable_Impl for $object {
            fn Close(&self) -> Result<()> {
                let sim = &self.0 .0.item.sim;
                count(&sim.counters.wgc_closes);
                sim.fail(Call::SessionClose)?;
                self.0 .0.close();
                Ok(())
            }
        }
    };
}

macro_rules! cursor {
    ($object:ident) => {
        impl IGraphicsCaptureSession2_Impl for $object {
            fn IsCursorCaptureEnabled(&self) -> Result<bool> {
                self.0 .0.get(|properties| properties.cursor)
            }

            fn SetIsCursorCaptureEnabled(&self, value: bool) -> Result<()> {
                self.0 .0.set(Call::SetIsCursorCaptureEnabled, |properties| properties.cursor = value)
            }
        }
    };
}

macro_rules! border {
    ($object:ident) => {
        impl IGraphicsCaptureSession3_Impl for $object {
            fn IsBorderRequired(&self) -> Result<bool> {
                self.0 .0.get(|properties| properties.border)
            }

            fn SetIsBorderRequired(&self, value: bool) -> Result<()> {
                self.0 .0.set_border(value)
            }
        }
    };
}

session!(First_Impl);
session!(WithCursor_Impl);
session!(WithBorder_Impl);
session!(Whole_Impl);
cursor!(WithCursor_Impl);
cursor!(WithBorder_Impl);
cursor!(Whole_Impl);
border!(WithBorder_Impl);
border!(Whole_Impl);

impl IGraphicsCaptureSession4_Impl for Whole_Impl {
    fn DirtyRegionMode(&self) -> Result<GraphicsCaptureDirtyRegionMode> {
        self.0 .0.get(|properties| properties.dirty_mode)
    }

    fn SetDirtyRegionMode(&self, value: GraphicsCaptureDirtyRegionMode) -> Result<()> {
        self.0 .0.set(Call::SetDirtyRegionMode, |properties| properties.dirty_mode = value)
    }
}

impl IGraphicsCaptureSession5_Impl for Whole_Impl {
    fn MinUpdateInterval(&self) -> Result<TimeSpan> {
        self.0 .0.get(|properties| properties.min_interval)
    }

    fn SetMinUpdateInterval(&self, value: &TimeSpan) -> Result<()> {
        self.0 .0.set(Call::SetMinUpdateInterval, |properties| properties.min_interval = *value)
    }
}

impl IGraphicsCaptureSession6_Impl for Whole_Impl {
    fn IncludeSecondaryWindows(&self) -> Result<bool> {
        self.0 .0.get(|properties| properties.secondary)
    }

    fn SetIncludeSecondaryWindows(&self, value: bool) -> Result<()> {
        self.0 .0.set(Call::SetIncludeSecondaryWindows, |properties| properties.secondary = value)
    }
}
