//! Pictures of HDR desktops.

use rustcam::color::{Color, TextureFormat, ToneMapping};
use rustcam::frame::{ImageMut, ImageRef, PixelFormat, Pointer};
use rustcam::geometry::{Rect, Rotation, Size};
use rustcam::pixels::{write_toned, Placement, PointerImage, Tone, ToneSettings};

/// `region` of an HDR desktop of `size` whose half floats are `light`, with `pointer` over half floats. The tests of the pixel pass compare
/// it with the formulas; here it is applied to the whole upright desktop at once.
pub fn from_light(
    light: &[u8],
    size: Size,
    color: &Color,
    pointer: Option<&Pointer>,
    region: Rect,
    format: PixelFormat,
) -> Vec<u8> {
    let pointer = pointer.filter(|p| p.visible).and_then(|p| Some((p.shape.as_deref()?, p.position)));
    let shape = pointer.and_then(|(shape, at)| Some((PointerImage::decode(shape)?, at)));
    let pointer = shape.as_ref().map(|(shape, at)| (shape, *at));
    let mut bytes = vec![0; region.area() as usize * format.bytes()];
    let stride = region.width() as usize * format.bytes();
    let mut picture = ImageMut::new(&mut bytes, stride, region.size(), format);
    let image = ImageRef::of(TextureFormat::Rgba16f, light, size.width as usize * 8, size);
    let placement = Placement { region, desktop: size, rotation: Rotation::None };
    let tone = Tone::new(ToneSettings::new(color, ToneMapping::Map));
    write_toned(size.rect(), image, &placement, &tone, pointer, &mut picture);
    bytes
}
