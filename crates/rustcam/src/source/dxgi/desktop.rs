//! One output's desktop as this process sees it, shared by everyone who looks at it.
//!
//! The system allows one duplication per output and process, so two captures of one output must use the same: whichever of them waits
//! takes in the next frame for both. What a frame brought is kept until everybody has seen it: copies of the image, the damage
//! of the last images, the pointer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::{IDXGIFactory1, IDXGIOutput, DXGI_OUTDUPL_FRAME_INFO};
use windows::Win32::Graphics::Gdi::InvalidateRect;

use super::changes::Changes;
use super::device::{blame, Device};
use super::dpi::PhysicalPixels;
use super::duplication::{Acquired, Duplication};
use super::hresult::{self, Call};
use super::metadata::Lists;
use super::outputs::{self, Arrangement, Found};
use super::pointer;
use super::promise::{self, Promise};
use super::readback::Store;
use super::turn::Turn;
use crate::clock::{performance_time, Clock};
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::{Damage, Pointer};
use crate::geometry::Size;
use crate::source::Output;

/// How long the first frame may pretend that nothing was presented before the system is asked to present something.
const NUDGE_AFTER: Duration = Duration::from_millis(100);

/// How long until such a frame is shown for want of a better one.
const SETTLE_AFTER: Duration = Duration::from_millis(250);

/// The desktops that this process duplicates, by the name of their output. Names are unique in a session, and outlive the adapter's
/// identity when a driver restarts.
static SHARED: Mutex<Option<HashMap<String, Weak<Turn<Desktop>>>>> = Mutex::new(None);

/// Looks at the desktop of `found`, together with everybody in this process who already does.
///
/// # Errors
/// `Duplication`, `Device`.
pub(super) fn share(found: &Found, factory: &IDXGIFactory1) -> Result<Arc<Turn<Desktop>>> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let desktops = shared.get_or_insert_default();
    desktops.retain(|_, known| known.strong_count() > 0);
    if let Some(known) = desktops.get(&found.info.name).and_then(Weak::upgrade) {
        return Ok(known);
    }
    let desktop = Arc::new(Turn::new(Desktop::open(found, factory)?));
    desktops.insert(found.info.name.clone(), Arc::downgrade(&desktop));
    Ok(desktop)
}

/// Stops looking. Whoever looks at the same output next finds the old duplication either alive or gone, never dying.
pub(super) fn part(desktop: &mut Option<Arc<Turn<Desktop>>>) {
    let _shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    *desktop = None;
}

/// The first frame after a creation.
#[derive(Clone, Copy)]
enum Start {
    /// None came yet; since when it is waited for.
    Waiting { since: Option<Duration>, nudged: bool, provisional: bool },
    /// It was shown.
    Over,
}

const START: Start = Start::Waiting { since: None, nudged: false, provisional: false };

/// Everything about one output, for whoever has the turn.
pub(super) struct Desktop {
    // The order of the fields is the order of their destruction: the duplication first, the device last.
    duplication: Option<Duplication>,
    pub(super) store: Store,
    output: IDXGIOutput,
    factory: IDXGIFactory1,
    pub(super) device: Device,
    pub(super) info: Output,
    pub(super) changes: Changes,
    /// Grows with every loss that was overcome.
    pub(super) generation: u64,
    /// Why the desktop is gone, while it is.
    pub(super) lost: Option<Error>,
    /// The whole enumeration has to be made anew.
    outdated: bool,
    pub(super) presents: u64,
    pub(super) present_time: Duration,
    pub(super) protected: bool,
    pub(super) pointer: Pointer,
    start: Start,
    /// An image was announced that could not be had, so what the next one says about changes is not all.
    gap: bool,
    lists: Lists,
    promise: Promise,
}

impl Desktop {
    fn open(found: &Found, factory: &IDXGIFactory1) -> Result<Self> {
        let device = Device::create(&found.adapter)?;
        let duplication = Duplication::create(&found.output, &device, Call::Duplicate)?;
        let info = refine(found.info.clone(), &duplication, None);
        Ok(Self {
            duplication: Some(duplication),
            store: Store::new(info.texture_size()),
            output: found.output.clone(),
            factory: factory.clone(),
            device,
            info,
            changes: Changes::default(),
            generation: 0,
            lost: None,
            outdated: false,
            presents: 0,
            present_time: Duration::ZERO,
            protected: false,
            pointer: Pointer::default(),
            start: START,
            gap: false,
            lists: Lists::default(),
            promise: Promise::default(),
        })
    }

