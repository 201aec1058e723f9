//! `ApiInformation`: what it says agrees with what the objects have.

use windows::Win32::Foundation::E_NOTIMPL;
use windows::Win32::System::WinRT::{IActivationFactory, IActivationFactory_Impl};
use windows_core::{implement, IInspectable, Result, HSTRING};

use crate::capture::abi::{IApiInformationStatics, IApiInformationStatics_Impl};
use crate::state::simulation::current;

/// The namespaces of which everything exists that is not listed below.
const KNOWN: [&str; 5] = [
    "Windows.Graphics.Capture.",
    "Windows.Graphics.DirectX.",
    "Windows.Graphics.",
    "Windows.Foundation.",
    "Windows.System.",
];
const CONTRACT: &str = "Windows.Foundation.UniversalApiContract";

/// The build that a type or a member of one came with, if it was not the first. Without a member it is the type.
const SINCE: &[(&str, &str, u32)] = &[
    ("GraphicsCaptureAccess", "", 20348),
    ("GraphicsCaptureAccessKind", "", 20348),
    ("GraphicsCaptureDirtyRegionMode", "", 26100),
    ("GraphicsCaptureSession", "IsCursorCaptureEnabled", 19041),
    ("GraphicsCaptureSession", "IsBorderRequired", 20348),
    ("GraphicsCaptureSession", "DirtyRegionMode", 26100),
    ("GraphicsCaptureSession", "MinUpdateInterval", 26100),
    ("GraphicsCaptureSession", "IncludeSecondaryWindows", 26100),
    ("Direct3D11CaptureFrame", "DirtyRegions", 26100),
    ("Direct3D11CaptureFrame", "DirtyRegionMode", 26100),
];

#[implement(IActivationFactory, IApiInformationStatics)]
pub(super) struct ApiInformation;

/// Whether a type, or a member of it, exists in the simulated build.
fn exists(class: &HSTRING, member: &str) -> bool {
    let Some(sim) = current() else { return false };
    let (class, wgc) = (class.to_string(), &sim.settings.wgc);
    let short = class.rsplit('.').next().unwrap_or_default();
    let since = |member: &str| {
        let found = SINCE.iter().find(|(of, name, _)| *of == short && *name == member);
        found.map_or(0, |(_, _, build)| *build)
    };
    let known = KNOWN.iter().any(|namespace| class.starts_with(namespace));
    known && !wgc.absent.contains(&short.to_ascii_lowercase()) && since("") <= wgc.build && since(member) <= wgc.build
}

impl IActivationFactory_Impl for ApiInformation_Impl {
    fn ActivateInstance(&self) -> Result<IInspectable> {
        Err(E_NOTIMPL.into())
    }
}

impl IApiInformationStatics_Impl for ApiInformation_Impl {
    fn IsTypePresent(&self, class: &HSTRING) -> Result<bool> {
        Ok(exists(class, ""))
    }

    fn IsMethodPresent(&self, class: &HSTRING, method: &HSTRING) -> Result<bool> {
        Ok(exists(class, &method.to_string()))
    }

    fn IsMethodPresentWithArity(&self, class: &HSTRING, method: &HSTRING, _parameters: u32) -> Result<bool> {
        Ok(exists(class, &method.to_string()))
    }

    fn IsEventPresent(&self, class: &HSTRING, event: &HSTRING) -> Result<bool> {
        Ok(exists(class, &event.to_string()))
    }

    fn IsPropertyPresent(&self, class: &HSTRING, property: &HSTRING) -> Result<bool> {
        Ok(exists(class, &property.to_string()))
    }

    fn IsReadOnlyPropertyPresent(&self, class: &HSTRING, property: &HSTRING) -> Result<bool> {
        Ok(exists(class, &property.to_string()))
    }

    fn IsWriteablePropertyPresent(&self, class: &HSTRING, property: &HSTRING) -> Result<bool> {
        Ok(exists(class, &property.to_string()))
    }

    fn IsEnumNamedValuePresent(&self, class: &HSTRING, _value: &HSTRING) -> Result<bool> {
        Ok(exists(class, ""))
    }

    fn IsApiContractPresentByMajor(&self, contract: &HSTRING, major: u16) -> Result<bool> {
        let sim = current().filter(|_| *contract == CONTRACT);
        Ok(sim.is_some_and(|sim| major <= sim.settings.wgc.contract()))
    }

    fn IsApiContractPresentByMajorAndMinor(&self, contract: &HSTRING, major: u16, minor: u16) -> Result<bool> {
        let whole = self.IsApiContractPresentByMajor(contract, major)?;
        Ok(whole && minor == 0)
    }
}
