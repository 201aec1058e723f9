//! Golden images: every kind of pointer shape at every edge and corner of an output in every rotation. The oracle makes them, people
//! inspect them, and from then on sessions have to return exactly these pixels.
//!
//! One file holds nine pictures of one desktop, three by three, with the pointer in the corner, at the edge or in the middle where the
//! picture is in the file. `scripts.txt` holds the script of each file; the pictures follow each other in time. `make golden` makes the
//! files anew.

#[path = "worlds/oracle.rs"]
mod oracle;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Request, Session, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::frame::{ImageMut, PixelFormat, Pointer};
use rustcam::geometry::{Rect, Size};
use rustcam::source::sim::{Script, World};
use rustcam::source::{Backend, OpenOptions};

/// Cargo runs tests in the folder of the crate.
const FOLDER: &str = "../../tests/golden";

/// Shapes and their sizes.
const SHAPES: [(&str, i32, i32); 5] =
    [("arrow", 12, 19), ("bitmap", 9, 12), ("ibeam", 33, 17), ("masked", 11, 11), ("premultiplied", 12, 19)];

/// Pictures side by side in a file.
const ACROSS: usize = 3;

/// Time between two pictures.
const STEP: u64 = 50;

/// One file.
struct Sheet {
    name: String,
    script: String,
    /// Of one picture.
    size: Size,
}

impl Sheet {
    fn all() -> Vec<Sheet> {
        let turned = |shape| [0u32, 90, 180, 270].map(|degrees| Sheet::new(shape, degrees));
        SHAPES.into_iter().flat_map(turned).collect()
    }

    fn new((shape, width, height): (&str, i32, i32), degrees: u32) -> Self {
        let size = if degrees.is_multiple_of(180) { Size::new(96, 64) } else { Size::new(64, 96) };
        let mut script = format!(
            "size {size}; rotation {degrees}; refresh 60; static; pointer still; clock virtual; at 0ms shape {shape}"
        );
        // Coloured pixels under every pointer; the frame numbers at the edges are mostly black.
        let (right, bottom) = (size.width as i32, size.height as i32);
        for (l, t, r, b) in
            [(0, 0, right, 14), (right - 20, 0, right, bottom), (0, bottom - 14, right, bottom), (0, 0, 20, bottom - 9)]
        {
            let _ = write!(script, "; at 0ms present dirty {l},{t},{r},{b}");
        }
        // Half of the shape is outside at each edge.
        let places = |side: i32, whole: i32| [-(side / 2), (whole - side) / 2, whole - side / 2];
        for (row, y) in places(height, size.height as i32).into_iter().enumerate() {
            for (column, x) in places(width, size.width as i32).into_iter().enumerate() {
                let at = STEP * (row * ACROSS + column) as u64;
                let _ = write!(script, "; at {at}ms pointer {x},{y}");
            }
        }
        Self { name: format!("{shape}-{degrees}"), script, size }
    }

    fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(format!("{}.png", self.name))
    }

    /// The nine pictures by the oracle, BGRA.
    fn by_oracle(&self) -> Vec<Vec<u8>> {
        let world = World::new(&Script::parse(&self.script).expect("a script"), 0);
        let desktop = world.image(world.frame_at(Duration::ZERO));
        let picture = |step: u64| {
            let state = world.pointer_at(Duration::from_millis(STEP * step));
            let pointer = Pointer { position: state.position, visible: state.visible, shape: Some(state.shape) };
            oracle::picture(&desktop, self.size, Some(&pointer), self.size.rect(), PixelFormat::Bgra)
        };
        (0..(ACROSS * ACROSS) as u64).map(picture).collect()
    }

    /// The nine pictures of the file, BGRA.
    fn by_file(&self) -> Vec<Vec<u8>> {
        let file = File::open(self.path()).expect("`make golden` makes the files");
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info().expect("a PNG file");
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let mut rgb = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut rgb).expect("an image");
        assert_eq!((info.width as usize, info.height as usize), (ACROSS * width, ACROSS * height), "{}", self.name);
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        let picture = |index: usize| {
            let (left, top) = (index % ACROSS * width, index / ACROSS * height);
            let rows = (top..top + height).map(|y| &rgb[(y * ACROSS * width + left) * 3..][..width * 3]);
            rows.flat_map(|row| row.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0], 255])).collect()
        };
        (0..ACROSS * ACROSS).map(picture).collect()
    }

    fn write(&self) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let pictures = self.by_oracle();
        let mut rgb = Vec::new();
        for y in 0..ACROSS * height {
            for column in 0..ACROSS {
                let picture = &pictures[y / height * ACROSS + column];
                let row = &picture[y % height * width * 4..][..width * 4];
                rgb.extend(row.chunks_exact(4).flat_map(|p| [p[2], p[1], p[0]]));
            }
        }
        let file = BufWriter::new(File::create(self.path()).expect("the folder can be written to"));
        let mut encoder = png::Encoder::new(file, (ACROSS * width) as u32, (ACROSS * height) as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(png::Filter::NoFilter);
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&rgb)).expect("written");
    }

    /// The nine pictures that a session returns into memory of the given kind.
    fn by_session(&self, more: &str, region: Rect, format: PixelFormat, lifetime: Lifetime) -> Vec<Vec<u8>> {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let script = Script::parse(&format!("{}{more}", self.script)).expect("a script");
        let options = OpenOptions::new(Backend::Sim(script)).clock(clock);
        let mut session = Session::open(&options, &mut || Ok(())).expect("the desktop opens");
        let request = Request::within(Duration::from_secs(1)).region(region);
        let row = region.width() as usize * format.bytes();
        let picture = |_| {
            let mut own = vec![0; row * region.height() as usize];
            let target = match lifetime {
                Lifetime::Owned => Target::owned(format),
                Lifetime::Retained => Target::retained(format),
                Lifetime::Callers => Target::Into(ImageMut::new(&mut own, row, region.size(), format)),
            };
            let frame = session.grab(&request, target, &mut || Ok(())).expect("no error").expect("a frame");
            frame.image().map_or(own, |image| image.bytes().to_vec())
        };
        (0..ACROSS * ACROSS).map(picture).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Lifetime {
    Owned,
    Retained,
    Callers,
}

#[test]
#[ignore = "makes the files that the other tests compare with"]
fn make() {
    let mut scripts = String::new();
    for sheet in Sheet::all() {
        sheet.write();
        let _ = writeln!(scripts, "{}: {}", sheet.name, sheet.script);
    }
    std::fs::write(Path::new(FOLDER).join("scripts.txt"), scripts).expect("the folder can be written to");
}

#[test]
fn the_files_show_what_the_oracle_says() {
    let mut scripts = String::new();
    for sheet in Sheet::all() {
        assert!(sheet.by_file() == sheet.by_oracle(), "{}", sheet.name);
        let _ = writeln!(scripts, "{}: {}", sheet.name, sheet.script);
    }
    let kept = std::fs::read_to_string(Path::new(FOLDER).join("scripts.txt")).expect("`make golden` makes the files");
    assert_eq!(kept.replace("\r\n", "\n"), scripts);
}

#[test]
fn sessions_return_the_golden_pictures() {
    for sheet in Sheet::all() {
        let golden = sheet.by_file();
        let whole = sheet.size.rect();
        // Smaller than most shapes, and cut by the pointer in the middle and by those at the left and at the top.
        let part = Rect::new(3, 2, whole.right / 2 + 1, whole.bottom / 2 + 2);
        for (region, format) in
            [whole, part].into_iter().flat_map(|r| PixelFormat::ALL.iter().map(move |format| (r, *format)))
        {
            let crop = |picture: &Vec<u8>| oracle::picture(picture, sheet.size, None, region, format);
            let expected: Vec<_> = golden.iter().map(crop).collect();
            for lifetime in [Lifetime::Owned, Lifetime::Retained, Lifetime::Callers] {
                for memory in ["; memory ordinary", "; memory direct; pitch 0"] {
                    let pictures = sheet.by_session(memory, region, format, lifetime);
                    for (index, (picture, golden)) in pictures.iter().zip(&expected).enumerate() {
                        let name = &sheet.name;
                        assert!(picture == golden, "picture {index} of {name}, {region} {format} {lifetime:?}{memory}");
                    }
                }
            }
        }
    }
}
