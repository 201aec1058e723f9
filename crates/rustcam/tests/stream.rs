//! Streams and constant frame rates over the simulated desktop: the capture thread, the mailbox, the slots.

// A negative duration is a failed test.
#![allow(clippy::unchecked_time_subtraction)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustcam::capture::{FixedRate, Handle, Rate, Request, StreamOptions, Target};
use rustcam::clock::{Clock, MonotonicClock, VirtualClock};
use rustcam::error::{ErrorKind, Result};
use rustcam::frame::PixelFormat;
use rustcam::geometry::{Rect, Size};
use rustcam::source::sim::{Script, World};
use rustcam::source::{Backend, OpenOptions};

const FAST: &str = "size 96x64; refresh 200; pointer still";
const STILL: &str = "size 96x64; refresh 200; pointer still; static";

fn every_present() -> StreamOptions {
    StreamOptions::default()
}

fn open_with(script: &str, clock: Arc<dyn Clock>) -> Handle {
    let script = Script::parse(script).expect("a script");
    let options = OpenOptions::new(Backend::Sim(script)).watch_pointer(false).clock(clock);
    Handle::open(&options, &mut || Ok(())).expect("the desktop opens")
}

fn open(script: &str) -> Handle {
    open_with(script, Arc::new(MonotonicClock))
}

