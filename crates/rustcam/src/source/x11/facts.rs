//! What a report about this machine says of the X server.

use std::sync::Arc;

use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::ConnectionExt as _;

use super::connect::{default_display, OPENING};
use super::error::{unusable, ProtocolError};
use super::server::Server;
use crate::clock::{Clock, MonotonicClock};
use crate::error::Result;
use crate::source::facts::{self, Facts};

/// The server that `$DISPLAY` names.
///
/// # Errors
/// `Duplication` if there is no server or it refuses.
pub fn facts() -> Result<Facts> {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    let display = default_display()?;
    let server = Server::open(&display, &clock, clock.now() + OPENING)?;
    let composited = composited(&server).map_err(|error| unusable(&display, error))?;
    let server = facts::Server { vendor: server.vendor.clone(), local: server.local, composited };
    Ok(Facts { server: Some(server), ..Facts::default() })
}

/// Whether a compositing manager owns the selection that the Extended Window Manager Hints reserve for it.
fn composited(server: &Server) -> std::result::Result<bool, ProtocolError> {
    let roots = &server.connection.setup().roots;
    let number = roots.iter().position(|screen| screen.root == server.screen.root).unwrap_or_default();
    let name = format!("_NET_WM_CM_S{number}");
    let atom = server.reply(server.connection.intern_atom(false, name.as_bytes()))?.atom;
    Ok(server.reply(server.connection.get_selection_owner(atom))?.owner != x11rb::NONE)
}
