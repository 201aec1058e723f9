//! Shared textures of one capture: the newest image is rendered upright into one, which is returned when it is complete.

use std::sync::PoisonError;
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Query;

use super::device::Device;
use super::light::LightSettings;
use super::rendered::Rendered;
use super::renderer::Renderer;
use super::ring::{HeldTexture, Kind, Ring, Writing};
use super::scaler::{Picture, Scaler};
use super::screen::Screen;
use super::shader_data::ToneConstants;
use super::shared_texture::Shared;
use super::toned::Toned;

use crate::clock::Clock;
use crate::error::Result;
use crate::geometry::Rect;
use crate::source::scaling::{Scale, ScaleStep};
use crate::source::texture::{SharedTexture, TextureRequest, TextureSync};
use crate::source::Outcome;

/// The shared textures of one capture.
#[derive(Default)]
pub(super) struct Sharing {
    ring: Ring<Shared>,
    render_objects: Option<RenderObjects>,
    /// A texture that the device had not finished at the deadline.
    begun: Option<Begun>,
}

/// A texture that is rendered, but perhaps not complete.
struct Begun {
    request: TextureRequest,
    image: u64,
    writing: Writing<Shared>,
}

/// How the pixels of the screen become those of the texture.
pub(super) enum Conversion<'a> {
    /// As they are.
    None,
    /// Half floats are mapped to 8 bits.
    Tone(&'a mut Toned, ToneConstants),
    /// Everything becomes half floats.
    Light(LightSettings),
}

/// The objects of one device that rendering needs.
struct RenderObjects {
    renderer: Renderer,
    fence: ID3D11Query,
}

impl Sharing {
    /// Renders the newest image of `screen`. [`Outcome::Pending`] if there is no image, or the device is not done at `deadline`.
    ///
    /// # Errors
    /// `Capture` if the system refuses or too many textures are held, `Device` if the device is lost.
    pub(super) fn share(
        &mut self,
        screen: &mut Screen,
        request: &TextureRequest,
        (conversion, scaler): (Conversion<'_>, Option<&mut Scaler>),
        (clock, deadline): (&dyn Clock, Duration),
    ) -> Result<Outcome<SharedTexture>> {
        let render_objects = match &mut self.render_objects {
            Some(render_objects) => render_objects,
            None => self.render_objects.insert(RenderObjects::new(&screen.device)?),
        };
        let kind = Kind { size: request.size(), format: request.format, sync: request.sync };
        let begun = match self.begun.take() {
            Some(begun) if begun.request == *request => begun,
            _ => {
                let writing = self.ring.begin(&screen.device, kind)?;
                match render_objects.render(screen, request, (conversion, scaler), &writing.texture) {
                    Ok(true) => Begun { request: *request, image: screen.changes.newest(), writing },
                    failed => {
                        self.ring.cancel(&screen.device, writing);
                        return failed.map(|_| Outcome::Pending);
                    }
                }
            }
        };
        // With a keyed mutex the reader's device waits for this one. Without one, the texture must be complete.
        if request.sync == TextureSync::None && !screen.device.wait(&render_objects.fence, clock, deadline)? {
            self.begun = Some(begun);
            return Ok(Outcome::Pending);
        }
        let held: HeldTexture<Device> = self.ring.publish(&screen.device, begun.writing)?;
        Ok(Outcome::Done(SharedTexture {
            size: request.size(),
            format: request.format,
            sync: request.sync,
            luid: screen.device.luid,
            memory: held.texture.number,
            handle: Box::new(held),
        }))
    }

    /// Whether the texture for this request has been rendered already, from `image` or a newer one, and is only waited for. Another one that
    /// was begun is given up: what an earlier call began may be older than what this one has reported.
    pub(super) fn goes_on(&mut self, request: &TextureRequest, image: u64) -> bool {
        self.begun = self.begun.take().filter(|begun| begun.request == *request && begun.image >= image);
        self.begun.is_some()
    }

    /// Frees everything on the device. Textures that are held stay with their holders.
    pub(super) fn clear(&mut self) {
        self.begun = None;
        self.render_objects = None;
        self.ring.clear();
    }
}

impl RenderObjects {
    fn new(device: &Device) -> Result<Self> {
        Ok(Self { renderer: Renderer::new(device)?, fence: device.fence()? })
    }

    /// Brings `to` up to date: the changes since the last rendering to it, and the pixels of the pointer. With `scaler` the region is scaled.
    /// `false` if there is no image.
    fn render(
        &mut self,
        screen: &mut Screen,
        request: &TextureRequest,
        (conversion, scaler): (Conversion<'_>, Option<&mut Scaler>),
        to: &Shared,
    ) -> Result<bool> {
        let Screen { copies, device, changes, output, pointer, .. } = screen;
        let Some(image) = copies.texture(device, changes)? else { return Ok(false) };
        let (image, tone, light) = match conversion {
            Conversion::None => (image, None, None),
            Conversion::Tone(toned, tone) => (toned.image(device, image, changes, tone)?, Some(tone), None),
            Conversion::Light(settings) => (image, None, Some(settings)),
        };
        let pointer = Some(&*pointer).filter(|_| request.cursor);
        let region = request.region;
        let mut rendered = to.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        // If anything below fails, the content is unknown.
        let same = |before: &Rendered| (before.region, before.tone, before.scale) == (region, tone, request.scale);
        let before = rendered.take().filter(same);
        let parts = before.map_or_else(|| vec![region.size().rect()], |before| before.stale(changes, output));
        let pointer = match (request.scale, scaler) {
            (Some(scale), Some(scaler)) => {
                let picture = Picture { texture: image, output, pointer, light };
                scaled(scaler, device, &picture, (region, scale), parts, to)?
            }
            _ => self.renderer.draw(device, image, (&to.view, light), (region, output), &parts, pointer)?,
        };
        *rendered = Some(Rendered { image: changes.newest(), region, tone, scale: request.scale, pointer });
        device.signal(&self.fence);
        Ok(true)
    }
}

/// Scales `parts` of the region, and what the pointer covers, to `to`. Returns the part of the region that the pointer covers.
fn scaled(
    scaler: &mut Scaler,
    device: &Device,
    picture: &Picture<'_>,
    (region, Scale { size, resample }): (Rect, Scale),
    mut parts: Vec<Rect>,
    to: &Shared,
) -> Result<Option<Rect>> {
    let covered = picture.pointer.and_then(|pointer| pointer.extent()?.intersection(region));
    let covered = covered.map(|covered| covered.translated(-region.left, -region.top));
    parts.extend(covered);
    let target = scaler.touched(device, resample, (region.size(), size), &parts)?;
    if !target.is_empty() {
        let step = ScaleStep { region, size, target };
        scaler.draw(device, picture, (&step, resample), (&to.view, target.origin()))?;
    }
    Ok(covered)
}
