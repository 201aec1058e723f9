//! Where images come from: one operating-system API per backend, all behind the trait [`Source`].
//!
//! A backend author reads this file and nothing else. A source shows the desktop of one output; it knows nothing of formats, regions,
//! recovery policy or threads. [`open`] and [`outputs`] are the only places that name the backends.

#[cfg(any(windows, test))]
pub mod dxgi;
pub mod sim;
pub mod texture;
#[cfg(target_os = "linux")]
pub mod x11;

#[cfg(all(test, target_os = "linux"))]
mod troubles;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::{Damage, ImageRef, Pointer};
use crate::geometry::{Point, Rect, Rotation, Size};
use crate::memory::Memory;

use texture::{Picture, SharedTexture};

/// An operating-system API that shows desktops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Desktop Duplication of Windows.
    Dxgi,
    /// An X server.
    X11,
    /// A scripted desktop. Never chosen unless it is asked for by name.
    Sim,
}

impl Backend {
    /// The backends of this platform, the preferred one first.
    pub const HERE: &'static [Backend] = &[
        #[cfg(windows)]
        Backend::Dxgi,
        #[cfg(target_os = "linux")]
        Backend::X11,
        Backend::Sim,
    ];

    /// Lower-case name.
    pub const fn name(self) -> &'static str {
        match self {
            Backend::Dxgi => "dxgi",
            Backend::X11 => "x11",
            Backend::Sim => "sim",
        }
    }

    /// The backend called `name`, or the best real one of this platform for `"auto"`.
    ///
    /// # Errors
    /// `InvalidArgument` if this platform lacks the backend, naming those it has.
    pub fn choose(name: &str) -> Result<Self> {
        let lower = name.to_ascii_lowercase();
        if lower == "auto" {
            return Self::HERE.iter().copied().find(|&b| b != Backend::Sim).ok_or_else(|| {
                Error::new(ErrorKind::Capture, "this platform has no capture backend")
                    .with_hint("The simulated desktop works everywhere: backend=\"sim\"")
            });
        }
        lower.parse()
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::HERE.iter().copied().find(|backend| backend.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::HERE.iter().map(|b| format!("{:?}", b.name())).collect();
            Error::invalid(format!("no backend {name:?} on this platform; it has \"auto\", {}", names.join(", ")))
        })
    }
}

/// One output (monitor) and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Index of the adapter.
    pub device_idx: usize,
    /// Index of the output on its adapter.
    pub output_idx: usize,
    /// Name of the adapter.
    pub device_name: String,
    /// Name of the output.
    pub name: String,
    /// Top-left corner on the whole desktop.
    pub position: Point,
    /// Size as the user sees it, after rotation.
    pub size: Size,
    /// How the output is turned, as the user would report it.
    pub rotation: Rotation,
    /// How far the images of this source must be turned to become the desktop. Differs from `rotation` where the system turns
    /// the image itself, as an X server does.
    pub image_rotation: Rotation,
    /// Refresh rate in hertz, 0 if unknown.
    pub refresh_hz: f64,
    /// Whether this is the desktop's primary output.
    pub is_primary: bool,
}

impl Output {
    /// Size of the delivered images.
    pub fn texture_size(&self) -> Size {
        self.image_rotation.apply(self.size)
    }

    /// Time between two refreshes; 60 hertz are assumed where the rate is unknown.
    pub fn refresh_interval(&self) -> Duration {
        let hz = if self.refresh_hz.is_finite() && self.refresh_hz >= 1.0 { self.refresh_hz } else { 60.0 };
        Duration::from_secs_f64(1.0 / hz)
    }
}

/// What a wait saw. All zero: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Number of presents since the last wait that reported any. A source that cannot count says 1.
    pub presents: u64,
    /// When the last of them was presented, on the clock given to [`open`]. Meaningless if `presents` is 0.
    pub present_time: Duration,
    /// The pointer moved, changed its shape, appeared or vanished. Only reported if the pointer is watched.
    pub pointer: bool,
    /// The system blanked protected content in the last image.
    pub protected: bool,
    /// The wait ended before its time because a signal arrived or a [`Waker`] was called.
    pub interrupted: bool,
}

impl Change {
    /// Whether anything happened.
    pub fn any(self) -> bool {
        self.presents > 0 || self.pointer
    }
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// All parts were delivered, and they belong to one state of the desktop: the state as of the last wait, or a later one.
    Done,
    /// All parts were delivered, but the desktop changed between [`Source::damage`] and this read: together with pixels from before
    /// that, they show a state that never was. The change is reported by the next `damage`.
    Overtaken,
    /// Nothing was delivered within the time allowed. The same call again goes on waiting, also after a wait in between; another read
    /// gives it up.
    Pending,
}

