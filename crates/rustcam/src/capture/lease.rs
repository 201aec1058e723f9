//! A session on loan: one call has it, and gives it back however it ends.

use std::sync::Arc;

use super::handle::{Handle, Usage};
use super::session::Session;
use super::stream::{Stream, StreamOptions};

/// The session, taken out for one call. Gives it back whatever happens.
pub(super) struct Lease<'a> {
    pub(super) handle: &'a Handle,
    pub(super) session: Option<Box<Session>>,
}

impl Lease<'_> {
    pub(super) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("a lease holds its session until it ends")
    }

    /// Gives the session to a thread of its own.
    pub(super) fn give_to_stream(mut self, options: StreamOptions) {
        let Some(mut session) = self.session.take() else { return };
        // Its thread is ended by the waker.
        session.watch(false);
        let shared = Arc::downgrade(&self.handle.shared);
        let observe = move |session: &Session| {
            if let Some(shared) = shared.upgrade() {
                shared.lock().snapshot.follow(session);
            }
        };
        let stream = Stream::start(*session, Arc::clone(&self.handle.clock), options, observe);
        self.handle.shared.lock().usage = Usage::Streaming(stream);
        self.handle.shared.changed.notify_all();
        if self.handle.is_closed() {
            // It was closed while this call had the session, and found no stream to end.
            self.handle.close();
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let mut state = self.handle.shared.lock();
        state.snapshot.update(&session);
        if self.handle.is_closed() {
            state.usage = Usage::Gone;
            drop(state);
            drop(session);
        } else {
            state.usage = Usage::Idle(session);
            drop(state);
        }
        self.handle.shared.changed.notify_all();
    }
}
