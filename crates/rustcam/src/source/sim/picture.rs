//! The picture of the simulated desktop: wallpaper, two resting windows, one that moves, a task bar with clock and counter, and the
//! frame number in black and white blocks.
//!
//! A picture is a list of elements, the lowest first. Two independent implementations evaluate it: [`Scene::pixel`] searches from the
//! top down for the first element that covers a pixel, [`Scene::paint_row`] paints spans from the bottom up. The tests compare them.

use std::ops::Range;
use std::time::Duration;

use crate::geometry::{Point, Rect, Size};

use super::font;
use super::light::{brighter, WIDE};

/// Blocks in a stripe.
const BITS: u32 = 64;
/// Rows of a stripe.
const STRIPE_ROWS: i32 = 8;
const BAR_ROWS: i32 = 48;
const TITLE_ROWS: i32 = 24;

/// Colours are `0x00RRGGBB`, which is BGRA in memory; on an HDR desktop the first byte says how bright they are, see `light`.
type Colour = u32;

const WHITE: Colour = 0x00FF_FFFF;
const BLACK: Colour = 0;

const EDITOR: &[&str] = &[
    "# every frame once, and exactly",
    "import rustcam",
    "",
    "with rustcam.Capturer(backend=\"sim\") as cap:",
    "    frame = cap.grab()",
    "    while frame is not None:",
    "        show(frame, cap.frame_info)",
    "        frame = cap.grab()",
    "",
    "print(cap.stats)",
];
const TERMINAL: &[&str] = &[
    "$ rustcam list",
    "a desktop that is made of text",
    "$ rustcam shot -o desktop.png",
    "$ rustcam bench",
    "every present, at the least CPU",
    "the quick brown fox jumps over",
    "the lazy dog 0123456789 @#%&*()",
    "$ _",
];
const MOVING: &[&str] = &["This window never", "takes the same way", "twice."];

/// One element of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Element {
    rect: Rect,
    colour: Colour,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Fill,
    /// Characters of `scale` times the size of the font.
    Text {
        text: String,
        scale: i32,
    },
    /// A number, most significant bit first, in blocks of equal width; white is 1.
    Stripe(u64),
}

fn fill(rect: Rect, colour: Colour) -> Element {
    Element { rect, colour, kind: Kind::Fill }
}

fn text(at: Point, scale: i32, colour: Colour, text: impl Into<String>) -> Element {
    let text = text.into();
    let width = text.len() as i32 * font::ADVANCE * scale;
    Element {
        rect: Rect::new(at.x, at.y, at.x + width, at.y + font::HEIGHT * scale),
        colour,
        kind: Kind::Text { text, scale },
    }
}

impl Element {
    /// The colour at a pixel, `None` where the element is transparent.
    fn pixel(&self, x: i32, y: i32) -> Option<Colour> {
        let r = self.rect;
        if x < r.left || x >= r.right || y < r.top || y >= r.bottom {
            return None;
        }
        match &self.kind {
            Kind::Fill => Some(self.colour),
            Kind::Text { text, scale } => {
                let (column, line) = ((x - r.left) / scale, (y - r.top) / scale);
                let character = text.as_bytes()[(column / font::ADVANCE) as usize];
                let column = column % font::ADVANCE;
                let bits = font::row(character, line as usize);
                (column < font::WIDTH && bits >> (font::WIDTH - 1 - column) & 1 == 1).then_some(self.colour)
            }
            Kind::Stripe(number) => {
                let block = (x - r.left) as u32 * BITS / r.width();
                Some(if number >> (BITS - 1 - block) & 1 == 1 { WHITE } else { BLACK })
            }
        }
    }

    /// Paints what row `y` shows of the element; `out` starts at column `left`.
    fn paint(&self, y: i32, left: i32, out: &mut [u32]) {
        let r = self.rect;
        let right = left + out.len() as i32;
        if y < r.top || y >= r.bottom || r.right <= left || r.left >= right {
            return;
        }
        let mut span = |from: i32, to: i32, colour: Colour| {
            let (from, to) = (from.max(left), to.min(right));
            if from < to {
                out[(from - left) as usize..(to - left) as usize].fill(colour);
            }
        };
        match &self.kind {
            Kind::Fill => span(r.left, r.right, self.colour),
            Kind::Text { text, scale } => {
                let line = ((y - r.top) / scale) as usize;
                for (i, &character) in text.as_bytes().iter().enumerate() {
                    let start = r.left + i as i32 * font::ADVANCE * scale;
                    let mut bits = font::row(character, line) << (8 - font::WIDTH);
                    while bits != 0 {
                        let column = bits.leading_zeros() as i32;
                        span(start + column * scale, start + (column + 1) * scale, self.colour);
                        bits &= !(0x80 >> column);
                    }
                }
            }
            Kind::Stripe(number) => {
                let block = r.width() as i32 / BITS as i32;
                span(r.left, r.right, BLACK);
                for bit in (0..BITS as i32).filter(|bit| number >> (BITS as i32 - 1 - bit) & 1 == 1) {
                    span(r.left + bit * block, r.left + (bit + 1) * block, WHITE);
                }
            }
        }
    }

