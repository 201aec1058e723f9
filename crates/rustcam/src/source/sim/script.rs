//! What a script says, as data, and how it is written down again.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::error::Loss;
use crate::frame::Damage;
use crate::geometry::{Point, Rect, Rotation, Size};

/// A simulated desktop and what happens on it. Made by [`Script::parse`]; [`Script::default`] is the empty script.
///
/// Its [`Display`] is a script that parses to an equal value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "so many statements are switches")]
pub struct Script {
    pub(super) size: Size,
    pub(super) refresh: Refresh,
    pub(super) rotation: Rotation,
    pub(super) outputs: usize,
    pub(super) pitch: usize,
    pub(super) virtual_clock: bool,
    /// Refreshes from one periodic present to the next, `None` on a static desktop.
    pub(super) every: Option<u32>,
    pub(super) full: bool,
    pub(super) pointer: PointerMode,
    pub(super) slow_reads: Duration,
    pub(super) slow_damage: Duration,
    /// Whether a read shows the desktop as it is then, not as of the wait before.
    pub(super) live: bool,
    pub(super) direct: bool,
    /// Whether damage is reported badly.
    pub(super) wild: bool,
    pub(super) refuse: Option<u32>,
    pub(super) events: Vec<Event>,
}

impl Script {
    /// Extra bytes per row unless the script says otherwise: 13 pixels, so that nobody gets away with a stride of `width * 4`.
    pub(super) const PITCH: usize = 52;

    /// Whether the script asks for time that passes only when somebody sleeps.
    pub fn wants_virtual_clock(&self) -> bool {
        self.virtual_clock
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            size: Size::new(1920, 1080),
            refresh: Refresh(60_000),
            rotation: Rotation::None,
            outputs: 1,
            pitch: Self::PITCH,
            virtual_clock: false,
            every: Some(1),
            full: false,
            pointer: PointerMode::Path,
            slow_reads: Duration::ZERO,
            slow_damage: Duration::ZERO,
            live: false,
            direct: false,
            wild: false,
            refuse: None,
            events: Vec::new(),
        }
    }
}

/// A refresh rate in thousandths of a hertz, so that scripts compare and print exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refresh(pub(super) u32);

/// What the pointer does where no event says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PointerMode {
    /// Wanders until an event puts it somewhere.
    Path,
    /// Stays.
    Still,
    /// Trembles this many times a second.
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
    /// Masked color; replaces, inverts and leaves alone.
    Masked,
    /// Straight alpha, hot spot off the corner.
    Hand,
    /// Multiplied alpha.
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
    /// Whether nobody can draw it.
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

/// How long something is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Until the first attempt to get it back.
    Moment,
    /// This long.
    For(Duration),
    /// For ever.
    Ever,
}

impl Span {
    /// When what begins at `at` is over; `None` for never.
    pub(super) fn end(self, at: Duration) -> Option<Duration> {
        match self {
            Span::Moment => Some(at),
            Span::For(time) => Some(at + time),
            Span::Ever => None,
        }
    }
}

/// What one present does to the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Present {
    /// What a periodic present does: window, clock and counter go on.
    Natural,
    /// Every pixel changes.
    Full,
    /// Exactly these parts change; maybe none.
    Parts(Damage),
}

/// Something that happens at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Present(Present),
    PointerTo(Point),
    PointerVisible(bool),
    Shape(Shape),
    /// Whether the system draws the pointer into the image.
    PointerSoftware(bool),
    /// At its moment, or with the first call of a kind from then on.
    Lose {
        cause: Cause,
        during: Option<Call>,
        span: Span,
        loss: Loss,
    },
    Mode(Size, Option<Refresh>),
    Rotate(Rotation),
    Protect(bool),
    Fail {
        call: Call,
        code: u32,
        times: u32,
    },
}

/// An event and its time after the opening of the desktop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: Duration,
    pub(super) what: What,
}

impl Display for Refresh {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
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

/// A time in the only unit that scripts need, exact to the nanosecond.
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

struct Edges(Rect);

impl Display for Edges {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Rect { left, top, right, bottom } = self.0;
        write!(f, "{left},{top},{right},{bottom}")
    }
}

fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    names.iter().find(|(_, v)| v == value).map_or("", |(name, _)| name)
}

impl Display for Present {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Present::Natural => f.write_str("present"),
            Present::Full => f.write_str("present full"),
            Present::Parts(damage) if *damage == Damage::default() => f.write_str("present nothing"),
            Present::Parts(damage) => {
                f.write_str("present")?;
                for dirty in &damage.dirty {
                    write!(f, " dirty {}", Edges(*dirty))?;
                }
                for m in &damage.moves {
                    write!(f, " move {},{}>{}", m.source.x, m.source.y, Edges(m.destination))?;
                }
                Ok(())
            }
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ", Time(self.at))?;
        match &self.what {
            What::Present(present) => write!(f, "{present}"),
            What::PointerTo(p) => write!(f, "pointer {},{}", p.x, p.y),
            What::PointerVisible(true) => f.write_str("pointer show"),
            What::PointerVisible(false) => f.write_str("pointer hide"),
            What::Shape(shape) => write!(f, "shape {}", name_of(Shape::NAMES, shape)),
            What::PointerSoftware(true) => f.write_str("pointer software"),
            What::PointerSoftware(false) => f.write_str("pointer hardware"),
            What::Lose { cause, during, span, loss } => {
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
            What::Mode(size, None) => write!(f, "mode {size}"),
            What::Mode(size, Some(refresh)) => write!(f, "mode {size}@{refresh}"),
            What::Rotate(rotation) => write!(f, "rotate {}", rotation.degrees()),
            What::Protect(on) => write!(f, "protect {}", if *on { "on" } else { "off" }),
            What::Fail { call, code, times } => {
                write!(f, "fail {} 0x{code:08X} times {times}", name_of(Call::NAMES, call))
            }
        }
    }
}

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "size {}; refresh {}; rotation {}", self.size, self.refresh, self.rotation.degrees())?;
        write!(f, "; outputs {}; pitch {}", self.outputs, self.pitch)?;
        write!(f, "; clock {}", if self.virtual_clock { "virtual" } else { "real" })?;
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
        if let Some(code) = self.refuse {
            write!(f, "; refuse 0x{code:08X}")?;
        }
        for event in &self.events {
            write!(f, "\n{event}")?;
        }
        Ok(())
    }
}
