//! The pixel pass of large frames by several threads.
//!
//! The rows of the destination are cut into bands. The calling thread and the threads of a pool take one band after the other
//! until none is left, so a thread that wakes late delays nothing but the band that it has taken. Bands are disjoint, and
//! [`pixels::write()`] makes the same bytes of a band as of the same rows of the whole.

mod job;
mod pool;

use std::sync::{Arc, Mutex, PoisonError};

use crate::frame::{ImageMut, ImageRef};
use crate::geometry::{Point, Rect, Rotation};
use crate::pixels::{self, write_toned_on, CpuPath, Placement, PointerImage, Tone};

use pool::Pool;

/// Threads for large frames, unless the caller chooses a number: more gain little, because the memory is the limit.
const DEFAULT_THREADS: usize = 4;

/// The most threads that a caller may choose.
pub const MOST_THREADS: usize = 64;

/// Pixels per thread: with fewer, waking a thread takes longer than its share of the work.
const PIXELS_PER_THREAD: u64 = 1 << 18;

/// From so many bytes on one thread stores past the caches. A consumer that reads the frame next then gets it from memory; the two
/// together are still faster. With several threads, or turned images, they are not.
const STREAM_FROM: u64 = 16 << 20;

/// Bands per thread, so that no thread is left with the last piece of work alone for long.
const BANDS_PER_THREAD: u32 = 4;

/// Bands begin at multiples of so many rows: quarter turns work in blocks of this height.
const ROWS: u32 = 96;

/// The threads that write the frames of one capture. They are started for the first large frame, and shared with other captures.
#[derive(Debug)]
pub struct Workers {
    threads: usize,
    /// Whether stores bypass the caches; `None` to decide for each frame.
    streams: Option<bool>,
    pool: Option<Arc<Pool>>,
    refused: Option<String>,
}

impl Default for Workers {
    /// As many threads as the processor has cores, but no more than four.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::new(cores.min(DEFAULT_THREADS))
    }
}

impl Workers {
    /// At most `threads` threads, the calling one included.
    pub fn new(threads: usize) -> Self {
        Self { threads: threads.clamp(1, MOST_THREADS), streams: None, pool: None, refused: None }
    }

    /// Sets for measurements whether stores bypass the caches.
    #[must_use]
    pub fn streaming(self, streams: bool) -> Self {
        Self { streams: Some(streams), ..self }
    }

    /// How many threads write a large frame: 1 if the system has refused more.
    pub fn threads(&self) -> usize {
        if self.refused.is_some() {
            1
        } else {
            self.threads
        }
    }

    /// Why one thread does all the work although there should be more.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Starts the threads for frames of `area`, if there will be any, before the first of them is needed.
    pub fn prepare(&mut self, area: Rect) {
        if self.threads_for(area) > 1 {
            self.pool();
        }
    }

    /// [`pixels::write()`].
    pub fn write(
        &mut self,
        part: Rect,
        image: ImageRef<'_>,
        placement: &Placement,
        pointer: Option<(&PointerImage, Point)>,
        dst: &mut ImageMut<'_>,
    ) {
        self.write_toned(part, image, placement, &Tone::default(), pointer, dst);
    }

    /// [`pixels::write_toned`].
    pub fn write_toned(
        &mut self,
        part: Rect,
        image: ImageRef<'_>,
        placement: &Placement,
        tone: &Tone,
        pointer: Option<(&PointerImage, Point)>,
        dst: &mut ImageMut<'_>,
    ) {
        let target = pixels::target(part, image.size(), placement, dst.size());
        let threads = self.threads_for(target);
        let streams = self.streams;
        let pool = if threads > 1 { self.pool() } else { None };
        let large = target.area() * dst.format().bytes() as u64 >= STREAM_FROM;
        let pays = pool.is_none() && large && placement.rotation == Rotation::None;
        let path = CpuPath::best();
        let path = if streams.unwrap_or(pays) { path.streaming() } else { path };
        let Some(pool) = pool else {
            return write_toned_on(path, part, image, placement, tone, pointer, dst);
        };

        let first = target.top.abs_diff(placement.region.top);
        let height = (target.height().div_ceil(threads as u32 * BANDS_PER_THREAD)).next_multiple_of(ROWS);
        let bands = Mutex::new(dst.bands(first..first + target.height(), height));
        pool.run(threads, &|| loop {
            let band = bands.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((top, mut band)) = band else { return };
            let top = placement.region.top + top as i32;
            let region = Rect { top, bottom: top + band.size().height as i32, ..placement.region };
            write_toned_on(path, part, image, &Placement { region, ..*placement }, tone, pointer, &mut band);
        });
    }

    fn threads_for(&self, area: Rect) -> usize {
        let useful = usize::try_from(area.area() / PIXELS_PER_THREAD).unwrap_or(usize::MAX);
        self.threads().min(useful)
    }

    /// The pool, unless the system has no threads for it or the process is another than the one that started it.
    fn pool(&mut self) -> Option<&Pool> {
        if self.pool.is_none() && self.refused.is_none() {
            match Pool::shared(self.threads - 1) {
                Ok(pool) => self.pool = pool,
                Err(reason) => self.refused = Some(format!("large frames are converted by one thread: {reason}")),
            }
        }
        self.pool.as_deref().filter(|pool| pool.is_of_this_process())
    }
}

#[cfg(test)]
mod tests;
