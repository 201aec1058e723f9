//! States and losses: the points of the checklist about which call is allowed when, and what a loss of the desktop or the device does.
#![cfg(windows)]

mod client;

use client::*;
use rustcam::geometry::Size;
use windows::Win32::Foundation::{E_ACCESSDENIED, E_INVALIDARG};
use windows::Win32::Graphics::Direct3D11::D3D11_MAP_FLAG_DO_NOT_WAIT;
use windows::Win32::Graphics::Dxgi::*;
use windows::Win32::UI::HiDpi::DPI_AWARENESS_CONTEXT_UNAWARE;
use windows_core::{Interface, HRESULT};

const REMOVED: HRESULT = DXGI_ERROR_DEVICE_REMOVED;
const STILL_DRAWING: HRESULT = DXGI_ERROR_WAS_STILL_DRAWING;
const DO_NOT_WAIT: u32 = D3D11_MAP_FLAG_DO_NOT_WAIT.0 as u32;

#[test]
fn every_call_checks_the_state() {
    let client = client("static; lab system memory");
    let dup = client.duplicate();
    // Idle, before and after the only frame.
    let idle = [TIMEOUT, INVALID_CALL, INVALID_CALL, INVALID_CALL, INVALID_CALL, INVALID_CALL, INVALID_CALL];
    assert_eq!(codes(&dup)[1..2], [OK], "the first acquire succeeds");
    assert_eq!(codes(&dup), idle);
    drop(dup);
    // Owned, and mapped.
    let dup = client.duplicate();
    frame(&dup, 0);
    assert_eq!(
        (dirty(&dup, 9).0, moves(&dup, 9).0, shape(&dup, 9999).0, unmap_surface(&dup)),
        (OK, OK, OK, INVALID_CALL)
    );
    assert_eq!(map_surface(&dup).0, OK);
    assert_eq!((dirty(&dup, 9).0, moves(&dup, 9).0, shape(&dup, 9999).0), (OK, OK, OK));
    // Null pointers are checked before the state.
    // SAFETY: null is what is tested.
    let null = unsafe {
        (Interface::vtable(&dup).AcquireNextFrame)(dup.as_raw(), 0, std::ptr::null_mut(), std::ptr::null_mut())
    };
    assert_eq!(null, E_INVALIDARG);
}

#[test]
fn a_mapped_desktop_is_unmapped_before_its_release() {
    let client = client("static; rotation 90; lab system memory");
    let dup = client.duplicate();
    // SAFETY: a live object.
    assert!(unsafe { dup.GetDesc() }.DesktopImageInSystemMemory.as_bool());
    frame(&dup, 0);
    let (code, mapped) = map_surface(&dup);
    assert_eq!((code, mapped.Pitch), (OK, 200 * 4 + 52));
    let rows = (0..320).flat_map(|y| {
        // SAFETY: mapped rows of a rotated desktop of 320x200.
        unsafe { std::slice::from_raw_parts(mapped.pBits.add(y * mapped.Pitch as usize), 800) }.to_vec()
    });
    assert_same(&rows.collect::<Vec<_>>(), &client.expected(1), "the mapped desktop");
    assert_eq!((map_surface(&dup).0, release(&dup), acquire(&dup, 0).code), (INVALID_CALL, INVALID_CALL, INVALID_CALL));
    assert_eq!((unmap_surface(&dup), unmap_surface(&dup), release(&dup)), (OK, INVALID_CALL, OK));
    assert_eq!(client.lab.counters().release_while_mapped, 1);
    drop((dup, client));
    let ordinary = self::client("static");
    let dup = ordinary.duplicate();
    frame(&dup, 0);
    assert_eq!(map_surface(&dup).0, DXGI_ERROR_UNSUPPORTED);
}

