//! One capture of a screen: what it has seen, and the trait [`Source`].

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::feed::Feed;
use super::power::DisplayRequired;
use super::priority::CaptureThread;
use super::region_staging::RegionStaging;
use super::screen::Screen;
use super::shared_screen::{FedScreen, SharedScreen};
use super::sharing::Sharing;
use super::work::Work;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::{Damage, Pointer};
use crate::geometry::Rect;
use crate::region::{bounds, covers};
use crate::source::hresult;
use crate::source::texture::{SharedTexture, TextureRequest};
use crate::source::verdict::{self, Call};
use crate::source::{check_parts, Change, OpenOptions, Outcome, Output, Sink, Source, SourceStats};

/// Captures that share a screen poll it so often, all together. A thread that waits for a frame blocks the device for the others, up to the
/// next tick of the system's timer, whatever its timeout.
const POLL: Duration = Duration::from_millis(1);

/// How long a call waits for another capture to unlock the screen, beyond its own timeout.
const LOCK_GRACE: Duration = Duration::from_millis(25);

/// How long a capture that has just been opened waits for the others to unlock the screen.
const OPEN_WAIT: Duration = Duration::from_secs(5);

/// One capture of a screen whose images come from `F`.
pub(in crate::source) struct D3d11Source<F: Feed + 'static> {
    // The order of the fields matters: textures are freed before the screen, whose device made them.
    view: View,
    screen: SharedScreen<F>,
}

/// What one capture has seen of its screen, and its own textures.
struct View {
    region_staging: Option<RegionStaging>,
    sharing: Sharing,
    clock: Arc<dyn Clock>,
    watch_pointer: bool,
    output: Output,
    generation: u64,
    /// No wait has reported the screen since it was opened or regained.
    first: bool,
    /// Presents reported.
    presents: u64,
    /// The last report contained a single present, so none was missed.
    keeps_up: bool,
    /// The newest image as of the last wait or read, whichever came later.
    image: u64,
    /// The image at the last call of `damage`, 0 before the first.
    damaged: u64,
    pointer: Pointer,
    work: Arc<Work>,
    /// Whether the system gave the capture thread its priority; `None` if there is no such thread.
    thread_priority: Option<bool>,
    awake: Option<DisplayRequired>,
    /// The loss, until a rebuild succeeds.
    lost: Option<Error>,
}

impl<F: Feed> D3d11Source<F> {
    /// A capture of `screen`.
    ///
    /// # Errors
    /// `Duplication` if another capture uses the screen for long.
    pub(in crate::source) fn new(screen: SharedScreen<F>, options: &OpenOptions) -> Result<Self> {
        let clock = &*options.clock;
        let view = match screen.lock(clock, clock.now().saturating_add(OPEN_WAIT)) {
            Some(mut fed) => {
                if !screen.is_alone() {
                    fed.screen.copies.need_whole();
                }
                View::new(&fed.screen, options)
            }
            None => return Err(in_use(ErrorKind::Duplication)),
        };
        Ok(Self { view, screen })
    }
}

impl View {
    fn new(screen: &Screen, options: &OpenOptions) -> Self {
        Self {
            region_staging: None,
            sharing: Sharing::default(),
            clock: Arc::clone(&options.clock),
            watch_pointer: options.watch_pointer,
            output: screen.output.clone(),
            generation: screen.generation,
            first: true,
            presents: screen.presents,
            keeps_up: false,
            image: 0,
            damaged: 0,
            pointer: Pointer::default(),
            work: Arc::clone(&screen.device.work),
            thread_priority: None,
            awake: None,
            lost: None,
        }
    }

    /// Starts again with the screen as it is.
    fn restart(&mut self, screen: &Screen) {
        self.output = screen.output.clone();
        self.generation = screen.generation;
        self.presents = screen.presents;
        self.first = true;
        (self.image, self.damaged) = (0, 0);
        self.free_textures();
        self.lost = None;
    }

    /// Frees the textures: those of a lost device keep it alive.
    fn free_textures(&mut self) {
        self.region_staging = None;
        self.sharing.clear();
    }

    /// Fails with the loss of the screen, even if another capture met it and has already recovered from it.
    fn check(&mut self, screen: &Screen) -> Result<()> {
        if self.lost.is_none() && (screen.lost.is_some() || screen.generation != self.generation) {
            let recovered_by_another = || verdict::error(hresult::ACCESS_LOST, Call::Acquire);
            self.lose(screen.lost.clone().unwrap_or_else(recovered_by_another));
        }
        match &self.lost {
            Some(lost) => Err(lost.clone()),
            None => Ok(()),
        }
    }

    fn lose(&mut self, error: Error) -> Error {
        if error.loss().is_some() {
            self.free_textures();
            self.lost = Some(error.clone());
        }
        error
    }

    fn advance<F: Feed>(&mut self, fed: &mut FedScreen<F>, timeout: Duration) -> Result<()> {
        fed.advance(timeout, &*self.clock).map_err(|error| self.lose(error))
    }

