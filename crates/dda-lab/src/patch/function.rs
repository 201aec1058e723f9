//! Replacing functions that another DLL exports.
//!
//! Programs have the address of such a function from the loader, in their import table, or from `GetProcAddress`, which reads the export
//! table. Both are tables of addresses, so no code is changed. After the end, the address of a replacement still works: it calls the
//! original.

use std::ffi::{c_void, CStr};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use windows::Win32::Foundation::{FreeLibrary, E_FAIL, E_NOINTERFACE, E_OUTOFMEMORY, HMODULE};
use windows::Win32::System::Diagnostics::Debug::{
    FlushInstructionCache, IMAGE_DATA_DIRECTORY, IMAGE_DIRECTORY_ENTRY, IMAGE_DIRECTORY_ENTRY_EXPORT,
    IMAGE_DIRECTORY_ENTRY_IMPORT, IMAGE_NT_HEADERS64,
};
use windows::Win32::System::LibraryLoader::{GetModuleHandleExW, LoadLibraryA, GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS};
use windows::Win32::System::Memory::{
    VirtualAlloc, VirtualProtect, MEM_COMMIT, MEM_RESERVE, PAGE_EXECUTE_READ, PAGE_PROTECTION_FLAGS, PAGE_READWRITE,
};
use windows::Win32::System::ProcessStatus::EnumProcessModules;
use windows::Win32::System::SystemServices::{IMAGE_DOS_HEADER, IMAGE_EXPORT_DIRECTORY, IMAGE_IMPORT_DESCRIPTOR};
use windows::Win32::System::Threading::GetCurrentProcess;
use windows_core::{Result, PCSTR, PCWSTR};

/// Machine code that jumps to the address behind it.
#[cfg(target_arch = "x86_64")]
const JUMP: [u8; 6] = [0xFF, 0x25, 0, 0, 0, 0];
#[cfg(target_arch = "aarch64")]
const JUMP: [u8; 8] = [0x50, 0, 0, 0x58, 0, 2, 0x1F, 0xD6];

/// Granularity at which Windows reserves memory.
const STEP: usize = 1 << 16;

/// A function that a DLL exports.
pub(crate) struct Function {
    pub(super) dll: &'static CStr,
    pub(super) name: &'static CStr,
    /// Its address, 0 before it was replaced for the first time. Readable without a lock: the hooks of waits need it, and a lock waits.
    original: AtomicUsize,
}

struct Replaced {
    function: &'static Function,
    hook: usize,
    /// The function's entry in the DLL's export table.
    entry: usize,
    /// What the entry says, relative to the DLL: the function before,
    before: u32,
    /// and a jump to the hook after.
    after: u32,
    active: bool,
}

/// Entries stay forever, as the DLLs do.
static REPLACED: RwLock<Vec<Replaced>> = RwLock::new(Vec::new());

impl Function {
    pub(crate) const fn new(dll: &'static CStr, name: &'static CStr) -> Self {
        Self { dll, name, original: AtomicUsize::new(0) }
    }

    /// Makes every module call `hook` instead. A function that is replaced already stays as it is.
    ///
    /// # Safety
    /// `hook` is a function of this function's type that lives as long as the process.
    pub(crate) unsafe fn replace(&'static self, hook: usize) -> Result<()> {
        let mut replaced = REPLACED.write().unwrap_or_else(PoisonError::into_inner);
        if !replaced.iter().any(|entry| std::ptr::eq(entry.function, self)) {
            // SAFETY: system libraries, never unloaded from here on.
            let module = unsafe { LoadLibraryA(PCSTR(self.dll.as_ptr().cast())) }?;
            // SAFETY: a loaded module.
            let entry = unsafe { Image(module).export(self.name) }?;
            let base = module.0 as usize;
            // SAFETY: an entry of the export table.
            let before = unsafe { *(entry as *const u32) };
            // SAFETY: as the caller promises.
            let after = u32::try_from(unsafe { trampoline(module, hook) }? - base).map_err(|_| E_OUTOFMEMORY)?;
            self.original.store(base + before as usize, Ordering::Release);
            replaced.push(Replaced { function: self, hook, entry, before, after, active: false });
        }
        for entry in replaced.iter_mut().filter(|entry| std::ptr::eq(entry.function, self) && !entry.active) {
            // SAFETY: an entry of an export table.
            unsafe { set_export(entry.entry, entry.after) }?;
            set_imports(self.address(), entry.hook)?;
            entry.active = true;
        }
        Ok(())
    }

