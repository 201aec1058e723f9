//! The generator of random worlds: events of a desktop, and steps of a program.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;

use rustcam::frame::PixelFormat;

use super::case::{Case, Memory, Part, Step};

/// A desktop and a program. An SDR desktop has events of HDR ones, which change nothing, unless it becomes HDR.
pub fn cases() -> impl Strategy<Value = Case> {
    let colors = select(vec![
        "",
        "",
        "; white 80",
        "; color hdr",
        "; color hdr; white 203.5; max 600",
        "; color hdr; white 0; max 0",
    ]);
    with_colors(colors, prop::collection::vec(color_event(), 0..4))
}

/// Cases of an SDR desktop with one of these `colors` instead, and these `events`.
fn with_colors(
    colors: impl Strategy<Value = &'static str>,
    events: impl Strategy<Value = Vec<String>>,
) -> impl Strategy<Value = Case> {
    (sdr_cases(), colors, events, any::<bool>()).prop_map(|(mut case, color, events, clip)| {
        let begin = case.script.replacen("; outputs", &format!("{color}; outputs"), 1);
        case.script = events.iter().fold(begin, |script, event| format!("{script}\n{event}"));
        case.clip = clip;
        case
    })
}

/// As [`cases`], without changes of SDR white on the way, which the system does not announce.
#[cfg(windows)]
pub fn cases_with_constant_white() -> impl Strategy<Value = Case> {
    let colors =
        select(vec!["", "", "", "; color hdr", "; color hdr; white 200; max 600", "; color hdr; white 0; max 0"]);
    let event =
        (0u64..400, any::<bool>()).prop_map(|(at, hdr)| format!("at {at}ms color {}", if hdr { "hdr" } else { "sdr" }));
    with_colors(colors, prop::collection::vec(event, 0..3))
}

/// A desktop that is always SDR, and a program.
pub fn sdr_cases() -> impl Strategy<Value = Case> {
    let program =
        (prop::bool::weighted(0.7), prop::option::weighted(0.2, part()), prop::collection::vec(step(), 1..25));
    (scripts(), any::<bool>(), program).prop_map(|((outputs, script), last, (cursor, region, steps))| Case {
        script,
        output: if last { outputs - 1 } else { 0 },
        cursor,
        clip: false,
        region,
        steps,
    })
}

/// A change of the colour.
fn color_event() -> impl Strategy<Value = String> {
    let what = select(vec!["color hdr", "color sdr", "white 80", "white 300", "white 480.25", "white 0"]);
    (0u64..400, what).prop_map(|(at, what)| format!("at {at}ms {what}"))
}

fn part() -> impl Strategy<Value = Part> {
    (0u32..100, 0u32..100, 1u32..100, 1u32..100).prop_map(|(l, t, w, h)| Part(l, t, w, h))
}

fn memory() -> impl Strategy<Value = Memory> {
    prop_oneof![
        Just(Memory::Owned),
        Just(Memory::Retained),
        Just(Memory::Retained),
        (0usize..9, any::<bool>()).prop_map(|(padding, upwards)| Memory::Into { padding, upwards }),
    ]
}

pub fn step() -> impl Strategy<Value = Step> {
    let region = || prop::option::weighted(0.3, part());
    let format = || select(PixelFormat::ALL.to_vec());
    let timeout = select(vec![0u64, 0, 3, 17, 250]);
    let flags = (any::<bool>(), prop::bool::weighted(0.3));
    let grab = (memory(), format(), region(), timeout, flags).prop_map(
        |(memory, format, region, timeout, (current, hold))| Step::Grab {
            memory,
            format,
            region,
            timeout,
            current,
            hold,
        },
    );
    let lasting = prop_oneof![Just(Memory::Owned), Just(Memory::Retained)];
    let video = (1u64..150, 1u64..6, lasting, format(), region())
        .prop_map(|(fps, frames, memory, format, region)| Step::Video { fps, frames, memory, format, region });
    prop_oneof![
        16 => grab,
        1 => video,
        4 => (0u64..60).prop_map(|ms| Step::Pass { ms }),
        2 => Just(Step::Drop),
    ]
}

