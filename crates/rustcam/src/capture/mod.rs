//! Time, memory and policy: from "show me the desktop" to the frame that the caller asked for.
//!
//! Everything here works against the trait [`Source`](crate::source::Source) and a [`Clock`](crate::clock::Clock); nothing knows which
//! operating system it runs on.

mod backoff;
mod blitter;
mod buffers;
mod damage;
mod deadline;
mod event_count;
mod fixed_rate;
mod frame;
mod frame_builder;
mod frame_memory;
mod handle;
mod interrupt;
mod mailbox;
mod pointer;
mod rate;
mod recovery;
mod retained;
mod session;
mod session_guard;
mod snapshot;
mod stats;
mod stop_token;
mod stream;

pub use buffers::Buffer;
pub use fixed_rate::{FixedRate, SlotCounts};
pub use frame::{Frame, Image, Pixels, Request, Target};
pub use handle::Handle;
pub use interrupt::Interrupt;
pub use mailbox::ReadyCallback;
pub use rate::Rate;
pub use session::Session;
pub use snapshot::Snapshot;
pub use stats::{SessionStats, Stats};
pub use stream::StreamOptions;
