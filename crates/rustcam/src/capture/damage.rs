//! Damage between two returned frames, merged, and as the user sees it.

use crate::frame::{Damage, Move};
use crate::geometry::Rect;
use crate::source::Output;

use super::patches::Patches;

/// Damage since the last returned frame.
#[derive(Default)]
pub(super) struct DamageLog {
    dirty: Patches,
    moves: Vec<Move>,
}

impl DamageLog {
    /// Moves read from the image before them. Once several images are merged that image was never returned, so moves become dirty.
    pub(super) fn add(&mut self, damage: Damage) {
        if self.dirty.is_empty() && self.moves.is_empty() {
            self.moves = damage.moves;
        } else {
            let moved = std::mem::take(&mut self.moves).into_iter().chain(damage.moves);
            self.dirty.extend(moved.map(|m| m.destination));
        }
        self.dirty.extend(damage.dirty);
    }

    pub(super) fn into_damage(self) -> Damage {
        Damage { dirty: self.dirty.into_rects(), moves: self.moves }
    }
}

/// Damage as the user sees it.
pub(super) fn to_desktop(damage: Damage, output: &Output) -> Damage {
    let (rotation, desktop) = (output.image_rotation, output.size);
    Damage {
        dirty: damage.dirty.into_iter().map(|r| rotation.to_desktop(r, desktop)).collect(),
        moves: damage
            .moves
            .into_iter()
            .map(|m| {
                let from = Rect::at(m.source, m.destination.size());
                Move {
                    source: rotation.to_desktop(from, desktop).origin(),
                    destination: rotation.to_desktop(m.destination, desktop),
                }
            })
            .collect(),
    }
}
