//! The image that is delivered: kept from frame to frame, and painted only where it is read.

use std::fmt;

use crate::color::TextureFormat;
use crate::error::Result;
use crate::frame::{Damage, ImageRef};
use crate::geometry::{Rect, Rotation, Size};
use crate::memory::Memory;
use crate::region::Region;

use super::light::Lamp;
use super::picture::{patch, stray_alpha};
use super::software::Painted;
use super::world::World;

/// Rows painted before they are written: one cache line of a turned texture row.
const BLOCK: i32 = 16;
/// Above this many pieces, painting everything is cheaper than tracking them.
const MOST_PIECES: usize = 64;

/// The texture of one mode, holding one frame.
pub struct Framebuffer {
    bytes: Memory,
    stride: usize,
    desktop: Size,
    rotation: Rotation,
    shown: u64,
    /// Parts of the desktop that still hold older pixels.
    stale: Region,
    /// Parts that scripted presents painted: they hide the picture under them until everything changes.
    overlaid: Vec<Rect>,
    /// Whether the fourth byte of a pixel is how bright it is, and not garbage.
    hdr: bool,
    alpha: Vec<u32>,
    block: Vec<u32>,
    /// The pixels under a pointer that is drawn now: offsets in `bytes`, and values.
    under: Vec<(usize, [u8; 4])>,
    /// The half floats that were viewed last.
    light: Vec<u8>,
}

impl fmt::Debug for Framebuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { desktop, rotation, shown, .. } = self;
        f.debug_struct("Framebuffer")
            .field("desktop", desktop)
            .field("rotation", rotation)
            .field("shown", shown)
            .finish_non_exhaustive()
    }
}

