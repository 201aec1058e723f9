//! Captures of windows: what the policy for losses makes of one that is resized, minimised, closed and opened again.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustcam::capture::{FixedRate, Frame, Handle, Image, Rate, Session, StreamOptions, Target};
use rustcam::clock::{Clock, MonotonicClock, VirtualClock};
use rustcam::error::{Error, ErrorKind, Result};
use rustcam::frame::PixelFormat;
use rustcam::frame_format::FrameSpec;
use rustcam::geometry::{Rect, Size};
use rustcam::source::sim::World;
use rustcam::source::{TitlePattern, WindowArea, WindowChoice, WindowTarget};

use super::sim_capture::{desktop, ms, options, parsed, waiting, SimCapture};
use super::wrapped::Wrapped;

const OWNED: Target<'static> = Target::Owned(FrameSpec::packed(PixelFormat::Bgra));
const WINDOW: &str = "static; pointer still; window \"A\" at 9,9 size 96x64; ";

fn by_title() -> WindowChoice {
    WindowChoice::Title("A".into())
}

fn by_handle() -> WindowChoice {
    WindowChoice::Handle { handle: 1001, pid: None }
}

fn titled(events: &str) -> SimCapture {
    SimCapture::window(&format!("{WINDOW}{events}"), by_title())
}

fn lost(capture: &SimCapture) -> String {
    capture.session().lost.as_deref().unwrap_or_default().to_owned()
}

fn skip_to(capture: &SimCapture, time: Duration) {
    capture.clock.sleep(time.saturating_sub(capture.clock.now()));
}

#[test]
fn a_minimised_window_gives_no_frame_and_no_error_until_it_is_restored() {
    for (state, first) in [("", true), ("at 0s window \"A\" minimize; ", false)] {
        let capture = titled(&format!("{state}at 10ms window \"A\" minimize; at 5s window \"A\" restore"));
        assert_eq!(capture.owned(0).is_some(), first, "a minimised window can be opened");
        skip_to(&capture, ms(10));
        assert!(capture.owned(1000).is_none());
        assert!(capture.request(&waiting(500).new_frame_only(false), OWNED).expect("no error").is_none());
        assert_eq!(capture.clock.now(), ms(1510), "at the deadline");
        assert!(lost(&capture).starts_with("the window is minimised"), "{}", lost(&capture));
        let frame = capture.owned(60_000).expect("restored");
        capture.assert_exact(&frame);
        assert!(capture.clock.now() <= ms(5250), "{:?}", capture.clock.now());
        assert_eq!(
            (capture.info().is_new, capture.info().damage.dirty.as_slice()),
            (true, &[Rect::new(0, 0, 96, 64)][..])
        );
        assert_eq!((lost(&capture).as_str(), capture.session().recoveries), ("", 1));
        assert!(capture.owned(1000).is_none(), "nothing more is new");
    }
}

#[test]
fn a_moved_window_is_no_news() {
    let capture = titled("at 10ms window \"A\" move -50,20; at 20ms window \"A\" raise; at 30ms window \"A\" title \"B\"; at 40ms present full");
    capture.owned(0);
    assert!(capture.owned(1000).is_none());
    assert_eq!((capture.clock.now(), capture.session().recoveries, lost(&capture)), (ms(1000), 0, String::new()));
}

#[test]
fn a_closed_window_is_an_error_at_once_and_again_by_every_call() {
    for before in ["", "at 5ms window \"A\" minimize; "] {
        let script = format!("{WINDOW}{before}at 1s window \"A\" close; at 2s window \"A\" open");
        let capture = SimCapture::window(&script, by_handle());
        capture.owned(0);
        let closed = |at: Result<Option<Frame>>| {
            let error = at.expect_err("closed");
            assert_eq!(
                (error.kind(), error.message(), error.loss()),
                (ErrorKind::AccessLost, "the window \"A\" was closed", None)
            );
        };
        closed(capture.grab(60_000, OWNED));
        let noticed = capture.clock.now();
        assert!(noticed >= ms(1000) && noticed <= ms(1250), "{noticed:?}");
        for timeout in [0, 1, 5000] {
            closed(capture.grab(timeout, OWNED));
            assert_eq!(capture.clock.now(), noticed, "at once");
        }
        skip_to(&capture, ms(3000));
        closed(capture.grab(5000, OWNED));
        assert_eq!(capture.handle.snapshot().output.size, Size::new(96, 64));
    }
}

