//! What a script says to the lab, beyond what it says to the simulated desktop.

pub(crate) mod call;
pub(crate) mod change;
pub(crate) mod fault;
pub(crate) mod format;
pub(crate) mod settings;
pub(crate) mod wgc;
pub(crate) mod words;
