//! Desktops that are not composed in BGRA: HDR, automatic colour management, ten bits. Every image arrives as the system composes it, and
//! the frames are exact.

use rustcam::capture::{Session, Target};
use rustcam::color::{Color, ColorSpace, TextureFormat, ToneMapping};
use rustcam::error::ErrorKind;
use rustcam::frame::{ImageMut, ImageRef, PixelFormat, Pointer};
use rustcam::geometry::{Rect, Rotation, Size};
use rustcam::pixels::{write_toned, Placement, PointerImage, Tone, ToneSettings};
use rustcam::source::texture::TextureSync;
use rustcam::source::{self, Backend};

use crate::lab_desktop::{ms, options, request, LabDesktop};
use crate::reader::{read, reader_for};

const SMALL: &str = "size 320x200; refresh 100; pointer still; clock virtual; lab white 200; ";
const SIZE: Size = Size::new(64, 48);
const HDR: &str = "color hdr; white 240; max 1000; clock virtual; refresh 100; ";

fn open(desktop: &LabDesktop, mapping: ToneMapping, cursor: bool) -> Session {
    Session::open(&options(desktop, 0, cursor).tone_mapping(mapping), &mut || Ok(())).expect("opens")
}

/// `region` of frame `frame` of an HDR script, mapped by the pass over pixels, whose own tests compare it with the formulas. What is cut at
/// SDR white comes from the script instead.
fn expected(
    desktop: &LabDesktop,
    frame: u64,
    (region, format, mapping): (Rect, PixelFormat, ToneMapping),
    pointer: Option<&Pointer>,
) -> Vec<u8> {
    let world = desktop.lab.world();
    let size = world.size(frame);
    let cut = mapping == ToneMapping::Clip && format != PixelFormat::Rgba16f;
    let (held, bytes) = if cut || !world.color_of(frame).hdr {
        (TextureFormat::Bgra8, world.image(frame))
    } else {
        (TextureFormat::Rgba16f, world.light(frame))
    };
    let shape =
        pointer.filter(|p| p.visible).and_then(|p| Some((PointerImage::decode(p.shape.as_deref()?)?, p.position)));
    let pointer = shape.as_ref().map(|(shape, at)| (shape, *at));
    let stride = region.width() as usize * format.bytes();
    let mut picture = vec![0; stride * region.height() as usize];
    let image = ImageRef::of(held, &bytes, size.width as usize * held.bytes(), size);
    let placement = Placement { region, desktop: size, rotation: Rotation::None };
    let tone = Tone::new(ToneSettings::new(&world.color_of(frame), mapping));
    let mut target = ImageMut::new(&mut picture, stride, region.size(), format);
    write_toned(size.rect(), image, &placement, &tone, pointer, &mut target);
    picture
}

/// The device cannot map half floats.
fn only_the_processor_maps(desktop: &LabDesktop) {
    desktop.lab.inject("CheckFormatSupport", 0, 0x8000_4005_u32 as i32).expect("a call");
}

/// Grabs a frame of an HDR script and compares it. Levels that the device maps may differ by one.
fn grab_exactly(desktop: &LabDesktop, session: &mut Session, what: (Rect, PixelFormat, ToneMapping), retained: bool) {
    let (region, format, _) = what;
    let target = if retained { Target::retained(format) } else { Target::owned(format) };
    let request = request(ms(500)).region(region);
    let frame = session.grab(&request, target, &mut || Ok(())).expect("alive").expect("presents");
    let number = desktop.frame_at(frame.info.present_time);
    let pointer = Some(&frame.info.pointer);
    let bytes = frame.image().expect("in memory").bytes();
    let exact = format == PixelFormat::Rgba16f || session.stats().fallback.is_some();
    let expected = expected(desktop, number, what, pointer);
    let most = bytes.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default();
    assert!(bytes.len() == expected.len() && most <= u8::from(!exact), "frame {number}: {what:?}, {retained}, {most}");
}

