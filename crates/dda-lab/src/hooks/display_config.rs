//! Which monitor is behind which output: `QueryDisplayConfig` and what belongs to it.

use std::sync::OnceLock;

use windows::Win32::Devices::Display::{
    DISPLAYCONFIG_DEVICE_INFO_GET_SDR_WHITE_LEVEL, DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME,
    DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME, DISPLAYCONFIG_DEVICE_INFO_HEADER, DISPLAYCONFIG_MODE_INFO,
    DISPLAYCONFIG_PATH_INFO, DISPLAYCONFIG_SDR_WHITE_LEVEL, DISPLAYCONFIG_SOURCE_DEVICE_NAME,
    DISPLAYCONFIG_TARGET_DEVICE_NAME,
};
use windows::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_PARAMETER, ERROR_NOT_SUPPORTED, ERROR_SUCCESS, LUID, WIN32_ERROR,
};
use windows::Win32::Graphics::Dxgi::IDXGIAdapter1;
use windows_core::Result;

use crate::patch::function::Function;
use crate::state::describe;
use crate::state::simulation::{current, Simulation};

static SIZES: Function = Function::new(c"user32.dll", c"GetDisplayConfigBufferSizes");
static QUERY: Function = Function::new(c"user32.dll", c"QueryDisplayConfig");
static INFO: Function = Function::new(c"user32.dll", c"DisplayConfigGetDeviceInfo");

type Sizes = unsafe extern "system" fn(u32, *mut u32, *mut u32) -> WIN32_ERROR;
type Query = unsafe extern "system" fn(
    u32,
    *mut u32,
    *mut DISPLAYCONFIG_PATH_INFO,
    *mut u32,
    *mut DISPLAYCONFIG_MODE_INFO,
    *mut i32,
) -> WIN32_ERROR;
type Info = unsafe extern "system" fn(*mut DISPLAYCONFIG_DEVICE_INFO_HEADER) -> i32;

const ACTIVE: u32 = 1;
const NO_MODE: u32 = u32::MAX;
/// The identifiers of monitors begin here, those of outputs at 0.
const MONITORS: u32 = 256;

/// The LUID of the platform's first adapter.
static PLATFORM: OnceLock<LUID> = OnceLock::new();

/// Replaces the functions. Outputs belong to adapters with the LUID of `adapter`, or with one derived from it.
pub(crate) fn install(adapter: &IDXGIAdapter1) -> Result<()> {
    if PLATFORM.get().is_none() {
        // SAFETY: the call has no condition. Of two first runs at once both get the same.
        let _ = PLATFORM.set(unsafe { adapter.GetDesc1() }?.AdapterLuid);
    }
    // SAFETY: the hooks have the types of these functions.
    unsafe {
        SIZES.replace(sizes as *const () as usize)?;
        QUERY.replace(query as *const () as usize)?;
        INFO.replace(info as *const () as usize)
    }
}

/// The connections in use: output and LUID of its adapter.
fn connections(sim: &Simulation) -> Vec<(usize, LUID)> {
    let now = sim.now();
    let platform = PLATFORM.get().copied().unwrap_or_default();
    let adapters = 0..u64::from(sim.settings.adapters);
    let on = |adapter: u64| {
        let luid = describe::luid(platform, adapter, sim.settings.changes.renewals(adapter, now));
        sim.outputs_on(adapter, now).map(move |output| (output, luid))
    };
    adapters.flat_map(on).collect()
}

unsafe extern "system" fn sizes(flags: u32, paths: *mut u32, modes: *mut u32) -> WIN32_ERROR {
    let Some(sim) = current() else {
        // SAFETY: the function that was replaced, with the caller's own arguments.
        return unsafe { SIZES.original::<Sizes>()(flags, paths, modes) };
    };
    // SAFETY: null or the caller's variables.
    let (Some(paths), Some(modes)) = (unsafe { paths.as_mut() }, unsafe { modes.as_mut() }) else {
        return ERROR_INVALID_PARAMETER;
    };
    if !sim.settings.paths {
        return ERROR_NOT_SUPPORTED;
    }
    (*paths, *modes) = (connections(&sim).len() as u32, 0);
    ERROR_SUCCESS
}

