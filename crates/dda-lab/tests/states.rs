//! States and losses: the points of the checklist about what is allowed when, and what is lost how.
#![cfg(windows)]

mod guest;

use guest::*;
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
fn every_call_knows_its_state() {
    let guest = guest("static; lab system memory");
    let dup = guest.duplicate();
    // Idle, before and after the one frame there is.
    let idle = [TIMEOUT, INVALID_CALL, INVALID_CALL, INVALID_CALL, INVALID_CALL, INVALID_CALL, INVALID_CALL];
    assert_eq!(answers(&dup)[1..2], [OK], "the first acquire succeeds");
    assert_eq!(answers(&dup), idle);
    drop(dup);
    // Owned, and mapped.
    let dup = guest.duplicate();
    frame(&dup, 0);
    assert_eq!(
        (dirty(&dup, 9).0, moves(&dup, 9).0, shape(&dup, 9999).0, unmap_surface(&dup)),
        (OK, OK, OK, INVALID_CALL)
    );
    assert_eq!(map_surface(&dup).0, OK);
    assert_eq!((dirty(&dup, 9).0, moves(&dup, 9).0, shape(&dup, 9999).0), (OK, OK, OK));
    // Null pointers come before states.
    // SAFETY: null is what is tested.
    let null = unsafe {
        (Interface::vtable(&dup).AcquireNextFrame)(dup.as_raw(), 0, std::ptr::null_mut(), std::ptr::null_mut())
    };
    assert_eq!(null, E_INVALIDARG);
}

#[test]
fn a_mapped_desktop_is_unmapped_before_its_release() {
    let guest = guest("static; rotation 90; lab system memory");
    let dup = guest.duplicate();
    // SAFETY: a live object.
    assert!(unsafe { dup.GetDesc() }.DesktopImageInSystemMemory.as_bool());
    frame(&dup, 0);
    let (code, mapped) = map_surface(&dup);
    assert_eq!((code, mapped.Pitch), (OK, 200 * 4 + 52));
    let rows = (0..320).flat_map(|y| {
        // SAFETY: mapped rows of a turned desktop of 320x200.
        unsafe { std::slice::from_raw_parts(mapped.pBits.add(y * mapped.Pitch as usize), 800) }.to_vec()
    });
    assert_same(&rows.collect::<Vec<_>>(), &guest.expected(1), "the mapped desktop");
    assert_eq!((map_surface(&dup).0, release(&dup), acquire(&dup, 0).code), (INVALID_CALL, INVALID_CALL, INVALID_CALL));
    assert_eq!((unmap_surface(&dup), unmap_surface(&dup), release(&dup)), (OK, INVALID_CALL, OK));
    assert_eq!(guest.lab.counters().release_while_mapped, 1);
    drop((dup, guest));
    let ordinary = self::guest("static");
    let dup = ordinary.duplicate();
    frame(&dup, 0);
    assert_eq!(map_surface(&dup).0, DXGI_ERROR_UNSUPPORTED);
}

#[test]
fn point_07_a_loss_is_sticky_and_the_lost_object_is_in_the_way() {
    let guest = guest("refresh 10; at 150ms lose access");
    let dup = guest.duplicate();
    frame(&dup, 0);
    done(&dup);
    let owned = frame(&dup, 100).texture();
    // Lost while owned: told by the next call, not in hindsight; the texture keeps its pixels.
    assert_eq!(acquire(&dup, 100).code, INVALID_CALL, "no time passes without a wait");
    done(&dup);
    assert_eq!(acquire(&dup, 100).code, LOST);
    assert_eq!(guest.ms(), 150);
    assert_eq!(answers(&dup), [LOST; 7]);
    guest.assert_shows(&owned, 2);
    // SAFETY: a live object.
    assert_eq!(unsafe { dup.GetDesc() }.ModeDesc.Width, 320);
    assert_eq!(guest.try_duplicate().err(), Some(E_INVALIDARG));
    assert_eq!(guest.lab.counters().duplicate_while_live, 1);
    drop(dup);
    let again = guest.duplicate();
    guest.assert_shows(&frame(&again, 0).texture(), 2);
}

