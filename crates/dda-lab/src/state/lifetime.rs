//! Counting objects of other DLLs for as long as they exist.

use std::sync::atomic::AtomicU64;
use std::sync::Arc;

use windows::Win32::Graphics::Direct3D11::{ID3D11Device, ID3D11DeviceChild};
use windows::Win32::System::Com::{IAgileObject, IAgileObject_Impl};
use windows_core::{implement, GUID};

use crate::counters::{count, discount, AtomicCounters};

/// Under which objects keep their token.
static TOKEN: GUID = GUID::from_u128(0x6c61_622d_6365_6e73_9d3c_27f0_5e18_b402);

/// Private data of an object, which the object releases when it ends: until then it is counted.
#[implement(IAgileObject)]
struct Token {
    counters: Arc<AtomicCounters>,
    counter: fn(&AtomicCounters) -> &AtomicU64,
}

impl Token {
    fn create(counters: &Arc<AtomicCounters>, counter: fn(&AtomicCounters) -> &AtomicU64) -> IAgileObject {
        count(counter(counters));
        Self { counters: Arc::clone(counters), counter }.into()
    }
}

impl IAgileObject_Impl for Token_Impl {}

impl Drop for Token {
    fn drop(&mut self) {
        discount((self.counter)(&self.counters));
    }
}

/// Counts a device among `live_devices`. One that keeps no private data is not counted.
pub(crate) fn count_device(counters: &Arc<AtomicCounters>, device: &ID3D11Device) {
    let token = Token::create(counters, |counters| &counters.live_devices);
    // SAFETY: the pointer is valid for the call; the device takes a reference of its own.
    let _ = unsafe { device.SetPrivateDataInterface(&raw const TOKEN, &token) };
}

/// Counts a texture among `live_textures`.
pub(crate) fn count_texture(counters: &Arc<AtomicCounters>, texture: &ID3D11DeviceChild) {
    let token = Token::create(counters, |counters| &counters.live_textures);
    // SAFETY: the pointer is valid for the call; the texture takes a reference of its own.
    let _ = unsafe { texture.SetPrivateDataInterface(&raw const TOKEN, &token) };
}