/// Ends a wait of one source in another thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// The desktop of one output.
///
/// The life of a frame is `wait` until something changed, `damage` to learn what, `read` to get pixels. Reading everything needs no
/// `damage` before it; then `damage` after the read costs nothing extra.
///
/// # Errors
/// Every fallible method may return an error with [`Error::loss`]: the desktop is gone, and until [`Source::rebuild`] succeeds every
/// other method fails the same way. An error without a loss is final. A timeout is a value, never an error.
pub trait Source: Send {
    /// The output as of creation or the last rebuild.
    fn output(&self) -> &Output;

    /// Waits at most `timeout` for a change and reports all changes since the last wait. Zero polls. May return early with nothing.
    ///
    /// The first wait after creation or a rebuild reports at least one present: the desktop as it is.
    ///
    /// # Errors
    /// A loss if the mode, the rotation or the access to the desktop changed.
    fn wait(&mut self, timeout: Duration) -> Result<Change>;

    /// Ends the wait that is under way in another thread at once, or else the next one, with [`Change::interrupted`]. A source that has
    /// this also ends its waits when a signal arrives. The waits of one that has not are cut into slices, which cost processor time.
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// What changed since the previous call, in texture space; everything, the first time. May cost a round trip, so it is not
    /// called for frames that nobody wants. Gives up after `timeout` and then reports everything as dirty. It may cover more than what
    /// changed; callers make it [sane](Damage::sane) before they use it.
    ///
    /// # Errors
    /// A loss, as for `wait`.
    fn damage(&mut self, timeout: Duration) -> Result<Damage>;

