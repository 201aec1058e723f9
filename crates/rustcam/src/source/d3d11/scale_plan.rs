//! How the device scales: the constants of the shaders in `scaler.hlsl`, where steps are in the atlas that is read back, and in which tiles
//! they are worked on.

use super::shader_data::Upright;
use crate::axis::{Axis, Span};
use crate::geometry::{Point, Rect, Size};

/// The longest side of a texture that every device can make.
pub(super) const LONGEST: u32 = 8192;

/// The most sums kept at a time, 16 bytes each.
pub(super) const MOST_SUMS: u64 = 1 << 20;

/// Texels that a draw adds inside of each span.
pub(super) const TAPS: u32 = 8;

/// 2⁻¹²: more than what sums in single precision are off by.
const LIFT: f32 = 1.0 / 4096.0;

/// A little above 1, so that a mean that is a half float remains it where a device rounds to zero.
const UP: f64 = 1.0 + 1.0 / (1 << 18) as f64;

/// The largest half float.
const LARGEST_LIGHT: f32 = 65504.0;

/// The constant buffer, member by member.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SumConstants {
    along: [f32; 4],
    across: [f32; 4],
    step_along: [f32; 4],
    step_across: [f32; 4],
}

/// What the sums are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texels {
    /// Levels of 8 bits.
    Levels,
    /// Half floats. Infinities count as the largest one, NaN as 0.
    Light,
}

/// How many of its texels the longest span has between its ends, and their weight.
pub(super) fn inside(axis: &Axis) -> (u32, f32) {
    let texels = axis.spans.iter().map(|span| (span.last - span.first).saturating_sub(1)).max().unwrap_or_default();
    let weight = axis.spans.first().map_or(0.0, |span| span.weights.middle);
    // Between pixels there is nothing inside a span.
    if weight > 0.0 {
        (texels, weight)
    } else {
        (0, 0.0)
    }
}

/// The texels of `spans`.
pub(super) fn span_texels(axis: &Axis) -> Vec<[f32; 4]> {
    let texel = |span: &Span| [span.first as f32, span.last as f32, span.weights.first, span.weights.last];
    axis.spans.iter().map(texel).collect()
}

impl SumConstants {
    /// Sums along the columns: pixel (0, 0) is the sum of the span of column `target.left` in row `needed.top` of the region.
    pub(super) fn columns(texels: Texels, upright: Upright, target: Rect, needed: Rect, weight: f32) -> Self {
        let Upright { first, right, down } = upright;
        let most = if texels == Texels::Light { LARGEST_LIGHT } else { f32::MAX };
        Self {
            along: [1.0, 0.0, target.left as f32, weight],
            across: [0.0, 1.0, needed.top as f32, 0.0],
            step_along: [right.x as f32, right.y as f32, most, 0.0],
            step_across: [down.x as f32, down.y as f32, first.x as f32, first.y as f32],
        }
    }

    /// Sums of these along the rows: pixel (0, 0) is that of column `target.left` and row `target.top`.
    pub(super) fn rows(target: Rect, needed: Rect, weight: f32) -> Self {
        Self {
            along: [0.0, 1.0, target.top as f32, weight],
            across: [1.0, 0.0, 0.0, 0.0],
            step_along: [0.0, 1.0, f32::MAX, 0.0],
            step_across: [1.0, 0.0, 0.0, -needed.top as f32],
        }
    }

    /// The means, written from pixel `at` on.
    pub(super) fn means(texels: Texels, at: Point, x: &Axis, y: &Axis) -> Self {
        let total = x.total * y.total;
        let factor = if texels == Texels::Light { UP / total } else { 1.0 / total };
        Self { along: [at.x as f32, at.y as f32, factor as f32, LIFT], ..Self::default() }
    }

    /// Luma or chroma of an image of this width, four to a texel, written from pixel `at` on.
    pub(super) fn packed(at: Point, width: u32) -> Self {
        Self { along: [at.x as f32, at.y as f32, (width - 1) as f32, 0.0], ..Self::default() }
    }

    /// The same, after `taps` texels of each span were added.
    pub(super) fn after(mut self, taps: u32) -> Self {
        self.across[3] = taps as f32;
        self
    }
}

/// Rectangles beside and below each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Atlas {
    pub(super) size: Size,
    pub(super) places: Vec<Rect>,
}

