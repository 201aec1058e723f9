//! Frames that the session keeps: only what is out of date in them is written.

use crate::error::Result;
use crate::frame::Damage;
use crate::geometry::Rect;
use crate::region::Region;
use crate::source::{Outcome, Output};

use super::blitter::{Blitter, Drawn, Job, View};
use super::buffers::Buffer;
use super::damage::DamageAccumulator;
use super::frame_memory::FrameMemory;

/// Attempts to read parts that belong together before everything is read at once, which cannot be overtaken.
const PARTIAL_ATTEMPTS: usize = 2;

/// Retained frames remembered at the same time, those that a caller holds included.
const REMEMBERED: usize = 8;

/// What every frame needs, retained or not.
#[derive(Default)]
pub(super) struct Tools {
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
        Self { id: buffer.id(), view: *view, stale, drawn: None }
    }
}

/// A retained frame being brought up to date.
pub(super) struct Work {
    buffer: Buffer,
    known: Known,
    /// What the read under way brings; empty if none is.
    parts: Vec<Rect>,
    /// Texture pixels with a pointer over them that may no longer be right.
    pointers: Region,
}

impl Work {
    fn new(buffer: Buffer, known: Known) -> Self {
        Self { buffer, known, parts: Vec::new(), pointers: Region::default() }
    }

    /// Gives up the buffer: the system may still write to it.
    pub(super) fn discard(self) {
        self.buffer.discard();
    }
}

/// The step that a begun frame is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Asks what changed and reads that, at once.
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
    /// Enters damage in `log` and wherever content is known, as far as it is credible. Returns the changed texture pixels.
    pub(super) fn spread(&mut self, damage: Damage, log: &mut DamageAccumulator, output: &Output) -> Vec<Rect> {
        let damage = damage.sane(output.texture_size().rect());
        let changed: Vec<Rect> = damage.changed().collect();
        for known in &mut self.known {
            known.stale.extend(changed.iter().copied());
        }
        log.add(damage);
        changed
    }

    /// Asks the source what changed, see [`Retained::spread`].
    ///
    /// # Errors
    /// Those of the source, and the interrupt's.
    pub(super) fn note_damage(&mut self, log: &mut DamageAccumulator, job: &mut Job<'_, '_>) -> Result<Vec<Rect>> {
        let timeout = job.budget.read_slice()?.unwrap_or_default();
        let damage = job.source.damage(timeout)?;
        Ok(self.spread(damage, log, job.source.output()))
    }

    /// The buffer with this id has other content from now on.
    pub(super) fn forget(&mut self, id: u64) {
        self.known.retain(|known| known.id != id);
    }

    /// Forgets all content, after the desktop changed its shape.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Brings the frame of `job` up to date: in one step with the question what changed, where the source can, otherwise in parts, and
    /// whole if the desktop changes faster than its parts can be read. After [`Outcome::Pending`] the work is in `begun`, for the next
    /// call.
    ///
    /// # Errors
    /// Those of the source, and the interrupt's.
    pub(super) fn build(
        &mut self,
        tools: &mut Tools,
        job: &mut Job<'_, '_>,
        begun: &mut Option<(Work, Step)>,
    ) -> Result<Outcome<Buffer>> {
        let (mut work, mut step) = begun.take().unwrap_or_else(|| (self.choose(tools, job), Step::Refresh));
        let outcome = self.update(tools, job, &mut work, &mut step);
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
        tools: &mut Tools,
        job: &mut Job<'_, '_>,
        work: &mut Work,
        step: &mut Step,
    ) -> Result<Outcome<Drawn>> {
        if *step == Step::Refresh {
            let outcome = self.refresh(tools, job, work)?;
            if outcome != Outcome::Unsupported {
                return Ok(outcome);
            }
            *step = Step::Parts;
        }
        self.read_parts(tools, job, work)
    }

    /// Refreshes the frame in one step. [`Outcome::Unsupported`] if its parts have to be read: `work` says then which are stale.
    fn refresh(&mut self, tools: &mut Tools, job: &mut Job<'_, '_>, work: &mut Work) -> Result<Outcome<Drawn>> {
        let outcome = if work.buffer.is_native() {
            tools.blitter.refresh(job, &mut work.buffer, &work.parts)?
        } else {
            Outcome::Unsupported
        };
        match outcome {
            Outcome::Pending => return Ok(Outcome::Pending),
            Outcome::Done((drawn, damage)) => {
                self.spread(damage, &mut tools.damage, job.source.output());
                return Ok(Outcome::Done(drawn));
            }
            Outcome::Overtaken((drawn, damage)) => {
                work.pointers.extend(drawn);
                work.known.stale.extend(self.spread(damage, &mut tools.damage, job.source.output()));
            }
            Outcome::Unsupported => {
                work.known.stale.extend(work.parts.iter().copied());
                work.known.stale.extend(self.note_damage(&mut tools.damage, job)?);
            }
        }
        work.parts.clear();
        Ok(Outcome::Unsupported)
    }

    fn read_parts(&mut self, tools: &mut Tools, job: &mut Job<'_, '_>, work: &mut Work) -> Result<Outcome<Drawn>> {
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
            match tools.blitter.fill(job, &mut work.buffer, &work.parts)? {
                Outcome::Pending => return Ok(Outcome::Pending),
                Outcome::Done(drawn) => return Ok(Outcome::Done(drawn)),
                Outcome::Unsupported => {
                    let lost = std::mem::replace(work, self.new_work(tools, job));
                    lost.discard();
                }
                Outcome::Overtaken(drawn) => {
                    work.known.stale.extend(self.note_damage(&mut tools.damage, job)?);
                    // Nothing of an older state is left in a frame that was read whole. What changed belongs to its news, and may have
                    // changed once more since.
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

    /// Keeps what is known about a frame that goes to the caller.
    fn remember(&mut self, work: Work, drawn: Drawn) -> Buffer {
        if self.known.len() >= REMEMBERED {
            self.known.remove(0);
        }
        self.known.push(Known { drawn, ..work.known });
        work.buffer
    }

    /// The frame that nobody holds with the least to do, or a new one.
    fn choose(&mut self, tools: &mut Tools, job: &mut Job<'_, '_>) -> Work {
        let fitting = self.known.iter().filter(|known| known.view == job.view);
        let mut fitting: Vec<(u64, u64)> = fitting.map(|known| (known.stale.area(), known.id)).collect();
        fitting.sort_unstable();
        let kept = fitting.into_iter().find_map(|(_, id)| {
            let buffer = tools.memory.take_again(id)?;
            let index = self.known.iter().position(|known| known.id == id)?;
            Some(Work::new(buffer, self.known.remove(index)))
        });
        let mut work = kept.unwrap_or_else(|| self.new_work(tools, job));
        let mut stale = std::mem::take(&mut work.known.stale);
        stale.extend(work.known.drawn.take());
        work.parts = stale.disjoint(job.view.bounds);
        work
    }

    fn new_work(&mut self, tools: &mut Tools, job: &mut Job<'_, '_>) -> Work {
        let buffer = tools.memory.take(job.source, &job.view);
        self.forget(buffer.id());
        let known = Known::new(&buffer, &job.view);
        Work::new(buffer, known)
    }
}
