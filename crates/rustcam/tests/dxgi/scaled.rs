//! Frames that the device scales: beside what the processor makes of the script's own pictures.

use rustcam::capture::{Frame, Request, Session, Target};
use rustcam::color::{TextureFormat, ToneMapping};
use rustcam::error::ErrorKind;
use rustcam::frame::{FrameInfo, ImageRef, PixelFormat};
use rustcam::frame_format::{Element, FrameFormat, FrameSpec, Layout, Resample, YuvFormat};
use rustcam::geometry::{Rect, Rotation, Size};
use rustcam::pixels::{Finish, Pixels, Placement, PointerImage, Tone, ToneSettings};
use rustcam::source::scaling::{Scale, ScaleRequest, ScaleStep, ScaledFormat};
use rustcam::source::texture::TextureSync;
use rustcam::source::Outcome;

use crate::lab_desktop::{ms, options, presented, request, LabDesktop, LONG};
use crate::reader::{read, reader_for, Consumer};

const SMALL: &str = "size 160x120; refresh 100; static; lab poison eager; ";
const HDR: &str = "color hdr; white 240; max 1000; ";
const SIZE: Size = Size::new(160, 120);

const RESAMPLES: [Resample; 3] = [Resample::Area, Resample::Bilinear, Resample::Nearest];

fn open(desktop: &LabDesktop, cursor: bool) -> Session {
    Session::open(&options(desktop, 0, cursor), &mut || Ok(())).expect("opens")
}

/// The current image, new or not.
fn current() -> Request {
    request(LONG).new_frame_only(false)
}

/// BGRA of this size.
fn sized(width: u32, height: u32, resample: Resample) -> FrameSpec {
    FrameSpec { size: Some(Size::new(width, height)), resample, ..FrameSpec::packed(PixelFormat::Bgra) }
}

fn grab(session: &mut Session, spec: FrameSpec) -> Frame {
    session.grab(&current(), Target::owned(spec), &mut || Ok(())).expect("alive").expect("an image")
}

fn bytes(frame: &Frame) -> &[u8] {
    frame.image().expect("in memory").bytes()
}

/// What the processor makes of `regions` of the script's picture at the time of a frame.
fn expected(desktop: &LabDesktop, info: &FrameInfo, regions: &[Rect], spec: FrameSpec, cursor: bool) -> Vec<u8> {
    let world = desktop.lab.world();
    let number = desktop.frame_at(info.present_time);
    let (size, color) = (world.size(number), world.color_of(number));
    let (held, picture) = if color.hdr {
        (TextureFormat::Rgba16f, world.light(number))
    } else {
        (TextureFormat::Bgra8, world.image(number))
    };
    let image = ImageRef::of(held, &picture, size.width as usize * held.bytes(), size);
    let tone = Tone::new(ToneSettings::new(&color, ToneMapping::Map));
    let pointer = &info.pointer;
    let shape = pointer.shape.as_deref().filter(|_| cursor && pointer.visible);
    let shape = shape.map(|shape| (PointerImage::decode(shape).expect("well formed"), pointer.position));
    let pointer = shape.as_ref().map(|(shape, at)| (shape, *at));
    let mut frames = Vec::new();
    for region in regions {
        let target = spec.size_of(region.size());
        let mut frame = vec![0; spec.format.bytes(target)];
        let placement = Placement { region: *region, desktop: size, rotation: Rotation::None };
        let pixels = Pixels { part: size.rect(), image, placement, tone: &tone, pointer };
        Finish::new(region.size(), target, spec.resample, spec.format).write(&pixels, target.rect(), &mut frame);
        frames.extend(frame);
    }
    frames
}

/// The largest difference of two levels.
fn difference(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default()
}

