//! The outputs and the windows of a script, described.

use std::time::Duration;

use super::super::output::Output;
use super::super::window::Window;
use super::followed::FollowedWindow;
use super::script::Script;
use super::window_states::Windows;
use super::world::{Segment, World};
use crate::geometry::Point;

/// All outputs of the desktop that `script` describes, as they are at the beginning.
pub fn outputs(script: &Script) -> Vec<Output> {
    let world = World::new(script, 0);
    let first = world.segment_at(Duration::ZERO);
    (0..script.outputs).map(|index| describe(index, first)).collect()
}

/// The windows of the desktop that `script` describes, as they are at the beginning, the highest first.
pub fn windows(script: &Script) -> Vec<Window> {
    Windows::new(script).listed(Duration::ZERO)
}

/// The output number `index`, in the mode of `segment`.
pub(super) fn describe(index: usize, segment: &Segment) -> Output {
    Output {
        output_idx: index,
        device_name: "Simulated adapter".into(),
        id: format!("simulated-{}", index + 1),
        position: Point::new(index as i32 * segment.size.width as i32, 0),
        rotation: segment.rotation,
        image_rotation: segment.rotation,
        refresh_hz: f64::from(segment.refresh.0) / 1000.0,
        color: segment.color,
        is_primary: index == 0,
        ..Output::new(format!("SIM-{}", index + 1), segment.size)
    }
}

/// The captured part of `window`, whose client area shows `world`.
pub(super) fn describe_window(window: &FollowedWindow, world: &World, time: Duration) -> Output {
    let segment = world.segment_at(time);
    Output { refresh_hz: f64::from(segment.refresh.0) / 1000.0, color: segment.color, ..window.describe(time) }
}
