//! What Windows does to programs that expect too much: refusals that pass, duplications that fall silent, first frames that are not whole.
#![cfg(windows)]

mod client;

use std::ffi::{c_char, CStr};
use std::time::Duration;

use client::*;
use windows::Win32::Foundation::{E_ACCESSDENIED, RECT};
use windows::Win32::Graphics::Dxgi::*;
use windows::Win32::Graphics::Gdi::InvalidateRect;
use windows::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows::Win32::System::RemoteDesktop::{ProcessIdToSessionId, WTSGetActiveConsoleSessionId};
use windows::Win32::System::Threading::GetCurrentProcessId;
use windows_core::s;

fn pass(client: &Client, ms: u64) {
    client.lab.clock().sleep(Duration::from_millis(ms));
}

#[test]
fn a_refusal_passes_some_time_after_the_first_attempt_whatever_its_code() {
    let passing = [
        E_ACCESSDENIED,
        DXGI_ERROR_SESSION_DISCONNECTED,
        DXGI_ERROR_UNSUPPORTED,
        DXGI_ERROR_NOT_CURRENTLY_AVAILABLE,
        DXGI_ERROR_MODE_CHANGE_IN_PROGRESS,
        DXGI_ERROR_ACCESS_LOST,
    ];
    for (code, span) in passing.into_iter().zip([100u64, 300, 1000, 10_000, 60_000, 180_000]) {
        let client = client(&format!("static; refuse 0x{:08X} for {span}ms", code.0));
        pass(&client, 5000);
        assert_eq!(client.try_duplicate().err(), Some(code));
        pass(&client, span - 1);
        assert_eq!(client.try_duplicate().err(), Some(code));
        pass(&client, 1);
        assert!(client.try_duplicate().is_ok(), "{code:?}");
    }
}

#[test]
fn any_call_may_be_refused_for_a_time() {
    let client = client("static; lab refuse EnumAdapters 0x887A0002 for 100ms");
    // SAFETY: plain enumeration.
    let code = || unsafe { client.factory.EnumAdapters(0) }.err().map(|error| error.code());
    assert_eq!(code(), Some(DXGI_ERROR_NOT_FOUND));
    pass(&client, 100);
    assert_eq!(code(), None);
}

#[test]
fn outside_the_console_session_the_first_duplication_stops_after_four_frames() {
    let client = client("refresh 100; lab session detached");
    let mut session = 0;
    // SAFETY: the pointer is valid for the call.
    let console = unsafe {
        ProcessIdToSessionId(GetCurrentProcessId(), &raw mut session).expect("a session");
        WTSGetActiveConsoleSessionId()
    };
    assert_ne!(console, session);
    let dup = client.duplicate();
    for _ in 0..4 {
        frame(&dup, 100);
        done(&dup);
    }
    assert_eq!((acquire(&dup, 500).code, acquire(&dup, 500).code), (TIMEOUT, TIMEOUT));
    drop(dup);
    let again = client.duplicate();
    for _ in 0..40 {
        frame(&again, 100);
        done(&again);
    }
    drop((again, client));
    // SAFETY: no preconditions.
    assert_ne!(unsafe { WTSGetActiveConsoleSessionId() }, console, "restored");
}

#[test]
fn half_a_picture_is_followed_by_small_damage_only() {
    let client = client("static; at 100ms present dirty 10,10,20,20; lab first half");
    let dup = client.duplicate();
    let first = frame(&dup, 0);
    assert_eq!((first.info.LastPresentTime, first.info.AccumulatedFrames), (0, 0));
    let (pixels, right) = (client.pixels(&first.texture()), client.expected(1));
    let half = right.len() / 2;
    assert_same(&pixels[..half], &right[..half], "the upper half");
    assert!(pixels[half..].iter().all(|byte| *byte == 0));
    done(&dup);
    let second = frame(&dup, 1000);
    assert_eq!((client.ms(), second.info.AccumulatedFrames), (100, 1));
    assert_eq!(dirty(&dup, 4).2, [RECT { left: 10, top: 10, right: 20, bottom: 20 }]);
    client.assert_shows(&second.texture(), 2);
}

