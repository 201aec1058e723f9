//! The data of the shaders in `renderer.hlsl`: where each pixel of the target comes from, and the texels of the pointer.

use crate::color::{srgb_encode, Color, ToneMapping, SCRGB_UNIT_NITS};
use crate::frame::{PointerShape, ShapeKind};
use crate::geometry::{Point, Rect, Rotation, Size};

/// Where the upright pixels of a region are in a texture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Upright {
    /// The texel of its first pixel.
    pub(super) first: Point,
    /// From one column to the next.
    pub(super) right: Point,
    /// From one row to the next.
    pub(super) down: Point,
}

impl Upright {
    /// For `region` of a desktop of this size, whose texture has this rotation.
    pub(super) fn new(region: Rect, desktop: Size, rotation: Rotation) -> Self {
        let texel = |x: i32, y: i32| {
            let pixel = Rect::at(Point::new(region.left + x, region.top + y), Size::new(1, 1));
            rotation.to_texture(pixel, desktop).origin()
        };
        // A rotation is linear: three pixels determine it. They need not be inside the desktop.
        let (first, right, below) = (texel(0, 0), texel(1, 0), texel(0, 1));
        let step = |to: Point| Point::new(to.x - first.x, to.y - first.y);
        Self { first, right: step(right), down: step(below) }
    }

    /// For a texture whose first texel is pixel `corner` of the region.
    #[cfg(windows)]
    pub(super) fn at(corner: Point) -> Self {
        Self { first: Point::new(-corner.x, -corner.y), right: Point::new(1, 0), down: Point::new(0, 1) }
    }
}

/// The constant buffer, member by member.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Constants {
    column_step: [f32; 4],
    row_step: [f32; 4],
    origin: [f32; 4],
}

impl Constants {
    /// For `region` of a desktop of this size, whose image has this rotation, with the pointer's first texel at `pointer` on the desktop.
    pub(super) fn new(region: Rect, desktop: Size, rotation: Rotation, pointer: Point) -> Self {
        let Upright { first, right, down } = Upright::new(region, desktop, rotation);
        let step = |step: Point| [step.x as f32, step.y as f32, 0.0, 0.0];
        let at = |pointer: i32, origin: i32| pointer.saturating_sub(origin) as f32;
        Self {
            column_step: step(right),
            row_step: step(down),
            origin: [first.x as f32, first.y as f32, at(pointer.x, region.left), at(pointer.y, region.top)],
        }
    }
}

/// The constants of the tone mapping, member by member.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ToneConstants([f32; 4]);

impl ToneConstants {
    /// For an HDR desktop of this colour.
    pub(super) fn new(color: &Color, mapping: ToneMapping) -> Self {
        // What the desktop holds for SDR white becomes exactly 1.
        let white = half::f16::from_f64(color.white() / SCRGB_UNIT_NITS).to_f32();
        let headroom = (color.max_nits / color.white() - 1.0) as f32;
        let fades = mapping == ToneMapping::Map && headroom.is_finite() && headroom > 0.0;
        let keeps_hue = if mapping == ToneMapping::Map { 1.0 } else { 0.0 };
        Self([1.0 / white, if fades { 1.0 / headroom } else { 0.0 }, keeps_hue, 0.0])
    }
}

/// The levels of all values `i / 65535` of a linear channel, as BGRA words.
pub(super) fn levels() -> Vec<u32> {
    let level = |i: u32| (srgb_encode(f64::from(i) / 65535.0) * 255.0).round() as u32;
    (0..1 << 16).map(|i| level(i) * 0x01_0101).collect()
}

/// The size of the texture of [`levels`].
pub(super) const LEVELS: Size = Size::new(256, 256);

/// A pointer as a texture: BGRA words without padding.
pub(super) struct Texels {
    pub(super) words: Vec<u32>,
    /// Whether the fourth byte is a mask, as in [`ShapeKind::MaskedColor`], and not alpha.
    pub(super) masked: bool,
}

const RGB: u32 = 0x00FF_FFFF;
const KEEP: u32 = 0xFF00_0000;

