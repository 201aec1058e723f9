//! The feed of one monitor's or one window's images: its session, and how a new one begins.

use std::sync::Arc;
use std::time::Duration;

use windows::Graphics::Capture::GraphicsCaptureItem;

use super::arrivals::{Arrived, Signal};
use super::closing::Closing;
use super::display::{pool_format, Display};
use super::session::{texture, CaptureSession, Settings};
use super::subject::{loss, Again, Place, Subject};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::Damage;
use crate::geometry::{Point, Rect, Size};
use crate::source::d3d11::copies::FrameTexture;
use crate::source::d3d11::device::{or_device_removed, Device};
use crate::source::d3d11::feed::{Feed, FeedInfo};
use crate::source::d3d11::formats::{describe, texture_format};
use crate::source::d3d11::screen::Screen;
use crate::source::d3d11::shared_screen::FedScreen;
use crate::source::displays::outputs::Arrangement;
use crate::source::hresult;
use crate::source::verdict::{self, Call};
use crate::source::{OpenOptions, Output, Waker};

/// How long a running session may bring no image after something changed that must bring one.
const NEXT_IMAGE: Duration = Duration::from_millis(100);

/// How long a new session may bring no image, at first and at most: a display that is switched off shows nothing.
const FIRST_IMAGE: Duration = Duration::from_secs(1);
const MOST_FIRST_IMAGE: Duration = Duration::from_secs(16);

/// How often the arrangement of displays is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long images may be older than the size of their window before they count as they are.
const OLDER: Duration = Duration::from_millis(200);

const POINTER_STAYS: &str = "this version of Windows always draws the pointer into the images";

/// The session of one monitor or window, and what is needed to begin a new one.
pub(in crate::source) struct CaptureFeed {
    subject: Subject,
    options: OpenOptions,
    session: Option<CaptureSession>,
    signal: Arc<Signal>,
    was_woken: bool,
    shown: Shown,
    /// How long the next session may bring no image.
    patience: Duration,
    display: Display,
    /// Since when images have been older than the size of their window.
    older: Option<Duration>,
    /// Attempts to regain the screen since the last image.
    attempts: u32,
    /// The device may be what is wrong.
    doubtful_device: bool,
    /// Why this is not the capture that was asked for.
    instead: Option<String>,
    pointer_stays: bool,
    /// Waits for what is being closed when it is dropped, so it is the last member.
    closing: Closing,
}

/// Whether the newest image of the screen is what it shows now.
enum Shown {
    /// It is; the image was at this place in its texture.
    Newest { origin: Point },
    /// Not before an image has come that was made after `since`. At `until` a new session begins.
    Awaited { since: Duration, until: Duration },
}

/// What an image that has arrived is good for.
enum Use {
    /// It was added.
    Added,
    /// It shows what the one before shows.
    Unchanged,
    /// It is not that of the screen as it is now; that one follows.
    Useless,
    /// It does not fit the textures of the pool.
    Larger(Size),
    /// What is captured is here in it, and has another size now.
    Resized(Rect),
}

impl CaptureFeed {
    /// Begins to capture what `options` name. `instead`: why that was not left to another backend.
    ///
    /// # Errors
    /// `InvalidArgument`, `Duplication`, `Device`.
    pub(super) fn open(options: &OpenOptions, instead: Option<String>) -> Result<FedScreen<Self>> {
        let subject = Subject::choose(options)?;
        let arrangement = Arrangement::query()?;
        let found = subject.locate(&arrangement, options, None)?;
        let output = subject.screen(&found.info);
        let now = options.clock.now();
        // A minimised window is captured when it is restored.
        let hidden = subject.check().err();
        // The system refuses here what it refuses, and a device takes its time.
        let item = match hidden {
            None => Some(subject.item(found.monitor, false, options)?),
            Some(_) => None,
        };
        let device = Device::create(&found.adapter)?;
        let mut feed = Self {
            subject,
            options: options.clone(),
            session: None,
            signal: Arc::default(),
            was_woken: false,
            shown: Shown::Awaited { since: now, until: now + FIRST_IMAGE },
            patience: FIRST_IMAGE,
            display: Display::of(found, &arrangement, now),
            older: None,
            attempts: 0,
            doubtful_device: false,
            instead,
            pointer_stays: false,
            closing: Closing::default(),
        };
        let mut screen = Screen::new(device, output);
        if let Some(item) = item {
            feed.capture(item, &screen, false)?;
        }
        if let Some(error) = hidden {
            screen.lose(error);
        }
        Ok(FedScreen::new(feed, screen))
    }

