//! The statements of a script that begin with `lab`; see `docs/lab.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::script::change::{Change, Changes};
use crate::script::fault::Fault;
use crate::script::format::Format;
use crate::script::wgc::Wgc;
use crate::script::words::{choose, hex, moment, number};

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
    /// The upper half of the desktop, without a present time; only what the script presents follows.
    Half,
    /// Nothing: only what the script presents, with only its own damage.
    Nothing,
    /// The desktop, without a present time; the same again 20 ms later, with it.
    Late,
}

/// What outputs of an earlier state of the desktop are good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stale {
    /// They work until they are unplugged, then they are refused.
    #[default]
    Unplugged,
    /// They are refused after every change.
    Strict,
    /// They can be duplicated after every change, but deliver nothing, and their factory says that it is current.
    Silent,
}

/// How the first adapter describes itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Described {
    /// As the platform's.
    #[default]
    Real,
    /// As the basic render driver of Windows, which drives the display where no other driver works.
    Basic,
}

/// What the `lab` statements of a script set.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a statement of its own.
pub(crate) struct Settings {
    pub(crate) first: First,
    /// The desktop's format from each time on, in order; the first begins at zero.
    pub(crate) formats: Vec<(Duration, Format)>,
    /// Brightness of white on an HDR desktop whose script is SDR, in nits.
    pub(crate) white: u32,
    /// Whether the system says how bright white is.
    pub(crate) white_told: bool,
    /// How late `EnqueueSetEvent` sets its event after the device is done; `None` if there is no such method, as in Wine.
    pub(crate) events: Option<Duration>,
    /// Extra bytes per mapped row.
    pub(crate) pitch: usize,
    /// Whether `MapDesktopSurface` works.
    pub(crate) system_memory: bool,
    /// More dirty rectangles than this are reported as one.
    pub(crate) coalesce: usize,
    /// Number of other processes that duplicate.
    pub(crate) others: u32,
    /// Number of adapters.
    pub(crate) adapters: u32,
    /// Whether all adapters have the description of the first.
    pub(crate) alike: bool,
    pub(crate) described: Described,
    /// The adapters of outputs that are not on the first.
    pub(crate) places: BTreeMap<usize, u64>,
    pub(crate) changes: Changes,
    /// Whether the system knows the device paths of monitors.
    pub(crate) paths: bool,
    pub(crate) stale: Stale,
    /// Whether released textures are overwritten at the next acquire, not only when the program reads one too late.
    pub(crate) eager_poison: bool,
    /// Whether a new duplication of a desktop that changes everywhere paints all varieties of the picture at once.
    pub(crate) paint_ahead: bool,
    /// Whether a waiting `AcquireNextFrame` holds the device's lock.
    pub(crate) device_lock: bool,
    /// Whether the session of the program is not at the console: the first duplication of an output stops after a few frames.
    pub(crate) detached: bool,
    /// Whether a new duplication says nothing about the pointer until that changes.
    pub(crate) pointer_untold: bool,
    /// Whether the compositor presents something when a window of the program changes.
    pub(crate) nudge_answered: bool,
    /// Whether copies take place when they are submitted, not when they are called.
    pub(crate) device_order: bool,
    /// How long every copy keeps a device busy.
    pub(crate) copy_time: Duration,
    /// The same for every 2^20 bytes of a copy.
    pub(crate) copy_time_per_megabyte: Duration,
    /// What the first copy of a device to memory of the processor takes besides.
    pub(crate) first_readback: Duration,
    /// Whether Direct3D says that it is not translated.
    pub(crate) hardware: bool,
    pub(crate) wgc: Wgc,
    pub(crate) faults: Vec<Fault>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first: First::Real,
            formats: vec![(Duration::ZERO, Format::Bgra)],
            white: 200,
            white_told: true,
            events: None,
            pitch: 48,
            system_memory: false,
            coalesce: 64,
            others: 0,
            adapters: 1,
            alike: false,
            described: Described::Real,
            places: BTreeMap::new(),
            changes: Changes::default(),
            paths: true,
            stale: Stale::Unplugged,
            eager_poison: false,
            paint_ahead: false,
            device_lock: true,
            detached: false,
            pointer_untold: false,
            nudge_answered: false,
            device_order: false,
            copy_time: Duration::ZERO,
            copy_time_per_megabyte: Duration::ZERO,
            first_readback: Duration::ZERO,
            hardware: false,
            wgc: Wgc::default(),
            faults: Vec::new(),
        }
    }
}

