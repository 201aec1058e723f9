//! The simulated desktop: every statement of its language, exact pixels, sound damage, exact time.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rustcam::clock::{Clock, MonotonicClock, VirtualClock};
use rustcam::error::{Error, ErrorKind, Loss, Result};
use rustcam::frame::{Damage, Move, Pointer, ShapeKind};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::source::sim::{clock_for, decode_stripe, outputs, Script, SimSource, World};
use rustcam::source::{Backend, Change, OpenOptions, Read, Source};

const ZERO: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(100);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An open desktop in virtual time, and the world it must show.
struct Rig {
    clock: Arc<VirtualClock>,
    source: SimSource,
    world: World,
}

fn options(script: &str, output: usize, clock: &Arc<VirtualClock>) -> OpenOptions {
    OpenOptions {
        backend: Backend::Sim,
        device: 0,
        output,
        watch_pointer: true,
        sim: Some(script.to_owned()),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
    }
}

impl Rig {
    fn of(script: &str, output: usize, watch_pointer: bool) -> Self {
        let clock = Arc::new(VirtualClock::new());
        let world = World::new(&Script::parse(script).expect("a script"), output);
        let options = OpenOptions { watch_pointer, ..options(script, output, &clock) };
        Self { source: SimSource::open(&options).expect("an output"), clock, world }
    }

    /// Without pointer.
    fn new(script: &str) -> Self {
        Self::of(script, 0, false)
    }

    /// With pointer.
    fn pointing(script: &str) -> Self {
        Self::of(script, 0, true)
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn frame(&self) -> u64 {
        self.world.frame_at(self.now())
    }

    fn wait(&mut self) -> Change {
        self.source.wait(LONG).expect("a wait")
    }

    /// Waits until `time` with polls and sleeps, so that everything up to then is folded into the next wait.
    fn skip_to(&mut self, time: Duration) {
        self.clock.sleep(time.saturating_sub(self.now()));
    }

    fn damage(&mut self) -> Damage {
        self.source.damage(LONG).expect("damage")
    }

    /// The whole texture, tight.
    fn read(&mut self) -> Vec<u8> {
        let size = self.source.output().texture_size();
        let mut image = vec![0; size.area() as usize * 4];
        self.read_parts(&[size.rect()], &mut image);
        image
    }

    fn read_parts(&mut self, parts: &[Rect], image: &mut [u8]) {
        let stride = self.source.output().texture_size().width as usize * 4;
        let read = self.source.read(parts, LONG, &mut |part, view, _| {
            assert_eq!(view.size(), part.size());
            for y in 0..part.height() as usize {
                let start = (part.top as usize + y) * stride + part.left as usize * 4;
                image[start..start + view.row(y).len()].copy_from_slice(view.row(y));
            }
        });
        assert_eq!(read.expect("a read"), Read::Done);
    }

    /// The texture that the oracle demands, alpha 255.
    fn oracle(&self) -> Vec<u8> {
        let (frame, output) = (self.frame(), self.source.output());
        assert_eq!((output.size, output.image_rotation), (self.world.size(frame), self.world.rotation(frame)));
        let texture = output.texture_size();
        let desktop = self.world.image(frame);
        let mut image = vec![0; desktop.len()];
        for y in 0..output.size.height as i32 {
            for x in 0..output.size.width as i32 {
                let (u, v) = output.image_rotation.texture_pixel(x, y, output.size);
                let at = (v as usize * texture.width as usize + u as usize) * 4;
                let from = (y as usize * output.size.width as usize + x as usize) * 4;
                image[at..at + 4].copy_from_slice(&desktop[from..from + 4]);
            }
        }
        image
    }

    fn assert_exact(&mut self) {
        let (mut image, oracle) = (self.read(), self.oracle());
        opaque(&mut image);
        assert!(
            image == oracle,
            "frame {} differs from the oracle at byte {:?}",
            self.frame(),
            first_difference(&image, &oracle)
        );
    }

    fn lost(&mut self) -> Error {
        self.source.wait(LONG).expect_err("a loss")
    }

    fn pointer(&self) -> &Pointer {
        self.source.pointer()
    }
}

fn opaque(image: &mut [u8]) {
    image.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
}

fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    a.iter().zip(b).position(|(a, b)| a != b)
}

