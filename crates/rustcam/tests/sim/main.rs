//! The simulated desktop: every statement of its language, exact pixels, sound damage, exact time.

mod faults;
mod language;
mod pointer;
mod rig;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rig::{apply, first_difference, ms, opaque, options, Rig, LONG, ZERO};
use rustcam::clock::{Clock, MonotonicClock, VirtualClock};
use rustcam::error::ErrorKind;
use rustcam::frame::{Damage, Move};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::source::sim::{clock_for, decode_stripe, outputs, Script, SimSource, World};
use rustcam::source::{Change, Read, Source};

#[test]
fn the_empty_script_is_a_1080p_desktop_at_60_hertz() {
    let listed = outputs(None).expect("outputs");
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].size, listed[0].refresh_hz, listed[0].is_primary), (Size::new(1920, 1080), 60.0, true));
    let mut rig = Rig::new("");
    assert_eq!(rig.wait().presents, 1);
    assert_eq!((rig.wait().presents, rig.now()), (1, Duration::from_nanos(16_666_666)));
    rig.assert_exact();
}

#[test]
fn size_refresh_and_outputs_are_listed() {
    let listed = outputs(Some("size 800x600; refresh 59.94; outputs 3; rotation 180")).expect("outputs");
    let names: Vec<_> = listed.iter().map(|o| (o.name.as_str(), o.position.x, o.is_primary)).collect();
    assert_eq!(names, [("SIM-1", 0, true), ("SIM-2", 800, false), ("SIM-3", 1600, false)]);
    assert!((listed[2].refresh_hz - 59.94).abs() < 1e-9);
    assert_eq!((listed[0].rotation, listed[0].device_name.as_str()), (Rotation::Clockwise180, "Simulated adapter"));
    let clock = Arc::new(VirtualClock::new());
    let error = SimSource::open(&options("size 800x600; outputs 2", 5, &clock)).err().expect("no such output");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("SIM-2, 800x600"), "{error}");
}

#[test]
fn rotation_leaves_the_texture_unturned() {
    for (degrees, texture) in [(0, (200, 120)), (90, (120, 200)), (180, (200, 120)), (270, (120, 200))] {
        let mut rig = Rig::new(&format!("size 200x120; rotation {degrees}"));
        assert_eq!(rig.source.output().texture_size(), Size::new(texture.0, texture.1));
        for _ in 0..3 {
            rig.wait();
            rig.assert_exact();
        }
    }
}

#[test]
fn pitch_pads_the_rows() {
    for pitch in [0, 1, 64] {
        let mut rig = Rig::new(&format!("size 64x48; pitch {pitch}"));
        rig.wait();
        rig.assert_exact();
        let mut rows = Vec::new();
        let whole = Size::new(64, 48).rect();
        let read = rig.source.read(&[whole], LONG, &mut |_, image, _| {
            rows = (0..2).map(|y| image.row(y).as_ptr() as usize).collect();
        });
        assert_eq!(read.expect("a read"), Read::Done);
        assert_eq!(rows[1] - rows[0], 256 + pitch);
    }
}

#[test]
fn clock_virtual_gives_a_fresh_virtual_clock_and_real_the_callers() {
    let fallback: Arc<dyn Clock> = Arc::new(MonotonicClock);
    let real = clock_for(Some("clock real"), Arc::clone(&fallback)).expect("a clock");
    assert!(Arc::ptr_eq(&real, &fallback));
    let virtual_time = clock_for(Some("clock virtual"), fallback).expect("a clock");
    virtual_time.sleep(LONG);
    assert_eq!(virtual_time.now(), LONG);
}

#[test]
fn the_world_begins_when_it_is_opened() {
    let clock = Arc::new(VirtualClock::new());
    clock.sleep(ms(777));
    let script = "refresh 100; size 64x64; at 5ms lose access";
    let mut source = SimSource::open(&options(script, 0, &clock)).expect("an output");
    assert_eq!(source.wait(LONG).expect("a wait").present_time, ms(777));
    while source.wait(LONG).is_ok() {}
    assert_eq!(clock.now(), ms(782));
}