    /// Begins a new session in place of the one before.
    ///
    /// # Errors
    /// A loss.
    fn begin_again(&mut self, screen: &Screen) -> Result<()> {
        self.end();
        let item = self.subject.item(self.display.monitor(), true, &self.options);
        let begun = item.and_then(|item| self.capture(item, screen, true));
        begun.map_err(|error| error.into_loss(Loss::Lasting))
    }

    /// Begins a session, and awaits its first image.
    ///
    /// # Errors
    /// `Duplication`, or a loss if there was a session `before`.
    fn capture(&mut self, item: GraphicsCaptureItem, screen: &Screen, before: bool) -> Result<()> {
        let now = self.options.clock.now();
        let settings = Settings {
            format: pool_format(&screen.output),
            cursor: self.options.watch_pointer,
            interval: screen.output.refresh_interval(),
            signal: Arc::clone(&self.signal),
            clock: Arc::clone(&self.options.clock),
            before,
        };
        let session = CaptureSession::begin(item, &screen.device, settings, &mut self.closing);
        let session = session.map_err(|error| or_device_removed(&screen.device, error))?;
        self.pointer_stays = session.pointer_stays;
        self.session = Some(session);
        self.shown = Shown::Awaited { since: now, until: now + self.patience };
        self.patience = (self.patience * 2).min(MOST_FIRST_IMAGE);
        Ok(())
    }

    /// Ends the session, if there is one.
    fn end(&mut self) {
        if let Some(session) = self.session.take() {
            session.close(&mut self.closing);
        }
    }

    /// An image is due: what the screen shows has changed since the newest one.
    fn await_image(&mut self, now: Duration) {
        if let Shown::Newest { .. } = self.shown {
            self.shown = Shown::Awaited { since: now, until: now + NEXT_IMAGE };
        }
    }

    /// Looks whether what is captured is still there, and begins a new session where that is necessary.
    ///
    /// # Errors
    /// A loss.
    fn check(&mut self, screen: &mut Screen, now: Duration) -> Result<()> {
        self.subject.check()?;
        if let Some(code) = screen.device.removed() {
            return Err(verdict::error(code, Call::Take).into_loss(Loss::Lasting));
        }
        let is_silent = matches!(self.shown, Shown::Awaited { until, .. } if now >= until);
        let has_ended = self.session.as_ref().is_none_or(CaptureSession::has_ended);
        if is_silent || has_ended {
            self.begin_again(screen)?;
        }
        self.display.white.follow(&mut screen.output.color, now);
        self.look_at_display(screen, now)
    }

    /// Looks whether the display has changed, or the window was moved to another one.
    ///
    /// # Errors
    /// A loss if that needs another session.
    fn look_at_display(&mut self, screen: &mut Screen, now: Duration) -> Result<()> {
        if now.saturating_sub(self.display.looked) < LOOK {
            return Ok(());
        }
        self.display.looked = now;
        if self.display.is_current() && !self.display.is_left_by(&self.subject) {
            return Ok(());
        }
        let before = self.display.monitor;
        self.display = Display::find(&self.subject, &self.options, &screen.output)?;
        let output = self.subject.screen(&self.display.output);
        let moved = !output.is_window && self.display.monitor != before;
        let resized = !output.is_window && output.size != screen.output.size;
        if moved || resized || pool_format(&output) != pool_format(&screen.output) {
            return Err(loss("the display was changed").with_code(hresult::ACCESS_LOST).with_hint(verdict::PASSES));
        }
        screen.output.color = output.color;
        screen.output.refresh_hz = output.refresh_hz;
        Ok(())
    }

