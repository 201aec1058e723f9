//! Reading: from the parts that a caller wants to pixels, and whether they belong to one state of the desktop.

use x11rb::connection::SequenceNumber;

use super::batch::{Batch, Captured, ReadSpec, Scope};
use super::client::Client;
use super::desktop::Desktop;
use super::error::ProtocolError;
use super::server::Server;
use super::transport::Target;
use crate::frame::{Damage, ImageRef};
use crate::geometry::Rect;
use crate::region::{bounds, covers};
use crate::source::{Outcome, Sink};

/// Reads what `spec` says, or goes on waiting for it if it was sent already. Any other batch is waited for first, so that requests
/// never pile up at a server that does not answer. [`Outcome::Unsupported`] if that cannot be done in one step, or if the server refused
/// what the transport needs: then the next slower one is in use.
pub(super) fn capture(client: &mut Client, spec: &ReadSpec) -> Result<Outcome<Captured>, ProtocolError> {
    client.desktop.check_if_stale(&client.server)?;
    if !client.batch.as_ref().is_some_and(|batch| batch.is_for(spec)) {
        client.settle()?;
        client.drain()?;
        let Client { server, desktop, transport, .. } = client;
        client.batch = Batch::send(spec, server, desktop, transport.source)?;
    }
    let captured = client.finish_batch();
    let Client { server, desktop, .. } = client;
    match captured {
        Ok(Some(mut captured)) => {
            desktop.check_if_stale(server)?;
            if let Some(pointer) = captured.pointer.take() {
                desktop.pointer = pointer;
            }
            let overtaken = is_overtaken(desktop, server, spec, captured.read)?;
            Ok(if overtaken { Outcome::Overtaken(captured) } else { Outcome::Done(captured) })
        }
        Ok(None) => {
            desktop.check_if_stale(server)?;
            Ok(Outcome::Unsupported)
        }
        Err(ProtocolError::Refused(error)) => {
            // It may be the first sign of a new arrangement or of a closed window, whose events are among those just drained.
            desktop.check(server)?;
            if spec.target == Target::Reply {
                return Err(ProtocolError::Refused(error));
            }
            client.fall_back(&error);
            Ok(Outcome::Unsupported)
        }
        Err(error) => Err(error),
    }
}

/// Whether something was drawn that request `read` shows and the caller does not expect.
fn is_overtaken(
    desktop: &mut Desktop,
    server: &Server,
    spec: &ReadSpec,
    read: SequenceNumber,
) -> Result<bool, ProtocolError> {
    let place = desktop.view.place;
    let Some(damage) = &mut desktop.damage else { return Ok(false) };
    let overtaken = match spec.scope {
        Scope::Complete => false,
        Scope::Parts => damage.overtakes(read),
        Scope::Changes(_) => damage.drawn_before(read),
    };
    if !overtaken {
        return Ok(false);
    }
    // What was drawn elsewhere only does no harm. If the server will not say in time, suppose that it does.
    if !desktop.view.is_all && spec.scope == Scope::Parts {
        match damage.confirm(server, place) {
            Ok(true) | Err(ProtocolError::TimedOut) => {}
            Ok(false) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    damage.expect();
    Ok(true)
}

/// Captures into a picture, with everything that changed, and says what that was.
pub(super) fn refresh(client: &mut Client, spec: &ReadSpec) -> Result<Outcome<Damage>, ProtocolError> {
    Ok(match capture(client, spec)? {
        Outcome::Done(_) => Outcome::Done(client.desktop.take_damage(&client.server)?),
        Outcome::Overtaken(_) => Outcome::Overtaken(client.desktop.take_damage(&client.server)?),
        Outcome::Pending => Outcome::Pending,
        Outcome::Unsupported => Outcome::Unsupported,
    })
}

/// Captures `parts` with the fastest transport that works, and hands them to `sink`.
pub(super) fn read(client: &mut Client, parts: &[Rect], sink: &mut Sink<'_>) -> Result<Outcome, ProtocolError> {
    let texture = client.desktop.view.output.texture_size();
    let scope = if covers(parts, texture.rect()) { Scope::Complete } else { Scope::Parts };
    let (target, outcome) = loop {
        let target = client.transport.scratch_target(&client.server, texture, parts.len())?;
        let outcome = capture(client, &ReadSpec { target, parts: parts.to_vec(), scope })?;
        if !matches!(outcome, Outcome::Unsupported) {
            break (target, outcome);
        }
    };
    if let Outcome::Done(captured) | Outcome::Overtaken(captured) = &outcome {
        let area = bounds(parts);
        let scratch = client.transport.scratch();
        let (bytes, origin, width) = match target {
            Target::Picture { origin, .. } => (scratch, origin, texture.width),
            Target::Segment(_) => (scratch, area.origin(), area.width()),
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
            sink(part, ImageRef::new(&bytes[start..], stride, part.size()), &client.desktop.pointer);
        }
    }
    Ok(outcome.map(drop))
}
