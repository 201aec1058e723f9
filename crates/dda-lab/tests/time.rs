//! Time as Windows has it: what a timer's ticks end late, and what a device ends.
#![cfg(windows)]

mod client;

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use client::*;
use windows::Win32::Foundation::{CloseHandle, E_NOTIMPL, HANDLE, WAIT_EVENT, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows::Win32::Graphics::Direct3D11::{ID3D11Texture2D, D3D11_MAP_FLAG_DO_NOT_WAIT};
use windows::Win32::Graphics::Dxgi::{IDXGIDevice2, DXGI_ERROR_WAS_STILL_DRAWING};
use windows::Win32::Media::{timeBeginPeriod, timeEndPeriod};
use windows::Win32::System::Threading::{CreateEventW, Sleep, WaitForMultipleObjects, WaitForSingleObject};
use windows_core::Interface;

const TICK: Duration = Duration::from_micros(15_625);
const STILL_DRAWING: windows_core::HRESULT = DXGI_ERROR_WAS_STILL_DRAWING;

struct Event(HANDLE);

impl Event {
    fn new() -> Self {
        // SAFETY: an event without a name.
        Self(unsafe { CreateEventW(None, false, false, None) }.expect("an event"))
    }

    fn wait(&self, ms: u32) -> WAIT_EVENT {
        // SAFETY: a live handle.
        unsafe { WaitForSingleObject(self.0, ms) }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: made in `new`.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

/// How long eight calls take.
fn eight(mut call: impl FnMut()) -> Duration {
    let begun = Instant::now();
    (0..8).for_each(|_| call());
    begun.elapsed()
}

#[test]
fn waits_time_out_with_the_ticks_of_the_timer() {
    let client = Client::new("size 64x64; static; pointer still; timer 15.625ms");
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    let (event, other) = (Event::new(), Event::new());
    let (mutex, condition) = (Mutex::new(()), Condvar::new());
    let millisecond = Duration::from_millis(1);
    // SAFETY: no preconditions.
    let sleep = || unsafe { Sleep(1) };
    // SAFETY: live handles.
    let both = || assert_eq!(unsafe { WaitForMultipleObjects(&[event.0, other.0], false, 1) }, WAIT_TIMEOUT);
    // The first call may begin just before a tick.
    let slow = [
        ("Sleep", eight(sleep)),
        ("AcquireNextFrame", eight(|| assert_eq!(acquire(&dup, 1).code, TIMEOUT))),
        ("WaitForSingleObject", eight(|| assert_eq!(event.wait(1), WAIT_TIMEOUT))),
        ("WaitForMultipleObjects", eight(both)),
        (
            "a condition variable",
            eight(|| {
                let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
                drop(condition.wait_timeout(guard, millisecond));
            }),
        ),
    ];
    for (what, took) in slow {
        assert!(took >= TICK * 7, "{what}: {took:?}");
    }
    // The standard library sleeps with a timer of high resolution.
    let exact = eight(|| std::thread::sleep(millisecond));
    assert!(exact >= Duration::from_millis(12) && exact < TICK * 7, "{exact:?}");
    assert!(eight(|| assert_eq!((event.wait(0), acquire(&dup, 0).code), (WAIT_TIMEOUT, TIMEOUT))) < TICK);
    // SAFETY: no preconditions.
    assert_eq!(unsafe { timeBeginPeriod(1) }, 0);
    let shortened = [eight(sleep), eight(|| assert_eq!(acquire(&dup, 1).code, TIMEOUT))];
    assert!(shortened.iter().all(|took| *took < TICK * 7), "{shortened:?}");
    // SAFETY: as above.
    assert_eq!(unsafe { timeEndPeriod(1) }, 0);
    assert!(eight(sleep) >= TICK * 7);
    drop((dup, client));
    assert!(eight(sleep) < TICK * 7, "exact again");
}

#[test]
fn virtual_time_has_ticks_too() {
    let client = client("static; at 100ms present; timer 15.625ms");
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    let us = || client.lab.now().as_micros();
    assert_eq!((acquire(&dup, 2).code, us()), (TIMEOUT, 15_625));
    assert_eq!((acquire(&dup, 0).code, us()), (TIMEOUT, 15_625));
    assert_eq!((acquire(&dup, 83).code, us()), (OK, 100_000), "an event before the tick that ends the wait");
    let (clock, start) = (client.lab.clock(), client.lab.ticks_at(Duration::ZERO));
    clock.sleep(Duration::from_millis(1));
    assert_eq!(us(), 109_375);
    clock.sleep_until(rustcam::clock::performance_time(start) + Duration::from_millis(120));
    assert_eq!(us(), 120_500, "a high-resolution timer");
}

/// Copies a texture and asks for `event` when that is done.
fn copy(client: &Client, (from, to): (&ID3D11Texture2D, &ID3D11Texture2D), event: &Event) {
    let device: IDXGIDevice2 = client.device.cast().expect("a device of Windows 8");
    // SAFETY: same size and format; a live handle.
    unsafe {
        client.context.CopyResource(to, from);
        device.EnqueueSetEvent(event.0).expect("an event");
    }
}

fn map_now(client: &Client, staging: &ID3D11Texture2D) -> windows_core::HRESULT {
    let code = client.map(staging, D3D11_MAP_FLAG_DO_NOT_WAIT.0 as u32).0;
    if code == OK {
        // SAFETY: mapped above.
        unsafe { client.context.Unmap(staging, 0) };
    }
    code
}

/// The acquired texture, and one to read it.
fn textures(client: &Client) -> (ID3D11Texture2D, ID3D11Texture2D) {
    let texture = frame(&client.duplicate(), 0).texture();
    let staging = client.staging(&texture);
    (texture, staging)
}

#[test]
fn a_device_sets_an_event_when_it_is_done() {
    let client = client("static; slow reads 5ms; lab events prompt");
    let (texture, staging) = textures(&client);
    let event = Event::new();
    copy(&client, (&texture, &staging), &event);
    assert_eq!((map_now(&client, &staging), event.wait(0)), (STILL_DRAWING, WAIT_TIMEOUT));
    assert_eq!((event.wait(3), client.ms()), (WAIT_TIMEOUT, 3));
    // SAFETY: a live handle.
    assert_eq!(unsafe { WaitForMultipleObjects(&[event.0], false, 50) }, WAIT_OBJECT_0);
    assert_eq!((client.ms(), map_now(&client, &staging)), (5, OK));
    assert_eq!((event.wait(0), client.lab.counters().events), (WAIT_TIMEOUT, 1), "set once");
    let device: IDXGIDevice2 = client.device.cast().expect("a device");
    // SAFETY: a live handle.
    unsafe { device.EnqueueSetEvent(event.0) }.expect("an event");
    assert_eq!((event.wait(50), client.ms()), (WAIT_OBJECT_0, 5), "nothing to do");
}

#[test]
fn a_late_event_ends_a_later_wait_too_early() {
    let client = client("static; slow reads 20ms; lab events late 15ms");
    let (texture, staging) = textures(&client);
    let event = Event::new();
    copy(&client, (&texture, &staging), &event);
    assert_eq!((event.wait(30), client.ms()), (WAIT_TIMEOUT, 30));
    assert_eq!(map_now(&client, &staging), OK, "done, but the event is not set");
    copy(&client, (&texture, &staging), &event);
    assert_eq!((event.wait(100), client.ms(), map_now(&client, &staging)), (WAIT_OBJECT_0, 35, STILL_DRAWING), "stale");
    assert_eq!((event.wait(100), client.ms(), map_now(&client, &staging)), (WAIT_OBJECT_0, 65, OK));
}

#[test]
fn events_are_set_in_real_time_too() {
    let client = Client::new("size 64x64; static; pointer still; slow reads 20ms; lab events prompt");
    let (texture, staging) = textures(&client);
    let event = Event::new();
    let begun = Instant::now();
    copy(&client, (&texture, &staging), &event);
    assert_eq!((event.wait(10_000), map_now(&client, &staging)), (WAIT_OBJECT_0, OK));
    assert!(begun.elapsed() >= Duration::from_millis(20));
}

#[test]
fn without_the_statement_there_is_no_event() {
    let client = client("static");
    let _textures = textures(&client);
    let device: IDXGIDevice2 = client.device.cast().expect("a device");
    // SAFETY: a live handle.
    let code = unsafe { device.EnqueueSetEvent(Event::new().0) }.map_err(|error| error.code());
    assert_eq!(code, Err(E_NOTIMPL));
}

#[test]
fn a_device_makes_one_copy_after_the_other_and_a_larger_one_takes_longer() {
    // 320 x 200 pixels are 0.244 megabytes.
    for (time, first, second) in [("1ms", 1000, 2000), ("160us", 160, 320), ("8192us per megabyte", 2000, 4000)] {
        let client = client(&format!("static; lab events prompt; lab copies take {time}"));
        let (texture, staging) = textures(&client);
        let (other, event) = (client.staging(&texture), Event::new());
        let us = || client.lab.now().as_micros();
        copy(&client, (&texture, &staging), &event);
        assert_eq!(map_now(&client, &staging), STILL_DRAWING, "{time}");
        copy(&client, (&texture, &other), &event);
        assert_eq!((event.wait(50), us()), (WAIT_OBJECT_0, first), "{time}");
        assert_eq!((map_now(&client, &staging), map_now(&client, &other)), (OK, STILL_DRAWING), "{time}");
        assert_eq!((event.wait(50), us(), map_now(&client, &other)), (WAIT_OBJECT_0, second, OK), "{time}");
    }
}

#[test]
fn the_first_readback_of_a_device_takes_longer() {
    let client = client("static; lab events prompt; lab copies take 1ms; lab first readback 30ms");
    let (texture, staging) = textures(&client);
    let (other, event) = (client.staging(&texture), Event::new());
    for (staging, done) in [(&staging, 31), (&staging, 32), (&other, 33)] {
        copy(&client, (&texture, staging), &event);
        assert_eq!((map_now(&client, staging), event.wait(50), client.ms()), (STILL_DRAWING, WAIT_OBJECT_0, done));
        assert_eq!(map_now(&client, staging), OK);
    }
}
