//! What a code of Windows means for the capture, depending on the call that returned it: how the capture goes on, and what a user can do.
//!
//! Pure functions, tested on every platform. The documentation of a call does not list every code that it returns. These were observed:
//!
//! | code | observed |
//! |---|---|
//! | [`WAIT_ABANDONED`] (0x80) | a keyed mutex inside the system was abandoned, because the compositor ended |
//! | [`ACCESS_DENIED`] | in place of [`ACCESS_LOST`] |
//! | [`INVALID_CALL`] | for a moment while HDR is switched |

use super::hresult::{
    ACCESS_DENIED, ACCESS_LOST, CALL_FAILED, CLASS_NOT_AVAILABLE, CLASS_NOT_REGISTERED, CODES, DEVICE_HUNG,
    DEVICE_REMOVED, DEVICE_RESET, DRIVER_INTERNAL_ERROR, DXGI_WAIT_TIMEOUT, E_ACCESSDENIED, E_FAIL, E_INVALIDARG,
    E_NOINTERFACE, E_NOTIMPL, E_OUTOFMEMORY, INVALID_CALL, MODE_CHANGE_IN_PROGRESS, MORE_DATA, NOT_CURRENT,
    NOT_CURRENTLY_AVAILABLE, NOT_FOUND, RO_E_CLOSED, SERVER_UNAVAILABLE, SERVICE_DOES_NOT_EXIST, SESSION_DISCONNECTED,
    S_OK, UNSUPPORTED, WAIT_ABANDONED, WAIT_TIMEOUT, WAS_STILL_DRAWING,
};
use crate::error::{Error, ErrorKind, Loss};

/// The call that returned a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Listing adapters and outputs.
    Enumerate,
    /// `D3D11CreateDevice`.
    CreateDevice,
    /// `DuplicateOutput1` and `DuplicateOutput`, for the first time.
    Duplicate,
    /// The same after a loss, when most refusals are transient.
    DuplicateAgain,
    /// `AcquireNextFrame`.
    Acquire,
    /// `GetFrameDirtyRects`, `GetFrameMoveRects`, `GetFramePointerShape`.
    Metadata,
    /// `MapDesktopSurface` and `UnMapDesktopSurface`.
    MapDesktop,
    /// `ReleaseFrame`.
    Release,
    /// `CreateTexture2D`.
    CreateTexture,
    /// `ID3D11DeviceContext::Map`.
    Map,
    /// Creating shaders, views and the other objects that rendering needs; waiting for the device.
    Draw,
    /// `CreateSharedHandle`, `DuplicateHandle`.
    Share,
    /// `AcquireSync` and `ReleaseSync` of a keyed mutex.
    Sync,
    /// Getting the classes of Windows.Graphics.Capture, and a Direct3D device for them.
    Activate,
    /// `CreateForMonitor` and `CreateForWindow`, creating a pool and a session, and `StartCapture`, for the first time.
    Begin,
    /// The same after a loss, when most refusals are transient.
    BeginAgain,
    /// Taking a frame from a pool, its members, and `Recreate`.
    Take,
}

impl Call {
    /// The calls of every capture; those that only shared textures need are left out.
    #[cfg(test)]
    pub(super) const ALL: [Call; 14] = [
        Call::Enumerate,
        Call::CreateDevice,
        Call::Duplicate,
        Call::DuplicateAgain,
        Call::Acquire,
        Call::Metadata,
        Call::MapDesktop,
        Call::Release,
        Call::CreateTexture,
        Call::Map,
        Call::Activate,
        Call::Begin,
        Call::BeginAgain,
        Call::Take,
    ];

    /// What failed, as a clause.
    pub(super) fn attempt(self) -> &'static str {
        match self {
            Call::Enumerate => "listing adapters and outputs failed",
            Call::CreateDevice => "no Direct3D device could be created",
            Call::Duplicate => "the desktop cannot be duplicated",
            Call::DuplicateAgain => "the desktop cannot be duplicated again yet",
            Call::Acquire => "no frame of the desktop could be acquired",
            Call::Metadata => "the description of a frame could not be read",
            Call::MapDesktop => "the desktop could not be read in place",
            Call::Release => "a frame could not be released",
            Call::CreateTexture => "no texture could be created",
            Call::Map => "pixels could not be read back",
            Call::Draw => "the desktop could not be drawn on the device",
            Call::Share => "a texture could not be shared",
            Call::Sync => "the keyed mutex of a shared texture failed",
            Call::Activate => "Windows.Graphics.Capture cannot be used",
            Call::Begin => "Windows.Graphics.Capture could not begin",
            Call::BeginAgain => "Windows.Graphics.Capture cannot begin again yet",
            Call::Take => "no frame could be taken from Windows.Graphics.Capture",
        }
    }
}

