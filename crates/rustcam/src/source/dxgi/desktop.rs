//! The feed of one output's images: its duplication, and how it is made again.

use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::{IDXGIFactory1, IDXGIOutput, DXGI_OUTDUPL_FRAME_INFO};

use super::dpi::PhysicalPixels;
use super::duplication::{Acquired, Duplication};
use super::first_frame::FirstFrame;
use super::format_check::{mismatch, FormatCheck};
use super::metadata::Lists;
use super::outputs::{self, Arrangement, Found};
use super::pointer;
use crate::clock::{performance_time, Clock};
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::Damage;
use crate::geometry::Size;
use crate::source::d3d11::device::{or_device_removed, Device};
use crate::source::d3d11::feed::Feed;
use crate::source::d3d11::screen::Screen;
use crate::source::d3d11::shared_screen::FedScreen;
use crate::source::hresult;
use crate::source::output::find_again;
use crate::source::verdict::{self, Call};
use crate::source::Output;

/// The duplication of one output, and what is needed to make a new one.
pub(in crate::source) struct Desktop {
    duplication: Option<Duplication>,
    output: IDXGIOutput,
    factory: IDXGIFactory1,
    /// Adapters and outputs have to be enumerated again.
    outdated: bool,
    first_frame: FirstFrame,
    /// An image was announced but not delivered, so the damage of the next one is incomplete.
    gap: bool,
    lists: Lists,
    format_check: FormatCheck,
}

impl Desktop {
    /// Duplicates the output of `found`.
    ///
    /// # Errors
    /// `Duplication`, `Device`.
    pub(super) fn open(found: &Found, factory: &IDXGIFactory1) -> Result<FedScreen<Self>> {
        let device = Device::create(&found.adapter)?;
        let duplication = Duplication::create(&found.output, &device, Call::Duplicate)?;
        let info = refine(found.info.clone(), &duplication, None);
        let desktop = Self {
            duplication: Some(duplication),
            output: found.output.clone(),
            factory: factory.clone(),
            outdated: false,
            first_frame: FirstFrame::AWAITED,
            gap: false,
            lists: Lists::default(),
            format_check: FormatCheck::default(),
        };
        Ok(FedScreen::new(desktop, Screen::new(device, info)))
    }

    fn next_frame(&mut self, screen: &mut Screen, timeout: Duration) -> Result<()> {
        let Some(duplication) = &mut self.duplication else {
            return Err(verdict::error(hresult::ACCESS_LOST, Call::Acquire));
        };
        let Acquired::Frame(info, texture) = duplication.acquire(timeout)? else { return Ok(()) };
        let added = self.add_frame(screen, &info, texture.as_ref());
        drop(texture);
        let released = self.duplication.as_mut().map_or(Ok(()), Duplication::release);
        added.and(released)
    }

    /// Adds the frame that is held to `screen`. The texture of a frame in which only the pointer changed has no defined content.
    fn add_frame(
        &mut self,
        screen: &mut Screen,
        info: &DXGI_OUTDUPL_FRAME_INFO,
        texture: Option<&ID3D11Texture2D>,
    ) -> Result<()> {
        let Some(duplication) = &self.duplication else { return Ok(()) };
        pointer::update(&mut screen.pointer, &duplication.object, info)?;
        let presented = info.LastPresentTime != 0;
        let whole = screen.whole();
        let Some(texture) = texture else {
            self.gap |= presented;
            return Ok(());
        };
        if !presented {
            if matches!(self.first_frame, FirstFrame::Awaited { .. }) && mismatch(texture, whole.size()).is_none() {
                screen.add_image(texture, Damage::everything(whole))?;
                self.first_frame.note_provisional();
            }
            return Ok(());
        }
        self.format_check.check(texture, whole.size())?;
        let damage = match self.first_frame {
            FirstFrame::Shown if !std::mem::take(&mut self.gap) => self.lists.read(&duplication.object, info, whole)?,
            _ => Damage::everything(whole),
        };
        screen.add_image(texture, damage)?;
        self.first_frame = FirstFrame::Shown;
        self.format_check.passed();
        let presents = u64::from(info.AccumulatedFrames.max(1));
        screen.presented(presents, performance_time(info.LastPresentTime), info.ProtectedContentMaskedOut.as_bool());
        Ok(())
    }

    fn duplicate_again(&mut self, screen: &mut Screen) -> Result<()> {
        self.duplication = None;
        // SAFETY: no preconditions.
        self.outdated |= !unsafe { self.factory.IsCurrent() }.as_bool() || screen.device.removed().is_some();
        let info = if self.outdated { self.reopen(screen)? } else { self.describe_again(&screen.output)? };
        let duplication = Duplication::create(&self.output, &screen.device, Call::DuplicateAgain)
            .map_err(|error| or_device_removed(&screen.device, error))?;
        screen.regained(refine(info, &duplication, self.format_check.true_size()));
        self.duplication = Some(duplication);
        self.first_frame = FirstFrame::AWAITED;
        self.outdated = false;
        Ok(())
    }

    /// The output as it is now, on a new device of its adapter.
    fn reopen(&mut self, screen: &mut Screen) -> Result<Output> {
        let arrangement = Arrangement::query()?;
        let name = &screen.output.name;
        let again = find_again(&arrangement.infos()?, &screen.output).cloned();
        let Some(found) = arrangement.outputs.iter().find(|found| Some(&found.info) == again.as_ref()) else {
            let there: Vec<_> = arrangement.outputs.iter().map(|f| f.info.name.as_str()).collect();
            let message = format!("the output {name} is gone; there is {}", there.join(", "));
            return Err(Error::new(ErrorKind::AccessLost, message)
                .with_code(hresult::NOT_FOUND)
                .with_hint(verdict::PLUG_IN)
                .with_loss(Loss::Lasting));
        };
        screen.device = Device::create(&found.adapter)?;
        self.output = found.output.clone();
        self.factory = arrangement.factory.clone();
        Ok(found.info.clone())
    }

    fn describe_again(&self, old: &Output) -> Result<Output> {
        let _pixels = PhysicalPixels::for_this_thread();
        let Some(now) = outputs::describe(&self.output)? else {
            return Err(verdict::error(hresult::NOT_FOUND, Call::DuplicateAgain));
        };
        Ok(Output {
            device_idx: old.device_idx,
            output_idx: old.output_idx,
            device_name: old.device_name.clone(),
            is_primary: old.is_primary,
            ..now
        })
    }
}

impl Feed for Desktop {
    fn advance(&mut self, screen: &mut Screen, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        self.next_frame(screen, timeout)?;
        self.first_frame.settle(screen, clock)
    }

    fn has_image(&self) -> bool {
        matches!(self.first_frame, FirstFrame::Shown)
    }

    fn release(&mut self) {
        if let Some(duplication) = &mut self.duplication {
            let _ = duplication.release();
        }
    }

    fn lose(&mut self, error: &Error) {
        self.duplication = None;
        self.outdated |= error.kind() == ErrorKind::Device;
    }

    fn regain(&mut self, screen: &mut Screen) -> Result<()> {
        // During a prompt only waiting helps; a new device for each attempt would be wasted.
        self.duplicate_again(screen).inspect_err(|error| self.outdated |= error.loss() != Some(Loss::Transient))
    }
}

/// `info` with what the duplication reports more exactly: the size and the rotation of its images, and the refresh rate.
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
