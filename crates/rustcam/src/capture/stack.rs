//! The last frames as one array, without copying the older ones each time.
//!
//! The memory has room for more frames than a stack shows, and each new frame is written behind the one before: the stack is the last of
//! them. When the memory is full the stack moves to its beginning, so that an older frame is copied less than once per new one. Memory that
//! a caller still holds is left alone, and the stack moves to other memory.

use std::fmt;

use crate::error::Result;

use super::buffers::Pool;
use super::frame::Image;

/// How many times the frames of a stack fit into its memory.
const ROOM: usize = 2;

/// The last frames that were returned, up to a fixed number.
#[derive(Default)]
pub struct Stack {
    count: usize,
    pool: Pool,
    /// The memory, and behind which of its frames the newest ends.
    kept: Option<(Image, usize)>,
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Stack {
    /// A stack of `count` frames.
    ///
    /// # Panics
    /// If `count` is 0.
    pub fn new(count: usize) -> Self {
        assert!(count > 0, "a stack shows at least one frame");
        Self { count, ..Self::default() }
    }

    /// How many frames it shows.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.kept = None;
    }

    /// Adds a frame, and returns the last ones, the newest last; the first frame stands for those before it. The image has memory of its own
    /// if `owned`, and otherwise memory that nobody may change.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub fn push(&mut self, frame: &Image, owned: bool) -> Result<Image> {
        let len = frame.bytes().len();
        let (kept, end) = match self.kept.take() {
            Some((kept, end)) if kept.is_like(frame) => self.add(kept, end, frame)?,
            _ => self.begin(frame)?,
        };
        let shown = (end - self.count) * len..end * len;
        let stack = if owned {
            let mut buffer = self.pool.take_heap(shown.len())?;
            buffer.memory_mut().bytes_mut().copy_from_slice(&kept.buffer.bytes()[shown]);
            Image { buffer, offset: 0, stack: Some(self.count), ..kept }
        } else {
            Image { buffer: kept.buffer.share(), offset: shown.start, stack: Some(self.count), ..kept }
        };
        self.kept = Some((kept, end));
        Ok(stack)
    }

    /// New memory that holds `frame` as often as the stack shows frames.
    fn begin(&mut self, frame: &Image) -> Result<(Image, usize)> {
        let len = frame.bytes().len();
        let mut buffer = self.pool.take_heap(len * self.count * ROOM)?;
        for place in buffer.memory_mut().bytes_mut().chunks_exact_mut(len).take(self.count) {
            place.copy_from_slice(frame.bytes());
        }
        Ok((Image { buffer, offset: 0, stack: None, ..*frame }, self.count))
    }

    /// Adds `frame` behind the one that ends at `end`.
    fn add(&mut self, mut kept: Image, mut end: usize, frame: &Image) -> Result<(Image, usize)> {
        let (len, room) = (frame.bytes().len(), self.count * ROOM);
        let older = (end + 1 - self.count) * len..end * len;
        match kept.buffer.unshared_mut() {
            Some(bytes) if end == room => {
                bytes.copy_within(older, 0);
                end = self.count - 1;
            }
            Some(_) => {}
            None => {
                let mut buffer = self.pool.take_heap(len * room)?;
                buffer.memory_mut().bytes_mut()[..older.len()].copy_from_slice(&kept.buffer.bytes()[older]);
                kept.buffer = buffer;
                end = self.count - 1;
            }
        }
        kept.buffer.memory_mut().bytes_mut()[end * len..][..len].copy_from_slice(frame.bytes());
        Ok((kept, end + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;
    use crate::frame_format::FrameFormat;
    use crate::geometry::Size;

    /// A frame of one gray pixel.
    fn frame(pool: &mut Pool, level: u8) -> Image {
        let mut buffer = pool.take_heap(1).expect("memory");
        buffer.memory_mut().bytes_mut()[0] = level;
        let format = FrameFormat::packed(PixelFormat::Gray);
        Image { buffer, offset: 0, size: Size::new(1, 1), format, regions: None, stack: None }
    }

    #[test]
    fn a_stack_holds_the_last_frames_whoever_keeps_older_stacks() {
        for count in 1..6 {
            for owned in [false, true] {
                for held in [0, 1, 3, 100] {
                    let (mut pool, mut stack) = (Pool::default(), Stack::new(count));
                    let mut kept = Vec::new();
                    for newest in 1..=40u8 {
                        let image = stack.push(&frame(&mut pool, newest), owned).expect("memory");
                        assert_eq!(image.shape(), [count, 1, 1, 1]);
                        let expected: Vec<u8> =
                            (0..count as u8).rev().map(|age| newest.saturating_sub(age).max(1)).collect();
                        kept.push((image, expected));
                        if kept.len() > held {
                            let (image, expected) = kept.remove(0);
                            assert_eq!(image.bytes(), expected);
                        }
                    }
                    assert!(kept.iter().all(|(image, expected)| image.bytes() == expected), "{count} {owned} {held}");
                }
            }
        }
    }

    #[test]
    fn a_stack_that_is_dropped_in_time_stays_in_its_memory() {
        let (mut pool, mut stack) = (Pool::default(), Stack::new(4));
        let ids: Vec<u64> =
            (0..50).map(|level| stack.push(&frame(&mut pool, level), false).expect("memory").buffer.id()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]));
    }

    #[test]
    fn frames_of_another_shape_begin_a_new_stack() {
        let (mut pool, mut stack) = (Pool::default(), Stack::new(2));
        stack.push(&frame(&mut pool, 1), false).expect("memory");
        let mut buffer = pool.take_heap(2).expect("memory");
        buffer.memory_mut().bytes_mut().copy_from_slice(&[8, 9]);
        let wide = Image { buffer, size: Size::new(2, 1), ..frame(&mut pool, 0) };
        assert_eq!(stack.push(&wide, false).expect("memory").bytes(), [8, 9, 8, 9]);
        stack.clear();
        assert_eq!(stack.push(&frame(&mut pool, 5), false).expect("memory").bytes(), [5, 5]);
    }
}
