//! What a source of this backend promises.

use std::time::{Duration, Instant};

use crate::lab_desktop::{ms, options, presented, within, BoxedSource, LabDesktop, LONG};
use rustcam::error::ErrorKind;
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::source::{open, outputs, Backend, Change, Outcome};

const SMALL: &str = "size 640x480; refresh 100; pointer still; ";
const WHOLE: Rect = Rect::new(0, 0, 640, 480);

fn quiet(source: &mut BoxedSource, time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        assert_eq!(source.wait(ms(10)).expect("alive"), Change::default());
    }
}

#[test]
fn outputs_are_those_of_the_desktop() {
    let desktop = LabDesktop::new("size 1280x720; refresh 144; outputs 2");
    let found = outputs(&Backend::Dxgi, &mut || Ok(())).expect("the lab has outputs");
    assert_eq!(found.len(), 2);
    assert_eq!(found.iter().filter(|o| o.is_primary).count(), 1);
    assert!(found[0].is_primary && found[0].position == Point::new(0, 0));
    assert_eq!(found[1].position, Point::new(1280, 0));
    assert!(found.iter().all(|o| o.size == Size::new(1280, 720) && !o.device_name.is_empty()));
    assert_ne!(found[0].name, found[1].name);
    for (device, output) in [(0, 2), (1, 0), (usize::MAX, usize::MAX)] {
        let error = open(&options(&desktop, output, false).device(device), &mut || Ok(())).err();
        let error = error.expect("no such output");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(&found[1].name), "{error}");
    }
    let source = open(&options(&desktop, 1, false), &mut || Ok(())).expect("the second output");
    assert_eq!((source.output().output_idx, source.output().refresh_hz), (1, 144.0));
    drop(source);
    assert_eq!(Backend::choose("auto", None).expect("Windows has a backend"), Backend::Dxgi);
    desktop.finish();
}

#[test]
fn the_first_wait_reports_the_desktop_and_a_static_one_causes_no_work() {
    let desktop = LabDesktop::new(&format!("{SMALL} static"));
    let mut source = desktop.open(false);
    assert!(presented(&mut source).presents >= 1);
    assert_eq!(desktop.check(&mut source, &[WHOLE], 1), Outcome::Done(()));
    let before = desktop.counters();
    quiet(&mut source, ms(300));
    let after = desktop.counters();
    assert_eq!(
        (after.bytes_copied, after.maps, after.flushes, after.textures),
        (before.bytes_copied, before.maps, before.flushes, before.textures)
    );
    // It can be read again at any time, and in other parts.
    assert_eq!(desktop.check(&mut source, &[Rect::new(3, 5, 99, 77)], 1), Outcome::Done(()));
    drop(source);
    desktop.finish();
}

#[test]
fn the_desktop_is_delivered_after_every_kind_of_first_frame() {
    for first in ["real", "black", "pointer", "partial", "timeless", "late"] {
        let desktop = LabDesktop::new(&format!("{SMALL} static; lab first {first}"));
        let mut source = desktop.open(true);
        presented(&mut source);
        assert_eq!(desktop.check(&mut source, &[WHOLE], 1), Outcome::Done(()), "{first}");
        drop(source);
        desktop.finish();
    }
}

#[test]
fn every_frame_is_exact_whole_and_in_parts() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab pitch 64; lab poison eager"));
    let mut source = desktop.open(false);
    let parts = [Rect::new(0, 0, 64, 8), Rect::new(100, 90, 333, 200), Rect::new(639, 479, 640, 480)];
    let mut last = 0;
    for round in 0..30 {
        let change = presented(&mut source);
        let frame = desktop.frame_at(change.present_time);
        assert!(frame > last);
        last = frame;
        let wanted: &[Rect] = if round % 10 < 5 { &[WHOLE] } else { &parts };
        desktop.check(&mut source, wanted, frame);
    }
    drop(source);
    desktop.finish();
}

