//! What a frame is made of: pixel formats, images in memory, damage, the pointer, and what is known about a frame.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::color::TextureFormat;
use crate::error::Error;
use crate::geometry::{Point, Rect, Rotation, Size};

/// The pixel formats of frames, named in memory order: one byte per channel, or half floats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// Blue, green, red, alpha. Alpha is always 255.
    #[default]
    Bgra,
    /// Red, green, blue, alpha. Alpha is always 255.
    Rgba,
    /// Blue, green, red.
    Bgr,
    /// Red, green, blue.
    Rgb,
    /// Luma: `(77·R + 150·G + 29·B + 128) >> 8`.
    Gray,
    /// Little-endian half floats of red, green, blue and alpha: linear scRGB, 1.0 is 80 nits. Alpha is always 1.0.
    Rgba16f,
}

impl PixelFormat {
    /// All formats, in the order in which messages list them.
    pub const ALL: &'static [PixelFormat] = &[
        PixelFormat::Bgra,
        PixelFormat::Rgba,
        PixelFormat::Bgr,
        PixelFormat::Rgb,
        PixelFormat::Gray,
        PixelFormat::Rgba16f,
    ];

    /// Channels per pixel.
    pub const fn channels(self) -> usize {
        match self {
            PixelFormat::Bgra | PixelFormat::Rgba | PixelFormat::Rgba16f => 4,
            PixelFormat::Bgr | PixelFormat::Rgb => 3,
            PixelFormat::Gray => 1,
        }
    }

    /// Bytes per pixel.
    pub const fn bytes(self) -> usize {
        self.channels() * if self.is_half_float() { 2 } else { 1 }
    }

    /// Whether channels are half floats instead of bytes.
    pub const fn is_half_float(self) -> bool {
        matches!(self, PixelFormat::Rgba16f)
    }

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            PixelFormat::Bgra => "bgra",
            PixelFormat::Rgba => "rgba",
            PixelFormat::Bgr => "bgr",
            PixelFormat::Rgb => "rgb",
            PixelFormat::Gray => "gray",
            PixelFormat::Rgba16f => "rgba16f",
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PixelFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let lower = name.to_ascii_lowercase();
        if lower == "grey" {
            return Ok(PixelFormat::Gray);
        }
        PixelFormat::ALL.iter().copied().find(|format| format.name() == lower).ok_or_else(|| {
            Error::invalid(format!("unknown pixel format {name:?}; choose one of bgra, rgba, bgr, rgb, gray, rgba16f"))
        })
    }
}

/// Pixels to read, as a source delivers them.
#[derive(Clone, Copy)]
pub struct ImageRef<'a> {
    bytes: &'a [u8],
    stride: usize,
    size: Size,
    format: TextureFormat,
}

impl<'a> ImageRef<'a> {
    /// The part of the image that `part`, which is inside it, shows.
    ///
    /// # Panics
    /// If `part` is not inside the image.
    #[must_use]
    pub fn cropped(&self, part: Rect) -> ImageRef<'a> {
        assert!(self.size.rect().contains(part), "{part} is not inside {}", self.size);
        let start = part.top as usize * self.stride + part.left as usize * self.format.bytes();
        ImageRef::of(self.format, &self.bytes[start..], self.stride, part.size())
    }

    /// A BGRA image of `size` whose rows start `stride` bytes apart; the last row need not be padded. The fourth byte of each pixel is
    /// undefined.
    ///
    /// # Panics
    /// If the rows overlap or do not fit into `bytes`: a bug of the caller, never the result of user input.
    pub fn new(bytes: &'a [u8], stride: usize, size: Size) -> Self {
        Self::of(TextureFormat::Bgra8, bytes, stride, size)
    }

    /// [`ImageRef::new`] for an image of any format.
    ///
    /// # Panics
    /// As [`ImageRef::new`].
    pub fn of(format: TextureFormat, bytes: &'a [u8], stride: usize, size: Size) -> Self {
        let row = size.width as usize * format.bytes();
        assert!(rows_fit(bytes.len(), stride, row, size.height as usize), "image exceeds its memory");
        Self { bytes, stride, size, format }
    }

    /// Format of the pixels.
    pub fn format(&self) -> TextureFormat {
        self.format
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The bytes of row `y`, [`TextureFormat::bytes`] per pixel.
    pub fn row(&self, y: usize) -> &'a [u8] {
        let start = y * self.stride;
        &self.bytes[start..start + self.size.width as usize * self.format.bytes()]
    }
}

