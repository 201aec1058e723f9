//! Pure functions on memory: from the image that a source delivers to the image that the caller asked for.
//!
//! [`write`] is one pass: crop, un-rotate, convert and blend the pointer, each destination pixel written once, no memory
//! allocated. [`draw_pointer`] is for memory that the operating system filled itself. Nothing here keeps state, calls an operating
//! system, or can fail: geometry that does not fit is clipped.
//!
//! One thread does it: memory is the limit of a 4K picture, and of the upright formats only gray is clearly faster in two threads.
//! That and the quarter turns gain only while the second thread is awake; between frames it sleeps, on a busy machine it comes late,
//! and all the while it takes more of the processor. The example `kernels` measures both cases.

mod convert;
mod pointer;
mod turn;

#[doc(hidden)]
pub use convert::CpuPath;
pub use pointer::{draw_pointer, PointerImage};

use crate::frame::{ImageMut, ImageRef, PixelFormat};
use crate::geometry::{Point, Rect, Rotation, Size};

/// Pixels that are reversed, or blended under the pointer, at a time. 1 KiB of stack.
const STRIP: usize = 256;

/// Where in the destination a texture ends up.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// Desktop-space rectangle that the destination shows; its top-left corner is the destination's pixel (0, 0).
    pub region: Rect,
    /// Size of the whole desktop of the output, in desktop space.
    pub desktop: Size,
    /// How far the texture is turned to become the desktop.
    pub rotation: Rotation,
}

/// Name of the CPU path that [`write`] takes on this machine: `"avx2"`, `"neon"` or `"baseline"`.
pub fn cpu_path() -> &'static str {
    CpuPath::best().name()
}

/// Writes the pixels of `part` that fall into the region of `placement` to `dst`: crops, un-rotates, converts to the format of
/// `dst` and blends the pointer over, in one pass.
///
/// `part` is in texture space and `image` holds exactly its pixels; `dst` has the size of the region. If one is smaller than it
/// should be, what it lacks is left out. Alpha of `bgra` and `rgba` is 255. The position of the pointer is that of the shape's
/// top-left corner in desktop space; the pointer is blended in BGRA before the conversion, and only inside this part, so that
/// parts that do not overlap may be written in any order.
pub fn write(
    part: Rect,
    image: ImageRef<'_>,
    placement: &Placement,
    pointer: Option<(&PointerImage, Point)>,
    dst: &mut ImageMut<'_>,
) {
    write_on(CpuPath::best(), part, image, placement, pointer, dst);
}

/// [`write`] on a CPU path of the caller's choice, for tests.
#[doc(hidden)]
pub fn write_on(
    path: CpuPath,
    part: Rect,
    image: ImageRef<'_>,
    placement: &Placement,
    pointer: Option<(&PointerImage, Point)>,
    dst: &mut ImageMut<'_>,
) {
    let Placement { region, desktop, rotation } = *placement;
    // Clipped to the desktop before it is turned: outside of it the turn has no meaning and its arithmetic could overflow.
    let held = Rect::at(part.origin(), image.size())
        .intersection(part)
        .and_then(|held| held.intersection(rotation.apply(desktop).rect()));
    let shown = Rect::at(region.origin(), dst.size()).intersection(region);
    let (Some(held), Some(shown)) = (held, shown) else { return };
    let Some(target) = rotation.to_desktop(held, desktop).intersection(shown) else { return };

    let source = rotation.to_texture(target, desktop);
    let source = Window { image, left: offset(part.left, source.left), top: offset(part.top, source.top) };
    let painter = Painter { path, format: dst.format(), pointer };
    let mut target =
        Target { area: target, left: offset(region.left, target.left), top: offset(region.top, target.top), dst };
    match rotation {
        Rotation::None => upright(&painter, &source, &mut target),
        Rotation::Clockwise180 => upside_down(&painter, &source, &mut target),
        Rotation::Clockwise90 => turn::quarter(&painter, &source, &mut target, true),
        Rotation::Clockwise270 => turn::quarter(&painter, &source, &mut target, false),
    }
}

