//! Faults of a simulated desktop: losses, calls that fail, and damage that is not credible.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Loss, Result};
use crate::frame::{Damage, Move};
use crate::geometry::{Point, Rect, Size};

use super::super::hresult::{ACCESS_LOST, DEVICE_REMOVED, E_ACCESSDENIED, NOT_FOUND};
use super::script::{Action, Call, Cause, Script, Span};
use super::world::{Lost, Outage, World};

/// The faults of one source.
pub(super) struct Faults {
    waiting: Vec<Fault>,
    /// The loss that a call triggered.
    triggered: Option<Outage>,
    /// Outages of the world from which a rebuild has recovered.
    recovered: usize,
}

/// A fault that a call triggers.
struct Fault {
    at: Duration,
    call: Call,
    left: u32,
    failure: Failure,
}

#[derive(Clone, Copy)]
enum Failure {
    Code(u32),
    Loss { cause: Cause, span: Span, loss: Loss },
}

impl Faults {
    pub(super) fn of(script: &Script) -> Self {
        let waiting = script.events.iter().filter_map(|event| match event.action {
            Action::Fail { call, code, times } => {
                Some(Fault { at: event.at, call, left: times, failure: Failure::Code(code) })
            }
            Action::Lose { cause, during: Some(call), span, loss } => {
                Some(Fault { at: event.at, call, left: 1, failure: Failure::Loss { cause, span, loss } })
            }
            _ => None,
        });
        Self { waiting: waiting.collect(), triggered: None, recovered: 0 }
    }

    /// Fails with the loss from which no rebuild has recovered yet.
    pub(super) fn check(&self, world: &World, now: Duration) -> Result<()> {
        let begun = world.outages.get(self.recovered).filter(|o| o.at <= now);
        self.triggered.as_ref().or(begun).map_or(Ok(()), |outage| Err(lost(outage)))
    }

    /// Fails with the scripted fault of this call, if there is one.
    pub(super) fn trigger(&mut self, call: Call, now: Duration) -> Result<()> {
        let Some(fault) = self.waiting.iter_mut().find(|f| f.call == call && f.at <= now && f.left > 0) else {
            return Ok(());
        };
        fault.left -= 1;
        match fault.failure {
            Failure::Code(code) => {
                Err(Error::new(ErrorKind::Capture, "the simulated desktop failed, as its script says").with_code(code))
            }
            Failure::Loss { cause, span, loss } => {
                let outage = Outage { at: now, until: span.end(now), cause: cause.into(), loss };
                self.triggered = Some(outage);
                Err(lost(&outage))
            }
        }
    }

    /// Makes an attempt to get the desktop back.
    pub(super) fn recover(&mut self, world: &World, now: Duration) -> Result<()> {
        let begun = world.outages.partition_point(|o| o.at <= now);
        let lasting = |o: &&Outage| o.until.is_none_or(|until| until > now);
        if let Some(outage) = world.outages[..begun].iter().chain(&self.triggered).find(lasting) {
            return Err(still_lost(outage));
        }
        self.recovered = begun;
        self.triggered = None;
        Ok(())
    }

    /// When a wait may fail next.
    pub(super) fn next(&self, world: &World, now: Duration) -> Option<Duration> {
        let outage = world.outages.get(self.recovered).map(|o| o.at);
        let met = self.waiting.iter().filter(|f| f.call == Call::Wait && f.at > now && f.left > 0).map(|f| f.at);
        met.chain(outage).min()
    }
}

/// The error of a call while the desktop is lost.
fn lost(outage: &Outage) -> Error {
    let (kind, code, message, hint) = match outage.cause {
        Lost::Access => {
            (ErrorKind::AccessLost, ACCESS_LOST, "access to the simulated desktop was lost", "\"lose access\"")
        }
        Lost::Mode => (
            ErrorKind::AccessLost,
            ACCESS_LOST,
            "the simulated desktop changed its mode",
            "\"mode\", \"rotate\" or \"color\"",
        ),
        Lost::Output => (ErrorKind::AccessLost, ACCESS_LOST, "the simulated output was unplugged", "\"unplug\""),
        Lost::Device => (ErrorKind::Device, DEVICE_REMOVED, "the simulated device was removed", "\"lose device\""),
    };
    scripted(kind, code, message, hint, outage)
}

/// The error of a rebuild before the end of the outage.
fn still_lost(outage: &Outage) -> Error {
    let (kind, code, message, hint) = match outage.cause {
        Lost::Access | Lost::Mode => {
            (ErrorKind::AccessLost, E_ACCESSDENIED, "the simulated desktop still denies access", "\"lose access\"")
        }
        Lost::Output => (ErrorKind::AccessLost, NOT_FOUND, "the simulated output is still unplugged", "\"unplug\""),
        Lost::Device => (ErrorKind::Device, DEVICE_REMOVED, "the simulated device is still gone", "\"lose device\""),
    };
    scripted(kind, code, message, hint, outage)
}

fn scripted(kind: ErrorKind, code: u32, message: &str, statement: &str, outage: &Outage) -> Error {
    let end = match outage.until {
        None => "for ever".to_owned(),
        Some(until) => format!("until {until:?} after opening"),
    };
    Error::new(kind, message)
        .with_code(code)
        .with_loss(outage.loss)
        .with_hint(format!("The script says so by {statement}, {end}"))
}

/// The same damage as a careless system may report it: every move in two overlapping pieces and a third one that leaves the screen, moves
/// onto themselves, and parts that are empty, reversed, listed twice or as large as the numbers allow. Every fourth
/// `frame` that changes something changes everything.
pub fn careless_damage(damage: &Damage, texture: Size, frame: u64) -> Damage {
    let whole = texture.rect();
    if frame.is_multiple_of(4) && *damage != Damage::default() {
        return Damage::everything(whole);
    }
    let mut listed = Damage { dirty: vec![Rect::default(), Rect::new(9, 9, 3, 3)], moves: Vec::new() };
    for m in &damage.moves {
        let (dx, dy) = (m.destination.left - m.source.x, m.destination.top - m.source.y);
        let middle = i32::midpoint(m.destination.left, m.destination.right);
        let pieces = [
            Rect { right: (middle + 1).min(m.destination.right), ..m.destination },
            Rect { left: middle, ..m.destination },
            Rect { left: m.destination.left, right: whole.right + 50, ..m.destination },
        ];
        let moved = |r: Rect| Move { source: r.translated(-dx, -dy).origin(), destination: r };
        // Elsewhere the third piece would cover more than what moved.
        let at_edge = m.destination.right == whole.right;
        listed.moves.extend(pieces.into_iter().take(if at_edge { 3 } else { 2 }).map(moved));
    }
    let still = Rect::new(0, 0, 5, 5).intersection(whole).unwrap_or(whole);
    listed.moves.push(Move { source: still.origin(), destination: still });
    listed.moves.push(Move { source: Point::new(-70, -70), destination: Rect::new(-70, -70, -60, -60) });
    for &part in &damage.dirty {
        let grown = Rect {
            left: if part.left == 0 { i32::MIN } else { part.left },
            top: if part.top == 0 { -40 } else { part.top },
            right: if part.right == whole.right { i32::MAX } else { part.right },
            bottom: if part.bottom == whole.bottom { whole.bottom + 1 } else { part.bottom },
        };
        listed.dirty.extend([grown, part]);
    }
    listed
}