    /// Adds the newest image that has arrived. `false` if there is none.
    ///
    /// # Errors
    /// A loss.
    fn add_newest(&mut self, screen: &mut Screen, clock: &dyn Clock) -> Result<bool> {
        loop {
            let arrived = self.session.as_ref().map_or(Ok(None), CaptureSession::take)?;
            let Some(arrived) = arrived else { return Ok(false) };
            let now = clock.now();
            let used = self.add(screen, &arrived, now);
            let Some(session) = &self.session else { return Ok(false) };
            if let Ok(Use::Resized(place)) = used {
                // It is the first image of the screen as it is now.
                session.put_back(arrived);
                self.await_image(now);
                return Err(resized(&screen.output, place));
            }
            // Given back as soon as its copy is queued, and before the pool changes.
            session.release(&arrived);
            match used? {
                Use::Added => {
                    screen.presented(arrived.count, arrived.time, false);
                    return Ok(true);
                }
                Use::Unchanged => {}
                Use::Larger(content) => {
                    session.resize(content)?;
                    self.await_image(now);
                }
                Use::Useless | Use::Resized(_) => self.await_image(now),
            }
        }
    }

    /// Queues the copy of an image that has arrived, if it shows the screen as it is.
    ///
    /// # Errors
    /// A loss; `Capture` without memory.
    fn add(&mut self, screen: &mut Screen, arrived: &Arrived, now: Duration) -> Result<Use> {
        let is_awaited = matches!(self.shown, Shown::Awaited { since, .. } if arrived.time >= since);
        if arrived.maybe_old && !is_awaited {
            // A newer one may have been dropped, so this one must not be shown. If none follows, nothing changes any more.
            return Ok(Use::Useless);
        }
        let (texture, content) = texture(arrived)?;
        let (held, dxgi) = describe(&texture);
        let expected = pool_format(&screen.output);
        let Some(format) = texture_format(dxgi).filter(|format| *format == expected) else {
            return Err(loss(format!("the images became DXGI_FORMAT {}", dxgi.0)).with_code(hresult::INVALID_CALL));
        };
        if content.width > held.width || content.height > held.height {
            return Ok(Use::Larger(content));
        }
        let place = match self.subject.place(content) {
            Place::At(place) => place,
            // No image ever has the size of its window.
            Place::Older if self.is_only_older(now) => content.rect(),
            Place::Older => return Ok(Use::Useless),
        };
        self.older = None;
        if place.size() != screen.output.size {
            return Ok(Use::Resized(place));
        }
        let origin = place.origin();
        let unchanged = self.session.as_mut().is_some_and(|session| session.is_unchanged(arrived));
        if unchanged && matches!(self.shown, Shown::Newest { origin: before } if before == origin) {
            return Ok(Use::Unchanged);
        }
        screen.follow_format(format);
        let damage = Damage::everything(screen.whole());
        screen.add_whole_image(FrameTexture { texture: &texture, origin }, damage)?;
        self.shown = Shown::Newest { origin };
        (self.attempts, self.doubtful_device, self.patience) = (0, false, FIRST_IMAGE);
        Ok(Use::Added)
    }

    /// Whether the images of a window have not had its size for long, and probably never will.
    fn is_only_older(&mut self, now: Duration) -> bool {
        let since = *self.older.get_or_insert(now);
        now.saturating_sub(since) >= OLDER
    }

    /// When the next check is due.
    fn due(&self) -> Duration {
        let look = self.display.looked + LOOK;
        match self.shown {
            Shown::Newest { .. } => look,
            Shown::Awaited { until, .. } => until.min(look),
        }
    }

    /// The size of the image that has arrived, of what is captured. `None` if none has, or it does not tell.
    fn arrived_size(&self) -> Option<Size> {
        let session = self.session.as_ref()?;
        let arrived = session.take().ok().flatten()?;
        let size = match texture(&arrived) {
            Ok((_, content)) => match self.subject.place(content) {
                Place::At(place) => Some(place.size()),
                Place::Older => None,
            },
            Err(_) => None,
        };
        session.put_back(arrived);
        size.filter(|size| size.area() > 0)
    }
}

