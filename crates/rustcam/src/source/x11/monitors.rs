//! Outputs: the monitors of RANDR 1.5, or the whole screen where the server knows none.

use x11rb::cookie::Cookie;
use x11rb::errors::ConnectionError;
use x11rb::protocol::randr::{
    self, ConnectionExt as _, Crtc, GetOutputInfoReply, GetOutputPropertyReply, ModeFlag, MonitorInfo,
};
use x11rb::protocol::xproto::{Atom, ConnectionExt as _, GetAtomNameReply};

use super::connect::Connection;
use super::edid;
use super::error::{unless_refused, ProtocolError};
use super::rects::from_protocol;
use super::server::Server;
use crate::geometry::{Point, Rotation, Size};
use crate::source::output::Output;

/// The outputs of a screen and its whole size.
pub(super) struct Layout {
    pub(super) outputs: Vec<Output>,
    pub(super) root: Size,
}

/// Asks for the present layout. Takes three round trips.
pub(super) fn query(server: &Server) -> Result<Layout, ProtocolError> {
    let connection = &server.connection;
    let window = server.screen.root;
    let geometry = connection.get_geometry(window);
    let mut outputs = Vec::new();
    let root = if server.extensions.monitors {
        let monitors = connection.randr_get_monitors(window, true);
        let resources = connection.randr_get_screen_resources_current(window);
        let edid = connection.intern_atom(true, b"EDID");
        let root = server.reply(geometry)?;
        let (monitors, resources) = (server.reply(monitors)?.monitors, server.reply(resources)?);
        let edid = server.reply(edid)?.atom;
        let root = Size::new(u32::from(root.width), u32::from(root.height));
        let asked: Vec<_> = monitors.iter().map(|monitor| Question::ask(server, monitor, edid, &resources)).collect();
        let answers: Vec<_> = asked.into_iter().map(|asked| asked.answer(server)).collect::<Result<_, _>>()?;
        for (monitor, (name, connectors)) in monitors.iter().zip(answers) {
            // A monitor is a plain rectangle that any client may define, also beyond the screen.
            let place = from_protocol(monitor.x, monitor.y, monitor.width, monitor.height);
            let Some(place) = place.intersection(root.rect()) else { continue };
            let (rotation, refresh_hz) = mode_of(server, connectors.first(), &resources)?;
            outputs.push(Output {
                device_idx: 0,
                output_idx: outputs.len(),
                id: identity(monitor, &name, &connectors),
                device_name: server.vendor.clone(),
                position: place.origin(),
                rotation,
                // The server turns the image itself: what clients draw and read is upright.
                image_rotation: Rotation::None,
                refresh_hz,
                is_primary: monitor.primary,
                ..Output::new(name, place.size())
            });
        }
        root
    } else {
        let root = server.reply(geometry)?;
        Size::new(u32::from(root.width), u32::from(root.height))
    };
    if outputs.is_empty() {
        outputs.push(Output { device_name: server.vendor.clone(), ..Output::new("screen", root) });
    }
    choose_primary(&mut outputs);
    Ok(Layout { outputs, root })
}

/// What feeds a monitor: an output of RANDR.
struct Connector {
    /// What tells its monitor from every other one: its EDID, or the name of the connector where it has none.
    monitor: String,
    /// What drives it, or `NONE`.
    crtc: Crtc,
}

type Asked<'a, R> = Result<Cookie<'a, Connection, R>, ConnectionError>;

/// Requests about a monitor that were sent.
struct Question<'a> {
    name: Asked<'a, GetAtomNameReply>,
    connectors: Vec<(Asked<'a, GetOutputInfoReply>, Asked<'a, GetOutputPropertyReply>)>,
}

impl<'a> Question<'a> {
    fn ask(
        server: &'a Server,
        monitor: &MonitorInfo,
        edid: Atom,
        resources: &randr::GetScreenResourcesCurrentReply,
    ) -> Self {
        let connection = &server.connection;
        let ask = |&output: &randr::Output| {
            let info = connection.randr_get_output_info(output, resources.config_timestamp);
            // 32 units of four bytes: the first block of an EDID. Without the atom no output has one, and the request is refused.
            (info, connection.randr_get_output_property(output, edid, x11rb::NONE, 0, 32, false, false))
        };
        let connectors = monitor.outputs.iter().map(ask).collect();
        Self { name: connection.get_atom_name(monitor.name), connectors }
    }

    /// The name of the monitor, and what feeds it. An output may have gone since the list was made; the event about that is on its way.
    fn answer(self, server: &Server) -> Result<(String, Vec<Connector>), ProtocolError> {
        let name = String::from_utf8_lossy(&server.reply(self.name)?.name).into_owned();
        let mut connectors = Vec::new();
        for (info, edid) in self.connectors {
            let Some(info) = unless_refused(server.reply(info))? else { continue };
            let connector = String::from_utf8_lossy(&info.name).into_owned();
            let edid = unless_refused(server.reply(edid))?.map_or(Vec::new(), |property| property.data);
            let monitor = edid::identity(&edid, &connector).unwrap_or(connector);
            connectors.push(Connector { monitor, crtc: info.crtc });
        }
        Ok((name, connectors))
    }
}

/// What tells a monitor from every other one. A monitor of the server is what feeds it. One that a client has defined, with
/// `xrandr --setmonitor`, may be a part of another one, and has a name that may be given to something else: it is its name *and* what
/// feeds it.
fn identity(monitor: &MonitorInfo, name: &str, connectors: &[Connector]) -> String {
    let fed_by = connectors.iter().map(|connector| connector.monitor.as_str()).collect::<Vec<_>>().join("+");
    match (monitor.automatic, fed_by.is_empty()) {
        (_, true) => name.to_owned(),
        (true, false) => fed_by,
        (false, false) => format!("{name}:{fed_by}"),
    }
}

/// Rotation and refresh rate of what drives a connector.
fn mode_of(
    server: &Server,
    connector: Option<&Connector>,
    resources: &randr::GetScreenResourcesCurrentReply,
) -> Result<(Rotation, f64), ProtocolError> {
    let unknown = (Rotation::None, 0.0);
    let Some(connector) = connector.filter(|connector| connector.crtc != x11rb::NONE) else { return Ok(unknown) };
    let info = server.connection.randr_get_crtc_info(connector.crtc, resources.config_timestamp);
    let Some(info) = unless_refused(server.reply(info))? else { return Ok(unknown) };
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
