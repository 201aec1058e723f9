//! Frames of another size, layout, type or chroma, against an oracle that follows the definitions in whole numbers: of every pixel of the
//! frame the exact mean, rounded once.

use proptest::prelude::*;
use proptest::sample::select;
use rustcam::frame::{ImageMut, ImageRef, PixelFormat, PointerShape};
use rustcam::frame_format::{Element, FrameFormat, Layout, Resample, YuvFormat};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::pixels::{write, CpuPath, Finish, Pixels, Placement, PointerImage, Tone};

use crate::cases::{positions, shapes};
use crate::oracle::{converted, part_bytes};

const RESAMPLES: [Resample; 3] = [Resample::Area, Resample::Bilinear, Resample::Nearest];

#[derive(Debug)]
struct Case {
    seed: u32,
    texture: Size,
    rotation: Rotation,
    region: Rect,
    size: Size,
    resample: Resample,
    format: FrameFormat,
    padding: usize,
    pointer: Option<(PointerShape, Point)>,
}

impl Case {
    fn placement(&self) -> Placement {
        Placement { region: self.region, desktop: self.rotation.apply(self.texture), rotation: self.rotation }
    }

    fn finish(&self) -> Finish {
        Finish::new(self.region.size(), self.size, self.resample, self.format)
    }

