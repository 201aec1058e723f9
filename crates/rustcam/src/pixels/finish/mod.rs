//! Frames of another size, layout or type than the desktop's, and with chroma of their own: one pass over the region, whose rows are made
//! upright, with the pointer, as they are needed, and stay in the cache until the rows of the frame are made of them.

mod light;
mod resize;
mod rows;
mod store;
mod yuv;

use light::LightStore;
use resize::{Axes, Scratch};
use rows::{Origin, Rows};
use store::Store;
use yuv::YuvStore;

use super::convert::CpuPath;
use super::{Placement, PointerImage, Tone};
use crate::axis::Axis;
use crate::frame::{ImageRef, PixelFormat};
use crate::frame_format::{FrameFormat, Resample};
use crate::geometry::{Point, Rect, Size};

/// What makes a frame of a region: the size and the format of the frame, and memory for some rows.
#[derive(Debug)]
pub struct Finish {
    region: Size,
    size: Size,
    resample: Resample,
    format: FrameFormat,
    x: Axis,
    y: Axis,
    strip: Vec<u8>,
    levels: Vec<u8>,
    scratch: Scratch,
}

/// The pixels that a frame is made of: what [`write_toned`](super::write_toned) takes.
#[derive(Clone, Copy, Debug)]
pub struct Pixels<'a> {
    /// What `image` shows, in texture space.
    pub part: Rect,
    /// The pixels of the part.
    pub image: ImageRef<'a>,
    /// The region, on its desktop.
    pub placement: Placement,
    /// The tone mapping of the desktop.
    pub tone: &'a Tone,
    /// The pointer, and where its top-left corner is, in desktop space.
    pub pointer: Option<(&'a PointerImage, Point)>,
}

