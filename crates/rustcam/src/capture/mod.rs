//! Time, memory and policy: from "show me the desktop" to the image that the caller asked for.
//!
//! Everything here works against the trait [`Source`](crate::source::Source) and a [`Clock`](crate::clock::Clock); nothing knows which
//! operating system it runs on.

mod brush;
mod buffers;
mod canvas;
mod damage;
mod handle;
mod pacer;
mod patches;
mod pointer;
mod retained;
mod session;

pub use buffers::Buffer;
pub use canvas::Target;
pub use handle::{Handle, Snapshot};
pub use session::{Frame, Request, Session, Stats};
