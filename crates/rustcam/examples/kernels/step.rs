//! What is measured: a plain copy, and the pass over the pixels in its formats and rotations.

use std::ops::Range;

use rustcam::frame::{ImageMut, ImageRef, PixelFormat};
use rustcam::geometry::{Rect, Rotation, Size};
use rustcam::pixels::{write, Placement};

/// What one measured step does.
#[derive(Clone, Copy)]
pub enum Step {
    Memcpy,
    Convert(PixelFormat, Rotation),
}

impl Step {
    pub fn all() -> Vec<Step> {
        let mut steps = vec![Step::Memcpy];
        steps.extend(PixelFormat::ALL.iter().map(|format| Step::Convert(*format, Rotation::None)));
        steps.extend(Rotation::ALL[1..].iter().map(|rotation| Step::Convert(PixelFormat::Bgra, *rotation)));
        steps
    }

    pub fn name(self) -> String {
        match self {
            Step::Memcpy => "memcpy".to_owned(),
            Step::Convert(format, Rotation::None) => format.name().to_owned(),
            Step::Convert(format, rotation) => format!("{format}_{}", rotation.degrees()),
        }
    }

    /// Bytes that a picture of `size` reads and writes.
    pub fn bytes(self, size: Size) -> f64 {
        let written = match self {
            Step::Memcpy => 4,
            Step::Convert(format, _) => format.channels() as u64,
        };
        (size.area() * (4 + written)) as f64
    }

    /// The size of what becomes of a picture of `size`.
    pub fn shown(self, size: Size) -> Size {
        match self {
            Step::Memcpy => size,
            Step::Convert(_, rotation) => rotation.apply(size),
        }
    }

    /// Writes `rows` of what becomes of `src` to the beginning of `dst`.
    pub fn run(self, src: &[u8], dst: &mut [u8], size: Size, rows: Range<u32>) {
        let row = size.width as usize * 4;
        let Step::Convert(format, rotation) = self else {
            let src = &src[rows.start as usize * row..rows.end as usize * row];
            return dst[..src.len()].copy_from_slice(src);
        };
        let desktop = self.shown(size);
        let region = Rect { top: rows.start as i32, bottom: rows.end as i32, ..desktop.rect() };
        let stride = desktop.width as usize * format.channels();
        let placement = Placement { region, desktop, rotation };
        let image = ImageRef::new(src, row, size);
        write(size.rect(), image, &placement, None, &mut ImageMut::new(dst, stride, region.size(), format));
    }
}
