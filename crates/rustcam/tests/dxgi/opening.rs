//! Opening a duplication: which function is used, that the DPI awareness of the thread is restored, and the errors of refusals.

use std::ffi::c_void;
use std::time::Duration;

use crate::lab_desktop::{lost, ms, options, presented, request, LabDesktop, LONG};
use rustcam::capture::{Session, Target};
use rustcam::error::{Error, ErrorKind, Loss};
use rustcam::frame::PixelFormat;
use rustcam::source::hresult::*;
use rustcam::source::open;
use windows::core::Interface;
use windows::Win32::Foundation::HMODULE;
use windows::Win32::Graphics::Direct3D::D3D_DRIVER_TYPE_UNKNOWN;
use windows::Win32::Graphics::Direct3D11::{D3D11CreateDevice, D3D11_CREATE_DEVICE_FLAG, D3D11_SDK_VERSION};
use windows::Win32::Graphics::Dxgi::{CreateDXGIFactory1, IDXGIFactory1, IDXGIOutput1, IDXGIOutputDuplication};
use windows::Win32::UI::HiDpi::{
    SetThreadDpiAwarenessContext, DPI_AWARENESS_CONTEXT, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE,
    DPI_AWARENESS_CONTEXT_SYSTEM_AWARE, DPI_AWARENESS_CONTEXT_UNAWARE,
};

const SMALL: &str = "size 320x200; refresh 100; pointer still; clock virtual; ";

fn refused(desktop: &LabDesktop) -> Error {
    let error = open(&options(desktop, 0, false), &mut || Ok(())).err().expect("refused");
    desktop.assert_nothing_lives("refused");
    error
}

/// Sets the awareness of this thread and returns what it was.
fn dpi(context: DPI_AWARENESS_CONTEXT) -> DPI_AWARENESS_CONTEXT {
    // SAFETY: any context may be asked for.
    unsafe { SetThreadDpiAwarenessContext(context) }
}

#[test]
fn the_newer_function_is_used_and_the_dpi_awareness_of_the_thread_is_restored() {
    let original = dpi(DPI_AWARENESS_CONTEXT_UNAWARE);
    for context in
        [DPI_AWARENESS_CONTEXT_UNAWARE, DPI_AWARENESS_CONTEXT_SYSTEM_AWARE, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE]
    {
        dpi(context);
        // The system may return another value for the same context.
        let before = dpi(context);
        let desktop = LabDesktop::new(&format!("{SMALL} at 300ms mode 640x480"));
        let mut source = desktop.open(false);
        presented(&mut source);
        lost(&mut source);
        desktop.regain(&mut source);
        presented(&mut source);
        let counters = desktop.counters();
        assert_eq!((counters.duplications, counters.duplications1), (2, 2), "{context:?}");
        drop(source);
        assert_eq!(dpi(context), before, "{context:?} is put back");
        desktop.lab.inject("DuplicateOutput1", 0, E_FAIL as i32).expect("a call");
        desktop.lab.inject("DuplicateOutput", 0, E_FAIL as i32).expect("a call");
        refused(&desktop);
        assert_eq!(dpi(context), before, "{context:?} is put back after a refusal");
        desktop.finish();
    }
    dpi(original);
}

#[test]
fn the_older_function_is_used_if_the_newer_one_fails() {
    let desktop = LabDesktop::new(SMALL);
    desktop.lab.inject("DuplicateOutput1", 0, UNSUPPORTED as i32).expect("a call");
    let mut source = desktop.open(false);
    presented(&mut source);
    let counters = desktop.counters();
    assert_eq!((counters.duplications, counters.duplications1), (1, 0));
    drop(source);
    desktop.finish();
}

#[test]
fn a_refusal_when_opening_passes_or_lasts_and_comes_with_advice() {
    let desktop = LabDesktop::new(SMALL);
    let passes = Some(Loss::Transient);
    for (code, loss, advice) in [
        (NOT_CURRENTLY_AVAILABLE, passes, "close another screen recorder"),
        (E_INVALIDARG, None, "close the other capture, or choose the device"),
        (UNSUPPORTED, passes, "choose Power saving"),
        (E_ACCESSDENIED, passes, "unlock the screen"),
        (SESSION_DISCONNECTED, passes, "Reconnect the session"),
        (MODE_CHANGE_IN_PROGRESS, passes, "Try again in a moment"),
        (E_NOTIMPL, None, "Windows 10"),
    ] {
        for call in ["DuplicateOutput", "DuplicateOutput1"] {
            desktop.lab.inject(call, 0, code as i32).expect("a call");
        }
        let error = refused(&desktop);
        assert_eq!((error.kind(), error.code(), error.loss()), (ErrorKind::Duplication, Some(code), loss));
        assert!(error.to_string().contains(advice), "{error}");
        desktop.lab.heal();
    }
    desktop.finish();
}

