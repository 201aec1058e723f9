//! Reads parts of a source into memory, converted, with the pointer drawn over them.

use crate::error::Result;
use crate::frame::{Damage, ImageMut, PixelFormat};
use crate::geometry::Rect;
use crate::parallel::Workers;
use crate::pixels::{self, Pixels, Tone};
use crate::region::covers;
use crate::source::scaling::ScaleRequest;
use crate::source::{Outcome, Source};

use super::buffers::Buffer;
use super::deadline::WaitBudget;
use super::finishing::{Finishing, Plan};
use super::pointer::PointerCache;
use super::view::View;

/// One frame to build: where it comes from, what it shows, and how long it may take.
pub(super) struct Job<'a, 'b> {
    pub(super) source: &'a mut dyn Source,
    pub(super) view: View,
    pub(super) budget: &'a mut WaitBudget<'b>,
}

/// Where the pointer was drawn, in texture space; `None` if it was not.
pub(super) type Drawn = Option<Rect>;

/// Reads and converts pixels. Keeps the decoded pointer shape from frame to frame.
#[derive(Default)]
pub(super) struct Blitter {
    pointer: PointerCache,
    tone: Tone,
    workers: Workers,
    finishing: Finishing,
    bytes: u64,
}

impl Blitter {
    /// The threads that write large frames.
    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Sets the threads that write large frames.
    pub(super) fn set_workers(&mut self, workers: Workers) {
        self.workers = workers;
    }

    /// Starts the threads for frames of `region`, if there will be any.
    pub(super) fn warm_up(&mut self, region: Rect) {
        self.workers.prepare(region);
    }

    /// Bytes written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads `parts` into `buffer` and draws the pointer over them. [`Outcome::Unsupported`] if the buffer is native memory that does not
    /// belong to the source, or no longer does.
    ///
    /// # Errors
    /// Those of the source, and the interrupt's.
    pub(super) fn fill(
        &mut self,
        job: &mut Job<'_, '_>,
        buffer: &mut Buffer,
        parts: &[Rect],
    ) -> Result<Outcome<Drawn>> {
        let (size, bounds) = (job.view.size(), job.view.bounds);
        if !buffer.is_native() {
            let Some(format) = job.view.as_packed() else {
                return self.finish(job, buffer.memory_mut().bytes_mut(), parts);
            };
            let stride = size.width as usize * format.bytes();
            let mut image = ImageMut::new(buffer.memory_mut().bytes_mut(), stride, size, format);
            return self.fill_image(job, &mut image, parts);
        }
        let outcome = loop {
            let Some(slice) = job.budget.read_slice()? else { return Ok(Outcome::Pending) };
            match job.source.read_into(buffer.memory_mut(), size, bounds.origin(), parts, slice)? {
                Outcome::Pending => {}
                outcome => break outcome,
            }
        };
        if outcome != Outcome::Unsupported {
            self.bytes += parts.iter().map(|p| p.area() * 4).sum::<u64>();
        }
        Ok(outcome.map(|()| self.draw_pointer(job, buffer)))
    }

    /// Brings a native `buffer` up to date in its `stale` parts and wherever the desktop changed, and returns that damage.
    ///
    /// # Errors
    /// Those of the source, and the interrupt's.
    pub(super) fn refresh(
        &mut self,
        job: &mut Job<'_, '_>,
        buffer: &mut Buffer,
        stale: &[Rect],
    ) -> Result<Outcome<(Drawn, Damage)>> {
        let (size, bounds) = (job.view.size(), job.view.bounds);
        loop {
            let Some(slice) = job.budget.read_slice()? else { return Ok(Outcome::Pending) };
            match job.source.refresh(buffer.memory_mut(), size, bounds.origin(), stale, slice)? {
                Outcome::Pending => {}
                outcome => {
                    return Ok(outcome.map(|damage| {
                        let changed = damage.changed().filter_map(|r| r.intersection(bounds));
                        self.bytes += stale.iter().copied().chain(changed).map(|r| r.area() * 4).sum::<u64>();
                        (self.draw_pointer(job, buffer), damage)
                    }));
                }
            }
        }
    }

    /// Draws the pointer over what the system wrote.
    fn draw_pointer(&mut self, job: &Job<'_, '_>, buffer: &mut Buffer) -> Drawn {
        let pointer = job.source.pointer();
        let drawn = job.view.pointer_rect(pointer)?;
        if let Some(shape) = self.pointer.image(pointer) {
            let size = job.view.size();
            let bytes = buffer.memory_mut().bytes_mut();
            let mut image = ImageMut::new(bytes, size.width as usize * 4, size, PixelFormat::Bgra);
            pixels::draw_pointer(shape, pointer.position, job.view.placement.region, &mut image);
        }
        Some(drawn)
    }

