//! The outcome of every failure, as a table. `failures.rs` plays every row twice: with a failure that happens once, and with one that never
//! ends. After each row the next frames are exact, no rule of Desktop Duplication was broken, and nothing is left of the capture.

use rustcam::error::ErrorKind::{self, AccessLost, Capture, Device, Duplication};
use rustcam::source::hresult::*;

/// When the call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// While the capture is opened, or at its first frame.
    Opening,
    /// While a lost desktop is duplicated again.
    Regaining,
    /// While a lost device is replaced.
    Replacing,
    /// While frames are captured.
    Capturing,
}

/// What the caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The frame, as if nothing had happened.
    Frame,
    /// The frame, after the desktop was duplicated again.
    Regained,
    /// No frame and no error at the deadline: the loss is transient.
    Nothing,
    /// An error of this kind with the code of the failure, and a hint.
    Raises(ErrorKind),
    /// The frame: the call is never made.
    Uncalled,
}

/// One failure.
pub struct Row {
    pub when: When,
    /// The name of the call in the lab.
    pub call: &'static str,
    pub code: u32,
    /// The outcome if it happens once.
    pub once: Outcome,
    /// The outcome if it never ends.
    pub always: Outcome,
}

const fn row(when: When, call: &'static str, code: u32, once: Outcome, always: Outcome) -> Row {
    Row { when, call, code, once, always }
}

use Outcome::{Frame, Nothing, Raises, Regained, Uncalled};
use When::{Capturing, Opening, Regaining, Replacing};

