//! Which part of the screen the callers read: new images of it are copied directly to memory that the processor reads.

use crate::geometry::{Rect, Size};

/// An area stays chosen as long as its last read is at most this many images ago.
const LASTS: u64 = 32;

/// So many images in a row must have been read inside a region before it is chosen.
const READS_AT_FIRST: u32 = 4;

/// The same after the choice was wrong several times.
const MOST_READS: u32 = 4096;

/// The area of the screen that is chosen.
#[derive(Debug)]
pub(super) struct Focus {
    whole: Rect,
    area: Option<Rect>,
    /// The image of the last read of the area.
    read: u64,
    streak: Streak,
    /// How long a streak must be; `u32::MAX` if no region may be chosen.
    needed: u32,
}

/// Reads of a region in a row.
#[derive(Debug, Default)]
struct Streak {
    bounds: Rect,
    /// Different images that were read.
    images: u32,
    /// The last of them.
    image: u64,
}

impl Focus {
    pub(super) fn new(size: Size) -> Self {
        Self { whole: size.rect(), area: None, read: 0, streak: Streak::default(), needed: READS_AT_FIRST }
    }

    /// Whether a read of these parts' bounding box counts as one of the whole screen.
    pub(super) fn is_wide(&self, bounds: Rect) -> bool {
        bounds.area() * 2 >= self.whole.area()
    }

    /// The area of which image `newest` is copied directly, if one is chosen.
    pub(super) fn area(&self, newest: u64) -> Option<Rect> {
        self.area.filter(|_| newest.saturating_sub(self.read) <= LASTS)
    }

    /// Whether only a region of image `newest` is copied.
    pub(super) fn is_region(&self, newest: u64) -> bool {
        self.area(newest).is_some_and(|area| area != self.whole)
    }

    /// Parts of image `newest` inside `bounds` are read. A region is chosen only while one capture is `alone` on its screen.
    pub(super) fn read(&mut self, bounds: Rect, newest: u64, alone: bool) {
        if self.is_wide(bounds) {
            (self.area, self.read, self.streak) = (Some(self.whole), newest, Streak::default());
            return;
        }
        let area = self.area(newest);
        self.note(bounds, newest, alone, area.is_some_and(|area| area != self.whole));
        if area == Some(self.whole) {
            return;
        }
        let kept = area.filter(|area| alone && area.contains(bounds));
        self.area = kept.or_else(|| (self.streak.images >= self.needed).then_some(self.streak.bounds));
        self.read = newest;
    }

    fn note(&mut self, bounds: Rect, newest: u64, alone: bool, chosen: bool) {
        let streak = &mut self.streak;
        if !alone {
            *streak = Streak::default();
        } else if streak.bounds.contains(bounds) {
            streak.images += u32::from(newest > streak.image);
            streak.image = newest;
        } else {
            // Two regions that are read in turn become one. One that is read after a chosen region takes its place.
            let both = streak.bounds.union(bounds);
            let narrow = !chosen && both.area() * 2 < self.whole.area();
            *streak = Streak { bounds: if narrow { both } else { bounds }, images: 1, image: newest };
        }
    }

    /// Chooses no region from now on.
    pub(super) fn choose_no_region(&mut self) {
        self.needed = u32::MAX;
    }

    /// Something needs whole images.
    pub(super) fn clear(&mut self) {
        (self.area, self.streak) = (None, Streak::default());
    }

    /// Pixels outside of the chosen region were needed and had to be fetched again, which takes long: chooses more carefully.
    pub(super) fn was_wrong(&mut self) {
        self.clear();
        self.needed = self.needed.saturating_mul(4).min(MOST_READS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(100, 100);
    const A: Rect = Rect::new(10, 10, 30, 30);
    const B: Rect = Rect::new(40, 10, 60, 30);
    const FAR: Rect = Rect::new(80, 80, 99, 99);

    fn read_each(focus: &mut Focus, images: std::ops::RangeInclusive<u64>, bounds: &[Rect]) {
        for (i, image) in images.enumerate() {
            focus.read(bounds[i % bounds.len()], image, true);
        }
    }

    #[test]
    fn the_whole_screen_is_chosen_at_its_first_read_and_lasts_for_some_images() {
        let mut focus = Focus::new(SIZE);
        assert_eq!(focus.area(1), None);
        focus.read(SIZE.rect(), 1, false);
        assert_eq!((focus.area(2), focus.is_region(2)), (Some(SIZE.rect()), false));
        read_each(&mut focus, 2..=33, &[A]);
        assert_eq!(focus.area(33), Some(SIZE.rect()), "regions are read from it meanwhile");
        assert_eq!(focus.area(34), None);
        focus.read(A, 34, true);
        assert_eq!(focus.area(35), Some(A), "it was read long enough");
    }

    #[test]
    fn a_region_is_chosen_after_some_images_and_given_up_by_a_read_outside() {
        let mut focus = Focus::new(SIZE);
        read_each(&mut focus, 1..=3, &[A]);
        focus.read(A, 3, true);
        assert_eq!(focus.area(4), None, "the same image does not count");
        focus.read(A, 4, true);
        assert_eq!((focus.area(5), focus.is_region(5)), (Some(A), true));
        focus.read(Rect::new(12, 12, 14, 14), 5, true);
        assert_eq!(focus.area(37), Some(A), "parts of it count");
        assert_eq!(focus.area(38), None, "not read for long");
        focus.read(B, 6, true);
        assert_eq!(focus.area(7), None);
        read_each(&mut focus, 7..=9, &[B]);
        assert_eq!(focus.area(10), Some(B), "the new one only");
    }

    #[test]
    fn regions_that_are_read_in_turn_become_one_unless_that_is_most_of_the_screen() {
        let mut focus = Focus::new(SIZE);
        read_each(&mut focus, 1..=5, &[A, B]);
        assert_eq!(focus.area(6), Some(A.union(B)));
        let mut focus = Focus::new(SIZE);
        read_each(&mut focus, 1..=20, &[A, FAR]);
        assert_eq!(focus.area(21), None);
    }

    #[test]
    fn captures_that_share_a_screen_choose_no_region() {
        let mut focus = Focus::new(SIZE);
        (1..=9).for_each(|image| focus.read(A, image, false));
        assert_eq!(focus.area(10), None);
        read_each(&mut focus, 10..=13, &[A]);
        assert_eq!(focus.area(14), Some(A));
        focus.read(A, 14, false);
        assert_eq!(focus.area(15), None);
    }

    #[test]
    fn where_frames_cannot_be_had_again_only_the_whole_screen_is_chosen() {
        let mut focus = Focus::new(SIZE);
        focus.choose_no_region();
        read_each(&mut focus, 1..=99, &[A]);
        assert_eq!(focus.area(100), None);
        focus.read(SIZE.rect(), 100, true);
        assert_eq!((focus.area(101), focus.is_region(101)), (Some(SIZE.rect()), false));
    }

    #[test]
    fn every_wrong_choice_makes_the_next_one_later() {
        let mut focus = Focus::new(SIZE);
        focus.was_wrong();
        read_each(&mut focus, 1..=15, &[A]);
        assert_eq!(focus.area(16), None);
        focus.read(A, 16, true);
        assert_eq!(focus.area(17), Some(A));
        (0..40).for_each(|_| focus.was_wrong());
        assert_eq!((focus.area(17), focus.needed), (None, MOST_READS));
    }
}
