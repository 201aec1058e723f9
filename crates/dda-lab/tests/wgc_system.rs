//! Builds, failures and other things that differ from one system to the next.
#![cfg(windows)]

mod capture_client;

use std::time::Duration;

use capture_client::*;
use dda_lab::Lab;
use half::f16;
use windows::Foundation::Metadata::ApiInformation;
use windows::Foundation::TimeSpan;
use windows::Graphics::Capture::*;
use windows::Security::Authorization::AppCapabilityAccess::AppCapabilityAccessStatus;
use windows_core::{h, HRESULT, HSTRING};

const CONTRACT: &HSTRING = h!("Windows.Foundation.UniversalApiContract");
const SESSION: &HSTRING = h!("Windows.Graphics.Capture.GraphicsCaptureSession");

#[test]
fn point_12_every_build_has_its_interfaces_and_api_information_agrees() {
    for (build, contract, cursor, border, rest) in [
        (18362, 8, false, false, false),
        (19041, 10, true, false, false),
        (22000, 14, true, true, false),
        (26100, 19, true, true, true),
    ] {
        let client = client(&format!("static; lab wgc build {build}"));
        let capture = client.prepare(&client.monitor(), 2, BGRA);
        let session = &capture.session;
        let expected = |has| if has { OK } else { NO_INTERFACE };
        assert_eq!(code(session.SetIsCursorCaptureEnabled(false)), expected(cursor), "{build}");
        assert_eq!(code(session.SetIsBorderRequired(false)), expected(border), "{build}");
        assert_eq!(code(session.SetMinUpdateInterval(TimeSpan { Duration: 10_000 })), expected(rest), "{build}");
        let mode = GraphicsCaptureDirtyRegionMode::ReportOnly;
        assert_eq!(code(session.SetDirtyRegionMode(mode)), expected(rest), "{build}");
        assert_eq!(code(session.SetIncludeSecondaryWindows(true)), expected(rest), "{build}");
        session.StartCapture().expect("started");
        client.sleep(1);
        let frame = try_frame(&capture.pool).expect("no failure").expect("a frame");
        assert_eq!(code(frame.DirtyRegions()), expected(rest), "{build}");
        for (property, has) in [
            ("IsCursorCaptureEnabled", cursor),
            ("IsBorderRequired", border),
            ("DirtyRegionMode", rest),
            ("MinUpdateInterval", rest),
            ("IncludeSecondaryWindows", rest),
        ] {
            let said = ApiInformation::IsPropertyPresent(SESSION, &HSTRING::from(property)).expect("an answer");
            assert_eq!(said, has, "{build} {property}");
            assert_eq!(ApiInformation::IsWriteablePropertyPresent(SESSION, &HSTRING::from(property)), Ok(has));
        }
        let item = h!("Windows.Graphics.Capture.GraphicsCaptureItem");
        assert_eq!(ApiInformation::IsPropertyPresent(item, h!("Size")), Ok(true), "{build}");
        assert_eq!(ApiInformation::IsTypePresent(item), Ok(true));
        let access = h!("Windows.Graphics.Capture.GraphicsCaptureAccess");
        assert_eq!(ApiInformation::IsTypePresent(access), Ok(border), "{build}");
        let present = |major| ApiInformation::IsApiContractPresentByMajor(CONTRACT, major);
        assert_eq!((present(contract), present(contract + 1)), (Ok(true), Ok(false)), "{build}");
        assert_eq!(GraphicsCaptureSession::IsSupported(), Ok(true));
    }
}

#[test]
fn point_12_build_17763_cannot_make_items_for_windows_and_monitors() {
    let client = client("static; lab wgc build 17763");
    assert_eq!(code(client.try_monitor()), NO_INTERFACE);
    assert_eq!(ApiInformation::IsApiContractPresentByMajor(CONTRACT, 8), Ok(false));
}

