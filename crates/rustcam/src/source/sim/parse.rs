//! The parser of scripts. Every error names the line and says what is allowed there.

use std::fmt::Display;
use std::iter::Peekable;
use std::str::{FromStr, SplitWhitespace};
use std::time::Duration;

use crate::error::{Error, Loss, Result};
use crate::frame::{Damage, Move};
use crate::geometry::{Point, Rect, Rotation, Size};

use super::script::{Action, Call, Cause, Event, Nits, PointerMode, Present, Refresh, Script, Shape, Span};

/// Longer sides and larger pictures are taken for typing errors.
const LONGEST_SIDE: u32 = 16_384;
const LARGEST_AREA: u64 = 8192 * 8192;
/// Far outside every desktop, and small enough not to overflow.
const FARTHEST: i32 = 100_000;
/// The brightest that SMPTE ST 2084 can say, in nits.
const BRIGHTEST: u64 = 10_000;
/// The longest time: more than a year.
const LONGEST_SECONDS: u64 = 36_000_000;

const STATEMENTS: &str =
    "size, refresh, rotation, outputs, color, white, max, min, pitch, clock, timer, static, present, full, pointer, slow, reads, memory, damage, refuse, at";
const EVENTS: &str = "present, pointer, shape, lose, unplug, mode, rotate, color, white, protect, fail";

impl Script {
    /// Parses a script; `docs/sim.md` in the repository describes the language.
    ///
    /// # Errors
    /// `InvalidArgument` that names the line and says what is allowed there.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.to_ascii_lowercase();
        let mut script = Self::default();
        for (index, line) in text.lines().enumerate() {
            let code = line.split('#').next().unwrap_or_default();
            for statement in code.split(';') {
                let mut words = Words { line: index + 1, words: statement.split_whitespace().peekable() };
                if words.words.peek().is_some() {
                    statement_into(&mut script, &mut words)?;
                    words.end()?;
                }
            }
        }
        Ok(script)
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
        "at" => {
            let at = words.time()?;
            script.events.push(Event { at, action: words.event()? });
        }
        other => return Err(words.wrong(other, &format!("a statement begins with one of {STATEMENTS}"))),
    }
    Ok(())
}

/// The rest of one statement.
struct Words<'a> {
    line: usize,
    words: Peekable<SplitWhitespace<'a>>,
}

impl<'a> Words<'a> {
    fn error(&self, message: &str) -> Error {
        Error::invalid(format!("line {} of the script: {message}", self.line))
            .with_hint("docs/sim.md describes the language of simulated desktops")
    }

    fn wrong(&self, word: &str, allowed: &str) -> Error {
        self.error(&format!("{word:?} is not allowed here; {allowed}"))
    }