#[test]
fn static_desktops_report_once_and_then_time_out_exactly() {
    let mut rig = Rig::new("static");
    assert_eq!(rig.wait(), Change { presents: 1, ..Change::default() });
    for timeout in [ms(1), ms(250), Duration::from_nanos(7)] {
        let before = rig.now();
        assert!(!rig.source.wait(timeout).expect("a wait").any());
        assert_eq!(rig.now(), before + timeout);
    }
    let before = rig.now();
    assert!(!rig.source.wait(ZERO).expect("a poll").any());
    assert_eq!(rig.now(), before);
}

#[test]
fn present_every_skips_refreshes_and_keeps_the_rate_for_hours() {
    let mut rig = Rig::new("refresh 144; present every 2; size 64x64");
    rig.wait();
    rig.wait();
    assert_eq!(rig.now(), Duration::from_nanos(13_888_888));
    rig.skip_to(Duration::from_secs(36_000));
    assert_eq!(rig.wait().presents, 36_000 * 72 - 1);
    assert_eq!(rig.world.present_time(36_000 * 72 + 1), Duration::from_secs(36_000));
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
    let mut rig = Rig::new("static; size 640x400; at 100ms present");
    rig.wait();
    rig.damage();
    let mut image = rig.read();
    let change = rig.wait();
    assert_eq!((change.presents, change.present_time, rig.now()), (1, ms(100), ms(100)));
    let damage = rig.damage();
    let area: u64 = damage.dirty.iter().map(|r| r.area()).sum();
    assert!(area > 0 && area < 640 * 400 / 4, "{damage:?}");
    apply(&mut rig, &damage, &mut image);
    assert!(image == rig.read());
    rig.assert_exact();
}

#[test]
fn at_present_full_and_full_change_every_pixel() {
    for script in ["static; size 200x100; at 10ms present full", "full; refresh 100; size 200x100"] {
        let mut rig = Rig::new(script);
        rig.wait();
        let mut before = rig.read();
        for pixel in before.chunks_exact_mut(4) {
            pixel[3] = 0;
        }
        rig.damage();
        rig.wait();
        assert_eq!(rig.damage().dirty, [Rect::new(0, 0, 200, 100)]);
        let after = rig.read();
        assert!(after.chunks_exact(4).zip(before.chunks_exact(4)).all(|(a, b)| a[..3] != b[..3]), "{script}");
        rig.assert_exact();
    }
}

#[test]
fn dirty_parts_change_exactly_inside() {
    let mut rig = Rig::new("static; size 100x80; at 10ms present dirty 10,10,50,50 dirty 0,0,5,5 dirty 90,70,200,90");
    rig.wait();
    rig.damage();
    let before = rig.read();
    rig.wait();
    let parts = [Rect::new(10, 10, 50, 50), Rect::new(0, 0, 5, 5), Rect::new(90, 70, 100, 80)];
    assert_eq!(rig.damage(), Damage { dirty: parts.to_vec(), moves: Vec::new() });
    let after = rig.read();
    for (i, (a, b)) in after.chunks_exact(4).zip(before.chunks_exact(4)).enumerate() {
        let (x, y) = (i as i32 % 100, i as i32 / 100);
        let inside = parts.iter().any(|p| p.contains(Rect::new(x, y, x + 1, y + 1)));
        assert_eq!(a != b, inside, "({x}, {y})");
    }
    rig.assert_exact();
}

#[test]
fn moves_copy_the_old_image_and_turn_with_the_output() {
    for degrees in [0, 90, 180, 270] {
        let script =
            format!("static; size 100x80; rotation {degrees}; at 10ms present move 0,0>10,10,60,40 dirty 0,0,5,5");
        let mut rig = Rig::new(&script);
        rig.wait();
        rig.damage();
        let mut image = rig.read();
        rig.wait();
        let damage = rig.damage();
        assert_eq!((damage.moves.len(), damage.dirty.len()), (1, 1));
        apply(&mut rig, &damage, &mut image);
        assert!(image == rig.read());
        rig.assert_exact();
    }
}

