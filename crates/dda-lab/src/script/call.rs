//! The calls that can be made to fail.

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The places where a failure can be injected.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Call { $($(#[$doc])* $name,)* }
        impl Call {
            pub(crate) const ALL: &'static [Call] = &[$(Call::$name,)*];
            /// The name that scripts and programs use.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Call::$name => stringify!($name),)* }
            }

            /// Whether it is a call of Windows.Graphics.Capture.
            pub(crate) const fn is_of_capture(self) -> bool {
                self as usize >= Call::RoGetActivationFactory as usize
            }

            /// The call called `name`, in any case.
            pub(crate) fn named(name: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|call| call.name().eq_ignore_ascii_case(name)).ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|call| call.name()).collect();
                    format!("no call {name:?}; calls are {}", names.join(", "))
                })
            }
        }
    };
}

calls! {
    CreateDXGIFactory1,
    EnumAdapters,
    EnumAdapters1,
    EnumOutputs,
    D3D11CreateDevice,
    /// `QueryInterface` of an output for `IDXGIOutput1`.
    QueryOutput1,
    /// `QueryInterface` of an output for `IDXGIOutput5`.
    QueryOutput5,
    DuplicateOutput,
    DuplicateOutput1,
    /// Either of the two, from the second duplication of an output on.
    Duplicate,
    AcquireNextFrame,
    GetFrameDirtyRects,
    GetFrameMoveRects,
    GetFramePointerShape,
    MapDesktopSurface,
    UnMapDesktopSurface,
    ReleaseFrame,
    CreateTexture2D,
    CheckFormatSupport,
    Map,
    CreateSharedHandle,
    AcquireSync,
    ReleaseSync,
    /// The acquired resource is not a texture.
    QueryTexture,
    /// The acquired texture has another format than those before.
    TextureFormat,
    /// The code replaces a member of the pointer shape's description, as the next three do.
    ShapeType,
    ShapeWidth,
    ShapeHeight,
    ShapePitch,
    // From here on, the calls of Windows.Graphics.Capture.
    RoGetActivationFactory,
    /// `CreateDirect3D11DeviceFromDXGIDevice` and `CreateDirect3D11SurfaceFromDXGISurface`.
    CreateDirect3D11Device,
    IsSupported,
    CreateForWindow,
    CreateForMonitor,
    ItemSize,
    ItemDisplayName,
    AddClosed,
    RequestAccessAsync,
    /// `Create` and `CreateFreeThreaded`.
    CreateFramePool,
    Recreate,
    TryGetNextFrame,
    AddFrameArrived,
    CreateCaptureSession,
    StartCapture,
    /// Reading any property of a session.
    GetSessionProperty,
    SetIsCursorCaptureEnabled,
    SetIsBorderRequired,
    SetDirtyRegionMode,
    SetMinUpdateInterval,
    SetIncludeSecondaryWindows,
    FrameSurface,
    /// `GetInterface` of the surface of a frame.
    SurfaceInterface,
    SystemRelativeTime,
    ContentSize,
    /// `DirtyRegions` and `DirtyRegionMode` of a frame.
    DirtyRegions,
    FrameClose,
    SessionClose,
    PoolClose,
}
