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
    mapped(damage, |r| rotation.to_desktop(r, desktop))
}

/// Damage as the source sees it.
pub(super) fn to_texture(damage: Damage, output: &Output) -> Damage {
    let (rotation, desktop) = (output.image_rotation, output.size);
    mapped(damage, |r| rotation.to_texture(r, desktop))
}

fn mapped(damage: Damage, map: impl Fn(Rect) -> Rect) -> Damage {
    let moved = |m: Move| Move {
        source: map(Rect::at(m.source, m.destination.size())).origin(),
        destination: map(m.destination),
    };
    Damage { dirty: damage.dirty.into_iter().map(&map).collect(), moves: damage.moves.into_iter().map(moved).collect() }
}