#[test]
fn a_window_named_by_its_title_is_a_passing_loss_and_may_come_back_as_another_one() {
    let capture = SimCapture::window(
        &format!("{WINDOW}window \"The next A\" size 60x30 full closed; at 1s window \"A\" close; at 3s window \"The next A\" open; at 4s window \"The next A\" present"),
        by_title(),
    );
    capture.retained(0);
    capture.handle.set_region(Some(Rect::new(10, 20, 80, 60))).expect("inside");
    skip_to(&capture, ms(1000));
    assert!(capture.retained(500).is_none());
    assert_eq!(capture.clock.now(), ms(1500));
    assert!(
        lost(&capture).starts_with("the window \"A\" was closed; no window has title \"A\"; there is"),
        "{}",
        lost(&capture)
    );
    let frame = capture.retained(10_000).expect("another window");
    let next = World::window(
        &parsed("static; window \"A\"; window \"The next A\" size 60x30 full; at 4s window \"The next A\" present"),
        "The next A",
    );
    let capture = SimCapture { world: next.expect("a window"), ..capture };
    assert_eq!(capture.region(), Rect::new(10, 20, 60, 30));
    assert!(capture.session().region_clamped);
    capture.assert_exact(&frame);
    drop(frame);
    capture.assert_exact(&capture.retained(2000).expect("its present"));
}

#[test]
fn a_resized_window_is_followed_and_a_region_is_cut_to_it() {
    let capture = titled(
        "at 100ms window \"A\" resize 50x40; at 200ms window \"A\" resize 120x64; at 300ms window \"A\" resize 20x20",
    );
    let region = Rect::new(30, 10, 90, 60);
    capture.handle.set_region(Some(region)).expect("inside");
    capture.owned(0);
    for (at, expected, clamped) in [(100, Rect::new(30, 10, 50, 40), true), (200, region, false)] {
        let frame = capture.owned(1000).expect("regained");
        assert!(capture.clock.now() <= ms(at + 10), "at once");
        capture.assert_exact(&frame);
        assert_eq!((capture.region(), capture.session().region_clamped), (expected, clamped));
    }
    let error = capture.grab(1000, OWNED).expect_err("nothing is left of the region");
    assert_eq!(error.kind(), ErrorKind::Capture);
    assert_eq!(error.message(), "nothing is left of region (30, 10, 90, 60) since the window became 20x20");
    assert!(error.hint().is_some_and(|hint| hint.contains("inside the window")));
    let whole = capture.request(&waiting(0).region(Rect::new(0, 0, 20, 20)), OWNED).expect("no error");
    assert_eq!(whole.expect("the new size").image().expect("memory").size, Size::new(20, 20));
    let capture = titled("at 100ms window \"A\" resize 50x40");
    capture.owned(0);
    let error = capture.request(&waiting(1000).region(region), OWNED).expect_err("of this call only");
    assert!(
        error.message().starts_with("the window has changed: region (30, 10, 90, 60) is not inside the window"),
        "{error}"
    );
}

/// The frames of a sequence at 10 Hz, until `count` or an error.
fn frames(capture: &SimCapture, slots: FixedRate, count: usize) -> (Vec<Frame>, FixedRate, Option<Error>) {
    let (mut slots, mut frames) = (slots, Vec::new());
    capture.handle.begin_frames(None, &mut || Ok(())).expect("no other sequence");
    let mut ended = None;
    while frames.len() < count && ended.is_none() {
        match capture.handle.next_frame(&mut slots, false, &mut || Ok(())) {
            Ok((frame, slot)) => {
                assert_eq!(slot, frames.len() as u64);
                frames.push(frame);
            }
            Err(error) => ended = Some(error),
        }
    }
    (frames, slots, ended)
}