#[test]
fn point_14_the_border_may_stay_and_access_may_be_denied() {
    for (settings, answer, stays, status) in [
        ("", OK, false, AppCapabilityAccessStatus::Allowed),
        ("lab wgc border-setter ignored", OK, true, AppCapabilityAccessStatus::Allowed),
        ("lab wgc border-setter fails", HRESULT(0x8000_4005_u32 as i32), false, AppCapabilityAccessStatus::Allowed),
        ("lab wgc access denied", OK, true, AppCapabilityAccessStatus::DeniedByUser),
    ] {
        let client = client(&format!("static; {settings}"));
        let capture = client.prepare(&client.monitor(), 2, BGRA);
        let asked = GraphicsCaptureAccess::RequestAccessAsync(GraphicsCaptureAccessKind::Borderless);
        assert_eq!(asked.and_then(|operation| operation.GetResults()), Ok(status), "{settings}");
        assert_eq!(code(capture.session.SetIsBorderRequired(false)), answer, "{settings}");
        assert_eq!(capture.session.IsBorderRequired(), Ok(stays), "{settings}");
    }
}

#[test]
fn every_call_fails_with_an_injected_code_once_and_for_a_time() {
    const CODE: i32 = 0x8007_06BA_u32 as i32;
    let client = client("refresh 50");
    let window = TestWindow::new(100, 100);
    let item = client.monitor();
    let fails = |call: &str, attempt: &dyn Fn() -> HRESULT| {
        client.lab.inject(call, 1, CODE).expect("a call");
        assert_eq!((attempt().0, call), (CODE, call));
        assert_eq!((attempt(), call), (OK, call));
    };
    let access = GraphicsCaptureAccessKind::Borderless;
    fails("CreateDirect3D11Device", &|| code(wrap(&client.d3d)));
    fails("IsSupported", &|| code(GraphicsCaptureSession::IsSupported()));
    fails("CreateForWindow", &|| code(window_item(window.0)));
    fails("CreateForMonitor", &|| code(client.try_monitor()));
    fails("ItemSize", &|| code(item.Size()));
    fails("ItemDisplayName", &|| code(item.DisplayName()));
    fails("AddClosed", &|| code(item.Closed(&windows::Foundation::TypedEventHandler::new(|_, _| Ok(())))));
    fails("RequestAccessAsync", &|| code(GraphicsCaptureAccess::RequestAccessAsync(access)));
    let device = client.device();
    fails("CreateFramePool", &|| {
        code(Direct3D11CaptureFramePool::CreateFreeThreaded(&device, BGRA, 2, size(320, 200)))
    });
    fails("CreateFramePool", &|| code(Direct3D11CaptureFramePool::Create(&device, BGRA, 2, size(320, 200))));
    let capture = client.prepare(&item, 2, BGRA);
    let Capture { pool, session, .. } = &capture;
    fails("AddFrameArrived", &|| code(pool.FrameArrived(&windows::Foundation::TypedEventHandler::new(|_, _| Ok(())))));
    fails("CreateCaptureSession", &|| code(pool.CreateCaptureSession(&item)));
    fails("GetSessionProperty", &|| code(session.IsBorderRequired()));
    fails("SetIsCursorCaptureEnabled", &|| code(session.SetIsCursorCaptureEnabled(false)));
    fails("SetIsBorderRequired", &|| code(session.SetIsBorderRequired(false)));
    fails("SetDirtyRegionMode", &|| code(session.SetDirtyRegionMode(GraphicsCaptureDirtyRegionMode::ReportOnly)));
    fails("SetMinUpdateInterval", &|| code(session.SetMinUpdateInterval(TimeSpan { Duration: 10_000 })));
    fails("SetIncludeSecondaryWindows", &|| code(session.SetIncludeSecondaryWindows(false)));
    fails("StartCapture", &|| code(session.StartCapture()));
    assert_eq!(code(session.StartCapture()).0 as u32, 0x8000_000E, "a second start");
    client.sleep(1);
    fails("TryGetNextFrame", &|| try_frame(pool).map_or_else(|code| code, |_| OK));
    client.sleep(40);
    let frame = try_frame(pool).expect("no failure").expect("a frame");
    fails("FrameSurface", &|| code(frame.Surface()));
    fails("SurfaceInterface", &|| code(texture(&frame)));
    fails("SystemRelativeTime", &|| code(frame.SystemRelativeTime()));
    fails("ContentSize", &|| code(frame.ContentSize()));
    fails("DirtyRegions", &|| code(frame.DirtyRegions()));
    fails("FrameClose", &|| code(frame.Close()));
    fails("Recreate", &|| code(pool.Recreate(&device, BGRA, 2, size(320, 200))));
    fails("SessionClose", &|| code(session.Close()));
    fails("PoolClose", &|| code(pool.Close()));
    let injected = client.lab.counters().injected;
    // Activation is tested below: the factories of this process are known by now.
    assert_eq!(injected, Lab::capture_calls().count() as u64 - 1 + 1, "every call, and both kinds of pools");
    drop(client);
    let client = capture_client::client("static; lab refuse CreateForMonitor 0x80070424 for 300ms");
    for (ms, fails) in [(0, true), (299, true), (1, false)] {
        client.sleep(ms);
        assert_eq!(code(client.try_monitor()).is_err(), fails, "after {ms} ms more");
    }
}

