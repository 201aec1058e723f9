//! The simulated desktop: every statement of its language, exact pixels, sound damage, exact time.

mod color;
mod faults;
mod language;
mod pointer;
mod random;
mod sim_desktop;
mod windows;

use std::sync::Arc;
use std::time::Duration;

use rustcam::clock::{Clock, MonotonicClock, VirtualClock};
use rustcam::error::ErrorKind;
use rustcam::frame::{Damage, Move};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::source::sim::{decode_stripe, outputs, Script, SimSource, World};
use rustcam::source::{Backend, Change, OpenOptions, Outcome, Source};
use sim_desktop::{apply, ms, opaque, open, parsed, SimDesktop, LONG, ZERO};

#[test]
fn waits_time_out_with_the_ticks_of_the_timer_and_events_end_them_at_once() {
    let script = parsed("static; size 64x64; pointer still; slow reads 5ms; at 100ms present; at 110ms present; clock virtual; timer 15.625ms");
    let options = OpenOptions::new(Backend::Sim(script.clone()));
    let clock = Arc::clone(&options.clock);
    let mut source = SimSource::open(&script, &options).expect("an output");
    let now = || clock.now().as_micros();
    let mut wait = |timeout| (source.wait(timeout).expect("a desktop").presents, now());
    assert_eq!(wait(ms(2)), (1, 0));
    assert_eq!(wait(ZERO), (0, 0), "no wait");
    assert_eq!(wait(ms(2)), (0, 15_625));
    assert_eq!(wait(ms(82)), (1, 100_000), "an event before the tick that ends the wait");
    assert_eq!(wait(ms(9)), (0, 109_375));
    assert_eq!(wait(ms(9)), (1, 110_000));
    // A read waits by timers of high resolution.
    let whole = source.output().texture_size().rect();
    let mut read = |timeout| (source.read(&[whole], timeout, &mut |_, _, _| {}).expect("a desktop"), now());
    assert_eq!(read(ms(1)), (Outcome::Pending, 111_500));
    assert_eq!(read(ms(9)), (Outcome::Done(()), 115_000), "the device is done");
    clock.sleep(ms(1));
    assert_eq!(now(), 125_000);
    clock.sleep_until(ms(130));
    assert_eq!(now(), 130_500, "a high-resolution timer");
}

#[test]
fn the_empty_script_is_a_1080p_desktop_at_60_hertz() {
    let listed = outputs(&Script::default());
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].size, listed[0].refresh_hz, listed[0].is_primary), (Size::new(1920, 1080), 60.0, true));
    let mut desktop = SimDesktop::new("");
    assert_eq!(desktop.wait().presents, 1);
    assert_eq!((desktop.wait().presents, desktop.now()), (1, Duration::from_nanos(16_666_666)));
    desktop.assert_exact();
}

#[test]
fn size_refresh_and_outputs_are_listed() {
    let listed = outputs(&parsed("size 800x600; refresh 59.94; outputs 3; rotation 180"));
    let names: Vec<_> = listed.iter().map(|o| (o.name.as_str(), o.position.x, o.is_primary)).collect();
    assert_eq!(names, [("SIM-1", 0, true), ("SIM-2", 800, false), ("SIM-3", 1600, false)]);
    assert!((listed[2].refresh_hz - 59.94).abs() < 1e-9);
    assert_eq!((listed[0].rotation, listed[0].device_name.as_str()), (Rotation::Clockwise180, "Simulated adapter"));
    let clock = Arc::new(VirtualClock::new());
    let error = open("size 800x600; outputs 2", 5, &clock).expect_err("no such output");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("SIM-2, 800x600"), "{error}");
}

#[test]
fn rotation_leaves_the_texture_unrotated() {
    for (degrees, texture) in [(0, (200, 120)), (90, (120, 200)), (180, (200, 120)), (270, (120, 200))] {
        let mut desktop = SimDesktop::new(&format!("size 200x120; rotation {degrees}"));
        assert_eq!(desktop.source.output().texture_size(), Size::new(texture.0, texture.1));
        for _ in 0..3 {
            desktop.wait();
            desktop.assert_exact();
        }
    }
}

