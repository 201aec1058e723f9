//! The statements that begin with `lab wgc`: what Windows.Graphics.Capture is like on the simulated system.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::script::words::{choose, hex, moment, number};

/// What setting `IsBorderRequired` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setter {
    /// It succeeds, and the value is kept.
    Works,
    /// It succeeds, and the value stays as it was.
    Ignored,
    /// It fails, and the value is kept nevertheless.
    Fails,
}

/// What the dirty regions of a frame say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dirty {
    /// What changed.
    Exact,
    /// Everything.
    All,
    /// What changed, and a rectangle that exceeds the texture.
    Outside,
    /// Nothing.
    Empty,
}

/// A time in which the capture service is absent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) at: Duration,
    /// `None` for ever.
    pub(crate) span: Option<Duration>,
    /// The code of calls that need the service.
    pub(crate) code: u32,
}

/// What the statements set.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a statement of its own.
pub(crate) struct Wgc {
    /// Whether the system's own functions stay in place.
    pub(crate) off: bool,
    /// The build of Windows: it decides which classes and properties exist.
    pub(crate) build: u32,
    /// Whether `GraphicsCaptureSession.IsSupported` says so.
    pub(crate) supported: bool,
    /// Classes that do not exist, in lower case, without their namespace.
    pub(crate) absent: BTreeSet<String>,
    /// Width of the invisible border of windows: left, right and below.
    pub(crate) border: u32,
    /// Presents of a window per second; 0 if its content never changes.
    pub(crate) window_fps: u32,
    pub(crate) border_setter: Setter,
    /// Whether `RequestAccessAsync` grants what is asked for.
    pub(crate) access: bool,
    /// How long `Close` of a session lasts.
    pub(crate) close_hangs: Duration,
    pub(crate) dirty: Dirty,
    /// Whether the first item of every window is refused, as of one that was just created.
    pub(crate) new_windows_refused: bool,
    pub(crate) outages: Vec<Outage>,
}

impl Default for Wgc {
    fn default() -> Self {
        Self {
            off: false,
            build: 26100,
            supported: true,
            absent: BTreeSet::new(),
            border: 0,
            window_fps: 60,
            border_setter: Setter::Works,
            access: true,
            close_hangs: Duration::ZERO,
            dirty: Dirty::Exact,
            new_windows_refused: false,
            outages: Vec::new(),
        }
    }
}

/// The builds of which the differences are known.
const BUILDS: [u32; 5] = [17763, 18362, 19041, 22000, 26100];
/// `ERROR_SERVICE_DOES_NOT_EXIST`: what calls fail with while the capture service is absent.
const NO_SERVICE: u32 = 0x8007_0424;

const STATEMENTS: &str =
    "off, on, build, supported, without, border, window-fps, border-setter, access, close hangs, dirty, new-windows,
     service gone, at";

impl Wgc {
    pub(crate) fn statement(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [name @ ("off" | "on")] => self.off = *name == "off",
            ["build", build] => self.build = choose(build, &BUILDS.map(|build| (build_name(build), build)))?,
            ["supported", name] => self.supported = choose(name, &[("yes", true), ("no", false)])?,
            ["without", class] => drop(self.absent.insert((*class).to_owned())),
            ["border", width] => self.border = number(width, 0, 64)?,
            ["window-fps", fps] => self.window_fps = number(fps, 0, 1000)?,
            ["border-setter", name] => {
                let names = [("works", Setter::Works), ("ignored", Setter::Ignored), ("fails", Setter::Fails)];
                self.border_setter = choose(name, &names)?;
            }
            ["access", name] => self.access = choose(name, &[("allowed", true), ("denied", false)])?,
            ["close", "hangs", time] => self.close_hangs = moment(time)?,
            ["dirty", name] => {
                let names = [
                    ("exact", Dirty::Exact),
                    ("all", Dirty::All),
                    ("outside", Dirty::Outside),
                    ("empty", Dirty::Empty),
                ];
                self.dirty = choose(name, &names)?;
            }
            ["new-windows", name] => {
                self.new_windows_refused = choose(name, &[("accepted", false), ("refused", true)])?;
            }
            ["service", "gone", rest @ ..] => self.outages.push(outage(Duration::ZERO, rest)?),
            ["at", time, "service", "gone", rest @ ..] => self.outages.push(outage(moment(time)?, rest)?),
            _ => {
                return Err(format!(
                    "\"lab wgc {}\" is not understood; lab wgc statements are {STATEMENTS}",
                    words.join(" ")
                ))
            }
        }
        Ok(())
    }

    /// The code of calls that need the capture service, if it is absent at `now`.
    pub(crate) fn outage(&self, now: Duration) -> Option<u32> {
        let lasts = |outage: &&Outage| outage.at <= now && outage.span.is_none_or(|span| now < outage.at + span);
        self.outages.iter().find(lasts).map(|outage| outage.code)
    }

    /// The version of `UniversalApiContract` of the build.
    pub(crate) fn contract(&self) -> u16 {
        match self.build {
            ..18362 => 7,
            18362..19041 => 8,
            19041..22000 => 10,
            22000..26100 => 14,
            _ => 19,
        }
    }
}

fn build_name(build: u32) -> &'static str {
    match build {
        17763 => "17763",
        18362 => "18362",
        19041 => "19041",
        22000 => "22000",
        _ => "26100",
    }
}

/// The words after `service gone`: a code, a time, both or neither.
fn outage(at: Duration, words: &[&str]) -> Result<Outage, String> {
    let (code, span) = match words {
        [] => (NO_SERVICE, None),
        ["for", time] => (NO_SERVICE, Some(moment(time)?)),
        [code] => (hex(code)?, None),
        [code, "for", time] => (hex(code)?, Some(moment(time)?)),
        _ => return Err(format!("{:?} is not allowed here; a code, for and a time, or both", words.join(" "))),
    };
    Ok(Outage { at, span, code })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_of_the_service_has_a_code_and_a_time() {
        let mut wgc = Wgc::default();
        for statement in ["at 1s service gone for 500ms", "at 3s service gone 0x800706be"] {
            let words: Vec<_> = statement.split(' ').collect();
            wgc.statement(&words).expect("a statement");
        }
        let codes = [0, 1000, 1499, 1500, 3000, 9000].map(|ms| wgc.outage(Duration::from_millis(ms)));
        let (gone, rpc) = (Some(NO_SERVICE), Some(0x8007_06BE));
        assert_eq!(codes, [None, gone, gone, None, rpc, rpc]);
    }

    #[test]
    fn mistakes_say_what_is_allowed() {
        for (statement, part) in [
            ("build 5", "one of 17763, 18362, 19041, 22000, 26100"),
            ("dance", "lab wgc statements are off"),
            ("service gone for ever", "a time like"),
        ] {
            let words: Vec<_> = statement.split(' ').collect();
            let message = Wgc::default().statement(&words).expect_err(statement);
            assert!(message.contains(part), "{message}");
        }
    }
}
