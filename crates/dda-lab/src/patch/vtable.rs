//! Replacing methods of COM objects that another DLL made.
//!
//! All objects of a class share one table of methods, so one replaced slot changes the method of every object in the process, whoever
//! made it and whenever. The slots' numbers come from the layouts that the `windows` crate declares.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use windows::Win32::System::Memory::{VirtualProtect, PAGE_PROTECTION_FLAGS, PAGE_READWRITE};
use windows_core::{Interface, Result};

/// Number of a method in its interface's table.
macro_rules! slot {
    ($vtbl:ty, $method:ident) => {
        std::mem::offset_of!($vtbl, $method) / size_of::<usize>()
    };
}
pub(crate) use slot;

struct Patch {
    original: usize,
    active: bool,
}

/// By address of the table and number of the slot. Entries stay forever: a thread may still be inside a replaced method when the
/// original is restored.
static PATCHES: RwLock<BTreeMap<(usize, usize), Patch>> = RwLock::new(BTreeMap::new());

/// Replaces methods of every object that shares the table of `object`: pairs of slots and functions. A slot that is replaced already
/// stays as it is.
///
/// # Safety
/// The table of `object` has these slots, and each function has the type of its slot and lives as long as the process.
pub(crate) unsafe fn patch<const N: usize>(object: &impl Interface, methods: [(usize, usize); N]) -> Result<()> {
    // SAFETY: a COM object begins with the address of its table.
    let table = unsafe { *object.as_raw().cast::<*mut usize>() };
    let mut patches = PATCHES.write().unwrap_or_else(PoisonError::into_inner);
    for (slot, hook) in methods {
        let key = (table as usize, slot);
        if patches.get(&key).is_some_and(|patch| patch.active) {
            continue;
        }
        // SAFETY: the caller promises that the table has the slot.
        let original = unsafe { replace(table.add(slot), hook) }?;
        patches.insert(key, Patch { original, active: true });
    }
    Ok(())
}

/// Restores every replaced method.
pub(crate) fn restore() {
    let mut patches = PATCHES.write().unwrap_or_else(PoisonError::into_inner);
    for (&(table, slot), patch) in patches.iter_mut().filter(|(_, patch)| patch.active) {
        // SAFETY: the table and the slot were valid when it was replaced, and tables live as long as their DLL, which Direct3D never
        // unloads while the process runs.
        if unsafe { replace((table as *mut usize).add(slot), patch.original) }.is_ok() {
            patch.active = false;
        }
    }
}

/// The method that `object` had in `slot` before it was replaced; the present one if it never was.
///
/// # Safety
/// `object` is a COM object whose table has that slot, and `F` is the slot's function type.
pub(crate) unsafe fn original<F: Copy>(object: *mut c_void, slot: usize) -> F {
    // SAFETY: a COM object begins with the address of its table.
    let table = unsafe { *object.cast::<*mut usize>() };
    let patches = PATCHES.read().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the caller promises that the table has the slot.
    let address = patches.get(&(table as usize, slot)).map_or_else(|| unsafe { *table.add(slot) }, |p| p.original);
    // SAFETY: the caller promises that the slot holds a function of type `F`, which is a pointer.
    unsafe { std::mem::transmute_copy(&address) }
}

/// # Safety
/// `place` is a slot of a table of methods.
unsafe fn replace(place: *mut usize, method: usize) -> Result<usize> {
    let mut before = PAGE_PROTECTION_FLAGS::default();
    // SAFETY: the slot is mapped memory, and only its protection changes; tables of methods hold no code.
    unsafe { VirtualProtect(place.cast(), size_of::<usize>(), PAGE_READWRITE, &raw mut before) }?;
    // SAFETY: writable since the line above, aligned as every slot is; other threads see the old or the new method, both valid.
    let original = unsafe { AtomicUsize::from_ptr(place) }.swap(method, Ordering::SeqCst);
    let mut unused = PAGE_PROTECTION_FLAGS::default();
    // SAFETY: as above, with the protection it had.
    unsafe { VirtualProtect(place.cast(), size_of::<usize>(), before, &raw mut unused) }?;
    Ok(original)
}