#[test]
fn pitch_pads_the_rows() {
    for pitch in [0, 1, 64] {
        let mut desktop = SimDesktop::new(&format!("size 64x48; pitch {pitch}"));
        desktop.wait();
        desktop.assert_exact();
        let mut rows = Vec::new();
        let whole = Size::new(64, 48).rect();
        let read = desktop.source.read(&[whole], LONG, &mut |_, image, _| {
            rows = (0..2).map(|y| image.row(y).as_ptr() as usize).collect();
        });
        assert_eq!(read.expect("a read"), Outcome::Done(()));
        assert_eq!(rows[1] - rows[0], 256 + pitch);
    }
}

#[test]
fn clock_virtual_makes_a_new_virtual_clock_and_clock_real_uses_the_machines() {
    let clock = |script| OpenOptions::new(Backend::Sim(parsed(script))).clock;
    assert!(clock("clock real").now().abs_diff(MonotonicClock.now()) < ms(5000));
    let [one, other] = [(); 2].map(|()| clock("clock virtual"));
    one.sleep(LONG);
    assert_eq!((one.now(), other.now()), (LONG, ZERO));
}

#[test]
fn the_world_begins_when_it_is_opened() {
    let clock = Arc::new(VirtualClock::new());
    clock.sleep(ms(777));
    let script = "refresh 100; size 64x64; at 5ms lose access";
    let mut source = open(script, 0, &clock).expect("an output");
    assert_eq!(source.wait(LONG).expect("a wait").present_time, ms(777));
    while source.wait(LONG).is_ok() {}
    assert_eq!(clock.now(), ms(782));
}

#[test]
fn static_desktops_report_once_and_then_time_out_exactly() {
    let mut desktop = SimDesktop::new("static");
    assert_eq!(desktop.wait(), Change::presented(1, ZERO));
    for timeout in [ms(1), ms(250), Duration::from_nanos(7)] {
        let before = desktop.now();
        assert!(!desktop.source.wait(timeout).expect("a wait").any());
        assert_eq!(desktop.now(), before + timeout);
    }
    let before = desktop.now();
    assert!(!desktop.source.wait(ZERO).expect("a poll").any());
    assert_eq!(desktop.now(), before);
}

#[test]
fn present_every_skips_refreshes_and_keeps_the_rate_for_hours() {
    let mut desktop = SimDesktop::new("refresh 144; present every 2; size 64x64");
    desktop.wait();
    desktop.wait();
    assert_eq!(desktop.now(), Duration::from_nanos(13_888_888));
    desktop.skip_to(Duration::from_secs(36_000));
    assert_eq!(desktop.wait().presents, 36_000 * 72 - 1);
    assert_eq!(desktop.world.present_time(36_000 * 72 + 1), Duration::from_secs(36_000));
}

#[test]
fn presents_are_numbered_in_the_order_of_time() {
    let script =
        "size 64x64; refresh 100; at 5ms present; at 10ms present; at 10ms present nothing; at 25ms mode 32x32@50";
    let world = World::new(&Script::parse(script).expect("a script"), 0);
    let times: Vec<_> = (1..=9).map(|n| world.present_time(n).as_millis()).collect();
    assert_eq!(times, [0, 5, 10, 10, 10, 20, 25, 45, 65]);
    for n in (1..=9).filter(|n| ![3, 4].contains(n)) {
        assert_eq!(world.frame_at(world.present_time(n)), n);
    }
}

#[test]
fn at_present_changes_the_natural_parts_only() {
    let mut desktop = SimDesktop::new("static; size 640x400; at 100ms present");
    desktop.wait();
    desktop.damage();
    let mut image = desktop.read();
    let change = desktop.wait();
    assert_eq!((change.presents, change.present_time, desktop.now()), (1, ms(100), ms(100)));
    let damage = desktop.damage();
    let area: u64 = damage.dirty.iter().map(|r| r.area()).sum();
    assert!(area > 0 && area < 640 * 400 / 4, "{damage:?}");
    apply(&mut desktop, &damage, &mut image);
    assert!(image == desktop.read());
    desktop.assert_exact();
}

