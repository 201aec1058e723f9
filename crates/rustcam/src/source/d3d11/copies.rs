//! Copies of a screen's newest image, on the device and in memory that the processor reads, with as few copies as the readers allow.
//!
//! A frame is released as soon as its copy is queued, and the next one may come long before a caller reads pixels. So at least one *whole*
//! copy of the screen is always up to date; each image copies only what changed to it:
//!
//! | copy | where | used for |
//! |---|---|---|
//! | shadow copy | on the device | regions: a read copies exactly the wanted parts from it to region staging, and only their bytes cross the bus |
//! | region staging | readable by the processor, one per reader | the parts of one read |
//! | memory copy | ordinary memory | desktops in system memory, which need no device: what changed is copied when a frame is released |
//! | staging copies, at most two | readable by the processor | full frames: while a caller reads most of the screen, the changes are copied directly to one of them, and a read maps it without further work of the device. An image that comes while one is mapped goes to the other |
//!
//! Small parts are copied from the device to staging through [`BounceTextures`]. Every frame shows the whole screen, so the next one can
//! bring any copy up to date.

use std::sync::Arc;
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::bounce::BounceTextures;
use super::changes::Changes;
use super::device::{Device, Mapped, Place};
use crate::clock::Clock;
use crate::color::TextureFormat;
use crate::error::Result;
use crate::frame::ImageRef;
use crate::geometry::{Point, Rect, Size};
use crate::region::bounds;

/// Images are copied directly to a staging copy as long as the last wide read is at most this many images ago.
const WIDE_READ_LASTS: u64 = 32;

/// After so many consecutive reads that needed less than half of it, region staging is replaced by a smaller one.
const SHRINK_AFTER: u32 = 32;

/// A copy of the whole screen.
struct Copy {
    texture: ID3D11Texture2D,
    /// The number of the image it shows, see [`Changes`].
    image: u64,
    /// Cloned by every reader that has it mapped.
    readers: Arc<()>,
}

/// A copy of the whole screen in ordinary memory, without padding.
struct MemoryCopy {
    bytes: Vec<u8>,
    image: u64,
}

/// The copies of one screen.
pub(super) struct Copies {
    size: Size,
    format: TextureFormat,
    shadow: Option<Copy>,
    staging: Vec<Copy>,
    bounce: BounceTextures,
    /// The copy of a desktop in system memory.
    memory: Option<MemoryCopy>,
    /// The image of the last read of most of the screen.
    wide: Option<u64>,
}

/// A staging texture for parts, which belongs to one reader.
pub(super) struct RegionStaging {
    texture: ID3D11Texture2D,
    size: Size,
    /// These parts of this image, relative to the corner of their bounding box.
    content: Option<(Vec<Rect>, u64)>,
    /// Reads in a row that needed less than half of it.
    too_large: u32,
}

impl Copies {
    /// Copies of images of this size and format.
    pub(super) fn new(size: Size, format: TextureFormat) -> Self {
        let bounce = BounceTextures::new(format);
        Self { size, format, shadow: None, staging: Vec::new(), bounce, memory: None, wide: None }
    }

    pub(super) fn format(&self) -> TextureFormat {
        self.format
    }

