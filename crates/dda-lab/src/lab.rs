//! Starting and stopping the lab.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use rustcam::clock::{performance_time, Clock, EventCount, HIGH_RESOLUTION_LATENESS};
use rustcam::source::sim::World;

use windows::Win32::Foundation::HWND;

use crate::capture::blend;
use crate::capture::window::visible_bounds;
use crate::counters::Counters;
use crate::hooks;
use crate::script::call::Call;
use crate::state::simulation::{current, set_current, Simulation};
use crate::timer;

/// The lab of this process. There is one at a time; dropping it stops it.
pub struct Lab {
    sim: Arc<Simulation>,
}

impl Lab {
    /// Starts the lab: from now on this process has the desktop that `script` describes, and its time begins.
    ///
    /// # Errors
    /// A sentence, if the script is wrong, another lab runs, or this process has no output to put in the script's place.
    pub fn install(script: &str) -> Result<Self, String> {
        if current().is_some() {
            return Err("a lab runs already; stop it first".into());
        }
        let sim = Arc::new(Simulation::new(script)?);
        timer::start(sim.script.timer());
        hooks::install(&sim).map_err(|error| format!("this process has no output to simulate: {error}"))?;
        set_current(Some(Arc::clone(&sim)));
        Ok(Self { sim })
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.sim.snapshot()
    }

    /// Makes the `nth` call of `call` from now on fail with `code`, or every call, if `nth` is 0.
    ///
    /// # Errors
    /// A sentence that lists the calls, if there is none of that name.
    pub fn inject(&self, call: &str, nth: u32, code: i32) -> Result<(), String> {
        self.sim.inject(call, nth, code)
    }

    /// Removes every injected failure that has not happened.
    pub fn heal(&self) {
        self.sim.heal();
    }

    /// The calls of Desktop Duplication and of Direct3D whose failure can be injected.
    pub fn calls() -> impl Iterator<Item = &'static str> {
        Call::ALL.iter().filter(|call| !call.is_of_capture()).map(|call| call.name())
    }

    /// The calls of Windows.Graphics.Capture whose failure can be injected.
    pub fn capture_calls() -> impl Iterator<Item = &'static str> {
        Call::ALL.iter().filter(|call| call.is_of_capture()).map(|call| call.name())
    }

    /// The world of the first output: the oracle of every pixel.
    pub fn world(&self) -> &World {
        &self.sim.worlds[0]
    }

    /// The world of output `index`.
    pub fn world_of(&self, index: usize) -> Option<&World> {
        self.sim.worlds.get(index)
    }

    /// What a program that takes BGRA must get now of `frame` of the first output: alpha 255, rows without padding.
    pub fn image(&self, frame: u64) -> Vec<u8> {
        self.sim.image(0, frame, self.now())
    }

    /// What a program that captures output `index` by Windows.Graphics.Capture must get of `frame` with the pointer as it was at `at`: upright,
    /// alpha 255, rows without padding.
    pub fn image_with_pointer(&self, index: usize, frame: u64, at: Duration) -> Vec<u8> {
        let world = &self.sim.worlds[index];
        let mut image = self.sim.image(index, frame, at);
        let pointer = world.pointer_at(at);
        if pointer.visible {
            blend(&mut image, world.size(frame).rect(), &pointer);
        }
        image
    }

    /// The visible bounds of a window as its captures have them: left, top, right and bottom on the screen. `None` if there is no such
    /// window.
    pub fn window_bounds(&self, window: isize) -> Option<[i32; 4]> {
        let bounds = visible_bounds(&self.sim, HWND(window as *mut _))?;
        Some([bounds.left, bounds.top, bounds.right, bounds.bottom])
    }

    /// Time since the start, on the clock of the script.
    pub fn now(&self) -> Duration {
        self.sim.now()
    }

    /// The performance counter at `time`, as frames report it.
    pub fn ticks_at(&self, time: Duration) -> i64 {
        self.sim.clock.ticks_at(time)
    }

    /// With `clock virtual` a poll that finds nothing takes a millisecond: for programs that cannot use [`Lab::clock`], and would poll for
    /// ever in real time.
    pub(crate) fn let_polls_take_time(&self) {
        self.sim.polls_take_time.store(true, Ordering::Relaxed);
    }

    /// The clock of the script, for the capturer: with `clock virtual` a whole capture runs in virtual time.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(ScriptClock(Arc::clone(&self.sim)))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        set_current(None);
        hooks::restore();
        timer::start(None);
    }
}

/// Time since the start of the lab, on the timeline of present times.
struct ScriptClock(Arc<Simulation>);

impl ScriptClock {
    fn start(&self) -> Duration {
        performance_time(self.0.clock.ticks_at(Duration::ZERO))
    }

    /// How late exact sleeps end.
    fn lateness(&self) -> Duration {
        if self.0.script.timer().is_some() {
            HIGH_RESOLUTION_LATENESS
        } else {
            Duration::ZERO
        }
    }
}

impl Clock for ScriptClock {
    fn now(&self) -> Duration {
        self.start() + self.0.now()
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleep_until(self.0.timeout(duration));
    }

    fn sleep_until(&self, moment: Duration) {
        if moment > self.now() {
            self.wait_for_event(moment.saturating_add(self.lateness()));
        }
    }

    fn wait(&self, events: &EventCount, seen: u32, moment: Duration) {
        if self.0.clock.is_virtual() {
            if moment > self.now() && events.count() == seen {
                let end = moment.saturating_add(self.lateness()).saturating_sub(self.start());
                self.0.sleep_while(end, || events.count() == seen);
            }
        } else if let Some(left) = moment.checked_sub(self.now()) {
            events.wait(seen, left);
        }
    }

    fn timeout(&self, duration: Duration) -> Duration {
        self.start() + self.0.timeout(duration)
    }

    fn wait_for_event(&self, moment: Duration) {
        self.0.sleep_until(moment.saturating_sub(self.start()));
    }
}