fn rate(frames: u64, seconds: u64) -> Rate {
    Rate::new(frames, seconds).expect("a rate")
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn grab(handle: &Handle) -> Result<bool> {
    let request = Request::within(Duration::from_secs(1));
    handle.grab(&request, Target::owned(PixelFormat::Bgra), &mut || Ok(())).map(|frame| frame.is_some())
}

/// How long a lasting loss is tolerated by default.
const PATIENCE: Duration = Duration::from_secs(30);

const SECOND: Option<Duration> = Some(Duration::from_secs(1));

#[test]
fn a_stream_delivers_exact_frames_in_order_and_each_once() {
    let handle = open(FAST);
    let world = World::new(&Script::parse(FAST).expect("valid"), 0);
    handle.start(every_present(), &mut || Ok(())).expect("starts");
    let (mut last, mut seen) = (0, 0);
    for _ in 0..40 {
        let frame = handle.latest(SECOND, &mut || Ok(())).expect("a frame every 5 ms");
        let info = handle.info().expect("a frame was returned");
        assert!(info.sequence > last, "{} after {last}", info.sequence);
        seen += info.accumulated;
        last = info.sequence;
        assert_eq!(seen, last, "no present is unaccounted for");
        assert!(frame.image().expect("memory").bytes() == world.image(info.sequence), "frame {last}");
    }
    handle.stop();
}

#[test]
fn a_slow_reader_gets_the_newest_frame_and_no_backlog() {
    let handle = open(FAST);
    handle.start(every_present(), &mut || Ok(())).expect("starts");
    handle.latest(SECOND, &mut || Ok(())).expect("the first");
    std::thread::sleep(Duration::from_millis(120));
    handle.latest(SECOND, &mut || Ok(())).expect("the newest");
    let info = handle.info().expect("returned");
    assert!(info.accumulated >= 10, "{} presents in 120 ms at 200 Hz", info.accumulated);
    let age = MonotonicClock.now().saturating_sub(info.present_time);
    assert!(age < Duration::from_millis(60), "{age:?} old");
}

#[test]
fn a_static_desktop_gives_one_frame_and_then_a_timeout() {
    let handle = open(STILL);
    handle.start(every_present(), &mut || Ok(())).expect("starts");
    handle.latest(SECOND, &mut || Ok(())).expect("the screen as it is");
    let began = Instant::now();
    assert_eq!(kind(handle.latest(Some(Duration::from_millis(80)), &mut || Ok(()))), Some(ErrorKind::Timeout));
    assert!((80..130).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(kind(handle.latest(Some(Duration::ZERO), &mut || Ok(()))), Some(ErrorKind::Timeout));
}

#[test]
fn video_mode_repeats_the_image_at_every_tick() {
    let handle = open(STILL);
    handle.start(every_present().rate(rate(100, 1)).video(true), &mut || Ok(())).expect("starts");
    let first = handle.latest(SECOND, &mut || Ok(())).expect("a tick").image().expect("memory").bytes().to_vec();
    let began = Instant::now();
    for _ in 0..20 {
        let frame = handle.latest(Some(Duration::from_millis(100)), &mut || Ok(())).expect("a tick every 10 ms");
        assert!(frame.image().expect("memory").bytes() == first);
        assert!(!handle.info().expect("returned").is_new);
    }
    assert!(began.elapsed() >= Duration::from_millis(150), "20 ticks in {:?}", began.elapsed());
}

#[test]
fn a_target_rate_is_a_cap() {
    let handle = open(FAST);
    handle.start(every_present().rate(rate(50, 1)), &mut || Ok(())).expect("starts");
    let began = Instant::now();
    let mut frames = 0;
    while began.elapsed() < Duration::from_millis(500) {
        handle.latest(SECOND, &mut || Ok(())).expect("a frame");
        frames += 1;
    }
    assert!((15..=27).contains(&frames), "{frames} frames in half a second at 50 per second");
}

#[test]
fn other_calls_are_refused_while_a_stream_runs_and_work_afterwards() {
    let handle = open(FAST);
    assert_eq!(kind(handle.latest(SECOND, &mut || Ok(()))), Some(ErrorKind::WrongState), "before start");
    for _ in 0..3 {
        handle.start(every_present(), &mut || Ok(())).expect("starts");
        assert!(handle.is_capturing());
        assert_eq!(kind(handle.start(every_present(), &mut || Ok(()))), Some(ErrorKind::WrongState));
        assert_eq!(kind(grab(&handle)), Some(ErrorKind::WrongState));
        assert_eq!(kind(handle.begin_frames(None, &mut || Ok(()))), Some(ErrorKind::WrongState));
        handle.stop();
        handle.stop();
        assert!(!handle.is_capturing());
        assert_eq!(kind(handle.latest(SECOND, &mut || Ok(()))), Some(ErrorKind::WrongState), "after stop");
        assert!(grab(&handle).expect("works again"));
    }
}

#[test]
fn an_error_of_the_thread_is_returned_by_the_next_call() {
    for via_grab in [false, true] {
        let handle = open(&format!("{STILL}; at 30ms lose device for ever"));
        handle.start(every_present(), &mut || Ok(())).expect("starts");
        handle.latest(SECOND, &mut || Ok(())).expect("the first frame");
        let error = if via_grab {
            loop {
                match grab(&handle) {
                    Err(error) if error.kind() == ErrorKind::WrongState => {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    other => break other.map(drop),
                }
            }
        } else {
            handle.latest(None, &mut || Ok(())).map(drop)
        };
        let error = error.expect_err("the device is gone");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Device, Some(0x887A_0005)));
        assert_eq!(
            kind(handle.latest(SECOND, &mut || Ok(()))),
            Some(ErrorKind::WrongState),
            "reported once; the stream is over"
        );
    }
}

#[test]
fn stop_and_close_end_a_reader_that_waits() {
    for close in [false, true] {
        let handle = open(STILL);
        handle.start(every_present(), &mut || Ok(())).expect("starts");
        handle.latest(SECOND, &mut || Ok(())).expect("the first frame");
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| kind(handle.latest(None, &mut || Ok(()))));
            std::thread::sleep(Duration::from_millis(20));
            let began = Instant::now();
            if close {
                handle.close();
            } else {
                handle.stop();
            }
            assert_eq!(reader.join().expect("no panic"), Some(ErrorKind::WrongState));
            assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
        });
    }
}

