//! Pacing where ordinary waits end with ticks of the system's timer, as on Windows.

use std::sync::Arc;
use std::time::Duration;

use crate::sim_capture::{ms, waiting};
use rustcam::capture::{FixedRate, Handle, Rate, StreamOptions, Target};
use rustcam::clock::{next_tick, Clock, EventCount, VirtualClock, WindowsTimer};
use rustcam::frame::PixelFormat;
use rustcam::source::sim::Script;
use rustcam::source::{Backend, OpenOptions};

/// The timer of Windows ticks so often by default.
const TICK: Duration = Duration::from_micros(15_625);

const SECONDS: u64 = 10;

/// A timer of Windows whose waits for events end with ticks, too, as those of condition variables do.
struct Coarse(WindowsTimer);

impl Clock for Coarse {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleep(duration);
    }

    fn sleep_until(&self, moment: Duration) {
        self.0.sleep_until(moment);
    }

    fn timeout(&self, duration: Duration) -> Duration {
        self.0.timeout(duration)
    }

    fn wait_for_event(&self, moment: Duration) {
        self.0.wait_for_event(moment);
    }

    fn wait(&self, _events: &EventCount, _seen: u32, moment: Duration) {
        self.0.wait_for_event(next_tick(TICK, moment));
    }
}

/// A capture of a desktop that presents 480 times per second, is gone for good after [`SECONDS`], and is on `clock`, if there is one.
fn capture(clock: Option<Arc<dyn Clock>>) -> (Handle, Arc<dyn Clock>) {
    let script = format!(
        "size 8x4; refresh 480; pointer still; clock virtual; timer 15.625ms; at {SECONDS}s lose device for ever"
    );
    let options = OpenOptions::new(Backend::Sim(Script::parse(&script).expect("a script"))).watch_pointer(false);
    let options = match clock {
        Some(clock) => options.clock(clock),
        None => options,
    };
    let clock = Arc::clone(&options.clock);
    (Handle::open(&options, &mut || Ok(())).expect("opens"), clock)
}

/// How many frames per second a stream publishes whose rate is limited to `fps`.
fn published(fps: u64, clock: Option<Arc<dyn Clock>>) -> f64 {
    let (handle, _) = capture(clock);
    let rate = Rate::new(fps, 1).expect("a rate");
    let options = StreamOptions::default().rate(rate).patience(Duration::ZERO);
    handle.start(options, &mut || Ok(())).expect("starts");
    while handle.latest(None, &mut || Ok(())).is_ok() {}
    handle.stats().session.bytes_copied as f64 / (8 * 4 * 4) as f64 / SECONDS as f64
}

#[test]
fn a_stream_reaches_its_rate_whatever_the_ticks_of_the_timer() {
    for fps in [30, 60, 120, 144, 240] {
        let published = published(fps, None);
        assert!((published - fps as f64).abs() < 0.5, "{published} instead of {fps}");
    }
    // With waits that end with ticks it would not.
    let coarse = published(144, Some(Arc::new(Coarse(WindowsTimer::new(VirtualClock::new(), TICK)))));
    assert!(coarse < 100.0, "{coarse}");
}

#[test]
fn slots_of_a_constant_rate_are_exact_whatever_the_ticks_of_the_timer() {
    for fps in [24, 60, 120, 144] {
        let (handle, clock) = capture(None);
        let rate = Rate::new(fps, 1).expect("a rate");
        let mut slots = FixedRate::new(rate);
        handle.begin_frames(None, &mut || Ok(())).expect("begins");
        let (mut start, mut error) = (None, Duration::ZERO);
        let frames = fps * (SECONDS - 1);
        for _ in 0..frames {
            let (_, slot) = handle.next_frame(&mut slots, false, &mut || Ok(())).expect("a frame");
            let start = *start.get_or_insert(clock.now());
            error += clock.now() - (start + rate.slot(slot));
        }
        let mean = error / frames as u32;
        assert!(mean < ms(1), "{fps} per second: {mean:?} late on average");
    }
}

#[test]
fn no_call_outlives_its_deadline_by_more_than_a_tick() {
    for losing in ["", "; at 1ms lose access for 2s", "; slow reads 30ms"] {
        let script = format!("size 8x4; refresh 2; pointer still; clock virtual; timer 15.625ms{losing}");
        let options = OpenOptions::new(Backend::Sim(Script::parse(&script).expect("a script"))).watch_pointer(false);
        let clock = Arc::clone(&options.clock);
        let handle = Handle::open(&options, &mut || Ok(())).expect("opens");
        for timeout in [0, 1, 2, 5, 10, 16, 20, 33, 50, 100, 250, 3, 7, 77, 1000, 400] {
            let start = clock.now();
            let grabbed = handle.grab(&waiting(timeout), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
            grabbed.expect("a passing loss at most");
            let late = (clock.now() - start).saturating_sub(ms(timeout));
            assert!(late <= ms(50), "{losing}: {timeout} ms: {late:?} late");
        }
    }
}
