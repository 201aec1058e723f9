//! One capture's view of a desktop: how much of what happened it has seen, in the terms of the trait.

use std::sync::Arc;
use std::time::Duration;

use super::desktop::{part, share, Desktop};
use super::outputs::Arrangement;
use super::readback::Scratch;
use super::sharing::Sharing;
use super::turn::Turn;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Damage, ImageRef, Pointer};
use crate::geometry::{Rect, Size};
use crate::source::texture::{Picture, SharedTexture};
use crate::source::{select, Change, OpenOptions, Output, Read, Source};

/// The turns of several captures that share a duplication last no longer than this, because whoever waits keeps the device from the
/// others.
const SHARED_TURN: Duration = Duration::from_millis(2);

/// All outputs of all adapters; exactly one is primary.
///
/// # Errors
/// `Duplication` if there is none.
pub fn outputs() -> Result<Vec<Output>> {
    Arrangement::query()?.infos()
}

/// One output, through Desktop Duplication.
pub struct DxgiSource {
    /// `None` only while this is being dropped.
    desktop: Option<Arc<Turn<Desktop>>>,
    scratch: Option<Scratch>,
    sharing: Sharing,
    clock: Arc<dyn Clock>,
    watch_pointer: bool,
    output: Output,
    generation: u64,
    /// The desktop as it is has not been reported.
    first: bool,
    /// Presents reported.
    presents: u64,
    /// No present was missed before the one reported last.
    keeps_up: bool,
    /// The newest image as of the last wait or read, whichever came later.
    image: u64,
    /// The image of the last call of `damage`, 0 before the first.
    damaged: u64,
    pointer: Pointer,
    /// The loss that only a rebuild cures.
    lost: Option<Error>,
}

impl DxgiSource {
    /// Opens the output that `options` name.
    ///
    /// # Errors
    /// As for [`crate::source::open`].
    pub fn open(options: &OpenOptions) -> Result<Self> {
        let arrangement = Arrangement::query()?;
        let infos = arrangement.infos()?;
        let chosen = select(&infos, options.device, options.output)?;
        let index = infos.iter().position(|info| info == chosen).unwrap_or_default();
        let desktop = share(&arrangement.outputs[index], &arrangement.factory)?;
        let mut source = Self {
            desktop: Some(Arc::clone(&desktop)),
            scratch: None,
            sharing: Sharing::default(),
            clock: Arc::clone(&options.clock),
            watch_pointer: options.watch_pointer,
            output: chosen.clone(),
            generation: 0,
            first: true,
            presents: 0,
            keeps_up: false,
            image: 0,
            damaged: 0,
            pointer: Pointer::default(),
            lost: None,
        };
        source.adopt(&desktop.take());
        Ok(source)
    }

    /// Begins anew with the desktop as it is.
    fn adopt(&mut self, desktop: &Desktop) {
        self.output = desktop.info.clone();
        self.generation = desktop.generation;
        self.presents = desktop.presents;
        self.first = true;
        (self.image, self.damaged) = (0, 0);
        self.let_go();
        self.lost = None;
    }

    /// Gives up what belongs to the device: textures of a lost one keep it alive.
    fn let_go(&mut self) {
        self.scratch = None;
        self.sharing.clear();
    }

    fn desktop(&self) -> Result<Arc<Turn<Desktop>>> {
        let gone = || Error::new(ErrorKind::WrongState, "the capture is closed");
        self.desktop.as_ref().map(Arc::clone).ok_or_else(gone)
    }

    /// The loss that concerns this capture, also one that another capture met, and perhaps overcame.
    fn check(&mut self, desktop: &Desktop) -> Result<()> {
        if self.lost.is_none() && (desktop.lost.is_some() || desktop.generation != self.generation) {
            let passed = || super::hresult::error(super::hresult::ACCESS_LOST, super::hresult::Call::Acquire);
            self.lose(desktop.lost.clone().unwrap_or_else(passed));
        }
        match &self.lost {
            Some(lost) => Err(lost.clone()),
            None => Ok(()),
        }
    }

    fn lose(&mut self, error: Error) -> Error {
        if error.loss().is_some() {
            self.let_go();
            self.lost = Some(error.clone());
        }
        error
    }

    /// Waits for the first image: after a rebuild a caller may want pixels before the first wait. `false` if it does not come in time.
    fn await_image(&mut self, desktop: &mut Desktop, deadline: Duration) -> Result<bool> {
        while !desktop.has_image() {
            let left = deadline.saturating_sub(self.clock.now());
            if left.is_zero() {
                return Ok(false);
            }
            if let Err(error) = desktop.advance(left.min(SHARED_TURN), &*self.clock) {
                return Err(self.lose(error));
            }
        }
        Ok(true)
    }

    /// What this capture has not seen yet.
    fn news(&mut self, desktop: &Desktop) -> Change {
        let mut change = Change::default();
        // Before the first image there is nothing that a pointer could be seen on.
        if !desktop.has_image() {
            return change;
        }
        if self.first || desktop.presents > self.presents {
            change.presents = desktop.presents.saturating_sub(self.presents).max(1);
            change.present_time = desktop.present_time;
            self.keeps_up = change.presents == 1;
            self.presents = desktop.presents;
            self.first = false;
        }
        self.image = desktop.changes.newest();
        change.pointer = self.watch_pointer && differs(&self.pointer, &desktop.pointer);
        if self.pointer != desktop.pointer {
            self.pointer = desktop.pointer.clone();
        }
        change.protected = change.any() && desktop.protected;
        change
    }
}