    /// The pixels on which this element and its successor `new` may differ.
    fn difference(&self, new: &Element) -> Vec<Rect> {
        if self == new {
            return Vec::new();
        }
        if self.rect != new.rect || self.colour != new.colour {
            return vec![self.rect, new.rect];
        }
        match (&self.kind, &new.kind) {
            (Kind::Text { text: a, scale }, Kind::Text { text: b, .. }) => {
                let differs = |i: &usize| a.as_bytes()[*i] != b.as_bytes()[*i];
                let first = (0..a.len()).find(differs).unwrap_or(0) as i32;
                let last = (0..a.len()).rev().find(differs).unwrap_or(0) as i32;
                let at = |i: i32| self.rect.left + i * font::ADVANCE * scale;
                vec![Rect { left: at(first), right: at(last + 1), ..self.rect }]
            }
            (Kind::Stripe(a), Kind::Stripe(b)) => {
                let block = (self.rect.width() / BITS) as i32;
                let first = (a ^ b).leading_zeros() as i32;
                vec![Rect { left: self.rect.left + first * block, ..self.rect }]
            }
            _ => vec![self.rect],
        }
    }
}

/// Everything about the picture that does not change while the mode stays.
#[derive(Debug)]
pub(super) struct Picture {
    size: Size,
    top: Colour,
    bottom: Colour,
    columns: Vec<Colour>,
    resting: Vec<Element>,
    bar: Vec<Element>,
}

impl Picture {
    /// The picture called `name` at `size`, in one of a few palettes.
    pub(super) fn new(size: Size, palette: usize, name: &str, hdr: bool) -> Self {
        let (w, h) = (size.width as i32, size.height as i32);
        // The sums of row and column terms stay below 256 in every channel, so that they can be added as whole words.
        let (top, bottom) =
            [(0x0010_2C5C, 0x0086_5A78), (0x0014_4A3C, 0x006E_8450), (0x0050_2040, 0x00A0_7038)][palette % 3];
        let columns = (0..size.width).map(|x| {
            let part = (x * 72 / size.width.max(1)) & 0xFF;
            part << 16 | (part / 2) << 8 | (72 - part)
        });
        let mut resting = window(
            Rect::new(w * 5 / 100, h * 10 / 100, w * 52 / 100, h * 62 / 100),
            ("editor.py", EDITOR),
            [0x003A_3F4B, 0x00F4_F4EE, 0x0028_3040],
        );
        resting.extend(window(
            Rect::new(w * 56 / 100, h * 34 / 100, w * 95 / 100, h * 84 / 100),
            ("terminal", TERMINAL),
            [0x0050_2A3C, 0x0012_161C, 0x0078_D890],
        ));
        let y = h - BAR_ROWS;
        let mut bar = vec![
            fill(Rect::new(0, y, w, h), 0x001C_2028),
            fill(Rect::new(0, y, w, y + 1), 0x0048_5060),
            fill(Rect::new(12, y + 10, 24, y + 22), 0x00E0_5A48),
            fill(Rect::new(26, y + 10, 38, y + 22), 0x0058_B868),
            fill(Rect::new(12, y + 24, 24, y + 36), 0x0048_88E0),
            fill(Rect::new(26, y + 24, 38, y + 36), 0x00E8_C050),
            text(Point::new(52, y + 16), 2, 0x00C8_D0DC, name),
        ];
        if hdr {
            bar.extend(highlights(Rect::new(w * 5 / 100, h * 3 / 100, w * 95 / 100, h * 9 / 100)));
        }
        Self { size, top, bottom, columns: columns.collect(), resting, bar }
    }

