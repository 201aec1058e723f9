//! What a frame shows, and what it looks like.

use crate::color::{Color, ToneMapping};
use crate::frame::{PixelFormat, Pointer};
use crate::frame_format::FrameSpec;
use crate::geometry::{Rect, Size};
use crate::pixels::{Placement, ToneSettings};
use crate::source::Output;

use super::regions::Regions;

/// What a frame shows, and in which format.
#[derive(Clone, PartialEq)]
pub(super) struct View {
    pub(super) spec: FrameSpec,
    pub(super) regions: Regions,
    /// Where the bounds of the regions are.
    pub(super) placement: Placement,
    /// The same in texture space.
    pub(super) bounds: Rect,
    pub(super) cursor: bool,
    /// Frames of another level of SDR white are other frames.
    pub(super) tone: ToneSettings,
}

impl View {
    /// `regions` of `output`, which is SDR, with the pointer over them if `cursor`.
    pub(super) fn new(output: &Output, regions: Regions, spec: FrameSpec, cursor: bool) -> Self {
        let placement = Placement { region: regions.bounds(), desktop: output.size, rotation: output.image_rotation };
        let bounds = placement.rotation.to_texture(placement.region, placement.desktop);
        Self { spec, regions, placement, bounds, cursor, tone: ToneSettings::default() }
    }

    /// The same of an output of this colour.
    pub(super) fn with_tone(self, color: &Color, mapping: ToneMapping) -> Self {
        Self { tone: ToneSettings::new(color, mapping), ..self }
    }

    /// The part of the desktop that it shows.
    pub(super) fn region(&self) -> Rect {
        self.placement.region
    }

    /// Width and height of the frame, or of each in a list.
    pub(super) fn size(&self) -> Size {
        self.spec.size_of(self.regions.all()[0].size())
    }

    /// Bytes of the frame, or of each in a list.
    pub(super) fn bytes_of_one(&self) -> usize {
        self.spec.format.bytes(self.size())
    }

    /// Bytes of all of it.
    pub(super) fn bytes(&self) -> usize {
        self.bytes_of_one() * self.regions.all().len()
    }

    /// The pixel format, if the frame is the region pixel by pixel, row by row.
    pub(super) fn as_packed(&self) -> Option<PixelFormat> {
        let is_region = self.regions.listed().is_none() && self.size() == self.placement.region.size();
        self.spec.format.as_packed().filter(|_| is_region)
    }

    /// Whether it holds half floats, and so more than a level per channel.
    pub(super) fn is_half_float(&self) -> bool {
        self.spec.format.is_half_float()
    }

    /// Whether a source that writes upright BGRA can write this frame directly.
    pub(super) fn is_native(&self) -> bool {
        self.as_packed() == Some(PixelFormat::Bgra) && self.placement.rotation.degrees() == 0
    }

    /// Texture pixels of the frame that `pointer` covers.
    pub(super) fn pointer_rect(&self, pointer: &Pointer) -> Option<Rect> {
        let visible = pointer.extent().filter(|_| self.cursor)?.intersection(self.placement.region)?;
        Some(self.placement.rotation.to_texture(visible, self.placement.desktop))
    }
}
