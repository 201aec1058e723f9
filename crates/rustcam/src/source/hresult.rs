//! The one table of every code that Desktop Duplication answers with: what it means, how the capture goes on, what a user can do.
//!
//! Pure data and pure functions, tested on every platform. Where the documentation of a call does not list a code, the code was seen
//! in the field: 0x80 is an abandoned keyed mutex inside the system (the compositor died), `ACCESS_DENIED` an undocumented cousin of
//! `ACCESS_LOST`, `INVALID_CALL` a passing state while HDR is switched.

use crate::error::{Error, ErrorKind, Loss};

/// Success.
pub const S_OK: u32 = 0;
/// Not yet. Not a failure, and not negative.
pub const S_FALSE: u32 = 1;
/// The owner of a keyed mutex died. Not negative, so it passes for success where only the sign is looked at.
pub const WAIT_ABANDONED: u32 = 0x0000_0080;
/// A wait ended, again without the sign of a failure.
pub const WAIT_TIMEOUT: u32 = 0x0000_0102;
/// The platform lacks the function.
pub const E_NOTIMPL: u32 = 0x8000_4001;
/// The object is of an older kind.
pub const E_NOINTERFACE: u32 = 0x8000_4002;
/// Anything.
pub const E_FAIL: u32 = 0x8000_4005;
/// The secure desktop is shown.
pub const E_ACCESSDENIED: u32 = 0x8007_0005;
/// No memory.
pub const E_OUTOFMEMORY: u32 = 0x8007_000E;
/// Wrong argument.
pub const E_INVALIDARG: u32 = 0x8007_0057;
/// Not now.
pub const INVALID_CALL: u32 = 0x887A_0001;
/// No such adapter or output.
pub const NOT_FOUND: u32 = 0x887A_0002;
/// The buffer is too small.
pub const MORE_DATA: u32 = 0x887A_0003;
/// Not in this mode or on this adapter.
pub const UNSUPPORTED: u32 = 0x887A_0004;
/// The device is gone.
pub const DEVICE_REMOVED: u32 = 0x887A_0005;
/// The device hangs.
pub const DEVICE_HUNG: u32 = 0x887A_0006;
/// The device was reset.
pub const DEVICE_RESET: u32 = 0x887A_0007;
/// The GPU is not done.
pub const WAS_STILL_DRAWING: u32 = 0x887A_000A;
/// The driver failed.
pub const DRIVER_INTERNAL_ERROR: u32 = 0x887A_0020;
/// All duplications are taken.
pub const NOT_CURRENTLY_AVAILABLE: u32 = 0x887A_0022;
/// The mode is being changed.
pub const MODE_CHANGE_IN_PROGRESS: u32 = 0x887A_0025;
/// The duplication is void.
pub const ACCESS_LOST: u32 = 0x887A_0026;
/// Nothing changed.
pub const DXGI_WAIT_TIMEOUT: u32 = 0x887A_0027;
/// Nobody looks at this session.
pub const SESSION_DISCONNECTED: u32 = 0x887A_0028;
/// Seen for `ACCESS_LOST`.
pub const ACCESS_DENIED: u32 = 0x887A_002B;
/// Something else has that name.
pub const NAME_ALREADY_EXISTS: u32 = 0x887A_002C;
/// The enumeration is out of date.
pub const NOT_CURRENT: u32 = 0x887A_002E;

/// What a table row says about a code.
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

