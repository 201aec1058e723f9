//! Windows.Graphics.Capture: frames, the objects that programs get, and how they end.
#![cfg(windows)]

mod capture_client;

use std::time::{Duration, Instant};

use capture_client::*;
use windows::Foundation::IClosable;
use windows::Graphics::Capture::*;
use windows::Win32::System::Com::IAgileObject;
use windows_core::{IInspectable, IUnknown, Interface};

#[test]
fn point_15_references_to_a_texture_kept_after_its_frame_are_counted_and_read_poison() {
    for settings in ["", "lab poison eager"] {
        let client = client(&format!("refresh 50; {settings}"));
        let capture = client.capture(&client.monitor());
        client.sleep(1);
        let frame = try_frame(&capture.pool).expect("no failure").expect("a frame");
        let kept = texture(&frame).expect("a texture");
        frame.Close().expect("closed");
        assert!(client.pixels(&kept).chunks(4).all(|pixel| pixel == POISON), "{settings}");
        let counters = client.lab.counters();
        assert_eq!((counters.wgc_textures_kept, counters.read_after_release), (1, 1));
        drop(kept);
        client.sleep(40);
        for taken in client.drain(&capture) {
            let at = client.at(&taken);
            let wanted = client.lab.image_with_pointer(0, client.lab.world().frame_at(at), at);
            taken.assert_is(&wanted, "a poisoned buffer is painted anew");
        }
        assert_eq!(client.lab.counters().wgc_textures_kept, 1);
    }
}

#[test]
fn point_16_a_frame_dropped_without_close_gives_its_buffer_back_and_close_twice_is_fine() {
    let client = client("refresh 50");
    let capture = client.capture(&client.monitor());
    client.sleep(30);
    let (one, two) = (try_frame(&capture.pool).expect("no failure"), try_frame(&capture.pool).expect("no failure"));
    assert_eq!(client.lab.counters().wgc_held, 2);
    let surface = one.as_ref().and_then(|frame| frame.Surface().ok()).expect("a surface");
    drop(one);
    assert_eq!(
        (client.lab.counters().wgc_held, code(surface.Description())),
        (1, CLOSED),
        "although its surface lives"
    );
    let two = two.expect("a frame");
    assert_eq!((code(two.Close()), code(two.Close())), (OK, OK));
    assert_eq!(
        (code(two.Surface()), code(two.ContentSize()), code(two.SystemRelativeTime())),
        (CLOSED, CLOSED, CLOSED)
    );
    assert_eq!(client.lab.counters().wgc_held, 0);
    client.sleep(40);
    assert_eq!(client.drain(&capture).len(), 2);
    assert_eq!(code(capture.session.Close()), OK);
    assert_eq!((code(capture.session.Close()), code(capture.session.StartCapture())), (OK, CLOSED));
    assert_eq!((code(capture.pool.Close()), code(capture.pool.Close())), (OK, OK));
    assert_eq!(code(capture.pool.TryGetNextFrame()), CLOSED);
    assert_eq!(code(capture.pool.Recreate(&client.device(), BGRA, 2, size(9, 9))), CLOSED);
    assert_eq!(client.lab.counters().wgc_pools, 0);
}

#[test]
fn point_17_dirty_regions_say_what_the_script_lets_them() {
    for (says, whole, outside, empty) in [
        ("exact", false, false, false),
        ("all", true, false, false),
        ("outside", false, true, false),
        ("empty", false, false, true),
    ] {
        let client = client(&format!("static; at 50ms present dirty 10,20,30,40; lab wgc dirty {says}"));
        let capture = client.capture(&client.monitor());
        client.sleep(1);
        drop(try_frame(&capture.pool));
        client.sleep(60);
        let frame = try_frame(&capture.pool).expect("no failure").expect("a frame");
        let parts: Vec<_> = frame.DirtyRegions().expect("a list").into_iter().collect();
        assert_eq!(frame.DirtyRegionMode().expect("a mode"), GraphicsCaptureDirtyRegionMode::ReportOnly);
        assert_eq!(parts.is_empty(), empty, "{says}");
        assert_eq!(parts.iter().any(|part| part.Width == 320 && part.Height == 200), whole, "{says}");
        assert_eq!(parts.iter().any(|part| part.X + part.Width > 320), outside, "{says}");
        if says == "exact" {
            assert!(
                parts.iter().any(|part| (part.X, part.Y, part.Width, part.Height) == (10, 20, 20, 20)),
                "{parts:?}"
            );
        }
    }
}

