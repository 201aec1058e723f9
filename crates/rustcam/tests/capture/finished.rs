//! Frames that are scaled, arranged or converted, and frames of several regions: beside a capture of the same desktop as it is.

use rustcam::capture::Target;
use rustcam::error::ErrorKind;
use rustcam::frame::{ImageRef, PixelFormat};
use rustcam::frame_format::{Element, FrameFormat, FrameSpec, Layout, Resample, YuvFormat};
use rustcam::geometry::{Rect, Rotation, Size};
use rustcam::pixels::{Finish, Pixels, Placement, Tone};

use crate::sim_capture::{SimCapture, SMALL};

const SCRIPTS: [&str; 6] = [
    "size 96x64; refresh 100; pointer path",
    "size 96x64; refresh 100; rotation 90; pointer path; memory direct",
    "size 96x64; refresh 100; static; pointer path",
    "size 96x64; refresh 100; rotation 180; reads live",
    "size 96x64; refresh 100; rotation 270; static; at 20ms present dirty 3,4,9,8; at 50ms present move 4,5>20,30,30,36; \
     at 70ms present dirty 80,60,96,64",
    "size 96x64; refresh 100; damage wild; pointer path",
];

fn specs() -> Vec<FrameSpec> {
    let pixels = |format, layout, element| FrameFormat::Pixels { format, layout, element };
    let sized = |format: FrameFormat, size: (u32, u32), resample| FrameSpec {
        format,
        size: Some(Size::new(size.0, size.1)),
        resample,
    };
    vec![
        sized(pixels(PixelFormat::Rgb, Layout::Chw, Element::Float32), (20, 13), Resample::Area),
        sized(pixels(PixelFormat::Gray, Layout::Hwc, Element::Uint8), (31, 64), Resample::Area),
        sized(pixels(PixelFormat::Bgr, Layout::Hwc, Element::Float16), (200, 30), Resample::Area),
        sized(pixels(PixelFormat::Rgba, Layout::Hwc, Element::Uint8), (50, 40), Resample::Bilinear),
        sized(pixels(PixelFormat::Bgra, Layout::Chw, Element::Uint8), (47, 90), Resample::Nearest),
        sized(FrameFormat::Yuv(YuvFormat::Nv12), (40, 22), Resample::Area),
        FrameFormat::Yuv(YuvFormat::I420).into(),
        pixels(PixelFormat::Rgb, Layout::Chw, Element::Uint8).into(),
        sized(FrameFormat::packed(PixelFormat::Bgra), (96, 64), Resample::Area),
    ]
}

/// What `spec` makes of each of `regions` of an upright picture.
fn expected(bgra: &[u8], size: Size, regions: &[Rect], spec: FrameSpec) -> Vec<u8> {
    let mut frames = Vec::new();
    for region in regions {
        let target = spec.size_of(region.size());
        let mut frame = vec![0; spec.format.bytes(target)];
        let placement = Placement { region: *region, desktop: size, rotation: Rotation::None };
        let image = ImageRef::new(bgra, size.width as usize * 4, size);
        let pixels = Pixels { part: size.rect(), image, placement, tone: &Tone::default(), pointer: None };
        Finish::new(region.size(), target, spec.resample, spec.format).write(&pixels, target.rect(), &mut frame);
        frames.extend(frame);
    }
    frames
}

