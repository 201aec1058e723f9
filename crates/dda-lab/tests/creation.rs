//! The calls with which everything begins fail on demand, however they are reached, and not a moment longer.
#![cfg(windows)]

mod guest;

use std::ffi::c_void;

use guest::*;
use windows::Win32::Foundation::{E_FAIL, E_NOINTERFACE, E_OUTOFMEMORY};
use windows::Win32::Graphics::Dxgi::*;
use windows::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_core::{s, Interface, GUID, HRESULT};

type CreateFactory = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;

/// `CreateDXGIFactory1` as a program finds it that was not linked with it.
fn by_name() -> CreateFactory {
    // SAFETY: a function of that name and type.
    unsafe {
        let dxgi = GetModuleHandleA(s!("dxgi.dll")).expect("loaded");
        std::mem::transmute(GetProcAddress(dxgi, s!("CreateDXGIFactory1")).expect("exported"))
    }
}

fn factory_by_name() -> HRESULT {
    let mut out = std::ptr::dangling_mut();
    // SAFETY: both pointers are valid; a made factory gets an owner.
    unsafe {
        let code = by_name()(&IDXGIFactory1::IID, &raw mut out);
        if code.is_ok() {
            drop(IDXGIFactory1::from_raw(out));
        } else {
            assert!(out.is_null());
        }
        code
    }
}

fn factory_by_import() -> HRESULT {
    // SAFETY: plain creation.
    unsafe { CreateDXGIFactory1::<IDXGIFactory1>() }.map_or_else(|error| error.code(), |_| OK)
}

#[test]
fn a_factory_is_refused_whoever_asks() {
    let guest = Guest::new("static");
    assert_eq!((factory_by_import(), factory_by_name()), (OK, OK));
    guest.lab.inject("CreateDXGIFactory1", 0, E_FAIL.0).expect("a call");
    assert_eq!((factory_by_import(), factory_by_name()), (E_FAIL, E_FAIL));
    assert_eq!(guest.lab.counters().injected, 2);
    guest.lab.heal();
    assert_eq!((factory_by_import(), factory_by_name()), (OK, OK));
    let kept = by_name();
    guest.lab.inject("CreateDXGIFactory1", 0, E_FAIL.0).expect("a call");
    drop(guest);
    assert_ne!(kept as usize, by_name() as usize, "the export is what it was");
    assert_eq!((factory_by_import(), factory_by_name()), (OK, OK));
    let mut out = std::ptr::null_mut();
    // SAFETY: both pointers are valid; the made factory gets an owner.
    unsafe {
        assert_eq!(kept(&IDXGIFactory1::IID, &raw mut out), OK, "who kept the address is led on");
        drop(IDXGIFactory1::from_raw(out));
    }
    // And again.
    let guest = Guest::new("static");
    guest.lab.inject("CreateDXGIFactory1", 1, E_FAIL.0).expect("a call");
    assert_eq!((factory_by_name(), factory_by_import()), (E_FAIL, OK));
}

#[test]
fn adapters_devices_and_interfaces_are_refused() {
    let guest = Guest::new("static");
    guest.lab.inject("EnumAdapters1", 1, E_OUTOFMEMORY.0).expect("a call");
    guest.lab.inject("EnumAdapters", 1, E_FAIL.0).expect("a call");
    // SAFETY: plain enumeration.
    unsafe {
        assert_eq!(guest.factory.EnumAdapters1(0).err().map(|e| e.code()), Some(E_OUTOFMEMORY));
        assert_eq!(guest.factory.EnumAdapters(0).err().map(|e| e.code()), Some(E_FAIL));
        assert!(guest.factory.EnumAdapters1(0).is_ok() && guest.factory.EnumAdapters(0).is_ok());
    }
    guest.lab.inject("D3D11CreateDevice", 1, DXGI_ERROR_UNSUPPORTED.0).expect("a call");
    assert_eq!(try_new_device(&guest.adapter).err(), Some(DXGI_ERROR_UNSUPPORTED));
    assert!(try_new_device(&guest.adapter).is_ok());
    guest.lab.inject("QueryOutput1", 0, E_NOINTERFACE.0).expect("a call");
    assert_eq!(guest.output.cast::<IDXGIOutput1>().err().map(|e| e.code()), Some(E_NOINTERFACE));
    assert!(guest.output.cast::<IDXGIOutput5>().is_ok());
    guest.lab.heal();
    guest.lab.inject("QueryOutput5", 0, E_NOINTERFACE.0).expect("a call");
    assert_eq!(guest.output.cast::<IDXGIOutput5>().err().map(|e| e.code()), Some(E_NOINTERFACE));
    assert!(guest.output.cast::<IDXGIOutput1>().is_ok());
}

#[test]
fn devices_and_textures_are_counted_as_long_as_they_live() {
    let guest = Guest::new("static");
    let dup = guest.duplicate();
    let live = || {
        let counters = guest.lab.counters();
        (counters.live_devices, counters.live_textures)
    };
    assert_eq!(live(), (1, 0), "textures of the laboratory are nobody's business");
    let texture = frame(&dup, 0).texture();
    let staging = guest.staging(&texture);
    assert_eq!(live(), (1, 1));
    drop(staging);
    assert_eq!(live(), (1, 0));
    done(&dup);
    drop((dup, texture));
    let Guest { context, device, output, adapter, factory, lab, _turn: turn } = guest;
    drop((context, device));
    assert_eq!(lab.counters().live_devices, 0);
    drop((output, adapter, factory, lab, turn));
}
