//! Threads of every kind of apartment.

use rustcam::source::WindowArea;
use windows::Win32::System::Com::{CoInitializeEx, CoUninitialize, COINIT_APARTMENTTHREADED, COINIT_MULTITHREADED};

use crate::lab_desktop::{assert_window, by_handle, frame, grab, ms, open, open_session, LabDesktop};
use crate::test_window::TestWindow;

#[test]
fn captures_work_in_every_apartment_and_leave_it_as_it_was() {
    for apartment in [None, Some(COINIT_APARTMENTTHREADED), Some(COINIT_MULTITHREADED)] {
        let desktop = LabDesktop::new("size 640x480; refresh 60; static");
        let window = TestWindow::new("apartment", 200, 140);
        let (whole, client) = desktop.geometry(&window);
        let options = desktop.window(by_handle(&window), WindowArea::Client);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                // SAFETY: balanced below, on the same thread.
                let set_up = apartment.map(|kind| unsafe { CoInitializeEx(None, kind) });
                assert!(set_up.is_none_or(windows::core::HRESULT::is_ok));
                let mut session = open_session(&options);
                for _ in 0..3 {
                    assert_window(&frame(&mut session), whole, client);
                }
                drop(session);
                if apartment.is_none() {
                    // No apartment was set up: the thread may still become one of either kind.
                    // SAFETY: balanced.
                    assert!(unsafe { CoInitializeEx(None, COINIT_APARTMENTTHREADED) }.is_ok());
                }
                // SAFETY: as above.
                unsafe { CoUninitialize() };
            });
        });
        drop(window);
        desktop.finish();
    }
}

#[test]
fn another_thread_ends_a_wait() {
    let desktop = LabDesktop::new("size 640x480; static; lab wgc window-fps 0");
    let window = TestWindow::new("woken", 200, 140);
    let mut source = open(&desktop.window(by_handle(&window), WindowArea::Client));
    let waker = source.waker().expect("it has one");
    while source.wait(ms(50)).expect("it is there").presents == 0 {}
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(ms(30));
            waker();
        });
        let change = source.wait(ms(10_000)).expect("it is there");
        assert!(change.interrupted && !change.any());
    });
    assert!(begun.elapsed() < ms(5000));
    waker();
    assert!(source.wait(ms(10_000)).expect("it is there").interrupted, "the next one");
    assert!(!source.wait(ms(20)).expect("it is there").interrupted);
    drop((source, window));
    desktop.finish();
}

#[test]
fn a_capture_that_moves_to_another_thread_goes_on() {
    let desktop = LabDesktop::new("size 320x240; refresh 60; pointer still");
    let mut session = open_session(&desktop.options(0, true));
    for _ in 0..3 {
        session = std::thread::spawn(move || {
            assert!(grab(&mut session, ms(2000)).expect("it is there").is_some());
            session
        })
        .join()
        .expect("no panic");
    }
    drop(session);
    desktop.finish();
}
