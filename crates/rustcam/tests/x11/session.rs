//! A session over a real X server: whatever is drawn and however it is asked for, the picture is exact.

use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Frame, Image, Request, Session, Target};
use rustcam::clock::MonotonicClock;
use rustcam::error::{ErrorKind, Result};
use rustcam::frame::{ImageMut, PixelFormat, Pointer};
use rustcam::geometry::{Rect, Size};
use rustix::process::Signal;

use crate::pointer::{set_cursor, warp};
use crate::xvfb::{rect, Xvfb};

const SMALL: [&str; 3] = ["-screen", "0", "320x200x24"];
const WHOLE: Rect = Rect::new(0, 0, 320, 200);

#[allow(clippy::unnecessary_wraps, reason = "the shape of every interrupt")]
fn never() -> Result<()> {
    Ok(())
}

fn waiting(timeout_ms: u64) -> Request {
    Request::within(Duration::from_millis(timeout_ms))
}

fn open(server: &Xvfb) -> Session {
    Session::over(Box::new(server.open(0, false)), Arc::new(MonotonicClock), false)
}

fn converted(bgra: &[u8], format: PixelFormat) -> Vec<u8> {
    let luma = |p: &[u8]| (77 * u32::from(p[2]) + 150 * u32::from(p[1]) + 29 * u32::from(p[0]) + 128) >> 8;
    bgra.chunks_exact(4)
        .flat_map(|p| match format {
            PixelFormat::Bgra => vec![p[0], p[1], p[2], 255],
            PixelFormat::Rgba => vec![p[2], p[1], p[0], 255],
            PixelFormat::Bgr => vec![p[0], p[1], p[2]],
            PixelFormat::Rgb => vec![p[2], p[1], p[0]],
            PixelFormat::Gray => vec![luma(p) as u8],
            other => panic!("this test does not know {other}"),
        })
        .collect()
}

/// A sequence of numbers that is the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(limit)) as u32
    }

    fn rect(&mut self) -> Rect {
        let (x, y) = (self.below(310) as i32, self.below(190) as i32);
        let (w, h) = (1 + self.below(120) as i32, 1 + self.below(80) as i32);
        rect(x, y, w.min(320 - x) as u32, h.min(200 - y) as u32)
    }
}

/// Draws at random and grabs at random, in every transport the server can be made to offer.
#[test]
fn every_picture_is_exact_whatever_is_drawn_and_however_it_is_asked_for() {
    for missing in [None, Some("RENDER"), Some("MIT-SHM"), Some("DAMAGE")] {
        let mut arguments = SMALL.to_vec();
        if let Some(extension) = missing {
            arguments.extend(["-extension", extension]);
        }
        let Some(server) = Xvfb::start(&arguments) else { return };
        let mut painter = server.painter();
        painter.scene();
        painter.sync();
        let mut session = open(&server);
        let mut numbers = Numbers(7);
        let mut held: Vec<(Frame, Vec<u8>)> = Vec::new();
        for step in 0..120 {
            for _ in 0..=numbers.below(3) {
                let colour = numbers.below(1 << 24);
                painter.fill(numbers.rect(), colour);
            }
            painter.sync();
            let format = PixelFormat::ALL[numbers.below(5) as usize];
            let region = (numbers.below(3) == 0).then(|| numbers.rect());
            let area = region.unwrap_or(WHOLE);
            let mut own = vec![0u8; area.area() as usize * format.bytes()];
            let target = match numbers.below(4) {
                0 => Target::owned(format),
                1 => {
                    let stride = area.width() as usize * format.bytes();
                    Target::Into(ImageMut::new(&mut own, stride, area.size(), format))
                }
                _ => Target::retained(format),
            };
            let frame = session
                .grab(&waiting(2000).region(region), target, &mut never)
                .expect("the server lives")
                .expect("something was drawn");
            let bytes = frame.image().map_or(&own[..], Image::bytes);
            assert!(
                bytes == converted(&painter.expected(area), format),
                "without {missing:?}: step {step}, {area} {format}"
            );
            if numbers.below(4) == 0 && frame.image().is_some() {
                let copy = bytes.to_vec();
                held.push((frame, copy));
            }
            if held.len() > 5 {
                assert!(held.drain(..).all(|(frame, copy)| frame.image().is_some_and(|image| image.bytes() == copy)));
            }
        }
        assert_eq!(session.stats().fallback.is_some(), missing.is_some());
    }
}