#[test]
fn point_07_a_loss_stays_and_the_lost_object_blocks_a_new_one() {
    let client = client("refresh 10; at 150ms lose access");
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    let owned = frame(&dup, 100).texture();
    // Lost while a frame is acquired: the next call reports it; the texture keeps its pixels.
    assert_eq!(acquire(&dup, 100).code, INVALID_CALL, "no time passes without a wait");
    done(&dup);
    assert_eq!(acquire(&dup, 100).code, LOST);
    assert_eq!(client.ms(), 150);
    assert_eq!(codes(&dup), [LOST; 7]);
    client.assert_shows(&owned, 2);
    // SAFETY: a live object.
    assert_eq!(unsafe { dup.GetDesc() }.ModeDesc.Width, 320);
    assert_eq!(client.try_duplicate().err(), Some(E_INVALIDARG));
    assert_eq!(client.lab.counters().duplicate_while_live, 1);
    drop(dup);
    let again = client.duplicate();
    client.assert_shows(&frame(&again, 0).texture(), 2);
}

#[test]
fn point_08_getting_the_desktop_back_takes_time_and_may_bring_another() {
    let client = client("static; at 100ms lose access for 200ms; at 500ms mode 400x300@144; at 800ms rotate 90");
    let dup = client.duplicate();
    frame(&dup, 0);
    assert_eq!(acquire(&dup, 100).code, INVALID_CALL);
    done(&dup);
    assert_eq!(acquire(&dup, 1000).code, LOST);
    drop(dup);
    assert_eq!(client.try_duplicate().err(), Some(E_ACCESSDENIED));
    assert_eq!(client.try_duplicate().err(), Some(E_ACCESSDENIED));
    drop(client);

    let client = self::client("static; at 500ms mode 400x300@144; at 800ms rotate 90; at 900ms unplug for 0ms");
    // SAFETY: a live object.
    assert!(unsafe { client.factory.IsCurrent() }.as_bool());
    for (ms, size, texture, hz) in [(500, (400, 300), (400, 300), 144), (800, (300, 400), (400, 300), 144)] {
        let dup = client.duplicate();
        frame(&dup, 0);
        done(&dup);
        assert_eq!(acquire(&dup, 10_000).code, LOST);
        assert_eq!(client.ms(), ms);
        // SAFETY: a live object.
        assert!(!unsafe { client.factory.IsCurrent() }.as_bool());
        drop(dup);
        let again = client.duplicate();
        // SAFETY: live objects.
        let (desc, place) = unsafe { (again.GetDesc(), client.output.GetDesc().expect("a description")) };
        assert_eq!((desc.ModeDesc.Width, desc.ModeDesc.Height), size);
        assert_eq!(desc.ModeDesc.RefreshRate.Numerator / desc.ModeDesc.RefreshRate.Denominator, hz);
        assert_eq!((place.DesktopCoordinates.right, place.DesktopCoordinates.bottom), (size.0 as i32, size.1 as i32));
        let got = describe(&frame(&again, 0).texture());
        assert_eq!((got.Width, got.Height), texture);
        done(&again);
    }
    assert_eq!(client.lab.world().size(99), Size::new(300, 400));
    // Unplugged and plugged in again: this factory and its outputs are useless.
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    assert_eq!(acquire(&dup, 10_000).code, LOST);
    drop(dup);
    assert_eq!(client.try_duplicate().err(), Some(DXGI_ERROR_UNSUPPORTED));
    let (factory, adapter) = new_factory();
    // SAFETY: live objects.
    let output = unsafe {
        assert!(factory.IsCurrent().as_bool());
        // SAFETY: as above.
        let stale = client.adapter.EnumOutputs(0).expect("an old output");
        assert_eq!(try_duplicate(&stale, &client.device).err(), Some(DXGI_ERROR_UNSUPPORTED));
        adapter.EnumOutputs(0).expect("an output")
    };
    assert!(try_duplicate(&output, &client.device).is_ok());
}