#[test]
fn damage_covers_what_changed() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab coalesce 8"));
    let mut source = desktop.open(false);
    presented(&mut source);
    assert_eq!(source.damage(LONG).expect("alive").dirty, [WHOLE], "everything at first");
    let mut before = desktop.lab.world().image(1);
    let mut known = None;
    for _ in 0..20 {
        let frame = desktop.frame_at(presented(&mut source).present_time);
        let damage = source.damage(LONG).expect("alive");
        let image = desktop.lab.world().image(frame);
        if known.is_some() {
            for m in damage.moves.iter().map(|m| m.destination).chain(damage.dirty) {
                for y in m.top..m.bottom {
                    let range = (y * 640 + m.left) as usize * 4..(y * 640 + m.right) as usize * 4;
                    before[range.clone()].copy_from_slice(&image[range]);
                }
            }
            assert!(before == image, "something else changed in frame {frame}");
        }
        (before, known) = (image, Some(frame));
    }
    drop(source);
    desktop.finish();
}

#[test]
fn a_region_transfers_only_its_own_bytes() {
    let desktop = LabDesktop::new("size 1920x1080; refresh 60; full; pointer still");
    let mut source = desktop.open(false);
    let region = Rect::new(200, 100, 840, 460);
    let read_five = |source: &mut BoxedSource| {
        for _ in 0..5 {
            let frame = desktop.frame_at(presented(source).present_time);
            desktop.check(source, &[region], frame);
        }
    };
    read_five(&mut source);
    let before = desktop.counters();
    read_five(&mut source);
    let after = desktop.counters();
    assert_eq!(after.maps - before.maps, 5);
    assert_eq!(after.bytes_mapped - before.bytes_mapped, 5 * 640 * 360 * 4);
    // Each image is copied to a bounce texture and to a staging copy of the region.
    assert_eq!(
        after.bytes_copied - before.bytes_copied,
        (after.image_frames - before.image_frames) * 2 * 640 * 360 * 4
    );
    assert_eq!(after.textures, before.textures, "all textures are created once");
    let stats = source.stats();
    assert_eq!((stats.device_copies, stats.device_bytes), (after.copy_region, after.bytes_copied), "what was counted");
    drop(source);
    desktop.finish();
}

#[test]
fn parts_are_copied_once_on_hardware_and_through_small_textures_where_direct3d_is_translated() {
    let parts = [Rect::new(8, 8, 40, 30), Rect::new(300, 200, 340, 260)];
    let copied = |claim: &str| {
        let desktop = LabDesktop::new(&format!("{SMALL} clock virtual; full; {claim}"));
        let mut source = desktop.open(false);
        for _ in 0..5 {
            let frame = desktop.frame_at(presented(&mut source).present_time);
            desktop.check(&mut source, &parts, frame);
        }
        let before = desktop.counters();
        for _ in 0..10 {
            let frame = desktop.frame_at(presented(&mut source).present_time);
            desktop.check(&mut source, &parts, frame);
        }
        let after = desktop.counters();
        let bytes = after.bytes_copied - before.bytes_copied;
        let stats = source.stats();
        assert_eq!((stats.device_copies, stats.device_bytes), (after.copy_region, after.bytes_copied), "{claim}");
        drop(source);
        desktop.finish();
        bytes
    };
    // What is read again and again is one area: the bounding box.
    let once = 10 * 4 * parts[0].union(parts[1]).area();
    assert_eq!(copied("lab claims hardware; lab events prompt"), once);
    assert_eq!(copied(""), 2 * once);
}

#[test]
fn priorities_are_asked_for_and_what_came_of_it_is_told() {
    let desktop = LabDesktop::new(&format!("{SMALL} static"));
    let mut source = desktop.open(false);
    assert_eq!(source.stats().thread_priority, None, "no stream");
    let thread = source.prioritise_thread();
    assert_eq!(source.stats().thread_priority, Some(thread.is_some()));
    assert!(source.stats().gpu_priority.is_some());
    drop((thread, source));
    desktop.finish();
}

#[test]
fn a_display_that_has_to_stay_on_is_requested_and_released() {
    let desktop = LabDesktop::new(&format!("{SMALL} static"));
    let mut source = desktop.open(false);
    for on in [true, true, false, false, true] {
        source.keep_awake(on);
    }
    drop(source);
    desktop.finish();
}

#[test]
fn a_full_frame_is_copied_once() {
    let desktop = LabDesktop::new("size 1920x1080; refresh 60; full; pointer still");
    let mut source = desktop.open(false);
    let whole = Rect::new(0, 0, 1920, 1080);
    presented(&mut source);
    source.read(&[whole], LONG, &mut |_, _, _| {}).expect("alive");
    let before = desktop.counters();
    for _ in 0..5 {
        let frame = desktop.frame_at(presented(&mut source).present_time);
        desktop.check(&mut source, &[whole], frame);
    }
    let after = desktop.counters();
    let frames = after.image_frames - before.image_frames;
    assert_eq!(after.bytes_copied - before.bytes_copied, frames * whole.area() * 4);
    assert_eq!((after.maps - before.maps, after.textures), (frames, before.textures));
    drop(source);
    desktop.finish();
}

