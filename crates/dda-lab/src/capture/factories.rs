//! Activation factories. Programs keep them for ever, so they ask at each call for the simulation that runs.

use std::ffi::c_void;
use std::sync::Arc;

use rustcam::source::sim::Why;
use windows::Graphics::Capture::{Direct3D11CaptureFramePool, GraphicsCaptureAccessKind};
use windows::Graphics::DirectX::Direct3D11::IDirect3DDevice;
use windows::Graphics::DirectX::DirectXPixelFormat;
use windows::Graphics::SizeInt32;
use windows::Security::Authorization::AppCapabilityAccess::AppCapabilityAccessStatus;
use windows::System::DispatcherQueueController;
use windows::Win32::Foundation::{E_INVALIDARG, E_NOTIMPL, HWND, REGDB_E_CLASSNOTREG};
use windows::Win32::Graphics::Gdi::{GetMonitorInfoW, HMONITOR, MONITORINFO, MONITORINFOEXW};
use windows::Win32::System::WinRT::Graphics::Capture::{IGraphicsCaptureItemInterop, IGraphicsCaptureItemInterop_Impl};
use windows::Win32::System::WinRT::{IActivationFactory, IActivationFactory_Impl};
use windows_core::{implement, IInspectable, Interface, Ref, Result, GUID, HRESULT};
use windows_future::IAsyncOperation;

use crate::capture::abi::{
    IDirect3D11CaptureFramePoolStatics, IDirect3D11CaptureFramePoolStatics2, IDirect3D11CaptureFramePoolStatics2_Impl,
    IDirect3D11CaptureFramePoolStatics_Impl, IDispatcherQueueControllerStatics, IDispatcherQueueControllerStatics_Impl,
    IGraphicsCaptureAccessStatics, IGraphicsCaptureAccessStatics_Impl, IGraphicsCaptureSessionStatics,
    IGraphicsCaptureSessionStatics_Impl,
};
use crate::capture::api_information::ApiInformation;
use crate::capture::frame_pool;
use crate::capture::item::Item;
use crate::capture::queue::ThreadQueue;
use crate::capture::target::Target;
use crate::capture::window::Window;
use crate::script::call::Call;
use crate::state::describe;
use crate::state::simulation::{current, Simulation};

/// `ERROR_SERVICE_DOES_NOT_EXIST`: what items are refused with on the secure desktop.
const NO_SERVICE: HRESULT = HRESULT(0x8007_0424_u32 as i32);

/// The factory of a class; `None` if the lab does not have it.
///
/// # Errors
/// If the simulated system does not have the class.
pub(crate) fn factory(sim: &Simulation, class: &str) -> Result<Option<IActivationFactory>> {
    let wgc = &sim.settings.wgc;
    let Some(name) = class.strip_prefix("Windows.") else { return Ok(None) };
    let short = name.rsplit('.').next().unwrap_or_default();
    let build = wgc.build;
    let factory: IActivationFactory = match name {
        "Graphics.Capture.GraphicsCaptureItem" if build < 18362 => OldItems.into(),
        "Graphics.Capture.GraphicsCaptureItem" => Items.into(),
        "Graphics.Capture.Direct3D11CaptureFramePool" => Pools.into(),
        "Graphics.Capture.GraphicsCaptureSession" => Sessions.into(),
        "Graphics.Capture.GraphicsCaptureAccess" if build >= 20348 => Access.into(),
        "Foundation.Metadata.ApiInformation" => ApiInformation.into(),
        "System.DispatcherQueueController" => Controllers.into(),
        _ => return Ok(None),
    };
    if wgc.absent.contains(&short.to_ascii_lowercase()) {
        return Err(REGDB_E_CLASSNOTREG.into());
    }
    sim.fail(Call::RoGetActivationFactory)?;
    Ok(Some(factory))
}

/// The simulation that runs, if it lets the call succeed.
fn running(call: Call) -> Result<Arc<Simulation>> {
    let sim = current().filter(|sim| !sim.settings.wgc.off).ok_or(REGDB_E_CLASSNOTREG)?;
    sim.fail(call)?;
    Ok(sim)
}

/// The classes have no default constructors.
macro_rules! no_instances {
    ($($object:ident),*) => {$(
        impl IActivationFactory_Impl for $object {
            fn ActivateInstance(&self) -> Result<IInspectable> {
                Err(E_NOTIMPL.into())
            }
        }
    )*};
}
no_instances!(OldItems_Impl, Items_Impl, Pools_Impl, Sessions_Impl, Access_Impl, Controllers_Impl);

/// Without a way to make items for windows and monitors.
#[implement(IActivationFactory)]
struct OldItems;

#[implement(IActivationFactory, IGraphicsCaptureItemInterop)]
struct Items;

#[implement(IActivationFactory, IDirect3D11CaptureFramePoolStatics, IDirect3D11CaptureFramePoolStatics2)]
struct Pools;

#[implement(IActivationFactory, IGraphicsCaptureSessionStatics)]
struct Sessions;

#[implement(IActivationFactory, IGraphicsCaptureAccessStatics)]
struct Access;

#[implement(IActivationFactory, IDispatcherQueueControllerStatics)]
struct Controllers;

