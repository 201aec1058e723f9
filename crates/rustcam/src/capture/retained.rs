//! Retained frames, which the session keeps: only the parts that are out of date are written.

use crate::error::Result;
use crate::frame::Damage;
use crate::geometry::Rect;
use crate::region::Region;
use crate::source::{Outcome, Output};

use super::blitter::{Blitter, Drawn, Job};
use super::buffers::Buffer;
use super::damage::DamageAccumulator;
use super::frame_memory::FrameMemory;
use super::view::View;

/// Attempts to read consistent parts. After them the whole frame is read at once, which cannot be overtaken.
const PARTIAL_ATTEMPTS: usize = 2;

/// Retained frames whose content is known at the same time, those that callers hold included.
const REMEMBERED: usize = 8;

/// What frames of every kind are built with.
#[derive(Default)]
pub(super) struct Resources {
    pub(super) memory: FrameMemory,
    pub(super) blitter: Blitter,
    pub(super) damage: DamageAccumulator,
}

/// What is known about the content of a retained buffer.
struct Known {
    id: u64,
    view: View,
    /// Texture pixels that are out of date.
    stale: Region,
    /// Texture pixels with the pointer over them.
    drawn: Drawn,
}

impl Known {
    fn new(buffer: &Buffer, view: &View) -> Self {
        let mut stale = Region::default();
        stale.add(view.bounds);
        Self { id: buffer.id(), view: view.clone(), stale, drawn: None }
    }
}

/// A retained frame being brought up to date.
pub(super) struct Work {
    buffer: Buffer,
    known: Known,
    /// The parts of the read in progress; empty if there is none.
    parts: Vec<Rect>,
    /// Texture pixels that may show an outdated pointer.
    pointers: Region,
}

impl Work {
    fn new(buffer: Buffer, known: Known) -> Self {
        Self { buffer, known, parts: Vec::new(), pointers: Region::default() }
    }

    /// Cancels the work. The system may still write to the buffer, so it is not reused.
    pub(super) fn discard(self) {
        self.buffer.discard();
    }
}

/// The step that an unfinished frame is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Queries the damage and reads it in one step.
    Refresh,
    /// Reads parts whose extent is known.
    Parts,
}

/// The retained frames of a session.
#[derive(Default)]
pub(super) struct Retained {
    /// The least recently returned first.
    known: Vec<Known>,
}

impl Retained {
    /// Records the credible part of `damage` in `total` and in every frame whose content is known. Returns the changed texture pixels.
    pub(super) fn record(&mut self, damage: Damage, total: &mut DamageAccumulator, output: &Output) -> Vec<Rect> {
        let damage = damage.sane(output.texture_size().rect());
        let changed: Vec<Rect> = damage.changed().collect();
        for known in &mut self.known {
            known.stale.extend(changed.iter().copied());
        }
        total.add(damage);
        changed
    }

    /// Queries the source's damage and records it, see [`Retained::record`].
    ///
    /// # Errors
    /// Those of the source, and the interrupt's.
    pub(super) fn note_damage(&mut self, total: &mut DamageAccumulator, job: &mut Job<'_, '_>) -> Result<Vec<Rect>> {
        let timeout = job.budget.read_slice()?.unwrap_or_default();
        let damage = job.source.damage(timeout)?;
        Ok(self.record(damage, total, job.source.output()))
    }

    /// Forgets the content of the buffer with this id.
    pub(super) fn forget(&mut self, id: u64) {
        self.known.retain(|known| known.id != id);
    }

    /// Forgets all content, after a loss of the desktop.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Brings the frame of `job` up to date. After [`Outcome::Pending`] the work is in `begun`, for the next call.
    ///
    /// | situation | how |
    /// |---|---|
    /// | the source can refresh | damage and pixels in one step |
    /// | it cannot | the damage, then the parts that are out of date |
    /// | the desktop changes faster than its parts can be read | the whole frame |
    ///
    /// # Errors
    /// Those of the source, and the interrupt's.
    pub(super) fn build(
        &mut self,
        resources: &mut Resources,
        job: &mut Job<'_, '_>,
        begun: &mut Option<(Work, Step)>,
    ) -> Result<Outcome<Buffer>> {
        let resumed = begun.is_some();
        let (mut work, mut step) = match begun.take() {
            Some(begun) => begun,
            None => (self.choose(resources, job)?, Step::Refresh),
        };
        let mut outcome = self.update(resources, job, &mut work, &mut step);
        if resumed && matches!(outcome, Ok(Outcome::Done(_) | Outcome::Overtaken(_))) {
            // What changed since an earlier call chose the parts is news of this frame, too.
            match self.note_damage(&mut resources.damage, job) {
                Ok(changed) => work.known.stale.extend(changed),
                Err(error) => outcome = Err(error),
            }
        }
        match outcome {
            Ok(Outcome::Done(drawn) | Outcome::Overtaken(drawn)) => Ok(Outcome::Done(self.remember(work, drawn))),
            Ok(_) => {
                *begun = Some((work, step));
                Ok(Outcome::Pending)
            }
            Err(error) => {
                work.discard();
                Err(error)
            }
        }
    }