#[test]
fn point_08_getting_the_desktop_back_takes_time_and_may_bring_another() {
    let guest = guest("static; at 100ms lose access for 200ms; at 500ms mode 400x300@144; at 800ms rotate 90");
    let dup = guest.duplicate();
    frame(&dup, 0);
    assert_eq!(acquire(&dup, 100).code, INVALID_CALL);
    done(&dup);
    assert_eq!(acquire(&dup, 1000).code, LOST);
    drop(dup);
    assert_eq!(guest.try_duplicate().err(), Some(E_ACCESSDENIED));
    assert_eq!(guest.try_duplicate().err(), Some(E_ACCESSDENIED));
    drop(guest);

    let guest = self::guest("static; at 500ms mode 400x300@144; at 800ms rotate 90; at 900ms unplug for 0ms");
    // SAFETY: a live object.
    assert!(unsafe { guest.factory.IsCurrent() }.as_bool());
    for (ms, size, texture, hz) in [(500, (400, 300), (400, 300), 144), (800, (300, 400), (400, 300), 144)] {
        let dup = guest.duplicate();
        frame(&dup, 0);
        done(&dup);
        assert_eq!(acquire(&dup, 10_000).code, LOST);
        assert_eq!(guest.ms(), ms);
        // SAFETY: a live object.
        assert!(!unsafe { guest.factory.IsCurrent() }.as_bool());
        drop(dup);
        let again = guest.duplicate();
        // SAFETY: live objects.
        let (desc, place) = unsafe { (again.GetDesc(), guest.output.GetDesc().expect("a description")) };
        assert_eq!((desc.ModeDesc.Width, desc.ModeDesc.Height), size);
        assert_eq!(desc.ModeDesc.RefreshRate.Numerator / desc.ModeDesc.RefreshRate.Denominator, hz);
        assert_eq!((place.DesktopCoordinates.right, place.DesktopCoordinates.bottom), (size.0 as i32, size.1 as i32));
        let got = describe(&frame(&again, 0).texture());
        assert_eq!((got.Width, got.Height), texture);
        done(&again);
    }
    assert_eq!(guest.lab.world().size(99), Size::new(300, 400));
    // Gone and back: this factory and its outputs are of the past.
    let dup = guest.duplicate();
    frame(&dup, 0);
    done(&dup);
    assert_eq!(acquire(&dup, 10_000).code, LOST);
    drop(dup);
    assert_eq!(guest.try_duplicate().err(), Some(DXGI_ERROR_UNSUPPORTED));
    let (factory, adapter) = new_factory();
    // SAFETY: live objects.
    let output = unsafe {
        assert!(factory.IsCurrent().as_bool());
        // SAFETY: as above.
        let stale = guest.adapter.EnumOutputs(0).expect("an old output");
        assert_eq!(try_duplicate(&stale, &guest.device).err(), Some(DXGI_ERROR_UNSUPPORTED));
        adapter.EnumOutputs(0).expect("an output")
    };
    assert!(try_duplicate(&output, &guest.device).is_ok());
}

