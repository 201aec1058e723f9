//! Random worlds: whatever a desktop does and in whatever order a program asks, every returned picture is exact to the byte, no call
//! outlives its deadline, and what a caller holds never changes.

// A negative duration is a failed test.
#![allow(clippy::unchecked_time_subtraction)]

#[cfg(windows)]
#[path = "worlds/lab.rs"]
mod lab;

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};

use rustcam::capture::{Frame, Request, Session, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::ErrorKind;
use rustcam::frame::{ImageMut, PixelFormat, Pointer, PointerShape, ShapeKind};
use rustcam::geometry::Rect;
use rustcam::source::sim::{Script, World};
use rustcam::source::{Backend, OpenOptions};

/// What the contract allows a call beyond its timeout.
const GRACE: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
enum Memory {
    Owned,
    Retained,
    Into { padding: usize, bottom_up: bool },
}

#[derive(Clone, Debug)]
enum Step {
    Pass {
        ms: u64,
    },
    Grab {
        memory: Memory,
        format: PixelFormat,
        region: Option<(u32, u32, u32, u32)>,
        timeout: u64,
        new_only: bool,
        hold: bool,
    },
    DropHeld,
}

fn step() -> impl Strategy<Value = Step> {
    let memory = prop_oneof![
        Just(Memory::Owned),
        Just(Memory::Retained),
        Just(Memory::Retained),
        (0usize..9, any::<bool>()).prop_map(|(padding, bottom_up)| Memory::Into { padding, bottom_up }),
    ];
    let region = prop::option::weighted(0.3, (0u32..100, 0u32..100, 1u32..100, 1u32..100));
    let format = prop::sample::select(PixelFormat::ALL.to_vec());
    let timeout = prop::sample::select(vec![0u64, 0, 3, 17, 250]);
    let grab = (memory, format, region, timeout, any::<bool>(), prop::bool::weighted(0.3)).prop_map(
        |(memory, format, region, timeout, new_only, hold)| Step::Grab {
            memory,
            format,
            region,
            timeout,
            new_only,
            hold,
        },
    );
    prop_oneof![8 => grab, 2 => (0u64..60).prop_map(|ms| Step::Pass { ms }), 1 => Just(Step::DropHeld)]
}

fn event() -> impl Strategy<Value = String> {
    let rect =
        || (0i32..60, 0i32..40, 1i32..40, 1i32..30).prop_map(|(l, t, w, h)| format!("{l},{t},{},{}", l + w, t + h));
    let what = prop_oneof![
        4 => prop::collection::vec(rect(), 1..4).prop_map(|rects| {
            rects.iter().fold("present".to_owned(), |mut text, r| {
                let _ = write!(text, " dirty {r}");
                text
            })
        }),
        2 => (0i32..40, 0i32..30, rect()).prop_map(|(x, y, r)| format!("present move {x},{y}>{r}")),
        2 => Just("present full".to_owned()),
        1 => Just("present nothing".to_owned()),
        3 => (-20i32..80, -20i32..60).prop_map(|(x, y)| format!("pointer {x},{y}")),
        2 => prop::sample::select(vec!["arrow", "ibeam", "masked", "hand", "premultiplied"]).prop_map(|s| format!("shape {s}")),
        1 => prop::sample::select(vec!["pointer hide", "pointer show", "protect on", "protect off"]).prop_map(str::to_owned),
        1 => (0u64..60).prop_map(|ms| format!("lose access for {ms}ms")),
        1 => (0u64..60).prop_map(|ms| format!("unplug for {ms}ms")),
        1 => (0u64..60).prop_map(|ms| format!("lose device for {ms}ms")),
        1 => (16u32..90, 16u32..70).prop_map(|(w, h)| format!("mode {w}x{h}")),
        1 => prop::sample::select(vec![0, 90, 180, 270]).prop_map(|degrees| format!("rotate {degrees}")),
        1 => prop::sample::select(vec!["wait", "read", "damage", "rebuild"]).prop_map(|c| format!("fail {c} 0x80004005")),
    ];
    (0u64..400, what).prop_map(|(at, what)| format!("at {at}ms {what}"))
}

fn script() -> impl Strategy<Value = String> {
    let frame = (16u32..90, 16u32..70, prop::sample::select(vec![0, 90, 180, 270]), 20u32..200);
    let mode = prop::sample::select(vec!["static", "present every 1", "present every 3", "full"]);
    let pointer = prop::sample::select(vec!["pointer path", "pointer still", "pointer storm 700"]);
    let reads = prop::sample::select(vec!["", "", "", "; slow reads 7ms", "; slow reads 60ms", "; slow damage 9ms"]);
    let memory = prop::sample::select(vec!["memory ordinary", "memory direct"]);
    (frame, mode, pointer, reads, memory, prop::collection::vec(event(), 0..12)).prop_map(
        |((w, h, rotation, hz), mode, pointer, reads, memory, events)| {
            let mut script =
                format!("size {w}x{h}; rotation {rotation}; refresh {hz}; {mode}; {pointer}; {memory}{reads}");
            for event in events {
                let _ = write!(script, "\n{event}");
            }
            script
        },
    )
}

/// One desktop pixel with the pointer over it, by the equations of the contract, one channel at a time.
fn with_pointer(mut pixel: [u8; 4], x: i32, y: i32, pointer: &Pointer) -> [u8; 4] {
    let Some(shape) = pointer.shape.as_ref().filter(|_| pointer.visible) else { return pixel };
    let (sx, sy) = (x - pointer.position.x, y - pointer.position.y);
    if sx < 0 || sy < 0 || sx >= shape.size.width as i32 || sy >= shape.size.height as i32 {
        return pixel;
    }
    let (sx, sy) = (sx as usize, sy as usize);
    for (channel, value) in pixel[..3].iter_mut().enumerate() {
        *value = blended(*value, shape, sx, sy, channel);
    }
    pixel
}

fn blended(under: u8, shape: &PointerShape, x: usize, y: usize, channel: usize) -> u8 {
    let divided = |n: u32| ((n as f64) / 255.0).round() as u32;
    if shape.kind == ShapeKind::Monochrome {
        let bit = |row: usize| shape.data[row * shape.pitch + x / 8] >> (7 - x % 8) & 1 == 1;
        let kept = if bit(y) { under } else { 0 };
        return if bit(y + shape.size.height as usize) { kept ^ 255 } else { kept };
    }
    let texel = &shape.data[y * shape.pitch + x * 4..][..4];
    let (over, alpha) = (u32::from(texel[channel]), u32::from(texel[3]));
    let below = u32::from(under);
    match shape.kind {
        ShapeKind::MaskedColor if alpha == 0 => texel[channel],
        ShapeKind::MaskedColor => under ^ texel[channel],
        ShapeKind::Color => divided(over * alpha + below * (255 - alpha)) as u8,
        _ => (over + divided(below * (255 - alpha))).min(255) as u8,
    }
}

fn converted([b, g, r, _]: [u8; 4], format: PixelFormat) -> Vec<u8> {
    match format {
        PixelFormat::Bgra => vec![b, g, r, 255],
        PixelFormat::Rgba => vec![r, g, b, 255],
        PixelFormat::Bgr => vec![b, g, r],
        PixelFormat::Rgb => vec![r, g, b],
        PixelFormat::Gray => {
            vec![((77 * u32::from(r) + 150 * u32::from(g) + 29 * u32::from(b) + 128) >> 8) as u8]
        }
    }
}

struct Held {
    frame: Frame,
    bytes: Vec<u8>,
}

impl Held {
    fn is_intact(&self) -> bool {
        self.frame.buffer.as_ref().is_some_and(|buffer| buffer.bytes() == self.bytes)
    }
}

fn run(script: &str, cursor: bool, steps: &[Step]) -> Result<(), TestCaseError> {
    let clock = Arc::new(VirtualClock::new());
    let options = OpenOptions {
        backend: Backend::Sim,
        device: 0,
        output: 0,
        watch_pointer: cursor,
        sim: Some(script.to_owned()),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
    };
    let world = World::new(&Script::parse(script).expect("generated scripts are valid"), 0);
    let session = Session::open(&options).expect("opens");
    play(session, &*clock, &world, &|time| world.frame_at(time), cursor, steps)
}

/// Does `steps` in a session over `world`, whose frame at a present time is what `frame_at` says.
fn play(
    mut session: Session,
    clock: &dyn Clock,
    world: &World,
    frame_at: &dyn Fn(Duration) -> u64,
    cursor: bool,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let mut held: Vec<Held> = Vec::new();
    for step in steps {
        match step {
            Step::Pass { ms } => clock.sleep(Duration::from_millis(*ms)),
            Step::DropHeld => {
                prop_assert!(held.drain(..).all(|h| h.is_intact()), "a held picture changed");
            }
            Step::Grab { memory, format, region, timeout, new_only, hold } => {
                let size = session.output().size;
                let region = region.map(|(l, t, w, h)| {
                    let (l, t) = ((l % size.width) as i32, (t % size.height) as i32);
                    let right = (l + w as i32).min(size.width as i32);
                    Rect::new(l, t, right, (t + h as i32).min(size.height as i32))
                });
                let area = region.unwrap_or(session.region()).size();
                let request = Request { region, timeout: Duration::from_millis(*timeout), new_frame_only: *new_only };
                let row = area.width as usize * format.channels();
                let (padding, bottom_up) = match memory {
                    Memory::Into { padding, bottom_up } => (*padding, *bottom_up),
                    _ => (0, false),
                };
                let mut own = vec![0u8; (row + padding) * area.height as usize];
                let target = match memory {
                    Memory::Owned => Target::Owned(*format),
                    Memory::Retained => Target::Retained(*format),
                    Memory::Into { .. } => {
                        let image = ImageMut::new(&mut own, row + padding, area, *format);
                        Target::Into(if bottom_up { image.bottom_up() } else { image })
                    }
                };
                let began = clock.now();
                let outcome = session.grab(&request, target, &mut || Ok(()));
                let took = clock.now() - began;
                prop_assert!(took <= request.timeout + GRACE, "{took:?} for a timeout of {timeout} ms");
                let frame = match outcome {
                    Ok(Some(frame)) => frame,
                    Ok(None) => continue,
                    Err(error) => {
                        let expected =
                            matches!(error.kind(), ErrorKind::Capture | ErrorKind::AccessLost | ErrorKind::Device);
                        prop_assert!(expected, "{error:?}");
                        continue;
                    }
                };
                let info = session.info().expect("a frame was returned");
                let shown = frame_at(info.present_time);
                let region = region.unwrap_or(session.region());
                prop_assert_eq!(frame.size, region.size());
                let mut expected = Vec::with_capacity(row * region.height() as usize);
                for y in region.top..region.bottom {
                    for x in region.left..region.right {
                        let pixel = world.pixel(shown, x, y);
                        let pixel = if cursor { with_pointer(pixel, x, y, &info.pointer) } else { pixel };
                        expected.extend(converted(pixel, *format));
                    }
                }
                let returned: Vec<u8> = if let Some(buffer) = &frame.buffer {
                    buffer.bytes().to_vec()
                } else {
                    let rows: Vec<&[u8]> = own.chunks_exact(row + padding).map(|r| &r[..row]).collect();
                    if bottom_up {
                        rows.into_iter().rev().flatten().copied().collect()
                    } else {
                        rows.concat()
                    }
                };
                let wrong = returned.iter().zip(&expected).position(|(a, b)| a != b);
                prop_assert!(
                    returned.len() == expected.len() && wrong.is_none(),
                    "frame {shown} at {:?} differs first at byte {wrong:?} of {} x {format}",
                    clock.now(),
                    region
                );
                if *hold && frame.buffer.is_some() {
                    held.push(Held { frame, bytes: returned });
                }
            }
        }
    }
    prop_assert!(held.iter().all(Held::is_intact), "a held picture changed");
    Ok(())
}

/// As many worlds as `RUSTCAM_WORLDS` says. A world that fails is shrunk, printed, and kept beside this file as the first to be tried in
/// every later run.
#[test]
fn every_picture_of_every_world_is_exact() {
    let cases = std::env::var("RUSTCAM_WORLDS").map_or(10_000, |n| n.parse().expect("RUSTCAM_WORLDS is a number"));
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        max_shrink_iters: 4000,
        source_file: Some(file!()),
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    });
    let worlds = (script(), any::<bool>(), prop::collection::vec(step(), 1..25));
    let outcome = runner.run(&worlds, |(script, cursor, steps)| run(&script, cursor, &steps));
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // Past the harness, which hides what passing tests print.
    writeln!(std::io::stderr(), "random worlds: {cases} scripts run, 0 violations").expect("stderr takes a line");
}
