//! Captures of the simulated desktop in virtual time: each guarantee of the API has a test that names it.

// A negative duration is a failed test.
#![allow(clippy::unchecked_time_subtraction)]

mod color;
mod finished;
mod fresh;
mod pacing;
mod recovery;
mod repeats;
mod scaled;
mod share;
mod sim_capture;
mod waits;
mod windows;
mod wrapped;

use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Handle, Session, Stats, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::{Error, ErrorKind};
use rustcam::frame::{ImageMut, PixelFormat};
use rustcam::geometry::{Rect, Size};

use sim_capture::{desktop, ms, options, waiting, SimCapture, SMALL};

#[test]
fn the_first_grab_returns_the_current_screen_of_a_static_desktop() {
    let capture = SimCapture::new(&format!("{SMALL}static"), false);
    let frame = capture.owned(0).expect("the current screen, even without waiting");
    capture.assert_exact(&frame);
    assert_eq!((capture.info().sequence, capture.info().accumulated, capture.info().is_new), (1, 1, true));
    assert_eq!(capture.info().damage.dirty, [Rect::new(0, 0, 96, 64)]);
}

#[test]
fn a_static_desktop_times_out_after_exactly_the_timeout() {
    let capture = SimCapture::new(&format!("{SMALL}static"), false);
    capture.owned(0);
    let before = capture.clock.now();
    assert!(capture.owned(1234).is_none());
    assert_eq!(capture.clock.now() - before, ms(1234));
    assert!(capture.owned(0).is_none(), "zero polls");
    assert_eq!(capture.clock.now() - before, ms(1234));
    let Stats { frames, timeouts, .. } = capture.stats();
    assert_eq!((frames, timeouts, capture.session().bytes_copied), (1, 2, 96 * 64 * 4));
}

#[test]
fn every_present_is_returned_once_and_exactly() {
    let capture = SimCapture::new(SMALL, false);
    for sequence in 1..=50 {
        let frame = capture.owned(1000).expect("a present every 10 ms");
        capture.assert_exact(&frame);
        assert_eq!((capture.info().sequence, capture.info().accumulated), (sequence, 1));
    }
    assert_eq!(capture.stats().missed, 0);
}

#[test]
fn missed_presents_are_counted() {
    let capture = SimCapture::new(SMALL, false);
    capture.owned(0);
    capture.clock.sleep(ms(55));
    capture.owned(0);
    assert_eq!((capture.info().accumulated, capture.info().sequence, capture.stats().missed), (5, 6, 4));
}

#[test]
fn without_new_frame_only_the_current_image_comes_at_once() {
    let capture = SimCapture::new(&format!("{SMALL}static"), false);
    let request = waiting(1000).new_frame_only(false);
    for (call, is_new) in [(1, true), (2, false), (3, false)] {
        let frame = capture.request(&request, Target::owned(PixelFormat::Bgra)).expect("no error");
        capture.assert_exact(&frame.expect("never None"));
        assert_eq!(capture.info().is_new, is_new, "call {call}");
    }
    assert_eq!(capture.clock.now(), Duration::ZERO, "nothing was waited for");
    assert!(capture.info().damage.dirty.is_empty());
}

#[test]
fn rapid_pointer_movements_are_merged_to_one_frame_per_refresh_interval() {
    let capture = SimCapture::new("size 96x64; refresh 100; static; pointer storm 1000", true);
    let mut frames = 0;
    while capture.clock.now() < ms(1000) {
        frames += u64::from(capture.owned(1000).is_some());
    }
    assert!((99..=101).contains(&frames), "{frames} frames at 100 Hz");
    assert_eq!(capture.info().accumulated, 0, "the image itself is old");
    assert!(capture.info().damage.dirty.is_empty());
    assert!(capture.session().pointer_wakeups > 500);
}

#[test]
fn without_the_cursor_pointer_activity_never_wakes() {
    let capture = SimCapture::new("size 96x64; refresh 100; static; pointer storm 1000", false);
    capture.owned(0);
    assert!(capture.owned(1000).is_none());
    assert_eq!(capture.session().pointer_wakeups, 0);
}

#[test]
fn a_region_of_one_call_does_not_change_the_sessions() {
    let capture = SimCapture::new(SMALL, false);
    let region = Rect::new(5, 6, 40, 30);
    let request = waiting(0).region(region);
    let frame = capture.request(&request, Target::owned(PixelFormat::Bgra)).expect("no error").expect("new");
    assert_eq!(frame.image().expect("owned").bytes(), capture.expected(capture.shown(), region));
    assert_eq!(capture.region(), Rect::new(0, 0, 96, 64));
}

