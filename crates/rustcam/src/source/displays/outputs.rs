//! Adapters and their outputs.

use windows::Win32::Foundation::RECT;
use windows::Win32::Graphics::Dxgi::Common::{
    DXGI_MODE_ROTATION, DXGI_MODE_ROTATION_ROTATE180, DXGI_MODE_ROTATION_ROTATE270, DXGI_MODE_ROTATION_ROTATE90,
};
use windows::Win32::Graphics::Dxgi::{
    CreateDXGIFactory1, IDXGIAdapter1, IDXGIFactory1, IDXGIOutput, DXGI_ADAPTER_DESC1, DXGI_ADAPTER_FLAG_SOFTWARE,
};
use windows::Win32::Graphics::Gdi::{EnumDisplaySettingsW, DEVMODEW, ENUM_CURRENT_SETTINGS, HMONITOR};

use super::color::color;
use super::dpi::PhysicalPixels;
use super::monitors::{Monitors, Target};
use super::utf16::text;
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::geometry::{Point, Rect, Rotation};
use crate::source::d3d11::failure::failed;
use crate::source::hresult;
use crate::source::output::find_again;
use crate::source::texture::Luid;
use crate::source::verdict::{self, Call};
use crate::source::Output;

/// All outputs of all adapters; exactly one is primary.
///
/// # Errors
/// `Duplication` if there is none.
pub(in crate::source) fn outputs() -> Result<Vec<Output>> {
    Arrangement::query()?.infos().map_err(Error::without_loss)
}

/// One output with the objects that lead to it.
pub(in crate::source) struct Found {
    pub(in crate::source) adapter: IDXGIAdapter1,
    pub(in crate::source) output: IDXGIOutput,
    /// Its handle as a monitor.
    pub(in crate::source) monitor: HMONITOR,
    /// The adapter's identity until the system restarts.
    pub(in crate::source) luid: Luid,
    /// Its monitor, if that is known.
    pub(in crate::source) target: Option<Target>,
    pub(in crate::source) info: Output,
}

/// One enumeration of adapters and outputs. Objects of an outdated factory do not see later changes.
pub(in crate::source) struct Arrangement {
    pub(in crate::source) factory: IDXGIFactory1,
    pub(in crate::source) outputs: Vec<Found>,
    /// Adapters that compute in software and show nothing.
    software: Vec<String>,
    monitors: Monitors,
}

impl Arrangement {
    /// Enumerates adapters and outputs.
    ///
    /// # Errors
    /// `Duplication`.
    pub(in crate::source) fn query() -> Result<Self> {
        let _pixels = PhysicalPixels::for_this_thread();
        // SAFETY: no arguments; the result is checked.
        let factory: IDXGIFactory1 = unsafe { CreateDXGIFactory1() }.map_err(|e| failed(&e, Call::Enumerate))?;
        let mut arrangement = Self { factory, outputs: Vec::new(), software: Vec::new(), monitors: Monitors::query() };
        let mut has_primary = false;
        for device_idx in 0.. {
            // SAFETY: any index is allowed.
            let adapter = match unsafe { arrangement.factory.EnumAdapters1(device_idx) } {
                Ok(adapter) => adapter,
                Err(e) if e.code().0 as u32 == hresult::NOT_FOUND => break,
                Err(e) => return Err(failed(&e, Call::Enumerate)),
            };
            // SAFETY: the result is checked.
            let desc = unsafe { adapter.GetDesc1() }.map_err(|e| failed(&e, Call::Enumerate))?;
            let known = arrangement.outputs.len();
            arrangement.list(device_idx, &adapter, &desc, &mut has_primary)?;
            // Without a driver for the display, the basic render driver of Windows has outputs. Whether they can be duplicated is the
            // system's decision.
            if is_software(&desc) && arrangement.outputs.len() == known {
                arrangement.software.push(text(&desc.Description));
            }
        }
        Ok(arrangement)
    }

    /// [`Arrangement::query`] for an output that was captured before.
    ///
    /// # Errors
    /// A loss, which is lasting if there is no output.
    pub(in crate::source) fn query_again() -> Result<Self> {
        Self::query().map_err(|error| {
            let loss = error.loss().filter(|_| error.code() != Some(hresult::NOT_FOUND)).unwrap_or(Loss::Lasting);
            error.without_loss().into_loss(loss)
        })
    }

    fn list(
        &mut self,
        device_idx: u32,
        adapter: &IDXGIAdapter1,
        desc: &DXGI_ADAPTER_DESC1,
        has_primary: &mut bool,
    ) -> Result<()> {
        for output_idx in 0.. {
            // SAFETY: any index is allowed.
            let output = match unsafe { adapter.EnumOutputs(output_idx) } {
                Ok(output) => output,
                Err(e) if e.code().0 as u32 == hresult::NOT_FOUND => break,
                Err(e) => return Err(failed(&e, Call::Enumerate)),
            };
            let Some(mut info) = describe(&output)? else { continue };
            let monitor = self.monitors.of(&info.name);
            let target = monitor.map(|monitor| monitor.target);
            info.id = monitor.map(|monitor| monitor.path.clone()).unwrap_or_default();
            if info.color.hdr {
                info.color.sdr_white_nits = target.map(Target::sdr_white_nits).unwrap_or_default();
            }
            info.device_idx = device_idx as usize;
            info.output_idx = output_idx as usize;
            info.device_name = text(&desc.Description);
            // Cloned displays are all at the origin.
            info.is_primary &= !std::mem::replace(has_primary, *has_primary || info.is_primary);
            let luid = Luid { low: desc.AdapterLuid.LowPart, high: desc.AdapterLuid.HighPart };
            let monitor = monitor_of(&output);
            self.outputs.push(Found { adapter: adapter.clone(), output, monitor, luid, target, info });
        }
        Ok(())
    }

