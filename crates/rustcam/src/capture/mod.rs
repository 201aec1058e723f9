//! Time, memory and policy: from "show me the desktop" to the image that the caller asked for.
//!
//! Everything here works against the trait [`Source`](crate::source::Source) and a [`Clock`](crate::clock::Clock); nothing knows which
//! operating system it runs on.

mod brush;
mod buffers;
mod canvas;
mod damage;
mod doorbell;
mod frames;
mod handle;
mod lease;
mod mailbox;
mod outage;
mod pacer;
mod patches;
mod pointer;
mod rate;
mod retained;
mod session;
mod snapshot;
mod stats;
mod stream;

pub use buffers::Buffer;
pub use canvas::Target;
pub use frames::{Counts, Course};
pub use handle::Handle;
pub use mailbox::Bell;
pub use rate::Rate;
pub use session::{Frame, GpuFrame, Request, Session};
pub use snapshot::Snapshot;
pub use stats::Stats;
pub use stream::StreamOptions;
