//! One connection with everything that lives and dies with it.

use std::time::Duration;

use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::x11_utils::X11Error;

use super::batch::{Batch, Captured};
use super::desktop::Desktop;
use super::error::{describe, unusable, ProtocolError};
use super::server::Server;
use super::subject::{Found, Subject};
use super::transport::Transport;
use super::view::View;
use crate::error::{Error, Result};

/// The longest wait for a program to draw what was covered.
const REPAINT: Duration = Duration::from_millis(50);

/// A program that has drawn nothing for so long is done.
const QUIET: Duration = Duration::from_millis(5);

/// A server, what is captured of it, and the read that was sent.
pub(super) struct Client {
    pub(super) server: Server,
    pub(super) desktop: Desktop,
    pub(super) transport: Transport,
    /// The read that was sent and not finished.
    pub(super) batch: Option<Batch>,
    pub(super) watch_pointer: bool,
    /// The server has been asked not to blank the screen.
    pub(super) awake: bool,
    /// The loss that every call reports until a rebuild.
    pub(super) lost: Option<Error>,
    /// The connection is unusable; only another one helps.
    pub(super) dead: bool,
    /// What the server lacks, in words.
    lacks: Vec<&'static str>,
    fallback: Option<String>,
}

impl Client {
    /// Starts to follow `subject`, which was found on `server`. If it is hidden, it is lost from the beginning.
    ///
    /// # Errors
    /// `Duplication`.
    pub(super) fn open(server: Server, subject: Box<dyn Subject>, found: Found, watch_pointer: bool) -> Result<Self> {
        let parts = Transport::probe(&server).and_then(|mut transport| {
            transport.switch_to(&server, &found.view)?;
            Ok((transport, Desktop::follow(&server, subject, &found, watch_pointer)?))
        });
        let (transport, desktop) = parts.map_err(|error| unusable(&server.display, error))?;
        let mut lacks = Vec::new();
        match &desktop.damage {
            None => lacks.push(
                "the DAMAGE extension is not available: every refresh interval counts as a new image, and all of it as changed",
            ),
            Some(damage) if !damage.is_exact() => {
                lacks.push("the XFIXES extension is not available: every change counts as a change of everything");
            }
            Some(_) => {}
        }
        if watch_pointer && desktop.cursor.is_none() {
            lacks.push("the XFIXES extension is not available: the pointer cannot be shown");
        }
        let (lost, fallback) = (found.hidden, None);
        let mut client = Self {
            server,
            desktop,
            transport,
            batch: None,
            watch_pointer,
            awake: false,
            lost,
            dead: false,
            lacks,
            fallback,
        };
        client.explain();
        match client.begin() {
            Ok(()) => Ok(client),
            Err(error) => {
                let error = client.reason_of(error);
                Err(unusable(&client.server.display, error))
            }
        }
    }

    /// Follows `view` from now on.
    pub(super) fn switch_to(&mut self, view: View) -> std::result::Result<(), ProtocolError> {
        self.transport.switch_to(&self.server, &view)?;
        self.explain();
        self.desktop.switch_to(view, &self.server)?;
        self.begin()
    }

    /// Finds out what a capture begins with.
    fn begin(&mut self) -> std::result::Result<(), ProtocolError> {
        self.desktop.ask_pointer(&self.server)?;
        self.await_repaint()
    }

    /// Why a step failed. If the server refused it, the event that says what happened to the output or the window may be on its way.
    pub(super) fn reason_of(&mut self, error: ProtocolError) -> ProtocolError {
        if !matches!(error, ProtocolError::Refused(_)) {
            return error;
        }
        match self.drain().and_then(|()| self.desktop.check(&self.server)) {
            Ok(()) | Err(ProtocolError::TimedOut) => error,
            Err(reason) => reason,
        }
    }

    /// Gives the program of a window that was covered until now a moment to draw what the server had not kept. A program that takes
    /// longer is not waited for: what it draws is news then.
    fn await_repaint(&mut self) -> std::result::Result<(), ProtocolError> {
        self.drain()?;
        if !self.desktop.subject.take_uncovered() {
            return Ok(());
        }
        let end = self.server.limit().min(self.server.now().saturating_add(REPAINT));
        let mut until = end;
        loop {
            let now = self.server.now();
            if now >= until {
                return Ok(());
            }
            self.server.connection.stream().wait_readable(until.saturating_sub(now), None)?;
            self.drain()?;
            if self.desktop.forget_damage(&self.server)? {
                until = end.min(self.server.now().saturating_add(QUIET));
            }
        }
    }

    /// Why this is slower than it could be, if it is.
    pub(super) fn fallback(&self) -> Option<&str> {
        self.fallback.as_deref()
    }

    /// Asks the server not to blank the screen, or no longer. It forgets that by itself when the connection ends.
    pub(super) fn keep_awake(&mut self, on: bool) {
        if std::mem::replace(&mut self.awake, on) == on {
            return;
        }
        match self.settle().and_then(|()| self.server.suspend_screen_saver(on)) {
            Ok(()) => {}
            // The answer of a frozen server is not worth waiting for.
            Err(error) => log::debug!("x11: the screen saver is not suspended: {error:?}"),
        }
    }

    /// Falls back to a slower transport after the server refused what the present one needs.
    pub(super) fn fall_back(&mut self, error: &X11Error) {
        self.transport.fall_back(error);
        self.explain();
    }

    /// Works out [`Client::fallback`].
    fn explain(&mut self) {
        let reasons: Vec<_> = self.transport.slower_because().into_iter().chain(self.lacks.iter().copied()).collect();
        self.fallback = (!reasons.is_empty()).then(|| reasons.join("; "));
    }

    /// Takes in all events that have arrived. Costs at most one system call if there are none.
    pub(super) fn drain(&mut self) -> std::result::Result<(), ProtocolError> {
        while let Some((event, sequence)) = self.server.connection.poll_for_event_with_sequence()? {
            match (event, &mut self.batch) {
                (Event::Error(error), Some(batch)) if batch.covers(sequence) => batch.fail(error),
                (Event::Error(error), _) => log::debug!("x11: {}", describe(&error)),
                (event, _) => self.desktop.note(&event, sequence, &self.server)?,
            }
        }
        Ok(())
    }

    /// Waits for whatever is still on its way. What was not sent yet goes with the next batch, which wakes the server once, not twice;
    /// all of it together is far smaller than x11rb's buffer, so that no time limit cuts a request in two.
    pub(super) fn settle(&mut self) -> std::result::Result<(), ProtocolError> {
        match self.finish_batch() {
            Ok(_) | Err(ProtocolError::Refused(_)) => self.server.await_overdue(),
            Err(error) => Err(error),
        }
    }

    /// Waits for the batch that was sent, if there is one. After [`ProtocolError::TimedOut`] it is still there; otherwise it is over.
    pub(super) fn finish_batch(&mut self) -> std::result::Result<Option<Captured>, ProtocolError> {
        let Some(batch) = &self.batch else { return Ok(None) };
        let fence = match self.server.answer(batch.fence()) {
            Err(ProtocolError::TimedOut) => return Err(ProtocolError::TimedOut),
            other => other,
        };
        // Answers come in order: whatever the batch and the requests before it get, they have got by now.
        let drained = self.drain();
        let finished = self.batch.take().map(|batch| batch.finish(fence, &self.server, &mut self.desktop));
        drained?;
        finished.transpose()
    }
}
