//! What the pixels of a frame look like in memory: format, order, type of the elements, and how they were scaled.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::frame::PixelFormat;
use crate::geometry::{Rect, Size};

/// The order of a frame's elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Rows of pixels of channels: height, width, channel.
    #[default]
    Hwc,
    /// A plane per channel: channel, height, width.
    Chw,
}

/// The type of a frame's elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Element {
    /// A byte, 0 to 255.
    #[default]
    Uint8,
    /// A 16-bit word, of which `p010` uses the upper ten bits.
    Uint16,
    /// A half float: level/255 for formats of bytes.
    Float16,
    /// A float: level/255 for formats of bytes.
    Float32,
}

impl Element {
    /// Bytes per element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Uint8 => 1,
            Self::Uint16 | Self::Float16 => 2,
            Self::Float32 => 4,
        }
    }

    /// The name that numpy has for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Float16 => "float16",
            Self::Float32 => "float32",
        }
    }
}

/// How a region becomes a frame of another size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resample {
    /// Along an axis that shrinks the exact mean of the covered pixels, along one that grows as [`Resample::Bilinear`].
    #[default]
    Area,
    /// Between the centres of the two nearest pixels of each axis.
    Bilinear,
    /// The pixel `floor((i + ½)·n/m)` for pixel `i` of `m` from `n`.
    Nearest,
}

/// Formats with a chroma value for every 2×2 pixels: BT.709 in the limited range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum YuvFormat {
    /// Luma, then rows of Cb and Cr in turn.
    Nv12,
    /// Luma, then Cb, then Cr.
    I420,
}

/// What the pixels of a frame look like in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameFormat {
    /// Every channel of every pixel is an element.
    Pixels {
        /// The channels.
        format: PixelFormat,
        /// Their order.
        layout: Layout,
        /// Their type.
        element: Element,
    },
    /// Luma of every pixel, and chroma of every 2×2, in bytes.
    Yuv(YuvFormat),
}

impl FrameFormat {
    /// Pixels of `format` in its own elements, row by row.
    pub const fn packed(format: PixelFormat) -> Self {
        let element = if format.is_half_float() { Element::Float16 } else { Element::Uint8 };
        Self::Pixels { format, layout: Layout::Hwc, element }
    }

    /// The pixel format, if the frame is [`FrameFormat::packed`].
    pub fn as_packed(self) -> Option<PixelFormat> {
        match self {
            Self::Pixels { format, .. } if self == Self::packed(format) => Some(format),
            _ => None,
        }
    }

    /// Whether channels hold light, which has more values than levels.
    pub const fn is_half_float(self) -> bool {
        matches!(self, Self::Pixels { format: PixelFormat::Rgba16f, .. })
    }

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pixels { format, .. } => format.name(),
            Self::Yuv(YuvFormat::Nv12) => "nv12",
            Self::Yuv(YuvFormat::I420) => "i420",
        }
    }

    /// The type of the elements.
    pub const fn element(self) -> Element {
        match self {
            Self::Pixels { element, .. } => element,
            Self::Yuv(_) => Element::Uint8,
        }
    }

    /// The shape of the array of a frame of `size`.
    pub fn shape(self, size: Size) -> Vec<usize> {
        let (width, height) = (size.width as usize, size.height as usize);
        match self {
            Self::Pixels { format, layout: Layout::Hwc, .. } => vec![height, width, format.channels()],
            Self::Pixels { format, layout: Layout::Chw, .. } => vec![format.channels(), height, width],
            Self::Yuv(_) => vec![height * 3 / 2, width],
        }
    }

    /// Bytes of a frame of `size`.
    pub fn bytes(self, size: Size) -> usize {
        self.shape(size).into_iter().product::<usize>() * self.element().bytes()
    }

    /// Whether a frame of `size` exists.
    ///
    /// # Errors
    /// `InvalidArgument` for an odd size of a format whose chroma belongs to 2×2 pixels.
    pub fn check_size(self, size: Size) -> Result<(), Error> {
        match self {
            Self::Yuv(_) if size.width % 2 == 1 || size.height % 2 == 1 => Err(Error::invalid(format!(
                "fmt=\"{}\" needs an even width and height, because its chroma belongs to 2x2 pixels, got {size}",
                self.name()
            ))),
            _ => Ok(()),
        }
    }
}

/// What frames are like: their format, and their size where it is not the region's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameSpec {
    /// The pixels in memory.
    pub format: FrameFormat,
    /// The size, `None` for that of the region.
    pub size: Option<Size>,
    /// How the region becomes a frame of that size.
    pub resample: Resample,
}

