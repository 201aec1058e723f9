//! Every half float, every level of 8 bits and every value of ten, with and without pointers: the device renders what the processor writes.

use std::sync::Arc;
use std::time::Duration;

use half::f16;
use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIFactory1};

use super::*;
use crate::clock::{Clock, MonotonicClock};
use crate::color::{ColorSpace, ToneMapping};
use crate::frame::{ImageMut, ImageRef, PixelFormat, Pointer, PointerShape, ShapeKind};
use crate::geometry::{Point, Rotation};
use crate::pixels::{write_toned, Placement, PointerImage, Tone, ToneSettings};
use crate::source::d3d11::device::Place;
use crate::source::d3d11::formats::dxgi_format;
use crate::source::d3d11::renderer::Renderer;
use crate::source::d3d11::resources::target_view;
use crate::source::Output;

const SIDE: u32 = 256;
const SIZE: Size = Size::new(SIDE, SIDE);
const HDR: Color =
    Color { hdr: true, space: ColorSpace::Scrgb, bits: 10, sdr_white_nits: 203.52, max_nits: 1000.0, min_nits: 0.0 };

/// Every value of a channel, beside other values; the fourth is garbage.
fn desktop(format: TextureFormat) -> Vec<u8> {
    let pixels = 0..SIDE * SIDE;
    match format {
        TextureFormat::Rgba16f => pixels
            .flat_map(|i| [i, i * 40503, i ^ 0x8000, i].map(|bits| bits as u16))
            .flat_map(u16::to_le_bytes)
            .collect(),
        TextureFormat::Rgb10a2 => pixels
            .flat_map(|i| ((i & 0x3FF) | ((i * 7) & 0x3FF) << 10 | (1023 - (i & 0x3FF)) << 20 | i << 30).to_le_bytes())
            .collect(),
        TextureFormat::Bgra8 => pixels.flat_map(|i| [i as u8, (i >> 8) as u8, (i * 7) as u8, i as u8]).collect(),
    }
}

/// A pointer that covers everything.
fn pointer(kind: ShapeKind, texel: impl Fn(u32) -> u32) -> Pointer {
    let data = (0..SIDE * SIDE).flat_map(|i| texel(i).to_le_bytes()).collect();
    let shape = PointerShape { kind, size: SIZE, pitch: SIDE as usize * 4, hot_spot: Point::default(), data };
    Pointer { position: Point::default(), visible: true, shape: Some(Arc::new(shape)) }
}

fn on_processor(format: TextureFormat, desktop: &[u8], color: &Color, pointer: Option<&Pointer>) -> Vec<u8> {
    let mut bytes = vec![0; (SIDE * SIDE * 8) as usize];
    let placement = Placement { region: SIZE.rect(), desktop: SIZE, rotation: Rotation::None };
    let image = ImageRef::of(format, desktop, SIDE as usize * format.bytes(), SIZE);
    let mut target = ImageMut::new(&mut bytes, SIDE as usize * 8, SIZE, PixelFormat::Rgba16f);
    let tone = Tone::new(ToneSettings::new(color, ToneMapping::Map));
    let shape = pointer.and_then(|pointer| PointerImage::decode(pointer.shape.as_deref()?));
    let shape = shape.as_ref().map(|shape| (shape, Point::default()));
    write_toned(SIZE.rect(), image, &placement, &tone, shape, &mut target);
    bytes
}

struct Fixture {
    device: Device,
    renderer: Renderer,
}

impl Fixture {
    fn new() -> Self {
        // SAFETY: plain creation.
        let adapter = unsafe { CreateDXGIFactory1::<IDXGIFactory1>().and_then(|factory| factory.EnumAdapters1(0)) };
        let device = Device::create(&adapter.expect("an adapter")).expect("a device");
        let renderer = Renderer::new(&device).expect("the shaders compile");
        Self { device, renderer }
    }

    fn render(&mut self, format: TextureFormat, desktop: &[u8], color: &Color, pointer: Option<&Pointer>) -> Vec<u8> {
        let Self { device, renderer } = self;
        let from = texture(device, SIZE, dxgi_format(format), desktop).expect("a texture");
        let to = device.texture(SIZE, TextureFormat::Rgba16f, Place::Target).expect("a texture");
        let view = target_view(device, &to).expect("a view");
        let (output, parts) = (Output::new("", SIZE), [SIZE.rect()]);
        let light = LightSettings::new(format, color);
        renderer.draw(device, &from, (&view, Some(light)), (SIZE.rect(), &output), &parts, pointer).expect("drawn");
        let staging = device.texture(SIZE, TextureFormat::Rgba16f, Place::Staging).expect("a texture");
        device.copy(&to, SIZE.rect(), &staging, Point::default());
        let deadline = MonotonicClock.now() + Duration::from_secs(30);
        let (row, rows) = (SIDE as usize * 8, SIDE as usize);
        let mapped = device.map(&staging, row, rows, &MonotonicClock, deadline).expect("alive").expect("in time");
        (0..rows).flat_map(|y| mapped.bytes()[y * mapped.pitch..][..row].to_vec()).collect()
    }

