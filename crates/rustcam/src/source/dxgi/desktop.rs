//! The feed of one output's images: its duplication, and how it is made again.

use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
use windows::Win32::Graphics::Dxgi::DXGI_OUTDUPL_FRAME_INFO;

use super::duplication::{Acquired, Duplication};
use super::first_frame::FirstFrame;
use super::format_check::{accepted, FormatCheck};
use super::metadata::Lists;
use super::pointer;
use super::silence::{is_at_the_console, Silence};
use crate::clock::{performance_time, Clock};
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::{Damage, ImageRef};
use crate::geometry::{Rect, Size};
use crate::source::d3d11::copies::FrameTexture;
use crate::source::d3d11::device::{or_device_removed, Device};
use crate::source::d3d11::feed::Feed;
use crate::source::d3d11::screen::Screen;
use crate::source::d3d11::shared_screen::{deliver, FedScreen};
use crate::source::displays::color::WhiteLevel;
use crate::source::displays::outputs::{self, Arrangement, Found};
use crate::source::hresult;
use crate::source::verdict::{self, Call};
use crate::source::Output;

/// The duplication of one output, and what is needed to make a new one.
pub(in crate::source) struct Desktop {
    /// The image of the frame that is held: in system memory until the next one is acquired, because it can be read in place; otherwise
    /// until the first read, if no copy has all of it. Freed before the duplication.
    held: Option<ID3D11Texture2D>,
    duplication: Option<Duplication>,
    /// Attempts to regain the desktop since the last image.
    attempts: u32,
    /// The device may be what is wrong.
    doubtful_device: bool,
    first_frame: FirstFrame,
    silence: Silence,
    /// The image before is not known exactly, so the damage of the next one is incomplete.
    gap: bool,
    lists: Lists,
    format_check: FormatCheck,
    white: WhiteLevel,
}

impl Desktop {
    /// Duplicates the output of `found`.
    ///
    /// # Errors
    /// `Duplication`, `Device`.
    pub(super) fn open(found: &Found) -> Result<FedScreen<Self>> {
        let device = Device::create(&found.adapter)?;
        let duplication = Duplication::create(&found.output, &device, accepted(&found.info.color), Call::Duplicate)?;
        let info = refine(found.info.clone(), &duplication, None);
        let desktop = Self {
            held: None,
            duplication: Some(duplication),
            attempts: 0,
            doubtful_device: false,
            first_frame: FirstFrame::AWAITED,
            silence: Silence::default(),
            gap: false,
            lists: Lists::default(),
            format_check: FormatCheck::default(),
            white: WhiteLevel::of(found.target),
        };
        Ok(FedScreen::new(desktop, Screen::new(device, info)))
    }

    fn next_frame(&mut self, screen: &mut Screen, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        self.release_held(screen)?;
        let Some(duplication) = &mut self.duplication else {
            return Err(verdict::error(hresult::ACCESS_LOST, Call::Acquire));
        };
        let Acquired::Frame(info, texture) = duplication.acquire(timeout)? else { return Ok(()) };
        let added = self.add_frame(screen, &info, texture.as_ref(), clock.now());
        drop(texture);
        if added.is_ok() && self.held.is_some() {
            return Ok(());
        }
        let released = self.duplication.as_mut().map_or(Ok(()), Duplication::release);
        added.and(released)
    }

    /// Releases the frame that is held. What changed in an image that could be read in place is copied first: no later frame needs to show
    /// it.
    fn release_held(&mut self, screen: &mut Screen) -> Result<()> {
        let (Some(texture), Some(duplication)) = (self.held.take(), &mut self.duplication) else { return Ok(()) };
        if duplication.in_system_memory {
            let image = (screen.whole().size(), screen.format());
            let kept = duplication.read(image, |desktop| screen.keep_in_memory(desktop))?;
            if kept != Some(true) {
                screen.copy_whole(FrameTexture::whole(&texture))?;
            }
        }
        drop(texture);
        duplication.release()
    }

    /// Adds the frame that is held, and was acquired at `now`, to `screen`. The texture of a frame in which only the pointer changed has no defined content.
    fn add_frame(
        &mut self,
        screen: &mut Screen,
        info: &DXGI_OUTDUPL_FRAME_INFO,
        texture: Option<&ID3D11Texture2D>,
        now: Duration,
    ) -> Result<()> {
        let Some(duplication) = &self.duplication else { return Ok(()) };
        pointer::update(&mut screen.pointer, &duplication.object, info)?;
        let presented = info.LastPresentTime != 0;
        screen.pointer_frames += u64::from(!presented);
        let whole = screen.whole();
        let Some(texture) = texture else {
            self.gap |= presented;
            return Ok(());
        };
        if !presented {
            let format = self.format_check.provisional(texture, whole.size(), &screen.output.color);
            let awaited = matches!(self.first_frame, FirstFrame::Awaited { .. });
            if let Some(format) = format.filter(|_| awaited) {
                screen.follow_format(format);
                screen.add_image(FrameTexture::whole(texture), Damage::everything(whole))?;
                self.first_frame.note_provisional(now);
            }
            return Ok(());
        }
        screen.follow_format(self.format_check.check(texture, whole.size(), &screen.output.color)?);
        let gap = std::mem::take(&mut self.gap);
        let damage = match self.first_frame {
            FirstFrame::Shown if !gap => self.lists.read(&duplication.object, info, whole)?,
            _ => Damage::everything(whole),
        };
        if duplication.in_system_memory {
            screen.add_image_elsewhere(damage);
            self.held = Some(texture.clone());
        } else {
            screen.add_image(FrameTexture::whole(texture), damage)?;
            self.held = screen.leaves_out_pixels().then(|| texture.clone());
        }
        // A frame that was fetched again may show the image that is known already.
        let time = performance_time(info.LastPresentTime);
        let is_known = matches!(self.first_frame, FirstFrame::Awaited { .. }) && time == screen.present_time;
        let presents = if is_known { 0 } else { u64::from(info.AccumulatedFrames.max(1)) };
        self.first_frame = FirstFrame::Shown;
        (self.attempts, self.doubtful_device) = (0, false);
        self.silence.heard();
        self.format_check.passed();
        screen.presented(presents, time, info.ProtectedContentMaskedOut.as_bool());
        Ok(())
    }

