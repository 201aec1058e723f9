//! What one capture has seen of its screen.

use std::sync::Arc;
use std::time::Duration;

use super::feed::Feed;
use super::light::LightSettings;
use super::look_ahead::LookAhead;
use super::mapped_parts::MappedParts;
use super::power::DisplayRequired;
use super::region_staging::RegionStaging;
use super::scaled::{Scaled, ScaledParts, Scaling};
use super::screen::Screen;
use super::shader_data::ToneConstants;
use super::shared_screen::FedScreen;
use super::sharing::{Conversion, Sharing};
use super::toned::{Toned, Toning};
use super::work::Work;
use crate::clock::Clock;
use crate::color::{Color, TextureFormat, ToneMapping};
use crate::error::{Error, ErrorKind, Result};
use crate::frame::Pointer;
use crate::geometry::Rect;
use crate::region::bounds;
use crate::source::hresult;
use crate::source::scaling::ScaleRequest;
use crate::source::texture::{SharedTexture, TextureRequest};
use crate::source::verdict::{self, Call};
use crate::source::{Change, OpenOptions, Outcome, Output};

/// Captures that share a screen poll it so often, all together. A thread that waits for a frame blocks the device for the others, up to the
/// next tick of the system's timer, whatever its timeout.
pub(super) const POLL: Duration = Duration::from_millis(1);

/// How long a call waits for another capture to unlock the screen, beyond its own timeout.
const LOCK_GRACE: Duration = Duration::from_millis(25);

/// Why frames of an HDR desktop are not what they should be.
const CONVERTED: &str = "this version of Windows converts the images of the HDR desktop to 8 bits: what is brighter than 80 nits is cut off";

/// Why frames of a desktop in half floats take longer than they should.
const ON_PROCESSOR: &str =
    "the graphics device cannot map half floats to 8 bits: the processor does it, and reads twice as many bytes";

/// What one capture has seen of its screen, and its own textures.
pub(super) struct View {
    region_staging: Option<RegionStaging>,
    sharing: Sharing,
    toning: Toning,
    scaling: Scaling,
    /// What the next reads are for, see [`Source::set_tone_mapping`](crate::source::Source::set_tone_mapping).
    pub(super) mapping: Option<ToneMapping>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) watch_pointer: bool,
    pub(super) output: Output,
    /// The colour of the screen as of the last wait or read.
    pub(super) color: Color,
    /// Why frames are not what they should be.
    fallback: Option<&'static str>,
    pub(super) generation: u64,
    /// No wait has reported the screen since it was opened or regained.
    pub(super) first: bool,
    /// Presents reported.
    pub(super) presents: u64,
    pub(super) look_ahead: LookAhead,
    /// The newest image as of the last wait or read, whichever came later.
    pub(super) image: u64,
    /// The image at the last call of `damage`, 0 before the first.
    pub(super) damaged: u64,
    pub(super) pointer: Pointer,
    pub(super) work: Arc<Work>,
    /// Whether the system gave the capture thread its priority; `None` if there is no such thread.
    pub(super) thread_priority: Option<bool>,
    pub(super) awake: Option<DisplayRequired>,
    /// The loss, until a rebuild succeeds.
    pub(super) lost: Option<Error>,
}

impl View {
    pub(super) fn new(screen: &Screen, options: &OpenOptions) -> Self {
        Self {
            region_staging: None,
            sharing: Sharing::default(),
            toning: Toning::default(),
            scaling: Scaling::default(),
            mapping: None,
            clock: Arc::clone(&options.clock),
            watch_pointer: options.watch_pointer,
            output: screen.output.clone(),
            color: screen.color(),
            fallback: None,
            generation: screen.generation,
            first: true,
            presents: screen.presents,
            look_ahead: LookAhead::default(),
            image: 0,
            damaged: 0,
            pointer: Pointer::default(),
            work: Arc::clone(&screen.device.work),
            thread_priority: None,
            awake: None,
            lost: None,
        }
    }

    /// Starts again with the screen as it is.
    pub(super) fn restart(&mut self, screen: &Screen) {
        self.output = screen.output.clone();
        self.color = screen.color();
        self.generation = screen.generation;
        self.presents = screen.presents;
        self.first = true;
        (self.image, self.damaged) = (0, 0);
        self.look_ahead = LookAhead::default();
        self.free_textures();
        self.lost = None;
    }

    /// Frees the textures: those of a lost device keep it alive.
    pub(super) fn free_textures(&mut self) {
        self.region_staging = None;
        self.sharing.clear();
        self.toning = Toning::default();
        self.scaling = Scaling::default();
    }

    /// Fails with the loss of the screen, even if another capture met it and has already recovered from it.
    pub(super) fn check(&mut self, screen: &Screen) -> Result<()> {
        if self.lost.is_none() && (screen.lost.is_some() || screen.generation != self.generation) {
            let recovered_by_another = || verdict::error(hresult::ACCESS_LOST, Call::Acquire);
            return Err(self.lose(screen.lost.clone().unwrap_or_else(recovered_by_another)));
        }
        match &self.lost {
            Some(lost) => Err(lost.clone()),
            None => Ok(()),
        }
    }

