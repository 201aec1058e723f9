//! The scripted desktop in the structures of DXGI.

use std::time::Duration;

use rustcam::geometry::{Point, Rect, Rotation};
use windows::Win32::Foundation::{LUID, POINT, RECT};
use windows::Win32::Graphics::Dxgi::Common::{
    DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020, DXGI_COLOR_SPACE_RGB_FULL_G22_NONE_P709, DXGI_COLOR_SPACE_TYPE,
    DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_MODE_DESC, DXGI_MODE_ROTATION, DXGI_MODE_ROTATION_IDENTITY,
    DXGI_MODE_ROTATION_ROTATE180, DXGI_MODE_ROTATION_ROTATE270, DXGI_MODE_ROTATION_ROTATE90,
    DXGI_MODE_SCALING_UNSPECIFIED, DXGI_MODE_SCANLINE_ORDER_PROGRESSIVE, DXGI_RATIONAL,
};
use windows::Win32::Graphics::Dxgi::DXGI_OUTDUPL_DESC;

use crate::script::format::Format;
use crate::state::simulation::Simulation;

/// The name of an output. Programs look it up among the system's display devices, so it has the system's form.
pub(crate) fn name(sim: &Simulation, index: usize, now: Duration) -> [u16; 32] {
    utf16(&format!(r"\\.\DISPLAY{}", sim.settings.changes.name_of(index, now)))
}

/// The LUID of an adapter whose platform has `luid`.
pub(crate) fn luid(luid: LUID, adapter: u64, renewals: u64) -> LUID {
    let own = if adapter > 0 { 0x4C41_4200 | adapter as u32 } else { 0 };
    LUID { LowPart: luid.LowPart ^ own, HighPart: luid.HighPart ^ ((renewals as i32) << 8) }
}

/// A text in the form of a description's member.
pub(crate) fn utf16<const N: usize>(text: &str) -> [u16; N] {
    let mut units = [0; N];
    for (place, unit) in units.iter_mut().zip(text.encode_utf16()) {
        *place = unit;
    }
    units
}

/// Name, rectangle on the whole desktop and rotation of an output.
pub(crate) fn output(sim: &Simulation, index: usize, now: Duration) -> ([u16; 32], RECT, DXGI_MODE_ROTATION) {
    let geometry = sim.worlds[index.min(sim.worlds.len() - 1)].geometry_at(now);
    let corner = Point::new(index as i32 * geometry.size.width as i32, 0);
    (name(sim, index, now), rect(Rect::at(corner, geometry.size)), rotation(geometry.rotation))
}

/// Handles of monitors that the platform does not have: of every output but the first.
const MONITORS: usize = 0x4C41_0000;

/// The handle of the monitor of an output; `None` for the first, which has the platform's own.
pub(crate) fn monitor(index: usize) -> Option<usize> {
    (index > 0).then_some(MONITORS | index)
}

/// The output whose monitor has such a handle.
pub(crate) fn output_of_monitor(handle: usize) -> Option<usize> {
    (handle & !0xFFFF == MONITORS).then_some(handle & 0xFFFF)
}

/// The brightest and the darkest that an HDR display shows, in nits.
pub(crate) fn luminances(sim: &Simulation, now: Duration) -> (f32, f32) {
    let color = sim.color_at(now);
    if color.hdr {
        (color.max_nits as f32, color.min_nits as f32)
    } else {
        (1000.0, 0.01)
    }
}

/// Colour space and bits per colour of the desktop.
pub(crate) fn colour(sim: &Simulation, now: Duration) -> (DXGI_COLOR_SPACE_TYPE, u32) {
    match sim.format_at(now) {
        Format::Half | Format::Wild => (DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020, 10),
        Format::Ten => (DXGI_COLOR_SPACE_RGB_FULL_G22_NONE_P709, 10),
        Format::Bgra | Format::Rgba | Format::Managed => (DXGI_COLOR_SPACE_RGB_FULL_G22_NONE_P709, 8),
    }
}

/// What `IDXGIOutputDuplication::GetDesc` returns: the size after rotation, and always BGRA, whatever format the textures have.
pub(crate) fn duplication(sim: &Simulation, index: usize, now: Duration) -> DXGI_OUTDUPL_DESC {
    let geometry = sim.worlds[index].geometry_at(now);
    DXGI_OUTDUPL_DESC {
        ModeDesc: DXGI_MODE_DESC {
            Width: geometry.size.width,
            Height: geometry.size.height,
            RefreshRate: DXGI_RATIONAL { Numerator: geometry.refresh_millihertz, Denominator: 1000 },
            Format: DXGI_FORMAT_B8G8R8A8_UNORM,
            ScanlineOrdering: DXGI_MODE_SCANLINE_ORDER_PROGRESSIVE,
            Scaling: DXGI_MODE_SCALING_UNSPECIFIED,
        },
        Rotation: rotation(geometry.rotation),
        DesktopImageInSystemMemory: sim.settings.system_memory.into(),
    }
}

pub(crate) fn rotation(rotation: Rotation) -> DXGI_MODE_ROTATION {
    match rotation {
        Rotation::None => DXGI_MODE_ROTATION_IDENTITY,
        Rotation::Clockwise90 => DXGI_MODE_ROTATION_ROTATE90,
        Rotation::Clockwise180 => DXGI_MODE_ROTATION_ROTATE180,
        Rotation::Clockwise270 => DXGI_MODE_ROTATION_ROTATE270,
    }
}

pub(crate) fn rect(r: Rect) -> RECT {
    RECT { left: r.left, top: r.top, right: r.right, bottom: r.bottom }
}

pub(crate) fn point(p: Point) -> POINT {
    POINT { x: p.x, y: p.y }
}
