//! Where images come from: one operating-system API per backend, all behind the trait [`Source`].
//!
//! [`open`] opens the source that an [`OpenOptions`] names. A backend implements only the trait [`Source`]: a source delivers the images of
//! one output and does not know formats, regions, recovery policy or threads.
//!
//! # Writing a source
//!
//! A source that reads whole images and reports no damage is correct already. This one shows a picture that changes every 10 ms:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use rustcam::capture::{Request, Session, Target};
//! use rustcam::clock::{Clock, VirtualClock};
//! use rustcam::error::Result;
//! use rustcam::frame::{Damage, ImageRef, PixelFormat, Pointer};
//! use rustcam::geometry::{Rect, Size};
//! use rustcam::source::{check_parts, Change, Outcome, Output, Sink, Source};
//!
//! const INTERVAL: Duration = Duration::from_millis(10);
//!
//! struct Counter {
//!     output: Output,
//!     clock: Arc<VirtualClock>,
//!     presents: u64,
//!     pointer: Pointer,
//! }
//!
//! impl Source for Counter {
//!     fn output(&self) -> &Output {
//!         &self.output
//!     }
//!
//!     fn wait(&mut self, timeout: Duration) -> Result<Change> {
//!         let due = INTERVAL * self.presents as u32;
//!         let until_due = due.saturating_sub(self.clock.now());
//!         self.clock.sleep(until_due.min(timeout));
//!         if until_due > timeout {
//!             return Ok(Change::NOTHING);
//!         }
//!         self.presents += 1;
//!         Ok(Change::presented(1, due))
//!     }
//!
//!     fn damage(&mut self, _timeout: Duration) -> Result<Damage> {
//!         Ok(Damage::everything(self.output.texture_size().rect()))
//!     }
//!
//!     fn read(&mut self, parts: &[Rect], _timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
//!         check_parts(parts, self.output.texture_size().rect())?;
//!         for &part in parts {
//!             let bytes = vec![self.presents as u8; part.area() as usize * 4];
//!             sink(part, ImageRef::new(&bytes, part.width() as usize * 4, part.size()), &self.pointer);
//!         }
//!         Ok(Outcome::Done(()))
//!     }
//!
//!     fn pointer(&self) -> &Pointer {
//!         &self.pointer
//!     }
//!
//!     fn rebuild(&mut self, _timeout: Duration) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! let clock = Arc::new(VirtualClock::new());
//! let output = Output::new("COUNTER-1", Size::new(8, 4));
//! let source = Counter { output, clock: Arc::clone(&clock), presents: 0, pointer: Pointer::default() };
//! let mut session = Session::over(Box::new(source), clock, false);
//! for expected in 1..=3 {
//!     let request = Request::within(Duration::from_secs(1));
//!     let frame = session.grab(&request, Target::owned(PixelFormat::Gray), &mut || Ok(()))?.expect("a present");
//!     assert_eq!(frame.image().expect("in memory").bytes(), [expected; 8 * 4]);
//! }
//! # Ok::<(), rustcam::error::Error>(())
//! ```

mod facts;
mod open;
mod options;
mod output;
pub mod scaling;
mod window;

#[cfg(any(windows, test))]
mod d3d11;
#[cfg(windows)]
mod displays;
#[cfg(windows)]
mod dxgi;
pub mod hresult;
pub mod sim;
pub mod texture;
#[cfg(any(windows, test))]
mod verdict;
#[cfg(windows)]
mod wgc;
#[cfg(target_os = "linux")]
#[allow(missing_debug_implementations)]
pub mod x11;

#[cfg(all(test, target_os = "linux"))]
mod troubleshooting;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::color::{Color, ToneMapping};
use crate::error::{Error, Result};
use crate::frame::{Damage, ImageRef, Pointer};
use crate::geometry::{Point, Rect, Size};
use crate::memory::Memory;

use scaling::{ScaleRequest, ScaledSink};
use texture::{SharedTexture, TextureRequest};

pub use facts::{Adapter, DynamicRange, Facts, Server};
pub use open::{facts, open, outputs, windows};
pub use options::{Backend, OpenOptions};
pub use output::{no_such_output, Output, OutputChoice};
pub use window::{TitlePattern, Window, WindowArea, WindowChoice, WindowTarget};

/// What a wait saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Nothing happened.
    pub const NOTHING: Self =
        Self { presents: 0, present_time: Duration::ZERO, pointer: false, protected: false, interrupted: false };

    /// Nothing happened, but the wait ended before its time.
    pub const INTERRUPTED: Self = Self { interrupted: true, ..Self::NOTHING };

    /// There were so many presents, the last of them at `time`.
    pub const fn presented(presents: u64, time: Duration) -> Self {
        Self { presents, present_time: time, ..Self::NOTHING }
    }

    /// Whether anything happened.
    pub fn any(self) -> bool {
        self.presents > 0 || self.pointer
    }
}

