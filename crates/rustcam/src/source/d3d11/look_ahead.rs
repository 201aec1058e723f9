//! When a reader gains by an image that is added while it reads the one before.
//!
//! Looking ahead is wasted if the next read shows a newer image still: then the device has copied one image in vain. A reader that misses
//! presents now and then would waste many, so each wasted one makes the next attempt later.

/// Reports without an attempt, at most.
const LONGEST_PAUSE: u32 = 64;

/// Whether one reader looks ahead.
#[derive(Debug, Default)]
pub(super) struct LookAhead {
    /// The last report contained a single present, so none was missed.
    keeps_up: bool,
    /// The image that was added ahead and is not reported yet; 0 if there is none.
    image: u64,
    /// Reports without an attempt after a wasted one.
    pause: u32,
    /// How many of them are left.
    left: u32,
}

impl LookAhead {
    /// Whether the image after the one that is read should be added already.
    pub(super) fn pays(&self) -> bool {
        self.keeps_up && self.left == 0
    }

    /// Image `newest` was added ahead, if it is not the one that is `read`.
    pub(super) fn added(&mut self, newest: u64, read: u64) {
        self.image = if newest > read { newest } else { 0 };
    }

    /// Image `newest` is reported, as the last of `presents`.
    pub(super) fn reported(&mut self, newest: u64, presents: u64) {
        self.keeps_up = presents == 1;
        self.left = self.left.saturating_sub(1);
        match std::mem::take(&mut self.image) {
            0 => {}
            image if image == newest => self.pause = 0,
            _ => {
                self.pause = (self.pause * 2).clamp(1, LONGEST_PAUSE);
                self.left = self.pause;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `reads` images, missing `missed` presents before each that was not added ahead in time; returns how many were added in vain.
    fn wasted(reads: u64, missed: impl Fn(u64) -> u64) -> usize {
        let (mut ahead, mut newest, mut wasted) = (LookAhead::default(), 0, 0);
        for read in 0..reads {
            let before = newest;
            newest += 1 + missed(read);
            wasted += usize::from(ahead.image != 0 && ahead.image != newest);
            ahead.reported(newest, newest - before);
            if ahead.pays() {
                ahead.added(newest + 1, newest);
            }
        }
        wasted
    }

    #[test]
    fn a_reader_that_keeps_up_always_looks_ahead() {
        let mut ahead = LookAhead::default();
        assert!(!ahead.pays(), "nothing is known yet");
        for image in 1..100 {
            ahead.reported(image, 1);
            assert!(ahead.pays());
            ahead.added(image + 1, image);
        }
    }

    #[test]
    fn a_reader_that_misses_presents_wastes_ever_fewer_images() {
        assert_eq!(wasted(1000, |_| 0), 0);
        assert_eq!(wasted(1000, |_| 1), 0, "it never looks ahead");
        // Without the pauses it would be each second one.
        assert!(wasted(1000, |read| read % 2) <= 7 + 1000 / LONGEST_PAUSE as usize);
    }

    #[test]
    fn a_hiccup_is_forgotten() {
        let mut ahead = LookAhead::default();
        ahead.reported(1, 1);
        ahead.added(2, 1);
        ahead.reported(4, 3);
        assert!(!ahead.pays());
        ahead.reported(5, 1);
        assert!(ahead.pays());
        ahead.added(6, 5);
        ahead.reported(6, 1);
        assert!(ahead.pays() && ahead.pause == 0);
    }

    #[test]
    fn nothing_was_added_if_nothing_had_come() {
        let mut ahead = LookAhead::default();
        ahead.reported(1, 1);
        ahead.added(1, 1);
        ahead.reported(3, 1);
        assert!(ahead.pays());
    }
}
