//! Copies of a screen's newest image, on the device and in memory that the processor reads, with as few copies as the readers allow.
//!
//! A frame is released soon, and the next one may come long before a caller reads pixels, or never. So at least one copy with what the
//! callers read is always up to date; each image copies only what changed to it:
//!
//! | copy | where | used for |
//! |---|---|---|
//! | shadow copy | on the device | whole images while no area is chosen: a read copies exactly the wanted parts from it to region staging, and only their bytes cross the bus |
//! | region staging | readable by the processor, one per reader | the parts of one read |
//! | staging copies of an area, at most two | readable by the processor | while the callers read one area, the whole screen or a region: its changes are copied directly to one of them, and a read maps it without further work of the device. An image that comes while one is mapped goes to the other |
//! | memory copy | ordinary memory | desktops in system memory, which need no device: what changed is copied when a frame is released |
//!
//! # Which copies an image updates
//!
//! [`Focus`] chooses the area by the reads.
//!
//! | state | begins with | an image is copied to | ends with |
//! |---|---|---|---|
//! | no area | the first image, a second capture, a shared texture, a read outside of the chosen region | the shadow copy | the choice of an area |
//! | whole screen | a read of half of the screen or more | a staging copy | no such read for 32 images, a shared texture |
//! | region, if the feed's frames can be had again | reads of four images in a row by the only capture, all inside of it | a staging copy of the region | no read of it for 32 images, a read outside of it, a second capture, a shared texture |
//!
//! In the state "region" nothing else of an image is copied, and the shadow copy keeps a list of what is stale in it. Pixels outside of the
//! region come, whichever is possible first:
//!
//! 1. from the shadow copy, if they are not stale;
//! 2. from the shadow copy, completed by the staging copy, if only the region is stale;
//! 3. from the frame, which is still held if this is the first read after the wait that acquired it: everything stale is copied;
//! 4. from a new duplication, whose first frame is whole. That takes long, so the next region is chosen after four times as many reads.
//!
//! Small parts are copied from the device to staging through [`BounceTextures`].

use std::sync::Arc;
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::bounce::BounceTextures;
use super::changes::Changes;
use super::device::{Device, Place};
use super::focus::Focus;
use super::mapped_parts::MappedParts;
use super::region_staging::RegionStaging;
use crate::clock::Clock;
use crate::color::TextureFormat;
use crate::error::Result;
use crate::frame::ImageRef;
use crate::geometry::{Point, Rect, Size};
use crate::region::{bounds, Region};

/// More rectangles than this cost more to copy one by one than their bounding box does.
const MOST_PARTS: usize = 24;

/// The texture of a frame, in which the image of the screen begins at `origin`.
#[derive(Clone, Copy)]
pub(in crate::source) struct FrameTexture<'a> {
    pub(in crate::source) texture: &'a ID3D11Texture2D,
    pub(in crate::source) origin: Point,
}

impl<'a> FrameTexture<'a> {
    /// A texture that is the image.
    pub(in crate::source) fn whole(texture: &'a ID3D11Texture2D) -> Self {
        Self { texture, origin: Point::new(0, 0) }
    }

    /// Where `part` of the image is in the texture.
    fn place(self, part: Rect) -> Rect {
        part.translated(self.origin.x, self.origin.y)
    }
}

/// A copy of the whole screen on the device.
struct Shadow {
    texture: ID3D11Texture2D,
    /// What differs from the newest image.
    stale: Region,
}

/// Copies of one area of the screen in memory that the processor reads.
struct Staging {
    area: Rect,
    format: TextureFormat,
    copies: Vec<StagingCopy>,
}

/// One of them.
struct StagingCopy {
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
    shadow: Option<Shadow>,
    staging: Staging,
    bounce: BounceTextures,
    /// The copy of a desktop in system memory.
    memory: Option<MemoryCopy>,
    focus: Focus,
}

impl Copies {
    /// Copies of images of this size and format.
    pub(super) fn new(size: Size, format: TextureFormat) -> Self {
        Self {
            size,
            format,
            shadow: None,
            staging: Staging::of(size.rect(), format),
            bounce: BounceTextures::new(format),
            memory: None,
            focus: Focus::new(size),
        }
    }

    pub(super) fn format(&self) -> TextureFormat {
        self.format
    }

