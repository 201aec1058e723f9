//! The scripted desktop in the structures of DXGI.

use std::time::Duration;

use rustcam::geometry::{Point, Rect, Rotation};
use windows::Win32::Foundation::{POINT, RECT};
use windows::Win32::Graphics::Dxgi::Common::{
    DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020, DXGI_COLOR_SPACE_RGB_FULL_G22_NONE_P709, DXGI_COLOR_SPACE_TYPE,
    DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_MODE_DESC, DXGI_MODE_ROTATION, DXGI_MODE_ROTATION_IDENTITY,
    DXGI_MODE_ROTATION_ROTATE180, DXGI_MODE_ROTATION_ROTATE270, DXGI_MODE_ROTATION_ROTATE90,
    DXGI_MODE_SCALING_UNSPECIFIED, DXGI_MODE_SCANLINE_ORDER_PROGRESSIVE, DXGI_RATIONAL,
};
use windows::Win32::Graphics::Dxgi::DXGI_OUTDUPL_DESC;

use crate::script::format::Format;
use crate::state::simulation::Simulation;

/// Name, rectangle on the whole desktop and rotation of an output.
pub(crate) fn output(sim: &Simulation, index: usize, now: Duration) -> ([u16; 32], RECT, DXGI_MODE_ROTATION) {
    let geometry = sim.worlds[index.min(sim.worlds.len() - 1)].geometry_at(now);
    // Programs look these names up among the system's display devices, so they have the system's form.
    let mut name = [0; 32];
    for (place, unit) in name.iter_mut().zip(format!(r"\\.\DISPLAY{}", index + 1).encode_utf16()) {
        *place = unit;
    }
    let corner = Point::new(index as i32 * geometry.size.width as i32, 0);
    (name, rect(Rect::at(corner, geometry.size)), rotation(geometry.rotation))
}

/// Colour space and bits per colour of the desktop.
pub(crate) fn colour(sim: &Simulation, now: Duration) -> (DXGI_COLOR_SPACE_TYPE, u32) {
    match sim.settings.format_at(now) {
        Format::Half => (DXGI_COLOR_SPACE_RGB_FULL_G2084_NONE_P2020, 10),
        Format::Ten => (DXGI_COLOR_SPACE_RGB_FULL_G22_NONE_P709, 10),
        Format::Bgra | Format::Rgba => (DXGI_COLOR_SPACE_RGB_FULL_G22_NONE_P709, 8),
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
