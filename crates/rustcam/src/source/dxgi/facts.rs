//! What a report about this machine says of its adapters and displays.

use windows::core::Interface as _;
use windows::Win32::Graphics::Dxgi::Common::DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020;
use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIAdapter1, IDXGIFactory1, IDXGIOutput6};

use super::hresult::Call;
use super::outputs::{failed, is_software, text};
use crate::error::Result;
use crate::source::Fact;

/// All adapters, also those that show nothing, and the dynamic range of their outputs.
///
/// # Errors
/// `Duplication`.
pub fn facts() -> Result<Vec<Fact>> {
    let mut facts = Vec::new();
    // SAFETY: no arguments; the result is checked.
    let factory: IDXGIFactory1 = unsafe { CreateDXGIFactory1() }.map_err(|e| failed(&e, Call::Enumerate))?;
    for device in 0.. {
        // SAFETY: any index is allowed.
        let Ok(adapter) = (unsafe { factory.EnumAdapters1(device) }) else { break };
        // SAFETY: the result is checked.
        let desc = unsafe { adapter.GetDesc1() }.map_err(|e| failed(&e, Call::Enumerate))?;
        let ranges = ranges(&adapter);
        let subject = format!("adapter {device}");
        let mut add = |name, value| facts.push(Fact { subject: subject.clone(), name, value });
        add("name", text(&desc.Description));
        add("kind", if is_software(&desc) { "software" } else { "hardware" }.to_owned());
        add("memory", format!("{} MB", desc.DedicatedVideoMemory >> 20));
        add("outputs", ranges.len().to_string());
        for (output, value) in ranges.into_iter().enumerate() {
            facts.push(Fact { subject: format!("output {device}.{output}"), name: "range", value });
        }
    }
    Ok(facts)
}

/// The dynamic range of every output of `adapter`.
fn ranges(adapter: &IDXGIAdapter1) -> Vec<String> {
    // SAFETY: any index is allowed.
    let outputs = (0..).map_while(|index| unsafe { adapter.EnumOutputs(index) }.ok());
    let range = |output: windows::Win32::Graphics::Dxgi::IDXGIOutput| {
        // SAFETY: the result is checked.
        let desc = output.cast::<IDXGIOutput6>().and_then(|output| unsafe { output.GetDesc1() });
        match desc {
            Ok(desc) if desc.ColorSpace == DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020 => "HDR",
            Ok(_) => "SDR",
            Err(_) => "unknown",
        }
        .to_owned()
    };
    outputs.map(range).collect()
}