    /// The picture at one moment. `epoch` counts the presents that changed everything.
    pub(super) fn scene(&self, number: u64, time: Duration, epoch: u64) -> Scene<'_> {
        let (w, h) = (self.size.width as i32, self.size.height as i32);
        let place = Rect::at(self.path(time), Size::new((w / 5).clamp(1, 320) as u32, (h / 5).clamp(1, 200) as u32));
        let mut elements = window(place, ("moving", MOVING), [0x0030_6898, 0x00E4_ECF4, 0x0020_3858]);
        let moving = 0..elements.len();
        let y = h - BAR_ROWS + 16;
        let clock = clock_face(time);
        elements.push(text(Point::new((w - 600).max(124), y), 2, WHITE, format!("frame {number:09}")));
        elements.push(text(Point::new(w - 12 * 13, y), 2, WHITE, clock));
        for top in [0, h - STRIPE_ROWS] {
            let block = (self.size.width / BITS).clamp(1, 8);
            let rect = Rect::new(0, top, (block * BITS) as i32, top + STRIPE_ROWS);
            elements.push(Element { rect, colour: WHITE, kind: Kind::Stripe(number) });
        }
        Scene { picture: self, elements, moving, place, tint: (epoch as u32 & 0x1F) * 0x0001_0101 }
    }

    /// Where the moving window is. The periods have no common multiple within a year.
    fn path(&self, time: Duration) -> Point {
        let swing = |period: u64, range: i32| {
            let phase = time.as_micros() as u64 % (2 * period);
            let there = if phase < period { phase } else { 2 * period - phase };
            (there as u128 * range.max(0) as u128 / period as u128) as i32
        };
        let (w, h) = (self.size.width as i32, self.size.height as i32);
        let (free_x, free_y) = (w - w / 5, h - BAR_ROWS - h / 5);
        let x = swing(5_300_027, free_x * 7 / 10) + swing(2_900_017, free_x * 3 / 10);
        let y = swing(4_100_003, free_y * 6 / 10) + swing(1_900_009, free_y * 4 / 10);
        Point::new(x, y)
    }

    fn wallpaper_row(&self, y: i32) -> Colour {
        let mix = |shift: u32| {
            let (a, b) = (self.top >> shift & 0xFF, self.bottom >> shift & 0xFF);
            let (y, h) = (y.max(0) as u32, self.size.height);
            ((a * (h - y.min(h)) + b * y.min(h)) / h) << shift
        };
        mix(0) | mix(8) | mix(16)
    }
}

fn clock_face(time: Duration) -> String {
    let s = time.as_secs();
    format!("{:02}:{:02}:{:02}.{:03}", s / 3600 % 100, s / 60 % 60, s % 60, time.subsec_millis())
}

/// A window with as much of its text as fits. `colours` are those of title bar, body and text.
fn window(rect: Rect, (title, lines): (&str, &[&str]), [bar, body, ink]: [Colour; 3]) -> Vec<Element> {
    let inner = Rect::new(rect.left + 1, rect.top + 1, rect.right - 1, rect.bottom - 1);
    let title_bar = Rect { bottom: (inner.top + TITLE_ROWS).min(inner.bottom), ..inner };
    let mut elements = vec![fill(rect, 0x0018_1C22), fill(inner, body), fill(title_bar, bar)];
    if inner.width() > 120 && inner.height() > 60 {
        for (i, colour) in [0x00E0_5A48, 0x00E8_C050, 0x0058_B868].into_iter().enumerate() {
            let left = inner.right - 20 - i as i32 * 18;
            elements.push(fill(Rect::new(left, inner.top + 7, left + 11, inner.top + 18), colour));
        }
        elements.push(text(Point::new(inner.left + 10, inner.top + 6), 2, 0x00EE_EEEE, title));
        let fits = ((inner.width() as i32 - 28) / (2 * font::ADVANCE)).max(0) as usize;
        let rows = ((inner.height() as i32 - TITLE_ROWS - 12) / 24).max(0) as usize;
        for (i, line) in lines.iter().enumerate().take(rows) {
            let at = Point::new(inner.left + 14, inner.top + TITLE_ROWS + 12 + i as i32 * 24);
            elements.push(text(at, 2, ink, &line[..line.len().min(fits)]));
        }
    }
    elements.retain(|e| !e.rect.is_empty());
    elements
}

