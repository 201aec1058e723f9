//! Frame rates as exact fractions, and the points in time that follow from them.

use std::time::Duration;

use crate::error::{Error, Result};

/// The slowest rate: one frame an hour.
const SLOWEST_SECONDS: u64 = 3600;

/// The fastest rate, far above that of any display. It keeps the arithmetic of slots from overflowing.
const FASTEST: u64 = 10_000;

/// Frames per second, as an exact fraction such as 60000/1001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    frames: u64,
    seconds: u64,
}

impl Rate {
    /// `frames` in `seconds`.
    ///
    /// # Errors
    /// `InvalidArgument` unless the rate is between one frame an hour and 10000 a second.
    pub fn new(frames: u64, seconds: u64) -> Result<Self> {
        let in_range = frames > 0
            && seconds > 0
            && u128::from(frames) * u128::from(SLOWEST_SECONDS) >= u128::from(seconds)
            && u128::from(frames) <= u128::from(seconds) * u128::from(FASTEST);
        if in_range {
            Ok(Self { frames, seconds })
        } else {
            Err(Error::invalid(format!(
                "a frame rate lies between 1/{SLOWEST_SECONDS} and {FASTEST} frames per second, got {frames}/{seconds}"
            )))
        }
    }

    /// The time of slot `index` in seconds, as an exact fraction.
    pub fn seconds(self, index: u64) -> (u128, u64) {
        (u128::from(index) * u128::from(self.seconds), self.frames)
    }

    /// When slot `index` is due after slot 0, in whole nanoseconds rounded down. Computed from the index instead of by addition, so that
    /// no error accumulates.
    pub fn slot(self, index: u64) -> Duration {
        let nanos = u128::from(index) * u128::from(self.seconds) * 1_000_000_000 / u128::from(self.frames);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The last slot that is due `elapsed` after slot 0.
    pub fn slot_at(self, elapsed: Duration) -> u64 {
        // The smallest whole nanosecond at or after a slot is at most one later than `slot` says.
        let guess = elapsed.as_nanos() * u128::from(self.frames) / (u128::from(self.seconds) * 1_000_000_000);
        let guess = u64::try_from(guess).unwrap_or(u64::MAX);
        if self.slot(guess.saturating_add(1)) <= elapsed {
            guess.saturating_add(1)
        } else {
            guess
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_of_ntsc_video_has_its_exact_length() {
        let rate = Rate::new(60_000, 1001).expect("a rate");
        let frames = 24 * 3600 * 60_000 / 1001;
        let exact = u128::from(frames) * 1001 * 1_000_000_000 / 60_000;
        assert_eq!(rate.slot(frames).as_nanos(), exact);
    }

    #[test]
    fn rates_out_of_range_are_refused() {
        for (frames, seconds) in [(0, 1), (1, 0), (1, 3601), (10_001, 1), (u64::MAX, 1), (1, u64::MAX)] {
            assert!(Rate::new(frames, seconds).is_err(), "{frames}/{seconds}");
        }
        assert!(Rate::new(u64::MAX, u64::MAX).is_ok());
    }

    proptest! {
        #[test]
        fn slots_and_times_are_inverse(frames in 1u64..20_000, seconds in 1u64..1100, index in 0u64..1 << 40) {
            let Ok(rate) = Rate::new(frames, seconds) else { return Ok(()) };
            // 64 bits of nanoseconds hold centuries; later slots do not matter.
            prop_assume!(index * seconds / frames < 10_000_000_000);
            let due = rate.slot(index);
            prop_assert_eq!(rate.slot_at(due), index);
            if let Some(before) = due.checked_sub(Duration::from_nanos(1)) {
                prop_assert_eq!(rate.slot_at(before), index - 1);
            }
        }
    }
}