unsafe extern "system" fn query(
    flags: u32,
    number: *mut u32,
    paths: *mut DISPLAYCONFIG_PATH_INFO,
    modes: *mut u32,
    mode: *mut DISPLAYCONFIG_MODE_INFO,
    topology: *mut i32,
) -> WIN32_ERROR {
    let Some(sim) = current() else {
        // SAFETY: the function that was replaced, with the caller's own arguments.
        return unsafe { QUERY.original::<Query>()(flags, number, paths, modes, mode, topology) };
    };
    // SAFETY: null or the caller's variables.
    let (Some(number), Some(modes)) = (unsafe { number.as_mut() }, unsafe { modes.as_mut() }) else {
        return ERROR_INVALID_PARAMETER;
    };
    if !sim.settings.paths {
        return ERROR_NOT_SUPPORTED;
    }
    let found = connections(&sim);
    if (*number as usize) < found.len() || (paths.is_null() && !found.is_empty()) {
        return ERROR_INSUFFICIENT_BUFFER;
    }
    (*number, *modes) = (found.len() as u32, 0);
    for (place, (output, luid)) in found.into_iter().enumerate() {
        // SAFETY: the caller has room for at least as many.
        unsafe { paths.add(place).write(path(output, luid)) };
    }
    ERROR_SUCCESS
}

fn path(output: usize, luid: LUID) -> DISPLAYCONFIG_PATH_INFO {
    let mut path = DISPLAYCONFIG_PATH_INFO { flags: ACTIVE, ..Default::default() };
    (path.sourceInfo.adapterId, path.sourceInfo.id) = (luid, output as u32);
    path.sourceInfo.Anonymous.modeInfoIdx = NO_MODE;
    (path.targetInfo.adapterId, path.targetInfo.id) = (luid, MONITORS + output as u32);
    path.targetInfo.Anonymous.modeInfoIdx = NO_MODE;
    path.targetInfo.targetAvailable = true.into();
    path
}

unsafe extern "system" fn info(packet: *mut DISPLAYCONFIG_DEVICE_INFO_HEADER) -> i32 {
    let Some(sim) = current() else {
        // SAFETY: the function that was replaced, with the caller's own argument.
        return unsafe { INFO.original::<Info>()(packet) };
    };
    // SAFETY: null, or a packet that says its type and its size.
    let answered = unsafe { packet.as_ref() }.and_then(|&header| unsafe { answer(&sim, header, packet) });
    answered.map_or(ERROR_INVALID_PARAMETER.0 as i32, |()| ERROR_SUCCESS.0 as i32)
}

/// Fills a packet. `None` if it is not understood.
///
/// # Safety
/// `packet` begins with `header`, and is as long as that says.
unsafe fn answer(
    sim: &Simulation,
    header: DISPLAYCONFIG_DEVICE_INFO_HEADER,
    packet: *mut DISPLAYCONFIG_DEVICE_INFO_HEADER,
) -> Option<()> {
    let now = sim.now();
    let same = |luid: LUID| (luid.LowPart, luid.HighPart) == (header.adapterId.LowPart, header.adapterId.HighPart);
    let connected = |id: u32| connections(sim).into_iter().any(|(output, luid)| output as u32 == id && same(luid));
    let monitor = || header.id.checked_sub(MONITORS).filter(|output| connected(*output));
    let fits = |size: usize| header.size as usize >= size;
    match header.r#type {
        DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME if fits(size_of::<DISPLAYCONFIG_SOURCE_DEVICE_NAME>()) => {
            let output = Some(header.id).filter(|output| connected(*output))?;
            // SAFETY: of that type and long enough.
            let source = unsafe { &mut *packet.cast::<DISPLAYCONFIG_SOURCE_DEVICE_NAME>() };
            source.viewGdiDeviceName = describe::name(sim, output as usize, now);
        }
        DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME if fits(size_of::<DISPLAYCONFIG_TARGET_DEVICE_NAME>()) => {
            let output = monitor()?;
            // SAFETY: of that type and long enough.
            let target = unsafe { &mut *packet.cast::<DISPLAYCONFIG_TARGET_DEVICE_NAME>() };
            target.monitorFriendlyDeviceName = describe::utf16(&format!("Lab monitor {}", output + 1));
            target.monitorDevicePath = describe::utf16(&device_path(output));
        }
        DISPLAYCONFIG_DEVICE_INFO_GET_SDR_WHITE_LEVEL if fits(size_of::<DISPLAYCONFIG_SDR_WHITE_LEVEL>()) => {
            monitor()?;
            let white = sim.white_at(now)?;
            // SAFETY: of that type and long enough.
            let level = unsafe { &mut *packet.cast::<DISPLAYCONFIG_SDR_WHITE_LEVEL>() };
            // Thousandths of 80 nits.
            level.SDRWhiteLevel = (white * 1000.0 / 80.0).round() as u32;
        }
        _ => return None,
    }
    Some(())
}

/// The device path of the monitor of an output. It stays, whatever the output is called.
fn device_path(output: u32) -> String {
    let guid = "{e6f07b5f-ee97-4a90-b076-33f57bf4eaa7}";
    format!(r"\\?\DISPLAY#LAB{:04}#4&1a2b3c4d&0&UID{}#{guid}", output + 1, MONITORS + output)
}
