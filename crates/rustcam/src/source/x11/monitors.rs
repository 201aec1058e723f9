//! Outputs: the monitors of RANDR 1.5, or the whole screen where the server knows none.

use x11rb::protocol::randr::{self, ConnectionExt as _, ModeFlag, MonitorInfo};
use x11rb::protocol::xproto::ConnectionExt as _;

use super::error::ProtocolError;
use super::rects::from_protocol;
use super::server::Server;
use crate::geometry::{Point, Rotation, Size};
use crate::source::output::Output;

/// The outputs of a screen and its whole size.
pub(super) struct Layout {
    pub(super) outputs: Vec<Output>,
    pub(super) root: Size,
}

/// Asks for the present layout. Takes several round trips.
pub(super) fn query(server: &Server) -> Result<Layout, ProtocolError> {
    let connection = &server.connection;
    let window = server.screen.root;
    let geometry = server.reply(connection.get_geometry(window))?;
    let root = Size::new(u32::from(geometry.width), u32::from(geometry.height));
    let mut outputs = Vec::new();
    if server.extensions.monitors {
        let monitors = server.reply(connection.randr_get_monitors(window, true))?.monitors;
        let resources = server.reply(connection.randr_get_screen_resources_current(window))?;
        for monitor in &monitors {
            // A monitor is a plain rectangle that any client may define, also beyond the screen.
            let place = from_protocol(monitor.x, monitor.y, monitor.width, monitor.height);
            let Some(place) = place.intersection(root.rect()) else { continue };
            let name = server.reply(connection.get_atom_name(monitor.name))?.name;
            let (rotation, refresh_hz) = mode_of(server, monitor, &resources)?;
            outputs.push(Output {
                device_idx: 0,
                output_idx: outputs.len(),
                device_name: server.vendor.clone(),
                name: String::from_utf8_lossy(&name).into_owned(),
                position: place.origin(),
                size: place.size(),
                rotation,
                // The server turns the image itself: what clients draw and read is upright.
                image_rotation: Rotation::None,
                refresh_hz,
                is_primary: monitor.primary,
            });
        }
    }
    if outputs.is_empty() {
        outputs.push(Output {
            device_idx: 0,
            output_idx: 0,
            device_name: server.vendor.clone(),
            name: "screen".to_owned(),
            position: Point::default(),
            size: root,
            rotation: Rotation::None,
            image_rotation: Rotation::None,
            refresh_hz: 0.0,
            is_primary: true,
        });
    }
    choose_primary(&mut outputs);
    Ok(Layout { outputs, root })
}

/// Rotation and refresh rate of the crtc that feeds the monitor's first output.
fn mode_of(
    server: &Server,
    monitor: &MonitorInfo,
    resources: &randr::GetScreenResourcesCurrentReply,
) -> Result<(Rotation, f64), ProtocolError> {
    let unknown = (Rotation::None, 0.0);
    let Some(&output) = monitor.outputs.first() else { return Ok(unknown) };
    let timestamp = resources.config_timestamp;
    let crtc = match server.reply(server.connection.randr_get_output_info(output, timestamp)) {
        Ok(info) if info.crtc != x11rb::NONE => info.crtc,
        // The output may have gone since the list was made; the event about that is on its way.
        Ok(_) | Err(ProtocolError::Refused(_)) => return Ok(unknown),
        Err(error) => return Err(error),
    };
    let info = match server.reply(server.connection.randr_get_crtc_info(crtc, timestamp)) {
        Ok(info) => info,
        Err(ProtocolError::Refused(_)) => return Ok(unknown),
        Err(error) => return Err(error),
    };
    let refresh_hz = resources.modes.iter().find(|m| m.id == info.mode).map_or(0.0, refresh);
    Ok((clockwise(info.rotation), refresh_hz))
}

/// RANDR counts counter-clockwise (`Rotate_90` turns the picture 90 degrees to the left; randrproto, section 5), [`Rotation`] clockwise.
fn clockwise(rotation: randr::Rotation) -> Rotation {
    if rotation.contains(randr::Rotation::ROTATE90) {
        Rotation::Clockwise270
    } else if rotation.contains(randr::Rotation::ROTATE180) {
        Rotation::Clockwise180
    } else if rotation.contains(randr::Rotation::ROTATE270) {
        Rotation::Clockwise90
    } else {
        Rotation::None
    }
}

/// Frames per second of a mode, 0 where the server invents modes without a clock, as Xvfb does.
fn refresh(mode: &randr::ModeInfo) -> f64 {
    let mut lines = f64::from(mode.vtotal);
    if mode.mode_flags.contains(ModeFlag::DOUBLE_SCAN) {
        lines *= 2.0;
    }
    if mode.mode_flags.contains(ModeFlag::INTERLACE) {
        lines /= 2.0;
    }
    let dots = f64::from(mode.htotal) * lines;
    if dots > 0.0 {
        f64::from(mode.dot_clock) / dots
    } else {
        0.0
    }
}

/// Exactly one output is primary: the flagged one, else the one at the origin, else the first.
fn choose_primary(outputs: &mut [Output]) {
    let chosen = outputs
        .iter()
        .position(|o| o.is_primary)
        .or_else(|| outputs.iter().position(|o| o.position == Point::default()))
        .unwrap_or(0);
    for (index, output) in outputs.iter_mut().enumerate() {
        output.is_primary = index == chosen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_clockwise_rotations_become_clockwise() {
        let known = [
            (randr::Rotation::ROTATE0, 0),
            (randr::Rotation::ROTATE90, 270),
            (randr::Rotation::ROTATE180, 180),
            (randr::Rotation::ROTATE270 | randr::Rotation::REFLECT_X, 90),
        ];
        for (rotation, degrees) in known {
            assert_eq!(clockwise(rotation).degrees(), degrees);
        }
    }

    #[test]
    fn refresh_counts_fields_and_doubled_lines() {
        let mode = |mode_flags| randr::ModeInfo {
            dot_clock: 74_250_000,
            htotal: 2200,
            vtotal: 1125,
            mode_flags,
            ..randr::ModeInfo::default()
        };
        assert!((refresh(&mode(ModeFlag::default())) - 30.0).abs() < 1e-9);
        assert!((refresh(&mode(ModeFlag::INTERLACE)) - 60.0).abs() < 1e-9);
        assert!((refresh(&mode(ModeFlag::DOUBLE_SCAN)) - 15.0).abs() < 1e-9);
        assert!(refresh(&randr::ModeInfo::default()).abs() < 1e-9);
    }
}
