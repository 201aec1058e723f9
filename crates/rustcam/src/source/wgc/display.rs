//! The display that shows what is captured.

use std::time::Duration;

use windows::Win32::Graphics::Dxgi::{IDXGIAdapter1, IDXGIFactory1};
use windows::Win32::Graphics::Gdi::HMONITOR;

use super::subject::Subject;
use crate::color::TextureFormat;
use crate::error::Result;
use crate::source::displays::color::WhiteLevel;
use crate::source::displays::outputs::{Arrangement, Found};
use crate::source::texture::Luid;
use crate::source::{OpenOptions, Output};

/// The display that shows what is captured.
pub(super) struct Display {
    /// Says whether the arrangement has changed since.
    factory: IDXGIFactory1,
    pub(super) adapter: IDXGIAdapter1,
    pub(super) luid: Luid,
    /// A handle.
    pub(super) monitor: usize,
    pub(super) output: Output,
    pub(super) white: WhiteLevel,
    pub(super) looked: Duration,
}

impl Display {
    pub(super) fn of(found: &Found, arrangement: &Arrangement, now: Duration) -> Self {
        Self {
            factory: arrangement.factory.clone(),
            adapter: found.adapter.clone(),
            luid: found.luid,
            monitor: found.monitor.0 as usize,
            output: found.info.clone(),
            white: WhiteLevel::of(found.target),
            looked: now,
        }
    }

    pub(super) fn monitor(&self) -> HMONITOR {
        HMONITOR(self.monitor as *mut _)
    }

    pub(super) fn is_current(&self) -> bool {
        // SAFETY: no preconditions.
        unsafe { self.factory.IsCurrent() }.as_bool()
    }

    /// The one that shows `subject` now, which was the screen `opened` before.
    ///
    /// # Errors
    /// A loss.
    pub(super) fn find(subject: &Subject, options: &OpenOptions, opened: &Output) -> Result<Self> {
        let arrangement = Arrangement::query_again()?;
        let found = subject.locate(&arrangement, options, Some(opened))?;
        let mut display = Self::of(found, &arrangement, options.clock.now());
        if let Some(monitor) = subject.monitor_now() {
            // It may be of none of the outputs.
            display.monitor = monitor.0 as usize;
        }
        Ok(display)
    }

    /// Whether a window was moved to another monitor.
    pub(super) fn is_left_by(&self, subject: &Subject) -> bool {
        subject.monitor_now().is_some_and(|monitor| monitor != self.monitor())
    }
}

/// The format in which the images of a screen are asked for: half floats where it is one of high dynamic range.
pub(super) fn pool_format(output: &Output) -> TextureFormat {
    if output.color.hdr {
        TextureFormat::Rgba16f
    } else {
        TextureFormat::Bgra8
    }
}
