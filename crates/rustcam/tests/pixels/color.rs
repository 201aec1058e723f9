//! Images of half floats and of ten bits, against formulas in 64-bit floats that take one pixel at a time.

use half::f16;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseResult;
use rustcam::color::{Color, ColorSpace, TextureFormat, ToneMapping};
use rustcam::frame::{ImageRef, PixelFormat, PointerShape, ShapeKind};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::pixels::{write_toned_on, CpuPath, Placement, PointerImage, Tone, ToneSettings};

use crate::cases::{cases, turned_cases, Case};
use crate::oracle::{before_turn, converted, expected, texture_pixel, Picture};

fn hdr(white: f64, max: f64) -> Color {
    Color { hdr: true, space: ColorSpace::Scrgb, bits: 10, sdr_white_nits: white, max_nits: max, min_nits: 0.0 }
}

fn tone(white: f64, max: f64, mapping: ToneMapping) -> Tone {
    Tone::new(ToneSettings::new(&hdr(white, max), mapping))
}

fn encode(linear: f64) -> f64 {
    if linear <= 0.003_130_8 {
        linear * 12.92
    } else {
        linear.powf(1.0 / 2.4) * 1.055 - 0.055
    }
}

fn decode(level: f64) -> f64 {
    let encoded = level / 255.0;
    if encoded <= 0.04045 {
        encoded / 12.92
    } else {
        ((encoded + 0.055) / 1.055).powf(2.4)
    }
}

/// The half float of an SDR level where white is at `white` nits.
fn light(level: u8, white: f64) -> f16 {
    f16::from_f64(decode(f64::from(level)) * white / 80.0)
}

fn finite(value: f16) -> f64 {
    match value.to_f64() {
        nan if nan.is_nan() => 0.0,
        value => value.clamp(0.0, 65504.0),
    }
}

/// The formula of the tone mapping: levels before they are rounded.
fn mapped(rgb: [f16; 3], white: f64, max: f64, mapping: ToneMapping) -> [f64; 3] {
    let rgb = rgb.map(finite);
    let brightest = rgb.iter().copied().fold(0.0, f64::max);
    let linear = rgb.map(|c| c * 80.0 / white);
    let linear = if mapping == ToneMapping::Clip || brightest <= f16::from_f64(white / 80.0).to_f64() {
        linear.map(|c| c.min(1.0))
    } else {
        let (m, ceiling) = (brightest * 80.0 / white, max / white);
        let w = if ceiling <= 1.0 { 0.0 } else { ((m - 1.0) / (ceiling - 1.0)).clamp(0.0, 1.0) };
        rgb.map(|c| c / brightest + (1.0 - c / brightest) * w)
    };
    linear.map(|c| encode(c) * 255.0)
}

/// What `path` makes of pixels in one row: levels of red, green and blue.
fn levels(path: CpuPath, pixels: &[[f16; 3]], tone: &Tone) -> Vec<[u8; 3]> {
    let bytes: Vec<u8> =
        pixels.iter().flat_map(|[r, g, b]| [*r, *g, *b, f16::from_bits(0xFE55)]).flat_map(f16::to_le_bytes).collect();
    let size = Size::new(pixels.len() as u32, 1);
    let image = ImageRef::of(TextureFormat::Rgba16f, &bytes, bytes.len(), size);
    let mut picture = Picture::new(size, PixelFormat::Rgba, 0, false);
    let placement = Placement { region: size.rect(), desktop: size, rotation: Rotation::None };
    write_toned_on(path, size.rect(), image, &placement, tone, None, &mut picture.image());
    let pixels = picture.bytes[1..].as_chunks::<4>().0;
    pixels.iter().map(|[r, g, b, a]| (*a == 255).then_some([*r, *g, *b]).expect("opaque")).collect()
}

#[test]
fn every_half_float_is_cut_to_the_exact_level() {
    let pixels: Vec<[f16; 3]> =
        (0..=u16::MAX).map(|bits| [bits, bits.rotate_left(5), bits ^ 0x5555].map(f16::from_bits)).collect();
    for white in [80.0, 81.0, 142.5, 203.0, 240.0, 300.0, 480.0, 10_000.0] {
        let tone = tone(white, 1000.0, ToneMapping::Clip);
        let expected: Vec<[u8; 3]> = pixels
            .iter()
            .map(|rgb| mapped(*rgb, white, 1000.0, ToneMapping::Clip).map(|level| level.round() as u8))
            .collect();
        for path in CpuPath::all() {
            let wrong =
                levels(path, &pixels, &tone).into_iter().zip(&expected).position(|(got, wanted)| got != *wanted);
            assert_eq!(wrong.map(|i| pixels[i]), None, "white {white} on {}", path.name());
        }
    }
}