    /// Waits for the first image: after a rebuild a caller may read before the first wait. `false` if there is none at `deadline`.
    fn await_image<F: Feed>(&mut self, fed: &mut FedScreen<F>, deadline: Duration) -> Result<bool> {
        while !fed.feed.has_image() {
            let left = deadline.saturating_sub(self.clock.now());
            if left.is_zero() {
                return Ok(false);
            }
            self.advance(fed, left.min(POLL))?;
        }
        Ok(true)
    }

    /// How long a call with this deadline waits for exclusive use of the screen.
    fn lock_until(&self, deadline: Duration) -> Duration {
        deadline.max(self.clock.now().saturating_add(LOCK_GRACE))
    }

    /// What this capture has not reported yet.
    fn unreported<F: Feed>(&mut self, fed: &FedScreen<F>) -> Change {
        let mut change = Change::default();
        // Before the first image there is nothing to report, not even the pointer.
        if !fed.feed.has_image() {
            return change;
        }
        let screen = &fed.screen;
        if self.first || screen.presents > self.presents {
            change.presents = screen.presents.saturating_sub(self.presents).max(1);
            change.present_time = screen.present_time;
            self.keeps_up = change.presents == 1;
            self.presents = screen.presents;
            self.first = false;
        }
        self.image = screen.changes.newest();
        change.pointer = self.watch_pointer && !self.pointer.looks_like(&screen.pointer);
        if self.pointer != screen.pointer {
            self.pointer = screen.pointer.clone();
        }
        change.protected = change.any() && screen.protected;
        change
    }
}

impl<F: Feed> Source for D3d11Source<F> {
    fn output(&self) -> &Output {
        &self.view.output
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        let Self { view, screen } = self;
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

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        let Self { view, screen } = self;
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
        let Self { view, screen } = self;
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
            let changed = view.damaged != 0 && view.damaged != view.image;
            let outcome = if changed && !covers(parts, whole) { Outcome::Overtaken(()) } else { Outcome::Done(()) };
            let in_memory = fed.read_in_memory(parts, &mut |part, image| sink(part, image, &view.pointer));
            if in_memory.map_err(|error| view.lose(fed.lose(error)))? {
                return Ok(outcome);
            }
            let Screen { copies, changes, .. } = &mut fed.screen;
            copies.note_read(bounds(parts), changes, screen.is_alone());
            if fed.provide(bounds(parts)).map_err(|error| view.lose(fed.lose(error)))? {
                break outcome;
            }
        };
        let Screen { copies, device, changes, .. } = &mut fed.screen;
        let mapped = copies.map(device, changes, &mut view.region_staging, parts, (&*view.clock, deadline));
        let mapped = mapped.map_err(|error| view.lose(fed.lose(error)))?;
        let Some(mapped) = mapped else { return Ok(Outcome::Pending) };
        // For a reader that misses presents, a look-ahead is wasted: its next read shows a newer image.
        if view.keeps_up {
            fed.look_ahead(&*view.clock);
        }
        mapped.deliver(parts, &mut |part, image| sink(part, image, &view.pointer));
        Ok(outcome)
    }

    fn can_share(&self) -> Result<()> {
        Ok(())
    }

    fn share(&mut self, request: &TextureRequest, timeout: Duration) -> Result<Outcome<SharedTexture>> {
        let Self { view, screen } = self;
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
        if !view.sharing.has_begun(request) {
            view.pointer.clone_from(&fed.screen.pointer);
            view.image = fed.screen.changes.newest();
        }
        let shared = view.sharing.share(&mut fed.screen, request, (&*view.clock, deadline));
        shared.map_err(|error| view.lose(fed.lose(error)))
    }

    fn pointer(&self) -> &Pointer {
        &self.view.pointer
    }

    fn rebuild(&mut self, timeout: Duration) -> Result<()> {
        let Self { view, screen } = self;
        view.free_textures();
        let deadline = view.clock.now().saturating_add(timeout);
        let Some(mut fed) = screen.lock(&*view.clock, deadline) else {
            return Err(view.lose(in_use(ErrorKind::AccessLost)));
        };
        fed.rebuild().map_err(|error| view.lose(error))?;
        view.restart(&fed.screen);
        Ok(())
    }

    fn warm_up(&mut self, part: Rect) {
        let Self { view, screen } = self;
        let clock = &*view.clock;
        let Some(mut fed) = screen.lock(clock, view.lock_until(Duration::ZERO)) else { return };
        let in_memory = fed.feed.is_in_memory();
        let Screen { copies, device, lost, changes, .. } = &mut fed.screen;
        if in_memory || lost.is_some() || changes.newest() > 0 {
            return;
        }
        // A device that fails here fails again at the first read, which reports it.
        let _ = copies.warm_up(device, &mut view.region_staging, part, clock);
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
