//! An HDR desktop in 8 bits, mapped by the device before anything is read back: from there on it costs what an SDR desktop costs.

use windows::Win32::Graphics::Direct3D11::{
    ID3D11RenderTargetView, ID3D11Texture2D, D3D11_FORMAT_SUPPORT_SHADER_LOAD, D3D11_FORMAT_SUPPORT_TEXTURE2D,
};

use super::changes::Changes;
use super::copies::{Copies, FrameTexture};
use super::device::{Device, Place};
use super::formats::dxgi_format;
use super::region_staging::RegionStaging;
use super::renderer::Renderer;
use super::resources::target_view;
use super::shader_data::ToneConstants;
use crate::color::TextureFormat;
use crate::error::{Error, ErrorKind, Result};
use crate::geometry::{Rect, Size};

/// Whether the device maps half floats to 8 bits for a capture.
#[derive(Default)]
pub(super) enum Toning {
    #[default]
    Untried,
    Ready(Box<Toned>),
    Refused,
}

impl Toning {
    /// What maps a screen of `size` on its device. `None` if the device cannot do that; then the processor does.
    ///
    /// # Errors
    /// `Device` if the device is lost.
    pub(super) fn on(&mut self, device: &Device, size: Size) -> Result<Option<&mut Toned>> {
        if let Self::Untried = self {
            *self = match Toned::new(device, size) {
                Ok(toned) => Self::Ready(Box::new(toned)),
                Err(error) if error.loss().is_some() => return Err(error),
                Err(error) => {
                    log::info!("the processor maps the HDR desktop: {error}");
                    Self::Refused
                }
            };
        }
        Ok(match self {
            Self::Ready(toned) => Some(toned),
            Self::Untried | Self::Refused => None,
        })
    }
}

/// The mapped image of one capture, and the copies of it that the processor reads.
pub(super) struct Toned {
    renderer: Renderer,
    target: ID3D11Texture2D,
    view: ID3D11RenderTargetView,
    size: Size,
    /// What the target shows: which image, mapped with these constants. 0 before the first.
    content: (u64, ToneConstants),
    copies: Copies,
    /// The image that the copies were given last.
    copied: u64,
    region_staging: Option<RegionStaging>,
}

impl Toned {
    /// For a screen of `size`.
    ///
    /// # Errors
    /// `Capture` if the device or the system cannot do that, `Device` if the device is lost.
    fn new(device: &Device, size: Size) -> Result<Self> {
        let needed = (D3D11_FORMAT_SUPPORT_TEXTURE2D.0 | D3D11_FORMAT_SUPPORT_SHADER_LOAD.0) as u32;
        // SAFETY: no preconditions.
        let support = unsafe { device.object.CheckFormatSupport(dxgi_format(TextureFormat::Rgba16f)) };
        if support.unwrap_or_default() & needed != needed {
            return Err(Error::new(ErrorKind::Capture, "the shaders of the graphics device do not read half floats"));
        }
        let renderer = Renderer::new(device)?;
        let target = device.texture(size, TextureFormat::Bgra8, Place::Target)?;
        let view = target_view(device, &target)?;
        let copies = Copies::new(size, TextureFormat::Bgra8);
        Ok(Self { renderer, target, view, size, content: Default::default(), copies, copied: 0, region_staging: None })
    }

    /// The newest image of `changes`, mapped: `light` shows it in half floats.
    ///
    /// # Errors
    /// Those of creating views, textures and buffers.
    pub(super) fn image(
        &mut self,
        device: &Device,
        light: &ID3D11Texture2D,
        changes: &Changes,
        constants: ToneConstants,
    ) -> Result<&ID3D11Texture2D> {
        let (image, before) = self.content;
        if before != constants {
            // Everything looks different now.
            self.copies = Copies::new(self.size, TextureFormat::Bgra8);
            (self.region_staging, self.copied) = (None, 0);
        }
        let seen = if before == constants { image } else { 0 };
        let parts = changes.parts_since(seen, self.size.rect());
        self.copies.note_changes(parts.iter().copied());
        if !parts.is_empty() {
            self.renderer.draw_tone(device, light, &self.view, &parts, constants)?;
        }
        self.content = (changes.newest(), constants);
        Ok(&self.target)
    }