#[test]
fn every_sdr_level_comes_back_as_itself_at_every_white_level() {
    for white in 80..=480 {
        let white = f64::from(white);
        let wanted: Vec<[u8; 3]> = (0..=255u8).map(|level| [level, 255 - level, level / 2]).collect();
        let pixels: Vec<_> = wanted.iter().map(|rgb| rgb.map(|level| light(level, white))).collect();
        for (mapping, max) in [
            (ToneMapping::Clip, 1000.0),
            (ToneMapping::Map, 1000.0),
            (ToneMapping::Map, white),
            (ToneMapping::Map, white * 1.000_001),
            (ToneMapping::Map, 0.0),
        ] {
            let got = levels(CpuPath::best(), &pixels, &tone(white, max, mapping));
            assert!(got == wanted, "white {white}, {mapping}, max {max}");
        }
    }
}

#[test]
fn what_is_no_number_is_black_and_infinity_is_the_most() {
    let [nan, minus_nan] = [f16::NAN, -f16::NAN];
    let pixels = [
        ([nan; 3], [0, 0, 0], [0, 0, 0]),
        ([minus_nan, f16::NEG_INFINITY, -f16::ONE], [0, 0, 0], [0, 0, 0]),
        ([f16::INFINITY; 3], [255, 255, 255], [255, 255, 255]),
        // Infinitely bright red has faded to white.
        ([f16::INFINITY, f16::ZERO, nan], [255, 0, 0], [255, 255, 255]),
        ([f16::ONE, nan, f16::NEG_ZERO], [255, 0, 0], [255, 0, 0]),
    ];
    for path in CpuPath::all() {
        for (rgb, cut, faded) in pixels {
            assert_eq!(levels(path, &[rgb], &tone(80.0, 1000.0, ToneMapping::Clip)), [cut], "{rgb:?}");
            assert_eq!(levels(path, &[rgb], &tone(80.0, 1000.0, ToneMapping::Map)), [faded], "{rgb:?}");
        }
    }
}

/// Integers that are small enough to be exact half floats after the multiplication.
#[test]
fn no_channel_falls_while_the_light_rises() {
    for rgb in [[7, 3, 0], [1, 7, 5], [0, 0, 6], [7, 7, 7], [7, 6, 1]] {
        let ray: Vec<_> = (0..290).map(|k| rgb.map(|c| f16::from_f64(f64::from(c * k) / 64.0))).collect();
        for (white, max) in [(80.0, 400.0), (240.0, 1000.0), (300.0, 310.0), (203.0, 100.0)] {
            let got = levels(CpuPath::best(), &ray, &tone(white, max, ToneMapping::Map));
            for pair in got.windows(2) {
                assert!((0..3).all(|i| pair[0][i] <= pair[1][i]), "{rgb:?} at {white}: {pair:?}");
            }
        }
    }
}

fn half_floats() -> impl Strategy<Value = f16> {
    prop_oneof![
        4 => (0.0..20.0f64).prop_map(f16::from_f64),
        2 => (0.0..1.1f64).prop_map(f16::from_f64),
        1 => any::<u16>().prop_map(f16::from_bits),
    ]
}

/// The case's texture in `format`, showing the levels of [`texture_pixel`], and garbage where the format has no meaning.
fn encoded(case: &Case, part: Rect, format: TextureFormat, white: f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for y in part.top..part.bottom {
        for x in part.left..part.right {
            let [b, g, r, stray] = texture_pixel(case.seed, x, y);
            match format {
                TextureFormat::Rgba16f => {
                    for level in [r, g, b] {
                        bytes.extend(light(level, white).to_le_bytes());
                    }
                    bytes.extend([stray, g ^ stray]);
                }
                TextureFormat::Rgb10a2 => {
                    let ten = |level: u8| (u32::from(level) * 1023 + 127) / 255;
                    let word = ten(r) | ten(g) << 10 | ten(b) << 20 | u32::from(stray) << 30;
                    bytes.extend(word.to_le_bytes());
                }
                _ => bytes.extend([b, g, r, stray]),
            }
        }
        bytes.extend(vec![0x5A; case.paddings.0]);
    }
    bytes
}

fn drawn(case: &Case, path: CpuPath, source: TextureFormat, tone: &Tone, white: f64) -> Vec<u8> {
    let desktop = case.rotation.apply(case.texture);
    let placement = Placement { region: case.region, desktop, rotation: case.rotation };
    let pointer = case.pointer.as_ref().map(|(shape, at)| (PointerImage::decode(shape).expect("well formed"), *at));
    let pointer = pointer.as_ref().map(|(image, at)| (image, *at));
    let mut picture = Picture::new(case.region.size(), case.format, case.paddings.1, case.bottom_up);
    for part in &case.parts {
        let bytes = encoded(case, *part, source, white);
        let stride = part.width() as usize * source.bytes() + case.paddings.0;
        let image = ImageRef::of(source, &bytes, stride, part.size());
        write_toned_on(path, *part, image, &placement, tone, pointer, &mut picture.image());
    }
    picture.bytes
}

