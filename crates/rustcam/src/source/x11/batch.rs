//! Reading pixels: one batch of requests, written at once, whose last answer says that all of it is done.
//!
//! | requests, in this order | when |
//! |---|---|
//! | DAMAGE `Subtract` | before a complete read: what is drawn from here on counts as drawn after it |
//! | XFIXES `SetRegion`, `UnionRegion` | before a read of changes: they make its clip |
//! | `Composite`, `ShmGetImage` or `GetImage` | always: the only request that reads the screen |
//! | XFIXES `FetchRegion` | if something was subtracted |
//! | XFIXES `GetCursorImage`, `QueryPointer` | if the pointer is watched |
//! | `GetInputFocus` | if nothing else in the batch has an answer |

use x11rb::connection::SequenceNumber;
use x11rb::protocol::render::{ChangePictureAux, ConnectionExt as _, PictOp, Picture};
use x11rb::protocol::shm::ConnectionExt as _;
use x11rb::protocol::xfixes::{ConnectionExt as _, Region as RegionId};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat};
use x11rb::x11_utils::X11Error;

use super::cursor::Query;
use super::desktop::Desktop;
use super::error::ProtocolError;
use super::rects::{to_protocol, MOST_RECTS};
use super::server::{keep_reply, Server};
use super::transport::Target;
use super::view::View;
use crate::frame::Pointer;
use crate::geometry::{Point, Rect};
use crate::region::bounds;

/// What a read brings up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Parts that make up the whole picture: nothing of an older state is left in it.
    Complete,
    /// Some parts of the picture.
    Parts,
    /// Some parts, and everything that changed inside this rectangle.
    Changes(Rect),
}

/// A read as the caller asked for it. Two that are equal are the same call, made again after the first did not end in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReadSpec {
    pub(super) target: Target,
    pub(super) parts: Vec<Rect>,
    pub(super) scope: Scope,
}

/// The last request of a batch, told apart by what its answer brings.
#[derive(Clone, Copy)]
enum Fence {
    Pointer(Query),
    Pixels(SequenceNumber),
    Damage(SequenceNumber),
    Empty(SequenceNumber),
}

impl Fence {
    fn sequence(self) -> SequenceNumber {
        match self {
            Fence::Pointer(query) => query.position,
            Fence::Pixels(sequence) | Fence::Damage(sequence) | Fence::Empty(sequence) => sequence,
        }
    }
}

/// A batch that was sent.
pub(super) struct Batch {
    spec: ReadSpec,
    /// The first request that touches pixels.
    first: SequenceNumber,
    /// The request that reads the screen.
    read: SequenceNumber,
    fence: Fence,
    /// The server's error for one of the requests that have no answer.
    failure: Option<X11Error>,
}

/// A finished batch.
pub(super) struct Captured {
    /// The request that read the screen.
    pub(super) read: SequenceNumber,
    /// The whole answer if the pixels are in it; they start at byte 32.
    pub(super) reply: Option<Vec<u8>>,
    pub(super) pointer: Option<Pointer>,
}

impl Batch {
    /// Puts the requests for `spec` into the buffer of the connection; the first wait for an answer writes them. `None` if the changes
    /// that are asked for cannot be had in one step; then nothing is read.
    pub(super) fn send(
        spec: &ReadSpec,
        server: &Server,
        desktop: &mut Desktop,
        source: Picture,
    ) -> Result<Option<Self>, ProtocolError> {
        let has_reply = spec.target.has_reply();
        let Desktop { view, damage, cursor, .. } = desktop;
        let place = view.place;
        let mut clip = None;
        match (spec.scope, &mut *damage) {
            (Scope::Changes(_), None) => return Ok(None),
            (Scope::Changes(_), Some(damage)) => match damage.clip(&spec.parts, server, place)? {
                Some(region) => clip = Some(region),
                None => return Ok(None),
            },
            // First: what is drawn from here on counts as drawn after this read, even if the read will show it.
            (Scope::Complete, Some(damage)) => damage.subtract_before_read(server)?,
            (Scope::Complete, None) | (Scope::Parts, _) => {}
        }
        // The answer that is waited for has to come after all others.
        if let Some(damage) = damage.as_mut().filter(|_| has_reply) {
            damage.fetch(server)?;
        }
        let (first, read) = copy(spec, clip, source, server, view)?;
        let fetched = match damage {
            Some(damage) => damage.fetch(server)?,
            None => None,
        };
        let fence = match (cursor, fetched) {
            (Some(cursor), _) => Fence::Pointer(cursor.query(server)?),
            (None, _) if has_reply => Fence::Pixels(read),
            (None, Some(fetched)) => Fence::Damage(fetched),
            (None, None) => Fence::Empty(keep_reply(server.connection.get_input_focus())?),
        };
        Ok(Some(Self { spec: spec.clone(), first, read, fence, failure: None }))
    }

