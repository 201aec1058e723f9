//! What is captured: a monitor, or a window.

use x11rb::connection::SequenceNumber;
use x11rb::protocol::Event;

use super::error::ProtocolError;
use super::server::Server;
use super::view::View;
use crate::error::Error;

/// What is captured, as far as monitors and windows differ: which events concern it, what it is now, and how it is found again.
pub(super) trait Subject: Send {
    /// Takes in an event that the server sent after it had processed request `sequence`.
    fn note(&mut self, event: &Event, sequence: SequenceNumber, server: &Server, view: &View);

    /// Whether an event said that it may not be what it was.
    fn is_stale(&self) -> bool;

    /// Finds out whether it is still what `view` says. [`ProtocolError::Lost`] if not.
    fn check(&mut self, server: &Server, view: &mut View) -> Result<(), ProtocolError>;

    /// Whether looking for it has uncovered parts that its program has to draw anew. Told once.
    fn take_uncovered(&mut self) -> bool {
        false
    }

    /// Finds it, wherever it is now. [`ProtocolError::Lost`] if it is not there.
    fn find(&mut self, server: &Server) -> Result<Found, ProtocolError>;

    /// The same subject for a new connection, over which it is still to be found.
    fn reconnected(&self) -> Box<dyn Subject>;
}

/// A subject that exists.
pub(super) struct Found {
    pub(super) view: View,
    /// Why it shows nothing now, if it does not.
    pub(super) hidden: Option<Error>,
}