#[test]
fn four_processes_are_the_limit() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab others 4"));
    let error = refused(&desktop);
    assert_eq!((error.kind(), error.code()), (ErrorKind::Duplication, Some(NOT_CURRENTLY_AVAILABLE)));
    assert!(error.to_string().contains("four processes"), "{error}");
    desktop.finish();
    let desktop = LabDesktop::new(&format!("{SMALL} lab others 3"));
    presented(&mut desktop.open(false));
    desktop.finish();
}

#[test]
fn a_service_without_a_desktop_gets_advice() {
    let desktop = LabDesktop::new(SMALL);
    desktop.lab.inject("EnumOutputs", 0, NOT_CURRENTLY_AVAILABLE as i32).expect("a call");
    assert!(refused(&desktop).to_string().contains("session 0"));
    desktop.finish();
}

#[test]
fn the_error_for_a_device_without_outputs_lists_the_outputs() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab adapters 2"));
    let wrong = options(&desktop, 0, false).device(1);
    let error = open(&wrong, &mut || Ok(())).err().expect("nothing there");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains(r"\\.\DISPLAY1"), "{error}");
    // The device is created on the adapter of the output, whichever other adapters exist.
    presented(&mut desktop.open(false));
    desktop.finish();
}

/// Duplicates the first output with a device of its own, like another library in this process.
fn other_library() -> IDXGIOutputDuplication {
    let mut device = None;
    // SAFETY: plain creation and enumeration; all pointers are valid during the calls.
    unsafe {
        let factory: IDXGIFactory1 = CreateDXGIFactory1().expect("a factory");
        let adapter = factory.EnumAdapters1(0).expect("an adapter");
        let output: IDXGIOutput1 = adapter.EnumOutputs(0).expect("an output").cast().expect("of Windows 8");
        let driver = D3D_DRIVER_TYPE_UNKNOWN;
        let (module, flags) = (HMODULE(std::ptr::null_mut::<c_void>()), D3D11_CREATE_DEVICE_FLAG(0));
        let out = Some(&raw mut device);
        D3D11CreateDevice(&adapter, driver, module, flags, None, D3D11_SDK_VERSION, out, None, None).expect("a device");
        output.DuplicateOutput(&device.expect("a device")).expect("free")
    }
}

#[test]
fn a_duplication_of_another_library_blocks_this_one_until_it_is_released() {
    let desktop = LabDesktop::new(SMALL);
    let other = other_library();
    let error = open(&options(&desktop, 0, false), &mut || Ok(())).err().expect("refused");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Duplication, Some(E_INVALIDARG)));
    assert!(error.to_string().contains("Another library in this process already duplicates this output"), "{error}");
    drop(other);
    let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("free");
    let grab =
        |session: &mut Session| session.grab(&request(ms(500)), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
    grab(&mut session).expect("alive").expect("presents");
    // While this capture is lost, the other library may duplicate first.
    desktop.lab.inject("AcquireNextFrame", 1, ACCESS_LOST as i32).expect("a call");
    let poll = request(Duration::ZERO);
    assert!(session.grab(&poll, Target::owned(PixelFormat::Bgra), &mut || Ok(())).expect("transient").is_none());
    let other = other_library();
    let error = grab(&mut session).expect_err("taken");
    assert_eq!((error.kind(), error.code()), (ErrorKind::AccessLost, Some(E_INVALIDARG)));
    assert!(error.to_string().contains("Another library"), "{error}");
    drop(other);
    let frame = grab(&mut session).expect("free").expect("presents");
    desktop.assert_exact(&session, &frame, "regained");
    drop(session);
    // The lab counts every attempt to duplicate a second time as a violation.
    let counters = desktop.lab.counters();
    assert!(counters.duplicate_while_live > 0 && counters.live == 0 && counters.live_textures == 0, "{counters:?}");
}