#[test]
fn at_present_full_and_full_change_every_pixel() {
    for script in ["static; size 200x100; at 10ms present full", "full; refresh 100; size 200x100"] {
        let mut desktop = SimDesktop::new(script);
        desktop.wait();
        let mut before = desktop.read();
        for pixel in before.chunks_exact_mut(4) {
            pixel[3] = 0;
        }
        desktop.damage();
        desktop.wait();
        assert_eq!(desktop.damage().dirty, [Rect::new(0, 0, 200, 100)]);
        let after = desktop.read();
        assert!(after.chunks_exact(4).zip(before.chunks_exact(4)).all(|(a, b)| a[..3] != b[..3]), "{script}");
        desktop.assert_exact();
    }
}

#[test]
fn dirty_parts_change_exactly_inside() {
    let mut desktop =
        SimDesktop::new("static; size 100x80; at 10ms present dirty 10,10,50,50 dirty 0,0,5,5 dirty 90,70,200,90");
    desktop.wait();
    desktop.damage();
    let before = desktop.read();
    desktop.wait();
    let parts = [Rect::new(10, 10, 50, 50), Rect::new(0, 0, 5, 5), Rect::new(90, 70, 100, 80)];
    assert_eq!(desktop.damage(), Damage { dirty: parts.to_vec(), moves: Vec::new() });
    let after = desktop.read();
    for (i, (a, b)) in after.chunks_exact(4).zip(before.chunks_exact(4)).enumerate() {
        let (x, y) = (i as i32 % 100, i as i32 / 100);
        let inside = parts.iter().any(|p| p.contains(Rect::new(x, y, x + 1, y + 1)));
        assert_eq!(a != b, inside, "({x}, {y})");
    }
    desktop.assert_exact();
}

#[test]
fn moves_copy_the_old_image_and_turn_with_the_output() {
    for degrees in [0, 90, 180, 270] {
        let script =
            format!("static; size 100x80; rotation {degrees}; at 10ms present move 0,0>10,10,60,40 dirty 0,0,5,5");
        let mut desktop = SimDesktop::new(&script);
        desktop.wait();
        desktop.damage();
        let mut image = desktop.read();
        desktop.wait();
        let damage = desktop.damage();
        assert_eq!((damage.moves.len(), damage.dirty.len()), (1, 1));
        apply(&mut desktop, &damage, &mut image);
        assert!(image == desktop.read());
        desktop.assert_exact();
    }
}

#[test]
fn accumulated_moves_become_dirty_unless_they_come_first() {
    let mut desktop =
        SimDesktop::new("static; size 99x80; at 1ms present move 0,0>9,9,20,20; at 2ms present move 9,9>30,30,40,40");
    desktop.wait();
    desktop.damage();
    desktop.skip_to(ms(5));
    assert_eq!(desktop.wait().presents, 2);
    let damage = desktop.damage();
    assert_eq!(damage.moves, [Move { source: Point::new(0, 0), destination: Rect::new(9, 9, 20, 20) }]);
    assert_eq!(damage.dirty, [Rect::new(30, 30, 40, 40)]);
    desktop.assert_exact();
}

#[test]
fn present_nothing_counts_but_changes_nothing() {
    let mut desktop = SimDesktop::new("static; size 100x80; at 10ms present nothing");
    desktop.wait();
    desktop.damage();
    let before = desktop.read();
    assert_eq!(desktop.wait().presents, 1);
    assert_eq!(desktop.damage(), Damage::default());
    assert!(before == desktop.read());
}

#[test]
fn long_lists_of_damage_are_reported_as_one_part() {
    use std::fmt::Write;
    let mut script = String::from("static; size 200x100; at 1ms present");
    for i in 0..80 {
        write!(script, " dirty {i},0,{},2", i + 1).expect("text");
    }
    let mut desktop = SimDesktop::new(&script);
    desktop.wait();
    desktop.damage();
    desktop.wait();
    assert_eq!(desktop.damage().dirty, [Rect::new(0, 0, 80, 2)]);
}

#[test]
fn protect_marks_the_presents_after_it() {
    let mut desktop =
        SimDesktop::new("static; at 5ms protect on; at 10ms present; at 15ms protect off; at 20ms present");
    let flags: Vec<_> = (0..3).map(|_| desktop.wait().protected).collect();
    assert_eq!(flags, [false, true, false]);
}

