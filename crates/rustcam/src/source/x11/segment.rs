//! Memory that the server and this process share: made, found again, and freed when its holder has dropped it.

use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use rustix::{fs, mm};
use x11rb::connection::{Connection as _, SequenceNumber};
use x11rb::cookie::VoidCookie;
use x11rb::protocol::render::{Color, ConnectionExt as _, CreatePictureAux, PictOp, Picture};
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::protocol::xproto::{ConnectionExt as _, Pixmap, Rectangle};

use super::connect::Connection;
use super::error::ProtocolError;
use super::server::{keep_reply, Server};
use crate::geometry::Size;
use crate::memory::Memory;

/// Bytes that the server writes in one step of [`Segments::prefault`]. What is drawn meanwhile is reported when the step is over.
const STEP: u32 = 2 << 20;

/// The tag of the next block. Tags are unique in this process, so that memory of another source is never taken for one's own.
static NEXT_TAG: AtomicU64 = AtomicU64::new(1);

/// One block of shared memory as the server knows it.
pub(super) struct Segment {
    tag: u64,
    size: Size,
    pub(super) shm: Seg,
    /// The pixmap that lies in the block, and its picture.
    target: Option<(Pixmap, Picture)>,
    /// Rows from the top that the server has written to.
    written: u32,
    /// Ends with the [`Memory`] of the block.
    owner: Weak<u64>,
}

impl Segment {
    /// The picture that lies in the block.
    pub(super) fn picture(&self) -> Option<Picture> {
        self.target.map(|(_, picture)| picture)
    }

    /// Whether the [`Memory`] of the block was dropped. Nothing else holds the tag that `owner` refers to.
    fn is_dropped(&self) -> bool {
        self.owner.strong_count() == 0
    }

    /// Frees what the server keeps for the block.
    pub(super) fn free<'a>(&self, server: &'a Server) -> Result<Vec<VoidCookie<'a, Connection>>, ProtocolError> {
        let connection = &server.connection;
        let mut sent = Vec::new();
        if let Some((pixmap, picture)) = self.target {
            sent.push(connection.render_free_picture(picture)?);
            sent.push(connection.free_pixmap(pixmap)?);
        }
        sent.push(connection.shm_detach(self.shm)?);
        Ok(sent)
    }
}

/// All shared memory of a connection.
#[derive(Default)]
pub(super) struct Segments {
    list: Vec<Segment>,
    /// The last request of a step of [`Segments::prefault`] that was not answered yet.
    step: Option<SequenceNumber>,
}

impl Segments {
    /// New shared memory for a picture of `size`, with a pixmap in it if `pixmap`. Nothing is waited for: if the server refuses, the
    /// first use fails. `None` if this process cannot map more.
    pub(super) fn map(&mut self, server: &Server, size: Size, pixmap: bool) -> Result<Option<Memory>, ProtocolError> {
        self.free_dropped(server)?;
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
        let tag = NEXT_TAG.fetch_add(1, Ordering::Relaxed);
        let shared_tag = Arc::new(tag);
        let owner = Arc::downgrade(&shared_tag);
        // SAFETY: the block was mapped just now for `len` bytes, readable and writable, and nothing else in this process refers to it.
        // The server writes only while it works on a batch that names the block.
        let memory = unsafe { Memory::mapped(start, len, unmap, shared_tag) };

        let connection = &server.connection;
        let shm = connection.generate_id()?;
        // The descriptor is closed once it is sent; both mappings live on.
        connection.shm_attach_fd(shm, fd, false)?;
        let target = match &server.formats {
            Some(formats) if pixmap => {
                let (pixmap, picture) = (connection.generate_id()?, connection.generate_id()?);
                connection.shm_create_pixmap(pixmap, server.screen.root, width as u16, height as u16, 32, shm, 0)?;
                connection.render_create_picture(picture, pixmap, formats.argb, &CreatePictureAux::new())?;
                Some((pixmap, picture))
            }
            _ => None,
        };
        self.list.push(Segment { tag, size, shm, target, written: 0, owner });
        Ok(Some(memory))
    }

    /// The segment of `memory`, about to be written to as a picture of `size`. `None` if it was not made here for that size.
    pub(super) fn begin_write(&mut self, memory: &Memory, size: Size) -> Option<&Segment> {
        let tag = memory.tag()?;
        let segment = self.list.iter_mut().find(|s| s.tag == tag && s.size == size)?;
        segment.written = segment.size.height;
        Some(segment)
    }

    /// Takes the segment that was made last out of the list.
    pub(super) fn pop(&mut self) -> Option<Segment> {
        self.list.pop()
    }

    /// Makes the server write to the next pages of memory that it has not written to, one step at a time, so that the system finds
    /// them before a picture needs them: that takes several times as long as the picture. Nothing is waited for.
    pub(super) fn prefault(&mut self, server: &Server) -> Result<(), ProtocolError> {
        const PAGE: usize = 4096 / 4;
        if let Some(step) = self.step {
            match server.answer_if_read(step) {
                Ok(None) => return Ok(()),
                Ok(Some(_)) | Err(ProtocolError::Refused(_)) => self.step = None,
                Err(error) => return Err(error),
            }
        }
        let fresh = |s: &&mut Segment| s.written < s.size.height && !s.is_dropped();
        let Some(segment) = self.list.iter_mut().find(fresh) else { return Ok(()) };
        let Some(picture) = segment.picture() else { return Ok(()) };
        let Size { width, height } = segment.size;
        let rows = (STEP / (width * 4)).clamp(1, height - segment.written);
        let y = segment.written as i16;
        let columns: Vec<_> =
            (0..width).step_by(PAGE).map(|x| Rectangle { x: x as i16, y, width: 1, height: rows as u16 }).collect();
        server.connection.render_fill_rectangles(PictOp::SRC, picture, Color::default(), &columns)?;
        segment.written += rows;
        self.step = Some(keep_reply(server.connection.get_input_focus())?);
        Ok(())
    }

    /// Frees what the server keeps for memory that was dropped.
    fn free_dropped(&mut self, server: &Server) -> Result<(), ProtocolError> {
        for segment in self.list.extract_if(.., |s| s.is_dropped()) {
            segment.free(server)?;
        }
        Ok(())
    }
}

fn unmap(start: NonNull<u8>, len: usize) {
    // SAFETY: called once by the owner of the block with what `mmap` returned; no reference to it is left.
    let result = unsafe { mm::munmap(start.as_ptr().cast(), len) };
    debug_assert!(result.is_ok(), "a mapping of our own can be unmapped");
}