impl Framebuffer {
    /// A framebuffer for the mode of `frame`, with rows `pitch` bytes longer than needed.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub fn new(world: &World, frame: u64, pitch: usize) -> Result<Self> {
        let (desktop, rotation) = (world.size(frame), world.rotation(frame));
        let texture = rotation.apply(desktop);
        let hdr = world.color_of(frame).hdr;
        let stride = texture.width as usize * 4 + pitch;
        Ok(Self {
            bytes: Memory::heap(stride * texture.height as usize)?,
            stride,
            desktop,
            rotation,
            shown: 0,
            stale: Region::with_limit(usize::MAX),
            overlaid: Vec::new(),
            hdr,
            alpha: (0..desktop.width as i32).map(|x| if hdr { 0 } else { stray_alpha(x) }).collect(),
            block: Vec::new(),
            under: Vec::new(),
            light: Vec::new(),
        })
    }

    /// Makes the framebuffer show `frame`, which must belong to the same mode and not be older than the last one.
    pub fn show(&mut self, world: &World, frame: u64) {
        self.erase_pointer();
        let full = world.frame(frame).last_full;
        if full > self.shown {
            self.stale.add(self.desktop.rect());
            self.overlaid.clear();
            self.shown = full;
        }
        for (present, damage) in world.overlays(self.shown, frame) {
            self.follow_picture(world, present.number - 1);
            self.apply_overlay(world, present.number, damage);
        }
        self.follow_picture(world, frame);
    }

    /// The pixels of `part`, in texture space, in the desktop's own format.
    pub fn view(&mut self, world: &World, part: Rect) -> ImageRef<'_> {
        if !self.hdr {
            return self.view_colours(world, part);
        }
        let lamp = Lamp::new(world.color_of(self.shown));
        let mut light = std::mem::take(&mut self.light);
        light.clear();
        let (stride, image) = (self.stride * 2, self.view_colours(world, part));
        for (y, row) in (part.top..).zip((0..image.size().height as usize).map(|y| image.row(y))) {
            let colours = row.as_chunks::<4>().0.iter().copied().map(u32::from_le_bytes);
            let pixels = (part.left..).zip(colours);
            light.extend(pixels.flat_map(|(x, colour)| lamp.pixel(colour, stray_alpha(x) ^ stray_alpha(y) >> 3)));
            light.resize(stride * (y.abs_diff(part.top) as usize + 1), 0x7E);
        }
        self.light = light;
        ImageRef::of(TextureFormat::Rgba16f, &self.light, stride, part.size())
    }

    /// The colours of `part`: BGRA.
    fn view_colours(&mut self, world: &World, part: Rect) -> ImageRef<'_> {
        self.erase_pointer();
        let seen = self.rotation.to_desktop(part, self.desktop);
        self.repaint(world, seen);
        if let Some(painted) = world.painted(self.shown) {
            self.draw_pointer(&painted, seen);
        }
        let start = part.top as usize * self.stride + part.left as usize * 4;
        let end = (part.bottom as usize - 1) * self.stride + part.right as usize * 4;
        ImageRef::new(&self.bytes.bytes()[start..end], self.stride, part.size())
    }

    /// Draws the pointer over `seen`. It is erased before the framebuffer changes.
    fn draw_pointer(&mut self, painted: &Painted, seen: Rect) {
        let Some(covered) = painted.rect().intersection(seen) else { return };
        for y in covered.top..covered.bottom {
            for x in covered.left..covered.right {
                let place = self.rotation.to_texture(Rect::new(x, y, x + 1, y + 1), self.desktop);
                let start = place.top as usize * self.stride + place.left as usize * 4;
                let Some(pixel) = self.bytes.bytes_mut()[start..].first_chunk_mut() else { continue };
                self.under.push((start, *pixel));
                *pixel = Painted::over(Some(painted), *pixel, x, y);
            }
        }
    }

    fn erase_pointer(&mut self) {
        for (start, pixel) in self.under.drain(..) {
            self.bytes.bytes_mut()[start..start + 4].copy_from_slice(&pixel);
        }
    }

    /// Moves on to `frame`, if nothing was painted over the picture between the shown frame and this one.
    fn follow_picture(&mut self, world: &World, frame: u64) {
        let (old, new) = (world.frame(self.shown), world.frame(frame));
        self.shown = frame;
        if old.base == new.base {
            return;
        }
        for part in world.scene(old).difference(&world.scene(new)) {
            let mut seen = Region::with_limit(usize::MAX);
            seen.add(part);
            self.overlaid.iter().for_each(|hidden| seen.minus(*hidden));
            self.stale.extend(seen.into_rects());
        }
        if self.stale.rects().len() > MOST_PIECES {
            self.repaint(world, self.desktop.rect());
        }
    }

    /// Applies the scripted present `number`: first the moves, which all read the old image.
    fn apply_overlay(&mut self, world: &World, number: u64, damage: &Damage) {
        let mut moved = Vec::new();
        for m in &damage.moves {
            let source = m.source_rect();
            self.repaint(world, source);
            moved.push((m.destination, self.copy_out(source)));
        }
        for (destination, pixels) in moved {
            self.copy_in(destination, &pixels);
            self.mark_overlaid(destination);
        }
        let hdr = self.hdr;
        for &part in &damage.dirty {
            self.paint(part, 0, |y, left, row| {
                for (x, pixel) in (left..).zip(row) {
                    *pixel = patch(number, hdr, x, y);
                }
            });
            self.mark_overlaid(part);
        }
        self.shown = number;
    }

    fn mark_overlaid(&mut self, part: Rect) {
        self.stale.minus(part);
        self.overlaid.retain(|old| !part.contains(*old));
        self.overlaid.push(part);
    }

    /// Paints the stale pixels inside `part` of the desktop.
    fn repaint(&mut self, world: &World, part: Rect) {
        let wanted = self.stale.disjoint(part);
        if wanted.is_empty() {
            return;
        }
        let scene = world.scene(world.frame(self.shown));
        for seen in wanted {
            self.paint(seen, scene.tint(), |y, left, row| scene.paint_row(y, left, row));
        }
        self.stale.minus(part);
    }

    /// Paints `part` of the desktop row by row and writes it to its rotated place.
    fn paint(&mut self, part: Rect, tint: u32, row: impl Fn(i32, i32, &mut [u32])) {
        let (width, hdr) = (part.width() as usize, self.hdr);
        self.block.resize(width * BLOCK as usize, 0);
        for top in (part.top..part.bottom).step_by(BLOCK as usize) {
            let bottom = (top + BLOCK).min(part.bottom);
            for (y, line) in (top..bottom).zip(self.block.chunks_exact_mut(width)) {
                row(y, part.left, line);
                let rest = if hdr { tint } else { tint | stray_alpha(y) };
                for (pixel, alpha) in line.iter_mut().zip(&self.alpha[part.left as usize..]) {
                    *pixel ^= alpha ^ rest;
                }
            }
            self.write(Rect { top, bottom, ..part });
        }
    }

    /// Copies the painted block to its place.
    fn write(&mut self, part: Rect) {
        let (width, height) = (part.width() as usize, part.height() as usize);
        let place = self.rotation.to_texture(part, self.desktop);
        let block = &self.block;
        let rows =
            self.bytes.bytes_mut().chunks_mut(self.stride).skip(place.top as usize).take(place.height() as usize);
        let (from, to) = (place.left as usize * 4, place.right as usize * 4);
        for (v, row) in rows.enumerate() {
            let row = row[from..to].chunks_exact_mut(4);
            let put = |(bytes, pixel): (&mut [u8], u32)| bytes.copy_from_slice(&pixel.to_le_bytes());
            match self.rotation {
                Rotation::None => row.zip(block[v * width..][..width].iter().copied()).for_each(put),
                Rotation::Clockwise180 => {
                    row.zip(block[(height - 1 - v) * width..][..width].iter().rev().copied()).for_each(put);
                }
                // Texture row v is the desktop column that far from the right, read downwards.
                Rotation::Clockwise90 => row.zip((0..height).map(|y| block[y * width + width - 1 - v])).for_each(put),
                // Texture row v is desktop column v, read upwards.
                Rotation::Clockwise270 => row.zip((0..height).rev().map(|y| block[y * width + v])).for_each(put),
            }
        }
    }

    /// The bytes of a part of the desktop, as the texture holds them.
    fn copy_out(&self, part: Rect) -> Vec<u8> {
        let place = self.rotation.to_texture(part, self.desktop);
        let rows = self.bytes.bytes().chunks(self.stride).skip(place.top as usize).take(place.height() as usize);
        rows.flat_map(|row| &row[place.left as usize * 4..place.right as usize * 4]).copied().collect()
    }

    fn copy_in(&mut self, part: Rect, pixels: &[u8]) {
        let place = self.rotation.to_texture(part, self.desktop);
        let rows = self.bytes.bytes_mut().chunks_mut(self.stride).skip(place.top as usize);
        for (row, new) in rows.zip(pixels.chunks_exact(place.width() as usize * 4)) {
            row[place.left as usize * 4..place.right as usize * 4].copy_from_slice(new);
        }
    }
}