    /// The function as it was before it was replaced.
    ///
    /// # Safety
    /// `F` is its type, and it was replaced once.
    pub(crate) unsafe fn original<F: Copy>(&self) -> F {
        // SAFETY: as the caller promises; a function is a pointer.
        unsafe { std::mem::transmute_copy(&self.address()) }
    }

    fn address(&self) -> usize {
        self.original.load(Ordering::Acquire)
    }
}

/// Makes every module call the original functions again.
pub(crate) fn restore() {
    let mut replaced = REPLACED.write().unwrap_or_else(PoisonError::into_inner);
    for entry in replaced.iter_mut().filter(|entry| entry.active) {
        // SAFETY: an entry of an export table.
        let restored = unsafe { set_export(entry.entry, entry.before) };
        entry.active = restored.and_then(|()| set_imports(entry.hook, entry.function.address())).is_err();
    }
}

/// A loaded module.
#[derive(Clone, Copy)]
pub(super) struct Image(pub(super) HMODULE);

impl Image {
    pub(super) fn at<T>(self, offset: u32) -> *mut T {
        self.0 .0.wrapping_byte_add(offset as usize).cast()
    }

    /// # Safety
    /// The module is loaded.
    unsafe fn headers(self) -> *mut IMAGE_NT_HEADERS64 {
        // SAFETY: every loaded module begins with this header.
        let dos = unsafe { *self.at::<IMAGE_DOS_HEADER>(0) };
        self.at(dos.e_lfanew as u32)
    }

    /// One of the tables; `None` if the module has none.
    ///
    /// # Safety
    /// The module is loaded.
    pub(super) unsafe fn table<T>(self, which: IMAGE_DIRECTORY_ENTRY) -> Option<(*mut T, IMAGE_DATA_DIRECTORY)> {
        // SAFETY: every loaded module has these headers.
        let directory = unsafe { (*self.headers()).OptionalHeader.DataDirectory[which.0 as usize] };
        (directory.Size > 0).then(|| (self.at(directory.VirtualAddress), directory))
    }

    /// The header's entry about a table.
    ///
    /// # Safety
    /// The module is loaded.
    pub(super) unsafe fn directory(self, which: IMAGE_DIRECTORY_ENTRY) -> *mut IMAGE_DATA_DIRECTORY {
        // SAFETY: every loaded module has these headers.
        unsafe { &raw mut (*self.headers()).OptionalHeader.DataDirectory[which.0 as usize] }
    }

    /// The address of the export table's entry for the function called `name`.
    ///
    /// # Safety
    /// The module is loaded.
    unsafe fn export(self, name: &CStr) -> Result<usize> {
        // SAFETY: the module is loaded, hence all that its headers point to is mapped.
        unsafe {
            let (exports, whole) =
                self.table::<IMAGE_EXPORT_DIRECTORY>(IMAGE_DIRECTORY_ENTRY_EXPORT).ok_or(E_NOINTERFACE)?;
            let exports = &*exports;
            let names =
                std::slice::from_raw_parts(self.at::<u32>(exports.AddressOfNames), exports.NumberOfNames as usize);
            let found = names.iter().position(|&at| CStr::from_ptr(self.at(at)) == name).ok_or(E_NOINTERFACE)?;
            let ordinal = *self.at::<u16>(exports.AddressOfNameOrdinals).add(found);
            let place = self.at::<u32>(exports.AddressOfFunctions).add(ordinal as usize);
            // An entry that points into the table itself forwards to another DLL's function.
            let inside = whole.VirtualAddress..whole.VirtualAddress + whole.Size;
            if inside.contains(&*place) {
                return Err(E_NOINTERFACE.into());
            }
            Ok(place as usize)
        }
    }

    /// Replaces an address in the import table.
    ///
    /// # Safety
    /// The module stays loaded meanwhile.
    unsafe fn set_imports(self, from: usize, to: usize) -> Result<()> {
        // SAFETY: the module is loaded, hence all that its headers point to is mapped; both tables end with a zero.
        unsafe {
            let Some((mut import, _)) = self.table::<IMAGE_IMPORT_DESCRIPTOR>(IMAGE_DIRECTORY_ENTRY_IMPORT) else {
                return Ok(());
            };
            while (*import).FirstThunk != 0 {
                let mut place = self.at::<usize>((*import).FirstThunk);
                // MinGW's linker does not align them.
                while place.read_unaligned() != 0 {
                    if place.read_unaligned() == from {
                        writable(place, || set_address(place, to))?;
                    }
                    place = place.add(1);
                }
                import = import.add(1);
            }
        }
        Ok(())
    }
}

