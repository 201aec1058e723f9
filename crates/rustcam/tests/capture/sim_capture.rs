//! A capture of a scripted desktop in virtual time, and the oracle of that desktop.

use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Frame, Handle, Request, SessionStats, Stats, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::Result;
use rustcam::frame::{FrameInfo, PixelFormat};
use rustcam::geometry::Rect;
use rustcam::source::sim::{Script, SimSource, World};
use rustcam::source::{Backend, OpenOptions, WindowArea, WindowChoice, WindowTarget};

pub const SMALL: &str = "size 96x64; refresh 100; pointer still; ";

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A capture of a scripted desktop in virtual time, and the oracle of that desktop.
pub struct SimCapture {
    pub handle: Handle,
    pub clock: Arc<VirtualClock>,
    pub world: World,
}

impl SimCapture {
    pub fn new(script: &str, cursor: bool) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let options = options(script, cursor, Arc::clone(&clock) as Arc<dyn Clock>);
        let world = World::new(&parsed(script), 0);
        let handle = Handle::open(&options, &mut || Ok(())).expect("the desktop opens");
        Self { handle, clock, world }
    }

    /// A capture of the client area of a window.
    pub fn window(script: &str, choice: WindowChoice) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let target = WindowTarget { choice, area: WindowArea::Client };
        let options = options(script, false, Arc::clone(&clock) as Arc<dyn Clock>).window(target);
        let handle = Handle::open(&options, &mut || Ok(())).expect("the window opens");
        let world = World::window(&parsed(script), &handle.snapshot().output.name).expect("a window of the script");
        Self { handle, clock, world }
    }

    pub fn grab(&self, timeout_ms: u64, target: Target<'_>) -> Result<Option<Frame>> {
        self.request(&waiting(timeout_ms), target)
    }

    pub fn request(&self, request: &Request, target: Target<'_>) -> Result<Option<Frame>> {
        self.handle.grab(request, target, &mut || Ok(()))
    }

    pub fn owned(&self, timeout_ms: u64) -> Option<Frame> {
        self.grab(timeout_ms, Target::owned(PixelFormat::Bgra)).expect("no error")
    }

    pub fn retained(&self, timeout_ms: u64) -> Option<Frame> {
        self.grab(timeout_ms, Target::retained(PixelFormat::Bgra)).expect("no error")
    }

    pub fn info(&self) -> FrameInfo {
        self.handle.info().expect("a frame was returned")
    }

    pub fn stats(&self) -> Stats {
        self.handle.stats()
    }

    pub fn session(&self) -> SessionStats {
        self.stats().session
    }

    pub fn region(&self) -> Rect {
        self.handle.snapshot().region
    }

    /// The frame that the last returned image shows, by its present time.
    pub fn shown(&self) -> u64 {
        self.world.frame_at(self.info().present_time)
    }

    /// The exact picture of `region` in `frame`, without the pointer.
    pub fn expected(&self, frame: u64, region: Rect) -> Vec<u8> {
        let mut bytes = Vec::new();
        for y in region.top..region.bottom {
            for x in region.left..region.right {
                bytes.extend(self.world.pixel(frame, x, y));
            }
        }
        bytes
    }

    pub fn assert_exact(&self, frame: &Frame) {
        let image = frame.image().expect("memory of its own");
        assert_eq!(image.size, self.region().size());
        assert!(image.bytes() == self.expected(self.shown(), self.region()), "frame {} is not exact", self.shown());
    }
}

pub fn options(script: &str, cursor: bool, clock: Arc<dyn Clock>) -> OpenOptions {
    OpenOptions::new(Backend::Sim(parsed(script))).watch_pointer(cursor).clock(clock)
}

pub fn parsed(script: &str) -> Script {
    Script::parse(script).expect("the script is valid")
}

/// The simulated desktop itself.
pub fn desktop(script: &str, cursor: bool, clock: Arc<dyn Clock>) -> SimSource {
    SimSource::open(&parsed(script), &options(script, cursor, clock)).expect("the desktop opens")
}

pub fn waiting(timeout_ms: u64) -> Request {
    Request::within(ms(timeout_ms))
}