#[test]
fn point_08_an_unplugged_output_cannot_be_found() {
    // Without a duplication, virtual time passes in slow reads.
    let client = client("static; slow reads 20ms; at 50ms unplug for 100ms; at 250ms lose access for 50ms");
    let dup = client.duplicate();
    let texture = frame(&dup, 0).texture();
    let (staging, other) = (client.staging(&texture), client.staging(&texture));
    let pass_time = || {
        // SAFETY: same size and format.
        unsafe { client.context.CopyResource(&staging, &other) };
        client.mapped(&staging);
    };
    done(&dup);
    assert_eq!(acquire(&dup, 1000).code, LOST);
    drop(dup);
    // SAFETY: plain enumeration.
    assert_eq!(unsafe { client.adapter.EnumOutputs(0) }.err().map(|e| e.code()), Some(DXGI_ERROR_NOT_FOUND));
    assert_eq!(client.try_duplicate().err(), Some(DXGI_ERROR_NOT_FOUND));
    // A program that waits creates everything anew, until that works.
    let find = || {
        let (_factory, adapter) = new_factory();
        // SAFETY: plain enumeration.
        unsafe { adapter.EnumOutputs(0) }
            .map_err(|e| e.code())
            .and_then(|output| try_duplicate(&output, &client.device))
    };
    let again = |code: HRESULT| loop {
        match find() {
            Ok(dup) => break dup,
            Err(got) => assert_eq!(got, code),
        }
        pass_time();
    };
    let dup = again(DXGI_ERROR_NOT_FOUND);
    assert_eq!(client.ms(), 150);
    frame(&dup, 0);
    done(&dup);
    assert_eq!(acquire(&dup, 1000).code, LOST);
    assert_eq!(client.ms(), 250);
    drop(dup);
    let dup = again(E_ACCESSDENIED);
    assert_eq!(client.ms(), 310);
    frame(&dup, 0);
}

#[test]
fn point_09_positive_codes_come_without_a_resource() {
    let client = client("static");
    let dup = client.duplicate();
    for code in [0x80, 0x102] {
        client.lab.inject("AcquireNextFrame", 1, code).expect("a call");
        let answer = acquire(&dup, 0);
        assert_eq!((answer.code, answer.resource.is_none()), (HRESULT(code), true));
        assert_eq!(answer.info.LastPresentTime as u64, 0xCCCC_CCCC_CCCC_CCCC);
    }
    frame(&dup, 0);
    done(&dup);
    assert_eq!(acquire(&dup, 0).info.AccumulatedFrames, 0xCCCC_CCCC, "nothing usable after a timeout");
}

#[test]
fn point_10_after_an_unexpected_invalid_call_release_and_retry_work() {
    let client = client("static");
    let dup = client.duplicate();
    client.lab.inject("AcquireNextFrame", 1, INVALID_CALL.0).expect("a call");
    assert_eq!(acquire(&dup, 0).code, INVALID_CALL);
    assert_eq!(release(&dup), INVALID_CALL);
    frame(&dup, 0);
    done(&dup);
    assert_eq!(client.lab.counters().acquire_while_owned, 0, "not the program's fault");
    assert_eq!(client.lab.counters().release_without_frame, 0, "the release is allowed");
    assert_eq!(release(&dup), INVALID_CALL);
    assert_eq!(client.lab.counters().release_twice, 1);
    // After that code the program has no frame.
    assert_eq!(acquire(&dup, 0).code, TIMEOUT);
    assert_eq!(release(&dup), INVALID_CALL);
    assert_eq!(client.lab.counters().release_without_frame, 1);
}

