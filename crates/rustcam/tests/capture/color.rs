//! Sources whose colour changes without a present, and those that report nonsense.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use half::f16;
use rustcam::capture::{Frame, Request, Session, Target};
use rustcam::clock::VirtualClock;
use rustcam::color::{Color, ColorSpace, TextureFormat, ToneMapping};
use rustcam::error::Result;
use rustcam::frame::{Damage, ImageRef, PixelFormat, Pointer};
use rustcam::geometry::{Rect, Size};
use rustcam::source::{Change, Outcome, Output, Sink, Source};

const SIZE: Size = Size::new(16, 8);
/// What every pixel shows, in nits.
const LIGHT: [f64; 3] = [240.0, 60.0, 0.0];
const HDR: Color =
    Color { hdr: true, space: ColorSpace::Scrgb, bits: 10, sdr_white_nits: 240.0, max_nits: 1000.0, min_nits: 0.0 };

/// A desktop of one colour that never changes. Only the level of SDR white does, as a test says.
struct Wall {
    output: Output,
    color: Arc<Mutex<Color>>,
    /// Whether every read changes the level.
    flickers: bool,
    parts_read: Arc<AtomicUsize>,
    presented: bool,
    damaged: bool,
    pointer: Pointer,
}

impl Source for Wall {
    fn output(&self) -> &Output {
        &self.output
    }

    fn color(&self) -> Color {
        *self.color.lock().expect("no test panics with it")
    }

    fn wait(&mut self, _timeout: Duration) -> Result<Change> {
        let first = !std::mem::replace(&mut self.presented, true);
        Ok(if first { Change::presented(1, Duration::ZERO) } else { Change::NOTHING })
    }

    fn damage(&mut self, _timeout: Duration) -> Result<Damage> {
        let first = !std::mem::replace(&mut self.damaged, true);
        Ok(if first { Damage::everything(SIZE.rect()) } else { Damage::default() })
    }

    fn read(&mut self, parts: &[Rect], _timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
        let pixel = [LIGHT[0], LIGHT[1], LIGHT[2], f64::NAN].map(|nits| f16::from_f64(nits / 80.0).to_le_bytes());
        for &part in parts {
            let bytes = pixel.as_flattened().repeat(part.area() as usize);
            let stride = part.width() as usize * 8;
            sink(part, ImageRef::of(TextureFormat::Rgba16f, &bytes, stride, part.size()), &self.pointer);
            self.parts_read.fetch_add(1, Ordering::Relaxed);
        }
        if self.flickers {
            self.color.lock().expect("no test panics with it").sdr_white_nits += 1.0;
        }
        Ok(Outcome::Done(()))
    }

    fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    fn rebuild(&mut self, _timeout: Duration) -> Result<()> {
        Ok(())
    }
}

struct WallCapture {
    session: Session,
    color: Arc<Mutex<Color>>,
    parts_read: Arc<AtomicUsize>,
}

impl WallCapture {
    fn new(color: Color, flickers: bool) -> Self {
        let (color, parts_read) = (Arc::new(Mutex::new(color)), Arc::new(AtomicUsize::new(0)));
        let source = Wall {
            output: Output::new("WALL", SIZE),
            color: Arc::clone(&color),
            flickers,
            parts_read: Arc::clone(&parts_read),
            presented: false,
            damaged: false,
            pointer: Pointer::default(),
        };
        let session = Session::over(Box::new(source), Arc::new(VirtualClock::new()), false);
        Self { session, color, parts_read }
    }

    /// The current image, without waiting for a new one.
    fn grab(&mut self) -> Frame {
        let request = Request::within(Duration::ZERO).new_frame_only(false);
        let target = Target::retained(PixelFormat::Rgb);
        self.session.grab(&request, target, &mut || Ok(())).expect("no error").expect("the current image")
    }

    fn set_white(&self, nits: f64) {
        self.color.lock().expect("no test panics with it").sdr_white_nits = nits;
    }

    fn parts_read(&self) -> usize {
        self.parts_read.load(Ordering::Relaxed)
    }
}

/// The levels of all pixels, which are the same.
fn levels(frame: &Frame) -> [u8; 3] {
    let pixels = frame.image().expect("in memory").bytes().as_chunks::<3>().0;
    assert!(pixels.iter().all(|pixel| *pixel == pixels[0]));
    pixels[0]
}

fn level(share: f64) -> u8 {
    (rustcam::color::srgb_encode(share) * 255.0).round() as u8
}

#[test]
fn a_level_of_white_that_changes_without_a_present_makes_everything_new() {
    let mut wall = WallCapture::new(HDR, false);
    let frame = wall.grab();
    assert_eq!(levels(&frame), [255, level(0.25), 0]);
    drop(frame);
    let frame = wall.grab();
    assert_eq!((wall.parts_read(), frame.info.damage.clone()), (1, Damage::default()), "nothing is read again");
    drop(frame);
    wall.set_white(480.0);
    let frame = wall.grab();
    assert_eq!(levels(&frame), [level(0.5), level(0.125), 0]);
    assert_eq!(frame.info.damage, Damage::everything(SIZE.rect()));
    assert!((wall.session.color().sdr_white_nits - 480.0).abs() < 1e-9);
}

#[test]
fn highlights_are_mapped_or_cut_as_the_session_says() {
    let mut wall = WallCapture::new(Color { sdr_white_nits: 80.0, max_nits: 560.0, ..HDR }, false);
    // m = 3, M = 7: a third of the way to white.
    let mapped = levels(&wall.grab());
    assert_eq!(mapped, [255, level(0.25 + 0.75 / 3.0), level(1.0 / 3.0)]);
    wall.session.set_tone_mapping(ToneMapping::Clip);
    assert_eq!(levels(&wall.grab()), [255, level(0.75), 0]);
}

#[test]
fn a_level_of_white_that_changes_with_every_read_keeps_no_call() {
    let mut wall = WallCapture::new(HDR, true);
    let frame = wall.grab();
    assert_eq!((levels(&frame)[2], wall.parts_read()), (0, 3));
}

#[test]
fn luminances_that_make_no_sense_are_replaced() {
    for nits in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut wall = WallCapture::new(Color { sdr_white_nits: nits, max_nits: nits, ..HDR }, false);
        // White is taken for 200 nits, and without a maximum nothing fades.
        assert_eq!(levels(&wall.grab()), [255, level(0.25), 0], "{nits}");
        assert!((wall.session.color().sdr_white_nits - 200.0).abs() < 1e-9);
        let fallback = wall.session.stats().fallback.expect("it is told");
        assert!(fallback.contains("200 nits"), "{fallback}");
    }
    assert_eq!(WallCapture::new(HDR, false).session.stats().fallback, None);
}
