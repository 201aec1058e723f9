//! A set of rectangles that says which pixels of a buffer are out of date.

use crate::geometry::Rect;

/// Above this many rectangles a set is replaced by its bounding box: the pixels saved are no longer worth the requests.
const MAX_RECTS: usize = 32;

/// A bounded set of rectangles. It may cover more than what was added, never less.
#[derive(Clone, Debug, Default)]
pub(super) struct Patches {
    rects: Vec<Rect>,
}

impl Patches {
    pub(super) fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.rects.iter().any(|r| r.contains(rect)) {
            return;
        }
        self.rects.retain(|r| !rect.contains(*r));
        self.rects.push(rect);
        if self.rects.len() > MAX_RECTS {
            self.rects = vec![self.bounds()];
        }
    }

    pub(super) fn extend(&mut self, rects: impl IntoIterator<Item = Rect>) {
        rects.into_iter().for_each(|r| self.add(r));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// Number of pixels, counting overlaps more than once: good enough to compare two sets.
    pub(super) fn area(&self) -> u64 {
        self.rects.iter().map(|r| r.area()).sum()
    }

    pub(super) fn into_rects(self) -> Vec<Rect> {
        self.rects
    }

    fn bounds(&self) -> Rect {
        self.rects.iter().fold(Rect::default(), |all, r| all.union(*r))
    }

    /// The same pixels inside `bounds` as rectangles that do not overlap.
    pub(super) fn disjoint(&self, bounds: Rect) -> Vec<Rect> {
        let mut parts: Vec<Rect> = Vec::with_capacity(self.rects.len());
        for rect in self.rects.iter().filter_map(|r| r.intersection(bounds)) {
            let mut pieces = vec![rect];
            for known in &parts {
                pieces = pieces.iter().flat_map(|piece| without(*piece, *known)).collect();
            }
            parts.extend(pieces);
            if parts.len() > MAX_RECTS {
                return self.bounds().intersection(bounds).into_iter().collect();
            }
        }
        parts
    }
}

/// `rect` without the pixels of `hole`: at most four rectangles.
fn without(rect: Rect, hole: Rect) -> impl Iterator<Item = Rect> {
    let hole = rect.intersection(hole).unwrap_or(Rect::new(rect.left, rect.top, rect.left, rect.top));
    let pieces = if hole.is_empty() {
        [rect, Rect::default(), Rect::default(), Rect::default()]
    } else {
        [
            Rect { bottom: hole.top, ..rect },
            Rect { top: hole.bottom, ..rect },
            Rect { top: hole.top, bottom: hole.bottom, right: hole.left, ..rect },
            Rect { top: hole.top, bottom: hole.bottom, left: hole.right, ..rect },
        ]
    };
    pieces.into_iter().filter(|r| !r.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rect() -> impl Strategy<Value = Rect> {
        (-5i32..40, -5i32..40, 0i32..25, 0i32..25).prop_map(|(l, t, w, h)| Rect::new(l, t, l + w, t + h))
    }

    fn covers(rects: &[Rect], x: i32, y: i32) -> usize {
        rects.iter().filter(|r| r.contains(Rect::new(x, y, x + 1, y + 1))).count()
    }

    proptest! {
        #[test]
        fn disjoint_parts_cover_every_added_pixel_once(rects in prop::collection::vec(rect(), 0..50)) {
            let bounds = Rect::new(0, 0, 35, 33);
            let mut patches = Patches::default();
            patches.extend(rects.iter().copied());
            let parts = patches.disjoint(bounds);
            prop_assert!(parts.iter().all(|p| !p.is_empty() && bounds.contains(*p)));
            for y in -6..66 {
                for x in -6..66 {
                    let inside = bounds.contains(Rect::new(x, y, x + 1, y + 1));
                    prop_assert!(covers(&parts, x, y) <= 1);
                    if inside && covers(&rects, x, y) > 0 {
                        prop_assert_eq!(covers(&parts, x, y), 1);
                    }
                }
            }
        }
    }

    #[test]
    fn few_rectangles_are_kept_exactly() {
        let mut patches = Patches::default();
        patches.add(Rect::new(0, 0, 10, 10));
        patches.add(Rect::new(2, 2, 5, 5));
        patches.add(Rect::new(20, 20, 22, 22));
        assert_eq!(patches.area(), 104);
        assert!(!patches.is_empty());
    }
}
