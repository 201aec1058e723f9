//! Frames that the source scales: beside those that the processor makes of the same desktop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Handle, Session, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::color::Color;
use rustcam::error::Result;
use rustcam::frame::{Damage, ImageRef, PixelFormat, Pointer};
use rustcam::frame_format::{Element, FrameFormat, FrameSpec, Layout, Resample, YuvFormat};
use rustcam::geometry::{Rect, Size};
use rustcam::pixels::{Finish, Pixels, Placement, PointerImage, Tone};
use rustcam::source::scaling::{ScaleRequest, ScaledFormat, ScaledSink};
use rustcam::source::sim::SimSource;
use rustcam::source::{Change, Outcome, Output, Sink, Source};

use crate::sim_capture::{desktop, waiting, SimCapture};

/// A simulated desktop that scales, in any case exactly, and counts the pixels that it has delivered.
struct Scaling {
    desktop: SimSource,
    pixels: Arc<AtomicU64>,
}

impl Source for Scaling {
    fn output(&self) -> &Output {
        self.desktop.output()
    }

    fn color(&self) -> Color {
        self.desktop.color()
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        self.desktop.wait(timeout)
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        self.desktop.damage(timeout)
    }

    fn read(&mut self, parts: &[Rect], timeout: Duration, sink: &mut Sink<'_>) -> Result<Outcome> {
        self.desktop.read(parts, timeout, sink)
    }

    fn read_scaled(&mut self, request: &ScaleRequest, timeout: Duration, sink: &mut ScaledSink<'_>) -> Result<Outcome> {
        request.check(self.output().size)?;
        let (desktop, rotation) = (self.output().size, self.output().image_rotation);
        let format = match request.format {
            ScaledFormat::Bgra => FrameFormat::packed(PixelFormat::Bgra),
            ScaledFormat::Nv12 => FrameFormat::Yuv(YuvFormat::Nv12),
        };
        let mut steps: Vec<Finish> = Vec::new();
        let mut part = Rect::default();
        for step in &request.steps {
            let finish = Finish::new(step.region.size(), step.size, request.resample, format);
            let needed = finish.needed(step.target).translated(step.region.left, step.region.top);
            part = part.union(rotation.to_texture(needed, desktop));
            steps.push(finish);
        }
        let pixels = &self.pixels;
        self.desktop.read(&[part], timeout, &mut |part, image, pointer| {
            let shape = pointer.shape.as_deref().filter(|_| request.cursor && pointer.visible);
            let shape = shape.and_then(|shape| Some((PointerImage::decode(shape)?, pointer.position)));
            for (index, (step, finish)) in request.steps.iter().zip(&mut steps).enumerate() {
                let mut frame = vec![0; format.bytes(step.size)];
                let placement = Placement { region: step.region, desktop, rotation };
                let shape = shape.as_ref().map(|(shape, at)| (shape, *at));
                let made_of = Pixels { part, image, placement, tone: &Tone::default(), pointer: shape };
                finish.write(&made_of, step.target, &mut frame);
                if request.format == ScaledFormat::Nv12 {
                    let rows = packed(&frame, step.size, step.target);
                    let size = request.format.size(step.target.size());
                    sink(index, ImageRef::new(&rows, size.width as usize * 4, size), pointer);
                } else {
                    let whole = ImageRef::new(&frame, step.size.width as usize * 4, step.size);
                    sink(index, whole.cropped(step.target), pointer);
                }
                pixels.fetch_add(step.target.area(), Ordering::Relaxed);
            }
        })
    }

    fn pointer(&self) -> &Pointer {
        self.desktop.pointer()
    }

    fn rebuild(&mut self, timeout: Duration) -> Result<()> {
        self.desktop.rebuild(timeout)
    }
}

/// The rows of luma and of chroma of `target` in an `nv12` frame of this size, padded to four bytes.
fn packed(frame: &[u8], size: Size, target: Rect) -> Vec<u8> {
    let chroma = size.height as i32;
    let rows = (target.top..target.bottom).chain(chroma + target.top / 2..chroma + target.bottom / 2);
    let row = |y: i32| {
        let start = y as usize * size.width as usize;
        let mut row = frame[start + target.left as usize..start + target.right as usize].to_vec();
        row.resize(row.len().next_multiple_of(4), 0xAA);
        row
    };
    rows.flat_map(row).collect()
}