/// Applies damage to an image as a consumer does: moves from the old image, then the dirty parts, freshly read.
fn apply(rig: &mut Rig, damage: &Damage, image: &mut [u8]) {
    let texture = rig.source.output().texture_size();
    let (old, stride) = (image.to_vec(), texture.width as usize * 4);
    for Move { source, destination } in &damage.moves {
        assert!(
            texture.rect().contains(*destination) && texture.rect().contains(Rect::at(*source, destination.size()))
        );
        for y in 0..destination.height() as usize {
            let from = (source.y as usize + y) * stride + source.x as usize * 4;
            let to = (destination.top as usize + y) * stride + destination.left as usize * 4;
            let len = destination.width() as usize * 4;
            image[to..to + len].copy_from_slice(&old[from..from + len]);
        }
    }
    for dirty in &damage.dirty {
        assert!(texture.rect().contains(*dirty) && !dirty.is_empty());
        rig.read_parts(&[*dirty], image);
    }
}

fn codes(error: &Error) -> (ErrorKind, Option<u32>, Option<Loss>) {
    assert!(error.hint().is_some() || error.loss().is_none(), "a loss says what to do: {error}");
    (error.kind(), error.code(), error.loss())
}

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
fn pointer_events_move_hide_and_show() {
    let script = "static; pointer still; at 50ms pointer -5,200; at 60ms pointer hide; at 65ms pointer 7,7; at 70ms pointer show";
    let mut rig = Rig::pointing(script);
    assert!(rig.wait().pointer);
    assert_eq!((rig.pointer().position, rig.pointer().visible), (Point::new(960, 540), true));
    let change = rig.wait();
    assert_eq!((change.presents, change.pointer, rig.now()), (0, true, ms(50)));
    assert_eq!(rig.pointer().position, Point::new(-5, 200));
    rig.wait();
    assert_eq!((rig.pointer().visible, rig.now()), (false, ms(60)));
    rig.wait();
    // Nobody sees the movement of a hidden pointer.
    assert_eq!((rig.pointer().position, rig.pointer().visible, rig.now()), (Point::new(7, 7), true, ms(70)));
}

#[test]
fn unwatched_pointers_never_wake() {
    let mut rig = Rig::new("static; pointer storm 1000");
    rig.wait();
    assert!(!rig.source.wait(ms(100)).expect("a wait").any());
    assert_eq!((rig.now(), rig.pointer()), (ms(100), &Pointer::default()));
}

#[test]
fn shapes_are_of_every_kind() {
    let kinds = [
        ("arrow", ShapeKind::Color),
        ("ibeam", ShapeKind::Monochrome),
        ("masked", ShapeKind::MaskedColor),
        ("hand", ShapeKind::Color),
        ("premultiplied", ShapeKind::Premultiplied),
    ];
    for (name, kind) in kinds {
        let mut rig = Rig::pointing(&format!("static; pointer still; at 10ms shape {name}"));
        rig.wait();
        assert_eq!(
            rig.source.wait(ms(20)).expect("a wait").pointer,
            name != "arrow",
            "the arrow is there from the start"
        );
        assert_eq!(rig.pointer().shape.as_ref().map(|s| s.kind), Some(kind));
    }
}

#[test]
fn pointer_path_still_and_storm_wake_as_often_as_they_say() {
    for (mode, wakes) in [("path", 30), ("still", 0), ("storm 1000", 1000)] {
        let mut rig = Rig::pointing(&format!("static; pointer {mode}"));
        rig.wait();
        let mut count = 0;
        while rig.source.wait(Duration::from_secs(1).saturating_sub(rig.now())).expect("a wait").any() {
            count += 1;
        }
        assert_eq!((count, rig.now()), (wakes, Duration::from_secs(1)), "{mode}");
    }
}

#[test]
fn the_pointer_belongs_to_the_output_under_its_hot_spot() {
    let script = "static; outputs 2; size 100x100; pointer still; at 10ms pointer 110,5; at 20ms pointer 300,5; at 30ms pointer 99,0; at 30ms shape hand";
    let mut first = Rig::of(script, 0, true);
    let mut second = Rig::of(script, 1, true);
    let expected = [(0, (50, 50), true), (10, (110, 5), false), (20, (300, 5), false), (30, (99, 0), false)];
    for (time, (x, y), on_first) in expected {
        for (rig, left) in [(&mut first, 0), (&mut second, 100)] {
            rig.skip_to(ms(time));
            rig.source.wait(ZERO).expect("a poll");
            assert_eq!(rig.pointer().position, Point::new(x - left, y));
            assert_eq!(rig.pointer().visible, on_first == (left == 0), "{time} ms");
        }
    }
}

