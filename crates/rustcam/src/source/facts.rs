//! What a backend knows about the system behind it, independent of the captured output: for reports about a machine.

/// What a backend knows about the system behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// Graphics adapters, those without outputs included. Empty where the system does not list adapters.
    pub adapters: Vec<Adapter>,
    /// The display server, where there is one.
    pub server: Option<Server>,
}

/// A graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adapter {
    /// Its index, as in [`super::Output::device_idx`].
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Whether it renders on the processor.
    pub software: bool,
    /// Dedicated memory in bytes.
    pub memory: u64,
    /// The dynamic range of each of its outputs.
    pub outputs: Vec<DynamicRange>,
}

/// The dynamic range that an output shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DynamicRange {
    /// Standard.
    Standard,
    /// High.
    High,
    /// The system does not say.
    Unknown,
}

/// A display server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// Its vendor.
    pub vendor: String,
    /// Whether it runs on this machine.
    pub local: bool,
    /// Whether a compositing manager runs.
    pub composited: bool,
    /// Whether it shows its windows on a Wayland desktop, of which it knows nothing.
    pub xwayland: bool,
}
