//! The monitors behind the outputs: their device paths, which stay the same when outputs are named and numbered anew.

use windows::Win32::Devices::Display::{
    DisplayConfigGetDeviceInfo, GetDisplayConfigBufferSizes, QueryDisplayConfig,
    DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME, DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME,
    DISPLAYCONFIG_DEVICE_INFO_HEADER, DISPLAYCONFIG_DEVICE_INFO_TYPE, DISPLAYCONFIG_MODE_INFO, DISPLAYCONFIG_PATH_INFO,
    DISPLAYCONFIG_SOURCE_DEVICE_NAME, DISPLAYCONFIG_TARGET_DEVICE_NAME, QDC_ONLY_ACTIVE_PATHS,
};
use windows::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_SUCCESS, LUID};

use super::utf16::text;

/// The arrangement may change between asking for its size and asking for it.
const ATTEMPTS: usize = 5;

/// The device path of the monitor of every output of the desktop.
pub(super) struct Monitors(Vec<(String, String)>);

impl Monitors {
    /// The monitors as they are now; none where the system does not tell.
    pub(super) fn query() -> Self {
        Self(active_paths().iter().filter_map(named).collect())
    }

    /// The device path of the monitor of the output called `name`; empty if it is not known. Of several monitors that show the same
    /// desktop it is always the same one's, whatever the order in which the system lists them.
    pub(super) fn of(&self, name: &str) -> String {
        let paths = self.0.iter().filter(|(output, _)| output == name).map(|(_, path)| path);
        paths.min().cloned().unwrap_or_default()
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

/// The name of the output of `path`, and the device path of its monitor.
fn named(path: &DISPLAYCONFIG_PATH_INFO) -> Option<(String, String)> {
    let mut source = DISPLAYCONFIG_SOURCE_DEVICE_NAME {
        header: header::<DISPLAYCONFIG_SOURCE_DEVICE_NAME>(
            DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME,
            (path.sourceInfo.adapterId, path.sourceInfo.id),
        ),
        ..Default::default()
    };
    let mut target = DISPLAYCONFIG_TARGET_DEVICE_NAME {
        header: header::<DISPLAYCONFIG_TARGET_DEVICE_NAME>(
            DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME,
            (path.targetInfo.adapterId, path.targetInfo.id),
        ),
        ..Default::default()
    };
    // SAFETY: each packet says its type and its size, and is valid during the call. The headers are their first members.
    let known = unsafe {
        DisplayConfigGetDeviceInfo((&raw mut source).cast()) == 0
            && DisplayConfigGetDeviceInfo((&raw mut target).cast()) == 0
    };
    let (name, path) = (text(&source.viewGdiDeviceName), text(&target.monitorDevicePath));
    (known && !name.is_empty() && !path.is_empty()).then_some((name, path))
}