#[test]
fn point_08_an_unplugged_output_cannot_be_found() {
    // Without a duplication, virtual time passes in slow reads.
    let guest = guest("static; slow reads 20ms; at 50ms unplug for 100ms; at 250ms lose access for 50ms");
    let dup = guest.duplicate();
    let texture = frame(&dup, 0).texture();
    let (staging, other) = (guest.staging(&texture), guest.staging(&texture));
    let pass_time = || {
        // SAFETY: same size and format.
        unsafe { guest.context.CopyResource(&staging, &other) };
        guest.mapped(&staging);
    };
    done(&dup);
    assert_eq!(acquire(&dup, 1000).code, LOST);
    drop(dup);
    // SAFETY: plain enumeration.
    assert_eq!(unsafe { guest.adapter.EnumOutputs(0) }.err().map(|e| e.code()), Some(DXGI_ERROR_NOT_FOUND));
    assert_eq!(guest.try_duplicate().err(), Some(DXGI_ERROR_NOT_FOUND));
    // What a program does that waits: everything anew, until it works.
    let find = || {
        let (_factory, adapter) = new_factory();
        // SAFETY: plain enumeration.
        unsafe { adapter.EnumOutputs(0) }.map_err(|e| e.code()).and_then(|output| try_duplicate(&output, &guest.device))
    };
    let again = |code: HRESULT| loop {
        match find() {
            Ok(dup) => break dup,
            Err(got) => assert_eq!(got, code),
        }
        pass_time();
    };
    let dup = again(DXGI_ERROR_NOT_FOUND);
    assert_eq!(guest.ms(), 150);
    frame(&dup, 0);
    done(&dup);
    assert_eq!(acquire(&dup, 1000).code, LOST);
    assert_eq!(guest.ms(), 250);
    drop(dup);
    let dup = again(E_ACCESSDENIED);
    assert_eq!(guest.ms(), 310);
    frame(&dup, 0);
}

#[test]
fn point_09_positive_codes_come_without_a_resource() {
    let guest = guest("static");
    let dup = guest.duplicate();
    for code in [0x80, 0x102] {
        guest.lab.inject("AcquireNextFrame", 1, code).expect("a call");
        let answer = acquire(&dup, 0);
        assert_eq!((answer.code, answer.resource.is_none()), (HRESULT(code), true));
        assert_eq!(answer.info.LastPresentTime as u64, 0xCCCC_CCCC_CCCC_CCCC);
    }
    frame(&dup, 0);
    done(&dup);
    assert_eq!(acquire(&dup, 0).info.AccumulatedFrames, 0xCCCC_CCCC, "nothing of use after a timeout");
}

#[test]
fn point_10_an_invalid_call_out_of_the_blue_is_cured_by_release_and_retry() {
    let guest = guest("static");
    let dup = guest.duplicate();
    guest.lab.inject("AcquireNextFrame", 1, INVALID_CALL.0).expect("a call");
    assert_eq!(acquire(&dup, 0).code, INVALID_CALL);
    assert_eq!(release(&dup), INVALID_CALL);
    frame(&dup, 0);
    done(&dup);
    assert_eq!(guest.lab.counters().acquire_while_owned, 0, "not the guest's fault");
    assert_eq!(guest.lab.counters().release_without_frame, 0, "that is the cure");
    assert_eq!(release(&dup), INVALID_CALL);
    assert_eq!(guest.lab.counters().release_twice, 1);
    // Told that there is nothing to release, a guest has nothing.
    assert_eq!(acquire(&dup, 0).code, TIMEOUT);
    assert_eq!(release(&dup), INVALID_CALL);
    assert_eq!(guest.lab.counters().release_without_frame, 1);
}

