//! The session over the simulated desktop, in virtual time: each promise of the contract has a test that names it.

// A negative duration is a failed test.
#![allow(clippy::unchecked_time_subtraction)]

mod lab;
mod recovery;
mod share;
mod waits;
mod wrapped;

use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Delivered, Handle, Request, Session, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::{Error, ErrorKind};
use rustcam::frame::{ImageMut, PixelFormat};
use rustcam::geometry::{Rect, Size};

use lab::{desktop, ms, never, options, waiting, Lab, SMALL};

#[test]
fn the_first_grab_returns_the_current_screen_of_a_static_desktop() {
    let mut lab = Lab::new(&format!("{SMALL}static"), false);
    let frame = lab.owned(0).expect("the current screen, even without waiting");
    lab.assert_exact(&frame);
    assert_eq!((lab.info().sequence, lab.info().accumulated, lab.info().is_new), (1, 1, true));
    assert_eq!(lab.info().damage.dirty, [Rect::new(0, 0, 96, 64)]);
}

#[test]
fn a_static_desktop_times_out_after_exactly_the_timeout() {
    let mut lab = Lab::new(&format!("{SMALL}static"), false);
    lab.owned(0);
    let before = lab.clock.now();
    assert!(lab.owned(1234).is_none());
    assert_eq!(lab.clock.now() - before, ms(1234));
    assert!(lab.owned(0).is_none(), "zero polls");
    assert_eq!(lab.clock.now() - before, ms(1234));
    let Delivered { frames, timeouts, .. } = lab.delivered;
    assert_eq!((frames, timeouts, lab.session.stats().bytes_copied), (1, 2, 96 * 64 * 4));
}

#[test]
fn every_present_is_returned_once_and_exactly() {
    let mut lab = Lab::new(SMALL, false);
    for sequence in 1..=50 {
        let frame = lab.owned(1000).expect("a present every 10 ms");
        lab.assert_exact(&frame);
        assert_eq!((lab.info().sequence, lab.info().accumulated), (sequence, 1));
    }
    assert_eq!(lab.delivered.missed, 0);
}

#[test]
fn missed_presents_are_counted() {
    let mut lab = Lab::new(SMALL, false);
    lab.owned(0);
    lab.clock.sleep(ms(55));
    lab.owned(0);
    assert_eq!((lab.info().accumulated, lab.info().sequence, lab.delivered.missed), (5, 6, 4));
}

#[test]
fn without_new_frame_only_the_current_image_comes_at_once() {
    let mut lab = Lab::new(&format!("{SMALL}static"), false);
    let request = Request { new_frame_only: false, ..waiting(1000) };
    for (call, is_new) in [(1, true), (2, false), (3, false)] {
        let frame = lab.request(&request, Target::Owned(PixelFormat::Bgra)).expect("no error");
        lab.assert_exact(&frame.expect("never None"));
        assert_eq!(lab.info().is_new, is_new, "call {call}");
    }
    assert_eq!(lab.clock.now(), Duration::ZERO, "nothing was waited for");
    assert!(lab.info().damage.dirty.is_empty());
}

#[test]
fn pointer_storms_are_merged_to_one_frame_per_refresh_interval() {
    let mut lab = Lab::new("size 96x64; refresh 100; static; pointer storm 1000", true);
    let mut frames = 0;
    while lab.clock.now() < ms(1000) {
        frames += u64::from(lab.owned(1000).is_some());
    }
    assert!((99..=101).contains(&frames), "{frames} frames at 100 Hz");
    assert_eq!(lab.info().accumulated, 0, "the image itself is old");
    assert!(lab.info().damage.dirty.is_empty());
    assert!(lab.session.stats().pointer_wakeups > 500);
}

#[test]
fn without_the_cursor_pointer_activity_never_wakes() {
    let mut lab = Lab::new("size 96x64; refresh 100; static; pointer storm 1000", false);
    lab.owned(0);
    assert!(lab.owned(1000).is_none());
    assert_eq!(lab.session.stats().pointer_wakeups, 0);
}

#[test]
fn a_region_of_one_call_does_not_change_the_sessions() {
    let mut lab = Lab::new(SMALL, false);
    let region = Rect::new(5, 6, 40, 30);
    let request = Request { region: Some(region), ..waiting(0) };
    let frame = lab.request(&request, Target::Owned(PixelFormat::Bgra)).expect("no error").expect("new");
    assert_eq!(frame.image().expect("owned").bytes(), lab.expected(lab.shown(), region));
    assert_eq!(lab.session.region(), Rect::new(0, 0, 96, 64));
}

