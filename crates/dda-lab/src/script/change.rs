//! Changes of adapters, outputs and their names, at times that the script says.

use std::time::Duration;

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// An output is called `\\.\DISPLAY` and this number from now on. The monitor stays.
    Name { output: usize, number: u32 },
    /// The monitor of an output is detached, for this time or for ever.
    Detach { output: usize, span: Option<Duration> },
    /// An adapter is gone with its outputs, for this time or for ever. Its devices are removed.
    Remove { adapter: u64, span: Option<Duration> },
    /// The driver of an adapter was replaced: it has another LUID, and devices that were made before belong to no adapter.
    Renew { adapter: u64 },
}

/// All changes, in the order of the script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(pub(crate) Vec<(Duration, Change)>);

impl Changes {
    /// The number in the name of an output at `now`.
    pub(crate) fn name_of(&self, wanted: usize, now: Duration) -> u32 {
        let named = self.until(now).filter_map(|(at, change)| match change {
            Change::Name { output, number } if *output == wanted => Some((at, *number)),
            _ => None,
        });
        // Of several at one time the last counts.
        named.max_by_key(|(at, _)| *at).map_or(wanted as u32 + 1, |(_, number)| number)
    }

    /// Whether the monitor of an output is attached at `now`.
    pub(crate) fn is_attached(&self, wanted: usize, now: Duration) -> bool {
        !self.until(now).any(|(at, change)| match change {
            Change::Detach { output, span } => *output == wanted && lasts(*at, *span, now),
            _ => false,
        })
    }

    /// Whether an adapter is there at `now`.
    pub(crate) fn has_adapter(&self, wanted: u64, now: Duration) -> bool {
        !self.until(now).any(|(at, change)| match change {
            Change::Remove { adapter, span } => *adapter == wanted && lasts(*at, *span, now),
            _ => false,
        })
    }

    /// Whether an adapter was removed after `since`, up to `now`.
    pub(crate) fn was_removed(&self, wanted: u64, since: Duration, now: Duration) -> bool {
        self.until(now).any(|(at, change)| match change {
            Change::Remove { adapter, .. } => *adapter == wanted && *at > since,
            _ => false,
        })
    }

    /// How many times an adapter was renewed or came back until `now`.
    pub(crate) fn renewals(&self, wanted: u64, now: Duration) -> u64 {
        let renewed = |(at, change): &&(Duration, Change)| match change {
            Change::Renew { adapter } => *adapter == wanted,
            Change::Remove { adapter, span } => *adapter == wanted && !lasts(*at, *span, now),
            _ => false,
        };
        self.until(now).filter(renewed).count() as u64
    }

    /// When duplications of an output on an adapter are lost.
    pub(crate) fn losses(&self, wanted: usize, placed: u64) -> impl Iterator<Item = Duration> + '_ {
        let concerns = move |change: &Change| match change {
            Change::Name { output, .. } | Change::Detach { output, .. } => *output == wanted,
            Change::Remove { adapter, .. } | Change::Renew { adapter } => *adapter == placed,
        };
        self.0.iter().filter(move |(_, change)| concerns(change)).map(|(at, _)| *at)
    }

    /// All times after which a factory is not current.
    pub(crate) fn moments(&self) -> impl Iterator<Item = Duration> + '_ {
        self.0.iter().flat_map(|(at, change)| {
            let end = match change {
                Change::Detach { span, .. } | Change::Remove { span, .. } => span.map(|span| *at + span),
                Change::Name { .. } | Change::Renew { .. } => None,
            };
            [Some(*at), end].into_iter().flatten()
        })
    }

    fn until(&self, now: Duration) -> impl Iterator<Item = &(Duration, Change)> {
        self.0.iter().filter(move |(at, _)| *at <= now)
    }
}

/// Whether what began at `at` lasts at `now`.
fn lasts(at: Duration, span: Option<Duration>, now: Duration) -> bool {
    at <= now && span.is_none_or(|span| now < at + span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_hold_from_their_time_on() {
        let s = Duration::from_secs;
        let changes = Changes(vec![
            (s(1), Change::Name { output: 0, number: 7 }),
            (s(2), Change::Detach { output: 1, span: Some(s(1)) }),
            (s(4), Change::Remove { adapter: 1, span: Some(s(2)) }),
            (s(5), Change::Renew { adapter: 0 }),
        ]);
        assert_eq!([0, 1, 9].map(|at| changes.name_of(0, s(at))), [1, 7, 7]);
        assert_eq!(changes.name_of(1, s(9)), 2);
        assert_eq!([1, 2, 3].map(|at| changes.is_attached(1, s(at))), [true, false, true]);
        assert_eq!([3, 4, 5, 6].map(|at| changes.has_adapter(1, s(at))), [true, false, false, true]);
        assert_eq!([3, 5, 6].map(|at| changes.renewals(1, s(at))), [0, 0, 1], "a new LUID after its return");
        assert_eq!([4, 5].map(|at| changes.renewals(0, s(at))), [0, 1]);
        assert!(changes.was_removed(1, s(3), s(9)) && !changes.was_removed(1, s(4), s(9)));
        assert_eq!(changes.losses(0, 0).collect::<Vec<_>>(), [s(1), s(5)]);
        assert_eq!(changes.moments().collect::<Vec<_>>(), [1, 2, 3, 4, 6, 5].map(s));
    }
}
