//! Shared textures, which Wine does not have: NT handles, opening them on another device, keyed mutexes.
//!
//! The pixels of a shared surface are those of its creator's texture. A program that opens a handle gets a texture on its own device with
//! a copy of the pixels, which is updated whenever a keyed mutex is acquired; what it writes stays in its own texture.

pub(crate) mod endpoint;
pub(crate) mod keyed_mutex;
pub(crate) mod open;
pub(crate) mod reader;
pub(crate) mod resource;
