//! The desktop of an X server, and its windows.
//!
//! Outputs are the monitors of RANDR, windows those that the window manager lists. The DAMAGE extension says when and where something was drawn, MIT-SHM and RENDER bring the
//! pixels, XFIXES the shape of the pointer; each of them may be missing, and then [`Source::fallback`] says what that costs. Only one
//! request reads the screen per read, because a server may serve other clients between two requests, never within one.
//!
//! The server is another process and may freeze or die at any time. Every step that waits for it obeys the deadline of the call, and
//! nothing more is sent to a server that has not answered what it was asked.
//!
//! | layer | files |
//! |---|---|
//! | the trait [`Source`] | `source`, `facts` |
//! | what a call does | `wait`, `read`, `recover` |
//! | a connection with all that belongs to it | `client` |
//! | one read | `batch` |
//! | what is captured | `subject`, `view`: `monitor` with `monitors` and `edid`, or `window` |
//! | what is followed | `desktop`: `damage` with its `stations`, `cursor` with its `polling` |
//! | how pixels leave the server | `transport`, `segment`, `visual` |
//! | the way to a server | `address`, `dial`, `connect` |
//! | the protocol | `server`, `stream`, `error`, `rects`, `waker`, `advice` |
//!
//! [`Source`]: super::Source
//! [`Source::fallback`]: super::Source::fallback

mod address;
pub(in crate::source) mod advice;
mod batch;
mod client;
mod connect;
mod cursor;
mod damage;
mod desktop;
mod dial;
mod edid;
mod error;
mod facts;
mod monitor;
mod monitors;
mod polling;
mod read;
mod recover;
mod rects;
mod segment;
mod server;
mod source;
mod stations;
mod stream;
mod subject;
mod transport;
mod view;
mod visual;
mod wait;
mod waker;
mod window;

pub use facts::{facts, outputs, outputs_of, windows, windows_of};
pub use source::X11Source;