impl Finish {
    /// Frames of `size` in `format`, of a region of this size.
    ///
    /// # Panics
    /// If a side of `region` or `size` is 0, or `format` does not exist in this size.
    pub fn new(region: Size, size: Size, resample: Resample, format: FrameFormat) -> Self {
        assert!(region.area() > 0 && size.area() > 0 && format.check_size(size).is_ok(), "{region} to {size}");
        Self {
            region,
            size,
            resample,
            format,
            x: Axis::new(resample, region.width, size.width),
            y: Axis::new(resample, region.height, size.height),
            strip: Vec::new(),
            levels: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Whether it is what [`Finish::new`] makes of these.
    pub fn is(&self, region: Size, size: Size, resample: Resample, format: FrameFormat) -> bool {
        (self.region, self.size, self.resample, self.format) == (region, size, resample, format)
    }

    /// The pixels of the frame that `part` of the region takes part in. Both are relative to the corner of theirs.
    pub fn touched(&self, part: Rect) -> Rect {
        let Some(part) = part.intersection(self.region.rect()) else { return Rect::default() };
        let touched = Axis::touched_by(&self.x, &self.y, part);
        match self.format {
            FrameFormat::Yuv(_) if !touched.is_empty() => {
                let Rect { left, top, right, bottom } = touched;
                Rect::new(left & !1, top & !1, (right + 1) & !1, (bottom + 1) & !1)
            }
            FrameFormat::Yuv(_) | FrameFormat::Pixels { .. } => touched,
        }
    }

    /// The pixels of the region that `target`, pixels of the frame, are made of.
    pub fn needed(&self, target: Rect) -> Rect {
        Axis::needed_of(&self.x, &self.y, target)
    }

    /// Writes `target`, pixels of the frame, to `frame`, all of which has [`FrameFormat::bytes`] bytes. The part of `pixels` has to show
    /// all that they need.
    ///
    /// # Panics
    /// If `target` is not inside the frame, or the part does not show what it needs.
    pub fn write(&mut self, pixels: &Pixels<'_>, target: Rect, frame: &mut [u8]) {
        self.write_on(CpuPath::best(), pixels, target, frame);
    }

    /// [`Finish::write`] on a CPU path of the caller's choice, for tests.
    #[doc(hidden)]
    pub fn write_on(&mut self, path: CpuPath, pixels: &Pixels<'_>, target: Rect, frame: &mut [u8]) {
        assert!(self.size.rect().contains(target), "{target} is not inside {}", self.size);
        if target.is_empty() {
            return;
        }
        let needed = self.needed(target);
        let Self { size, format, x, y, strip, levels, scratch, .. } = self;
        let Pixels { part, image, placement, tone, pointer } = *pixels;
        let axes = Axes { x, y };
        let origin = Origin { path, part, image, placement, tone, pointer };
        if let FrameFormat::Pixels { format: PixelFormat::Rgba16f, layout, element } = *format {
            let mut store = LightStore { layout, element, size: *size, bytes: frame };
            return light::write(&origin, axes, (target, needed), strip, &mut store);
        }
        let mut rows = Rows::new(origin, needed, strip);
        let columns = (target.left as u32, target.right as u32);
        let mut store = RowStore::new(path, *format, *size, frame, levels);
        for y in target.top as u32..target.bottom as u32 {
            store.row(y, columns.0, resize::row(path, axes, &mut rows, (y, columns.0, columns.1), scratch));
        }
    }

    /// Stores `scaled`, the upright BGRA pixels of `target`, to `frame`, as [`Finish::write`] does with those that it has made itself.
    ///
    /// # Panics
    /// If `target` is not inside the frame, or `scaled` has another size.
    pub fn store(&mut self, scaled: ImageRef<'_>, target: Rect, frame: &mut [u8]) {
        assert!(self.size.rect().contains(target) && scaled.size() == target.size(), "{target} of {}", self.size);
        let mut store = RowStore::new(CpuPath::best(), self.format, self.size, frame, &mut self.levels);
        for (row, y) in (target.top as u32..target.bottom as u32).enumerate() {
            store.row(y, target.left as u32, scaled.row(row));
        }
    }

    /// Stores rows of luma and of chroma, four bytes to a pixel of `nv12`, that were made of `target`.
    ///
    /// # Panics
    /// If `target` is not inside the frame, or the frame has no luma.
    pub fn store_nv12(&mut self, nv12: ImageRef<'_>, target: Rect, frame: &mut [u8]) {
        let FrameFormat::Yuv(format) = self.format else { panic!("{} has no luma", self.format) };
        assert!(self.size.rect().contains(target), "{target} of {}", self.size);
        let mut store =
            YuvStore { path: CpuPath::best(), format, size: self.size, bytes: frame, above: &mut self.levels };
        let (width, height) = (target.width() as usize, target.height() as usize);
        for row in 0..height {
            store.luma(target.top as usize + row, target.left as usize, &nv12.row(row)[..width]);
        }
        for row in 0..height / 2 {
            store.chroma(target.top as usize / 2 + row, target.left as usize, &nv12.row(height + row)[..width]);
        }
    }
}

/// Where the rows of a frame of 8 bits go.
enum RowStore<'a> {
    Pixels(Store<'a>),
    Yuv(YuvStore<'a>),
}

impl<'a> RowStore<'a> {
    fn new(path: CpuPath, format: FrameFormat, size: Size, bytes: &'a mut [u8], strip: &'a mut Vec<u8>) -> Self {
        match format {
            FrameFormat::Pixels { format, layout, element } => {
                Self::Pixels(Store { path, format, layout, element, size, bytes, strip })
            }
            FrameFormat::Yuv(format) => Self::Yuv(YuvStore { path, format, size, bytes, above: strip }),
        }
    }

    /// Stores the pixels of `bgra` from column `x` of row `y` on.
    fn row(&mut self, y: u32, x: u32, bgra: &[u8]) {
        match self {
            Self::Pixels(store) => store.row(y, x, bgra),
            Self::Yuv(store) => store.row(y, x, bgra),
        }
    }
}