#[test]
fn rapid_pointer_movements_cause_no_work_of_the_gpu() {
    let desktop = LabDesktop::new("size 640x480; static; pointer storm 1000");
    let mut source = desktop.open(false);
    presented(&mut source);
    desktop.check(&mut source, &[WHOLE], 1);
    let before = desktop.counters();
    quiet(&mut source, ms(400));
    let after = desktop.counters();
    assert!(after.pointer_frames > before.pointer_frames + 20, "{after:?}");
    assert_eq!(
        (after.bytes_copied, after.maps, after.flushes, after.textures),
        (before.bytes_copied, before.maps, before.flushes, before.textures)
    );
    drop(source);
    desktop.finish();
}

#[test]
fn a_fast_mouse_does_not_wake_a_capture_that_ignores_it_at_its_rate() {
    let desktop = LabDesktop::new("size 64x64; static; pointer storm 4000; clock virtual");
    let mut source = desktop.open(false);
    presented(&mut source);
    let before = desktop.counters().acquires;
    let end = desktop.lab.now() + ms(1000);
    while desktop.lab.now() < end {
        assert_eq!(source.wait(ms(20)).expect("alive"), Change::default());
    }
    let acquires = desktop.counters().acquires - before;
    assert!(acquires <= 1100, "{acquires} frames per second");
    drop(source);
    desktop.finish();
}

#[test]
fn position_and_shape_of_the_pointer_are_those_of_the_system() {
    let desktop = LabDesktop::new(
        "size 640x480; static; clock virtual; pointer still; at 1300ms pointer 100,200; at 1400ms shape ibeam; at 1500ms pointer hide; \
         at 1600ms pointer -9,-5; at 1600ms pointer show; at 1700ms shape masked",
    );
    let mut source = desktop.open(true);
    presented(&mut source);
    let mut seen = Vec::new();
    while desktop.lab.now() < ms(2000) {
        if source.wait(ms(10)).expect("alive").pointer {
            seen.push(source.pointer().clone());
        }
    }
    let world = desktop.lab.world();
    for (at, expected) in [ms(1350), ms(1450), ms(1650), ms(1750)].map(|at| (at, world.pointer_at(at))) {
        let found = seen.iter().any(|p| {
            p.visible == expected.visible
                && p.position == expected.position
                && p.shape.as_ref().is_some_and(|s| {
                    (s.kind, s.size, s.hot_spot) == (expected.shape.kind, expected.shape.size, expected.shape.hot_spot)
                })
        });
        assert!(found, "{at:?}: {expected:?} is not among {seen:?}");
    }
    assert!(seen.iter().any(|p| !p.visible));
    drop(source);
    desktop.finish();
}

#[test]
fn two_captures_of_one_output_share_a_duplication_and_see_every_frame() {
    let desktop = LabDesktop::new(SMALL);
    let mut first = desktop.open(false);
    presented(&mut first);
    let mut second = desktop.open(false);
    presented(&mut second);
    let seen = std::thread::scope(|scope| {
        let watch = |source: &mut BoxedSource| {
            let from = presented(source).present_time;
            let (mut presents, mut until) = (0, from);
            for _ in 0..30 {
                let change = presented(source);
                presents += change.presents;
                until = change.present_time;
                source.damage(LONG).expect("alive");
                source.read(&[WHOLE], LONG, &mut |_, _, _| {}).expect("alive");
            }
            (presents, from, until)
        };
        let threads = [&mut first, &mut second].map(|source| scope.spawn(move || watch(source)));
        threads.map(|thread| thread.join().expect("no panic"))
    });
    for (presents, from, until) in seen {
        assert_eq!(presents, desktop.frame_at(until) - desktop.frame_at(from), "each capture sees every present");
    }
    assert_eq!(desktop.counters().duplications, 1);
    // The remaining capture continues.
    drop(first);
    let frame = desktop.frame_at(presented(&mut second).present_time);
    desktop.check(&mut second, &[WHOLE], frame);
    drop(second);
    assert_eq!(desktop.counters().live, 0);
    // The next capture makes a new duplication.
    let mut third = desktop.open(false);
    presented(&mut third);
    drop(third);
    desktop.finish();
}