impl IGraphicsCaptureItemInterop_Impl for Items_Impl {
    fn CreateForWindow(&self, window: HWND, iid: *const GUID, out: *mut *mut c_void) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { deliver(iid, out, || for_window(window)) }
    }

    fn CreateForMonitor(&self, monitor: HMONITOR, iid: *const GUID, out: *mut *mut c_void) -> Result<()> {
        // SAFETY: the caller keeps the contract of the same method.
        unsafe { deliver(iid, out, || for_monitor(monitor)) }
    }
}

/// Makes an item and returns one of its interfaces.
///
/// # Safety
/// `iid` and `out` are null or valid.
unsafe fn deliver(
    iid: *const GUID,
    out: *mut *mut c_void,
    make: impl FnOnce() -> Result<(Arc<Simulation>, Target)>,
) -> Result<()> {
    if iid.is_null() || out.is_null() {
        return Err(E_INVALIDARG.into());
    }
    // SAFETY: valid, as COM demands of what is not null.
    unsafe { *out = std::ptr::null_mut() };
    let (sim, target) = make()?;
    // SAFETY: as above.
    unsafe { Item::create(&sim, target)?.query(iid, out) }.ok()
}

fn for_window(window: HWND) -> Result<(Arc<Simulation>, Target)> {
    let sim = running(Call::CreateForWindow)?;
    sim.capture_service()?;
    let found = Window::capturable(window).ok_or(E_INVALIDARG)?;
    if sim.settings.wgc.new_windows_refused && sim.is_first_item_of(window.0 as usize) {
        return Err(E_INVALIDARG.into());
    }
    Ok((sim, Target::Window(found)))
}

fn for_monitor(monitor: HMONITOR) -> Result<(Arc<Simulation>, Target)> {
    let sim = running(Call::CreateForMonitor)?;
    sim.capture_service()?;
    let now = sim.now();
    let output =
        describe::output_of_monitor(monitor.0 as usize).or_else(|| named_output(&sim, monitor)).ok_or(E_INVALIDARG)?;
    match sim.present_gap(now).map(|gap| gap.why) {
        Some(Why::Access) => return Err(NO_SERVICE.into()),
        Some(Why::Unplugged) => return Err(E_INVALIDARG.into()),
        _ => {}
    }
    let target = Target::Monitor(output);
    if output >= sim.worlds.len() || target.is_gone(&sim, now) {
        return Err(E_INVALIDARG.into());
    }
    Ok((sim, target))
}

/// The output with the name of a monitor of the platform.
fn named_output(sim: &Simulation, monitor: HMONITOR) -> Option<usize> {
    let mut info = MONITORINFOEXW::default();
    info.monitorInfo.cbSize = size_of::<MONITORINFOEXW>() as u32;
    let base: *mut MONITORINFO = (&raw mut info).cast();
    // SAFETY: accepts any handle; the structure says its size.
    if !unsafe { GetMonitorInfoW(monitor, base) }.as_bool() {
        return None;
    }
    let now = sim.now();
    (0..sim.worlds.len()).find(|output| describe::name(sim, *output, now) == info.szDevice)
}

impl IDirect3D11CaptureFramePoolStatics_Impl for Pools_Impl {
    fn Create(
        &self,
        device: Ref<'_, IDirect3DDevice>,
        format: DirectXPixelFormat,
        count: i32,
        size: &SizeInt32,
    ) -> Result<Direct3D11CaptureFramePool> {
        let sim = running(Call::CreateFramePool)?;
        let shape = frame_pool::shape(&sim, &device, format, count, *size)?;
        frame_pool::create(&sim, shape, Some(ThreadQueue::of_this_thread()?))
    }
}

impl IDirect3D11CaptureFramePoolStatics2_Impl for Pools_Impl {
    fn CreateFreeThreaded(
        &self,
        device: Ref<'_, IDirect3DDevice>,
        format: DirectXPixelFormat,
        count: i32,
        size: &SizeInt32,
    ) -> Result<Direct3D11CaptureFramePool> {
        let sim = running(Call::CreateFramePool)?;
        frame_pool::create(&sim, frame_pool::shape(&sim, &device, format, count, *size)?, None)
    }
}

impl IGraphicsCaptureSessionStatics_Impl for Sessions_Impl {
    fn IsSupported(&self) -> Result<bool> {
        Ok(running(Call::IsSupported)?.settings.wgc.supported)
    }
}

impl IGraphicsCaptureAccessStatics_Impl for Access_Impl {
    fn RequestAccessAsync(
        &self,
        _kind: GraphicsCaptureAccessKind,
    ) -> Result<IAsyncOperation<AppCapabilityAccessStatus>> {
        let sim = running(Call::RequestAccessAsync)?;
        let granted = sim.settings.wgc.access;
        let status = if granted { AppCapabilityAccessStatus::Allowed } else { AppCapabilityAccessStatus::DeniedByUser };
        Ok(IAsyncOperation::ready(Ok(status)))
    }
}

impl IDispatcherQueueControllerStatics_Impl for Controllers_Impl {
    fn CreateOnDedicatedThread(&self) -> Result<DispatcherQueueController> {
        Err(E_NOTIMPL.into())
    }
}
