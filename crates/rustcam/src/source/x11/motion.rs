//! When to ask where the pointer is: at every refresh while it moves, seldom while it rests.
//!
//! The raw motion of `XInput` 2.2 says that somebody moves it. Every step of a mouse would be an event, many times as often as the screen
//! refreshes, so they are selected only while the pointer rests. A program that puts the pointer elsewhere with `WarpPointer` causes
//! no raw motion; that is what the seldom question finds out.

use std::time::Duration;

use x11rb::connection::RequestConnection as _;
use x11rb::protocol::xinput::{self, ConnectionExt as _, Device, XIEventMask};

use super::error::ProtocolError;
use super::server::Server;

/// A pointer that has not moved for so long rests.
const REST: Duration = Duration::from_millis(500);

/// The time between two questions while it rests.
const SELDOM: Duration = Duration::from_millis(250);

/// How much is going on.
pub(super) struct Motion {
    /// Whether the server can say that somebody moves the pointer.
    audible: bool,
    /// Whether it has been asked to.
    listening: bool,
    moved: Duration,
    /// When the next question is due, and when at the earliest.
    due: Duration,
    soonest: Duration,
}

impl Motion {
    pub(super) fn create(server: &Server) -> Result<Self, ProtocolError> {
        let connection = &server.connection;
        let audible = connection.extension_information(xinput::X11_EXTENSION_NAME)?.is_some() && {
            let version = server.reply(connection.xinput_xi_query_version(2, 2))?;
            (version.major_version, version.minor_version) >= (2, 2)
        };
        Ok(Self { audible, listening: false, moved: Duration::ZERO, due: Duration::ZERO, soonest: Duration::ZERO })
    }

    /// When the next question is due.
    pub(super) fn due(&self) -> Duration {
        self.due
    }

    /// Something happened: the next question is not put off any longer.
    pub(super) fn hurry(&mut self) {
        self.due = self.soonest;
    }

    /// The pointer moved.
    pub(super) fn stir(&mut self, server: &Server, now: Duration) -> Result<(), ProtocolError> {
        self.moved = now;
        self.hurry();
        if std::mem::take(&mut self.listening) {
            select(server, XIEventMask::default())?;
        }
        Ok(())
    }

    /// A question is about to be asked. What moves the pointer after it will be heard.
    pub(super) fn ask(&mut self, server: &Server, now: Duration, refresh: Duration) -> Result<(), ProtocolError> {
        if self.audible && !self.listening && now.saturating_sub(self.moved) >= REST {
            select(server, XIEventMask::RAW_MOTION)?;
            self.listening = true;
        }
        self.soonest = now + refresh;
        self.due = if self.listening { now + SELDOM } else { self.soonest };
        Ok(())
    }
}

/// Says which events of all pointers the server is to send from now on.
fn select(server: &Server, events: XIEventMask) -> Result<(), ProtocolError> {
    let mask = xinput::EventMask { deviceid: Device::ALL_MASTER.into(), mask: vec![events] };
    server.connection.xinput_xi_select_events(server.screen.root, &[mask])?;
    Ok(())
}
