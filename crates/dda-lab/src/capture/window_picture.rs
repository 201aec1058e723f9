//! What a captured window shows: a pure function of the place, the frame and the size of the window.
//!
//! | byte | value |
//! |---|---|
//! | blue | `x + 7 · (y ÷ 256) + 3 · width`, modulo 256 |
//! | green | `y + 5 · (x ÷ 256) + 3 · height`, modulo 256 |
//! | red | byte `x mod 4` of the frame's number, the lowest first |
//! | alpha | 255 |

use rustcam::geometry::Size;

/// The pixel (`x`, `y`) of a window of `size` in `frame`: blue, green, red and alpha.
pub fn window_pixel(x: u32, y: u32, frame: u32, size: Size) -> [u8; 4] {
    let blue = x.wrapping_add((y >> 8).wrapping_mul(7)).wrapping_add(size.width.wrapping_mul(3));
    let green = y.wrapping_add((x >> 8).wrapping_mul(5)).wrapping_add(size.height.wrapping_mul(3));
    [blue as u8, green as u8, frame.to_le_bytes()[(x & 3) as usize], 255]
}

/// All pixels of [`window_pixel`], row by row without padding.
pub fn window_image(frame: u32, size: Size) -> Vec<u8> {
    let mut image = Vec::with_capacity(size.area() as usize * 4);
    for y in 0..size.height {
        image.extend((0..size.width).flat_map(|x| window_pixel(x, y, frame, size)));
    }
    image
}

/// The number of the frame of which `row` are the first four pixels of any row.
pub fn window_frame(row: &[u8]) -> u32 {
    u32::from_le_bytes([2, 6, 10, 14].map(|red| row[red]))
}

/// Changes the number of the frame in an image that [`window_image`] made.
pub(crate) fn renumber(image: &mut [u8], frame: u32, width: usize) {
    let bytes = frame.to_le_bytes();
    for row in image.chunks_exact_mut(width * 4) {
        for (pixel, red) in row.as_chunks_mut::<4>().0.iter_mut().zip(bytes.iter().cycle()) {
            pixel[2] = *red;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_differ_by_their_number_and_sizes_by_every_pixel() {
        let size = Size::new(70, 3);
        let mut image = window_image(5, size);
        assert_eq!(window_frame(&image), 5);
        renumber(&mut image, 0x0102_0304, 70);
        assert_eq!(image, window_image(0x0102_0304, size));
        assert_eq!(window_frame(&image[70 * 8..]), 0x0102_0304);
        let wide = window_image(5, Size::new(71, 3));
        assert!((0..70).all(|x| wide[x * 4] != window_image(5, size)[x * 4]));
    }
}