impl FrameSpec {
    /// The region pixel by pixel, row by row.
    pub const fn packed(format: PixelFormat) -> Self {
        Self { format: FrameFormat::packed(format), size: None, resample: Resample::Area }
    }

    /// The largest part of `region` with its corner of which a frame exists: where chroma belongs to 2×2 pixels, an odd region loses its
    /// last column or row.
    pub fn fitting(&self, region: Rect) -> Rect {
        if self.size.is_some() || self.format.check_size(region.size()).is_ok() {
            return region;
        }
        Rect {
            right: region.right - (region.width() & 1) as i32,
            bottom: region.bottom - (region.height() & 1) as i32,
            ..region
        }
    }

    /// The size of the frame that shows a region of this size.
    pub fn size_of(&self, region: Size) -> Size {
        self.size.unwrap_or(region)
    }
}

impl From<FrameFormat> for FrameSpec {
    fn from(format: FrameFormat) -> Self {
        Self { format, size: None, resample: Resample::default() }
    }
}

impl From<PixelFormat> for FrameSpec {
    fn from(format: PixelFormat) -> Self {
        Self::packed(format)
    }
}

macro_rules! named {
    ($type:ident, $argument:literal, $($name:literal => $value:expr),+) => {
        impl FromStr for $type {
            type Err = Error;

            fn from_str(name: &str) -> Result<Self, Error> {
                match name.to_ascii_lowercase().as_str() {
                    $($name => Ok($value),)+
                    _ => Err(Error::invalid(format!(
                        concat!("unknown ", $argument, " {:?}; choose one of {}"),
                        name,
                        [$($name),+].join(", ")
                    ))),
                }
            }
        }
    };
}

named!(Layout, "layout", "hwc" => Self::Hwc, "chw" => Self::Chw);
named!(Element, "dtype", "uint8" => Self::Uint8, "float16" => Self::Float16, "float32" => Self::Float32);
named!(Resample, "resample", "area" => Self::Area, "bilinear" => Self::Bilinear, "nearest" => Self::Nearest);

impl fmt::Display for FrameFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_bytes() {
        let size = Size::new(6, 4);
        let rgb = |layout, element| FrameFormat::Pixels { format: PixelFormat::Rgb, layout, element };
        assert_eq!(rgb(Layout::Hwc, Element::Uint8).shape(size), [4, 6, 3]);
        assert_eq!(rgb(Layout::Chw, Element::Float32).shape(size), [3, 4, 6]);
        assert_eq!(rgb(Layout::Chw, Element::Float32).bytes(size), 4 * 6 * 3 * 4);
        assert_eq!(FrameFormat::Yuv(YuvFormat::Nv12).shape(size), [6, 6]);
        assert_eq!(FrameFormat::packed(PixelFormat::Rgba16f).bytes(size), 4 * 6 * 8);
    }

    #[test]
    fn chroma_needs_even_sizes() {
        let nv12 = FrameFormat::Yuv(YuvFormat::Nv12);
        assert!(nv12.check_size(Size::new(6, 4)).is_ok());
        let error = nv12.check_size(Size::new(5, 4)).expect_err("odd").to_string();
        assert_eq!(
            error,
            "fmt=\"nv12\" needs an even width and height, because its chroma belongs to 2x2 pixels, got 5x4"
        );
        assert!(FrameFormat::packed(PixelFormat::Gray).check_size(Size::new(5, 3)).is_ok());
    }

    #[test]
    fn odd_regions_lose_what_has_no_chroma() {
        let region = Rect::new(3, 4, 10, 9);
        let nv12 = FrameSpec::from(FrameFormat::Yuv(YuvFormat::Nv12));
        assert_eq!(nv12.fitting(region), Rect::new(3, 4, 9, 8));
        assert_eq!(nv12.fitting(Rect::new(3, 4, 9, 8)), Rect::new(3, 4, 9, 8));
        assert!(nv12.fitting(Rect::new(3, 4, 4, 8)).is_empty());
        assert_eq!(FrameSpec { size: Some(Size::new(2, 2)), ..nv12 }.fitting(region), region);
        assert_eq!(FrameSpec::packed(PixelFormat::Rgb).fitting(region), region);
    }

    #[test]
    fn unknown_names_list_those_that_exist() {
        let error = "hcw".parse::<Layout>().expect_err("no such layout").to_string();
        assert_eq!(error, "unknown layout \"hcw\"; choose one of hwc, chw");
        assert_eq!("FLOAT32".parse::<Element>().expect("a type"), Element::Float32);
        assert_eq!("Nearest".parse::<Resample>().expect("a way"), Resample::Nearest);
    }
}
