//! How pixels leave the server, and where they are put.
//!
//! | method | what the server does | needs |
//! |---|---|---|
//! | composite | RENDER composites any number of parts at once, in place and opaque, to a pixmap in shared memory | RENDER, MIT-SHM |
//! | segment | MIT-SHM writes one rectangle to the start of shared memory | MIT-SHM |
//! | socket | the core protocol sends one rectangle through the socket | |

use x11rb::connection::Connection as _;
use x11rb::protocol::render::{ConnectionExt as _, CreatePictureAux, Picture};
use x11rb::protocol::shm::Seg;
use x11rb::protocol::xproto::SubwindowMode;
use x11rb::x11_utils::X11Error;

use super::error::{describe, ProtocolError};
use super::segment::Segments;
use super::server::Server;
use super::view::View;
use crate::geometry::{Point, Size};
use crate::memory::Memory;

/// The rows of the table above, the fastest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Composite,
    Segment,
    Socket,
}

/// Where the server puts the pixels of one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Into a picture, each part at its place relative to texture pixel `origin`.
    Picture { picture: Picture, origin: Point },
    /// The bounding box of the parts, tight, to the start of a segment.
    Segment(Seg),
    /// The bounding box of the parts, tight, into the reply.
    Reply,
}

impl Target {
    /// Whether the request that reads the screen has a reply.
    pub(super) fn has_reply(self) -> bool {
        !matches!(self, Target::Picture { .. })
    }
}

/// The fastest transport that this server has and has not refused, with the memory for it.
pub(super) struct Transport {
    method: Method,
    /// Why `method` is not the fastest.
    slower_because: Option<String>,
    /// What is captured, with everything in it, to composite from. `NONE` while it shows nothing, and with other methods.
    pub(super) source: Picture,
    pub(super) segments: Segments,
    /// The source's own memory for reads whose destination is not shared memory.
    scratch: Option<Memory>,
}

impl Transport {
    /// Finds out what the server can do by doing it. A server in another container speaks the extension and cannot map the memory.
    pub(super) fn probe(server: &Server) -> Result<Self, ProtocolError> {
        let mut transport = Self {
            method: Method::Socket,
            slower_because: None,
            source: x11rb::NONE,
            segments: Segments::default(),
            scratch: None,
        };
        if let Err(reason) = transport.probe_segment(server)? {
            let reason = format!("MIT-SHM is not available: {reason}; images are sent through the socket");
            return Ok(Self { slower_because: Some(reason), ..transport });
        }
        transport.method = Method::Segment;
        if let Err(reason) = transport.probe_composite(server)? {
            let reason = format!("{reason}; images are copied once more");
            return Ok(Self { slower_because: Some(reason), ..transport });
        }
        transport.method = Method::Composite;
        Ok(transport)
    }

    fn probe_segment(&mut self, server: &Server) -> Result<Result<(), String>, ProtocolError> {
        match server.shared_pixmaps {
            Some(_) => self.try_out(server, false),
            None if server.local => Ok(Err("the server lacks version 1.2 of the extension".to_owned())),
            None => Ok(Err("the server is reached over a network".to_owned())),
        }
    }

    fn probe_composite(&mut self, server: &Server) -> Result<Result<(), String>, ProtocolError> {
        if server.shared_pixmaps != Some(true) {
            return Ok(Err("the server offers no shared pixmaps".to_owned()));
        }
        if server.formats.is_none() {
            return Ok(Err("the RENDER extension is not available".to_owned()));
        }
        let tried = self.try_out(server, true)?;
        Ok(tried.map_err(|reason| format!("the server refused a shared pixmap: {reason}")))
    }

    /// Reads `view` from now on.
    pub(super) fn switch_to(&mut self, server: &Server, view: &View) -> Result<(), ProtocolError> {
        let old = std::mem::replace(&mut self.source, x11rb::NONE);
        if old != x11rb::NONE {
            server.connection.render_free_picture(old)?;
        }
        if self.method != Method::Composite || view.drawable == x11rb::NONE {
            return Ok(());
        }
        if let Err(reason) = self.make_picture(server, view)? {
            self.method = Method::Segment;
            self.slower_because = Some(format!("{reason}; images are copied once more"));
        }
        Ok(())
    }