/// What a source has counted since it was opened, and how it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceStats {
    /// Copies that the graphics device was told to make, for all captures of the output.
    pub device_copies: u64,
    /// Bytes of these copies.
    pub device_bytes: u64,
    /// Reads that took their pixels from the desktop itself, because it is in system memory.
    pub reads_in_place: u64,
    /// Whether the graphics device prefers the capture to other programs; `None` without a device.
    pub gpu_priority: Option<bool>,
    /// Whether the thread of the last stream had the system's priority for captures; `None` if there was no stream, or the system has no
    /// such priority.
    pub thread_priority: Option<bool>,
}

/// How a step ended that takes the system some time and delivers a `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<T = ()> {
    /// Everything was delivered, and it belongs to one state of the desktop: the state as of the last wait, or a later one.
    Done(T),
    /// Everything was delivered, but the desktop changed between [`Source::damage`] and this step: together with older pixels it would
    /// show a state that never existed. The change is reported by the next `damage`.
    Overtaken(T),
    /// Nothing was delivered within the timeout. Repeating the same call continues it, also after a wait in between; a different call
    /// cancels it.
    Pending,
    /// The source does not support this step, or cannot take it now. Nothing happened.
    Unsupported,
}

impl<T> Outcome<T> {
    /// The same outcome with its value mapped.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Done(value) => Outcome::Done(map(value)),
            Outcome::Overtaken(value) => Outcome::Overtaken(map(value)),
            Outcome::Pending => Outcome::Pending,
            Outcome::Unsupported => Outcome::Unsupported,
        }
    }
}

/// Fails to end an opening before its time. It is called every few milliseconds while the system does not answer.
pub type CheckInterrupt<'a> = dyn FnMut() -> Result<()> + 'a;

/// Ends a wait of one source in another thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Receives the pixels of one part, and the pointer as it was when they were read. The format is that of the desktop's own image, and may
/// change with every mode: BGRA, or half floats where the system composes its desktop in them. A source that has mapped an HDR desktop to
/// 8 bits itself delivers BGRA.
pub type Sink<'a> = dyn FnMut(Rect, ImageRef<'_>, &Pointer) + 'a;

/// The desktop of one output, or one window.
///
/// A frame takes three steps: `wait` until something changed, `damage` to learn what changed, `read` to get its pixels. A read of
/// everything needs no `damage` before it; `damage` after such a read costs nothing extra.
///
/// # Errors
/// Every fallible method may return an error with [`Error::loss`]: the desktop is gone, and until [`Source::rebuild`] succeeds every
/// other method fails the same way. An error without a loss is final. A timeout is a value, never an error.
pub trait Source: Send {
    /// The output as of creation or the last rebuild.
    fn output(&self) -> &Output;

    /// Waits at most `timeout` for a change and reports all changes since the last wait. A timeout of zero polls. It may return early
    /// with [`Change::NOTHING`].
    ///
    /// The first wait after creation or a rebuild reports at least one present: the desktop as it is.
    ///
    /// # Errors
    /// A loss if the mode, the rotation or the access to the desktop changed.
    fn wait(&mut self, timeout: Duration) -> Result<Change>;

    /// A waker that ends the current wait in another thread, or else the next one, at once, with [`Change::interrupted`]. A source that
    /// has a waker also ends its waits when a signal arrives. Without one, waits are cut into slices, which cost processor time.
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// What changed since the previous call, in texture space; everything, the first time. It may cost a round trip, so it is called
    /// only for frames that are wanted. After `timeout` it reports everything as dirty. It may cover more than what changed; callers
    /// [validate](Damage::sane) it before they use it.
    ///
    /// # Errors
    /// A loss, as for `wait`.
    fn damage(&mut self, timeout: Duration) -> Result<Damage>;

    /// Delivers the current pixels of `parts` (disjoint, not empty, inside the texture) to `sink`, each part once, in any order,
    /// together with the pointer as of this read, the same for all parts. Either all parts are delivered or none. The image passed to
    /// the sink has exactly the size of its part.
    ///
    /// # Errors
    /// A loss, as for `wait`.
    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome>;

    /// Delivers the steps of `request` to `sink`, each once, in any order, all of one image: turned upright, with the pointer as of this
    /// read if it is wanted, and scaled, each level within one of the exact value. Only for 8-bit frames, see
    /// [`Source::set_tone_mapping`]. [`Outcome::Unsupported`] if the source cannot scale, or a [`Source::read`] costs less.
    ///
    /// # Errors
    /// A loss, as for `wait`; `InvalidArgument` for a step that is not inside the output.
    fn read_scaled(&mut self, request: &ScaleRequest, timeout: Duration, sink: &mut ScaledSink<'_>) -> Result<Outcome> {
        let _ = (request, timeout, sink);
        Ok(Outcome::Unsupported)
    }

