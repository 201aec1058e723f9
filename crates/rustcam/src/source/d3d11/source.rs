//! One capture of a screen: the trait [`Source`].

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::feed::{Feed, FeedInfo};
use super::power::DisplayRequired;
use super::priority::CaptureThread;
use super::shared_screen::SharedScreen;
use super::view::{View, POLL};
use crate::color::{Color, ToneMapping};
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::{Damage, Pointer};
use crate::geometry::Rect;
use crate::region::covers;
use crate::source::hresult;
use crate::source::scaling::{ScaleRequest, ScaledSink};
use crate::source::texture::{SharedTexture, TextureRequest};
use crate::source::verdict;
use crate::source::{check_parts, Change, OpenOptions, Outcome, Output, Sink, Source, SourceStats, Waker};

/// How long a capture that has just been opened waits for the others to unlock the screen.
const OPEN_WAIT: Duration = Duration::from_secs(5);

/// One capture of a screen whose images come from `F`.
pub(in crate::source) struct D3d11Source<F: Feed + 'static> {
    // The order of the fields matters: textures are freed before the screen, whose device made them.
    view: View,
    screen: SharedScreen<F>,
    /// Ends a wait of the feed.
    waker: Option<Waker>,
    /// What the feed was when the screen was opened or regained.
    info: FeedInfo,
}

impl<F: Feed> D3d11Source<F> {
    /// A capture of `screen`.
    ///
    /// # Errors
    /// `Duplication` if another capture uses the screen for long.
    pub(in crate::source) fn new(screen: SharedScreen<F>, options: &OpenOptions) -> Result<Self> {
        let clock = &*options.clock;
        let (view, waker, info) = match screen.lock(clock, clock.now().saturating_add(OPEN_WAIT)) {
            Some(mut fed) => {
                if !screen.is_alone() {
                    fed.screen.copies.need_whole();
                }
                (View::new(&fed.screen, options), fed.feed.waker(), fed.feed.info())
            }
            None => return Err(in_use(ErrorKind::Duplication)),
        };
        Ok(Self { view, screen, waker, info })
    }
}

impl<F: Feed> Source for D3d11Source<F> {
    fn output(&self) -> &Output {
        &self.view.output
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        let Self { view, screen, .. } = self;
        let clock = Arc::clone(&view.clock);
        let deadline = clock.now().saturating_add(timeout);
        let mut polled = false;
        loop {
            let Some(mut fed) = screen.lock(&*clock, view.lock_until(deadline)) else { return Ok(Change::NOTHING) };
            view.check(&fed.screen)?;
            let unreported = view.first || fed.screen.presents > view.presents;
            if !polled && unreported && fed.screen.is_overdue(&*clock) {
                // An image that another capture or a look-ahead has added need not be the newest any more.
                view.advance(&mut fed, Duration::ZERO)?;
            }
            let change = view.unreported(&fed);
            let left = deadline.saturating_sub(clock.now());
            if change.any() || (polled && left.is_zero()) {
                return Ok(change);
            }
            if screen.is_alone() {
                polled = true;
                let pointer_frames = fed.screen.pointer_frames;
                view.advance(&mut fed, left)?;
                if fed.feed.was_woken() {
                    return Ok(Change { interrupted: true, ..view.unreported(&fed) });
                }
                let news = view.first || fed.screen.presents > view.presents || view.watch_pointer;
                if !news && fed.screen.pointer_frames != pointer_frames {
                    // A mouse may report thousands of movements per second, which nobody has asked for.
                    drop(fed);
                    let end = clock.now().saturating_add(POLL).min(deadline);
                    clock.wait(screen.news(), screen.news().count(), end);
                }
                continue;
            }
            let seen = screen.news().count();
            let next = fed.polled.saturating_add(POLL);
            if !polled || clock.now() >= next {
                polled = true;
                fed.polled = clock.now();
                let known = fed.screen.changes.newest();
                let advanced = view.advance(&mut fed, Duration::ZERO);
                if advanced.is_err() || fed.screen.changes.newest() != known {
                    screen.news().notify();
                }
                advanced?;
                continue;
            }
            drop(fed);
            clock.wait(screen.news(), seen, next.min(deadline));
        }
    }