/// Every code that is known by name.
pub const CODES: &[Code] = &[
    code(S_OK, "S_OK", "it succeeded"),
    code(
        WAIT_ABANDONED,
        "WAIT_ABANDONED",
        "whoever held its lock ended, as the desktop compositor does when it restarts",
    ),
    code(WAIT_TIMEOUT, "WAIT_TIMEOUT", "nothing happened in time"),
    code(E_NOTIMPL, "E_NOTIMPL", "this system does not have it"),
    code(E_NOINTERFACE, "E_NOINTERFACE", "this version of Windows does not have it"),
    code(E_FAIL, "E_FAIL", "the system gives no reason"),
    code(E_ACCESSDENIED, "E_ACCESSDENIED", "the secure desktop (a prompt, the lock or the logon screen) is shown"),
    code(E_OUTOFMEMORY, "E_OUTOFMEMORY", "there is not enough memory"),
    code(E_INVALIDARG, "E_INVALIDARG", "the system rejected an argument"),
    code(0x8004_0154, "REGDB_E_CLASSNOTREG", "this version of Windows does not have it"),
    code(INVALID_CALL, "DXGI_ERROR_INVALID_CALL", "the duplication is not in a state that allows the call"),
    code(NOT_FOUND, "DXGI_ERROR_NOT_FOUND", "the adapter or output does not exist"),
    code(MORE_DATA, "DXGI_ERROR_MORE_DATA", "the answer is longer than announced"),
    code(UNSUPPORTED, "DXGI_ERROR_UNSUPPORTED", "the adapter or the mode does not allow it"),
    code(DEVICE_REMOVED, "DXGI_ERROR_DEVICE_REMOVED", "the graphics device was removed, or its driver restarted"),
    code(DEVICE_HUNG, "DXGI_ERROR_DEVICE_HUNG", "the graphics device hung"),
    code(DEVICE_RESET, "DXGI_ERROR_DEVICE_RESET", "the graphics device was reset"),
    code(WAS_STILL_DRAWING, "DXGI_ERROR_WAS_STILL_DRAWING", "the graphics device is not done yet"),
    code(DRIVER_INTERNAL_ERROR, "DXGI_ERROR_DRIVER_INTERNAL_ERROR", "the graphics driver failed"),
    code(NOT_CURRENTLY_AVAILABLE, "DXGI_ERROR_NOT_CURRENTLY_AVAILABLE", "the system has no free place for it"),
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

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Adapters and outputs.
    Enumerate,
    /// `D3D11CreateDevice`.
    CreateDevice,
    /// `DuplicateOutput1` and `DuplicateOutput`, for the first time.
    Duplicate,
    /// The same after a loss, when most refusals pass.
    DuplicateAgain,
    /// `AcquireNextFrame`.
    Acquire,
    /// `GetFrameDirtyRects`, `GetFrameMoveRects`, `GetFramePointerShape`.
    Metadata,
    /// `ReleaseFrame`.
    Release,
    /// `CreateTexture2D`.
    CreateTexture,
    /// `ID3D11DeviceContext::Map`.
    Map,
    /// Shaders, views and whatever else drawing on the device needs.
    Draw,
    /// `CreateSharedHandle`, `DuplicateHandle`.
    Share,
    /// `AcquireSync` and `ReleaseSync` of a keyed mutex.
    Sync,
}

impl Call {
    /// All of them.
    #[cfg(all(test, target_os = "linux"))]
    pub(in crate::source) const ALL: [Call; 9] = [
        Call::Enumerate,
        Call::CreateDevice,
        Call::Duplicate,
        Call::DuplicateAgain,
        Call::Acquire,
        Call::Metadata,
        Call::Release,
        Call::CreateTexture,
        Call::Map,
    ];

    pub(in crate::source) fn attempt(self) -> &'static str {
        match self {
            Call::Enumerate => "listing adapters and outputs failed",
            Call::CreateDevice => "no Direct3D device could be created",
            Call::Duplicate => "the desktop cannot be duplicated",
            Call::DuplicateAgain => "the desktop cannot be duplicated again yet",
            Call::Acquire => "the next frame of the desktop did not come",
            Call::Metadata => "the description of a frame did not come",
            Call::Release => "a frame could not be given back",
            Call::CreateTexture => "no texture could be created",
            Call::Map => "pixels could not be read back",
            Call::Draw => "the desktop could not be drawn on the device",
            Call::Share => "a texture could not be shared",
            Call::Sync => "the keyed mutex of a shared texture failed",
        }
    }
}

