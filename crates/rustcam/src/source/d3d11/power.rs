//! Keeps the display from being switched off.

use windows::core::{w, PWSTR};
use windows::Win32::Foundation::{CloseHandle, HANDLE};
use windows::Win32::System::Power::{
    PowerClearRequest, PowerCreateRequest, PowerRequestDisplayRequired, PowerSetRequest,
};
use windows::Win32::System::SystemServices::POWER_REQUEST_CONTEXT_VERSION;
use windows::Win32::System::Threading::{POWER_REQUEST_CONTEXT_SIMPLE_STRING, REASON_CONTEXT, REASON_CONTEXT_0};

/// The display stays on until this is dropped; `powercfg /requests` shows why.
pub(super) struct DisplayRequired(HANDLE);

// SAFETY: handles of power requests belong to the process, not to a thread.
unsafe impl Send for DisplayRequired {}

impl DisplayRequired {
    /// `None` if the system refuses.
    pub(super) fn request() -> Option<Self> {
        let reason = w!("The screen is being recorded");
        let context = REASON_CONTEXT {
            Version: POWER_REQUEST_CONTEXT_VERSION,
            Flags: POWER_REQUEST_CONTEXT_SIMPLE_STRING,
            Reason: REASON_CONTEXT_0 { SimpleReasonString: PWSTR(reason.as_ptr().cast_mut()) },
        };
        // SAFETY: the text is static and only read.
        let request = unsafe { PowerCreateRequest(&raw const context) }.ok().map(Self)?;
        // SAFETY: an own handle.
        unsafe { PowerSetRequest(request.0, PowerRequestDisplayRequired) }.ok()?;
        Some(request)
    }
}

impl Drop for DisplayRequired {
    fn drop(&mut self) {
        // SAFETY: an own handle, closed only here.
        unsafe {
            let _ = PowerClearRequest(self.0, PowerRequestDisplayRequired);
            let _ = CloseHandle(self.0);
        }
    }
}