#[test]
fn accumulated_moves_become_dirty_unless_they_come_first() {
    let mut rig =
        Rig::new("static; size 99x80; at 1ms present move 0,0>9,9,20,20; at 2ms present move 9,9>30,30,40,40");
    rig.wait();
    rig.damage();
    rig.skip_to(ms(5));
    assert_eq!(rig.wait().presents, 2);
    let damage = rig.damage();
    assert_eq!(damage.moves, [Move { source: Point::new(0, 0), destination: Rect::new(9, 9, 20, 20) }]);
    assert_eq!(damage.dirty, [Rect::new(30, 30, 40, 40)]);
    rig.assert_exact();
}

#[test]
fn present_nothing_counts_but_changes_nothing() {
    let mut rig = Rig::new("static; size 100x80; at 10ms present nothing");
    rig.wait();
    rig.damage();
    let before = rig.read();
    assert_eq!(rig.wait().presents, 1);
    assert_eq!(rig.damage(), Damage::default());
    assert!(before == rig.read());
}

#[test]
fn long_lists_of_damage_are_reported_as_one_part() {
    use std::fmt::Write;
    let mut script = String::from("static; size 200x100; at 1ms present");
    for i in 0..80 {
        write!(script, " dirty {i},0,{},2", i + 1).expect("text");
    }
    let mut rig = Rig::new(&script);
    rig.wait();
    rig.damage();
    rig.wait();
    assert_eq!(rig.damage().dirty, [Rect::new(0, 0, 80, 2)]);
}

#[test]
fn protect_marks_the_presents_after_it() {
    let mut rig = Rig::new("static; at 5ms protect on; at 10ms present; at 15ms protect off; at 20ms present");
    let flags: Vec<_> = (0..3).map(|_| rig.wait().protected).collect();
    assert_eq!(flags, [false, true, false]);
}

#[test]
fn slow_reads_are_pending_until_their_time_is_over() {
    let mut rig = Rig::new("static; size 64x64; slow reads 5ms");
    rig.wait();
    let part = [Rect::new(1, 2, 30, 40)];
    let mut delivered = 0;
    let mut outcomes = Vec::new();
    for timeout in [0, 2, 2, 0, 9] {
        outcomes.push(rig.source.read(&part, ms(timeout), &mut |_, _, _| delivered += 1).expect("a read"));
    }
    assert_eq!(outcomes, [Read::Pending, Read::Pending, Read::Pending, Read::Pending, Read::Done]);
    assert_eq!((delivered, rig.now()), (1, ms(5)));
    // A wait in between changes nothing, another read gives the first one up.
    let other = [Rect::new(1, 2, 30, 41)];
    let mut read = |parts: &[Rect], timeout| {
        rig.source.wait(ZERO).expect("a poll");
        rig.source.read(parts, ms(timeout), &mut |_, _, _| ()).expect("a read")
    };
    assert_eq!((read(&part, 4), read(&part, 1)), (Read::Pending, Read::Done));
    assert_eq!((read(&part, 4), read(&other, 4), read(&part, 4)), (Read::Pending, Read::Pending, Read::Pending));
}

#[test]
fn slow_damage_gives_up_and_reports_everything() {
    let mut rig =
        Rig::new("static; size 64x64; slow damage 5ms; at 10ms present dirty 1,1,2,2; at 20ms present dirty 3,3,4,4");
    rig.wait();
    rig.damage();
    rig.wait();
    let before = rig.now();
    assert_eq!(rig.source.damage(ms(2)).expect("damage").dirty, [Rect::new(0, 0, 64, 64)]);
    assert_eq!(rig.now(), before + ms(2));
    rig.wait();
    assert_eq!(rig.damage().dirty, [Rect::new(3, 3, 4, 4)]);
}

