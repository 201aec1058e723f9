//! What can be said of an X server without capturing it.

use std::sync::Arc;

use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::protocol::xproto::ConnectionExt as _;

use super::connect::{default_display, OPENING};
use super::error::{unusable, ProtocolError};
use super::monitors;
use super::server::Server;
use super::window;
use crate::clock::{Clock, MonotonicClock};
use crate::error::Result;
use crate::source::facts::{self, Facts};
use crate::source::{CheckInterrupt, Output, Window};

/// All outputs of the server that `$DISPLAY` names; exactly one is primary.
///
/// # Errors
/// `Duplication` if there is no server or it refuses, the interrupt's.
pub fn outputs(interrupt: &mut CheckInterrupt<'_>) -> Result<Vec<Output>> {
    outputs_at(&default_display()?, interrupt)
}

/// All outputs of the server at `display`.
#[doc(hidden)]
pub fn outputs_of(display: &str) -> Result<Vec<Output>> {
    outputs_at(display, &mut || Ok(()))
}

fn outputs_at(display: &str, interrupt: &mut CheckInterrupt<'_>) -> Result<Vec<Output>> {
    let server = connect(display, interrupt)?;
    monitors::query(&server).map(|layout| layout.outputs).map_err(|error| unusable(display, error))
}

/// All windows of the server that `$DISPLAY` names, the top-most first.
///
/// # Errors
/// `Duplication` if there is no server or it refuses, the interrupt's.
pub fn windows(interrupt: &mut CheckInterrupt<'_>) -> Result<Vec<Window>> {
    windows_at(&default_display()?, interrupt)
}

/// All windows of the server at `display`.
#[doc(hidden)]
pub fn windows_of(display: &str) -> Result<Vec<Window>> {
    windows_at(display, &mut || Ok(()))
}

fn windows_at(display: &str, interrupt: &mut CheckInterrupt<'_>) -> Result<Vec<Window>> {
    let server = connect(display, interrupt)?;
    window::windows(&server).map_err(|error| unusable(display, error))
}

/// The server that `$DISPLAY` names.
///
/// # Errors
/// `Duplication` if there is no server or it refuses, the interrupt's.
pub fn facts(interrupt: &mut CheckInterrupt<'_>) -> Result<Facts> {
    let display = default_display()?;
    let server = connect(&display, interrupt)?;
    let known = is_composited(&server).and_then(|composited| Ok((composited, is_xwayland(&server)?)));
    let (composited, xwayland) = known.map_err(|error| unusable(&display, error))?;
    let server = facts::Server { vendor: server.vendor.clone(), local: server.local, composited, xwayland };
    Ok(Facts { server: Some(server), ..Facts::default() })
}

fn connect(display: &str, interrupt: &mut CheckInterrupt<'_>) -> Result<Server> {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    Server::open(display, &clock, clock.now() + OPENING, interrupt)
}

/// Whether a compositing manager owns the selection that the Extended Window Manager Hints reserve for it.
fn is_composited(server: &Server) -> std::result::Result<bool, ProtocolError> {
    let roots = &server.connection.setup().roots;
    let number = roots.iter().position(|screen| screen.root == server.screen.root).unwrap_or_default();
    let name = format!("_NET_WM_CM_S{number}");
    let atom = server.reply(server.connection.intern_atom(false, name.as_bytes()))?.atom;
    Ok(server.reply(server.connection.get_selection_owner(atom))?.owner != x11rb::NONE)
}

/// Whether this is Xwayland: recent versions have an extension that says so, older ones only give their outputs such names.
fn is_xwayland(server: &Server) -> std::result::Result<bool, ProtocolError> {
    if server.connection.extension_information("XWAYLAND")?.is_some() {
        return Ok(true);
    }
    Ok(monitors::query(server)?.outputs.iter().any(|output| output.name.starts_with("XWAYLAND")))
}