/// A capture of a desktop that scales, and how many pixels that has delivered.
fn scaling(script: &str) -> (Handle, Arc<AtomicU64>) {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
    let pixels = Arc::<AtomicU64>::default();
    let source = Scaling { desktop: desktop(script, true, Arc::clone(&clock)), pixels: Arc::clone(&pixels) };
    let session = Session::over(Box::new(source), Arc::clone(&clock), true);
    (Handle::over(session, clock), pixels)
}

const SCRIPTS: [&str; 5] = [
    "size 96x64; refresh 100; pointer path",
    "size 96x64; refresh 100; rotation 90; pointer path",
    "size 96x64; refresh 100; static; pointer path",
    "size 96x64; refresh 100; rotation 270; static; at 20ms present dirty 3,4,9,8; at 50ms present move 4,5>20,30,30,36; \
     at 70ms present dirty 80,60,96,64",
    "size 96x64; refresh 100; pointer path; at 55ms mode 60x90; at 105ms rotate 90",
];

fn specs() -> [FrameSpec; 6] {
    let pixels = |format, layout, element| FrameFormat::Pixels { format, layout, element };
    let sized =
        |format, (width, height), resample| FrameSpec { format, size: Some(Size::new(width, height)), resample };
    [
        sized(pixels(PixelFormat::Rgb, Layout::Chw, Element::Float32), (20, 13), Resample::Area),
        sized(pixels(PixelFormat::Gray, Layout::Hwc, Element::Uint8), (31, 40), Resample::Bilinear),
        sized(pixels(PixelFormat::Bgra, Layout::Chw, Element::Float16), (47, 9), Resample::Nearest),
        sized(FrameFormat::Yuv(YuvFormat::Nv12), (40, 22), Resample::Area),
        sized(FrameFormat::Yuv(YuvFormat::I420), (12, 60), Resample::Area),
        FrameFormat::Yuv(YuvFormat::I420).into(),
    ]
}

#[test]
fn scaled_frames_equal_those_of_the_processor() {
    let lists: [&[Rect]; 2] = [&[], &[Rect::new(0, 0, 40, 30), Rect::new(20, 20, 60, 60), Rect::new(20, 20, 60, 60)]];
    for script in SCRIPTS {
        let mut scaled_pixels = 0;
        for (spec, regions) in specs().into_iter().zip(lists.into_iter().cycle()) {
            let plain = SimCapture::new(&format!("{script}; clock virtual"), true);
            let (scaled, pixels) = scaling(script);
            let regions = Some(regions).filter(|regions| spec.size.is_some() && !regions.is_empty());
            plain.handle.set_regions(regions).expect("inside");
            scaled.set_regions(regions).expect("inside");
            for step in 0..30 {
                let timeout = [0, 7, 30][step % 3];
                let target = || if step % 4 == 0 { Target::owned(spec) } else { Target::retained(spec) };
                let wanted = plain.grab(timeout, target()).expect("no error");
                let frame = scaled.grab(&waiting(timeout), target(), &mut || Ok(())).expect("no error");
                let bytes = |frame: &Option<rustcam::capture::Frame>| {
                    frame.as_ref().map(|frame| frame.image().expect("memory of its own").bytes().to_vec())
                };
                assert!(bytes(&frame) == bytes(&wanted), "{script} {spec:?} step {step}");
                let copied = |handle: &Handle| handle.stats().session.bytes_copied;
                assert_eq!(copied(&scaled), copied(&plain.handle), "{script} {spec:?} step {step}");
            }
            scaled_pixels += pixels.load(Ordering::Relaxed);
        }
        assert!(scaled_pixels > 0, "{script}");
    }
}

#[test]
fn results_that_are_no_smaller_or_no_levels_are_not_asked_for() {
    let (capture, pixels) = scaling(SCRIPTS[0]);
    let sized = |format: PixelFormat, width, height| FrameSpec {
        size: Some(Size::new(width, height)),
        ..FrameSpec::packed(format)
    };
    for spec in [
        sized(PixelFormat::Bgra, 96, 64),
        sized(PixelFormat::Rgb, 200, 32),
        sized(PixelFormat::Rgba16f, 10, 10),
        FrameSpec::packed(PixelFormat::Gray),
    ] {
        capture.grab(&waiting(30), Target::owned(spec), &mut || Ok(())).expect("no error").expect("a present");
        assert_eq!(pixels.load(Ordering::Relaxed), 0, "{spec:?}");
    }
    let small = sized(PixelFormat::Rgb, 95, 64);
    capture.grab(&waiting(30), Target::owned(small), &mut || Ok(())).expect("no error").expect("a present");
    assert_eq!(pixels.load(Ordering::Relaxed), 95 * 64);
}