/// Replaces an address in the import tables of all modules.
fn set_imports(from: usize, to: usize) -> Result<()> {
    // SAFETY: the module is held meanwhile.
    for_all_modules(|image| unsafe { image.set_imports(from, to) })
}

/// Does something with every loaded module, which stays loaded meanwhile.
pub(super) fn for_all_modules(work: impl Fn(Image) -> Result<()>) -> Result<()> {
    let mut modules = vec![HMODULE::default(); 1024];
    let (size, mut needed) = (size_of_val(modules.as_slice()) as u32, 0);
    // SAFETY: a buffer of the size passed with it.
    unsafe { EnumProcessModules(GetCurrentProcess(), modules.as_mut_ptr(), size, &raw mut needed) }?;
    modules.truncate(needed as usize / size_of::<HMODULE>());
    for module in modules {
        let mut held = HMODULE::default();
        // SAFETY: any address may be passed. A module that was unloaded meanwhile is not found.
        if unsafe { GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, PCWSTR(module.0.cast()), &raw mut held) }
            .is_err()
        {
            continue;
        }
        let outcome = work(Image(held));
        // SAFETY: the reference taken above.
        let _ = unsafe { FreeLibrary(held) };
        outcome?;
    }
    Ok(())
}

/// Other threads see the old or the new function, both valid. That holds for an unaligned address, too, unless it crosses a cache line.
///
/// # Safety
/// `place` is writable.
pub(super) unsafe fn set_address(place: *mut usize, address: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        if place.is_aligned() {
            AtomicUsize::from_ptr(place).store(address, Ordering::SeqCst);
        } else {
            place.write_unaligned(address);
        }
    }
}

/// # Safety
/// `entry` is an entry of an export table.
unsafe fn set_export(entry: usize, offset: u32) -> Result<()> {
    let place = entry as *mut u32;
    // SAFETY: aligned as every entry is; other threads see the old or the new function, both valid.
    unsafe { writable(place, || AtomicU32::from_ptr(place).store(offset, Ordering::SeqCst)) }
}

/// Does something while the memory at `place` is writable.
///
/// # Safety
/// `place` is mapped and holds no code.
pub(super) unsafe fn writable<T>(place: *mut T, work: impl FnOnce()) -> Result<()> {
    let (mut before, mut unused) = (PAGE_PROTECTION_FLAGS::default(), PAGE_PROTECTION_FLAGS::default());
    // SAFETY: as the caller promises; only the protection changes, and it is put back.
    unsafe {
        VirtualProtect(place.cast(), size_of::<T>(), PAGE_READWRITE, &raw mut before)?;
        work();
        VirtualProtect(place.cast(), size_of::<T>(), before, &raw mut unused)
    }
}

/// A jump to `hook`, placed behind the module and within reach of its export table, whose entries have 32 bits.
///
/// # Safety
/// The module is loaded.
pub(super) unsafe fn trampoline(module: HMODULE, hook: usize) -> Result<usize> {
    let code: Vec<u8> = JUMP.into_iter().chain(hook.to_ne_bytes()).collect();
    // SAFETY: as the caller promises.
    let memory = unsafe { near(module, code.len()) }?;
    let mut unused = PAGE_PROTECTION_FLAGS::default();
    // SAFETY: new memory of that length, which no other code knows.
    unsafe {
        memory.cast::<u8>().copy_from_nonoverlapping(code.as_ptr(), code.len());
        VirtualProtect(memory, code.len(), PAGE_EXECUTE_READ, &raw mut unused)?;
        FlushInstructionCache(GetCurrentProcess(), Some(memory), code.len()).map_err(|_| E_FAIL)?;
    }
    Ok(memory as usize)
}

/// New memory of `len` bytes behind a module, within reach of 32 bits.
///
/// # Safety
/// The module is loaded.
pub(super) unsafe fn near(module: HMODULE, len: usize) -> Result<*mut c_void> {
    // SAFETY: a loaded module has these headers.
    let size = unsafe { (*Image(module).headers()).OptionalHeader.SizeOfImage } as usize;
    let first = (module.0 as usize + size).next_multiple_of(STEP);
    let places = (first..).step_by(STEP).take((u32::MAX as usize - size - len) / STEP);
    // SAFETY: memory that is free, or the call fails.
    let allocate =
        |at| unsafe { VirtualAlloc(Some(at as *const c_void), len, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) };
    places.map(allocate).find(|memory| !memory.is_null()).ok_or_else(|| E_OUTOFMEMORY.into())
}
