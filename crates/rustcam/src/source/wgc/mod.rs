//! Outputs and windows of Windows, through Windows.Graphics.Capture.
//!
//! The compositor draws each new image of a monitor or a window into one of the textures of a pool, and says so on a thread of its own.
//!
//! | property of the API | consequence |
//! |---|---|
//! | A pool whose textures are all in use drops the newest images, and on a static window none follows. | Each image is taken when it arrives, also while nobody waits, and takes the place of the one before (`arrivals.rs`). Where one may have been dropped nevertheless, the next one is waited for, and if none comes, a new session begins: its first image shows the window as it is. |
//! | The texture has the size of the pool, the window any other. | What is inside of both is copied; the pool grows with the window. |
//! | Only a thread that pumps messages hears that a window was closed. | Every wait looks whether the window exists (`handle.rs`). |
//! | The image is the whole window. | The client area is cut out while it is copied, where it is at that time (`geometry.rs`). |
//! | A minimised window shows nothing. | It is lost until it is restored. |
//! | The pointer is part of the image, or not there. | Nothing is known about its place and its shape. |
//! | Properties came with versions of Windows. | Each is an interface of its own, which is asked for. |
//! | What changed is reported wrongly by some drivers. | It only tells that nothing changed. |
//! | Closing a session may hang. | A thread does it, which is waited for not longer than a limit (`closing.rs`). |
//! | A window that cannot be captured ended the process before Windows 11. | Windows are filtered before (`listing.rs`). |
//!
//! No apartment is set up on a thread of the caller. Titles are read without sending messages: the thread of the window may be waiting for
//! the caller's.

mod activation;
mod arrivals;
mod closing;
mod display;
mod feed;
mod geometry;
mod handle;
mod listing;
mod session;
mod source;
mod subject;

pub(super) use listing::windows;
pub(super) use source::WgcSource;