    pub(super) fn lose(&mut self, error: Error) -> Error {
        if error.loss().is_some() {
            self.free_textures();
            self.lost = Some(error.clone());
        }
        error
    }

    pub(super) fn advance<F: Feed>(&mut self, fed: &mut FedScreen<F>, timeout: Duration) -> Result<()> {
        fed.advance(timeout, &*self.clock).map_err(|error| self.lose(error))
    }

    /// Waits for the first image: after a rebuild a caller may read before the first wait. `false` if there is none at `deadline`.
    pub(super) fn await_image<F: Feed>(&mut self, fed: &mut FedScreen<F>, deadline: Duration) -> Result<bool> {
        while !fed.feed.has_image() {
            let left = deadline.saturating_sub(self.clock.now());
            if left.is_zero() {
                return Ok(false);
            }
            self.advance(fed, left.min(POLL))?;
        }
        Ok(true)
    }

    /// How long a call with this deadline waits for exclusive use of the screen.
    pub(super) fn lock_until(&self, deadline: Duration) -> Duration {
        deadline.max(self.clock.now().saturating_add(LOCK_GRACE))
    }

    /// What maps the half floats of the screen on its device, for reads of 8-bit frames. `None` if the screen has none, such a frame is not
    /// wanted, or the device cannot do that; then the processor does.
    ///
    /// # Errors
    /// `Device` if the device is lost.
    fn toned(&mut self, screen: &Screen) -> Result<Option<(&mut Toned, ToneConstants)>> {
        let Some(mapping) = self.mapping.filter(|_| screen.format() == TextureFormat::Rgba16f) else { return Ok(None) };
        let toned = self.toning.on(&screen.device, screen.whole().size())?;
        Ok(toned.map(|toned| (toned, ToneConstants::new(&self.color, mapping))))
    }