#[test]
fn frames_outlive_stream_and_session() {
    let handle = open(FAST);
    handle.start(every_present(), &mut || Ok(())).expect("starts");
    let frame = handle.latest(SECOND, &mut || Ok(())).expect("a frame");
    let bytes = frame.image().expect("memory").bytes().to_vec();
    drop(handle);
    assert!(frame.image().expect("memory").bytes() == bytes);
    std::thread::spawn(move || drop(frame)).join().expect("dropping cannot fail");
}

#[test]
fn a_thousand_streams_leave_nothing_behind() {
    let handle = open(FAST);
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let before = threads();
    for _ in 0..1000 {
        handle.start(every_present(), &mut || Ok(())).expect("starts");
        handle.stop();
    }
    // Other tests run threads of their own at the same time.
    assert!(threads() < before + 100, "{} threads after {before}", threads());
}

#[test]
fn slots_are_exact_and_repeat_images_without_new_ones() {
    let clock = Arc::new(VirtualClock::new());
    let handle = open_with("size 96x64; refresh 25; pointer still", Arc::clone(&clock) as Arc<dyn Clock>);
    let fps = rate(60_000, 1001);
    let mut slots = FixedRate::new(fps);
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    let start = clock.now();
    for expected in 0..600 {
        let (_, slot) = handle.next_frame(&mut slots, expected % 2 == 0, &mut || Ok(())).expect("a frame");
        assert_eq!(slot, expected);
        assert_eq!(clock.now() - start, fps.slot(slot), "on the slot to the nanosecond");
    }
    let counts = slots.counts();
    assert_eq!((counts.late, counts.skipped), (0, 0));
    // 600 slots last 10.01 s, in which a desktop at 25 Hz presents 250 times.
    assert!((345..=352).contains(&counts.repeated), "{counts:?}");
    handle.end_frames();
    assert!(grab(&handle).is_ok());
}

#[test]
fn a_capture_begins_early_enough_to_be_ready_when_its_slot_is_due() {
    let clock = Arc::new(VirtualClock::new());
    let script = "size 96x64; refresh 100; pointer still; slow reads 3ms";
    let handle = open_with(script, Arc::clone(&clock) as Arc<dyn Clock>);
    let fps = rate(30, 1);
    let mut slots = FixedRate::new(fps);
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    handle.next_frame(&mut slots, false, &mut || Ok(())).expect("a frame");
    let start = clock.now();
    let behind: Vec<_> = (1..100)
        .map(|slot| {
            handle.next_frame(&mut slots, false, &mut || Ok(())).expect("a frame");
            clock.now() - start - fps.slot(slot)
        })
        .collect();
    assert_eq!(behind[0], Duration::from_millis(3), "the lead is not known yet");
    assert!(behind[1..].iter().all(Duration::is_zero), "{behind:?}");
    assert_eq!(slots.counts().late, 0);
}

#[test]
fn a_slow_consumer_gets_late_slots_in_order_and_surplus_presents_are_counted() {
    let clock = Arc::new(VirtualClock::new());
    let handle = open_with("size 96x64; refresh 100; pointer still", Arc::clone(&clock) as Arc<dyn Clock>);
    let mut slots = FixedRate::new(rate(10, 1)).format(PixelFormat::Gray);
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    for expected in 0..20 {
        let (_, slot) = handle.next_frame(&mut slots, false, &mut || Ok(())).expect("a frame");
        assert_eq!(slot, expected);
        if expected == 4 {
            clock.sleep(Duration::from_millis(350));
        }
    }
    let counts = slots.counts();
    assert_eq!(counts.late, 3, "slots 5, 6 and 7 were due during the pause");
    assert!(counts.skipped > 150, "10 presents per slot: {counts:?}");
    assert_eq!(clock.now(), Duration::from_millis(1900), "the video is in time again");
}

