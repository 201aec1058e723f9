//! The only file that names the backends.

use super::facts::Facts;
use super::options::{Backend, OpenOptions};
use super::output::Output;
use super::Source;
use crate::error::Result;

/// Opens one output.
///
/// # Errors
/// `InvalidArgument` if there is no such output, listing those that exist; `Duplication` if the system refuses.
pub fn open(options: &OpenOptions) -> Result<Box<dyn Source>> {
    match &options.backend {
        Backend::Sim(script) => Ok(Box::new(super::sim::SimSource::open(script, options)?)),
        #[cfg(windows)]
        Backend::Dxgi => Ok(Box::new(super::dxgi::DxgiSource::open(options)?)),
        #[cfg(target_os = "linux")]
        Backend::X11 => Ok(Box::new(super::x11::X11Source::open(options)?)),
        #[cfg(any(not(windows), not(target_os = "linux")))]
        other => Err(elsewhere(other)),
    }
}

/// All outputs of `backend`; exactly one is primary.
///
/// # Errors
/// As for [`open`].
pub fn outputs(backend: &Backend) -> Result<Vec<Output>> {
    match backend {
        Backend::Sim(script) => Ok(super::sim::outputs(script)),
        #[cfg(windows)]
        Backend::Dxgi => super::dxgi::outputs(),
        #[cfg(target_os = "linux")]
        Backend::X11 => super::x11::outputs(),
        #[cfg(any(not(windows), not(target_os = "linux")))]
        other => Err(elsewhere(other)),
    }
}

/// What `backend` knows about the system behind it, for reports about a machine.
///
/// # Errors
/// As for [`open`].
pub fn facts(backend: &Backend) -> Result<Facts> {
    match backend {
        #[cfg(windows)]
        Backend::Dxgi => super::dxgi::facts(),
        #[cfg(target_os = "linux")]
        Backend::X11 => super::x11::facts(),
        _ => Ok(Facts::default()),
    }
}

#[cfg(any(not(windows), not(target_os = "linux")))]
fn elsewhere(backend: &Backend) -> crate::error::Error {
    crate::error::Error::invalid(format!("the {backend} backend exists on another operating system only"))
}