    /// Reads `parts` through the one fused pass into `image`.
    ///
    /// # Errors
    /// Those of the source, and the interrupt's.
    pub(super) fn fill_image(
        &mut self,
        job: &mut Job<'_, '_>,
        image: &mut ImageMut<'_>,
        parts: &[Rect],
    ) -> Result<Outcome<Drawn>> {
        self.follow_tone(job);
        let view = &job.view;
        let mut drawn = None;
        let outcome = loop {
            let Some(slice) = job.budget.read_slice()? else { return Ok(Outcome::Pending) };
            let (cache, tone, workers) = (&mut self.pointer, &self.tone, &mut self.workers);
            let outcome = job.source.read(parts, slice, &mut |part, pixels, pointer| {
                drawn = view.pointer_rect(pointer);
                let shape = drawn.and_then(|_| cache.image(pointer)).map(|shape| (shape, pointer.position));
                workers.write_toned(part, pixels, &view.placement, tone, shape, image);
            })?;
            if outcome != Outcome::Pending {
                break outcome;
            }
        };
        let bytes = image.format().bytes() as u64;
        self.bytes += parts.iter().map(|p| p.area() * bytes).sum::<u64>();
        Ok(drawn_inside(outcome, parts, drawn))
    }

    /// Reads `parts`, and what else the pixels are made of that they touch, into `frame`, which is scaled, arranged or converted. The
    /// source scales if it can, and less has to be read then.
    ///
    /// # Errors
    /// Those of the source, and the interrupt's.
    pub(super) fn finish(&mut self, job: &mut Job<'_, '_>, frame: &mut [u8], parts: &[Rect]) -> Result<Outcome<Drawn>> {
        self.follow_tone(job);
        let view = &job.view;
        let plan = self.finishing.plan(view, parts);
        if let Some(request) = plan.scaled(view) {
            let (outcome, drawn) = self.read_scaled(job, frame, &plan, &request)?;
            if outcome != Outcome::Unsupported {
                return Ok(drawn_inside(outcome, parts, drawn));
            }
        }
        let view = &job.view;
        let mut drawn = None;
        let outcome = loop {
            let Some(slice) = job.budget.read_slice()? else { return Ok(Outcome::Pending) };
            let (cache, tone, finishing) = (&mut self.pointer, &self.tone, &mut self.finishing);
            let outcome = job.source.read(plan.parts(), slice, &mut |part, image, pointer| {
                drawn = view.pointer_rect(pointer);
                let pointer = drawn.and_then(|_| cache.image(pointer)).map(|shape| (shape, pointer.position));
                finishing.write(view, &plan, &Pixels { part, image, placement: view.placement, tone, pointer }, frame);
            })?;
            if outcome != Outcome::Pending {
                break outcome;
            }
        };
        self.bytes += plan.bytes();
        Ok(drawn_inside(outcome, parts, drawn))
    }

    /// Stores what the source makes of `request`, which is that of `plan`, in `frame`.
    fn read_scaled(
        &mut self,
        job: &mut Job<'_, '_>,
        frame: &mut [u8],
        plan: &Plan,
        request: &ScaleRequest,
    ) -> Result<(Outcome, Drawn)> {
        let view = &job.view;
        let mut drawn = None;
        let outcome = loop {
            let Some(slice) = job.budget.read_slice()? else { return Ok((Outcome::Pending, None)) };
            let finishing = &mut self.finishing;
            let outcome = job.source.read_scaled(request, slice, &mut |step, image, pointer| {
                drawn = view.pointer_rect(pointer);
                finishing.store(view, plan, step, image, frame);
            })?;
            if outcome != Outcome::Pending {
                break outcome;
            }
        };
        if outcome != Outcome::Unsupported {
            self.bytes += plan.bytes();
        }
        Ok((outcome, drawn))
    }

    /// Maps as the frame of `job` wants it.
    fn follow_tone(&mut self, job: &mut Job<'_, '_>) {
        let view = &job.view;
        if self.tone.settings() != view.tone {
            self.tone = Tone::new(view.tone);
        }
        job.source.set_tone_mapping((!view.is_half_float()).then(|| view.tone.mapping()));
    }
}

/// The outcome of a read of `parts`. The pointer is drawn inside the parts only: if it has moved out of them since they were chosen, the
/// frame is not complete.
fn drawn_inside(outcome: Outcome, parts: &[Rect], drawn: Drawn) -> Outcome<Drawn> {
    match outcome {
        Outcome::Pending => Outcome::Pending,
        Outcome::Done(()) if drawn.is_none_or(|pointer| covers(parts, pointer)) => Outcome::Done(drawn),
        _ => Outcome::Overtaken(drawn),
    }
}
