//! Physical pixels: the DPI awareness of the calling thread, set for a few calls and restored.
//!
//! `DuplicateOutput1` refuses threads that are not per-monitor aware (version 2), and `IDXGIOutput::GetDesc` reports virtual coordinates to
//! them. A Python process is usually unaware, and a library must not change that for the whole process.

use windows::core::{s, w};
use windows::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows::Win32::UI::HiDpi::{
    DPI_AWARENESS_CONTEXT, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2,
};

type SetContext = unsafe extern "system" fn(DPI_AWARENESS_CONTEXT) -> DPI_AWARENESS_CONTEXT;

/// The calling thread sees physical pixels until this is dropped. Belongs to that thread.
pub(in crate::source) struct PhysicalPixels(Option<(SetContext, DPI_AWARENESS_CONTEXT)>);

impl PhysicalPixels {
    /// | Windows 10 | awareness | effect |
    /// |---|---|---|
    /// | 1703 and later | per monitor, version 2 | physical pixels and `DuplicateOutput1` |
    /// | 1607 | per monitor | physical pixels |
    /// | earlier | unchanged | none |
    pub(in crate::source) fn for_this_thread() -> Self {
        // SAFETY: user32 is never unloaded, because d3d11 depends on it; the name is that of a function of this type (Windows 10
        // 1607 and later), which accepts any context value and returns null for an unknown one.
        unsafe {
            let Ok(user32) = GetModuleHandleW(w!("user32.dll")) else { return Self(None) };
            let Some(address) = GetProcAddress(user32, s!("SetThreadDpiAwarenessContext")) else { return Self(None) };
            let set: SetContext = std::mem::transmute(address);
            let known = [DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE];
            let before = known.into_iter().map(|context| set(context)).find(|before| !before.0.is_null());
            Self(before.map(|before| (set, before)))
        }
    }
}

impl Drop for PhysicalPixels {
    fn drop(&mut self) {
        if let Some((set, before)) = self.0 {
            // SAFETY: the function and the context that it returned itself, on the same thread: the type is not `Send`.
            unsafe { set(before) };
        }
    }
}
