//! What is captured, as the events and answers of the server describe it.

use std::time::Duration;

use x11rb::connection::SequenceNumber;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::protocol::Event;

use super::cursor::Cursor;
use super::damage::Tracker;
use super::error::ProtocolError;
use super::server::Server;
use super::subject::{Found, Subject};
use super::view::View;
use crate::frame::{Damage, Pointer};

/// How far a call may exceed its time to find out about a new arrangement of outputs or windows. That takes several round trips, and a caller
/// that only polls would otherwise never see their end; a frozen server costs this once.
const GRACE: Duration = Duration::from_millis(25);

/// An output or a window, what is drawn on it, and the pointer.
pub(super) struct Desktop {
    pub(super) subject: Box<dyn Subject>,
    pub(super) view: View,
    /// `None` without DAMAGE.
    pub(super) damage: Option<Tracker>,
    /// `None` without XFIXES, or if the pointer is not watched.
    pub(super) cursor: Option<Cursor>,
    pub(super) pointer: Pointer,
    /// No wait has reported the desktop as it is.
    pub(super) is_new: bool,
    /// When the next present is assumed, where the server does not report any.
    pub(super) next_present: Duration,
}

impl Desktop {
    /// Starts to follow `subject`, which was found. [`Desktop::ask_pointer`] is still to be called.
    pub(super) fn follow(
        server: &Server,
        subject: Box<dyn Subject>,
        found: &Found,
        watch_pointer: bool,
    ) -> Result<Self, ProtocolError> {
        let view = found.view.clone();
        let damage = Tracker::create(server, view.window)?;
        let cursor = if watch_pointer { Cursor::create(server, view.window)? } else { None };
        // Once the server has answered, it misses nothing that is drawn. What cannot be read is refused here.
        if found.hidden.is_none() {
            let (corner, format) = (view.corner(), ImageFormat::Z_PIXMAP);
            let (x, y) = (corner.x as i16, corner.y as i16);
            server.reply(server.connection.get_image(format, view.drawable, x, y, 1, 1, u32::MAX))?;
        }
        let (pointer, next_present) = (Pointer::default(), Duration::ZERO);
        Ok(Self { subject, view, damage, cursor, pointer, is_new: true, next_present })
    }

    /// Follows `view` from now on.
    pub(super) fn switch_to(&mut self, view: View, server: &Server) -> Result<(), ProtocolError> {
        if let Some(damage) = &mut self.damage {
            damage.follow(view.window, server)?;
        }
        if let Some(cursor) = &mut self.cursor {
            cursor.follow(view.window);
        }
        self.view = view;
        self.is_new = true;
        self.next_present = Duration::ZERO;
        Ok(())
    }

    /// Takes in an event: the number of the last request that the server had processed when it sent it is `sequence`.
    pub(super) fn note(
        &mut self,
        event: &Event,
        sequence: SequenceNumber,
        server: &Server,
    ) -> Result<(), ProtocolError> {
        match event {
            Event::DamageNotify(e) => {
                if let Some(damage) = &mut self.damage {
                    damage.note(e.damage, sequence, server.present_time(e.timestamp));
                }
            }
            Event::XfixesCursorNotify(e) => {
                if let Some(cursor) = &mut self.cursor {
                    cursor.note_shape(e.cursor_serial);
                }
            }
            Event::XinputRawMotion(_) => {
                if let Some(cursor) = &mut self.cursor {
                    cursor.note_motion(server, server.now())?;
                }
            }
            _ => self.subject.note(event, sequence, server, &self.view),
        }
        Ok(())
    }

    /// Asks for the pointer right now.
    pub(super) fn ask_pointer(&mut self, server: &Server) -> Result<(), ProtocolError> {
        let place = self.view.place;
        self.pointer = match &mut self.cursor {
            Some(cursor) => {
                let query = cursor.query(server)?;
                let position = server.answer(query.position)?;
                cursor.finish(server, query, &position, place)?
            }
            None => Pointer::default(),
        };
        Ok(())
    }

    /// Forgets what was drawn up to now. Whether anything was.
    pub(super) fn forget_damage(&mut self, server: &Server) -> Result<bool, ProtocolError> {
        self.damage.as_mut().map_or(Ok(false), |damage| damage.forget(server))
    }

    /// What changed since the last call, in texture space.
    pub(super) fn take_damage(&mut self, server: &Server) -> Result<Damage, ProtocolError> {
        let place = self.view.place;
        let dirty = match &mut self.damage {
            Some(damage) => damage.take(server, place)?,
            None => None,
        };
        Ok(match dirty {
            Some(dirty) => Damage { dirty, moves: Vec::new() },
            None => Damage::everything(self.view.texture()),
        })
    }

    /// Finds out whether what is captured is still what it was, if an event says that it may not be. [`ProtocolError::Lost`] if it is not.
    pub(super) fn check_if_stale(&mut self, server: &Server) -> Result<(), ProtocolError> {
        if self.subject.is_stale() {
            self.check(server)?;
        }
        Ok(())
    }

    /// Finds out whether what is captured is still what it was. [`ProtocolError::Lost`] if it is not.
    pub(super) fn check(&mut self, server: &Server) -> Result<(), ProtocolError> {
        let limit = server.limit();
        server.set_limit(limit.max(server.now().saturating_add(GRACE)));
        let checked = self.subject.check(server, &mut self.view);
        server.set_limit(limit);
        checked
    }
}
