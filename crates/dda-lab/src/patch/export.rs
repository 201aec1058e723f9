//! Exports that a DLL lacks.
//!
//! The export directory is copied to memory behind the module, with one more name and function, and the module's headers then point to the
//! copy. The loader and `GetProcAddress` read it there. Names of forwarded functions must lie inside the directory, so they are copied too.
//! Modules that were loaded before have a stub in their import tables, which is found by name.

use std::ffi::CStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use windows::Win32::Foundation::E_NOINTERFACE;
use windows::Win32::System::Diagnostics::Debug::{IMAGE_DIRECTORY_ENTRY_EXPORT, IMAGE_DIRECTORY_ENTRY_IMPORT};
use windows::Win32::System::LibraryLoader::{GetProcAddress, LoadLibraryA};
use windows::Win32::System::SystemServices::{IMAGE_EXPORT_DIRECTORY, IMAGE_IMPORT_DESCRIPTOR};
use windows_core::{Result, PCSTR};

use crate::patch::function::{for_all_modules, near, set_address, trampoline, writable, Function, Image};

/// A function that a DLL may lack.
pub(crate) struct Provided {
    function: Function,
    /// The function in its place if the DLL lacks it, 0 before.
    hook: AtomicUsize,
    /// Whether the DLL has a function of its own.
    real: AtomicUsize,
}

static PROVIDING: Mutex<()> = Mutex::new(());

impl Provided {
    pub(crate) const fn new(dll: &'static CStr, name: &'static CStr) -> Self {
        Self { function: Function::new(dll, name), hook: AtomicUsize::new(0), real: AtomicUsize::new(0) }
    }

    /// Makes every module call `hook`, whether the DLL has the function or not. An export that was added stays: `hook` must know what to do
    /// when no lab runs.
    ///
    /// # Safety
    /// `hook` is a function of this function's type that lives as long as the process.
    pub(crate) unsafe fn provide(&'static self, hook: usize) -> Result<()> {
        let _guard = PROVIDING.lock().unwrap_or_else(PoisonError::into_inner);
        let Function { dll, name, .. } = self.function;
        // SAFETY: a system library, never unloaded from here on.
        let module = unsafe { LoadLibraryA(PCSTR(dll.as_ptr().cast())) }?;
        if self.hook.load(Ordering::Acquire) == 0 {
            // SAFETY: a loaded module and a name.
            if unsafe { GetProcAddress(module, PCSTR(name.as_ptr().cast())) }.is_some() {
                self.real.store(1, Ordering::Release);
                // SAFETY: as the caller promises.
                return unsafe { self.function.replace(hook) };
            }
            // SAFETY: as the caller promises.
            unsafe { add_export(Image(module), name, hook) }?;
            self.hook.store(hook, Ordering::Release);
        }
        // Also modules that were loaded since, if the loader has bound them to a stub.
        for_all_modules(|image| {
            // SAFETY: the module is held meanwhile.
            unsafe { image.bind_by_name(dll, name, hook) }
        })
    }

    /// The function of the DLL, if it has one.
    ///
    /// # Safety
    /// `F` is its type.
    pub(crate) unsafe fn original<F: Copy>(&self) -> Option<F> {
        // SAFETY: as the caller promises.
        (self.real.load(Ordering::Acquire) != 0).then(|| unsafe { self.function.original() })
    }
}

