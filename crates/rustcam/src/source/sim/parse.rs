//! The parser of scripts. Every error names the line and says what is allowed there.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Loss, Result};
use crate::frame::{Damage, Move};
use crate::geometry::Point;

use super::present::Present;
use super::script::{Action, Call, Cause, Event, PointerMode, Script, Shape};
use super::window_script::{Border, Pace, ScriptedWindow, Start, WindowAction};
use super::window_states::Windows;
use super::words::{integers, statements, Words};

const STATEMENTS: &str =
    "size, refresh, rotation, outputs, color, white, max, min, pitch, clock, timer, static, present, full, pointer, slow, reads, memory, damage, refuse, window, at";
const EVENTS: &str = "present, pointer, shape, lose, unplug, mode, rotate, color, white, protect, fail, window";
const PARTS: &str = "at, size, app, pid, handle, frame, every, static, full, minimized, closed";
const ACTIONS: &str = "present, move, resize, title, minimize, restore, close, open, raise";
const TITLE: &str = "a title in quotation marks, like \"Editor\"";

impl Script {
    /// Parses a script; `docs/sim.md` in the repository describes the language.
    ///
    /// # Errors
    /// `InvalidArgument` that names the line and says what is allowed there.
    pub fn parse(text: &str) -> Result<Self> {
        let mut script = Self::default();
        // The last line that gives each handle to a window.
        let mut handles = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            for statement in statements(number, line)?.iter().filter(|statement| !statement.is_empty()) {
                let (mut words, windows) = (Words::new(number, statement), script.windows.len());
                statement_into(&mut script, &mut words)?;
                words.end()?;
                handles.extend(script.windows[windows..].iter().map(|window| (window.handle, number)));
            }
        }
        match Windows::new(&script).handle_in_use_twice() {
            None => Ok(script),
            Some(handle) => {
                let line = handles.get(&Some(handle)).copied().unwrap_or_default();
                Err(Words::new(line, &[])
                    .error(&format!("two windows that are open at the same time have handle {handle}")))
            }
        }
    }
}

fn statement_into(script: &mut Script, words: &mut Words<'_>) -> Result<()> {
    match words.next(STATEMENTS)? {
        "size" => script.size = words.size()?,
        "refresh" => script.refresh = words.refresh()?,
        "rotation" => script.rotation = words.rotation()?,
        "outputs" => script.outputs = words.number("a number of outputs", 1, 16)?,
        "color" => script.hdr = words.hdr()?,
        "white" => script.white = words.nits()?,
        "max" => script.max = words.nits()?,
        "min" => script.min = words.nits()?,
        "pitch" => script.pitch = words.number("a number of bytes", 0, 65_536)?,
        "clock" => script.virtual_clock = words.choose(&[("real", false), ("virtual", true)])?,
        "timer" => script.timer = if words.take("exact") { Duration::ZERO } else { words.period()? },
        "static" => script.every = None,
        "present" => {
            words.choose(&[("every", ())])?;
            script.every = Some(words.number("a number of refreshes", 1, 1_000_000)?);
        }
        "full" => script.full = true,
        "pointer" => {
            script.pointer = match words.choose(&[("path", 0), ("still", 1), ("storm", 2)])? {
                0 => PointerMode::Path,
                1 => PointerMode::Still,
                _ => PointerMode::Storm(words.number("a rate in hertz", 1, 8000)?),
            }
        }
        "slow" => {
            if words.choose(&[("reads", true), ("damage", false)])? {
                script.slow_reads = words.time()?;
            } else {
                script.slow_damage = words.time()?;
            }
        }
        "reads" => script.live = words.choose(&[("latched", false), ("live", true)])?,
        "memory" => script.direct = words.choose(&[("ordinary", false), ("direct", true)])?,
        "damage" => script.wild = words.choose(&[("exact", false), ("wild", true)])?,
        "refuse" => {
            let code = words.code()?;
            script.refuse = Some((code, if words.take("for") { Some(words.time()?) } else { None }));
        }
        "window" => {
            let window = words.window(&script.windows)?;
            script.windows.push(window);
        }
        "at" => {
            let at = words.time()?;
            let action = if words.take("window") { words.window_event(&script.windows)? } else { words.event()? };
            script.events.push(Event { at, action });
        }
        other => return Err(words.wrong(other, &format!("a statement begins with one of {STATEMENTS}"))),
    }
    Ok(())
}