/// An SDR picture as half floats, or with ten bits, becomes the same bytes as the picture itself: crop, rotation, format and pointer.
fn check_levels(case: &Case, mapping: ToneMapping) -> TestCaseResult {
    let wanted = expected(case);
    for path in CpuPath::all() {
        let halves = drawn(case, path, TextureFormat::Rgba16f, &tone(203.0, 1000.0, mapping), 203.0);
        prop_assert!(halves == wanted, "half floats on {}", path.name());
        let tens = drawn(case, path, TextureFormat::Rgb10a2, &Tone::default(), 80.0);
        prop_assert!(tens == wanted, "ten bits on {}", path.name());
    }
    Ok(())
}

/// The channel under the pointer, by the rules in 64-bit floats.
fn lit(shape: &PointerShape, (sx, sy): (usize, usize), channel: usize, under: f16, white: f64) -> f64 {
    let bytes = |row: usize| &shape.data[row * shape.pitch..];
    let cut = || (encode((finite(under) * 80.0 / white).min(1.0)) * 255.0).round() as u8;
    let shown = |level: u8| decode(f64::from(level)) * white / 80.0;
    if shape.kind == ShapeKind::Monochrome {
        let bit = |row: usize| bytes(row)[sx / 8] >> (7 - sx % 8) & 1 == 1;
        return match (bit(sy), bit(sy + shape.size.height as usize)) {
            (true, false) => under.to_f64(),
            (true, true) => shown(255 - cut()),
            (false, xor) => shown(if xor { 255 } else { 0 }),
        };
    }
    let texel = &bytes(sy)[sx * 4..][..4];
    let (level, alpha) = (texel[2 - channel], texel[3]);
    let rest = under.to_f64() * f64::from(255 - alpha) / 255.0;
    match shape.kind {
        ShapeKind::MaskedColor if alpha == 0 => shown(level),
        ShapeKind::MaskedColor if level == 0 => under.to_f64(),
        ShapeKind::MaskedColor => shown(cut() ^ level),
        ShapeKind::Color if alpha == 0 => under.to_f64(),
        ShapeKind::Color if alpha == 255 => shown(level),
        ShapeKind::Color => shown(level) * f64::from(alpha) / 255.0 + rest,
        _ if level == 0 && alpha == 0 => under.to_f64(),
        _ => {
            let cover = f64::from(level.max(alpha));
            let own = decode(f64::from(level) * 255.0 / cover) * white / 80.0 * cover / 255.0;
            if alpha == 255 {
                own
            } else {
                own + rest
            }
        }
    }
}

/// Half floats of random bits keep every bit where the pointer is not, and are within one unit in the last place where it is.
fn check_light(case: &Case, white: f64) -> TestCaseResult {
    let tone = tone(white, 1000.0, ToneMapping::Map);
    let desktop = case.rotation.apply(case.texture);
    let placement = Placement { region: case.region, desktop, rotation: case.rotation };
    let pointer = case.pointer.as_ref().map(|(shape, at)| (PointerImage::decode(shape).expect("well formed"), *at));
    let bits = |x: i32, y: i32| {
        let ([a, b, c, d], [e, f, ..]) = (texture_pixel(case.seed, x, y), texture_pixel(!case.seed, x, y));
        [[a, b], [c, d], [e, f]].map(|bytes| {
            // Mostly values that a desktop has.
            let bits = u16::from_le_bytes(bytes);
            if bits % 5 == 0 {
                f16::from_bits(bits)
            } else {
                f16::from_bits(bits % 0x4B00)
            }
        })
    };
    for path in CpuPath::all() {
        let mut picture = Picture::new(case.region.size(), PixelFormat::Rgba16f, case.paddings.1, case.bottom_up);
        for part in &case.parts {
            let rows = (part.top..part.bottom).flat_map(|y| (part.left..part.right).map(move |x| (x, y)));
            let bytes: Vec<u8> =
                rows.flat_map(|(x, y)| bits(x, y).into_iter().chain([f16::NAN])).flat_map(f16::to_le_bytes).collect();
            let image = ImageRef::of(TextureFormat::Rgba16f, &bytes, part.width() as usize * 8, part.size());
            let pointer = pointer.as_ref().map(|(image, at)| (image, *at));
            write_toned_on(path, *part, image, &placement, &tone, pointer, &mut picture.image());
        }
        for y in case.region.top..case.region.bottom {
            for x in case.region.left..case.region.right {
                let got = picture.pixel(x.abs_diff(case.region.left) as usize, y.abs_diff(case.region.top) as usize);
                let (tx, ty) = before_turn(case.rotation, desktop, x, y);
                let here = Rect::new(tx, ty, tx + 1, ty + 1);
                let written = desktop.rect().contains(Rect::new(x, y, x + 1, y + 1))
                    && case.parts.iter().any(|part| part.contains(here));
                if !written {
                    prop_assert!(got.iter().all(|byte| *byte == 0xA5), "({x}, {y}) was written");
                    continue;
                }
                prop_assert_eq!(&got[6..], &f16::ONE.to_le_bytes()[..]);
                let texel = case.pointer.as_ref().and_then(|(shape, at)| texel(shape, *at, x, y).map(|at| (shape, at)));
                for (channel, under) in bits(tx, ty).into_iter().enumerate() {
                    let got = f16::from_le_bytes([got[2 * channel], got[2 * channel + 1]]);
                    let wanted = texel.map_or(under.to_f64(), |(shape, at)| lit(shape, at, channel, under, white));
                    let same = got.to_bits() == under.to_bits() && wanted.to_bits() == under.to_f64().to_bits();
                    let wanted = f16::from_f64(wanted);
                    let near = got.to_bits().abs_diff(wanted.to_bits()) <= 1 || got.is_nan() && wanted.is_nan();
                    prop_assert!(same || texel.is_some() && near, "({x}, {y})[{channel}]: {got} is not {wanted}");
                }
            }
        }
    }
    Ok(())
}

