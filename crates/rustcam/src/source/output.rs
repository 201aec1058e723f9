//! Outputs, and how one is selected.

use std::fmt;
use std::time::Duration;

use crate::color::Color;
use crate::error::{Error, Result};
use crate::geometry::{Point, Rect, Rotation, Size};

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
    /// Name of the output. Systems give a name to another monitor when the arrangement changes.
    pub name: String,
    /// What tells its monitor from every other one and survives a new arrangement: the monitor's device path, or its EDID. Empty where
    /// the system knows nothing of the kind.
    pub id: String,
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
    /// Its colour.
    pub color: Color,
    /// Whether this is the desktop's primary output.
    pub is_primary: bool,
    /// Whether it is a window: then `name` is its title, and `position` and `size` are those of the captured part.
    pub is_window: bool,
}

impl Output {
    /// The first and primary output of the first adapter, SDR, not rotated, at the origin of the desktop, with an unknown refresh rate.
    pub fn new(name: impl Into<String>, size: Size) -> Self {
        Self {
            device_idx: 0,
            output_idx: 0,
            device_name: String::new(),
            id: String::new(),
            name: name.into(),
            position: Point::default(),
            size,
            rotation: Rotation::None,
            image_rotation: Rotation::None,
            refresh_hz: 0.0,
            color: Color::SDR,
            is_primary: true,
            is_window: false,
        }
    }

    /// The captured part of a window, which is `area` on the whole desktop.
    pub fn window(title: impl Into<String>, area: Rect) -> Self {
        let (position, size) = (area.origin(), area.size());
        Self { position, is_primary: false, is_window: true, ..Self::new(title, size) }
    }

    /// What it is, in messages.
    pub fn kind(&self) -> &'static str {
        if self.is_window {
            "window"
        } else {
            "output"
        }
    }

    /// What tells its monitor from every other one, as well as the system can.
    #[cfg(windows)]
    pub(super) fn identity(&self) -> &str {
        if self.id.is_empty() {
            &self.name
        } else {
            &self.id
        }
    }

    /// Size of the delivered images.
    pub fn texture_size(&self) -> Size {
        self.image_rotation.apply(self.size)
    }

    /// The error for a region that is not inside this output. Programs often have regions in coordinates of the whole desktop. `rect` is
    /// `None` where the numbers of the region are too large for one.
    pub fn not_inside(&self, region: impl fmt::Display, rect: Option<Rect>) -> Error {
        let (bounds, Point { x, y }) = (self.size.rect(), self.position);
        let here = rect.map(|r| r.translated(x.saturating_neg(), y.saturating_neg()));
        let advice = match here.filter(|r| !r.is_empty() && bounds.contains(*r)) {
            Some(here) => format!(": this one would be {here}"),
            None if self.is_window => String::new(),
            None => "; output= chooses another one".to_owned(),
        };
        let kind = self.kind();
        Error::invalid(format!("region {region} is not inside the {kind}, whose bounds are {bounds}")).with_hint(
            format!("The {kind} lies at ({x}, {y}) on the desktop, and a region is relative to its {kind}{advice}"),
        )
    }

    /// Time between two refreshes; an unknown rate counts as 60 hertz.
    pub fn refresh_interval(&self) -> Duration {
        let hz = if self.refresh_hz.is_finite() && self.refresh_hz >= 1.0 { self.refresh_hz } else { 60.0 };
        Duration::from_secs_f64(1.0 / hz)
    }
}

/// How an output is chosen when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputChoice {
    /// By its index on the adapter.
    Index(usize),
    /// By its id or its name, on whichever adapter it is. Case does not matter.
    Named(String),
}

impl From<usize> for OutputChoice {
    fn from(index: usize) -> Self {
        OutputChoice::Index(index)
    }
}

impl From<&str> for OutputChoice {
    fn from(name: &str) -> Self {
        OutputChoice::Named(name.into())
    }
}

impl From<String> for OutputChoice {
    fn from(name: String) -> Self {
        OutputChoice::Named(name)
    }
}

/// The one of `outputs` that is meant.
///
/// # Errors
/// `InvalidArgument` that lists what exists, if that is none of them or several.
pub(super) fn select<'a>(outputs: &'a [Output], device: usize, output: &OutputChoice) -> Result<&'a Output> {
    match output {
        OutputChoice::Index(index) => outputs
            .iter()
            .find(|o| o.device_idx == device && o.output_idx == *index)
            .ok_or_else(|| no_such_output(outputs, &device.to_string(), &index.to_string())),
        OutputChoice::Named(name) => {
            let by_id = |o: &&Output| !o.id.is_empty() && o.id.eq_ignore_ascii_case(name);
            only(outputs.iter().filter(by_id))
                .or_else(|| only(outputs.iter().filter(|o| o.name.eq_ignore_ascii_case(name))))
                .ok_or_else(|| not_one_output(outputs, name))
        }
    }
}

