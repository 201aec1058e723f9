//! Acquiring and releasing frames.

use std::time::Duration;

use rustcam::geometry::Size;
use windows::Win32::Foundation::WAIT_TIMEOUT;
use windows::Win32::Graphics::Dxgi::{
    IDXGIResource, DXGI_ERROR_INVALID_CALL, DXGI_ERROR_UNSUPPORTED, DXGI_ERROR_WAIT_TIMEOUT, DXGI_MAPPED_RECT,
    DXGI_OUTDUPL_FRAME_INFO,
};
use windows_core::{Interface, Result, HRESULT};

use crate::counters::{add, count};
use crate::duplication::{failure, Duplication, Owned, State};
use crate::faults::Call;
use crate::lock;
use crate::pool::Show;
use crate::private::NoTexture;
use crate::qpc::Work;

/// A wait without end.
const INFINITE: u32 = u32::MAX;
/// Extra bytes per row of a desktop mapped from system memory.
const MAPPED_PADDING: usize = 52;

impl Duplication {
    /// Waits for news and hands it out with the texture.
    pub(crate) fn acquire(&self, timeout: u32) -> Result<(DXGI_OUTDUPL_FRAME_INFO, IDXGIResource)> {
        let mut work = Work::begin();
        let result = self.next(timeout, &mut work);
        add(&self.stage.counting.own_ns, work.end().as_nanos() as u64);
        result
    }

    fn next(&self, timeout: u32, work: &mut Work) -> Result<(DXGI_OUTDUPL_FRAME_INFO, IDXGIResource)> {
        let stage = &self.stage;
        let mut state = self.state();
        if state.owned.is_some() {
            count(&stage.counting.acquire_while_owned);
        }
        let mut now = stage.now();
        let deadline = (timeout != INFINITE).then(|| now + Duration::from_millis(u64::from(timeout)));
        self.injected_while_waiting(&mut state, deadline)?;
        // Windows holds the lock of the device for the whole wait.
        let _device = stage.settings.device_lock.then(|| lock(&self.device.lock));
        loop {
            self.check(&mut state, now)?;
            if state.owned.is_some() {
                return failure(DXGI_ERROR_INVALID_CALL);
            }
            if let Some(update) = state.fold.news(stage, now) {
                return self.hand_out(&mut state, update);
            }
            if deadline.is_some_and(|deadline| deadline <= now) {
                count(&stage.counting.timeouts);
                state.released = false;
                return failure(DXGI_ERROR_WAIT_TIMEOUT);
            }
            let losses = stage.worlds[0].gaps().map(|gap| gap.at).filter(|at| *at > now).min();
            let formats = stage.settings.formats.iter().map(|(at, _)| *at).filter(|at| *at > now).min();
            let fault = lock(&stage.faults).next(Call::AcquireNextFrame, now);
            let event = [state.fold.next(stage, now), losses, formats, fault].into_iter().flatten().min();
            let wake = [event, deadline].into_iter().flatten().min();
            work.pause(|| stage.clock.sleep(wake.map(|wake| wake.saturating_sub(now))));
            now = stage.now();
            if fault.is_some_and(|at| at <= now) {
                self.injected_while_waiting(&mut state, deadline)?;
            }
        }
    }

    /// An injected failure. A timeout comes when the time is over, on demand as well.
    fn injected_while_waiting(&self, state: &mut State, deadline: Option<Duration>) -> Result<()> {
        self.injected(state, Call::AcquireNextFrame).inspect_err(|error| {
            state.excused = error.code() == DXGI_ERROR_INVALID_CALL;
            if [DXGI_ERROR_WAIT_TIMEOUT, HRESULT(WAIT_TIMEOUT.0 as i32)].contains(&error.code()) {
                self.stage.sleep_until(deadline.unwrap_or_default());
            }
        })
    }