const STATEMENTS: &str =
    "first, format, white, events, pitch, system, coalesce, others, adapters, adapter, output, paths, stale, poison, paint, lock, claims, session,\n     pointer, nudge, copies, refuse, inject, wgc, at";

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
                        ("half", First::Half),
                        ("nothing", First::Nothing),
                    ],
                )?;
            }
            ["wgc", words @ ..] => self.wgc.statement(words)?,
            ["first", "readback", time] => self.first_readback = moment(time)?,
            ["copies", "take", time] => self.copy_time = moment(time)?,
            ["copies", "take", time, "per", "megabyte"] => self.copy_time_per_megabyte = moment(time)?,
            ["format", name] => self.formats[0].1 = format(name)?,
            ["at", time, "format", name] => self.formats.push((moment(time)?, format(name)?)),
            ["at", time, words @ ..] => self.changes.0.push((moment(time)?, change(words)?)),
            ["white", name @ ("told" | "refused")] => self.white_told = *name == "told",
            ["white", nits] => self.white = number(nits, 80, 10_000)?,
            ["pitch", bytes] => self.pitch = number(bytes, 0, 4096)? as usize,
            ["events", "none"] => self.events = None,
            ["events", "prompt"] => self.events = Some(Duration::ZERO),
            ["events", "late", time] => self.events = Some(moment(time)?),
            ["system", "memory"] => self.system_memory = true,
            ["coalesce", parts] => self.coalesce = number(parts, 1, 1_000_000)? as usize,
            ["others", processes] => self.others = number(processes, 0, 100)?,
            ["adapters", adapters] => self.adapters = number(adapters, 1, 8)?,
            ["adapters", adapters, "alike"] => (self.adapters, self.alike) = (number(adapters, 1, 8)?, true),
            ["adapter", name] => {
                self.described = choose(name, &[("real", Described::Real), ("basic", Described::Basic)])?;
            }
            ["output", output, "on", place] => {
                self.places.insert(index(output)?, u64::from(number(place, 0, 7)?));
            }
            ["paths", name] => self.paths = choose(name, &[("known", true), ("unknown", false)])?,
            ["stale", name] => {
                let names = [("unplugged", Stale::Unplugged), ("strict", Stale::Strict), ("silent", Stale::Silent)];
                self.stale = choose(name, &names)?;
            }
            ["poison", name] => self.eager_poison = choose(name, &[("eager", true), ("lazy", false)])?,
            ["paint", name] => self.paint_ahead = choose(name, &[("ahead", true), ("late", false)])?,
            ["lock", name] => self.device_lock = choose(name, &[("on", true), ("off", false)])?,
            ["refuse", call, code, "for", time] => {
                self.faults.push(Fault::refusal(call, hex(code)?, moment(time)?)?);
            }
            ["session", name] => self.detached = choose(name, &[("console", false), ("detached", true)])?,
            ["pointer", name] => self.pointer_untold = choose(name, &[("told", false), ("untold", true)])?,
            ["nudge", name] => self.nudge_answered = choose(name, &[("ignored", false), ("answered", true)])?,
            ["copies", name] => self.device_order = choose(name, &[("immediate", false), ("queued", true)])?,
            ["claims", name] => self.hardware = choose(name, &[("translated", false), ("hardware", true)])?,
            ["inject", call, nth, code] => self.faults.push(Fault::new(call, number(nth, 0, u32::MAX)?, hex(code)?)?),
            _ => return Err(format!("\"lab {}\" is not understood; lab statements are {STATEMENTS}", words.join(" "))),
        }
        Ok(())
    }

    /// The desktop's format at `time`, if its script is SDR then.
    pub(crate) fn format_at(&self, time: Duration) -> Format {
        self.formats[self.formats.partition_point(|(at, _)| *at <= time).max(1) - 1].1
    }
}

fn change(words: &[&str]) -> Result<Change, String> {
    match words {
        ["name", output, name] => Ok(Change::Name { output: index(output)?, number: number(name, 1, 99)? }),
        ["detach", output, rest @ ..] => Ok(Change::Detach { output: index(output)?, span: span(rest)? }),
        ["remove", adapter, rest @ ..] => {
            Ok(Change::Remove { adapter: u64::from(number(adapter, 0, 7)?), span: span(rest)? })
        }
        ["renew", adapter] => Ok(Change::Renew { adapter: u64::from(number(adapter, 0, 7)?) }),
        _ => Err(format!("{:?} is not allowed here; one of format, name, detach, remove, renew", words.join(" "))),
    }
}

/// The index of an output, which statements count from 1 as names do.
fn index(word: &str) -> Result<usize, String> {
    number(word, 1, 16).map(|output| output as usize - 1)
}

/// The words after what ends some time.
fn span(words: &[&str]) -> Result<Option<Duration>, String> {
    match words {
        [] => Ok(None),
        ["for", time] => moment(time).map(Some),
        _ => Err(format!("{:?} is not allowed here; nothing, or for and a time", words.join(" "))),
    }
}

fn format(word: &str) -> Result<Format, String> {
    choose(
        word,
        &[
            ("bgra", Format::Bgra),
            ("rgba", Format::Rgba),
            ("fp16", Format::Half),
            ("wild", Format::Wild),
            ("acm", Format::Managed),
            ("rgb10", Format::Ten),
        ],
    )
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
    fn the_time_of_copies_is_read_in_every_unit() {
        let text =
            "lab copies take 160us; lab copies take 0.02ms per megabyte; lab first readback 30ms; lab copies queued";
        let (settings, _) = Settings::split(text).expect("a script");
        let times = [settings.copy_time, settings.copy_time_per_megabyte, settings.first_readback];
        assert_eq!(times.map(|time| time.as_micros()), [160, 20, 30_000]);
        assert!(settings.device_order);
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
            ("lab at 5s dance", "one of format, name, detach"),
            ("lab at 5s detach 0", "a number from 1 to 16"),
            ("lab at 5s detach 1 5s", "nothing, or for and a time"),
            ("lab stale never", "unplugged, strict, silent"),
        ] {
            let message = Settings::split(text).expect_err(text);
            assert!(message.contains(part), "{message}");
        }
    }
}