#[test]
fn memory_direct_is_written_in_place() {
    let mut rig = Rig::new("size 200x100; memory direct; rotation 90; at 25ms lose access");
    rig.wait();
    let (size, origin) = (Size::new(40, 30), Point::new(20, 50));
    let mut memory = rig.source.allocate(size).expect("memory");
    let part = Rect::at(origin, size);
    let read = rig.source.read_into(&mut memory, size, origin, &[part], LONG);
    assert_eq!(read.expect("a read"), Some(Read::Done));
    let mut whole = rig.read();
    opaque(&mut whole);
    for y in 0..30 {
        let start = ((50 + y) * 100 + 20) * 4;
        assert!(memory.bytes()[y * 160..][..160] == whole[start..][..160]);
    }
    let mut foreign = rustcam::memory::Memory::heap(4800);
    assert_eq!(rig.source.read_into(&mut foreign, size, origin, &[part], LONG).expect("no error"), None);
    while rig.source.wait(LONG).is_ok() {}
    rig.source.rebuild(ZERO).expect("regained");
    assert_eq!(rig.source.read_into(&mut memory, size, origin, &[part], LONG).expect("no error"), None);
    assert!(Rig::new("memory ordinary").source.allocate(size).is_none());
}

#[test]
fn alpha_is_garbage() {
    let mut rig = Rig::new("size 64x64");
    rig.wait();
    let image = rig.read();
    let different: std::collections::HashSet<_> = image.iter().skip(3).step_by(4).collect();
    assert!(different.len() > 16);
}

#[test]
fn both_stripes_hold_the_frame_number() {
    let mut rig = Rig::new("size 640x200; refresh 100; full");
    for expected in [1, 2, 3, 4] {
        rig.wait();
        let image = rig.read();
        for y in [0, 199] {
            let number = decode_stripe(640, |x| image[(y * 640 + x as usize) * 4 + 1]);
            assert_eq!(number, expected);
        }
    }
}

fn rects() -> impl Strategy<Value = String> {
    (-20..150i32, -20..150i32, 1..90i32, 1..90i32).prop_map(|(l, t, w, h)| format!("{l},{t},{},{}", l + w, t + h))
}

fn presents() -> impl Strategy<Value = String> {
    let dirty = rects().prop_map(|r| format!(" dirty {r}"));
    let moved = || (-10..130i32, -10..130i32, rects()).prop_map(|(x, y, r)| format!(" move {x},{y}>{r}"));
    prop_oneof![
        Just("present".to_owned()),
        Just("present full".to_owned()),
        Just("present nothing".to_owned()),
        prop::collection::vec(dirty, 1..4).prop_map(|parts| format!("present{}", parts.concat())),
        moved().prop_map(|m| format!("present{m}")),
        (moved(), rects()).prop_map(|(m, r)| format!("present{m} dirty {r}")),
    ]
}

fn events() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        8 => presents(),
        2 => (-9..200i32, -9..200i32).prop_map(|(x, y)| format!("pointer {x},{y}")),
        1 => prop::sample::select(vec!["pointer hide", "pointer show", "shape ibeam", "shape masked", "shape short", "pointer software", "pointer hardware", "protect on"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["lose access", "lose access for 9ms", "lose device for 3ms", "unplug for 5ms"]).prop_map(str::to_owned),
        1 => (1..140u32, 1..140u32).prop_map(|(w, h)| format!("mode {w}x{h}@{}", w + 20)),
        1 => prop::sample::select(vec![0, 90, 180, 270]).prop_map(|d| format!("rotate {d}")),
    ];
    (0..120u32, what).prop_map(|(at, what)| format!("at {}.{}ms {what}", at, at % 3))
}

