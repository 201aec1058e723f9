//! Waiting: what events and answers amount to, and what to ask for meanwhile.

use std::time::Duration;

use x11rb::connection::Connection as _;

use super::client::Client;
use super::desktop::Desktop;
use super::error::ProtocolError;
use super::server::Server;
use super::waker::WakeFd;
use crate::source::Change;

/// Waits until something changed, at most until the limit of the server.
pub(super) fn wait(client: &mut Client, wake_fd: Option<&WakeFd>) -> Result<Change, ProtocolError> {
    let deadline = client.server.limit();
    client.settle()?;
    // A longer wait asks the kernel by waiting whether there is something to read, a poll has to ask by reading.
    if client.server.now() >= deadline {
        client.server.connection.stream().expect_more();
    }
    loop {
        client.drain()?;
        client.desktop.check_if_stale(&client.server)?;
        let now = client.server.now();
        let change = take_changes(&mut client.desktop, &client.server, now)?;
        if change.any() {
            // What `take_changes` asked for is not sent yet: it travels with the read that follows, and wakes the server once, not twice.
            return Ok(change);
        }
        if now < deadline {
            client.transport.segments.prefault(&client.server)?;
        }
        let next = ask(&mut client.desktop, &client.server, now)?;
        if now >= deadline {
            return Ok(change);
        }
        let until = next.map_or(deadline, |next| next.min(deadline));
        let stream = client.server.connection.stream();
        if !stream.wait_readable(until.saturating_sub(now), wake_fd)? {
            return Ok(Change { interrupted: true, ..Change::default() });
        }
    }
}

/// What the answers and events that have arrived amount to.
fn take_changes(desktop: &mut Desktop, server: &Server, now: Duration) -> Result<Change, ProtocolError> {
    let mut change = Change::default();
    let presented = presented(desktop, server, now)?;
    if std::mem::take(&mut desktop.is_new) || presented.is_some() {
        change.presents = 1;
        change.present_time = presented.unwrap_or(now).min(now);
    }
    let place = desktop.view.place;
    if let Some(cursor) = &mut desktop.cursor {
        if let Some(pointer) = cursor.polled(server, place)? {
            change.pointer = !desktop.pointer.looks_like(&pointer);
            if change.pointer {
                cursor.note_motion(server, now)?;
            }
            desktop.pointer = pointer;
        }
    }
    Ok(change)
}

/// When something was presented that no wait has reported, if anything was.
fn presented(desktop: &mut Desktop, server: &Server, now: Duration) -> Result<Option<Duration>, ProtocolError> {
    let place = desktop.view.place;
    if let Some(damage) = &mut desktop.damage {
        damage.receive_all(server, place)?;
        return damage.report(server, desktop.view.is_all);
    }
    if now < desktop.next_present {
        return Ok(None);
    }
    desktop.next_present = now + desktop.view.output.refresh_interval();
    Ok(Some(now))
}

/// Asks for damage and, if that is due, for the pointer, without waiting for the answers. Returns when the next wait has something to do.
fn ask(desktop: &mut Desktop, server: &Server, now: Duration) -> Result<Option<Duration>, ProtocolError> {
    let next_present = desktop.damage.is_none().then_some(desktop.next_present);
    let next_poll = match &mut desktop.cursor {
        Some(cursor) => cursor.poll(server, now, desktop.view.output.refresh_interval())?,
        None => None,
    };
    if let Some(damage) = &mut desktop.damage {
        damage.fetch(server)?;
    }
    // A socket that takes no more keeps the rest for the next call; what was seen is reported all the same.
    match server.connection.flush().map_err(ProtocolError::from) {
        Ok(()) | Err(ProtocolError::TimedOut) => Ok(next_present.into_iter().chain(next_poll).min()),
        Err(error) => Err(error),
    }
}
