//! What every Windows backend does with the images it gets: keeps copies of them on the device and where the processor reads them,
//! remembers damage image by image, and renders textures that other devices open. It does not know where the images come from: that is
//! a [`feed::Feed`].

mod changes;
mod fair_mutex;
mod ring;
mod shader_data;

#[cfg(windows)]
mod bounce;
#[cfg(windows)]
mod copies;
#[cfg(windows)]
pub(super) mod device;
#[cfg(windows)]
pub(super) mod failure;
#[cfg(windows)]
pub(super) mod feed;
#[cfg(windows)]
mod rendered;
#[cfg(windows)]
mod renderer;
#[cfg(windows)]
pub(super) mod screen;
#[cfg(windows)]
mod shaders;
#[cfg(windows)]
pub(super) mod shared_screen;
#[cfg(windows)]
mod shared_texture;
#[cfg(windows)]
mod sharing;
#[cfg(windows)]
mod source;

#[cfg(windows)]
pub(super) use source::D3d11Source;