fn scripts() -> impl Strategy<Value = String> {
    let tempo = prop::sample::select(vec!["static", "present every 1", "present every 3", "full", "full; static"]);
    let pointer = prop::sample::select(vec!["path", "still", "storm 700"]);
    let rotation = prop::sample::select(vec![0, 90, 180, 270]);
    let more = prop::collection::vec(events(), 0..14);
    (1..150u32, 1..150u32, rotation, tempo, pointer, 0..70usize, more).prop_map(
        |(w, h, rotation, tempo, pointer, pitch, more)| {
            let settings = format!(
                "size {w}x{h}; rotation {rotation}; {tempo}; pointer {pointer}; pitch {pitch}; refresh 123.457"
            );
            format!("{settings}\n{}", more.join("\n"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// A consumer that trusts the damage always has the image of the oracle.
    #[test]
    fn damage_is_sound_and_reads_are_exact(script in scripts(), steps in prop::collection::vec(0..30u64, 1..16)) {
        let mut rig = Rig::pointing(&script);
        let mut image: Option<Vec<u8>> = None;
        for step in steps {
            rig.clock.sleep(ms(step * step / 16));
            match rig.source.wait(ms(20)) {
                Ok(change) if change.presents == 0 => continue,
                Ok(change) => prop_assert!(change.present_time <= rig.now()),
                Err(error) => {
                    prop_assert!(error.loss().is_some());
                    image = None;
                    while rig.source.rebuild(ZERO).is_err() {
                        rig.clock.sleep(ms(1));
                    }
                    continue;
                }
            }
            let damage = rig.damage();
            let mut shadow = image.take().unwrap_or_else(|| vec![0; rig.source.output().texture_size().area() as usize * 4]);
            apply(&mut rig, &damage, &mut shadow);
            let whole = rig.read();
            prop_assert!(whole == shadow, "damage misses byte {:?}", first_difference(&whole, &shadow));
            rig.assert_exact();
            image = Some(shadow);
        }
    }

    /// Reading a part gives the same pixels as reading everything.
    #[test]
    fn parts_are_parts_of_the_whole(script in scripts(), wait in 0..100u64, l in 0..100u32, t in 0..100u32) {
        let mut rig = Rig::new(&script);
        rig.clock.sleep(ms(wait));
        if rig.source.wait(ZERO).is_ok() {
            let whole = rig.source.output().texture_size().rect();
            let part = Rect::new((l as i32).min(whole.right - 1), (t as i32).min(whole.bottom - 1), whole.right, whole.bottom);
            let mut image = vec![0; whole.area() as usize * 4];
            rig.read_parts(&[part], &mut image);
            let all = rig.read();
            let stride = whole.width() as usize * 4;
            for y in part.top as usize..part.bottom as usize {
                let row = y * stride + part.left as usize * 4..(y + 1) * stride;
                prop_assert!(image[row.clone()] == all[row]);
            }
        }
    }

    #[test]
    fn display_parses_back(script in scripts(), extra in "(clock virtual|slow reads 1[.]000001ms|slow damage 2s|memory direct|refuse 0xFFFFFFFF|damage wild|at 2ms lose device during read for 3ms|at 2ms unplug during rebuild|at 2ms lose access during wait for ever lasting|outputs 4|at 3ms fail wait 0x1 times 4|at 1s lose access for ever lasting|at 1s lose device)?") {
        let script = Script::parse(&format!("{script}\n{extra}")).expect("a script");
        prop_assert_eq!(Script::parse(&script.to_string()).expect("its own text"), script);
    }

    #[test]
    fn a_wait_takes_no_longer_than_allowed(script in scripts(), timeouts in prop::collection::vec(0..40u64, 1..20)) {
        let mut rig = Rig::pointing(&script);
        for timeout in timeouts {
            let before = rig.now();
            match rig.source.wait(ms(timeout)) {
                Ok(change) if !change.any() => prop_assert_eq!(rig.now(), before + ms(timeout)),
                _ => prop_assert!(rig.now() <= before + ms(timeout)),
            }
        }
    }

    #[test]
    fn any_text_parses_or_is_refused(text in ".{0,200}") {
        let _ = Script::parse(&text);
    }

    #[test]
    fn any_words_parse_or_are_refused(words in prop::collection::vec(prop::sample::select(vec![
        "at", "1s", "2.5ms", "99999999999999999999s", ".s", "1.ms", "present", "full", "dirty", "move", "1,2,3,4", "0,0>1,1,2,2", ">",
        "pointer", "storm", "-1", "size", "1x1", "x", "99999x1", "mode", "64x64@60", "@", "lose", "access", "for", "ever", "fail",
        "read", "0x", "0xFFFFFFFF", "times", "2147483648,0,1,1", ";", "#", "\n", "slow", "reads", "refresh", "1000.0000", "é",
    ]), 0..12)) {
        let _ = Script::parse(&words.join(" "));
    }
}
