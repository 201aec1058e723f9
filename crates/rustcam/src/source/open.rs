//! The only file that names the backends.

use super::facts::Facts;
use super::options::{Backend, OpenOptions};
use super::output::Output;
use super::window::Window;
use super::{CheckInterrupt, Source};
use crate::error::Result;

/// Opens one output, or one window. `interrupt` ends that early, where the system takes its time.
///
/// # Errors
/// `InvalidArgument` if there is no such output or window, listing those that exist, or if the backend captures no windows; `Duplication`
/// if the system refuses; the interrupt's.
#[cfg_attr(not(target_os = "linux"), allow(unused_variables, reason = "only an X server keeps its clients waiting"))]
pub fn open(options: &OpenOptions, interrupt: &mut CheckInterrupt<'_>) -> Result<Box<dyn Source>> {
    match &options.backend {
        Backend::Sim(script) => Ok(Box::new(super::sim::SimSource::open(script, options)?)),
        #[cfg(windows)]
        Backend::Dxgi => open_output(options),
        #[cfg(windows)]
        Backend::Wgc => Ok(Box::new(super::wgc::WgcSource::open(options, None)?)),
        #[cfg(target_os = "linux")]
        Backend::X11 => Ok(Box::new(super::x11::X11Source::open(options, interrupt)?)),
        #[cfg(any(not(windows), not(target_os = "linux")))]
        other => Err(elsewhere(other)),
    }
}

/// Opens an output through Desktop Duplication, or through Windows.Graphics.Capture if the options allow that and the system keeps refusing
/// duplication for a reason that does not pass: what refuses both is waited out.
#[cfg(windows)]
fn open_output(options: &OpenOptions) -> Result<Box<dyn Source>> {
    if options.window.is_some() {
        return Err(outputs_only(&options.backend));
    }
    let error = match super::dxgi::DxgiSource::open(options) {
        Ok(source) => return Ok(Box::new(source)),
        Err(error) => error,
    };
    if !(options.fall_back && options.keeps_being_refused(error.code())) {
        return Err(error);
    }
    let instead = format!("Windows.Graphics.Capture is used, because {}", error.message());
    match super::wgc::WgcSource::open(options, Some(instead)) {
        Ok(source) => {
            log::info!("Windows.Graphics.Capture in place of duplication: {error}");
            Ok(Box::new(source))
        }
        Err(other) => {
            log::debug!("no Windows.Graphics.Capture in place of duplication: {other}");
            Err(error)
        }
    }
}

/// All outputs of `backend`; exactly one is primary.
///
/// # Errors
/// As for [`open`].
#[cfg_attr(not(target_os = "linux"), allow(unused_variables, reason = "only an X server keeps its clients waiting"))]
pub fn outputs(backend: &Backend, interrupt: &mut CheckInterrupt<'_>) -> Result<Vec<Output>> {
    match backend {
        Backend::Sim(script) => Ok(super::sim::outputs(script)),
        #[cfg(windows)]
        Backend::Dxgi | Backend::Wgc => super::displays::outputs(),
        #[cfg(target_os = "linux")]
        Backend::X11 => super::x11::outputs(interrupt),
        #[cfg(any(not(windows), not(target_os = "linux")))]
        other => Err(elsewhere(other)),
    }
}

/// All windows that `backend` can capture, the top-most first.
///
/// # Errors
/// As for [`open`].
#[cfg_attr(not(target_os = "linux"), allow(unused_variables, reason = "only an X server keeps its clients waiting"))]
pub fn windows(backend: &Backend, interrupt: &mut CheckInterrupt<'_>) -> Result<Vec<Window>> {
    match backend {
        Backend::Sim(script) => Ok(super::sim::windows(script)),
        #[cfg(windows)]
        Backend::Dxgi => Err(outputs_only(backend)),
        #[cfg(windows)]
        Backend::Wgc => Ok(super::wgc::windows()),
        #[cfg(target_os = "linux")]
        Backend::X11 => super::x11::windows(interrupt),
        #[cfg(any(not(windows), not(target_os = "linux")))]
        other => Err(elsewhere(other)),
    }
}

/// What `backend` knows about the system behind it, for reports about a machine.
///
/// # Errors
/// As for [`open`].
#[cfg_attr(not(target_os = "linux"), allow(unused_variables, reason = "only an X server keeps its clients waiting"))]
pub fn facts(backend: &Backend, interrupt: &mut CheckInterrupt<'_>) -> Result<Facts> {
    match backend {
        #[cfg(windows)]
        Backend::Dxgi | Backend::Wgc => super::displays::facts(),
        #[cfg(target_os = "linux")]
        Backend::X11 => super::x11::facts(interrupt),
        _ => Ok(Facts::default()),
    }
}

/// The error of a backend that captures no windows, asked for one.
#[cfg(windows)]
pub(super) fn outputs_only(backend: &Backend) -> crate::error::Error {
    crate::error::Error::invalid(format!("the {backend} backend captures outputs only"))
        .with_hint("backend=\"auto\" and backend=\"wgc\" capture windows")
}

#[cfg(any(not(windows), not(target_os = "linux")))]
fn elsewhere(backend: &Backend) -> crate::error::Error {
    crate::error::Error::invalid(format!("the {backend} backend exists on another operating system only"))
}
