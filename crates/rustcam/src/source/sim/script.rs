//! Scripts as data, and their text form.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, MonotonicClock, VirtualClock, WindowsTimer};
use crate::error::Loss;
use crate::geometry::{Point, Rotation, Size};

use super::present::Present;
use super::window_script::{Quoted, ScriptedWindow, WindowAction};

/// A simulated desktop and what happens on it. Made by [`Script::parse`]; [`Script::default`] is the empty script.
///
/// Its [`Display`] is a script that parses to an equal value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "many statements are switches")]
pub struct Script {
    pub(super) size: Size,
    pub(super) refresh: Refresh,
    pub(super) rotation: Rotation,
    pub(super) outputs: usize,
    pub(super) hdr: bool,
    pub(super) white: Nits,
    pub(super) max: Nits,
    pub(super) min: Nits,
    pub(super) pitch: usize,
    pub(super) virtual_clock: bool,
    /// The period of the system's timer, zero if it is exact.
    pub(super) timer: Duration,
    /// Refreshes from one periodic present to the next, `None` on a static desktop.
    pub(super) every: Option<u32>,
    pub(super) full: bool,
    pub(super) pointer: PointerMode,
    pub(super) slow_reads: Duration,
    pub(super) slow_damage: Duration,
    /// Whether a read shows the desktop at the time of the read instead of the last wait.
    pub(super) live: bool,
    pub(super) direct: bool,
    /// Whether damage is reported as by a careless system.
    pub(super) wild: bool,
    /// With which code opening is refused, and for how long after the first attempt; `None` for ever.
    pub(super) refuse: Option<(u32, Option<Duration>)>,
    /// The lowest first.
    pub(super) windows: Vec<ScriptedWindow>,
    pub(super) events: Vec<Event>,
}

impl Script {
    /// Extra bytes per row unless the script says otherwise: 13 pixels, so that code which assumes a stride of `width * 4` fails.
    pub(super) const PITCH: usize = 52;

    /// The events in the order of time; those of one time in the order of the script.
    pub(super) fn sorted_events(&self) -> Vec<Event> {
        let mut events = self.events.clone();
        events.sort_by_key(|event| event.at);
        events
    }

    /// Whether the script says `clock virtual`.
    pub fn wants_virtual_clock(&self) -> bool {
        self.virtual_clock
    }

    /// The period of the system's timer, with whose ticks waits time out; `None` if they time out exactly.
    pub fn timer(&self) -> Option<Duration> {
        Some(self.timer).filter(|period| !period.is_zero())
    }

    /// A clock as the script wants it.
    pub fn clock(&self) -> Arc<dyn Clock> {
        match (self.virtual_clock, self.timer()) {
            (false, None) => Arc::new(MonotonicClock),
            (true, None) => Arc::new(VirtualClock::new()),
            (false, Some(period)) => Arc::new(WindowsTimer::new(MonotonicClock, period)),
            (true, Some(period)) => Arc::new(WindowsTimer::new(VirtualClock::new(), period)),
        }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            size: Size::new(1920, 1080),
            refresh: Refresh(60_000),
            rotation: Rotation::None,
            outputs: 1,
            hdr: false,
            white: Nits(240 * Nits::UNIT),
            max: Nits(1000 * Nits::UNIT),
            min: Nits(0),
            pitch: Self::PITCH,
            virtual_clock: false,
            timer: Duration::ZERO,
            every: Some(1),
            full: false,
            pointer: PointerMode::Path,
            slow_reads: Duration::ZERO,
            slow_damage: Duration::ZERO,
            live: false,
            direct: false,
            wild: false,
            refuse: None,
            windows: Vec::new(),
            events: Vec::new(),
        }
    }
}

/// A refresh rate in thousandths of a hertz, so that scripts compare and print exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refresh(pub(super) u32);

/// A luminance in ten-thousandths of a nit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nits(pub(super) u32);