/// The output of `outputs` that shows on the monitor of `opened`, wherever it is now. Another monitor that has its name or its index
/// is not it.
pub(super) fn find_again<'a>(outputs: &'a [Output], opened: &Output) -> Option<&'a Output> {
    let named = |o: &&Output| o.name == opened.name;
    if opened.id.is_empty() {
        return outputs.iter().find(named);
    }
    // Monitors without a serial number share their id with others of their model.
    let same = || outputs.iter().filter(|o| o.id == opened.id);
    only(same()).or_else(|| same().find(named))
}

fn only<'a>(mut outputs: impl Iterator<Item = &'a Output>) -> Option<&'a Output> {
    outputs.next().filter(|_| outputs.next().is_none())
}

/// The error for indices without an output: it lists the outputs that exist.
pub fn no_such_output(outputs: &[Output], device: &str, output: &str) -> Error {
    Error::invalid(format!("no output {output} on device {device}; there is {}", listed(outputs)))
}

fn not_one_output(outputs: &[Output], name: &str) -> Error {
    let called = |o: &Output| [&o.name, &o.id].iter().any(|own| !own.is_empty() && own.eq_ignore_ascii_case(name));
    let several = outputs.iter().any(called);
    let wrong = if several { "several outputs are called" } else { "no output is called" };
    Error::invalid(format!("{wrong} {name:?}; there is {}", listed(outputs)))
}

fn listed(outputs: &[Output]) -> String {
    let each = outputs.iter().map(|o| {
        let id = if o.id.is_empty() { String::new() } else { format!(", id {:?}", o.id) };
        format!("device {} output {} ({}, {}{id})", o.device_idx, o.output_idx, o.name, o.size)
    });
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(index: usize, name: &str, id: &str) -> Output {
        Output {
            color: Color::SDR,
            device_idx: 0,
            output_idx: index,
            device_name: "adapter".into(),
            name: name.into(),
            id: id.into(),
            position: Point::new(0, 0),
            size: Size::new(8, 8),
            rotation: Rotation::None,
            image_rotation: Rotation::None,
            refresh_hz: 60.0,
            is_primary: index == 0,
            is_window: false,
        }
    }

    fn choose(outputs: &[Output], name: &str) -> Result<usize> {
        select(outputs, 0, &name.into()).map(|o| o.output_idx)
    }

    #[test]
    fn a_region_in_coordinates_of_the_desktop_is_translated_for_the_reader() {
        let right = Output { position: Point::new(8, -4), ..output(1, "DP-2", "") };
        let says = |region: Rect| right.not_inside(region, Some(region)).to_string();
        assert!(says(Rect::new(9, -4, 16, 4)).ends_with(
            "(8, -4) on the desktop, and a region is relative to its output: this one would be (1, 0, 8, 8)"
        ));
        for extreme in [Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX), Rect::new(0, 0, 9, 9)] {
            assert!(says(extreme).ends_with("output= chooses another one"), "{extreme}");
        }
    }

    #[test]
    fn an_output_is_chosen_by_its_id_or_by_its_name() {
        let outputs = [output(0, "DP-1", "ABC"), output(1, "DP-2", "DEF"), output(2, "HDMI-1", "")];
        assert_eq!(choose(&outputs, "def").expect("one of them"), 1);
        assert_eq!(choose(&outputs, "DP-2").expect("one of them"), 1);
        assert_eq!(choose(&outputs, "hdmi-1").expect("one of them"), 2);
    }

    #[test]
    fn an_unknown_or_ambiguous_name_is_an_error_that_lists_what_exists() {
        let outputs = [output(0, "DP-1", "ABC"), output(1, "DP-1", "DEF"), output(2, "DP-3", "DEF")];
        for (name, says) in
            [("DP-9", "no output is called"), ("", "no output is called"), ("DP-1", "several"), ("DEF", "several")]
        {
            let error = choose(&outputs, name).expect_err("none or several").to_string();
            assert!(error.contains(says) && error.contains("output 2 (DP-3, 8x8, id \"DEF\")"), "{name}: {error}");
        }
    }

    #[test]
    fn a_monitor_is_found_again_by_its_id_under_any_name_and_index() {
        let opened = output(0, "DP-1", "ABC");
        let outputs = [output(0, "DP-1", "DEF"), output(1, "DP-2", "ABC")];
        assert_eq!(find_again(&outputs, &opened).expect("one of them").output_idx, 1);
        assert_eq!(find_again(&outputs[..1], &opened), None, "another monitor with its name and index");
    }

    #[test]
    fn monitors_of_one_id_are_told_apart_by_name() {
        let opened = output(0, "DP-1", "ABC");
        let twins = [output(0, "DP-2", "ABC"), output(1, "DP-1", "ABC")];
        assert_eq!(find_again(&twins, &opened).expect("one of them").output_idx, 1);
        assert_eq!(
            find_again(&twins[..1], &opened).expect("one of them").output_idx,
            0,
            "it is the only one left, so it moved"
        );
    }

    #[test]
    fn a_monitor_without_an_id_is_found_again_by_its_name_only() {
        let opened = output(0, "left", "");
        assert_eq!(find_again(&[output(0, "right", "")], &opened), None);
        assert_eq!(
            find_again(&[output(0, "right", ""), output(1, "left", "")], &opened).expect("one of them").output_idx,
            1
        );
    }
}