#[test]
fn regions_outside_the_output_name_the_bounds() {
    let lab = Lab::new(SMALL, false);
    for region in [
        Rect::new(0, 0, 97, 64),
        Rect::new(-1, 0, 9, 9),
        Rect::new(9, 0, 9, 9),
        Rect::new(9, 9, 5, 20),
        Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX),
    ] {
        let error = lab.session.checked_region(Some(region)).expect_err("not inside");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("(0, 0, 96, 64)"), "{error}");
    }
}

#[test]
fn a_retained_picture_is_updated_in_place_and_only_where_it_changed() {
    let mut lab = Lab::new(&format!("{SMALL}static; at 10ms present dirty 10,10,20,15"), false);
    let first = lab.retained(0).expect("the current screen");
    let address = first.image().expect("retained").buffer.as_ptr();
    drop(first);
    let before = lab.session.stats().bytes_copied;
    let second = lab.retained(1000).expect("the scripted present");
    assert_eq!(second.image().expect("retained").buffer.as_ptr(), address, "the same memory");
    assert_eq!(lab.session.stats().bytes_copied - before, 10 * 5 * 4, "only the dirty pixels");
    lab.assert_exact(&second);
    assert_eq!(lab.info().damage.dirty, [Rect::new(10, 10, 20, 15)]);
}

#[test]
fn a_held_retained_picture_stays_intact() {
    let mut lab = Lab::new(SMALL, false);
    let held: Vec<_> = (0..6)
        .map(|_| {
            let frame = lab.retained(1000).expect("a present");
            (lab.shown(), frame)
        })
        .collect();
    for (number, frame) in &held {
        let bytes = frame.image().expect("retained").bytes();
        assert!(bytes == lab.expected(*number, lab.session.region()), "frame {number}");
    }
}

#[test]
fn owned_pictures_may_be_changed_without_spoiling_later_ones() {
    let mut lab = Lab::new(SMALL, false);
    for _ in 0..4 {
        let frame = lab.owned(1000).expect("a present");
        let buffer = &frame.image().expect("owned").buffer;
        // SAFETY: the frame is ours alone, and a numpy array would write just like this.
        unsafe { std::ptr::write_bytes(buffer.as_ptr(), 0xAA, buffer.bytes().len()) };
        drop(frame);
        let retained = lab.retained(1000).expect("a present");
        lab.assert_exact(&retained);
    }
}

#[test]
fn the_callers_memory_is_filled_row_by_row() {
    let mut lab = Lab::new(SMALL, false);
    let mut bytes = vec![7u8; 64 * 500];
    let image = ImageMut::new(&mut bytes, 500, Size::new(96, 64), PixelFormat::Bgra);
    assert!(lab.grab(0, Target::Into(image)).expect("no error").expect("new").image().is_none());
    let expected = lab.expected(lab.shown(), lab.session.region());
    for (row, wanted) in bytes.chunks_exact(500).zip(expected.chunks_exact(96 * 4)) {
        assert_eq!(&row[..96 * 4], wanted);
        assert!(row[96 * 4..].iter().all(|&b| b == 7), "padding stays untouched");
    }
}

#[test]
fn a_read_that_outlasts_the_deadline_goes_on_in_the_next_call() {
    for target in [Target::Owned as fn(PixelFormat) -> Target<'static>, Target::Retained] {
        for memory in ["ordinary", "direct"] {
            let mut lab = Lab::new(&format!("{SMALL}static; slow reads 100ms; memory {memory}"), false);
            assert!(lab.grab(10, target(PixelFormat::Bgra)).expect("no error").is_none());
            assert!(lab.clock.now() <= ms(10 + 50), "no wait outlives its deadline by more than 50 ms");
            let frame = lab.grab(100, target(PixelFormat::Bgra)).expect("no error").expect("the read is done by now");
            lab.assert_exact(&frame);
            assert!(lab.clock.now() <= ms(110), "it did not begin anew");
        }
    }
}

