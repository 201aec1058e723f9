//! What every Windows backend does with its images: it keeps copies on the device and in memory that the processor reads, records the damage
//! of each image, and renders textures that other devices open. Where the images come from is the business of a [`feed::Feed`].

mod changes;
mod fair_mutex;
mod focus;
mod light_table;
mod look_ahead;
mod ring;
#[cfg_attr(not(windows), allow(dead_code, reason = "a part of it is tested everywhere"))]
mod scale_plan;
mod shader_data;

#[cfg(windows)]
mod bounce;
#[cfg(windows)]
pub(super) mod copies;
#[cfg(windows)]
pub(super) mod device;
#[cfg(windows)]
pub(super) mod failure;
#[cfg(windows)]
pub(super) mod feed;
#[cfg(windows)]
pub(super) mod formats;
#[cfg(windows)]
mod light;
#[cfg(windows)]
mod mapped_parts;
#[cfg(windows)]
mod power;
#[cfg(windows)]
mod priority;
#[cfg(windows)]
mod region_staging;
#[cfg(windows)]
mod rendered;
#[cfg(windows)]
mod renderer;
#[cfg(windows)]
mod resources;
#[cfg(windows)]
mod scaled;
#[cfg(windows)]
mod scaler;
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
mod toned;
#[cfg(windows)]
mod view;
#[cfg(windows)]
mod work;

#[cfg(windows)]
pub(super) use source::D3d11Source;
