//! Losing the desktop, saying what was lost, and getting it back.

use std::time::Duration;

use super::advice;
use super::connection::{describe, unusable, Fault};
use super::desk::Desk;
use super::monitors::{self, Layout};
use super::X11Source;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::source::Output;

/// How far a wait may exceed its time to find out about a new arrangement of outputs. It takes several round trips, which a caller
/// that only ever polls would otherwise never see the end of; a frozen server costs this once.
const GRACE: Duration = Duration::from_millis(25);

impl X11Source {
    /// Turns what went wrong into the loss that every call reports until the rebuild.
    pub(super) fn lose(&mut self, fault: Fault) -> Error {
        let display = &self.display;
        let error = match fault {
            Fault::Moved(error) => *error,
            Fault::Gone(reason) => {
                self.desk.dead = true;
                gone(display, &reason)
            }
            Fault::Refused(error) => Error::new(
                ErrorKind::AccessLost,
                format!("the X server at {display} does not show its screen: {}", describe(&error)),
            )
            .with_hint(advice::HIDDEN.hint)
            .with_loss(Loss::Transient),
            Fault::Late => unanswered(display),
        };
        self.lost = Some(error.clone());
        error
    }

    /// Finds out whether the output is still what it was. [`Fault::Moved`] if not.
    pub(super) fn check_layout(&mut self) -> std::result::Result<(), Fault> {
        let server = &self.desk.server;
        let least = self.clock.now().saturating_add(GRACE);
        let limit = server.set_limit(least);
        server.set_limit(limit.max(least));
        let layout = monitors::query(server);
        server.set_limit(limit);
        let Layout { outputs, root } = layout?;
        self.desk.layout_stale = false;
        let old = &self.output;
        let Some(new) = outputs.iter().find(|o| o.name == old.name) else {
            let message = format!("the output {} is gone; there is {}", old.name, names(&outputs));
            let error =
                Error::new(ErrorKind::AccessLost, message).with_hint(advice::OUTPUT_GONE.hint).with_loss(Loss::Lasting);
            return Err(Fault::Moved(Box::new(error)));
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
        Err(Fault::Moved(Box::new(error)))
    }

    /// Gets the connection back if it is alive, or makes a new one.
    pub(super) fn regain(&mut self, deadline: Duration) -> Result<()> {
        let place = self.place();
        if !self.desk.dead {
            self.desk.server.set_limit(deadline);
            let layout = self.desk.settle(place).and_then(|()| {
                self.desk.drain()?;
                monitors::query(&self.desk.server)
            });
            match layout {
                Ok(layout) => return self.resume(layout),
                Err(Fault::Gone(_)) => self.desk.dead = true,
                Err(fault) => return Err(self.lose(fault)),
            }
        }
        let opened = Desk::open(&self.display, &self.clock, self.watch_pointer, deadline).and_then(|desk| {
            let layout = monitors::query(&desk.server).map_err(|fault| unusable(&self.display, fault))?;
            Ok((desk, layout))
        });
        match opened {
            Ok((desk, layout)) => {
                self.desk = desk;
                self.resume(layout)
            }
            Err(error) => {
                let lost = Error::new(ErrorKind::AccessLost, error.message()).with_loss(Loss::Lasting);
                Err(match error.hint() {
                    Some(hint) => lost.with_hint(hint),
                    None => lost,
                })
            }
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
        self.adopt(output.clone(), root).map_err(|fault| self.lose(fault))?;
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
