//! Parts of the desktop in another size, scaled by the source before anything reaches the processor.

use crate::error::{Error, Result};
use crate::frame::{ImageRef, Pointer};
use crate::frame_format::Resample;
use crate::geometry::{Rect, Size};

/// How a region becomes a frame of another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scale {
    /// Width and height of the frame.
    pub size: Size,
    /// How it is made.
    pub resample: Resample,
}

/// Pixels of a frame that shows a region of the desktop in another size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleStep {
    /// The part of the desktop that all of the frame shows, not empty and inside the output.
    pub region: Rect,
    /// Width and height of the frame.
    pub size: Size,
    /// The pixels of the frame that are wanted, not empty and inside it.
    pub target: Rect,
}

/// What a source delivers of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScaledFormat {
    /// Pixels of BGRA.
    #[default]
    Bgra,
    /// A row of luma for each row of pixels, then a row of Cb and Cr in turn for each two: [`ScaledFormat::size`] pixels of four bytes each,
    /// the last of which are padding if a row has no multiple of four. Targets are even in place and size.
    Nv12,
}

impl ScaledFormat {
    /// Width and height of the image that is delivered of a target of this size.
    pub fn size(self, target: Size) -> Size {
        match self {
            Self::Bgra => target,
            Self::Nv12 => Size::new(target.width.div_ceil(4), target.height / 2 * 3),
        }
    }
}

/// Pixels of scaled frames that all show one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleRequest {
    /// What is wanted.
    pub steps: Vec<ScaleStep>,
    /// How a region becomes a frame.
    pub resample: Resample,
    /// What is delivered.
    pub format: ScaledFormat,
    /// Whether the pointer is blended over the desktop before it is scaled.
    pub cursor: bool,
}

impl ScaleRequest {
    /// Checks the steps for an output of this size.
    ///
    /// # Errors
    /// `InvalidArgument` that names the step.
    pub fn check(&self, output: Size) -> Result<()> {
        let fits = |step: &&ScaleStep| {
            let ScaleStep { region, size, target } = **step;
            let mut edges = [target.left, target.top, target.right, target.bottom].into_iter();
            let has_chroma = self.format == ScaledFormat::Bgra || edges.all(|edge| edge % 2 == 0);
            let is_inside = output.rect().contains(region) && size.rect().contains(target);
            is_inside && has_chroma && !region.is_empty() && !target.is_empty()
        };
        match self.steps.iter().find(|step| !fits(step)) {
            Some(ScaleStep { region, size, target }) => {
                Err(Error::invalid(format!("{region} as {size}, and of that {target}, is not inside {output}")))
            }
            None => Ok(()),
        }
    }
}

/// Receives the upright, scaled pixels of a step, whose index is the first argument, and the pointer as it is in them.
pub type ScaledSink<'a> = dyn FnMut(usize, ImageRef<'_>, &Pointer) + 'a;