/// # Safety
/// The module is loaded for ever, and `hook` lives as long as the process.
unsafe fn add_export(image: Image, name: &CStr, hook: usize) -> Result<()> {
    // SAFETY: the module is loaded, hence all that its headers point to is mapped.
    unsafe {
        let (before, whole) =
            image.table::<IMAGE_EXPORT_DIRECTORY>(IMAGE_DIRECTORY_ENTRY_EXPORT).ok_or(E_NOINTERFACE)?;
        let before = *before;
        let code = trampoline(image.0, hook)?;
        let mut functions: Vec<u32> = image.slice(before.AddressOfFunctions, before.NumberOfFunctions).to_vec();
        let mut names: Vec<u32> = image.slice(before.AddressOfNames, before.NumberOfNames).to_vec();
        let mut ordinals: Vec<u16> = image.slice(before.AddressOfNameOrdinals, before.NumberOfNames).to_vec();
        let header = size_of::<IMAGE_EXPORT_DIRECTORY>();
        let tables = (functions.len() + 1) * 4 + (names.len() + 1) * 6;
        let inside = whole.VirtualAddress..whole.VirtualAddress + whole.Size;
        let forwarded: Vec<usize> = (0..functions.len()).filter(|&index| inside.contains(&functions[index])).collect();
        let strings = |image: Image, at: u32| CStr::from_ptr(image.at(at)).to_bytes_with_nul();
        let length = forwarded.iter().map(|&index| strings(image, functions[index]).len()).sum::<usize>();
        let total = header + tables + name.to_bytes_with_nul().len() + length;
        let memory = near(image.0, total)?.cast::<u8>();
        let offset = |place: *mut u8| (place as usize - image.0 .0 as usize) as u32;
        let mut next = memory.add(header + tables);
        let mut keep = |text: &[u8]| {
            next.copy_from_nonoverlapping(text.as_ptr(), text.len());
            let kept = offset(next);
            next = next.add(text.len());
            kept
        };
        for index in forwarded {
            functions[index] = keep(strings(image, functions[index]));
        }
        let own = keep(name.to_bytes_with_nul());
        // Names are sorted.
        let place = names.partition_point(|&at| CStr::from_ptr(image.at(at)) < name);
        names.insert(place, own);
        ordinals.insert(place, functions.len() as u16);
        functions.push((code - image.0 .0 as usize) as u32);
        let mut table = memory.add(header);
        let mut put = |bytes: *const u8, size: usize| {
            table.copy_from_nonoverlapping(bytes, size);
            let at = offset(table);
            table = table.add(size);
            at
        };
        let after = IMAGE_EXPORT_DIRECTORY {
            NumberOfFunctions: functions.len() as u32,
            NumberOfNames: names.len() as u32,
            AddressOfFunctions: put(functions.as_ptr().cast(), functions.len() * 4),
            AddressOfNames: put(names.as_ptr().cast(), names.len() * 4),
            AddressOfNameOrdinals: put(ordinals.as_ptr().cast(), ordinals.len() * 2),
            ..before
        };
        memory.cast::<IMAGE_EXPORT_DIRECTORY>().write_unaligned(after);
        let directory = image.directory(IMAGE_DIRECTORY_ENTRY_EXPORT);
        // A reader between the two sees forwarded functions of the old table only.
        writable(directory, || {
            (*directory).VirtualAddress = offset(memory);
            (*directory).Size = total as u32;
        })
    }
}

impl Image {
    /// A table of the module.
    ///
    /// # Safety
    /// The module is loaded and has that table.
    unsafe fn slice<'a, T>(self, offset: u32, count: u32) -> &'a [T] {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts(self.at::<T>(offset), count as usize) }
    }

    /// Sets the address of every import of that name.
    ///
    /// # Safety
    /// The module stays loaded meanwhile, and `hook` lives as long as the process.
    unsafe fn bind_by_name(self, dll: &CStr, name: &CStr, hook: usize) -> Result<()> {
        // SAFETY: the module is loaded, hence all that its headers point to is mapped; all tables end with a zero.
        unsafe {
            let Some((mut import, _)) = self.table::<IMAGE_IMPORT_DESCRIPTOR>(IMAGE_DIRECTORY_ENTRY_IMPORT) else {
                return Ok(());
            };
            while (*import).FirstThunk != 0 {
                let descriptor = *import;
                import = import.add(1);
                let names = descriptor.Anonymous.OriginalFirstThunk;
                let from = CStr::from_ptr(self.at(descriptor.Name)).to_bytes();
                if names == 0 || !from.eq_ignore_ascii_case(dll.to_bytes()) {
                    continue;
                }
                let (mut wanted, mut place) = (self.at::<u64>(names), self.at::<usize>(descriptor.FirstThunk));
                while wanted.read_unaligned() != 0 {
                    let at = wanted.read_unaligned();
                    // Imports by number have the highest bit. A name follows two bytes of hint.
                    if at >> 63 == 0 && CStr::from_ptr(self.at::<i8>(at as u32 + 2)) == name {
                        writable(place, || set_address(place, hook))?;
                    }
                    (wanted, place) = (wanted.add(1), place.add(1));
                }
            }
        }
        Ok(())
    }
}