    /// What the next reads and shared textures are for: 8-bit frames in which this mapping shows what is brighter than SDR white, or frames
    /// of half floats (`None`). A source whose desktop is half floats may then map it itself, and deliver BGRA.
    fn set_tone_mapping(&mut self, mapping: Option<ToneMapping>) {
        let _ = mapping;
    }

    /// Memory for a tightly packed BGRA image of `size` that [`Source::read_into`] can write to. `None` if this source cannot, or not
    /// now; then the caller uses ordinary memory and [`Source::read`].
    fn allocate(&mut self, size: Size) -> Option<Memory> {
        let _ = size;
        None
    }

    /// Makes the system write the current pixels of `parts` into `memory`, which [`Source::allocate`] of this source made for `size`
    /// and whose first pixel is texture pixel `origin`. Alpha becomes 255. [`Outcome::Unsupported`] if the memory does not belong to
    /// this source, or no longer. After [`Outcome::Pending`] the memory may only be passed to the same call again, or dropped.
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
    ) -> Result<Outcome> {
        let _ = (memory, size, origin, parts, timeout);
        Ok(Outcome::Unsupported)
    }

    /// [`Source::damage`] and [`Source::read_into`] in one step, without a round trip between them: makes the system write the current
    /// pixels of `stale` *and of everything that changed since the previous `damage`* into `memory`, and returns that damage. The rules
    /// for the memory are those of `read_into`.
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
    ) -> Result<Outcome<Damage>> {
        let _ = (memory, size, origin, stale, timeout);
        Ok(Outcome::Unsupported)
    }

    /// Whether this source can share textures at all.
    ///
    /// # Errors
    /// `Capture` if it cannot.
    fn can_share(&self) -> Result<()> {
        Err(texture::unsupported())
    }

    /// Renders the current image, turned upright, into a texture that other devices and processes can open, with the pointer as of
    /// this call. Nothing is read back.
    ///
    /// # Errors
    /// A loss, as for `wait`; `Capture` if this source cannot share textures, the system refuses, or too many textures are held.
    fn share(&mut self, request: &TextureRequest, timeout: Duration) -> Result<Outcome<SharedTexture>> {
        let _ = (request, timeout);
        self.can_share().map(|()| Outcome::Unsupported)
    }

    /// The pointer as of the last wait or read, whichever came later. A source never draws it into its images, unless
    /// [`Source::pointer_in_image`] says so. A position that a read has delivered is not reported again as a change by the next wait.
    fn pointer(&self) -> &Pointer;

    /// Whether the system has drawn the pointer into the images, if it is watched. Then nobody else may draw it, and where the system does
    /// not tell where it is, [`Source::pointer`] is invisible.
    fn pointer_in_image(&self) -> bool {
        false
    }

    /// Tries once, within `timeout`, to get the desktop back after a loss, with the size and the rotation that it has now.
    ///
    /// # Errors
    /// A loss if it is not available yet.
    fn rebuild(&mut self, timeout: Duration) -> Result<()>;

    /// Makes ready what the first read of `part` needs, if that takes a system some time. Nothing that fails here is reported.
    fn warm_up(&mut self, part: Rect) {
        let _ = part;
    }

    /// Keeps the display from being switched off, and the screen saver from starting, or no longer. It also ends with the source. Nothing
    /// happens where the system cannot do that.
    fn keep_awake(&mut self, on: bool) {
        let _ = on;
    }

    /// Gives the calling thread, which captures a stream, the priority that the system has for that. It ends when the returned value is
    /// dropped, on the same thread. `None` where the system has no such priority, or refuses.
    fn prioritise_thread(&mut self) -> Option<Box<dyn Any>> {
        None
    }

    /// The colour of the output as of the last wait or read. It changes with a mode, and the level of SDR white also without one: a change
    /// of it is known after 2 seconds at the latest.
    fn color(&self) -> Color {
        self.output().color
    }

    /// What the source has counted.
    fn stats(&self) -> SourceStats {
        SourceStats::default()
    }

    /// Why the source works in a slower way than it could, or not through the backend that it should; `None` if it does.
    fn fallback(&self) -> Option<&str> {
        None
    }

    /// The name of the backend, if it is another one than was chosen.
    fn other_backend(&self) -> Option<&'static str> {
        None
    }
}

/// Checks the parts of a read: each must be inside `area`, the whole texture, and not empty.
///
/// # Errors
/// `InvalidArgument` that names the part.
pub fn check_parts(parts: &[Rect], area: Rect) -> Result<()> {
    match parts.iter().find(|part| part.is_empty() || !area.contains(**part)) {
        Some(part) => Err(Error::invalid(format!("the part {part} is not inside {area}"))),
        None => Ok(()),
    }
}
