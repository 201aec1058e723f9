//! The capture thread: a session runs on its own, and its newest frame lies in a mailbox.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::frame::PixelFormat;
use crate::geometry::Rect;
use crate::source::Waker;

use super::canvas::Target;
use super::mailbox::{Delivery, Mailbox};
use super::rate::Rate;
use super::session::{Request, Session};

/// How long the thread tries to regain a desktop that is gone for good before it reports that.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long it looks for news before it lets others see what it knows.
const LOOK: Duration = Duration::from_millis(250);

/// A pause that ends in a moment is slept through; a longer one can be ended by a stop.
const MOMENT: Duration = Duration::from_millis(2);

/// What a stream captures and how often.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    /// At most so many frames per second; `None` for every present.
    pub rate: Option<Rate>,
    /// Part of the desktop, `None` for the session's own region.
    pub region: Option<Rect>,
    /// Whether every tick of `rate` gets a frame, the previous image again if nothing is new.
    pub video: bool,
    /// Format of the frames.
    pub format: PixelFormat,
}

/// A session that captures by itself. Dropping it stops the thread.
pub(super) struct Stream {
    mailbox: Arc<Mailbox>,
    brake: Arc<Brake>,
    thread: Option<JoinHandle<Session>>,
    process: u32,
}

impl Stream {
    /// Starts the thread. `observe` is called on it after every frame.
    ///
    /// # Errors
    /// The session, if the system has no thread for it.
    pub(super) fn start(
        session: Session,
        clock: Arc<dyn Clock>,
        options: StreamOptions,
        observe: impl Fn(&Session) + Send + 'static,
    ) -> Self {
        let (mailbox, brake) = (Arc::new(Mailbox::default()), Arc::new(Brake::new(session.waker())));
        let runner = Runner { session, clock, options, mailbox: Arc::clone(&mailbox), brake: Arc::clone(&brake) };
        let thread = std::thread::spawn(move || runner.run(&observe));
        Self { mailbox, brake, thread: Some(thread), process: std::process::id() }
    }

    /// Where its frames arrive.
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
            // The thread did not come along when the process was forked.
            return None;
        }
        self.brake.pull();
        thread.join().ok()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Ends the pauses of a thread and the waits of its session.
struct Brake {
    pulled: AtomicBool,
    lock: Mutex<()>,
    signal: Condvar,
    waker: Option<Waker>,
}

impl Brake {
    fn new(waker: Option<Waker>) -> Self {
        Self { pulled: AtomicBool::new(false), lock: Mutex::default(), signal: Condvar::new(), waker }
    }

    fn pull(&self) {
        self.pulled.store(true, Ordering::Release);
        drop(self.lock.lock());
        self.signal.notify_all();
        if let Some(wake) = &self.waker {
            wake();
        }
    }

    fn is_pulled(&self) -> bool {
        self.pulled.load(Ordering::Acquire)
    }

    /// Pauses for `time` or until the brake is pulled.
    fn pause(&self, time: Duration) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.signal.wait_timeout_while(guard, time, |()| !self.is_pulled()));
    }
}

/// What the thread owns.
struct Runner {
    session: Session,
    clock: Arc<dyn Clock>,
    options: StreamOptions,
    mailbox: Arc<Mailbox>,
    brake: Arc<Brake>,
}

impl Runner {
    fn run(mut self, observe: &dyn Fn(&Session)) -> Session {
        let start = self.clock.now();
        let mut slot = 0;
        // A stream begins with the screen as it is.
        let mut first = true;
        let mut gone_since = None;
        while !self.brake.is_pulled() {
            if let Some(rate) = self.options.rate {
                self.pause_until(start + rate.slot(slot));
                // Ticks that passed meanwhile are gone: the newest frame wins, and no backlog builds up.
                slot = rate.slot_at(self.clock.now().saturating_sub(start)) + 1;
            }
            let outcome = if first {
                self.grab(LOOK, false, observe).map(|some| first = !some)
            } else if self.options.video {
                self.tick(observe)
            } else {
                self.grab(LOOK, true, observe).map(drop)
            };
            let Err(error) = outcome else {
                gone_since = None;
                continue;
            };
            let now = self.clock.now();
            let since = *gone_since.get_or_insert(now);
            let hopeless = error.loss().is_none() || now.saturating_sub(since) >= PATIENCE;
            if hopeless && !self.brake.is_pulled() {
                self.mailbox.end(error);
            }
            if hopeless {
                break;
            }
        }
        self.session
    }

    /// A frame for this tick. If nothing is new and the last one still waits to be taken, that one serves again.
    fn tick(&mut self, observe: &dyn Fn(&Session)) -> Result<()> {
        let new = self.grab(Duration::ZERO, true, observe)?;
        if new || self.mailbox.is_full() {
            return Ok(());
        }
        self.grab(Duration::ZERO, false, observe).map(drop)
    }

    /// Captures a frame into the mailbox, after others can see what belongs to it. `false` if there was none in time.
    fn grab(&mut self, timeout: Duration, new_frame_only: bool, observe: &dyn Fn(&Session)) -> Result<bool> {
        let request = Request { region: self.options.region, timeout, new_frame_only };
        let brake = &self.brake;
        let mut interrupt = || {
            if brake.is_pulled() {
                Err(Error::new(ErrorKind::Interrupted, "the stream was stopped"))
            } else {
                Ok(())
            }
        };
        let outcome = self.session.capture(&request, Target::Owned(self.options.format), &mut interrupt);
        observe(&self.session);
        let frame = outcome?;
        let (Some(frame), Some(info)) = (frame, self.session.info()) else { return Ok(false) };
        self.mailbox.put(Delivery { frame, info: info.clone() });
        Ok(true)
    }

    fn pause_until(&self, moment: Duration) {
        let left = moment.saturating_sub(self.clock.now());
        if left > MOMENT {
            self.brake.pause(left.saturating_sub(MOMENT));
        }
        if !self.brake.is_pulled() {
            self.clock.sleep_until(moment);
        }
    }
}