    /// Runs `with` over what a source delivers of `part`, relative to the region.
    fn pixels<T>(&self, seed: u32, part: Rect, with: impl FnOnce(&Pixels<'_>) -> T) -> T {
        let placement = self.placement();
        let on_desktop = part.translated(self.region.left, self.region.top);
        let part = self.rotation.to_texture(on_desktop, placement.desktop);
        let bytes = part_bytes(seed, part, self.padding);
        let image = ImageRef::new(&bytes, part.width() as usize * 4 + self.padding, part.size());
        let pointer = self.pointer.as_ref().map(|(shape, at)| (PointerImage::decode(shape).expect("well formed"), *at));
        let pointer = pointer.as_ref().map(|(image, at)| (image, *at));
        with(&Pixels { part, image, placement, tone: &Tone::default(), pointer })
    }

    /// The region, upright, with the pointer.
    fn upright(&self, seed: u32) -> Vec<u8> {
        let size = self.region.size();
        self.pixels(seed, size.rect(), |pixels| {
            let mut bytes = vec![0; size.area() as usize * 4];
            let mut image = ImageMut::new(&mut bytes, size.width as usize * 4, size, PixelFormat::Bgra);
            write(pixels.part, pixels.image, &pixels.placement, pixels.pointer, &mut image);
            bytes
        })
    }

    fn expected(&self, seed: u32) -> Vec<u8> {
        let scaled = scaled(&self.upright(seed), self.region.size(), self.size, self.resample);
        match self.format {
            FrameFormat::Pixels { format, layout, element } => arranged(&scaled, self.size, format, layout, element),
            FrameFormat::Yuv(format) => yuv(&scaled, self.size, format),
        }
    }

    fn actual(&self, path: CpuPath) -> Vec<u8> {
        let mut frame = vec![0xAA; self.format.bytes(self.size)];
        let mut finish = self.finish();
        self.pixels(self.seed, self.region.size().rect(), |pixels| {
            finish.write_on(path, pixels, self.size.rect(), &mut frame);
        });
        frame
    }
}

/// Pixel `i` of `to` as (pixel of `from`, weight), the sum of the weights being the second value.
fn weights(resample: Resample, from: u32, to: u32, i: u32) -> (Vec<(u32, u64)>, u64) {
    let (n, m, i) = (i64::from(from), i64::from(to), i64::from(i));
    if resample == Resample::Nearest {
        return (vec![(((2 * i + 1) * n / (2 * m)) as u32, 1)], 1);
    }
    if resample == Resample::Area && m <= n {
        let covered = |j: i64| ((i + 1) * n).min((j + 1) * m) - (i * n).max(j * m);
        return ((0..n).filter(|&j| covered(j) > 0).map(|j| (j as u32, covered(j) as u64)).collect(), n as u64);
    }
    let centre = (2 * i + 1) * n - m;
    let (before, part) = (centre.div_euclid(2 * m), centre.rem_euclid(2 * m));
    let at = |j: i64| j.clamp(0, n - 1) as u32;
    (vec![(at(before), (2 * m - part) as u64), (at(before + 1), part as u64)], 2 * m as u64)
}

fn scaled(bgra: &[u8], from: Size, to: Size, resample: Resample) -> Vec<[u8; 4]> {
    let columns: Vec<_> = (0..to.width).map(|x| weights(resample, from.width, to.width, x)).collect();
    let mut scaled = Vec::new();
    for y in 0..to.height {
        let (rows, total_y) = weights(resample, from.height, to.height, y);
        for (columns, total_x) in &columns {
            let level = |c: usize| {
                let sum: u64 = rows
                    .iter()
                    .flat_map(|&(y, wy)| columns.iter().map(move |&(x, wx)| (x, y, wx * wy)))
                    .map(|(x, y, w)| w * u64::from(bgra[(y * from.width + x) as usize * 4 + c]))
                    .sum();
                let total = total_x * total_y;
                ((2 * sum + total) / (2 * total)) as u8
            };
            scaled.push([level(0), level(1), level(2), 255]);
        }
    }
    scaled
}

fn arranged(bgra: &[[u8; 4]], size: Size, format: PixelFormat, layout: Layout, element: Element) -> Vec<u8> {
    let pixels: Vec<Vec<u8>> = bgra.iter().map(|pixel| converted(format, [pixel[0], pixel[1], pixel[2]])).collect();
    let levels: Vec<u8> = match layout {
        Layout::Hwc => pixels.concat(),
        Layout::Chw => (0..format.channels()).flat_map(|c| pixels.iter().map(move |pixel| pixel[c])).collect(),
    };
    assert_eq!(levels.len(), size.area() as usize * format.channels());
    let typed = |level: u8| match element {
        Element::Uint8 => vec![level],
        Element::Float16 => half::f16::from_f64(f64::from(level) / 255.0).to_le_bytes().to_vec(),
        Element::Float32 => ((f64::from(level) / 255.0) as f32).to_le_bytes().to_vec(),
        Element::Uint16 => unreachable!("no format of bytes has it"),
    };
    levels.into_iter().flat_map(typed).collect()
}

fn yuv(bgra: &[[u8; 4]], size: Size, format: YuvFormat) -> Vec<u8> {
    let (width, height) = (size.width as usize, size.height as usize);
    let luma = bgra.iter().map(|pixel| {
        let [b, g, r, _] = pixel.map(i64::from);
        ((11966 * r + 40254 * g + 4064 * b + (16 << 16) + (1 << 15)) >> 16) as u8
    });
    let chroma: Vec<[u8; 2]> = (0..height / 2)
        .flat_map(|y| (0..width / 2).map(move |x| (x, y)))
        .map(|(x, y)| {
            let sum = |c: usize| {
                let at = |dx: usize, dy: usize| i64::from(bgra[(2 * y + dy) * width + 2 * x + dx][c]);
                at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)
            };
            let (b, g, r) = (sum(0), sum(1), sum(2));
            let value = |sum: i64| ((sum + (128 << 18) + (1 << 17)) >> 18) as u8;
            [value(-6595 * r - 22189 * g + 28784 * b), value(28784 * r - 26145 * g - 2639 * b)]
        })
        .collect();
    let mut bytes: Vec<u8> = luma.collect();
    match format {
        YuvFormat::Nv12 => bytes.extend(chroma.as_flattened()),
        YuvFormat::I420 => bytes.extend(chroma.iter().map(|c| c[0]).chain(chroma.iter().map(|c| c[1]))),
    }
    bytes
}