impl Texels {
    /// The texels of `shape`. The two bits per pixel of a monochrome shape become a mask and a colour: keep the pixel or not, then invert
    /// all of it or nothing. `None` if the data are shorter than the shape.
    pub(super) fn new(shape: &PointerShape) -> Option<Self> {
        let Size { width, height } = shape.size;
        let (width, height) = (width as usize, height as usize);
        let byte = |x: usize, y: usize| shape.data.get(y * shape.pitch + x).copied();
        let bit = |x: usize, y: usize| byte(x / 8, y).map(|byte| byte >> (7 - x % 8) & 1 != 0);
        let two_bits = |x, y| {
            let (keep, flip) = (bit(x, y)?, bit(x, y + height)?);
            Some(if keep { KEEP } else { 0 } | if flip { RGB } else { 0 })
        };
        let word = |x, y| {
            let start = y * shape.pitch + x * 4;
            shape.data.get(start..start + 4)?.try_into().ok().map(u32::from_le_bytes)
        };
        let monochrome = shape.kind == ShapeKind::Monochrome;
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let words = pixels.map(|(x, y)| if monochrome { two_bits(x, y) } else { word(x, y) }).collect::<Option<_>>()?;
        Some(Self { words, masked: monochrome || shape.kind == ShapeKind::MaskedColor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_of_a_region_comes_from_its_texel() {
        let (desktop, region) = (Size::new(7, 5), Rect::new(2, 1, 7, 4));
        for rotation in Rotation::ALL {
            let c = Constants::new(region, desktop, rotation, Point::new(-3, 9));
            for y in 0..3 {
                for x in 0..5 {
                    let pixel = Rect::at(Point::new(2 + x, 1 + y), Size::new(1, 1));
                    let texel = rotation.to_texture(pixel, desktop).origin();
                    let axis = |i: usize| c.column_step[i] * x as f32 + c.row_step[i] * y as f32 + c.origin[i];
                    assert_eq!((axis(0), axis(1)), (texel.x as f32, texel.y as f32), "{rotation:?} {x} {y}");
                }
            }
            assert_eq!(c.origin[2..], [-5.0, 8.0]);
        }
    }

    #[test]
    fn what_the_desktop_holds_for_sdr_white_becomes_one() {
        let hdr = Color { hdr: true, sdr_white_nits: 240.0, max_nits: 480.0, ..Color::SDR };
        assert_eq!(ToneConstants::new(&hdr, ToneMapping::Map), ToneConstants([1.0 / 3.0, 1.0, 1.0, 0.0]));
        assert_eq!(ToneConstants::new(&hdr, ToneMapping::Clip), ToneConstants([1.0 / 3.0, 0.0, 0.0, 0.0]));
        for max_nits in [0.0, 240.0, f64::NAN, f64::INFINITY] {
            let flat = ToneConstants::new(&Color { max_nits, ..hdr }, ToneMapping::Map);
            assert_eq!(flat, ToneConstants([1.0 / 3.0, 0.0, 1.0, 0.0]), "a display without headroom: {max_nits}");
        }
    }

    #[test]
    fn the_levels_rise_from_black_to_white() {
        let levels = levels();
        assert_eq!(levels.len() as u64, LEVELS.area());
        assert_eq!((levels[0], levels[65535]), (0, 0x00FF_FFFF));
        assert!(levels.is_sorted());
    }

    #[test]
    fn two_masks_become_one_colour() {
        let shape = PointerShape {
            kind: ShapeKind::Monochrome,
            size: Size::new(10, 1),
            pitch: 4,
            hot_spot: Point::default(),
            data: vec![0b0011_0000, 0b1000_0000, 9, 9, 0b0101_0000, 0b1100_0000],
        };
        let texels = Texels::new(&shape).expect("complete");
        assert_eq!(texels.words[..4], [0, RGB, KEEP, KEEP | RGB]);
        assert_eq!(texels.words[8..], [KEEP | RGB, RGB]);
        assert!(texels.masked);
        assert!(Texels::new(&PointerShape { data: vec![0; 5], ..shape }).is_none());
    }

    #[test]
    fn colours_lose_their_padding() {
        let data = vec![1, 2, 3, 4, 9, 9, 9, 9, 5, 6, 7, 8];
        let shape =
            PointerShape { kind: ShapeKind::Color, size: Size::new(1, 2), pitch: 8, hot_spot: Point::default(), data };
        let texels = Texels::new(&shape).expect("complete");
        assert_eq!(texels.words, [0x0403_0201, 0x0807_0605]);
        assert!(!texels.masked);
    }
}
