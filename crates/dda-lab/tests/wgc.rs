//! Windows.Graphics.Capture of outputs: what every program relies on, and the points of the checklist about pools.
#![cfg(windows)]

mod capture_client;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capture_client::*;
use windows::Foundation::{TimeSpan, TypedEventHandler};
use windows::Graphics::Capture::*;
use windows::Win32::Foundation::{CloseHandle, HANDLE, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows::Win32::System::Threading::{
    CreateEventW, GetCurrentThreadId, SetEvent, WaitForMultipleObjects, WaitForSingleObject,
};
use windows_core::IInspectable;

#[test]
fn the_desktop_is_captured_exactly_with_every_change_announced() {
    let client = client("refresh 50");
    let item = client.monitor();
    assert_eq!(item.DisplayName().expect("a name"), r"\\.\DISPLAY1");
    let capture = client.capture(&item);
    capture.session.SetIsCursorCaptureEnabled(false).expect("set");
    for number in 1..=6 {
        client.sleep(if number == 1 { 0 } else { 20 });
        let taken = client.take(&capture).expect("a frame");
        taken.assert_is(&client.lab.image(number), &format!("frame {number}"));
        assert_eq!((taken.content.Width, taken.content.Height), (320, 200));
        assert!(client.take(&capture).is_none());
        assert_eq!(capture.arrived(), number as u32);
    }
    let counters = client.lab.counters();
    assert_eq!((counters.wgc_sessions, counters.wgc_frames, counters.wgc_dropped), (1, 6, 0));
    assert_eq!((counters.wgc_held, counters.wgc_textures_kept, counters.read_after_release), (0, 0, 0));
}

#[test]
fn every_rotation_is_captured_upright_and_the_pointer_is_drawn() {
    for rotation in [0, 90, 180, 270] {
        let client = client(&format!(
            "rotation {rotation}; refresh 50; pointer path; at 30ms pointer 20,30; at 70ms pointer hide"
        ));
        let capture = client.capture(&client.monitor());
        let mut frames = 0;
        for _ in 0..12 {
            client.sleep(10);
            for taken in client.drain(&capture) {
                let at = client.at(&taken);
                let number = client.lab.world().frame_at(at);
                let wanted = client.lab.image_with_pointer(0, number, at);
                taken.assert_is(&wanted, &format!("rotation {rotation}, frame {number} at {at:?}"));
                frames += 1;
            }
        }
        assert!(frames >= 5, "{frames}");
    }
}

#[test]
fn the_pointer_alone_makes_frames_only_while_it_is_captured() {
    for (captured, frames) in [(true, 3), (false, 1)] {
        let client = client("static; at 100ms pointer 9,9; at 200ms pointer 50,50");
        let capture = client.prepare(&client.monitor(), 4, BGRA);
        capture.session.SetIsCursorCaptureEnabled(captured).expect("set");
        capture.session.StartCapture().expect("started");
        client.sleep(400);
        assert_eq!(client.drain(&capture).len(), frames);
    }
}

#[test]
fn point_1_content_smaller_than_the_texture_leaves_the_rest_poisoned_and_larger_content_is_clipped() {
    let client = client("refresh 50; at 30ms mode 200x120@50; at 90ms mode 400x300@50");
    let capture = client.capture(&client.monitor());
    capture.session.SetIsCursorCaptureEnabled(false).expect("set");
    client.sleep(20);
    client.drain(&capture);
    client.sleep(50);
    let small = client.drain(&capture).pop().expect("a frame");
    assert_eq!((small.content, small.texture), (size(200, 120), (320, 200)));
    let number = client.lab.world().frame_at(Duration::from_millis(50));
    let image = client.lab.image(number);
    assert_eq!(
        small.corner(200, 120).chunks(4).map(|p| &p[..3]).collect::<Vec<_>>(),
        image.chunks(4).map(|p| &p[..3]).collect::<Vec<_>>()
    );
    let pixel = |x: usize, y: usize| &small.pixels[(y * 320 + x) * 4..][..4];
    for (x, y) in [(200, 0), (319, 119), (0, 120), (319, 199)] {
        assert_eq!(pixel(x, y), POISON, "{x}, {y}");
    }
    client.sleep(19);
    client.drain(&capture);
    client.sleep(41);
    let large = client.drain(&capture).pop().expect("a frame");
    assert_eq!((large.content, large.texture), (size(400, 300), (320, 200)));
    let at = client.at(&large);
    let image = client.lab.image(client.lab.world().frame_at(at));
    let clipped: Vec<u8> = image.chunks(400 * 4).take(200).flat_map(|row| &row[..320 * 4]).copied().collect();
    large.assert_is(&clipped, "clipped");
    assert!(
        client.lab.counters().wgc_outside_content > 0,
        "the whole texture was copied although the content is smaller"
    );
}

#[test]
fn point_2_frames_stay_in_order_and_a_full_pool_drops_the_newest() {
    let client = client("refresh 50");
    let capture = client.capture(&client.monitor());
    capture.session.SetIsCursorCaptureEnabled(false).expect("set");
    client.sleep(10);
    let held = try_frame(&capture.pool).expect("no failure").expect("the first frame");
    client.sleep(40);
    // One buffer is held, one waits with frame 2; frame 3 was dropped.
    assert_eq!(client.lab.counters().wgc_dropped, 1);
    held.Close().expect("closed");
    assert_eq!(client.lab.counters().wgc_dropped, 1, "a returned buffer brings no frame");
    client.take(&capture).expect("frame 2").assert_is(&client.lab.image(2), "frame 2");
    assert!(client.take(&capture).is_none());
    client.sleep(20);
    let number = client.lab.world().frame_at(client.lab.now());
    client.take(&capture).expect("a frame").assert_is(&client.lab.image(number), "the newest");
}

#[test]
fn point_3_recreate_discards_waiting_frames_and_held_ones_keep_their_textures() {
    let client = client("refresh 50");
    let capture = client.capture(&client.monitor());
    capture.session.SetIsCursorCaptureEnabled(false).expect("set");
    client.sleep(30);
    let held = try_frame(&capture.pool).expect("no failure").expect("a frame");
    capture.pool.Recreate(&client.device(), BGRA, 2, size(320, 200)).expect("recreated");
    assert!(client.take(&capture).is_none(), "frame 2 was discarded");
    client.read(&held).assert_is(&client.lab.image(1), "the held frame");
    client.sleep(60);
    assert_eq!(client.drain(&capture).len(), 2, "both buffers of the new pool are free although a frame is held");
    held.Close().expect("closed");
    client.sleep(60);
    assert_eq!(client.drain(&capture).len(), 2, "the old buffer did not come to the new pool");
    let counters = client.lab.counters();
    assert_eq!((counters.wgc_recreates, counters.wgc_held_at_recreate, counters.wgc_held), (1, 1, 0));
}

#[test]
fn point_4_an_empty_pool_is_success_with_a_null_that_the_callee_writes() {
    let client = client("static");
    let capture = client.capture(&client.monitor());
    client.sleep(1);
    assert!(client.take(&capture).is_some());
    let (code, frame, written) = raw_frame(&capture.pool);
    assert_eq!((code, frame.is_none(), written), (OK, true, true));
    let error = capture.pool.TryGetNextFrame().expect_err("the crate's form of null");
    assert!(error.code().is_ok());
}

#[test]
fn point_5_events_come_on_a_foreign_thread_one_for_each_frame_and_one_after_close() {
    let client = Client::new("size 64x64; refresh 100; pointer still");
    let capture = client.prepare(&client.monitor(), 2, BGRA);
    capture.session.SetMinUpdateInterval(TimeSpan { Duration: 10_000 }).expect("set");
    let threads = Arc::new(Mutex::new(Vec::new()));
    let (seen, codes) = (Arc::clone(&threads), Arc::new(Mutex::new(Vec::new())));
    let answers = Arc::clone(&codes);
    let handler = TypedEventHandler::<Direct3D11CaptureFramePool, IInspectable>::new(move |pool, _| {
        // SAFETY: no preconditions.
        seen.lock().expect("no panic").push(unsafe { GetCurrentThreadId() });
        let pool = pool.as_ref().expect("a sender");
        answers
            .lock()
            .expect("no panic")
            .push(try_frame(pool).map(|frame| frame.map(|frame| frame.Close())).map(|_| ()));
        Ok(())
    });
    capture.pool.FrameArrived(&handler).expect("added");
    capture.session.StartCapture().expect("started");
    std::thread::sleep(Duration::from_millis(300));
    capture.pool.Close().expect("closed");
    std::thread::sleep(Duration::from_millis(100));
    let (threads, codes) = (threads.lock().expect("no panic"), codes.lock().expect("no panic"));
    // SAFETY: no preconditions.
    let own = unsafe { GetCurrentThreadId() };
    assert!(threads.len() > 10 && threads.iter().all(|thread| *thread != own && *thread == threads[0]), "{threads:?}");
    assert_eq!(codes.last(), Some(&Err(CLOSED)), "an event that was under way");
    assert!(codes[..codes.len() - 1].iter().all(Result::is_ok));
}

#[test]
fn point_5_an_event_may_find_that_its_frame_was_taken() {
    let client = client("refresh 50");
    let capture = client.capture(&client.monitor());
    client.lab.clock().sleep(Duration::ZERO);
    assert_eq!((client.drain(&capture).len(), capture.arrived()), (1, 1));
    client.sleep(45);
    // Both frames are taken after the first of their events.
    assert_eq!((client.drain(&capture).len(), capture.arrived()), (2, 3));
}

#[test]
fn point_6_a_pool_by_create_raises_events_only_while_its_thread_pumps() {
    let client = client("refresh 50");
    let item = client.monitor();
    let pool =
        Direct3D11CaptureFramePool::Create(&client.device(), BGRA, 2, item.Size().expect("a size")).expect("a pool");
    let capture = Client::with_pool(&item, pool);
    capture.session.StartCapture().expect("started");
    client.sleep(30);
    assert_eq!((capture.arrived(), client.drain(&capture).len()), (0, 2), "polling works all the same");
    pump();
    assert_eq!(capture.arrived(), 2);
}

#[test]
fn point_9_static_content_brings_one_frame_and_unchanged_frames_only_before_build_26100() {
    for (build, frames) in [(26100, 1), (22000, 3), (18362, 3)] {
        let client = client(&format!("static; at 50ms pointer 5,5; at 100ms pointer 9,9; lab wgc build {build}"));
        let capture = client.prepare(&client.monitor(), 8, BGRA);
        let _ = capture.session.SetIsCursorCaptureEnabled(false);
        capture.session.StartCapture().expect("started");
        client.sleep(1000);
        assert_eq!(client.drain(&capture).len(), frames, "build {build}");
    }
}

#[test]
fn point_10_intervals_below_a_millisecond_mean_twenty() {
    for (interval, frames) in [(None, 50), (Some(0), 50), (Some(9_999), 50), (Some(10_000), 200), (Some(500_000), 20)] {
        let client = client("refresh 200");
        let capture = client.prepare(&client.monitor(), 2, BGRA);
        capture.session.SetIsCursorCaptureEnabled(false).expect("set");
        if let Some(interval) = interval {
            capture.session.SetMinUpdateInterval(TimeSpan { Duration: interval }).expect("set");
        }
        capture.session.StartCapture().expect("started");
        client.sleep(0);
        let mut taken = 0;
        for _ in 0..200 {
            taken += client.drain(&capture).len();
            client.sleep(5);
        }
        assert_eq!(taken, frames, "{interval:?}");
    }
}

#[test]
fn in_virtual_time_a_wait_for_an_event_lasts_until_the_next_frame() {
    struct Event(HANDLE);
    // SAFETY: handles belong to the process.
    unsafe impl Send for Event {}
    // SAFETY: as above.
    unsafe impl Sync for Event {}
    let client = client("static; at 250ms present full; at 700ms present full");
    let capture = client.prepare(&client.monitor(), 2, BGRA);
    // SAFETY: an event without a name.
    let event = Arc::new(Event(unsafe { CreateEventW(None, false, false, None) }.expect("an event")));
    let (set, calls) = (Arc::clone(&event), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&calls);
    let handler = TypedEventHandler::<Direct3D11CaptureFramePool, IInspectable>::new(move |_, _| {
        let Event(handle) = &*set;
        counted.fetch_add(1, Ordering::SeqCst);
        // SAFETY: a live event.
        unsafe { SetEvent(*handle) }
    });
    capture.pool.FrameArrived(&handler).expect("added");
    capture.session.StartCapture().expect("started");
    // SAFETY: a live event.
    let wait = |ms| unsafe { WaitForSingleObject(event.0, ms) };
    let ms = || client.lab.now().as_millis();
    assert_eq!((wait(1000), ms()), (WAIT_OBJECT_0, 0));
    assert_eq!((wait(100), ms()), (WAIT_TIMEOUT, 100));
    // SAFETY: as above.
    assert_eq!((unsafe { WaitForMultipleObjects(&[event.0], false, 10_000) }, ms()), (WAIT_OBJECT_0, 250));
    assert_eq!(client.drain(&capture).len(), 2);
    assert_eq!((wait(u32::MAX), ms()), (WAIT_OBJECT_0, 700));
    // A thread ends in real time.
    std::thread::spawn(|| ()).join().expect("ended");
    assert_eq!((calls.load(Ordering::SeqCst), ms()), (3, 700));
    // SAFETY: made above, used no more.
    let _ = unsafe { CloseHandle(event.0) };
}
