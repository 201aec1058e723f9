//! The windows of a script as a function of time.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::geometry::{Point, Rect, Size};

use super::super::window::Window;
use super::script::{Action, Script};
use super::window_script::{ScriptedWindow, Start, WindowAction};

/// The first number of a window that the script gives none.
const FIRST_HANDLE: u64 = 1001;

/// All windows of a script at every time.
pub(super) struct Windows {
    scripted: Vec<ScriptedWindow>,
    /// In the order of time; the first is that of the beginning.
    arrangements: Vec<Arrangement>,
}

/// What holds from `at` on.
#[derive(Clone)]
struct Arrangement {
    at: Duration,
    /// The windows from the lowest to the highest, as indices.
    order: Vec<usize>,
    states: Vec<State>,
}

/// One window at one time.
#[derive(Clone)]
pub(super) struct State {
    /// `None` while it is closed.
    pub(super) opened: Option<Opened>,
    pub(super) minimized: bool,
    pub(super) place: Point,
    pub(super) size: Size,
    pub(super) title: String,
}

/// One window from its opening to its closing. Another one is never equal to it, also if it has the same handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) handle: u64,
    /// How many were opened before.
    serial: u64,
}

impl State {
    /// Its client area on the desktop.
    pub(super) fn client(&self) -> Rect {
        Rect::at(self.place, self.size)
    }
}

impl Windows {
    pub(super) fn new(script: &Script) -> Self {
        let scripted = script.windows.clone();
        let mut numbers = Numbers::new(&scripted);
        let start = scripted.iter().map(|window| State {
            opened: (window.start != Start::Closed).then(|| numbers.next(window)),
            minimized: window.start == Start::Minimized,
            place: window.place,
            size: window.size,
            title: window.name.clone(),
        });
        let mut now = Arrangement { at: Duration::ZERO, order: (0..scripted.len()).collect(), states: start.collect() };
        let mut arrangements = vec![now.clone()];
        for event in script.sorted_events() {
            let Action::Window(name, action) = &event.action else { continue };
            if matches!(action, WindowAction::Present(_)) {
                continue;
            }
            let Some(index) = scripted.iter().position(|window| window.name == *name) else { continue };
            now.at = event.at;
            now.apply(index, action, || numbers.next(&scripted[index]));
            arrangements.push(now.clone());
        }
        Self { scripted, arrangements }
    }

    fn at(&self, time: Duration) -> &Arrangement {
        &self.arrangements[self.arrangements.partition_point(|a| a.at <= time).max(1) - 1]
    }

    /// When something about the windows changes next after `time`.
    pub(super) fn next(&self, time: Duration) -> Option<Duration> {
        self.arrangements.get(self.arrangements.partition_point(|a| a.at <= time)).map(|a| a.at)
    }

    pub(super) fn scripted(&self, index: usize) -> &ScriptedWindow {
        &self.scripted[index]
    }

    /// The window with this index at `time`.
    pub(super) fn state(&self, index: usize, time: Duration) -> &State {
        &self.at(time).states[index]
    }

    /// The states of the window with this index and the times from which they hold.
    pub(super) fn states(&self, index: usize) -> impl Iterator<Item = (Duration, &State)> {
        self.arrangements.iter().map(move |a| (a.at, &a.states[index]))
    }

    /// The windows that are open at `time`, the highest first.
    pub(super) fn listed(&self, time: Duration) -> Vec<Window> {
        let now = self.at(time);
        let window = |&index: &usize| {
            let (state, scripted) = (&now.states[index], &self.scripted[index]);
            Some(Window {
                title: state.title.clone(),
                app: scripted.app.clone(),
                pid: scripted.pid,
                minimized: state.minimized,
                ..Window::new(state.opened?.handle, state.client())
            })
        };
        now.order.iter().rev().filter_map(window).collect()
    }

    /// The window that has this handle at `time`.
    pub(super) fn opened(&self, handle: u64, time: Duration) -> Option<(usize, Opened)> {
        let states = self.at(time).states.iter().enumerate();
        let mut open = states.filter_map(|(index, state)| Some((index, state.opened?)));
        open.find(|(_, opened)| opened.handle == handle)
    }

    /// A handle that two windows have at the same time, if there is one.
    pub(super) fn handle_in_use_twice(&self) -> Option<u64> {
        self.arrangements.iter().find_map(|arrangement| {
            let mut seen = BTreeSet::new();
            let mut handles = arrangement.states.iter().filter_map(|state| state.opened).map(|opened| opened.handle);
            handles.find(|handle| !seen.insert(*handle))
        })
    }
}

impl Arrangement {
    /// A closed window changes, too: it is opened as it is then.
    fn apply(&mut self, index: usize, action: &WindowAction, new: impl FnOnce() -> Opened) {
        let state = &mut self.states[index];
        match action {
            WindowAction::Move(place) => state.place = *place,
            WindowAction::Resize(size) => state.size = *size,
            WindowAction::Title(title) => title.clone_into(&mut state.title),
            WindowAction::Minimize => state.minimized = state.opened.is_some(),
            WindowAction::Restore => {
                state.minimized = false;
                self.raise(index);
            }
            WindowAction::Close => (state.opened, state.minimized) = (None, false),
            WindowAction::Open if state.opened.is_none() => {
                state.opened = Some(new());
                self.raise(index);
            }
            WindowAction::Present(_) | WindowAction::Open => {}
            WindowAction::Raise => self.raise(index),
        }
    }

    fn raise(&mut self, index: usize) {
        self.order.retain(|other| *other != index);
        self.order.push(index);
    }
}

/// Gives each window that is opened a handle.
struct Numbers {
    serial: u64,
    next: u64,
    /// Those that the script gives.
    taken: BTreeSet<u64>,
}

impl Numbers {
    fn new(windows: &[ScriptedWindow]) -> Self {
        let taken = windows.iter().filter_map(|window| window.handle).collect();
        Self { serial: 0, next: FIRST_HANDLE, taken }
    }

    fn next(&mut self, window: &ScriptedWindow) -> Opened {
        self.serial += 1;
        let handle = window.handle.unwrap_or_else(|| {
            while self.taken.contains(&self.next) {
                self.next += 1;
            }
            self.next += 1;
            self.next - 1
        });
        Opened { handle, serial: self.serial }
    }
}
