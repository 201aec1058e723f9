//! What the dirty regions of a frame say.

use rustcam::geometry::Rect;

use crate::capture::painter::pointer_place;
use crate::capture::stream::Update;
use crate::capture::target::Target;
use crate::script::wgc::Dirty;
use crate::state::simulation::Simulation;

/// The parts in which `update` differs from the one that was offered before.
pub(crate) fn parts(sim: &Simulation, target: Target, before: Option<&Update>, update: &Update) -> Vec<Rect> {
    let whole = update.content.rect();
    match (target, before) {
        (Target::Monitor(output), Some(before)) if before.content == update.content => {
            let damage = sim.worlds[output].damage(before.number, update.number);
            let moved = damage.moves.iter().map(|moved| moved.destination).collect::<Vec<_>>();
            let pointers = [&before.pointer, &update.pointer].into_iter().flatten().map(pointer_place);
            let parts = damage.dirty.into_iter().chain(moved).chain(pointers);
            parts.filter_map(|part| part.intersection(whole)).filter(|part| !part.is_empty()).collect()
        }
        _ => vec![whole],
    }
}

/// What the script lets a frame report.
pub(crate) fn reported(sim: &Simulation, parts: &[Rect], whole: Rect) -> Vec<Rect> {
    match sim.settings.wgc.dirty {
        Dirty::Exact => parts.to_vec(),
        Dirty::All => vec![whole],
        Dirty::Empty => Vec::new(),
        Dirty::Outside => {
            let beyond = Rect::new(whole.right - 8, whole.bottom - 8, whole.right + 64, whole.bottom + 64);
            parts.iter().copied().chain([beyond]).collect()
        }
    }
}
