//! Shared textures of one capture: the newest image is rendered upright into one, which is returned when it is complete.

use std::sync::PoisonError;
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Query;

use super::device::Device;
use super::rendered::Rendered;
use super::renderer::Renderer;
use super::ring::{HeldTexture, Ring, Writing};
use super::screen::Screen;
use super::shader_data::ToneConstants;
use super::shared_texture::Shared;
use super::toned::Toned;

use crate::clock::Clock;
use crate::error::Result;
use crate::source::texture::{SharedTexture, TextureRequest, TextureSync};
use crate::source::Outcome;

/// The shared textures of one capture.
#[derive(Default)]
pub(super) struct Sharing {
    ring: Ring<Shared>,
    render_objects: Option<RenderObjects>,
    /// A texture that the device had not finished at the deadline.
    begun: Option<(TextureRequest, Writing<Shared>)>,
}

/// The objects of one device that rendering needs.
struct RenderObjects {
    renderer: Renderer,
    fence: ID3D11Query,
}

impl Sharing {
    /// Renders the newest image of `screen`, mapped if it is of half floats. [`Outcome::Pending`] if there is no image, or the device is not done at `deadline`.
    ///
    /// # Errors
    /// `Capture` if the system refuses or too many textures are held, `Device` if the device is lost.
    pub(super) fn share(
        &mut self,
        screen: &mut Screen,
        request: &TextureRequest,
        toned: Option<(&mut Toned, ToneConstants)>,
        (clock, deadline): (&dyn Clock, Duration),
    ) -> Result<Outcome<SharedTexture>> {
        let render_objects = match &mut self.render_objects {
            Some(render_objects) => render_objects,
            None => self.render_objects.insert(RenderObjects::new(&screen.device)?),
        };
        let writing = match self.begun.take() {
            Some((begun, writing)) if begun == *request => writing,
            _ => {
                let writing = self.ring.begin(&screen.device, request.region.size(), request.sync)?;
                match render_objects.render(screen, request, toned, &writing.texture) {
                    Ok(true) => writing,
                    failed => {
                        self.ring.cancel(&screen.device, writing);
                        return failed.map(|_| Outcome::Pending);
                    }
                }
            }
        };
        // With a keyed mutex the reader's device waits for this one. Without one, the texture must be complete.
        if request.sync == TextureSync::None && !screen.device.wait(&render_objects.fence, clock, deadline)? {
            self.begun = Some((*request, writing));
            return Ok(Outcome::Pending);
        }
        let held: HeldTexture<Device> = self.ring.publish(&screen.device, writing)?;
        Ok(Outcome::Done(SharedTexture {
            size: request.region.size(),
            sync: request.sync,
            luid: screen.device.luid,
            memory: held.texture.number,
            handle: Box::new(held),
        }))
    }

    /// Whether the texture for this request has been rendered already and is only waited for.
    pub(super) fn has_begun(&self, request: &TextureRequest) -> bool {
        self.begun.as_ref().is_some_and(|(begun, _)| begun == request)
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

    /// Brings `to` up to date: the changes since the last rendering to it, and the pixels of the pointer. `false` if there is no image.
    fn render(
        &mut self,
        screen: &mut Screen,
        request: &TextureRequest,
        toned: Option<(&mut Toned, ToneConstants)>,
        to: &Shared,
    ) -> Result<bool> {
        let Screen { copies, device, changes, output, pointer, .. } = screen;
        let Some(image) = copies.texture(device, changes)? else { return Ok(false) };
        let tone = toned.as_ref().map(|(_, tone)| *tone);
        let image = match toned {
            Some((toned, tone)) => toned.image(device, image, changes, tone)?,
            None => image,
        };
        let pointer = Some(&*pointer).filter(|_| request.cursor);
        let region = request.region;
        let mut rendered = to.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        // If anything below fails, the content is unknown.
        let before = rendered.take().filter(|before| before.region == region && before.tone == tone);
        let parts = before.map_or_else(|| vec![region.size().rect()], |before| before.stale(changes, output));
        let pointer = self.renderer.draw(device, image, &to.view, (region, output), &parts, pointer)?;
        *rendered = Some(Rendered { image: changes.newest(), region, tone, pointer });
        device.signal(&self.fence);
        Ok(true)
    }
}