impl Feed for CaptureFeed {
    fn advance(&mut self, screen: &mut Screen, timeout: Duration, clock: &dyn Clock) -> Result<()> {
        let deadline = clock.now().saturating_add(timeout);
        loop {
            let seen = self.signal.events.count();
            if self.signal.take_woken() {
                self.was_woken = true;
                return Ok(());
            }
            self.check(screen, clock.now())?;
            if self.add_newest(screen, clock)? || clock.now() >= deadline {
                return Ok(());
            }
            clock.wait(&self.signal.events, seen, deadline.min(self.due()));
        }
    }

    fn info(&self) -> FeedInfo {
        let pointer = self.pointer_stays.then(|| POINTER_STAYS.to_owned());
        FeedInfo {
            pointer_in_image: true,
            other_backend: self.instead.is_some().then_some("wgc"),
            fallback: self.instead.clone().or(pointer),
        }
    }

    fn waker(&self) -> Option<Waker> {
        let signal = Arc::clone(&self.signal);
        Some(Arc::new(move || signal.wake()))
    }

    fn was_woken(&mut self) -> bool {
        std::mem::take(&mut self.was_woken)
    }

    fn has_image(&self) -> bool {
        matches!(self.shown, Shown::Newest { .. })
    }

    fn copy_whole(&mut self, _screen: &mut Screen) -> Result<bool> {
        Ok(false)
    }

    fn let_go(&mut self) -> Result<()> {
        Ok(())
    }

    fn fetch_again(&mut self, screen: &mut Screen) -> Result<()> {
        self.begin_again(screen)
    }

    fn release(&mut self) {}

    fn lose(&mut self, error: &Error) {
        self.doubtful_device |= error.kind() == ErrorKind::Device;
        // A change of what is captured leaves the session as it is; a failure of the system ends it.
        if error.code().is_some_and(|code| code != hresult::ACCESS_LOST) {
            self.end();
        }
    }

    fn regain(&mut self, screen: &mut Screen) -> Result<()> {
        let again = self.subject.find_again().inspect_err(|_| {
            // What has arrived shows how the window vanished.
            self.session.iter().for_each(CaptureSession::discard);
        })?;
        self.attempts = self.attempts.saturating_add(1);
        let now = self.options.clock.now();
        let before = self.display.monitor;
        // Listing displays takes longer than following a window that is being resized.
        let is_known = screen.output.is_window && self.attempts == 1 && self.display.is_current();
        if !is_known || self.display.is_left_by(&self.subject) {
            self.display = Display::find(&self.subject, &self.options, &screen.output)?;
        }
        let mut output = self.subject.screen(&self.display.output);
        let other_device = screen.device.luid != self.display.luid && !output.is_window;
        if self.attempts == 2 || self.doubtful_device || other_device || screen.device.removed().is_some() {
            self.end();
            screen.replace_device(Device::create(&self.display.adapter)?);
            self.doubtful_device = false;
        }
        let moved = self.display.monitor != before && !output.is_window;
        let other_format = pool_format(&output) != pool_format(&screen.output);
        if again == Again::Another || moved || other_format {
            self.end();
        }
        if let Some(size) = self.arrived_size() {
            output.size = size;
        }
        screen.regained(output);
        if self.session.as_ref().is_none_or(CaptureSession::has_ended) {
            return self.begin_again(screen).inspect_err(|_| self.doubtful_device |= self.attempts > 1);
        }
        // What arrived meanwhile is newer than the loss.
        self.shown = Shown::Awaited { since: Duration::ZERO, until: now + NEXT_IMAGE };
        Ok(())
    }
}

impl Drop for CaptureFeed {
    fn drop(&mut self) {
        self.end();
    }
}

/// The loss of a screen that has another size now.
fn resized(output: &Output, place: Rect) -> Error {
    let (kind, before, now) = (output.kind(), output.size, place.size());
    loss(format!("the {kind} changed its size from {before} to {now}")).with_code(hresult::ACCESS_LOST)
}