#[test]
fn a_capture_that_joins_a_static_desktop_sees_it() {
    let desktop = LabDesktop::new(&format!("{SMALL} static"));
    let mut first = desktop.open(false);
    presented(&mut first);
    desktop.check(&mut first, &[WHOLE], 1);
    let mut second = desktop.open(true);
    presented(&mut second);
    desktop.check(&mut second, &[Rect::new(10, 10, 20, 30)], 1);
    desktop.check(&mut second, &[WHOLE], 1);
    assert!(second.pointer().shape.is_some(), "the system reported the shape once, before this capture was opened");
    drop((first, second));
    desktop.finish();
}

#[test]
fn a_read_after_another_capture_took_a_frame_is_overtaken() {
    let desktop = LabDesktop::new(&format!("{SMALL} clock virtual; static; at 1s present full"));
    let mut first = desktop.open(false);
    let mut second = desktop.open(false);
    presented(&mut first);
    presented(&mut second);
    for source in [&mut first, &mut second] {
        source.damage(LONG).expect("alive");
    }
    presented(&mut first);
    let part = [Rect::new(0, 0, 100, 100)];
    assert_eq!(desktop.check(&mut second, &part, 2), Outcome::Overtaken(()));
    assert_eq!(second.damage(LONG).expect("alive").dirty, [WHOLE]);
    assert_eq!(desktop.check(&mut second, &part, 2), Outcome::Done(()));
    assert_eq!(presented(&mut second).presents, 1);
    drop((first, second));
    desktop.finish();
}

#[test]
fn rotated_outputs_deliver_unrotated_images() {
    for degrees in [90, 180, 270] {
        let desktop =
            LabDesktop::new(&format!("size 480x640; rotation {degrees}; static; pointer still; lab pitch 16"));
        let mut source = desktop.open(false);
        presented(&mut source);
        let output = source.output().clone();
        assert_eq!(output.size, Size::new(480, 640));
        assert_eq!(Some(output.rotation), Rotation::from_degrees(degrees));
        let texture = output.texture_size();
        let image = desktop.lab.world().image(1);
        let read = source.read(&[texture.rect()], LONG, &mut |part, pixels, _| {
            assert_eq!(part.size(), texture);
            for y in (0..640).step_by(7) {
                for x in (0..480).step_by(5) {
                    let (tx, ty) = output.rotation.texture_pixel(x, y, output.size);
                    let start = (y * 480 + x) as usize * 4;
                    let got = &pixels.row(ty as usize)[tx as usize * 4..][..3];
                    assert_eq!(got, &image[start..start + 3], "{degrees} ({x}, {y})");
                }
            }
        });
        assert_eq!(read.expect("alive"), Outcome::Done(()));
        drop(source);
        desktop.finish();
    }
}

#[test]
fn wrong_parts_are_refused() {
    let desktop = LabDesktop::new(&format!("{SMALL} static"));
    let mut source = desktop.open(false);
    assert_eq!(
        source.read(&[WHOLE], ms(0), &mut |_, _, _| {}).expect("alive"),
        Outcome::Pending,
        "there is no image yet"
    );
    presented(&mut source);
    for part in [Rect::new(0, 0, 641, 1), Rect::new(-1, 0, 5, 5), Rect::new(5, 5, 5, 9)] {
        let error = source.read(&[part], LONG, &mut |_, _, _| {}).expect_err("outside");
        assert_eq!((error.kind(), error.loss()), (ErrorKind::InvalidArgument, None));
    }
    assert_eq!(source.read(&[], LONG, &mut |_, _, _| {}).expect("alive"), Outcome::Done(()));
    drop(source);
    desktop.finish();
}

#[test]
fn missed_presents_and_protection_are_reported() {
    let desktop = LabDesktop::new("size 640x480; refresh 100; pointer still; at 1ms protect on");
    let mut source = desktop.open(false);
    let first = desktop.frame_at(presented(&mut source).present_time);
    std::thread::sleep(ms(300));
    let change = presented(&mut source);
    let frame = desktop.frame_at(change.present_time);
    assert_eq!(change.presents, frame - first);
    assert!(change.presents > 10 && change.protected);
    assert!(within(ms(500), &mut source).expect("alive").is_some());
    drop(source);
    desktop.finish();
}