#[test]
fn point_17_with_report_and_render_everything_that_did_not_change_is_poisoned() {
    let client = client("static; at 50ms present dirty 10,20,30,40");
    let capture = client.prepare(&client.monitor(), 2, BGRA);
    capture.session.SetIsCursorCaptureEnabled(false).expect("set");
    capture.session.SetDirtyRegionMode(GraphicsCaptureDirtyRegionMode::ReportAndRender).expect("set");
    capture.session.StartCapture().expect("started");
    client.sleep(1);
    client.take(&capture).expect("a frame").assert_is(&client.lab.image(1), "the first frame is whole");
    client.sleep(60);
    let taken = client.take(&capture).expect("a frame");
    let image = client.lab.image(2);
    for (x, y) in [(10, 20), (29, 39), (9, 20), (30, 39), (0, 0), (319, 199)] {
        let at = (y * 320 + x) * 4;
        let changed = (10..30).contains(&x) && (20..40).contains(&y);
        let wanted = if changed { &image[at..at + 3] } else { &POISON[..3] };
        assert_eq!(&taken.pixels[at..at + 3], wanted, "{x}, {y}");
    }
}

#[test]
fn point_18_the_time_of_a_frame_is_in_units_of_100_ns_of_the_performance_counter() {
    let client = client("refresh 50");
    let capture = client.capture(&client.monitor());
    client.sleep(30);
    let frames = client.drain(&capture);
    assert_eq!(frames[1].time - frames[0].time, 200_000);
    let mut frequency = 0;
    // SAFETY: the pointer is valid for the call.
    unsafe { windows::Win32::System::Performance::QueryPerformanceFrequency(&raw mut frequency) }.expect("a frequency");
    let ticks = client.lab.ticks_at(Duration::from_millis(20));
    assert_eq!(frames[1].time, (i128::from(ticks) * 10_000_000 / i128::from(frequency)) as i64);
}

#[test]
fn point_19_a_removed_device_fails_recreate_and_maps_and_close_may_hang() {
    let client = client("refresh 50; at 100ms lose device for 10ms; lab wgc close hangs 300ms");
    let capture = client.capture(&client.monitor());
    client.sleep(30);
    assert_eq!(client.drain(&capture).len(), 2);
    client.sleep(100);
    let removed = windows::Win32::Graphics::Dxgi::DXGI_ERROR_DEVICE_REMOVED;
    assert_eq!(code(capture.pool.Recreate(&client.device(), BGRA, 2, size(320, 200))), removed);
    // SAFETY: a live device.
    assert_eq!(code(unsafe { client.d3d.GetDeviceRemovedReason() }), removed);
    let begun = Instant::now();
    capture.session.Close().expect("closed");
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[test]
fn point_21_objects_have_one_identity_and_the_interfaces_of_agile_inspectable_objects() {
    let client = client("refresh 50");
    let capture = client.capture(&client.monitor());
    client.sleep(1);
    let frame = try_frame(&capture.pool).expect("no failure").expect("a frame");
    let surface = frame.Surface().expect("a surface");
    let objects: [IInspectable; 6] = [
        capture.item.cast().expect("inspectable"),
        capture.pool.cast().expect("inspectable"),
        capture.session.cast().expect("inspectable"),
        frame.cast().expect("inspectable"),
        surface.cast().expect("inspectable"),
        client.device().cast().expect("inspectable"),
    ];
    for (index, object) in objects.iter().enumerate() {
        let identity: IUnknown = object.cast().expect("an identity");
        assert!(object.cast::<IAgileObject>().is_ok(), "{index}");
        assert_eq!(object.cast::<IClosable>().is_ok(), index > 0, "{index}");
        let again: IUnknown = object.cast::<IAgileObject>().and_then(|agile| agile.cast()).expect("an identity");
        assert_eq!(identity, again, "{index}");
    }
}

#[test]
fn point_21_a_factory_that_a_program_kept_serves_the_lab_that_runs_and_refuses_without_one() {
    use windows::Win32::System::WinRT::Graphics::Capture::IGraphicsCaptureItemInterop;
    let client = client("static");
    let kept = windows_core::factory::<GraphicsCaptureItem, IGraphicsCaptureItemInterop>().expect("a factory");
    // SAFETY: a live output.
    let monitor = unsafe { client.output.GetDesc() }.expect("a description").Monitor;
    let Client { lab, _serial, .. } = client;
    drop(lab);
    // SAFETY: plain creation.
    assert_eq!(code(unsafe { kept.CreateForMonitor::<GraphicsCaptureItem>(monitor) }), NO_CLASS);
    let lab = dda_lab::Lab::install("size 100x50").expect("a lab");
    // SAFETY: as above.
    let item: GraphicsCaptureItem = unsafe { kept.CreateForMonitor(monitor) }.expect("an item of the new lab");
    assert_eq!(item.Size().expect("a size"), size(100, 50));
    drop(lab);
}