    fn next(&mut self, allowed: &str) -> Result<&'a str> {
        self.words.next().ok_or_else(|| self.error(&format!("the statement ends too early; next comes {allowed}")))
    }

    fn end(&mut self) -> Result<()> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => Err(self.wrong(word, "the statement is complete; separate statements by ';' or new lines")),
        }
    }

    /// Takes the next word if it is `word`.
    fn take(&mut self, word: &str) -> bool {
        self.words.next_if(|&w| w == word).is_some()
    }

    fn choose<T: Copy>(&mut self, names: &[(&str, T)]) -> Result<T> {
        let listed: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        let allowed = format!("one of {}", listed.join(", "));
        let word = self.next(&allowed)?;
        names.iter().find(|(name, _)| *name == word).map(|(_, v)| *v).ok_or_else(|| self.wrong(word, &allowed))
    }

    fn number<T: Copy + FromStr + PartialOrd + Display>(&mut self, what: &str, low: T, high: T) -> Result<T> {
        let allowed = format!("{what} from {low} to {high}");
        let word = self.next(&allowed)?;
        match word.parse::<T>() {
            Ok(n) if n >= low && n <= high => Ok(n),
            _ => Err(self.wrong(word, &allowed)),
        }
    }

    fn size(&mut self) -> Result<Size> {
        let word = self.next("a size like 1280x720")?;
        self.size_of(word)
    }

    fn size_of(&self, word: &str) -> Result<Size> {
        let side = |s: &str| s.parse::<u32>().ok().filter(|n| (1..=LONGEST_SIDE).contains(n));
        word.split_once('x')
            .and_then(|(w, h)| Some(Size::new(side(w)?, side(h)?)))
            .filter(|size| size.area() <= LARGEST_AREA)
            .ok_or_else(|| {
                self.wrong(word, &format!("a size like 1280x720, sides up to {LONGEST_SIDE}, area up to 8192x8192"))
            })
    }

    fn refresh(&mut self) -> Result<Refresh> {
        let word = self.next("a refresh rate like 60 or 59.94")?;
        self.refresh_of(word)
    }

    fn refresh_of(&self, word: &str) -> Result<Refresh> {
        let rate = fixed_point(word, 3).filter(|n| (1000..=1_000_000).contains(n));
        rate.map(|n| Refresh(n as u32))
            .ok_or_else(|| self.wrong(word, "a refresh rate from 1 to 1000 hertz with at most 3 decimals"))
    }

    fn rotation(&mut self) -> Result<Rotation> {
        let [a, b, c, d] = Rotation::ALL;
        self.choose(&[("0", a), ("90", b), ("180", c), ("270", d)])
    }

    fn hdr(&mut self) -> Result<bool> {
        self.choose(&[("sdr", false), ("hdr", true)])
    }

    fn nits(&mut self) -> Result<Nits> {
        const ALLOWED: &str = "a luminance from 0 to 10000 nits with at most 4 decimals";
        let word = self.next(ALLOWED)?;
        let nits = fixed_point(word, 4).filter(|n| *n <= BRIGHTEST * u64::from(Nits::UNIT));
        nits.map(|n| Nits(n as u32)).ok_or_else(|| self.wrong(word, ALLOWED))
    }

    fn time(&mut self) -> Result<Duration> {
        const ALLOWED: &str = "a time like 100ms or 1.5s, at most 36000000s";
        let word = self.next(ALLOWED)?;
        let nanos = match (word.strip_suffix("ms"), word.strip_suffix('s')) {
            (Some(digits), _) => fixed_point(digits, 6),
            (None, Some(digits)) => fixed_point(digits, 9),
            (None, None) => None,
        };
        nanos
            .map(Duration::from_nanos)
            .filter(|time| *time <= Duration::from_secs(LONGEST_SECONDS))
            .ok_or_else(|| self.wrong(word, ALLOWED))
    }

    fn period(&mut self) -> Result<Duration> {
        let word = self.words.peek().copied().unwrap_or_default();
        let time = self.time()?;
        let allowed = Duration::from_micros(100)..=Duration::from_secs(1);
        Some(time)
            .filter(|time| allowed.contains(time))
            .ok_or_else(|| self.wrong(word, "exact, or a period from 0.1ms to 1s"))
    }

    fn code(&mut self) -> Result<u32> {
        const ALLOWED: &str = "a hexadecimal code like 0x8007000E";
        let word = self.next(ALLOWED)?;
        word.strip_prefix("0x")
            // `from_str_radix` would accept a sign.
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.wrong(word, ALLOWED))
    }

    fn span(&mut self) -> Result<Span> {
        if !self.take("for") {
            return Ok(Span::Moment);
        }
        if self.take("ever") {
            return Ok(Span::Ever);
        }
        self.time().map(Span::For)
    }

    fn loss(&mut self, cause: Cause) -> Result<Action> {
        let during = if self.take("during") { Some(self.choose(Call::NAMES)?) } else { None };
        let span = self.span()?;
        let passes = cause == Cause::Access && !self.take("lasting");
        Ok(Action::Lose { cause, during, span, loss: if passes { Loss::Transient } else { Loss::Lasting } })
    }

    fn point(&mut self) -> Result<Point> {
        const ALLOWED: &str = "a point like 100,200, within 100000 pixels of the origin";
        let word = self.next(ALLOWED)?;
        integers(word).map(|[x, y]| Point::new(x, y)).ok_or_else(|| self.wrong(word, ALLOWED))
    }

    fn event(&mut self) -> Result<Action> {
        Ok(match self.next(EVENTS)? {
            "present" => Action::Present(self.present()?),
            "pointer" => match self.words.peek() {
                Some(word) if word.contains(',') => Action::PointerTo(self.point()?),
                Some(&"show" | &"hide") => Action::PointerVisible(self.choose(&[("show", true), ("hide", false)])?),
                Some(&"software" | &"hardware") => {
                    Action::PointerSoftware(self.choose(&[("software", true), ("hardware", false)])?)
                }
                other => {
                    let word = other.copied().unwrap_or_default();
                    return Err(self.wrong(word, "a point like 100,200, or one of show, hide, software, hardware"));
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
        if self.words.peek().is_none() {
            return Ok(Present::Natural);
        }
        if self.take("full") {
            return Ok(Present::Full);
        }
        if self.take("nothing") {
            return Ok(Present::Parts(Damage::default()));
        }
        let mut damage = Damage::default();
        while self.words.peek().is_some() {
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

    fn rect(&self, word: &str) -> Result<Rect> {
        integers(word).map(|[l, t, r, b]| Rect::new(l, t, r, b)).filter(|rect| !rect.is_empty()).ok_or_else(|| {
            self.wrong(word, "a rectangle is left,top,right,bottom with left < right and top < bottom, without spaces")
        })
    }
}

/// Exactly `N` integers separated by commas.
fn integers<const N: usize>(text: &str) -> Option<[i32; N]> {
    let mut parts = text.split(',');
    let mut values = [0; N];
    for value in &mut values {
        *value = parts.next()?.parse().ok().filter(|n| (-FARTHEST..=FARTHEST).contains(n))?;
    }
    parts.next().is_none().then_some(values)
}

/// A decimal number times 10^`decimals`, `None` if it has more decimals than that or does not fit.
fn fixed_point(text: &str, decimals: u32) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > decimals as usize {
        return None;
    }
    let scale = 10u64.pow(decimals);
    let rest = fraction.parse::<u64>().ok()? * 10u64.pow(decimals - fraction.len() as u32);
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(rest)
}
