//! The pointer of the simulated desktop: where it is, what it looks like, and who draws it.

use std::time::Duration;

use rustcam::frame::{Pointer, ShapeKind};
use rustcam::geometry::{Point, Rect};
use rustcam::source::Source;

use super::rig::{ms, Rig, ZERO};

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
        ("bitmap", ShapeKind::Monochrome),
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
fn malformed_shapes_contradict_themselves() {
    for (name, kind) in [
        ("empty", ShapeKind::Color),
        ("narrow", ShapeKind::Color),
        ("short", ShapeKind::Monochrome),
        ("huge", ShapeKind::MaskedColor),
    ] {
        let mut rig = Rig::pointing(&format!("static; pointer still; at 0ms shape {name}"));
        rig.wait();
        let shape = rig.pointer().shape.clone().expect("a shape");
        assert_eq!(shape.kind, kind);
        assert!(rustcam::pixels::PointerImage::decode(&shape).is_none(), "{name}");
    }
}

#[test]
fn a_software_pointer_is_part_of_the_image_and_not_visible_by_itself() {
    for rotation in [0, 90, 180, 270] {
        let script = format!(
            "size 60x40; rotation {rotation}; static; pointer still; at 10ms pointer software; at 20ms pointer 3,4; \
             at 30ms shape ibeam; at 40ms present dirty 0,0,9,9; at 50ms pointer hide; at 60ms pointer show; \
             at 70ms pointer hardware"
        );
        let mut rig = Rig::pointing(&script);
        rig.wait();
        rig.damage();
        let clean = rig.read();
        let mut pictures = vec![];
        for at in [10, 20, 30, 40, 50, 60, 70] {
            assert_eq!(rig.wait().presents, 1, "the image cannot change without a present");
            assert_eq!((rig.now(), rig.pointer().visible), (ms(at), at == 70));
            rig.assert_exact();
            pictures.push(rig.read());
        }
        assert!(pictures[..3].iter().all(|picture| *picture != clean), "drawn");
        assert_eq!(pictures[4], pictures[6], "hidden, and no longer drawn");
        assert_eq!(pictures[3], pictures[5], "shown again");
    }
}

#[test]
fn damage_tells_of_a_software_pointer_and_moves_do_not_take_it_along() {
    let mut rig = Rig::new(
        "size 60x40; static; pointer still; at 0ms pointer software; at 0ms shape bitmap; at 0ms pointer 5,5; \
         at 20ms pointer 30,20; at 30ms present move 28,20>0,0,10,10 move 0,20>10,0,20,10",
    );
    rig.wait();
    rig.damage();
    rig.wait();
    let pointer = |x, y| Rect::new(x, y, x + 9, y + 12);
    assert_eq!(rig.damage().dirty, [pointer(5, 5), pointer(30, 20)]);
    rig.wait();
    let damage = rig.damage();
    let moves: Vec<_> = damage.moves.iter().map(|m| m.destination).collect();
    assert_eq!(moves, [Rect::new(10, 0, 20, 10)], "the other one has the pointer in its source");
    assert_eq!(damage.dirty[0], Rect::new(0, 0, 10, 10));
}
