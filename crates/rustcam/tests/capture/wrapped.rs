//! The simulated desktop, with calls that a test replaces or observes.

use std::time::Duration;

use rustcam::color::Color;
use rustcam::error::Result;
use rustcam::frame::{Damage, Pointer};
use rustcam::geometry::{Point, Rect, Size};
use rustcam::memory::Memory;
use rustcam::source::sim::SimSource;
use rustcam::source::texture::{SharedTexture, TextureRequest};
use rustcam::source::{Change, Outcome, Output, Sink, Source, Waker};

type Device = dyn FnMut(&TextureRequest, Duration) -> Result<Outcome<SharedTexture>> + Send;
type Wait = dyn FnMut(&mut SimSource, Duration) -> Result<Change> + Send;

/// A simulated desktop whose calls a test replaces or observes.
pub struct Wrapped {
    desktop: SimSource,
    wait: Box<Wait>,
    waker: Option<Waker>,
    before_allocation: Box<dyn FnMut() + Send>,
    before_rebuild: Box<dyn FnMut() + Send>,
    device: Option<Box<Device>>,
    draws_pointer: bool,
}

impl Wrapped {
    pub fn new(desktop: SimSource) -> Self {
        Self {
            desktop,
            wait: Box::new(SimSource::wait),
            waker: None,
            before_allocation: Box::new(|| ()),
            before_rebuild: Box::new(|| ()),
            device: None,
            draws_pointer: false,
        }
    }

    /// Waits with `wait`, which gets the desktop.
    pub fn waiting(mut self, wait: impl FnMut(&mut SimSource, Duration) -> Result<Change> + Send + 'static) -> Self {
        self.wait = Box::new(wait);
        self
    }

    /// Sets the waker.
    pub fn with_waker(mut self, waker: Option<Waker>) -> Self {
        self.waker = waker;
        self
    }

    /// Calls `notice` before every allocation.
    pub fn before_allocation(mut self, notice: impl FnMut() + Send + 'static) -> Self {
        self.before_allocation = Box::new(notice);
        self
    }

    /// Calls `notice` before every attempt to get the desktop back.
    pub fn before_rebuild(mut self, notice: impl FnMut() + Send + 'static) -> Self {
        self.before_rebuild = Box::new(notice);
        self
    }

    /// Says that the system draws the pointer into the images.
    pub fn drawing_pointer(mut self) -> Self {
        self.draws_pointer = true;
        self
    }

    /// Shares textures through `device`, like a desktop on a graphics device.
    pub fn with_device(
        mut self,
        device: impl FnMut(&TextureRequest, Duration) -> Result<Outcome<SharedTexture>> + Send + 'static,
    ) -> Self {
        self.device = Some(Box::new(device));
        self
    }
}

impl Source for Wrapped {
    fn output(&self) -> &Output {
        self.desktop.output()
    }

    fn color(&self) -> Color {
        self.desktop.color()
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        (self.wait)(&mut self.desktop, timeout)
    }

    fn waker(&self) -> Option<Waker> {
        self.waker.clone()
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        self.desktop.damage(timeout)
    }

    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
        self.desktop.read(parts, timeout, sink)
    }

    fn allocate(&mut self, size: Size) -> Option<Memory> {
        (self.before_allocation)();
        self.desktop.allocate(size)
    }

    fn read_into(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        parts: &[Rect],
        timeout: Duration,
    ) -> Result<Outcome> {
        self.desktop.read_into(memory, size, origin, parts, timeout)
    }

    fn can_share(&self) -> Result<()> {
        if self.device.is_some() {
            Ok(())
        } else {
            self.desktop.can_share()
        }
    }

    fn share(&mut self, request: &TextureRequest, timeout: Duration) -> Result<Outcome<SharedTexture>> {
        match &mut self.device {
            Some(device) => device(request, timeout),
            None => self.desktop.share(request, timeout),
        }
    }

    fn pointer(&self) -> &Pointer {
        self.desktop.pointer()
    }

    fn pointer_in_image(&self) -> bool {
        self.draws_pointer
    }

    fn rebuild(&mut self, timeout: Duration) -> Result<()> {
        (self.before_rebuild)();
        self.desktop.rebuild(timeout)
    }
}
