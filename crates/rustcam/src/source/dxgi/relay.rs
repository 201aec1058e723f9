//! The way of small parts to memory that the processor reads.
//!
//! Where Direct3D is translated, as by Wine, only whole textures leave the device: a copy of one corner to a staging texture brings over
//! everything first. So a part is put into a small texture of its own on the device, and goes on from there. A real device does that
//! first step in no time that counts.

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::device::{Device, Place};
use crate::error::Result;
use crate::geometry::{Point, Rect, Size};

/// Stops kept. The parts of one image come in few sizes, and in the same ones again and again.
const MOST: usize = 8;

/// Sizes are multiples of this, so that parts of nearly the same size use the same stop.
const GRAIN: u32 = 64;

/// Small textures on the device, the one used last at the end.
#[derive(Default)]
pub(super) struct Relay {
    stops: Vec<(Size, ID3D11Texture2D)>,
}

impl Relay {
    /// Queues a copy of `part` of `from`, a texture of size `whole` on the device, to `at` in the staging texture `to`.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn copy(
        &mut self,
        device: &Device,
        (from, whole): (&ID3D11Texture2D, Size),
        part: Rect,
        (to, at): (&ID3D11Texture2D, Point),
    ) -> Result<()> {
        let stop = rounded(part.size());
        if stop.area() * 2 >= whole.area() {
            device.copy(from, part, to, at);
            return Ok(());
        }
        let stop = self.stop(device, part.size())?;
        device.copy(from, part, stop, Point::new(0, 0));
        device.copy(stop, part.size().rect(), to, at);
        Ok(())
    }

    /// A texture with room for a part, and not much more.
    fn stop(&mut self, device: &Device, part: Size) -> Result<&ID3D11Texture2D> {
        let most = rounded(part).area() * 2;
        let fits = |stop: Size| stop.width >= part.width && stop.height >= part.height && stop.area() <= most;
        let stop = match self.stops.iter().position(|(size, _)| fits(*size)) {
            Some(index) => self.stops.remove(index),
            None => (rounded(part), device.texture(rounded(part), Place::Device)?),
        };
        if self.stops.len() == MOST {
            self.stops.remove(0);
        }
        self.stops.push(stop);
        Ok(&self.stops[self.stops.len() - 1].1)
    }
}

fn rounded(size: Size) -> Size {
    Size::new(size.width.next_multiple_of(GRAIN), size.height.next_multiple_of(GRAIN))
}
