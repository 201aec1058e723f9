//! The pointer: its position and its shape, as frames report them.
//!
//! Position and shape come with the frames of their output and in its desktop space, already rotated; the position is the top-left
//! corner of the shape. A pointer that is not visible is hidden, on another output, or drawn into the image already: in all three
//! cases it must not be drawn.

use std::sync::Arc;

use windows::Win32::Graphics::Dxgi::{
    IDXGIOutputDuplication, DXGI_OUTDUPL_FRAME_INFO, DXGI_OUTDUPL_POINTER_SHAPE_INFO,
    DXGI_OUTDUPL_POINTER_SHAPE_TYPE_COLOR, DXGI_OUTDUPL_POINTER_SHAPE_TYPE_MASKED_COLOR,
    DXGI_OUTDUPL_POINTER_SHAPE_TYPE_MONOCHROME,
};

use crate::error::Result;
use crate::frame::{Pointer, PointerShape, ShapeKind};
use crate::geometry::{Point, Size};
use crate::source::hresult;
use crate::source::verdict::{self, Call, Verdict};

/// No pointer is larger; a larger announced size is taken for an error.
const MOST_BYTES: usize = 16 << 20;

/// Largest width and height of a shape that is accepted.
const LARGEST: u32 = 1024;

/// How often a shape may turn out to be longer than announced.
const ATTEMPTS: usize = 3;

/// Brings `pointer` up to date with the frame that is held. The shape is fetched even if no capture draws it now, because the
/// system delivers it only once.
///
/// # Errors
/// A loss.
pub(super) fn update(
    pointer: &mut Pointer,
    duplication: &IDXGIOutputDuplication,
    info: &DXGI_OUTDUPL_FRAME_INFO,
) -> Result<()> {
    // Without an update time the position is not valid; without visibility its coordinates are not.
    if info.LastMouseUpdateTime != 0 {
        pointer.visible = info.PointerPosition.Visible.as_bool();
        if pointer.visible {
            let at = info.PointerPosition.Position;
            pointer.position = Point::new(at.x, at.y);
        }
    }
    if info.PointerShapeBufferSize != 0 {
        // A malformed shape leaves the last valid one in place.
        if let Some(shape) = fetch(duplication, info.PointerShapeBufferSize as usize)? {
            pointer.shape = Some(Arc::new(shape));
        }
    }
    Ok(())
}

fn fetch(duplication: &IDXGIOutputDuplication, announced: usize) -> Result<Option<PointerShape>> {
    let mut wanted = announced;
    for _ in 0..ATTEMPTS {
        if wanted > MOST_BYTES {
            return Ok(None);
        }
        let mut data = vec![0u8; wanted];
        let (mut info, mut needed) = (DXGI_OUTDUPL_POINTER_SHAPE_INFO::default(), 0u32);
        // SAFETY: a buffer of the length passed with it, and two valid pointers.
        let result = unsafe {
            duplication.GetFramePointerShape(wanted as u32, data.as_mut_ptr().cast(), &raw mut needed, &raw mut info)
        };
        let code = result.as_ref().map_or_else(|e| e.code().0 as u32, |()| hresult::S_OK);
        match verdict::classify(code, Call::Metadata) {
            Verdict::Success => {
                data.truncate(needed as usize);
                return Ok(decode(&info, data));
            }
            Verdict::MoreData if needed as usize > wanted => wanted = needed as usize,
            Verdict::LostAccess(_) | Verdict::LostDevice => return Err(verdict::error(code, Call::Metadata)),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// The shape if it is consistent in itself.
fn decode(info: &DXGI_OUTDUPL_POINTER_SHAPE_INFO, data: Vec<u8>) -> Option<PointerShape> {
    let kinds = [
        (DXGI_OUTDUPL_POINTER_SHAPE_TYPE_MONOCHROME, ShapeKind::Monochrome),
        (DXGI_OUTDUPL_POINTER_SHAPE_TYPE_COLOR, ShapeKind::Color),
        (DXGI_OUTDUPL_POINTER_SHAPE_TYPE_MASKED_COLOR, ShapeKind::MaskedColor),
    ];
    let &(_, kind) = kinds.iter().find(|(number, _)| number.0 as u32 == info.Type)?;
    let monochrome = kind == ShapeKind::Monochrome;
    // The two masks of a monochrome shape are stacked, so its height is twice the visible one.
    let height = if monochrome { info.Height / 2 } else { info.Height };
    let row = if monochrome { info.Width.div_ceil(8) } else { info.Width.checked_mul(4)? };
    let plausible = (1..=LARGEST).contains(&info.Width)
        && (1..=LARGEST).contains(&height)
        && (!monochrome || info.Height.is_multiple_of(2))
        && info.Pitch >= row;
    let needed = (info.Height as usize).checked_sub(1)?.checked_mul(info.Pitch as usize)?.checked_add(row as usize)?;
    if !plausible || data.len() < needed {
        log::debug!("dxgi: ignoring a malformed pointer shape: {info:?} in {} bytes", data.len());
        return None;
    }
    Some(PointerShape {
        kind,
        size: Size::new(info.Width, height),
        pitch: info.Pitch as usize,
        hot_spot: Point::new(info.HotSpot.x, info.HotSpot.y),
        data,
    })
}