#[test]
fn calls_wait_for_a_secure_desktop_until_their_deadlines() {
    let desktop = LabDesktop::new(&format!("{SMALL} at 200ms lose access for 2s"));
    let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("free");
    let mut frames = 0;
    let mut grab = |timeout| session.grab(&request(timeout), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
    while desktop.lab.now() < ms(150) {
        frames += u64::from(grab(ms(50)).expect("alive").is_some());
    }
    assert!(frames > 5);
    while desktop.lab.now() < ms(200) {
        grab(ms(50)).expect("alive");
    }
    while desktop.lab.now() < ms(1900) {
        assert!(grab(ms(250)).expect("no error, however long it takes").is_none());
    }
    let began = desktop.lab.now();
    assert!(grab(ms(5000)).expect("unlocked").is_some(), "one call waits for the end");
    assert!(desktop.lab.now() < ms(2200 + 250 + 20) && began < ms(2200));
    drop(session);
    desktop.finish();
}

#[test]
fn a_device_that_is_removed_during_a_map_is_replaced() {
    let desktop = LabDesktop::new(&format!("{SMALL} slow reads 30ms; at 515ms lose device"));
    let mut source = desktop.open(false);
    // The copy is not finished when the device is removed.
    while desktop.lab.now() < ms(500) {
        presented(&mut source);
    }
    let whole = source.output().texture_size().rect();
    let (maps, error) = loop {
        let before = desktop.counters().maps_still_drawing;
        match source.read(&[whole], ms(100), &mut |_, _, _| {}) {
            Ok(_) => presented(&mut source),
            Err(error) => break (desktop.counters().maps_still_drawing - before, error),
        };
    };
    assert!(maps > 0, "the read was waiting");
    assert_eq!(
        (error.kind(), error.loss(), error.code()),
        (ErrorKind::Device, Some(Loss::Lasting), Some(DEVICE_REMOVED))
    );
    assert!(error.to_string().contains("update the driver"), "{error}");
    desktop.regain(&mut source);
    let frame = desktop.frame_at(presented(&mut source).present_time);
    desktop.check(&mut source, &[whole], frame);
    drop(source);
    desktop.finish();
}

#[test]
fn opening_waits_out_refusals_that_pass_and_says_how_long_it_tried() {
    for code in [E_ACCESSDENIED, UNSUPPORTED, SESSION_DISCONNECTED, MODE_CHANGE_IN_PROGRESS, ACCESS_LOST, NOT_FOUND] {
        let desktop = LabDesktop::new(SMALL);
        // Each of three attempts tries two functions.
        for call in ["DuplicateOutput", "DuplicateOutput1"] {
            for _ in 0..3 {
                desktop.lab.inject(call, 1, code as i32).expect("a call");
            }
        }
        let began = desktop.lab.now();
        let session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("the fourth attempt");
        assert_eq!(desktop.lab.now() - began, ms(300), "{code:08X}");
        drop(session);
        for call in ["DuplicateOutput", "DuplicateOutput1"] {
            desktop.lab.inject(call, 0, code as i32).expect("a call");
        }
        let began = desktop.lab.now();
        let error = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect_err("it does not pass");
        assert_eq!((error.kind(), error.code(), error.loss()), (ErrorKind::Duplication, Some(code), None));
        assert!(error.to_string().contains("1000 ms"), "{error}");
        assert_eq!(desktop.lab.now() - began, ms(1000), "{code:08X}");
        desktop.finish();
    }
}

#[test]
fn the_first_image_of_a_second_capture_of_an_output_is_not_the_last_one_of_the_first_capture() {
    for content in ["full", ""] {
        let desktop = LabDesktop::new(&format!("{SMALL} {content}"));
        let clock = desktop.lab.clock();
        let mut first = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("free");
        first
            .grab(&request(LONG), Target::owned(PixelFormat::Bgra), &mut || Ok(()))
            .expect("alive")
            .expect("presented");
        for target in [Target::owned(PixelFormat::Bgra), Target::retained(PixelFormat::Bgra)] {
            clock.sleep(ms(5000));
            let began = clock.now();
            let mut second = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("shared");
            let frame = second.grab(&request(LONG), target, &mut || Ok(())).expect("alive").expect("presented");
            desktop.assert_exact(&second, &frame, content);
            let age = began.saturating_sub(frame.info.present_time);
            assert!(age < ms(40), "an image from {age:?} before the call");
        }
        drop(first);
        desktop.finish();
    }
}
