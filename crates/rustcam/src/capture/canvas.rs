//! Turns what a source shows into the picture that was asked for, touching no more pixels than necessary.
//!
//! Every destination is one of three: memory handed to the caller for good (all of it is written), memory that the session retains
//! and knows the content of (only what is out of date is written), or memory of the caller's own.

use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Damage, ImageMut, PixelFormat};
use crate::geometry::{Rect, Size};
use crate::pixels::Placement;
use crate::source::{Output, Source};

use super::brush::{Brush, Filled, View};
use super::buffers::{Buffer, Pool};
use super::damage::DamageLog;
use super::pacer::Patience;
use super::retained::Retained;

/// Where a frame is written to.
pub enum Target<'a> {
    /// Memory of its own, which the caller may change.
    Owned(PixelFormat),
    /// Memory that the session keeps up to date, which the caller must not change.
    Retained(PixelFormat),
    /// The caller's memory.
    Into(ImageMut<'a>),
}

impl Target<'_> {
    pub(super) fn format(&self) -> PixelFormat {
        match self {
            Target::Owned(format) | Target::Retained(format) => *format,
            Target::Into(image) => image.format(),
        }
    }

    fn lifetime(&self) -> Lifetime {
        match self {
            Target::Owned(_) => Lifetime::Owned,
            Target::Retained(_) => Lifetime::Retained,
            Target::Into(_) => Lifetime::Callers,
        }
    }
}

/// How painting ended.
pub(super) enum Painted {
    /// The picture is complete; no buffer if it is in the caller's memory.
    Done(Option<Buffer>),
    /// The source needs longer than the caller waits; the same request goes on where this one stopped.
    Unfinished,
}

/// The pictures of one session.
#[derive(Default)]
pub(super) struct Canvas {
    pub(super) pool: Pool,
    pub(super) retained: Vec<Retained>,
    pub(super) begun: Option<Begun>,
    pub(super) brush: Brush,
    log: DamageLog,
    /// Size of the source's own memory that was needed last, if it was.
    native: Option<Size>,
}

/// A read that outlasted the call that began it.
pub(super) struct Begun {
    pub(super) key: Key,
    pub(super) parts: Vec<Rect>,
    pub(super) buffer: Option<Buffer>,
    pub(super) retained: Option<Retained>,
    /// The read brings everything that changed, not only `parts`.
    pub(super) refresh: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    Owned,
    Retained,
    Callers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) lifetime: Lifetime,
    pub(super) format: PixelFormat,
    pub(super) region: Rect,
}

impl Canvas {
    /// Paints `region` of what `source` shows.
    ///
    /// # Errors
    /// Those of the source, the caller's interrupt, and a size of the caller's memory that does not fit the region.
    pub(super) fn paint(
        &mut self,
        source: &mut dyn Source,
        target: &mut Target<'_>,
        region: Rect,
        cursor: bool,
        patience: &mut Patience<'_>,
    ) -> Result<Painted> {
        let output = source.output();
        let placement = Placement { region, desktop: output.size, rotation: output.image_rotation };
        let bounds = placement.rotation.to_texture(region, placement.desktop);
        let view = View { placement, bounds, cursor };
        let key = Key { lifetime: target.lifetime(), format: target.format(), region };
        let begun = self.take_begun(key);
        match target {
            Target::Into(image) => self.paint_into(source, image, key, &view, patience),
            Target::Owned(_) => self.paint_owned(source, key, &view, begun, patience),
            Target::Retained(_) => self.paint_retained(source, key, &view, begun, patience),
        }
    }

    /// What changed since the last call, in texture space.
    pub(super) fn take_damage(&mut self) -> Damage {
        std::mem::take(&mut self.log).into_damage()
    }

    /// Enters damage that [`Canvas::take_damage`] took and nobody was told.
    pub(super) fn restore_damage(&mut self, damage: Damage) {
        let mut log = DamageLog::default();
        log.add(damage);
        log.add(self.take_damage());
        self.log = log;
    }

    /// Bytes written to destinations so far.
    pub(super) fn bytes(&self) -> u64 {
        self.brush.bytes()
    }

    /// Forgets all content, after the desktop changed its shape.
    pub(super) fn reset(&mut self) {
        self.take_begun_any();
        self.retained.clear();
        self.pool.clear();
        self.native = None;
        self.log = DamageLog::default();
    }