fn ten_hertz() -> FixedRate {
    FixedRate::new(Rate::new(10, 1).expect("a rate"))
}

#[test]
fn slots_repeat_the_last_image_of_a_window_that_is_minimised_however_long() {
    let capture =
        titled("at 1s window \"A\" minimize; at 601s window \"A\" resize 40x30; at 601s window \"A\" restore");
    let (frames, slots, ended) = frames(&capture, ten_hertz().patience(ms(100)), 6050);
    assert!(ended.is_none());
    let size = |slot: usize| frames[slot].image().expect("memory").size;
    assert_eq!((size(0), size(6009), size(6015)), (Size::new(96, 64), Size::new(96, 64), Size::new(40, 30)));
    assert!(frames[1..6000]
        .iter()
        .all(|frame| !frame.info.is_new && frame.image().map(Image::bytes) == frames[0].image().map(Image::bytes)));
    assert_eq!(slots.counts().repeated, 6050 - 2);
}

#[test]
fn slots_end_with_the_window_or_wait_for_the_next_one_of_its_title() {
    let script = format!("{WINDOW}at 1s window \"A\" close; at 60s window \"A\" open");
    let capture = SimCapture::window(&script, by_handle());
    let (shown, mut slots, ended) = frames(&capture, ten_hertz(), 100);
    assert_eq!((shown.len(), ended.map(|error| error.kind())), (10, Some(ErrorKind::AccessLost)));
    let again = capture.handle.next_frame(&mut slots, false, &mut || Ok(())).expect_err("still closed");
    assert_eq!(again.message(), "the window \"A\" was closed");
    let (shown, _, ended) = frames(&SimCapture::window(&script, by_title()), ten_hertz(), 700);
    assert_eq!((shown.len(), ended.is_none()), (700, true));
}

#[test]
fn patience_counts_from_the_loss_that_does_not_pass() {
    let capture = titled("at 1s window \"A\" minimize; at 100s lose device for ever");
    let (_, _, ended) = frames(&capture, ten_hertz().patience(ms(30_000)), 9999);
    assert_eq!(ended.map(|error| error.kind()), Some(ErrorKind::Device));
    let ended = capture.clock.now();
    assert!(ended >= ms(130_000) && ended < ms(131_500), "{ended:?}");
}

#[test]
fn the_first_slot_of_a_minimised_window_says_why_it_has_no_image() {
    let capture = titled("at 0s window \"A\" minimize");
    let (_, _, ended) = frames(&capture, ten_hertz().timeout(ms(700)), 1);
    let error = ended.expect("no image");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Timeout, "no first image within 700 ms: the window is minimised")
    );
    assert_eq!(capture.clock.now(), ms(700));
}

/// A capture in real time.
fn live(events: &str, choice: WindowChoice) -> Handle {
    let target = WindowTarget { choice, area: WindowArea::Client };
    let options = options(&format!("{WINDOW}{events}"), false, Arc::new(MonotonicClock)).window(target);
    Handle::open(&options, &mut || Ok(())).expect("the window opens")
}

#[test]
fn a_stream_ends_with_its_window_and_says_so() {
    let handle = live("at 300ms window \"A\" close", by_handle());
    handle.start(StreamOptions::default().patience(Duration::MAX), &mut || Ok(())).expect("starts");
    handle.latest(None, &mut || Ok(())).expect("the window as it is");
    let before = Instant::now();
    let ended = handle.latest(Some(ms(20_000)), &mut || Ok(())).expect_err("closed");
    assert_eq!((ended.kind(), ended.message()), (ErrorKind::AccessLost, "the window \"A\" was closed"));
    assert!(before.elapsed() < ms(5000));
    assert!(!handle.is_capturing());
    assert_eq!(handle.grab(&waiting(0), OWNED, &mut || Ok(())).expect_err("closed").kind(), ErrorKind::AccessLost);
}

