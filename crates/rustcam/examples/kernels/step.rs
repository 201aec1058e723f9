//! What is measured: a plain copy, and the pass over the pixels in its formats and rotations.

use rustcam::frame::{ImageMut, ImageRef, PixelFormat};
use rustcam::geometry::{Rotation, Size};
use rustcam::parallel::Workers;
use rustcam::pixels::Placement;

/// What one measured step does.
#[derive(Clone, Copy)]
pub enum Step {
    Memcpy,
    Convert(PixelFormat, Rotation),
}

impl Step {
    pub fn all() -> Vec<Step> {
        let mut steps = vec![Step::Memcpy];
        steps.extend(
            PixelFormat::ALL
                .iter()
                .filter(|format| !format.is_half_float())
                .map(|format| Step::Convert(*format, Rotation::None)),
        );
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
        (size.area() * 4 + self.written(size)) as f64
    }

    /// Bytes that a picture of `size` becomes.
    pub fn written(self, size: Size) -> u64 {
        match self {
            Step::Memcpy => size.area() * 4,
            Step::Convert(format, _) => size.area() * format.channels() as u64,
        }
    }

    /// Writes what becomes of `src` to `dst`.
    pub fn run(self, workers: &mut Workers, src: &[u8], dst: &mut [u8], size: Size) {
        let Step::Convert(format, rotation) = self else {
            return dst[..src.len()].copy_from_slice(src);
        };
        let desktop = rotation.apply(size);
        let placement = Placement { region: desktop.rect(), desktop, rotation };
        let image = ImageRef::new(src, size.width as usize * 4, size);
        let stride = desktop.width as usize * format.channels();
        workers.write(size.rect(), image, &placement, None, &mut ImageMut::new(dst, stride, desktop, format));
    }
}
