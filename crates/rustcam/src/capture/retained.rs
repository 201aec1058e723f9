//! Pictures that the session keeps: only what is out of date in them is written.

use crate::error::Result;
use crate::frame::{Damage, PixelFormat};
use crate::geometry::Rect;
use crate::source::Source;

use super::brush::{Filled, View};
use super::buffers::Buffer;
use super::canvas::{Begun, Canvas, Key, Painted};
use super::pacer::Patience;
use super::patches::Patches;

/// Attempts to read parts that belong together before everything is read at once, which cannot be overtaken.
const PARTIAL_ATTEMPTS: usize = 2;

/// Retained pictures remembered at the same time, counting those that a caller holds.
const REMEMBERED: usize = 8;

/// What is known about the content of a retained buffer.
pub(super) struct Retained {
    pub(super) id: u64,
    format: PixelFormat,
    region: Rect,
    /// Texture pixels that are out of date.
    pub(super) stale: Patches,
    /// Texture pixels with the pointer over them.
    drawn: Option<Rect>,
}

impl Retained {
    fn new(buffer: &Buffer, key: Key, view: &View) -> Self {
        let mut stale = Patches::default();
        stale.add(view.bounds);
        Self { id: buffer.id(), format: key.format, region: key.region, stale, drawn: None }
    }
}

/// A retained picture in work.
struct Work {
    buffer: Buffer,
    known: Retained,
    /// What the read under way brings; empty if none is.
    parts: Vec<Rect>,
    /// Texture pixels with a pointer over them that may no longer be right.
    pointers: Patches,
}

impl Canvas {
    /// Brings the picture for `key` up to date: in one step with the question what changed, where the source can, otherwise in parts,
    /// and whole if the desktop changes faster than its parts can be read.
    pub(super) fn paint_retained(
        &mut self,
        source: &mut dyn Source,
        key: Key,
        view: &View,
        begun: Option<Begun>,
        patience: &mut Patience<'_>,
    ) -> Result<Painted> {
        let pointers = Patches::default();
        let (work, refresh) =
            if let Some(Begun { parts, buffer: Some(buffer), retained: Some(known), refresh, .. }) = begun {
                (Work { buffer, known, parts, pointers }, refresh)
            } else {
                let (buffer, mut known) = self.retained_buffer(source, key, view);
                let mut stale = std::mem::take(&mut known.stale);
                stale.extend(known.drawn.take());
                (Work { buffer, known, parts: stale.disjoint(view.bounds), pointers }, true)
            };
        if refresh {
            self.refresh(source, key, view, work, patience)
        } else {
            self.read_parts(source, key, view, work, patience)
        }
    }

    fn refresh(
        &mut self,
        source: &mut dyn Source,
        key: Key,
        view: &View,
        mut work: Work,
        patience: &mut Patience<'_>,
    ) -> Result<Painted> {
        let (filled, damage) = if work.buffer.is_native() {
            match self.brush.refresh(source, &mut work.buffer, &work.parts, view, patience) {
                Ok(outcome) => outcome,
                Err(error) => {
                    work.buffer.discard();
                    return Err(error);
                }
            }
        } else {
            (Filled::Foreign, Damage::default())
        };
        match filled {
            Filled::Unfinished => return Ok(self.interrupted(key, work, true)),
            Filled::Done { drawn } => {
                self.spread(damage, source.output());
                return Ok(self.remember(work, drawn));
            }
            Filled::Overtaken { pointer } => {
                work.pointers.extend(pointer);
                work.known.stale.extend(self.spread(damage, source.output()));
            }
            Filled::Foreign => {
                work.known.stale.extend(work.parts.iter().copied());
                work.known.stale.extend(self.note_damage(source, patience)?);
            }
        }
        work.parts.clear();
        self.read_parts(source, key, view, work, patience)
    }

    fn read_parts(
        &mut self,
        source: &mut dyn Source,
        key: Key,
        view: &View,
        mut work: Work,
        patience: &mut Patience<'_>,
    ) -> Result<Painted> {
        let mut attempt = 0;
        loop {
            if work.parts.is_empty() {
                work.pointers.extend(view.pointer_rect(source.pointer()));
                let mut wanted = std::mem::take(&mut work.known.stale);
                wanted.extend(work.pointers.disjoint(view.bounds));
                work.parts = if attempt < PARTIAL_ATTEMPTS { wanted.disjoint(view.bounds) } else { vec![view.bounds] };
            }
            if work.parts.is_empty() {
                return Ok(self.remember(work, None));
            }
            match self.brush.fill(source, &mut work.buffer, key.format, &work.parts, view, patience) {
                Err(error) => {
                    work.buffer.discard();
                    return Err(error);
                }
                Ok(Filled::Foreign) => {
                    work.buffer.discard();
                    let buffer = self.new_buffer(source, key, view);
                    let known = Retained::new(&buffer, key, view);
                    work = Work { buffer, known, parts: Vec::new(), pointers: Patches::default() };
                }
                Ok(Filled::Unfinished) => return Ok(self.interrupted(key, work, false)),
                Ok(Filled::Done { drawn }) => return Ok(self.remember(work, drawn)),
                // Nothing of an older state is left in a picture that was read whole. What changed belongs to its news, and may have
                // changed once more since.
                Ok(Filled::Overtaken { pointer }) if work.parts == [view.bounds] => {
                    work.known.stale.extend(self.note_damage(source, patience)?);
                    return Ok(self.remember(work, pointer));
                }
                Ok(Filled::Overtaken { pointer }) => {
                    attempt += 1;
                    work.pointers.extend(pointer);
                    work.known.stale.extend(self.note_damage(source, patience)?);
                    work.parts.clear();
                }
            }
        }
    }

    /// Keeps work that takes longer than the caller waits.
    fn interrupted(&mut self, key: Key, work: Work, refresh: bool) -> Painted {
        let Work { buffer, known, parts, .. } = work;
        self.begun = Some(Begun { key, parts, buffer: Some(buffer), retained: Some(known), refresh });
        Painted::Unfinished
    }

    /// Keeps what is known about a picture that goes to the caller.
    fn remember(&mut self, work: Work, drawn: Option<Rect>) -> Painted {
        if self.retained.len() >= REMEMBERED {
            self.retained.remove(0);
        }
        self.retained.push(Retained { drawn, ..work.known });
        Painted::Done(Some(work.buffer))
    }

    /// The unused retained picture for `key` with the least to do, or a new one.
    fn retained_buffer(&mut self, source: &mut dyn Source, key: Key, view: &View) -> (Buffer, Retained) {
        let mut fitting: Vec<(u64, u64)> = self
            .retained
            .iter()
            .filter(|r| r.format == key.format && r.region == key.region)
            .map(|r| (r.stale.area(), r.id))
            .collect();
        fitting.sort_unstable();
        for (_, id) in fitting {
            if let Some(buffer) = self.pool.take_again(id) {
                let index = self.retained.iter().position(|r| r.id == id).expect("found a moment ago");
                return (buffer, self.retained.remove(index));
            }
        }
        let buffer = self.new_buffer(source, key, view);
        let known = Retained::new(&buffer, key, view);
        (buffer, known)
    }
}