#[test]
fn point_15_a_map_may_have_to_wait_and_may_find_the_device_removed() {
    let client = client("static; slow reads 5ms");
    let dup = client.duplicate();
    let texture = frame(&dup, 0).texture();
    let staging = client.staging_copy(&texture);
    done(&dup);
    for _ in 0..3 {
        assert_eq!(client.map(&staging, DO_NOT_WAIT).0, STILL_DRAWING);
    }
    assert_eq!(acquire(&dup, 2).code, TIMEOUT);
    assert_eq!(client.map(&staging, DO_NOT_WAIT).0, STILL_DRAWING);
    assert_eq!(client.map(&staging, 0).0, OK);
    assert_eq!(client.ms(), 5);
    // SAFETY: mapped above.
    unsafe { client.context.Unmap(&staging, 0) };
    assert_eq!(client.lab.counters().maps_still_drawing, 4);
    client.lab.inject("Map", 1, STILL_DRAWING.0).expect("a call");
    assert_eq!((client.map(&staging, DO_NOT_WAIT).0, client.map(&staging, DO_NOT_WAIT).0), (STILL_DRAWING, OK));
    // SAFETY: mapped above.
    unsafe { client.context.Unmap(&staging, 0) };
    client.lab.inject("Map", 1, REMOVED.0).expect("a call");
    assert_eq!(client.map(&staging, 0).0, REMOVED);
    // A removed device stays removed.
    assert_eq!(codes(&dup), [REMOVED; 7]);
    assert_eq!((client.map(&staging, 0).0, client.try_staging(&texture, None).err()), (REMOVED, Some(REMOVED)));
    // SAFETY: a live object.
    assert_eq!(unsafe { client.device.GetDeviceRemovedReason() }.err().map(|e| e.code()), Some(REMOVED));
    drop(dup);
    assert_eq!(client.try_duplicate().err(), Some(REMOVED));
    let (device, _context) = new_device(&client.adapter);
    assert!(try_duplicate(&client.output, &device).is_ok());
}

#[test]
fn point_15_after_a_scripted_loss_of_the_device_a_new_one_works() {
    let client = client("static; at 10ms lose device");
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    assert_eq!(acquire(&dup, 100).code, REMOVED);
    drop(dup);
    assert_eq!(client.try_duplicate().err(), Some(REMOVED));
    let (device, _context) = new_device(&client.adapter);
    let dup = try_duplicate(&client.output, &device).expect("a duplication");
    assert_eq!(acquire(&dup, 0).code, OK);
}

#[test]
fn point_16_duplications_are_limited() {
    let client = client("static; outputs 2; lab adapters 2");
    let dup = client.duplicate();
    assert_eq!(client.try_duplicate().err(), Some(E_INVALIDARG), "twice the same output");
    // SAFETY: plain enumeration.
    let (second, other, third, none) = unsafe {
        let other = client.factory.EnumAdapters1(1).expect("a second adapter");
        let none = other.EnumOutputs(0).err().map(|e| e.code());
        (client.adapter.EnumOutputs(1).expect("an output"), other, client.factory.EnumAdapters1(2), none)
    };
    assert_eq!((third.is_err(), none), (true, Some(DXGI_ERROR_NOT_FOUND)));
    let both = try_duplicate(&second, &client.device).expect("another output");
    drop(both);
    let (device, _context) = new_device(&other);
    assert_eq!(try_duplicate(&second, &device).err(), Some(E_INVALIDARG), "a device of another adapter");
    // SAFETY: live objects.
    let luids = unsafe {
        (client.adapter.GetDesc1().map(|d| d.AdapterLuid.LowPart), other.GetDesc1().map(|d| d.AdapterLuid.LowPart))
    };
    assert_ne!(luids.0.ok(), luids.1.ok());
    drop(dup);
    let before = dpi(DPI_AWARENESS_CONTEXT_UNAWARE);
    assert_eq!(client.try_duplicate1_as_is(&[Common::DXGI_FORMAT_B8G8R8A8_UNORM]).err(), Some(DXGI_ERROR_UNSUPPORTED));
    assert!(client.try_duplicate().is_ok(), "the old call does not check");
    dpi(before);
    assert!(client.try_duplicate1(&[Common::DXGI_FORMAT_B8G8R8A8_UNORM]).is_ok());
    drop((device, client));
    let crowded = self::client("static; lab others 4");
    assert_eq!(crowded.try_duplicate().err(), Some(DXGI_ERROR_NOT_CURRENTLY_AVAILABLE));
    drop(crowded);
    assert!(self::client("static; lab others 3").try_duplicate().is_ok());
}
