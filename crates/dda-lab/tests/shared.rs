//! Shared textures, in raw calls.
#![cfg(windows)]

mod client;

use client::Client;
use windows::Win32::Foundation::{CloseHandle, E_INVALIDARG, E_NOINTERFACE, HANDLE};
use windows::Win32::Graphics::Direct3D11::*;
use windows::Win32::Graphics::Dxgi::Common::{DXGI_FORMAT_B8G8R8A8_UNORM, DXGI_SAMPLE_DESC};
use windows::Win32::Graphics::Dxgi::{
    IDXGIKeyedMutex, IDXGIResource1, DXGI_SHARED_RESOURCE_READ, DXGI_SHARED_RESOURCE_WRITE,
};
use windows_core::{Interface, HRESULT};

const NT: i32 = D3D11_RESOURCE_MISC_SHARED_NTHANDLE.0;
const PLAIN: i32 = D3D11_RESOURCE_MISC_SHARED.0 | NT;
const KEYED: i32 = D3D11_RESOURCE_MISC_SHARED_KEYEDMUTEX.0 | NT;
const ACCESS: u32 = DXGI_SHARED_RESOURCE_READ.0 | DXGI_SHARED_RESOURCE_WRITE.0;

fn texture(device: &ID3D11Device, flags: i32) -> ID3D11Texture2D {
    let desc = D3D11_TEXTURE2D_DESC {
        Width: 4,
        Height: 2,
        MipLevels: 1,
        ArraySize: 1,
        Format: DXGI_FORMAT_B8G8R8A8_UNORM,
        SampleDesc: DXGI_SAMPLE_DESC { Count: 1, Quality: 0 },
        BindFlags: (D3D11_BIND_SHADER_RESOURCE.0 | D3D11_BIND_RENDER_TARGET.0) as u32,
        MiscFlags: flags as u32,
        ..Default::default()
    };
    let mut texture = None;
    // SAFETY: both pointers are valid for the call.
    unsafe { device.CreateTexture2D(&raw const desc, None, Some(&raw mut texture)) }.expect("a texture");
    texture.expect("a texture")
}

fn share(texture: &ID3D11Texture2D) -> windows_core::Result<HANDLE> {
    // SAFETY: no attributes, no name.
    unsafe { texture.cast::<IDXGIResource1>()?.CreateSharedHandle(None, ACCESS, None) }
}

fn open(device: &ID3D11Device, handle: HANDLE) -> windows_core::Result<ID3D11Texture2D> {
    // SAFETY: any handle may be tried.
    unsafe { device.cast::<ID3D11Device1>()?.OpenSharedResource1(handle) }
}

fn acquire(mutex: &IDXGIKeyedMutex, key: u64) -> i32 {
    // SAFETY: a live object.
    let HRESULT(code) = unsafe { (mutex.vtable().AcquireSync)(mutex.as_raw(), key, 0) };
    code
}

#[test]
fn a_handle_is_created_once_and_opens_the_texture_on_another_device() {
    let client = Client::new("size 64x48; static");
    let _duplication = client.duplicate();
    let shared = texture(&client.device, PLAIN);
    assert_eq!(texture(&client.device, 0).cast::<IDXGIResource1>().expect_err("not shared").code(), E_NOINTERFACE);
    assert_eq!(shared.cast::<IDXGIKeyedMutex>().expect_err("no mutex").code(), E_NOINTERFACE);
    let handle = share(&shared).expect("a handle");
    assert_eq!(client.lab.counters().open_handles, 1);
    assert_eq!(share(&shared).expect_err("a second handle").code(), E_INVALIDARG);
    assert_eq!(client.lab.counters().shared_twice, 1);
    let (other, _context) = client::new_device(&client.adapter);
    let opened = open(&other, handle).expect("the same adapter");
    assert_ne!(opened.as_raw(), shared.as_raw());
    // SAFETY: ours, and closed once.
    unsafe { CloseHandle(handle) }.expect("closed");
    assert_eq!(client.lab.counters().open_handles, 0);
    assert_eq!(open(&other, handle).expect_err("closed").code(), E_INVALIDARG);
    assert_eq!(open(&other, HANDLE(4 as _)).expect_err("something else").code(), E_INVALIDARG);
}

#[test]
fn a_mutex_passes_between_two_textures_and_is_abandoned_when_its_owner_ends() {
    let client = Client::new("size 64x48; static");
    let _duplication = client.duplicate();
    let shared = texture(&client.device, KEYED);
    let handle = share(&shared).expect("a handle");
    let (other, _context) = client::new_device(&client.adapter);
    let opened = open(&other, handle).expect("the same adapter");
    let (ours, theirs): (IDXGIKeyedMutex, IDXGIKeyedMutex) =
        (shared.cast().expect("a mutex"), opened.cast().expect("a mutex"));
    assert_eq!((acquire(&theirs, 1), acquire(&ours, 0), acquire(&theirs, 0)), (0x102, 0, 0x102));
    // SAFETY: live objects.
    unsafe { ours.ReleaseSync(1) }.expect("acquired");
    assert_eq!((acquire(&ours, 0), acquire(&theirs, 1)), (0x102, 0));
    assert_eq!(client.lab.counters().key_out_of_order, 0);
    drop((theirs, opened));
    assert_eq!((acquire(&ours, 0), acquire(&ours, 1)), (0x80, 0x80));
    // SAFETY: ours, and closed once.
    unsafe { CloseHandle(handle) }.expect("closed");
}
