//! The modes of a script: what changes the desktop as a whole.

use std::time::Duration;

use crate::geometry::{Rotation, Size};

use super::script::{Action, Event, Nits, Refresh, Script};

/// What holds from `at` on.
#[derive(Clone, Copy)]
pub(super) struct Mode {
    pub(super) at: Duration,
    pub(super) size: Size,
    pub(super) rotation: Rotation,
    pub(super) refresh: Refresh,
    pub(super) hdr: bool,
    pub(super) white: Nits,
}

/// The modes of a script in the order of time. On an HDR desktop a change of SDR white makes everything new, as a change of the mode does.
pub(super) fn modes(script: &Script, events: &[Event]) -> Vec<Mode> {
    let Script { size, rotation, refresh, hdr, white, .. } = *script;
    let mut now = Mode { at: Duration::ZERO, size, rotation, refresh, hdr, white };
    let mut modes = vec![now];
    for event in events {
        let mut renewed = true;
        match event.action {
            Action::Mode(size, rate) => (now.size, now.refresh) = (size, rate.unwrap_or(now.refresh)),
            Action::Rotate(rotation) => {
                if rotation.transposes() != now.rotation.transposes() {
                    now.size = now.size.transposed();
                }
                now.rotation = rotation;
            }
            Action::Color(hdr) => now.hdr = hdr,
            Action::White(white) => {
                now.white = white;
                renewed = now.hdr;
            }
            _ => continue,
        }
        if renewed {
            now.at = event.at;
            modes.push(now);
        }
    }
    modes
}
