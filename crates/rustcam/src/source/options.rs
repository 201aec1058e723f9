//! Which desktop to open, and through which API.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::hresult;
use super::output::OutputChoice;
use super::sim::Script;
use super::window::WindowTarget;
use crate::clock::{Clock, MonotonicClock};
use crate::color::ToneMapping;
use crate::error::{Error, ErrorKind, Result};

/// An API through which a desktop is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// Desktop Duplication of Windows.
    Dxgi,
    /// Windows.Graphics.Capture of Windows.
    Wgc,
    /// An X server.
    X11,
    /// A simulated desktop that follows a script. [`Backend::choose`] returns it for its own name only, never for `"auto"`.
    Sim(Script),
}

impl Backend {
    /// The real backends of this platform, the preferred one first.
    const REAL: &'static [Backend] = &[
        #[cfg(windows)]
        Backend::Dxgi,
        #[cfg(windows)]
        Backend::Wgc,
        #[cfg(target_os = "linux")]
        Backend::X11,
    ];

    /// Name of the simulated backend.
    const SIM: &'static str = "sim";

    /// The names of the backends of this platform, the preferred one first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::REAL.iter().map(Backend::name).chain([Self::SIM])
    }

    /// Lower-case name.
    pub const fn name(&self) -> &'static str {
        match self {
            Backend::Dxgi => "dxgi",
            Backend::Wgc => "wgc",
            Backend::X11 => "x11",
            Backend::Sim(_) => Self::SIM,
        }
    }

    /// Whether it captures single windows.
    pub const fn captures_windows(&self) -> bool {
        !matches!(self, Backend::Dxgi)
    }

    /// The backend called `name`, or for `"auto"` the best real one of this platform for outputs. `script` describes the simulated desktop.
    ///
    /// # Errors
    /// `InvalidArgument` if this platform lacks the backend, naming those it has, if the script is wrong, or if it comes with another
    /// backend; `Capture` if there is no real backend to choose.
    pub fn choose(name: &str, script: Option<&str>) -> Result<Self> {
        Self::choose_where(name, script, |_| true)
    }

    /// [`Backend::choose`] for single windows.
    ///
    /// # Errors
    /// Those of [`Backend::choose`], and `InvalidArgument` for a backend that captures outputs only.
    pub fn choose_for_window(name: &str, script: Option<&str>) -> Result<Self> {
        let backend = Self::choose_where(name, script, Self::captures_windows)?;
        if backend.captures_windows() {
            return Ok(backend);
        }
        let others: Vec<_> = Self::REAL.iter().filter(|other| other.captures_windows()).map(Self::name).collect();
        Err(Error::invalid(format!("backend=\"{backend}\" captures outputs only; windows need {others:?} or \"auto\"")))
    }

    fn choose_where(name: &str, script: Option<&str>, fits: impl Fn(&Self) -> bool) -> Result<Self> {
        let lower = name.to_ascii_lowercase();
        if lower == Self::SIM {
            return script.map_or_else(|| Ok(Script::default()), Script::parse).map(Backend::Sim);
        }
        let named =
            Self::REAL.iter().find(|backend| if lower == "auto" { fits(backend) } else { backend.name() == lower });
        let Some(backend) = named else {
            if lower == "auto" {
                return Err(Error::new(ErrorKind::Capture, "this platform has no capture backend")
                    .with_hint("The simulated desktop works everywhere: backend=\"sim\""));
            }
            let names: Vec<_> = Self::names().map(|name| format!("{name:?}")).collect();
            return Err(Error::invalid(format!(
                "no backend {lower:?} on this platform; it has \"auto\", {}",
                names.join(", ")
            )));
        };
        match script {
            None => Ok(backend.clone()),
            Some(_) => Err(Error::invalid("sim= scripts the simulated desktop: it goes with backend=\"sim\" only")),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which desktop to open. Made by [`OpenOptions::new`]; the setters change its defaults.
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenOptions {
    /// The API to use.
    pub backend: Backend,
    /// Index of the adapter, where the output is chosen by its index.
    pub device: usize,
    /// The output.
    pub output: OutputChoice,
    /// The window, where it is one and not an output.
    pub window: Option<WindowTarget>,
    /// Whether another backend may be taken if this one can never capture the output.
    pub fall_back: bool,
    /// Whether pointer activity is reported, and [`super::Source::pointer`] kept up to date.
    pub watch_pointer: bool,
    /// The clock of present times and, for the simulated desktop, of its world.
    pub clock: Arc<dyn Clock>,
    /// How long refusals that pass by themselves are waited out.
    pub timeout: Duration,
    /// The most threads that convert a large frame; `None` for as many as there are cores, but no more than four.
    pub threads: Option<usize>,
    /// How 8-bit frames of an HDR desktop show what is brighter than SDR white.
    pub tone_mapping: ToneMapping,
    /// When the first attempt to open the output was made.
    first_attempt: Arc<OnceLock<Duration>>,
    /// What has refused the attempts since when.
    refusals: Arc<Mutex<Option<(u32, Duration)>>>,
}

impl OpenOptions {
    /// The first output of the first adapter, with the pointer, on the machine's clock, or on the one that the script of a simulated
    /// desktop wants.
    pub fn new(backend: Backend) -> Self {
        let clock = if let Backend::Sim(script) = &backend { script.clock() } else { Arc::new(MonotonicClock) };
        let timeout = Duration::from_secs(1);
        let output = OutputChoice::Index(0);
        Self {
            backend,
            device: 0,
            output,
            window: None,
            fall_back: false,
            watch_pointer: true,
            clock,
            timeout,
            threads: None,
            tone_mapping: ToneMapping::Map,
            first_attempt: Arc::default(),
            refusals: Arc::default(),
        }
    }

    /// Sets the index of the adapter.
    #[must_use]
    pub fn device(self, device: usize) -> Self {
        Self { device, ..self }
    }

    /// Sets the output: its index on the adapter, its name, or its id.
    #[must_use]
    pub fn output(self, output: impl Into<OutputChoice>) -> Self {
        Self { output: output.into(), ..self }
    }

    /// Sets the window that is captured, instead of an output.
    #[must_use]
    pub fn window(self, window: impl Into<Option<WindowTarget>>) -> Self {
        Self { window: window.into(), ..self }
    }

    /// Sets whether another backend may be taken if this one can never capture the output.
    #[must_use]
    pub fn fall_back(self, fall_back: bool) -> Self {
        Self { fall_back, ..self }
    }

    /// Sets whether pointer activity is reported.
    #[must_use]
    pub fn watch_pointer(self, watch_pointer: bool) -> Self {
        Self { watch_pointer, ..self }
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets how long refusals that pass by themselves are waited out: a second, unless it is set.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the most threads that convert a large frame: 1 to 64, the calling one included.
    #[must_use]
    pub fn threads(self, threads: impl Into<Option<usize>>) -> Self {
        Self { threads: threads.into(), ..self }
    }

    /// Sets how 8-bit frames of an HDR desktop show what is brighter than SDR white.
    #[must_use]
    pub fn tone_mapping(self, tone_mapping: ToneMapping) -> Self {
        Self { tone_mapping, ..self }
    }

    /// Time since the first attempt to open the output, which is this one if there was none.
    pub(super) fn waited(&self) -> Duration {
        let now = self.clock.now();
        now.saturating_sub(*self.first_attempt.get_or_init(|| now))
    }
}

/// Refusals of duplication that last, where they are repeated after so long: a computer with two graphics adapters, and the limit of
/// processes that duplicate.
const LASTING: [u32; 2] = [hresult::UNSUPPORTED, hresult::NOT_CURRENTLY_AVAILABLE];
const LASTS: Duration = Duration::from_millis(100);

#[cfg_attr(not(windows), allow(dead_code, reason = "only Windows has two backends for outputs"))]
impl OpenOptions {
    /// Records that an attempt to duplicate an output was refused with `code`. Returns whether it is refused for a reason that lasts: the same
    /// as in an attempt a while before, and in all since.
    pub(super) fn keeps_being_refused(&self, code: Option<u32>) -> bool {
        let now = self.clock.now();
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let code = code.filter(|code| LASTING.contains(code));
        let since = refusals.filter(|(before, _)| Some(*before) == code).map_or(now, |(_, since)| since);
        *refusals = code.map(|code| (code, since));
        code.is_some() && now.saturating_sub(since) >= LASTS
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, device, output, window, fall_back, .. } = self;
        let Self { watch_pointer, timeout, threads, tone_mapping, clock: _, first_attempt: _, refusals: _, .. } = self;
        f.debug_struct("OpenOptions")
            .field("backend", backend)
            .field("device", device)
            .field("output", output)
            .field("window", window)
            .field("fall_back", fall_back)
            .field("watch_pointer", watch_pointer)
            .field("timeout", timeout)
            .field("threads", threads)
            .field("tone_mapping", tone_mapping)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;

    #[test]
    fn a_refusal_lasts_if_the_same_one_comes_again_a_while_later() {
        use hresult::{E_ACCESSDENIED, NOT_CURRENTLY_AVAILABLE, UNSUPPORTED};
        let clock = Arc::new(VirtualClock::new());
        let options = || OpenOptions::new(Backend::Sim(Script::default())).clock(Arc::clone(&clock) as _);
        let refused = |options: &OpenOptions, code, after| {
            clock.sleep(Duration::from_millis(after));
            options.clone().keeps_being_refused(code)
        };
        let first = options();
        assert!(!refused(&first, Some(UNSUPPORTED), 0), "the first time");
        assert!(!refused(&first, Some(UNSUPPORTED), 99), "too soon");
        assert!(refused(&first, Some(UNSUPPORTED), 1));
        assert!(!refused(&first, Some(NOT_CURRENTLY_AVAILABLE), 100), "another reason");
        assert!(refused(&first, Some(NOT_CURRENTLY_AVAILABLE), 100));
        assert!(!refused(&first, Some(E_ACCESSDENIED), 100), "the other backend is refused, too");
        assert!(!refused(&first, Some(E_ACCESSDENIED), 100));
        assert!(!refused(&first, Some(UNSUPPORTED), 100), "something else came in between");
        assert!(!refused(&first, None, 100));
        assert!(!refused(&options(), Some(UNSUPPORTED), 100), "another opening");
    }
}
