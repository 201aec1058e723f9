//! What the program has queued and the device has not begun.

use windows::Win32::Graphics::Direct3D11::{ID3D11Resource, D3D11_BOX};

/// A copy. Without a `part` it copies everything.
pub(crate) struct QueuedCopy {
    pub(crate) to: ID3D11Resource,
    pub(crate) to_sub: u32,
    pub(crate) place: [u32; 3],
    pub(crate) from: ID3D11Resource,
    pub(crate) from_sub: u32,
    pub(crate) part: Option<D3D11_BOX>,
}