    /// New images differ from the one before them in `parts`. What is stale in the shadow copy is known for any number of images.
    pub(super) fn note_changes(&mut self, parts: impl Iterator<Item = Rect>) {
        if let Some(shadow) = &mut self.shadow {
            let whole = self.size.rect();
            shadow.stale.extend(parts.filter_map(|part| part.intersection(whole)));
        }
    }

    /// Queues the copy of what the callers need of the newest image of `changes`, which `frame` shows.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn update(&mut self, device: &Device, frame: FrameTexture<'_>, changes: &Changes) -> Result<()> {
        match self.focus.area(changes.newest()) {
            Some(area) => self.read_back(device, frame, changes, area)?,
            None => self.update_shadow(device, frame)?,
        }
        device.flush();
        Ok(())
    }

    /// Queues the copy of everything that no copy has of the newest image, which `frame` shows.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn update_whole(&mut self, device: &Device, frame: FrameTexture<'_>, changes: &Changes) -> Result<()> {
        if self.focus.is_region(changes.newest()) {
            self.focus.clear();
        }
        self.update(device, frame, changes)
    }

    /// Whether the frame of the newest image has pixels that no copy has.
    pub(super) fn leave_out_pixels(&self, changes: &Changes) -> bool {
        self.focus.is_region(changes.newest())
    }

    /// Parts of the newest image inside `bounds` will be read. A region is chosen only while one capture is `alone` on the screen.
    pub(super) fn note_read(&mut self, bounds: Rect, changes: &Changes, alone: bool) {
        self.focus.read(bounds, changes.newest(), alone);
    }

    /// Frames cannot be had again, so no region is ever chosen: every image is copied whole.
    pub(super) fn choose_no_region(&mut self) {
        self.focus.choose_no_region();
    }

    /// The next images are needed whole, and on the device.
    pub(super) fn need_whole(&mut self) {
        self.focus.clear();
    }

    /// Pixels that no copy had were needed, but the frame was not held any more.
    pub(super) fn missed_pixels(&mut self) {
        self.focus.was_wrong();
    }

    /// Whether the copies have the pixels of the newest image inside `bounds`.
    pub(super) fn have(&mut self, device: &Device, changes: &Changes, bounds: Rect) -> bool {
        let newest = changes.newest();
        let in_memory = self.memory.as_ref().is_some_and(|copy| copy.image == newest);
        let staged = self.staging.newest(newest).is_some() && self.staging.area.contains(bounds);
        in_memory || staged || self.complete_shadow(device, newest, bounds)
    }

    /// Whether the shadow copy shows the newest image inside `bounds`, perhaps after it was completed from a staging copy.
    fn complete_shadow(&mut self, device: &Device, newest: u64, bounds: Rect) -> bool {
        let Some(shadow) = &mut self.shadow else { return false };
        if shadow.shows(bounds) {
            return true;
        }
        let Staging { area, .. } = self.staging;
        let completes = shadow.stale.rects().iter().all(|stale| area.contains(*stale));
        if let Some(copy) = self.staging.newest(newest).filter(|_| completes) {
            for part in std::mem::take(&mut shadow.stale).simplified(MOST_PARTS) {
                device.copy(&copy.texture, part.translated(-area.left, -area.top), &shadow.texture, part.origin());
            }
        }
        shadow.shows(bounds)
    }

    /// Makes ready what the first read of `part` needs: memory that the processor reads, and the device's way to it. The device works on that
    /// while the caller goes on.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn warm_up(
        &mut self,
        device: &Device,
        region_staging: &mut Option<RegionStaging>,
        part: Rect,
    ) -> Result<()> {
        let wide = self.focus.is_wide(part);
        if wide {
            // So that the first image is copied directly.
            self.focus.read(part, 0, false);
        }
        let texture = if wide {
            self.staging.unread(device)?.texture.clone()
        } else {
            existing(&mut self.shadow, device, (self.size, self.format))?;
            RegionStaging::fitting(region_staging, device, (part.size(), self.format))?.texture().clone()
        };
        let first = Size::new(1, 1);
        let pixel = device.texture(first, self.format, Place::Device)?;
        device.copy(&pixel, first.rect(), &texture, Point::new(0, 0));
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
        if let Some(copy) = self.staging.newest(newest).filter(|_| self.staging.area.contains(bounds)) {
            let texture = (&copy.texture, self.format);
            return MappedParts::map(device, texture, self.staging.area, Some(&copy.readers), time);
        }
        if !self.complete_shadow(device, newest, bounds) {
            return Ok(None);
        }
        let Some(shadow) = &self.shadow else { return Ok(None) };
        if self.focus.is_wide(bounds) && shadow.stale.is_empty() {
            let whole = self.size.rect();
            let texture = shadow.texture.clone();
            self.read_back(device, FrameTexture::whole(&texture), changes, whole)?;
            let Some(copy) = self.staging.newest(newest) else { return Ok(None) };
            return MappedParts::map(device, (&copy.texture, self.format), whole, Some(&copy.readers), time);
        }
        let staging = RegionStaging::fitting(region_staging, device, (bounds.size(), self.format))?;
        staging.copy(device, &mut self.bounce, (&shadow.texture, self.size), (parts, newest))?;
        MappedParts::map(device, (staging.texture(), self.format), bounds, None, time)
    }

    /// Brings a staging copy of `area` up to date from `from`, which shows the newest image.
    fn read_back(&mut self, device: &Device, from: FrameTexture<'_>, changes: &Changes, area: Rect) -> Result<()> {
        if self.staging.area != area {
            self.staging = Staging::of(area, self.format);
        }
        let copy = self.staging.unread(device)?;
        for part in changes.parts_since(copy.image, area) {
            let at = Point::new(part.left - area.left, part.top - area.top);
            self.bounce.copy(device, (from.texture, self.size), from.place(part), (&copy.texture, at))?;
        }
        copy.image = changes.newest();
        Ok(())
    }

    /// Brings the shadow copy up to date from `from`, which shows the newest image.
    fn update_shadow(&mut self, device: &Device, from: FrameTexture<'_>) -> Result<()> {
        let shadow = existing(&mut self.shadow, device, (self.size, self.format))?;
        for part in std::mem::take(&mut shadow.stale).simplified(MOST_PARTS) {
            device.copy(from.texture, from.place(part), &shadow.texture, part.origin());
        }
        Ok(())
    }

    /// The newest image as a texture to render from. `None` if there is none.
    ///
    /// # Errors
    /// Those of a texture's creation.
    pub(super) fn texture(&mut self, device: &Device, changes: &Changes) -> Result<Option<&ID3D11Texture2D>> {
        let newest = changes.newest();
        existing(&mut self.shadow, device, (self.size, self.format))?;
        if !self.complete_shadow(device, newest, self.size.rect()) {
            let memory = self.memory.as_ref().filter(|copy| copy.image == newest);
            let (Some(memory), Some(shadow)) = (memory, &mut self.shadow) else { return Ok(None) };
            device.upload(&memory.bytes, self.size, &shadow.texture);
            shadow.stale = Region::default();
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
        let whole = self.size.rect();
        let mapped = self.map(device, changes, &mut None, &[whole], time);
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

impl Shadow {
    /// Whether it shows the newest image inside `bounds`.
    fn shows(&self, bounds: Rect) -> bool {
        self.stale.rects().iter().all(|stale| stale.intersection(bounds).is_none())
    }
}

impl Staging {
    fn of(area: Rect, format: TextureFormat) -> Self {
        Self { area, format, copies: Vec::new() }
    }

    /// A copy that shows image `newest`.
    fn newest(&self, newest: u64) -> Option<&StagingCopy> {
        self.copies.iter().find(|copy| copy.image == newest && newest > 0)
    }

    /// The copy that no reader has mapped, of two the newer one; made if there is none.
    fn unread(&mut self, device: &Device) -> Result<&mut StagingCopy> {
        let is_unread = |copy: &mut StagingCopy| Arc::get_mut(&mut copy.readers).is_some();
        let known: Vec<usize> = (0..self.copies.len()).filter(|&i| is_unread(&mut self.copies[i])).collect();
        let index = if let Some(index) = known.into_iter().max_by_key(|&i| self.copies[i].image) {
            index
        } else {
            let texture = device.texture(self.area.size(), self.format, Place::Staging)?;
            self.copies.push(StagingCopy { texture, image: 0, readers: Arc::default() });
            self.copies.len() - 1
        };
        Ok(&mut self.copies[index])
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
fn existing<'a>(
    kept: &'a mut Option<Shadow>,
    device: &Device,
    (size, format): (Size, TextureFormat),
) -> Result<&'a mut Shadow> {
    if let Some(shadow) = kept {
        return Ok(shadow);
    }
    let mut stale = Region::default();
    stale.add(size.rect());
    Ok(kept.insert(Shadow { texture: device.texture(size, format, Place::Device)?, stale }))
}
