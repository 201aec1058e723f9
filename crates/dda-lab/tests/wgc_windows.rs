//! Windows.Graphics.Capture of real windows: their geometry, what they show, and how they end.
#![cfg(windows)]

mod capture_client;

use std::ffi::c_void;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use capture_client::*;
use dda_lab::{window_frame, window_image};
use rustcam::geometry::Size;
use windows::Foundation::TypedEventHandler;
use windows::Graphics::Capture::GraphicsCaptureItem;
use windows::System::DispatcherQueueController;
use windows::Win32::Foundation::{HANDLE, HWND, RECT};
use windows::Win32::Graphics::Dwm::{DwmGetWindowAttribute, DWMWA_CLOAKED, DWMWA_EXTENDED_FRAME_BOUNDS};
use windows::Win32::UI::WindowsAndMessaging::*;
use windows_core::{w, IInspectable, Interface};

extern "C" {
    fn lab_dispatcher_queue_controller(controller: *mut *mut c_void) -> i32;
}

/// Asserts that a frame of a window with its whole content is exact, alpha included, and returns its number.
fn exact(taken: &Taken) -> u32 {
    let number = window_frame(&taken.pixels);
    let size = Size::new(taken.content.Width as u32, taken.content.Height as u32);
    assert!(taken.pixels == window_image(number, size), "frame {number}");
    number
}

#[test]
fn a_window_is_captured_exactly_at_the_rate_of_the_script() {
    let client = client("refresh 60; static; lab wgc window-fps 25");
    let window = TestWindow::new(300, 200);
    client.sleep(1000);
    let item = window_item(window.0).expect("an item");
    assert_eq!(item.DisplayName().expect("a name"), "a window of the tests");
    assert_eq!(item.Size().expect("a size"), size(300, 200));
    client.sleep(80);
    let capture = client.capture(&item);
    let mut numbers = Vec::new();
    for _ in 0..6 {
        client.sleep(40);
        numbers.extend(client.drain(&capture).iter().map(exact));
    }
    assert_eq!(numbers, [3, 4, 5, 6, 7, 8, 9], "presents since the item was made");
}

#[test]
fn a_window_that_is_resized_keeps_the_textures_of_the_pool_until_it_is_recreated() {
    let client = client("static; lab wgc window-fps 50");
    let window = TestWindow::new(300, 200);
    let capture = client.capture(&window_item(window.0).expect("an item"));
    client.sleep(0);
    assert_eq!(client.drain(&capture).len(), 1);
    window.resize(220, 150);
    client.sleep(20);
    let taken = client.take(&capture).expect("a frame");
    assert_eq!((taken.content, taken.texture), (size(220, 150), (300, 200)));
    assert_eq!(taken.corner(220, 150), window_image(2, Size::new(220, 150)));
    capture.pool.Recreate(&client.device(), BGRA, 2, taken.content).expect("recreated");
    client.sleep(20);
    let taken = client.take(&capture).expect("a frame");
    assert_eq!((exact(&taken), taken.texture), (3, (220, 150)));
}

#[test]
fn a_static_window_makes_one_frame_at_the_start_after_a_resize_and_after_being_restored() {
    let client = client("static; lab wgc window-fps 0");
    let window = TestWindow::new(200, 100);
    let capture = client.prepare(&window_item(window.0).expect("an item"), 2, BGRA);
    capture.session.StartCapture().expect("started");
    let frames = |ms| {
        client.sleep(ms);
        client.drain(&capture).into_iter().map(|taken| (window_frame(&taken.pixels), taken.content)).collect::<Vec<_>>()
    };
    assert_eq!(frames(500), [(1, size(200, 100))]);
    assert_eq!(frames(500), []);
    window.resize(180, 90);
    assert_eq!(frames(500), [(2, size(180, 90))]);
    window.show(SW_MINIMIZE);
    assert_eq!(frames(500), []);
    window.show(SW_SHOWNOACTIVATE);
    assert_eq!(frames(500), [(3, size(180, 90))]);
    assert_eq!((frames(500), capture.arrived()), (vec![], 3));
}

