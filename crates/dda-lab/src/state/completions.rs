//! Events that the program has asked a device to set when it has done its work.

use std::sync::Mutex;
use std::time::Duration;

use windows::Win32::Foundation::{CloseHandle, DuplicateHandle, DUPLICATE_SAME_ACCESS, HANDLE};
use windows::Win32::System::Threading::{GetCurrentProcess, SetEvent};
use windows_core::Result;

use crate::clock;
use crate::mutex::lock;

/// A handle of its own of an event of the program.
struct Event(HANDLE);

// SAFETY: handles belong to the process, not to a thread.
unsafe impl Send for Event {}

impl Event {
    fn of(event: HANDLE) -> Result<Self> {
        let mut handle = HANDLE::default();
        // SAFETY: fails for what is no handle; the pointer is valid for the call.
        unsafe {
            let process = GetCurrentProcess();
            DuplicateHandle(process, event, process, &raw mut handle, 0, false, DUPLICATE_SAME_ACCESS)?;
        }
        Ok(Self(handle))
    }

    fn set(&self) {
        // SAFETY: our own handle; for what is no event the call fails.
        let _ = unsafe { SetEvent(self.0) };
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned by this value alone.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

/// An event to be set in virtual time.
struct Pending {
    /// The program's handle.
    handle: usize,
    event: Event,
    due: Duration,
}

/// The events that are to be set in virtual time.
#[derive(Default)]
pub(crate) struct Completions(Mutex<Vec<Pending>>);

impl Completions {
    /// Sets `event` when virtual time reaches `due`.
    pub(crate) fn set_at(&self, event: HANDLE, due: Duration) -> Result<()> {
        let pending = Pending { handle: event.0 as usize, event: Event::of(event)?, due };
        lock(&self.0).push(pending);
        Ok(())
    }

    /// Sets every event that is due at `now`.
    pub(crate) fn set_due(&self, now: Duration) {
        lock(&self.0).retain(|pending| {
            if pending.due <= now {
                pending.event.set();
            }
            pending.due > now
        });
    }

    /// When the first of `handles` will be set, if one of them waits for a device.
    pub(crate) fn first_due(&self, handles: &[HANDLE]) -> Option<Duration> {
        let is_one = |pending: &&Pending| handles.iter().any(|handle| handle.0 as usize == pending.handle);
        lock(&self.0).iter().filter(is_one).map(|pending| pending.due).min()
    }
}

/// Sets `event` after `time` of real time.
pub(crate) fn set_after(event: HANDLE, time: Duration) -> Result<()> {
    let event = Event::of(event)?;
    if time.is_zero() {
        event.set();
    } else {
        std::thread::spawn(move || {
            clock::sleep(time);
            event.set();
        });
    }
    Ok(())
}