    /// Queues the copy of the newest image of `changes`, which `frame` shows.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn update(&mut self, device: &Device, frame: &ID3D11Texture2D, changes: &Changes) -> Result<()> {
        let newest = changes.newest();
        let direct = self.wide.is_some_and(|wide| newest.saturating_sub(wide) <= WIDE_READ_LASTS);
        if direct {
            let staging = unread(&mut self.staging, device, (self.size, self.format))?;
            staging.read_back(device, &mut self.bounce, frame, changes, self.size)?;
        } else {
            let shadow = existing(&mut self.shadow, device, (self.size, self.format))?;
            shadow.follow(device, frame, changes, self.size);
        }
        device.flush();
        Ok(())
    }

    /// Copies what changed until the newest image, which `desktop` shows, to ordinary memory. `false` without memory for it.
    pub(super) fn keep_in_memory(&mut self, desktop: ImageRef<'_>, changes: &Changes) -> bool {
        let pixel = self.format.bytes();
        let len = self.size.area() as usize * pixel;
        let Some(copy) = self.memory.take().or_else(|| MemoryCopy::new(len)) else { return false };
        let copy = self.memory.insert(copy);
        let stride = self.size.width as usize * pixel;
        for part in changes.parts_since(copy.image, self.size.rect()) {
            let rows = desktop.cropped(part);
            for y in 0..part.height() as usize {
                let start = (part.top as usize + y) * stride + part.left as usize * pixel;
                let row = rows.row(y);
                copy.bytes[start..start + row.len()].copy_from_slice(row);
            }
        }
        copy.image = changes.newest();
        true
    }

    /// The newest image, if ordinary memory has it.
    pub(super) fn in_memory(&self, changes: &Changes) -> Option<ImageRef<'_>> {
        let copy = self.memory.as_ref().filter(|copy| copy.image == changes.newest())?;
        let stride = self.size.width as usize * self.format.bytes();
        Some(ImageRef::of(self.format, &copy.bytes, stride, self.size))
    }

    /// Makes `parts` of the newest image readable. `None` if the device is not done at `deadline`.
    ///
    /// # Errors
    /// Those of a texture's creation and of mapping.
    pub(super) fn map(
        &mut self,
        device: &Device,
        changes: &Changes,
        region_staging: &mut Option<RegionStaging>,
        parts: &[Rect],
        time: (&dyn Clock, Duration),
    ) -> Result<Option<MappedParts>> {
        let newest = changes.newest();
        // The bounding box counts: region staging for few pixels far apart would be as large as a staging copy.
        let bounds = bounds(parts);
        let wide = bounds.area() * 2 >= self.size.area();
        if wide {
            self.wide = Some(newest);
        }
        let whole = self.size.rect();
        if let Some(staging) = self.staging.iter().find(|staging| staging.image == newest) {
            return MappedParts::map(device, (&staging.texture, self.format), whole, Some(&staging.readers), time);
        }
        let Some(shadow) = self.shadow.as_ref().filter(|shadow| shadow.image == newest) else { return Ok(None) };
        if wide {
            let staging = unread(&mut self.staging, device, (self.size, self.format))?;
            staging.read_back(device, &mut self.bounce, &shadow.texture, changes, self.size)?;
            return MappedParts::map(device, (&staging.texture, self.format), whole, Some(&staging.readers), time);
        }
        let staging = RegionStaging::fitting(region_staging, device, (bounds.size(), self.format))?;
        if staging.content.as_ref().is_none_or(|(held, image)| held != parts || *image != newest) {
            for &part in parts {
                let at = Point::new(part.left - bounds.left, part.top - bounds.top);
                self.bounce.copy(device, (&shadow.texture, self.size), part, (&staging.texture, at))?;
            }
            staging.content = Some((parts.to_vec(), newest));
        }
        MappedParts::map(device, (&staging.texture, self.format), bounds, None, time)
    }

    /// The newest image as a texture to render from. `None` if there is none.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn texture(&mut self, device: &Device, changes: &Changes) -> Result<Option<&ID3D11Texture2D>> {
        // A caller that renders needs the next images on the device, too.
        self.wide = None;
        let newest = changes.newest();
        if self.shadow.as_ref().is_none_or(|shadow| shadow.image != newest) {
            let staging = self.staging.iter().find(|staging| staging.image == newest);
            let memory = self.memory.as_ref().filter(|copy| copy.image == newest);
            if staging.is_none() && memory.is_none() {
                return Ok(None);
            }
            let shadow = existing(&mut self.shadow, device, (self.size, self.format))?;
            match (staging, memory) {
                (Some(staging), _) => shadow.follow(device, &staging.texture, changes, self.size),
                (None, Some(memory)) => {
                    device.upload(&memory.bytes, self.size, &shadow.texture);
                    shadow.image = newest;
                }
                (None, None) => {}
            }
        }
        Ok(self.shadow.as_ref().map(|shadow| &shadow.texture))
    }

    /// Whether any pixel of the newest image is not black. `None` if that cannot be found out in time.
    ///
    /// # Errors
    /// As for [`Copies::map`].
    pub(super) fn shows_something(
        &mut self,
        device: &Device,
        changes: &Changes,
        time: (&dyn Clock, Duration),
    ) -> Result<Option<bool>> {
        let wide = self.wide;
        let whole = self.size.rect();
        let mapped = self.map(device, changes, &mut None, &[whole], time);
        // This was not a caller's read of the full frame.
        self.wide = wide;
        let mut lit = false;
        Ok(mapped?.map(|mapped| {
            mapped.deliver(&[whole], &mut |_, image| {
                let rows = image.size().height as usize;
                lit = (0..rows).any(|y| is_lit(image.format(), image.row(y)));
            });
            lit
        }))
    }
}

impl MemoryCopy {
    /// `None` without memory.
    fn new(len: usize) -> Option<Self> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(len).ok()?;
        bytes.resize(len, 0);
        Some(Self { bytes, image: 0 })
    }
}

impl Copy {
    fn new(device: &Device, (size, format): (Size, TextureFormat), place: Place) -> Result<Self> {
        Ok(Self { texture: device.texture(size, format, place)?, image: 0, readers: Arc::default() })
    }