#[test]
fn lose_access_for_a_time_is_sticky_until_rebuilt() {
    let mut rig = Rig::new("static; size 64x64; at 300ms lose access for 500ms");
    rig.wait();
    let lost = (ErrorKind::AccessLost, Some(0x887A_0026), Some(Loss::Transient));
    assert_eq!(codes(&rig.lost()), lost);
    assert_eq!(rig.now(), ms(300));
    assert_eq!(codes(&rig.source.damage(LONG).expect_err("lost")), lost);
    let read = rig.source.read(&[Rect::new(0, 0, 1, 1)], LONG, &mut |_, _, _| panic!("delivered while lost"));
    assert_eq!(codes(&read.expect_err("lost")), lost);
    let denied = rig.source.rebuild(ZERO).expect_err("too early");
    assert_eq!(codes(&denied), (ErrorKind::AccessLost, Some(0x8007_0005), Some(Loss::Transient)));
    rig.skip_to(ms(800));
    assert_eq!(codes(&rig.lost()), lost);
    rig.source.rebuild(ZERO).expect("regained");
    assert_eq!(rig.wait().presents, 1);
    assert_eq!(rig.damage().dirty, [Rect::new(0, 0, 64, 64)]);
    rig.assert_exact();
}

#[test]
fn lose_access_without_a_time_is_regained_at_once() {
    let mut rig = Rig::new("at 5ms lose access");
    rig.wait();
    rig.lost();
    rig.source.rebuild(ZERO).expect("regained");
    assert_eq!(rig.wait().presents, 1);
}

#[test]
fn lasting_losses_say_so() {
    let cases = [
        ("lose access for ever lasting", ErrorKind::AccessLost, 0x887A_0026, 0x8007_0005),
        ("lose device for ever", ErrorKind::Device, 0x887A_0005, 0x887A_0005),
        ("lose device for 100ms", ErrorKind::Device, 0x887A_0005, 0x887A_0005),
        ("unplug for 1s", ErrorKind::AccessLost, 0x887A_0026, 0x887A_0002),
    ];
    for (event, kind, code, rebuilding) in cases {
        let mut rig = Rig::new(&format!("static; at 1ms {event}"));
        rig.wait();
        assert_eq!(codes(&rig.lost()), (kind, Some(code), Some(Loss::Lasting)), "{event}");
        let error = rig.source.rebuild(ZERO).expect_err("too early");
        assert_eq!(codes(&error), (kind, Some(rebuilding), Some(Loss::Lasting)), "{event}");
        rig.skip_to(Duration::from_secs(30_000_000));
        assert_eq!(rig.source.rebuild(ZERO).is_ok(), !event.contains("ever"), "{event}");
    }
}

#[test]
fn mode_and_rotate_give_a_new_geometry() {
    let mut rig = Rig::new("size 100x80; at 20ms mode 120x90@144; at 30ms rotate 90");
    rig.wait();
    rig.read();
    rig.wait();
    assert_eq!(codes(&rig.lost()), (ErrorKind::AccessLost, Some(0x887A_0026), Some(Loss::Transient)));
    assert_eq!(rig.source.output().size, Size::new(100, 80));
    rig.source.rebuild(ZERO).expect("regained");
    assert_eq!((rig.source.output().size, rig.source.output().refresh_hz), (Size::new(120, 90), 144.0));
    rig.wait();
    rig.assert_exact();
    while rig.source.wait(LONG).is_ok() {}
    rig.source.rebuild(ZERO).expect("regained");
    // A read need not be preceded by a wait.
    rig.assert_exact();
    assert_eq!(
        (rig.source.output().size, rig.source.output().texture_size()),
        (Size::new(90, 120), Size::new(120, 90))
    );
    rig.wait();
    rig.assert_exact();
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
fn refuse_fails_to_open() {
    let clock = Arc::new(VirtualClock::new());
    let error = SimSource::open(&options("refuse 0x80070005", 0, &clock)).err().expect("refused");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Duplication, Some(0x8007_0005)));
}

