//! Reading pixels: one batch of requests, written at once, whose last reply says that all of it is done.

use x11rb::connection::{Connection as _, SequenceNumber};
use x11rb::protocol::render::{ChangePictureAux, ConnectionExt as _, PictOp, Picture};
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::protocol::xfixes::{ConnectionExt as _, Region};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat, Rectangle};

use super::client::Client;
use super::cursor::Query;
use super::damage::Changed;
use super::error::ProtocolError;
use super::server::keep;
use crate::geometry::{Point, Rect};
use crate::region::bounds;

/// More clip rectangles than this are not worth their bytes; it also keeps a batch well below x11rb's buffer of 16 KiB.
const MOST_PARTS: usize = 512;

/// Where the server puts the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Into a picture, each part at its place relative to texture pixel `origin`.
    Picture { picture: Picture, origin: Point },
    /// The bounding box of the parts, tight, to the start of a segment.
    Segment(Seg),
    /// The bounding box of the parts, tight, into the reply.
    Reply,
}

/// What a caller wants. Two equal wants are the same call, made again after the first was not done in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) target: Target,
    pub(super) parts: Vec<Rect>,
    /// Also everything that changed inside this rectangle.
    pub(super) changed: Option<Rect>,
}

/// A batch on its way.
pub(super) struct Batch {
    want: Want,
    /// First request of the batch that touches pixels.
    first: SequenceNumber,
    /// The request that reads the screen.
    draw: SequenceNumber,
    /// Whether `draw` has a reply.
    replies: bool,
    pointer: Option<Query>,
    /// The last request, which has a reply.
    fence: SequenceNumber,
    /// What the server had to say against one of the requests that have no reply.
    pub(super) failure: Option<x11rb::x11_utils::X11Error>,
}

impl Batch {
    /// Whether request `sequence` is one of this batch's that touch pixels.
    pub(super) fn covers(&self, sequence: SequenceNumber) -> bool {
        (self.first..=self.fence).contains(&sequence)
    }
}

/// A finished batch.
#[derive(PartialEq)]
pub(super) struct Captured {
    /// The request that read the screen.
    pub(super) draw: SequenceNumber,
    /// The whole reply if the pixels are in it; they start at byte 32.
    pub(super) reply: Option<Vec<u8>>,
    pub(super) pointer: Option<crate::frame::Pointer>,
}

impl Client {
    /// Does what `want` says, or goes on waiting for it if it was sent already. Any other batch is waited for first, so that requests
    /// never pile up at a server that does not answer.
    pub(super) fn capture(&mut self, want: &Want, complete: bool, place: Rect) -> Result<Captured, ProtocolError> {
        if !self.is_under_way(want) {
            self.settle(place)?;
            self.drain()?;
            self.send(want, complete, None, place)?;
        }
        self.finish(place)
    }

    /// The same for a read of everything that changed. `None` if the server cannot do it in one step.
    pub(super) fn capture_changes(&mut self, want: &Want, place: Rect) -> Result<Option<Captured>, ProtocolError> {
        if !self.is_under_way(want) {
            self.settle(place)?;
            self.drain()?;
            let Some(clip) = self.gather_clip(&want.parts, place)? else { return Ok(None) };
            self.send(want, false, Some(clip), place)?;
        }
        self.finish(place).map(Some)
    }

    fn is_under_way(&self, want: &Want) -> bool {
        self.batch.as_ref().is_some_and(|b| b.want == *want)
    }