/// The lab takes this code for success with a list of impossible length.
const IMPOSSIBLE_LENGTH: u32 = S_OK;
/// For a member of the pointer shape's description.
const HUGE: u32 = 0x4000_0000;

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    row(Opening,   "CreateDXGIFactory1",   NOT_FOUND,               Frame,               Raises(Duplication)),
    row(Opening,   "CreateDXGIFactory1",   E_FAIL,                  Raises(Duplication), Raises(Duplication)),
    row(Opening,   "CreateDXGIFactory1",   E_OUTOFMEMORY,           Raises(Duplication), Raises(Duplication)),
    row(Replacing, "CreateDXGIFactory1",   NOT_FOUND,               Regained,            Raises(AccessLost)),
    row(Replacing, "CreateDXGIFactory1",   E_FAIL,                  Regained,            Raises(AccessLost)),
    row(Replacing, "CreateDXGIFactory1",   E_OUTOFMEMORY,           Regained,            Raises(AccessLost)),

    row(Regaining, "CreateDXGIFactory1",   E_FAIL,                  Regained,            Raises(AccessLost)),
    row(Regaining, "CreateDXGIFactory1",   MODE_CHANGE_IN_PROGRESS, Regained,            Nothing),

    row(Opening,   "EnumAdapters1",        NOT_FOUND,               Frame,               Raises(Duplication)),
    row(Opening,   "EnumAdapters1",        E_FAIL,                  Raises(Duplication), Raises(Duplication)),
    row(Opening,   "EnumAdapters1",        E_OUTOFMEMORY,           Raises(Duplication), Raises(Duplication)),
    row(Replacing, "EnumAdapters1",        NOT_FOUND,               Regained,            Raises(AccessLost)),
    row(Replacing, "EnumAdapters1",        E_FAIL,                  Regained,            Raises(AccessLost)),
    row(Replacing, "EnumAdapters1",        E_OUTOFMEMORY,           Regained,            Raises(AccessLost)),
    row(Opening,   "EnumAdapters",         E_FAIL,                  Uncalled,            Uncalled),

    row(Opening,   "EnumOutputs",          MODE_CHANGE_IN_PROGRESS, Frame,               Raises(Duplication)),
    row(Opening,   "EnumOutputs",          SESSION_DISCONNECTED,    Frame,               Raises(Duplication)),
    row(Regaining, "EnumOutputs",          NOT_FOUND,               Regained,            Raises(AccessLost)),
    row(Regaining, "EnumOutputs",          MODE_CHANGE_IN_PROGRESS, Regained,            Nothing),
    row(Opening,   "EnumOutputs",          NOT_FOUND,               Frame,               Raises(Duplication)),
    row(Opening,   "EnumOutputs",          NOT_CURRENTLY_AVAILABLE, Raises(Duplication), Raises(Duplication)),
    row(Replacing, "EnumOutputs",          NOT_FOUND,               Regained,            Raises(AccessLost)),
    row(Replacing, "EnumOutputs",          NOT_CURRENTLY_AVAILABLE, Regained,            Raises(AccessLost)),

    row(Opening,   "D3D11CreateDevice",    UNSUPPORTED,             Raises(Duplication), Raises(Duplication)),
    row(Opening,   "D3D11CreateDevice",    E_INVALIDARG,            Frame,               Raises(Duplication)),
    row(Opening,   "D3D11CreateDevice",    E_OUTOFMEMORY,           Raises(Duplication), Raises(Duplication)),
    row(Opening,   "D3D11CreateDevice",    DEVICE_REMOVED,          Raises(Device),      Raises(Device)),
    row(Replacing, "D3D11CreateDevice",    UNSUPPORTED,             Regained,            Raises(AccessLost)),
    row(Replacing, "D3D11CreateDevice",    E_INVALIDARG,            Regained,            Raises(AccessLost)),
    row(Replacing, "D3D11CreateDevice",    E_OUTOFMEMORY,           Regained,            Raises(AccessLost)),
    row(Replacing, "D3D11CreateDevice",    DEVICE_REMOVED,          Regained,            Raises(Device)),

    // One of the two interfaces is enough; without both, see `without_both_interfaces_the_error_names_windows_10`.
    row(Opening,   "QueryOutput1",         E_NOINTERFACE,           Uncalled,            Uncalled),
    row(Opening,   "QueryOutput5",         E_NOINTERFACE,           Frame,               Frame),
    row(Regaining, "QueryOutput5",         E_NOINTERFACE,           Regained,            Regained),

    // If the newer function fails, the older one is used.
    row(Opening,   "DuplicateOutput1",     E_INVALIDARG,            Frame,               Frame),
    row(Opening,   "DuplicateOutput1",     E_ACCESSDENIED,          Frame,               Frame),
    row(Opening,   "DuplicateOutput1",     UNSUPPORTED,             Frame,               Frame),
    row(Opening,   "DuplicateOutput1",     E_NOTIMPL,               Frame,               Frame),
    row(Opening,   "DuplicateOutput1",     DEVICE_REMOVED,          Raises(Device),      Raises(Device)),
    row(Regaining, "DuplicateOutput1",     UNSUPPORTED,             Regained,            Regained),
    row(Opening,   "DuplicateOutput",      E_FAIL,                  Uncalled,            Uncalled),

    // Both functions fail.
    row(Opening,   "Duplicate",            E_INVALIDARG,            Raises(Duplication), Raises(Duplication)),
    row(Opening,   "Duplicate",            E_ACCESSDENIED,          Frame,               Raises(Duplication)),
    row(Opening,   "Duplicate",            UNSUPPORTED,             Frame,               Raises(Duplication)),
    row(Opening,   "Duplicate",            NOT_CURRENTLY_AVAILABLE, Frame,               Raises(Duplication)),
    row(Opening,   "Duplicate",            SESSION_DISCONNECTED,    Frame,               Raises(Duplication)),
    row(Opening,   "Duplicate",            E_NOTIMPL,               Raises(Duplication), Raises(Duplication)),
    row(Opening,   "Duplicate",            DEVICE_REMOVED,          Raises(Device),      Raises(Device)),
    row(Opening,   "Duplicate",            E_OUTOFMEMORY,           Raises(Duplication), Raises(Duplication)),
    row(Opening,   "Duplicate",            MODE_CHANGE_IN_PROGRESS, Frame,               Raises(Duplication)),
    row(Regaining, "Duplicate",            E_INVALIDARG,            Regained,            Raises(AccessLost)),
    row(Regaining, "Duplicate",            E_ACCESSDENIED,          Regained,            Nothing),
    row(Regaining, "Duplicate",            UNSUPPORTED,             Regained,            Nothing),
    row(Regaining, "Duplicate",            NOT_CURRENTLY_AVAILABLE, Regained,            Raises(AccessLost)),
    row(Regaining, "Duplicate",            SESSION_DISCONNECTED,    Regained,            Nothing),
    row(Regaining, "Duplicate",            E_NOTIMPL,               Regained,            Raises(AccessLost)),
    row(Regaining, "Duplicate",            DEVICE_REMOVED,          Regained,            Raises(Device)),
    row(Regaining, "Duplicate",            E_OUTOFMEMORY,           Regained,            Raises(AccessLost)),
    row(Regaining, "Duplicate",            MODE_CHANGE_IN_PROGRESS, Regained,            Nothing),

    row(Opening,   "AcquireNextFrame",     ACCESS_LOST,             Regained,            Nothing),
    row(Capturing, "AcquireNextFrame",     DXGI_WAIT_TIMEOUT,       Frame,               Nothing),
    row(Capturing, "AcquireNextFrame",     WAIT_TIMEOUT,            Frame,               Nothing),
    row(Capturing, "AcquireNextFrame",     ACCESS_LOST,             Regained,            Nothing),
    row(Capturing, "AcquireNextFrame",     INVALID_CALL,            Frame,               Nothing),
    row(Capturing, "AcquireNextFrame",     E_INVALIDARG,            Regained,            Raises(AccessLost)),
    row(Capturing, "AcquireNextFrame",     WAIT_ABANDONED,          Regained,            Nothing),
    row(Capturing, "AcquireNextFrame",     ACCESS_DENIED,           Regained,            Nothing),
    row(Capturing, "AcquireNextFrame",     E_ACCESSDENIED,          Regained,            Nothing),
    row(Capturing, "AcquireNextFrame",     SESSION_DISCONNECTED,    Regained,            Nothing),
    row(Capturing, "AcquireNextFrame",     UNSUPPORTED,             Regained,            Nothing),
    row(Capturing, "AcquireNextFrame",     MODE_CHANGE_IN_PROGRESS, Regained,            Nothing),
    row(Capturing, "AcquireNextFrame",     DEVICE_REMOVED,          Regained,            Raises(Device)),
    row(Capturing, "AcquireNextFrame",     DEVICE_RESET,            Regained,            Raises(Device)),
    row(Capturing, "AcquireNextFrame",     DEVICE_HUNG,             Regained,            Raises(Device)),
    row(Capturing, "AcquireNextFrame",     DRIVER_INTERNAL_ERROR,   Regained,            Raises(Device)),
    row(Capturing, "AcquireNextFrame",     E_FAIL,                  Regained,            Raises(AccessLost)),
    row(Capturing, "QueryTexture",         E_NOINTERFACE,           Frame,               Nothing),

    // A loss, because a new duplication delivers the requested format.
    row(Capturing, "TextureFormat",        ACCESS_LOST,             Regained,            Raises(AccessLost)),

    // After a loss everything is new, so no list is read.
    row(Capturing, "GetFrameDirtyRects",   MORE_DATA,               Frame,               Frame),
    row(Capturing, "GetFrameDirtyRects",   INVALID_CALL,            Frame,               Frame),
    row(Capturing, "GetFrameDirtyRects",   ACCESS_LOST,             Regained,            Regained),
    row(Capturing, "GetFrameDirtyRects",   DEVICE_REMOVED,          Regained,            Regained),
    row(Capturing, "GetFrameDirtyRects",   E_INVALIDARG,            Frame,               Frame),
    row(Capturing, "GetFrameDirtyRects",   IMPOSSIBLE_LENGTH,       Frame,               Frame),
    row(Capturing, "GetFrameMoveRects",    MORE_DATA,               Frame,               Frame),
    row(Capturing, "GetFrameMoveRects",    INVALID_CALL,            Frame,               Frame),
    row(Capturing, "GetFrameMoveRects",    ACCESS_LOST,             Regained,            Regained),
    row(Capturing, "GetFrameMoveRects",    DEVICE_REMOVED,          Regained,            Regained),
    row(Capturing, "GetFrameMoveRects",    E_INVALIDARG,            Frame,               Frame),
    row(Capturing, "GetFrameMoveRects",    IMPOSSIBLE_LENGTH,       Frame,               Frame),
    row(Capturing, "GetFramePointerShape", MORE_DATA,               Frame,               Frame),
    row(Capturing, "GetFramePointerShape", INVALID_CALL,            Frame,               Frame),
    row(Capturing, "GetFramePointerShape", ACCESS_LOST,             Regained,            Nothing),
    row(Capturing, "ShapeType",            0,                       Frame,               Frame),
    row(Capturing, "ShapeType",            3,                       Frame,               Frame),
    row(Capturing, "ShapeType",            8,                       Frame,               Frame),
    row(Capturing, "ShapeWidth",           0,                       Frame,               Frame),
    row(Capturing, "ShapeWidth",           HUGE,                    Frame,               Frame),
    row(Capturing, "ShapeHeight",          0,                       Frame,               Frame),
    row(Capturing, "ShapeHeight",          33,                      Frame,               Frame),
    row(Capturing, "ShapeHeight",          HUGE,                    Frame,               Frame),
    row(Capturing, "ShapePitch",           0,                       Frame,               Frame),
    row(Capturing, "ShapePitch",           1,                       Frame,               Frame),

    row(Capturing, "ReleaseFrame",         INVALID_CALL,            Frame,               Frame),
    row(Capturing, "ReleaseFrame",         ACCESS_LOST,             Regained,            Nothing),
    row(Capturing, "ReleaseFrame",         DEVICE_REMOVED,          Regained,            Raises(Device)),

    // A desktop in system memory is read in place. Without that, it is copied.
    row(Capturing, "MapDesktopSurface",    UNSUPPORTED,             Frame,               Frame),
    row(Capturing, "MapDesktopSurface",    INVALID_CALL,            Frame,               Frame),
    row(Capturing, "MapDesktopSurface",    ACCESS_LOST,             Regained,            Nothing),
    row(Capturing, "MapDesktopSurface",    DEVICE_REMOVED,          Regained,            Raises(Device)),
    row(Capturing, "UnMapDesktopSurface",  UNSUPPORTED,             Regained,            Nothing),
    row(Capturing, "UnMapDesktopSurface",  INVALID_CALL,            Regained,            Nothing),
    row(Capturing, "UnMapDesktopSurface",  ACCESS_LOST,             Regained,            Nothing),

    row(Opening,   "CreateTexture2D",      E_OUTOFMEMORY,           Raises(Capture),     Raises(Capture)),
    row(Opening,   "CreateTexture2D",      E_INVALIDARG,            Raises(Capture),     Raises(Capture)),
    row(Opening,   "CreateTexture2D",      DEVICE_REMOVED,          Regained,            Raises(Device)),
    row(Regaining, "CreateTexture2D",      E_OUTOFMEMORY,           Raises(Capture),     Raises(Capture)),
    row(Regaining, "CreateTexture2D",      DEVICE_REMOVED,          Regained,            Raises(Device)),

    row(Capturing, "Map",                  WAS_STILL_DRAWING,       Frame,               Nothing),
    row(Capturing, "Map",                  DEVICE_REMOVED,          Regained,            Raises(Device)),
    row(Capturing, "Map",                  E_OUTOFMEMORY,           Raises(Capture),     Raises(Capture)),
];
