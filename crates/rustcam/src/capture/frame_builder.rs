//! Builds the requested frame from what a source delivers, and writes no more pixels than necessary.
//!
//! | destination | what is written |
//! |---|---|
//! | memory that belongs to the returned frame | everything |
//! | memory that the session retains and whose content it knows | what is out of date |
//! | the caller's own memory | everything |
//! | a shared texture | what is out of date, by the device |

use crate::color::ToneMapping;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Damage, ImageMut, PixelFormat};
use crate::geometry::Rect;
use crate::parallel::Workers;
use crate::pixels::ToneSettings;
use crate::source::texture::{SharedTexture, TextureRequest};
use crate::source::{Outcome, Source};

use super::blitter::Job;
use super::buffers::Buffer;
use super::damage::DamageAccumulator;
use super::deadline::WaitBudget;
use super::frame::{Image, Pixels, Target};
use super::regions::Regions;
use super::retained::{Resources, Retained, Step, Work};
use super::view::View;

/// Attempts to read an image whose colour does not change meanwhile.
const COLOR_ATTEMPTS: usize = 3;

/// A frame whose read was not finished by the deadline of the call that began it.
enum Begun {
    Owned(Buffer),
    Retained(Box<Work>, Step),
}

/// Builds the frames of one session.
#[derive(Default)]
pub(super) struct FrameBuilder {
    resources: Resources,
    retained: Retained,
    begun: Option<(View, Begun)>,
    tone_mapping: ToneMapping,
    /// The settings of the last frame.
    tone: Option<ToneSettings>,
}

impl FrameBuilder {
    /// Builds the frame that shows `regions`, with the pointer over them if `cursor`. After [`Outcome::Pending`] the same request continues
    /// the work.
    ///
    /// # Errors
    /// Those of the source, the interrupt's, and `Capture` if the caller's memory does not have the size of the region.
    pub(super) fn build(
        &mut self,
        source: &mut dyn Source,
        target: &mut Target<'_>,
        (regions, cursor): (&Regions, bool),
        budget: &mut WaitBudget<'_>,
    ) -> Result<Outcome<Pixels>> {
        let spec = target.spec();
        let mut attempt = 0;
        loop {
            let color = source.color();
            let view = View::new(source.output(), regions.clone(), spec, cursor).with_tone(&color, self.tone_mapping);
            // The region may have become another one since the caller was told that it fits.
            spec.format.check_size(view.size()).map_err(|error| Error::new(ErrorKind::Capture, error.message()))?;
            if self.tone.replace(view.tone).is_some_and(|before| before != view.tone) {
                // The same light now has other values.
                self.resources.damage.add(Damage::everything(source.output().texture_size().rect()));
            }
            let built = self.build_view(source, target, view, budget)?;
            attempt += 1;
            // The level of SDR white that the pixels were mapped with must be that of the read.
            let is_current = source.color() == color || attempt == COLOR_ATTEMPTS;
            if is_current || matches!(built, Outcome::Pending | Outcome::Unsupported) {
                return Ok(built);
            }
        }
    }

    fn build_view(
        &mut self,
        source: &mut dyn Source,
        target: &mut Target<'_>,
        view: View,
        budget: &mut WaitBudget<'_>,
    ) -> Result<Outcome<Pixels>> {
        let begun = self.begun.take();
        let (size, format, regions) = (view.size(), view.spec.format, view.regions.listed());
        let mut job = Job { source, view, budget };
        let buffer = match (target, begun) {
            (Target::Owned(_), Some((known, Begun::Owned(buffer)))) if known == job.view => {
                self.build_owned(&mut job, Some(buffer))?
            }
            (Target::Retained(_), Some((known, Begun::Retained(work, step)))) if known == job.view => {
                self.build_retained(&mut job, Some((*work, step)))?
            }
            (target, cancelled) => {
                discard(cancelled);
                match target {
                    Target::Owned(_) => self.build_owned(&mut job, None)?,
                    Target::Retained(_) => self.build_retained(&mut job, None)?,
                    Target::Into(image) => return Ok(self.build_into(&mut job, image)?.map(|()| Pixels::Caller)),
                    Target::Fill(bytes, _) => return Ok(self.fill(&mut job, bytes)?.map(|()| Pixels::Caller)),
                    Target::Shared { sync, format, scale } => {
                        let request = TextureRequest::new(job.view.region(), job.view.cursor, *sync);
                        let request = request.format(*format).scale(*scale);
                        return Ok(self.share(&mut job, &request)?.map(Pixels::Device));
                    }
                }
            }
        };
        Ok(buffer.map(|buffer| Pixels::Memory(Image { buffer, size, format, regions, stack: None, offset: 0 })))
    }

    /// What changed since the last call, in texture space.
    pub(super) fn take_damage(&mut self) -> Damage {
        std::mem::take(&mut self.resources.damage).into_damage()
    }

    /// Puts back the damage that [`FrameBuilder::take_damage`] returned for a frame that no caller got.
    pub(super) fn restore_damage(&mut self, damage: Damage) {
        let mut restored = DamageAccumulator::default();
        restored.add(damage);
        restored.add(self.take_damage());
        self.resources.damage = restored;
    }

    /// The threads that write large frames.
    pub(super) fn workers(&self) -> &Workers {
        self.resources.blitter.workers()
    }

    /// Sets the threads that write large frames.
    pub(super) fn set_workers(&mut self, workers: Workers) {
        self.resources.blitter.set_workers(workers);
    }

    /// Sets how 8-bit frames of an HDR desktop show what is brighter than SDR white.
    pub(super) fn set_tone_mapping(&mut self, mapping: ToneMapping) {
        self.tone_mapping = mapping;
    }

