//! Frames that stay on the graphics device, as textures that other devices and other APIs can open.

use std::fmt;
use std::str::FromStr;

use crate::color::TextureFormat;
use crate::error::{Error, ErrorKind, Result};
use crate::geometry::{Rect, Size};
use crate::source::scaling::Scale;

/// How writer and reader of a shared texture are synchronised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TextureSync {
    /// Not at all: the image is complete before the texture is returned, and nothing writes to it until it is dropped.
    #[default]
    None,
    /// A keyed mutex: the writer acquires key 0 and releases key 1, the reader acquires key 1 and releases key 0.
    Keyed,
}

impl TextureSync {
    /// Both.
    pub const ALL: [TextureSync; 2] = [TextureSync::None, TextureSync::Keyed];

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            TextureSync::None => "none",
            TextureSync::Keyed => "keyed",
        }
    }
}

impl fmt::Display for TextureSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TextureSync {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        TextureSync::ALL
            .into_iter()
            .find(|sync| sync.name() == name)
            .ok_or_else(|| Error::invalid(format!("unknown sync {name:?}; choose \"none\" or \"keyed\"")))
    }
}

/// The formats that shared textures can have.
pub const FORMATS: [TextureFormat; 2] = [TextureFormat::Bgra8, TextureFormat::Rgba16f];

/// The format of shared textures that has this name, in any case.
///
/// # Errors
/// `InvalidArgument` if there is none.
pub fn format_named(name: &str) -> Result<TextureFormat> {
    FORMATS
        .into_iter()
        .find(|format| format.name().eq_ignore_ascii_case(name))
        .ok_or_else(|| Error::invalid(format!("textures have no format {name:?}; choose \"bgra\" or \"rgba16f\"")))
}

/// Refuses a format that shared textures cannot have.
pub(crate) fn check_format(format: TextureFormat) -> Result<()> {
    format_named(format.name()).map(|_| ())
}

/// What a shared texture has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextureRequest {
    /// Part of the desktop, not empty and inside the output.
    pub region: Rect,
    /// Whether the pointer is drawn over it.
    pub cursor: bool,
    /// How writer and reader are synchronised.
    pub sync: TextureSync,
    /// One of [`FORMATS`].
    pub format: TextureFormat,
    /// How the region is scaled; `None` if it is shown pixel by pixel.
    pub scale: Option<Scale>,
}

impl TextureRequest {
    /// `region` of the desktop in 8 bits, with the pointer over it if `cursor`.
    pub const fn new(region: Rect, cursor: bool, sync: TextureSync) -> Self {
        Self { region, cursor, sync, format: TextureFormat::Bgra8, scale: None }
    }

    /// In another one of [`FORMATS`].
    #[must_use]
    pub const fn format(self, format: TextureFormat) -> Self {
        Self { format, ..self }
    }

    /// Scaled, unless that changes nothing.
    #[must_use]
    pub fn scale(self, scale: Option<Scale>) -> Self {
        Self { scale: scale.filter(|scale| scale.size != self.region.size()), ..self }
    }

    /// Width and height of the texture.
    pub fn size(&self) -> Size {
        self.scale.map_or(self.region.size(), |scale| scale.size)
    }
}

/// The identity of a graphics adapter until the machine restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Luid {
    /// Lower 32 bits.
    pub low: u32,
    /// Upper 32 bits.
    pub high: i32,
}

/// Keeps a shared texture alive. Dropping it closes the kernel handle, if there is one, and returns the texture to its capture.
pub trait TextureHandle: Send + Sync {
    /// The kernel handle that other devices and processes open, owned by this object. It is created by the first call: a reader that has
    /// opened the same memory before does not need one.
    ///
    /// # Errors
    /// `Capture` if the system refuses.
    fn handle(&self) -> Result<isize>;

    /// Whether the device that holds the texture is gone, and the image with it.
    fn is_stale(&self) -> bool;
}

/// An image of the desktop in a texture of its own, upright and opaque. Nothing writes to it until it is dropped.
#[non_exhaustive]
pub struct SharedTexture {
    /// Width and height.
    pub size: Size,
    /// What its pixels are.
    pub format: TextureFormat,
    /// How writer and reader are synchronised.
    pub sync: TextureSync,
    /// The adapter whose memory it is in; only devices on the same one can open it.
    pub luid: Luid,
    /// Identifies its memory. The same number means the same memory, so a reader opens each only once; no other texture of this process
    /// ever gets the same number.
    pub memory: u64,
    /// Keeps it alive.
    pub handle: Box<dyn TextureHandle>,
}

impl SharedTexture {
    /// The key that a reader acquires, if there is a keyed mutex.
    pub const ACQUIRE_KEY: u64 = 1;

    /// The key that a reader releases.
    pub const RELEASE_KEY: u64 = 0;

    /// A texture of `size` on the adapter `luid`, in the memory with the number `memory`, which `handle` keeps alive.
    pub fn new(
        (size, format): (Size, TextureFormat),
        sync: TextureSync,
        luid: Luid,
        memory: u64,
        handle: Box<dyn TextureHandle>,
    ) -> Self {
        Self { size, format, sync, luid, memory, handle }
    }

    /// Bytes of all pixels, as APIs that import memory need it.
    pub fn bytes(&self) -> u64 {
        self.size.area() * self.format.bytes() as u64
    }
}

impl fmt::Debug for SharedTexture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, format, sync, luid, memory, handle: _ } = self;
        let mut debug = f.debug_struct("SharedTexture");
        debug
            .field("size", size)
            .field("format", format)
            .field("sync", sync)
            .field("luid", luid)
            .field("memory", memory)
            .finish_non_exhaustive()
    }
}

/// The error of a backend whose images are not on a graphics device.
pub(super) fn unsupported() -> Error {
    Error::new(ErrorKind::Capture, "this backend has no GPU path: its images are in ordinary memory")
        .with_hint("Use grab(); grab_gpu() exists for backend=\"dxgi\" on Windows")
}
