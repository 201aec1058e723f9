//! The state of one screen (an output or a window), independent of the API that delivers its images.

use std::time::Duration;

use super::changes::Changes;
use super::copies::{Copies, FrameTexture};
use super::device::Device;
use crate::clock::Clock;
use crate::color::{Color, ColorSpace, TextureFormat};
use crate::error::{Error, Result};
use crate::frame::{Damage, ImageRef, Pointer};
use crate::geometry::Rect;
use crate::source::Output;

/// The newest image of a screen, what changed in it, and the pointer, until every capture of the screen has seen them.
pub(in crate::source) struct Screen {
    // The order of the fields is the order of their destruction: the device last.
    pub(super) copies: Copies,
    pub(in crate::source) device: Device,
    /// The output, with size and rotation of its images.
    pub(in crate::source) output: Output,
    pub(super) changes: Changes,
    /// Incremented by every recovery.
    pub(super) generation: u64,
    /// Why the screen is lost; `None` if it is not.
    pub(super) lost: Option<Error>,
    pub(super) presents: u64,
    /// Frames that only brought the pointer.
    pub(in crate::source) pointer_frames: u64,
    pub(in crate::source) present_time: Duration,
    pub(super) protected: bool,
    pub(in crate::source) pointer: Pointer,
}

impl Screen {
    pub(in crate::source) fn new(device: Device, output: Output) -> Self {
        Self {
            copies: Copies::new(output.texture_size(), TextureFormat::default()),
            device,
            output,
            changes: Changes::default(),
            generation: 0,
            lost: None,
            presents: 0,
            pointer_frames: 0,
            present_time: Duration::ZERO,
            protected: false,
            pointer: Pointer::default(),
        }
    }

    /// The whole image, in texture space.
    pub(in crate::source) fn whole(&self) -> Rect {
        self.output.texture_size().rect()
    }

    /// The colour of the screen, and how its images hold it.
    pub(super) fn color(&self) -> Color {
        let space = match self.copies.format() {
            TextureFormat::Rgba16f => ColorSpace::Scrgb,
            TextureFormat::Bgra8 | TextureFormat::Rgb10a2 => ColorSpace::Srgb,
        };
        Color { space, ..self.output.color }
    }

    /// The format of the images.
    pub(in crate::source) fn format(&self) -> TextureFormat {
        self.copies.format()
    }

    /// Keeps images of this format from now on.
    pub(in crate::source) fn follow_format(&mut self, format: TextureFormat) {
        if self.copies.format() != format {
            self.copies = Copies::new(self.output.texture_size(), format);
        }
    }

    /// Queues the copy of what callers need of a new image, which differs from the one before by `damage`.
    ///
    /// # Errors
    /// `Capture`, `Device` if the device is lost.
    pub(in crate::source) fn add_image(&mut self, frame: FrameTexture<'_>, damage: Damage) -> Result<()> {
        self.add_image_elsewhere(damage);
        self.copies.update(&self.device, frame, &self.changes)
    }

    /// [`Screen::add_image`] for a frame that cannot be had again.
    ///
    /// # Errors
    /// As for [`Screen::add_image`].
    pub(in crate::source) fn add_whole_image(&mut self, frame: FrameTexture<'_>, damage: Damage) -> Result<()> {
        self.copies.choose_no_region();
        self.add_image(frame, damage)
    }

    /// Whether the frame of the newest image has pixels that no copy has: it is held until the first read.
    pub(in crate::source) fn leaves_out_pixels(&self) -> bool {
        self.copies.leave_out_pixels(&self.changes)
    }

    /// Records a new image, which differs from the one before by `damage`, and is copied later, or not at all.
    pub(in crate::source) fn add_image_elsewhere(&mut self, damage: Damage) {
        self.copies.note_changes(damage.changed());
        self.changes.push(damage);
    }

    /// Queues the copy of everything that no copy has of the newest image, which `frame` shows.
    ///
    /// # Errors
    /// As for [`Screen::add_image`].
    pub(in crate::source) fn copy_whole(&mut self, frame: FrameTexture<'_>) -> Result<()> {
        self.copies.update_whole(&self.device, frame, &self.changes)
    }

    /// Copies what changed until the newest image, which `desktop` shows, to ordinary memory. `false` without memory.
    pub(in crate::source) fn keep_in_memory(&mut self, desktop: ImageRef<'_>) -> bool {
        self.copies.keep_in_memory(desktop, &self.changes)
    }

    /// Records that the newest image was presented at `time`, as the last of `presents` since the one before.
    pub(in crate::source) fn presented(&mut self, presents: u64, time: Duration, protected: bool) {
        self.presents += presents;
        self.present_time = time;
        self.protected = protected;
    }

    /// Whether any pixel of the newest image is not black. `None` if that cannot be found out by `deadline`.
    ///
    /// # Errors
    /// `Capture`, `Device` if the device is lost.
    pub(in crate::source) fn shows_something(&mut self, clock: &dyn Clock, deadline: Duration) -> Result<Option<bool>> {
        self.copies.shows_something(&self.device, &self.changes, (clock, deadline))
    }

    /// Whether the next present should have come by now.
    pub(super) fn is_overdue(&self, clock: &dyn Clock) -> bool {
        clock.now().saturating_sub(self.present_time) >= self.output.refresh_interval()
    }

    /// Records a loss and frees the copies, because textures of a lost device keep it alive.
    pub(in crate::source) fn lose(&mut self, error: Error) {
        self.copies = Copies::new(self.output.texture_size(), self.copies.format());
        self.device.flush();
        self.lost = Some(error);
    }

    /// Works on `device` from now on.
    pub(in crate::source) fn replace_device(&mut self, device: Device) {
        self.copies = Copies::new(self.output.texture_size(), self.copies.format());
        self.device = device.count_on(&self.device);
    }

    /// Records that the screen was regained as `output`. The new duplication reports the pointer anew.
    pub(in crate::source) fn regained(&mut self, output: Output) {
        self.copies = Copies::new(output.texture_size(), TextureFormat::default());
        self.output = output;
        self.changes = Changes::default();
        self.pointer = Pointer::default();
        self.lost = None;
        self.generation += 1;
    }
}
