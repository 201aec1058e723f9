//! Injected failures of the calls that create factories, adapters and devices: for every way to call them, and only until they are removed.
#![cfg(windows)]

mod client;

use std::ffi::c_void;

use client::*;
use windows::Win32::Foundation::{E_FAIL, E_NOINTERFACE, E_OUTOFMEMORY};
use windows::Win32::Graphics::Dxgi::*;
use windows::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_core::{s, Interface, GUID, HRESULT};

type CreateFactory = unsafe extern "system" fn(*const GUID, *mut *mut c_void) -> HRESULT;

/// `CreateDXGIFactory1` for a program that is not linked with it.
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
fn an_injected_failure_of_a_factory_reaches_every_caller() {
    let client = Client::new("static");
    assert_eq!((factory_by_import(), factory_by_name()), (OK, OK));
    client.lab.inject("CreateDXGIFactory1", 0, E_FAIL.0).expect("a call");
    assert_eq!((factory_by_import(), factory_by_name()), (E_FAIL, E_FAIL));
    assert_eq!(client.lab.counters().injected, 2);
    client.lab.heal();
    assert_eq!((factory_by_import(), factory_by_name()), (OK, OK));
    let kept = by_name();
    client.lab.inject("CreateDXGIFactory1", 0, E_FAIL.0).expect("a call");
    drop(client);
    assert_ne!(kept as usize, by_name() as usize, "the export table is restored");
    assert_eq!((factory_by_import(), factory_by_name()), (OK, OK));
    let mut out = std::ptr::null_mut();
    // SAFETY: both pointers are valid; the made factory gets an owner.
    unsafe {
        assert_eq!(kept(&IDXGIFactory1::IID, &raw mut out), OK, "the address of the hook still works");
        drop(IDXGIFactory1::from_raw(out));
    }
    // And again.
    let client = Client::new("static");
    client.lab.inject("CreateDXGIFactory1", 1, E_FAIL.0).expect("a call");
    assert_eq!((factory_by_name(), factory_by_import()), (E_FAIL, OK));
}

#[test]
fn injected_failures_reach_adapters_devices_and_interfaces() {
    let client = Client::new("static");
    client.lab.inject("EnumAdapters1", 1, E_OUTOFMEMORY.0).expect("a call");
    client.lab.inject("EnumAdapters", 1, E_FAIL.0).expect("a call");
    // SAFETY: plain enumeration.
    unsafe {
        assert_eq!(client.factory.EnumAdapters1(0).err().map(|e| e.code()), Some(E_OUTOFMEMORY));
        assert_eq!(client.factory.EnumAdapters(0).err().map(|e| e.code()), Some(E_FAIL));
        assert!(client.factory.EnumAdapters1(0).is_ok() && client.factory.EnumAdapters(0).is_ok());
    }
    client.lab.inject("D3D11CreateDevice", 1, DXGI_ERROR_UNSUPPORTED.0).expect("a call");
    assert_eq!(try_new_device(&client.adapter).err(), Some(DXGI_ERROR_UNSUPPORTED));
    assert!(try_new_device(&client.adapter).is_ok());
    client.lab.inject("QueryOutput1", 0, E_NOINTERFACE.0).expect("a call");
    assert_eq!(client.output.cast::<IDXGIOutput1>().err().map(|e| e.code()), Some(E_NOINTERFACE));
    assert!(client.output.cast::<IDXGIOutput5>().is_ok());
    client.lab.heal();
    client.lab.inject("QueryOutput5", 0, E_NOINTERFACE.0).expect("a call");
    assert_eq!(client.output.cast::<IDXGIOutput5>().err().map(|e| e.code()), Some(E_NOINTERFACE));
    assert!(client.output.cast::<IDXGIOutput1>().is_ok());
}

#[test]
fn devices_and_textures_are_counted_as_long_as_they_exist() {
    let client = Client::new("static");
    let dup = client.duplicate();
    let live = || {
        let counters = client.lab.counters();
        (counters.live_devices, counters.live_textures)
    };
    assert_eq!(live(), (1, 0), "the lab's own textures do not count");
    let texture = frame(&dup, 0).texture();
    let staging = client.staging(&texture);
    assert_eq!(live(), (1, 1));
    drop(staging);
    assert_eq!(live(), (1, 0));
    done(&dup);
    drop((dup, texture));
    let Client { context, device, output, adapter, factory, lab, _serial: serial } = client;
    drop((context, device));
    assert_eq!(lab.counters().live_devices, 0);
    drop((output, adapter, factory, lab, serial));
}
