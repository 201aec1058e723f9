//! From the desktop's texture to memory that the processor reads, with as few copies as the caller's wishes allow.
//!
//! The system takes a frame back as soon as its copy is queued, and may show the next one long before the caller wants pixels. So at
//! least one *whole* copy of the desktop is up to date at any time, kept so by copying what changed:
//!
//! - the **mirror** lives on the device. Copying to it costs next to nothing, and a read copies exactly the wanted parts from it to a
//!   small **scratch** texture that the processor maps: only their bytes cross the bus. This is the way of regions.
//! - the **board** is a staging texture of the whole desktop. While somebody reads most of the desktop, or parts from one end of it to the
//!   other, what changed is copied straight to it, which saves the copy in between, and reads map it without any further work of the
//!   GPU. This is the way of full frames.
//!
//! Small parts get from the device to either by way of the **relay**.
//!
//! Every acquired frame shows the whole desktop, so whichever of the two was left behind is brought up to date from the next one.

use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::changes::Changes;
use super::device::{Device, Place};
use super::relay::Relay;
use crate::clock::Clock;
use crate::error::Result;
use crate::frame::ImageRef;
use crate::geometry::{Point, Rect, Size};

/// Full frames go straight to the board as long as the last wide read is at most this many images ago.
const LINGER: u64 = 32;

/// After so many reads that needed less than half of it, the scratch texture is made smaller.
const IDLE: u32 = 32;

/// A copy of the whole desktop.
struct Copy {
    texture: ID3D11Texture2D,
    /// The image it shows.
    image: u64,
}

/// The copies of one output's desktop.
pub(super) struct Store {
    size: Size,
    mirror: Option<Copy>,
    board: Option<Copy>,
    relay: Relay,
    /// The image of the last read that wanted most of the desktop.
    wide: Option<u64>,
}

/// A staging texture for parts, which belongs to one reader.
pub(super) struct Scratch {
    texture: ID3D11Texture2D,
    size: Size,
    /// What it holds: these parts of this image, relative to the corner of their bounding box.
    holds: Option<(Vec<Rect>, u64)>,
    idle: u32,
}

impl Store {
    pub(super) fn new(size: Size) -> Self {
        Self { size, mirror: None, board: None, relay: Relay::default(), wide: None }
    }

    /// Queues the copy of the newest image of `changes`, which `frame` shows.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn take(&mut self, device: &Device, frame: &ID3D11Texture2D, changes: &Changes) -> Result<()> {
        let newest = changes.newest();
        let direct = self.wide.is_some_and(|wide| newest.saturating_sub(wide) <= LINGER);
        if direct {
            let board = existing(&mut self.board, device, self.size, Place::Staging)?;
            board.fetch(device, &mut self.relay, frame, changes, self.size)?;
        } else {
            let mirror = existing(&mut self.mirror, device, self.size, Place::Device)?;
            mirror.update(device, frame, changes, self.size);
        }
        device.flush();
        Ok(())
    }

    /// Delivers `parts`. `false` if the GPU is not done at `deadline`.
    ///
    /// # Errors
    /// Those of a texture's creation and of mapping.
    pub(super) fn read(
        &mut self,
        device: &Device,
        changes: &Changes,
        scratch: &mut Option<Scratch>,
        parts: &[Rect],
        (clock, deadline): (&dyn Clock, Duration),
        sink: &mut dyn FnMut(Rect, ImageRef<'_>),
    ) -> Result<bool> {
        let newest = changes.newest();
        // Few pixels far apart count as many: their scratch texture would be as large as the board.
        let bounds = parts.iter().fold(Rect::default(), |all, &part| all.union(part));
        let wide = bounds.area() * 2 >= self.size.area();
        if wide {
            self.wide = Some(newest);
        }
        let whole = self.size.rect();
        if let Some(board) = self.board.as_ref().filter(|board| board.image == newest) {
            return deliver(device, &board.texture, parts, whole, (clock, deadline), sink);
        }
        let Some(mirror) = self.mirror.as_ref().filter(|mirror| mirror.image == newest) else { return Ok(false) };
        if wide {
            let board = existing(&mut self.board, device, self.size, Place::Staging)?;
            board.fetch(device, &mut self.relay, &mirror.texture, changes, self.size)?;
            return deliver(device, &board.texture, parts, whole, (clock, deadline), sink);
        }
        let scratch = Scratch::fitting(scratch, device, bounds.size())?;
        if scratch.holds.as_ref().is_none_or(|(held, image)| held != parts || *image != newest) {
            for &part in parts {
                let at = Point::new(part.left - bounds.left, part.top - bounds.top);
                self.relay.copy(device, (&mirror.texture, self.size), part, (&scratch.texture, at))?;
            }
            scratch.holds = Some((parts.to_vec(), newest));
        }
        deliver(device, &scratch.texture, parts, bounds, (clock, deadline), sink)
    }

    /// The newest image as a texture to draw from. `None` if there is none.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn image(&mut self, device: &Device, changes: &Changes) -> Result<Option<&ID3D11Texture2D>> {
        // Who draws wants the next images on the device, too.
        self.wide = None;
        let newest = changes.newest();
        if self.mirror.as_ref().is_none_or(|mirror| mirror.image != newest) {
            let Some(board) = self.board.as_ref().filter(|board| board.image == newest) else { return Ok(None) };
            let mirror = existing(&mut self.mirror, device, self.size, Place::Device)?;
            mirror.update(device, &board.texture, changes, self.size);
        }
        Ok(self.mirror.as_ref().map(|mirror| &mirror.texture))
    }

    /// Whether any pixel of the newest image is not black. `None` if that cannot be found out in time.
    ///
    /// # Errors
    /// As for [`Store::read`].
    pub(super) fn shows_something(
        &mut self,
        device: &Device,
        changes: &Changes,
        time: (&dyn Clock, Duration),
    ) -> Result<Option<bool>> {
        let wide = self.wide;
        let mut lit = false;
        let read = self.read(device, changes, &mut None, &[self.size.rect()], time, &mut |_, image| {
            let rows = image.size().height as usize;
            lit = (0..rows).any(|y| image.row(y).chunks_exact(4).any(|p| p[..3] != [0, 0, 0]));
        });
        // This look is nobody's wish for full frames.
        self.wide = wide;
        let read = read?;
        Ok(read.then_some(lit))
    }
}