/// Grabs a frame that the device has to scale, and compares it. Pixels that are copied, and none of which has been mapped from an HDR desktop,
/// have to be equal.
fn check(desktop: &LabDesktop, session: &mut Session, regions: &[Rect], spec: FrameSpec, what: &str) {
    let before = desktop.counters();
    let frame = grab(session, spec);
    let after = desktop.counters();
    let what = format!("{what}, {regions:?} to {spec:?}");
    assert!(after.draws > before.draws && after.maps == before.maps + 1, "{what}");
    let wanted = expected(desktop, &frame.info, regions, spec, true);
    let exact = spec.resample == Resample::Nearest && !session.color().hdr;
    let most = difference(bytes(&frame), &wanted);
    assert!(most <= u8::from(!exact), "{what}: {most}");
}

#[test]
fn every_size_region_rotation_and_pointer_is_within_one_level_of_the_processor() {
    let lists: [&[Rect]; 4] = [
        &[],
        &[Rect::new(7, 9, 90, 61)],
        &[Rect::new(0, 0, 70, 60), Rect::new(50, 20, 160, 120), Rect::new(50, 20, 160, 120), Rect::new(3, 30, 77, 90)],
        &[Rect::new(59, 31, 160, 120)],
    ];
    let mut sizes = [(20, 13), (40, 30), (1, 2), (70, 7), (200, 5), (3, 90), (69, 49)].into_iter().cycle();
    for (rotation, colour, shape) in [
        (0, "", "arrow"),
        (90, "", "masked"),
        (180, "", "ibeam"),
        (270, "", "hand"),
        (0, HDR, "bitmap"),
        (270, HDR, "arrow"),
        (90, "lab format rgb10; ", "hand"),
    ] {
        let moved = format!("at 0ms shape {shape}; at 1ms pointer 60,30; at 1ms present");
        let desktop = LabDesktop::new(&format!("{SMALL} {colour} rotation {rotation}; {moved}"));
        let mut session = open(&desktop, true);
        let what = format!("{rotation}, {colour}{shape}");
        for regions in lists {
            session.set_regions((!regions.is_empty()).then_some(regions)).expect("inside");
            let regions = if regions.is_empty() { vec![SIZE.rect()] } else { regions.to_vec() };
            for resample in RESAMPLES {
                for (width, height) in sizes.by_ref().take(3) {
                    check(&desktop, &mut session, &regions, sized(width, height, resample), &what);
                }
            }
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn large_desktops_are_within_one_level_too() {
    // The second one needs more sums than are kept at a time.
    let desktop = LabDesktop::new("size 1920x1080; refresh 10; static; pointer still; rotation 90");
    let mut session = open(&desktop, true);
    for (width, height) in [(224, 224), (1060, 900), (84, 84), (1, 1079)] {
        check(&desktop, &mut session, &[Rect::new(0, 0, 1920, 1080)], sized(width, height, Resample::Area), "large");
    }
    drop(session);
    desktop.finish();
}

#[test]
fn only_the_results_are_mapped() {
    let lists: [&[Rect]; 2] = [&[], &[Rect::new(0, 0, 70, 60), Rect::new(50, 20, 160, 120), Rect::new(3, 30, 77, 90)]];
    for regions in lists {
        let desktop = LabDesktop::new(&format!("{SMALL} at 1ms pointer 60,30; at 1ms present"));
        let mut session = open(&desktop, true);
        session.set_regions((!regions.is_empty()).then_some(regions)).expect("inside");
        for _ in 0..3 {
            let before = desktop.counters().bytes_mapped;
            grab(&mut session, sized(20, 13, Resample::Area));
            assert_eq!(desktop.counters().bytes_mapped - before, 20 * 13 * 4 * regions.len().max(1) as u64);
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn every_format_and_type_is_made_of_the_scaled_levels() {
    let pixels = |format, layout, element| FrameFormat::Pixels { format, layout, element };
    let desktop = LabDesktop::new(&format!("{SMALL} rotation 90; at 1ms pointer 60,30; at 1ms present"));
    for (format, element) in [
        (pixels(PixelFormat::Rgb, Layout::Chw, Element::Float32), Element::Float32),
        (pixels(PixelFormat::Bgr, Layout::Hwc, Element::Float16), Element::Float16),
        (pixels(PixelFormat::Gray, Layout::Hwc, Element::Uint8), Element::Uint8),
        (pixels(PixelFormat::Rgba, Layout::Chw, Element::Uint8), Element::Uint8),
        (FrameFormat::Yuv(YuvFormat::Nv12), Element::Uint8),
        (FrameFormat::Yuv(YuvFormat::I420), Element::Uint8),
    ] {
        let spec = FrameSpec { format, size: Some(Size::new(42, 36)), resample: Resample::Area };
        let mut session = open(&desktop, true);
        let before = desktop.counters().bytes_mapped;
        let frame = grab(&mut session, spec);
        let pixels = if matches!(format, FrameFormat::Yuv(_)) { 11 * 54 } else { 42 * 36 };
        assert_eq!(desktop.counters().bytes_mapped - before, pixels * 4, "{spec:?}");
        let wanted = expected(&desktop, &frame.info, &[SIZE.rect()], spec, true);
        for (here, there) in levels(bytes(&frame), element).into_iter().zip(levels(&wanted, element)) {
            // Half floats are 1/16 of a level apart.
            assert!((here - there).abs() <= 1.13, "{spec:?}: {here} {there}");
        }
    }
    desktop.finish();
}

/// Elements as levels of 8 bits.
fn levels(bytes: &[u8], element: Element) -> Vec<f64> {
    match element {
        Element::Float32 => bytes.as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b)) * 255.0).collect(),
        Element::Float16 => bytes.as_chunks().0.iter().map(|b| half::f16::from_le_bytes(*b).to_f64() * 255.0).collect(),
        Element::Uint8 | Element::Uint16 => bytes.iter().map(|level| f64::from(*level)).collect(),
    }
}

#[test]
fn luma_and_chroma_of_the_desktop_as_it_is_are_exact_and_less_than_half_of_it() {
    for (rotation, shape) in [(0, "arrow"), (90, "masked"), (180, "ibeam"), (270, "hand")] {
        let moved = format!("at 0ms shape {shape}; at 1ms pointer 60,30; at 1ms present");
        let desktop = LabDesktop::new(&format!("{SMALL} rotation {rotation}; {moved}"));
        for region in [SIZE.rect(), Rect::new(7, 9, 97, 61)] {
            for yuv in [YuvFormat::Nv12, YuvFormat::I420] {
                let mut session = open(&desktop, true);
                session.set_region(Some(region)).expect("inside");
                let spec = FrameFormat::Yuv(yuv).into();
                let before = desktop.counters().bytes_mapped;
                let frame = grab(&mut session, spec);
                let mapped = u64::from(region.width().div_ceil(4) * region.height() / 2 * 3 * 4);
                assert_eq!(desktop.counters().bytes_mapped - before, mapped, "{rotation} {region}");
                let wanted = expected(&desktop, &frame.info, &[region], spec, true);
                assert!(bytes(&frame) == wanted, "{rotation} {shape} {region} {yuv:?}");
            }
        }
        desktop.finish();
    }
}

#[test]
fn moving_luma_and_chroma_are_those_of_their_time() {
    let desktop = LabDesktop::new("size 160x120; refresh 100; pointer path; clock virtual; lab poison eager");
    let mut session = open(&desktop, true);
    for (round, spec) in [FrameFormat::Yuv(YuvFormat::Nv12).into(), FrameFormat::Yuv(YuvFormat::I420).into()]
        .into_iter()
        .cycle()
        .take(40)
        .enumerate()
    {
        let target = if round % 3 == 0 { Target::owned(spec) } else { Target::retained(spec) };
        let frame = session.grab(&request(LONG), target, &mut || Ok(())).expect("alive").expect("a present");
        assert!(bytes(&frame) == expected(&desktop, &frame.info, &[SIZE.rect()], spec, true), "round {round}");
    }
    drop(session);
    desktop.finish();
}

#[test]
fn results_that_are_no_smaller_are_read_and_made_by_the_processor() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = open(&desktop, true);
    for spec in [sized(160, 120, Resample::Area), sized(320, 60, Resample::Area), sized(161, 121, Resample::Bilinear)] {
        let before = desktop.counters();
        let frame = grab(&mut session, spec);
        assert_eq!(desktop.counters().draws, before.draws, "{spec:?}");
        assert!(bytes(&frame) == expected(&desktop, &frame.info, &[SIZE.rect()], spec, true), "{spec:?}");
    }
    drop(session);
    desktop.finish();
}

#[test]
fn what_the_device_cannot_do_the_processor_does_exactly() {
    for (script, refused) in [("", true), ("lab system memory; ", false), (HDR, true)] {
        let desktop = LabDesktop::new(&format!("{SMALL} {script} rotation 90; pointer still"));
        if refused {
            desktop.lab.inject("CheckFormatSupport", 0, 0x8000_4005_u32 as i32).expect("a call");
        }
        let mut session = open(&desktop, true);
        for spec in [sized(20, 13, Resample::Area), sized(33, 40, Resample::Bilinear)] {
            let frame = grab(&mut session, spec);
            assert!(bytes(&frame) == expected(&desktop, &frame.info, &[SIZE.rect()], spec, true), "{script} {spec:?}");
        }
        assert_eq!(desktop.counters().draws, 0, "{script}");
        drop(session);
        desktop.finish();
    }
}

#[test]
fn retained_frames_redo_only_what_changed() {
    // A change of the screen every 50 ms, inside the region only at 200 ms and later.
    let changes: Vec<_> = (1..12)
        .map(|i| format!("at {}ms present dirty {}", i * 50, if i < 4 { "0,0,8,8" } else { "96,64,104,72" }))
        .collect();
    let script = format!("{SMALL} clock virtual; pointer still; {}", changes.join("; "));
    let desktop = LabDesktop::new(&script);
    let mut session = open(&desktop, false);
    let region = Rect::new(80, 40, 160, 120);
    session.set_region(Some(region)).expect("inside");
    let spec = sized(20, 20, Resample::Area);
    let (mut unchanged, mut small) = (0, 0);
    for round in 0..9 {
        let before = (desktop.counters(), session.stats().bytes_copied);
        let frame = session.grab(&request(LONG), Target::retained(spec), &mut || Ok(())).expect("alive");
        let frame = frame.expect("a present");
        let after = (desktop.counters(), session.stats().bytes_copied);
        let wanted = expected(&desktop, &frame.info, &[region], spec, false);
        assert!(difference(bytes(&frame), &wanted) <= 1, "round {round}");
        match after.1 - before.1 {
            0 => {
                assert_eq!((after.0.maps, after.0.draws), (before.0.maps, before.0.draws), "round {round}");
                unchanged += 1;
            }
            // 8x8 pixels are 2x2 of the frame.
            16 => small += 1,
            bytes => assert_eq!((bytes, round), (20 * 20 * 4, 0), "all of it"),
        }
    }
    assert!(unchanged >= 2 && small >= 3, "{unchanged} {small}");
    drop(session);
    desktop.finish();
}

#[test]
fn moving_pictures_and_pointers_are_those_of_their_time() {
    for script in ["size 160x120; refresh 100; pointer path", "size 160x120; refresh 100; rotation 270; pointer path"] {
        let desktop = LabDesktop::new(&format!("{script}; clock virtual; lab poison eager"));
        let mut session = open(&desktop, true);
        let spec = sized(61, 40, Resample::Area);
        for round in 0..40 {
            let target = if round % 2 == 0 { Target::owned(spec) } else { Target::retained(spec) };
            let frame = session.grab(&request(LONG), target, &mut || Ok(())).expect("alive").expect("a present");
            let wanted = expected(&desktop, &frame.info, &[session.region()], spec, true);
            assert!(difference(bytes(&frame), &wanted) <= 1, "{script}: round {round}");
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn nothing_is_created_in_the_steady_state() {
    let desktop = LabDesktop::new("size 160x120; refresh 100; pointer path; clock virtual");
    let mut session = open(&desktop, true);
    let mut textures = Vec::new();
    for _ in 0..60 {
        let target = Target::owned(sized(61, 40, Resample::Area));
        session.grab(&request(LONG), target, &mut || Ok(())).expect("alive").expect("a present");
        textures.push(desktop.counters().textures);
    }
    assert_eq!(textures[20], textures[59], "{textures:?}");
    drop(session);
    desktop.finish();
}

#[test]
fn lost_desktops_and_devices_come_back() {
    let losses =
        "at 200ms lose device for 50ms; at 500ms rotate 90; at 800ms mode 100x90; at 1100ms lose access for 50ms";
    let desktop = LabDesktop::new(&format!("size 160x120; refresh 100; pointer path; clock virtual; {losses}"));
    let mut session = open(&desktop, true);
    let spec = sized(30, 20, Resample::Area);
    while desktop.lab.now() < ms(1500) {
        let frame = session.grab(&request(LONG), Target::owned(spec), &mut || Ok(())).expect("it comes back");
        let frame = frame.expect("a present");
        let wanted = expected(&desktop, &frame.info, &[session.region()], spec, true);
        assert!(difference(bytes(&frame), &wanted) <= 1);
    }
    assert_eq!(session.stats().recoveries, 4);
    drop(session);
    desktop.finish();
}

#[test]
fn failures_of_the_device_are_raised_or_recovered_from() {
    for (call, code, kind) in [
        ("Map", 0x887A_0005_u32, None),
        ("Map", 0x8007_000E, Some(ErrorKind::Capture)),
        ("CreateTexture2D", 0x8007_000E, Some(ErrorKind::Capture)),
        ("CreateTexture2D", 0x887A_0005, None),
    ] {
        let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
        let mut session = open(&desktop, false);
        grab(&mut session, sized(30, 20, Resample::Area));
        desktop.lab.inject(call, 1, code as i32).expect("a call");
        let spec = sized(61, 40, Resample::Area);
        let grabbed = session.grab(&current(), Target::owned(spec), &mut || Ok(()));
        match kind {
            Some(kind) => assert_eq!(grabbed.expect_err("raised").kind(), kind, "{call} {code:x}"),
            None => {
                assert!(grabbed.expect("recovered").is_some() && session.stats().recoveries == 1, "{call} {code:x}");
            }
        }
        let frame = grab(&mut session, spec);
        let wanted = expected(&desktop, &frame.info, &[SIZE.rect()], spec, false);
        assert!(difference(bytes(&frame), &wanted) <= 1, "{call} {code:x}");
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_slow_device_is_waited_for_by_the_next_call() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still; slow reads 150ms"));
    let mut session = open(&desktop, false);
    let spec = sized(30, 20, Resample::Area);
    let first = session.grab(&request(ms(0)), Target::owned(spec), &mut || Ok(())).expect("alive");
    assert!(first.is_none());
    let draws = desktop.counters().draws;
    assert!(draws > 0);
    let frame = session.grab(&request(LONG), Target::owned(spec), &mut || Ok(())).expect("alive").expect("an image");
    assert_eq!(desktop.counters().draws, draws, "it was scaled already");
    let wanted = expected(&desktop, &frame.info, &[SIZE.rect()], spec, false);
    assert!(difference(bytes(&frame), &wanted) <= 1);
    drop((frame, session));
    desktop.finish();
}

#[test]
fn steps_outside_of_the_output_are_refused() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut source = desktop.open(false);
    presented(&mut source);
    let size = Size::new(10, 10);
    let wrong = [
        ScaleStep { region: Rect::new(0, 0, 161, 9), size, target: size.rect() },
        ScaleStep { region: Rect::new(5, 5, 5, 9), size, target: size.rect() },
        ScaleStep { region: SIZE.rect(), size, target: Rect::new(0, 0, 11, 1) },
        ScaleStep { region: SIZE.rect(), size, target: Rect::default() },
    ];
    let request =
        |steps| ScaleRequest { steps, resample: Resample::Area, format: ScaledFormat::default(), cursor: false };
    for step in wrong {
        let error = source.read_scaled(&request(vec![step]), LONG, &mut |_, _, _| panic!("delivered"));
        assert_eq!(error.expect_err("refused").kind(), ErrorKind::InvalidArgument, "{step:?}");
    }
    let odd = ScaleStep { region: SIZE.rect(), size, target: Rect::new(0, 0, 9, 10) };
    let odd = ScaleRequest { format: ScaledFormat::Nv12, ..request(vec![odd]) };
    let error = source.read_scaled(&odd, LONG, &mut |_, _, _| panic!("delivered")).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let none = source.read_scaled(&request(Vec::new()), LONG, &mut |_, _, _| panic!("delivered")).expect("alive");
    assert_eq!(none, Outcome::Done(()));
    let large = ScaleStep { region: SIZE.rect(), size: Size::new(60_000, 1), target: Rect::new(0, 0, 1, 1) };
    let large = source.read_scaled(&request(vec![large]), LONG, &mut |_, _, _| panic!("delivered")).expect("alive");
    assert_eq!(large, Outcome::Unsupported);
    drop(source);
    desktop.finish();
}

/// A scaled texture of the current image.
fn share(session: &mut Session, format: TextureFormat, sync: TextureSync, scale: Scale) -> Frame {
    let target = Target::Shared { sync, format, scale: Some(scale) };
    session.grab(&current(), target, &mut || Ok(())).expect("alive").expect("an image")
}

fn pixels_of(reader: &mut Option<Consumer>, frame: &Frame) -> Vec<u8> {
    let texture = frame.texture().expect("on the device");
    read(reader.get_or_insert_with(|| reader_for(texture)), texture)
}

#[test]
fn shared_textures_are_scaled_like_frames() {
    for (rotation, colour, shape) in
        [(0, "", "arrow"), (90, "", "masked"), (180, HDR, "hand"), (0, "lab format rgb10; ", "ibeam")]
    {
        let moved = format!("at 0ms shape {shape}; at 1ms pointer 60,30; at 1ms present");
        let desktop = LabDesktop::new(&format!("{SMALL} {colour} rotation {rotation}; {moved}"));
        let (mut session, mut reader) = (open(&desktop, true), None);
        for region in [SIZE.rect(), Rect::new(7, 9, 90, 61)] {
            session.set_region(Some(region)).expect("inside");
            for (resample, sync) in
                RESAMPLES.into_iter().zip([TextureSync::None, TextureSync::Keyed, TextureSync::None])
            {
                for size in [Size::new(40, 30), Size::new(33, 200), Size::new(300, 250)] {
                    let what = format!("{rotation} {colour}{shape}, {region} to {size}, {resample:?}, {sync}");
                    let before = desktop.counters().maps;
                    let scale = Scale { size, resample };
                    let frame = share(&mut session, TextureFormat::Bgra8, sync, scale);
                    assert_eq!(desktop.counters().maps, before, "{what}");
                    assert_eq!(frame.texture().expect("on the device").size, size, "{what}");
                    let seen = pixels_of(&mut reader, &frame);
                    let wanted =
                        expected(&desktop, &frame.info, &[region], sized(size.width, size.height, resample), true);
                    assert!(difference(&seen, &wanted) <= 1, "{what}");
                }
            }
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn scaled_textures_of_half_floats_are_within_one_step_of_the_processor() {
    for (rotation, colour) in [(0, HDR), (90, HDR), (180, ""), (270, "lab format rgb10; ")] {
        let desktop = LabDesktop::new(&format!("{SMALL} {colour} rotation {rotation}; pointer still"));
        let (mut session, mut memory, mut reader) = (open(&desktop, false), open(&desktop, false), None);
        for resample in RESAMPLES {
            for size in [Size::new(40, 30), Size::new(33, 200), Size::new(160, 7)] {
                let frame = share(&mut session, TextureFormat::Rgba16f, TextureSync::None, Scale { size, resample });
                let seen = pixels_of(&mut reader, &frame);
                let spec = FrameSpec { size: Some(size), resample, ..FrameSpec::packed(PixelFormat::Rgba16f) };
                let wanted = grab(&mut memory, spec);
                let what = format!("{rotation} {colour}, {size}, {resample:?}");
                assert_eq!(seen.len(), bytes(&wanted).len(), "{what}");
                for (here, there) in steps(&seen).zip(steps(bytes(&wanted))) {
                    assert!(here.abs_diff(there) <= u32::from(resample != Resample::Nearest), "{what}: {here} {there}");
                }
            }
        }
        drop((session, memory));
        desktop.finish();
    }
}

/// Half floats as numbers, neighbours of which are neighbouring half floats.
fn steps(bytes: &[u8]) -> impl Iterator<Item = i32> + '_ {
    let order = |bits: u16| if bits < 0x8000 { i32::from(bits) } else { -i32::from(bits & 0x7FFF) };
    bytes.as_chunks().0.iter().map(move |bytes| order(u16::from_le_bytes(*bytes)))
}

#[test]
fn scaled_textures_that_come_again_are_brought_up_to_date() {
    let desktop = LabDesktop::new("size 160x120; refresh 100; pointer path; lab poison eager");
    let (mut session, mut reader) = (open(&desktop, true), None);
    let mut held = Vec::new();
    for round in 0..40 {
        let scale = Scale { size: Size::new(61, 40), resample: RESAMPLES[round / 15] };
        let frame = share(&mut session, TextureFormat::Bgra8, TextureSync::None, scale);
        let seen = pixels_of(&mut reader, &frame);
        let wanted = expected(&desktop, &frame.info, &[SIZE.rect()], sized(61, 40, scale.resample), true);
        assert!(difference(&seen, &wanted) <= 1, "round {round}");
        held.push(frame);
        held.drain(..held.len().saturating_sub([0, 3, 1, 2][round % 4]));
    }
    assert!(desktop.counters().shared_textures <= 4, "they are reused: {:?}", desktop.counters());
    drop((held, session));
    desktop.finish();
}

#[test]
fn textures_that_no_device_can_scale_to_are_refused() {
    let desktop = LabDesktop::new(&format!("{SMALL} pointer still"));
    let mut session = open(&desktop, false);
    let scale = Some(Scale { size: Size::new(9000, 10), resample: Resample::Area });
    let target = || Target::Shared { sync: TextureSync::None, format: TextureFormat::Bgra8, scale };
    let error = session.grab(&current(), target(), &mut || Ok(())).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Capture);
    assert!(error.to_string().contains("at most 8192"), "{error}");
    drop(session);
    desktop.lab.inject("CheckFormatSupport", 0, 0x8000_4005_u32 as i32).expect("a call");
    let mut session = open(&desktop, false);
    let scale = Some(Scale { size: Size::new(90, 10), resample: Resample::Area });
    let target = Target::Shared { sync: TextureSync::None, format: TextureFormat::Bgra8, scale };
    let error = session.grab(&current(), target, &mut || Ok(())).expect_err("the device cannot scale");
    assert_eq!(error.kind(), ErrorKind::Capture);
    drop(session);
    desktop.finish();
}
