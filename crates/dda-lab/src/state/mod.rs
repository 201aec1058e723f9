//! The simulation: the scripted desktop at this moment, and records of what the program has made of it.

pub(crate) mod completions;
pub(crate) mod describe;
pub(crate) mod device;
pub(crate) mod keyed_lock;
pub(crate) mod lifetime;
pub(crate) mod mapping;
pub(crate) mod presenters;
pub(crate) mod queue;
pub(crate) mod schedule;
pub(crate) mod simulation;
pub(crate) mod surface;
pub(crate) mod texture;