impl Source for DxgiSource {
    fn output(&self) -> &Output {
        &self.output
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        let deadline = self.clock.now().saturating_add(timeout);
        let shared = self.desktop()?;
        let mut polled = false;
        loop {
            let mut desktop = shared.take();
            self.check(&desktop)?;
            if !polled && desktop.presents > self.presents && desktop.is_overdue(&*self.clock) {
                // What another capture took in, or a read did ahead, need not be the newest by now.
                desktop.advance(Duration::ZERO, &*self.clock).map_err(|error| self.lose(error))?;
            }
            let change = self.news(&desktop);
            let left = deadline.saturating_sub(self.clock.now());
            if change.any() || (polled && left.is_zero()) {
                return Ok(change);
            }
            polled = true;
            // This function and the capture itself make two.
            let alone = Arc::strong_count(&shared) <= 2;
            let turn = if alone { left } else { left.min(SHARED_TURN) };
            if let Err(error) = desktop.advance(turn, &*self.clock) {
                return Err(self.lose(error));
            }
        }
    }

    fn damage(&mut self, _timeout: Duration) -> Result<Damage> {
        let shared = self.desktop()?;
        let desktop = shared.take();
        self.check(&desktop)?;
        let before = std::mem::replace(&mut self.damaged, self.image);
        let everything = || Damage { dirty: vec![self.output.texture_size().rect()], moves: Vec::new() };
        Ok(desktop.changes.between(before, self.image).unwrap_or_else(everything))
    }

    fn read(
        &mut self,
        parts: &[Rect],
        timeout: Duration,
        sink: &mut dyn FnMut(Rect, ImageRef<'_>, &Pointer),
    ) -> Result<Read> {
        let deadline = self.clock.now().saturating_add(timeout);
        let shared = self.desktop()?;
        let mut turn = shared.take();
        self.check(&turn)?;
        check_parts(parts, self.output.texture_size())?;
        if parts.is_empty() {
            return Ok(Read::Done);
        }
        if !self.await_image(&mut turn, deadline)? {
            return Ok(Read::Pending);
        }
        self.pointer.clone_from(&turn.pointer);
        let Desktop { store, device, changes, .. } = &mut *turn;
        self.image = changes.newest();
        let ready = store.read(device, changes, &mut self.scratch, parts, (&*self.clock, deadline));
        let ready = ready.map_err(|error| {
            let error = turn.lose(error);
            self.lose(error)
        })?;
        let Some(ready) = ready else { return Ok(Read::Pending) };
        // Whoever misses presents would find another one instead of that taken ahead.
        if self.keeps_up {
            turn.look_ahead(&*self.clock);
        }
        ready.deliver(parts, &mut |part, image| sink(part, image, &self.pointer));
        let complete = parts.iter().map(|p| p.area()).sum::<u64>() >= self.output.size.area();
        let changed = self.damaged != 0 && self.damaged != self.image;
        Ok(if changed && !complete { Read::Overtaken } else { Read::Done })
    }

    fn can_share(&self) -> Result<()> {
        Ok(())
    }

    fn share(&mut self, picture: &Picture, timeout: Duration) -> Result<Option<SharedTexture>> {
        let deadline = self.clock.now().saturating_add(timeout);
        let shared = self.desktop()?;
        let mut turn = shared.take();
        self.check(&turn)?;
        check_parts(&[picture.region], self.output.size)?;
        if !self.await_image(&mut turn, deadline)? {
            return Ok(None);
        }
        if !self.sharing.has_begun(picture) {
            self.pointer.clone_from(&turn.pointer);
            self.image = turn.changes.newest();
        }
        let shown = self.sharing.show(&mut turn, picture, (&*self.clock, deadline));
        shown.map_err(|error| {
            let error = turn.lose(error);
            self.lose(error)
        })
    }

    fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    fn rebuild(&mut self, _timeout: Duration) -> Result<()> {
        self.let_go();
        let shared = self.desktop()?;
        let mut desktop = shared.take();
        desktop.rebuild().map_err(|error| self.lose(error))?;
        self.adopt(&desktop);
        Ok(())
    }
}

impl Drop for DxgiSource {
    fn drop(&mut self) {
        self.let_go();
        part(&mut self.desktop);
    }
}

/// Whether a user could see the difference.
fn differs(a: &Pointer, b: &Pointer) -> bool {
    a.visible != b.visible || (a.visible && (a.position != b.position || a.shape != b.shape))
}

/// Parts outside of the image have no pixels.
fn check_parts(parts: &[Rect], size: Size) -> Result<()> {
    match parts.iter().find(|part| part.is_empty() || !size.rect().contains(**part)) {
        Some(part) => Err(Error::invalid(format!("the part {part} is not inside {}", size.rect()))),
        None => Ok(()),
    }
}