#[test]
fn finished_frames_show_what_plain_ones_do() {
    for script in SCRIPTS {
        for spec in specs() {
            let script = format!("{script}; clock virtual");
            let (plain, finished) = (SimCapture::new(&script, true), SimCapture::new(&script, true));
            let whole = plain.region();
            for step in 0..24 {
                let timeout = [0, 7, 30][step % 3];
                let wanted = plain.owned(timeout);
                let frame = match step % 4 {
                    0 => {
                        let mut bytes = vec![0; spec.format.bytes(spec.size_of(whole.size()))];
                        let filled = finished.grab(timeout, Target::Fill(&mut bytes, spec)).expect("no error");
                        filled.map(|_| bytes)
                    }
                    1 => finished.grab(timeout, Target::owned(spec)).expect("no error").map(bytes_of),
                    _ => finished.grab(timeout, Target::retained(spec)).expect("no error").map(bytes_of),
                };
                assert_eq!(wanted.is_some(), frame.is_some(), "{script} {spec:?} step {step}");
                let (Some(wanted), Some(frame)) = (wanted, frame) else { continue };
                let picture = wanted.image().expect("memory of its own").bytes();
                assert!(frame == expected(picture, whole.size(), &[whole], spec), "{script} {spec:?} step {step}");
            }
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map`")]
fn bytes_of(frame: rustcam::capture::Frame) -> Vec<u8> {
    frame.image().expect("memory of its own").bytes().to_vec()
}

#[test]
fn several_regions_are_parts_of_one_image() {
    let regions =
        [Rect::new(0, 0, 40, 30), Rect::new(30, 20, 96, 64), Rect::new(90, 0, 96, 3), Rect::new(30, 20, 96, 64)];
    for script in SCRIPTS {
        for spec in specs().into_iter().filter(|spec| spec.size.is_some()) {
            let script = format!("{script}; clock virtual");
            let (plain, listed) = (SimCapture::new(&script, true), SimCapture::new(&script, true));
            listed.handle.set_regions(Some(&regions)).expect("inside");
            for step in 0..12 {
                let target = if step % 2 == 0 { Target::owned(spec) } else { Target::retained(spec) };
                let (wanted, frame) = (plain.owned(30), listed.grab(30, target).expect("no error"));
                let (Some(wanted), Some(frame)) = (wanted, frame) else { continue };
                let (image, size) = (frame.image().expect("memory of its own"), plain.region().size());
                let shape: Vec<usize> =
                    std::iter::once(regions.len()).chain(spec.format.shape(spec.size.expect("it has one"))).collect();
                assert_eq!(image.shape(), shape);
                let picture = wanted.image().expect("memory of its own").bytes();
                assert!(image.bytes() == expected(picture, size, &regions, spec), "{script} {spec:?} step {step}");
            }
        }
    }
}

#[test]
fn a_small_change_rewrites_only_the_pixels_that_it_touches() {
    let capture = SimCapture::new(
        &format!("{SMALL}static; at 20ms present dirty 8,8,16,16; at 40ms present dirty 1,1,2,2"),
        false,
    );
    let format = FrameFormat::Pixels { format: PixelFormat::Rgb, layout: Layout::Hwc, element: Element::Float32 };
    let spec = FrameSpec { format, size: Some(Size::new(12, 8)), resample: Resample::Area };
    let copied = || capture.session().bytes_copied;
    let grab = || drop(capture.grab(100, Target::retained(spec)).expect("no error").expect("a present"));
    grab();
    assert_eq!(copied(), 12 * 8 * 3 * 4);
    grab();
    assert_eq!(copied(), (12 * 8 + 1) * 3 * 4, "8x8 pixels are one");
    grab();
    assert_eq!(copied(), (12 * 8 + 2) * 3 * 4);
}

#[test]
fn a_mode_change_keeps_the_promised_shape() {
    let capture = SimCapture::new(&format!("{SMALL}at 55ms mode 60x90; at 105ms rotate 90"), false);
    capture.handle.set_regions(Some(&[Rect::new(0, 0, 90, 60), Rect::new(5, 5, 20, 20)])).expect("inside");
    let spec = FrameSpec { size: Some(Size::new(10, 6)), ..FrameSpec::from(PixelFormat::Rgb) };
    let mut clamped = Vec::new();
    for step in 0..20 {
        let target = if step % 2 == 0 { Target::owned(spec) } else { Target::retained(spec) };
        let frame = capture.grab(1000, target).expect("no error").expect("a present");
        assert_eq!(frame.image().expect("memory of its own").shape(), [2, 6, 10, 3]);
        clamped.push(capture.session().region_clamped);
    }
    clamped.dedup();
    assert_eq!(clamped, [false, true, false], "the first mode change cuts a region, the second makes room for it");
    assert_eq!(capture.session().recoveries, 2);
}

#[test]
fn regions_outside_the_output_are_refused_and_nothing_changes() {
    let capture = SimCapture::new(SMALL, false);
    let set = |regions: &[Rect]| capture.handle.set_regions(Some(regions)).map_err(|error| error.kind());
    assert_eq!(set(&[Rect::new(0, 0, 8, 8), Rect::new(0, 0, 97, 8)]), Err(ErrorKind::InvalidArgument));
    assert_eq!(set(&[Rect::new(4, 4, 4, 8)]), Err(ErrorKind::InvalidArgument));
    let frame = capture.owned(100).expect("a present");
    assert_eq!(frame.image().expect("memory of its own").shape(), [64, 96, 4]);
}

#[test]
fn memory_of_the_wrong_size_is_refused() {
    let capture = SimCapture::new(SMALL, false);
    let spec = FrameSpec { size: Some(Size::new(10, 6)), ..FrameSpec::from(PixelFormat::Rgb) };
    let mut bytes = vec![0; 179];
    let error = capture.grab(100, Target::Fill(&mut bytes, spec)).expect_err("a byte is missing");
    assert_eq!(error.kind(), ErrorKind::Capture);
    let mut bytes = vec![0; 180];
    assert!(capture.grab(100, Target::Fill(&mut bytes, spec)).expect("no error").is_some());
}
