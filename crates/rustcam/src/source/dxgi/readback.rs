//! From the desktop's texture to memory that the processor reads, with as few copies as the caller's wishes allow.
//!
//! The system takes a frame back as soon as its copy is queued, and may show the next one long before the caller wants pixels. So at
//! least one *whole* copy of the desktop is up to date at any time, kept so by copying what changed:
//!
//! - the **mirror** lives on the device. Copying to it costs next to nothing, and a read copies exactly the wanted parts from it to a
//!   small **scratch** texture that the processor maps: only their bytes cross the bus. This is the way of regions.
//! - the **board** is a staging texture of the whole desktop. While somebody reads most of the desktop, or parts from one end of it to the
//!   other, what changed is copied straight to it, which saves the copy in between, and reads map it without any further work of the
//!   GPU. This is the way of full frames. An image that comes while a board is being read goes to a second one.
//!
//! Small parts get from the device to either by way of the **relay**.
//!
//! Every acquired frame shows the whole desktop, so whichever of them was left behind is brought up to date from the next one.

use std::sync::Arc;
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::changes::Changes;
use super::device::{Device, Mapped, Place};
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
    /// Shared with whoever reads it.
    readers: Arc<()>,
}

/// The copies of one output's desktop.
pub(super) struct Store {
    size: Size,
    mirror: Option<Copy>,
    /// At most two.
    boards: Vec<Copy>,
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
        Self { size, mirror: None, boards: Vec::new(), relay: Relay::default(), wide: None }
    }

    /// Queues the copy of the newest image of `changes`, which `frame` shows.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn take(&mut self, device: &Device, frame: &ID3D11Texture2D, changes: &Changes) -> Result<()> {
        let newest = changes.newest();
        let direct = self.wide.is_some_and(|wide| newest.saturating_sub(wide) <= LINGER);
        if direct {
            let board = free(&mut self.boards, device, self.size)?;
            board.fetch(device, &mut self.relay, frame, changes, self.size)?;
        } else {
            let mirror = existing(&mut self.mirror, device, self.size)?;
            mirror.update(device, frame, changes, self.size);
        }
        device.flush();
        Ok(())
    }

    /// Makes `parts` of the newest image readable. `None` if the GPU is not done at `deadline`.
    ///
    /// # Errors
    /// Those of a texture's creation and of mapping.
    pub(super) fn read(
        &mut self,
        device: &Device,
        changes: &Changes,
        scratch: &mut Option<Scratch>,
        parts: &[Rect],
        time: (&dyn Clock, Duration),
    ) -> Result<Option<Ready>> {
        let newest = changes.newest();
        // Few pixels far apart count as many: their scratch texture would be as large as the board.
        let bounds = parts.iter().fold(Rect::default(), |all, &part| all.union(part));
        let wide = bounds.area() * 2 >= self.size.area();
        if wide {
            self.wide = Some(newest);
        }
        if let Some(board) = self.boards.iter().find(|board| board.image == newest) {
            return Ready::map(device, &board.texture, self.size.rect(), Some(&board.readers), time);
        }
        let Some(mirror) = self.mirror.as_ref().filter(|mirror| mirror.image == newest) else { return Ok(None) };
        if wide {
            let board = free(&mut self.boards, device, self.size)?;
            board.fetch(device, &mut self.relay, &mirror.texture, changes, self.size)?;
            return Ready::map(device, &board.texture, self.size.rect(), Some(&board.readers), time);
        }
        let scratch = Scratch::fitting(scratch, device, bounds.size())?;
        if scratch.holds.as_ref().is_none_or(|(held, image)| held != parts || *image != newest) {
            for &part in parts {
                let at = Point::new(part.left - bounds.left, part.top - bounds.top);
                self.relay.copy(device, (&mirror.texture, self.size), part, (&scratch.texture, at))?;
            }
            scratch.holds = Some((parts.to_vec(), newest));
        }
        Ready::map(device, &scratch.texture, bounds, None, time)
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
            let Some(board) = self.boards.iter().find(|board| board.image == newest) else { return Ok(None) };
            let mirror = existing(&mut self.mirror, device, self.size)?;
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
        let whole = self.size.rect();
        let ready = self.read(device, changes, &mut None, &[whole], time);
        // This look is nobody's wish for full frames.
        self.wide = wide;
        let mut lit = false;
        Ok(ready?.map(|ready| {
            ready.deliver(&[whole], &mut |_, image| {
                let rows = image.size().height as usize;
                lit = (0..rows).any(|y| image.row(y).chunks_exact(4).any(|p| p[..3] != [0, 0, 0]));
            });
            lit
        }))
    }
}

impl Copy {
    fn new(device: &Device, size: Size, place: Place) -> Result<Self> {
        Ok(Self { texture: device.texture(size, place)?, image: 0, readers: Arc::default() })
    }

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

/// The copy on the device, made if it does not exist.
fn existing<'a>(kept: &'a mut Option<Copy>, device: &Device, size: Size) -> Result<&'a mut Copy> {
    match kept {
        Some(copy) => Ok(copy),
        None => Ok(kept.insert(Copy::new(device, size, Place::Device)?)),
    }
}

/// The board that nobody reads, if there are two the one that is less behind; made if there is none.
fn free<'a>(boards: &'a mut Vec<Copy>, device: &Device, size: Size) -> Result<&'a mut Copy> {
    let unread = |board: &Copy| Arc::strong_count(&board.readers) == 1;
    let known = (0..boards.len()).filter(|&i| unread(&boards[i])).max_by_key(|&i| boards[i].image);
    let index = if let Some(index) = known {
        index
    } else {
        boards.push(Copy::new(device, size, Place::Staging)?);
        boards.len() - 1
    };
    Ok(&mut boards[index])
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

/// Pixels that the processor can read now, whatever happens to the desktop meanwhile.
pub(super) struct Ready {
    // Unmapped before anybody may write to it: the order of the fields.
    mapped: Mapped,
    _reader: Option<Arc<()>>,
    /// What of the desktop it shows.
    bounds: Rect,
}

impl Ready {
    fn map(
        device: &Device,
        texture: &ID3D11Texture2D,
        bounds: Rect,
        readers: Option<&Arc<()>>,
        (clock, deadline): (&dyn Clock, Duration),
    ) -> Result<Option<Self>> {
        let mapped = device.map(texture, bounds.width() as usize * 4, bounds.height() as usize, clock, deadline)?;
        Ok(mapped.map(|mapped| Self { mapped, _reader: readers.map(Arc::clone), bounds }))
    }

    /// Hands `parts`, which were asked for, to `sink`.
    pub(super) fn deliver(&self, parts: &[Rect], sink: &mut dyn FnMut(Rect, ImageRef<'_>)) {
        let Self { mapped, bounds, .. } = self;
        for &part in parts {
            let start = (part.top - bounds.top) as usize * mapped.pitch + (part.left - bounds.left) as usize * 4;
            sink(part, ImageRef::new(&mapped.bytes()[start..], mapped.pitch, part.size()));
        }
    }
}