/// An event.
pub fn event() -> impl Strategy<Value = String> {
    let rect = |far: i32| {
        (-far..60 + far, -far..40 + far, 1i32..40, 1i32..30)
            .prop_map(|(l, t, w, h)| format!("{l},{t},{},{}", l + w, t + h))
    };
    let dirty = prop::collection::vec(rect(0), 1..4).prop_map(|rects| {
        rects.iter().fold("present".to_owned(), |mut text, r| {
            let _ = write!(text, " dirty {r}");
            text
        })
    });
    let moved = (-5i32..40, -5i32..30, rect(5)).prop_map(|(x, y, r)| format!("present move {x},{y}>{r}"));
    // Onto itself; and two that read what the other writes.
    let odd = (0i32..30, 0i32..20, 2i32..20, 2i32..9).prop_map(|(l, t, w, h)| {
        let (r, b) = (l + w, t + h);
        format!("present move {l},{t}>{l},{t},{r},{b} move {l},{}>{l},{b},{r},{}", t + 1, b + h)
    });
    let shapes = ["arrow", "bitmap", "ibeam", "masked", "hand", "premultiplied", "empty", "narrow", "short", "huge"];
    let switches =
        ["pointer hide", "pointer show", "pointer software", "pointer hardware", "protect on", "protect off"];
    let span = || {
        prop_oneof![
            6 => (0u64..60).prop_map(|ms| format!(" for {ms}ms")),
            3 => Just(String::new()),
            1 => Just(" for 5s".to_owned()),
        ]
    };
    let call = || select(vec!["wait", "read", "damage", "rebuild"]);
    let loss = (select(vec!["lose access", "lose device", "unplug"]), prop::option::weighted(0.5, call()), span())
        .prop_map(|(what, call, span)| {
            let during = call.map(|call| format!(" during {call}")).unwrap_or_default();
            format!("{what}{during}{span}")
        });
    let what = prop_oneof![
        8 => dirty,
        4 => moved,
        1 => odd,
        4 => Just("present full".to_owned()),
        2 => Just("present nothing".to_owned()),
        6 => (-60i32..150, -40i32..90).prop_map(|(x, y)| format!("pointer {x},{y}")),
        5 => select(shapes.to_vec()).prop_map(|s| format!("shape {s}")),
        3 => select(switches.to_vec()).prop_map(str::to_owned),
        6 => loss,
        2 => (16u32..90, 16u32..70).prop_map(|(w, h)| format!("mode {w}x{h}")),
        2 => select(vec![0, 90, 180, 270]).prop_map(|degrees| format!("rotate {degrees}")),
        2 => (call(), 1u32..4).prop_map(|(call, times)| format!("fail {call} 0x80004005 times {times}")),
    ];
    (0u64..400, what).prop_map(|(at, what)| format!("at {at}ms {what}"))
}

/// A script, and how many outputs it has.
pub fn scripts() -> impl Strategy<Value = (usize, String)> {
    let frame = (16u32..90, 16u32..70, select(vec![0, 90, 180, 270]), 20u32..200, 1usize..3);
    let mode = select(vec!["static", "present every 1", "present every 3", "full"]);
    let pointer = select(vec!["pointer path", "pointer still", "pointer storm 700"]);
    let slow = select(vec![
        "",
        "",
        "",
        "; slow reads 7ms",
        "; slow reads 7ms; reads live",
        "; slow reads 60ms",
        "; slow reads 60ms; reads live",
        "; slow damage 9ms",
        "; slow damage 9ms; reads live",
    ]);
    let memory = select(vec!["memory ordinary", "memory direct"]);
    let damage = select(vec!["", "", "; damage wild"]);
    let timer = select(vec!["", "", "; timer 1ms", "; timer 15.625ms"]);
    (frame, mode, pointer, slow, memory, (damage, timer), prop::collection::vec(event(), 0..12)).prop_map(
        |((w, h, rotation, hz, outputs), mode, pointer, slow, memory, (damage, timer), events)| {
            let mut script = format!(
                "size {w}x{h}; rotation {rotation}; refresh {hz}; outputs {outputs}; {mode}; {pointer}; {memory}{slow}{damage}{timer}"
            );
            for event in events {
                let _ = write!(script, "\n{event}");
            }
            (outputs, script)
        },
    )
}