impl Atlas {
    /// Places rectangles of these sizes. `None` if that needs more than the largest texture.
    pub(super) fn new(sizes: impl Iterator<Item = Size>) -> Option<Self> {
        let (mut atlas, mut at, mut column) = (Self::default(), Point::default(), 0);
        for size in sizes {
            if at.y as u64 + u64::from(size.height) > u64::from(LONGEST) {
                (at, column) = (Point::new(at.x + column, 0), 0);
            }
            let place = Rect::at(at, size);
            if place.right as u32 > LONGEST || place.bottom as u32 > LONGEST {
                return None;
            }
            column = column.max(size.width as i32);
            at.y += size.height as i32;
            atlas.size =
                Size::new(atlas.size.width.max(place.right as u32), atlas.size.height.max(place.bottom as u32));
            atlas.places.push(place);
        }
        Some(atlas)
    }
}

/// The parts of `target` that are worked on one after the other, so that the sums along their columns need little memory.
pub(super) fn tiles(x: &Axis, y: &Axis, target: Rect) -> Vec<Rect> {
    let mut tiles = Vec::new();
    let mut rest = vec![target];
    while let Some(tile) = rest.pop() {
        let sums = u64::from(tile.width()) * u64::from(Axis::needed_of(x, y, tile).height());
        let (across, down) = (tile.left + tile.width() as i32 / 2, tile.top + tile.height() as i32 / 2);
        if sums <= MOST_SUMS || tile.area() == 1 {
            tiles.push(tile);
        } else if tile.height() > 1 {
            rest.extend([Rect { top: down, ..tile }, Rect { bottom: down, ..tile }]);
        } else {
            rest.extend([Rect { left: across, ..tile }, Rect { right: across, ..tile }]);
        }
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame_format::Resample;

    #[test]
    fn places_do_not_overlap_and_one_fills_the_atlas() {
        let one = Atlas::new([Size::new(224, 100)].into_iter()).expect("small");
        assert_eq!((one.size, one.places), (Size::new(224, 100), vec![Rect::new(0, 0, 224, 100)]));
        let same = Atlas::new([Size::new(8, 4000); 5].into_iter()).expect("it fits");
        assert_eq!(same.size, Size::new(24, 8000));
        for (i, a) in same.places.iter().enumerate() {
            assert!(same.size.rect().contains(*a));
            assert!(same.places[..i].iter().all(|b| a.intersection(*b).is_none()), "{:?}", same.places);
        }
    }

    #[test]
    fn what_no_texture_holds_has_no_atlas() {
        for sizes in [[Size::new(8193, 1); 2], [Size::new(1, 8193); 2], [Size::new(5000, 8192); 2]] {
            assert_eq!(Atlas::new(sizes.into_iter()), None);
        }
    }

    #[test]
    fn tiles_cover_the_target_once_with_few_sums_each() {
        for (from, to) in [((1920, 1080), (224, 224)), ((8192, 8192), (4096, 4096)), ((300, 16384), (7000, 1))] {
            let x = Axis::new(Resample::Area, from.0, to.0);
            let y = Axis::new(Resample::Area, from.1, to.1);
            let target = Size::new(to.0, to.1).rect();
            let tiles = tiles(&x, &y, target);
            assert_eq!(tiles.iter().map(|tile| tile.area()).sum::<u64>(), target.area());
            for (i, a) in tiles.iter().enumerate() {
                assert!(tiles[..i].iter().all(|b| a.intersection(*b).is_none()), "{a} overlaps another");
                let sums = u64::from(a.width()) * u64::from(Axis::needed_of(&x, &y, *a).height());
                assert!(target.contains(*a) && sums <= MOST_SUMS, "{a}: {sums}");
            }
        }
    }

    #[test]
    fn only_means_have_texels_inside_of_their_spans() {
        assert_eq!(inside(&Axis::new(Resample::Area, 100, 10)), (8, 10.0));
        assert_eq!(inside(&Axis::new(Resample::Area, 15, 10)), (0, 10.0));
        for resample in [Resample::Bilinear, Resample::Nearest] {
            assert_eq!(inside(&Axis::new(resample, 100, 10)), (0, 0.0));
        }
        assert_eq!(inside(&Axis::new(Resample::Area, 10, 100)), (0, 0.0));
        assert_eq!(inside(&Axis::new(Resample::Area, 10, 10)), (0, 0.0));
    }
}
