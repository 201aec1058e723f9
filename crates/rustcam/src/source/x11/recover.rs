//! Losing the desktop, saying what was lost, and getting it back.

use std::sync::Arc;
use std::time::Duration;

use super::advice;
use super::client::Client;
use super::desktop::output_gone;
use super::error::{refused_read, unanswered, unusable, ProtocolError};
use super::monitors::{self, Layout};
use super::server::Server;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::source::output::find_again;

/// Turns what went wrong into the loss that every call reports until the rebuild.
pub(super) fn lose(client: &mut Client, error: ProtocolError) -> Error {
    let display = &client.server.display;
    let error = match error {
        ProtocolError::OutputChanged(error) => *error,
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
    let result = reuse_or_reconnect(client, deadline).and_then(|layout| switch_to_same_output(client, layout));
    client.lost = result.as_ref().err().cloned();
    result
}

/// Makes sure that the connection works, and asks for the present layout.
fn reuse_or_reconnect(client: &mut Client, deadline: Duration) -> Result<Layout> {
    if !client.dead {
        client.server.set_limit(deadline);
        let layout = client.settle().and_then(|()| {
            client.drain()?;
            monitors::query(&client.server)
        });
        match layout {
            Ok(layout) => return Ok(layout),
            Err(ProtocolError::Disconnected(_)) => client.dead = true,
            Err(error) => return Err(lose(client, error)),
        }
    }
    reconnect(client, deadline).map_err(|error| error.without_loss().into_loss(Loss::Lasting))
}

fn reconnect(client: &mut Client, deadline: Duration) -> Result<Layout> {
    let clock = Arc::clone(client.server.clock());
    let server = Server::open(&client.server.display, &clock, deadline, &mut || Ok(()))?;
    server.check_pixels()?;
    let layout = monitors::query(&server).map_err(|error| unusable(&server.display, error))?;
    let awake = client.awake;
    *client = Client::open(server, client.desktop.output.clone(), layout.root, client.watch_pointer)?;
    client.keep_awake(awake);
    Ok(layout)
}

/// Follows the output that was opened, wherever it is now.
fn switch_to_same_output(client: &mut Client, layout: Layout) -> Result<()> {
    let Layout { outputs, root } = layout;
    let opened = &client.desktop.output;
    let Some(output) = find_again(&outputs, opened) else { return Err(output_gone(opened, &outputs)) };
    client.desktop.switch_to(output.clone(), root);
    client.desktop.ask_pointer(&client.server).map_err(|error| lose(client, error))
}
