//! The pointer shape, decoded once for as long as it stays the same.

use std::sync::Arc;

use crate::frame::{Pointer, PointerShape};
use crate::pixels::PointerImage;

/// The last pointer shape, decoded once.
#[derive(Default)]
pub(super) struct PointerCache {
    decoded: Option<(Arc<PointerShape>, Option<PointerImage>)>,
}

impl PointerCache {
    /// The decoded shape; `None` if there is none or it is malformed.
    pub(super) fn image(&mut self, pointer: &Pointer) -> Option<&PointerImage> {
        let shape = pointer.shape.as_ref()?;
        if !self.decoded.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, shape)) {
            let image = PointerImage::decode(shape);
            // In a series of malformed shapes only the first is logged.
            let known = matches!(self.decoded, Some((_, None)));
            if image.is_none() && !known {
                log::warn!("ignoring a malformed pointer shape of {} ({:?})", shape.size, shape.kind);
            }
            self.decoded = Some((Arc::clone(shape), image));
        }
        self.decoded.as_ref().and_then(|(_, image)| image.as_ref())
    }
}