#[test]
fn grabs_are_refused_while_frames_are_open_and_close_ends_them() {
    let handle = open(FAST);
    let mut slots = FixedRate::new(rate(100, 1));
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    assert!(handle.is_capturing());
    handle.next_frame(&mut slots, false, &mut || Ok(())).expect("a frame");
    assert_eq!(kind(grab(&handle)), Some(ErrorKind::WrongState));
    assert_eq!(kind(handle.start(every_present(), &mut || Ok(()))), Some(ErrorKind::WrongState));
    assert_eq!(kind(handle.begin_frames(None, &mut || Ok(()))), Some(ErrorKind::WrongState));
    handle.close();
    assert_eq!(kind(handle.next_frame(&mut slots, false, &mut || Ok(()))), Some(ErrorKind::WrongState));
}

#[test]
fn a_first_image_that_does_not_come_is_a_timeout() {
    let clock = Arc::new(VirtualClock::new());
    let handle = open_with(&format!("{STILL}; at 0ms lose access for ever"), Arc::clone(&clock) as Arc<dyn Clock>);
    let mut slots = FixedRate::new(rate(30, 1)).timeout(Duration::from_millis(700));
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    assert_eq!(kind(handle.next_frame(&mut slots, false, &mut || Ok(()))), Some(ErrorKind::Timeout));
    assert_eq!(clock.now(), Duration::from_millis(700));
}

/// Plays `fps` frames for `slots`, with a consumer that needs `work` for each, on the desktop of `script`. Returns for every slot its time,
/// the time of its image, and how many bytes the session has written by then.
fn recorded(script: &str, fps: u64, slots: u64, work: Duration) -> Vec<(Duration, Duration, u64)> {
    let clock = Arc::new(VirtualClock::new());
    let script = format!("size 96x64; refresh 60; pointer still; {script}");
    let handle = open_with(&script, Arc::clone(&clock) as Arc<dyn Clock>);
    let world = World::new(&Script::parse(&script).expect("a script"), 0);
    let rate = rate(fps, 1);
    let mut frames = FixedRate::new(rate);
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    let mut start = Duration::ZERO;
    let mut played = Vec::new();
    for expected in 0..slots {
        let (frame, slot) = handle.next_frame(&mut frames, expected % 3 == 0, &mut || Ok(())).expect("a frame");
        assert_eq!(slot, expected);
        if slot == 0 {
            start = clock.now();
        }
        let image = frame.image().expect("memory").bytes();
        assert!(image == world.image(world.frame_at(frame.info.present_time)), "slot {slot} is exact");
        played.push((start + rate.slot(slot), frame.info.present_time, handle.snapshot().stats.bytes_copied));
        clock.sleep(work);
    }
    played
}

#[test]
fn slots_that_pass_while_the_desktop_is_lost_show_the_image_from_before_and_cost_no_capture() {
    let played = recorded("at 2s lose access for 10s", 30, 600, Duration::from_millis(12));
    let second = Duration::from_secs(1);
    for (slot, (due, presented, _)) in played.iter().enumerate() {
        assert!(presented <= due, "slot {slot}, due at {due:?}, shows an image of {presented:?}");
        // The consumer needs 12 ms for each slot of 33 ms: at 17.6 s it has caught up with the slots that passed during 10 s.
        let behind = (2 * second..18 * second).contains(due);
        assert!(
            behind || *due - *presented < second / 2,
            "slot {slot}, due at {due:?}, shows an image of {presented:?}"
        );
    }
    let written = |from: u32, to: u32| {
        let between: Vec<u64> =
            played.iter().filter(|p| (from * second..to * second).contains(&p.0)).map(|p| p.2).collect();
        between[between.len() - 1] - between[1]
    };
    assert_eq!(written(3, 17), 0, "repeating is no capture");
    assert!(written(18, 600) > 0, "and then it goes on");
}

#[test]
fn a_consumer_that_falls_further_behind_with_every_slot_gets_no_image_from_the_future_and_no_frozen_one() {
    let played = recorded("", 30, 900, Duration::from_millis(40));
    for (slot, (due, presented, _)) in played.iter().enumerate() {
        assert!(presented <= due, "slot {slot}, due at {due:?}, shows an image of {presented:?}");
    }
    let mut images: Vec<Duration> = played.iter().map(|p| p.1).collect();
    images.dedup();
    assert!(images.len() > 10, "{} different images", images.len());
}

