//! The desktop of Windows, through Desktop Duplication.
//!
//! The compositor reports when something was presented on an output, which parts changed and where the pointer is, and provides the image
//! as a texture on the adapter of the output.
//!
//! | property of the API | consequence |
//! |---|---|
//! | A frame has to be released. While it is held, the compositor saves work, but games stutter and frames merge. | The changed parts are copied on the device and the frame is released at once, before anything waits for the GPU (`d3d11/copies.rs`). |
//! | A desktop in system memory can be mapped while a frame is held. | Then nothing is copied by the device: the desktop is read in place, and what changed is kept in ordinary memory when the frame is released for the next one. |
//! | A process can have one duplication per output. | Captures of one output share it; each remembers which image it has seen. |
//! | Timeouts of waits end with ticks of the system's timer, and a waiting thread blocks the device. | Captures that share a duplication poll it, and wait for a high-resolution timer. |
//! | Duplications are lost often: by prompts, mode changes, full-screen programs and driver restarts. | `source/verdict.rs` says what each code means. |
//! | Images and damage are not rotated; position and shape of the pointer are. | The rest of the engine rotates images, and draws the pointer in desktop space. |
//! | A frame in which only the pointer changed has no image. | It costs no work of the GPU. |
//! | Images have the format in which the system composes the desktop, if the caller accepts it. | The format of every image is checked; another one than before is a loss like a change of the mode. |

mod desktop;
mod duplication;
mod first_frame;
mod format_check;
mod metadata;
mod nudge;
mod pointer;
mod silence;
mod source;

pub(super) use source::DxgiSource;