/// Grabs until `end`, exact each time; returns how many frames there were.
fn grab_until(desktop: &LabDesktop, session: &mut Session, end: u64, what: &str) -> usize {
    let mut frames = 0;
    while desktop.lab.now() < ms(end) {
        let grabbed = session.grab(&request(ms(500)), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
        desktop.assert_exact(session, &grabbed.expect("alive").expect("presents"), what);
        frames += 1;
    }
    frames
}

#[test]
fn sdr_content_of_every_format_keeps_its_exact_value() {
    for format in ["bgra", "rgba", "rgb10", "acm", "fp16"] {
        for memory in ["", "; lab system memory"] {
            let desktop = LabDesktop::new(&format!("{SMALL} lab format {format}{memory}"));
            let mut session = open(&desktop, ToneMapping::Map, false);
            assert!(grab_until(&desktop, &mut session, 100, format) > 5);
            assert_eq!(desktop.counters().duplications1, 1, "{format}");
            assert_eq!(session.stats().fallback, None, "{format}");
            let (hdr, half) = (format == "fp16", ["acm", "fp16"].contains(&format));
            let color = session.color();
            assert_eq!((color.hdr, color.space == ColorSpace::Scrgb), (hdr, half), "{format}");
            assert_eq!(color.bits, if hdr || format == "rgb10" { 10 } else { 8 }, "{format}");
            assert!((color.sdr_white_nits - if hdr { 200.0 } else { 80.0 }).abs() < 1e-9, "{color:?}");
            drop(session);
            desktop.finish();
        }
    }
}

#[test]
fn where_the_system_converts_an_hdr_desktop_the_statistics_say_so() {
    for format in ["bgra", "rgba", "rgb10", "acm", "fp16"] {
        let desktop = LabDesktop::new(&format!("{SMALL} lab format {format}"));
        desktop.lab.inject("DuplicateOutput1", 0, 0x887A_0004_u32 as i32).expect("a call");
        let mut session = open(&desktop, ToneMapping::Map, false);
        let grabbed = session.grab(&request(ms(500)), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
        let frame = grabbed.expect("alive").expect("presents");
        let number = desktop.frame_at(frame.info.present_time);
        let opaque = |bytes: Vec<u8>| bytes.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2], 255]).collect::<Vec<_>>();
        assert!(frame.image().expect("in memory").bytes() == opaque(desktop.lab.image(number)), "{format}");
        let fallback = session.stats().fallback;
        assert_eq!(fallback.is_some_and(|text| text.contains("cut off")), format == "fp16", "{format}");
        drop((frame, session));
        desktop.finish();
    }
}

#[test]
fn a_refusal_that_may_pass_is_waited_for_instead_of_cutting_off_the_light() {
    for code in [0x887A_0022_u32, 0x8007_0005] {
        let desktop = LabDesktop::new(&format!("{HDR} size 64x48"));
        desktop.lab.inject("DuplicateOutput1", 1, code as i32).expect("a call");
        let options = options(&desktop, 0, false).timeout(ms(1000));
        let mut session = Session::open(&options, &mut || Ok(())).expect("opens");
        grab_exactly(&desktop, &mut session, (SIZE.rect(), PixelFormat::Rgba16f, ToneMapping::Map), false);
        let counters = desktop.counters();
        assert_eq!((counters.duplications, counters.duplications1), (1, 1), "{code:08x}");
        assert_eq!(session.stats().fallback, None, "{code:08x}");
        drop(session);
        desktop.finish();
    }
}

#[test]
fn outputs_report_their_colour() {
    let list = || source::outputs(&Backend::Dxgi, &mut || Ok(())).expect("outputs")[0].color;
    let desktop = LabDesktop::new(&format!("{HDR} max 600; min 0.5; size 64x48"));
    let hdr =
        Color { hdr: true, space: ColorSpace::Scrgb, bits: 10, sdr_white_nits: 240.0, max_nits: 600.0, min_nits: 0.5 };
    assert_eq!(list(), hdr);
    drop(desktop);
    let desktop = LabDesktop::new("size 64x48; lab format rgb10");
    assert_eq!(list(), Color { bits: 10, ..Color::SDR });
    desktop.finish();
}

