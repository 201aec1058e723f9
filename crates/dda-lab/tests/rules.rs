//! What guests do wrong, what the laboratory counts, and what it can be asked to do.
#![cfg(windows)]

mod guest;

use std::time::{Duration, Instant};

use guest::*;
use windows::Win32::Foundation::{E_ACCESSDENIED, E_INVALIDARG, E_NOINTERFACE};
use windows::Win32::Graphics::Direct3D11::{ID3D11Texture2D, D3D11_BOX};
use windows::Win32::Graphics::Dxgi::*;
use windows_core::{Interface, HRESULT};

#[test]
fn point_14_rows_may_be_far_apart_and_begin_at_odd_places() {
    for pitch in [1, 52, 4096] {
        let guest = guest(&format!("static; lab pitch {pitch}"));
        let dup = guest.duplicate();
        let texture = frame(&dup, 0).texture();
        let staging = guest.staging(&texture);
        // SAFETY: same size and format.
        unsafe { guest.context.CopyResource(&staging, &texture) };
        let (code, mapped) = guest.map(&staging, 0);
        assert_eq!((code, mapped.RowPitch, mapped.pData as usize % 32), (OK, 1280 + pitch, 16));
        // SAFETY: mapped above.
        unsafe { guest.context.Unmap(&staging, 0) };
        assert_same(&guest.mapped(&staging), &guest.expected(1), "with padding");
    }
}

#[test]
fn point_18_a_frame_that_is_not_released_is_in_the_way() {
    let guest = guest("refresh 100");
    let dup = guest.duplicate();
    frame(&dup, 0);
    assert_eq!(acquire(&dup, 100).code, INVALID_CALL);
    assert_eq!(acquire(&dup, 100).code, INVALID_CALL);
    assert_eq!(guest.lab.counters().acquire_while_owned, 2);
    done(&dup);
    frame(&dup, 100);
}

#[test]
fn textures_take_turns_and_are_overwritten_after_their_release() {
    let guest = guest("refresh 100");
    let dup = guest.duplicate();
    let mut addresses = Vec::new();
    for n in 1..=9 {
        let texture = frame(&dup, 100).texture();
        guest.assert_shows(&texture, n);
        addresses.push(texture.as_raw() as usize);
        done(&dup);
    }
    let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
    assert_eq!((distinct.len(), addresses[0], addresses[1]), (3, addresses[3], addresses[4]));
    assert_eq!(guest.lab.counters().read_after_release, 0);
    let late = frame(&dup, 100).texture();
    done(&dup);
    // Until the next present nothing has happened to it, though it was wrong to look.
    guest.assert_shows(&late, 10);
    assert_eq!(acquire(&dup, 100).code, OK);
    let garbage = guest.pixels(&late);
    assert!(garbage.chunks(4).all(|pixel| pixel == [0xFF, 0x7F, 0xFF, 0x7F]));
    assert_eq!(guest.lab.counters().read_after_release, 2);
    done(&dup);
    // Garbage does not stay.
    for n in 12..=15 {
        guest.assert_shows(&frame(&dup, 100).texture(), n);
        done(&dup);
    }
    drop(late);
    drop(dup);
    assert_eq!(guest.lab.counters().leaked_refs, 0);
}

#[test]
fn references_that_outlive_the_duplication_are_counted() {
    let guest = guest("static; lab poison eager");
    let dup = guest.duplicate();
    let (kept, resource) = {
        let answer = frame(&dup, 0);
        (answer.texture(), answer.resource)
    };
    done(&dup);
    assert_eq!(guest.lab.counters().live, 1);
    drop(dup);
    assert_eq!(guest.lab.counters().live, 0);
    assert_eq!(guest.lab.counters().leaked_refs, 2);
    drop((kept, resource));
}

#[test]
fn eager_poison_needs_no_reader() {
    let guest = guest("refresh 100; lab poison eager");
    let dup = guest.duplicate();
    for n in 1..=7 {
        guest.assert_shows(&frame(&dup, 100).texture(), n);
        done(&dup);
    }
    assert_eq!(guest.lab.counters().read_after_release, 0);
}