    /// Whether it was sent for `spec`.
    pub(super) fn is_for(&self, spec: &ReadSpec) -> bool {
        self.spec == *spec
    }

    /// The number of the last request.
    pub(super) fn fence(&self) -> SequenceNumber {
        self.fence.sequence()
    }

    /// Whether request `sequence` is one of those that touch pixels.
    pub(super) fn covers(&self, sequence: SequenceNumber) -> bool {
        (self.first..=self.fence()).contains(&sequence)
    }

    /// Takes in the server's error for one of those requests.
    pub(super) fn fail(&mut self, error: X11Error) {
        self.failure = Some(error);
    }

    /// What the batch brought. `answer` is the one to its last request; everything that the server sent before that has been read.
    pub(super) fn finish(
        self,
        answer: Result<Vec<u8>, ProtocolError>,
        server: &Server,
        desktop: &mut Desktop,
    ) -> Result<Captured, ProtocolError> {
        let place = desktop.view.place;
        let Desktop { damage, cursor, .. } = desktop;
        if let Some(damage) = damage.as_mut() {
            damage.receive_before(self.fence(), server, place)?;
        }
        let mut captured = Captured { read: self.read, reply: None, pointer: None };
        match (self.fence, damage, cursor) {
            (Fence::Damage(_), Some(damage), _) => damage.receive(answer, place)?,
            (Fence::Pointer(query), _, Some(cursor)) => {
                captured.pointer = Some(cursor.finish(server, query, &answer?, place)?);
                if self.spec.target.has_reply() {
                    captured.reply = Some(server.answer(self.read)?);
                }
            }
            (Fence::Pixels(_), ..) => captured.reply = Some(answer?),
            _ => drop(answer?),
        }
        match self.failure {
            Some(error) => Err(ProtocolError::Refused(error)),
            None => Ok(captured),
        }
    }
}

/// Sends the one request that reads the screen, and what it needs around it. Returns the number of the first of them and its own.
fn copy(
    spec: &ReadSpec,
    clip: Option<RegionId>,
    source: Picture,
    server: &Server,
    view: &View,
) -> Result<(SequenceNumber, SequenceNumber), ProtocolError> {
    let connection = &server.connection;
    let area = match spec.scope {
        Scope::Changes(area) => area,
        Scope::Complete | Scope::Parts => bounds(&spec.parts),
    };
    let (place, corner, drawable) = (view.place, view.corner(), view.drawable);
    let (x, y) = ((corner.x + area.left) as i16, (corner.y + area.top) as i16);
    let (width, height) = (area.width() as u16, area.height() as u16);
    let format = ImageFormat::Z_PIXMAP;
    let (picture, origin) = match spec.target {
        Target::Picture { picture, origin } => (picture, origin),
        Target::Segment(shm) => {
            let read =
                keep_reply(connection.shm_get_image(drawable, x, y, width, height, !0, u8::from(format), shm, 0))?;
            return Ok((read, read));
        }
        Target::Reply => {
            let read = keep_reply(connection.get_image(format, drawable, x, y, width, height, !0))?;
            return Ok((read, read));
        }
    };
    // Several requests could show several states of the desktop. One request under a clip cannot.
    let clipped = if let Some(clip) = clip {
        let (dx, dy) = (-(place.left + origin.x), -(place.top + origin.y));
        Some(connection.xfixes_set_picture_clip_region(picture, clip, dx as i16, dy as i16)?)
    } else if spec.parts.len() == 1 || spec.parts.len() > MOST_RECTS {
        None
    } else {
        let clip: Vec<_> = spec.parts.iter().map(|part| to_protocol(*part, origin)).collect();
        Some(connection.render_set_picture_clip_rectangles(picture, 0, 0, &clip)?)
    };
    let clipped = clipped.map(|cookie| cookie.sequence_number());
    let (op, mask, to) = (PictOp::SRC, x11rb::NONE, Point::new(area.left - origin.x, area.top - origin.y));
    let (to_x, to_y) = (to.x as i16, to.y as i16);
    let composite = connection.render_composite(op, source, mask, picture, x, y, 0, 0, to_x, to_y, width, height)?;
    let read = composite.sequence_number();
    if clipped.is_some() {
        connection.render_change_picture(picture, &ChangePictureAux::new().clipmask(x11rb::NONE))?;
    }
    Ok((clipped.unwrap_or(read), read))
}