#[test]
fn fail_injects_errors_into_each_call() {
    fn fails<T: std::fmt::Debug>(result: Result<T>) {
        let error = result.expect_err("a scripted failure");
        assert_eq!(codes(&error), (ErrorKind::Capture, Some(0x8007_000E), None));
    }
    let mut rig = Rig::new(
        "static; at 10ms fail wait 0x8007000E times 2; at 0ms fail read 0x8007000e; at 0ms fail damage 0x8007000E; at 0s fail rebuild 0x8007000E",
    );
    rig.wait();
    fails(rig.source.wait(LONG));
    assert_eq!(rig.now(), ms(10));
    fails(rig.source.wait(ZERO));
    rig.source.wait(ZERO).expect("only twice");
    fails(rig.source.read(&[], ZERO, &mut |_, _, _| ()));
    rig.source.read(&[], ZERO, &mut |_, _, _| ()).expect("only once");
    fails(rig.source.damage(ZERO));
    rig.source.damage(ZERO).expect("only once");
    fails(rig.source.rebuild(ZERO));
    rig.source.rebuild(ZERO).expect("only once");
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

#[test]
fn wrong_scripts_name_their_line_and_what_is_allowed() {
    let cases = [
        ("static\ncolour blue", "line 2", "one of size, refresh"),
        ("size 0x10", "line 1", "1280x720"),
        ("size 16384x16384", "line 1", "area"),
        ("size", "line 1", "ends too early"),
        ("refresh 59.9401", "line 1", "3 decimals"),
        ("refresh 0.5", "line 1", "1 to 1000"),
        ("rotation 45", "line 1", "0, 90, 180, 270"),
        ("outputs 0", "line 1", "1 to 16"),
        ("pitch -1", "line 1", "0 to 65536"),
        ("clock atomic", "line 1", "real, virtual"),
        ("present every 0", "line 1", "refreshes"),
        ("present 2", "line 1", "every"),
        ("pointer fly", "line 1", "path, still, storm"),
        ("pointer storm 9000", "line 1", "1 to 8000"),
        ("slow read 5ms", "line 1", "reads, damage"),
        ("slow reads 5", "line 1", "100ms"),
        ("memory foreign", "line 1", "ordinary, direct"),
        ("refuse 5", "line 1", "0x8007000E"),
        ("refuse 0x+5", "line 1", "0x8007000E"),
        ("# comment\n\n at soon present", "line 3", "100ms"),
        ("at 1s", "line 1", "present, pointer, shape"),
        ("at 1s jump", "line 1", "present, pointer, shape"),
        ("at 1s present dirty 1,2,3", "line 1", "left,top,right,bottom"),
        ("at 1s present dirty 5,0,5,1", "line 1", "left < right"),
        ("at 1s present dirty 1, 2, 3, 4", "line 1", "without spaces"),
        ("at 1s present move 1,2,3,4", "line 1", "100,100>10,10,60,60"),
        ("at 1s present move 0,0>5,5,9,9 move 0,0>8,8,10,10", "line 1", "same pixels"),
        ("at 1s present full dirty 0,0,1,1", "line 1", "complete"),
        ("at 1s pointer", "line 1", "show, hide"),
        ("at 1s pointer 1,2,3", "line 1", "100,200"),
        ("at 1s shape circle", "line 1", "arrow, ibeam, masked, hand, premultiplied"),
        ("at 1s lose hope", "line 1", "access, device"),
        ("at 1s lose access for 1m", "line 1", "1.5s"),
        ("at 99999999s present", "line 1", "at most"),
        ("at 1s mode big", "line 1", "1280x720"),
        ("at 1s rotate left", "line 1", "0, 90"),
        ("at 1s protect maybe", "line 1", "on, off"),
        ("at 1s fail open 0x1", "line 1", "wait, damage, read, rebuild"),
        ("static; static full", "line 1", "';'"),
    ];
    for (text, line, allowed) in cases {
        let error = Script::parse(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
        assert!(error.message().starts_with(line) && error.message().contains(allowed), "{text:?}: {error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn scripts_ignore_case_comments_and_empty_statements() {
    let a = Script::parse("SIZE 64x64 # small; at 1s jump\n;;\n  Static;At 1.5S Present Full").expect("a script");
    let b = Script::parse("size 64x64\nstatic\nat 1500ms present full").expect("a script");
    assert_eq!(a, b);
    assert_eq!(Script::parse("").expect("a script"), Script::default());
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
        1 => (-9..200i32, -9..200i32).prop_map(|(x, y)| format!("pointer {x},{y}")),
        1 => prop::sample::select(vec!["pointer hide", "pointer show", "shape ibeam", "shape masked", "protect on"]).prop_map(str::to_owned),
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
    fn display_parses_back(script in scripts(), extra in "(clock virtual|slow reads 1[.]000001ms|slow damage 2s|memory direct|refuse 0xFFFFFFFF|outputs 4|at 3ms fail wait 0x1 times 4|at 1s lose access for ever lasting|at 1s lose device)?") {
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
