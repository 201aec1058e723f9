//! A frame is the desktop's as of the call's beginning or later, whatever happened before the call.

use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{FixedRate, Handle, Rate, StreamOptions, Target};
use rustcam::clock::{Clock, MonotonicClock, VirtualClock};
use rustcam::frame::PixelFormat;
use rustcam::frame_format::FrameSpec;

use super::sim_capture::{ms, options, waiting, SimCapture};

/// A present every 10 ms.
const SCRIPT: &str = "size 96x64; refresh 100; pointer still; ";
const REFRESH: Duration = Duration::from_millis(10);

const TARGETS: [Target<'static>; 2] =
    [Target::Owned(FrameSpec::packed(PixelFormat::Bgra)), Target::Retained(FrameSpec::packed(PixelFormat::Bgra))];

/// Grabs after a pause of five seconds, for which a read needs as long as `reads` says.
fn assert_fresh_after_a_pause(capture: &SimCapture, retained: bool, reads: u64, what: &str) {
    capture.clock.sleep(ms(5000));
    let began = capture.clock.now();
    let frame = if retained { capture.retained(reads + 50) } else { capture.owned(reads + 50) }.expect("a frame");
    capture.assert_exact(&frame);
    let age = began.saturating_sub(frame.info.present_time);
    assert!(age < REFRESH, "{what}: an image from {age:?} before the call");
}

#[test]
fn after_a_read_that_failed() {
    for memory in ["ordinary", "direct"] {
        for call in ["wait", "read", "damage"] {
            for (retained, target) in TARGETS.into_iter().enumerate() {
                let capture =
                    SimCapture::new(&format!("{SCRIPT}memory {memory}; at 100ms fail {call} 0x80004005"), false);
                capture.owned(0);
                capture.clock.sleep(ms(120));
                capture.grab(100, target).expect_err("as scripted");
                assert_fresh_after_a_pause(&capture, retained == 1, 0, &format!("{memory} {call}"));
            }
        }
    }
}

#[test]
fn after_a_read_that_was_given_up() {
    for memory in ["ordinary", "direct"] {
        for (retained, target) in TARGETS.into_iter().enumerate() {
            let capture = SimCapture::new(&format!("{SCRIPT}memory {memory}; slow reads 100ms"), false);
            capture.owned(200).expect("the first frame");
            capture.clock.sleep(ms(20));
            assert!(capture.grab(0, target).expect("no error").is_none(), "the read is not done");
            assert_fresh_after_a_pause(&capture, retained == 1, 100, memory);
        }
    }
}

#[test]
fn after_a_stream_whose_last_frame_nobody_took() {
    let clock: Arc<dyn Clock> = Arc::new(MonotonicClock);
    let handle = Handle::open(&options(SCRIPT, false, Arc::clone(&clock)), &mut || Ok(())).expect("opens");
    let format = PixelFormat::Bgra;
    let stream = StreamOptions::default().format(format);
    handle.start(stream, &mut || Ok(())).expect("starts");
    std::thread::sleep(ms(100));
    handle.stop();
    std::thread::sleep(ms(100));
    let began = clock.now();
    let frame = handle.grab(&waiting(1000), Target::owned(format), &mut || Ok(())).expect("no error").expect("a frame");
    assert!(began.saturating_sub(frame.info.present_time) < 2 * REFRESH);
}

#[test]
fn after_a_sequence_of_frames_that_was_ahead() {
    let clock = Arc::new(VirtualClock::new());
    let script = format!("{SCRIPT}at 1s lose access for 5s");
    let time = Arc::clone(&clock) as Arc<dyn Clock>;
    let handle = Handle::open(&options(&script, false, time), &mut || Ok(())).expect("opens");
    let rate = Rate::new(10, 1).expect("a rate");
    let mut frames = FixedRate::new(rate);
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    while clock.now() < ms(6000) {
        handle.next_frame(&mut frames, false, &mut || Ok(())).expect("a frame");
    }
    handle.end_frames();
    clock.sleep(ms(5000));
    let began = clock.now();
    let target = Target::owned(PixelFormat::Bgra);
    let frame = handle.grab(&waiting(1000), target, &mut || Ok(())).expect("no error").expect("a frame");
    assert!(began.saturating_sub(frame.info.present_time) < REFRESH);
}
