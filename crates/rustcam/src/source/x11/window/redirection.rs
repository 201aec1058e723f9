//! Which windows the server draws to pixmaps of their own because this connection asked for it.

use x11rb::connection::SequenceNumber;
use x11rb::protocol::composite::{ConnectionExt as _, Redirect};
use x11rb::protocol::xproto::Window;

use super::super::error::ProtocolError;
use super::super::server::Server;

/// The windows that this connection has redirected.
#[derive(Default)]
pub(super) struct Redirection {
    /// Each with the request that redirected it.
    windows: Vec<(Window, SequenceNumber)>,
    /// Parts of a window were covered, and so not kept by the server, until it was redirected.
    uncovered: bool,
}

impl Redirection {
    /// Redirects `wanted`, and nothing else any more. Of a window that is gone the server reports an error that means nothing.
    pub(super) fn set(&mut self, wanted: &[Window], server: &Server) -> Result<(), ProtocolError> {
        for (window, _) in self.windows.extract_if(.., |(window, _)| !wanted.contains(window)) {
            server.connection.composite_unredirect_window(window, Redirect::AUTOMATIC)?;
        }
        for window in wanted {
            if !self.windows.iter().any(|(redirected, _)| redirected == window) {
                let request = server.connection.composite_redirect_window(*window, Redirect::AUTOMATIC)?;
                self.windows.push((*window, request.sequence_number()));
            }
        }
        Ok(())
    }

    /// An event says that a window is visible, all of it, after request `sequence`. A redirected window is always visible. If it became
    /// so by being redirected, it was covered before.
    pub(super) fn note_visible(&mut self, sequence: SequenceNumber) {
        self.uncovered |= self.windows.iter().any(|(_, request)| *request == sequence);
    }

    /// Whether parts were covered until they were redirected. Told once.
    pub(super) fn take_uncovered(&mut self) -> bool {
        std::mem::take(&mut self.uncovered)
    }
}