impl Words<'_> {
    fn loss(&mut self, cause: Cause) -> Result<Action> {
        let during = if self.take("during") { Some(self.choose(Call::NAMES)?) } else { None };
        let span = self.span()?;
        let passes = cause == Cause::Access && !self.take("lasting");
        Ok(Action::Lose { cause, during, span, loss: if passes { Loss::Transient } else { Loss::Lasting } })
    }

    fn event(&mut self) -> Result<Action> {
        Ok(match self.next(EVENTS)? {
            "present" => Action::Present(self.present()?),
            "pointer" => match self.peek() {
                Some(word) if word.contains(',') => Action::PointerTo(self.point()?),
                Some("show" | "hide") => Action::PointerVisible(self.choose(&[("show", true), ("hide", false)])?),
                Some("software" | "hardware") => {
                    Action::PointerSoftware(self.choose(&[("software", true), ("hardware", false)])?)
                }
                other => {
                    return Err(self.wrong(
                        other.unwrap_or_default(),
                        "a point like 100,200, or one of show, hide, software, hardware",
                    ));
                }
            },
            "shape" => Action::Shape(self.choose(Shape::NAMES)?),
            "lose" => {
                let cause = self.choose(&[("access", Cause::Access), ("device", Cause::Device)])?;
                self.loss(cause)?
            }
            "unplug" => self.loss(Cause::Output)?,
            "mode" => {
                let word = self.next("a mode like 1280x720@144 or 1280x720")?;
                match word.split_once('@') {
                    None => Action::Mode(self.size_of(word)?, None),
                    Some((size, rate)) => Action::Mode(self.size_of(size)?, Some(self.refresh_of(rate)?)),
                }
            }
            "rotate" => Action::Rotate(self.rotation()?),
            "color" => Action::Color(self.hdr()?),
            "white" => Action::White(self.nits()?),
            "protect" => Action::Protect(self.choose(&[("on", true), ("off", false)])?),
            "fail" => {
                let call = self.choose(Call::NAMES)?;
                let code = self.code()?;
                let times = if self.take("times") { self.number("a number of calls", 1, u32::MAX)? } else { 1 };
                Action::Fail { call, code, times }
            }
            other => return Err(self.wrong(other, &format!("an event is one of {EVENTS}"))),
        })
    }

    fn present(&mut self) -> Result<Present> {
        if self.peek().is_none() {
            return Ok(Present::Natural);
        }
        if self.take("full") {
            return Ok(Present::Full);
        }
        if self.take("nothing") {
            return Ok(Present::Parts(Damage::default()));
        }
        let mut damage = Damage::default();
        while self.peek().is_some() {
            match self.next("")? {
                "dirty" => {
                    let rect = self.next("a rectangle like 10,10,50,50")?;
                    damage.dirty.push(self.rect(rect)?);
                }
                "move" => {
                    const ALLOWED: &str = "a move like 100,100>10,10,60,60: old corner > new rectangle";
                    let word = self.next(ALLOWED)?;
                    let Some((from, to)) = word.split_once('>') else { return Err(self.wrong(word, ALLOWED)) };
                    let source = integers(from).map(|[x, y]| Point::new(x, y));
                    let source = source.ok_or_else(|| self.wrong(word, ALLOWED))?;
                    let destination = self.rect(to)?;
                    // With two sources for one pixel the picture would depend on the order in which moves are applied.
                    if damage.moves.iter().any(|m: &Move| m.destination.intersection(destination).is_some()) {
                        return Err(self.wrong(word, "the moves of one present must not end on the same pixels"));
                    }
                    damage.moves.push(Move { source, destination });
                }
                other => {
                    return Err(self.wrong(other, "a present is followed by full, nothing, or dirty and move parts"))
                }
            }
        }
        Ok(Present::Parts(damage))
    }

    /// The statement of a window.
    fn window(&mut self, others: &[ScriptedWindow]) -> Result<ScriptedWindow> {
        let name = self.quoted(TITLE)?;
        if name.is_empty() || others.iter().any(|other| other.name == name) {
            return Err(self.wrong(name, "each window has a title of its own; an event can give it another one"));
        }
        let mut window = ScriptedWindow::new(name);
        while self.peek().is_some() {
            match self.next("")? {
                "at" => window.place = self.point()?,
                "size" => window.size = self.size()?,
                "app" => self.quoted("a name in quotation marks, like \"notes\"")?.clone_into(&mut window.app),
                "pid" => window.pid = Some(self.number("a process", 1, u32::MAX)?),
                "handle" => window.handle = Some(self.number("a handle", 1, u64::MAX)?),
                "frame" => window.border = self.border()?,
                "every" => window.pace = Some(Pace::Every(self.number("a number of refreshes", 1, 1_000_000)?)),
                "static" => window.pace = Some(Pace::Static),
                "full" => window.full = true,
                "minimized" => window.start = Start::Minimized,
                "closed" => window.start = Start::Closed,
                other => return Err(self.wrong(other, &format!("a window is described by {PARTS}"))),
            }
        }
        Ok(window)
    }

    fn border(&mut self) -> Result<Border> {
        const ALLOWED: &str = "the widths of a frame like 4,24: at the sides and at the top, from 0 to 1000";
        let word = self.next(ALLOWED)?;
        let [sides, top] = integers(word)
            .filter(|widths| widths.iter().all(|n| (0..=1000).contains(n)))
            .ok_or_else(|| self.wrong(word, ALLOWED))?;
        Ok(Border { sides: sides.unsigned_abs(), top: top.unsigned_abs() })
    }

    /// What happens to one of `windows`.
    fn window_event(&mut self, windows: &[ScriptedWindow]) -> Result<Action> {
        let name = self.quoted(TITLE)?;
        if !windows.iter().any(|window| window.name == name) {
            return Err(self.wrong(name, "the statement that describes the window comes first"));
        }
        let action = match self.next(ACTIONS)? {
            "present" => WindowAction::Present(self.present()?),
            "move" => WindowAction::Move(self.point()?),
            "resize" => WindowAction::Resize(self.size()?),
            "title" => WindowAction::Title(self.quoted(TITLE)?.to_owned()),
            other => {
                let named = WindowAction::NAMES.iter().find(|(word, _)| *word == other);
                let wrong = || self.wrong(other, &format!("what happens to a window is one of {ACTIONS}"));
                named.map(|(_, action)| action.clone()).ok_or_else(wrong)?
            }
        };
        Ok(Action::Window(name.to_owned(), action))
    }
}
