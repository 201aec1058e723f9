//! Keyed mutexes, which Wine does not have: one per shared memory, one owner at a time, and a key that says who may be next.

use std::ffi::c_void;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use windows::Win32::Foundation::{E_FAIL, E_NOINTERFACE};
use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::{
    IDXGIDeviceSubObject_Impl, IDXGIKeyedMutex, IDXGIKeyedMutex_Impl, IDXGIObject_Impl,
};
use windows_core::{implement, Interface, Result, GUID, HRESULT};

use crate::counters::count;
use crate::faults::Call;
use crate::lock;
use crate::private::{private_data, PrivateData};
use crate::shared::Party;
use crate::stage::current;

const WAIT_ABANDONED: HRESULT = HRESULT(0x80);
const WAIT_TIMEOUT: HRESULT = HRESULT(0x102);

/// The state that all parties share.
#[derive(Default)]
pub(crate) struct Keyed {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    key: u64,
    /// Number of the party that has it.
    owner: Option<u64>,
    /// An owner ended without leaving a key. It stays like that.
    abandoned: bool,
}

impl Keyed {
    /// Waits until the mutex is left with `key`, at most `timeout`.
    pub(crate) fn acquire(&self, party: u64, key: u64, timeout: Duration) -> Result<()> {
        let state = lock(&self.state);
        if state.owner == Some(party) {
            if let Some(stage) = current() {
                count(&stage.counting.key_out_of_order);
            }
            return Err(E_FAIL.into());
        }
        let blocked = |state: &mut State| !state.abandoned && (state.owner.is_some() || state.key != key);
        let waited = self.changed.wait_timeout_while(state, timeout, blocked);
        let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.abandoned {
            return Err(WAIT_ABANDONED.into());
        }
        if outcome.timed_out() {
            return Err(WAIT_TIMEOUT.into());
        }
        state.owner = Some(party);
        Ok(())
    }

    /// Leaves the mutex with `key`.
    pub(crate) fn release(&self, party: u64, key: u64) -> Result<()> {
        let mut state = lock(&self.state);
        if state.owner != Some(party) {
            if let Some(stage) = current() {
                count(&stage.counting.key_out_of_order);
            }
            return Err(E_FAIL.into());
        }
        state.owner = None;
        state.key = key;
        self.changed.notify_all();
        Ok(())
    }

    /// The party is gone, perhaps as the owner.
    pub(crate) fn leave(&self, party: u64) {
        let mut state = lock(&self.state);
        if state.owner == Some(party) {
            state.owner = None;
            state.abandoned = true;
            self.changed.notify_all();
        }
    }

    pub(crate) fn is_owned_by(&self, party: u64) -> bool {
        lock(&self.state).owner == Some(party)
    }
}

/// The mutex as one texture sees it. It keeps the texture alive, as an interface of the same object would.
#[implement(IDXGIKeyedMutex)]
pub(crate) struct KeyedMutex {
    pub(crate) texture: ID3D11Texture2D,
    pub(crate) party: Arc<Party>,
    data: PrivateData,
}

impl KeyedMutex {
    pub(crate) fn new(texture: ID3D11Texture2D, party: Arc<Party>) -> Self {
        Self { texture, party, data: PrivateData::default() }
    }
}

impl IDXGIKeyedMutex_Impl for KeyedMutex_Impl {
    fn AcquireSync(&self, key: u64, milliseconds: u32) -> Result<()> {
        self.party.refuse(Call::AcquireSync)?;
        let keyed = self.party.memory.keyed.as_ref().ok_or(E_FAIL)?;
        keyed.acquire(self.party.number, key, Duration::from_millis(u64::from(milliseconds)))?;
        self.party.bring_up_to_date(&self.texture)
    }

    fn ReleaseSync(&self, key: u64) -> Result<()> {
        self.party.refuse(Call::ReleaseSync)?;
        self.party.memory.keyed.as_ref().ok_or(E_FAIL)?.release(self.party.number, key)
    }
}

impl IDXGIObject_Impl for KeyedMutex_Impl {
    private_data!();

    fn GetParent(&self, _iid: *const GUID, _parent: *mut *mut c_void) -> Result<()> {
        Err(E_NOINTERFACE.into())
    }
}

impl IDXGIDeviceSubObject_Impl for KeyedMutex_Impl {
    fn GetDevice(&self, iid: *const GUID, device: *mut *mut c_void) -> Result<()> {
        // SAFETY: every texture has a device; the caller keeps the contract of the same method.
        unsafe { self.texture.GetDevice()?.query(iid, device).ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: &Result<()>) -> i32 {
        result.as_ref().map_or_else(|error| error.code().0, |()| 0)
    }

    #[test]
    fn keys_pass_the_mutex_to_and_fro() {
        let keyed = Keyed::default();
        let now = Duration::ZERO;
        assert_eq!(code(&keyed.acquire(2, 1, now)), 0x102);
        assert_eq!(code(&keyed.acquire(1, 0, now)), 0);
        assert_eq!(code(&keyed.acquire(2, 0, now)), 0x102, "owned");
        assert_eq!(code(&keyed.release(2, 1)), E_FAIL.0, "not by its owner");
        assert_eq!(code(&keyed.release(1, 1)), 0);
        assert_eq!(code(&keyed.acquire(1, 0, now)), 0x102);
        assert_eq!(code(&keyed.acquire(2, 1, now)), 0);
        assert_eq!(code(&keyed.acquire(2, 1, now)), E_FAIL.0, "not recursive");
    }

    #[test]
    fn who_ends_as_the_owner_abandons_it_for_good() {
        let keyed = Keyed::default();
        keyed.leave(1);
        assert_eq!(code(&keyed.acquire(1, 0, Duration::ZERO)), 0);
        keyed.leave(1);
        for party in [1, 2] {
            assert_eq!(code(&keyed.acquire(party, 0, Duration::from_secs(60))), 0x80);
        }
    }
}