/// Patches above SDR white and outside the gamut of sRGB: two rows, which no window covers.
fn highlights(area: Rect) -> Vec<Element> {
    let rows: [[Colour; 9]; 2] = [
        // From SDR white to twice the display's range.
        [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|step| brighter(WHITE, step)),
        [
            brighter(0x00FF_0000, 4),
            brighter(0x0000_FF00, 4),
            brighter(0x0000_00FF, 4),
            brighter(0x00FF_B040, 1),
            brighter(0x00FF_B040, 2),
            WIDE | 0x00FF_0000,
            WIDE | 0x0000_FF00,
            WIDE | 0x0000_00FF,
            brighter(WIDE | 0x0030_FF20, 2),
        ],
    ];
    let middle = i32::midpoint(area.top, area.bottom);
    let edge = |i: usize| area.left + area.width() as i32 * i as i32 / 9;
    let row = |(colours, top, bottom): ([Colour; 9], i32, i32)| {
        let patch = move |(i, colour)| fill(Rect::new(edge(i), top, edge(i + 1), bottom), colour);
        colours.into_iter().enumerate().map(patch).collect::<Vec<_>>()
    };
    let mut patches = row((rows[0], area.top, middle));
    patches.extend(row((rows[1], middle, area.bottom)));
    patches.retain(|patch| !patch.rect.is_empty());
    patches
}

/// The picture at one moment, without the parts that scripted presents painted over it.
pub(super) struct Scene<'a> {
    picture: &'a Picture,
    elements: Vec<Element>,
    moving: Range<usize>,
    place: Rect,
    tint: u32,
}

impl Scene<'_> {
    /// The elements, the lowest first.
    fn layers(&self) -> impl DoubleEndedIterator<Item = &Element> {
        let (moving, above) = self.elements.split_at(self.moving.end);
        self.picture.resting.iter().chain(moving).chain(&self.picture.bar).chain(above)
    }

    /// The colour at a pixel of the desktop: the oracle.
    pub(super) fn pixel(&self, x: i32, y: i32) -> u32 {
        let covered = self.layers().rev().find_map(|element| element.pixel(x, y));
        let colour = covered.unwrap_or_else(|| self.picture.wallpaper_row(y) + self.picture.columns[x as usize]);
        colour ^ self.tint
    }

    /// The value with which every pixel of a painted row has to be combined by exclusive or.
    pub(super) fn tint(&self) -> u32 {
        self.tint
    }

    /// Paints row `y` from column `left` on, without the tint.
    pub(super) fn paint_row(&self, y: i32, left: i32, out: &mut [u32]) {
        let base = self.picture.wallpaper_row(y);
        for (pixel, column) in out.iter_mut().zip(&self.picture.columns[left as usize..]) {
            *pixel = base + column;
        }
        for element in self.layers() {
            element.paint(y, left, out);
        }
    }

    /// The parts in which `new`, a later moment of the same epoch, may differ.
    pub(super) fn difference(&self, new: &Scene<'_>) -> Vec<Rect> {
        let mut parts = Vec::new();
        if self.place != new.place {
            parts.extend([self.place, new.place]);
        }
        for (a, b) in self.elements[self.moving.end..].iter().zip(&new.elements[new.moving.end..]) {
            parts.extend(a.difference(b));
        }
        let whole = self.picture.size.rect();
        parts.into_iter().filter_map(|part| part.intersection(whole)).collect()
    }
}

/// What present number `number` paints into its dirty parts: a colour of its own with a diagonal grain; on an HDR desktop some of them
/// are above SDR white or outside the gamut of sRGB.
pub(super) fn patch(number: u64, hdr: bool, x: i32, y: i32) -> u32 {
    let colour = (number as u32).wrapping_mul(0x9E37_79B1) >> 8 & 0x00C0_C0C0;
    let grain = ((x + y) as u32).wrapping_add(number as u32) % 0x40;
    let brightness = [0, 2, 0x80, 4, 0x83, 7][(number % 6) as usize];
    brighter(colour | (grain * 0x0001_0101), if hdr { brightness } else { 0 })
}

/// The undefined fourth byte: garbage that depends on the position, so that code which takes it for alpha fails. It is split by
/// coordinate, so that a row needs one exclusive or per pixel.
pub(super) fn stray_alpha(coordinate: i32) -> u32 {
    (coordinate as u32).wrapping_mul(0x85EB_CA6B) & 0xFF00_0000
}

/// The frame number in the stripe at the top left of the desktop, or in the one at the bottom left. `luma` is the brightness of the pixel at a column of
/// the stripe; `width` is the width of the whole desktop, at least 64.
pub fn decode_stripe(width: u32, luma: impl Fn(u32) -> u8) -> u64 {
    let block = (width / BITS).clamp(1, 8);
    (0..BITS).fold(0, |number, bit| number << 1 | u64::from(luma(bit * block + block / 2) >= 128))
}
