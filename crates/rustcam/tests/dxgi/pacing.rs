//! Time as Windows has it: waits that end with ticks of the system's timer, and a device that tells when it is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustcam::capture::{Handle, Rate, Session, StreamOptions, Target};
use rustcam::clock::MonotonicClock;
use rustcam::frame::PixelFormat;
use rustcam::geometry::Rect;

use crate::lab_desktop::{ms, options, presented, request, LabDesktop};

const TICKS: &str = "timer 15.625ms; pointer still; ";

#[test]
fn a_stream_reaches_its_rate_whatever_the_ticks_of_the_timer() {
    let desktop = LabDesktop::new(&format!("{TICKS} size 64x64; refresh 480"));
    let options = options(&desktop, 0, false).clock(Arc::new(MonotonicClock));
    let handle = Handle::open(&options, &mut || Ok(())).expect("opens");
    let rate = Rate::new(144, 1).expect("a rate");
    handle.start(StreamOptions::default().rate(rate), &mut || Ok(())).expect("starts");
    handle.latest(None, &mut || Ok(())).expect("the first");
    // Waits that end with ticks allow 64 per second, never more. Where the machine is busy, a second may miss some; `capture/pacing.rs` counts
    // them in virtual time.
    let second = || {
        let (mut frames, start) = (0, Instant::now());
        while start.elapsed() < Duration::from_secs(1) {
            handle.latest(Some(ms(1000)), &mut || Ok(())).expect("a frame every 7 ms");
            frames += 1;
        }
        frames
    };
    let seconds: Vec<u32> = (0..10).map(|_| second()).collect();
    assert!(seconds.iter().any(|frames| *frames >= 80), "{seconds:?}");
    drop(handle);
    desktop.finish();
}

#[test]
fn four_idle_captures_of_one_output_end_their_calls_on_time() {
    let desktop = LabDesktop::new(&format!("{TICKS} size 64x64; static"));
    let options = options(&desktop, 0, false).clock(Arc::new(MonotonicClock));
    let late = std::thread::scope(|scope| {
        let capture = || {
            let mut session = Session::open(&options, &mut || Ok(())).expect("opens");
            let mut grab = |timeout: u64| {
                let start = Instant::now();
                let target = Target::owned(PixelFormat::Bgra);
                let frame = session.grab(&request(ms(timeout)), target, &mut || Ok(())).expect("alive");
                (frame.is_some(), start.elapsed().saturating_sub(ms(timeout)))
            };
            assert!(grab(5000).0, "the desktop as it is");
            [0, 1, 5, 16, 20, 33, 50, 100, 250, 3, 7, 77, 20, 20, 20].map(|timeout| (timeout, grab(timeout)))
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(capture)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect::<Vec<_>>()
    });
    for (timeout, (new, late)) in late {
        assert!(!new, "nothing changes");
        assert!(late <= ms(50), "{timeout} ms: {late:?} late");
    }
    desktop.finish();
}

#[test]
fn reads_wait_for_the_device_also_if_it_tells_too_late_or_of_earlier_work() {
    let parts = [Rect::new(3, 4, 60, 50)];
    for events in ["none", "prompt", "late 1ms", "late 30ms"] {
        let desktop = LabDesktop::new(&format!(
            "size 160x100; refresh 20; pointer still; clock virtual; slow reads 12ms; lab events {events}"
        ));
        let mut source = desktop.open(false);
        let whole = [source.output().texture_size().rect()];
        for round in 0..20 {
            let frame = desktop.frame_at(presented(&mut source).present_time);
            // A read that is given up leaves its event behind.
            let given_up = source.read(&parts, ms(1), &mut |_, _, _| {}).expect("alive");
            assert_eq!(given_up, rustcam::source::Outcome::Pending, "{events}");
            let start = desktop.lab.now();
            desktop.check(&mut source, if round % 2 == 0 { &parts } else { &whole }, frame);
            let took = desktop.lab.now() - start;
            assert!(took <= ms(40), "{events}: {took:?}");
        }
        drop(source);
        desktop.finish();
    }
}