#[test]
fn frames_of_an_hdr_desktop_are_exact_in_every_format_region_and_rotation() {
    for (rotation, on_device) in [(0, false), (90, true), (180, true), (270, false), (0, true), (90, false)] {
        let script = format!("{HDR} size 160x120; rotation {rotation}; pointer path; lab poison eager");
        let desktop = LabDesktop::new(&script);
        if !on_device {
            only_the_processor_maps(&desktop);
        }
        for mapping in ToneMapping::ALL {
            let mut session = open(&desktop, mapping, true);
            let whole = session.output().size.rect();
            for region in [whole, Rect::new(7, 9, 90, 61)] {
                for &format in PixelFormat::ALL {
                    for retained in [false, true, true] {
                        grab_exactly(&desktop, &mut session, (region, format, mapping), retained);
                    }
                }
            }
            let fallback = session.stats().fallback;
            assert_eq!(fallback.is_some_and(|text| text.contains("the processor does it")), !on_device);
        }
        desktop.finish();
    }
}

#[test]
fn switching_hdr_on_and_off_is_followed() {
    let switches =
        "lab at 200ms format fp16; lab at 400ms format bgra; lab at 600ms format rgb10; lab at 800ms format acm";
    for stale in ["unplugged", "strict"] {
        let desktop = LabDesktop::new(&format!("{SMALL} {switches}; lab stale {stale}"));
        let mut session = open(&desktop, ToneMapping::Map, false);
        for (end, hdr, half) in
            [(200, false, false), (400, true, true), (600, false, false), (800, false, false), (1000, false, true)]
        {
            assert!(grab_until(&desktop, &mut session, end - 10, stale) > 5);
            let color = session.color();
            assert_eq!((color.hdr, color.space == ColorSpace::Scrgb), (hdr, half), "until {end} ms");
            grab_until(&desktop, &mut session, end, stale);
        }
        assert_eq!(session.stats().recoveries, 4);
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_desktop_that_changes_its_format_all_the_time_is_captured_in_between() {
    let formats = ["fp16", "bgra", "rgb10", "acm"];
    let switches: Vec<_> = (1..40).map(|i| format!("lab at {}ms format {}", i * 20, formats[i % 4])).collect();
    let desktop = LabDesktop::new(&format!("{SMALL} {}", switches.join("; ")));
    let mut session = open(&desktop, ToneMapping::Map, false);
    assert!(grab_until(&desktop, &mut session, 800, "all the time") > 30);
    assert!(session.stats().recoveries > 30);
    drop(session);
    desktop.finish();
}

#[test]
fn a_change_of_sdr_white_is_followed_within_two_seconds() {
    let desktop = LabDesktop::new(&format!("{HDR} size 160x120; at 500ms white 300; at 5s white 80"));
    let mut session = open(&desktop, ToneMapping::Map, false);
    let whole = session.output().size.rect();
    let what = (whole, PixelFormat::Bgra, ToneMapping::Map);
    for (changed, white) in [(0, 240.0), (500, 300.0), (5000, 80.0)] {
        let followed = ms(changed + if changed > 0 { 2000 } else { 0 });
        while desktop.lab.now() < followed {
            session.grab(&request(ms(500)), Target::owned(PixelFormat::Bgra), &mut || Ok(())).expect("alive");
        }
        for retained in [false, true, true] {
            if changed > 0 || desktop.lab.now() < ms(490) {
                grab_exactly(&desktop, &mut session, what, retained);
            }
        }
        assert!((session.color().sdr_white_nits - white).abs() < 1e-9, "{:?}", session.color());
    }
    assert_eq!(session.stats().recoveries, 0);
    drop(session);
    desktop.finish();
}

#[test]
fn a_level_of_sdr_white_that_is_not_reported_is_assumed_and_said() {
    for script in ["white 240; lab white refused", "white 0", "white 0; max 0; min 0", "white 240; lab paths unknown"] {
        let desktop = LabDesktop::new(&format!("color hdr; clock virtual; size 160x120; lab system memory; {script}"));
        let mut session = open(&desktop, ToneMapping::Map, false);
        let grabbed = session.grab(&request(ms(500)), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
        let frame = grabbed.expect("alive").expect("presents");
        assert!((session.color().sdr_white_nits - 200.0).abs() < 1e-9, "{script}");
        let fallback = session.stats().fallback.unwrap_or_default();
        assert!(fallback.contains("200 nits are assumed"), "{script}: {fallback}");
        if script.starts_with("white 0") {
            let number = desktop.frame_at(frame.info.present_time);
            let what = (session.region(), PixelFormat::Bgra, ToneMapping::Map);
            assert!(frame.image().expect("in memory").bytes() == expected(&desktop, number, what, None), "{script}");
        }
        drop((frame, session));
        desktop.finish();
    }
}

/// Bytes that reading `frames` frames maps.
fn mapped(script: &str, format: PixelFormat, region: Option<Rect>) -> u64 {
    let desktop = LabDesktop::new(script);
    let mut session = open(&desktop, ToneMapping::Map, false);
    for _ in 0..10 {
        let grabbed = session.grab(&request(ms(500)).region(region), Target::owned(format), &mut || Ok(()));
        assert!(grabbed.expect("alive").is_some());
    }
    assert_eq!(session.stats().fallback, None);
    let mapped = desktop.counters().bytes_mapped;
    drop(session);
    desktop.finish();
    mapped
}

#[test]
fn eight_bits_of_an_hdr_desktop_map_no_more_bytes_than_those_of_an_sdr_one() {
    let sdr = "clock virtual; refresh 100; size 320x200; ";
    for region in [None, Some(Rect::new(8, 8, 40, 30))] {
        let bytes = mapped(sdr, PixelFormat::Bgra, region);
        assert!(bytes > 0);
        assert_eq!(mapped(&format!("{sdr} color hdr"), PixelFormat::Bgra, region), bytes);
        assert_eq!(mapped(&format!("{sdr} color hdr"), PixelFormat::Rgba16f, region), bytes * 2);
    }
}

#[test]
fn textures_of_an_hdr_desktop_are_mapped_to_eight_bits() {
    for rotation in [0, 90] {
        let desktop =
            LabDesktop::new(&format!("{HDR} size 160x120; rotation {rotation}; pointer still; at 1s white 300"));
        let mut session = open(&desktop, ToneMapping::Map, true);
        while desktop.lab.now() < ms(3000) {
            let target = Target::shared(TextureSync::None, TextureFormat::Bgra8);
            // In virtual time the deadline may come before the device is done.
            let Some(frame) = session.grab(&request(ms(500)), target, &mut || Ok(())).expect("alive") else { continue };
            let number = desktop.frame_at(frame.info.present_time);
            let texture = frame.texture().expect("on the device");
            let pixels = read(&reader_for(texture), texture);
            // A change of SDR white is followed within two seconds.
            if desktop.lab.now() < ms(990) || desktop.lab.now() > ms(2900) {
                let what = (session.region(), PixelFormat::Bgra, ToneMapping::Map);
                let expected = expected(&desktop, number, what, Some(&frame.info.pointer));
                let most = pixels.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(pixels.len() == expected.len() && most <= Some(1), "frame {number}: {most:?}");
            }
            desktop.lab.clock().sleep(ms(90));
        }
        drop(session);
        desktop.finish();
    }
}

#[test]
fn a_texture_of_an_hdr_desktop_that_the_device_cannot_map_is_an_error() {
    let desktop = LabDesktop::new(&format!("{HDR} size 160x120"));
    only_the_processor_maps(&desktop);
    let mut session = open(&desktop, ToneMapping::Map, false);
    let error = session
        .grab(&request(ms(500)), Target::shared(TextureSync::None, TextureFormat::Bgra8), &mut || Ok(()))
        .expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Capture, "{error}");
    assert!(error.to_string().contains("Use grab()"), "{error}");
    grab_exactly(&desktop, &mut session, (Size::new(160, 120).rect(), PixelFormat::Bgra, ToneMapping::Map), false);
    drop(session);
    desktop.finish();
}
