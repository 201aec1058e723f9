//! The pixel pass against an oracle that takes one pixel at a time and follows the definitions: of a clockwise turn, of the
//! pointer equations, of the formats. Every case runs on every CPU path of the machine.

mod cases;
mod color;
mod finish;
mod oracle;

use cases::{cases, positions, shapes, sizes, turned_cases, Case, TURNED_SIDES};
use oracle::{blended, converted, expected, part_bytes, texture_pixel, Picture};
use proptest::prelude::*;
use proptest::sample::select;
use rustcam::frame::{ImageMut, ImageRef, PixelFormat, PointerShape, ShapeKind};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::pixels::{cpu_path, draw_pointer, write, write_on, CpuPath, Placement, PointerImage};

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

/// The first CPU path whose bytes are not the oracle's.
fn differing(case: &Case) -> Option<&'static str> {
    let expected = expected(case);
    CpuPath::all().into_iter().find(|path| actual(case, *path) != expected).map(CpuPath::name)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn write_gives_the_oracles_bytes(case in cases()) {
        prop_assert_eq!(differing(&case), None);
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
        prop_assert_eq!(differing(&case), None);
    }
}

/// Single rows and columns, whole blocks, and one pixel less or more than those.
#[test]
fn every_incomplete_block_is_rotated() {
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
            assert_eq!(differing(&case), None, "{texture} {rotation:?} {}", case.format);
        }
    }
}

/// Long rows and more than one block or strip in both directions, which small random sizes do not reach.
#[test]
fn wide_images_are_rotated_and_converted() {
    let data = (0..300 * 40 * 4).map(|i| texture_pixel(5, i, 0)[0]).collect();
    let shape = PointerShape {
        kind: ShapeKind::Color,
        size: Size::new(300, 40),
        pitch: 1200,
        hot_spot: Point::default(),
        data,
    };
    for rotation in Rotation::ALL {
        for &format in PixelFormat::ALL {
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
            assert_eq!(differing(&case), None, "{rotation:?} {format}");
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
