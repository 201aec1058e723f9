//! Waiting: what events and answers amount to, and what to ask meanwhile.

use std::time::Duration;

use x11rb::connection::Connection as _;

use super::client::Client;
use super::error::ProtocolError;
use super::X11Source;
use crate::source::Change;

impl X11Source {
    /// Waits until something changed, at most until `deadline`.
    pub(super) fn watch(&mut self, deadline: Duration) -> std::result::Result<Change, ProtocolError> {
        let place = self.place();
        self.client.settle(place)?;
        // A longer wait finds out by waiting.
        if self.clock.now() >= deadline {
            self.client.server.connection.stream().expect_more();
        }
        loop {
            self.client.drain()?;
            if self.client.layout_stale {
                self.check_layout()?;
            }
            let now = self.clock.now();
            let change = self.gather(now)?;
            if change.any() {
                // What `gather` asked for is not sent yet: it travels with the read that follows, and wakes the server once, not twice.
                return Ok(change);
            }
            if now < deadline {
                self.client.touch()?;
            }
            let wake = self.ask(now)?;
            if now >= deadline {
                return Ok(change);
            }
            let until = wake.map_or(deadline, |wake| wake.min(deadline));
            let stream = self.client.server.connection.stream();
            if !stream.wait_readable(until.saturating_sub(now), self.wake_fd.as_ref())? {
                return Ok(Change { interrupted: true, ..Change::default() });
            }
        }
    }

    /// What the answers and events that have arrived amount to.
    fn gather(&mut self, now: Duration) -> std::result::Result<Change, ProtocolError> {
        let place = self.place();
        let Client { server, damage, cursor, .. } = &mut self.client;
        let mut change = Change::default();
        let presented = match damage {
            Some(damage) => {
                damage.harvest(server, place)?;
                damage.announce(server, self.covers_root)?
            }
            None if now >= self.next_present => {
                self.next_present = now + self.output.refresh_interval();
                Some(now)
            }
            None => None,
        };
        if std::mem::take(&mut self.first) || presented.is_some() {
            change.presents = 1;
            change.present_time = presented.unwrap_or(now).min(now);
        }
        if let Some(cursor) = cursor {
            if let Some(query) = cursor.query {
                if let Some(pointer) = cursor.harvest(server, query, place)? {
                    cursor.query = None;
                    change.pointer = !self.pointer.looks_like(&pointer);
                    if change.pointer {
                        cursor.motion.stir(server, now)?;
                    }
                    self.pointer = pointer;
                }
            }
        }
        Ok(change)
    }

    /// Asks for the pointer if that is due, without waiting for the answer. Returns when the next wait has something to do.
    fn ask(&mut self, now: Duration) -> std::result::Result<Option<Duration>, ProtocolError> {
        let Client { server, damage, cursor, .. } = &mut self.client;
        let mut wake = damage.is_none().then_some(self.next_present);
        if let Some(cursor) = cursor.as_mut().filter(|c| c.query.is_none()) {
            if now >= cursor.motion.due() {
                cursor.motion.ask(server, now, self.output.refresh_interval())?;
                cursor.query = Some(cursor.ask(server)?);
            } else {
                let due = cursor.motion.due();
                wake = Some(wake.map_or(due, |w| w.min(due)));
            }
        }
        if let Some(damage) = damage {
            damage.fetch(server)?;
        }
        // A socket that takes no more keeps the rest for the next call; what was seen is reported all the same.
        match server.connection.flush().map_err(ProtocolError::from) {
            Ok(()) | Err(ProtocolError::TimedOut) => Ok(wake),
            Err(error) => Err(error),
        }
    }
}
