//! Pointer shapes of every kind that systems report, drawn with characters.

use std::sync::{Arc, LazyLock};

use crate::frame::{PointerShape, ShapeKind};
use crate::geometry::{Point, Size};

use super::script::Shape;

/// `#` is black, `o` is white, `+` and `-` are black of half and quarter opacity, a space is nothing.
const ARROW: &[&str] = &[
    "#-          ",
    "##-         ",
    "#o#-        ",
    "#oo#-       ",
    "#ooo#-      ",
    "#oooo#-     ",
    "#ooooo#-    ",
    "#oooooo#-   ",
    "#ooooooo#-  ",
    "#oooooooo#- ",
    "#oooooo####-",
    "#ooo#oo#+-- ",
    "#oo##oo#+   ",
    "#o#+#oo#+   ",
    "##+- #oo#+  ",
    "#+-  #oo#+  ",
    "+-    #oo#+ ",
    "      #oo#+ ",
    "       ##+  ",
];

/// The same characters; the hot spot is not in the corner.
const HAND: &[&str] = &[
    "    ##       ",
    "   #oo#      ",
    "   #oo#-     ",
    "   #oo#-     ",
    "   #oo####-  ",
    "   #oo#oo##- ",
    " ###oooooo#o#",
    "#oo#oooooooo#",
    "#ooooooooooo#",
    " #oooooooooo#",
    "  #oooooooo#+",
    "  #oooooooo#+",
    "   #oooooo#+ ",
    "   ########+ ",
    "    ++++++++ ",
];

/// `#` is black, `o` is white, a space is nothing.
const BITMAP: &[&str] = &[
    "    #    ",
    "   #o#   ",
    "  #ooo#  ",
    " ###o### ",
    "   #o#   ",
    "   #o#   ",
    "   #o#   ",
    "   #o#   ",
    " ###o### ",
    "  #ooo#  ",
    "   #o#   ",
    "    #    ",
];

/// `x` inverts the screen, `#` is black, `o` is white, a space is nothing. Wider than four bytes, so that its rows are padded.
const IBEAM: &[&str] = &[
    "ooooooooooooo#######ooooooooooooo",
    "o############xxxxxxx############o",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "               xxx               ",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "o############xxxxxxx############o",
    "ooooooooooooo#######ooooooooooooo",
];

/// `x` inverts, `h` inverts the high bits only, `#` and `o` replace, `r` replaces with red, a space keeps the pixel.
const MASKED: &[&str] = &[
    "   ooooo   ",
    "  o#####o  ",
    " o#xxxxx#o ",
    "o#xhhhhhx#o",
    "o#xh r hx#o",
    "o#xhrrrhx#o",
    "o#xh r hx#o",
    "o#xhhhhhx#o",
    " o#xxxxx#o ",
    "  o#####o  ",
    "   ooooo   ",
];

static SHAPES: LazyLock<[Arc<PointerShape>; 10]> = LazyLock::new(|| {
    [
        color(ShapeKind::Color, ARROW, Point::new(0, 0), |c| match c {
            b'#' => [0, 0, 0, 255],
            b'o' => [255, 255, 255, 255],
            b'+' => [0, 0, 0, 128],
            b'-' => [0, 0, 0, 64],
            // With straight alpha an invisible pixel may have any colour.
            _ => [255, 0, 255, 0],
        }),
        monochrome(IBEAM, Point::new(16, 8)),
        color(ShapeKind::MaskedColor, MASKED, Point::new(5, 5), |c| match c {
            b'x' => [255, 255, 255, 255],
            b'h' => [128, 128, 128, 255],
            b'#' => [0, 0, 0, 0],
            b'o' => [255, 255, 255, 0],
            b'r' => [40, 40, 220, 0],
            _ => [0, 0, 0, 255],
        }),
        color(ShapeKind::Color, HAND, Point::new(4, 0), |c| match c {
            b'#' => [32, 16, 0, 255],
            b'o' => [216, 232, 255, 250],
            b'+' => [0, 0, 0, 128],
            b'-' => [0, 0, 0, 64],
            _ => [0, 0, 0, 0],
        }),
        color(ShapeKind::Premultiplied, ARROW, Point::new(0, 0), |c| match c {
            b'#' => [0, 0, 0, 255],
            b'o' => [160, 180, 200, 200],
            b'+' => [0, 0, 0, 128],
            b'-' => [32, 0, 0, 64],
            _ => [0, 0, 0, 0],
        }),
        monochrome(BITMAP, Point::new(4, 6)),
        malformed(ShapeKind::Color, Size::new(0, 8), 32, 256),
        malformed(ShapeKind::Color, Size::new(8, 8), 31, 256),
        malformed(ShapeKind::Monochrome, Size::new(16, 5), 2, 19),
        malformed(ShapeKind::MaskedColor, Size::new(60_000, 60_000), 240_000, 4096),
    ]
});

