//! The metadata of a frame: dirty parts and moves.

use windows::Win32::Foundation::RECT;
use windows::Win32::Graphics::Dxgi::{IDXGIOutputDuplication, DXGI_OUTDUPL_FRAME_INFO, DXGI_OUTDUPL_MOVE_RECT};

use crate::error::Result;
use crate::frame::{Damage, Move};
use crate::geometry::{Point, Rect};
use crate::source::displays::outputs::rect;
use crate::source::hresult;
use crate::source::verdict::{self, Call, Verdict};

/// A longer list is not read; everything counts as changed.
const MOST_BYTES: usize = 1 << 20;

/// How often a list may turn out to be longer than announced.
const ATTEMPTS: usize = 3;

/// Memory for the lists, reused from frame to frame.
#[derive(Default)]
pub(super) struct Lists {
    moves: Vec<DXGI_OUTDUPL_MOVE_RECT>,
    dirty: Vec<RECT>,
}

impl Lists {
    /// What changed in the frame that is held; everything, if the system does not report it or not credibly.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn read(
        &mut self,
        duplication: &IDXGIOutputDuplication,
        info: &DXGI_OUTDUPL_FRAME_INFO,
        whole: Rect,
    ) -> Result<Damage> {
        let everything = Damage::everything(whole);
        // Nothing is known about the changes of an image without lists.
        if info.TotalMetadataBufferSize == 0 {
            return Ok(everything);
        }
        let announced = info.TotalMetadataBufferSize as usize;
        let moves = fetch(&mut self.moves, announced, |size, buffer, needed| {
            // SAFETY: `fetch` passes a buffer of `size` bytes and a valid pointer.
            unsafe { duplication.GetFrameMoveRects(size, buffer, needed) }
        })?;
        let Some(moves) = moves else { return Ok(everything) };
        let left = announced.saturating_sub(size_of_val(moves));
        let dirty = fetch(&mut self.dirty, left, |size, buffer, needed| {
            // SAFETY: as above.
            unsafe { duplication.GetFrameDirtyRects(size, buffer, needed) }
        })?;
        let Some(dirty) = dirty else { return Ok(everything) };
        let moved = |m: &DXGI_OUTDUPL_MOVE_RECT| Move {
            source: Point::new(m.SourcePoint.x, m.SourcePoint.y),
            destination: rect(m.DestinationRect),
        };
        let (dirty, moves) = (dirty.iter().map(|r| rect(*r)).collect(), moves.iter().map(moved).collect());
        Ok(Damage { dirty, moves }.sane(whole))
    }
}

/// One list, announced to have at most `announced` bytes. `None` if it is not available: then the whole frame counts as changed.
fn fetch<T: Copy + Default>(
    list: &mut Vec<T>,
    announced: usize,
    call: impl Fn(u32, *mut T, *mut u32) -> windows::core::Result<()>,
) -> Result<Option<&[T]>> {
    let size = size_of::<T>();
    // At least one element: the functions reject null pointers.
    let mut wanted = announced.div_ceil(size).max(1);
    for _ in 0..ATTEMPTS {
        if wanted * size > MOST_BYTES {
            return Ok(None);
        }
        if list.len() < wanted {
            list.resize(wanted, T::default());
        }
        let (capacity, mut needed) = (list.len() * size, 0u32);
        let result = call(capacity as u32, list.as_mut_ptr(), &raw mut needed);
        let needed = needed as usize;
        let code = result.as_ref().map_or_else(|e| e.code().0 as u32, |()| hresult::S_OK);
        match verdict::classify(code, Call::Metadata) {
            // A list whose length is not a whole number of elements, or exceeds the buffer, cannot be trusted.
            Verdict::Success if needed.is_multiple_of(size) && needed <= capacity => {
                return Ok(Some(&list[..needed / size]))
            }
            Verdict::MoreData if needed > capacity => wanted = needed.div_ceil(size),
            Verdict::LostAccess(_) | Verdict::LostDevice => return Err(verdict::error(code, Call::Metadata)),
            _ => return Ok(None),
        }
    }
    Ok(None)
}