#[test]
fn point_15_a_map_may_have_to_wait_and_may_find_the_device_gone() {
    let guest = guest("static; slow reads 5ms");
    let dup = guest.duplicate();
    let texture = frame(&dup, 0).texture();
    let staging = guest.staging(&texture);
    // SAFETY: same size and format.
    unsafe { guest.context.CopyResource(&staging, &texture) };
    done(&dup);
    for _ in 0..3 {
        assert_eq!(guest.map(&staging, DO_NOT_WAIT).0, STILL_DRAWING);
    }
    assert_eq!(acquire(&dup, 2).code, TIMEOUT);
    assert_eq!(guest.map(&staging, DO_NOT_WAIT).0, STILL_DRAWING);
    assert_eq!(guest.map(&staging, 0).0, OK);
    assert_eq!(guest.ms(), 5);
    // SAFETY: mapped above.
    unsafe { guest.context.Unmap(&staging, 0) };
    assert_eq!(guest.lab.counters().maps_still_drawing, 4);
    guest.lab.inject("Map", 1, STILL_DRAWING.0).expect("a call");
    assert_eq!((guest.map(&staging, DO_NOT_WAIT).0, guest.map(&staging, DO_NOT_WAIT).0), (STILL_DRAWING, OK));
    // SAFETY: mapped above.
    unsafe { guest.context.Unmap(&staging, 0) };
    guest.lab.inject("Map", 1, REMOVED.0).expect("a call");
    assert_eq!(guest.map(&staging, 0).0, REMOVED);
    // A device does not come back.
    assert_eq!(answers(&dup), [REMOVED; 7]);
    assert_eq!((guest.map(&staging, 0).0, guest.try_staging(&texture).err()), (REMOVED, Some(REMOVED)));
    // SAFETY: a live object.
    assert_eq!(unsafe { guest.device.GetDeviceRemovedReason() }.err().map(|e| e.code()), Some(REMOVED));
    drop(dup);
    assert_eq!(guest.try_duplicate().err(), Some(REMOVED));
    let (device, _context) = new_device(&guest.adapter);
    assert!(try_duplicate(&guest.output, &device).is_ok());
}

#[test]
fn point_15_a_scripted_loss_of_the_device_takes_a_new_one() {
    let guest = guest("static; at 10ms lose device");
    let dup = guest.duplicate();
    frame(&dup, 0);
    done(&dup);
    assert_eq!(acquire(&dup, 100).code, REMOVED);
    drop(dup);
    assert_eq!(guest.try_duplicate().err(), Some(REMOVED));
    let (device, _context) = new_device(&guest.adapter);
    let dup = try_duplicate(&guest.output, &device).expect("a duplication");
    assert_eq!(acquire(&dup, 0).code, OK);
}

#[test]
fn point_16_not_everybody_may_duplicate() {
    let guest = guest("static; outputs 2; lab adapters 2");
    let dup = guest.duplicate();
    assert_eq!(guest.try_duplicate().err(), Some(E_INVALIDARG), "twice the same output");
    // SAFETY: plain enumeration.
    let (second, other, third, none) = unsafe {
        let other = guest.factory.EnumAdapters1(1).expect("a second adapter");
        let none = other.EnumOutputs(0).err().map(|e| e.code());
        (guest.adapter.EnumOutputs(1).expect("an output"), other, guest.factory.EnumAdapters1(2), none)
    };
    assert_eq!((third.is_err(), none), (true, Some(DXGI_ERROR_NOT_FOUND)));
    let both = try_duplicate(&second, &guest.device).expect("another output");
    drop(both);
    let (device, _context) = new_device(&other);
    assert_eq!(try_duplicate(&second, &device).err(), Some(E_INVALIDARG), "a device of another adapter");
    // SAFETY: live objects.
    let luids = unsafe {
        (guest.adapter.GetDesc1().map(|d| d.AdapterLuid.LowPart), other.GetDesc1().map(|d| d.AdapterLuid.LowPart))
    };
    assert_ne!(luids.0.ok(), luids.1.ok());
    drop(dup);
    let before = dpi(DPI_AWARENESS_CONTEXT_UNAWARE);
    assert_eq!(guest.try_duplicate1_as_is(&[Common::DXGI_FORMAT_B8G8R8A8_UNORM]).err(), Some(DXGI_ERROR_UNSUPPORTED));
    assert!(guest.try_duplicate().is_ok(), "the old call does not care");
    dpi(before);
    assert!(guest.try_duplicate1(&[Common::DXGI_FORMAT_B8G8R8A8_UNORM]).is_ok());
    drop((device, guest));
    let crowded = self::guest("static; lab others 4");
    assert_eq!(crowded.try_duplicate().err(), Some(DXGI_ERROR_NOT_CURRENTLY_AVAILABLE));
    drop(crowded);
    assert!(self::guest("static; lab others 3").try_duplicate().is_ok());
}
