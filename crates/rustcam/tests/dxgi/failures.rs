//! Every call that can fail, with every code it may fail with: what comes of it, and that the capture goes on.

use crate::stage::{lost, ms, presented, regain, Stage, PATIENCE};
use rustcam::error::{ErrorKind, Loss};
use rustcam::geometry::Rect;
use rustcam::source::{Read, Source};
use windows::Win32::UI::HiDpi::{
    GetAwarenessFromDpiAwarenessContext, GetThreadDpiAwarenessContext, IsValidDpiAwarenessContext,
    DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2,
};

const SMALL: &str = "size 320x200; refresh 100; pointer path; ";
const WHOLE: Rect = Rect::new(0, 0, 320, 200);

const TRANSIENT: Option<(ErrorKind, Loss)> = Some((ErrorKind::AccessLost, Loss::Transient));
const LASTING: Option<(ErrorKind, Loss)> = Some((ErrorKind::AccessLost, Loss::Lasting));
const DEVICE: Option<(ErrorKind, Loss)> = Some((ErrorKind::Device, Loss::Lasting));

/// One injected failure while frames are waited for: the loss that must come of it, `None` if the capture must not notice.
fn while_waiting(call: &str, code: u32, expected: Option<(ErrorKind, Loss)>) {
    let stage = Stage::new(SMALL);
    let mut source = stage.open(true);
    presented(&mut source);
    stage.lab.inject(call, 1, code as i32).expect("a call");
    if let Some((kind, loss)) = expected {
        let error = lost(&mut source);
        assert_eq!((error.kind(), error.loss()), (kind, Some(loss)), "{call} {code:08X}: {error}");
        assert_eq!(error.code(), Some(code), "{call}");
        regain(&mut source);
    }
    for _ in 0..5 {
        let frame = stage.frame_at(presented(&mut source).present_time);
        assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done);
    }
    assert!(stage.lab.counters().injected > 0, "{call} was never called");
    drop(source);
    stage.finish();
}

#[test]
fn acquire() {
    while_waiting("AcquireNextFrame", 0x887A_0027, None);
    while_waiting("AcquireNextFrame", 0x0000_0102, None);
    for code in [0x887A_0026, 0x80, 0x887A_002B, 0x8007_0005, 0x887A_0028, 0x887A_0004, 0x887A_0025] {
        while_waiting("AcquireNextFrame", code, TRANSIENT);
    }
    for code in [0x8007_0057, 0x8000_4005] {
        while_waiting("AcquireNextFrame", code, LASTING);
    }
    for code in [0x887A_0005, 0x887A_0006, 0x887A_0007, 0x887A_0020] {
        while_waiting("AcquireNextFrame", code, DEVICE);
    }
}

#[test]
fn a_frame_that_the_system_thinks_is_held_is_given_back() {
    let stage = Stage::new(SMALL);
    let mut source = stage.open(false);
    presented(&mut source);
    stage.lab.inject("AcquireNextFrame", 1, 0x887A_0001_u32 as i32).expect("a call");
    let frame = stage.frame_at(presented(&mut source).present_time);
    assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done);
    stage.lab.inject("AcquireNextFrame", 0, 0x887A_0001_u32 as i32).expect("a call");
    assert_eq!(lost(&mut source).loss(), Some(Loss::Transient));
    drop(source);
    assert_eq!(stage.lab.counters().live, 0);
}

#[test]
fn metadata() {
    for call in ["GetFrameDirtyRects", "GetFrameMoveRects"] {
        for code in [0x887A_0003, 0x887A_0001, 0x8007_0057] {
            while_waiting(call, code, None);
        }
        while_waiting(call, 0x887A_0026, TRANSIENT);
        while_waiting(call, 0x887A_0005, DEVICE);
    }
}

#[test]
fn metadata_that_always_claims_to_be_longer_ends() {
    let stage = Stage::new(SMALL);
    let mut source = stage.open(false);
    presented(&mut source);
    stage.lab.inject("GetFrameDirtyRects", 0, 0x887A_0003_u32 as i32).expect("a call");
    let frame = stage.frame_at(presented(&mut source).present_time);
    assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done);
    assert_eq!(source.damage(PATIENCE).expect("alive").dirty, [WHOLE]);
    drop(source);
    stage.finish();
}

#[test]
fn pointer_shapes_that_make_no_sense_are_ignored() {
    let shapes = "size 320x200; static; pointer still; at 1300ms shape hand; at 1500ms shape masked";
    for (member, value) in [
        ("ShapeType", 0),
        ("ShapeType", 3),
        ("ShapeType", 8),
        ("ShapeWidth", 0),
        ("ShapeHeight", 0x4000_0000),
        ("ShapePitch", 1),
    ] {
        let stage = Stage::new(shapes);
        let mut source = stage.open(true);
        presented(&mut source);
        let before = source.pointer().shape.clone().expect("the first frame brings the shape");
        stage.lab.inject(member, 1, value).expect("a call");
        while stage.lab.now() < ms(1700) {
            source.wait(ms(10)).expect("alive");
        }
        let after = source.pointer().shape.clone().expect("the last good one");
        assert_ne!(before, after, "{member} {value}: the second change is a good one");
        drop(source);
        stage.finish();
    }
    let stage = Stage::new(shapes);
    let mut source = stage.open(true);
    presented(&mut source);
    stage.lab.inject("GetFramePointerShape", 0, 0x887A_0003_u32 as i32).expect("a call");
    while stage.lab.now() < ms(1700) {
        source.wait(ms(10)).expect("a shape that cannot be had is no loss");
    }
    drop(source);
    stage.finish();
}