#[test]
fn regions_outside_the_output_name_the_bounds() {
    let capture = SimCapture::new(SMALL, false);
    for region in [
        Rect::new(0, 0, 97, 64),
        Rect::new(-1, 0, 9, 9),
        Rect::new(9, 0, 9, 9),
        Rect::new(9, 9, 5, 20),
        Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX),
    ] {
        let error = capture.handle.region_of(Some(region)).expect_err("not inside");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("(0, 0, 96, 64)"), "{error}");
    }
}

#[test]
fn a_retained_picture_is_updated_in_place_and_only_where_it_changed() {
    let capture = SimCapture::new(&format!("{SMALL}static; at 10ms present dirty 10,10,20,15"), false);
    let first = capture.retained(0).expect("the current screen");
    let address = first.image().expect("retained").buffer.as_ptr();
    drop(first);
    let before = capture.session().bytes_copied;
    let second = capture.retained(1000).expect("the scripted present");
    assert_eq!(second.image().expect("retained").buffer.as_ptr(), address, "the same memory");
    assert_eq!(capture.session().bytes_copied - before, 10 * 5 * 4, "only the dirty pixels");
    capture.assert_exact(&second);
    assert_eq!(capture.info().damage.dirty, [Rect::new(10, 10, 20, 15)]);
}

#[test]
fn a_held_retained_picture_stays_intact() {
    let capture = SimCapture::new(SMALL, false);
    let held: Vec<_> = (0..6)
        .map(|_| {
            let frame = capture.retained(1000).expect("a present");
            (capture.shown(), frame)
        })
        .collect();
    for (number, frame) in &held {
        let bytes = frame.image().expect("retained").bytes();
        assert!(bytes == capture.expected(*number, capture.region()), "frame {number}");
    }
}

#[test]
fn changing_an_owned_picture_does_not_change_later_ones() {
    let capture = SimCapture::new(SMALL, false);
    for _ in 0..4 {
        let frame = capture.owned(1000).expect("a present");
        let buffer = &frame.image().expect("owned").buffer;
        // SAFETY: nothing else uses the frame, and a numpy array writes in the same way.
        unsafe { std::ptr::write_bytes(buffer.as_ptr(), 0xAA, buffer.bytes().len()) };
        drop(frame);
        let retained = capture.retained(1000).expect("a present");
        capture.assert_exact(&retained);
    }
}

#[test]
fn the_callers_memory_is_filled_row_by_row() {
    let capture = SimCapture::new(SMALL, false);
    let mut bytes = vec![7u8; 64 * 500];
    let image = ImageMut::new(&mut bytes, 500, Size::new(96, 64), PixelFormat::Bgra);
    assert!(capture.grab(0, Target::Into(image)).expect("no error").expect("new").image().is_none());
    let expected = capture.expected(capture.shown(), capture.region());
    for (row, wanted) in bytes.chunks_exact(500).zip(expected.chunks_exact(96 * 4)) {
        assert_eq!(&row[..96 * 4], wanted);
        assert!(row[96 * 4..].iter().all(|&b| b == 7), "padding stays untouched");
    }
}

#[test]
fn a_read_that_outlasts_the_deadline_goes_on_in_the_next_call() {
    for target in [Target::owned as fn(PixelFormat) -> Target<'static>, Target::retained] {
        for memory in ["ordinary", "direct"] {
            let capture = SimCapture::new(&format!("{SMALL}static; slow reads 100ms; memory {memory}"), false);
            assert!(capture.grab(10, target(PixelFormat::Bgra)).expect("no error").is_none());
            assert!(capture.clock.now() <= ms(10 + 50), "no wait outlives its deadline by more than 50 ms");
            let frame =
                capture.grab(100, target(PixelFormat::Bgra)).expect("no error").expect("the read is done by now");
            capture.assert_exact(&frame);
            assert!(capture.clock.now() <= ms(110), "it did not begin anew");
        }
    }
}

#[test]
fn an_interrupt_ends_a_wait_within_a_slice() {
    let capture = SimCapture::new(&format!("{SMALL}static"), false);
    capture.owned(0);
    let clock = Arc::clone(&capture.clock);
    let mut interrupt = || {
        if clock.now() >= ms(300) {
            Err(Error::new(ErrorKind::Interrupted, "enough"))
        } else {
            Ok(())
        }
    };
    let ended = capture.handle.grab(&waiting(10_000), Target::owned(PixelFormat::Bgra), &mut interrupt);
    assert_eq!(ended.err().map(|e| e.kind()), Some(ErrorKind::Interrupted));
    assert!(capture.clock.now() <= ms(350));
    assert!(capture.owned(10).is_none(), "the session is usable afterwards");
}

