//! A desktop that the lab simulates, and checks that its script is what a capture shows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dda_lab::{window_frame, window_image, Counters, Lab};
use rustcam::capture::{Frame, Request, Session, Target};
use rustcam::clock::performance_time;
use rustcam::error::{Error, Result};
use rustcam::frame::PixelFormat;
use rustcam::geometry::{Rect, Size};
use rustcam::source::{self, Backend, OpenOptions, Source, WindowArea, WindowChoice, WindowTarget};

use crate::test_window::TestWindow;

/// Longer than any step of these tests takes.
pub const LONG: Duration = Duration::from_secs(5);

/// The lab replaces functions of the whole process, so tests that use it run one after the other.
static ONE: Mutex<()> = Mutex::new(());

/// The desktop of a running lab.
pub struct LabDesktop {
    pub lab: Lab,
    _one: MutexGuard<'static, ()>,
}

pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The choice of a window by its handle.
pub fn by_handle(window: &TestWindow) -> WindowChoice {
    WindowChoice::Handle { handle: window.handle(), pid: None }
}

impl LabDesktop {
    pub fn new(script: &str) -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { lab: Lab::install(script).expect("the script is right and Wine has an output"), _one: one }
    }

    /// The options for output `output`, on the clock of the script.
    pub fn options(&self, output: usize, cursor: bool) -> OpenOptions {
        OpenOptions::new(Backend::Wgc).output(output).watch_pointer(cursor).clock(self.lab.clock())
    }

    /// The options for a window.
    pub fn window(&self, choice: WindowChoice, area: WindowArea) -> OpenOptions {
        self.options(0, false).window(WindowTarget { choice, area })
    }

    /// The frame of the script that was presented at `time` on the clock of captures.
    pub fn frame_at(&self, time: Duration) -> u64 {
        let start = performance_time(self.lab.ticks_at(Duration::ZERO));
        // Ticks are 100 ns long.
        self.lab.world().frame_at(time.saturating_sub(start) + Duration::from_micros(1))
    }

    /// Time since the start of the script, of `time` on the clock of captures.
    pub fn script_time(&self, time: Duration) -> Duration {
        time.saturating_sub(performance_time(self.lab.ticks_at(Duration::ZERO)))
    }

    /// The lab's counters; asserts that no rule of Windows.Graphics.Capture was broken.
    pub fn counters(&self) -> Counters {
        let c = self.lab.counters();
        assert_eq!((c.wgc_textures_kept, c.wgc_outside_content, c.wgc_held_at_recreate), (0, 0, 0), "{c:?}");
        assert_eq!(c.maps, c.unmaps, "{c:?}");
        c
    }

    /// Ends the test: asserts that everything was released.
    pub fn finish(self) {
        let c = self.counters();
        assert_eq!((c.wgc_live_sessions, c.wgc_pools, c.wgc_held), (0, 0, 0), "{c:?}");
        assert_eq!((c.live, c.live_devices, c.live_textures), (0, 0, 0), "{c:?}");
    }
}

pub fn open(options: &OpenOptions) -> Box<dyn Source> {
    source::open(options, &mut || Ok(())).expect("it opens")
}

pub fn open_session(options: &OpenOptions) -> Session {
    Session::open(options, &mut || Ok(())).expect("it opens")
}

/// The next frame, BGRA in memory of its own; `None` if there is none within `timeout`.
///
/// # Errors
/// Those of the session.
pub fn grab(session: &mut Session, timeout: Duration) -> Result<Option<Frame>> {
    session.grab(&Request::within(timeout), Target::owned(PixelFormat::Bgra), &mut || Ok(()))
}

/// The next frame.
pub fn frame(session: &mut Session) -> Frame {
    grab(session, LONG).expect("it is there").expect("a frame comes")
}

/// The bytes of a frame.
pub fn bytes(frame: &Frame) -> &[u8] {
    frame.image().expect("memory of its own").bytes()
}

/// The error of a session that must fail.
pub fn failure(session: &mut Session) -> Error {
    for _ in 0..250 {
        if let Err(error) = grab(session, ms(20)) {
            return error;
        }
    }
    panic!("it does not fail");
}

/// Asserts that a frame shows `part` of a window whose image has size `whole`, exactly, and returns its number.
pub fn assert_window(frame: &Frame, whole: Size, part: Rect) -> u32 {
    let image = frame.image().expect("memory of its own");
    assert_eq!(image.size, part.size());
    let width = part.width() as usize;
    let shown = image.bytes();
    // The number is in the first four pixels of a row, counted from the left edge of the window.
    let skip = (4 - part.left as usize % 4) % 4;
    let number = window_frame(&shown[skip * 4..]);
    let expected = window_image(number, whole);
    for y in 0..part.height() as usize {
        let start = ((part.top as usize + y) * whole.width as usize + part.left as usize) * 4;
        let (row, wanted) = (&shown[y * width * 4..][..width * 4], &expected[start..][..width * 4]);
        let wrong = row.chunks_exact(4).zip(wanted.chunks_exact(4)).position(|(a, b)| a != b);
        if let Some(x) = wrong {
            panic!("frame {number}: pixel ({x}, {y}) is {:?}, not {:?}", &row[x * 4..][..4], &wanted[x * 4..][..4]);
        }
    }
    number
}

impl LabDesktop {
    /// The size of the image of `window`, and where its client area is in it.
    pub fn geometry(&self, window: &TestWindow) -> (Size, Rect) {
        let [left, top, right, bottom] = self.lab.window_bounds(window.handle() as isize).expect("a window");
        let client = window.client();
        let whole = Rect::new(left, top, right, bottom);
        (whole.size(), client.translated(-left, -top).intersection(whole.size().rect()).unwrap_or_default())
    }
}