#[test]
fn a_lost_device_stays_lost_after_an_injected_failure_of_recreate() {
    let client = client("refresh 50");
    let capture = client.capture(&client.monitor());
    let reset = windows::Win32::Graphics::Dxgi::DXGI_ERROR_DEVICE_RESET;
    client.lab.inject("Recreate", 1, reset.0).expect("a call");
    for _ in 0..2 {
        assert_eq!(code(capture.pool.Recreate(&client.device(), BGRA, 2, size(320, 200))), reset);
    }
}

#[test]
fn the_capture_service_may_be_absent_for_a_time() {
    let client = client(
        "refresh 50; lab wgc at 100ms service gone for 100ms; lab wgc at 300ms service gone 0x800706BE for 50ms",
    );
    let window = TestWindow::new(100, 100);
    let capture = client.prepare(&client.monitor(), 2, BGRA);
    for (ms, wanted) in [(50, 0), (100, 0x8007_0424), (50, 0), (110, 0x8007_06BE)] {
        client.sleep(ms);
        assert_eq!(code(client.try_monitor()).0 as u32, wanted);
        assert_eq!(code(window_item(window.0)).0 as u32, wanted);
        if wanted != 0 {
            assert_eq!(code(capture.session.StartCapture()).0 as u32, wanted);
        }
    }
    client.sleep(100);
    assert_eq!(code(capture.session.StartCapture()), OK);
}

#[test]
fn on_the_secure_desktop_frames_pause_and_items_are_refused() {
    let client = client("refresh 50; at 100ms lose access for 200ms");
    let capture = client.capture(&client.monitor());
    let mut times = Vec::new();
    for ms in (0..400).step_by(10) {
        client.sleep(10);
        times.extend(client.drain(&capture).iter().map(|taken| client.at(taken)));
        let refused = (90..290).contains(&ms);
        assert_eq!(code(client.try_monitor()).0 as u32, if refused { 0x8007_0424 } else { 0 }, "{ms}");
    }
    let gap = |time: &Duration| (Duration::from_millis(100)..Duration::from_millis(300)).contains(time);
    assert!(times.len() >= 9 && !times.iter().any(gap), "{times:?}");
}

#[test]
fn classes_may_be_absent_and_capture_unsupported() {
    let client = client("static; lab wgc without Direct3D11CaptureFramePool; lab wgc supported no");
    let class = h!("Windows.Graphics.Capture.Direct3D11CaptureFramePool");
    assert_eq!(ApiInformation::IsTypePresent(class), Ok(false));
    assert_eq!(GraphicsCaptureSession::IsSupported(), Ok(false));
    assert_eq!(activate("Windows.Graphics.Capture.Direct3D11CaptureFramePool"), NO_CLASS);
    assert_eq!(activate("Windows.Graphics.Capture.GraphicsCaptureItem"), OK);
    client.lab.inject("RoGetActivationFactory", 1, 0x8004_0111_u32 as i32).expect("a call");
    assert_eq!(activate("Windows.Graphics.Capture.GraphicsCaptureItem").0 as u32, 0x8004_0111);
    drop(client);
    let client = capture_client::client("static; lab wgc off");
    assert_eq!(activate("Windows.Graphics.Capture.GraphicsCaptureItem"), NO_CLASS, "Wine's own answer");
    drop(client);
}

/// The code of an activation without a cache.
fn activate(class: &str) -> HRESULT {
    use windows::Win32::System::WinRT::{IActivationFactory, RoGetActivationFactory};
    // SAFETY: plain activation.
    code(unsafe { RoGetActivationFactory::<IActivationFactory>(&HSTRING::from(class)) })
}

