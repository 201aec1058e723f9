//! The simulated desktop with something of the test's own in its calls.

use std::time::Duration;

use rustcam::error::Result;
use rustcam::frame::{Damage, ImageRef, Pointer};
use rustcam::geometry::Rect;
use rustcam::source::sim::SimSource;
use rustcam::source::texture::{Picture, SharedTexture};
use rustcam::source::{Change, Output, Read, Source};

type Device = dyn FnMut(&Picture, Duration) -> Result<Option<SharedTexture>> + Send;

/// A simulated desktop, wrapped.
pub struct Wrapped {
    desktop: SimSource,
    before_rebuild: Box<dyn FnMut() + Send>,
    device: Option<Box<Device>>,
}

impl Wrapped {
    pub fn new(desktop: SimSource) -> Self {
        Self { desktop, before_rebuild: Box::new(|| ()), device: None }
    }

    /// Calls `notice` before every attempt to get the desktop back.
    pub fn before_rebuild(mut self, notice: impl FnMut() + Send + 'static) -> Self {
        self.before_rebuild = Box::new(notice);
        self
    }

    /// Shares textures with `device`, as a desktop with a graphics device does.
    pub fn with_device(
        mut self,
        device: impl FnMut(&Picture, Duration) -> Result<Option<SharedTexture>> + Send + 'static,
    ) -> Self {
        self.device = Some(Box::new(device));
        self
    }
}

impl Source for Wrapped {
    fn output(&self) -> &Output {
        self.desktop.output()
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        self.desktop.wait(timeout)
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        self.desktop.damage(timeout)
    }

    fn read(
        &mut self,
        parts: &[Rect],
        timeout: Duration,
        sink: &mut dyn FnMut(Rect, ImageRef<'_>, &Pointer),
    ) -> Result<Read> {
        self.desktop.read(parts, timeout, sink)
    }

    fn can_share(&self) -> Result<()> {
        if self.device.is_some() {
            Ok(())
        } else {
            self.desktop.can_share()
        }
    }

    fn share(&mut self, picture: &Picture, timeout: Duration) -> Result<Option<SharedTexture>> {
        match &mut self.device {
            Some(device) => device(picture, timeout),
            None => self.desktop.share(picture, timeout),
        }
    }

    fn pointer(&self) -> &Pointer {
        self.desktop.pointer()
    }

    fn rebuild(&mut self, timeout: Duration) -> Result<()> {
        (self.before_rebuild)();
        self.desktop.rebuild(timeout)
    }
}
