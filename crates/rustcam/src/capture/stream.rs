//! The capture thread: it captures continuously, and puts its newest frame into a mailbox.

use std::sync::{mpsc, Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::PixelFormat;
use crate::frame_format::FrameSpec;
use crate::geometry::Rect;

use super::frame::{Request, Target};
use super::loss_limit::LossLimit;
use super::mailbox::Mailbox;
use super::rate::Rate;
use super::session::Session;
use super::stop_token::StopToken;

/// How long one call of the thread waits. Between calls other threads can read the state of the session.
const CALL: Duration = Duration::from_millis(250);

/// The last part of a pause is an exact sleep, which nothing ends; a stop ends the part before it.
const EXACT_PART: Duration = Duration::from_millis(2);

/// What a stream captures and how often. The default is every present of the session's own region, in BGRA; the setters change that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamOptions {
    /// At most so many frames per second; `None` for every present.
    pub rate: Option<Rate>,
    /// Part of the desktop, `None` for the session's own region.
    pub region: Option<Rect>,
    /// Whether every tick of `rate` gets a frame: the previous image again if there is no newer one.
    pub video: bool,
    /// What the frames are like.
    pub spec: FrameSpec,
    /// How long the thread tries to regain a desktop after a lasting loss before it reports that.
    pub patience: Duration,
    /// Whether an iterator owns the stream. Calls that are refused while it runs say so.
    pub iterated: bool,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            rate: None,
            region: None,
            video: false,
            spec: PixelFormat::default().into(),
            patience: LossLimit::default().0,
            iterated: false,
        }
    }
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

    /// Sets what the frames are like: their pixel format, or more.
    #[must_use]
    pub fn format(self, spec: impl Into<FrameSpec>) -> Self {
        Self { spec: spec.into(), ..self }
    }

    /// Sets how long the thread tries to regain the desktop after a lasting loss; 30 seconds by default.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets whether an iterator owns the stream.
    #[must_use]
    pub fn iterated(self, iterated: bool) -> Self {
        Self { iterated, ..self }
    }
}

/// A running capture thread. Dropping it stops the thread.
pub(super) struct Stream {
    mailbox: Arc<Mailbox>,
    stop: Arc<StopToken>,
    thread: Option<JoinHandle<Option<Box<Session>>>>,
    iterated: bool,
    process: u32,
}

/// Identifies one stream among all that a handle runs one after the other.
#[derive(Clone, Debug)]
pub struct StreamId(Weak<Mailbox>);

impl StreamId {
    pub(super) fn of(mailbox: &Arc<Mailbox>) -> Self {
        Self(Arc::downgrade(mailbox))
    }

    pub(super) fn is_of(&self, mailbox: &Arc<Mailbox>) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(mailbox))
    }
}

impl Stream {
    /// Starts the thread. `observe` is called on it after every call of the session.
    ///
    /// # Errors
    /// The session and the reason, if the system has no thread for it.
    pub(super) fn start(
        session: Box<Session>,
        clock: Arc<dyn Clock>,
        options: StreamOptions,
        observe: impl Fn(&Session) + Send + 'static,
    ) -> std::result::Result<Self, (Box<Session>, Error)> {
        let (mailbox, stop) = (Arc::new(Mailbox::default()), Arc::new(StopToken::new(session.waker())));
        // The session follows the thread, because a refused thread would drop what was moved into it.
        let (hand_over, received) = mpsc::sync_channel::<Runner>(1);
        let run = move || received.recv().ok().map(|runner| runner.run(&observe));
        let thread = match thread::Builder::new().name("rustcam stream".to_owned()).spawn(run) {
            Ok(thread) => thread,
            Err(error) => return Err((session, no_thread(&error))),
        };
        let iterated = options.iterated;
        let runner = Runner { session, clock, options, mailbox: Arc::clone(&mailbox), stop: Arc::clone(&stop) };
        // The channel has room, and the thread receives before it does anything else.
        let _ = hand_over.send(runner);
        Ok(Self { mailbox, stop, thread: Some(thread), iterated, process: std::process::id() })
    }

    /// Its frames.
    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// The error of a call that is refused while it runs.
    pub(super) fn in_the_way(&self) -> Error {
        let message = if self.iterated {
            "a stream() that was not finished still runs: await its aclose(), or call stop() first"
        } else {
            "start() is active: take frames with get_latest_frame(), or call stop() first"
        };
        Error::new(ErrorKind::WrongState, message)
    }

    /// Ends the thread and returns its session; `None` if the thread panicked. Readers get `reason`.
    pub(super) fn stop(mut self, reason: Error) -> Option<Box<Session>> {
        self.mailbox.end(reason);
        let mut session = self.halt()?;
        if let Some(leftover) = self.mailbox.leftover() {
            session.take_back(&leftover.info);
        }
        Some(session)
    }

    /// Whether this is called on the capture thread, by a test of titles or a logger for example. It cannot wait for itself.
    pub(super) fn is_this_thread(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == thread::current().id())
    }

    /// Lets the thread end after its current call. Readers get `reason`.
    pub(super) fn end_soon(&self, reason: Error) {
        self.mailbox.end(reason);
        self.stop.stop();
    }

    /// Whether its end was asked for.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    /// The thread, for the caller to end; `None` if there is none any more. Readers are not told.
    pub(super) fn take_thread(&mut self) -> Option<StreamThread> {
        let thread = self.thread.take()?;
        // A forked child process has no copy of the thread.
        (std::process::id() == self.process).then(|| StreamThread { thread, stop: Arc::clone(&self.stop) })
    }

    fn halt(&mut self) -> Option<Box<Session>> {
        self.take_thread()?.end()
    }
}

/// A capture thread that is to be ended.
pub(super) struct StreamThread {
    thread: JoinHandle<Option<Box<Session>>>,
    stop: Arc<StopToken>,
}

impl StreamThread {
    /// Ends the thread and returns its session; `None` if the thread panicked.
    pub(super) fn end(self) -> Option<Box<Session>> {
        self.stop.stop();
        self.thread.join().ok().flatten()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.halt();
    }
}

/// What the thread owns.
struct Runner {
    session: Box<Session>,
    clock: Arc<dyn Clock>,
    options: StreamOptions,
    mailbox: Arc<Mailbox>,
    stop: Arc<StopToken>,
}

impl Runner {
    fn run(mut self, observe: &dyn Fn(&Session)) -> Box<Session> {
        let _priority = self.session.prioritise_thread();
        let start = self.clock.now();
        let mut slot = 0;
        // A stream begins with the desktop as it is.
        let mut first = true;
        let limit = LossLimit(self.options.patience);
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
            let tolerated = outcome.or_else(|error| limit.tolerate(error, &self.session, self.clock.now()));
            if let Err(error) = tolerated {
                if !self.stop.is_stopped() {
                    self.mailbox.end(error);
                }
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
        let outcome = self.session.grab_clamped(&request, Target::Owned(self.options.spec), &mut || stop.check());
        observe(&self.session);
        let Some(frame) = outcome? else { return Ok(false) };
        self.mailbox.put(frame);
        Ok(true)
    }

    fn pause_until(&self, moment: Duration) {
        self.stop.pause_until(&*self.clock, moment.saturating_sub(EXACT_PART));
        if !self.stop.is_stopped() {
            self.clock.sleep_until(moment);
        }
    }
}

fn no_thread(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Capture, format!("no thread could be started for the stream: {error}")).with_hint(
        "The limit of processes and threads is reached: end some, or raise it (`ulimit -u`, the pids limit of a container). grab() \
         and frames() need no thread",
    )
}