/// How the capture goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It worked.
    Success,
    /// Nothing changed; not an error.
    NoFrame,
    /// The GPU needs longer.
    StillDrawing,
    /// A larger buffer helps.
    MoreData,
    /// Nothing is lost but the answer.
    Harmless,
    /// Give the frame back that the system thinks we hold, and try once more.
    ReleaseAndRetry,
    /// The duplication is void and a new one is to be had sooner or later.
    LostAccess(Loss),
    /// Only a new device helps.
    LostDevice,
    /// The system refuses to hand out the desktop.
    Refused,
    /// The call fails and nothing else does.
    Failed,
}

/// What `code` from `call` means for the capture.
pub fn classify(code: u32, call: Call) -> Verdict {
    use Call::{Acquire, CreateTexture, Draw, Duplicate, DuplicateAgain, Map, Metadata, Release, Share, Sync};
    use Loss::{Lasting, Transient};
    match (code, call) {
        (WAIT_TIMEOUT | DXGI_WAIT_TIMEOUT, Acquire) => Verdict::NoFrame,
        (WAS_STILL_DRAWING, Map) => Verdict::StillDrawing,
        (MORE_DATA, Metadata) => Verdict::MoreData,
        (INVALID_CALL, Acquire) => Verdict::ReleaseAndRetry,
        (INVALID_CALL, Release | Metadata) => Verdict::Harmless,
        (DEVICE_REMOVED | DEVICE_HUNG | DEVICE_RESET | DRIVER_INTERNAL_ERROR, _) => Verdict::LostDevice,
        (E_OUTOFMEMORY, _) => Verdict::Failed,
        // A timeout and an abandoned mutex are not negative, but no success either.
        (_, Sync) if code != S_OK => Verdict::Failed,
        (_, Duplicate | Call::Enumerate | Call::CreateDevice) if is_failure(code) => Verdict::Refused,
        // The fifth process, a missing output and a wrong argument do not pass by themselves.
        (NOT_CURRENTLY_AVAILABLE | NOT_FOUND | E_INVALIDARG | E_NOTIMPL | E_NOINTERFACE, DuplicateAgain) => {
            Verdict::LostAccess(Lasting)
        }
        (
            ACCESS_LOST
            | WAIT_ABANDONED
            | ACCESS_DENIED
            | E_ACCESSDENIED
            | UNSUPPORTED
            | SESSION_DISCONNECTED
            | MODE_CHANGE_IN_PROGRESS
            | NOT_FOUND
            | NOT_CURRENTLY_AVAILABLE
            | NOT_CURRENT,
            Acquire | Metadata | Release | DuplicateAgain,
        ) => Verdict::LostAccess(Transient),
        (_, Metadata) if is_failure(code) => Verdict::Harmless,
        (_, Map | CreateTexture | Draw | Share) if is_failure(code) => Verdict::Failed,
        _ if is_failure(code) => Verdict::LostAccess(Lasting),
        _ => Verdict::Success,
    }
}

fn is_failure(code: u32) -> bool {
    code & 0x8000_0000 != 0
}

