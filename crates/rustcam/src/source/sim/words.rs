//! The words of a script, and the values that they spell. Every error names the line and says what is allowed there.

use std::fmt::Display;
use std::iter::Peekable;
use std::str::FromStr;
use std::time::Duration;
use std::vec;

use crate::error::{Error, Result};
use crate::geometry::{Point, Rect, Rotation, Size};

use super::script::{Nits, Refresh, Span};

/// Longer sides and larger pictures are taken for typing errors.
const LONGEST_SIDE: u32 = 16_384;
const LARGEST_AREA: u64 = 8192 * 8192;
/// Far outside every desktop, and small enough not to overflow.
const FARTHEST: i32 = 100_000;
/// The brightest that SMPTE ST 2084 can say, in nits.
const BRIGHTEST: u64 = 10_000;
/// The longest time: more than a year.
const LONGEST_SECONDS: u64 = 36_000_000;
/// What a word that was in quotation marks begins with.
const QUOTE: char = '"';

/// The words of each statement of a line, in lower case. What is in quotation marks is one word, which keeps its case.
///
/// # Errors
/// `InvalidArgument` if a quotation mark is missing.
pub(super) fn statements(number: usize, line: &str) -> Result<Vec<Vec<String>>> {
    let mut statements = vec![Vec::new()];
    let mut word = String::new();
    let mut chars = line.chars();
    loop {
        let c = chars.next().filter(|c| *c != '#');
        match c {
            Some(c) if !c.is_whitespace() && c != ';' && c != QUOTE => {
                word.push(c.to_ascii_lowercase());
                continue;
            }
            _ if word.is_empty() => {}
            _ => add(&mut statements, std::mem::take(&mut word)),
        }
        match c {
            None => return Ok(statements),
            Some(';') => statements.push(Vec::new()),
            Some(QUOTE) => add(&mut statements, quoted(&mut chars).ok_or_else(|| unfinished(number))?),
            Some(_) => {}
        }
    }
}

fn add(statements: &mut [Vec<String>], word: String) {
    statements.last_mut().expect("there is always one").push(word);
}