    fn paint_into(
        &mut self,
        source: &mut dyn Source,
        image: &mut ImageMut<'_>,
        key: Key,
        view: &View,
        patience: &mut Patience<'_>,
    ) -> Result<Painted> {
        if image.size() != view.placement.region.size() {
            return Err(Error::new(
                ErrorKind::Capture,
                format!(
                    "the region became {} while waiting, but out= is {}",
                    view.placement.region.size(),
                    image.size()
                ),
            ));
        }
        let parts = vec![view.bounds];
        match self.brush.fill_image(source, image, &parts, view, patience)? {
            Filled::Unfinished => {
                self.begun = Some(Begun { key, parts, buffer: None, retained: None, refresh: false });
                Ok(Painted::Unfinished)
            }
            _ => self.finish(source, None, patience),
        }
    }

    fn paint_owned(
        &mut self,
        source: &mut dyn Source,
        key: Key,
        view: &View,
        begun: Option<Begun>,
        patience: &mut Patience<'_>,
    ) -> Result<Painted> {
        let parts = vec![view.bounds];
        let mut buffer = match begun.and_then(|b| b.buffer) {
            Some(buffer) => buffer,
            None => self.new_buffer(source, key, view),
        };
        loop {
            match self.brush.fill(source, &mut buffer, key.format, &parts, view, patience) {
                Err(error) => {
                    buffer.discard();
                    return Err(error);
                }
                Ok(Filled::Foreign) => {
                    buffer.discard();
                    buffer = self.new_buffer(source, key, view);
                }
                Ok(Filled::Unfinished) => {
                    self.begun = Some(Begun { key, parts, buffer: Some(buffer), retained: None, refresh: false });
                    return Ok(Painted::Unfinished);
                }
                Ok(Filled::Done { .. } | Filled::Overtaken { .. }) => {
                    return self.finish(source, Some(buffer), patience);
                }
            }
        }
    }

    /// Learns what the picture just read contains, for the log and for the retained pictures.
    fn finish(
        &mut self,
        source: &mut dyn Source,
        buffer: Option<Buffer>,
        patience: &mut Patience<'_>,
    ) -> Result<Painted> {
        self.note_damage(source, patience)?;
        Ok(Painted::Done(buffer))
    }

    /// Asks the source what changed, see [`Canvas::spread`].
    pub(super) fn note_damage(&mut self, source: &mut dyn Source, patience: &mut Patience<'_>) -> Result<Vec<Rect>> {
        let timeout = patience.read_slice()?.unwrap_or_default();
        let damage = source.damage(timeout)?;
        Ok(self.spread(damage, source.output()))
    }

    /// Enters damage in the log and wherever content is known, as far as it is credible. Returns the changed texture pixels.
    pub(super) fn spread(&mut self, damage: Damage, output: &Output) -> Vec<Rect> {
        let damage = damage.sane(output.texture_size().rect());
        let dirty: Vec<Rect> = damage.dirty.iter().copied().chain(damage.moves.iter().map(|m| m.destination)).collect();
        let begun = self.begun.as_mut().and_then(|b| b.retained.as_mut());
        for known in self.retained.iter_mut().chain(begun) {
            known.stale.extend(dirty.iter().copied());
        }
        self.log.add(damage);
        dirty
    }

    /// Memory of unknown content, the source's own where the source can write the wanted picture itself.
    pub(super) fn new_buffer(&mut self, source: &mut dyn Source, key: Key, view: &View) -> Buffer {
        let size = key.region.size();
        let native = (key.format == PixelFormat::Bgra && view.placement.rotation.degrees() == 0)
            .then(|| {
                self.pool
                    .take_native(size)
                    .or_else(|| source.allocate(size).map(|memory| self.pool.adopt(memory, size)))
            })
            .flatten();
        self.native = native.as_ref().map(|_| size);
        let buffer = native.unwrap_or_else(|| self.pool.take_heap(size_in_bytes(size, key.format)));
        self.retained.retain(|known| known.id != buffer.id());
        buffer
    }

    /// Makes memory for the next picture while there is time, if the caller holds all that there is.
    pub(super) fn prepare(&mut self, source: &mut dyn Source) {
        let Some(size) = self.native.filter(|size| !self.pool.has_native(*size)) else { return };
        match source.allocate(size) {
            Some(memory) => drop(self.pool.adopt(memory, size)),
            None => self.native = None,
        }
    }

    fn take_begun(&mut self, key: Key) -> Option<Begun> {
        if self.begun.as_ref().is_some_and(|begun| begun.key == key) {
            return self.begun.take();
        }
        self.take_begun_any();
        None
    }

    /// Gives an unfinished read up. The system may still write to its memory, so nobody may use that again.
    fn take_begun_any(&mut self) {
        if let Some(buffer) = self.begun.take().and_then(|begun| begun.buffer) {
            buffer.discard();
        }
    }
}

fn size_in_bytes(size: Size, format: PixelFormat) -> usize {
    size.area() as usize * format.channels()
}