    /// Brings a staging copy up to date from `from`, which shows the newest image.
    fn read_back(
        &mut self,
        device: &Device,
        bounce: &mut BounceTextures,
        from: &ID3D11Texture2D,
        changes: &Changes,
        size: Size,
    ) -> Result<()> {
        for part in changes.parts_since(self.image, size.rect()) {
            bounce.copy(device, (from, size), part, (&self.texture, part.origin()))?;
        }
        self.image = changes.newest();
        Ok(())
    }

    /// Brings the shadow copy up to date from `from`, which shows the newest image.
    fn follow(&mut self, device: &Device, from: &ID3D11Texture2D, changes: &Changes, size: Size) {
        for part in changes.parts_since(self.image, size.rect()) {
            device.copy(from, part, &self.texture, part.origin());
        }
        self.image = changes.newest();
    }
}

/// Whether any pixel of a row is not black.
fn is_lit(format: TextureFormat, row: &[u8]) -> bool {
    match format {
        TextureFormat::Bgra8 => row.chunks_exact(4).any(|p| p[..3] != [0; 3]),
        TextureFormat::Rgb10a2 => row.as_chunks().0.iter().any(|p| u32::from_le_bytes(*p) << 2 != 0),
        TextureFormat::Rgba16f => row.chunks_exact(8).any(|p| p[..6] != [0; 6]),
    }
}

/// The shadow copy, made if it does not exist.
fn existing<'a>(kept: &'a mut Option<Copy>, device: &Device, image: (Size, TextureFormat)) -> Result<&'a mut Copy> {
    match kept {
        Some(copy) => Ok(copy),
        None => Ok(kept.insert(Copy::new(device, image, Place::Device)?)),
    }
}

/// The staging copy that no reader has mapped, of two the newer one; made if there is none.
fn unread<'a>(copies: &'a mut Vec<Copy>, device: &Device, image: (Size, TextureFormat)) -> Result<&'a mut Copy> {
    let is_unread = |copy: &mut Copy| Arc::get_mut(&mut copy.readers).is_some();
    let known: Vec<usize> = (0..copies.len()).filter(|&i| is_unread(&mut copies[i])).collect();
    let index = if let Some(index) = known.into_iter().max_by_key(|&i| copies[i].image) {
        index
    } else {
        copies.push(Copy::new(device, image, Place::Staging)?);
        copies.len() - 1
    };
    Ok(&mut copies[index])
}

impl RegionStaging {
    /// A staging texture that is large enough; one that has been much too large for long is replaced.
    fn fitting<'a>(
        kept: &'a mut Option<Self>,
        device: &Device,
        (wanted, format): (Size, TextureFormat),
    ) -> Result<&'a mut Self> {
        let mut size = wanted;
        if let Some(old) = kept.as_mut() {
            let fits = old.size.width >= wanted.width && old.size.height >= wanted.height;
            old.too_large = if wanted.area() * 2 < old.size.area() { old.too_large + 1 } else { 0 };
            if !fits {
                size = Size::new(wanted.width.max(old.size.width), wanted.height.max(old.size.height));
            }
            if !fits || old.too_large > SHRINK_AFTER {
                *kept = None;
            }
        }
        if let Some(staging) = kept {
            return Ok(staging);
        }
        let texture = device.texture(size, format, Place::Staging)?;
        Ok(kept.insert(Self { texture, size, content: None, too_large: 0 }))
    }
}

/// Pixels that the processor can read while further images come.
pub(super) struct MappedParts {
    // The order of the fields matters: unmapped before the texture may be written to again.
    mapped: Mapped,
    _reader: Option<Arc<()>>,
    /// The part of the screen that it shows.
    bounds: Rect,
    format: TextureFormat,
}

impl MappedParts {
    fn map(
        device: &Device,
        (texture, format): (&ID3D11Texture2D, TextureFormat),
        bounds: Rect,
        readers: Option<&Arc<()>>,
        (clock, deadline): (&dyn Clock, Duration),
    ) -> Result<Option<Self>> {
        let row = bounds.width() as usize * format.bytes();
        let mapped = device.map(texture, row, bounds.height() as usize, clock, deadline)?;
        Ok(mapped.map(|mapped| Self { mapped, _reader: readers.map(Arc::clone), bounds, format }))
    }

    /// Passes the pixels of `parts`, which are those that were mapped, to `sink`.
    pub(super) fn deliver(&self, parts: &[Rect], sink: &mut dyn FnMut(Rect, ImageRef<'_>)) {
        let Self { mapped, bounds, format, .. } = self;
        for &part in parts {
            let start =
                (part.top - bounds.top) as usize * mapped.pitch + (part.left - bounds.left) as usize * format.bytes();
            sink(part, ImageRef::of(*format, &mapped.bytes()[start..], mapped.pitch, part.size()));
        }
    }
}
