//! Sessions over the lab's desktop: every picture is exact, in every kind of memory.

use rustcam::capture::{Session, Target};
use rustcam::frame::PixelFormat;
use rustcam::geometry::Rect;

use crate::lab_desktop::{ms, request, LabDesktop};

fn grab_exactly(desktop: &LabDesktop, session: &mut Session, target: &Target<'static>, frames: usize) {
    let region = session.region();
    for _ in 0..frames {
        let frame =
            session.grab(&request(ms(5000)), target_of(target), &mut || Ok(())).expect("alive").expect("presents");
        let number = desktop.frame_at(frame.info.present_time);
        let bytes = frame.image().expect("memory of its own").bytes().to_vec();
        assert!(bytes == desktop.picture(number, region), "frame {number}");
    }
}

fn target_of(target: &Target<'static>) -> Target<'static> {
    match target {
        Target::Owned(spec) => Target::Owned(*spec),
        _ => Target::retained(PixelFormat::Bgra),
    }
}

#[test]
fn frames_are_exact_owned_retained_whole_and_cropped() {
    for script in [
        "size 320x240; refresh 100; pointer still; clock virtual",
        "size 320x240; refresh 100; pointer still; clock virtual; full",
        "size 240x320; refresh 100; pointer still; clock virtual; rotation 90; lab pitch 32",
        "size 240x320; refresh 100; pointer still; clock virtual; rotation 270; lab coalesce 2",
    ] {
        let desktop = LabDesktop::new(script);
        let source = desktop.open(false);
        let mut session = Session::over(source, desktop.lab.clock(), false);
        grab_exactly(&desktop, &mut session, &Target::owned(PixelFormat::Bgra), 10);
        grab_exactly(&desktop, &mut session, &Target::retained(PixelFormat::Bgra), 40);
        session.set_region(Some(Rect::new(33, 41, 141, 200))).expect("inside");
        grab_exactly(&desktop, &mut session, &Target::retained(PixelFormat::Bgra), 40);
        grab_exactly(&desktop, &mut session, &Target::owned(PixelFormat::Bgra), 10);
        session.set_region(None).expect("whole");
        grab_exactly(&desktop, &mut session, &Target::retained(PixelFormat::Bgra), 10);
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_session_recovers_from_every_kind_of_loss() {
    let desktop = LabDesktop::new(
        "size 640x480; refresh 100; pointer storm 500; clock virtual; lab first partial; at 1s lose access for 150ms; at 1500ms mode 320x200@60; \
         at 2s rotate 90; at 2500ms lose device; at 3s unplug for 100ms",
    );
    let source = desktop.open(true);
    let mut session = Session::over(source, desktop.lab.clock(), true);
    let mut frames = 0;
    while desktop.lab.now() < ms(4000) {
        let target = Target::owned(PixelFormat::Rgb);
        if session.grab(&request(ms(1000)), target, &mut || Ok(())).expect("it comes back each time").is_some() {
            frames += 1;
        }
    }
    assert!(frames > 20, "{frames}: {:?} {:?}", session.stats(), desktop.lab.counters());
    // On a slow machine one loss may follow another before a frame was captured; then they count as one.
    assert!((1..=5).contains(&session.stats().recoveries), "{:?}", session.stats());
    drop(session);
    desktop.finish();
}

#[test]
fn polls_end_at_once_and_waits_in_time() {
    let desktop = LabDesktop::new("size 640x480; static; pointer still");
    let source = desktop.open(false);
    let mut session = Session::over(source, desktop.lab.clock(), false);
    assert!(session
        .grab(&request(ms(5000)), Target::owned(PixelFormat::Gray), &mut || Ok(()))
        .expect("alive")
        .is_some());
    for timeout in [0, 1, 30, 200] {
        let began = std::time::Instant::now();
        let frame =
            session.grab(&request(ms(timeout)), Target::owned(PixelFormat::Gray), &mut || Ok(())).expect("alive");
        assert!(frame.is_none());
        let took = began.elapsed();
        assert!(took >= ms(timeout) && took < ms(timeout + 50), "{timeout} ms took {took:?}");
    }
    drop(session);
    desktop.finish();
}