/// How the capture goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The call succeeded.
    Success,
    /// Nothing changed; not an error.
    NoFrame,
    /// The GPU has not finished.
    StillDrawing,
    /// The call needs a larger buffer.
    MoreData,
    /// The call failed, and the capture goes on without its result.
    Harmless,
    /// The system believes that a frame is still held: release it and try once more.
    ReleaseAndRetry,
    /// The duplication is no longer valid; a new one has to be made.
    LostAccess(Loss),
    /// The device is lost; a new one has to be made.
    LostDevice,
    /// The system refuses to let the desktop be captured.
    Refused,
    /// The same, for a reason that passes by itself.
    RefusedForNow,
    /// This call fails; the capture itself is not affected.
    Failed,
}

/// What prompts, lock screens, changes of mode, switches of the session and monitors that wake up cause: it passes by itself.
const TRANSIENT: [u32; 10] = [
    ACCESS_LOST,
    WAIT_ABANDONED,
    ACCESS_DENIED,
    E_ACCESSDENIED,
    UNSUPPORTED,
    SESSION_DISCONNECTED,
    MODE_CHANGE_IN_PROGRESS,
    NOT_FOUND,
    NOT_CURRENTLY_AVAILABLE,
    NOT_CURRENT,
];

/// What secure desktops and a capture service that restarts cause. A new window may be refused at first, and some versions of Windows 10
/// refuse without a reason.
const TRANSIENT_FOR_SESSIONS: [u32; 8] = [
    SERVICE_DOES_NOT_EXIST,
    SERVER_UNAVAILABLE,
    CALL_FAILED,
    E_FAIL,
    E_INVALIDARG,
    E_ACCESSDENIED,
    RO_E_CLOSED,
    SESSION_DISCONNECTED,
];

/// What `code` from `call` means for the capture.
pub(super) fn classify(code: u32, call: Call) -> Verdict {
    use Call::{
        Acquire, Activate, Begin, BeginAgain, CreateTexture, Draw, Duplicate, DuplicateAgain, Map, MapDesktop,
        Metadata, Release, Share, Sync, Take,
    };
    use Loss::{Lasting, Transient};
    match (code, call) {
        (WAIT_TIMEOUT | DXGI_WAIT_TIMEOUT, Acquire) => Verdict::NoFrame,
        (WAS_STILL_DRAWING, Map) => Verdict::StillDrawing,
        (MORE_DATA, Metadata) => Verdict::MoreData,
        (INVALID_CALL, Acquire) => Verdict::ReleaseAndRetry,
        // A desktop that cannot be read in place is copied by the device.
        (INVALID_CALL, Release | Metadata | MapDesktop) | (UNSUPPORTED, MapDesktop) => Verdict::Harmless,
        (DEVICE_REMOVED | DEVICE_HUNG | DEVICE_RESET | DRIVER_INTERNAL_ERROR, _) => Verdict::LostDevice,
        // A timeout and an abandoned mutex have the sign of success.
        (_, Sync) if code != S_OK => Verdict::Failed,
        (_, Duplicate) if TRANSIENT.contains(&code) => Verdict::RefusedForNow,
        (
            E_ACCESSDENIED | SESSION_DISCONNECTED | MODE_CHANGE_IN_PROGRESS | NOT_FOUND | NOT_CURRENT,
            Call::Enumerate,
        )
        | (SERVICE_DOES_NOT_EXIST | SERVER_UNAVAILABLE | CALL_FAILED, Activate) => Verdict::RefusedForNow,
        (_, Begin) if TRANSIENT_FOR_SESSIONS.contains(&code) => Verdict::RefusedForNow,
        (_, BeginAgain | Take) if TRANSIENT_FOR_SESSIONS.contains(&code) => Verdict::LostAccess(Transient),
        (_, Duplicate | Call::Enumerate | Call::CreateDevice | Activate | Begin) if is_failure(code) => {
            Verdict::Refused
        }
        // A fifth process, a missing output and a wrong argument are not transient.
        (
            NOT_CURRENTLY_AVAILABLE | NOT_FOUND | E_INVALIDARG | E_NOTIMPL | E_NOINTERFACE | E_OUTOFMEMORY,
            DuplicateAgain,
        ) => Verdict::LostAccess(Lasting),
        (E_OUTOFMEMORY, _) => Verdict::Failed,
        (_, Acquire | Metadata | MapDesktop | Release | DuplicateAgain) if TRANSIENT.contains(&code) => {
            Verdict::LostAccess(Transient)
        }
        (_, Metadata | MapDesktop) if is_failure(code) => Verdict::Harmless,
        (_, Map | CreateTexture | Draw | Share) if is_failure(code) => Verdict::Failed,
        _ if is_failure(code) => Verdict::LostAccess(Lasting),
        _ => Verdict::Success,
    }
}

