//! A row of BGRA pixels of the frame to its place in memory, in the frame's layout and type.

// The kernels are compiled per CPU path like those of the rows.
#![allow(clippy::inline_always)]

use std::sync::LazyLock;

use half::f16;

use super::super::convert::{CpuPath, Kernel};
use crate::frame::PixelFormat;
use crate::frame_format::{Element, Layout};
use crate::geometry::Size;

/// `level/255` as half floats.
static HALVES: LazyLock<[u16; 256]> =
    LazyLock::new(|| std::array::from_fn(|level| f16::from_f64(level as f64 / 255.0).to_bits()));

/// Where the rows of a frame go that has every channel of every pixel.
pub(super) struct Store<'a> {
    pub(super) path: CpuPath,
    pub(super) format: PixelFormat,
    pub(super) layout: Layout,
    pub(super) element: Element,
    pub(super) size: Size,
    pub(super) bytes: &'a mut [u8],
    /// Pixels of `format`, before they get their layout and type.
    pub(super) strip: &'a mut Vec<u8>,
}

impl Store<'_> {
    /// Stores the pixels of `bgra` from column `x` of row `y` on.
    pub(super) fn row(&mut self, y: u32, x: u32, bgra: &[u8]) {
        let Self { path, format, layout, element, size, .. } = *self;
        let (channels, width) = (format.channels(), size.width as usize);
        let pixels = bgra.len() / 4;
        let at = y as usize * width + x as usize;
        if layout == Layout::Hwc && element == Element::Uint8 {
            let start = at * channels;
            return path.convert(format, bgra, &mut self.bytes[start..start + pixels * channels]);
        }
        self.strip.resize(pixels * channels, 0);
        path.convert(format, bgra, self.strip);
        let bytes = element.bytes();
        if layout == Layout::Hwc {
            let start = at * channels * bytes;
            let dst = &mut self.bytes[start..start + pixels * channels * bytes];
            return path.run(Typed::<1> { element, channel: 0, src: self.strip, dst });
        }
        let plane = width * size.height as usize;
        for channel in 0..channels {
            let start = (channel * plane + at) * bytes;
            let dst = &mut self.bytes[start..start + pixels * bytes];
            let src = &self.strip[..];
            match channels {
                1 => path.run(Typed::<1> { element, channel, src, dst }),
                3 => path.run(Typed::<3> { element, channel, src, dst }),
                _ => path.run(Typed::<4> { element, channel, src, dst }),
            }
        }
    }
}

/// Every `CHANNELS`th level from `channel` on, as elements of another type.
struct Typed<'a, const CHANNELS: usize> {
    element: Element,
    channel: usize,
    src: &'a [u8],
    dst: &'a mut [u8],
}

impl<const CHANNELS: usize> Kernel for Typed<'_, CHANNELS> {
    #[inline(always)]
    fn run(self) {
        let levels = self.src.as_chunks::<CHANNELS>().0.iter().map(|pixel| pixel[self.channel]);
        match self.element {
            Element::Uint8 => self.dst.iter_mut().zip(levels).for_each(|(d, level)| *d = level),
            Element::Uint16 => {
                let dst = self.dst.as_chunks_mut::<2>().0;
                dst.iter_mut().zip(levels).for_each(|(d, level)| *d = u16::from(level).to_le_bytes());
            }
            Element::Float16 => {
                let halves = &*HALVES;
                let dst = self.dst.as_chunks_mut::<2>().0;
                dst.iter_mut().zip(levels).for_each(|(d, level)| *d = halves[usize::from(level)].to_le_bytes());
            }
            Element::Float32 => {
                let dst = self.dst.as_chunks_mut::<4>().0;
                dst.iter_mut().zip(levels).for_each(|(d, level)| *d = (f32::from(level) / 255.0).to_le_bytes());
            }
        }
    }
}