    /// The copies of the mapped image, of which parts inside `bounds` will be read as those of an SDR desktop, and the texture for the parts.
    ///
    /// # Errors
    /// Those of creating views, textures and buffers.
    pub(super) fn copies(
        &mut self,
        device: &Device,
        light: &ID3D11Texture2D,
        changes: &Changes,
        constants: ToneConstants,
        bounds: Rect,
    ) -> Result<(&mut Copies, &mut Option<RegionStaging>)> {
        self.image(device, light, changes, constants)?;
        self.copies.note_read(bounds, changes, false);
        if self.copied != changes.newest() {
            self.copies.update(device, FrameTexture::whole(&self.target), changes)?;
            self.copied = changes.newest();
        }
        Ok((&mut self.copies, &mut self.region_staging))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIFactory1};

    use super::*;
    use crate::clock::{Clock, MonotonicClock};
    use crate::color::{Color, ColorSpace, ToneMapping};
    use crate::frame::{Damage, ImageMut, ImageRef, PixelFormat};
    use crate::geometry::Rotation;
    use crate::pixels::{write_toned, Placement, Tone, ToneSettings};

    const SIZE: Size = Size::new(256, 256);

    /// Every half float in a pixel: alone, as grey, and beside others.
    fn ramp(pattern: u32) -> Vec<u8> {
        let pixel = |bits: u16| match pattern {
            0 => [bits, bits, bits, 0],
            1 => [bits, bits.wrapping_mul(40503) & 0x7BFF, 0x3C00, 0x7E00],
            _ => [0x8400, bits, 0x5000, 0xFC00],
        };
        (0..=u16::MAX).flat_map(pixel).flat_map(u16::to_le_bytes).collect()
    }

    fn on_processor(light: &[u8], color: &Color, mapping: ToneMapping) -> Vec<u8> {
        let mut bytes = vec![0; light.len() / 2];
        let placement = Placement { region: SIZE.rect(), desktop: SIZE, rotation: Rotation::None };
        let image = ImageRef::of(TextureFormat::Rgba16f, light, SIZE.width as usize * 8, SIZE);
        let mut target = ImageMut::new(&mut bytes, SIZE.width as usize * 4, SIZE, PixelFormat::Bgra);
        let tone = Tone::new(ToneSettings::new(color, mapping));
        write_toned(SIZE.rect(), image, &placement, &tone, None, &mut target);
        bytes
    }

    #[test]
    fn the_device_maps_every_half_float_within_one_level_of_the_processor() {
        // SAFETY: plain creation.
        let adapter = unsafe { CreateDXGIFactory1::<IDXGIFactory1>().and_then(|factory| factory.EnumAdapters1(0)) };
        let device = Device::create(&adapter.expect("an adapter")).expect("a device");
        let mut toned = Toned::new(&device, SIZE).expect("the shaders compile");
        let light = device.texture(SIZE, TextureFormat::Rgba16f, Place::Device).expect("a texture");
        let mut changes = Changes::default();
        for pattern in 0..3 {
            let ramp = ramp(pattern);
            device.upload(&ramp, SIZE, &light);
            for (white, max, mapping) in [
                (80.0, 1000.0, ToneMapping::Map),
                (203.52, 600.0, ToneMapping::Map),
                (480.0, 0.0, ToneMapping::Map),
                (240.0, 240.08, ToneMapping::Map),
                (240.0, 1000.0, ToneMapping::Clip),
            ] {
                let color =
                    Color { hdr: true, space: ColorSpace::Scrgb, sdr_white_nits: white, max_nits: max, ..Color::SDR };
                changes.push(Damage::everything(SIZE.rect()));
                let constants = ToneConstants::new(&color, mapping);
                let (copies, staging) = toned.copies(&device, &light, &changes, constants, SIZE.rect()).expect("drawn");
                let deadline = MonotonicClock.now() + Duration::from_secs(30);
                let parts = [SIZE.rect()];
                let mapped = copies.map(&device, &changes, staging, &parts, (&MonotonicClock, deadline));
                let expected = on_processor(&ramp, &color, mapping);
                mapped.expect("mapped").expect("in time").deliver(&parts, &mut |_, image| {
                    for (i, (here, there)) in
                        (0..256).flat_map(|y| image.row(y)).zip(&expected).enumerate().filter(|(i, _)| i % 4 != 3)
                    {
                        let bits = i / 4;
                        assert!(
                            here.abs_diff(*there) <= 1,
                            "{bits:04x} {}: {here} {there}, {color:?} {mapping}",
                            i % 4
                        );
                    }
                });
            }
        }
    }
}