    /// Bytes written to destinations so far.
    pub(super) fn bytes(&self) -> u64 {
        self.resources.blitter.bytes()
    }

    /// Memory of `len` bytes that belongs to no frame.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn spare_buffer(&mut self, len: usize) -> Result<Buffer> {
        let buffer = self.resources.memory.take_heap(len)?;
        self.retained.forget(buffer.id());
        Ok(buffer)
    }

    /// Makes ready what the first BGRA frame of `region` needs.
    pub(super) fn warm_up(&mut self, source: &mut dyn Source, region: Rect) {
        let view = View::new(source.output(), Regions::One(region), PixelFormat::Bgra.into(), false);
        source.warm_up(view.bounds);
        let Ok(mut buffer) = self.resources.memory.take(source, &view) else { return };
        if !buffer.is_native() {
            // The system provides a page when it is written for the first time.
            buffer.memory_mut().bytes_mut().fill(0);
            self.resources.blitter.warm_up(region);
        }
    }

    /// Allocates memory for the next frame while there is time.
    pub(super) fn prepare(&mut self, source: &mut dyn Source) {
        self.resources.memory.prepare(source);
    }

    /// Forgets all content, after a loss of the desktop.
    pub(super) fn reset(&mut self) {
        discard(self.begun.take());
        self.retained.clear();
        self.resources.memory.clear();
        self.resources.damage = DamageAccumulator::default();
    }

    fn build_into(&mut self, job: &mut Job<'_, '_>, image: &mut ImageMut<'_>) -> Result<Outcome> {
        let size = job.view.size();
        if image.size() != size {
            let message = format!("the region became {size} while waiting, but out= is {}", image.size());
            return Err(Error::new(ErrorKind::Capture, message));
        }
        let filled = self.resources.blitter.fill_image(job, image, &[job.view.bounds])?;
        self.filled(job, &filled)
    }

    fn fill(&mut self, job: &mut Job<'_, '_>, bytes: &mut [u8]) -> Result<Outcome> {
        let wanted = job.view.bytes();
        if bytes.len() != wanted {
            let message = format!("the frame became {wanted} bytes while waiting, but out= has {}", bytes.len());
            return Err(Error::new(ErrorKind::Capture, message));
        }
        let bounds = [job.view.bounds];
        let filled = match job.view.as_packed() {
            Some(format) => {
                let size = job.view.size();
                let mut image = ImageMut::new(bytes, size.width as usize * format.bytes(), size, format);
                self.resources.blitter.fill_image(job, &mut image, &bounds)?
            }
            None => self.resources.blitter.finish(job, bytes, &bounds)?,
        };
        self.filled(job, &filled)
    }

    /// The outcome of a read of everything to the caller's memory.
    fn filled<T>(&mut self, job: &mut Job<'_, '_>, filled: &Outcome<T>) -> Result<Outcome> {
        match filled {
            Outcome::Done(_) | Outcome::Overtaken(_) => {
                self.retained.note_damage(&mut self.resources.damage, job)?;
                Ok(Outcome::Done(()))
            }
            Outcome::Pending | Outcome::Unsupported => Ok(Outcome::Pending),
        }
    }

    fn build_owned(&mut self, job: &mut Job<'_, '_>, begun: Option<Buffer>) -> Result<Outcome<Buffer>> {
        let mut buffer = match begun {
            Some(buffer) => buffer,
            None => self.new_buffer(job)?,
        };
        loop {
            match self.resources.blitter.fill(job, &mut buffer, &[job.view.bounds]) {
                Err(error) => {
                    buffer.discard();
                    return Err(error);
                }
                Ok(Outcome::Unsupported) => {
                    buffer.discard();
                    buffer = self.new_buffer(job)?;
                }
                Ok(Outcome::Pending) => {
                    self.begun = Some((job.view.clone(), Begun::Owned(buffer)));
                    return Ok(Outcome::Pending);
                }
                Ok(Outcome::Done(_) | Outcome::Overtaken(_)) => {
                    self.retained.note_damage(&mut self.resources.damage, job)?;
                    return Ok(Outcome::Done(buffer));
                }
            }
        }
    }

    fn build_retained(&mut self, job: &mut Job<'_, '_>, mut begun: Option<(Work, Step)>) -> Result<Outcome<Buffer>> {
        let outcome = self.retained.build(&mut self.resources, job, &mut begun);
        self.begun = begun.map(|(work, step)| (job.view.clone(), Begun::Retained(Box::new(work), step)));
        outcome
    }

    fn share(&mut self, job: &mut Job<'_, '_>, request: &TextureRequest) -> Result<Outcome<SharedTexture>> {
        let tone = job.view.tone.mapping();
        job.source.set_tone_mapping((!job.view.spec.format.is_half_float()).then_some(tone));
        loop {
            let Some(slice) = job.budget.read_slice()? else { return Ok(Outcome::Pending) };
            match job.source.share(request, slice)? {
                Outcome::Pending => {}
                outcome => {
                    self.retained.note_damage(&mut self.resources.damage, job)?;
                    return Ok(outcome);
                }
            }
        }
    }

    fn new_buffer(&mut self, job: &mut Job<'_, '_>) -> Result<Buffer> {
        let buffer = self.resources.memory.take(job.source, &job.view)?;
        self.retained.forget(buffer.id());
        Ok(buffer)
    }
}

/// Cancels an unfinished read. The system may still write to its memory, so the memory must not be reused.
fn discard(begun: Option<(View, Begun)>) {
    match begun {
        Some((_, Begun::Owned(buffer))) => buffer.discard(),
        Some((_, Begun::Retained(work, _))) => work.discard(),
        None => {}
    }
}
