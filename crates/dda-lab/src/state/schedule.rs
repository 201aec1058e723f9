//! When a device is done with the copies that it was told to make.

use std::collections::BTreeMap;
use std::time::Duration;

/// The copies of one device.
#[derive(Default)]
pub(crate) struct Schedule {
    /// When it has made all copies: it makes one after the other.
    free: Duration,
    /// When each texture, by its address, can be mapped.
    ready: BTreeMap<usize, Duration>,
    /// Whether a copy to memory of the processor was begun.
    has_read_back: bool,
}

/// How long a copy takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CopyTime {
    /// The device makes no other copy meanwhile.
    pub(crate) busy: Duration,
    /// The result is there so much later, whatever else the device does.
    pub(crate) latency: Duration,
    /// What the first copy of a device to memory of the processor takes besides.
    pub(crate) first_readback: Duration,
}

impl Schedule {
    /// A copy into `texture`, which is memory of the processor if `is_readback`, is queued at `now`.
    pub(crate) fn copy(&mut self, now: Duration, texture: usize, is_readback: bool, time: CopyTime) {
        let first = is_readback && !self.has_read_back;
        self.has_read_back |= is_readback;
        let busy = time.busy + if first { time.first_readback } else { Duration::ZERO };
        self.free = self.free.max(now) + busy;
        self.ready.insert(texture, self.free + time.latency);
    }

    /// When `texture` can be mapped, if anything was copied to it.
    pub(crate) fn ready(&self, texture: usize) -> Option<Duration> {
        self.ready.get(&texture).copied()
    }

    /// When everything is done that was queued so far.
    pub(crate) fn done(&self) -> Duration {
        self.ready.values().max().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn copies_are_made_one_after_the_other_and_the_first_readback_takes_longer() {
        let mut schedule = Schedule::default();
        let time = CopyTime { busy: ms(2), latency: ms(5), first_readback: ms(30) };
        schedule.copy(ms(10), 1, false, time);
        schedule.copy(ms(10), 2, true, time);
        schedule.copy(ms(10), 3, true, time);
        assert_eq!([1, 2, 3].map(|texture| schedule.ready(texture)), [Some(ms(17)), Some(ms(49)), Some(ms(51))]);
        assert_eq!((schedule.ready(4), schedule.done()), (None, ms(51)));
        schedule.copy(ms(100), 1, false, time);
        assert_eq!((schedule.ready(1), schedule.done()), (Some(ms(107)), ms(107)), "an idle device begins at once");
    }
}
