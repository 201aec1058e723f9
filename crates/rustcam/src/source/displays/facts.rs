//! Adapters and displays, for reports about this machine.

use windows::core::Interface as _;
use windows::Win32::Graphics::Dxgi::Common::DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020;
use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIAdapter1, IDXGIFactory1, IDXGIOutput, IDXGIOutput6};

use super::outputs::is_software;
use super::utf16::text;
use crate::error::Result;
use crate::source::d3d11::failure::failed;
use crate::source::verdict::Call;
use crate::source::{Adapter, DynamicRange, Facts};

/// All adapters, those without outputs included, and the dynamic range of their outputs.
///
/// # Errors
/// `Duplication`.
pub(in crate::source) fn facts() -> Result<Facts> {
    let mut adapters = Vec::new();
    // SAFETY: no arguments; the result is checked.
    let factory: IDXGIFactory1 = unsafe { CreateDXGIFactory1() }.map_err(|e| failed(&e, Call::Enumerate))?;
    for index in 0.. {
        // SAFETY: any index is allowed.
        let Ok(adapter) = (unsafe { factory.EnumAdapters1(index) }) else { break };
        // SAFETY: the result is checked.
        let desc = unsafe { adapter.GetDesc1() }.map_err(|e| failed(&e, Call::Enumerate))?;
        adapters.push(Adapter {
            index: index as usize,
            name: text(&desc.Description),
            software: is_software(&desc),
            memory: desc.DedicatedVideoMemory as u64,
            outputs: dynamic_ranges(&adapter),
        });
    }
    Ok(Facts { adapters, server: None })
}

/// The dynamic range of every output of `adapter`.
fn dynamic_ranges(adapter: &IDXGIAdapter1) -> Vec<DynamicRange> {
    // SAFETY: any index is allowed.
    let outputs = (0..).map_while(|index| unsafe { adapter.EnumOutputs(index) }.ok());
    let range = |output: IDXGIOutput| {
        // SAFETY: the result is checked.
        let desc = output.cast::<IDXGIOutput6>().and_then(|output| unsafe { output.GetDesc1() });
        match desc {
            Ok(desc) if desc.ColorSpace == DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020 => DynamicRange::High,
            Ok(_) => DynamicRange::Standard,
            Err(_) => DynamicRange::Unknown,
        }
    };
    outputs.map(range).collect()
}
