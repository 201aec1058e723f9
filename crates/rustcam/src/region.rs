//! Sets of pixels as lists of rectangles.

use crate::geometry::Rect;

/// A set of rectangles with a bounded length. It may cover more pixels than were added, never fewer: above its limit it becomes its
/// bounding box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    rects: Vec<Rect>,
    limit: usize,
}

impl Default for Region {
    fn default() -> Self {
        Self::with_limit(Self::LIMIT)
    }
}

impl Region {
    /// Above this many rectangles the pixels saved are no longer worth the requests for them.
    pub const LIMIT: usize = 32;

    /// An empty set of at most `limit` rectangles.
    pub const fn with_limit(limit: usize) -> Self {
        Self { rects: Vec::new(), limit }
    }

    /// Adds the pixels of `rect`.
    pub fn add(&mut self, rect: Rect) {
        if rect.is_empty() || self.rects.iter().any(|r| r.contains(rect)) {
            return;
        }
        self.rects.retain(|r| !rect.contains(*r));
        self.rects.push(rect);
        self.enforce_limit();
    }

    /// Removes the pixels of `hole`.
    pub fn minus(&mut self, hole: Rect) {
        if self.rects.iter().any(|r| r.intersection(hole).is_some()) {
            self.rects = self.rects.iter().flat_map(|r| minus(*r, hole)).collect();
            self.enforce_limit();
        }
    }

    /// Whether it has no pixel.
    pub fn is_empty(&self) -> bool {
        self.rects.is_empty()
    }

    /// Its rectangles, which may overlap.
    pub fn rects(&self) -> &[Rect] {
        &self.rects
    }

    /// Its rectangles, which may overlap.
    pub fn into_rects(self) -> Vec<Rect> {
        self.rects
    }

    /// Number of pixels, overlaps counted more than once: good enough to compare two sets.
    pub fn area(&self) -> u64 {
        self.rects.iter().map(|r| r.area()).sum()
    }

    /// The smallest rectangle around all pixels.
    pub fn bounds(&self) -> Rect {
        bounds(&self.rects)
    }

    /// The same pixels inside `within` as rectangles that do not overlap.
    pub fn disjoint(&self, within: Rect) -> Vec<Rect> {
        let mut parts: Vec<Rect> = Vec::with_capacity(self.rects.len());
        for rect in self.rects.iter().filter_map(|r| r.intersection(within)) {
            let mut pieces = vec![rect];
            for known in &parts {
                pieces = pieces.iter().flat_map(|piece| minus(*piece, *known)).collect();
            }
            parts.extend(pieces);
            if parts.len() > self.limit {
                return self.bounds().intersection(within).into_iter().collect();
            }
        }
        parts
    }

    /// The same pixels or more in at most `most` rectangles: the bounding box, where there are more or where together they have as many
    /// pixels as that.
    #[cfg_attr(not(any(windows, test)), allow(dead_code, reason = "only the Windows backends need it"))]
    pub fn simplified(self, most: usize) -> Vec<Rect> {
        let bounds = self.bounds();
        if self.rects.len() > most || (self.rects.len() > 1 && self.area() >= bounds.area()) {
            return vec![bounds];
        }
        self.rects
    }

    fn enforce_limit(&mut self) {
        if self.rects.len() > self.limit {
            self.rects = vec![self.bounds()];
        }
    }
}

impl Extend<Rect> for Region {
    fn extend<I: IntoIterator<Item = Rect>>(&mut self, rects: I) {
        rects.into_iter().for_each(|r| self.add(r));
    }
}

/// The smallest rectangle around all of `rects`.
pub fn bounds(rects: &[Rect]) -> Rect {
    rects.iter().fold(Rect::default(), |all, &r| all.union(r))
}

/// Whether `parts`, which do not overlap, leave no pixel of `rect` out.
pub fn covers(parts: &[Rect], rect: Rect) -> bool {
    parts.iter().filter_map(|p| p.intersection(rect)).map(Rect::area).sum::<u64>() >= rect.area()
}

/// `rect` without the pixels of `hole`: at most four rectangles.
fn minus(rect: Rect, hole: Rect) -> impl Iterator<Item = Rect> {
    let pieces = match rect.intersection(hole) {
        None => [rect, Rect::default(), Rect::default(), Rect::default()],
        Some(hole) => [
            Rect { bottom: hole.top, ..rect },
            Rect { top: hole.bottom, ..rect },
            Rect { top: hole.top, bottom: hole.bottom, right: hole.left, ..rect },
            Rect { top: hole.top, bottom: hole.bottom, left: hole.right, ..rect },
        ],
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

    fn pixel(x: i32, y: i32) -> Rect {
        Rect::new(x, y, x + 1, y + 1)
    }

    /// How many of `rects` have the pixel.
    fn count(rects: &[Rect], x: i32, y: i32) -> usize {
        rects.iter().filter(|r| r.contains(pixel(x, y))).count()
    }

    proptest! {
        #[test]
        fn disjoint_parts_cover_every_added_pixel_once(rects in prop::collection::vec(rect(), 0..50)) {
            let within = Rect::new(0, 0, 35, 33);
            let mut region = Region::default();
            region.extend(rects.iter().copied());
            let parts = region.disjoint(within);
            prop_assert!(parts.iter().all(|p| !p.is_empty() && within.contains(*p)));
            for y in -6..66 {
                for x in -6..66 {
                    prop_assert!(count(&parts, x, y) <= 1);
                    if within.contains(pixel(x, y)) && count(&rects, x, y) > 0 {
                        prop_assert_eq!(count(&parts, x, y), 1);
                    }
                }
            }
            prop_assert!(rects.iter().filter_map(|r| r.intersection(within)).all(|r| covers(&parts, r)));
        }

        #[test]
        fn minus_removes_the_hole_and_nothing_else(rects in prop::collection::vec(rect(), 0..6), hole in rect()) {
            let mut region = Region::with_limit(usize::MAX);
            region.extend(rects.iter().copied());
            region.minus(hole);
            for y in -6..66 {
                for x in -6..66 {
                    let expected = count(&rects, x, y) > 0 && !hole.contains(pixel(x, y));
                    prop_assert_eq!(count(region.rects(), x, y) > 0, expected);
                }
            }
        }

        #[test]
        fn a_simplified_region_covers_at_least_the_same(rects in prop::collection::vec(rect(), 0..40)) {
            let mut region = Region::with_limit(usize::MAX);
            region.extend(rects.iter().copied());
            let simple = region.simplified(24);
            prop_assert!(simple.len() <= 24);
            for y in -6..66 {
                for x in -6..66 {
                    prop_assert!(count(&rects, x, y) == 0 || count(&simple, x, y) > 0);
                }
            }
        }
    }

    #[test]
    fn few_rectangles_are_kept_exactly() {
        let mut region = Region::default();
        region.add(Rect::new(0, 0, 10, 10));
        region.add(Rect::new(2, 2, 5, 5));
        region.add(Rect::new(20, 20, 22, 22));
        assert_eq!((region.area(), region.bounds()), (104, Rect::new(0, 0, 22, 22)));
        assert!(!region.is_empty());
    }

    #[test]
    fn many_rectangles_become_their_bounding_box() {
        let mut region = Region::with_limit(24);
        region.extend((0..40).map(|i| Rect::new(2 * i, 0, 2 * i + 1, 1)));
        assert!(region.rects().len() <= 24);
        assert_eq!(region.bounds(), Rect::new(0, 0, 79, 1));
        assert!(!covers(&[Rect::new(0, 0, 5, 5)], Rect::new(0, 0, 6, 5)));
    }
}
