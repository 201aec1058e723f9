//! What an item shows: an output of the scripted desktop, or a real window.

use std::time::Duration;

use rustcam::geometry::Size;
use rustcam::source::sim::Why;

use crate::capture::window::Window;
use crate::state::simulation::Simulation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The output of this index.
    Monitor(usize),
    Window(Window),
}

impl Target {
    /// The size that the item says.
    pub(crate) fn item_size(self, sim: &Simulation, now: Duration) -> Size {
        match self {
            Target::Monitor(output) => sim.worlds[output].geometry_at(now).size,
            Target::Window(window) => window.item_size(sim),
        }
    }

    /// Whether it is gone for good.
    pub(crate) fn is_gone(self, sim: &Simulation, now: Duration) -> bool {
        match self {
            Target::Monitor(output) => {
                let unplugged = sim.present_gap(now).is_some_and(|gap| gap.why == Why::Unplugged);
                unplugged || !sim.outputs_on(sim.adapter_of(output), now).any(|there| there == output)
            }
            Target::Window(window) => !window.lives(),
        }
    }
}