    /// Waits for whatever is still on its way. What was not sent yet goes with the next batch, which wakes the server once, not twice;
    /// all of it together is far smaller than x11rb's buffer, so that no time limit cuts a request in two.
    pub(super) fn settle(&mut self, place: Rect) -> Result<(), ProtocolError> {
        if self.batch.is_some() {
            match self.finish(place) {
                Ok(_) | Err(ProtocolError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.server.collect()
    }

    /// Puts everything that changed and `stale` into one region of the server, in the coordinates of the root window. `None` if that
    /// cannot be done; then nothing was.
    fn gather_clip(&mut self, stale: &[Rect], place: Rect) -> Result<Option<Region>, ProtocolError> {
        let Some(damage) = &mut self.damage else { return Ok(None) };
        let Some(Changed { held, known }) = damage.collect(&self.server, place)? else { return Ok(None) };
        if stale.len() + known.len() > MOST_PARTS {
            return Ok(None);
        }
        let to_root = Point::new(-place.left, -place.top);
        let rects: Vec<_> = stale.iter().chain(known).map(|part| rectangle(*part, to_root)).collect();
        let connection = &self.server.connection;
        let clip = if let Some(clip) = self.clip {
            connection.xfixes_set_region(clip, &rects)?;
            clip
        } else {
            let clip = connection.generate_id()?;
            connection.xfixes_create_region(clip, &rects)?;
            *self.clip.insert(clip)
        };
        if let Some(held) = held {
            connection.xfixes_union_region(clip, held, clip)?;
        }
        Ok(Some(clip))
    }

    fn send(&mut self, want: &Want, complete: bool, clip: Option<Region>, place: Rect) -> Result<(), ProtocolError> {
        // First: what is drawn from here on counts as drawn after this read, even if the read will show it.
        if complete {
            if let Some(damage) = &mut self.damage {
                damage.subtract_before_read(&self.server)?;
            }
        }
        self.segments.use_for(want.target);
        let connection = &self.server.connection;
        let root = self.server.screen.root;
        let area = want.changed.unwrap_or_else(|| bounds(&want.parts));
        // X coordinates have 16 bits, and so have all that come from them.
        let (x, y) = ((place.left + area.left) as i16, (place.top + area.top) as i16);
        let (width, height) = (area.width() as u16, area.height() as u16);
        let first;
        let draw;
        let replies = !matches!(want.target, Target::Picture { .. });
        // The answer that is waited for has to come after all others.
        if let Some(damage) = self.damage.as_mut().filter(|_| replies) {
            damage.fetch(&self.server)?;
        }
        match want.target {
            Target::Picture { picture, origin } => {
                let (to_x, to_y) = ((area.left - origin.x) as i16, (area.top - origin.y) as i16);
                let from = self.segments.root_picture;
                let composite = || {
                    let (op, mask) = (PictOp::SRC, x11rb::NONE);
                    connection.render_composite(op, from, mask, picture, x, y, 0, 0, to_x, to_y, width, height)
                };
                // Several requests could show several states of the desktop. One request under a clip cannot.
                let clipped = if let Some(clip) = clip {
                    let (dx, dy) = (-(place.left + origin.x), -(place.top + origin.y));
                    Some(connection.xfixes_set_picture_clip_region(picture, clip, dx as i16, dy as i16)?)
                } else if want.parts.len() == 1 || want.parts.len() > MOST_PARTS {
                    None
                } else {
                    let clip: Vec<_> = want.parts.iter().map(|part| rectangle(*part, origin)).collect();
                    Some(connection.render_set_picture_clip_rectangles(picture, 0, 0, &clip)?)
                };
                let clipped = clipped.map(|cookie| cookie.sequence_number());
                draw = composite()?.sequence_number();
                first = clipped.unwrap_or(draw);
                if clipped.is_some() {
                    connection.render_change_picture(picture, &ChangePictureAux::new().clipmask(x11rb::NONE))?;
                }
            }
            Target::Segment(shm) => {
                let format = u8::from(ImageFormat::Z_PIXMAP);
                draw = keep(connection.shm_get_image(root, x, y, width, height, !0, format, shm, 0))?;
                first = draw;
            }
            Target::Reply => {
                draw = keep(connection.get_image(ImageFormat::Z_PIXMAP, root, x, y, width, height, !0))?;
                first = draw;
            }
        }
        let region = match &mut self.damage {
            Some(damage) => damage.fetch(&self.server)?,
            None => None,
        };
        let pointer = match &mut self.cursor {
            Some(cursor) => Some(cursor.ask(&self.server)?),
            None => None,
        };
        let fence = match (pointer, region) {
            (Some(query), _) => query.position,
            (None, _) if replies => draw,
            (None, Some(region)) => region,
            (None, None) => keep(connection.get_input_focus())?,
        };
        self.batch = Some(Batch { want: want.clone(), first, draw, replies, pointer, fence, failure: None });
        Ok(())
    }

    /// Waits for the batch. After [`ProtocolError::TimedOut`] it is still there; otherwise it is over.
    fn finish(&mut self, place: Rect) -> Result<Captured, ProtocolError> {
        let Some(batch) = &self.batch else {
            return Err(ProtocolError::Disconnected("no read is under way".to_owned()));
        };
        let fence = match self.server.answer(batch.fence) {
            Err(ProtocolError::TimedOut) => return Err(ProtocolError::TimedOut),
            other => other,
        };
        // Replies come in order: whatever the batch and the requests before it get, they have got by now.
        let drained = self.drain();
        let Some(batch) = self.batch.take() else {
            return Err(ProtocolError::Disconnected("no read is under way".to_owned()));
        };
        drained?;
        let region = match &mut self.damage {
            Some(damage) => damage.harvest_until(batch.fence, &fence, &self.server, place)?,
            None => false,
        };
        let fence = match fence {
            Err(ProtocolError::Refused(_)) if region => Vec::new(),
            other => other?,
        };
        let mut pointer = None;
        if let (Some(cursor), Some(query)) = (&mut self.cursor, batch.pointer) {
            if let Some(older) = cursor.query.take() {
                cursor.harvest(&self.server, older, place)?;
            }
            pointer = Some(cursor.finish(&self.server, query, &fence, place)?);
        }
        let reply = match (batch.replies, batch.pointer) {
            (false, _) => None,
            (true, None) => Some(fence),
            (true, Some(_)) => Some(self.server.answer(batch.draw)?),
        };
        match batch.failure {
            Some(error) => Err(ProtocolError::Refused(error)),
            None => Ok(Captured { draw: batch.draw, reply, pointer }),
        }
    }
}

fn rectangle(part: Rect, origin: Point) -> Rectangle {
    Rectangle {
        x: (part.left - origin.x) as i16,
        y: (part.top - origin.y) as i16,
        width: part.width() as u16,
        height: part.height() as u16,
    }
}
