//! A reader of shared textures, for programs that have no Direct3D of their own.

use std::sync::Arc;
use std::time::Duration;

use windows::Win32::Foundation::{E_INVALIDARG, HANDLE};
use windows_core::Result;

use crate::across::contents;
use crate::counters::count;
use crate::device::quietly;
use crate::shared::memory_of;
use crate::stage::Stage;

/// How a reader behaves that has the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It leaves key 0.
    Polite,
    /// It ends, and the mutex is abandoned.
    Dying,
    /// It keeps the key for ever.
    Hanging,
}

const PATIENCE: Duration = Duration::from_secs(1);

/// The pixels that `handle` leads to, read as the mutex, if there is one, demands.
pub(crate) fn read(stage: &Arc<Stage>, handle: HANDLE, manner: Manner) -> Result<Vec<u8>> {
    let memory = memory_of(stage, handle)?;
    let texture = memory.texture().ok_or(E_INVALIDARG)?;
    let look = || quietly(|| contents(&texture));
    let Some(keyed) = &memory.keyed else {
        if memory.is_busy(stage) {
            count(&stage.counting.opened_before_done);
        }
        return look();
    };
    let me = stage.number();
    keyed.acquire(me, 1, PATIENCE)?;
    let pixels = look();
    match manner {
        Manner::Polite => keyed.release(me, 0)?,
        Manner::Dying => keyed.leave(me),
        Manner::Hanging => {}
    }
    pixels
}
