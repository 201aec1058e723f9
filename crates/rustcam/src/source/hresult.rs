//! The codes (HRESULTs) of Direct3D, DXGI and the system that a capture on Windows meets, by name.
//!
//! [`Error::code`](crate::error::Error::code) of an error from the backends of Windows is one of them; the simulated desktop uses them, too, so
//! the module exists on every platform.

/// The call succeeded.
pub const S_OK: u32 = 0;
/// The result is not ready yet. Not a failure: the sign bit is clear.
pub const S_FALSE: u32 = 1;
/// The owner of a keyed mutex ended without releasing it. The sign bit is clear, so code that tests only the sign takes it for success.
pub const WAIT_ABANDONED: u32 = 0x0000_0080;
/// A wait timed out. The sign bit is clear here, too.
pub const WAIT_TIMEOUT: u32 = 0x0000_0102;
/// The object was closed before.
pub const RO_E_CLOSED: u32 = 0x8000_0013;
/// The system lacks the function.
pub const E_NOTIMPL: u32 = 0x8000_4001;
/// The object lacks the interface.
pub const E_NOINTERFACE: u32 = 0x8000_4002;
/// A failure without a stated reason.
pub const E_FAIL: u32 = 0x8000_4005;
/// The system does not know the class.
pub const CLASS_NOT_AVAILABLE: u32 = 0x8004_0111;
/// The class is not registered.
pub const CLASS_NOT_REGISTERED: u32 = 0x8004_0154;
/// The secure desktop is shown.
pub const E_ACCESSDENIED: u32 = 0x8007_0005;
/// There is not enough memory.
pub const E_OUTOFMEMORY: u32 = 0x8007_000E;
/// An argument is wrong.
pub const E_INVALIDARG: u32 = 0x8007_0057;
/// The service does not exist, at least not for this desktop.
pub const SERVICE_DOES_NOT_EXIST: u32 = 0x8007_0424;
/// The service does not answer.
pub const SERVER_UNAVAILABLE: u32 = 0x8007_06BA;
/// The service ended during the call.
pub const CALL_FAILED: u32 = 0x8007_06BE;
/// The object is not in a state that allows the call.
pub const INVALID_CALL: u32 = 0x887A_0001;
/// The adapter or output does not exist.
pub const NOT_FOUND: u32 = 0x887A_0002;
/// The buffer is too small.
pub const MORE_DATA: u32 = 0x887A_0003;
/// The display mode or the adapter does not allow it.
pub const UNSUPPORTED: u32 = 0x887A_0004;
/// The graphics device was removed.
pub const DEVICE_REMOVED: u32 = 0x887A_0005;
/// The graphics device hung.
pub const DEVICE_HUNG: u32 = 0x887A_0006;
/// The graphics device was reset.
pub const DEVICE_RESET: u32 = 0x887A_0007;
/// The GPU has not finished.
pub const WAS_STILL_DRAWING: u32 = 0x887A_000A;
/// The graphics driver failed.
pub const DRIVER_INTERNAL_ERROR: u32 = 0x887A_0020;
/// As many processes as the system allows duplicate a desktop already.
pub const NOT_CURRENTLY_AVAILABLE: u32 = 0x887A_0022;
/// The display mode is being changed.
pub const MODE_CHANGE_IN_PROGRESS: u32 = 0x887A_0025;
/// The duplication is no longer valid.
pub const ACCESS_LOST: u32 = 0x887A_0026;
/// Nothing changed before the timeout.
pub const DXGI_WAIT_TIMEOUT: u32 = 0x887A_0027;
/// The session is disconnected.
pub const SESSION_DISCONNECTED: u32 = 0x887A_0028;
/// Observed in place of [`ACCESS_LOST`]; not documented for Desktop Duplication.
pub const ACCESS_DENIED: u32 = 0x887A_002B;
/// The name is taken.
pub const NAME_ALREADY_EXISTS: u32 = 0x887A_002C;
/// The enumeration of adapters and outputs is out of date.
pub const NOT_CURRENT: u32 = 0x887A_002E;

/// A code, its name, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Code {
    /// The number.
    pub value: u32,
    /// Its name in the headers of Windows.
    pub name: &'static str,
    /// What happened, as a clause.
    pub meaning: &'static str,
}

const fn code(value: u32, name: &'static str, meaning: &'static str) -> Code {
    Code { value, name, meaning }
}

