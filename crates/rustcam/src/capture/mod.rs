//! Sessions: waiting, recovery, memory, streams and constant rates on top of a source.
//!
//! | type | for |
//! |---|---|
//! | [`Session`] | one caller: grab frame after frame |
//! | [`Handle`] | a session that several threads share, that streams, and that any thread can close |
//! | [`Request`], [`Target`] | which frame, and where its pixels go |
//! | [`Frame`] | pixels and [`FrameInfo`](crate::frame::FrameInfo) |
//! | [`StreamOptions`], [`FixedRate`] | the newest frame from a thread; one frame per slot of an exact clock |
//!
//! Everything here uses the trait [`Source`](crate::source::Source) and a [`Clock`](crate::clock::Clock) only; nothing depends on the
//! operating system.

mod backoff;
mod blitter;
mod buffers;
mod damage;
mod deadline;
mod finishing;
mod fixed_rate;
mod frame;
mod frame_builder;
mod frame_memory;
mod handle;
mod interrupt;
mod last_image;
mod loss_limit;
mod mailbox;
mod opening;
mod pointer;
mod rate;
mod recovery;
mod regions;
mod retained;
mod session;
mod session_guard;
mod snapshot;
mod stack;
mod stats;
mod stop_token;
mod stream;
mod view;

pub use buffers::Buffer;
pub use fixed_rate::{FixedRate, SlotCounts};
pub use frame::{Frame, Image, Pixels, Request, Target};
pub use handle::Handle;
pub use interrupt::{Conditional, Interrupt};
pub use mailbox::ReadyCallback;
pub use opening::persist;
pub use rate::Rate;
pub use session::Session;
pub use snapshot::Snapshot;
pub use stack::Stack;
pub use stats::{SessionStats, Stats};
pub use stream::{StreamId, StreamOptions};
