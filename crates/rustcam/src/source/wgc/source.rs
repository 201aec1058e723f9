//! Captures of outputs and windows through Windows.Graphics.Capture. Each has a session of its own.

use super::activation;
use super::feed::CaptureFeed;
use crate::error::Result;
use crate::source::d3d11::shared_screen::SharedScreen;
use crate::source::d3d11::D3d11Source;
use crate::source::OpenOptions;

/// One output or window, through Windows.Graphics.Capture.
pub(in crate::source) type WgcSource = D3d11Source<CaptureFeed>;

impl WgcSource {
    /// Opens the output or the window that `options` name. `instead`: why that is not done by the backend that they name.
    ///
    /// # Errors
    /// As for [`crate::source::open`].
    pub(in crate::source) fn open(options: &OpenOptions, instead: Option<String>) -> Result<Self> {
        activation::check()?;
        Self::new(SharedScreen::alone(CaptureFeed::open(options, instead)?), options)
    }
}