    /// Duplicates the output of the same monitor, wherever it is now. Always through a new factory: objects of an earlier one may stay silent
    /// for ever while they claim to be current.
    fn duplicate_again(&mut self, screen: &mut Screen) -> Result<()> {
        self.duplication = None;
        let arrangement = Arrangement::query_again()?;
        let found = arrangement.find_again(&screen.output)?;
        let second = self.attempts == 2;
        if second || self.doubtful_device || screen.device.luid != found.luid || screen.device.removed().is_some() {
            screen.replace_device(Device::create(&found.adapter)?);
            self.doubtful_device = false;
        }
        let output = self.begin_again(screen, found)?;
        screen.regained(output);
        Ok(())
    }

    /// Duplicates the output of `found`, and awaits its first frame. Returns the output as it is now.
    fn begin_again(&mut self, screen: &Screen, found: &Found) -> Result<Output> {
        let accepted = accepted(&found.info.color);
        let duplication = Duplication::create(&found.output, &screen.device, accepted, Call::DuplicateAgain)
            .map_err(|error| or_device_removed(&screen.device, error))?;
        let output = refine(found.info.clone(), &duplication, self.format_check.true_size());
        self.duplication = Some(duplication);
        self.white = WhiteLevel::of(found.target);
        self.format_check.begin_again();
        self.first_frame = FirstFrame::AWAITED;
        self.silence.begin_again();
        self.gap = false;
        Ok(output)
    }
}

impl Feed for Desktop {
    fn advance(&mut self, screen: &mut Screen, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        self.next_frame(screen, timeout, clock)?;
        self.white.follow(&mut screen.output.color, clock.now());
        if self.first_frame.settle(screen, clock)? {
            self.gap = true;
            self.silence.heard();
        }
        self.silence.check(clock.now(), is_at_the_console)
    }

    fn has_image(&self) -> bool {
        matches!(self.first_frame, FirstFrame::Shown)
    }

    fn read_in_place(
        &mut self,
        screen: &Screen,
        parts: &[Rect],
        sink: &mut dyn FnMut(Rect, ImageRef<'_>),
    ) -> Result<bool> {
        let (Some(_), Some(duplication)) = (&self.held, &mut self.duplication) else { return Ok(false) };
        let image = (screen.whole().size(), screen.format());
        let read = duplication.read(image, |desktop| deliver(desktop, parts, sink))?;
        Ok(read.is_some())
    }

    fn is_in_memory(&self) -> bool {
        self.duplication.as_ref().is_some_and(|duplication| duplication.in_system_memory)
    }

    fn copy_whole(&mut self, screen: &mut Screen) -> Result<bool> {
        let Some(texture) = &self.held else { return Ok(false) };
        screen.copy_whole(FrameTexture::whole(texture))?;
        Ok(true)
    }

    fn let_go(&mut self) -> Result<()> {
        if self.is_in_memory() {
            return Ok(());
        }
        match (self.held.take(), &mut self.duplication) {
            (Some(_), Some(duplication)) => duplication.release(),
            _ => Ok(()),
        }
    }

    fn fetch_again(&mut self, screen: &mut Screen) -> Result<()> {
        self.held = None;
        self.duplication = None;
        let arrangement = Arrangement::query_again()?;
        let found = arrangement.find_again(&screen.output)?;
        let same = screen.device.luid == found.luid && self.begin_again(screen, found)? == screen.output;
        if same {
            Ok(())
        } else {
            Err(verdict::error(hresult::ACCESS_LOST, Call::Acquire))
        }
    }

    fn release(&mut self) {
        self.held = None;
        if let Some(duplication) = &mut self.duplication {
            let _ = duplication.release();
        }
    }

    fn lose(&mut self, error: &Error) {
        self.held = None;
        self.duplication = None;
        self.doubtful_device |= error.kind() == ErrorKind::Device;
    }

    fn regain(&mut self, screen: &mut Screen) -> Result<()> {
        self.attempts = self.attempts.saturating_add(1);
        // During a prompt only waiting helps; a new device for each attempt would be wasted.
        self.duplicate_again(screen).inspect_err(|error| self.doubtful_device |= error.loss() != Some(Loss::Transient))
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
