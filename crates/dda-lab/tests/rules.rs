//! What the lab counts, which broken rules it notices, and what can be injected.
#![cfg(windows)]

mod client;

use std::time::{Duration, Instant};

use client::*;
use windows::Win32::Foundation::{E_ACCESSDENIED, E_INVALIDARG, E_NOINTERFACE};
use windows::Win32::Graphics::Direct3D11::{ID3D11Texture2D, D3D11_BOX};
use windows::Win32::Graphics::Dxgi::*;
use windows_core::{Interface, HRESULT};

#[test]
fn point_14_rows_may_be_padded_and_begin_at_odd_multiples_of_16() {
    for pitch in [1, 52, 4096] {
        let client = client(&format!("static; lab pitch {pitch}"));
        let dup = client.duplicate();
        let staging = client.staging_copy(&frame(&dup, 0).texture());
        let (code, mapped) = client.map(&staging, 0);
        assert_eq!((code, mapped.RowPitch, mapped.pData as usize % 32), (OK, 1280 + pitch, 16));
        // SAFETY: mapped above.
        unsafe { client.context.Unmap(&staging, 0) };
        assert_same(&client.mapped(&staging), &client.expected(1), "with padding");
    }
}

#[test]
fn point_18_a_frame_that_is_not_released_makes_the_next_acquire_fail() {
    let client = client("refresh 100");
    let dup = client.duplicate();
    frame(&dup, 0);
    assert_eq!(acquire(&dup, 100).code, INVALID_CALL);
    assert_eq!(acquire(&dup, 100).code, INVALID_CALL);
    assert_eq!(client.lab.counters().acquire_while_owned, 2);
    done(&dup);
    frame(&dup, 100);
}

#[test]
fn textures_rotate_and_are_overwritten_after_their_release() {
    let client = client("refresh 100");
    let dup = client.duplicate();
    let mut addresses = Vec::new();
    for n in 1..=9 {
        let texture = frame(&dup, 100).texture();
        client.assert_shows(&texture, n);
        addresses.push(texture.as_raw() as usize);
        done(&dup);
    }
    let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
    assert_eq!((distinct.len(), addresses[0], addresses[1]), (3, addresses[3], addresses[4]));
    assert_eq!(client.lab.counters().read_after_release, 0);
    let late = frame(&dup, 100).texture();
    done(&dup);
    // Until the next present it is intact, though reading it breaks the rule.
    client.assert_shows(&late, 10);
    assert_eq!(acquire(&dup, 100).code, OK);
    let garbage = client.pixels(&late);
    assert!(garbage.chunks(4).all(|pixel| pixel == [0xFF, 0x7F, 0xFF, 0x7F]));
    assert_eq!(client.lab.counters().read_after_release, 2);
    done(&dup);
    // The texture is intact again when it is used next.
    for n in 12..=15 {
        client.assert_shows(&frame(&dup, 100).texture(), n);
        done(&dup);
    }
    drop(late);
    drop(dup);
    assert_eq!(client.lab.counters().leaked_refs, 0);
}

#[test]
fn references_that_outlive_the_duplication_are_counted() {
    let client = client("static; lab poison eager");
    let dup = client.duplicate();
    let (kept, resource) = {
        let answer = frame(&dup, 0);
        (answer.texture(), answer.resource)
    };
    done(&dup);
    assert_eq!(client.lab.counters().live, 1);
    drop(dup);
    assert_eq!(client.lab.counters().live, 0);
    assert_eq!(client.lab.counters().leaked_refs, 2);
    drop((kept, resource));
}

#[test]
fn eager_poison_needs_no_reader() {
    let client = client("refresh 100; lab poison eager");
    let dup = client.duplicate();
    for n in 1..=7 {
        client.assert_shows(&frame(&dup, 100).texture(), n);
        done(&dup);
    }
    assert_eq!(client.lab.counters().read_after_release, 0);
}

#[test]
fn calls_of_the_program_are_counted() {
    let client = client("static");
    let dup = client.duplicate();
    let texture = frame(&dup, 0).texture();
    let staging = client.staging(&texture);
    let part = D3D11_BOX { left: 10, top: 20, front: 0, right: 110, bottom: 50, back: 1 };
    // SAFETY: the part is inside both.
    unsafe {
        client.context.CopySubresourceRegion(&staging, 0, 0, 0, 0, &texture, 0, Some(&raw const part));
        client.context.Flush();
    }
    client.mapped(&staging);
    let surface: IDXGISurface = staging.cast().expect("a surface");
    let mut mapped = DXGI_MAPPED_RECT::default();
    // SAFETY: not mapped otherwise.
    unsafe { surface.Map(&raw mut mapped, DXGI_MAP_READ).and_then(|()| surface.Unmap()) }.expect("a mapped surface");
    let seen = client.lab.counters();
    assert_eq!((seen.copy_region, seen.copy_resource, seen.bytes_copied), (1, 0, 100 * 30 * 4));
    assert_eq!((seen.maps, seen.unmaps, seen.bytes_mapped), (2, 2, 2 * 320 * 200 * 4));
    assert_eq!((seen.flushes, seen.textures, seen.acquires, seen.image_frames), (1, 1, 1, 1));
}

