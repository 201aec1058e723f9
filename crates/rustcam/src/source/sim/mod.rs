//! A simulated desktop that follows a script: presents, damage, pointer, losses and faults at exact times, exact to the pixel, on any
//! machine.
//!
//! | type | is |
//! |---|---|
//! | [`Script`] | the description of a desktop and its events; `docs/sim.md` in the repository describes the language |
//! | [`World`] | the pure function of script and time that follows from it, for an output or a window: the oracle for every pixel of every frame |
//! | [`SimSource`] | that world behind the trait [`Source`](super::Source), like a real desktop |
//!
//! The other types are for programs that present the same world through an interface of their own, as the lab for Desktop Duplication does.

mod blocks;
mod faults;
mod followed;
mod font;
mod framebuffer;
mod inspect;
mod light;
mod listing;
mod modes;
mod parse;
mod picture;
mod pointer_track;
mod present;
mod script;
mod shapes;
mod software;
mod source;
mod window_frame;
mod window_script;
mod window_states;
mod window_world;
mod words;
mod world;

pub use faults::careless_damage;
pub use framebuffer::Framebuffer;
pub use inspect::{Failing, Failure, Gap, Geometry, PointerState, Why};
pub use listing::{outputs, windows};
pub use picture::decode_stripe;
pub use script::Script;
pub use source::SimSource;
pub use window_frame::frame_pixel;
pub use world::World;