    fn make_picture(&mut self, server: &Server, view: &View) -> Result<Result<(), String>, ProtocolError> {
        let kind = view.output.kind();
        let Some(format) = server.formats.as_ref().and_then(|formats| formats.opaque(view.visual)) else {
            return Ok(Err(format!("the RENDER extension has no opaque format for the {kind}")));
        };
        let connection = &server.connection;
        let picture = connection.generate_id()?;
        let inferiors = CreatePictureAux::new().subwindowmode(SubwindowMode::INCLUDE_INFERIORS);
        let sent = connection.render_create_picture(picture, view.drawable, format, &inferiors)?;
        match sent.check().map_err(ProtocolError::from) {
            Err(ProtocolError::Refused(e)) => return Ok(Err(format!("RENDER refused the {kind}: {}", describe(&e)))),
            checked => checked?,
        }
        self.source = picture;
        Ok(Ok(()))
    }

    /// Makes one small segment and frees it again.
    fn try_out(&mut self, server: &Server, pixmap: bool) -> Result<Result<(), String>, ProtocolError> {
        let Some(_memory) = self.segments.map(server, Size::new(8, 8), pixmap)? else {
            return Ok(Err("this process cannot make shared memory".to_owned()));
        };
        let mut outcome = Ok(());
        if let Some(segment) = self.segments.pop() {
            // Only existing resources can be freed without an error.
            for sent in segment.free(server)? {
                match sent.check().map_err(ProtocolError::from) {
                    Err(ProtocolError::Refused(e)) => outcome = Err(describe(&e)),
                    checked => checked?,
                }
            }
        }
        Ok(outcome)
    }

    /// Why this is not the fastest transport, if it is not.
    pub(super) fn slower_because(&self) -> Option<&str> {
        self.slower_because.as_deref()
    }

    /// Falls back to the next slower method, after the server refused what it needs.
    pub(super) fn fall_back(&mut self, error: &X11Error) {
        let (refused, next, method) = match self.method {
            Method::Composite => ("shared pixmaps", "images are copied once more", Method::Segment),
            Method::Segment | Method::Socket => ("shared memory", "images are sent through the socket", Method::Socket),
        };
        let reason = format!("the server refused {refused}: {}; {next}", describe(error));
        log::info!("x11: {reason}");
        self.method = method;
        self.scratch = None;
        self.slower_because = Some(reason);
    }

    /// Memory for a picture of `size` that the server can composite into. `None` where it cannot.
    pub(super) fn allocate(&mut self, server: &Server, size: Size) -> Result<Option<Memory>, ProtocolError> {
        if self.method != Method::Composite {
            return Ok(None);
        }
        server.settle()?;
        let memory = self.segments.map(server, size, true)?;
        server.settle()?;
        Ok(memory)
    }

    /// The picture of `size` in `memory`, whose first pixel is texture pixel `origin`. `None` if [`Transport::allocate`] did not make the
    /// memory for that size.
    pub(super) fn picture(&mut self, memory: &Memory, size: Size, origin: Point) -> Option<Target> {
        let picture = self.segments.begin_write(memory, size)?.picture()?;
        Some(Target::Picture { picture, origin })
    }

    /// Where to put `parts` parts of a texture of size `texture` that a caller wants to look at only, see [`Transport::scratch`].
    pub(super) fn scratch_target(
        &mut self,
        server: &Server,
        texture: Size,
        parts: usize,
    ) -> Result<Target, ProtocolError> {
        if self.method == Method::Socket {
            return Ok(Target::Reply);
        }
        if self.scratch.as_ref().and_then(|memory| self.segments.begin_write(memory, texture)).is_none() {
            server.settle()?;
            self.scratch = self.segments.map(server, texture, self.method == Method::Composite)?;
        }
        let Some(segment) = self.scratch.as_ref().and_then(|memory| self.segments.begin_write(memory, texture)) else {
            return Ok(Target::Reply);
        };
        Ok(match segment.picture() {
            // A plain copy is cheaper than one that adds an alpha channel, but it knows no clip.
            Some(picture) if self.method == Method::Composite && parts > 1 => {
                Target::Picture { picture, origin: Point::default() }
            }
            _ => Target::Segment(segment.shm),
        })
    }

    /// What the server has written to a [`Transport::scratch_target`] that is no reply.
    pub(super) fn scratch(&self) -> &[u8] {
        self.scratch.as_ref().map_or(&[], Memory::bytes)
    }
}