impl fmt::Debug for ImageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _, stride, size, format } = self;
        f.debug_struct("ImageRef")
            .field("size", size)
            .field("format", format)
            .field("stride", stride)
            .finish_non_exhaustive()
    }
}

/// Pixels to write, in any format. Rows may be padded and may run from the bottom up.
pub struct ImageMut<'a> {
    bytes: &'a mut [u8],
    stride: usize,
    size: Size,
    format: PixelFormat,
    bottom_up: bool,
}

impl<'a> ImageMut<'a> {
    /// An image of `size` whose rows start `stride` bytes apart; the last row need not be padded.
    ///
    /// # Panics
    /// If the rows overlap or do not fit into `bytes`: a bug of the caller, never the result of user input.
    pub fn new(bytes: &'a mut [u8], stride: usize, size: Size, format: PixelFormat) -> Self {
        let row = size.width as usize * format.bytes();
        assert!(rows_fit(bytes.len(), stride, row, size.height as usize), "image exceeds its memory");
        Self { bytes, stride, size, format, bottom_up: false }
    }

    /// The same memory with its first row at the end.
    #[must_use]
    pub fn bottom_up(mut self) -> Self {
        self.bottom_up = !self.bottom_up;
        self
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Format of the pixels.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// The bytes of row `y`, [`PixelFormat::bytes`] per pixel.
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        let y = if self.bottom_up { self.size.height as usize - 1 - y } else { y };
        let start = y * self.stride;
        &mut self.bytes[start..start + self.size.width as usize * self.format.bytes()]
    }

    /// `rows` in bands of `height` rows, the last of which may be lower, each with the number of its first row.
    pub(crate) fn bands(&mut self, rows: Range<u32>, height: u32) -> impl Iterator<Item = (u32, ImageMut<'_>)> {
        let Self { stride, size, format, bottom_up, .. } = *self;
        // In the order of the memory.
        let (from, to) =
            if bottom_up { (size.height - rows.end, size.height - rows.start) } else { (rows.start, rows.end) };
        let mut next = from;
        let mut rest = self.bytes.get_mut(from as usize * stride..).unwrap_or_default();
        std::iter::from_fn(move || {
            let count = height.min(to - next);
            if count == 0 {
                return None;
            }
            let taken = std::mem::take(&mut rest);
            let (band, behind) = taken.split_at_mut((count as usize * stride).min(taken.len()));
            rest = behind;
            let top = if bottom_up { size.height - next - count } else { next };
            next += count;
            Some((top, ImageMut { bytes: band, stride, size: Size::new(size.width, count), format, bottom_up }))
        })
    }
}

impl fmt::Debug for ImageMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes: _, stride, size, format, bottom_up } = self;
        f.debug_struct("ImageMut")
            .field("size", size)
            .field("format", format)
            .field("stride", stride)
            .field("bottom_up", bottom_up)
            .finish_non_exhaustive()
    }
}

fn rows_fit(len: usize, stride: usize, row: usize, height: usize) -> bool {
    height == 0 || (stride >= row || height == 1) && (height - 1).checked_mul(stride).is_some_and(|n| n + row <= len)
}

/// A part of the image that moved without changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Where the top-left corner was.
    pub source: Point,
    /// Where the part is now.
    pub destination: Rect,
}

impl Move {
    /// The rectangle that it moved from.
    pub fn source_rect(&self) -> Rect {
        Rect::at(self.source, self.destination.size())
    }
}