impl Nits {
    pub(super) const UNIT: u32 = 10_000;

    pub(super) fn value(self) -> f64 {
        f64::from(self.0) / f64::from(Self::UNIT)
    }
}

/// What the pointer does unless events say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PointerMode {
    /// Moves along a path until an event puts it somewhere.
    Path,
    /// Stays.
    Still,
    /// Jitters this many times a second.
    Storm(u32),
}

/// The pointer shapes a script can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Straight alpha with soft edges.
    Arrow,
    /// Monochrome; black and white only.
    Bitmap,
    /// Monochrome; inverts the screen.
    Ibeam,
    /// Masked colour; replaces, inverts and keeps pixels.
    Masked,
    /// Straight alpha; the hot spot is not in the corner.
    Hand,
    /// Premultiplied alpha.
    Premultiplied,
    /// Malformed: no columns.
    Empty,
    /// Malformed: rows longer than the distance between them.
    Narrow,
    /// Malformed: half a row of the second mask is missing.
    Short,
    /// Malformed: larger than any pointer.
    Huge,
}

impl Shape {
    /// Whether it is malformed and cannot be drawn.
    pub(super) fn is_malformed(self) -> bool {
        matches!(self, Shape::Empty | Shape::Narrow | Shape::Short | Shape::Huge)
    }

    pub(super) const NAMES: &'static [(&'static str, Shape)] = &[
        ("arrow", Shape::Arrow),
        ("bitmap", Shape::Bitmap),
        ("ibeam", Shape::Ibeam),
        ("masked", Shape::Masked),
        ("hand", Shape::Hand),
        ("premultiplied", Shape::Premultiplied),
        ("empty", Shape::Empty),
        ("narrow", Shape::Narrow),
        ("short", Shape::Short),
        ("huge", Shape::Huge),
    ];
}

/// The calls that an event can make fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Wait,
    Damage,
    Read,
    Rebuild,
}

impl Call {
    pub(super) const NAMES: &'static [(&'static str, Call)] =
        &[("wait", Call::Wait), ("damage", Call::Damage), ("read", Call::Read), ("rebuild", Call::Rebuild)];
}

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Access,
    Device,
    Output,
}

/// How long a loss lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Until the first attempt to recover.
    Moment,
    /// For this time.
    For(Duration),
    /// For ever.
    Ever,
}

impl Span {
    /// When a loss that begins at `at` ends; `None` for never.
    pub(super) fn end(self, at: Duration) -> Option<Duration> {
        match self {
            Span::Moment => Some(at),
            Span::For(time) => Some(at + time),
            Span::Ever => None,
        }
    }
}

/// What an event does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Present(Present),
    PointerTo(Point),
    PointerVisible(bool),
    Shape(Shape),
    /// Whether the system draws the pointer into the image.
    PointerSoftware(bool),
    /// At its time, or with the first call of a kind from then on.
    Lose {
        cause: Cause,
        during: Option<Call>,
        span: Span,
        loss: Loss,
    },
    Mode(Size, Option<Refresh>),
    Rotate(Rotation),
    /// Whether the desktop is HDR from then on.
    Color(bool),
    /// The luminance of SDR white.
    White(Nits),
    Protect(bool),
    Fail {
        call: Call,
        code: u32,
        times: u32,
    },
    /// What the window of this name does.
    Window(String, WindowAction),
}

/// An action and its time after the opening of the desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Duration,
    pub(super) action: Action,
}

impl Display for Refresh {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Display for Nits {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.0 / Self::UNIT, self.0 % Self::UNIT)
    }
}

fn color_name(hdr: bool) -> &'static str {
    if hdr {
        "hdr"
    } else {
        "sdr"
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Span::Moment => Ok(()),
            Span::For(time) => write!(f, " for {}", Time(*time)),
            Span::Ever => f.write_str(" for ever"),
        }
    }
}

/// A time in milliseconds, exact to the nanosecond.
struct Time(Duration);