    /// Makes sure that the copies have what a read of `parts` of the newest image needs: all of it if the device maps it. `false` if the
    /// image has to come again.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn provide<F: Feed>(&mut self, fed: &mut FedScreen<F>, parts: &[Rect], alone: bool) -> Result<bool> {
        if self.toned(&fed.screen)?.is_some() {
            fed.screen.copies.need_whole();
            return fed.provide(fed.screen.whole());
        }
        let Screen { copies, changes, .. } = &mut fed.screen;
        copies.note_read(bounds(parts), changes, alone);
        fed.provide(bounds(parts))
    }

    /// Makes `parts` of the newest image readable, mapped to 8 bits by the device if it can do that. `None` if it is not done at `deadline`.
    ///
    /// # Errors
    /// Those of creating textures and of mapping.
    pub(super) fn map(
        &mut self,
        screen: &mut Screen,
        parts: &[Rect],
        deadline: Duration,
    ) -> Result<Option<MappedParts>> {
        let clock = Arc::clone(&self.clock);
        if let Some((toned, constants)) = self.toned(screen)? {
            let Screen { copies, device, changes, .. } = screen;
            let Some(light) = copies.texture(device, changes)? else { return Ok(None) };
            let (copies, staging) = toned.copies(device, light, changes, constants, bounds(parts))?;
            return copies.map(device, changes, staging, parts, (&*clock, deadline));
        }
        let Screen { copies, device, changes, .. } = screen;
        copies.map(device, changes, &mut self.region_staging, parts, (&*clock, deadline))
    }

    /// Whether the device of `screen` can scale for `request`.
    ///
    /// # Errors
    /// `Device` if the device is lost.
    pub(super) fn can_scale(&mut self, screen: &Screen, request: &ScaleRequest) -> Result<bool> {
        let levels = screen.format() != TextureFormat::Rgba16f || self.toned(screen)?.is_some();
        Ok(levels && Scaled::can_hold(request) && self.scaling.on(&screen.device)?.is_some())
    }

    /// Scales the newest image on its device, and makes the results readable. `None` if that is not done at `deadline`.
    ///
    /// # Errors
    /// Those of creating textures, views and buffers, and of mapping.
    pub(super) fn scale(
        &mut self,
        screen: &mut Screen,
        request: &ScaleRequest,
        deadline: Duration,
    ) -> Result<Option<ScaledParts>> {
        let mut scaling = std::mem::take(&mut self.scaling);
        let scaled = match scaling.on(&screen.device) {
            Ok(Some(scaled)) => self.scale_by(scaled, screen, request, deadline),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        self.scaling = scaling;
        scaled
    }

    fn scale_by(
        &mut self,
        scaled: &mut Scaled,
        screen: &mut Screen,
        request: &ScaleRequest,
        deadline: Duration,
    ) -> Result<Option<ScaledParts>> {
        let (clock, image) = (Arc::clone(&self.clock), self.image);
        let toned = self.toned(screen)?;
        let tone = toned.as_ref().map(|(_, constants)| *constants);
        if !scaled.goes_on(request, tone, image) {
            let Screen { copies, device, changes, output, pointer, .. } = screen;
            let Some(image) = copies.texture(device, changes)? else { return Ok(None) };
            let image = match toned {
                Some((toned, constants)) => toned.image(device, image, changes, constants)?,
                None => image,
            };
            scaled.begin(device, (image, output), (request, tone), (changes, pointer))?;
        }
        let parts = scaled.map(&screen.device, (&*clock, deadline))?;
        if let Some(parts) = &parts {
            self.pointer.clone_from(parts.pointer());
            self.image = parts.image();
        }
        Ok(parts)
    }

    /// Makes ready what the first read of `part` needs.
    ///
    /// # Errors
    /// Those of creating textures.
    pub(super) fn warm_up(&mut self, screen: &mut Screen, part: Rect) -> Result<()> {
        let Screen { copies, device, .. } = screen;
        copies.warm_up(device, &mut self.region_staging, part)
    }

    /// Renders the newest image into a shared texture.
    ///
    /// # Errors
    /// As for [`Sharing::share`]; `Capture` for half floats that the device cannot map, or if it cannot scale.
    pub(super) fn share(
        &mut self,
        screen: &mut Screen,
        request: &TextureRequest,
        deadline: Duration,
    ) -> Result<Outcome<SharedTexture>> {
        let clock = Arc::clone(&self.clock);
        let (mut sharing, mut scaling) = (std::mem::take(&mut self.sharing), std::mem::take(&mut self.scaling));
        let scaler = request.scale.map(|scale| scaling.for_texture(&screen.device, scale)).transpose();
        let conversion = self.conversion(screen, request.format);
        let how = scaler.and_then(|scaler| Ok((conversion?, scaler)));
        let shared = how.and_then(|how| sharing.share(screen, request, how, (&*clock, deadline)));
        (self.sharing, self.scaling) = (sharing, scaling);
        shared
    }

    /// How the pixels of the screen become those of a texture in `format`.
    ///
    /// # Errors
    /// `Capture` for half floats that the device cannot map, `Device` if the device is lost.
    fn conversion(&mut self, screen: &Screen, format: TextureFormat) -> Result<Conversion<'_>> {
        if format == TextureFormat::Rgba16f {
            return Ok(Conversion::Light(LightSettings::new(screen.format(), &self.color)));
        }
        match self.toned(screen)? {
            Some((toned, constants)) => Ok(Conversion::Tone(toned, constants)),
            None if screen.format() == TextureFormat::Rgba16f => Err(cannot_map()),
            None => Ok(Conversion::None),
        }
    }

    /// Whether the texture for this request has been rendered already, from the newest reported image, and is only waited for.
    pub(super) fn shares(&mut self, request: &TextureRequest) -> bool {
        self.sharing.goes_on(request, self.image)
    }

    /// Notes the colour of the screen, which has an image.
    pub(super) fn see_color(&mut self, screen: &Screen) {
        self.color = screen.color();
        let converted = self.color.hdr && screen.format() != TextureFormat::Rgba16f;
        self.fallback = converted.then_some(CONVERTED);
    }

    /// Why frames are not what they should be, or take longer than they should.
    pub(super) fn fallback(&self) -> Option<&'static str> {
        self.fallback.or_else(|| matches!(self.toning, Toning::Refused).then_some(ON_PROCESSOR))
    }

    /// What this capture has not reported yet.
    pub(super) fn unreported<F: Feed>(&mut self, fed: &FedScreen<F>) -> Change {
        let mut change = Change::default();
        // Before the first image there is nothing to report, not even the pointer.
        if !fed.feed.has_image() {
            return change;
        }
        let screen = &fed.screen;
        self.see_color(screen);
        if self.first || screen.presents > self.presents {
            change.presents = screen.presents.saturating_sub(self.presents).max(1);
            change.present_time = screen.present_time;
            self.look_ahead.reported(screen.changes.newest(), change.presents);
            self.presents = screen.presents;
            self.first = false;
        }
        self.image = screen.changes.newest();
        change.pointer = self.watch_pointer && !self.pointer.looks_like(&screen.pointer);
        if self.pointer != screen.pointer {
            self.pointer = screen.pointer.clone();
        }
        change.protected = change.any() && screen.protected;
        change
    }
}

/// The error of a shared texture of a desktop in half floats that the device cannot map.
fn cannot_map() -> Error {
    Error::new(ErrorKind::Capture, "the graphics device cannot map the half floats of the HDR desktop to 8 bits")
        .with_hint(
            "Use grab(), which maps them on the processor, or grab_gpu(fmt=\"rgba16f\"), which does not map them",
        )
}
