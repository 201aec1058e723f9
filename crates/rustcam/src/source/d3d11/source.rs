//! One capture of a screen: what it has seen, and the trait [`Source`].

use std::sync::Arc;
use std::time::Duration;

use super::copies::RegionStaging;
use super::feed::Feed;
use super::screen::Screen;
use super::shared_screen::{FedScreen, SharedScreen};
use super::sharing::Sharing;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::frame::{Damage, Pointer};
use crate::geometry::Rect;
use crate::region::covers;
use crate::source::hresult;
use crate::source::texture::{SharedTexture, TextureRequest};
use crate::source::verdict::{self, Call};
use crate::source::{check_parts, Change, OpenOptions, Outcome, Output, Sink, Source};

/// Captures that share a screen wait in slices of at most this, because a waiting thread blocks the device for the others.
const SHARED_WAIT: Duration = Duration::from_millis(2);

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
    /// The loss, until a rebuild succeeds.
    lost: Option<Error>,
}

impl<F: Feed> D3d11Source<F> {
    /// A capture of `screen`.
    pub(in crate::source) fn new(screen: SharedScreen<F>, options: &OpenOptions) -> Self {
        let view = View::new(&screen.lock().screen, options);
        Self { view, screen }
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
            self.advance(fed, left.min(SHARED_WAIT))?;
        }
        Ok(true)
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
        let deadline = view.clock.now().saturating_add(timeout);
        let mut polled = false;
        loop {
            let mut fed = screen.lock();
            view.check(&fed.screen)?;
            let unreported = view.first || fed.screen.presents > view.presents;
            if !polled && unreported && fed.screen.is_overdue(&*view.clock) {
                // An image that another capture or a look-ahead has added need not be the newest any more.
                view.advance(&mut fed, Duration::ZERO)?;
            }
            let change = view.unreported(&fed);
            let left = deadline.saturating_sub(view.clock.now());
            if change.any() || (polled && left.is_zero()) {
                return Ok(change);
            }
            polled = true;
            let wait = if screen.is_alone() { left } else { left.min(SHARED_WAIT) };
            view.advance(&mut fed, wait)?;
        }
    }

    fn damage(&mut self, _timeout: Duration) -> Result<Damage> {
        let Self { view, screen } = self;
        let fed = screen.lock();
        view.check(&fed.screen)?;
        let before = std::mem::replace(&mut view.damaged, view.image);
        let damage = fed.screen.changes.between(before, view.image);
        Ok(damage.unwrap_or_else(|| Damage::everything(view.output.texture_size().rect())))
    }

    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
        let Self { view, screen } = self;
        let deadline = view.clock.now().saturating_add(timeout);
        let mut fed = screen.lock();
        view.check(&fed.screen)?;
        let whole = view.output.texture_size().rect();
        check_parts(parts, whole)?;
        if parts.is_empty() {
            return Ok(Outcome::Done(()));
        }
        if !view.await_image(&mut fed, deadline)? {
            return Ok(Outcome::Pending);
        }
        view.pointer.clone_from(&fed.screen.pointer);
        let Screen { copies, device, changes, .. } = &mut fed.screen;
        view.image = changes.newest();
        let mapped = copies.map(device, changes, &mut view.region_staging, parts, (&*view.clock, deadline));
        let mapped = mapped.map_err(|error| view.lose(fed.lose(error)))?;
        let Some(mapped) = mapped else { return Ok(Outcome::Pending) };
        // For a reader that misses presents, a look-ahead is wasted: its next read shows a newer image.
        if view.keeps_up {
            fed.look_ahead(&*view.clock);
        }
        mapped.deliver(parts, &mut |part, image| sink(part, image, &view.pointer));
        let changed = view.damaged != 0 && view.damaged != view.image;
        Ok(if changed && !covers(parts, whole) { Outcome::Overtaken(()) } else { Outcome::Done(()) })
    }

    fn can_share(&self) -> Result<()> {
        Ok(())
    }

    fn share(&mut self, request: &TextureRequest, timeout: Duration) -> Result<Outcome<SharedTexture>> {
        let Self { view, screen } = self;
        let deadline = view.clock.now().saturating_add(timeout);
        let mut fed = screen.lock();
        view.check(&fed.screen)?;
        check_parts(&[request.region], view.output.size.rect())?;
        if !view.await_image(&mut fed, deadline)? {
            return Ok(Outcome::Pending);
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

    fn rebuild(&mut self, _timeout: Duration) -> Result<()> {
        let Self { view, screen } = self;
        view.free_textures();
        let mut fed = screen.lock();
        fed.rebuild().map_err(|error| view.lose(error))?;
        view.restart(&fed.screen);
        Ok(())
    }
}
