//! The pixel pass against an oracle that takes one pixel at a time and follows the definitions: of a clockwise turn, of the
//! pointer equations, of the formats. Every case runs on every CPU path of the machine.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use rustcam::frame::{ImageMut, ImageRef, PixelFormat, PointerShape, ShapeKind};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::pixels::{cpu_path, draw_pointer, write, write_on, CpuPath, Placement, PointerImage};

/// What destinations hold before they are written, so that a byte written by mistake shows.
const UNTOUCHED: u8 = 0xA5;

/// A pixel by its position; nothing about it repeats along a row or a column.
fn texture_pixel(seed: u32, x: i32, y: i32) -> [u8; 4] {
    let mut h = seed ^ (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77);
    h = (h ^ h >> 15).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ h >> 12).wrapping_mul(0x297A_2D39);
    (h ^ h >> 15).to_le_bytes()
}

/// The texture pixel that a turn clockwise brings to desktop pixel (`x`, `y`), found by turning quarter by quarter.
fn before_turn(rotation: Rotation, desktop: Size, x: i32, y: i32) -> (i32, i32) {
    let (mut x, mut y) = (x, y);
    let (mut width, mut height) = (desktop.width as i32, desktop.height as i32);
    for _ in 0..rotation.degrees() / 90 {
        // A quarter turn back: the right edge becomes the top one.
        (x, y) = (y, width - 1 - x);
        (width, height) = (height, width);
    }
    (x, y)
}

fn shape_word(shape: &PointerShape, x: usize, y: usize) -> [u32; 4] {
    [0, 1, 2, 3].map(|i| u32::from(shape.data[y * shape.pitch + x * 4 + i]))
}

fn shape_bit(shape: &PointerShape, x: usize, y: usize) -> bool {
    shape.data[y * shape.pitch + x / 8] & (0x80 >> (x % 8)) != 0
}

/// Blue, green and red of a desktop pixel under the shape.
fn blended(shape: &PointerShape, at: Point, x: i32, y: i32, under: [u8; 3]) -> [u8; 3] {
    let (sx, sy) = (i64::from(x) - i64::from(at.x), i64::from(y) - i64::from(at.y));
    if sx < 0 || sy < 0 || sx >= i64::from(shape.size.width) || sy >= i64::from(shape.size.height) {
        return under;
    }
    let (sx, sy) = (sx as usize, sy as usize);
    let mut out = under;
    for (channel, out) in out.iter_mut().enumerate() {
        let d = u32::from(*out);
        let value = match shape.kind {
            ShapeKind::Monochrome => {
                let and = if shape_bit(shape, sx, sy) { 255 } else { 0 };
                let xor = if shape_bit(shape, sx, sy + shape.size.height as usize) { 255 } else { 0 };
                (d & and) ^ xor
            }
            ShapeKind::MaskedColor => {
                let word = shape_word(shape, sx, sy);
                if word[3] == 0 {
                    word[channel]
                } else {
                    d ^ word[channel]
                }
            }
            ShapeKind::Color => {
                let word = shape_word(shape, sx, sy);
                let t = word[channel] * word[3] + d * (255 - word[3]) + 128;
                (t + (t >> 8)) >> 8
            }
            ShapeKind::Premultiplied => {
                let word = shape_word(shape, sx, sy);
                let t = d * (255 - word[3]) + 128;
                (word[channel] + ((t + (t >> 8)) >> 8)).min(255)
            }
        };
        *out = u8::try_from(value).expect("a byte");
    }
    out
}

fn converted(format: PixelFormat, [b, g, r]: [u8; 3]) -> Vec<u8> {
    match format {
        PixelFormat::Bgra => vec![b, g, r, 255],
        PixelFormat::Rgba => vec![r, g, b, 255],
        PixelFormat::Bgr => vec![b, g, r],
        PixelFormat::Rgb => vec![r, g, b],
        PixelFormat::Gray => {
            vec![((77 * u32::from(r) + 150 * u32::from(g) + 29 * u32::from(b) + 128) >> 8) as u8]
        }
    }
}