#[test]
fn a_waiting_acquire_holds_the_lock_of_the_device() {
    let client = client("static; clock real");
    let dup = client.duplicate();
    let texture = frame(&dup, 0).texture();
    let staging = client.staging(&texture);
    done(&dup);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| acquire(&dup, 400).code);
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        assert_eq!(client.map(&staging, 0).0, OK);
        assert!(start.elapsed() > Duration::from_millis(200));
        assert_eq!(waiter.join().ok(), Some(TIMEOUT));
    });
    // SAFETY: mapped above.
    unsafe { client.context.Unmap(&staging, 0) };
}

#[test]
fn real_time_is_waited_for() {
    let client = client("refresh 50; clock real");
    let dup = client.duplicate();
    frame(&dup, 100);
    done(&dup);
    let start = Instant::now();
    let mut frames = 0;
    while frames < 20 {
        frames += frame(&dup, 1000).info.AccumulatedFrames;
        done(&dup);
    }
    assert!(start.elapsed() > Duration::from_millis(350) && start.elapsed() < Duration::from_secs(10));
}

#[test]
fn every_code_can_be_injected_into_every_call() {
    let client = client("static");
    let inject = |call: &str, code: HRESULT| client.lab.inject(call, 1, code.0).expect("a call");
    assert!(client.lab.inject("Nonsense", 1, 0).is_err());
    let transient =
        [E_ACCESSDENIED, DXGI_ERROR_UNSUPPORTED, DXGI_ERROR_SESSION_DISCONNECTED, DXGI_ERROR_MODE_CHANGE_IN_PROGRESS];
    for code in transient {
        inject("DuplicateOutput", code);
        inject("DuplicateOutput1", code);
        assert_eq!(client.try_duplicate().err(), Some(code));
        assert_eq!(client.try_duplicate1(&[Common::DXGI_FORMAT_B8G8R8A8_UNORM]).err(), Some(code));
    }
    inject("EnumOutputs", DXGI_ERROR_NOT_CURRENTLY_AVAILABLE);
    inject("EnumAdapters1", DXGI_ERROR_NOT_FOUND);
    // SAFETY: plain enumeration.
    unsafe {
        let code = client.adapter.EnumOutputs(0).err().map(|e| e.code());
        assert_eq!(code, Some(DXGI_ERROR_NOT_CURRENTLY_AVAILABLE));
        assert_eq!(client.factory.EnumAdapters1(0).err().map(|e| e.code()), Some(DXGI_ERROR_NOT_FOUND));
    }
    let dup = client.duplicate();
    for code in [TIMEOUT, DXGI_ERROR_ACCESS_DENIED, E_ACCESSDENIED, DXGI_ERROR_SESSION_DISCONNECTED, E_INVALIDARG] {
        inject("AcquireNextFrame", code);
        assert_eq!(acquire(&dup, 0).code, code);
    }
    inject("QueryTexture", E_NOINTERFACE);
    let odd = frame(&dup, 0).resource.expect("a resource");
    assert_eq!(odd.cast::<ID3D11Texture2D>().err().map(|e| e.code()), Some(E_NOINTERFACE));
    inject("GetFrameDirtyRects", DXGI_ERROR_MORE_DATA);
    assert_eq!(dirty(&dup, 1).1, 32, "the list has grown");
    assert_eq!((dirty(&dup, 2).0, dirty(&dup, 2).2.len()), (OK, 1));
    inject("GetFrameDirtyRects", OK);
    assert_eq!(dirty(&dup, 1).1, 13, "no multiple of a rectangle");
    for (call, value) in [("ShapeType", 8), ("ShapeWidth", 0), ("ShapeHeight", 3), ("ShapePitch", 1)] {
        inject(call, HRESULT(value));
    }
    let (code, _, info, _) = shape(&dup, 4096);
    assert_eq!((code, info.Type, info.Width, info.Height, info.Pitch), (OK, 8, 0, 3, 1));
    inject("GetFramePointerShape", DXGI_ERROR_MORE_DATA);
    assert_eq!(shape(&dup, 4096).0, DXGI_ERROR_MORE_DATA);
    inject("GetFrameMoveRects", INVALID_CALL);
    assert_eq!(moves(&dup, 1).0, INVALID_CALL);
    inject("MapDesktopSurface", LOST);
    assert_eq!(map_surface(&dup).0, LOST);
    assert_eq!(codes(&dup), [LOST; 7], "an injected loss stays, too");
    drop((odd, dup));
    let dup = client.duplicate();
    let texture = frame(&dup, 0).texture();
    client.lab.inject("CreateTexture2D", 2, windows::Win32::Foundation::E_OUTOFMEMORY.0).expect("a call");
    assert!(client.try_staging(&texture, None).is_ok());
    assert_eq!(client.try_staging(&texture, None).err(), Some(windows::Win32::Foundation::E_OUTOFMEMORY));
    inject("ReleaseFrame", INVALID_CALL);
    assert_eq!(release(&dup), INVALID_CALL);
    assert_eq!(client.lab.counters().releases, 0);
    client.lab.inject("AcquireNextFrame", 0, TIMEOUT.0).expect("a call");
    assert_eq!([acquire(&dup, 0).code, acquire(&dup, 0).code], [TIMEOUT; 2]);
}