    /// Asserts that device and processor agree, within `most` steps of half floats.
    fn check(&mut self, format: TextureFormat, color: &Color, pointer: Option<&Pointer>, (most, what): (i32, &str)) {
        let desktop = desktop(format);
        let rendered = self.render(format, &desktop, color, pointer);
        let desktop = if pointer.is_some() && format == TextureFormat::Rgba16f { numbers(desktop) } else { desktop };
        let expected = on_processor(format, &desktop, color, pointer);
        let halves = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)).collect::<Vec<_>>();
        let under = on_processor(format, &desktop, color, None);
        let halves = halves(&rendered).into_iter().zip(halves(&expected)).zip(halves(&under));
        for (i, ((here, there), under)) in halves.enumerate() {
            let (seen, wanted) = (f16::from_bits(here), f16::from_bits(there));
            // A sum of a negative and a positive number is as exact as the larger of the two, in single precision.
            let larger = f16::from_bits(under).to_f64().abs().min(65504.0).max(color.white() / 80.0);
            let rounding = if most > 0 { larger * f64::from(f32::EPSILON) } else { 0.0 };
            let same = ordered(here).abs_diff(ordered(there)) <= most as u32
                || (seen.to_f64() - wanted.to_f64()).abs() <= rounding
                || seen.is_nan() && wanted.is_nan();
            let (pixel, channel) = (i / 4, i % 4);
            assert!(same, "{what}, {format:?}, {pixel}.{channel}: {seen} ({here:04x}), not {wanted} ({there:04x})");
        }
    }
}

/// The half floats as shaders take them under a pointer: NaN is 0.
fn numbers(mut halves: Vec<u8>) -> Vec<u8> {
    for half in halves.as_chunks_mut().0 {
        if f16::from_le_bytes(*half).is_nan() {
            *half = [0; 2];
        }
    }
    halves
}

/// Neighbouring half floats become neighbouring numbers, and both zeros the same.
fn ordered(bits: u16) -> i32 {
    let magnitude = i32::from(bits & 0x7FFF);
    if bits & 0x8000 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

const FORMATS: [TextureFormat; 3] = [TextureFormat::Rgba16f, TextureFormat::Rgb10a2, TextureFormat::Bgra8];

fn color_of(format: TextureFormat) -> Color {
    if format == TextureFormat::Rgba16f {
        HDR
    } else {
        Color::SDR
    }
}

#[test]
fn without_a_pointer_every_value_is_exact() {
    let mut fixture = Fixture::new();
    for format in FORMATS {
        fixture.check(format, &color_of(format), None, (0, "desktop"));
    }
}

#[test]
fn opaque_and_masked_pointers_are_exact_over_every_value() {
    let mut fixture = Fixture::new();
    for format in FORMATS {
        for white in [80.0, 240.0, 480.0] {
            let color = Color { sdr_white_nits: white, ..color_of(format) };
            let opaque = pointer(ShapeKind::Color, |i| 0xFF00_0000 | i.wrapping_mul(0x01_0305));
            fixture.check(format, &color, Some(&opaque), (0, "opaque"));
            for mask in [0, 1, 255] {
                for flip in [0x00FF_FFFF, 0x0000_00FF, 0, 0x0055_AA01] {
                    let masked = pointer(ShapeKind::MaskedColor, |_| mask << 24 | flip);
                    fixture.check(format, &color, Some(&masked), (0, &format!("mask {mask}, {flip:06x}, {white}")));
                }
            }
        }
    }
}

#[test]
fn translucent_pointers_are_mixed_in_linear_light() {
    let mut fixture = Fixture::new();
    for format in FORMATS {
        for alpha in [0, 1, 2, 64, 127, 128, 200, 254] {
            let shape = pointer(ShapeKind::Color, |i| alpha << 24 | (i / SIDE * 0x01_0101));
            // Mixed over 8 bits the pointer is an integer equation.
            let most = i32::from(format != TextureFormat::Bgra8 && alpha > 0);
            fixture.check(format, &color_of(format), Some(&shape), (most, &format!("alpha {alpha}")));
        }
    }
}
