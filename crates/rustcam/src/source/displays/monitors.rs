//! The monitors behind the outputs: their device paths, which stay the same when outputs are named and numbered anew, and how bright the
//! system shows SDR white on them.

use windows::Win32::Devices::Display::{
    DisplayConfigGetDeviceInfo, GetDisplayConfigBufferSizes, QueryDisplayConfig,
    DISPLAYCONFIG_DEVICE_INFO_GET_SDR_WHITE_LEVEL, DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME,
    DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME, DISPLAYCONFIG_DEVICE_INFO_HEADER, DISPLAYCONFIG_DEVICE_INFO_TYPE,
    DISPLAYCONFIG_MODE_INFO, DISPLAYCONFIG_PATH_INFO, DISPLAYCONFIG_SDR_WHITE_LEVEL, DISPLAYCONFIG_SOURCE_DEVICE_NAME,
    DISPLAYCONFIG_TARGET_DEVICE_NAME, QDC_ONLY_ACTIVE_PATHS,
};
use windows::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_SUCCESS, LUID};

use super::utf16::text;
use crate::color::SCRGB_UNIT_NITS;

/// The arrangement may change between asking for its size and asking for it.
const ATTEMPTS: usize = 5;

/// The monitors of the desktop's outputs.
pub(in crate::source) struct Monitors(Vec<Monitor>);

/// One monitor.
pub(in crate::source) struct Monitor {
    /// The name of the output that shows on it.
    output: String,
    /// Its device path.
    pub(in crate::source) path: String,
    pub(in crate::source) target: Target,
}

/// A monitor, as the system identifies it in questions about displays.
#[derive(Clone, Copy, Debug)]
pub(in crate::source) struct Target {
    pub(in crate::source) adapter: LUID,
    pub(in crate::source) id: u32,
}

impl Target {
    /// The luminance of SDR white in nits; 0 if the system does not report it.
    pub(in crate::source) fn sdr_white_nits(self) -> f64 {
        let mut level = DISPLAYCONFIG_SDR_WHITE_LEVEL {
            header: header::<DISPLAYCONFIG_SDR_WHITE_LEVEL>(
                DISPLAYCONFIG_DEVICE_INFO_GET_SDR_WHITE_LEVEL,
                (self.adapter, self.id),
            ),
            ..Default::default()
        };
        // SAFETY: the packet says its type and its size, and is valid during the call. The header is its first member.
        let known = unsafe { DisplayConfigGetDeviceInfo((&raw mut level).cast()) == 0 };
        // Thousandths of 80 nits.
        if known {
            f64::from(level.SDRWhiteLevel) * SCRGB_UNIT_NITS / 1000.0
        } else {
            0.0
        }
    }
}

impl Monitors {
    /// The monitors as they are now; none where the system does not tell.
    pub(in crate::source) fn query() -> Self {
        Self(active_paths().iter().filter_map(monitor).collect())
    }

    /// The monitor of the output called `name`, if it is known. Of several monitors that show the same desktop it is always the same one,
    /// whatever the order in which the system lists them.
    pub(in crate::source) fn of(&self, name: &str) -> Option<&Monitor> {
        self.0.iter().filter(|monitor| monitor.output == name).min_by_key(|monitor| &monitor.path)
    }
}

/// The connections between outputs and monitors that are in use.
fn active_paths() -> Vec<DISPLAYCONFIG_PATH_INFO> {
    for _ in 0..ATTEMPTS {
        let (mut paths, mut modes) = (0, 0);
        // SAFETY: both pointers are valid during the call.
        let sized = unsafe { GetDisplayConfigBufferSizes(QDC_ONLY_ACTIVE_PATHS, &raw mut paths, &raw mut modes) };
        if sized != ERROR_SUCCESS {
            break;
        }
        let mut list = vec![DISPLAYCONFIG_PATH_INFO::default(); paths as usize];
        let mut unused = vec![DISPLAYCONFIG_MODE_INFO::default(); modes as usize];
        // SAFETY: two lists of the lengths passed with them, which become the numbers of their valid elements.
        let queried = unsafe {
            let (list, unused) = (list.as_mut_ptr(), unused.as_mut_ptr());
            QueryDisplayConfig(QDC_ONLY_ACTIVE_PATHS, &raw mut paths, list, &raw mut modes, unused, None)
        };
        match queried {
            ERROR_SUCCESS => {
                list.truncate(paths as usize);
                return list;
            }
            ERROR_INSUFFICIENT_BUFFER => {}
            _ => break,
        }
    }
    Vec::new()
}

/// The header of a packet `T`, which asks `about` something on an adapter.
fn header<T>(r#type: DISPLAYCONFIG_DEVICE_INFO_TYPE, about: (LUID, u32)) -> DISPLAYCONFIG_DEVICE_INFO_HEADER {
    let (adapter, id) = about;
    DISPLAYCONFIG_DEVICE_INFO_HEADER { r#type, size: size_of::<T>() as u32, adapterId: adapter, id }
}

/// The monitor at the end of a connection.
fn monitor(path: &DISPLAYCONFIG_PATH_INFO) -> Option<Monitor> {
    let mut source = DISPLAYCONFIG_SOURCE_DEVICE_NAME {
        header: header::<DISPLAYCONFIG_SOURCE_DEVICE_NAME>(
            DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME,
            (path.sourceInfo.adapterId, path.sourceInfo.id),
        ),
        ..Default::default()
    };
    let target_id = Target { adapter: path.targetInfo.adapterId, id: path.targetInfo.id };
    let mut target = DISPLAYCONFIG_TARGET_DEVICE_NAME {
        header: header::<DISPLAYCONFIG_TARGET_DEVICE_NAME>(
            DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME,
            (target_id.adapter, target_id.id),
        ),
        ..Default::default()
    };
    // SAFETY: each packet says its type and its size, and is valid during the call. The headers are their first members.
    let known = unsafe {
        DisplayConfigGetDeviceInfo((&raw mut source).cast()) == 0
            && DisplayConfigGetDeviceInfo((&raw mut target).cast()) == 0
    };
    let (output, path) = (text(&source.viewGdiDeviceName), text(&target.monitorDevicePath));
    (known && !output.is_empty() && !path.is_empty()).then_some(Monitor { output, path, target: target_id })
}
