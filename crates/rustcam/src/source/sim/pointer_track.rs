//! The simulated pointer as a function of time.

use std::time::Duration;

use crate::geometry::{Point, Size};

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

/// The pointer of a script, seen from one output.
pub(super) struct PointerTrack {
    mode: PointerMode,
    outputs: usize,
    output: usize,
    keyframes: Vec<Keyframe>,
}

impl PointerTrack {
    /// `events` must be sorted by time.
    pub(super) fn new(script: &Script, events: &[Event], output: usize) -> Self {
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
        Self { mode: script.pointer, outputs: script.outputs, output, keyframes }
    }

    /// The pointer at `time` on an output of `size`; all outputs have the same size and stand side by side.
    pub(super) fn at(&self, time: Duration, size: Size) -> State {
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
        // The hot spot decides to which output the pointer belongs; outside the desktop it belongs to the outermost output.
        let tip = place.x + shapes::shape(keyframe.shape).hot_spot.x;
        let owner = tip.div_euclid(w).clamp(0, self.outputs as i32 - 1);
        let position = Point::new(place.x - self.output as i32 * w, place.y);
        let here = keyframe.visible && owner == self.output as i32;
        State {
            position,
            visible: here && !keyframe.software,
            painted: here && keyframe.software,
            shape: keyframe.shape,
        }
    }

    /// When the pointer may differ next after `time`.
    pub(super) fn next(&self, time: Duration) -> Option<Duration> {
        let index = self.keyframes.partition_point(|s| s.at <= time).max(1);
        let tick = self.rate(self.keyframes[index - 1]).map(|hz| tick_at(ticks(time, hz) + 1, hz));
        [tick, self.keyframes.get(index).map(|s| s.at)].into_iter().flatten().min()
    }

    /// When the pointer may have changed last, up to `time`: the latest moment that [`Self::next`] names and that is not after it.
    pub(super) fn last(&self, time: Duration) -> Duration {
        let keyframe = self.keyframes[self.keyframes.partition_point(|s| s.at <= time).max(1) - 1];
        let tick = self.rate(keyframe).map(|hz| tick_at(ticks(time, hz), hz));
        tick.map_or(keyframe.at, |tick| tick.max(keyframe.at))
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
