//! Scripts and worlds as seen by other programs: what they need to present the same world through an interface of their own, as the lab
//! for Desktop Duplication (`crates/dda-lab`) does.

use std::sync::Arc;
use std::time::Duration;

use crate::frame::PointerShape;
use crate::geometry::{Point, Rect, Rotation, Size};

use super::script::{Action, Call, Script};
use super::shapes;
use super::world::{Lost, World};

/// The mode of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Size as the user sees it.
    pub size: Size,
    /// How the output is rotated.
    pub rotation: Rotation,
    /// Refresh rate in thousandths of a hertz.
    pub refresh_millihertz: u32,
}

/// The pointer at one moment, as one output sees it.
#[derive(Clone, Debug)]
pub struct PointerState {
    /// Top-left corner of the shape, relative to the output.
    pub position: Point,
    /// Whether this output shows it.
    pub visible: bool,
    /// Always the same allocation for the same shape.
    pub shape: Arc<PointerShape>,
}

impl PointerState {
    /// Whether both look the same. A change of the shape counts also while the pointer is hidden.
    pub fn looks_like(&self, other: &PointerState) -> bool {
        self.visible == other.visible
            && Arc::ptr_eq(&self.shape, &other.shape)
            && (!self.visible || self.position == other.position)
    }
}

/// Why a desktop is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Access is denied.
    Access,
    /// The graphics device is gone.
    Device,
    /// The output is gone.
    Unplugged,
    /// Size or rotation changed.
    Mode,
}

/// A time without a desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When it is lost.
    pub at: Duration,
    /// When it can be regained; `None` for never.
    pub until: Option<Duration>,
    /// Why it is lost.
    pub why: Why,
}

/// The calls that a script can make fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Waiting for a change.
    Wait,
    /// Querying the damage.
    Damage,
    /// Reading pixels.
    Read,
    /// Getting the desktop back.
    Rebuild,
}

/// From `at` on, the next `times` calls fail with `code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When it begins.
    pub at: Duration,
    /// Which call.
    pub call: Failing,
    /// The code it fails with.
    pub code: u32,
    /// How often.
    pub times: u32,
}

impl Script {
    /// Number of outputs, side by side.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The code with which opening is refused `waited` after the first attempt, if it is.
    pub fn refusal(&self, waited: Duration) -> Option<u32> {
        self.refuse.filter(|(_, span)| span.is_none_or(|span| waited < span)).map(|(code, _)| code)
    }

    /// How long every read of pixels takes.
    pub fn slow_reads(&self) -> Duration {
        self.slow_reads
    }

    /// Whether damage is listed as by [`careless_damage`](super::careless_damage).
    pub fn has_careless_damage(&self) -> bool {
        self.wild
    }

    /// Whether every periodic present changes every pixel.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The calls that fail, in the order of the script.
    pub fn failures(&self) -> impl Iterator<Item = Failure> + '_ {
        self.events.iter().filter_map(|event| {
            let Action::Fail { call, code, times } = event.action else { return None };
            let call = match call {
                Call::Wait => Failing::Wait,
                Call::Damage => Failing::Damage,
                Call::Read => Failing::Read,
                Call::Rebuild => Failing::Rebuild,
            };
            Some(Failure { at: event.at, call, code, times })
        })
    }
}

impl World {
    /// Size, rotation and refresh rate at `time`.
    pub fn geometry_at(&self, time: Duration) -> Geometry {
        let segment = self.segment_at(time);
        Geometry { size: segment.size, rotation: segment.rotation, refresh_millihertz: segment.refresh.0 }
    }

    /// The pointer at `time`.
    pub fn pointer_at(&self, time: Duration) -> PointerState {
        let state = self.pointer_track.at(time, self.segment_at(time).size);
        PointerState { position: state.position, visible: state.visible, shape: Arc::clone(shapes::shape(state.shape)) }
    }

    /// When the pointer may differ next after `time`.
    pub fn next_pointer(&self, time: Duration) -> Option<Duration> {
        self.pointer_track.next(time)
    }

    /// When the pointer may have changed last, up to `time`.
    pub fn last_pointer(&self, time: Duration) -> Duration {
        self.pointer_track.last(time)
    }

    /// Which of the few varieties of its mode's picture `frame` shows. Frames of one variety differ in few parts, even if all presents
    /// between them changed everything. `None` if scripted presents or the pointer were painted over the picture.
    pub fn variety(&self, frame: u64) -> Option<u32> {
        let here = self.frame(frame);
        let painted = self.overlays(here.last_full, frame).next().is_some() || self.painted(frame).is_some();
        (!painted).then(|| self.scene(here).tint())
    }

    /// The parts in which two frames of one mode and variety differ.
    pub fn difference(&self, one: u64, other: u64) -> Vec<Rect> {
        self.scene(self.frame(one)).difference(&self.scene(self.frame(other)))
    }

    /// The losses of the desktop in the order of time.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> + '_ {
        self.outages.iter().map(|outage| Gap {
            at: outage.at,
            until: outage.until,
            why: match outage.cause {
                Lost::Access => Why::Access,
                Lost::Device => Why::Device,
                Lost::Output => Why::Unplugged,
                Lost::Mode => Why::Mode,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_movement_is_the_one_before_the_next() {
        for text in ["", "pointer still; at 20ms pointer 5,5; at 90ms shape hand", "pointer storm 1000"] {
            let world = World::new(&Script::parse(text).expect("a script"), 0);
            for ms in [0, 10, 20, 55, 90, 200] {
                let now = Duration::from_millis(ms);
                let last = world.last_pointer(now);
                assert!(last <= now, "{text}");
                assert!(world.next_pointer(last).is_none_or(|next| next > now), "{text} {ms}");
            }
        }
    }

    #[test]
    fn frames_of_one_variety_differ_only_where_they_say() {
        let world =
            World::new(&Script::parse("size 96x64; full; at 100ms present dirty 1,1,9,9").expect("a script"), 0);
        let mut pairs = 0;
        for (one, other) in (1..80).flat_map(|one| [(one, one + 32), (one, one + 33), (one, one + 1)]) {
            let (a, b) = (world.variety(one), world.variety(other));
            if a.is_none() || a != b {
                continue;
            }
            pairs += 1;
            let parts = world.difference(one, other);
            for (i, (p, q)) in world.image(one).chunks(4).zip(world.image(other).chunks(4)).enumerate() {
                let (x, y) = ((i % 96) as i32, (i / 96) as i32);
                assert!(
                    p == q || parts.iter().any(|part| part.contains(Rect::new(x, y, x + 1, y + 1))),
                    "{one} {other} {x} {y}"
                );
            }
        }
        assert!(pairs > 60);
    }

    #[test]
    fn losses_and_failures_of_a_script_are_listed() {
        let script = Script::parse("at 1s unplug for 1s; at 3s fail read 0x887A0005 times 2; at 4s rotate 90")
            .expect("a script");
        let failure = Failure { at: Duration::from_secs(3), call: Failing::Read, code: 0x887A_0005, times: 2 };
        assert_eq!(script.failures().collect::<Vec<_>>(), [failure]);
        let world = World::new(&script, 0);
        let gaps: Vec<_> =
            world.gaps().map(|gap| (gap.at.as_secs(), gap.until.map(|t| t.as_secs()), gap.why)).collect();
        assert_eq!(gaps, [(1, Some(2), Why::Unplugged), (4, Some(4), Why::Mode)]);
        assert_eq!(world.geometry_at(Duration::from_secs(5)).size, Size::new(1080, 1920));
    }
}
