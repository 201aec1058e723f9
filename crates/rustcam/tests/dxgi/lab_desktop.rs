//! A desktop that the lab simulates, and checks that its script is what a capture shows.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dda_lab::{Counters, Lab};
use rustcam::capture::{Frame, Request, Session};
use rustcam::clock::performance_time;
use rustcam::error::{Error, Result};
use rustcam::geometry::Rect;
use rustcam::source::{self, Backend, Change, OpenOptions, Outcome, Source};

/// Longer than any step of these tests takes.
pub const LONG: Duration = Duration::from_secs(5);

/// The lab replaces functions of the whole process, so tests that use it run one after the other.
static ONE: Mutex<()> = Mutex::new(());

/// The source under test.
pub type BoxedSource = Box<dyn Source>;

/// The desktop of a running lab.
pub struct LabDesktop {
    pub lab: Lab,
    _one: MutexGuard<'static, ()>,
}

pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Opens output `output`, on the clock of the script.
pub fn options(desktop: &LabDesktop, output: usize, watch_pointer: bool) -> OpenOptions {
    OpenOptions::new(Backend::Dxgi).output(output).watch_pointer(watch_pointer).clock(desktop.lab.clock())
}

/// A request for a new frame.
pub fn request(timeout: Duration) -> Request {
    Request::within(timeout)
}

impl LabDesktop {
    pub fn new(script: &str) -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { lab: Lab::install(script).expect("the script is right and Wine has an output"), _one: one }
    }

    pub fn open(&self, watch_pointer: bool) -> BoxedSource {
        source::open(&options(self, 0, watch_pointer), &mut || Ok(())).expect("the lab's desktop opens")
    }

    /// The frame of the script that was presented at `time` on the clock of captures.
    pub fn frame_at(&self, time: Duration) -> u64 {
        let start = performance_time(self.lab.ticks_at(Duration::ZERO));
        // Ticks are 100 ns long.
        self.lab.world().frame_at(time.saturating_sub(start) + Duration::from_micros(1))
    }

    /// Reads `parts` and compares every pixel with frame `frame` of the script; the desktop must not be turned.
    pub fn check(&self, source: &mut BoxedSource, parts: &[Rect], frame: u64) -> Outcome {
        let world = self.lab.world();
        let image = world.image(frame);
        let width = world.size(frame).width as usize;
        let mut delivered = Vec::new();
        let read = source.read(parts, LONG, &mut |part, pixels, _| {
            assert_eq!(pixels.size(), part.size());
            for y in 0..part.height() as usize {
                let start = ((part.top as usize + y) * width + part.left as usize) * 4;
                let expected = &image[start..start + part.width() as usize * 4];
                let same = pixels.row(y).chunks_exact(4).zip(expected.chunks_exact(4)).all(|(a, b)| a[..3] == b[..3]);
                assert!(same, "row {y} of {part} is not that of frame {frame}");
            }
            delivered.push(part);
        });
        let read = read.expect("the desktop is there");
        assert_eq!(delivered, parts);
        read
    }

    /// `region` of frame `frame` of the script, opaque and without padding.
    pub fn picture(&self, frame: u64, region: Rect) -> Vec<u8> {
        let (image, width) = (self.lab.world().image(frame), self.lab.world().size(frame).width as i32);
        let mut bytes = Vec::new();
        for y in region.top..region.bottom {
            let start = (y * width + region.left) as usize * 4;
            for p in image[start..start + region.width() as usize * 4].chunks_exact(4) {
                bytes.extend([p[0], p[1], p[2], 255]);
            }
        }
        bytes
    }

    /// Asserts that the BGRA frame that `session` has just grabbed, without the pointer, is that of the script at its time.
    pub fn assert_exact(&self, session: &Session, frame: &Frame, what: &str) {
        let number = self.frame_at(frame.info.present_time);
        let bytes = frame.image().expect("memory of its own").bytes();
        assert!(bytes == self.picture(number, session.region()), "{what}: frame {number} is wrong");
    }

    /// Asserts that no duplication, device or texture is left.
    pub fn assert_nothing_lives(&self, what: &str) {
        let c = self.counters();
        assert_eq!((c.live, c.live_devices, c.live_textures), (0, 0, 0), "{what}: {c:?}");
    }

    /// The lab's counters; asserts that no rule of Desktop Duplication was broken.
    pub fn counters(&self) -> Counters {
        let c = self.lab.counters();
        let broken = [
            c.acquire_while_owned,
            c.release_without_frame,
            c.release_twice,
            c.release_while_mapped,
            c.leaked_refs,
            c.read_after_release,
            c.read_without_image,
            c.duplicate_while_live,
            c.formats_without_bgra,
            c.shared_twice,
            c.key_out_of_order,
            c.draw_without_key,
            c.opened_before_done,
        ];
        assert!(broken.iter().all(|&n| n == 0), "{c:?}");
        assert_eq!(c.maps, c.unmaps, "{c:?}");
        c
    }

    /// Ends the test: asserts that everything was released.
    pub fn finish(self) {
        self.assert_nothing_lives("at the end");
    }
}

/// Waits of 20 ms within [`LONG`], on the real and on a virtual clock.
const SLICES: usize = 250;

/// Waits until something was presented.
pub fn presented(source: &mut BoxedSource) -> Change {
    within(LONG, source).expect("the desktop is there").expect("something is presented")
}

/// Waits at most `time` for a present.
pub fn within(time: Duration, source: &mut BoxedSource) -> Result<Option<Change>> {
    for _ in 0..time.as_millis() / 20 {
        let change = source.wait(ms(20))?;
        if change.presents > 0 {
            return Ok(Some(change));
        }
    }
    Ok(None)
}

/// Waits for the loss.
pub fn lost(source: &mut BoxedSource) -> Error {
    (0..SLICES).find_map(|_| source.wait(ms(20)).err()).expect("the desktop is lost")
}

impl LabDesktop {
    /// Rebuilds the source until that succeeds, and returns the errors of the attempts before.
    pub fn regain(&self, source: &mut BoxedSource) -> Vec<Error> {
        let mut failures = Vec::new();
        for _ in 0..SLICES {
            match source.rebuild(ms(100)) {
                Ok(()) => return failures,
                Err(error) => {
                    assert!(error.loss().is_some(), "{error}");
                    failures.push(error);
                    self.lab.clock().sleep(ms(20));
                }
            }
        }
        panic!("the desktop does not come back: {failures:?}");
    }
}