#[test]
fn release() {
    while_waiting("ReleaseFrame", 0x887A_0026, TRANSIENT);
    while_waiting("ReleaseFrame", 0x887A_0005, DEVICE);
}

#[test]
fn an_image_that_is_no_texture_is_made_up_for_by_the_next() {
    while_waiting("QueryTexture", 0x8000_4002, None);
}

#[test]
fn map() {
    let stage = Stage::new(SMALL);
    let mut source = stage.open(false);
    let frame = stage.frame_at(presented(&mut source).present_time);
    for _ in 0..3 {
        stage.lab.inject("Map", 1, 0x887A_000A_u32 as i32).expect("a call");
    }
    assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done, "still drawing is waited for");
    stage.lab.inject("Map", 1, 0x887A_000A_u32 as i32).expect("a call");
    assert_eq!(source.read(&[WHOLE], ms(0), &mut |_, _, _| {}).expect("alive"), Read::Pending);
    assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done);

    stage.lab.inject("Map", 1, 0x8007_000E_u32 as i32).expect("a call");
    let error = source.read(&[WHOLE], PATIENCE, &mut |_, _, _| {}).expect_err("no memory");
    assert_eq!((error.kind(), error.loss(), error.code()), (ErrorKind::Capture, None, Some(0x8007_000E)));
    assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done, "the state is as before");

    stage.lab.inject("Map", 1, 0x887A_0005_u32 as i32).expect("a call");
    let error = source.read(&[WHOLE], PATIENCE, &mut |_, _, _| {}).expect_err("no device");
    assert_eq!((error.kind(), error.loss(), error.code()), (ErrorKind::Device, Some(Loss::Lasting), Some(0x887A_0005)));
    regain(&mut source);
    let frame = stage.frame_at(presented(&mut source).present_time);
    assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done);
    drop(source);
    stage.finish();
}

#[test]
fn textures() {
    for (code, kind) in
        [(0x8007_000E_u32, ErrorKind::Capture), (0x8007_0057, ErrorKind::Capture), (0x887A_0005, ErrorKind::Device)]
    {
        let stage = Stage::new(SMALL);
        let mut source = stage.open(false);
        stage.lab.inject("CreateTexture2D", 1, code as i32).expect("a call");
        let error = lost(&mut source);
        assert_eq!((error.kind(), error.code()), (kind, Some(code)));
        if kind == ErrorKind::Capture {
            // The frame is lost, so the next call says that everything begins anew.
            assert_eq!(lost(&mut source).loss(), Some(Loss::Transient));
        }
        regain(&mut source);
        let frame = stage.frame_at(presented(&mut source).present_time);
        assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done);
        drop(source);
        stage.finish();
    }
}

#[test]
fn regaining() {
    for (code, loss) in [
        (0x8007_0005_u32, Loss::Transient),
        (0x887A_0004, Loss::Transient),
        (0x887A_0028, Loss::Transient),
        (0x887A_0025, Loss::Transient),
        (0x887A_0022, Loss::Lasting),
        (0x8007_0057, Loss::Lasting),
        (0x8007_000E, Loss::Lasting),
        (0x887A_0005, Loss::Lasting),
    ] {
        let stage = Stage::new(SMALL);
        let mut source = stage.open(false);
        presented(&mut source);
        stage.lab.inject("AcquireNextFrame", 1, 0x887A_0026_u32 as i32).expect("a call");
        lost(&mut source);
        // Both functions refuse.
        stage.lab.inject("DuplicateOutput1", 1, code as i32).expect("a call");
        stage.lab.inject("DuplicateOutput", 1, code as i32).expect("a call");
        let failures = regain(&mut source);
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert_eq!((failures[0].loss(), failures[0].code()), (Some(loss), Some(code)));
        let frame = stage.frame_at(presented(&mut source).present_time);
        assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done);
        drop(source);
        stage.finish();
    }
}

#[test]
fn the_newer_function_is_called_with_physical_pixels() {
    // SAFETY: the calls only compare handles.
    let awareness = || unsafe { GetAwarenessFromDpiAwarenessContext(GetThreadDpiAwarenessContext()) };
    let before = awareness();
    // SAFETY: as above. Wine 8 does not know the context, so the laboratory refuses whatever is done.
    if unsafe { !IsValidDpiAwarenessContext(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2).as_bool() } {
        let stage = Stage::new(SMALL);
        drop(stage.open(false));
        assert_eq!(awareness(), before, "what the thread was is put back");
        return stage.finish();
    }
    let stage = Stage::new(SMALL);
    stage.lab.inject("DuplicateOutput", 0, 0x8000_4005_u32 as i32).expect("a call");
    let mut source = stage.open(false);
    presented(&mut source);
    assert_eq!(stage.counters().injected, 0);
    assert_eq!(awareness(), before, "what the thread was is put back");
    drop(source);
    stage.finish();
}

#[test]
fn the_older_function_serves_where_the_newer_does_not() {
    let stage = Stage::new(SMALL);
    stage.lab.inject("DuplicateOutput1", 0, 0x887A_0004_u32 as i32).expect("a call");
    let mut source = stage.open(false);
    let frame = stage.frame_at(presented(&mut source).present_time);
    assert_eq!(stage.check(&mut source, &[WHOLE], frame), Read::Done);
    drop(source);
    stage.finish();
}