/// A pixel image with padded rows, in memory that is not aligned to anything.
struct Picture {
    size: Size,
    format: PixelFormat,
    stride: usize,
    bottom_up: bool,
    bytes: Vec<u8>,
}

impl Picture {
    fn new(size: Size, format: PixelFormat, padding: usize, bottom_up: bool) -> Self {
        let stride = size.width as usize * format.channels() + padding;
        Self { size, format, stride, bottom_up, bytes: vec![UNTOUCHED; stride * size.height as usize + 1] }
    }

    fn image(&mut self) -> ImageMut<'_> {
        let image = ImageMut::new(&mut self.bytes[1..], self.stride, self.size, self.format);
        if self.bottom_up {
            image.bottom_up()
        } else {
            image
        }
    }

    fn set(&mut self, x: usize, y: usize, pixel: &[u8]) {
        let y = if self.bottom_up { self.size.height as usize - 1 - y } else { y };
        let start = 1 + y * self.stride + x * self.format.channels();
        self.bytes[start..start + pixel.len()].copy_from_slice(pixel);
    }
}

/// The bytes of `part` of the texture, with `padding` bytes between rows.
fn part_bytes(seed: u32, part: Rect, padding: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in part.top..part.bottom {
        for x in part.left..part.right {
            bytes.extend(texture_pixel(seed, x, y));
        }
        bytes.extend(vec![0x5A; padding]);
    }
    bytes
}

#[derive(Debug)]
struct Case {
    seed: u32,
    texture: Size,
    rotation: Rotation,
    region: Rect,
    format: PixelFormat,
    paddings: (usize, usize),
    bottom_up: bool,
    /// Disjoint parts of the texture.
    parts: Vec<Rect>,
    pointer: Option<(PointerShape, Point)>,
}

fn sizes() -> impl Strategy<Value = Size> {
    (1..70u32, 1..70u32).prop_map(|(width, height)| Size::new(width, height))
}