#[test]
fn a_pause_of_the_consumer_is_filled_with_the_image_from_before_it() {
    let clock = Arc::new(VirtualClock::new());
    let handle = open_with("size 96x64; refresh 100; pointer still", Arc::clone(&clock) as Arc<dyn Clock>);
    let mut frames = FixedRate::new(rate(10, 1)).format(PixelFormat::Rgb);
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    let mut images = Vec::new();
    for slot in 0..12 {
        let (frame, _) = handle.next_frame(&mut frames, slot % 2 == 0, &mut || Ok(())).expect("a frame");
        images.push(frame.info.present_time.as_millis());
        if slot == 4 {
            clock.sleep(Duration::from_millis(350));
        }
    }
    assert_eq!(images, [0, 100, 200, 300, 400, 400, 400, 400, 800, 900, 1000, 1100]);
}

#[test]
fn a_lasting_loss_is_tolerated_for_as_long_as_the_caller_said() {
    for (away, comes_back) in [("for 20s", true), ("for ever", false)] {
        let clock = Arc::new(VirtualClock::new());
        let script = format!("size 96x64; refresh 60; pointer still; at 1s lose device {away}");
        let handle = open_with(&script, Arc::clone(&clock) as Arc<dyn Clock>);
        let mut frames = FixedRate::new(rate(10, 1));
        handle.begin_frames(None, &mut || Ok(())).expect("begins");
        let outcome = (0..50).try_for_each(|_| handle.next_frame(&mut frames, false, &mut || Ok(())).map(drop));
        assert_eq!(kind(outcome), (!comes_back).then_some(ErrorKind::Device));
        let lost_for = clock.now().saturating_sub(Duration::from_secs(1));
        assert!(comes_back || (PATIENCE..PATIENCE + Duration::from_secs(2)).contains(&lost_for), "{lost_for:?}");
    }
}

#[test]
fn a_stream_tolerates_a_lasting_loss_too() {
    let handle = open(&format!("{STILL}; at 30ms lose device for 1500ms; at 2s present full"));
    let options = every_present().patience(Duration::from_secs(5));
    handle.start(options, &mut || Ok(())).expect("starts");
    handle.latest(SECOND, &mut || Ok(())).expect("the first frame");
    let frame = handle.latest(Some(Duration::from_secs(5)), &mut || Ok(())).expect("the device comes back");
    assert!(frame.info.is_new);
    assert_eq!(handle.stats().session.recoveries, 1);
}

#[test]
fn the_region_of_a_stream_is_cut_with_the_output_and_restored() {
    let script =
        "size 96x64; refresh 200; pointer still; at 300ms mode 50x40; at 700ms mode 96x64; at 1100ms mode 20x20";
    let handle = open(script);
    let region = Rect::new(30, 10, 90, 60);
    handle.start(every_present().region(region), &mut || Ok(())).expect("starts");
    let mut sizes = Vec::new();
    let error = loop {
        match handle.latest(SECOND, &mut || Ok(())) {
            Ok(frame) => {
                let size = frame.image().expect("memory").size;
                if sizes.last() != Some(&(size, handle.stats().session.region_clamped)) {
                    sizes.push((size, handle.stats().session.region_clamped));
                }
            }
            Err(error) => break error,
        }
    };
    sizes.dedup_by_key(|(size, _)| *size);
    let sizes: Vec<_> = sizes.iter().map(|(size, _)| *size).collect();
    assert_eq!(sizes, [Size::new(60, 50), Size::new(20, 30), Size::new(60, 50)]);
    assert_eq!(error.kind(), ErrorKind::Capture);
    assert!(error.message().contains("nothing is left of region (30, 10, 90, 60)"), "{error}");
}