/// The error that tells a user about `code` from `call`.
pub fn error(code: u32, call: Call) -> Error {
    let meaning = CODES.iter().find(|c| c.value == code).map_or("the system gives an unknown reason", |c| c.meaning);
    let message = format!("{}: {meaning}", call.attempt());
    let (kind, loss) = match classify(code, call) {
        Verdict::LostAccess(loss) => (ErrorKind::AccessLost, Some(loss)),
        Verdict::ReleaseAndRetry => (ErrorKind::AccessLost, Some(Loss::Transient)),
        Verdict::LostDevice => (ErrorKind::Device, Some(Loss::Lasting)),
        Verdict::Refused => (ErrorKind::Duplication, None),
        _ => (ErrorKind::Capture, None),
    };
    let mut error = Error::new(kind, message).with_code(code);
    if let Some(loss) = loss {
        error = error.with_loss(loss);
    }
    match hint(code, call) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The advice for whatever nothing else is known about and the next call cures.
pub(in crate::source) const PASSES: &str = "It passes by itself: call again";
/// The advice for whatever nothing else is known about.
pub(in crate::source) const ASK: &str =
    "Run `rustcam doctor`; if nothing that it says helps, report what it prints with --json";

/// What a user can do.
fn hint(code: u32, call: Call) -> Option<&'static str> {
    use Call::{CreateDevice, Duplicate, DuplicateAgain};
    Some(match (code, call) {
        (NOT_CURRENTLY_AVAILABLE, Duplicate | DuplicateAgain) => {
            "Windows lets four processes duplicate the desktop of a session at a time: close another screen recorder or remote desktop program"
        }
        (NOT_CURRENTLY_AVAILABLE, Call::Enumerate) => {
            "A service in session 0 has no desktop: run the program in the session of a user"
        }
        (E_INVALIDARG, Duplicate | DuplicateAgain) => {
            "Another library in this process already duplicates this output, or the device belongs to another adapter: close the other \
             capture, or choose the device that list_outputs() shows for the output"
        }
        (UNSUPPORTED, Duplicate) => {
            "On a computer with two graphics adapters the process must run on the one that drives the display: Settings, System, Display, \
             Graphics, add python.exe, choose Power saving. Adapters without a driver of their own cannot be captured"
        }
        (E_FAIL | E_INVALIDARG | E_NOTIMPL | E_NOINTERFACE | UNSUPPORTED, CreateDevice) => {
            "Install or update the driver of the graphics adapter; Direct3D 10 or newer is needed"
        }
        (MODE_CHANGE_IN_PROGRESS, Duplicate) => "Try again in a moment",
        (E_ACCESSDENIED, Duplicate | DuplicateAgain) => {
            "Close the prompt or unlock the screen; only the local system account may see it"
        }
        (SESSION_DISCONNECTED, _) => "Reconnect the session: a disconnected remote desktop shows nothing",
        (E_NOTIMPL | E_NOINTERFACE, Duplicate | DuplicateAgain) => {
            "Desktop Duplication needs Windows 8 or later; Wine does not have it"
        }
        (NOT_FOUND, Call::Enumerate) => "Attach a display, and install the driver of the graphics adapter",
        (NOT_FOUND, DuplicateAgain) => "Plug the display in again, or open another output",
        (DEVICE_REMOVED | DEVICE_HUNG | DEVICE_RESET | DRIVER_INTERNAL_ERROR, _) => {
            "The graphics driver crashed, was updated, or the adapter was unplugged; if it happens again, update the driver"
        }
        (E_NOTIMPL | E_NOINTERFACE, Call::Share | Call::Sync) => {
            "Shared textures need Windows 8 or later; Wine does not have them. Use grab()"
        }
        (E_ACCESSDENIED | ACCESS_DENIED, Call::Share) => "The process may not share textures: use grab()",
        (E_OUTOFMEMORY, _) => "Close programs that use much graphics memory, or capture a smaller region",
        _ => match classify(code, call) {
            Verdict::LostAccess(Loss::Transient) | Verdict::ReleaseAndRetry => PASSES,
            Verdict::Failed if matches!(code, E_FAIL | E_INVALIDARG) => {
                "Try again; if it happens again, update the graphics driver"
            }
            Verdict::LostAccess(Loss::Lasting) | Verdict::Refused | Verdict::Failed => ASK,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_listed_twice_and_every_row_speaks() {
        for (i, row) in CODES.iter().enumerate() {
            assert!(CODES[..i].iter().all(|other| other.value != row.value && other.name != row.name), "{}", row.name);
            assert!(!row.meaning.is_empty());
        }
    }

    #[test]
    fn an_acquire_without_news_is_no_error_whatever_its_sign() {
        for code in [WAIT_TIMEOUT, DXGI_WAIT_TIMEOUT] {
            assert_eq!(classify(code, Call::Acquire), Verdict::NoFrame);
        }
        assert_eq!(classify(S_OK, Call::Acquire), Verdict::Success);
    }

    #[test]
    fn losses_that_pass_pass() {
        let codes = [
            ACCESS_LOST,
            WAIT_ABANDONED,
            ACCESS_DENIED,
            E_ACCESSDENIED,
            SESSION_DISCONNECTED,
            UNSUPPORTED,
            MODE_CHANGE_IN_PROGRESS,
            NOT_FOUND,
        ];
        for code in codes {
            let error = error(code, Call::Acquire);
            assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)), "{code:08X}");
            assert_eq!(error.code(), Some(code));
        }
        for code in [E_ACCESSDENIED, UNSUPPORTED, SESSION_DISCONNECTED, MODE_CHANGE_IN_PROGRESS] {
            assert_eq!(error(code, Call::DuplicateAgain).loss(), Some(Loss::Transient), "{code:08X}");
        }
    }

    #[test]
    fn the_device_is_lost_wherever_that_is_noticed() {
        let calls = [
            Call::CreateDevice,
            Call::Duplicate,
            Call::DuplicateAgain,
            Call::Acquire,
            Call::Metadata,
            Call::Release,
            Call::CreateTexture,
            Call::Map,
            Call::Draw,
            Call::Share,
            Call::Sync,
        ];
        for call in calls {
            for code in [DEVICE_REMOVED, DEVICE_HUNG, DEVICE_RESET, DRIVER_INTERNAL_ERROR] {
                let error = error(code, call);
                assert_eq!((error.kind(), error.loss()), (ErrorKind::Device, Some(Loss::Lasting)), "{call:?}");
            }
        }
    }

    #[test]
    fn a_refusal_at_first_is_final_and_gives_advice() {
        for code in
            [NOT_CURRENTLY_AVAILABLE, E_INVALIDARG, UNSUPPORTED, E_ACCESSDENIED, SESSION_DISCONNECTED, E_NOTIMPL]
        {
            let error = error(code, Call::Duplicate);
            assert_eq!((error.kind(), error.loss()), (ErrorKind::Duplication, None), "{code:08X}");
            assert!(error.hint().is_some(), "{code:08X}");
        }
        assert!(error(NOT_CURRENTLY_AVAILABLE, Call::Duplicate).to_string().contains("four processes"));
        assert!(error(NOT_CURRENTLY_AVAILABLE, Call::Enumerate).to_string().contains("session 0"));
    }

    #[test]
    fn what_only_concerns_one_answer_does_not_end_the_capture() {
        assert_eq!(classify(MORE_DATA, Call::Metadata), Verdict::MoreData);
        assert_eq!(classify(INVALID_CALL, Call::Metadata), Verdict::Harmless);
        assert_eq!(classify(INVALID_CALL, Call::Release), Verdict::Harmless);
        assert_eq!(classify(INVALID_CALL, Call::Acquire), Verdict::ReleaseAndRetry);
        assert_eq!(classify(WAS_STILL_DRAWING, Call::Map), Verdict::StillDrawing);
        assert_eq!(error(E_OUTOFMEMORY, Call::Map).loss(), None);
    }

    #[test]
    fn sharing_that_fails_concerns_one_frame() {
        for code in [E_NOTIMPL, ACCESS_DENIED, NAME_ALREADY_EXISTS, E_FAIL] {
            let error = error(code, Call::Share);
            assert_eq!((error.kind(), error.loss()), (ErrorKind::Capture, None), "{code:08X}");
        }
        for code in [WAIT_TIMEOUT, WAIT_ABANDONED, E_FAIL] {
            let error = error(code, Call::Sync);
            assert_eq!((error.kind(), error.loss()), (ErrorKind::Capture, None), "{code:08X}");
            assert_eq!(classify(code, Call::Sync), Verdict::Failed, "{code:08X}");
        }
        assert_eq!(classify(S_OK, Call::Sync), Verdict::Success);
    }

    #[test]
    fn unknown_failures_are_tried_again_and_then_told() {
        let error = error(0x8000_FFFF, Call::Acquire);
        assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
        assert_eq!(classify(E_FAIL, Call::DuplicateAgain), Verdict::LostAccess(Loss::Lasting));
        assert_eq!(classify(0x8000_FFFF, Call::Duplicate), Verdict::Refused);
    }
}