    /// Delivers the current pixels of `parts` (disjoint, not empty, inside the texture) to `sink`, each part once, in any order,
    /// together with the pointer as of this very read, the same for all parts. Nothing is delivered unless all is. The image borrowed
    /// by the sink has exactly the size of its part.
    ///
    /// # Errors
    /// A loss, as for `wait`.
    fn read(
        &mut self,
        parts: &[Rect],
        timeout: Duration,
        sink: &mut dyn FnMut(Rect, ImageRef<'_>, &Pointer),
    ) -> Result<Read>;

    /// Memory for a tight BGRA picture of `size` that [`Source::read_into`] can write to. `None` if this source cannot, or not now;
    /// then ordinary memory and [`Source::read`] do the work.
    fn allocate(&mut self, size: Size) -> Option<Memory> {
        let _ = size;
        None
    }

    /// Makes the system write the current pixels of `parts` into `memory`, which [`Source::allocate`] of this source made for `size`
    /// and whose first pixel is texture pixel `origin`. Alpha becomes 255. `None` if the memory does not belong to this source (any
    /// more). After [`Read::Pending`] the memory must not be used for anything but the same call again, or be dropped.
    ///
    /// # Errors
    /// A loss, as for `wait`.
    fn read_into(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        parts: &[Rect],
        timeout: Duration,
    ) -> Result<Option<Read>> {
        let _ = (memory, size, origin, parts, timeout);
        Ok(None)
    }

    /// [`Source::damage`] and [`Source::read_into`] in one step, without a round trip between them: makes the system write the current
    /// pixels of `stale` *and of whatever changed since the previous `damage`* into `memory`, and says what that was. `None` if this
    /// source has no such step or cannot take it now; then nothing happened. After [`Read::Pending`] nothing is reported yet, and the
    /// same rules hold as for `read_into`.
    ///
    /// # Errors
    /// A loss, as for `wait`.
    fn refresh(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        stale: &[Rect],
        timeout: Duration,
    ) -> Result<Option<(Read, Damage)>> {
        let _ = (memory, size, origin, stale, timeout);
        Ok(None)
    }

    /// Whether there is a way to share textures at all, whatever happens on the desktop.
    ///
    /// # Errors
    /// `Capture` if there is none.
    fn can_share(&self) -> Result<()> {
        Err(texture::unsupported())
    }

    /// Draws the current image, turned upright, into a texture that others can open, with the pointer as of this very call. Nothing is
    /// read back. `None` if the device needs longer than `timeout`: the same call again goes on waiting, another picture gives it up.
    ///
    /// # Errors
    /// A loss, as for `wait`; `Capture` if this source has no such way, the system refuses, or too many textures are held.
    fn share(&mut self, picture: &Picture, timeout: Duration) -> Result<Option<SharedTexture>> {
        let _ = (picture, timeout);
        self.can_share().map(|()| None)
    }

    /// The pointer as of the last wait or read, whichever came later. Never drawn into images by a source. A position that a read has
    /// shown is not reported again as a change by the next wait.
    fn pointer(&self) -> &Pointer;

    /// Gets the desktop back after a loss, with whatever size and rotation it has now. Tries once, within `timeout`.
    ///
    /// # Errors
    /// A loss if it is not there yet.
    fn rebuild(&mut self, timeout: Duration) -> Result<()>;

    /// Why the source works in a slower way than it could, if it does.
    fn fallback(&self) -> Option<&str> {
        None
    }
}

/// Which desktop to open.
#[derive(Clone)]
pub struct OpenOptions {
    /// The API to use.
    pub backend: Backend,
    /// Index of the adapter.
    pub device: usize,
    /// Index of the output on the adapter.
    pub output: usize,
    /// Whether pointer activity is reported and [`Source::pointer`] kept up to date.
    pub watch_pointer: bool,
    /// Script of the simulated desktop, see [`sim`]; `None` for its default.
    pub sim: Option<String>,
    /// The clock of present times and, for the simulated desktop, of its world.
    pub clock: Arc<dyn Clock>,
}

/// Opens one output.
///
/// # Errors
/// `InvalidArgument` if there is no such output, listing those that exist, or if the script is wrong; `Duplication` if the system
/// refuses.
pub fn open(options: &OpenOptions) -> Result<Box<dyn Source>> {
    match options.backend {
        Backend::Sim => Ok(Box::new(sim::SimSource::open(options)?)),
        #[cfg(windows)]
        Backend::Dxgi => Ok(Box::new(dxgi::DxgiSource::open(options)?)),
        #[cfg(not(windows))]
        Backend::Dxgi => Err(Error::invalid("the dxgi backend exists on Windows only")),
        #[cfg(target_os = "linux")]
        Backend::X11 => Ok(Box::new(x11::X11Source::open(options)?)),
        #[cfg(not(target_os = "linux"))]
        Backend::X11 => Err(Error::invalid("the x11 backend exists on Linux only")),
    }
}

/// All outputs of `backend`; exactly one is primary.
///
/// # Errors
/// As for [`open`].
pub fn outputs(backend: Backend, sim: Option<&str>) -> Result<Vec<Output>> {
    match backend {
        Backend::Sim => sim::outputs(sim),
        #[cfg(windows)]
        Backend::Dxgi => dxgi::outputs(),
        #[cfg(not(windows))]
        Backend::Dxgi => Err(Error::invalid("the dxgi backend exists on Windows only")),
        #[cfg(target_os = "linux")]
        Backend::X11 => x11::outputs(),
        #[cfg(not(target_os = "linux"))]
        Backend::X11 => Err(Error::invalid("the x11 backend exists on Linux only")),
    }
}

/// Something that a report about this machine says: for people, and the same whichever output is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about, such as `adapter 0` or `server`.
    pub subject: String,
    /// What is told.
    pub name: &'static str,
    /// What it is.
    pub value: String,
}

/// What `backend` knows about the system behind it.
///
/// # Errors
/// As for [`open`].
pub fn facts(backend: Backend) -> Result<Vec<Fact>> {
    match backend {
        #[cfg(windows)]
        Backend::Dxgi => dxgi::facts(),
        #[cfg(target_os = "linux")]
        Backend::X11 => x11::facts(),
        _ => Ok(Vec::new()),
    }
}

/// Picks the output with these indices.
///
/// # Errors
/// `InvalidArgument` that lists what exists.
fn select(outputs: &[Output], device: usize, output: usize) -> Result<&Output> {
    outputs
        .iter()
        .find(|o| o.device_idx == device && o.output_idx == output)
        .ok_or_else(|| no_such_output(outputs, &device.to_string(), &output.to_string()))
}

/// The error for indices that name no output: it lists those that exist.
pub fn no_such_output(outputs: &[Output], device: &str, output: &str) -> Error {
    let listed: Vec<_> = outputs
        .iter()
        .map(|o| format!("device {} output {} ({}, {})", o.device_idx, o.output_idx, o.name, o.size))
        .collect();
    Error::invalid(format!("no output {output} on device {device}; there is {}", listed.join(", ")))
}
