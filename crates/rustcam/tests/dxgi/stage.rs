//! One laboratory at a time, and what its script says must be seen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dda_lab::{Counters, Lab};
use rustcam::clock::{performance_time, MonotonicClock};
use rustcam::error::{Error, Result};
use rustcam::geometry::Rect;
use rustcam::source::dxgi::DxgiSource;
use rustcam::source::{Backend, Change, OpenOptions, Read, Source};

/// Longer than anything takes here.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The laboratory disguises the whole process.
static ONE: Mutex<()> = Mutex::new(());

/// A running laboratory.
pub struct Stage {
    pub lab: Lab,
    _one: MutexGuard<'static, ()>,
}

pub const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub fn options(output: usize, watch_pointer: bool) -> OpenOptions {
    OpenOptions { backend: Backend::Dxgi, device: 0, output, watch_pointer, sim: None, clock: Arc::new(MonotonicClock) }
}

impl Stage {
    pub fn new(script: &str) -> Self {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { lab: Lab::install(script).expect("the script is right and Wine has an output"), _one: one }
    }

    #[allow(clippy::unused_self, reason = "there is something to open only while the laboratory runs")]
    pub fn open(&self, watch_pointer: bool) -> DxgiSource {
        DxgiSource::open(&options(0, watch_pointer)).expect("the laboratory hands out its desktop")
    }

    /// The present of the script that was presented at `time` on the clock of captures.
    pub fn frame_at(&self, time: Duration) -> u64 {
        let start = performance_time(self.lab.ticks_at(Duration::ZERO));
        // Ticks are 100 ns long.
        self.lab.world().frame_at(time.saturating_sub(start) + Duration::from_micros(1))
    }

    /// Reads `parts` and compares every pixel with frame `frame` of the script; the desktop must not be turned.
    pub fn check(&self, source: &mut DxgiSource, parts: &[Rect], frame: u64) -> Read {
        let world = self.lab.world();
        let image = world.image(frame);
        let width = world.size(frame).width as usize;
        let mut delivered = Vec::new();
        let read = source.read(parts, PATIENCE, &mut |part, pixels, _| {
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

    /// What was counted so far; no rule of Desktop Duplication may be broken.
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

    /// Everything was given back.
    pub fn finish(self) {
        let c = self.counters();
        assert_eq!(c.live, 0, "{c:?}");
    }
}

/// Waits until something was presented.
pub fn presented(source: &mut DxgiSource) -> Change {
    within(PATIENCE, source).expect("the desktop is there").expect("something is presented")
}

/// Waits at most `time` for a present.
pub fn within(time: Duration, source: &mut DxgiSource) -> Result<Option<Change>> {
    let began = std::time::Instant::now();
    while began.elapsed() < time {
        let change = source.wait(ms(20))?;
        if change.presents > 0 {
            return Ok(Some(change));
        }
    }
    Ok(None)
}

/// Waits for the loss.
pub fn lost(source: &mut DxgiSource) -> Error {
    let began = std::time::Instant::now();
    while began.elapsed() < PATIENCE {
        if let Err(error) = source.wait(ms(20)) {
            return error;
        }
    }
    panic!("the desktop is still there");
}

/// Tries to get the desktop back until it is there, and says how often that failed.
pub fn regain(source: &mut DxgiSource) -> Vec<Error> {
    let mut failures = Vec::new();
    let began = std::time::Instant::now();
    while began.elapsed() < PATIENCE {
        match source.rebuild(ms(100)) {
            Ok(()) => return failures,
            Err(error) => {
                assert!(error.loss().is_some(), "{error}");
                failures.push(error);
                std::thread::sleep(ms(10));
            }
        }
    }
    panic!("the desktop does not come back: {failures:?}");
}
