//! Acquiring and releasing frames.

use std::time::Duration;

use windows::Win32::Foundation::WAIT_TIMEOUT;
use windows::Win32::Graphics::Dxgi::{
    IDXGIResource, DXGI_ERROR_INVALID_CALL, DXGI_ERROR_WAIT_TIMEOUT, DXGI_OUTDUPL_FRAME_INFO,
};
use windows_core::{Interface, Result, HRESULT};

use crate::clock::{Stopwatch, POLL};
use crate::com::failure;
use crate::counters::{add, count};
use crate::duplication::accumulator::Update;
use crate::duplication::machine::{Frame, Machine, State};
use crate::duplication::not_a_texture::NotATexture;
use crate::duplication::upload::Content;
use crate::mutex::lock;
use crate::script::call::Call;

/// The timeout of a wait without end.
const INFINITE: u32 = u32::MAX;

impl Machine {
    /// Waits until something is new, and returns it with the texture.
    pub(crate) fn acquire(&self, timeout: u32) -> Result<(DXGI_OUTDUPL_FRAME_INFO, IDXGIResource)> {
        let mut stopwatch = Stopwatch::start();
        let result = self.next(timeout, &mut stopwatch);
        add(&self.sim.counters.own_ns, stopwatch.stop().as_nanos() as u64);
        result
    }

    fn next(&self, timeout: u32, stopwatch: &mut Stopwatch) -> Result<(DXGI_OUTDUPL_FRAME_INFO, IDXGIResource)> {
        let sim = &self.sim;
        let mut state = self.state();
        if state.owned.is_some() {
            count(&sim.counters.acquire_while_owned);
        }
        let mut now = sim.now();
        let deadline = (timeout != INFINITE).then(|| sim.timeout(Duration::from_millis(u64::from(timeout))));
        self.injected_while_waiting(&mut state, deadline)?;
        // Windows holds the device's lock for the whole wait.
        let _device = sim.settings.device_lock.then(|| lock(&self.device.lock));
        loop {
            self.check(&mut state, now)?;
            if state.owned.is_some() {
                return failure(DXGI_ERROR_INVALID_CALL);
            }
            let update = if state.frames >= self.most { None } else { state.accumulator.take(sim, now) };
            if let Some(update) = update {
                return self.deliver(&mut state, update);
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                count(&sim.counters.timeouts);
                state.released = false;
                if timeout == 0 {
                    sim.let_poll_take_time(POLL);
                }
                return failure(DXGI_ERROR_WAIT_TIMEOUT);
            }
            let losses = sim.worlds[0].gaps().map(|gap| gap.at).filter(|at| *at > now).min();
            let changes = sim.changes_of(self.index).filter(|at| *at > now).min();
            let formats = sim.settings.formats.iter().map(|(at, _)| *at).filter(|at| *at > now).min();
            let fault = lock(&sim.faults).next(Call::AcquireNextFrame, now);
            let news = if state.frames >= self.most { None } else { state.accumulator.next_change(sim, now) };
            let event = [news, losses, changes, formats, fault].into_iter().flatten().min();
            let wake = [event, deadline].into_iter().flatten().min();
            stopwatch.pause(|| sim.clock.sleep(wake.map(|wake| wake.saturating_sub(now))));
            now = sim.now();
            if fault.is_some_and(|at| at <= now) {
                self.injected_while_waiting(&mut state, deadline)?;
            }
        }
    }

    /// An injected failure. An injected timeout takes its time.
    fn injected_while_waiting(&self, state: &mut State, deadline: Option<Duration>) -> Result<()> {
        self.check_injection(state, Call::AcquireNextFrame).inspect_err(|error| {
            state.may_release = error.code() == DXGI_ERROR_INVALID_CALL;
            if [DXGI_ERROR_WAIT_TIMEOUT, HRESULT(WAIT_TIMEOUT.0 as i32)].contains(&error.code()) {
                self.sim.sleep_until(deadline.unwrap_or_default());
            }
        })
    }

    fn deliver(&self, state: &mut State, update: Update) -> Result<(DXGI_OUTDUPL_FRAME_INFO, IDXGIResource)> {
        let sim = &self.sim;
        let info = update.info;
        let (resource, texture) = if sim.injected(Call::QueryTexture).is_some() {
            (NotATexture::default().into(), None)
        } else {
            let State { framebuffer, pool, .. } = state;
            let odd = update.content != Content::Garbage && sim.injected(Call::TextureFormat).is_some();
            let content = if odd { Content::Garbage } else { update.content };
            if content != Content::Garbage {
                framebuffer.show(&sim.worlds[self.index], update.frame);
            }
            let (texture, record) = pool.next(sim, framebuffer, update.frame, content)?;
            (texture.cast()?, Some(record))
        };
        count(&sim.counters.acquires);
        if info.LastPresentTime != 0 {
            count(&sim.counters.image_frames);
            add(&sim.counters.presents, u64::from(info.AccumulatedFrames));
        } else if update.content == Content::Garbage {
            count(&sim.counters.pointer_frames);
        }
        state.released = false;
        state.frames += 1;
        state.owned = Some(Frame { update, texture });
        Ok((info, resource))
    }

    /// Releases the frame.
    pub(crate) fn release(&self) -> Result<()> {
        let sim = &self.sim;
        let mut state = self.state();
        let now = sim.now();
        if let Err(error) = self.check_injection(&mut state, Call::ReleaseFrame) {
            if error.code() == DXGI_ERROR_INVALID_CALL {
                // The code says that the program has no frame, so it has none.
                self.take_back(&mut state, now);
            }
            return Err(error);
        }
        self.check(&mut state, now)?;
        if state.surface.is_mapped() {
            count(&sim.counters.release_while_mapped);
            return failure(DXGI_ERROR_INVALID_CALL);
        }
        let may_release = std::mem::take(&mut state.may_release);
        if state.owned.is_none() {
            if !may_release {
                count(if state.released { &sim.counters.release_twice } else { &sim.counters.release_without_frame });
            }
            return failure(DXGI_ERROR_INVALID_CALL);
        }
        self.take_back(&mut state, now);
        count(&sim.counters.releases);
        Ok(())
    }

    fn take_back(&self, state: &mut State, now: Duration) {
        if let Some(texture) = state.owned.take().and_then(|frame| frame.texture) {
            texture.release(self.sim.worlds[self.index].frame_at(now));
        }
        state.released = true;
    }
}
