//! Reads that are scaled by the device: of every step only the result is copied to memory that the processor reads.

use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::changes::Changes;
use super::device::Device;
use super::formats::dxgi_format;
use super::mapped_parts::MappedParts;
use super::region_staging::RegionStaging;
use super::resources::RenderTarget;
use super::scale_plan::{Atlas, LONGEST};
use super::scaler::{Picture, Scaler};
use super::shader_data::ToneConstants;
use crate::clock::Clock;
use crate::color::TextureFormat;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{ImageRef, Pointer};
use crate::geometry::{Point, Rect, Size};
use crate::source::scaling::{Scale, ScaleRequest, ScaledFormat, ScaledSink};
use crate::source::Output;

/// Whether the device scales for a capture.
#[derive(Default)]
pub(super) enum Scaling {
    #[default]
    Untried,
    Ready(Box<Scaled>),
    Refused,
}

impl Scaling {
    /// What scales on the device. `None` if the device cannot do that; then the processor does.
    ///
    /// # Errors
    /// `Device` if the device is lost.
    pub(super) fn on(&mut self, device: &Device) -> Result<Option<&mut Scaled>> {
        if let Self::Untried = self {
            *self = match Scaler::new(device) {
                Ok(scaler) => Self::Ready(Box::new(Scaled { scaler, atlas: None, staging: None, begun: None })),
                Err(error) if error.loss().is_some() => return Err(error),
                Err(error) => {
                    log::info!("the processor scales: {error}");
                    Self::Refused
                }
            };
        }
        Ok(match self {
            Self::Ready(scaled) => Some(scaled),
            Self::Untried | Self::Refused => None,
        })
    }

    /// What scales to a texture that is shared.
    ///
    /// # Errors
    /// `Capture` if the device cannot do that, or the texture would be too large; `Device` if the device is lost.
    pub(super) fn for_texture(&mut self, device: &Device, Scale { size, .. }: Scale) -> Result<&mut Scaler> {
        if size.width > LONGEST || size.height > LONGEST {
            let message = format!("a scaled texture has at most {LONGEST} pixels a side, not {size}");
            return Err(Error::new(ErrorKind::Capture, message));
        }
        match self.on(device)? {
            Some(scaled) => Ok(&mut scaled.scaler),
            None => Err(Error::new(ErrorKind::Capture, "the graphics device cannot scale")
                .with_hint("Use grab(), whose frames the processor scales")),
        }
    }
}

/// The scaled reads of one capture.
pub(super) struct Scaled {
    pub(super) scaler: Scaler,
    /// The results of a read, beside and below each other.
    atlas: Option<RenderTarget>,
    staging: Option<RegionStaging>,
    begun: Option<Begun>,
}

/// A read whose results are on their way to staging.
struct Begun {
    request: ScaleRequest,
    tone: Option<ToneConstants>,
    image: u64,
    pointer: Pointer,
    atlas: Atlas,
    /// What the steps are made of, in texture space.
    needed: Vec<Rect>,
}

/// Results that the processor can read.
pub(super) struct ScaledParts {
    mapped: MappedParts,
    begun: Begun,
}

impl Scaled {
    /// Whether the results of `request` fit into a texture.
    pub(super) fn can_hold(request: &ScaleRequest) -> bool {
        let sides = |size: Size| size.width <= LONGEST && size.height <= LONGEST;
        let fits = request.steps.iter().all(|step| sides(step.size));
        fits && atlas_of(request).is_some()
    }

    /// Whether the results of `request` have been rendered already, from `image` or a newer one, and are only waited for. Others that were
    /// begun are given up.
    pub(super) fn goes_on(&mut self, request: &ScaleRequest, tone: Option<ToneConstants>, image: u64) -> bool {
        let same = |begun: &Begun| begun.request == *request && begun.tone == tone && begun.image >= image;
        self.begun = self.begun.take().filter(same);
        self.begun.is_some()
    }

    /// Queues the scaling of `texture`, the newest image of `changes`, and the copy of the results.
    ///
    /// # Errors
    /// Those of creating views and textures.
    pub(super) fn begin(
        &mut self,
        device: &Device,
        (texture, output): (&ID3D11Texture2D, &Output),
        (request, tone): (&ScaleRequest, Option<ToneConstants>),
        (changes, pointer): (&Changes, &Pointer),
    ) -> Result<()> {
        let Some(atlas) = atlas_of(request) else { return Ok(()) };
        let format = TextureFormat::Bgra8;
        let most = u64::from(LONGEST) * u64::from(LONGEST);
        let to = RenderTarget::fitting(&mut self.atlas, device, (atlas.size, dxgi_format(format)), most)?;
        let picture = Picture { texture, output, pointer: request.cursor.then_some(pointer), light: None };
        let mut needed = Vec::with_capacity(request.steps.len());
        for (step, place) in request.steps.iter().zip(&atlas.places) {
            let made_of = self.scaler.needed(device, step, request.resample)?;
            needed.push(output.image_rotation.to_texture(made_of, output.size));
            let how = (step, request.resample);
            match request.format {
                ScaledFormat::Bgra => self.scaler.draw(device, &picture, how, (&to.view, place.origin()))?,
                ScaledFormat::Nv12 => self.scaler.draw_nv12(device, &picture, how, (&to.view, *place))?,
            }
        }
        let staging = RegionStaging::fitting(&mut self.staging, device, (atlas.size, format))?;
        device.copy(&to.texture, atlas.size.rect(), staging.texture(), Point::new(0, 0));
        device.flush();
        let (request, image, pointer) = (request.clone(), changes.newest(), pointer.clone());
        self.begun = Some(Begun { request, tone, image, pointer, atlas, needed });
        Ok(())
    }

    /// Maps the results that were begun. `None` if the device is not done at `deadline`.
    ///
    /// # Errors
    /// Those of mapping.
    pub(super) fn map(&mut self, device: &Device, time: (&dyn Clock, Duration)) -> Result<Option<ScaledParts>> {
        let (Some(staging), Some(begun)) = (&self.staging, self.begun.take()) else { return Ok(None) };
        let texture = (staging.texture(), TextureFormat::Bgra8);
        match MappedParts::map(device, texture, begun.atlas.size.rect(), None, time) {
            Ok(Some(mapped)) => Ok(Some(ScaledParts { mapped, begun })),
            not_done => {
                self.begun = Some(begun);
                not_done.map(|_| None)
            }
        }
    }
}

/// Where the results of `request` are; `None` if no texture holds them.
fn atlas_of(request: &ScaleRequest) -> Option<Atlas> {
    Atlas::new(request.steps.iter().map(|step| request.format.size(step.target.size())))
}

impl ScaledParts {
    /// The number of the image, see [`Changes`].
    pub(super) fn image(&self) -> u64 {
        self.begun.image
    }

    /// The pointer of the image.
    pub(super) fn pointer(&self) -> &Pointer {
        &self.begun.pointer
    }

    /// Whether they are made of the whole image, `whole` in texture space.
    pub(super) fn show(&self, whole: Rect) -> bool {
        self.begun.needed.iter().any(|needed| needed.contains(whole))
    }

    /// Passes every result to `sink`.
    pub(super) fn deliver(&self, sink: &mut ScaledSink<'_>) {
        let places = &self.begun.atlas.places;
        let mut index = 0;
        self.mapped.deliver(places, &mut |_, image: ImageRef<'_>| {
            sink(index, image, &self.begun.pointer);
            index += 1;
        });
    }
}
