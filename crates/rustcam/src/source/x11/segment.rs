//! Memory that the server and this process share, and the way pixels take from the one to the other.

use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use rustix::{fs, mm};
use x11rb::connection::{Connection as _, SequenceNumber};
use x11rb::protocol::render::{Color, ConnectionExt as _, CreatePictureAux, PictOp, Picture};
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::protocol::xproto::{ConnectionExt as _, Pixmap, Rectangle, SubwindowMode};

use super::batch::Target;
use super::error::{describe, ProtocolError};
use super::server::{keep, Server};
use crate::geometry::Size;
use crate::memory::Memory;

/// How pixels leave the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// RENDER composites the root window into a pixmap that lies in shared memory: any number of parts at once, in place, opaque.
    Composite,
    /// MIT-SHM writes one rectangle to the start of shared memory.
    Segment,
    /// The core protocol sends one rectangle through the socket.
    Socket,
}

/// Bytes of fresh memory that are touched at a time; what is presented meanwhile waits.
const STEP: u32 = 2 << 20;

/// Names of all segments of this process, so that memory of another source is never taken for one's own.
static NEXT_TAG: AtomicU64 = AtomicU64::new(1);

/// One block of shared memory as the server knows it.
pub(super) struct Segment {
    tag: u64,
    pub(super) size: Size,
    pub(super) shm: Seg,
    /// The pixmap that lies in the block, and its picture.
    pub(super) target: Option<(Pixmap, Picture)>,
    /// Rows from the top that the server has written to.
    touched: u32,
    owner: Weak<u64>,
}

/// All segments of a connection.
pub(super) struct Segments {
    pub(super) transport: Transport,
    /// Why `transport` is not the fastest.
    pub(super) reason: Option<String>,
    /// The root window with everything in it, to composite from.
    pub(super) root_picture: Picture,
    list: Vec<Segment>,
}

impl Segments {
    /// Finds out what the server can do by doing it. A server in another container speaks the extension and cannot map the memory.
    pub(super) fn probe(server: &Server) -> Result<Self, ProtocolError> {
        let mut segments =
            Self { transport: Transport::Socket, reason: None, root_picture: x11rb::NONE, list: Vec::new() };
        let Some(shared_pixmaps) = server.shared_pixmaps else {
            let reason = if server.local {
                "MIT-SHM is not available: the server lacks version 1.2 of the extension"
            } else {
                "MIT-SHM is not available: the server is reached over a network"
            };
            segments.reason = Some(format!("{reason}; images are sent through the socket"));
            return Ok(segments);
        };
        match segments.attempt(server, false)? {
            Ok(()) => segments.transport = Transport::Segment,
            Err(reason) => {
                segments.reason =
                    Some(format!("MIT-SHM is not available: {reason}; images are sent through the socket"));
                return Ok(segments);
            }
        }
        let reason = match server.formats {
            _ if !shared_pixmaps => "the server offers no shared pixmaps".to_owned(),
            None => "the RENDER extension is not available for this screen".to_owned(),
            Some(formats) => {
                let connection = &server.connection;
                segments.root_picture = connection.generate_id()?;
                let inferiors = CreatePictureAux::new().subwindowmode(SubwindowMode::INCLUDE_INFERIORS);
                let root = connection.render_create_picture(
                    segments.root_picture,
                    server.screen.root,
                    formats.root,
                    &inferiors,
                )?;
                match (root.check().map_err(ProtocolError::from), segments.attempt(server, true)) {
                    (Ok(()), Ok(Ok(()))) => {
                        segments.transport = Transport::Composite;
                        return Ok(segments);
                    }
                    (Err(ProtocolError::Refused(e)), _) => format!("RENDER refused the root window: {}", describe(&e)),
                    (_, Ok(Err(reason))) => format!("the server refused a shared pixmap: {reason}"),
                    (Err(error), _) | (_, Err(error)) => return Err(error),
                }
            }
        };
        segments.reason = Some(format!("{reason}; images are copied once more"));
        Ok(segments)
    }

    /// Tries one small segment and gives it back.
    fn attempt(&mut self, server: &Server, pixmap: bool) -> Result<Result<(), String>, ProtocolError> {
        let size = Size::new(8, 8);
        let Some(memory) = self.map(server, size, pixmap)? else {
            return Ok(Err("this process cannot make shared memory".to_owned()));
        };
        let segment = self.find(&memory).map(|s| (s.shm, s.target));
        let mut outcome = Ok(());
        if let Some((shm, target)) = segment {
            // Only existing resources can be freed without an error.
            let mut freed = Vec::new();
            if let Some((pixmap, picture)) = target {
                freed.push(server.connection.render_free_picture(picture)?);
                freed.push(server.connection.free_pixmap(pixmap)?);
            }
            freed.push(server.connection.shm_detach(shm)?);
            for cookie in freed {
                match cookie.check().map_err(ProtocolError::from) {
                    Ok(()) => {}
                    Err(ProtocolError::Refused(e)) => outcome = Err(describe(&e)),
                    Err(error) => return Err(error),
                }
            }
        }
        self.list.clear();
        Ok(outcome)
    }