/// Distance from `origin` to `position`, which is not before it.
fn offset(origin: i32, position: i32) -> usize {
    origin.abs_diff(position) as usize
}

/// The pixels of the source that are wanted; counted from their own corner.
struct Window<'a> {
    image: ImageRef<'a>,
    left: usize,
    top: usize,
}

impl<'a> Window<'a> {
    fn pixels(&self, x: usize, y: usize, len: usize) -> &'a [u8] {
        let start = (self.left + x) * 4;
        &self.image.row(self.top + y)[start..start + len * 4]
    }
}

/// The pixels of the destination to write; counted from their own corner.
struct Target<'a, 'b> {
    /// The same pixels in desktop space.
    area: Rect,
    left: usize,
    top: usize,
    dst: &'a mut ImageMut<'b>,
}

impl Target<'_, '_> {
    fn width(&self) -> usize {
        self.area.width() as usize
    }

    fn height(&self) -> usize {
        self.area.height() as usize
    }

    /// The bytes of `len` pixels from (`x`, `y`) rightwards.
    fn pixels_mut(&mut self, x: usize, y: usize, len: usize) -> &mut [u8] {
        let channels = self.dst.format().channels();
        let start = (self.left + x) * channels;
        &mut self.dst.row_mut(self.top + y)[start..start + len * channels]
    }

    fn paint(&mut self, painter: &Painter<'_>, x: usize, y: usize, bgra: &[u8]) {
        let (desktop_x, desktop_y) = (self.area.left + x as i32, self.area.top + y as i32);
        painter.row(bgra, desktop_x, desktop_y, self.pixels_mut(x, y, bgra.len() / 4));
    }
}

/// What happens to each pixel, wherever it comes from.
struct Painter<'a> {
    path: CpuPath,
    format: PixelFormat,
    pointer: Option<(&'a PointerImage, Point)>,
}

impl Painter<'_> {
    /// Converts upright BGRA pixels whose first is desktop pixel (`x`, `y`), with the pointer over them.
    fn row(&self, bgra: &[u8], x: i32, y: i32, dst: &mut [u8]) {
        let covered = self.pointer.and_then(|(image, at)| Some((image, image.run(at, x, y, bgra.len() / 4)?)));
        let Some((image, run)) = covered else {
            return self.path.convert(self.format, bgra, dst);
        };
        let channels = self.format.channels();
        self.path.convert(self.format, &bgra[..run.start * 4], &mut dst[..run.start * channels]);
        let mut strip = [0; STRIP * 4];
        for start in (run.start..run.end).step_by(STRIP) {
            let end = run.end.min(start + STRIP);
            let strip = &mut strip[..(end - start) * 4];
            strip.copy_from_slice(&bgra[start * 4..end * 4]);
            image.blend(self.path, &run, start - run.start, strip);
            self.path.convert(self.format, strip, &mut dst[start * channels..end * channels]);
        }
        self.path.convert(self.format, &bgra[run.end * 4..], &mut dst[run.end * channels..]);
    }
}

fn upright(painter: &Painter<'_>, source: &Window<'_>, target: &mut Target<'_, '_>) {
    let width = target.width();
    for y in 0..target.height() {
        target.paint(painter, 0, y, source.pixels(0, y, width));
    }
}

fn upside_down(painter: &Painter<'_>, source: &Window<'_>, target: &mut Target<'_, '_>) {
    let (width, height) = (target.width(), target.height());
    let mut strip = [[0; 4]; STRIP];
    for y in 0..height {
        for x in (0..width).step_by(STRIP) {
            let strip = &mut strip[..STRIP.min(width - x)];
            let pixels = source.pixels(width - x - strip.len(), height - 1 - y, strip.len());
            painter.path.reverse(pixels, strip);
            target.paint(painter, x, y, strip.as_flattened());
        }
    }
}