/// Shapes of every kind whose bytes are mostly extremes, so that transparent, opaque, inverting and empty parts all occur.
fn shapes() -> impl Strategy<Value = PointerShape> {
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
fn positions() -> impl Strategy<Value = Point> {
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

fn cases() -> impl Strategy<Value = Case> {
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
const TURNED_SIDES: [u32; 17] = [1, 2, 3, 4, 5, 31, 32, 33, 63, 95, 96, 97, 127, 128, 129, 193, 257];

/// Quarter turns that take more than one block, of regions that begin anywhere in them, from rows that may all begin at the same place
/// of a page.
fn turned_cases() -> impl Strategy<Value = Case> {
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

fn expected(case: &Case) -> Vec<u8> {
    let desktop = case.rotation.apply(case.texture);
    let mut picture = Picture::new(case.region.size(), case.format, case.paddings.1, case.bottom_up);
    for y in case.region.top..case.region.bottom {
        for x in case.region.left..case.region.right {
            let pixel = Rect::new(x, y, x + 1, y + 1);
            let (tx, ty) = before_turn(case.rotation, desktop, x, y);
            let held = case.parts.iter().any(|part| part.contains(Rect::new(tx, ty, tx + 1, ty + 1)));
            if !desktop.rect().contains(pixel) || !held {
                continue;
            }
            let [b, g, r, _] = texture_pixel(case.seed, tx, ty);
            let mut bgr = [b, g, r];
            if let Some((shape, at)) = &case.pointer {
                bgr = blended(shape, *at, x, y, bgr);
            }
            let (dx, dy) = (x - case.region.left, y - case.region.top);
            picture.set(dx as usize, dy as usize, &converted(case.format, bgr));
        }
    }
    picture.bytes
}

fn actual(case: &Case, path: CpuPath) -> Vec<u8> {
    let placement =
        Placement { region: case.region, desktop: case.rotation.apply(case.texture), rotation: case.rotation };
    let pointer = case.pointer.as_ref().map(|(shape, at)| (PointerImage::decode(shape).expect("well formed"), *at));
    let pointer = pointer.as_ref().map(|(image, at)| (image, *at));
    let mut picture = Picture::new(case.region.size(), case.format, case.paddings.1, case.bottom_up);
    for part in &case.parts {
        let bytes = part_bytes(case.seed, *part, case.paddings.0);
        let image = ImageRef::new(&bytes, part.width() as usize * 4 + case.paddings.0, part.size());
        write_on(path, *part, image, &placement, pointer, &mut picture.image());
    }
    picture.bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn write_gives_the_oracles_bytes(case in cases()) {
        let expected = expected(&case);
        for path in CpuPath::all() {
            prop_assert!(actual(&case, path) == expected, "{} differs from the oracle", path.name());
        }
    }

    #[test]
    fn draw_pointer_gives_the_oracles_bytes(
        (seed, size, corner) in (any::<u32>(), sizes(), positions()),
        (shape, offset, wild) in (shapes(), positions(), any::<bool>()),
        (padding, bottom_up) in (0..70usize, any::<bool>()),
    ) {
        let region = Rect::at(corner, size);
        // Mostly near the region, wherever that is.
        let at = if wild { offset } else {
            Point::new(corner.x.saturating_add(offset.x), corner.y.saturating_add(offset.y))
        };
        let mut expected = Picture::new(region.size(), PixelFormat::Bgra, padding, bottom_up);
        let mut actual = Picture::new(region.size(), PixelFormat::Bgra, padding, bottom_up);
        for y in region.top..region.bottom {
            for x in region.left..region.right {
                let [b, g, r, _] = texture_pixel(seed, x, y);
                let (dx, dy) = (x.abs_diff(region.left) as usize, y.abs_diff(region.top) as usize);
                actual.set(dx, dy, &[b, g, r, 255]);
                expected.set(dx, dy, &converted(PixelFormat::Bgra, blended(&shape, at, x, y, [b, g, r])));
            }
        }
        let image = PointerImage::decode(&shape).expect("well formed");
        prop_assert_eq!(image.size(), shape.size);
        draw_pointer(&image, at, region, &mut actual.image());
        prop_assert!(actual.bytes == expected.bytes);
    }

    /// Rectangles that contradict the images, the desktop and each other: nothing may panic.
    #[test]
    fn no_geometry_panics(
        (part, region) in (wild_rects(), wild_rects()),
        (image, target) in (sizes(), sizes()),
        desktop in prop_oneof![sizes(), (any::<u32>(), any::<u32>()).prop_map(|(w, h)| Size::new(w, h))],
        rotation in select(Rotation::ALL.to_vec()),
        format in select(PixelFormat::ALL.to_vec()),
        (shape, at) in (shapes(), positions()),
    ) {
        let bytes = vec![1; image.area() as usize * 4];
        let mut picture = Picture::new(target, format, 3, false);
        let pointer = PointerImage::decode(&shape).expect("well formed");
        let placement = Placement { region, desktop, rotation };
        let image = ImageRef::new(&bytes, image.width as usize * 4, image);
        write(part, image, &placement, Some((&pointer, at)), &mut picture.image());
        if format == PixelFormat::Bgra {
            draw_pointer(&pointer, at, region, &mut picture.image());
        }
    }

    #[test]
    fn shapes_without_enough_data_are_refused(shape in shapes(), missing in 1..400usize) {
        let mut short = shape.clone();
        let last_row_padding = shape.pitch - match shape.kind {
            ShapeKind::Monochrome => shape.size.width.div_ceil(8) as usize,
            _ => shape.size.width as usize * 4,
        };
        short.data.truncate(shape.data.len().saturating_sub(last_row_padding + missing));
        prop_assert!(PointerImage::decode(&short).is_none());
        short.data.clone_from(&shape.data);
        short.data.truncate(shape.data.len() - last_row_padding);
        prop_assert!(PointerImage::decode(&short).is_some(), "the last row need not be padded");
        let narrow = PointerShape { pitch: shape.pitch - last_row_padding - 1, ..shape };
        prop_assert!(PointerImage::decode(&narrow).is_none());
    }
}

fn wild_rects() -> impl Strategy<Value = Rect> {
    let edge = || prop_oneof![4 => -10..90i32, 1 => any::<i32>(), 1 => select(vec![i32::MIN, i32::MAX])];
    (edge(), edge(), edge(), edge()).prop_map(|(left, top, right, bottom)| Rect::new(left, top, right, bottom))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quarter_turns_give_the_oracles_bytes(case in turned_cases()) {
        let expected = expected(&case);
        for path in CpuPath::all() {
            prop_assert!(actual(&case, path) == expected, "{} differs from the oracle", path.name());
        }
    }
}

/// Single rows and columns, whole blocks, and one pixel less or more than those.
#[test]
fn every_rest_of_a_block_is_turned() {
    let sizes = TURNED_SIDES.iter().flat_map(|&width| TURNED_SIDES.map(|height| Size::new(width, height)));
    for (i, texture) in sizes.enumerate() {
        for rotation in [Rotation::Clockwise90, Rotation::Clockwise270] {
            let case = Case {
                seed: i as u32,
                texture,
                rotation,
                region: rotation.apply(texture).rect(),
                format: PixelFormat::ALL[i % PixelFormat::ALL.len()],
                paddings: (0, 3),
                bottom_up: false,
                parts: vec![texture.rect()],
                pointer: None,
            };
            let expected = expected(&case);
            for path in CpuPath::all() {
                assert!(actual(&case, path) == expected, "{texture} {rotation:?} {} {}", case.format, path.name());
            }
        }
    }
}

/// Long rows and more than one block or strip in both directions, which small random sizes do not reach.
#[test]
fn wide_images_are_turned_and_converted() {
    let data = (0..300 * 40 * 4).map(|i| texture_pixel(5, i, 0)[0]).collect();
    let shape = PointerShape {
        kind: ShapeKind::Color,
        size: Size::new(300, 40),
        pitch: 1200,
        hot_spot: Point::default(),
        data,
    };
    for rotation in Rotation::ALL {
        for format in PixelFormat::ALL {
            let texture = Size::new(613, 301);
            let mut region = rotation.apply(texture).rect();
            (region.left, region.bottom) = (5, region.bottom - 3);
            let case = Case {
                seed: 77,
                texture,
                rotation,
                region,
                format,
                paddings: (12, 5),
                bottom_up: false,
                parts: vec![texture.rect()],
                pointer: Some((shape.clone(), Point::new(-7, 200))),
            };
            let expected = expected(&case);
            for path in CpuPath::all() {
                assert!(actual(&case, path) == expected, "{rotation:?} {format} {}", path.name());
            }
        }
    }
}

/// One visible pixel of the pointer at each corner of the desktop.
#[test]
fn a_pointer_at_the_last_pixel_of_each_corner_is_drawn() {
    let shape = PointerShape {
        kind: ShapeKind::MaskedColor,
        size: Size::new(8, 8),
        pitch: 32,
        hot_spot: Point::default(),
        data: [1, 2, 3, 0].repeat(64),
    };
    let image = PointerImage::decode(&shape).expect("well formed");
    let size = Size::new(20, 10);
    for (at, corner) in [((-7, -7), (0, 0)), ((19, -7), (19, 0)), ((-7, 9), (0, 9)), ((19, 9), (19, 9))] {
        let mut bytes = vec![0; 800];
        let placement = Placement { region: size.rect(), desktop: size, rotation: Rotation::None };
        let mut dst = ImageMut::new(&mut bytes, 80, size, PixelFormat::Bgra);
        let pixels = vec![200; 800];
        let pointer = Some((&image, Point::new(at.0, at.1)));
        write(size.rect(), ImageRef::new(&pixels, 80, size), &placement, pointer, &mut dst);
        for (i, pixel) in bytes.chunks(4).enumerate() {
            let drawn = (i % 20, i / 20) == corner;
            assert_eq!(pixel, if drawn { [1, 2, 3, 255] } else { [200, 200, 200, 255] }, "pixel {i}, pointer {at:?}");
        }
    }
}

#[test]
fn the_chosen_path_is_one_of_those_tested() {
    assert!(CpuPath::all().iter().any(|path| path.name() == cpu_path()));
}