/// The pointer moves and the screen changes, alone and together; whatever was under the pointer comes back.
#[test]
fn the_pointer_is_blended_exactly_wherever_it_goes() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    painter.scene();
    set_cursor(&painter, &[0x8080_0000, 0xFF00_FF00, 0x4000_0040, 0, 0xC000_C0C0, 0x0101_0101], 3, 2, (0, 0));
    let mut session = Session::over(Box::new(server.open(0, true)), Arc::new(MonotonicClock), true);
    let mut numbers = Numbers(3);
    for step in 0..200 {
        let mut place = None;
        if numbers.below(3) > 0 {
            let (x, y) = (numbers.below(320) as i32, numbers.below(200) as i32);
            warp(&painter, x as i16, y as i16);
            place = Some((x, y));
        }
        if place.is_none() || numbers.below(2) == 0 {
            let colour = numbers.below(1 << 24);
            painter.fill(numbers.rect(), colour);
        }
        painter.sync();
        let format = PixelFormat::ALL[numbers.below(5) as usize];
        let target = if numbers.below(3) == 0 { Target::owned(format) } else { Target::retained(format) };
        let frame = session.grab(&waiting(2000), target, &mut never).expect("alive").expect("something changed");
        let info = frame.info.clone();
        if let Some((x, y)) = place {
            assert_eq!((info.pointer.position.x, info.pointer.position.y), (x, y), "step {step}");
        }
        let mut expected = painter.expected(WHOLE);
        blend(&mut expected, &info.pointer);
        let bytes = frame.image().expect("memory of its own").bytes();
        assert!(bytes == converted(&expected, format), "step {step}, {format}, {:?}", info.pointer.position);
    }
}

/// Source over destination with multiplied alpha, one channel at a time, as the server itself draws pointers.
fn blend(screen: &mut [u8], pointer: &Pointer) {
    let shape = pointer.shape.as_ref().filter(|_| pointer.visible).expect("the pointer is on the screen");
    for y in 0..shape.size.height as i32 {
        for x in 0..shape.size.width as i32 {
            let (sx, sy) = (pointer.position.x + x, pointer.position.y + y);
            if !(0..320).contains(&sx) || !(0..200).contains(&sy) {
                continue;
            }
            let texel = &shape.data[y as usize * shape.pitch + x as usize * 4..][..4];
            let pixel = &mut screen[((sy * 320 + sx) * 4) as usize..][..4];
            for channel in 0..3 {
                let under = f64::from(pixel[channel]) * f64::from(255 - texel[3]) / 255.0;
                pixel[channel] = (f64::from(texel[channel]) + under.round()).min(255.0) as u8;
            }
        }
    }
}

/// The whole screen changes colour all the time: a picture of two colours would be torn.
#[test]
fn no_picture_is_torn_while_a_client_draws() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    let mut session = open(&server);
    let end = std::time::Instant::now() + Duration::from_secs(1);
    let drawing = std::thread::spawn(move || {
        let mut colour = 0u32;
        while std::time::Instant::now() < end {
            colour = colour.wrapping_add(0x0001_0307) & 0x00FF_FFFF;
            painter.fill(WHOLE, colour);
            painter.sync();
        }
    });
    let mut frames = 0;
    while !drawing.is_finished() {
        for target in [Target::owned as fn(PixelFormat) -> Target<'static>, Target::retained] {
            let frame = session.grab(&waiting(100), target(PixelFormat::Bgra), &mut never).expect("the server lives");
            let Some(image) = frame.and_then(Frame::into_image) else { continue };
            let first = &image.bytes()[..4];
            assert!(image.bytes().chunks_exact(4).all(|pixel| pixel == first), "two colours in one picture");
            frames += 1;
        }
    }
    drawing.join().expect("the painter does not panic");
    assert!(frames > 50, "{frames} frames in a second");
}

