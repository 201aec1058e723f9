//! The damage of the last images, for several readers that each remember which image they have seen.

use std::collections::VecDeque;

use crate::frame::Damage;
use crate::geometry::Rect;
use crate::region::Region;

/// Images remembered. A reader that is further behind reads everything.
const REMEMBERED: usize = 32;

/// More rectangles than this cost more to copy one by one than their bounding box does.
const MOST_PARTS: usize = 24;

/// The damage of the last images. Images are numbered from 1.
#[derive(Default)]
pub(super) struct Changes {
    newest: u64,
    entries: VecDeque<Damage>,
}

impl Changes {
    /// The number of the newest image, 0 before the first.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// Adds a new image, which differs from the one before by `damage`.
    pub(super) fn push(&mut self, damage: Damage) {
        self.newest += 1;
        self.entries.push_back(damage);
        if self.entries.len() > REMEMBERED {
            self.entries.pop_front();
        }
    }

    /// What changed after image `seen` until `image`; `None` if that is no longer known, or `seen` is 0.
    ///
    /// A move reads from the image before its own. Across several images the reader has not seen that one, so moves become dirty.
    pub(super) fn between(&self, seen: u64, image: u64) -> Option<Damage> {
        let ahead = usize::try_from(self.newest.checked_sub(image)?).ok()?;
        let behind = usize::try_from(image.checked_sub(seen)?).ok()?;
        if seen == 0 || ahead + behind > self.entries.len() {
            return None;
        }
        let end = self.entries.len() - ahead;
        let mut entries = self.entries.range(end - behind..end);
        if behind == 1 {
            return entries.next().cloned();
        }
        let dirty = entries.flat_map(Damage::changed).collect();
        Some(Damage { dirty, moves: Vec::new() })
    }

    /// The pixels that changed after image `seen`, as few rectangles inside `whole`.
    pub(super) fn parts_since(&self, seen: u64, whole: Rect) -> Vec<Rect> {
        match self.between(seen, self.newest) {
            Some(damage) => {
                let mut region = Region::with_limit(usize::MAX);
                region.extend(damage.changed().filter_map(|r| r.intersection(whole)));
                region.simplified(MOST_PARTS)
            }
            None => vec![whole],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Move;
    use crate::geometry::Point;

    const WHOLE: Rect = Rect::new(0, 0, 100, 80);

    fn since(changes: &Changes, seen: u64) -> Option<Damage> {
        changes.between(seen, changes.newest())
    }

    fn dirty(rect: Rect) -> Damage {
        Damage { dirty: vec![rect], moves: Vec::new() }
    }

    #[test]
    fn every_reader_sees_every_image_from_where_it_stopped() {
        let mut changes = Changes::default();
        assert_eq!(since(&changes, 0), None);
        for i in 1..=3 {
            changes.push(dirty(Rect::new(i, 0, i + 1, 1)));
        }
        assert_eq!(changes.newest(), 3);
        assert_eq!(since(&changes, 3), Some(Damage::default()));
        assert_eq!(since(&changes, 2), Some(dirty(Rect::new(3, 0, 4, 1))));
        assert_eq!(since(&changes, 1).map(|d| d.dirty.len()), Some(2));
        assert_eq!(since(&changes, 0), None, "the first image is new everywhere");
        assert_eq!(changes.parts_since(0, WHOLE), [WHOLE]);
        assert!(changes.parts_since(3, WHOLE).is_empty());
        // A reader that has not seen the newest image yet.
        assert_eq!(changes.between(1, 2), Some(dirty(Rect::new(2, 0, 3, 1))));
        assert_eq!(changes.between(2, 2), Some(Damage::default()));
        assert_eq!((changes.between(3, 2), changes.between(1, 4)), (None, None));
    }

    #[test]
    fn a_reader_too_far_behind_reads_everything() {
        let mut changes = Changes::default();
        for _ in 0..=REMEMBERED {
            changes.push(Damage::default());
        }
        assert_eq!(since(&changes, 1).map(|d| d.dirty.len()), Some(0));
        changes.push(Damage::default());
        assert_eq!(since(&changes, 1), None);
    }

    #[test]
    fn moves_survive_one_image_and_become_dirty_over_several() {
        let moved = Move { source: Point::new(0, 0), destination: Rect::new(5, 5, 9, 9) };
        let mut changes = Changes::default();
        changes.push(dirty(WHOLE));
        changes.push(Damage { dirty: Vec::new(), moves: vec![moved] });
        assert_eq!(since(&changes, 1).map(|d| d.moves), Some(vec![moved]));
        changes.push(Damage::default());
        let changed = Damage { dirty: vec![moved.destination, moved.source_rect()], moves: Vec::new() };
        assert_eq!(since(&changes, 1), Some(changed));
    }

    #[test]
    fn many_parts_become_their_bounding_box() {
        let parts = |rects: Vec<Rect>| {
            let mut changes = Changes::default();
            changes.push(dirty(WHOLE));
            changes.push(Damage { dirty: rects, moves: Vec::new() });
            changes.parts_since(1, WHOLE)
        };
        let row = (0..40).map(|i| Rect::new(2 * i, 0, 2 * i + 1, 1)).collect();
        assert_eq!(parts(row), [Rect::new(0, 0, 79, 1)]);
        let two = [Rect::new(0, 0, 1, 1), Rect::new(50, 50, 200, 200)];
        assert_eq!(parts(two.to_vec()), [two[0], Rect::new(50, 50, 100, 80)]);
        assert_eq!(parts(vec![Rect::new(0, 0, 4, 8), Rect::new(3, 0, 8, 8)]), [Rect::new(0, 0, 8, 8)]);
    }
}