#[test]
fn nothing_may_come_until_something_presents() {
    let client = client("static; at 700ms present dirty 10,10,20,20; lab first nothing; lab pointer untold");
    let dup = client.duplicate();
    assert_eq!((acquire(&dup, 300).code, client.ms()), (TIMEOUT, 300));
    let first = frame(&dup, 1000);
    assert_eq!((client.ms(), dirty(&dup, 4).2.len(), first.info.LastMouseUpdateTime), (700, 1, 0));
    client.assert_shows(&first.texture(), 2);
}

#[test]
fn a_new_duplication_may_say_nothing_about_the_pointer() {
    let client = client("static; at 100ms pointer 5,6; at 200ms shape hand; lab pointer untold");
    let dup = client.duplicate();
    let first = frame(&dup, 0).info;
    assert_eq!((first.LastMouseUpdateTime, first.PointerShapeBufferSize), (0, 0));
    done(&dup);
    let moved = frame(&dup, 1000).info;
    assert_eq!((moved.PointerPosition.Position.x, moved.PointerShapeBufferSize, client.ms()), (5, 0, 100));
    done(&dup);
    assert_ne!(frame(&dup, 1000).info.PointerShapeBufferSize, 0);
}

#[test]
fn the_compositor_may_answer_a_window_that_changes() {
    // SAFETY: no window means all.
    let nudge = || unsafe { InvalidateRect(None, None, false) };
    let client = client("static; pointer still; lab first nothing; lab pointer untold; lab nudge answered");
    let dup = client.duplicate();
    assert_eq!(acquire(&dup, 100).code, TIMEOUT);
    let _ = nudge();
    let answer = frame(&dup, 1000);
    assert_eq!((client.ms(), answer.info.AccumulatedFrames), (108, 1));
    assert_eq!(answer.info.LastPresentTime, client.lab.ticks_at(Duration::from_millis(108)));
    assert_eq!(dirty(&dup, 4).2, [RECT { left: 0, top: 0, right: 1, bottom: 1 }]);
    client.assert_shows(&answer.texture(), 1);
    done(&dup);
    assert_eq!(acquire(&dup, 500).code, TIMEOUT, "once");
    drop((dup, answer, client));
    let ignored = self::client("static; pointer still; lab first nothing; lab pointer untold");
    let dup = ignored.duplicate();
    let _ = nudge();
    assert_eq!(acquire(&dup, 500).code, TIMEOUT);
}

#[test]
fn mapped_memory_is_good_until_it_is_unmapped() {
    let client = client("refresh 100; lab system memory; lab first half");
    let dup = client.duplicate();
    frame(&dup, 0);
    let (code, mapped) = map_surface(&dup);
    let pitch = mapped.Pitch as usize;
    // SAFETY: memory of the duplication, which lives longer.
    let memory = || unsafe { std::slice::from_raw_parts(mapped.pBits, pitch * 200) }.to_vec();
    let right = client.expected(1);
    assert_eq!(code, OK);
    assert_same(&memory()[..1280], &right[..1280], "the first row");
    assert!(memory()[pitch * 100..pitch * 100 + 1280].iter().all(|byte| *byte == 0), "the lower half");
    assert_eq!((unmap_surface(&dup), release(&dup)), (OK, OK));
    assert!(memory().iter().all(|byte| *byte == 0xCD), "no longer");
    frame(&dup, 100);
    let (code, mapped) = map_surface(&dup);
    let rows = (0..200).flat_map(|y| {
        // SAFETY: mapped rows.
        unsafe { std::slice::from_raw_parts(mapped.pBits.add(y * mapped.Pitch as usize), 1280) }.to_vec()
    });
    assert_eq!(code, OK);
    assert_same(&rows.collect::<Vec<_>>(), &client.expected(2), "the whole");
    assert_eq!(client.lab.counters().desktop_maps, 2);
    client.lab.inject("UnMapDesktopSurface", 1, DXGI_ERROR_ACCESS_LOST.0).expect("a call");
    assert_eq!((unmap_surface(&dup), codes(&dup)), (LOST, [LOST; 7]));
}

