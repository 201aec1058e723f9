//! Losing the desktop, saying what was lost, and getting it back.

use std::sync::Arc;
use std::time::Duration;

use super::advice;
use super::client::Client;
use super::error::{refused_read, unanswered, unusable, ProtocolError};
use super::server::Server;
use crate::error::{Error, ErrorKind, Loss, Result};

/// Turns what went wrong into the loss that every call reports until the rebuild.
pub(super) fn lose(client: &mut Client, error: ProtocolError) -> Error {
    let error = client.reason_of(error);
    let display = &client.server.display;
    let error = match error {
        ProtocolError::Lost(error) => *error,
        ProtocolError::Disconnected(reason) => {
            client.dead = true;
            Error::new(ErrorKind::AccessLost, format!("the X server at {display} went away: {reason}"))
                .with_hint(advice::GONE.hint)
                .with_loss(Loss::Lasting)
        }
        ProtocolError::Refused(error) => refused_read(display, &error),
        ProtocolError::TimedOut => unanswered(display).into_loss(Loss::Transient),
    };
    client.lost = Some(error.clone());
    error
}

/// Gets the desktop back until `deadline`: over the same connection if it is alive, over a new one otherwise.
///
/// # Errors
/// The loss that every call reports from now on.
pub(super) fn rebuild(client: &mut Client, deadline: Duration) -> Result<()> {
    client.server.set_limit(deadline);
    if !client.dead {
        match find_again(client) {
            Ok(()) => {
                client.lost = None;
                return Ok(());
            }
            Err(ProtocolError::Disconnected(_)) => client.dead = true,
            Err(error) => return Err(lose(client, error)),
        }
    }
    let reconnected = reconnect(client, deadline);
    if let Err(error) = &reconnected {
        client.lost = Some(error.clone());
    }
    reconnected
}

/// Makes sure that the connection works, and follows what was opened, wherever it is now.
fn find_again(client: &mut Client) -> std::result::Result<(), ProtocolError> {
    client.settle()?;
    client.drain()?;
    let found = client.desktop.subject.find(&client.server)?;
    match found.hidden {
        Some(error) => Err(error.into()),
        None => client.switch_to(found.view),
    }
}

/// The same over a new connection.
fn reconnect(client: &mut Client, deadline: Duration) -> Result<()> {
    let clock = Arc::clone(client.server.clock());
    let mut subject = client.desktop.subject.reconnected();
    let connected = Server::open(&client.server.display, &clock, deadline, &mut || Ok(())).and_then(|server| {
        let found = subject.find(&server).map_err(|error| unusable(&server.display, error))?;
        Client::open(server, subject, found, client.watch_pointer)
    });
    let awake = client.awake;
    *client = connected.map_err(lasting)?;
    client.keep_awake(awake);
    client.lost.clone().map_or(Ok(()), Err)
}

/// The same error as a lasting loss, unless it says for itself what is lost.
fn lasting(error: Error) -> Error {
    if error.kind() == ErrorKind::AccessLost {
        return error;
    }
    error.without_loss().into_loss(Loss::Lasting)
}