fn is_failure(code: u32) -> bool {
    code & 0x8000_0000 != 0
}

/// The error for `code` from `call`.
pub(super) fn error(code: u32, call: Call) -> Error {
    let meaning = CODES.iter().find(|c| c.value == code).map_or("the system gives an unknown reason", |c| c.meaning);
    let message = format!("{}: {meaning}", call.attempt());
    let (kind, loss) = match classify(code, call) {
        Verdict::LostAccess(loss) => (ErrorKind::AccessLost, Some(loss)),
        Verdict::ReleaseAndRetry => (ErrorKind::AccessLost, Some(Loss::Transient)),
        Verdict::LostDevice => (ErrorKind::Device, Some(Loss::Lasting)),
        Verdict::Refused => (ErrorKind::Duplication, None),
        Verdict::RefusedForNow => (ErrorKind::Duplication, Some(Loss::Transient)),
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

/// The advice for a transient loss about which nothing more is known.
pub(super) const PASSES: &str = "It passes by itself: call again";
/// The advice for every other error about which nothing more is known.
pub(super) const ASK: &str = "Run `rustcam doctor`; if its advice does not help, report what it prints with --json";

/// The advice for an output that is gone.
pub(super) const PLUG_IN: &str = "Plug the display in again, or open another output";

/// What a user can do about `code` from `call`.
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
             Graphics, add the program that `rustcam doctor` names (not the python.exe of a virtual environment, which starts another), \
             choose Power saving, start it again. Adapters without a driver of their own cannot be captured"
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
            "Desktop Duplication needs Windows 10 or later; Wine does not have it"
        }
        (NOT_FOUND, Call::Enumerate) => "Attach a display, and install the driver of the graphics adapter",
        (NOT_FOUND, DuplicateAgain) => PLUG_IN,
        (DEVICE_REMOVED | DEVICE_HUNG | DEVICE_RESET | DRIVER_INTERNAL_ERROR, _) => {
            "The graphics driver crashed, was updated, or the adapter was unplugged; if it happens again, update the driver"
        }
        (E_NOTIMPL | E_NOINTERFACE, Call::Share | Call::Sync) => {
            "Shared textures need Windows 10 or later; Wine does not have them. Use grab()"
        }
        (E_ACCESSDENIED | ACCESS_DENIED, Call::Share) => "The process may not share textures: use grab()",
        (CLASS_NOT_AVAILABLE | CLASS_NOT_REGISTERED | E_NOINTERFACE | E_NOTIMPL, Call::Activate | Call::Begin) => {
            "Windows.Graphics.Capture needs Windows 10 version 1903 or later, and not every edition has it; Wine does not. Outputs can be \
             captured with backend=\"dxgi\""
        }
        (SERVICE_DOES_NOT_EXIST, Call::Activate | Call::Begin | Call::BeginAgain | Call::Take) => {
            "Close the prompt or unlock the screen. The program must run in the session of a user, and explorer.exe, too"
        }
        (SERVER_UNAVAILABLE | CALL_FAILED, Call::Activate | Call::Begin | Call::BeginAgain | Call::Take) => {
            "It passes by itself when the capture service or explorer.exe has restarted: call again"
        }
        (E_OUTOFMEMORY, _) => "Close programs that use much graphics memory, or capture a smaller region",
        _ => match classify(code, call) {
            Verdict::LostAccess(Loss::Transient) | Verdict::RefusedForNow | Verdict::ReleaseAndRetry => PASSES,
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
    use crate::source::hresult::NAME_ALREADY_EXISTS;

    #[test]
    fn an_acquire_that_times_out_is_no_error_whatever_the_sign_of_its_code() {
        for code in [WAIT_TIMEOUT, DXGI_WAIT_TIMEOUT] {
            assert_eq!(classify(code, Call::Acquire), Verdict::NoFrame);
        }
        assert_eq!(classify(S_OK, Call::Acquire), Verdict::Success);
    }

    #[test]
    fn transient_losses_are_transient() {
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
    fn a_lost_device_is_recognised_in_every_call() {
        let calls = Call::ALL.into_iter().chain([Call::Draw, Call::Share, Call::Sync]);
        for call in calls {
            for code in [DEVICE_REMOVED, DEVICE_HUNG, DEVICE_RESET, DRIVER_INTERNAL_ERROR] {
                let error = error(code, call);
                assert_eq!((error.kind(), error.loss()), (ErrorKind::Device, Some(Loss::Lasting)), "{call:?}");
            }
        }
    }

    #[test]
    fn a_refusal_when_opening_passes_or_lasts_and_comes_with_a_hint() {
        for code in [
            NOT_CURRENTLY_AVAILABLE,
            E_INVALIDARG,
            UNSUPPORTED,
            E_ACCESSDENIED,
            SESSION_DISCONNECTED,
            E_NOTIMPL,
            E_OUTOFMEMORY,
        ] {
            let passes = [NOT_CURRENTLY_AVAILABLE, UNSUPPORTED, E_ACCESSDENIED, SESSION_DISCONNECTED].contains(&code);
            let error = error(code, Call::Duplicate);
            let loss = passes.then_some(Loss::Transient);
            assert_eq!((error.kind(), error.loss()), (ErrorKind::Duplication, loss), "{code:08X}");
            assert!(error.hint().is_some(), "{code:08X}");
        }
        assert!(error(NOT_CURRENTLY_AVAILABLE, Call::Duplicate).to_string().contains("four processes"));
        assert!(error(NOT_CURRENTLY_AVAILABLE, Call::Enumerate).to_string().contains("session 0"));
    }

    #[test]
    fn failures_of_one_call_do_not_end_the_capture() {
        assert_eq!(classify(MORE_DATA, Call::Metadata), Verdict::MoreData);
        assert_eq!(classify(INVALID_CALL, Call::Metadata), Verdict::Harmless);
        assert_eq!(classify(INVALID_CALL, Call::Release), Verdict::Harmless);
        assert_eq!(classify(INVALID_CALL, Call::Acquire), Verdict::ReleaseAndRetry);
        assert_eq!(classify(WAS_STILL_DRAWING, Call::Map), Verdict::StillDrawing);
        assert_eq!(error(E_OUTOFMEMORY, Call::Map).loss(), None);
    }

    #[test]
    fn failures_of_sharing_concern_one_frame() {
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
    fn a_capture_service_that_restarts_is_waited_for_and_a_missing_class_is_final() {
        for code in [SERVICE_DOES_NOT_EXIST, SERVER_UNAVAILABLE, CALL_FAILED] {
            for (call, kind) in [
                (Call::Activate, ErrorKind::Duplication),
                (Call::Begin, ErrorKind::Duplication),
                (Call::BeginAgain, ErrorKind::AccessLost),
                (Call::Take, ErrorKind::AccessLost),
            ] {
                let error = error(code, call);
                assert_eq!((error.kind(), error.loss()), (kind, Some(Loss::Transient)), "{code:08X} {call:?}");
                assert!(error.hint().is_some());
            }
        }
        for code in [CLASS_NOT_REGISTERED, CLASS_NOT_AVAILABLE, E_NOINTERFACE] {
            let error = error(code, Call::Activate);
            assert_eq!((error.kind(), error.loss()), (ErrorKind::Duplication, None), "{code:08X}");
            assert!(error.hint().is_some_and(|hint| hint.contains("1903")), "{error}");
        }
        assert_eq!(classify(RO_E_CLOSED, Call::Take), Verdict::LostAccess(Loss::Transient));
        assert_eq!(classify(0x8000_000E, Call::Begin), Verdict::Refused);
        assert_eq!(classify(0x8000_000E, Call::BeginAgain), Verdict::LostAccess(Loss::Lasting));
    }

    #[test]
    fn unknown_failures_are_lasting_losses() {
        let error = error(0x8000_FFFF, Call::Acquire);
        assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
        assert_eq!(classify(E_FAIL, Call::DuplicateAgain), Verdict::LostAccess(Loss::Lasting));
        assert_eq!(classify(0x8000_FFFF, Call::Duplicate), Verdict::Refused);
    }
}
