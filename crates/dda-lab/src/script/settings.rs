//! The statements of a script that begin with `lab`; see `docs/lab.md`.

use std::time::Duration;

use crate::script::fault::Fault;
use crate::script::format::Format;

/// The first acquired frame of a duplication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum First {
    /// The desktop, with its present time.
    #[default]
    Real,
    /// Black, without a present time; the desktop follows.
    Black,
    /// No image, only the pointer; the desktop follows.
    Pointer,
    /// The upper half of the desktop, without a present time; the desktop follows.
    Partial,
    /// The desktop, without a present time; only what the script presents follows.
    Timeless,
    /// The desktop, without a present time; the same again 20 ms later, with it.
    Late,
}

/// What the `lab` statements of a script set.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a statement of its own.
pub(crate) struct Settings {
    pub(crate) first: First,
    /// The desktop's format from each time on, in order; the first begins at zero.
    pub(crate) formats: Vec<(Duration, Format)>,
    /// Brightness of white on a half-float desktop, in nits.
    pub(crate) white: u32,
    /// Extra bytes per mapped row.
    pub(crate) pitch: usize,
    /// Whether `MapDesktopSurface` works.
    pub(crate) system_memory: bool,
    /// More dirty rectangles than this are reported as one.
    pub(crate) coalesce: usize,
    /// Number of other processes that duplicate.
    pub(crate) others: u32,
    /// Number of adapters; all but the first have no outputs.
    pub(crate) adapters: u32,
    /// Whether outputs become useless with every change of mode or format, not only when they are unplugged.
    pub(crate) strict_stale: bool,
    /// Whether released textures are overwritten at the next acquire, not only when the program reads one too late.
    pub(crate) eager_poison: bool,
    /// Whether a new duplication of a desktop that changes everywhere paints all varieties of the picture at once.
    pub(crate) paint_ahead: bool,
    /// Whether a waiting `AcquireNextFrame` holds the device's lock.
    pub(crate) device_lock: bool,
    pub(crate) faults: Vec<Fault>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first: First::Real,
            formats: vec![(Duration::ZERO, Format::Bgra)],
            white: 200,
            pitch: 0,
            system_memory: false,
            coalesce: 64,
            others: 0,
            adapters: 1,
            strict_stale: false,
            eager_poison: false,
            paint_ahead: false,
            device_lock: true,
            faults: Vec::new(),
        }
    }
}

const STATEMENTS: &str =
    "first, format, white, pitch, system, coalesce, others, adapters, stale, poison, paint, lock, inject, at";

impl Settings {
    /// Takes the `lab` statements out of `script` and returns the rest, with the same line numbers.
    pub(crate) fn split(script: &str) -> Result<(Self, String), String> {
        let mut settings = Self::default();
        let mut rest = String::new();
        for (number, line) in script.lines().enumerate() {
            let code = line.split('#').next().unwrap_or_default();
            for statement in code.split(';') {
                let lower = statement.to_ascii_lowercase();
                let words: Vec<&str> = lower.split_whitespace().collect();
                if let ["lab", words @ ..] = words.as_slice() {
                    settings.statement(words).map_err(|e| format!("line {} of the script: {e}", number + 1))?;
                } else {
                    rest.push_str(statement);
                }
                rest.push(';');
            }
            rest.push('\n');
        }
        settings.formats.sort_by_key(|(at, _)| *at);
        Ok((settings, rest))
    }

