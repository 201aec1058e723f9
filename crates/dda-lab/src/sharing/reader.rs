//! A reader of shared textures, for programs that do not use Direct3D themselves.

use std::time::Duration;

use windows::Win32::Foundation::{E_INVALIDARG, HANDLE};
use windows_core::Result;

use crate::bypass::bypass;
use crate::pixels::transfer;
use crate::sharing::endpoint::refused;
use crate::sharing::open::{check_finished, surface_of};
use crate::state::simulation::Simulation;

/// What a reader does that has acquired key 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It releases key 0.
    Polite,
    /// It ends, and the mutex is abandoned.
    Dying,
    /// It never releases a key.
    Hanging,
}

/// How long a reader waits for key 1.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The pixels that `handle` leads to, read with the keys of its mutex, if it has one.
pub(crate) fn read(sim: &Simulation, handle: HANDLE, behaviour: Behaviour) -> Result<Vec<u8>> {
    let surface = surface_of(sim, handle)?;
    let texture = surface.texture().ok_or(E_INVALIDARG)?;
    let pixels = || bypass(|| transfer::read(&texture));
    let Some(keyed) = &surface.keyed else {
        check_finished(sim, &surface);
        return pixels();
    };
    let reader = sim.new_number();
    keyed.acquire(reader, 1, TIMEOUT).map_err(refused)?;
    let pixels = pixels();
    match behaviour {
        Behaviour::Polite => keyed.release(reader, 0).map_err(refused)?,
        Behaviour::Dying => keyed.leave(reader),
        Behaviour::Hanging => {}
    }
    pixels
}