#[test]
fn an_hdr_desktop_fills_pools_of_half_floats_exactly() {
    let client = client("refresh 50; color hdr; at 0ms pointer hide");
    let capture = client.prepare(&client.monitor(), 2, HALF);
    capture.session.StartCapture().expect("started");
    client.sleep(1);
    let taken = client.take(&capture).expect("a frame");
    let (light, pixels) = (client.lab.world().light(1), &taken.pixels);
    assert_eq!(pixels.len(), light.len());
    assert!(pixels.chunks(8).zip(light.chunks(8)).all(|(a, b)| a[..6] == b[..6]));
    let halves = pixels.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32());
    assert!(halves.into_iter().any(|light| light > 3.0), "brighter than white");
    // The same desktop in eight bits is cut off at white.
    let eight = client.prepare(&client.monitor(), 2, BGRA);
    eight.session.StartCapture().expect("started");
    client.sleep(1);
    client.take(&eight).expect("a frame").assert_is(&client.lab.image(1), "eight bits");
}

#[test]
fn every_output_is_captured_by_the_monitor_of_its_description() {
    let client = client("outputs 2; refresh 50");
    // SAFETY: plain enumeration.
    let second = unsafe { client.adapter.EnumOutputs(1) }.expect("an output");
    // SAFETY: a live output.
    let monitor = unsafe { second.GetDesc() }.expect("a description").Monitor;
    let interop = windows_core::factory::<
        GraphicsCaptureItem,
        windows::Win32::System::WinRT::Graphics::Capture::IGraphicsCaptureItemInterop,
    >()
    .expect("a factory");
    // SAFETY: plain creation.
    let item: GraphicsCaptureItem = unsafe { interop.CreateForMonitor(monitor) }.expect("an item");
    assert_eq!(item.DisplayName().expect("a name"), r"\\.\DISPLAY2");
    let capture = client.capture(&item);
    capture.session.SetIsCursorCaptureEnabled(false).expect("set");
    client.sleep(1);
    let image = client.lab.world_of(1).expect("a world").image(1);
    client.take(&capture).expect("a frame").assert_is(&image, "the second output");
    assert_ne!(image, client.lab.image(1));
    // SAFETY: as above.
    let wrong =
        unsafe { interop.CreateForMonitor::<GraphicsCaptureItem>(windows::Win32::Graphics::Gdi::HMONITOR(5 as _)) };
    assert_eq!(code(wrong), INVALID);
}

#[test]
fn a_surface_is_wrapped_and_describes_its_texture() {
    let client = client("refresh 50");
    let capture = client.capture(&client.monitor());
    client.sleep(1);
    let frame = try_frame(&capture.pool).expect("no failure").expect("a frame");
    let desc = frame.Surface().and_then(|surface| surface.Description()).expect("a description");
    assert_eq!((desc.Width, desc.Height, desc.Format), (320, 200, BGRA));
    assert_eq!(code(wrap_surface(&texture(&frame).expect("a texture"))), OK);
}

#[test]
fn pools_of_impossible_shapes_are_invalid_arguments() {
    let client = client("static");
    let device = client.device();
    let pool = |format, buffers, width| {
        code(Direct3D11CaptureFramePool::CreateFreeThreaded(&device, format, buffers, size(width, 100)))
    };
    assert_eq!((pool(BGRA, 0, 100), pool(BGRA, 2, 0), pool(BGRA, 2, -5)), (INVALID, INVALID, INVALID));
    assert_eq!(
        (pool(BGRA, 2, 20_000), pool(windows::Graphics::DirectX::DirectXPixelFormat(71), 2, 100)),
        (INVALID, INVALID)
    );
    assert_eq!((pool(BGRA, 1, 100), pool(HALF, 4, 100)), (OK, OK));
}

#[test]
fn a_thousand_captures_leave_nothing_behind() {
    let client = client("size 64x64; refresh 50");
    let window = TestWindow::new(64, 64);
    for round in 0..1000 {
        let item = if round % 2 == 0 { client.monitor() } else { window_item(window.0).expect("an item") };
        let capture = client.capture(&item);
        client.sleep(1);
        assert!(try_frame(&capture.pool).expect("no failure").is_some());
        if round % 3 == 0 {
            capture.session.Close().expect("closed");
            capture.pool.Close().expect("closed");
        }
    }
    let counters = client.lab.counters();
    assert_eq!(
        (counters.wgc_sessions, counters.wgc_live_sessions, counters.wgc_pools, counters.wgc_held),
        (1000, 0, 0, 0)
    );
}