    fn statement(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["first", name] => {
                self.first = choose(
                    name,
                    &[
                        ("real", First::Real),
                        ("black", First::Black),
                        ("pointer", First::Pointer),
                        ("partial", First::Partial),
                        ("timeless", First::Timeless),
                        ("late", First::Late),
                    ],
                )?;
            }
            ["format", name] => self.formats[0].1 = format(name)?,
            ["at", time, "format", name] => self.formats.push((moment(time)?, format(name)?)),
            ["white", nits] => self.white = number(nits, 80, 10_000)?,
            ["pitch", bytes] => self.pitch = number(bytes, 0, 4096)? as usize,
            ["system", "memory"] => self.system_memory = true,
            ["coalesce", parts] => self.coalesce = number(parts, 1, 1_000_000)? as usize,
            ["others", processes] => self.others = number(processes, 0, 100)?,
            ["adapters", adapters] => self.adapters = number(adapters, 1, 8)?,
            ["stale", name] => self.strict_stale = choose(name, &[("strict", true), ("unplugged", false)])?,
            ["poison", name] => self.eager_poison = choose(name, &[("eager", true), ("lazy", false)])?,
            ["paint", name] => self.paint_ahead = choose(name, &[("ahead", true), ("late", false)])?,
            ["lock", name] => self.device_lock = choose(name, &[("on", true), ("off", false)])?,
            ["inject", call, nth, code] => self.faults.push(Fault::new(call, number(nth, 0, u32::MAX)?, hex(code)?)?),
            _ => return Err(format!("\"lab {}\" is not understood; lab statements are {STATEMENTS}", words.join(" "))),
        }
        Ok(())
    }

    /// The desktop's format at `time`.
    pub(crate) fn format_at(&self, time: Duration) -> Format {
        self.formats[self.formats.partition_point(|(at, _)| *at <= time).max(1) - 1].1
    }
}

fn choose<T: Copy>(word: &str, names: &[(&str, T)]) -> Result<T, String> {
    names.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
        let listed: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        format!("{word:?} is not allowed here; one of {}", listed.join(", "))
    })
}

fn format(word: &str) -> Result<Format, String> {
    choose(word, &[("bgra", Format::Bgra), ("rgba", Format::Rgba), ("fp16", Format::Half), ("rgb10", Format::Ten)])
}

fn number(word: &str, low: u32, high: u32) -> Result<u32, String> {
    word.parse()
        .ok()
        .filter(|n| (low..=high).contains(n))
        .ok_or_else(|| format!("{word:?} is not allowed here; a number from {low} to {high}"))
}

fn hex(word: &str) -> Result<u32, String> {
    word.strip_prefix("0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .ok_or_else(|| format!("{word:?} is not allowed here; a hexadecimal code like 0x8007000E"))
}

fn moment(word: &str) -> Result<Duration, String> {
    let (digits, unit) = match (word.strip_suffix("ms"), word.strip_suffix('s')) {
        (Some(digits), _) => (digits, 1e-3),
        (None, Some(digits)) => (digits, 1.0),
        (None, None) => (word, 0.0),
    };
    digits
        .parse::<f64>()
        .ok()
        .filter(|n| unit > 0.0 && (0.0..=36e9).contains(n))
        .map(|n| Duration::from_secs_f64(n * unit))
        .ok_or_else(|| format!("{word:?} is not allowed here; a time like 100ms or 1.5s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_the_lab_are_taken_out_of_the_script() {
        let text = "size 64x64; lab first late # and no more\nLAB format fp16; static; lab at 1.5s format bgra\nlab inject map 3 0x887A0005";
        let (settings, rest) = Settings::split(text).expect("a script");
        assert_eq!(settings.first, First::Late);
        assert_eq!(settings.format_at(Duration::from_millis(1499)), Format::Half);
        assert_eq!(settings.format_at(Duration::from_millis(1500)), Format::Bgra);
        assert_eq!((settings.faults.len(), settings.coalesce, settings.others), (1, 64, 0));
        assert_eq!(rest, "size 64x64;;\n; static;;\n;\n");
        assert!(rustcam::source::sim::Script::parse(&rest).is_ok());
    }

    #[test]
    fn mistakes_name_their_line_and_what_is_allowed() {
        for (text, part) in [
            ("\nlab first never", "line 2 of the script: \"never\""),
            ("lab dance", "lab statements are first, format"),
            ("lab pitch 5000", "a number from 0 to 4096"),
            ("lab inject Nothing 1 0x1", "calls are CreateDXGIFactory1, EnumAdapters"),
            ("lab inject Map 1 5", "hexadecimal"),
            ("lab at 5 format bgra", "a time like"),
        ] {
            let message = Settings::split(text).expect_err(text);
            assert!(message.contains(part), "{message}");
        }
    }
}