/// The texel of a shape at (`x`, `y`).
fn texel(shape: &PointerShape, at: Point, x: i32, y: i32) -> Option<(usize, usize)> {
    let column = usize::try_from(i64::from(x) - i64::from(at.x)).ok()?;
    let row = usize::try_from(i64::from(y) - i64::from(at.y)).ok()?;
    (column < shape.size.width as usize && row < shape.size.height as usize).then_some((column, row))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mapping_follows_the_formula(
        pixels in proptest::collection::vec([half_floats(), half_floats(), half_floats()], 1..100),
        white in prop_oneof![Just(80.0), Just(240.0), 80.0..480.0f64],
        max in prop_oneof![Just(0.0), Just(1000.0), 80.0..4000.0f64],
        mapping in select(ToneMapping::ALL.to_vec()),
    ) {
        for path in CpuPath::all() {
            for (got, rgb) in levels(path, &pixels, &tone(white, max, mapping)).into_iter().zip(&pixels) {
                let wanted = mapped(*rgb, white, max, mapping);
                let near = got.iter().zip(wanted).all(|(got, wanted)| (f64::from(*got) - wanted).abs() < 0.55);
                prop_assert!(near, "{:?} became {:?}, not {:?} on {}", rgb, got, wanted, path.name());
            }
        }
    }

    #[test]
    fn sdr_pictures_keep_their_bytes(case in cases(), mapping in select(ToneMapping::ALL.to_vec())) {
        if !case.format.is_half_float() {
            check_levels(&case, mapping)?;
        }
    }

    #[test]
    fn turned_sdr_pictures_keep_their_bytes(case in turned_cases(), mapping in select(ToneMapping::ALL.to_vec())) {
        if !case.format.is_half_float() {
            check_levels(&case, mapping)?;
        }
    }

    #[test]
    fn half_floats_keep_their_bits(case in cases(), white in select(vec![80.0, 203.0, 240.0, 480.0])) {
        check_light(&case, white)?;
    }

    #[test]
    fn turned_half_floats_keep_their_bits(case in turned_cases()) {
        check_light(&case, 240.0)?;
    }

    #[test]
    fn ten_bits_become_their_light(seed: u32) {
        let size = Size::new(33, 3);
        let words: Vec<u32> = (0..99).map(|x| u32::from_le_bytes(texture_pixel(seed, x, 0))).collect();
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let image = ImageRef::of(TextureFormat::Rgb10a2, &bytes, 33 * 4, size);
        let placement = Placement { region: size.rect(), desktop: size, rotation: Rotation::None };
        let mut picture = Picture::new(size, PixelFormat::Rgba16f, 0, false);
        write_toned_on(CpuPath::best(), size.rect(), image, &placement, &Tone::default(), None, &mut picture.image());
        for (got, word) in picture.bytes[1..].as_chunks::<8>().0.iter().zip(words) {
            let light = |shift: u32| f16::from_f64(decode(f64::from(word >> shift & 0x3FF) * 255.0 / 1023.0));
            let wanted = [light(0), light(10), light(20), f16::ONE].map(f16::to_le_bytes);
            prop_assert_eq!(&got[..], wanted.as_flattened());
        }
    }
}

#[test]
fn the_oracle_of_formats_knows_the_light_of_white() {
    assert_eq!(converted(PixelFormat::Rgba16f, [255; 3]), [0, 0x3C].repeat(4));
}
