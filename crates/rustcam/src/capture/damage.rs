//! Damage between two returned frames, accumulated over the images between them.

use crate::frame::{Damage, Move};
use crate::region::Region;

/// Damage since the last returned frame.
#[derive(Default)]
pub(super) struct DamageAccumulator {
    dirty: Region,
    moves: Vec<Move>,
}

impl DamageAccumulator {
    /// Adds the damage of one more image. A move reads from the image before its own. After several images that one was never returned,
    /// so moves become dirty rectangles.
    pub(super) fn add(&mut self, damage: Damage) {
        if self.dirty.is_empty() && self.moves.is_empty() {
            self.moves = damage.moves;
            self.dirty.extend(damage.dirty);
        } else {
            let before = Damage { dirty: Vec::new(), moves: std::mem::take(&mut self.moves) };
            self.dirty.extend(before.changed());
            self.dirty.extend(damage.changed());
        }
    }

    pub(super) fn into_damage(self) -> Damage {
        Damage { dirty: self.dirty.into_rects(), moves: self.moves }
    }
}
