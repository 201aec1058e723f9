//! What a batch of requests amounts to: pixels, and whether they belong to one state of the desktop.

use x11rb::connection::SequenceNumber;

use super::batch::{Captured, Target, Want};
use super::client::Client;
use super::error::ProtocolError;
use super::segment::Transport;
use super::X11Source;
use crate::frame::ImageRef;
use crate::geometry::{Point, Rect};
use crate::memory::Memory;
use crate::region::{bounds, covers};
use crate::source::{Outcome, Sink};

impl X11Source {
    /// Captures and works out what the result means. `complete` says that the parts are all there is. `None` if everything that changed
    /// is wanted and the server cannot bring that in one step.
    pub(super) fn capture(&mut self, want: &Want, complete: bool) -> Result<Outcome<Captured>, ProtocolError> {
        let place = self.place();
        if self.client.layout_stale {
            self.check_layout()?;
        }
        let captured = if want.changed.is_some() {
            self.client.capture_changes(want, place)
        } else {
            self.client.capture(want, complete, place).map(Some)
        };
        let captured = match captured {
            // An error may be the first sign of a new arrangement, whose events are among those just drained.
            Err(ProtocolError::Refused(error)) => {
                self.check_layout()?;
                return Err(ProtocolError::Refused(error));
            }
            other => other?,
        };
        if self.client.layout_stale {
            self.check_layout()?;
        }
        let Some(mut captured) = captured else { return Ok(Outcome::Unsupported) };
        if let Some(pointer) = captured.pointer.take() {
            self.pointer = pointer;
        }
        let overtaken = !complete && self.is_overtaken(want, captured.draw)?;
        Ok(if overtaken { Outcome::Overtaken(captured) } else { Outcome::Done(captured) })
    }

    /// Whether something was drawn that request `draw` read and the caller will not expect.
    fn is_overtaken(&mut self, want: &Want, draw: SequenceNumber) -> Result<bool, ProtocolError> {
        let place = self.place();
        let Client { server, damage, .. } = &mut self.client;
        let Some(damage) = damage else { return Ok(false) };
        let overtaken = if want.changed.is_some() { damage.drawn_before(draw) } else { damage.overtakes(draw) };
        if !overtaken {
            return Ok(false);
        }
        // What was drawn on other outputs only does no harm. If the server will not say in time, suppose that it does.
        if !self.covers_root && want.changed.is_none() {
            match damage.confirm(server, place) {
                Ok(true) | Err(ProtocolError::TimedOut) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        damage.tell();
        Ok(true)
    }

    pub(super) fn read_once(&mut self, parts: &[Rect], sink: &mut Sink<'_>) -> Result<Outcome, ProtocolError> {
        let texture = self.output.texture_size();
        let area = bounds(parts);
        let transport = self.client.segments.transport;
        let target = match (transport, self.client.scratch(texture)?) {
            // A plain copy is cheaper than one that adds an alpha channel, but it knows no clip.
            (Transport::Composite, Some((_, Some(picture)))) if parts.len() > 1 => {
                Target::Picture { picture, origin: Point::default() }
            }
            (Transport::Composite | Transport::Segment, Some((shm, _))) => Target::Segment(shm),
            _ => Target::Reply,
        };
        let want = Want { target, parts: parts.to_vec(), changed: None };
        let outcome = self.capture(&want, covers(parts, texture.rect()))?;
        let overtaken = matches!(outcome, Outcome::Overtaken(_));
        let (Outcome::Done(captured) | Outcome::Overtaken(captured)) = outcome else {
            return Err(ProtocolError::Disconnected("a read came to nothing".to_owned()));
        };
        let shared = self.client.scratch.as_ref().map_or(&[][..], Memory::bytes);
        let (bytes, origin, width) = match target {
            Target::Picture { .. } => (shared, Point::default(), texture.width),
            Target::Segment(_) => (shared, area.origin(), area.width()),
            Target::Reply => {
                let reply = captured.reply.as_deref().and_then(|r| r.get(32..)).unwrap_or_default();
                if (reply.len() as u64) < area.area() * 4 {
                    return Err(ProtocolError::Disconnected("the server sent an incomplete image".to_owned()));
                }
                (reply, area.origin(), area.width())
            }
        };
        let stride = width as usize * 4;
        for &part in parts {
            let start = (part.top - origin.y) as usize * stride + (part.left - origin.x) as usize * 4;
            sink(part, ImageRef::new(&bytes[start..], stride, part.size()), &self.pointer);
        }
        Ok(if overtaken { Outcome::Overtaken(()) } else { Outcome::Done(()) })
    }
}
