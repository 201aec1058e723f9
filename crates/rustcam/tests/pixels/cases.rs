//! Test cases: textures, rotated, divided into parts, under pointers of every kind.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rustcam::frame::{PixelFormat, PointerShape, ShapeKind};
use rustcam::geometry::{Point, Rect, Rotation, Size};

use crate::oracle::texture_pixel;

#[derive(Debug)]
pub struct Case {
    pub seed: u32,
    pub texture: Size,
    pub rotation: Rotation,
    pub region: Rect,
    pub format: PixelFormat,
    pub paddings: (usize, usize),
    pub bottom_up: bool,
    /// Disjoint parts of the texture.
    pub parts: Vec<Rect>,
    pub pointer: Option<(PointerShape, Point)>,
}

pub fn sizes() -> impl Strategy<Value = Size> {
    (1..70u32, 1..70u32).prop_map(|(width, height)| Size::new(width, height))
}

/// Shapes of every kind whose bytes are mostly extremes, so that transparent, opaque, inverting and empty parts all occur.
pub fn shapes() -> impl Strategy<Value = PointerShape> {
    let kinds = select(vec![ShapeKind::Monochrome, ShapeKind::Color, ShapeKind::Premultiplied, ShapeKind::MaskedColor]);
    let sides = || prop_oneof![4 => 1..40u32, 1 => 1..300u32];
    (kinds, sides(), sides(), 0..9usize, any::<u32>(), 0..4u32).prop_map(
        |(kind, width, height, padding, seed, empty)| {
            let (row, rows) = match kind {
                ShapeKind::Monochrome => (width.div_ceil(8) as usize, height as usize * 2),
                _ => (width as usize * 4, height as usize),
            };
            let pitch = row + padding;
            let data = (0..pitch * rows).map(|i| {
                let [choice, value, ..] = texture_pixel(seed, (i / 4) as i32, -1);
                let [own, ..] = texture_pixel(seed, i as i32, -2);
                match choice % 4 {
                    // Whole texels that are zero, more of them in some shapes than in others.
                    c if u32::from(c) < empty => 0,
                    1 if i % 4 == 3 => 255,
                    2 => own,
                    _ if i % 4 == 3 => value,
                    _ => own,
                }
            });
            let data = data.collect();
            PointerShape { kind, size: Size::new(width, height), pitch, hot_spot: Point::default(), data }
        },
    )
}

/// Positions around all four edges, and those that only a broken system reports.
pub fn positions() -> impl Strategy<Value = Point> {
    let coordinate = || {
        prop_oneof![
            8 => -45..80i32,
            2 => -320..320i32,
            1 => select(vec![i32::MIN, i32::MIN + 1, -0x8000, 0x7FFF, i32::MAX - 1, i32::MAX]),
        ]
    };
    (coordinate(), coordinate()).prop_map(|(x, y)| Point::new(x, y))
}

/// Cuts a rectangle into disjoint ones; the cuts come from `choices`.
fn cut(rect: Rect, choices: &mut impl Iterator<Item = u32>, parts: &mut Vec<Rect>) {
    let choice = choices.next().unwrap_or(0);
    let (mut low, mut high) = (rect, rect);
    match choice % 3 {
        1 if rect.width() > 1 => {
            low.right = rect.left + 1 + (choice / 3 % (rect.width() - 1)) as i32;
            high.left = low.right;
        }
        2 if rect.height() > 1 => {
            low.bottom = rect.top + 1 + (choice / 3 % (rect.height() - 1)) as i32;
            high.top = low.bottom;
        }
        _ => {
            // Some parts stay unwritten.
            if choice % 7 != 6 {
                parts.push(rect);
            }
            return;
        }
    }
    cut(low, choices, parts);
    cut(high, choices, parts);
}

pub fn cases() -> impl Strategy<Value = Case> {
    let regions =
        prop_oneof![Just(None), (-9..60i32, -9..60i32, 1..70u32, 1..70u32).prop_map(|(x, y, w, h)| Some((x, y, w, h)))];
    (
        (any::<u32>(), sizes(), select(Rotation::ALL.to_vec()), regions),
        (select(PixelFormat::ALL.to_vec()), 0..70usize, 0..70usize, any::<bool>()),
        (vec(any::<u32>(), 0..12), proptest::option::weighted(0.8, (shapes(), positions()))),
    )
        .prop_map(
            |((seed, texture, rotation, region), (format, pad_in, pad_out, bottom_up), (choices, pointer))| {
                let region = match region {
                    None => rotation.apply(texture).rect(),
                    Some((x, y, w, h)) => Rect::at(Point::new(x, y), Size::new(w, h)),
                };
                let mut parts = Vec::new();
                cut(texture.rect(), &mut choices.into_iter(), &mut parts);
                Case { seed, texture, rotation, region, format, paddings: (pad_in, pad_out), bottom_up, parts, pointer }
            },
        )
}

/// Around the sides of the blocks and steps in which quarter turns are made.
pub const TURNED_SIDES: [u32; 17] = [1, 2, 3, 4, 5, 31, 32, 33, 63, 95, 96, 97, 127, 128, 129, 193, 257];

/// Quarter turns that take more than one block, of regions that begin anywhere in them, from rows that may all begin at the same place
/// of a page.
pub fn turned_cases() -> impl Strategy<Value = Case> {
    let sides = || prop_oneof![select(TURNED_SIDES.to_vec()), 60..300u32];
    let edge = || prop_oneof![2 => Just(0.0), 5 => 0.0..1.0];
    (
        (any::<u32>(), sides(), sides(), select(vec![Rotation::Clockwise90, Rotation::Clockwise270])),
        (edge(), edge(), edge(), edge()),
        (select(PixelFormat::ALL.to_vec()), 0..70usize, any::<bool>(), any::<bool>()),
        proptest::option::weighted(0.5, (shapes(), positions())),
    )
        .prop_map(
            |((seed, width, height, rotation), cut_off, (format, padding, whole_pages, bottom_up), pointer)| {
                let texture = Size::new(width, height);
                let desktop = rotation.apply(texture);
                let share = |side: u32, of: f64| (f64::from(side - 1) * of / 2.0) as i32;
                let region = Rect::new(
                    share(desktop.width, cut_off.0),
                    share(desktop.height, cut_off.1),
                    desktop.width as i32 - share(desktop.width, cut_off.2),
                    desktop.height as i32 - share(desktop.height, cut_off.3),
                );
                let row = width as usize * 4;
                let paddings = (if whole_pages { row.next_multiple_of(4096) - row } else { padding }, padding);
                Case {
                    seed,
                    texture,
                    rotation,
                    region,
                    format,
                    paddings,
                    bottom_up,
                    parts: vec![texture.rect()],
                    pointer,
                }
            },
        )
}