    /// The description of every output.
    ///
    /// # Errors
    /// `Duplication` if there is none.
    pub(in crate::source) fn infos(&self) -> Result<Vec<Output>> {
        if self.outputs.is_empty() {
            return Err(self.nothing());
        }
        Ok(self.outputs.iter().map(|found| found.info.clone()).collect())
    }

    /// The output that shows on the monitor of `opened`.
    ///
    /// # Errors
    /// A lasting loss if it is gone.
    pub(in crate::source) fn find_again(&self, opened: &Output) -> Result<&Found> {
        let infos = self.infos().map_err(|error| error.without_loss().into_loss(Loss::Lasting))?;
        let again = find_again(&infos, opened);
        self.outputs.iter().find(|found| Some(&found.info) == again).ok_or_else(|| {
            let there: Vec<_> = infos.iter().map(|info| info.name.as_str()).collect();
            let message = format!("the monitor of {} is gone; there is {}", opened.name, there.join(", "));
            Error::new(ErrorKind::AccessLost, message)
                .with_code(hresult::NOT_FOUND)
                .with_hint(verdict::PLUG_IN)
                .with_loss(Loss::Lasting)
        })
    }

    /// The error for an arrangement without outputs.
    pub(in crate::source) fn nothing(&self) -> Error {
        let mut message = "no display is attached to a graphics adapter".to_owned();
        if !self.software.is_empty() {
            message = format!("{message}; there is only {}", self.software.join(", "));
        }
        Error::new(ErrorKind::Duplication, message)
            .with_code(hresult::NOT_FOUND)
            .with_hint(
                "Attach a display or install a virtual one, install the driver of the graphics adapter, and run in the session of a user",
            )
            // As while a driver restarts.
            .with_loss(Loss::Transient)
    }
}

/// Whether it is an adapter like the basic render driver of Windows (vendor 1414, device 8c), which draws on the processor.
pub(in crate::source) fn is_software(desc: &DXGI_ADAPTER_DESC1) -> bool {
    desc.Flags & DXGI_ADAPTER_FLAG_SOFTWARE.0 as u32 != 0 || (desc.VendorId, desc.DeviceId) == (0x1414, 0x8c)
}

/// `output` without its indices; `None` if it is not part of the desktop. The thread must see physical pixels.
///
/// # Errors
/// `Duplication`.
pub(in crate::source) fn describe(output: &IDXGIOutput) -> Result<Option<Output>> {
    // SAFETY: the result is checked.
    let desc = unsafe { output.GetDesc() }.map_err(|e| failed(&e, Call::Enumerate))?;
    if !desc.AttachedToDesktop.as_bool() {
        return Ok(None);
    }
    let place = rect(desc.DesktopCoordinates);
    let rotation = rotation(desc.Rotation);
    Ok(Some(Output {
        position: place.origin(),
        rotation,
        image_rotation: rotation,
        refresh_hz: refresh_hz(&desc.DeviceName),
        color: color(output).unwrap_or_default(),
        is_primary: place.origin() == Point::new(0, 0),
        ..Output::new(text(&desc.DeviceName), place.size())
    }))
}

/// The monitor's handle of an output; null where the system does not say.
fn monitor_of(output: &IDXGIOutput) -> HMONITOR {
    // SAFETY: the result is checked.
    unsafe { output.GetDesc() }.map(|desc| desc.Monitor).unwrap_or_default()
}

/// The refresh rate of the display called `name`, in whole hertz; the duplication reports it more exactly.
fn refresh_hz(name: &[u16; 32]) -> f64 {
    let mut mode = DEVMODEW { dmSize: size_of::<DEVMODEW>() as u16, ..DEVMODEW::default() };
    // SAFETY: the name ends with a zero, because it fits the field it came from; `mode` is valid and says its size.
    let known = unsafe {
        EnumDisplaySettingsW(windows::core::PCWSTR(name.as_ptr()), ENUM_CURRENT_SETTINGS, &raw mut mode).as_bool()
    };
    // 0 and 1 mean "the hardware's default".
    if known && mode.dmDisplayFrequency > 1 {
        f64::from(mode.dmDisplayFrequency)
    } else {
        0.0
    }
}

/// How far the system's images must be rotated clockwise to become the desktop.
pub(in crate::source) fn rotation(rotation: DXGI_MODE_ROTATION) -> Rotation {
    match rotation {
        DXGI_MODE_ROTATION_ROTATE90 => Rotation::Clockwise90,
        DXGI_MODE_ROTATION_ROTATE180 => Rotation::Clockwise180,
        DXGI_MODE_ROTATION_ROTATE270 => Rotation::Clockwise270,
        _ => Rotation::None,
    }
}

pub(in crate::source) fn rect(r: RECT) -> Rect {
    Rect::new(r.left, r.top, r.right, r.bottom)
}
