//! Exact, fast screen capture. This crate is the engine of the Python package of the same name; nothing in it depends on Python.
//!
//! A [`Source`](source::Source) delivers the images of one output (monitor). A [`Session`](capture::Session) turns them into the frames
//! that were asked for: it waits, recovers from losses, crops, rotates, converts and draws the pointer. A [`Handle`](capture::Handle) is a
//! session that several threads share and that can stream.
//!
//! | backend | system | API |
//! |---|---|---|
//! | [`Dxgi`](source::Backend::Dxgi) | Windows | Desktop Duplication |
//! | [`X11`](source::Backend::X11) | Linux | RANDR, DAMAGE, MIT-SHM, XFIXES |
//! | [`Sim`](source::Backend::Sim) | every platform | none: a simulated desktop that follows a script |
//!
//! # Tutorial
//!
//! Everything below runs on the simulated desktop, so that the results are known to the pixel. On a real desktop only the first line
//! differs: `Backend::choose("auto", None)?` is the best backend of the platform.
//!
//! ## Grab a frame
//!
//! ```
//! use std::time::Duration;
//!
//! use rustcam::capture::{Request, Session, Target};
//! use rustcam::frame::PixelFormat;
//! use rustcam::source::{Backend, OpenOptions};
//!
//! let backend = Backend::choose("sim", Some("size 320x200; refresh 60; clock virtual"))?;
//! let mut session = Session::open(&OpenOptions::new(backend), &mut || Ok(()))?;
//!
//! let request = Request::within(Duration::from_secs(1));
//! let frame = session.grab(&request, Target::owned(PixelFormat::Rgb), &mut || Ok(()))?;
//! let frame = frame.expect("the first grab returns the desktop as it is");
//! let image = frame.image().expect("the pixels are in memory");
//! assert_eq!((image.size.width, image.size.height), (320, 200));
//! assert_eq!(image.bytes().len(), 320 * 200 * 3);
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! [`grab`](capture::Session::grab) waits until the desktop was presented again since the last frame, or the pointer changed. `None` means
//! that nothing new came in time; it is not an error. The last argument is the caller's [`Interrupt`](capture::Interrupt): it is checked
//! between waits and ends the call by failing.
//!
//! Because the script says `clock virtual`, time passes only while something sleeps, and the example takes no time at all.
//!
//! ## A region, and memory of your own
//!
//! A region is in pixels of the output as the user sees it, after rotation. [`Target::Into`](capture::Target::Into) fills memory of the
//! caller; its rows may be padded.
//!
//! ```
//! # use std::time::Duration;
//! # use rustcam::capture::{Request, Session, Target};
//! # use rustcam::source::{Backend, OpenOptions};
//! use rustcam::error::ErrorKind;
//! use rustcam::frame::{ImageMut, PixelFormat};
//! use rustcam::geometry::{Rect, Size};
//!
//! # let backend = Backend::choose("sim", Some("size 320x200; refresh 60; clock virtual"))?;
//! # let mut session = Session::open(&OpenOptions::new(backend), &mut || Ok(()))?;
//! session.set_region(Some(Rect::new(10, 20, 110, 70)))?;
//! let stride = 128;
//! let mut memory = vec![0; stride * 50];
//! let image = ImageMut::new(&mut memory, stride, Size::new(100, 50), PixelFormat::Gray);
//! let request = Request::within(Duration::from_secs(1));
//! assert!(session.grab(&request, Target::Into(image), &mut || Ok(()))?.is_some());
//!
//! // A request may name a region of its own, for one frame.
//! let corner = request.region(Rect::new(0, 0, 16, 16));
//! let frame = session.grab(&corner, Target::owned(PixelFormat::Bgra), &mut || Ok(()))?.expect("a present");
//! assert_eq!(frame.image().expect("in memory").bytes().len(), 16 * 16 * 4);
//!
//! let outside = session.set_region(Some(Rect::new(300, 0, 400, 50))).expect_err("wider than the output");
//! assert_eq!(outside.kind(), ErrorKind::InvalidArgument);
//! assert!(outside.message().contains("(0, 0, 320, 200)"));
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! ## What changed
//!
//! Every frame carries its [`FrameInfo`](frame::FrameInfo): when it was presented, how many presents there were since the frame before,
//! what changed, and where the pointer is.
//!
//! ```
//! # use std::time::Duration;
//! # use rustcam::capture::{Request, Session, Target};
//! # use rustcam::frame::PixelFormat;
//! # use rustcam::geometry::Rect;
//! # use rustcam::source::{Backend, OpenOptions};
//! let script = "size 320x200; static; pointer still; clock virtual; at 100ms present dirty 10,10,50,30";
//! let options = OpenOptions::new(Backend::choose("sim", Some(script))?);
//! let mut session = Session::open(&options, &mut || Ok(()))?;
//! let request = Request::within(Duration::from_secs(1));
//! let mut grab = || session.grab(&request, Target::owned(PixelFormat::Bgra), &mut || Ok(()));
//!
//! let first = grab()?.expect("the desktop as it is");
//! assert_eq!(first.info.damage.dirty, [Rect::new(0, 0, 320, 200)], "everything is new");
//! let second = grab()?.expect("the scripted present");
//! assert_eq!(second.info.damage.dirty, [Rect::new(10, 10, 50, 30)]);
//! assert_eq!(second.info.present_time, Duration::from_millis(100));
//! assert_eq!((second.info.sequence, second.info.accumulated), (2, 1));
//! assert!(second.info.pointer.visible);
//! assert!(grab()?.is_none(), "nothing changes any more");
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! ## Frames that are updated in place
//!
//! A frame of [`Target::Retained`](capture::Target::Retained) is in memory that the session keeps. If the frame before was dropped, the same
//! memory is updated, and only the pixels that changed are written. A frame that is still held never changes.
//!
//! ```
//! # use std::time::Duration;
//! # use rustcam::capture::{Request, Session, Target};
//! # use rustcam::frame::PixelFormat;
//! # use rustcam::source::{Backend, OpenOptions};
//! # let script = "size 320x200; static; pointer still; clock virtual; at 100ms present dirty 10,10,50,30";
//! # let backend = Backend::choose("sim", Some(script))?;
//! // The pointer would be drawn again, too.
//! let mut session = Session::open(&OpenOptions::new(backend).watch_pointer(false), &mut || Ok(()))?;
//! # let request = Request::within(Duration::from_secs(1));
//! let mut grab = || session.grab(&request, Target::retained(PixelFormat::Bgra), &mut || Ok(()));
//! let first = grab()?.expect("the desktop as it is");
//! let address = first.image().expect("in memory").bytes().as_ptr();
//! drop(first);
//! let second = grab()?.expect("the scripted present");
//! assert_eq!(second.image().expect("in memory").bytes().as_ptr(), address);
//! let written = session.stats().bytes_copied - 320 * 200 * 4;
//! assert_eq!(written, 40 * 20 * 4, "the dirty pixels");
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! ## A stream
//!
//! A [`Handle`](capture::Handle) can capture on a thread of its own. The newest frame replaces one that no reader took, so a slow reader
//! sees no backlog; the damage and the presents of the replaced frame become part of the newer one's.
//!
//! ```
//! # use std::time::Duration;
//! # use rustcam::source::{Backend, OpenOptions};
//! use rustcam::capture::{Handle, Rate, StreamOptions};
//!
//! // On the machine's clock: the script does not ask for a virtual one.
//! let backend = Backend::choose("sim", Some("size 320x200; refresh 200"))?;
//! let handle = Handle::open(&OpenOptions::new(backend), &mut || Ok(()))?;
//! handle.start(StreamOptions::default().rate(Rate::new(100, 1)?), &mut || Ok(()))?;
//! let mut last = 0;
//! for _ in 0..5 {
//!     let frame = handle.latest(Some(Duration::from_secs(1)), &mut || Ok(()))?;
//!     assert!(frame.info.sequence > last);
//!     last = frame.info.sequence;
//! }
//! handle.stop();
//! assert_eq!(handle.stats().frames, 5);
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! ## A constant frame rate
//!
//! Slot `i` is due exactly `i / rate` after the first one, computed from the index, so that a video has no drift. A slot without a new
//! image repeats the previous one.
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use rustcam::source::{Backend, OpenOptions};
//! use rustcam::capture::{FixedRate, Handle, Rate};
//!
//! let options = OpenOptions::new(Backend::choose("sim", Some("size 320x200; refresh 25; pointer still; clock virtual"))?);
//! let clock = Arc::clone(&options.clock);
//! let handle = Handle::open(&options, &mut || Ok(()))?;
//! let rate = Rate::new(30_000, 1001)?;
//! let mut slots = FixedRate::new(rate);
//! handle.begin_frames(None, &mut || Ok(()))?;
//! for expected in 0..60 {
//!     let (frame, slot) = handle.next_frame(&mut slots, false, &mut || Ok(()))?;
//!     assert_eq!(slot, expected);
//!     assert_eq!(clock.now(), rate.slot(slot), "to the nanosecond");
//!     assert_eq!(frame.image().expect("in memory").bytes().len(), 320 * 200 * 4);
//! }
//! handle.end_frames();
//! assert_eq!(slots.counts().late, 0);
//! assert_eq!(slots.counts().repeated, 10, "50 presents in 60 slots");
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! ## Losing the desktop
//!
//! A mode change, a prompt or a driver restart takes the desktop away. The session recovers by itself until the deadline of the call. What
//! a call returns at its deadline depends on the [`Loss`](error::Loss):
//!
//! | loss | examples | at the deadline |
//! |---|---|---|
//! | [`Transient`](error::Loss::Transient) | prompt, mode change, lock screen | `None`; the next call continues to recover |
//! | [`Lasting`](error::Loss::Lasting) | output unplugged, device removed, server gone | the error; the next call continues to recover |
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use rustcam::capture::{Request, Session, Target};
//! # use rustcam::frame::PixelFormat;
//! # use rustcam::source::{Backend, OpenOptions};
//! use rustcam::error::{ErrorKind, Loss};
//! use rustcam::source::hresult;
//!
//! let script = "size 320x200; refresh 50; clock virtual; at 1s lose access for 500ms; at 5s unplug for ever";
//! let options = OpenOptions::new(Backend::choose("sim", Some(script))?);
//! let clock = Arc::clone(&options.clock);
//! let mut session = Session::open(&options, &mut || Ok(()))?;
//! let mut grab = |milliseconds| {
//!     let request = Request::within(Duration::from_millis(milliseconds));
//!     session.grab(&request, Target::owned(PixelFormat::Bgra), &mut || Ok(()))
//! };
//! assert!(grab(100)?.is_some());
//!
//! clock.sleep(Duration::from_millis(1100));
//! assert!(grab(100)?.is_none(), "access is denied for a while");
//! assert!(grab(1000)?.is_some(), "and regained");
//!
//! clock.sleep(Duration::from_secs(5));
//! let error = grab(100).expect_err("the output is unplugged");
//! assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
//! assert_eq!(error.code(), Some(hresult::NOT_FOUND));
//! assert_eq!(session.stats().recoveries, 1);
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! ## Errors
//!
//! There is one [`Error`](error::Error) type. Its [`kind`](error::Error::kind) is what a program distinguishes, its
//! [`code`](error::Error::code) is that of the operating system, its [`hint`](error::Error::hint) says what a user can do. `Display` prints
//! all three.
//!
//! ```
//! # use rustcam::capture::Session;
//! # use rustcam::source::{Backend, OpenOptions};
//! use rustcam::error::ErrorKind;
//!
//! let backend = Backend::choose("sim", Some("refuse 0x80070005"))?;
//! let error = Session::open(&OpenOptions::new(backend), &mut || Ok(())).expect_err("refused");
//! assert_eq!((error.kind(), error.code()), (ErrorKind::Duplication, Some(0x8007_0005)));
//! assert!(error.hint().is_some());
//! assert_eq!(
//!     error.to_string(),
//!     "the simulated desktop refuses to be captured (0x80070005). Its script says \"refuse\""
//! );
//!
//! let error = Backend::choose("quartz", None).expect_err("not on this platform");
//! assert_eq!(error.kind(), ErrorKind::InvalidArgument);
//! assert!(error.message().contains("\"sim\""), "it lists what exists: {error}");
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! ## Ending a call early
//!
//! An interrupt that fails ends the call with its error. [`Handle::close`](capture::Handle::close) ends calls of other threads at once.
//!
//! ```
//! # use std::sync::Arc;
//! # use std::time::Duration;
//! # use rustcam::capture::{Request, Session, Target};
//! # use rustcam::frame::PixelFormat;
//! # use rustcam::source::{Backend, OpenOptions};
//! use rustcam::error::{Error, ErrorKind};
//!
//! let options = OpenOptions::new(Backend::choose("sim", Some("static; pointer still; clock virtual"))?);
//! let clock = Arc::clone(&options.clock);
//! let mut session = Session::open(&options, &mut || Ok(()))?;
//! let mut interrupt = || {
//!     if clock.now() < Duration::from_secs(2) {
//!         Ok(())
//!     } else {
//!         Err(Error::new(ErrorKind::Interrupted, "enough"))
//!     }
//! };
//! let request = Request::within(Duration::from_secs(3600));
//! session.grab(&request, Target::owned(PixelFormat::Bgra), &mut interrupt)?.expect("the desktop as it is");
//! let ended = session.grab(&request, Target::owned(PixelFormat::Bgra), &mut interrupt);
//! assert_eq!(ended.expect_err("interrupted").message(), "enough");
//! assert!(clock.now() < Duration::from_millis(2050));
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! ## Testing your own program
//!
//! [`World`](source::sim::World) is the oracle of the simulated desktop: it says what every pixel of every frame is.
//!
//! ```
//! # use std::time::Duration;
//! # use rustcam::capture::{Request, Session, Target};
//! # use rustcam::frame::PixelFormat;
//! # use rustcam::source::{Backend, OpenOptions};
//! use rustcam::source::sim::{Script, World};
//!
//! let script = Script::parse("size 320x200; refresh 60; pointer still; clock virtual")?;
//! let world = World::new(&script, 0);
//! let mut session = Session::open(&OpenOptions::new(Backend::Sim(script)).watch_pointer(false), &mut || Ok(()))?;
//! for sequence in 1..=10 {
//!     let request = Request::within(Duration::from_secs(1));
//!     let frame = session.grab(&request, Target::owned(PixelFormat::Bgra), &mut || Ok(()))?.expect("a present");
//!     assert_eq!(frame.info.sequence, sequence);
//!     assert!(frame.image().expect("in memory").bytes() == world.image(sequence));
//! }
//! # Ok::<(), rustcam::error::Error>(())
//! ```
//!
//! `docs/sim.md` in the repository describes the language of the scripts. The module [`source`] shows how to write a source of your own.
//!
//! # Modules
//!
//! | module | contains |
//! |---|---|
//! | [`capture`] | sessions, handles, streams, constant rates, counters |
//! | [`source`] | backends, outputs, the trait [`Source`](source::Source), shared textures, the simulated desktop |
//! | [`color`] | dynamic range, colour spaces, tone mapping |
//! | [`frame`] | pixel formats, images in memory, damage, the pointer |
//! | [`pixels`] | pure functions: crop, rotate, convert, blend the pointer |
//! | [`geometry`] | points, sizes, rectangles, rotations |
//! | [`clock`] | real and virtual time |
//! | [`memory`] | the memory of one picture |
//! | [`error`] | the one error type |
//!
//! The crate logs with [`log`](https://docs.rs/log): losses as warnings, recoveries as information.
//!
//! Dependencies between the modules point one way: `error ← geometry, color ← frame ← frame_format ← {pixels, source} ← capture`.

#![warn(missing_debug_implementations)]

mod axis;
pub mod capture;
pub mod clock;
pub mod color;
pub mod error;
mod event_count;
pub mod frame;
pub mod frame_format;
pub mod geometry;
#[cfg(windows)]
mod kernel_wait;
pub mod memory;
#[doc(hidden)]
pub mod parallel;
pub mod pixels;
mod region;
pub mod source;

/// The example of README.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
