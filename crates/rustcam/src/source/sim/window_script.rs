//! What a script says about windows, and its text form.

use std::fmt::{self, Display, Formatter, Write as _};

use crate::geometry::{Point, Rect, Size};

use super::present::Present;

/// A window as its statement describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScriptedWindow {
    /// Its title at the beginning, by which events name it.
    pub(super) name: String,
    /// Where its client area is on the desktop.
    pub(super) place: Point,
    /// Size of its client area.
    pub(super) size: Size,
    pub(super) app: String,
    pub(super) pid: Option<u32>,
    /// The number of every window that it opens; `None` for numbers that are never used again.
    pub(super) handle: Option<u64>,
    pub(super) border: Border,
    /// `None` for that of the desktop.
    pub(super) pace: Option<Pace>,
    /// Whether its periodic presents change every pixel, also if those of the desktop do not.
    pub(super) full: bool,
    pub(super) start: Start,
}

impl ScriptedWindow {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            place: Point::new(0, 0),
            size: Size::new(320, 200),
            app: String::new(),
            pid: None,
            handle: None,
            border: Border { sides: 4, top: 24 },
            pace: None,
            full: false,
            start: Start::Open,
        }
    }
}

/// What a window manager draws around a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Border {
    /// Width to the left and to the right, and height below.
    pub(super) sides: u32,
    /// Height above.
    pub(super) top: u32,
}

impl Border {
    /// Where the client area is, in the coordinates of the whole window.
    pub(super) fn inset(self) -> Point {
        Point::new(self.sides as i32, self.top as i32)
    }

    /// A client area with its border around it.
    pub(super) fn around(self, client: Rect) -> Rect {
        let (sides, top) = (self.sides as i32, self.top as i32);
        Rect {
            left: client.left - sides,
            top: client.top - top,
            right: client.right + sides,
            bottom: client.bottom + sides,
        }
    }
}

/// When a window presents by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    Static,
    /// After so many refreshes.
    Every(u32),
}

/// The state of a window at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Open,
    Minimized,
    Closed,
}

/// What an event does to a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WindowAction {
    Present(Present),
    Move(Point),
    Resize(Size),
    Minimize,
    Restore,
    Close,
    Open,
    Raise,
    Title(String),
}

impl WindowAction {
    /// Those that need no more words.
    pub(super) const NAMES: &'static [(&'static str, WindowAction)] = &[
        ("minimize", WindowAction::Minimize),
        ("restore", WindowAction::Restore),
        ("close", WindowAction::Close),
        ("open", WindowAction::Open),
        ("raise", WindowAction::Raise),
    ];
}

/// A text in quotation marks.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}

impl Display for ScriptedWindow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, place, size, app, pid, handle, border, pace, full, start } = self;
        write!(f, "window {} at {},{} size {size} app {}", Quoted(name), place.x, place.y, Quoted(app))?;
        if let Some(pid) = pid {
            write!(f, " pid {pid}")?;
        }
        if let Some(handle) = handle {
            write!(f, " handle {handle}")?;
        }
        write!(f, " frame {},{}", border.sides, border.top)?;
        match pace {
            None => {}
            Some(Pace::Static) => f.write_str(" static")?,
            Some(Pace::Every(n)) => write!(f, " every {n}")?,
        }
        if *full {
            f.write_str(" full")?;
        }
        f.write_str(match start {
            Start::Open => "",
            Start::Minimized => " minimized",
            Start::Closed => " closed",
        })
    }
}

impl Display for WindowAction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            WindowAction::Present(present) => write!(f, "{present}"),
            WindowAction::Move(to) => write!(f, "move {},{}", to.x, to.y),
            WindowAction::Resize(size) => write!(f, "resize {size}"),
            WindowAction::Title(title) => write!(f, "title {}", Quoted(title)),
            other => f.write_str(Self::NAMES.iter().find(|(_, v)| v == other).map_or("", |(name, _)| name)),
        }
    }
}
