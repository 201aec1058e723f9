//! The window that a source captures: which one it is, and what happens to it.

use std::time::Duration;

use super::super::output::Output;
use super::super::window::{select_window, WindowArea, WindowTarget};
use super::script::Script;
use super::window_script::Border;
use super::window_states::{Opened, State, Windows};
use super::world::World;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::geometry::{Rect, Size};

/// A window and what is known about it as of the last rebuild.
pub(super) struct FollowedWindow {
    windows: Windows,
    target: WindowTarget,
    index: usize,
    opened: Opened,
    /// The one whose pixels are delivered: that of the last rebuild that succeeded.
    shown: Opened,
    size: Size,
    title: String,
    /// Why it is lost, until it is rebuilt.
    lost: Option<Error>,
}

impl FollowedWindow {
    /// The window that `target` chooses, as `script` begins.
    ///
    /// # Errors
    /// `InvalidArgument` that lists the candidates, if it chooses none or several.
    pub(super) fn open(script: &Script, target: &WindowTarget) -> Result<Self> {
        let windows = Windows::new(script);
        let (index, opened) = choose(&windows, target, Duration::ZERO)?;
        let State { size, title, .. } = windows.state(index, Duration::ZERO).clone();
        Ok(Self { windows, target: target.clone(), index, opened, shown: opened, size, title, lost: None })
    }

    /// What it shows.
    pub(super) fn world(&self, script: &Script) -> World {
        World::of_window(script, &self.windows, self.index, self.target.area)
    }

    /// The captured part of it at `time`.
    pub(super) fn describe(&self, time: Duration) -> Output {
        let state = self.windows.state(self.index, time);
        Output::window(&*state.title, self.captured(state.client()))
    }

    /// The frame around the client area, if it is captured, too.
    pub(super) fn border(&self) -> Option<Border> {
        (self.target.area == WindowArea::Whole).then(|| self.windows.scripted(self.index).border)
    }

    fn captured(&self, client: Rect) -> Rect {
        self.border().map_or(client, |border| border.around(client))
    }

    /// When something may happen to it next.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        self.windows.next(now)
    }

    /// Fails if it is lost, until [`FollowedWindow::rebuild`] succeeds, or closed.
    pub(super) fn check(&mut self, now: Duration) -> Result<()> {
        if self.lost.is_none() {
            self.lost = self.loss(now);
        }
        self.lost.clone().map_or(Ok(()), Err)
    }

    fn loss(&mut self, now: Duration) -> Option<Error> {
        let state = self.windows.state(self.index, now);
        if state.opened != Some(self.opened) {
            return Some(self.closed());
        }
        self.title.clone_from(&state.title);
        if state.minimized {
            return Some(minimized());
        }
        if state.size != self.size {
            let [old, new] = [self.size, state.size].map(|size| self.captured(size.rect()).size());
            let message = format!("the window changed its size from {old} to {new}");
            return Some(passing(message).with_hint("The next image has the new size"));
        }
        None
    }

    fn closed(&self) -> Error {
        let error = Error::new(ErrorKind::AccessLost, format!("the window {:?} was closed", self.title));
        if self.target.choice.is_by_title() {
            return error.with_loss(Loss::Transient).with_hint("It is looked for again by its title");
        }
        error.with_hint("A window that is chosen by its title, or by an expression, is looked for again")
    }

    /// Makes one attempt to get it back, with the size that it has now. Returns whether it is another window.
    ///
    /// # Errors
    /// A loss while it is minimised, or while none or several windows have its title; a final error if it is closed and was chosen by its
    /// handle.
    pub(super) fn rebuild(&mut self, now: Duration) -> Result<bool> {
        if self.windows.state(self.index, now).opened != Some(self.opened) {
            self.find_again(now).inspect_err(|error| self.lost = Some(error.clone()))?;
        }
        let state = self.windows.state(self.index, now);
        self.title.clone_from(&state.title);
        if state.minimized {
            self.lost = Some(minimized());
            return Err(minimized());
        }
        (self.size, self.lost) = (state.size, None);
        Ok(std::mem::replace(&mut self.shown, self.opened) != self.opened)
    }

    fn find_again(&mut self, now: Duration) -> Result<()> {
        let closed = self.closed();
        if closed.loss().is_none() {
            return Err(closed);
        }
        (self.index, self.opened) = choose(&self.windows, &self.target, now)
            .map_err(|error| passing(format!("{}; {}", closed.message(), error.message())))?;
        Ok(())
    }
}

/// The index of the one window that `target` chooses at `time`.
fn choose(windows: &Windows, target: &WindowTarget, time: Duration) -> Result<(usize, Opened)> {
    let listed = windows.listed(time);
    let handle = select_window(&listed, &target.choice)?.handle;
    Ok(windows.opened(handle, time).expect("a listed window is open"))
}

fn minimized() -> Error {
    passing("the window is minimised").with_hint("It shows nothing until it is restored")
}

fn passing(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::AccessLost, message).with_loss(Loss::Transient)
}
