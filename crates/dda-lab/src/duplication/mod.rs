//! Duplications: the COM object, and what is behind it.
//!
//! `object` is the interface that programs get. Behind it is a state machine, `machine`; `acquire`, `map` and `metadata` are its transitions.
//! `accumulator` decides what a frame reports; `texture_pool` provides the textures and `upload` their pixels.

mod accumulator;
mod acquire;
mod desktop_surface;
mod machine;
mod map;
mod metadata;
mod not_a_texture;
mod object;
mod texture_pool;
pub(crate) mod upload;

pub(crate) use object::Duplication;
