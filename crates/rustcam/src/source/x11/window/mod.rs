//! Windows of an X server: which there are, what they are called, and how one is captured.

mod list;
mod properties;
mod redirection;
mod text;
mod tracked;

pub(super) use list::windows;
pub(super) use tracked::TrackedWindow;
