//! What a caller asks for, and what it gets.

use std::time::Duration;

use crate::color::TextureFormat;
use crate::frame::{FrameInfo, ImageMut, PixelFormat};
use crate::frame_format::{FrameFormat, FrameSpec};
use crate::geometry::{Rect, Size};
use crate::source::scaling::Scale;
use crate::source::texture::{SharedTexture, TextureSync};

use super::buffers::Buffer;
use super::damage::DamageAccumulator;

/// Which frame a caller asks for. Made by [`Request::within`]; the setters change its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Part of the desktop, `None` for the session's own region.
    pub region: Option<Rect>,
    /// How long to wait for a new image; zero polls.
    pub timeout: Duration,
    /// Whether to wait for a new image at all: if not, the current image is returned at once.
    pub new_frame_only: bool,
}

impl Request {
    /// The next frame of the session's own region, within `timeout`.
    pub const fn within(timeout: Duration) -> Self {
        Self { region: None, timeout, new_frame_only: true }
    }

    /// Sets the part of the desktop that the frame shows; `None` for the session's own region.
    #[must_use]
    pub fn region(self, region: impl Into<Option<Rect>>) -> Self {
        Self { region: region.into(), ..self }
    }

    /// Sets whether to wait for a new image.
    #[must_use]
    pub const fn new_frame_only(self, new_frame_only: bool) -> Self {
        Self { new_frame_only, ..self }
    }
}

/// Where the pixels of a frame go.
#[derive(Debug)]
#[non_exhaustive]
pub enum Target<'a> {
    /// To memory that belongs to the frame, which the caller may change.
    Owned(FrameSpec),
    /// To memory that the session updates in place when the frame is dropped, and which the caller must not change.
    Retained(FrameSpec),
    /// To the caller's memory, in which rows may be padded.
    Into(ImageMut<'a>),
    /// To the caller's memory, without padding.
    Fill(&'a mut [u8], FrameSpec),
    /// To a texture that other devices and processes can open.
    Shared {
        /// How writer and reader are synchronised.
        sync: TextureSync,
        /// One of [`FORMATS`](crate::source::texture::FORMATS).
        format: TextureFormat,
        /// How the region is scaled; `None` if it is shown pixel by pixel.
        scale: Option<Scale>,
    },
}

impl Target<'_> {
    /// To memory that belongs to the frame.
    pub fn owned(spec: impl Into<FrameSpec>) -> Self {
        Self::Owned(spec.into())
    }

    /// To memory that the session keeps.
    pub fn retained(spec: impl Into<FrameSpec>) -> Self {
        Self::Retained(spec.into())
    }

    /// To a texture that shows the region pixel by pixel.
    pub const fn shared(sync: TextureSync, format: TextureFormat) -> Self {
        Self::Shared { sync, format, scale: None }
    }

    /// What the frame is like.
    pub fn spec(&self) -> FrameSpec {
        match self {
            Self::Owned(spec) | Self::Retained(spec) | Self::Fill(_, spec) => *spec,
            Self::Into(image) => image.format().into(),
            Self::Shared { format: TextureFormat::Rgba16f, .. } => PixelFormat::Rgba16f.into(),
            Self::Shared { .. } => PixelFormat::Bgra.into(),
        }
    }
}

/// A frame: its pixels and what is known about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Frame {
    /// The pixels.
    pub pixels: Pixels,
    /// What is known about the frame.
    pub info: FrameInfo,
}

impl Frame {
    /// The pixels, if they are in memory of the engine.
    pub fn image(&self) -> Option<&Image> {
        match &self.pixels {
            Pixels::Memory(image) => Some(image),
            Pixels::Caller | Pixels::Device(_) => None,
        }
    }

    /// The texture, if the pixels are on the device.
    pub fn texture(&self) -> Option<&SharedTexture> {
        match &self.pixels {
            Pixels::Device(texture) => Some(texture),
            Pixels::Memory(_) | Pixels::Caller => None,
        }
    }

    /// Makes the news of `old`, a frame that no caller saw, part of this one's.
    pub(super) fn supersede(&mut self, old: &Frame) {
        self.info.accumulated += old.info.accumulated;
        self.info.is_new |= old.info.is_new;
        // After a change of size everything is new anyway, and old rectangles mean nothing.
        if self.size() == old.size() {
            let mut damage = DamageAccumulator::default();
            damage.add(old.info.damage.clone());
            damage.add(std::mem::take(&mut self.info.damage));
            self.info.damage = damage.into_damage();
        }
    }

    /// Width and height, unless the pixels are in the caller's memory.
    fn size(&self) -> Option<Size> {
        match &self.pixels {
            Pixels::Memory(image) => Some(image.size),
            Pixels::Device(texture) => Some(texture.size),
            Pixels::Caller => None,
        }
    }

    /// The pixels, if they are in memory of the engine.
    pub fn into_image(self) -> Option<Image> {
        match self.pixels {
            Pixels::Memory(image) => Some(image),
            Pixels::Caller | Pixels::Device(_) => None,
        }
    }
}

/// Where the pixels of a frame are.
#[derive(Debug)]
#[non_exhaustive]
pub enum Pixels {
    /// In memory of the engine.
    Memory(Image),
    /// In the caller's own memory.
    Caller,
    /// On the graphics device.
    Device(SharedTexture),
}

/// Pixels without padding.
#[derive(Debug)]
#[non_exhaustive]
pub struct Image {
    /// The memory that holds them.
    pub buffer: Buffer,
    /// Width and height.
    pub size: Size,
    /// The pixels in memory.
    pub format: FrameFormat,
    /// How many regions of the desktop it shows, one after the other; `None` for one that is not in a list.
    pub regions: Option<usize>,
    /// How many frames it shows, the newest last; `None` for one that is not in a stack.
    pub stack: Option<usize>,
    /// Where the pixels begin in the memory.
    pub(super) offset: usize,
}

impl Image {
    /// The shape of its array.
    pub fn shape(&self) -> Vec<usize> {
        self.stack.into_iter().chain(self.regions).chain(self.format.shape(self.size)).collect()
    }

    /// The address of the first byte, see [`Buffer::as_ptr`].
    pub fn as_ptr(&self) -> *mut u8 {
        // Inside the buffer, as the slice of `bytes` is.
        self.buffer.as_ptr().wrapping_add(self.offset)
    }

    /// Whether `other` has the same shape and format.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.size, self.format, self.regions) == (other.size, other.format, other.regions)
    }

    /// The pixels.
    pub fn bytes(&self) -> &[u8] {
        let one = self.format.bytes(self.size);
        let len = one * self.regions.unwrap_or(1) * self.stack.unwrap_or(1);
        &self.buffer.bytes()[self.offset..self.offset + len]
    }
}
