//! Pure functions on memory: from the image that a source delivers to the image that the caller asked for.
//!
//! [`write()`] is one pass: it crops, rotates upright, converts and blends the pointer, writes each destination pixel once and allocates
//! no memory. [`draw_pointer`] is for memory that the operating system filled itself. Nothing here keeps state, calls an operating
//! system, or can fail: geometry that does not fit is clipped.
//!
//! | image | 8-bit frame | half-float frame |
//! |---|---|---|
//! | BGRA | the pointer, then the format | the pointer in 8 bit, then the light of every value |
//! | ten bits, half floats | decoded to BGRA by a [`Tone`], then as above | as it is, then the pointer at SDR white |
//!
//! Any part of a destination can be written by itself, and the bytes are the same: so several threads can share a large one.

mod convert;
mod decode;
mod finish;
mod half_float;
mod light;
mod pointer;
mod pointer_light;
mod stores;
mod tone;
mod turn;
mod view;

#[doc(hidden)]
pub use convert::CpuPath;
pub use finish::{Finish, Pixels};
pub use pointer::{draw_pointer, PointerImage};
pub use tone::{Tone, ToneSettings};

use view::{offset, RowWriter, SourceView, TargetView, STRIP};

use crate::color::TextureFormat;
use crate::frame::{ImageMut, ImageRef};
use crate::geometry::{Point, Rect, Rotation, Size};

/// Where in the destination a texture ends up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Desktop-space rectangle that the destination shows; its top-left corner is the destination's pixel (0, 0).
    pub region: Rect,
    /// Size of the whole desktop of the output, in desktop space.
    pub desktop: Size,
    /// How far the texture has to be rotated to become the desktop.
    pub rotation: Rotation,
}

/// Name of the CPU path that [`write()`] uses on this machine: `"avx2"`, `"neon"` or `"baseline"`.
pub fn cpu_path() -> &'static str {
    CpuPath::best().name()
}

/// [`write_toned`] for an SDR desktop.
pub fn write(
    part: Rect,
    image: ImageRef<'_>,
    placement: &Placement,
    pointer: Option<(&PointerImage, Point)>,
    dst: &mut ImageMut<'_>,
) {
    write_on(CpuPath::best(), part, image, placement, pointer, dst);
}

/// Writes the pixels of `part` that are in the region of `placement` to `dst`: crops, rotates upright, converts to the format of
/// `dst` and blends the pointer, in one pass.
///
/// `part` is in texture space and `image` holds exactly its pixels; `dst` has the size of the region. If either is smaller, the missing
/// pixels are left out. Alpha is opaque. The position of the pointer is that of the shape's top-left corner in desktop space; for an 8-bit
/// frame the pointer is blended in BGRA before the conversion, and only inside this part, so that parts that do not overlap may be written
/// in any order.
pub fn write_toned(
    part: Rect,
    image: ImageRef<'_>,
    placement: &Placement,
    tone: &Tone,
    pointer: Option<(&PointerImage, Point)>,
    dst: &mut ImageMut<'_>,
) {
    write_toned_on(CpuPath::best(), part, image, placement, tone, pointer, dst);
}

/// The pixels of the desktop that [`write()`] writes, from an image of size `held` to a destination of size `shown`.
pub(crate) fn target(part: Rect, held: Size, placement: &Placement, shown: Size) -> Rect {
    let Placement { region, desktop, rotation } = *placement;
    // Clipped to the desktop before it is rotated: outside of it the rotation is undefined and its arithmetic could overflow.
    let held = Rect::at(part.origin(), held)
        .intersection(part)
        .and_then(|held| held.intersection(rotation.apply(desktop).rect()));
    let shown = Rect::at(region.origin(), shown).intersection(region);
    let (Some(held), Some(shown)) = (held, shown) else { return Rect::default() };
    rotation.to_desktop(held, desktop).intersection(shown).unwrap_or_default()
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
    write_toned_on(path, part, image, placement, &Tone::default(), pointer, dst);
}

/// [`write_toned`] on a CPU path of the caller's choice.
#[doc(hidden)]
pub fn write_toned_on(
    path: CpuPath,
    part: Rect,
    image: ImageRef<'_>,
    placement: &Placement,
    tone: &Tone,
    pointer: Option<(&PointerImage, Point)>,
    dst: &mut ImageMut<'_>,
) {
    let Placement { region, desktop, rotation } = *placement;
    let target = target(part, image.size(), placement, dst.size());
    if target.is_empty() {
        return;
    }
    let area = rotation.to_texture(target, desktop);
    if image.format() == TextureFormat::Bgra8 {
        write_bgra(path, part, image, placement, pointer, dst);
    } else if dst.format().is_half_float() {
        let (left, top) = (offset(region.left, target.left), offset(region.top, target.top));
        let mut target = TargetView { area: target, left, top, dst };
        half_float::write(path, (part, image), tone, (area, rotation), pointer, &mut target);
    } else {
        decode::by_tiles(path, (part, image), tone, (area, rotation), |tile, bgra| {
            write_bgra(path, tile, bgra, placement, pointer, dst);
        });
    }
    if path.streams() {
        stores::fence();
    }
}

/// The pass over a BGRA image.
fn write_bgra(
    path: CpuPath,
    part: Rect,
    image: ImageRef<'_>,
    placement: &Placement,
    pointer: Option<(&PointerImage, Point)>,
    dst: &mut ImageMut<'_>,
) {
    let Placement { region, desktop, rotation } = *placement;
    let target = target(part, image.size(), placement, dst.size());
    if target.is_empty() {
        return;
    }
    let source = rotation.to_texture(target, desktop);
    let source = SourceView { image, left: offset(part.left, source.left), top: offset(part.top, source.top) };
    let writer = RowWriter { path, format: dst.format(), pointer };
    let mut target =
        TargetView { area: target, left: offset(region.left, target.left), top: offset(region.top, target.top), dst };
    match rotation {
        Rotation::None => upright(&writer, &source, &mut target),
        Rotation::Clockwise180 => upside_down(&writer, &source, &mut target),
        Rotation::Clockwise90 => turn::quarter(&writer, &source, &mut target, true),
        Rotation::Clockwise270 => turn::quarter(&writer, &source, &mut target, false),
    }
}

fn upright(writer: &RowWriter<'_>, source: &SourceView<'_>, target: &mut TargetView<'_, '_>) {
    let width = target.width();
    for y in 0..target.height() {
        target.write_row(writer, 0, y, source.pixels(0, y, width));
    }
}

fn upside_down(writer: &RowWriter<'_>, source: &SourceView<'_>, target: &mut TargetView<'_, '_>) {
    let (width, height) = (target.width(), target.height());
    let mut strip = [[0; 4]; STRIP];
    for y in 0..height {
        for x in (0..width).step_by(STRIP) {
            let strip = &mut strip[..STRIP.min(width - x)];
            let pixels = source.pixels(width - x - strip.len(), height - 1 - y, strip.len());
            writer.path.reverse(pixels, strip);
            target.write_row(writer, x, y, strip.as_flattened());
        }
    }
}
