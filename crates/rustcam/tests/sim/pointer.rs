//! The pointer of the simulated desktop: position, shape, and whether the system draws it.

use std::time::Duration;

use rustcam::frame::{Pointer, ShapeKind};
use rustcam::geometry::{Point, Rect};
use rustcam::source::Source;

use super::sim_desktop::{ms, SimDesktop, ZERO};

#[test]
fn pointer_events_move_hide_and_show() {
    let script = "static; pointer still; at 50ms pointer -5,200; at 60ms pointer hide; at 65ms pointer 7,7; at 70ms pointer show";
    let mut desktop = SimDesktop::pointing(script);
    assert!(desktop.wait().pointer);
    assert_eq!((desktop.pointer().position, desktop.pointer().visible), (Point::new(960, 540), true));
    let change = desktop.wait();
    assert_eq!((change.presents, change.pointer, desktop.now()), (0, true, ms(50)));
    assert_eq!(desktop.pointer().position, Point::new(-5, 200));
    desktop.wait();
    assert_eq!((desktop.pointer().visible, desktop.now()), (false, ms(60)));
    desktop.wait();
    // The movement of a hidden pointer is not reported.
    assert_eq!(
        (desktop.pointer().position, desktop.pointer().visible, desktop.now()),
        (Point::new(7, 7), true, ms(70))
    );
}

#[test]
fn unwatched_pointers_never_wake() {
    let mut desktop = SimDesktop::new("static; pointer storm 1000");
    desktop.wait();
    assert!(!desktop.source.wait(ms(100)).expect("a wait").any());
    assert_eq!((desktop.now(), desktop.pointer()), (ms(100), &Pointer::default()));
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
        let mut desktop = SimDesktop::pointing(&format!("static; pointer still; at 10ms shape {name}"));
        desktop.wait();
        assert_eq!(
            desktop.source.wait(ms(20)).expect("a wait").pointer,
            name != "arrow",
            "the arrow is there from the start"
        );
        assert_eq!(desktop.pointer().shape.as_ref().map(|s| s.kind), Some(kind));
    }
}

#[test]
fn pointer_path_still_and_storm_wake_as_often_as_they_say() {
    for (mode, wakes) in [("path", 30), ("still", 0), ("storm 1000", 1000)] {
        let mut desktop = SimDesktop::pointing(&format!("static; pointer {mode}"));
        desktop.wait();
        let mut count = 0;
        while desktop.source.wait(Duration::from_secs(1).saturating_sub(desktop.now())).expect("a wait").any() {
            count += 1;
        }
        assert_eq!((count, desktop.now()), (wakes, Duration::from_secs(1)), "{mode}");
    }
}

#[test]
fn the_pointer_belongs_to_the_output_under_its_hot_spot() {
    let script = "static; outputs 2; size 100x100; pointer still; at 10ms pointer 110,5; at 20ms pointer 300,5; at 30ms pointer 99,0; at 30ms shape hand";
    let mut first = SimDesktop::of(script, 0, true);
    let mut second = SimDesktop::of(script, 1, true);
    let expected = [(0, (50, 50), true), (10, (110, 5), false), (20, (300, 5), false), (30, (99, 0), false)];
    for (time, (x, y), on_first) in expected {
        for (desktop, left) in [(&mut first, 0), (&mut second, 100)] {
            desktop.skip_to(ms(time));
            desktop.source.wait(ZERO).expect("a poll");
            assert_eq!(desktop.pointer().position, Point::new(x - left, y));
            assert_eq!(desktop.pointer().visible, on_first == (left == 0), "{time} ms");
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
        let mut desktop = SimDesktop::pointing(&format!("static; pointer still; at 0ms shape {name}"));
        desktop.wait();
        let shape = desktop.pointer().shape.clone().expect("a shape");
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
        let mut desktop = SimDesktop::pointing(&script);
        desktop.wait();
        desktop.damage();
        let clean = desktop.read();
        let mut pictures = vec![];
        for at in [10, 20, 30, 40, 50, 60, 70] {
            assert_eq!(desktop.wait().presents, 1, "the image cannot change without a present");
            assert_eq!((desktop.now(), desktop.pointer().visible), (ms(at), at == 70));
            desktop.assert_exact();
            pictures.push(desktop.read());
        }
        assert!(pictures[..3].iter().all(|picture| *picture != clean), "drawn");
        assert_eq!(pictures[4], pictures[6], "hidden, and no longer drawn");
        assert_eq!(pictures[3], pictures[5], "shown again");
    }
}

#[test]
fn damage_includes_a_software_pointer_and_moves_do_not_copy_it() {
    let mut desktop = SimDesktop::new(
        "size 60x40; static; pointer still; at 0ms pointer software; at 0ms shape bitmap; at 0ms pointer 5,5; \
         at 20ms pointer 30,20; at 30ms present move 28,20>0,0,10,10 move 0,20>10,0,20,10",
    );
    desktop.wait();
    desktop.damage();
    desktop.wait();
    let pointer = |x, y| Rect::new(x, y, x + 9, y + 12);
    assert_eq!(desktop.damage().dirty, [pointer(5, 5), pointer(30, 20)]);
    desktop.wait();
    let damage = desktop.damage();
    let moves: Vec<_> = damage.moves.iter().map(|m| m.destination).collect();
    assert_eq!(moves, [Rect::new(10, 0, 20, 10)], "the other one has the pointer in its source");
    assert_eq!(damage.dirty[0], Rect::new(0, 0, 10, 10));
}
