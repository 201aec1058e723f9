//! The hooks: functions in place of the system's, which ask the simulation first.
//!
//! | installed | hooks |
//! |---|---|
//! | when the lab starts | `activation`, `creation`, `factory`, `adapter`, `output`, `display_config`, `duplicate` |
//! | when the lab starts, if the script says `timer` or `lab events` | `waits`, `waitable_timers` |
//! | when the lab starts, if the script concerns them | `platform` |
//! | when a device duplicates or captures for the first time | `device`, `completion`, `context`, `drawing`, `surface`, `sharing` |
//! | when a shared texture is created or opened | the part of `sharing` for textures |

mod activation;
mod adapter;
mod completion;
mod context;
mod creation;
mod device;
mod display_config;
mod drawing;
mod duplicate;
mod factory;
mod identity;
mod output;
mod platform;
mod queue;
mod sharing;
mod surface;
mod waitable_timers;
mod waits;
mod watched;

use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIFactory1, IDXGIOutput6};
use windows_core::{Interface, Result};

use crate::bypass::bypass;
use crate::patch::{function, vtable};
use crate::state::simulation::Simulation;

/// Installs the hooks with which everything begins.
pub(crate) fn install(sim: &Simulation) -> Result<()> {
    // SAFETY: plain creation and enumeration; the interfaces keep what they need alive.
    let (factory, adapter, output) = bypass(|| unsafe {
        let factory: IDXGIFactory1 = CreateDXGIFactory1()?;
        let adapter = factory.EnumAdapters1(0)?;
        let output: IDXGIOutput6 = adapter.EnumOutputs(0)?.cast()?;
        Result::Ok((factory, adapter, output))
    })?;
    display_config::install(&adapter)?;
    factory::install(&factory)?;
    adapter::install(&adapter)?;
    output::install(&output)?;
    duplicate::install(&output)?;
    creation::install()?;
    activation::install(sim)?;
    platform::install(sim)?;
    waits::install(sim)
}

/// Restores all functions.
pub(crate) fn restore() {
    vtable::restore();
    function::restore();
}
