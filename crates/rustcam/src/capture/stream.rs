//! The capture thread: it captures continuously, and puts its newest frame into a mailbox.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::frame::PixelFormat;
use crate::geometry::Rect;

use super::frame::{Request, Target};
use super::mailbox::Mailbox;
use super::rate::Rate;
use super::session::Session;
use super::stop_token::StopToken;

/// How long the thread tries to recover from a lasting loss before it reports the error.
const GIVE_UP_AFTER: Duration = Duration::from_secs(1);

/// How long one call of the thread waits. Between calls other threads can read the state of the session.
const CALL: Duration = Duration::from_millis(250);

/// The last part of a pause is an exact sleep, which nothing ends; a stop ends the part before it.
const EXACT_PART: Duration = Duration::from_millis(2);

/// What a stream captures and how often. The default is every present of the session's own region, in BGRA; the setters change that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamOptions {
    /// At most so many frames per second; `None` for every present.
    pub rate: Option<Rate>,
    /// Part of the desktop, `None` for the session's own region.
    pub region: Option<Rect>,
    /// Whether every tick of `rate` gets a frame: the previous image again if there is no newer one.
    pub video: bool,
    /// Format of the frames.
    pub format: PixelFormat,
}

impl StreamOptions {
    /// Sets the highest rate; `None` for every present.
    #[must_use]
    pub fn rate(self, rate: impl Into<Option<Rate>>) -> Self {
        Self { rate: rate.into(), ..self }
    }

    /// Sets the part of the desktop that the frames show; `None` for the session's own region.
    #[must_use]
    pub fn region(self, region: impl Into<Option<Rect>>) -> Self {
        Self { region: region.into(), ..self }
    }

    /// Sets whether every tick of the rate gets a frame.
    #[must_use]
    pub fn video(self, video: bool) -> Self {
        Self { video, ..self }
    }

    /// Sets the format of the frames.
    #[must_use]
    pub fn format(self, format: PixelFormat) -> Self {
        Self { format, ..self }
    }
}

/// A running capture thread. Dropping it stops the thread.
pub(super) struct Stream {
    mailbox: Arc<Mailbox>,
    stop: Arc<StopToken>,
    thread: Option<JoinHandle<Session>>,
    process: u32,
}

impl Stream {
    /// Starts the thread. `observe` is called on it after every call of the session.
    ///
    /// # Panics
    /// If the system cannot create a thread.
    pub(super) fn start(
        session: Session,
        clock: Arc<dyn Clock>,
        options: StreamOptions,
        observe: impl Fn(&Session) + Send + 'static,
    ) -> Self {
        let (mailbox, stop) = (Arc::new(Mailbox::default()), Arc::new(StopToken::new(session.waker())));
        let runner = Runner { session, clock, options, mailbox: Arc::clone(&mailbox), stop: Arc::clone(&stop) };
        let thread = std::thread::spawn(move || runner.run(&observe));
        Self { mailbox, stop, thread: Some(thread), process: std::process::id() }
    }

    /// Its frames.
    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Ends the thread and returns its session; `None` if the thread panicked. Readers get `reason`.
    pub(super) fn stop(mut self, reason: Error) -> Option<Session> {
        self.mailbox.end(reason);
        let mut session = self.halt()?;
        if let Some(leftover) = self.mailbox.leftover() {
            session.take_back(&leftover.info);
        }
        Some(session)
    }

    fn halt(&mut self) -> Option<Session> {
        let thread = self.thread.take()?;
        if std::process::id() != self.process {
            // A forked child process has no copy of the thread.
            return None;
        }
        self.stop.stop();
        thread.join().ok()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.halt();
    }
}

/// What the thread owns.
struct Runner {
    session: Session,
    clock: Arc<dyn Clock>,
    options: StreamOptions,
    mailbox: Arc<Mailbox>,
    stop: Arc<StopToken>,
}

impl Runner {
    fn run(mut self, observe: &dyn Fn(&Session)) -> Session {
        let start = self.clock.now();
        let mut slot = 0;
        // A stream begins with the desktop as it is.
        let mut first = true;
        let mut failing_since = None;
        while !self.stop.is_stopped() {
            if let Some(rate) = self.options.rate {
                self.pause_until(start + rate.slot(slot));
                // Ticks that passed meanwhile are skipped, so that no backlog builds up.
                slot = rate.slot_at(self.clock.now().saturating_sub(start)) + 1;
            }
            let outcome = if first {
                self.grab(CALL, false, observe).map(|some| first = !some)
            } else if self.options.video {
                self.tick(observe)
            } else {
                self.grab(CALL, true, observe).map(drop)
            };
            let Err(error) = outcome else {
                failing_since = None;
                continue;
            };
            let now = self.clock.now();
            let since = *failing_since.get_or_insert(now);
            let is_final = error.loss().is_none() || now.saturating_sub(since) >= GIVE_UP_AFTER;
            if is_final && !self.stop.is_stopped() {
                self.mailbox.end(error);
            }
            if is_final {
                break;
            }
        }
        self.session
    }

    /// A frame for this tick. If there is no new image, the frame that no reader has taken yet stays in the mailbox.
    fn tick(&mut self, observe: &dyn Fn(&Session)) -> Result<()> {
        let new = self.grab(Duration::ZERO, true, observe)?;
        if new || self.mailbox.is_full() {
            return Ok(());
        }
        self.grab(Duration::ZERO, false, observe).map(drop)
    }

    /// Captures a frame, makes the state of the session visible to other threads, and then puts the frame into the mailbox. `false` if
    /// there was none in time.
    fn grab(&mut self, timeout: Duration, new_frame_only: bool, observe: &dyn Fn(&Session)) -> Result<bool> {
        let request = Request { region: self.options.region, timeout, new_frame_only };
        let stop = &self.stop;
        let outcome = self.session.capture(&request, Target::Owned(self.options.format), &mut || stop.check());
        observe(&self.session);
        let Some(frame) = outcome? else { return Ok(false) };
        self.mailbox.put(frame);
        Ok(true)
    }

    fn pause_until(&self, moment: Duration) {
        let left = moment.saturating_sub(self.clock.now());
        if left > EXACT_PART {
            self.stop.pause(left.saturating_sub(EXACT_PART));
        }
        if !self.stop.is_stopped() {
            self.clock.sleep_until(moment);
        }
    }
}