/// What changed between two images. Moves come first and read from the old image; then the dirty parts are new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Parts with new content. They may overlap and may cover more than what changed.
    pub dirty: Vec<Rect>,
    /// Parts that moved.
    pub moves: Vec<Move>,
}

impl Damage {
    /// Everything inside `whole` is new.
    pub fn everything(whole: Rect) -> Self {
        Self { dirty: vec![whole], moves: Vec::new() }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.dirty.is_empty() && self.moves.is_empty()
    }

    /// Every rectangle whose pixels may differ from before: the dirty parts, and the destinations and sources of moves. Not every system
    /// lists the sources among the dirty parts.
    pub fn changed(&self) -> impl Iterator<Item = Rect> + '_ {
        let moved = self.moves.iter().flat_map(|m| [m.destination, m.source_rect()]);
        self.dirty.iter().copied().chain(moved)
    }

    /// Damage of the texture mapped to the desktop of size `desktop`, whose image is rotated by `rotation`.
    #[must_use]
    pub fn to_desktop(self, rotation: Rotation, desktop: Size) -> Self {
        self.map(|r| rotation.to_desktop(r, desktop))
    }

    /// Damage of the desktop of size `desktop` mapped to the texture.
    #[must_use]
    pub fn to_texture(self, rotation: Rotation, desktop: Size) -> Self {
        self.map(|r| rotation.to_texture(r, desktop))
    }

    fn map(self, map: impl Fn(Rect) -> Rect) -> Self {
        let moved = |m: Move| Move { source: map(m.source_rect()).origin(), destination: map(m.destination) };
        Self { dirty: self.dirty.into_iter().map(&map).collect(), moves: self.moves.into_iter().map(moved).collect() }
    }

    /// The credible part of damage that a system reported. Rectangles are clipped to `whole`, empty ones are dropped. Moves stay if a
    /// reader who has the old image can apply them in any order. Other moves become dirty parts; moves onto themselves are dropped.
    #[must_use]
    pub fn sane(self, whole: Rect) -> Damage {
        let mut sane =
            Damage { dirty: self.dirty.iter().filter_map(|r| r.intersection(whole)).collect(), moves: Vec::new() };
        let mut written: Vec<Rect> = Vec::new();
        for m in self.moves {
            let to = m.destination;
            if to.origin() == m.source {
                continue;
            }
            let inside = whole.contains(to) && !to.is_empty();
            // A rectangle outside the image may be too large for `source_rect`.
            let from = if inside { m.source_rect() } else { Rect::default() };
            let apart = written.iter().all(|w| w.intersection(from).is_none() && w.intersection(to).is_none());
            if inside && whole.contains(from) && apart {
                sane.moves.push(m);
            } else {
                sane.dirty.extend(to.intersection(whole));
            }
            written.push(to);
        }
        sane
    }
}

/// How the bytes of a pointer shape combine with the desktop under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeKind {
    /// One bit per pixel, most significant first: an AND mask of `size.height` rows, then an XOR mask of as many.
    Monochrome,
    /// BGRA with straight alpha.
    Color,
    /// BGRA already multiplied by its alpha.
    Premultiplied,
    /// BGRA whose fourth byte is a mask: 0 replaces the pixel, any other value combines with it by exclusive or.
    MaskedColor,
}

/// A pointer image as the operating system describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerShape {
    /// Meaning of `data`.
    pub kind: ShapeKind,
    /// Visible size; for a monochrome shape the height of one mask.
    pub size: Size,
    /// Bytes from one row of `data` to the next.
    pub pitch: usize,
    /// The pixel that points, relative to the top-left corner.
    pub hot_spot: Point,
    /// Rows of the shape.
    pub data: Vec<u8>,
}

