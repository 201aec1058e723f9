//! Shared textures of one capture: the newest image is rendered upright into one, and handed out when it is complete.

use std::sync::PoisonError;
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Query;

use super::device::Device;
use super::rendered::Rendered;
use super::renderer::Renderer;
use super::ring::{Lent, Ring, Writing};
use super::screen::Screen;
use super::shared_texture::Shared;

use crate::clock::Clock;
use crate::error::Result;
use crate::source::texture::{SharedTexture, TextureRequest, TextureSync};
use crate::source::Outcome;

/// The shared textures of one capture.
#[derive(Default)]
pub(super) struct Sharing {
    ring: Ring<Shared>,
    tools: Option<Tools>,
    /// A texture that the device had not finished when the time was up.
    begun: Option<(TextureRequest, Writing<Shared>)>,
}

/// What rendering needs of one device.
struct Tools {
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
        (clock, deadline): (&dyn Clock, Duration),
    ) -> Result<Outcome<SharedTexture>> {
        let tools = match &mut self.tools {
            Some(tools) => tools,
            None => self.tools.insert(Tools::new(&screen.device)?),
        };
        let writing = match self.begun.take() {
            Some((begun, writing)) if begun == *request => writing,
            _ => {
                let writing = self.ring.begin(&screen.device, request.region.size(), request.sync)?;
                match tools.render(screen, request, &writing.texture) {
                    Ok(true) => writing,
                    failed => {
                        self.ring.cancel(&screen.device, writing);
                        return failed.map(|_| Outcome::Pending);
                    }
                }
            }
        };
        // A keyed mutex makes the reader's device wait for ours. Without one, nothing does.
        if request.sync == TextureSync::None && !screen.device.wait(&tools.fence, clock, deadline)? {
            self.begun = Some((*request, writing));
            return Ok(Outcome::Pending);
        }
        let lent: Lent<Device> = self.ring.lend(&screen.device, writing)?;
        Ok(Outcome::Done(SharedTexture {
            size: request.region.size(),
            sync: request.sync,
            luid: screen.device.luid,
            memory: lent.texture.number,
            handle: Box::new(lent),
        }))
    }

    /// Whether the texture for this request is rendered already, and only waited for.
    pub(super) fn has_begun(&self, request: &TextureRequest) -> bool {
        self.begun.as_ref().is_some_and(|(begun, _)| begun == request)
    }

    /// Gives up everything on the device. Textures that are held stay with their holders.
    pub(super) fn clear(&mut self) {
        self.begun = None;
        self.tools = None;
        self.ring.clear();
    }
}

impl Tools {
    fn new(device: &Device) -> Result<Self> {
        Ok(Self { renderer: Renderer::new(device)?, fence: device.fence()? })
    }

    /// Brings `to` up to date: what changed since it was rendered to last, and the pointer's own pixels. `false` if there is no image.
    fn render(&mut self, screen: &mut Screen, request: &TextureRequest, to: &Shared) -> Result<bool> {
        let Screen { copies, device, changes, output, pointer, .. } = screen;
        let Some(image) = copies.texture(device, changes)? else { return Ok(false) };
        let pointer = Some(&*pointer).filter(|_| request.cursor);
        let region = request.region;
        let mut rendered = to.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        // After a failure from here on the content is unknown.
        let before = rendered.take().filter(|before| before.region == region);
        let parts = before.map_or_else(|| vec![region.size().rect()], |before| before.stale(changes, output));
        let pointer = self.renderer.draw(device, image, &to.view, (region, output), &parts, pointer)?;
        *rendered = Some(Rendered { image: changes.newest(), region, pointer });
        device.signal(&self.fence);
        Ok(true)
    }
}