    fn hand_out(
        &self,
        state: &mut State,
        update: crate::fold::Update,
    ) -> Result<(DXGI_OUTDUPL_FRAME_INFO, IDXGIResource)> {
        let stage = &self.stage;
        let info = update.info;
        let (resource, slot) = if let Some(code) = stage.inject(Call::QueryTexture) {
            // The code itself is what asking for a texture will say.
            let _ = code;
            (NoTexture::default().into(), None)
        } else {
            let State { canvas, pool, .. } = state;
            let odd = update.show != Show::Nothing && stage.inject(Call::TextureFormat).is_some();
            let show = if odd { Show::Nothing } else { update.show };
            if show != Show::Nothing {
                canvas.show(&stage.worlds[self.index], update.frame);
            }
            let (texture, slot) = pool.lend(stage, canvas, update.frame, show)?;
            (texture.cast()?, Some(slot))
        };
        count(&stage.counting.acquires);
        if info.LastPresentTime != 0 {
            count(&stage.counting.image_frames);
            add(&stage.counting.presents, u64::from(info.AccumulatedFrames));
        } else if update.show == Show::Nothing {
            count(&stage.counting.pointer_frames);
        }
        state.released = false;
        state.owned = Some(Owned { update, slot });
        Ok((info, resource))
    }

    /// Takes the frame back.
    pub(crate) fn release(&self) -> Result<()> {
        let stage = &self.stage;
        let mut state = self.state();
        let now = stage.now();
        if let Err(error) = self.injected(&mut state, Call::ReleaseFrame) {
            if error.code() == DXGI_ERROR_INVALID_CALL {
                // Whoever is told that there is no frame has none.
                self.take_back(&mut state, now);
            }
            return Err(error);
        }
        self.check(&mut state, now)?;
        if state.mapped.is_some() {
            count(&stage.counting.release_while_mapped);
            return failure(DXGI_ERROR_INVALID_CALL);
        }
        let excused = std::mem::take(&mut state.excused);
        if state.owned.is_none() {
            if !excused {
                count(if state.released {
                    &stage.counting.release_twice
                } else {
                    &stage.counting.release_without_frame
                });
            }
            return failure(DXGI_ERROR_INVALID_CALL);
        }
        self.take_back(&mut state, now);
        count(&stage.counting.releases);
        Ok(())
    }

    fn take_back(&self, state: &mut State, now: Duration) {
        if let Some(slot) = state.owned.take().and_then(|owned| owned.slot) {
            slot.give_back(self.stage.worlds[self.index].frame_at(now));
        }
        state.released = true;
    }

    /// The image as memory, where the desktop is said to be in system memory.
    pub(crate) fn map(&self) -> Result<DXGI_MAPPED_RECT> {
        let mut state = self.enter(Call::MapDesktopSurface)?;
        let State { canvas, owned, mapped, .. } = &mut *state;
        let (None, Some(owned)) = (&mapped, owned) else { return failure(DXGI_ERROR_INVALID_CALL) };
        if !self.stage.settings.system_memory {
            return failure(DXGI_ERROR_UNSUPPORTED);
        }
        let world = &self.stage.worlds[self.index];
        let frame = owned.update.frame;
        let size: Size = world.rotation(frame).apply(world.size(frame));
        let pitch = size.width as usize * 4 + MAPPED_PADDING;
        let mut memory = vec![0xCD; pitch * size.height as usize];
        if owned.update.show == Show::Frame {
            let image = canvas.view(world, size.rect());
            for (y, row) in memory.chunks_exact_mut(pitch).enumerate() {
                row[..size.width as usize * 4].copy_from_slice(image.row(y));
            }
        }
        let bits = mapped.insert(memory).as_mut_ptr();
        Ok(DXGI_MAPPED_RECT { Pitch: pitch as i32, pBits: bits })
    }

    /// Ends what [`Self::map`] began.
    pub(crate) fn unmap(&self) -> Result<()> {
        let mut state = self.enter(Call::UnMapDesktopSurface)?;
        match state.mapped.take() {
            Some(_) => Ok(()),
            None => failure(DXGI_ERROR_INVALID_CALL),
        }
    }
}
