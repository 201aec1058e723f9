//! Priorities for captures beside programs that use the whole graphics device or the whole processor. Both may be refused, which only makes
//! the capture slower then.

use windows::core::{s, w, Interface, PCWSTR};
use windows::Win32::Foundation::HANDLE;
use windows::Win32::Graphics::Direct3D11::ID3D11Device;
use windows::Win32::Graphics::Dxgi::IDXGIDevice;
use windows::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryExW, LOAD_LIBRARY_SEARCH_SYSTEM32};

/// The highest priority that a program may ask for.
const HIGHEST: i32 = 7;

/// Intel's adapters share the processor's memory; a higher priority was observed to make them slower.
const INTEL: u32 = 0x8086;

/// Raises the priority of `device` among the programs that use its adapter. Returns whether that was allowed.
pub(super) fn raise_gpu_priority(device: &ID3D11Device, vendor: u32) -> bool {
    if vendor == INTEL {
        return false;
    }
    // SAFETY: no preconditions.
    device.cast::<IDXGIDevice>().and_then(|device| unsafe { device.SetGPUThreadPriority(HIGHEST) }).is_ok()
}

type Address = unsafe extern "system" fn() -> isize;
type Set = unsafe extern "system" fn(PCWSTR, *mut u32) -> HANDLE;
type Revert = unsafe extern "system" fn(HANDLE) -> i32;

/// The calling thread belongs to the multimedia class "Capture" until this is dropped, on the same thread.
pub(super) struct CaptureThread {
    task: HANDLE,
    revert: Revert,
}

impl CaptureThread {
    /// `None` if the system refuses. Some editions of Windows have no multimedia classes.
    pub(super) fn begin() -> Option<Self> {
        // SAFETY: a library of the system, which stays loaded; the names are those of functions of these types.
        let (set, revert): (Set, Revert) = unsafe {
            let library = LoadLibraryExW(w!("avrt.dll"), None, LOAD_LIBRARY_SEARCH_SYSTEM32).ok()?;
            (
                std::mem::transmute::<Address, Set>(GetProcAddress(library, s!("AvSetMmThreadCharacteristicsW"))?),
                std::mem::transmute::<Address, Revert>(GetProcAddress(library, s!("AvRevertMmThreadCharacteristics"))?),
            )
        };
        let mut index = 0;
        // SAFETY: a name that ends with a zero, and a pointer that is valid during the call.
        let task = unsafe { set(w!("Capture"), &raw mut index) };
        (!task.is_invalid()).then_some(Self { task, revert })
    }
}

impl Drop for CaptureThread {
    fn drop(&mut self) {
        // SAFETY: the task that `begin` started on this thread: the type is not `Send`.
        unsafe { (self.revert)(self.task) };
    }
}
