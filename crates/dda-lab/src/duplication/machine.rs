//! The states of a duplication, and the checks that every call makes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustcam::source::sim::{Framebuffer, Why};
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::Common::DXGI_FORMAT;
use windows::Win32::Graphics::Dxgi::DXGI_ERROR_ACCESS_LOST;
use windows_core::Result;

use crate::com::failure;
use crate::counters::{add, count};
use crate::duplication::accumulator::{Accumulator, Update};
use crate::duplication::desktop_surface::DesktopSurface;
use crate::duplication::texture_pool::TexturePool;
use crate::duplication::upload::Uploader;
use crate::mutex::lock;
use crate::script::call::Call;
use crate::state::device::Device;
use crate::state::simulation::Simulation;
use crate::state::texture::TextureRecord;

/// A frame that the program has acquired.
pub(crate) struct Frame {
    pub(crate) update: Update,
    pub(crate) texture: Option<Arc<TextureRecord>>,
}

pub(crate) struct State {
    pub(crate) accumulator: Accumulator,
    pub(crate) framebuffer: Framebuffer,
    pub(crate) pool: TexturePool,
    /// How many frames it delivered.
    pub(crate) frames: u64,
    pub(crate) owned: Option<Frame>,
    pub(crate) surface: DesktopSurface,
    /// Once lost, it stays lost.
    pub(crate) lost: bool,
    /// Whether the frame of the last acquire was released.
    pub(crate) released: bool,
    /// Whether an acquire failed by an injected `INVALID_CALL`: a release without a frame is the right answer to that.
    pub(crate) may_release: bool,
}

/// The duplication of one output.
pub(crate) struct Machine {
    pub(crate) sim: Arc<Simulation>,
    pub(crate) index: usize,
    pub(crate) device: Arc<Device>,
    born: Duration,
    /// After how many frames it is silent.
    pub(crate) most: u64,
    state: Mutex<State>,
}

impl Machine {
    pub(crate) fn new(
        sim: &Arc<Simulation>,
        index: usize,
        device: ID3D11Device,
        record: Arc<Device>,
        format: DXGI_FORMAT,
        (born, most): (Duration, u64),
    ) -> Result<Self> {
        let world = &sim.worlds[index];
        let frame = world.frame_at(born);
        let mut pool = TexturePool::new(Uploader::new(sim, device, index, frame, format, born)?);
        if sim.settings.paint_ahead && sim.script.is_full() {
            pool.paint_ahead(sim, frame)?;
        }
        count(&sim.counters.duplications);
        let state = State {
            accumulator: Accumulator::new(sim, index, born),
            frames: 0,
            framebuffer: Framebuffer::new(world, frame, 0).expect("memory for a simulated image"),
            pool,
            owned: None,
            surface: DesktopSurface::default(),
            lost: false,
            released: false,
            may_release: false,
        };
        Ok(Self { sim: Arc::clone(sim), index, device: record, born, most, state: Mutex::new(state) })
    }

    /// Fails with the injected code of a call, if there is one. An injected loss stays, as others do.
    pub(crate) fn check_injection(&self, state: &mut State, call: Call) -> Result<()> {
        let Some(code) = self.sim.injected(call) else { return Ok(()) };
        state.lost |= code == DXGI_ERROR_ACCESS_LOST;
        self.device.note(code);
        failure(code)
    }

    /// Fails if the desktop or the device is lost.
    pub(crate) fn check(&self, state: &mut State, now: Duration) -> Result<()> {
        let sim = &self.sim;
        if let Some(code) = sim.removal(&self.device, now) {
            return Err(code.into());
        }
        let desktop = |why| why != Why::Device;
        let changed = sim.changes_of(self.index).any(|at| at > self.born && at <= now);
        state.lost |=
            changed || sim.is_over() || sim.lost_since(self.born, now, desktop) || sim.format_changed(self.born, now);
        if state.lost {
            return Err(DXGI_ERROR_ACCESS_LOST.into());
        }
        Ok(())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The state, after the checks of a call.
    pub(crate) fn enter(&self, call: Call) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        self.check_injection(&mut state, call)?;
        self.check(&mut state, self.sim.now())?;
        Ok(state)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        lock(&self.sim.duplicated).remove(&self.index);
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        add(&self.sim.counters.leaked_refs, state.pool.foreign_refs());
        state.pool.forget(&self.sim);
    }
}