    /// Waits at most `timeout` for the next frame and takes it in.
    ///
    /// # Errors
    /// A loss; then everything that hangs on the lost duplication is gone too.
    pub(super) fn advance(&mut self, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        let result = self.next_frame(timeout).and_then(|()| self.settle(clock));
        result.map_err(|error| {
            let error = self.lose(error);
            if self.lost.is_none() {
                // What the frame showed is lost with it, so nothing that was kept can be brought up to date but by beginning anew.
                self.lose(hresult::error(hresult::ACCESS_LOST, Call::Acquire));
            }
            error
        })
    }

    /// Whether the next present should have come by now.
    pub(super) fn is_overdue(&self, clock: &dyn Clock) -> bool {
        clock.now().saturating_sub(self.present_time) >= self.info.refresh_interval()
    }

    /// Takes in the next frame if it is there already, so that the device copies it while the processor is busy with the one before.
    /// A loss that this meets is told by the next call.
    pub(super) fn look_ahead(&mut self, clock: &dyn Clock) {
        if self.lost.is_none() && self.is_overdue(clock) {
            let _ = self.advance(Duration::ZERO, clock);
        }
    }

    fn next_frame(&mut self, timeout: Duration) -> Result<()> {
        let Some(duplication) = &mut self.duplication else {
            return Err(hresult::error(hresult::ACCESS_LOST, Call::Acquire));
        };
        let Acquired::Frame(info, texture) = duplication.acquire(timeout)? else { return Ok(()) };
        let taken = self.take_in(&info, texture.as_ref());
        drop(texture);
        let released = self.duplication.as_mut().map_or(Ok(()), Duplication::release);
        taken.and(released)
    }

    /// Takes in the frame that is held. A frame in which only the pointer changed has no image: its texture holds anything.
    fn take_in(&mut self, info: &DXGI_OUTDUPL_FRAME_INFO, texture: Option<&ID3D11Texture2D>) -> Result<()> {
        let Some(duplication) = &self.duplication else { return Ok(()) };
        pointer::update(&mut self.pointer, &duplication.object, info)?;
        let presented = info.LastPresentTime != 0;
        let Some(texture) = texture else {
            self.gap |= presented;
            return Ok(());
        };
        match self.start {
            Start::Over if !presented => return Ok(()),
            Start::Waiting { since, nudged, .. } if !presented => {
                // It may be the desktop all the same, and nothing else may ever come.
                if promise::misfit(texture, self.info.texture_size()).is_none() {
                    self.changes.push(self.everything());
                    self.store.take(&self.device, texture, &self.changes)?;
                    self.start = Start::Waiting { since, nudged, provisional: true };
                }
                return Ok(());
            }
            _ => {}
        }
        let whole = self.info.texture_size();
        self.promise.check(texture, whole)?;
        let damage = match self.start {
            Start::Over if !std::mem::take(&mut self.gap) => {
                self.lists.read(&duplication.object, info, whole.rect())?
            }
            _ => self.everything(),
        };
        self.changes.push(damage);
        self.store.take(&self.device, texture, &self.changes)?;
        self.start = Start::Over;
        self.promise.kept();
        self.presents += u64::from(info.AccumulatedFrames.max(1));
        self.present_time = performance_time(info.LastPresentTime);
        self.protected = info.ProtectedContentMaskedOut.as_bool();
        Ok(())
    }

    /// Sees to it that the first frame comes, or that what came in its place is shown.
    ///
    /// On a desktop where nothing happens the system may hand out the whole desktop as if nothing had been presented (seen when another
    /// output of the same adapter was acquired before), and never anything else.
    fn settle(&mut self, clock: &dyn Clock) -> Result<()> {
        let Start::Waiting { since, nudged, provisional } = self.start else { return Ok(()) };
        let now = clock.now();
        let since = since.unwrap_or(now);
        let waited = now.saturating_sub(since);
        let nudge = !nudged && waited >= NUDGE_AFTER;
        if nudge {
            // SAFETY: no window and no rectangle mean all windows, wholly.
            let _ = unsafe { InvalidateRect(None, None, false) };
        }
        self.start = Start::Waiting { since: Some(since), nudged: nudged || nudge, provisional };
        if provisional && waited >= SETTLE_AFTER {
            let patience = (clock, now + Duration::from_millis(10));
            match self.store.shows_something(&self.device, &self.changes, patience)? {
                Some(true) => {
                    self.start = Start::Over;
                    self.presents += 1;
                    self.present_time = now;
                }
                Some(false) => self.start = Start::Waiting { since: Some(since), nudged: true, provisional: false },
                None => {}
            }
        }
        Ok(())
    }

    /// Whether an image may be shown.
    pub(super) fn has_image(&self) -> bool {
        matches!(self.start, Start::Over)
    }

