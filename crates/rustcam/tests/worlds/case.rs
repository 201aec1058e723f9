//! A world and what a program does in it, as data and as text, so that a failed case can be kept and run again.
//!
//! A text is the program, a line `---`, and the script of the desktop. A region is wrapped to the size that the output has at that
//! time.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use rustcam::frame::PixelFormat;
use rustcam::geometry::{Rect, Size};

/// A desktop and a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub script: String,
    pub output: usize,
    pub cursor: bool,
    /// Whether 8-bit frames of an HDR desktop are cut at SDR white, and not mapped.
    pub clip: bool,
    /// The session's own region.
    pub region: Option<Part>,
    pub steps: Vec<Step>,
}

/// Some part of an output, whatever its size: corner and extent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part(pub u32, pub u32, pub u32, pub u32);

impl Part {
    pub fn on(self, size: Size) -> Rect {
        let Part(left, top, width, height) = self;
        let (left, top) = ((left % size.width) as i32, (top % size.height) as i32);
        let right = (left + width as i32).min(size.width as i32);
        Rect::new(left, top, right, (top + height as i32).min(size.height as i32))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Memory {
    Owned,
    Retained,
    Into { padding: usize, upwards: bool },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The program is busy with something else.
    Pass { ms: u64 },
    /// `current` takes the current image if there is no new one; `hold` keeps the picture.
    Grab { memory: Memory, format: PixelFormat, region: Option<Part>, timeout: u64, current: bool, hold: bool },
    /// So many frames at a constant rate.
    Video { fps: u64, frames: u64, memory: Memory, format: PixelFormat, region: Option<Part> },
    /// Every kept picture is compared once more and dropped.
    Drop,
}

impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Part(left, top, width, height) = self;
        write!(f, " region {left} {top} {width} {height}")
    }
}

impl Display for Memory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Memory::Owned => f.write_str("owned"),
            Memory::Retained => f.write_str("retained"),
            Memory::Into { padding, upwards } => {
                write!(f, "into {padding} {}", if *upwards { "upwards" } else { "downwards" })
            }
        }
    }
}

fn option<T: Display>(value: Option<&T>) -> String {
    value.map(T::to_string).unwrap_or_default()
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Step::Pass { ms } => write!(f, "pass {ms}"),
            Step::Drop => f.write_str("drop"),
            Step::Grab { memory, format, region, timeout, current, hold } => {
                write!(f, "grab {memory} {format} {timeout}{}", option(region.as_ref()))?;
                f.write_str(if *current { " current" } else { "" })?;
                f.write_str(if *hold { " hold" } else { "" })
            }
            Step::Video { fps, frames, memory, format, region } => {
                write!(f, "video {memory} {format} {fps} {frames}{}", option(region.as_ref()))
            }
        }
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Case { script, output, cursor, clip, region, steps } = self;
        let flags = [(*cursor, " cursor"), (*clip, " clip")].map(|(on, word)| if on { word } else { "" });
        writeln!(f, "open {output}{}{}", flags.concat(), option(region.as_ref()))?;
        for step in steps {
            writeln!(f, "{step}")?;
        }
        write!(f, "---\n{script}\n")
    }
}

/// The words of a line that are left.
struct Words<'a>(Vec<&'a str>);

impl Words<'_> {
    fn next<T: FromStr>(&mut self) -> Result<T, String> {
        if self.0.is_empty() {
            return Err("a word is missing".to_owned());
        }
        let word = self.0.remove(0);
        word.parse().map_err(|_| format!("{word:?} does not belong there"))
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.0.first() == Some(&word);
        if found {
            self.0.remove(0);
        }
        found
    }

    fn region(&mut self) -> Result<Option<Part>, String> {
        if !self.take("region") {
            return Ok(None);
        }
        Ok(Some(Part(self.next()?, self.next()?, self.next()?, self.next()?)))
    }

    fn memory(&mut self) -> Result<Memory, String> {
        match self.next::<String>()?.as_str() {
            "owned" => Ok(Memory::Owned),
            "retained" => Ok(Memory::Retained),
            "into" => Ok(Memory::Into { padding: self.next()?, upwards: self.next::<String>()? == "upwards" }),
            other => Err(format!("{other:?} is no memory")),
        }
    }

    fn step(&mut self) -> Result<Step, String> {
        Ok(match self.next::<String>()?.as_str() {
            "pass" => Step::Pass { ms: self.next()? },
            "drop" => Step::Drop,
            "grab" => Step::Grab {
                memory: self.memory()?,
                format: self.next()?,
                timeout: self.next()?,
                region: self.region()?,
                current: self.take("current"),
                hold: self.take("hold"),
            },
            "video" => Step::Video {
                memory: self.memory()?,
                format: self.next()?,
                fps: self.next()?,
                frames: self.next()?,
                region: self.region()?,
            },
            other => return Err(format!("{other:?} is no step")),
        })
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (program, script) = text.split_once("---\n").ok_or("the line --- is missing")?;
        let lines = program.lines().map(|line| line.split('#').next().unwrap_or_default());
        let mut lines = lines.map(|line| Words(line.split_whitespace().collect())).filter(|words| !words.0.is_empty());
        let mut open = lines.next().filter(|words| words.0[0] == "open").ok_or("the first line is open")?;
        open.take("open");
        let (output, cursor, clip) = (open.next()?, open.take("cursor"), open.take("clip"));
        let region = open.region()?;
        let step = |mut words: Words<'_>| match words.step() {
            Ok(step) if words.0.is_empty() => Ok(step),
            Ok(step) => Err(format!("{step} is followed by {:?}", words.0)),
            Err(error) => Err(error),
        };
        let steps = lines.map(step).collect::<Result<_, _>>()?;
        Ok(Case { script: script.trim_end().to_owned(), output, cursor, clip, region, steps })
    }
}
