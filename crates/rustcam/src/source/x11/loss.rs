//! Losing the desktop, saying what was lost, and getting it back.

use std::time::Duration;

use super::advice;
use super::client::Client;
use super::error::{describe, unusable, ProtocolError};
use super::monitors::{self, Layout};
use super::X11Source;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::source::output::Output;

/// How far a wait may exceed its time to find out about a new arrangement of outputs. It takes several round trips, which a caller
/// that only ever polls would otherwise never see the end of; a frozen server costs this once.
const GRACE: Duration = Duration::from_millis(25);

impl X11Source {
    /// Turns what went wrong into the loss that every call reports until the rebuild.
    pub(super) fn lose(&mut self, error: ProtocolError) -> Error {
        let display = &self.display;
        let error = match error {
            ProtocolError::OutputChanged(error) => *error,
            ProtocolError::Disconnected(reason) => {
                self.client.dead = true;
                gone(display, &reason)
            }
            ProtocolError::Refused(error) => Error::new(
                ErrorKind::AccessLost,
                format!("the X server at {display} does not show its screen: {}", describe(&error)),
            )
            .with_hint(advice::HIDDEN.hint)
            .with_loss(Loss::Transient),
            ProtocolError::TimedOut => unanswered(display),
        };
        self.lost = Some(error.clone());
        error
    }

    /// Finds out whether the output is still what it was. [`ProtocolError::OutputChanged`] if not.
    pub(super) fn check_layout(&mut self) -> std::result::Result<(), ProtocolError> {
        let server = &self.client.server;
        let least = self.clock.now().saturating_add(GRACE);
        let limit = server.limit();
        server.set_limit(limit.max(least));
        let layout = monitors::query(server);
        server.set_limit(limit);
        let Layout { outputs, root } = layout?;
        self.client.layout_stale = false;
        let old = &self.output;
        let Some(new) = outputs.iter().find(|o| o.name == old.name) else {
            let message = format!("the output {} is gone; there is {}", old.name, names(&outputs));
            let error =
                Error::new(ErrorKind::AccessLost, message).with_hint(advice::OUTPUT_GONE.hint).with_loss(Loss::Lasting);
            return Err(ProtocolError::OutputChanged(Box::new(error)));
        };
        let change = if new.size != old.size {
            format!("from {} to {}", old.size, new.size)
        } else if new.rotation != old.rotation {
            format!("from {} to {} degrees", old.rotation.degrees(), new.rotation.degrees())
        } else if new.position != old.position {
            let (from, to) = (old.position, new.position);
            format!("its place from ({}, {}) to ({}, {})", from.x, from.y, to.x, to.y)
        } else {
            self.covers_root = self.place() == root.rect();
            return Ok(());
        };
        let error =
            Error::new(ErrorKind::AccessLost, format!("the output changed {change}")).with_loss(Loss::Transient);
        Err(ProtocolError::OutputChanged(Box::new(error)))
    }

    /// Gets the connection back if it is alive, or makes a new one.
    pub(super) fn regain(&mut self, deadline: Duration) -> Result<()> {
        let place = self.place();
        if !self.client.dead {
            self.client.server.set_limit(deadline);
            let layout = self.client.settle(place).and_then(|()| {
                self.client.drain()?;
                monitors::query(&self.client.server)
            });
            match layout {
                Ok(layout) => return self.resume(layout),
                Err(ProtocolError::Disconnected(_)) => self.client.dead = true,
                Err(error) => return Err(self.lose(error)),
            }
        }
        let opened = Client::open(&self.display, &self.clock, self.watch_pointer, deadline).and_then(|client| {
            let layout = monitors::query(&client.server).map_err(|error| unusable(&self.display, error))?;
            Ok((client, layout))
        });
        match opened {
            Ok((client, layout)) => {
                self.client = client;
                self.resume(layout)
            }
            Err(error) => Err(error.into_loss(Loss::Lasting)),
        }
    }

    fn resume(&mut self, layout: Layout) -> Result<()> {
        let Layout { outputs, root } = layout;
        let old = &self.output;
        let by_name = outputs.iter().find(|o| o.name == old.name);
        let Some(output) = by_name.or_else(|| outputs.iter().find(|o| o.output_idx == old.output_idx)) else {
            let message = format!("the output {} is gone; there is {}", old.name, names(&outputs));
            return Err(Error::new(ErrorKind::AccessLost, message)
                .with_hint(advice::OUTPUT_GONE.hint)
                .with_loss(Loss::Lasting));
        };
        self.adopt(output.clone(), root).map_err(|error| self.lose(error))?;
        self.lost = None;
        Ok(())
    }
}

fn names(outputs: &[Output]) -> String {
    let listed: Vec<_> = outputs.iter().map(|o| format!("{} ({})", o.name, o.size)).collect();
    listed.join(", ")
}

fn gone(display: &str, reason: &str) -> Error {
    Error::new(ErrorKind::AccessLost, format!("the X server at {display} went away: {reason}"))
        .with_hint(advice::GONE.hint)
        .with_loss(Loss::Lasting)
}

fn unanswered(display: &str) -> Error {
    Error::new(ErrorKind::AccessLost, format!("the X server at {display} does not answer"))
        .with_hint(advice::FROZEN.hint)
        .with_loss(Loss::Transient)
}
