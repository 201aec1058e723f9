//! Where images come from: one operating-system API per backend, all behind the trait [`Source`].
//!
//! A backend author reads this file and nothing else. A source shows the desktop of one output; it knows nothing of formats, regions,
//! recovery policy or threads. Only [`open`], [`outputs`] and [`facts`] name the backends.

mod facts;
mod open;
mod options;
mod output;

#[cfg(any(windows, test))]
mod d3d11;
#[cfg(windows)]
pub mod dxgi;
#[cfg(any(windows, test))]
pub mod hresult;
pub mod sim;
pub mod texture;
#[cfg(target_os = "linux")]
pub mod x11;

#[cfg(all(test, target_os = "linux"))]
mod troubleshooting;

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::frame::{Damage, ImageRef, Pointer};
use crate::geometry::{Point, Rect, Size};
use crate::memory::Memory;

use texture::{SharedTexture, TextureRequest};

pub use facts::{Adapter, DynamicRange, Facts, Server};
pub use open::{facts, open, outputs};
pub use options::{Backend, OpenOptions};
pub use output::{no_such_output, Output};

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

/// How a step ended that takes the system some time and brings a `T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<T = ()> {
    /// Everything was delivered, and it belongs to one state of the desktop: the state as of the last wait, or a later one.
    Done(T),
    /// Everything was delivered, but the desktop changed between [`Source::damage`] and this step: together with pixels from before
    /// that, it shows a state that never was. The change is reported by the next `damage`.
    Overtaken(T),
    /// Nothing was delivered within the time allowed. The same call again goes on waiting, also after a wait in between; another one
    /// gives it up.
    Pending,
    /// The source has no such step, or cannot take it now. Nothing happened.
    Unsupported,
}

impl<T> Outcome<T> {
    /// The same outcome with something else to bring.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Done(value) => Outcome::Done(map(value)),
            Outcome::Overtaken(value) => Outcome::Overtaken(map(value)),
            Outcome::Pending => Outcome::Pending,
            Outcome::Unsupported => Outcome::Unsupported,
        }
    }
}

/// Ends a wait of one source in another thread.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Receives the pixels of one part, and the pointer as of the read.
pub type Sink<'a> = dyn FnMut(Rect, ImageRef<'_>, &Pointer) + 'a;

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
    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome>;

    /// Memory for a tight BGRA picture of `size` that [`Source::read_into`] can write to. `None` if this source cannot, or not now;
    /// then ordinary memory and [`Source::read`] do the work.
    fn allocate(&mut self, size: Size) -> Option<Memory> {
        let _ = size;
        None
    }

    /// Makes the system write the current pixels of `parts` into `memory`, which [`Source::allocate`] of this source made for `size`
    /// and whose first pixel is texture pixel `origin`. Alpha becomes 255. [`Outcome::Unsupported`] if the memory does not belong to
    /// this source (any more). After [`Outcome::Pending`] the memory must not be used for anything but the same call again, or be
    /// dropped.
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
    /// pixels of `stale` *and of whatever changed since the previous `damage`* into `memory`, and says what that was. The rules for
    /// the memory are those of `read_into`.
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

    /// Whether there is a way to share textures at all, whatever happens on the desktop.
    ///
    /// # Errors
    /// `Capture` if there is none.
    fn can_share(&self) -> Result<()> {
        Err(texture::unsupported())
    }

    /// Draws the current image, turned upright, into a texture that other devices and processes can open, with the pointer as of this
    /// very call. Nothing is read back.
    ///
    /// # Errors
    /// A loss, as for `wait`; `Capture` if this source has no such way, the system refuses, or too many textures are held.
    fn share(&mut self, request: &TextureRequest, timeout: Duration) -> Result<Outcome<SharedTexture>> {
        let _ = (request, timeout);
        self.can_share().map(|()| Outcome::Unsupported)
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

/// Checks the parts of a read: outside of `area` there are no pixels, and no place for them.
///
/// # Errors
/// `InvalidArgument` that names the part.
pub fn check_parts(parts: &[Rect], area: Rect) -> Result<()> {
    match parts.iter().find(|part| part.is_empty() || !area.contains(**part)) {
        Some(part) => Err(Error::invalid(format!("the part {part} is not inside {area}"))),
        None => Ok(()),
    }
}
