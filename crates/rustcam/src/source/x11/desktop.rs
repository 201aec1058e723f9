//! The desktop of one output, as the events and answers of the server describe it.

use std::time::Duration;

use x11rb::connection::SequenceNumber;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::protocol::Event;

use super::advice;
use super::cursor::Cursor;
use super::damage::Tracker;
use super::error::ProtocolError;
use super::monitors::{self, Layout};
use super::server::Server;
use crate::error::{Error, ErrorKind, Loss};
use crate::frame::{Damage, Pointer};
use crate::geometry::{Rect, Size};
use crate::source::output::{find_again, Output};

/// How far a call may exceed its time to find out about a new arrangement of outputs. That takes several round trips, and a caller
/// that only polls would otherwise never see their end; a frozen server costs this once.
const GRACE: Duration = Duration::from_millis(25);

/// An output, what is drawn on it, and the pointer.
pub(super) struct Desktop {
    pub(super) output: Output,
    /// Every drawing concerns the output, because it is the whole screen.
    pub(super) covers_root: bool,
    /// The arrangement of the outputs may have changed.
    layout_stale: bool,
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
    /// Starts to follow `output` of a screen of size `root`. [`Desktop::ask_pointer`] is still to be called.
    pub(super) fn follow(
        server: &Server,
        output: Output,
        root: Size,
        watch_pointer: bool,
    ) -> Result<Self, ProtocolError> {
        let damage = Tracker::create(server)?;
        let cursor = if watch_pointer { Cursor::create(server)? } else { None };
        // Once the server has answered, it misses nothing that is drawn. A screen that cannot be read is refused here.
        let (corner, format) = (output.position, ImageFormat::Z_PIXMAP);
        let (x, y) = (corner.x as i16, corner.y as i16);
        server.reply(server.connection.get_image(format, server.screen.root, x, y, 1, 1, u32::MAX))?;
        Ok(Self {
            covers_root: Rect::at(output.position, output.size) == root.rect(),
            output,
            layout_stale: false,
            damage,
            cursor,
            pointer: Pointer::default(),
            is_new: true,
            next_present: Duration::ZERO,
        })
    }

    /// Follows `output` of a screen of size `root` from now on.
    pub(super) fn switch_to(&mut self, output: Output, root: Size) {
        self.output = output;
        self.covers_root = self.place() == root.rect();
        self.layout_stale = false;
        self.is_new = true;
        self.next_present = Duration::ZERO;
        if let Some(damage) = &mut self.damage {
            damage.reset();
        }
    }

    /// The output on the root window.
    pub(super) fn place(&self) -> Rect {
        Rect::at(self.output.position, self.output.size)
    }

    /// All pixels of the output, in texture space.
    pub(super) fn texture(&self) -> Rect {
        self.output.texture_size().rect()
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
            Event::ConfigureNotify(e) if e.window != server.screen.root => {}
            Event::RandrNotify(_) | Event::RandrScreenChangeNotify(_) | Event::ConfigureNotify(_) => {
                self.layout_stale = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Asks for the pointer right now.
    pub(super) fn ask_pointer(&mut self, server: &Server) -> Result<(), ProtocolError> {
        let place = self.place();
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

    /// What changed since the last call, in texture space.
    pub(super) fn take_damage(&mut self, server: &Server) -> Result<Damage, ProtocolError> {
        let place = self.place();
        let dirty = match &mut self.damage {
            Some(damage) => damage.take(server, place)?,
            None => None,
        };
        Ok(match dirty {
            Some(dirty) => Damage { dirty, moves: Vec::new() },
            None => Damage::everything(self.texture()),
        })
    }

    /// Finds out whether the output is still what it was, if an event says that it may not be. [`ProtocolError::OutputChanged`] if so.
    pub(super) fn check_layout_if_stale(&mut self, server: &Server) -> Result<(), ProtocolError> {
        if self.layout_stale {
            self.check_layout(server)?;
        }
        Ok(())
    }

    /// Finds out whether the output is still what it was. [`ProtocolError::OutputChanged`] if not.
    pub(super) fn check_layout(&mut self, server: &Server) -> Result<(), ProtocolError> {
        let limit = server.limit();
        server.set_limit(limit.max(server.now().saturating_add(GRACE)));
        let layout = monitors::query(server);
        server.set_limit(limit);
        let Layout { outputs, root } = layout?;
        self.layout_stale = false;
        let old = &self.output;
        let Some(new) = find_again(&outputs, old) else {
            return Err(ProtocolError::OutputChanged(Box::new(output_gone(old, &outputs))));
        };
        let Some(change) = difference(old, new) else {
            self.covers_root = self.place() == root.rect();
            return Ok(());
        };
        let error =
            Error::new(ErrorKind::AccessLost, format!("the output changed {change}")).with_loss(Loss::Transient);
        Err(ProtocolError::OutputChanged(Box::new(error)))
    }
}

/// The loss of an output that is not among those that exist.
pub(super) fn output_gone(output: &Output, existing: &[Output]) -> Error {
    let listed: Vec<_> = existing.iter().map(|o| format!("{} ({})", o.name, o.size)).collect();
    Error::new(ErrorKind::AccessLost, format!("the output {} is gone; there is {}", output.name, listed.join(", ")))
        .with_hint(advice::OUTPUT_GONE.hint)
        .with_loss(Loss::Lasting)
}

/// How the place or the mode of an output changed, in words; `None` if none of them did.
fn difference(old: &Output, new: &Output) -> Option<String> {
    if new.size != old.size {
        Some(format!("from {} to {}", old.size, new.size))
    } else if new.name != old.name {
        Some(format!("its connector from {} to {}", old.name, new.name))
    } else if (new.refresh_hz - old.refresh_hz).abs() > 0.01 {
        Some(format!("from {:.2} to {:.2} hertz", old.refresh_hz, new.refresh_hz))
    } else if new.rotation != old.rotation {
        Some(format!("from {} to {} degrees", old.rotation.degrees(), new.rotation.degrees()))
    } else if new.position != old.position {
        let (from, to) = (old.position, new.position);
        Some(format!("its place from ({}, {}) to ({}, {})", from.x, from.y, to.x, to.y))
    } else {
        None
    }
}