    /// New shared memory for a picture of `size`, with a pixmap in it if `pixmap`. Nothing is waited for: if the server refuses, the
    /// first use fails. `None` if this process cannot map more.
    pub(super) fn map(&mut self, server: &Server, size: Size, pixmap: bool) -> Result<Option<Memory>, ProtocolError> {
        self.sweep(server)?;
        let (Ok(width), Ok(height)) = (i16::try_from(size.width), i16::try_from(size.height)) else {
            return Ok(None); // larger than any pixmap
        };
        let len = size.area() as usize * 4;
        if len == 0 {
            return Ok(None);
        }
        let Ok(fd) = fs::memfd_create("rustcam", fs::MemfdFlags::CLOEXEC) else { return Ok(None) };
        if fs::ftruncate(&fd, len as u64).is_err() {
            return Ok(None);
        }
        let access = mm::ProtFlags::READ | mm::ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no existing memory.
        let Ok(start) = (unsafe { mm::mmap(std::ptr::null_mut(), len, access, mm::MapFlags::SHARED, fd.as_fd(), 0) })
        else {
            return Ok(None);
        };
        let Some(start) = NonNull::new(start.cast::<u8>()) else { return Ok(None) };
        let tag = Arc::new(NEXT_TAG.fetch_add(1, Ordering::Relaxed));
        let (name, owner) = (*tag, Arc::downgrade(&tag));
        // SAFETY: the block was mapped just now for `len` bytes, readable and writable, and belongs to nobody else in this process.
        // The server writes only while it works on a batch that names the block.
        let memory = unsafe { Memory::mapped(start, len, unmap, tag) };

        let connection = &server.connection;
        let shm = connection.generate_id()?;
        // The descriptor is closed once it is sent; both mappings live on.
        connection.shm_attach_fd(shm, fd, false)?;
        let target = match server.formats {
            Some(formats) if pixmap => {
                let (pixmap, picture) = (connection.generate_id()?, connection.generate_id()?);
                connection.shm_create_pixmap(pixmap, server.screen.root, width as u16, height as u16, 32, shm, 0)?;
                connection.render_create_picture(picture, pixmap, formats.argb, &CreatePictureAux::new())?;
                Some((pixmap, picture))
            }
            _ => None,
        };
        self.list.push(Segment { tag: name, size, shm, target, touched: 0, owner });
        Ok(Some(memory))
    }

    /// The segment that `memory` lies in.
    pub(super) fn find(&self, memory: &Memory) -> Option<&Segment> {
        let tag = memory.tag()?;
        self.list.iter().find(|s| s.tag == tag)
    }

    /// Makes the server write to the next pages of memory that it has not written to, so that the system finds them before a picture
    /// needs them: that takes several times as long as the picture. The number of the last request, which has a reply; `None` if there is
    /// nothing to do.
    pub(super) fn touch(&mut self, server: &Server) -> Result<Option<SequenceNumber>, ProtocolError> {
        const PAGE: usize = 4096 / 4;
        let fresh = |s: &&mut Segment| s.touched < s.size.height && s.owner.strong_count() > 0;
        let Some(segment) = self.list.iter_mut().find(fresh) else { return Ok(None) };
        let Some((_, picture)) = segment.target else { return Ok(None) };
        let Size { width, height } = segment.size;
        let rows = (STEP / (width * 4)).clamp(1, height - segment.touched);
        let y = segment.touched as i16;
        let columns: Vec<_> =
            (0..width).step_by(PAGE).map(|x| Rectangle { x: x as i16, y, width: 1, height: rows as u16 }).collect();
        server.connection.render_fill_rectangles(PictOp::SRC, picture, Color::default(), &columns)?;
        segment.touched += rows;
        keep(server.connection.get_input_focus()).map(Some)
    }

    /// What `target` names is about to be written to.
    pub(super) fn use_for(&mut self, target: Target) {
        let used = |s: &&mut Segment| match target {
            Target::Picture { picture, .. } => s.target.is_some_and(|(_, own)| own == picture),
            Target::Segment(shm) => s.shm == shm,
            Target::Reply => false,
        };
        if let Some(segment) = self.list.iter_mut().find(used) {
            segment.touched = segment.size.height;
        }
    }

    /// Gives up shared pixmaps.
    pub(super) fn degrade(&mut self, reason: String) {
        self.transport = match self.transport {
            Transport::Composite => Transport::Segment,
            Transport::Segment | Transport::Socket => Transport::Socket,
        };
        log::info!("x11: {reason}");
        self.reason = Some(reason);
    }

    /// Frees what the server keeps for blocks that nobody holds any more.
    fn sweep(&mut self, server: &Server) -> Result<(), ProtocolError> {
        let connection = &server.connection;
        let dead = |s: &mut Segment| s.owner.strong_count() == 0;
        for segment in self.list.extract_if(.., dead) {
            if let Some((pixmap, picture)) = segment.target {
                connection.render_free_picture(picture)?;
                connection.free_pixmap(pixmap)?;
            }
            connection.shm_detach(segment.shm)?;
        }
        Ok(())
    }
}

fn unmap(start: NonNull<u8>, len: usize) {
    // SAFETY: called once by the owner of the block with what `mmap` returned; no reference to it is left.
    let result = unsafe { mm::munmap(start.as_ptr().cast(), len) };
    debug_assert!(result.is_ok(), "a mapping of our own can be unmapped");
}
