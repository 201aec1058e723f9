//! The content of a shared texture, and which parts of it differ from the newest image.

use crate::geometry::Rect;
use crate::source::scaling::Scale;
use crate::source::Output;

use super::changes::Changes;
use super::shader_data::ToneConstants;

/// What was rendered into a texture last.
#[derive(Clone, Copy)]
pub(super) struct Rendered {
    pub(super) image: u64,
    pub(super) region: Rect,
    /// How half floats were mapped to 8 bits; `None` if they were not.
    pub(super) tone: Option<ToneConstants>,
    /// How the region was scaled; `None` if it was not.
    pub(super) scale: Option<Scale>,
    /// The part of the region that the pointer covers.
    pub(super) pointer: Option<Rect>,
}

impl Rendered {
    /// The parts of the region that differ from the newest image of `changes`.
    pub(super) fn stale(self, changes: &Changes, output: &Output) -> Vec<Rect> {
        let changed = changes.parts_since(self.image, output.texture_size().rect()).into_iter().filter_map(|part| {
            let part = output.image_rotation.to_desktop(part, output.size).intersection(self.region)?;
            Some(part.translated(-self.region.left, -self.region.top))
        });
        changed.chain(self.pointer).collect()
    }
}