#[test]
fn work_of_the_guest_is_counted() {
    let guest = guest("static");
    let dup = guest.duplicate();
    let texture = frame(&dup, 0).texture();
    let staging = guest.staging(&texture);
    let part = D3D11_BOX { left: 10, top: 20, front: 0, right: 110, bottom: 50, back: 1 };
    // SAFETY: the part is inside both.
    unsafe {
        guest.context.CopySubresourceRegion(&staging, 0, 0, 0, 0, &texture, 0, Some(&raw const part));
        guest.context.Flush();
    }
    guest.mapped(&staging);
    let surface: IDXGISurface = staging.cast().expect("a surface");
    let mut mapped = DXGI_MAPPED_RECT::default();
    // SAFETY: not mapped otherwise.
    unsafe { surface.Map(&raw mut mapped, DXGI_MAP_READ).and_then(|()| surface.Unmap()) }.expect("a mapped surface");
    let seen = guest.lab.counters();
    assert_eq!((seen.copy_region, seen.copy_resource, seen.bytes_copied), (1, 0, 100 * 30 * 4));
    assert_eq!((seen.maps, seen.unmaps, seen.bytes_mapped), (2, 2, 2 * 320 * 200 * 4));
    assert_eq!((seen.flushes, seen.textures, seen.acquires, seen.image_frames), (1, 1, 1, 1));
}

#[test]
fn a_waiting_acquire_keeps_others_from_the_device() {
    let guest = guest("static; clock real");
    let dup = guest.duplicate();
    let texture = frame(&dup, 0).texture();
    let staging = guest.staging(&texture);
    done(&dup);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| acquire(&dup, 400).code);
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        assert_eq!(guest.map(&staging, 0).0, OK);
        assert!(start.elapsed() > Duration::from_millis(200));
        assert_eq!(waiter.join().ok(), Some(TIMEOUT));
    });
    // SAFETY: mapped above.
    unsafe { guest.context.Unmap(&staging, 0) };
}

#[test]
fn real_time_is_waited_for() {
    let guest = guest("refresh 50; clock real");
    let dup = guest.duplicate();
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
    let guest = guest("static");
    let inject = |call: &str, code: HRESULT| guest.lab.inject(call, 1, code.0).expect("a call");
    assert!(guest.lab.inject("Nonsense", 1, 0).is_err());
    let transient =
        [E_ACCESSDENIED, DXGI_ERROR_UNSUPPORTED, DXGI_ERROR_SESSION_DISCONNECTED, DXGI_ERROR_MODE_CHANGE_IN_PROGRESS];
    for code in transient {
        inject("DuplicateOutput", code);
        inject("DuplicateOutput1", code);
        assert_eq!(guest.try_duplicate().err(), Some(code));
        assert_eq!(guest.try_duplicate1(&[Common::DXGI_FORMAT_B8G8R8A8_UNORM]).err(), Some(code));
    }
    inject("EnumOutputs", DXGI_ERROR_NOT_CURRENTLY_AVAILABLE);
    inject("EnumAdapters1", DXGI_ERROR_NOT_FOUND);
    // SAFETY: plain enumeration.
    unsafe {
        let code = guest.adapter.EnumOutputs(0).err().map(|e| e.code());
        assert_eq!(code, Some(DXGI_ERROR_NOT_CURRENTLY_AVAILABLE));
        assert_eq!(guest.factory.EnumAdapters1(0).err().map(|e| e.code()), Some(DXGI_ERROR_NOT_FOUND));
    }
    let dup = guest.duplicate();
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
    assert_eq!(answers(&dup), [LOST; 7], "an injected loss stays too");
    drop((odd, dup));
    let dup = guest.duplicate();
    let texture = frame(&dup, 0).texture();
    guest.lab.inject("CreateTexture2D", 2, windows::Win32::Foundation::E_OUTOFMEMORY.0).expect("a call");
    assert!(guest.try_staging(&texture).is_ok());
    assert_eq!(guest.try_staging(&texture).err(), Some(windows::Win32::Foundation::E_OUTOFMEMORY));
    inject("ReleaseFrame", INVALID_CALL);
    assert_eq!(release(&dup), INVALID_CALL);
    assert_eq!(guest.lab.counters().releases, 0);
    guest.lab.inject("AcquireNextFrame", 0, TIMEOUT.0).expect("a call");
    assert_eq!([acquire(&dup, 0).code, acquire(&dup, 0).code], [TIMEOUT; 2]);
}