    fn everything(&self) -> Damage {
        Damage { dirty: vec![self.info.texture_size().rect()], moves: Vec::new() }
    }

    /// Gives up what is lost, so that nothing of it stands in the way of a new duplication.
    pub(super) fn lose(&mut self, error: Error) -> Error {
        let error = blame(&self.device, error);
        if error.loss().is_none() {
            // Only this call failed. The frame, if one is held, must not be.
            if let Some(duplication) = &mut self.duplication {
                let _ = duplication.release();
            }
            return error;
        }
        self.duplication = None;
        self.store = Store::new(self.info.texture_size());
        self.device.flush();
        self.outdated |= error.kind() == ErrorKind::Device;
        self.lost = Some(error.clone());
        error
    }

    /// Tries once to get the desktop back.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn rebuild(&mut self) -> Result<()> {
        if self.lost.is_none() {
            return Ok(());
        }
        self.regain().map_err(|error| {
            // Whatever cannot be had now may be had later, until the caller's deadline.
            let error = if error.loss().is_some() { error } else { again(&error) };
            // While a prompt is shown nothing but patience helps; a new device each time would only cost.
            self.outdated |= error.loss() == Some(Loss::Lasting);
            self.lost = Some(error.clone());
            error
        })
    }

    fn regain(&mut self) -> Result<()> {
        self.duplication = None;
        // SAFETY: no preconditions.
        self.outdated |= !unsafe { self.factory.IsCurrent() }.as_bool() || self.device.removed().is_some();
        let info = if self.outdated { self.reopen()? } else { self.describe_again()? };
        let duplication = Duplication::create(&self.output, &self.device, Call::DuplicateAgain)
            .map_err(|error| blame(&self.device, error))?;
        self.info = refine(info, &duplication, self.promise.true_size());
        self.duplication = Some(duplication);
        self.store = Store::new(self.info.texture_size());
        self.changes = Changes::default();
        self.start = START;
        self.outdated = false;
        self.lost = None;
        self.generation += 1;
        Ok(())
    }

    /// The output as it is now, on a device of its adapter as it is now.
    fn reopen(&mut self) -> Result<Output> {
        let arrangement = Arrangement::query()?;
        arrangement.infos()?;
        let Some(found) = arrangement.outputs.iter().find(|found| found.info.name == self.info.name) else {
            let there: Vec<_> = arrangement.outputs.iter().map(|f| f.info.name.as_str()).collect();
            return Err(Error::new(
                ErrorKind::AccessLost,
                format!("the output {} is gone; there is {}", self.info.name, there.join(", ")),
            )
            .with_code(hresult::NOT_FOUND)
            .with_hint("Plug the display in again, or open another output")
            .with_loss(Loss::Lasting));
        };
        self.device = Device::create(&found.adapter)?;
        self.output = found.output.clone();
        self.factory = arrangement.factory.clone();
        Ok(found.info.clone())
    }

    fn describe_again(&self) -> Result<Output> {
        let _pixels = PhysicalPixels::for_this_thread();
        let Some(now) = outputs::describe(&self.output)? else {
            return Err(hresult::error(hresult::NOT_FOUND, Call::DuplicateAgain));
        };
        let old = &self.info;
        Ok(Output {
            device_idx: old.device_idx,
            output_idx: old.output_idx,
            device_name: old.device_name.clone(),
            is_primary: old.is_primary,
            ..now
        })
    }
}

/// `info` with what the duplication knows better: the size that it delivers, how that is turned, and the exact refresh rate.
fn refine(info: Output, duplication: &Duplication, actual: Option<Size>) -> Output {
    let desc = duplication.desc();
    let mode = desc.ModeDesc;
    let image_rotation = outputs::rotation(desc.Rotation);
    let announced = Size::new(mode.Width, mode.Height);
    let size = if announced.area() > 0 { announced } else { info.size };
    let rate = mode.RefreshRate;
    let refresh_hz = if rate.Numerator > 0 && rate.Denominator > 0 {
        f64::from(rate.Numerator) / f64::from(rate.Denominator)
    } else {
        info.refresh_hz
    };
    let size = actual.map_or(size, |texture| image_rotation.apply(texture));
    Output { size, rotation: image_rotation, image_rotation, refresh_hz, ..info }
}

/// The same error as one that a later attempt may not meet.
fn again(error: &Error) -> Error {
    let kind = if error.kind() == ErrorKind::Duplication { ErrorKind::AccessLost } else { error.kind() };
    let mut lasting = Error::new(kind, error.message()).with_loss(Loss::Lasting);
    if let Some(code) = error.code() {
        lasting = lasting.with_code(code);
    }
    match error.hint() {
        Some(hint) => lasting.with_hint(hint),
        None => lasting,
    }
}
