//! Outputs, and how one is selected.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::geometry::{Point, Rotation, Size};

/// One output (monitor) and where it is. Made by [`Output::new`]; the fields can be assigned afterwards.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Output {
    /// Index of the adapter.
    pub device_idx: usize,
    /// Index of the output on its adapter.
    pub output_idx: usize,
    /// Name of the adapter.
    pub device_name: String,
    /// Name of the output.
    pub name: String,
    /// Top-left corner on the whole desktop.
    pub position: Point,
    /// Size as the user sees it, after rotation.
    pub size: Size,
    /// How the output is rotated, as the display settings show it.
    pub rotation: Rotation,
    /// How far the images of this source must be rotated to become the desktop. Differs from `rotation` where the system rotates
    /// the image itself, as an X server does.
    pub image_rotation: Rotation,
    /// Refresh rate in hertz, 0 if unknown.
    pub refresh_hz: f64,
    /// Whether this is the desktop's primary output.
    pub is_primary: bool,
}

impl Output {
    /// The first and primary output of the first adapter, not rotated, at the origin of the desktop, with an unknown refresh rate.
    pub fn new(name: impl Into<String>, size: Size) -> Self {
        Self {
            device_idx: 0,
            output_idx: 0,
            device_name: String::new(),
            name: name.into(),
            position: Point::default(),
            size,
            rotation: Rotation::None,
            image_rotation: Rotation::None,
            refresh_hz: 0.0,
            is_primary: true,
        }
    }

    /// Size of the delivered images.
    pub fn texture_size(&self) -> Size {
        self.image_rotation.apply(self.size)
    }

    /// Time between two refreshes; an unknown rate counts as 60 hertz.
    pub fn refresh_interval(&self) -> Duration {
        let hz = if self.refresh_hz.is_finite() && self.refresh_hz >= 1.0 { self.refresh_hz } else { 60.0 };
        Duration::from_secs_f64(1.0 / hz)
    }
}

/// Picks the output with these indices.
///
/// # Errors
/// `InvalidArgument` that lists what exists.
pub(super) fn select(outputs: &[Output], device: usize, output: usize) -> Result<&Output> {
    outputs
        .iter()
        .find(|o| o.device_idx == device && o.output_idx == output)
        .ok_or_else(|| no_such_output(outputs, &device.to_string(), &output.to_string()))
}

/// The error for indices without an output: it lists the outputs that exist.
pub fn no_such_output(outputs: &[Output], device: &str, output: &str) -> Error {
    let listed: Vec<_> = outputs
        .iter()
        .map(|o| format!("device {} output {} ({}, {})", o.device_idx, o.output_idx, o.name, o.size))
        .collect();
    Error::invalid(format!("no output {output} on device {device}; there is {}", listed.join(", ")))
}