#[test]
fn slow_reads_are_pending_until_their_time_is_over() {
    let mut desktop = SimDesktop::new("static; size 64x64; slow reads 5ms");
    desktop.wait();
    let part = [Rect::new(1, 2, 30, 40)];
    let mut delivered = 0;
    let mut outcomes = Vec::new();
    for timeout in [0, 2, 2, 0, 9] {
        outcomes.push(desktop.source.read(&part, ms(timeout), &mut |_, _, _| delivered += 1).expect("a read"));
    }
    assert_eq!(outcomes, [Outcome::Pending, Outcome::Pending, Outcome::Pending, Outcome::Pending, Outcome::Done(())]);
    assert_eq!((delivered, desktop.now()), (1, ms(5)));
    // A wait in between changes nothing; another read cancels the first one.
    let other = [Rect::new(1, 2, 30, 41)];
    let mut read = |parts: &[Rect], timeout| {
        desktop.source.wait(ZERO).expect("a poll");
        desktop.source.read(parts, ms(timeout), &mut |_, _, _| ()).expect("a read")
    };
    assert_eq!((read(&part, 4), read(&part, 1)), (Outcome::Pending, Outcome::Done(())));
    assert_eq!(
        (read(&part, 4), read(&other, 4), read(&part, 4)),
        (Outcome::Pending, Outcome::Pending, Outcome::Pending)
    );
}

#[test]
fn slow_damage_reports_everything_after_its_timeout() {
    let mut desktop = SimDesktop::new(
        "static; size 64x64; slow damage 5ms; at 10ms present dirty 1,1,2,2; at 20ms present dirty 3,3,4,4",
    );
    desktop.wait();
    desktop.damage();
    desktop.wait();
    let before = desktop.now();
    assert_eq!(desktop.source.damage(ms(2)).expect("damage").dirty, [Rect::new(0, 0, 64, 64)]);
    assert_eq!(desktop.now(), before + ms(2));
    desktop.wait();
    assert_eq!(desktop.damage().dirty, [Rect::new(3, 3, 4, 4)]);
}

#[test]
fn memory_direct_is_written_in_place() {
    let mut desktop = SimDesktop::new("size 200x100; memory direct; rotation 90; at 25ms lose access");
    desktop.wait();
    let (size, origin) = (Size::new(40, 30), Point::new(20, 50));
    let mut memory = desktop.source.allocate(size).expect("memory");
    let part = Rect::at(origin, size);
    let read = desktop.source.read_into(&mut memory, size, origin, &[part], LONG);
    assert_eq!(read.expect("a read"), Outcome::Done(()));
    let mut whole = desktop.read();
    opaque(&mut whole);
    for y in 0..30 {
        let start = ((50 + y) * 100 + 20) * 4;
        assert!(memory.bytes()[y * 160..][..160] == whole[start..][..160]);
    }
    let mut foreign = rustcam::memory::Memory::heap(4800).expect("memory");
    assert_eq!(
        desktop.source.read_into(&mut foreign, size, origin, &[part], LONG).expect("no error"),
        Outcome::Unsupported
    );
    while desktop.source.wait(LONG).is_ok() {}
    desktop.source.rebuild(ZERO).expect("regained");
    assert_eq!(
        desktop.source.read_into(&mut memory, size, origin, &[part], LONG).expect("no error"),
        Outcome::Unsupported
    );
    assert!(SimDesktop::new("memory ordinary").source.allocate(size).is_none());
}

#[test]
fn alpha_is_garbage() {
    let mut desktop = SimDesktop::new("size 64x64");
    desktop.wait();
    let image = desktop.read();
    let different: std::collections::HashSet<_> = image.iter().skip(3).step_by(4).collect();
    assert!(different.len() > 16);
}

#[test]
fn both_stripes_hold_the_frame_number() {
    let mut desktop = SimDesktop::new("size 640x200; refresh 100; full");
    for expected in [1, 2, 3, 4] {
        desktop.wait();
        let image = desktop.read();
        for y in [0, 199] {
            let number = decode_stripe(640, |x| image[(y * 640 + x as usize) * 4 + 1]);
            assert_eq!(number, expected);
        }
    }
}