/// Two corners get the same new colour, always the first one first. Only changed parts are read, and yet no picture may show the second
/// corner ahead of the first, or more than one step behind: the screen never looked like that.
#[test]
fn a_picture_made_of_changes_shows_a_state_that_existed() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    painter.fill(WHOLE, 0);
    painter.sync();
    let mut session = open(&server);
    let end = std::time::Instant::now() + Duration::from_secs(2);
    let drawing = std::thread::spawn(move || {
        let mut step = 0u32;
        while std::time::Instant::now() < end {
            step += 1;
            painter.fill(rect(0, 0, 30, 20), step & 0x00FF_FFFF);
            painter.fill(rect(290, 180, 30, 20), step & 0x00FF_FFFF);
            if step.is_multiple_of(7) {
                painter.sync();
            }
        }
    });
    let mut frames = 0;
    while !drawing.is_finished() {
        let frame =
            session.grab(&waiting(50), Target::retained(PixelFormat::Bgra), &mut never).expect("the server lives");
        let Some(image) = frame.and_then(Frame::into_image) else { continue };
        let number =
            |at: usize| u32::from_le_bytes(image.bytes()[at..at + 4].try_into().expect("four bytes")) & 0x00FF_FFFF;
        let (first, second) = (number(0), number(image.bytes().len() - 4));
        assert!(first == second || first == second + 1, "{first} beside {second} in frame {frames}");
        frames += 1;
    }
    drawing.join().expect("the painter does not panic");
    assert!(frames > 100, "{frames} frames");
}

#[test]
fn a_static_screen_copies_no_pixels() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut session = open(&server);
    assert!(session.grab(&waiting(1000), Target::owned(PixelFormat::Bgra), &mut never).expect("alive").is_some());
    let before = session.stats().bytes_copied;
    for _ in 0..100 {
        assert!(session.grab(&waiting(0), Target::owned(PixelFormat::Bgra), &mut never).expect("alive").is_none());
    }
    assert_eq!(session.stats().bytes_copied, before);
}

#[test]
fn a_changed_resolution_is_followed() {
    let Some(server) = Xvfb::start(&["-screen", "0", "640x480x24"]) else { return };
    let mut session = open(&server);
    session.set_region(Some(rect(300, 100, 340, 380))).expect("inside");
    assert!(session.grab(&waiting(1000), Target::owned(PixelFormat::Bgra), &mut never).expect("alive").is_some());
    server.xrandr(&["--newmode", "320x240", "6.4", "320", "336", "368", "400", "240", "241", "244", "264"]);
    server.xrandr(&["--addmode", "screen", "320x240"]);
    server.xrandr(&["--output", "screen", "--mode", "320x240"]);
    let frame = session.grab(&waiting(2000), Target::owned(PixelFormat::Bgra), &mut never).expect("followed");
    assert_eq!(frame.and_then(Frame::into_image).map(|image| image.size), Some(Size::new(20, 140)));
    assert_eq!(session.output().size, Size::new(320, 240));
    assert!(session.stats().region_clamped && session.stats().recoveries == 1);
}

#[test]
fn a_dead_server_is_an_error_and_its_successor_is_captured() {
    let Some(mut server) = Xvfb::start(&SMALL) else { return };
    let mut session = open(&server);
    assert!(session.grab(&waiting(1000), Target::owned(PixelFormat::Bgra), &mut never).expect("alive").is_some());
    server.kill();
    let began = std::time::Instant::now();
    let error = session.grab(&waiting(300), Target::owned(PixelFormat::Bgra), &mut never).expect_err("dead");
    assert_eq!(error.kind(), ErrorKind::AccessLost);
    assert!(error.hint().is_some() && began.elapsed() < Duration::from_millis(350 + 50));
    server.restart(&SMALL);
    let mut painter = server.painter();
    painter.scene();
    painter.sync();
    let frame = session.grab(&waiting(5000), Target::owned(PixelFormat::Bgra), &mut never).expect("alive again");
    let image = frame.and_then(Frame::into_image).expect("a picture");
    assert!(image.bytes() == painter.expected(WHOLE));
}

#[test]
fn a_frozen_server_delays_no_call_and_is_captured_when_it_resumes() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    let mut session = open(&server);
    for target in [Target::owned as fn(PixelFormat) -> Target<'static>, Target::retained] {
        assert!(session.grab(&waiting(1000), target(PixelFormat::Bgra), &mut never).expect("alive").is_some());
        painter.scene();
        painter.sync();
        server.signal(Signal::STOP);
        for timeout in [0, 20, 100] {
            let began = std::time::Instant::now();
            let frame = session.grab(&waiting(timeout), target(PixelFormat::Bgra), &mut never).expect("no error");
            assert!(frame.is_none());
            assert!(began.elapsed() < Duration::from_millis(timeout + 50), "{:?} for {timeout} ms", began.elapsed());
        }
        server.signal(Signal::CONT);
        let frame = session.grab(&waiting(2000), target(PixelFormat::Bgra), &mut never).expect("alive");
        let image = frame.and_then(Frame::into_image).expect("the picture that was drawn before");
        assert!(image.bytes() == painter.expected(WHOLE));
        painter.fill(WHOLE, 0x0033_4455);
        painter.sync();
    }
}