#[test]
fn an_interrupt_ends_a_wait_within_a_slice() {
    let mut lab = Lab::new(&format!("{SMALL}static"), false);
    lab.owned(0);
    let clock = Arc::clone(&lab.clock);
    let mut interrupt = || {
        if clock.now() >= ms(300) {
            Err(Error::new(ErrorKind::Interrupted, "enough"))
        } else {
            Ok(())
        }
    };
    let ended = lab.session.grab(&waiting(10_000), Target::Owned(PixelFormat::Bgra), &mut interrupt);
    assert_eq!(ended.err().map(|e| e.kind()), Some(ErrorKind::Interrupted));
    assert!(lab.clock.now() <= ms(350));
    assert!(lab.owned(10).is_none(), "the session is usable afterwards");
}

#[test]
fn moves_are_reported_where_the_user_sees_them() {
    for (rotation, size) in [(0, "96x64"), (90, "96x64"), (180, "96x64"), (270, "96x64")] {
        let script =
            format!("size {size}; rotation {rotation}; static; at 10ms present move 4,5>20,30,30,36 dirty 1,2,3,4");
        let mut lab = Lab::new(&script, false);
        lab.owned(0);
        let frame = lab.owned(100).expect("the scripted present");
        lab.assert_exact(&frame);
        let moves: Vec<_> = lab.info().damage.moves.iter().map(|m| (m.source.x, m.source.y, m.destination)).collect();
        assert_eq!(moves, [(4, 5, Rect::new(20, 30, 30, 36))], "rotation {rotation}");
        assert_eq!(lab.info().damage.dirty, [Rect::new(1, 2, 3, 4)], "rotation {rotation}");
    }
}

#[test]
fn sessions_on_the_same_output_each_see_every_frame() {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
    let open = || Session::over(Box::new(desktop(SMALL, false, Arc::clone(&clock))), Arc::clone(&clock), false);
    let (mut one, mut other) = (open(), open());
    for _ in 0..20 {
        for session in [&mut one, &mut other] {
            let frame = session.grab(&waiting(0), Target::Owned(PixelFormat::Gray), &mut never);
            let frame = frame.expect("no error").expect("a present");
            assert_eq!(frame.info.accumulated, 1, "none is missed");
        }
        clock.sleep(ms(10));
    }
}

#[test]
fn close_ends_a_call_that_waits_in_another_thread() {
    let clock: Arc<dyn Clock> = Arc::new(rustcam::clock::MonotonicClock);
    let handle = Handle::open(&options(&format!("{SMALL}static"), false, clock)).expect("opens");
    handle.grab(&waiting(0), Target::Owned(PixelFormat::Bgra), &mut never).expect("the first frame");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| handle.grab(&waiting(60_000), Target::Owned(PixelFormat::Bgra), &mut never));
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
    let handle = Handle::open(&options(&format!("{SMALL}static"), false, clock)).expect("opens");
    handle.grab(&waiting(0), Target::Owned(PixelFormat::Bgra), &mut never).expect("the first frame");
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| handle.grab(&waiting(400), Target::Owned(PixelFormat::Bgra), &mut never));
        let quick = handle.grab(&waiting(40), Target::Owned(PixelFormat::Bgra), &mut never);
        assert!(quick.expect("no error").is_none());
        assert!(!slow.is_finished(), "the first call still waits");
        assert!(slow.join().expect("no panic").expect("no error").is_none());
    });
}

#[test]
fn only_the_old_and_the_new_pixels_of_a_pointer_are_written() {
    // The arrow has 12x19 pixels; the last place leaves 6x4 of them on the desktop. Where the system writes the picture itself it writes
    // what the pointer leaves, and the new one is drawn over what is there.
    let arrow = 12 * 19;
    for (memory, written) in [("ordinary", [2 * arrow, 2 * arrow, arrow + 6 * 4]), ("direct", [arrow; 3])] {
        let script = format!(
            "{SMALL}static; memory {memory}; at 50ms pointer 5,5; at 100ms pointer 60,30; at 150ms pointer 90,60"
        );
        let mut lab = Lab::new(&script, true);
        lab.retained(0);
        for pixels in written {
            let before = lab.session.stats().bytes_copied;
            lab.retained(1000).expect("the pointer moved");
            assert_eq!(lab.session.stats().bytes_copied - before, pixels * 4, "{memory}");
            assert!(lab.info().damage.dirty.is_empty() && lab.info().accumulated == 0);
        }
    }
}