/// The description of a shape; always the same allocation, so that a consumer can compare pointers.
pub(super) fn shape(name: Shape) -> &'static Arc<PointerShape> {
    &SHAPES[match name {
        Shape::Arrow => 0,
        Shape::Ibeam => 1,
        Shape::Masked => 2,
        Shape::Hand => 3,
        Shape::Premultiplied => 4,
        Shape::Bitmap => 5,
        Shape::Empty => 6,
        Shape::Narrow => 7,
        Shape::Short => 8,
        Shape::Huge => 9,
    }]
}

fn size_of(art: &[&str]) -> Size {
    Size::new(art[0].len() as u32, art.len() as u32)
}

fn color(kind: ShapeKind, art: &[&str], hot_spot: Point, pixel: fn(u8) -> [u8; 4]) -> Arc<PointerShape> {
    let size = size_of(art);
    // One pixel of padding that must not be drawn.
    let pitch = (size.width as usize + 1) * 4;
    let mut data = Vec::with_capacity(pitch * art.len());
    for line in art {
        data.extend(line.bytes().flat_map(pixel));
        data.extend([0xAB; 4]);
    }
    Arc::new(PointerShape { kind, size, pitch, hot_spot, data })
}

fn monochrome(art: &[&str], hot_spot: Point) -> Arc<PointerShape> {
    let size = size_of(art);
    // Rows of 32 bits, as Windows pads them.
    let pitch = (size.width as usize).div_ceil(32) * 4;
    let mask = |set: fn(u8) -> bool| {
        art.iter().flat_map(move |line| {
            let mut row = vec![0u8; pitch];
            for (x, _) in line.bytes().enumerate().filter(|(_, c)| set(*c)) {
                row[x / 8] |= 0x80 >> (x % 8);
            }
            row
        })
    };
    let and = mask(|c| c == b'x' || c == b' ');
    let xor = mask(|c| c == b'x' || c == b'o');
    let data = and.chain(xor).collect();
    Arc::new(PointerShape { kind: ShapeKind::Monochrome, size, pitch, hot_spot, data })
}

/// A description that contradicts itself.
fn malformed(kind: ShapeKind, size: Size, pitch: usize, len: usize) -> Arc<PointerShape> {
    Arc::new(PointerShape { kind, size, pitch, hot_spot: Point::default(), data: vec![0x5A; len] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_as_many_bytes_as_its_description_says() {
        for (name, kind) in &Shape::NAMES[..6] {
            let shape = shape(*kind);
            let masks = if shape.kind == ShapeKind::Monochrome { 2 } else { 1 };
            assert_eq!(shape.data.len(), shape.pitch * shape.size.height as usize * masks, "{name}");
        }
        for art in [ARROW, HAND, BITMAP, IBEAM, MASKED] {
            assert!(art.iter().all(|line| line.len() == art[0].len()));
        }
    }

    #[test]
    fn the_monochrome_shape_is_wider_than_its_packed_words() {
        let ibeam = shape(Shape::Ibeam);
        assert_eq!((ibeam.size.width, ibeam.pitch), (33, 8));
    }

    #[test]
    fn multiplied_colours_do_not_exceed_their_alpha() {
        assert!(shape(Shape::Premultiplied)
            .data
            .chunks(48 + 4)
            .all(|row| row[..48].chunks(4).all(|p| p[0] <= p[3] && p[1] <= p[3] && p[2] <= p[3])));
    }
}