#[test]
fn point_7_closed_is_raised_once_and_only_for_items_of_threads_with_a_queue() {
    for (queue, raised) in [(false, 0), (true, 1)] {
        let client = client("static; lab wgc window-fps 50");
        let mut raw = std::ptr::null_mut();
        // SAFETY: a variable for one object.
        let code = if queue { unsafe { lab_dispatcher_queue_controller(&raw mut raw) } } else { 0 };
        assert_eq!(code, 0);
        // SAFETY: what the function returned.
        let controller = (!raw.is_null()).then(|| unsafe { DispatcherQueueController::from_raw(raw) });
        let mut again = std::ptr::null_mut();
        if queue {
            // SAFETY: as above.
            assert_eq!(unsafe { lab_dispatcher_queue_controller(&raw mut again) } as u32, 0x8001_010E);
        }
        let window = TestWindow::new(200, 100);
        let item = window_item(window.0).expect("an item");
        let closed = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&closed);
        let handler = TypedEventHandler::<GraphicsCaptureItem, IInspectable>::new(move |_, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        item.Closed(&handler).expect("added");
        let capture = client.capture(&item);
        client.sleep(20);
        assert!(!client.drain(&capture).is_empty());
        window.destroy();
        client.sleep(100);
        assert_eq!(closed.load(Ordering::SeqCst), 0, "not before the thread pumps");
        for _ in 0..3 {
            pump();
            client.sleep(100);
        }
        assert_eq!((closed.load(Ordering::SeqCst), client.drain(&capture).len()), (raised, 0));
        if let Some(controller) = controller {
            controller.ShutdownQueueAsync().expect("ended");
        }
    }
}

#[test]
fn point_8_before_build_22000_items_have_the_invisible_border_and_frames_do_not() {
    for (build, larger) in [(19041, (14, 7)), (22000, (0, 0))] {
        let client = client(&format!("static; lab wgc build {build}; lab wgc border 7; lab wgc window-fps 50"));
        let window = TestWindow::new(300, 200);
        let item = window_item(window.0).expect("an item");
        assert_eq!(window.outer(), (300, 200));
        for outer in [(300, 200), (240, 160)] {
            window.resize(outer.0, outer.1);
            let visible = (outer.0 - 14, outer.1 - 7);
            let said = item.Size().expect("a size");
            assert_eq!((said.Width, said.Height), (visible.0 + larger.0, visible.1 + larger.1), "build {build}");
            let capture = client.capture(&item);
            client.sleep(1);
            let taken = client.take(&capture).expect("a frame");
            assert_eq!((taken.content.Width, taken.content.Height), visible, "build {build}");
            assert_eq!(taken.texture, (said.Width as u32, said.Height as u32));
            capture.session.Close().expect("closed");
        }
        assert_eq!(bounds(window.0), client.lab.window_bounds(window.0 .0 as isize).expect("bounds"));
    }
}

/// The visible bounds as a program asks for them.
fn bounds(window: HWND) -> [i32; 4] {
    let mut rect = RECT::default();
    let (out, size) = ((&raw mut rect).cast(), size_of::<RECT>() as u32);
    // SAFETY: the buffer has the size that is passed.
    unsafe { DwmGetWindowAttribute(window, DWMWA_EXTENDED_FRAME_BOUNDS, out, size) }.expect("bounds");
    [rect.left, rect.top, rect.right, rect.bottom]
}