fn formats() -> impl Strategy<Value = FrameFormat> {
    let bytes = PixelFormat::ALL.iter().copied().filter(|format| !format.is_half_float()).collect::<Vec<_>>();
    let layouts = select(vec![Layout::Hwc, Layout::Chw]);
    let elements = select(vec![Element::Uint8, Element::Float16, Element::Float32]);
    prop_oneof![
        3 => (select(bytes), layouts, elements)
            .prop_map(|(format, layout, element)| FrameFormat::Pixels { format, layout, element }),
        1 => select(vec![FrameFormat::Yuv(YuvFormat::Nv12), FrameFormat::Yuv(YuvFormat::I420)]),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let side = || prop_oneof![3 => 1..90u32, 1 => 90..400u32];
    let share = || prop_oneof![1 => Just((0.0, 1.0)), 2 => (0.0..1.0f64, 0.0..1.0f64)];
    (
        (any::<u32>(), side(), side(), select(Rotation::ALL.to_vec())),
        (share(), share()),
        (side(), side(), any::<bool>(), any::<bool>()),
        (select(RESAMPLES.to_vec()), formats(), 0..70usize),
        proptest::option::weighted(0.5, (shapes(), positions())),
    )
        .prop_map(
            |(
                (seed, w, h, rotation),
                shares,
                (width, height, same_x, same_y),
                (resample, format, padding),
                pointer,
            )| {
                let texture = Size::new(w, h);
                let desktop = rotation.apply(texture);
                let edges = |(from, length): (f64, f64), side: u32| {
                    let first = (f64::from(side - 1) * from) as i32;
                    let length = 1 + (f64::from(side - 1 - first as u32) * length) as i32;
                    (first, first + length)
                };
                let (left, right) = edges(shares.0, desktop.width);
                let (top, bottom) = edges(shares.1, desktop.height);
                let region = Rect::new(left, top, right, bottom);
                let even =
                    |side: u32| if matches!(format, FrameFormat::Yuv(_)) { side.next_multiple_of(2) } else { side };
                let size = Size::new(
                    even(if same_x { region.width() } else { width }),
                    even(if same_y { region.height() } else { height }),
                );
                Case { seed, texture, rotation, region, size, resample, format, padding, pointer }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_have_the_oracles_bytes(case in cases()) {
        let expected = case.expected(case.seed);
        for path in CpuPath::all() {
            prop_assert!(case.actual(path) == expected, "{}", path.name());
        }
    }

    /// Only the pixels that a change touches are written again, and the frame is as if all of it were.
    #[test]
    fn a_change_rewrites_the_pixels_that_it_touches(case in cases(), shares in (0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64)) {
        let region = case.region.size();
        let edges = |from: f64, length: f64, side: u32| {
            let first = (f64::from(side - 1) * from) as i32;
            (first, first + 1 + (f64::from(side - 1 - first as u32) * length) as i32)
        };
        let ((left, right), (top, bottom)) =
            (edges(shares.0, shares.1, region.width), edges(shares.2, shares.3, region.height));
        let changed = Rect::new(left, top, right, bottom);
        let mut finish = case.finish();
        let target = finish.touched(changed);
        // What the change does not touch is as before, and shows another picture.
        let mut frame = case.expected(case.seed);
        let marked = case.expected(case.seed ^ 0x5A5A_5A5A);
        if !target.is_empty() {
            let needed = finish.needed(target);
            prop_assert!(region.rect().contains(needed));
            case.pixels(case.seed ^ 0x5A5A_5A5A, needed, |pixels| finish.write(pixels, target, &mut frame));
        }
        let inside = mask(&case, target);
        let before = case.expected(case.seed);
        for (i, byte) in frame.iter().enumerate() {
            prop_assert_eq!(*byte, if inside[i] { marked[i] } else { before[i] }, "byte {}", i);
        }
    }
}

/// Which bytes of a frame belong to the pixels of `target`.
fn mask(case: &Case, target: Rect) -> Vec<bool> {
    let (width, height) = (case.size.width as usize, case.size.height as usize);
    let hit = |x: usize, y: usize| target.contains(Rect::at(Point::new(x as i32, y as i32), Size::new(1, 1)));
    let all = || (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)));
    match case.format {
        FrameFormat::Pixels { format, layout: Layout::Hwc, element } => {
            let bytes = format.channels() * element.bytes();
            all().flat_map(|(x, y)| std::iter::repeat_n(hit(x, y), bytes)).collect()
        }
        FrameFormat::Pixels { format, layout: Layout::Chw, element } => (0..format.channels())
            .flat_map(|_| all().flat_map(|(x, y)| std::iter::repeat_n(hit(x, y), element.bytes())))
            .collect(),
        FrameFormat::Yuv(format) => {
            let mut bytes: Vec<bool> = all().map(|(x, y)| hit(x, y)).collect();
            let chroma = (0..height / 2).flat_map(|y| (0..width / 2).map(move |x| (2 * x, 2 * y)));
            let chroma: Vec<bool> = chroma.map(|(x, y)| hit(x, y)).collect();
            match format {
                YuvFormat::Nv12 => bytes.extend(chroma.iter().flat_map(|&hit| [hit, hit])),
                YuvFormat::I420 => bytes.extend(chroma.iter().chain(&chroma)),
            }
            bytes
        }
    }
}

/// Sizes that random ones do not reach: the sums of their rows do not fit into 16 bits.
#[test]
fn large_reductions_are_exact() {
    for (texture, size) in [(Size::new(1100, 900), Size::new(3, 2)), (Size::new(30, 3000), Size::new(7, 1))] {
        for rotation in Rotation::ALL {
            let format = FrameFormat::packed(PixelFormat::Rgb);
            let region = rotation.apply(texture).rect();
            let case = Case {
                seed: 9,
                texture,
                rotation,
                region,
                size,
                resample: Resample::Area,
                format,
                padding: 0,
                pointer: None,
            };
            assert!(case.actual(CpuPath::best()) == case.expected(9), "{texture} to {size} {rotation:?}");
        }
    }
}

/// The light of an SDR picture, scaled in doubles.
#[test]
fn frames_of_light_are_means_of_light() {
    let (texture, size) = (Size::new(23, 31), Size::new(9, 40));
    for rotation in Rotation::ALL {
        for (layout, element) in [(Layout::Hwc, Element::Float16), (Layout::Chw, Element::Float32)] {
            let format = FrameFormat::Pixels { format: PixelFormat::Rgba16f, layout, element };
            let region = rotation.apply(texture).rect();
            let (resample, pointer) = (Resample::Area, None);
            let case = Case { seed: 4, texture, rotation, region, size, resample, format, padding: 5, pointer };
            let frame = case.actual(CpuPath::best());
            let upright = case.upright(4);
            let light = |x: u32, y: u32, c: usize| {
                let level = upright[(y * region.width() + x) as usize * 4 + [2, 1, 0][c]];
                let bytes = converted(PixelFormat::Rgba16f, [level; 3]);
                half::f16::from_le_bytes([bytes[0], bytes[1]]).to_f64()
            };
            for y in 0..size.height {
                for x in 0..size.width {
                    let (rows, total_y) = weights(resample, region.height(), size.height, y);
                    let (columns, total_x) = weights(resample, region.width(), size.width, x);
                    for c in 0..4 {
                        let value = |sx, sy| if c == 3 { 1.0 } else { light(sx, sy, c) };
                        let sum: f64 = rows
                            .iter()
                            .flat_map(|&(sy, wy)| columns.iter().map(move |&(sx, wx)| (sx, sy, wx * wy)))
                            .map(|(sx, sy, w)| w as f64 * value(sx, sy))
                            .sum();
                        let mean = sum / (total_x * total_y) as f64;
                        let index = match layout {
                            Layout::Hwc => ((y * size.width + x) * 4) as usize + c,
                            Layout::Chw => ((c as u32 * size.height + y) * size.width + x) as usize,
                        };
                        let (actual, off) = match element {
                            Element::Float32 => {
                                let bytes = frame[index * 4..][..4].try_into().expect("four bytes");
                                (f64::from(f32::from_le_bytes(bytes)), 1e-6)
                            }
                            _ => (half::f16::from_le_bytes([frame[index * 2], frame[index * 2 + 1]]).to_f64(), 1e-3),
                        };
                        assert!((actual - mean).abs() <= off * mean.max(0.01), "{x} {y} {c}: {actual}, not {mean}");
                    }
                }
            }
        }
    }
}

/// The formula of the documentation, in doubles: BT.709 in the limited range.
#[test]
fn luma_and_chroma_are_within_one_of_the_exact_values() {
    let (red, blue) = (0.2126, 0.0722);
    let green = 1.0 - red - blue;
    for r in (0..=255).step_by(5) {
        for g in (0..=255).step_by(5) {
            for b in (0..=255).step_by(5) {
                let bytes = yuv(&[[b, g, r, 255]; 4], Size::new(2, 2), YuvFormat::Nv12);
                let [b, g, r] = [b, g, r].map(|level| f64::from(level) / 255.0);
                let y = red * r + green * g + blue * b;
                let exact = [
                    16.0 + 219.0 * y,
                    128.0 + 224.0 * (b - y) / (2.0 * (1.0 - blue)),
                    128.0 + 224.0 * (r - y) / (2.0 * (1.0 - red)),
                ];
                for (byte, exact) in [bytes[0], bytes[4], bytes[5]].into_iter().zip(exact) {
                    assert!((f64::from(byte) - exact).abs() < 0.51, "{r} {g} {b}: {byte}, not {exact}");
                }
            }
        }
    }
}
