//! From the desktop's texture to one that a reader may open: drawn upright on the device, handed over when it is complete.

use std::sync::PoisonError;
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Query;

use super::changes::Changes;
use super::desktop::Desktop;
use super::device::Device;
use super::painter::Painter;
use super::ring::{Lent, Ring, Writing};
use super::shared::Shared;

use crate::clock::Clock;
use crate::error::Result;
use crate::geometry::Rect;
use crate::source::texture::{Picture, SharedTexture, TextureSync};
use crate::source::Output;

/// The shared textures of one capture.
#[derive(Default)]
pub(super) struct Sharing {
    ring: Ring<Shared>,
    tools: Option<Tools>,
    /// A picture that the device had not finished when the time was up.
    begun: Option<(Picture, Writing<Shared>)>,
}

/// What drawing needs of one device.
struct Tools {
    painter: Painter,
    done: ID3D11Query,
}

impl Sharing {
    /// Draws the newest image of `desktop`. `None` if there is no image, or the device is not done at `deadline`.
    ///
    /// # Errors
    /// `Capture` if the system refuses or too many textures are held, `Device` if the device is lost.
    pub(super) fn show(
        &mut self,
        desktop: &mut Desktop,
        picture: &Picture,
        (clock, deadline): (&dyn Clock, Duration),
    ) -> Result<Option<SharedTexture>> {
        let tools = match &mut self.tools {
            Some(tools) => tools,
            None => self.tools.insert(Tools::new(&desktop.device)?),
        };
        let writing = match self.begun.take() {
            Some((begun, writing)) if begun == *picture => writing,
            _ => {
                let writing = self.ring.begin(&desktop.device, picture.region.size(), picture.sync)?;
                match tools.draw(desktop, picture, &writing.texture) {
                    Ok(true) => writing,
                    failed => {
                        self.ring.cancel(&desktop.device, writing);
                        return failed.map(|_| None);
                    }
                }
            }
        };
        // A keyed mutex makes the reader's device wait for ours. Without one, nothing does.
        if picture.sync == TextureSync::None && !desktop.device.passed(&tools.done, clock, deadline)? {
            self.begun = Some((*picture, writing));
            return Ok(None);
        }
        let lease: Lent<Device> = self.ring.lend(&desktop.device, writing)?;
        Ok(Some(SharedTexture {
            size: picture.region.size(),
            sync: picture.sync,
            luid: desktop.device.luid,
            memory: lease.texture.number,
            lease: Box::new(lease),
        }))
    }

    /// Whether this picture is drawn already, and only waited for.
    pub(super) fn has_begun(&self, picture: &Picture) -> bool {
        self.begun.as_ref().is_some_and(|(begun, _)| begun == picture)
    }

    /// Gives up everything on the device. What holders have stays theirs.
    pub(super) fn clear(&mut self) {
        self.begun = None;
        self.tools = None;
        self.ring.clear();
    }
}

impl Tools {
    fn new(device: &Device) -> Result<Self> {
        Ok(Self { painter: Painter::new(device)?, done: device.milestone()? })
    }

    /// Brings `to` up to date: what changed since it was drawn on last, and the pointer's own few pixels. `false` if there is no image.
    fn draw(&mut self, desktop: &mut Desktop, picture: &Picture, to: &Shared) -> Result<bool> {
        let Desktop { store, device, changes, info, pointer, .. } = desktop;
        let Some(image) = store.image(device, changes)? else { return Ok(false) };
        let pointer = Some(&*pointer).filter(|_| picture.cursor);
        let mut shown = to.shown.lock().unwrap_or_else(PoisonError::into_inner);
        // Whatever fails from here on leaves nobody knows what.
        let before = shown.take().filter(|before| before.region == picture.region);
        let parts = before.map_or_else(|| vec![picture.region.size().rect()], |before| before.stale(changes, info));
        let overlay = self.painter.draw(device, image, &to.view, (picture.region, info), &parts, pointer)?;
        *shown = Some(Shown { image: changes.newest(), region: picture.region, overlay });
        device.mark(&self.done);
        Ok(true)
    }
}

/// What is in a shared texture.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    image: u64,
    region: Rect,
    /// What the pointer covers of the picture.
    overlay: Option<Rect>,
}

impl Shown {
    /// The parts of the picture that differ from the newest image of `changes`.
    fn stale(self, changes: &Changes, output: &Output) -> Vec<Rect> {
        let changed = changes.parts_since(self.image, output.texture_size().rect()).into_iter().filter_map(|part| {
            let part = output.image_rotation.to_desktop(part, output.size).intersection(self.region)?;
            Some(part.translated(-self.region.left, -self.region.top))
        });
        changed.chain(self.overlay).collect()
    }
}
