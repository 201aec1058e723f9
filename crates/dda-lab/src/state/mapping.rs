//! NT handles of shared textures: each is one of a small file mapping that holds a number, so that the kernel counts them.

use std::ffi::c_void;

use windows::Win32::Foundation::{
    CloseHandle, DuplicateHandle, DUPLICATE_SAME_ACCESS, E_INVALIDARG, HANDLE, INVALID_HANDLE_VALUE,
};
use windows::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows::Win32::System::Memory::{
    CreateFileMappingW, MapViewOfFile, UnmapViewOfFile, FILE_MAP_READ, FILE_MAP_WRITE, PAGE_READWRITE,
};
use windows::Win32::System::Threading::GetCurrentProcess;
use windows_core::{s, w, Error, Result};

/// In every mapping, before the number.
const MAGIC: u64 = 0x6464_616c_6162_2d31;

/// A file mapping that holds a number.
pub(crate) struct Mapping(HANDLE);

// SAFETY: handles belong to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: as above; nothing but dropping changes it.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(crate) fn new(number: u64) -> Result<Self> {
        // SAFETY: a mapping of the paging file without a name; the result is checked.
        let mapping = Self(unsafe { CreateFileMappingW(INVALID_HANDLE_VALUE, None, PAGE_READWRITE, 0, 16, None) }?);
        with_view(mapping.0, |words| *words = [MAGIC, number])?;
        Ok(mapping)
    }

    /// One more handle, for the program.
    pub(crate) fn handle(&self) -> Result<HANDLE> {
        let mut handle = HANDLE::default();
        // SAFETY: our own handle; the pointer is valid for the call.
        unsafe {
            let process = GetCurrentProcess();
            DuplicateHandle(process, self.0, process, &raw mut handle, 0, false, DUPLICATE_SAME_ACCESS)?;
        }
        Ok(handle)
    }

    /// Number of open handles besides our own.
    pub(crate) fn foreign_handles(&self) -> u64 {
        handle_count(self.0).saturating_sub(1)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: owned by this value alone.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

/// The number that the mapping of `handle` holds.
pub(crate) fn number_of(handle: HANDLE) -> Result<u64> {
    match with_view(handle, |words| *words) {
        Ok([MAGIC, number]) => Ok(number),
        _ => Err(E_INVALIDARG.into()),
    }
}

/// Accesses the two words of a mapping.
fn with_view<T>(mapping: HANDLE, access: impl FnOnce(&mut [u64; 2]) -> T) -> Result<T> {
    // SAFETY: fails if the handle is not one of a mapping, or of one that is shorter.
    let view = unsafe { MapViewOfFile(mapping, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, 16) };
    if view.Value.is_null() {
        return Err(Error::from_thread());
    }
    // SAFETY: mapped for 16 bytes, aligned to a page; only `Mapping::new` writes, before the program has a handle.
    let result = access(unsafe { &mut *view.Value.cast::<[u64; 2]>() });
    // SAFETY: mapped above.
    let _ = unsafe { UnmapViewOfFile(view) };
    Ok(result)
}

/// Number of open handles of the object of `handle`.
fn handle_count(handle: HANDLE) -> u64 {
    type NtQueryObject = unsafe extern "system" fn(HANDLE, i32, *mut c_void, u32, *mut u32) -> i32;
    // `OBJECT_BASIC_INFORMATION`: attributes, access, number of handles, and more.
    let mut information = [0u32; 14];
    // SAFETY: ntdll is in every process; the name is a function of this very type; class 0 is as long as the buffer.
    unsafe {
        let Ok(ntdll) = GetModuleHandleW(w!("ntdll.dll")) else { return 0 };
        let Some(address) = GetProcAddress(ntdll, s!("NtQueryObject")) else { return 0 };
        let query: NtQueryObject = std::mem::transmute(address);
        let size = size_of_val(&information) as u32;
        let status = query(handle, 0, information.as_mut_ptr().cast(), size, std::ptr::null_mut());
        u64::from(if status < 0 { 0 } else { information[2] })
    }
}