#[test]
fn point_11_an_iconic_window_makes_no_frames_and_the_last_one_before_may_still_come() {
    let client = client("static; lab wgc window-fps 50");
    let window = TestWindow::new(200, 100);
    let capture = client.capture(&window_item(window.0).expect("an item"));
    client.sleep(0);
    window.show(SW_MINIMIZE);
    // SAFETY: a live window.
    assert!(unsafe { IsIconic(window.0) }.as_bool());
    assert_eq!(exact(&client.take(&capture).expect("the frame before")), 1);
    client.sleep(200);
    assert!(client.take(&capture).is_none());
    let arrived = capture.arrived();
    window.show(SW_SHOWNOACTIVATE);
    client.sleep(20);
    assert_eq!((exact(&client.take(&capture).expect("a frame")), capture.arrived()), (12, arrived + 1));
}

#[test]
fn point_13_windows_that_cannot_be_captured_are_invalid_arguments() {
    let client = client("static");
    let window = TestWindow::new(200, 100);
    let child = TestWindow::with(WINDOW_EX_STYLE(0), WS_CHILD | WS_VISIBLE, Some(window.0), 50, 50);
    let tool = TestWindow::with(WS_EX_TOOLWINDOW, WS_POPUP, None, 50, 50);
    tool.show(SW_SHOWNOACTIVATE);
    let hidden = TestWindow::with(WINDOW_EX_STYLE(0), WS_OVERLAPPEDWINDOW, None, 50, 50);
    let cloaked = TestWindow::new(50, 50);
    // SAFETY: a live window; the value means nothing.
    unsafe { SetPropW(cloaked.0, w!("dda_lab_cloaked"), Some(HANDLE(std::ptr::dangling_mut()))) }.expect("set");
    let dead = TestWindow::new(50, 50);
    dead.destroy();
    let handles = [child.0, tool.0, hidden.0, cloaked.0, dead.0, HWND::default(), HWND(-1_isize as *mut c_void)];
    for (index, handle) in handles.into_iter().enumerate() {
        assert_eq!(code(window_item(handle)), INVALID, "{index}");
    }
    assert_eq!(code(window_item(window.0)), OK);
    let attribute = |window| {
        let mut value = 9u32;
        let out = (&raw mut value).cast();
        // SAFETY: the buffer has the size that is passed.
        unsafe { DwmGetWindowAttribute(window, DWMWA_CLOAKED, out, 4) }.expect("an attribute");
        value
    };
    assert_eq!((attribute(window.0), attribute(cloaked.0)), (0, 1));
    drop(client);
}

#[test]
fn point_13_a_new_window_may_be_refused_once() {
    let client = client("static; lab wgc new-windows refused");
    let (one, other) = (TestWindow::new(200, 100), TestWindow::new(100, 100));
    let codes = [one.0, one.0, other.0, other.0, one.0].map(|window| code(window_item(window)));
    assert_eq!(codes, [INVALID, OK, INVALID, OK, OK]);
    drop(client);
}

#[test]
fn point_20_a_window_that_died_makes_no_frames_although_its_item_lives() {
    let client = client("static; lab wgc window-fps 50");
    let window = TestWindow::new(200, 100);
    let capture = client.capture(&window_item(window.0).expect("an item"));
    client.sleep(0);
    assert_eq!(client.drain(&capture).len(), 1);
    window.destroy();
    client.sleep(200);
    assert!(client.take(&capture).is_none());
    assert_eq!(code(capture.session.Close()), OK);
}

#[test]
fn before_build_26100_a_window_has_unchanged_frames_with_every_composition_of_the_desktop() {
    for (build, frames) in [(22000, 3), (26100, 1)] {
        let client = client(&format!(
            "static; at 50ms present full; at 90ms present full; lab wgc build {build}; lab wgc window-fps 0"
        ));
        let window = TestWindow::new(200, 100);
        let capture = client.prepare(&window_item(window.0).expect("an item"), 8, BGRA);
        capture.session.StartCapture().expect("started");
        client.sleep(300);
        let numbers: Vec<_> = client.drain(&capture).iter().map(exact).collect();
        assert_eq!(numbers, vec![1; frames], "build {build}");
    }
}
