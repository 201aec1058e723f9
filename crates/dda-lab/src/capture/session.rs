//! Sessions: the capture of one item into one pool.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;

use windows::Win32::Foundation::E_FAIL;
use windows_core::Result;

use crate::capture::feed::{Feed, Properties};
use crate::capture::item::Item;
use crate::capture::pool::Pool;
use crate::capture::{closed, E_ILLEGAL_METHOD_CALL};
use crate::clock;
use crate::counters::{count, discount};
use crate::script::call::Call;
use crate::script::wgc::Setter;

const NEW: u8 = 0;
const STARTED: u8 = 1;
const CLOSED: u8 = 2;

/// What is behind a session.
pub(crate) struct Session {
    pub(crate) item: Arc<Item>,
    pool: Arc<Pool>,
    feed: Arc<Feed>,
    state: AtomicU8,
}

impl Session {
    pub(crate) fn new(item: Arc<Item>, pool: Arc<Pool>) -> Self {
        let feed = Arc::new(Feed::new(item.target, item.born));
        Self { item, pool, feed, state: AtomicU8::new(NEW) }
    }

    /// Fails if the session was closed, the lab stopped, or a failure of the call was injected.
    fn check(&self, call: Call) -> Result<()> {
        let sim = &self.item.sim;
        if self.state.load(Ordering::Acquire) == CLOSED || sim.is_over() {
            return closed(sim);
        }
        sim.fail(call)
    }

    pub(crate) fn start(&self) -> Result<()> {
        let sim = &self.item.sim;
        self.check(Call::StartCapture)?;
        sim.capture_service()?;
        if self.state.load(Ordering::Acquire) == STARTED {
            return Err(E_ILLEGAL_METHOD_CALL.into());
        }
        self.pool.start(&self.feed)?;
        self.state.store(STARTED, Ordering::Release);
        count(&sim.counters.wgc_sessions);
        count(&sim.counters.wgc_live_sessions);
        Ok(())
    }

    /// `Close`: it may hang.
    pub(crate) fn close(&self) {
        let before = self.state.swap(CLOSED, Ordering::AcqRel);
        if before == CLOSED {
            return;
        }
        let sim = &self.item.sim;
        if before == STARTED {
            discount(&sim.counters.wgc_live_sessions);
            if !sim.settings.wgc.close_hangs.is_zero() {
                // It hangs in another process, whatever the clock of the script is.
                clock::sleep(sim.settings.wgc.close_hangs);
            }
        }
        self.pool.stop(&self.feed);
    }

    pub(crate) fn get<T>(&self, read: impl FnOnce(&Properties) -> T) -> Result<T> {
        self.check(Call::GetSessionProperty)?;
        Ok(read(&self.feed.properties()))
    }

    pub(crate) fn set(&self, call: Call, write: impl FnOnce(&mut Properties)) -> Result<()> {
        self.check(call)?;
        self.feed.change(write);
        Ok(())
    }

    /// Without access, a border that is not required is required nevertheless.
    pub(crate) fn set_border(&self, required: bool) -> Result<()> {
        self.check(Call::SetIsBorderRequired)?;
        let wgc = &self.item.sim.settings.wgc;
        if wgc.access && wgc.border_setter != Setter::Ignored {
            self.feed.change(|properties| properties.border = required);
        }
        if wgc.border_setter == Setter::Fails {
            return Err(E_FAIL.into());
        }
        Ok(())
    }
}