#[test]
fn a_stream_waits_for_a_window_that_is_minimised_or_opened_again() {
    for (gone, back) in [("minimize", "restore"), ("close", "open")] {
        let events = format!("at 100ms window \"A\" {gone}; at 700ms window \"A\" {back}");
        let handle = live(&events, by_title());
        handle.start(StreamOptions::default().patience(ms(10)), &mut || Ok(())).expect("starts");
        handle.latest(None, &mut || Ok(())).expect("the window as it is");
        let error = handle.latest(Some(ms(450)), &mut || Ok(())).expect_err("it is away");
        assert!(error.kind() == ErrorKind::Timeout && error.message().contains("the window "), "{error}");
        handle.latest(Some(ms(20_000)), &mut || Ok(())).expect("it is back");
        assert_eq!(handle.stats().session.recoveries, 1, "{gone}");
        handle.stop();
    }
}

#[test]
fn a_test_of_titles_may_stop_or_close_the_stream_that_calls_it() {
    for close in [false, true] {
        let handle: Arc<OnceLock<Handle>> = Arc::default();
        let inner = Arc::clone(&handle);
        let pattern = TitlePattern::new("A", move |title| {
            match inner.get() {
                Some(handle) if close => handle.close(),
                Some(handle) => handle.stop(),
                None => {}
            }
            title == "A"
        });
        let events = "window \"B\"; at 50ms window \"A\" close; at 100ms window \"A\" open";
        let opened = handle.get_or_init(|| live(events, WindowChoice::Pattern(pattern)));
        opened.start(StreamOptions::default(), &mut || Ok(())).expect("starts");
        let latest = || opened.latest(Some(ms(10_000)), &mut || Ok(()));
        latest().expect("the window as it is");
        let said = if close { "Capturer is closed" } else { "the stream was stopped" };
        assert_eq!(latest().expect_err("ended").message(), said);
        assert!(!opened.is_capturing());
        opened.stop();
        if !close {
            assert!(opened.grab(&waiting(10_000), OWNED, &mut || Ok(())).expect("usable").is_some());
        }
    }
}

#[test]
fn closing_the_capture_ends_a_call_that_waits_for_a_minimised_window() {
    let handle = live("at 0s window \"A\" minimize", by_title());
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| handle.grab(&waiting(60_000), OWNED, &mut || Ok(())));
        std::thread::sleep(ms(50));
        handle.close();
        let ended = waiter.join().expect("no panic").expect_err("closed");
        assert_eq!(ended.message(), "Capturer is closed");
    });
}

#[test]
fn a_pointer_that_the_system_has_drawn_is_not_drawn_again() {
    let script = "size 96x64; static; pointer still; at 10ms pointer 20,20";
    let image = |drawn_by_system: bool| {
        let clock = Arc::new(VirtualClock::new());
        let source = Wrapped::new(desktop(script, true, Arc::clone(&clock) as Arc<dyn Clock>));
        let source = if drawn_by_system { source.drawing_pointer() } else { source };
        let mut session = Session::over(Box::new(source), clock, true);
        let mut grab = |target| session.grab(&waiting(1000), target, &mut || Ok(())).expect("no error").expect("news");
        let images: Vec<Vec<u8>> = [OWNED, Target::retained(PixelFormat::Bgra)]
            .into_iter()
            .map(|target| grab(target).image().expect("memory").bytes().to_vec())
            .collect();
        images
    };
    let world = World::new(&parsed(script), 0);
    assert!(image(true) == [world.image(1), world.image(1)]);
    assert!(image(false).iter().all(|shown| *shown != world.image(1)));
}
