//! The simulated pointer as a function of time.

use std::time::Duration;

use crate::geometry::{Point, Rect, Size};

use super::script::{Action, Event, PointerMode, Script, Shape};
use super::shapes;

/// Movements a second of a pointer that wanders.
const WANDER_HZ: u32 = 30;

/// The pointer as one output sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) position: Point,
    pub(super) visible: bool,
    /// Whether the system draws it into the image; then it is not `visible`.
    pub(super) painted: bool,
    pub(super) shape: Shape,
}

impl State {
    /// Whether both look the same. A change of the shape counts also while the pointer is hidden, because a system reports it.
    pub(super) fn looks_like(self, other: State) -> bool {
        self.visible == other.visible && self.shape == other.shape && (!self.visible || self.position == other.position)
    }
}

/// What the script says about the pointer from `at` on.
#[derive(Clone, Copy)]
struct Keyframe {
    at: Duration,
    place: Option<Point>,
    visible: bool,
    software: bool,
    shape: Shape,
}

/// Who sees the pointer.
pub(super) enum Viewer {
    /// One of so many outputs side by side.
    Output { index: usize, of: usize },
    /// A window: the size of an output, and the captured part of the window on the desktop, each from a time on, in the order of time.
    Window { desktop: Vec<(Duration, Size)>, areas: Vec<(Duration, Rect)> },
}

/// The pointer of a script, seen from one output or one window.
pub(super) struct PointerTrack {
    mode: PointerMode,
    viewer: Viewer,
    keyframes: Vec<Keyframe>,
}

impl PointerTrack {
    /// `events` must be sorted by time.
    pub(super) fn new(script: &Script, events: &[Event], viewer: Viewer) -> Self {
        let mut now = Keyframe { at: Duration::ZERO, place: None, visible: true, software: false, shape: Shape::Arrow };
        let mut keyframes = vec![now];
        for event in events {
            match event.action {
                Action::PointerTo(place) => now.place = Some(place),
                Action::PointerVisible(visible) => now.visible = visible,
                Action::PointerSoftware(software) => now.software = software,
                Action::Shape(shape) => now.shape = shape,
                _ => continue,
            }
            now.at = event.at;
            keyframes.push(now);
        }
        Self { mode: script.pointer, viewer, keyframes }
    }

    /// The pointer at `time`. `size` is that of what is captured; all outputs have the same size and stand side by side.
    pub(super) fn at(&self, time: Duration, size: Size) -> State {
        let size = match &self.viewer {
            Viewer::Output { .. } => size,
            Viewer::Window { desktop, .. } => since(desktop, time).1,
        };
        let keyframe = self.keyframes[self.keyframes.partition_point(|s| s.at <= time).max(1) - 1];
        let (w, h) = (size.width as i32, size.height as i32);
        let rest = keyframe.place.unwrap_or(Point::new(w / 2, h / 2));
        let place = match self.mode {
            PointerMode::Path if keyframe.place.is_none() => {
                let k = ticks(time, WANDER_HZ) as i64;
                // Each step moves by a pixel or two, so that every tick is a movement.
                Point::new(reflected(2 * k + i64::from(w) / 3, w - 1), reflected(k + i64::from(h) / 3, h - 1))
            }
            PointerMode::Path | PointerMode::Still => rest,
            PointerMode::Storm(hz) => {
                let k = ticks(time, hz);
                Point::new(rest.x + (k % 7) as i32, rest.y + (k % 11) as i32)
            }
        };
        let spot = shapes::shape(keyframe.shape).hot_spot;
        let tip = Point::new(place.x + spot.x, place.y + spot.y);
        let (origin, here) = match &self.viewer {
            // The hot spot decides to which output the pointer belongs; outside the desktop it belongs to the outermost output.
            Viewer::Output { index, of } => {
                (Point::new(*index as i32 * w, 0), tip.x.div_euclid(w).clamp(0, *of as i32 - 1) == *index as i32)
            }
            Viewer::Window { areas, .. } => {
                let area = since(areas, time).1;
                (area.origin(), area.contains(Rect::at(tip, Size::new(1, 1))))
            }
        };
        let here = keyframe.visible && here;
        // The system draws it into the image of the desktop, and never into that of a window.
        let drawn = keyframe.software && matches!(self.viewer, Viewer::Output { .. });
        State {
            position: Point::new(place.x - origin.x, place.y - origin.y),
            visible: here && !drawn,
            painted: here && drawn,
            shape: keyframe.shape,
        }
    }

    /// When the pointer may differ next after `time`.
    pub(super) fn next(&self, time: Duration) -> Option<Duration> {
        let index = self.keyframes.partition_point(|s| s.at <= time).max(1);
        let tick = self.rate(self.keyframes[index - 1]).map(|hz| tick_at(ticks(time, hz) + 1, hz));
        let moved = match &self.viewer {
            Viewer::Output { .. } => None,
            Viewer::Window { areas, .. } => areas.get(areas.partition_point(|area| area.0 <= time)).map(|area| area.0),
        };
        [tick, moved, self.keyframes.get(index).map(|s| s.at)].into_iter().flatten().min()
    }

    /// When the pointer may have changed last, up to `time`: the latest moment that [`Self::next`] names and that is not after it.
    pub(super) fn last(&self, time: Duration) -> Duration {
        let keyframe = self.keyframes[self.keyframes.partition_point(|s| s.at <= time).max(1) - 1];
        let tick = self.rate(keyframe).map(|hz| tick_at(ticks(time, hz), hz));
        let moved = match &self.viewer {
            Viewer::Output { .. } => None,
            Viewer::Window { areas, .. } => Some(since(areas, time).0),
        };
        [Some(keyframe.at), tick, moved].into_iter().flatten().max().unwrap_or_default()
    }

    /// Movements a second that need no event.
    fn rate(&self, keyframe: Keyframe) -> Option<u32> {
        match self.mode {
            PointerMode::Path if keyframe.place.is_none() => Some(WANDER_HZ),
            PointerMode::Storm(hz) => Some(hz),
            _ => None,
        }
    }
}

/// The last of `values` that holds at `time`; the first one before that.
fn since<T>(values: &[(Duration, T)], time: Duration) -> &(Duration, T) {
    &values[values.partition_point(|value| value.0 <= time).max(1) - 1]
}

fn ticks(time: Duration, hz: u32) -> u64 {
    (((time.as_nanos() + 1) * u128::from(hz) - 1) / 1_000_000_000) as u64
}

fn tick_at(k: u64, hz: u32) -> Duration {
    let nanos = u128::from(k) * 1_000_000_000 / u128::from(hz);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// `k` reflected into the interval from 0 to `range`.
fn reflected(k: i64, range: i32) -> i32 {
    let range = i64::from(range.max(1));
    let phase = k.rem_euclid(2 * range);
    (if phase < range { phase } else { 2 * range - phase }) as i32
}
