//! The state of one screen (an output or a window), independent of the API that delivers its images.

use std::time::Duration;

use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;

use super::changes::Changes;
use super::copies::Copies;
use super::device::Device;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::frame::{Damage, Pointer};
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
    pub(super) present_time: Duration,
    pub(super) protected: bool,
    pub(in crate::source) pointer: Pointer,
}

impl Screen {
    pub(in crate::source) fn new(device: Device, output: Output) -> Self {
        Self {
            copies: Copies::new(output.texture_size()),
            device,
            output,
            changes: Changes::default(),
            generation: 0,
            lost: None,
            presents: 0,
            present_time: Duration::ZERO,
            protected: false,
            pointer: Pointer::default(),
        }
    }

    /// The whole image, in texture space.
    pub(in crate::source) fn whole(&self) -> Rect {
        self.output.texture_size().rect()
    }

    /// Queues the copy of a new image, which differs from the one before by `damage`. The frame may be released afterwards.
    ///
    /// # Errors
    /// `Capture`, `Device` if the device is lost.
    pub(in crate::source) fn add_image(&mut self, texture: &ID3D11Texture2D, damage: Damage) -> Result<()> {
        self.changes.push(damage);
        self.copies.update(&self.device, texture, &self.changes)
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
    pub(super) fn lose(&mut self, error: Error) {
        self.copies = Copies::new(self.output.texture_size());
        self.device.flush();
        self.lost = Some(error);
    }

    /// Records that the screen was regained as `output`.
    pub(in crate::source) fn regained(&mut self, output: Output) {
        self.copies = Copies::new(output.texture_size());
        self.output = output;
        self.changes = Changes::default();
        self.lost = None;
        self.generation += 1;
    }
}
