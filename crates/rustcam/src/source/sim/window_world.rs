//! What a window shows: a world of its own, in which its sizes are the modes.

use super::super::window::WindowArea;
use super::modes::modes;
use super::pointer_track::{PointerTrack, Viewer};
use super::script::{Action, Cause, Event, Script};
use super::window_script::{Pace, WindowAction};
use super::window_states::Windows;
use super::world::{outages, World};
use crate::geometry::Rotation;

impl World {
    /// What the client area of a window shows; `None` if `script` has no window that is called `title` at the beginning. Its presents are
    /// numbered from 1 at time 0 and go on while the window is minimised or closed.
    pub fn window(script: &Script, title: &str) -> Option<Self> {
        let index = script.windows.iter().position(|window| window.name == title)?;
        Some(Self::of_window(script, &Windows::new(script), index, WindowArea::Client))
    }

    /// What the client area of the window with this index shows. The pointer is seen from the captured `area` of it.
    pub(super) fn of_window(script: &Script, windows: &Windows, index: usize, area: WindowArea) -> Self {
        let window = windows.scripted(index);
        let all = script.sorted_events();
        let events = own_events(&all, windows, index);
        let desktop = modes(script, &all).iter().map(|mode| (mode.at, mode.size)).collect();
        let captured = |client| match area {
            WindowArea::Client => client,
            WindowArea::Whole => window.border.around(client),
        };
        let areas = windows.states(index).map(|(at, state)| (at, captured(state.client()))).collect();
        let pointer_track = PointerTrack::new(script, &all, Viewer::Window { desktop, areas });
        let mut own = script.clone();
        (own.size, own.rotation, own.full) = (window.size, Rotation::None, script.full || window.full);
        match window.pace {
            None => {}
            Some(Pace::Static) => own.every = None,
            Some(Pace::Every(n)) => own.every = Some(n),
        }
        let losses: Vec<Event> = all.into_iter().filter(|event| is_lost_by(&event.action)).collect();
        Self::assemble(own, &events, (index + 1, &window.name), pointer_track, outages(&losses))
    }
}

/// The events that change what the window with this index shows, as those of an output.
fn own_events(all: &[Event], windows: &Windows, index: usize) -> Vec<Event> {
    let window = windows.scripted(index);
    let mut size = window.size;
    let own = all.iter().filter_map(|event| {
        let action = match &event.action {
            Action::Color(_) | Action::White(_) | Action::Protect(_) => event.action.clone(),
            Action::Window(name, WindowAction::Present(present)) if *name == window.name => {
                Action::Present(present.clone())
            }
            Action::Window(name, WindowAction::Resize(new)) if *name == window.name && *new != size => {
                size = *new;
                Action::Mode(size, None)
            }
            _ => return None,
        };
        Some(Event { at: event.at, action })
    });
    own.collect()
}

/// Whether an event of the desktop ends the capture of a window, too. Where outputs are and how they are turned does not matter to it.
fn is_lost_by(action: &Action) -> bool {
    match action {
        Action::Lose { cause, .. } => *cause != Cause::Output,
        Action::Color(_) => true,
        _ => false,
    }
}