    fn update(
        &mut self,
        resources: &mut Resources,
        job: &mut Job<'_, '_>,
        work: &mut Work,
        step: &mut Step,
    ) -> Result<Outcome<Drawn>> {
        if *step == Step::Refresh {
            let outcome = self.refresh(resources, job, work)?;
            if outcome != Outcome::Unsupported {
                return Ok(outcome);
            }
            *step = Step::Parts;
        }
        self.read_parts(resources, job, work)
    }

    /// Refreshes the frame in one step. [`Outcome::Unsupported`] if its parts have to be read; then `work` contains the stale ones.
    fn refresh(&mut self, resources: &mut Resources, job: &mut Job<'_, '_>, work: &mut Work) -> Result<Outcome<Drawn>> {
        let outcome = if work.buffer.is_native() {
            resources.blitter.refresh(job, &mut work.buffer, &work.parts)?
        } else {
            Outcome::Unsupported
        };
        match outcome {
            Outcome::Pending => return Ok(Outcome::Pending),
            Outcome::Done((drawn, damage)) => {
                self.record(damage, &mut resources.damage, job.source.output());
                return Ok(Outcome::Done(drawn));
            }
            Outcome::Overtaken((drawn, damage)) => {
                work.pointers.extend(drawn);
                work.known.stale.extend(self.record(damage, &mut resources.damage, job.source.output()));
            }
            Outcome::Unsupported => {
                work.known.stale.extend(work.parts.iter().copied());
                work.known.stale.extend(self.note_damage(&mut resources.damage, job)?);
            }
        }
        work.parts.clear();
        Ok(Outcome::Unsupported)
    }

    fn read_parts(
        &mut self,
        resources: &mut Resources,
        job: &mut Job<'_, '_>,
        work: &mut Work,
    ) -> Result<Outcome<Drawn>> {
        let bounds = job.view.bounds;
        let mut attempt = 0;
        loop {
            if work.parts.is_empty() {
                work.pointers.extend(job.view.pointer_rect(job.source.pointer()));
                let mut wanted = std::mem::take(&mut work.known.stale);
                wanted.extend(work.pointers.disjoint(bounds));
                work.parts = if attempt < PARTIAL_ATTEMPTS { wanted.disjoint(bounds) } else { vec![bounds] };
            }
            if work.parts.is_empty() {
                return Ok(Outcome::Done(None));
            }
            match resources.blitter.fill(job, &mut work.buffer, &work.parts)? {
                Outcome::Pending => return Ok(Outcome::Pending),
                Outcome::Done(drawn) => return Ok(Outcome::Done(drawn)),
                Outcome::Unsupported => {
                    let lost = std::mem::replace(work, self.new_work(resources, job)?);
                    lost.discard();
                }
                Outcome::Overtaken(drawn) => {
                    work.known.stale.extend(self.note_damage(&mut resources.damage, job)?);
                    // A frame that was read as a whole contains no older pixels. The damage belongs to this frame; the same pixels may
                    // have changed again since.
                    if work.parts == [bounds] {
                        return Ok(Outcome::Done(drawn));
                    }
                    attempt += 1;
                    work.pointers.extend(drawn);
                    work.parts.clear();
                }
            }
        }
    }

    /// Records what is known about a frame that goes to the caller.
    fn remember(&mut self, work: Work, drawn: Drawn) -> Buffer {
        if self.known.len() >= REMEMBERED {
            self.known.remove(0);
        }
        self.known.push(Known { drawn, ..work.known });
        work.buffer
    }

    /// Of the frames that no caller holds the one with the least stale pixels, or a new one.
    fn choose(&mut self, resources: &mut Resources, job: &mut Job<'_, '_>) -> Result<Work> {
        let fitting = self.known.iter().filter(|known| known.view == job.view);
        let mut fitting: Vec<(u64, u64)> = fitting.map(|known| (known.stale.area(), known.id)).collect();
        fitting.sort_unstable();
        let kept = fitting.into_iter().find_map(|(_, id)| {
            let buffer = resources.memory.take_by_id(id)?;
            let index = self.known.iter().position(|known| known.id == id)?;
            Some(Work::new(buffer, self.known.remove(index)))
        });
        let mut work = match kept {
            Some(work) => work,
            None => self.new_work(resources, job)?,
        };
        let mut stale = std::mem::take(&mut work.known.stale);
        stale.extend(work.known.drawn.take());
        work.parts = stale.disjoint(job.view.bounds);
        Ok(work)
    }

    fn new_work(&mut self, resources: &mut Resources, job: &mut Job<'_, '_>) -> Result<Work> {
        let buffer = resources.memory.take(job.source, &job.view)?;
        self.forget(buffer.id());
        let known = Known::new(&buffer, &job.view);
        Ok(Work::new(buffer, known))
    }
}