    fn waker(&self) -> Option<Waker> {
        self.waker.clone()
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        let Self { view, screen, .. } = self;
        let deadline = view.clock.now().saturating_add(timeout);
        let everything = Damage::everything(view.output.texture_size().rect());
        let Some(fed) = screen.lock(&*view.clock, view.lock_until(deadline)) else {
            view.damaged = 0;
            return Ok(everything);
        };
        view.check(&fed.screen)?;
        let before = std::mem::replace(&mut view.damaged, view.image);
        let damage = fed.screen.changes.between(before, view.image);
        Ok(damage.unwrap_or(everything))
    }

    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
        let Self { view, screen, .. } = self;
        let deadline = view.clock.now().saturating_add(timeout);
        let locked = screen.lock(&*view.clock, view.lock_until(deadline));
        let Some(mut fed) = locked else { return Ok(Outcome::Pending) };
        view.check(&fed.screen)?;
        let whole = view.output.texture_size().rect();
        check_parts(parts, whole)?;
        if parts.is_empty() {
            return Ok(Outcome::Done(()));
        }
        let outcome = loop {
            if !view.await_image(&mut fed, deadline)? {
                return Ok(Outcome::Pending);
            }
            view.pointer.clone_from(&fed.screen.pointer);
            view.image = fed.screen.changes.newest();
            view.see_color(&fed.screen);
            let changed = view.damaged != 0 && view.damaged != view.image;
            let outcome = if changed && !covers(parts, whole) { Outcome::Overtaken(()) } else { Outcome::Done(()) };
            let in_memory = fed.read_in_memory(parts, &mut |part, image| sink(part, image, &view.pointer));
            if in_memory.map_err(|error| view.lose(fed.lose(error)))? {
                return Ok(outcome);
            }
            if view.provide(&mut fed, parts, screen.is_alone()).map_err(|error| view.lose(fed.lose(error)))? {
                break outcome;
            }
        };
        let mapped = view.map(&mut fed.screen, parts, deadline);
        let mapped = mapped.map_err(|error| view.lose(fed.lose(error)))?;
        let Some(mapped) = mapped else { return Ok(Outcome::Pending) };
        if view.look_ahead.pays() {
            fed.look_ahead(&*view.clock);
            view.look_ahead.added(fed.screen.changes.newest(), view.image);
        }
        mapped.deliver(parts, &mut |part, image| sink(part, image, &view.pointer));
        Ok(outcome)
    }

    fn read_scaled(&mut self, request: &ScaleRequest, timeout: Duration, sink: &mut ScaledSink<'_>) -> Result<Outcome> {
        let Self { view, screen, .. } = self;
        let deadline = view.clock.now().saturating_add(timeout);
        let locked = screen.lock(&*view.clock, view.lock_until(deadline));
        let Some(mut fed) = locked else { return Ok(Outcome::Pending) };
        view.check(&fed.screen)?;
        request.check(view.output.size)?;
        if request.steps.is_empty() {
            return Ok(Outcome::Done(()));
        }
        let whole = view.output.texture_size().rect();
        loop {
            if !view.await_image(&mut fed, deadline)? {
                return Ok(Outcome::Pending);
            }
            view.see_color(&fed.screen);
            let can_scale = view.can_scale(&fed.screen, request).map_err(|error| view.lose(fed.lose(error)))?;
            // Pixels in memory that the processor reads cost nothing to read.
            if !can_scale || fed.feed.is_in_memory() {
                return Ok(Outcome::Unsupported);
            }
            fed.screen.copies.need_whole();
            if fed.provide(whole).map_err(|error| view.lose(fed.lose(error)))? {
                break;
            }
        }
        let scaled = view.scale(&mut fed.screen, request, deadline);
        let scaled = scaled.map_err(|error| view.lose(fed.lose(error)))?;
        let Some(parts) = scaled else { return Ok(Outcome::Pending) };
        let changed = view.damaged != 0 && view.damaged != view.image;
        parts.deliver(sink);
        Ok(if changed && !parts.show(whole) { Outcome::Overtaken(()) } else { Outcome::Done(()) })
    }

    fn set_tone_mapping(&mut self, mapping: Option<ToneMapping>) {
        self.view.mapping = mapping;
    }

    fn can_share(&self) -> Result<()> {
        Ok(())
    }

    fn share(&mut self, request: &TextureRequest, timeout: Duration) -> Result<Outcome<SharedTexture>> {
        let Self { view, screen, .. } = self;
        let deadline = view.clock.now().saturating_add(timeout);
        let locked = screen.lock(&*view.clock, view.lock_until(deadline));
        let Some(mut fed) = locked else { return Ok(Outcome::Pending) };
        view.check(&fed.screen)?;
        check_parts(&[request.region], view.output.size.rect())?;
        let whole = view.output.texture_size().rect();
        loop {
            if !view.await_image(&mut fed, deadline)? {
                return Ok(Outcome::Pending);
            }
            fed.screen.copies.need_whole();
            if fed.provide(whole).map_err(|error| view.lose(fed.lose(error)))? {
                break;
            }
        }
        if !view.shares(request) {
            view.pointer.clone_from(&fed.screen.pointer);
            view.image = fed.screen.changes.newest();
        }
        let shared = view.share(&mut fed.screen, request, deadline);
        shared.map_err(|error| view.lose(fed.lose(error)))
    }

    fn pointer(&self) -> &Pointer {
        &self.view.pointer
    }

    fn pointer_in_image(&self) -> bool {
        self.info.pointer_in_image
    }

    fn rebuild(&mut self, timeout: Duration) -> Result<()> {
        let Self { view, screen, info, .. } = self;
        view.free_textures();
        let deadline = view.clock.now().saturating_add(timeout);
        let Some(mut fed) = screen.lock(&*view.clock, deadline) else {
            return Err(view.lose(in_use(ErrorKind::AccessLost)));
        };
        fed.rebuild().map_err(|error| view.lose(error))?;
        view.restart(&fed.screen);
        *info = fed.feed.info();
        Ok(())
    }

    fn warm_up(&mut self, part: Rect) {
        let Self { view, screen, .. } = self;
        let Some(mut fed) = screen.lock(&*view.clock, view.lock_until(Duration::ZERO)) else { return };
        if fed.feed.is_in_memory() || fed.screen.lost.is_some() || fed.screen.changes.newest() > 0 {
            return;
        }
        // A device that fails here fails again at the first read, which reports it.
        let _ = view.warm_up(&mut fed.screen, part);
    }

    fn color(&self) -> Color {
        self.view.color
    }

    fn fallback(&self) -> Option<&str> {
        self.info.fallback.as_deref().or_else(|| self.view.fallback())
    }

    fn other_backend(&self) -> Option<&'static str> {
        self.info.other_backend
    }

    fn keep_awake(&mut self, on: bool) {
        let awake = &mut self.view.awake;
        *awake = if on { awake.take().or_else(DisplayRequired::request) } else { None };
    }

    fn prioritise_thread(&mut self) -> Option<Box<dyn Any>> {
        let thread = CaptureThread::begin();
        self.view.thread_priority = Some(thread.is_some());
        thread.map(|thread| Box::new(thread) as Box<dyn Any>)
    }

    fn stats(&self) -> SourceStats {
        self.view.work.stats(self.view.thread_priority)
    }
}

/// The error while another capture of this process uses the screen: it may wait for a driver to reset.
fn in_use(kind: ErrorKind) -> Error {
    Error::new(kind, "another capture of this process uses the screen")
        .with_code(hresult::ACCESS_LOST)
        .with_hint(verdict::PASSES)
        .with_loss(Loss::Transient)
}