#[test]
fn moves_are_reported_where_the_user_sees_them() {
    for (rotation, size) in [(0, "96x64"), (90, "96x64"), (180, "96x64"), (270, "96x64")] {
        let script =
            format!("size {size}; rotation {rotation}; static; at 10ms present move 4,5>20,30,30,36 dirty 1,2,3,4");
        let capture = SimCapture::new(&script, false);
        capture.owned(0);
        let frame = capture.owned(100).expect("the scripted present");
        capture.assert_exact(&frame);
        let moves: Vec<_> =
            capture.info().damage.moves.iter().map(|m| (m.source.x, m.source.y, m.destination)).collect();
        assert_eq!(moves, [(4, 5, Rect::new(20, 30, 30, 36))], "rotation {rotation}");
        assert_eq!(capture.info().damage.dirty, [Rect::new(1, 2, 3, 4)], "rotation {rotation}");
    }
}

#[test]
fn sessions_on_the_same_output_each_see_every_frame() {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
    let open = || Session::over(Box::new(desktop(SMALL, false, Arc::clone(&clock))), Arc::clone(&clock), false);
    let (mut one, mut other) = (open(), open());
    for _ in 0..20 {
        for session in [&mut one, &mut other] {
            let frame = session.grab(&waiting(0), Target::owned(PixelFormat::Gray), &mut || Ok(()));
            let frame = frame.expect("no error").expect("a present");
            assert_eq!(frame.info.accumulated, 1, "none is missed");
        }
        clock.sleep(ms(10));
    }
}

#[test]
fn close_ends_a_call_that_waits_in_another_thread() {
    let clock: Arc<dyn Clock> = Arc::new(rustcam::clock::MonotonicClock);
    let handle = Handle::open(&options(&format!("{SMALL}static"), false, clock), &mut || Ok(())).expect("opens");
    handle.grab(&waiting(0), Target::owned(PixelFormat::Bgra), &mut || Ok(())).expect("the first frame");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| handle.grab(&waiting(60_000), Target::owned(PixelFormat::Bgra), &mut || Ok(())));
        handle.close();
        let ended = waiter.join().expect("no panic").expect_err("closed");
        assert_eq!((ended.kind(), ended.message()), (ErrorKind::WrongState, "Capturer is closed"));
    });
    handle.close();
    assert_eq!(handle.snapshot().output.size, Size::new(96, 64), "properties stay readable");
}

#[test]
fn waiting_for_another_threads_call_counts_against_the_timeout() {
    let clock: Arc<dyn Clock> = Arc::new(rustcam::clock::MonotonicClock);
    let handle = Handle::open(&options(&format!("{SMALL}static"), false, clock), &mut || Ok(())).expect("opens");
    handle.grab(&waiting(0), Target::owned(PixelFormat::Bgra), &mut || Ok(())).expect("the first frame");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| handle.grab(&waiting(400), Target::owned(PixelFormat::Bgra), &mut || Ok(())));
        let quick = handle.grab(&waiting(40), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
        assert!(quick.expect("no error").is_none());
        assert!(!slow.is_finished(), "the first call still waits");
        assert!(slow.join().expect("no panic").expect("no error").is_none());
    });
}

#[test]
fn only_the_old_and_the_new_pixels_of_a_pointer_are_written() {
    // The arrow has 12x19 pixels; at the last place 6x4 of them are on the desktop. Where the system writes the picture itself, it restores
    // the pixels under the old pointer only, and the new one is drawn over the existing pixels.
    let arrow = 12 * 19;
    for (memory, written) in [("ordinary", [2 * arrow, 2 * arrow, arrow + 6 * 4]), ("direct", [arrow; 3])] {
        let script = format!(
            "{SMALL}static; memory {memory}; at 50ms pointer 5,5; at 100ms pointer 60,30; at 150ms pointer 90,60"
        );
        let capture = SimCapture::new(&script, true);
        capture.retained(0);
        for pixels in written {
            let before = capture.session().bytes_copied;
            capture.retained(1000).expect("the pointer moved");
            assert_eq!(capture.session().bytes_copied - before, pixels * 4, "{memory}");
            assert!(capture.info().damage.dirty.is_empty() && capture.info().accumulated == 0);
        }
    }
}
