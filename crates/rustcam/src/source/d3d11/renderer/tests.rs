//! Every alpha and every mask, over every value.

use std::time::Duration;

use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIFactory1};

use super::*;
use crate::clock::{Clock, MonotonicClock};
use crate::frame::ShapeKind;
use crate::geometry::Point;
use crate::source::d3d11::device::Place;
use crate::source::texture::TextureSync;

const SIDE: u32 = 256;
const SIZE: Size = Size::new(SIDE, SIDE);

struct Fixture {
    device: Device,
    renderer: Renderer,
    from: ID3D11Texture2D,
    to: ID3D11Texture2D,
    view: ID3D11RenderTargetView,
    staging: ID3D11Texture2D,
}

impl Fixture {
    /// A desktop whose columns are the 256 values of a byte.
    fn new() -> Self {
        // SAFETY: plain creation.
        let adapter = unsafe { CreateDXGIFactory1::<IDXGIFactory1>().and_then(|factory| factory.EnumAdapters1(0)) };
        let device = Device::create(&adapter.expect("an adapter")).expect("a device");
        let renderer = Renderer::new(&device).expect("the shaders compile");
        let columns: Vec<u32> = (0..SIDE * SIDE).map(|i| (i % SIDE) * 0x01_0101).collect();
        let from = bgra_texture(&device, SIZE, &columns).expect("a texture");
        // Wine cannot share it, but can render to it.
        let to = device.texture(SIZE, TextureFormat::Bgra8, Place::Shared(TextureSync::None)).expect("a texture");
        let mut view = None;
        // SAFETY: a texture that may be drawn on; the pointer is valid.
        unsafe { device.object.CreateRenderTargetView(&to, None, Some(&raw mut view)) }.expect("a view");
        let staging = device.texture(SIZE, TextureFormat::Bgra8, Place::Staging).expect("a texture");
        Self { device, renderer, from, to, view: view.expect("a view"), staging }
    }

    /// Draws a pointer that covers everything, and reads the words of the picture.
    fn draw(&mut self, kind: ShapeKind, texels: impl Fn(u32) -> u32) -> Vec<u32> {
        let data = (0..SIDE * SIDE).flat_map(|i| texels(i / SIDE).to_le_bytes()).collect();
        let shape = PointerShape { kind, size: SIZE, pitch: SIDE as usize * 4, hot_spot: Point::default(), data };
        let pointer = Pointer { position: Point::default(), visible: true, shape: Some(Arc::new(shape)) };
        let output = Output::new("", SIZE);
        let place = (SIZE.rect(), &output);
        let parts = [SIZE.rect()];
        let covered = self.renderer.draw(&self.device, &self.from, (&self.view, None), place, &parts, Some(&pointer));
        assert_eq!(covered.expect("drawn"), Some(SIZE.rect()));
        self.device.copy(&self.to, SIZE.rect(), &self.staging, Point::default());
        let deadline = MonotonicClock.now() + Duration::from_secs(30);
        let (row, rows) = (SIDE as usize * 4, SIDE as usize);
        let mapped = self.device.map(&self.staging, row, rows, &MonotonicClock, deadline);
        let mapped = mapped.expect("alive").expect("done in time");
        let pixels = (0..rows).flat_map(|y| mapped.bytes()[y * mapped.pitch..][..row].as_chunks::<4>().0.iter());
        pixels.map(|pixel| u32::from_le_bytes(*pixel)).collect()
    }
}

/// Asserts that row `s` and column `d` of a picture, opaque and gray, has the expected value.
fn check(picture: &[u32], what: &str, expected: impl Fn(u32, u32) -> u32) {
    for (i, word) in (0..).zip(picture) {
        let gray = expected(i / SIDE, i % SIDE);
        assert_eq!(*word, 0xFF00_0000 | (gray * 0x01_0101), "{what}: {} over {}", i / SIDE, i % SIDE);
    }
}

#[test]
fn every_alpha_of_every_colour_over_every_colour_is_exact() {
    let mut fixture = Fixture::new();
    for alpha in 0..=255 {
        let picture = fixture.draw(ShapeKind::Color, |s| (alpha << 24) | (s * 0x01_0101));
        check(&picture, &format!("alpha {alpha}"), |s, d| (2 * (s * alpha + d * (255 - alpha)) + 255) / 510);
    }
}

#[test]
fn every_masked_colour_over_every_colour_is_exact() {
    let mut fixture = Fixture::new();
    for mask in [0, 1, 255] {
        let picture = fixture.draw(ShapeKind::MaskedColor, |s| (mask << 24) | (s * 0x01_0101));
        check(&picture, &format!("mask {mask}"), |s, d| if mask == 0 { s } else { s ^ d });
    }
}
