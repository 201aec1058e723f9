//! Whether the pixels of a screen or a window are BGRA in memory: images are passed on as the server makes them.

use x11rb::protocol::xproto::{ImageOrder, Screen, Setup, VisualClass, Visualid};

use super::advice::{self, Advice};
use crate::error::{Error, ErrorKind, Result};

/// Red, green and blue in a pixel.
const MASKS: [u32; 3] = [0xff_0000, 0xff00, 0xff];

/// How a pixel is stored.
#[derive(Clone, Copy)]
struct Pixels {
    depth: u8,
    bits: u8,
    class: VisualClass,
    masks: [u32; 3],
    order: ImageOrder,
}

/// Refuses the `kind` of thing, on `screen`, whose pixels are not BGRA in memory.
///
/// # Errors
/// `Duplication`.
pub(super) fn check(kind: &str, setup: &Setup, screen: &Screen, visual: Visualid) -> Result<()> {
    let visuals = screen.allowed_depths.iter().flat_map(|d| d.visuals.iter().map(|v| (d.depth, *v)));
    let (depth, visual) = visuals.into_iter().find(|(_, v)| v.visual_id == visual).unwrap_or_default();
    let pixels = Pixels {
        depth,
        bits: setup.pixmap_formats.iter().find(|f| f.depth == depth).map_or(0, |f| f.bits_per_pixel),
        class: visual.class,
        masks: [visual.red_mask, visual.green_mask, visual.blue_mask],
        order: setup.image_byte_order,
    };
    let Some((cause, advice)) = objection(pixels) else { return Ok(()) };
    let Pixels { depth, bits, masks: [red, green, blue], .. } = pixels;
    let message = format!(
        "the {kind} has {cause} (depth {depth} with {bits} bits per pixel, masks red 0x{red:x} green 0x{green:x} blue 0x{blue:x}); \
         supported is depth 24 or 32 with 32 bits per pixel, masks red 0xff0000 green 0xff00 blue 0xff, little-endian"
    );
    Err(Error::new(ErrorKind::Duplication, message).with_hint(advice.hint))
}

/// What is wrong with `pixels`, and what to do about it; `None` if nothing is.
fn objection(pixels: Pixels) -> Option<(&'static str, Advice)> {
    let Pixels { depth, bits, class, masks, order } = pixels;
    if !matches!(depth, 24 | 32) {
        return Some(("an unsupported depth", advice::DEPTH));
    }
    if bits != 32 {
        return Some(("pixels of an unsupported size", advice::PIXEL_SIZE));
    }
    if order != ImageOrder::LSB_FIRST {
        return Some(("big-endian pixels", advice::BYTE_ORDER));
    }
    if class != VisualClass::TRUE_COLOR {
        return Some(("a visual whose colours come from a table", advice::VISUAL_CLASS));
    }
    if masks != MASKS {
        return Some(("colours in an unsupported order", advice::COLOUR_ORDER));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Pixels =
        Pixels { depth: 24, bits: 32, class: VisualClass::TRUE_COLOR, masks: MASKS, order: ImageOrder::LSB_FIRST };

    #[test]
    fn the_advice_fits_the_cause() {
        let rgb565 = [0xf800, 0x7e0, 0x1f];
        let ten_bits = [0x3ff0_0000, 0xf_fc00, 0x3ff];
        for (pixels, word) in [
            (Pixels { depth: 16, bits: 16, masks: rgb565, ..USUAL }, "1920x1080x24"),
            (Pixels { depth: 30, masks: ten_bits, ..USUAL }, "1920x1080x24"),
            (Pixels { depth: 8, bits: 8, class: VisualClass::PSEUDO_COLOR, ..USUAL }, "1920x1080x24"),
            (Pixels { bits: 24, ..USUAL }, "fbbpp 32"),
            (Pixels { order: ImageOrder::MSB_FIRST, ..USUAL }, "little-endian"),
            (Pixels { class: VisualClass::DIRECT_COLOR, ..USUAL }, "TrueColor"),
            (Pixels { masks: [0xff, 0xff00, 0xff_0000], ..USUAL }, "RGB888"),
        ] {
            let (cause, advice) = objection(pixels).expect("it is unusual");
            assert!(advice.hint.contains(word), "{cause}: {}", advice.hint);
        }
    }

    #[test]
    fn usual_pixels_meet_no_objection() {
        for depth in [24, 32] {
            assert!(objection(Pixels { depth, ..USUAL }).is_none());
        }
    }
}
