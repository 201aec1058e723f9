//! What a caller asks for and what it gets.

use std::time::Duration;

use crate::frame::{FrameInfo, ImageMut, PixelFormat};
use crate::geometry::{Rect, Size};
use crate::source::texture::{SharedTexture, TextureSync};

use super::buffers::Buffer;

/// What a caller wants of one frame.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Part of the desktop, `None` for the session's own region.
    pub region: Option<Rect>,
    /// How long to wait for news; zero polls.
    pub timeout: Duration,
    /// Whether to wait for news at all: if not, the current image is returned at once.
    pub new_frame_only: bool,
}

impl Request {
    /// The next frame of the session's own region, within `timeout`.
    pub const fn within(timeout: Duration) -> Self {
        Self { region: None, timeout, new_frame_only: true }
    }
}

/// Where the pixels of a frame go.
pub enum Target<'a> {
    /// To memory of their own, which the caller may change.
    Owned(PixelFormat),
    /// To memory that the session keeps up to date, which the caller must not change.
    Retained(PixelFormat),
    /// To the caller's memory.
    Into(ImageMut<'a>),
    /// To a texture that other devices and processes can open.
    Shared(TextureSync),
}

/// A frame: its pixels and what is known about it.
#[derive(Debug)]
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
pub enum Pixels {
    /// In memory of the engine.
    Memory(Image),
    /// In the caller's own memory.
    Caller,
    /// On the graphics device.
    Device(SharedTexture),
}

/// Tight rows of pixels.
#[derive(Debug)]
pub struct Image {
    /// The memory.
    pub buffer: Buffer,
    /// Width and height.
    pub size: Size,
    /// Format of the pixels.
    pub format: PixelFormat,
}

impl Image {
    /// The pixels, row by row without padding.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }
}