impl Copy {
    /// Brings the copy, in memory of the processor, up to date from `from`, which shows the newest image.
    fn fetch(
        &mut self,
        device: &Device,
        relay: &mut Relay,
        from: &ID3D11Texture2D,
        changes: &Changes,
        size: Size,
    ) -> Result<()> {
        for part in changes.parts_since(self.image, size.rect()) {
            relay.copy(device, (from, size), part, (&self.texture, part.origin()))?;
        }
        self.image = changes.newest();
        Ok(())
    }

    /// Brings the copy, on the device, up to date from `from`, which shows the newest image.
    fn update(&mut self, device: &Device, from: &ID3D11Texture2D, changes: &Changes, size: Size) {
        for part in changes.parts_since(self.image, size.rect()) {
            device.copy(from, part, &self.texture, part.origin());
        }
        self.image = changes.newest();
    }
}

/// The copy in `place`, made if it does not exist.
fn existing<'a>(kept: &'a mut Option<Copy>, device: &Device, size: Size, place: Place) -> Result<&'a mut Copy> {
    match kept {
        Some(copy) => Ok(copy),
        None => Ok(kept.insert(Copy { texture: device.texture(size, place)?, image: 0 })),
    }
}

impl Scratch {
    /// One that is large enough, and not much too large for long.
    fn fitting<'a>(kept: &'a mut Option<Self>, device: &Device, wanted: Size) -> Result<&'a mut Self> {
        let mut size = wanted;
        if let Some(old) = kept.as_mut() {
            let fits = old.size.width >= wanted.width && old.size.height >= wanted.height;
            old.idle = if wanted.area() * 2 < old.size.area() { old.idle + 1 } else { 0 };
            if !fits {
                size = Size::new(wanted.width.max(old.size.width), wanted.height.max(old.size.height));
            }
            if !fits || old.idle > IDLE {
                *kept = None;
            }
        }
        if let Some(scratch) = kept {
            return Ok(scratch);
        }
        let texture = device.texture(size, Place::Staging)?;
        Ok(kept.insert(Self { texture, size, holds: None, idle: 0 }))
    }
}

/// Hands `parts` of the staging texture to `sink`, whose first pixel is that of `bounds`.
fn deliver(
    device: &Device,
    texture: &ID3D11Texture2D,
    parts: &[Rect],
    bounds: Rect,
    (clock, deadline): (&dyn Clock, Duration),
    sink: &mut dyn FnMut(Rect, ImageRef<'_>),
) -> Result<bool> {
    let row = bounds.width() as usize * 4;
    let Some(mapped) = device.map(texture, row, bounds.height() as usize, clock, deadline)? else { return Ok(false) };
    for &part in parts {
        let start = (part.top - bounds.top) as usize * mapped.pitch + (part.left - bounds.left) as usize * 4;
        sink(part, ImageRef::new(&mapped.bytes()[start..], mapped.pitch, part.size()));
    }
    Ok(true)
}
