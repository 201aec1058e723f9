//! When to ask where the pointer is: at every refresh while it moves, four times a second while it rests.
//!
//! The raw motion of `XInput` 2.2 says that a device moves it. Every step of a mouse would be an event, many times as often as the screen
//! refreshes, so they are selected only while the pointer rests. A program that puts the pointer elsewhere with `WarpPointer` causes
//! no raw motion; the polls of a resting pointer find that out.

use std::time::Duration;

use x11rb::connection::RequestConnection as _;
use x11rb::protocol::xinput::{self, ConnectionExt as _, Device, XIEventMask};

use super::error::ProtocolError;
use super::server::Server;

/// A pointer that has not moved for so long rests.
const REST: Duration = Duration::from_millis(500);

/// The time between two polls of a pointer that rests.
const REST_INTERVAL: Duration = Duration::from_millis(250);

/// When the next poll is due.
pub(super) struct PollSchedule {
    /// Whether the server has raw motion events.
    has_raw_motion: bool,
    /// Whether they are selected.
    selected: bool,
    last_motion: Duration,
    due: Duration,
    /// One refresh after the last poll: none is due before.
    earliest: Duration,
}

impl PollSchedule {
    pub(super) fn create(server: &Server) -> Result<Self, ProtocolError> {
        let connection = &server.connection;
        let has_raw_motion = connection.extension_information(xinput::X11_EXTENSION_NAME)?.is_some() && {
            let version = server.reply(connection.xinput_xi_query_version(2, 2))?;
            (version.major_version, version.minor_version) >= (2, 2)
        };
        let zero = Duration::ZERO;
        Ok(Self { has_raw_motion, selected: false, last_motion: zero, due: zero, earliest: zero })
    }

    /// When the next poll is due.
    pub(super) fn due(&self) -> Duration {
        self.due
    }

    /// Makes the next poll due as soon as the refresh rate allows.
    pub(super) fn hasten(&mut self) {
        self.due = self.earliest;
    }

    /// The pointer moved.
    pub(super) fn moved(&mut self, server: &Server, now: Duration) -> Result<(), ProtocolError> {
        self.last_motion = now;
        self.hasten();
        if std::mem::take(&mut self.selected) {
            select(server, XIEventMask::default())?;
        }
        Ok(())
    }

    /// A poll is about to be sent. What moves the pointer after it causes an event, or the next poll finds it.
    pub(super) fn begin_poll(
        &mut self,
        server: &Server,
        now: Duration,
        refresh: Duration,
    ) -> Result<(), ProtocolError> {
        if self.has_raw_motion && !self.selected && now.saturating_sub(self.last_motion) >= REST {
            select(server, XIEventMask::RAW_MOTION)?;
            self.selected = true;
        }
        self.earliest = now + refresh;
        self.due = if self.selected { now + REST_INTERVAL } else { self.earliest };
        Ok(())
    }
}

/// Selects the events of all pointers that the server is to send from now on.
fn select(server: &Server, events: XIEventMask) -> Result<(), ProtocolError> {
    let mask = xinput::EventMask { deviceid: Device::ALL_MASTER.into(), mask: vec![events] };
    server.connection.xinput_xi_select_events(server.screen.root, &[mask])?;
    Ok(())
}