/// The pointer of one output. `position` is the top-left corner of the shape in desktop space and may lie outside the output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    /// Where the shape's top-left corner is.
    pub position: Point,
    /// Whether the pointer has to be drawn: it is on this output, and the system has not drawn it into the image already.
    pub visible: bool,
    /// The shape, `None` until the system has reported one.
    pub shape: Option<Arc<PointerShape>>,
}

impl Pointer {
    /// Whether both look the same. Position and shape of a pointer that is not visible do not matter.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.visible == other.visible
            && (!self.visible || (self.position == other.position && self.shape == other.shape))
    }

    /// The desktop pixels that drawing the pointer touches, `None` if there are none.
    pub fn extent(&self) -> Option<Rect> {
        let shape = self.shape.as_ref().filter(|_| self.visible)?;
        Some(Rect::at(self.position, shape.size)).filter(|r| !r.is_empty())
    }
}

/// What is known about a returned frame. Rectangles are in desktop space.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FrameInfo {
    /// When the image was presented, on the clock of the capture.
    pub present_time: Duration,
    /// Number of presents seen since the capture began, this one included.
    pub sequence: u64,
    /// Presents since the previously returned frame: 0 if only the pointer changed, above 1 if some were missed.
    pub accumulated: u64,
    /// Whether image or pointer are newer than in the previously returned frame.
    pub is_new: bool,
    /// What changed since the previously returned frame.
    pub damage: Damage,
    /// The pointer as of this frame.
    pub pointer: Pointer,
    /// Whether the system blanked protected content.
    pub protected: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_parse_in_any_case_and_errors_list_all_of_them() {
        assert_eq!("BGRA".parse::<PixelFormat>().ok(), Some(PixelFormat::Bgra));
        assert_eq!("Grey".parse::<PixelFormat>().ok(), Some(PixelFormat::Gray));
        let message = "yuv".parse::<PixelFormat>().expect_err("not a format").to_string();
        for format in PixelFormat::ALL {
            assert!(message.contains(format.name()), "{message}");
        }
    }

    #[test]
    fn bottom_up_images_start_at_their_last_row() {
        let mut bytes = [0u8; 6];
        let mut image = ImageMut::new(&mut bytes, 2, Size::new(2, 3), PixelFormat::Gray).bottom_up();
        image.row_mut(0)[0] = 7;
        assert_eq!(bytes, [0, 0, 0, 0, 7, 0]);
    }

    #[test]
    fn only_credible_damage_is_kept() {
        let whole = Rect::new(0, 0, 100, 50);
        let moved = |x, y, destination| Move { source: Point::new(x, y), destination };
        let good = [moved(5, 5, Rect::new(50, 5, 60, 10)), moved(5, 20, Rect::new(50, 20, 60, 25))];
        let bad = [
            moved(7, 7, Rect::new(7, 7, 9, 9)),
            moved(90, 0, Rect::new(0, 40, 20, 45)),
            moved(70, 0, Rect::new(80, 40, 120, 45)),
            moved(1, 30, Rect::new(55, 20, 58, 22)),
            moved(52, 6, Rect::new(0, 30, 5, 33)),
            moved(i32::MIN, i32::MAX, Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX)),
            moved(0, 0, Rect::new(9, 9, 3, 3)),
        ];
        let dirty = vec![Rect::new(-5, -5, 3, 3), Rect::new(9, 9, 3, 3), Rect::new(100, 0, 200, 50)];
        let sane = Damage { dirty, moves: good.into_iter().chain(bad).collect() }.sane(whole);
        assert_eq!(sane.moves, good);
        let dirty = [
            Rect::new(0, 0, 3, 3),
            Rect::new(0, 40, 20, 45),
            Rect::new(80, 40, 100, 45),
            Rect::new(55, 20, 58, 22),
            Rect::new(0, 30, 5, 33),
            whole,
        ];
        assert_eq!(sane.dirty, dirty);
    }

    #[test]
    #[should_panic(expected = "exceeds its memory")]
    fn overlapping_rows_are_refused() {
        let _ = ImageRef::new(&[0; 64], 4, Size::new(2, 4));
    }
}