#[test]
fn rows_are_padded_unless_the_script_says_otherwise() {
    for (script, more) in [("static", 48), ("static; lab pitch 0", 0)] {
        let client = client(script);
        let texture = frame(&client.duplicate(), 0).texture();
        let staging = client.staging_copy(&texture);
        let (code, mapped) = client.map(&staging, 0);
        assert_eq!((code, mapped.RowPitch), (OK, 1280 + more));
        // SAFETY: mapped above.
        unsafe { client.context.Unmap(&staging, 0) };
        assert_same(&client.mapped(&staging), &client.expected(1), script);
    }
}

#[test]
fn lists_may_be_careless_but_miss_nothing() {
    let client = client(
        "static; damage wild; at 10ms present dirty 0,10,20,20; at 20ms present move 0,0>40,0,80,30; at 30ms present",
    );
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    frame(&dup, 100);
    let first = dirty(&dup, 99).2;
    assert!(first.iter().any(|r| r.left >= r.right), "empty");
    assert!(first.iter().any(|r| r.left == i32::MIN && r.right == 20), "outside");
    assert!(first.contains(&RECT { left: 0, top: 10, right: 20, bottom: 20 }));
    done(&dup);
    frame(&dup, 100);
    assert!(moves(&dup, 99).2.len() >= 4);
    done(&dup);
    frame(&dup, 100);
    assert_eq!(
        (dirty(&dup, 99).2, moves(&dup, 99).2.len()),
        (vec![RECT { left: 0, top: 0, right: 320, bottom: 200 }], 0)
    );
}

#[test]
fn direct3d_may_claim_that_it_is_not_translated() {
    type Version = unsafe extern "C" fn() -> *const c_char;
    let version = || {
        // SAFETY: a function of that name and type, or none; it returns null or a text.
        unsafe {
            let ntdll = GetModuleHandleA(s!("ntdll.dll")).expect("loaded");
            let version: Version = std::mem::transmute(GetProcAddress(ntdll, s!("wine_get_version"))?);
            let text = version();
            (!text.is_null()).then(|| CStr::from_ptr(text).to_owned())
        }
    };
    let platform = version();
    let client = client("static; lab claims hardware");
    assert_eq!(version(), None);
    drop(client);
    assert_eq!(version(), platform);
    let _client = self::client("static");
    assert_eq!(version(), platform);
}

#[test]
fn queued_copies_take_place_when_they_are_submitted() {
    let client = client("static; at 50ms present full; lab copies queued");
    let dup = client.duplicate();
    let texture = frame(&dup, 0).texture();
    let [early, late] = [client.staging(&texture), client.staging(&texture)];
    // SAFETY: same size and format.
    unsafe {
        client.context.CopyResource(&early, &texture);
        client.context.Flush();
        client.context.CopyResource(&late, &texture);
    }
    done(&dup);
    assert_eq!(client.lab.counters().read_after_release, 0);
    pass(&client, 100);
    assert_same(&client.mapped(&early), &client.expected(1), "submitted before the release");
    assert_ne!(client.mapped(&late), client.expected(1), "the compositor has used the texture again");
    assert_eq!(client.lab.counters().read_after_release, 1);
    // In order, whatever submits them.
    let answer = frame(&dup, 100);
    let (staging, other) = (client.staging(&texture), client.staging(&texture));
    // SAFETY: same size and format.
    unsafe {
        client.context.CopyResource(&staging, &answer.texture());
        client.context.CopyResource(&other, &staging);
    }
    assert_same(&client.mapped(&other), &client.expected(2), "a copy of a copy");
}
