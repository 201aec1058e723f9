//! Calls that the lab makes itself pass through the hooks as if they were not there.

use std::cell::Cell;

thread_local! {
    static BYPASSED: Cell<bool> = const { Cell::new(false) };
}

/// Whether the lab itself makes this thread's present call.
pub(crate) fn bypassed() -> bool {
    BYPASSED.get()
}

/// Does something whose calls the hooks neither count nor change.
pub(crate) fn bypass<T>(work: impl FnOnce() -> T) -> T {
    let before = BYPASSED.replace(true);
    let result = work();
    BYPASSED.set(before);
    result
}