impl Display for Time {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.as_millis(), self.0.subsec_nanos() % 1_000_000);
        if rest == 0 {
            write!(f, "{whole}ms")
        } else {
            write!(f, "{whole}.{rest:06}ms")
        }
    }
}

fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    names.iter().find(|(_, v)| v == value).map_or("", |(name, _)| name)
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ", Time(self.at))?;
        match &self.action {
            Action::Present(present) => write!(f, "{present}"),
            Action::PointerTo(p) => write!(f, "pointer {},{}", p.x, p.y),
            Action::PointerVisible(true) => f.write_str("pointer show"),
            Action::PointerVisible(false) => f.write_str("pointer hide"),
            Action::Shape(shape) => write!(f, "shape {}", name_of(Shape::NAMES, shape)),
            Action::PointerSoftware(true) => f.write_str("pointer software"),
            Action::PointerSoftware(false) => f.write_str("pointer hardware"),
            Action::Lose { cause, during, span, loss } => {
                f.write_str(match cause {
                    Cause::Access => "lose access",
                    Cause::Device => "lose device",
                    Cause::Output => "unplug",
                })?;
                if let Some(call) = during {
                    write!(f, " during {}", name_of(Call::NAMES, call))?;
                }
                let lasting = *cause == Cause::Access && *loss == Loss::Lasting;
                write!(f, "{span}{}", if lasting { " lasting" } else { "" })
            }
            Action::Mode(size, None) => write!(f, "mode {size}"),
            Action::Mode(size, Some(refresh)) => write!(f, "mode {size}@{refresh}"),
            Action::Rotate(rotation) => write!(f, "rotate {}", rotation.degrees()),
            Action::Color(hdr) => write!(f, "color {}", color_name(*hdr)),
            Action::White(nits) => write!(f, "white {nits}"),
            Action::Protect(on) => write!(f, "protect {}", if *on { "on" } else { "off" }),
            Action::Fail { call, code, times } => {
                write!(f, "fail {} 0x{code:08X} times {times}", name_of(Call::NAMES, call))
            }
            Action::Window(name, action) => write!(f, "window {} {action}", Quoted(name)),
        }
    }
}

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "size {}; refresh {}; rotation {}", self.size, self.refresh, self.rotation.degrees())?;
        write!(f, "; outputs {}; pitch {}", self.outputs, self.pitch)?;
        write!(f, "; color {}; white {}; max {}; min {}", color_name(self.hdr), self.white, self.max, self.min)?;
        write!(f, "; clock {}", if self.virtual_clock { "virtual" } else { "real" })?;
        if !self.timer.is_zero() {
            write!(f, "; timer {}", Time(self.timer))?;
        }
        match self.every {
            None => f.write_str("; static")?,
            Some(n) => write!(f, "; present every {n}")?,
        }
        if self.full {
            f.write_str("; full")?;
        }
        match self.pointer {
            PointerMode::Path => f.write_str("; pointer path")?,
            PointerMode::Still => f.write_str("; pointer still")?,
            PointerMode::Storm(hz) => write!(f, "; pointer storm {hz}")?,
        }
        write!(f, "; slow reads {}; slow damage {}", Time(self.slow_reads), Time(self.slow_damage))?;
        write!(f, "; reads {}", if self.live { "live" } else { "latched" })?;
        write!(f, "; memory {}", if self.direct { "direct" } else { "ordinary" })?;
        write!(f, "; damage {}", if self.wild { "wild" } else { "exact" })?;
        if let Some((code, span)) = self.refuse {
            write!(f, "; refuse 0x{code:08X}")?;
            if let Some(span) = span {
                write!(f, " for {}", Time(span))?;
            }
        }
        for window in &self.windows {
            write!(f, "\n{window}")?;
        }
        for event in &self.events {
            write!(f, "\n{event}")?;
        }
        Ok(())
    }
}
