//! Frames of light: half floats, scaled as they are, in doubles.

use half::f16;

use super::super::{write_toned_on, Placement};
use super::resize::Axes;
use super::rows::Origin;
use crate::frame::{ImageMut, PixelFormat};
use crate::frame_format::{Element, Layout};
use crate::geometry::{Point, Rect, Size};

/// Channels of a pixel.
const CHANNELS: usize = 4;

/// Where the rows of a frame of light go.
pub(super) struct LightStore<'a> {
    pub(super) layout: Layout,
    pub(super) element: Element,
    pub(super) size: Size,
    pub(super) bytes: &'a mut [u8],
}

impl LightStore<'_> {
    /// Stores `pixel` at (`x`, `y`).
    fn pixel(&mut self, x: usize, y: usize, pixel: [f64; CHANNELS]) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        for (channel, value) in pixel.into_iter().enumerate() {
            let index = match self.layout {
                Layout::Hwc => (y * width + x) * CHANNELS + channel,
                Layout::Chw => (channel * height + y) * width + x,
            };
            let bytes = self.element.bytes();
            let element = &mut self.bytes[index * bytes..][..bytes];
            if self.element == Element::Float32 {
                element.copy_from_slice(&(value as f32).to_le_bytes());
            } else {
                element.copy_from_slice(&f16::from_f64(value).to_le_bytes());
            }
        }
    }
}

/// Writes `target`, pixels of the frame, which are made of `needed`, relative to the region.
pub(super) fn write(
    origin: &Origin<'_>,
    axes: Axes<'_>,
    (target, needed): (Rect, Rect),
    strip: &mut Vec<u8>,
    store: &mut LightStore<'_>,
) {
    let (left, columns) = (needed.left as u32, needed.width() as usize);
    let total = axes.x.total * axes.y.total;
    let mut sums = vec![[0.0; CHANNELS]; columns];
    for y in target.top as u32..target.bottom as u32 {
        let span = axes.y.spans[y as usize];
        sums.fill([0.0; CHANNELS]);
        for row in span.first..=span.last {
            let weight = span.weight_of(row);
            for (sum, pixel) in sums.iter_mut().zip(row_of(origin, needed, row, strip)) {
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += weight * value;
                }
            }
        }
        for x in target.left as u32..target.right as u32 {
            let span = axes.x.spans[x as usize];
            let mut sum = [0.0; CHANNELS];
            for column in span.first..=span.last {
                let weight = span.weight_of(column);
                for (sum, value) in sum.iter_mut().zip(sums[(column - left) as usize]) {
                    *sum += weight * value;
                }
            }
            store.pixel(x as usize, y as usize, sum.map(|sum| sum / total));
        }
    }
}

/// The upright pixels of row `y` of the region inside `needed`, with the pointer.
fn row_of<'a>(
    origin: &Origin<'_>,
    needed: Rect,
    y: u32,
    strip: &'a mut Vec<u8>,
) -> impl Iterator<Item = [f64; CHANNELS]> + 'a {
    let Origin { path, part, image, placement, tone, pointer } = *origin;
    let size = Size::new(needed.width(), 1);
    let len = size.width as usize * CHANNELS * 2;
    strip.resize(len, 0);
    let corner = placement.region.origin();
    let region = Rect::at(Point::new(corner.x + needed.left, corner.y + y as i32), size);
    let mut row = ImageMut::new(strip, len, size, PixelFormat::Rgba16f);
    write_toned_on(path, part, image, &Placement { region, ..placement }, tone, pointer, &mut row);
    let pixels = strip.as_chunks::<{ CHANNELS * 2 }>().0.iter();
    pixels.map(|pixel| std::array::from_fn(|c| f16::from_le_bytes([pixel[2 * c], pixel[2 * c + 1]]).to_f64()))
}