/// The rest of a text in quotation marks, up to the last one. `None` if there is none.
fn quoted(chars: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = String::from(QUOTE);
    loop {
        match chars.next()? {
            QUOTE => return Some(text),
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
}

fn unfinished(line: usize) -> Error {
    Words::new(line, &[]).error("a quotation mark is missing")
}

/// The rest of one statement.
pub(super) struct Words<'a> {
    line: usize,
    words: Peekable<vec::IntoIter<&'a str>>,
}

impl<'a> Words<'a> {
    /// The words of a statement in this line.
    pub(super) fn new(line: usize, words: &'a [String]) -> Self {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        Self { line, words: words.into_iter().peekable() }
    }

    pub(super) fn peek(&mut self) -> Option<&'a str> {
        self.words.peek().copied()
    }

    /// A text in quotation marks.
    pub(super) fn quoted(&mut self, allowed: &str) -> Result<&'a str> {
        let word = self.next(allowed)?;
        word.strip_prefix(QUOTE).ok_or_else(|| self.wrong(word, allowed))
    }

    pub(super) fn error(&self, message: &str) -> Error {
        Error::invalid(format!("line {} of the script: {message}", self.line))
            .with_hint("docs/sim.md describes the language of simulated desktops")
    }

    pub(super) fn wrong(&self, word: &str, allowed: &str) -> Error {
        let word = word.strip_prefix(QUOTE).unwrap_or(word);
        self.error(&format!("{word:?} is not allowed here; {allowed}"))
    }

    pub(super) fn next(&mut self, allowed: &str) -> Result<&'a str> {
        self.words.next().ok_or_else(|| self.error(&format!("the statement ends too early; next comes {allowed}")))
    }

    pub(super) fn end(&mut self) -> Result<()> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => Err(self.wrong(word, "the statement is complete; separate statements by ';' or new lines")),
        }
    }

    /// Takes the next word if it is `word`.
    pub(super) fn take(&mut self, word: &str) -> bool {
        self.words.next_if(|&w| w == word).is_some()
    }

    pub(super) fn choose<T: Copy>(&mut self, names: &[(&str, T)]) -> Result<T> {
        let listed: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        let allowed = format!("one of {}", listed.join(", "));
        let word = self.next(&allowed)?;
        names.iter().find(|(name, _)| *name == word).map(|(_, v)| *v).ok_or_else(|| self.wrong(word, &allowed))
    }

    pub(super) fn number<T: Copy + FromStr + PartialOrd + Display>(
        &mut self,
        what: &str,
        low: T,
        high: T,
    ) -> Result<T> {
        let allowed = format!("{what} from {low} to {high}");
        let word = self.next(&allowed)?;
        match word.parse::<T>() {
            Ok(n) if n >= low && n <= high => Ok(n),
            _ => Err(self.wrong(word, &allowed)),
        }
    }

    pub(super) fn size(&mut self) -> Result<Size> {
        let word = self.next("a size like 1280x720")?;
        self.size_of(word)
    }

    pub(super) fn size_of(&self, word: &str) -> Result<Size> {
        let side = |s: &str| s.parse::<u32>().ok().filter(|n| (1..=LONGEST_SIDE).contains(n));
        word.split_once('x')
            .and_then(|(w, h)| Some(Size::new(side(w)?, side(h)?)))
            .filter(|size| size.area() <= LARGEST_AREA)
            .ok_or_else(|| {
                self.wrong(word, &format!("a size like 1280x720, sides up to {LONGEST_SIDE}, area up to 8192x8192"))
            })
    }

    pub(super) fn refresh(&mut self) -> Result<Refresh> {
        let word = self.next("a refresh rate like 60 or 59.94")?;
        self.refresh_of(word)
    }

    pub(super) fn refresh_of(&self, word: &str) -> Result<Refresh> {
        let rate = fixed_point(word, 3).filter(|n| (1000..=1_000_000).contains(n));
        rate.map(|n| Refresh(n as u32))
            .ok_or_else(|| self.wrong(word, "a refresh rate from 1 to 1000 hertz with at most 3 decimals"))
    }

    pub(super) fn rotation(&mut self) -> Result<Rotation> {
        let [a, b, c, d] = Rotation::ALL;
        self.choose(&[("0", a), ("90", b), ("180", c), ("270", d)])
    }

    pub(super) fn hdr(&mut self) -> Result<bool> {
        self.choose(&[("sdr", false), ("hdr", true)])
    }

    pub(super) fn nits(&mut self) -> Result<Nits> {
        const ALLOWED: &str = "a luminance from 0 to 10000 nits with at most 4 decimals";
        let word = self.next(ALLOWED)?;
        let nits = fixed_point(word, 4).filter(|n| *n <= BRIGHTEST * u64::from(Nits::UNIT));
        nits.map(|n| Nits(n as u32)).ok_or_else(|| self.wrong(word, ALLOWED))
    }

    pub(super) fn time(&mut self) -> Result<Duration> {
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

    pub(super) fn period(&mut self) -> Result<Duration> {
        let word = self.words.peek().copied().unwrap_or_default();
        let time = self.time()?;
        let allowed = Duration::from_micros(100)..=Duration::from_secs(1);
        Some(time)
            .filter(|time| allowed.contains(time))
            .ok_or_else(|| self.wrong(word, "exact, or a period from 0.1ms to 1s"))
    }

    pub(super) fn code(&mut self) -> Result<u32> {
        const ALLOWED: &str = "a hexadecimal code like 0x8007000E";
        let word = self.next(ALLOWED)?;
        word.strip_prefix("0x")
            // `from_str_radix` would accept a sign.
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.wrong(word, ALLOWED))
    }

    pub(super) fn span(&mut self) -> Result<Span> {
        if !self.take("for") {
            return Ok(Span::Moment);
        }
        if self.take("ever") {
            return Ok(Span::Ever);
        }
        self.time().map(Span::For)
    }

    pub(super) fn point(&mut self) -> Result<Point> {
        const ALLOWED: &str = "a point like 100,200, within 100000 pixels of the origin";
        let word = self.next(ALLOWED)?;
        integers(word).map(|[x, y]| Point::new(x, y)).ok_or_else(|| self.wrong(word, ALLOWED))
    }

    pub(super) fn rect(&self, word: &str) -> Result<Rect> {
        integers(word).map(|[l, t, r, b]| Rect::new(l, t, r, b)).filter(|rect| !rect.is_empty()).ok_or_else(|| {
            self.wrong(word, "a rectangle is left,top,right,bottom with left < right and top < bottom, without spaces")
        })
    }
}

/// Exactly `N` integers separated by commas.
pub(super) fn integers<const N: usize>(text: &str) -> Option<[i32; N]> {
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