/// Every code that has a name here.
pub const CODES: &[Code] = &[
    code(S_OK, "S_OK", "it succeeded"),
    code(
        WAIT_ABANDONED,
        "WAIT_ABANDONED",
        "the owner of its lock ended, as the desktop compositor does when it restarts",
    ),
    code(WAIT_TIMEOUT, "WAIT_TIMEOUT", "nothing happened in time"),
    code(E_NOTIMPL, "E_NOTIMPL", "this system does not have it"),
    code(E_NOINTERFACE, "E_NOINTERFACE", "this version of Windows does not have it"),
    code(E_FAIL, "E_FAIL", "the system gives no reason"),
    code(E_ACCESSDENIED, "E_ACCESSDENIED", "the secure desktop (a prompt, the lock or the logon screen) is shown"),
    code(E_OUTOFMEMORY, "E_OUTOFMEMORY", "there is not enough memory"),
    code(E_INVALIDARG, "E_INVALIDARG", "the system rejected an argument"),
    code(RO_E_CLOSED, "RO_E_CLOSED", "it was closed"),
    code(CLASS_NOT_AVAILABLE, "CLASS_E_CLASSNOTAVAILABLE", "this version of Windows does not have it"),
    code(CLASS_NOT_REGISTERED, "REGDB_E_CLASSNOTREG", "this version of Windows does not have it"),
    code(
        SERVICE_DOES_NOT_EXIST,
        "ERROR_SERVICE_DOES_NOT_EXIST",
        "the capture service is not there, as while the secure desktop is shown",
    ),
    code(SERVER_UNAVAILABLE, "RPC_S_SERVER_UNAVAILABLE", "the capture service does not answer"),
    code(CALL_FAILED, "RPC_S_CALL_FAILED", "the capture service ended"),
    code(INVALID_CALL, "DXGI_ERROR_INVALID_CALL", "the duplication is not in a state that allows the call"),
    code(NOT_FOUND, "DXGI_ERROR_NOT_FOUND", "the adapter or output does not exist"),
    code(MORE_DATA, "DXGI_ERROR_MORE_DATA", "the answer is longer than announced"),
    code(UNSUPPORTED, "DXGI_ERROR_UNSUPPORTED", "the adapter or the mode does not allow it"),
    code(DEVICE_REMOVED, "DXGI_ERROR_DEVICE_REMOVED", "the graphics device was removed, or its driver restarted"),
    code(DEVICE_HUNG, "DXGI_ERROR_DEVICE_HUNG", "the graphics device hung"),
    code(DEVICE_RESET, "DXGI_ERROR_DEVICE_RESET", "the graphics device was reset"),
    code(WAS_STILL_DRAWING, "DXGI_ERROR_WAS_STILL_DRAWING", "the graphics device is not done yet"),
    code(DRIVER_INTERNAL_ERROR, "DXGI_ERROR_DRIVER_INTERNAL_ERROR", "the graphics driver failed"),
    code(NOT_CURRENTLY_AVAILABLE, "DXGI_ERROR_NOT_CURRENTLY_AVAILABLE", "it is not available at the moment"),
    code(MODE_CHANGE_IN_PROGRESS, "DXGI_ERROR_MODE_CHANGE_IN_PROGRESS", "the display mode is being changed"),
    code(ACCESS_LOST, "DXGI_ERROR_ACCESS_LOST", "access to the desktop was lost"),
    code(DXGI_WAIT_TIMEOUT, "DXGI_ERROR_WAIT_TIMEOUT", "nothing changed in time"),
    code(SESSION_DISCONNECTED, "DXGI_ERROR_SESSION_DISCONNECTED", "the session is disconnected"),
    code(0x887A_0029, "DXGI_ERROR_RESTRICT_TO_OUTPUT_STALE", "the output changed"),
    code(0x887A_002A, "DXGI_ERROR_CANNOT_PROTECT_CONTENT", "content cannot be protected"),
    code(ACCESS_DENIED, "DXGI_ERROR_ACCESS_DENIED", "access to the desktop was denied"),
    code(NAME_ALREADY_EXISTS, "DXGI_ERROR_NAME_ALREADY_EXISTS", "the name is taken"),
    code(NOT_CURRENT, "DXGI_ERROR_NOT_CURRENT", "the arrangement of adapters and outputs changed"),
    code(0x887A_0030, "DXGI_ERROR_HW_PROTECTION_OUTOFMEMORY", "there is not enough protected memory"),
    code(0x887A_0032, "DXGI_ERROR_NON_COMPOSITED_UI", "the desktop is not composed"),
    code(0x887A_0064, "DXGI_ERROR_MPO_UNPINNED", "a plane of the display was taken away"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_listed_twice_and_every_row_has_a_meaning() {
        for (i, row) in CODES.iter().enumerate() {
            assert!(CODES[..i].iter().all(|other| other.value != row.value && other.name != row.name), "{}", row.name);
            assert!(!row.meaning.is_empty());
        }
    }
}
