//! Frames that are not the desktop pixel by pixel: what has to be read for them, and how each region becomes its frame.

use crate::frame::ImageRef;
use crate::frame_format::FrameFormat;
use crate::geometry::{Rect, Size};
use crate::pixels::{Finish, Pixels, Placement};
use crate::source::scaling::{ScaleRequest, ScaleStep, ScaledFormat};

use super::view::View;

/// Makes the frames of the regions of a view.
#[derive(Default)]
pub(super) struct Finishing {
    /// One per size of a region.
    sizes: Vec<(Size, Finish)>,
}

/// What is read for a frame, and what is written.
pub(super) struct Plan {
    /// In texture space, disjoint.
    parts: Vec<Rect>,
    steps: Vec<Step>,
    bytes: u64,
}

/// Pixels of one region's frame to write.
struct Step {
    /// The index of the region.
    region: usize,
    /// Relative to the frame.
    target: Rect,
    /// What they are made of, in texture space. One of the parts contains it.
    needed: Rect,
}

impl Plan {
    pub(super) fn parts(&self) -> &[Rect] {
        &self.parts
    }

    /// How many bytes are written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What a source that scales is asked for; `None` if its results would be no smaller than the parts, or are no levels.
    pub(super) fn scaled(&self, view: &View) -> Option<ScaleRequest> {
        let format = match view.spec.format {
            FrameFormat::Yuv(_) => ScaledFormat::Nv12,
            FrameFormat::Pixels { .. } => ScaledFormat::Bgra,
        };
        let results: u64 = self.steps.iter().map(|step| format.size(step.target.size()).area()).sum();
        let parts: u64 = self.parts.iter().map(|part| part.area()).sum();
        if view.is_half_float() || results >= parts {
            return None;
        }
        let scaled = |step: &Step| {
            let region = view.regions.all()[step.region];
            ScaleStep { region, size: view.spec.size_of(region.size()), target: step.target }
        };
        let steps = self.steps.iter().map(scaled).collect();
        Some(ScaleRequest { steps, resample: view.spec.resample, format, cursor: view.cursor })
    }
}

impl Finishing {
    /// What has to be done for the pixels that `changed`, in texture space, touch.
    pub(super) fn plan(&mut self, view: &View, changed: &[Rect]) -> Plan {
        let Placement { desktop, rotation, .. } = view.placement;
        let mut steps = Vec::new();
        let mut bytes = 0;
        for (index, &region) in view.regions.all().iter().enumerate() {
            let finish = self.of(view, region.size());
            let on_desktop = changed.iter().map(|part| rotation.to_desktop(*part, desktop));
            let touched = on_desktop.map(|part| finish.touched(part.translated(-region.left, -region.top)));
            for target in apart(touched.filter(|target| !target.is_empty()).collect()) {
                let needed = finish.needed(target).translated(region.left, region.top);
                steps.push(Step { region: index, target, needed: rotation.to_texture(needed, desktop) });
                bytes += view.spec.format.bytes(target.size()) as u64;
            }
        }
        let parts = apart(steps.iter().map(|step| step.needed).collect());
        Plan { parts, steps, bytes }
    }

    /// Writes what `pixels`, which are of one part of `plan`, take part in.
    pub(super) fn write(&mut self, view: &View, plan: &Plan, pixels: &Pixels<'_>, frame: &mut [u8]) {
        let len = view.bytes_of_one();
        for step in plan.steps.iter().filter(|step| pixels.part.contains(step.needed)) {
            let region = view.regions.all()[step.region];
            let placement = Placement { region, ..pixels.placement };
            let frame = &mut frame[step.region * len..][..len];
            self.of(view, region.size()).write(&Pixels { placement, ..*pixels }, step.target, frame);
        }
    }

    /// Writes step `index` of `plan`, which the source has scaled.
    pub(super) fn store(&mut self, view: &View, plan: &Plan, index: usize, scaled: ImageRef<'_>, frame: &mut [u8]) {
        let (len, step) = (view.bytes_of_one(), &plan.steps[index]);
        let frame = &mut frame[step.region * len..][..len];
        let finish = self.of(view, view.regions.all()[step.region].size());
        match view.spec.format {
            FrameFormat::Yuv(_) => finish.store_nv12(scaled, step.target, frame),
            FrameFormat::Pixels { .. } => finish.store(scaled, step.target, frame),
        }
    }

    fn of(&mut self, view: &View, region: Size) -> &mut Finish {
        let (spec, size) = (view.spec, view.spec.size_of(region));
        let is_same = |finish: &Finish| finish.is(region, size, spec.resample, spec.format);
        let index = match self.sizes.iter().position(|(known, _)| *known == region) {
            Some(index) if is_same(&self.sizes[index].1) => index,
            known => {
                if let Some(index) = known {
                    self.sizes.remove(index);
                }
                // Regions follow a changed output; sizes that are gone are forgotten.
                self.sizes.retain(|(known, _)| view.regions.all().iter().any(|region| region.size() == *known));
                self.sizes.push((region, Finish::new(region, size, spec.resample, spec.format)));
                self.sizes.len() - 1
            }
        };
        &mut self.sizes[index].1
    }
}

/// Disjoint rectangles, each of `rects` inside one of them.
fn apart(mut rects: Vec<Rect>) -> Vec<Rect> {
    let mut apart: Vec<Rect> = Vec::new();
    while let Some(mut rect) = rects.pop() {
        while let Some(index) = apart.iter().position(|other| other.intersection(rect).is_some()) {
            rect = rect.union(apart.swap_remove(index));
        }
        apart.push(rect);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_that_touch_each_other_become_one() {
        let [a, b, c, d] = [(0, 0, 4, 4), (3, 3, 6, 6), (10, 0, 12, 2), (5, 1, 11, 3)]
            .map(|(left, top, right, bottom)| Rect::new(left, top, right, bottom));
        assert_eq!(apart(vec![a, c]).len(), 2);
        assert_eq!(apart(vec![a, b]), [Rect::new(0, 0, 6, 6)]);
        assert_eq!(apart(vec![a, b, c, d]), [Rect::new(0, 0, 12, 6)]);
        assert!(apart(Vec::new()).is_empty());
    }
}
