//! Which of the lab's factories, adapters and outputs an object is.

use windows::Win32::Graphics::Dxgi::{IDXGIAdapter, IDXGIObject, IDXGIOutput};

use crate::com::tag::Tag;
use crate::state::simulation::Simulation;

/// The generation that a factory belongs to: that of the moment when a hook saw it first.
pub(crate) fn factory_generation(sim: &Simulation, factory: &IDXGIObject) -> u64 {
    let tag = Tag::read(factory, sim.run).unwrap_or_else(|| {
        let tag = Tag { run: sim.run, number: 0, generation: sim.generation(sim.now()) };
        tag.write(factory);
        tag
    });
    tag.generation
}

/// Notes that `adapter` is adapter `index`, found in `generation`.
pub(crate) fn tag_adapter(sim: &Simulation, adapter: &IDXGIAdapter, index: u64, generation: u64) {
    Tag { run: sim.run, number: index, generation }.write(adapter);
}

/// The index of an adapter, and the number of its LUID: how many others it had before.
pub(crate) fn adapter_identity(sim: &Simulation, adapter: &IDXGIAdapter) -> (u64, u64) {
    let now = sim.now();
    let (index, known) =
        Tag::read(adapter, sim.run).map_or((0, now), |tag| (tag.number, sim.known_until(tag.generation, now)));
    (index, sim.settings.changes.renewals(index, known))
}

/// Notes that `output` is output `index`, found in `generation`.
pub(crate) fn tag_output(sim: &Simulation, output: &IDXGIOutput, index: usize, generation: u64) {
    Tag { run: sim.run, number: index as u64, generation }.write(output);
}

/// The index of an output, and the generation that it was found in.
pub(crate) fn output_index(sim: &Simulation, output: &IDXGIOutput) -> (usize, u64) {
    Tag::read(output, sim.run).map_or((0, 0), |tag| (tag.number as usize, tag.generation))
}
