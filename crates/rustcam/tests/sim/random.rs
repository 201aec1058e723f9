//! Random scripts: the damage is sound, reads are exact, time is kept, and any text is parsed or refused.

use proptest::prelude::*;
use rustcam::clock::Clock;
use rustcam::error::Result;
use rustcam::geometry::Rect;
use rustcam::source::sim::Script;
use rustcam::source::{Source, WindowArea};

use crate::sim_desktop::{apply, first_difference, ms, titled, SimDesktop, ZERO};

fn rects() -> impl Strategy<Value = String> {
    (-20..150i32, -20..150i32, 1..90i32, 1..90i32).prop_map(|(l, t, w, h)| format!("{l},{t},{},{}", l + w, t + h))
}

fn presents() -> impl Strategy<Value = String> {
    let dirty = rects().prop_map(|r| format!(" dirty {r}"));
    let moved = || (-10..130i32, -10..130i32, rects()).prop_map(|(x, y, r)| format!(" move {x},{y}>{r}"));
    prop_oneof![
        Just("present".to_owned()),
        Just("present full".to_owned()),
        Just("present nothing".to_owned()),
        prop::collection::vec(dirty, 1..4).prop_map(|parts| format!("present{}", parts.concat())),
        moved().prop_map(|m| format!("present{m}")),
        (moved(), rects()).prop_map(|(m, r)| format!("present{m} dirty {r}")),
    ]
}

fn window_events() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        4 => presents(),
        1 => (-90..200i32, -90..200i32).prop_map(|(x, y)| format!("move {x},{y}")),
        2 => (1..140u32, 1..140u32).prop_map(|(w, h)| format!("resize {w}x{h}")),
        3 => prop::sample::select(vec!["minimize", "restore", "close", "open", "raise"]).prop_map(str::to_owned),
    ];
    (prop::sample::select(vec!["W one", "W two"]), what).prop_map(|(name, what)| format!("window \"{name}\" {what}"))
}

fn events() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        8 => presents(),
        2 => (-9..200i32, -9..200i32).prop_map(|(x, y)| format!("pointer {x},{y}")),
        1 => prop::sample::select(vec!["pointer hide", "pointer show", "shape ibeam", "shape masked", "shape short", "pointer software", "pointer hardware", "protect on"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["lose access", "lose access for 9ms", "lose device for 3ms", "unplug for 5ms"]).prop_map(str::to_owned),
        1 => (1..140u32, 1..140u32).prop_map(|(w, h)| format!("mode {w}x{h}@{}", w + 20)),
        1 => prop::sample::select(vec![0, 90, 180, 270]).prop_map(|d| format!("rotate {d}")),
        1 => prop::sample::select(vec!["color hdr", "color sdr", "white 80", "white 300.5"]).prop_map(str::to_owned),
        8 => window_events(),
    ];
    (0..120u32, what).prop_map(|(at, what)| format!("at {}.{}ms {what}", at, at % 3))
}

fn scripts() -> impl Strategy<Value = String> {
    let tempo = prop::sample::select(vec!["static", "present every 1", "present every 3", "full", "full; static"]);
    let pointer = prop::sample::select(vec!["path", "still", "storm 700"]);
    let rotation = prop::sample::select(vec![0, 90, 180, 270]);
    let more = prop::collection::vec(events(), 0..14);
    let color = prop::sample::select(vec!["sdr", "sdr", "hdr"]);
    (1..150u32, 1..150u32, rotation, tempo, pointer, 0..70usize, (more, color)).prop_map(
        |(w, h, rotation, tempo, pointer, pitch, (more, color))| {
            let settings = format!(
                "size {w}x{h}; rotation {rotation}; {tempo}; pointer {pointer}; pitch {pitch}; refresh 123.457; color {color}"
            );
            format!("{settings}\n{WINDOWS}\n{}", more.join("\n"))
        },
    )
}

const WINDOWS: &str =
    "window \"W one\" at 30,20 size 90x70 app \"a\" pid 7\nwindow \"W two\" size 50x60 handle 5 every 2 full closed";

/// Keeps an image up to date by the damage alone, and compares it with the oracle.
fn follow(
    desktop: &mut SimDesktop,
    steps: &[u64],
    rebuild: impl Fn(&mut SimDesktop) -> Result<()>,
) -> std::result::Result<(), TestCaseError> {
    let mut image: Option<Vec<u8>> = None;
    for step in steps {
        desktop.clock.sleep(ms(step * step / 16));
        match desktop.source.wait(ms(20)) {
            Ok(change) if change.presents == 0 => continue,
            Ok(change) => prop_assert!(change.present_time <= desktop.now()),
            Err(error) => {
                prop_assert!(error.loss().is_some());
                image = None;
                // Nothing happens after the last event: a window that is gone then stays away.
                while let Err(error) = rebuild(desktop) {
                    prop_assert!(error.loss().is_some());
                    if desktop.now() > ms(500) {
                        return Ok(());
                    }
                    desktop.clock.sleep(ms(1));
                }
                continue;
            }
        }
        let damage = desktop.damage();
        let mut shadow = image.take().unwrap_or_else(|| vec![0; desktop.bytes()]);
        apply(desktop, &damage, &mut shadow);
        let mut whole = desktop.read();
        // A move takes the undefined channel along, or does not.
        desktop.opaque(&mut whole);
        desktop.opaque(&mut shadow);
        prop_assert!(whole == shadow, "damage misses byte {:?}", first_difference(&whole, &shadow));
        desktop.assert_exact();
        image = Some(shadow);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// A consumer that trusts the damage always has the image of the oracle.
    #[test]
    fn damage_is_sound_and_reads_are_exact(script in scripts(), steps in prop::collection::vec(0..30u64, 1..16)) {
        let mut desktop = SimDesktop::pointing(&script);
        follow(&mut desktop, &steps, |desktop| desktop.source.rebuild(ZERO))?;
    }

    /// The same for a window, which may be another one after a loss.
    #[test]
    fn damage_of_windows_is_sound_and_reads_are_exact(script in scripts(), whole in any::<bool>(), steps in prop::collection::vec(0..30u64, 1..16)) {
        let area = if whole { WindowArea::Whole } else { WindowArea::Client };
        if let Ok(mut desktop) = SimDesktop::window(&script, titled("W"), area) {
            follow(&mut desktop, &steps, SimDesktop::rebuild_window)?;
        }
    }

    /// Reading a part gives the same pixels as reading everything.
    #[test]
    fn parts_are_parts_of_the_whole(script in scripts(), wait in 0..100u64, l in 0..100u32, t in 0..100u32) {
        let mut desktop = SimDesktop::new(&script);
        desktop.clock.sleep(ms(wait));
        if desktop.source.wait(ZERO).is_ok() {
            let whole = desktop.source.output().texture_size().rect();
            let part = Rect::new((l as i32).min(whole.right - 1), (t as i32).min(whole.bottom - 1), whole.right, whole.bottom);
            let mut image = vec![0; desktop.bytes()];
            desktop.read_parts(&[part], &mut image);
            let all = desktop.read();
            let pixel = desktop.pixel();
            let stride = whole.width() as usize * pixel;
            for y in part.top as usize..part.bottom as usize {
                let row = y * stride + part.left as usize * pixel..(y + 1) * stride;
                prop_assert!(image[row.clone()] == all[row]);
            }
        }
    }

    #[test]
    fn display_parses_back(script in scripts(), extra in r#"(clock virtual|timer 15[.]625ms|timer exact|slow reads 1[.]000001ms|slow damage 2s|memory direct|refuse 0xFFFFFFFF|damage wild|at 2ms lose device during read for 3ms|at 2ms unplug during rebuild|at 2ms lose access during wait for ever lasting|outputs 4|white 0[.]5|max 10000; min 0[.]0005|at 2ms white 99[.]5|at 2ms color hdr|at 3ms fail wait 0x1 times 4|at 1s lose access for ever lasting|at 1s lose device|window "W \\"x\\" #; Y" closed frame 0,9|window "X" minimized static|at 1s window "W one" title "[a-z;#]{0,4}")?"#) {
        let script = Script::parse(&format!("{script}\n{extra}")).expect("a script");
        prop_assert_eq!(Script::parse(&script.to_string()).expect("its own text"), script);
    }

    #[test]
    fn a_wait_takes_no_longer_than_allowed(script in scripts(), timeouts in prop::collection::vec(0..40u64, 1..20)) {
        let mut desktop = SimDesktop::pointing(&script);
        for timeout in timeouts {
            let before = desktop.now();
            match desktop.source.wait(ms(timeout)) {
                Ok(change) if !change.any() => prop_assert_eq!(desktop.now(), before + ms(timeout)),
                _ => prop_assert!(desktop.now() <= before + ms(timeout)),
            }
        }
    }

    #[test]
    fn any_text_parses_or_is_refused(text in ".{0,200}") {
        let _ = Script::parse(&text);
    }

    #[test]
    fn any_words_parse_or_are_refused(words in prop::collection::vec(prop::sample::select(vec![
        "at", "1s", "2.5ms", "99999999999999999999s", ".s", "1.ms", "present", "full", "dirty", "move", "1,2,3,4", "0,0>1,1,2,2", ">",
        "pointer", "storm", "-1", "size", "1x1", "x", "99999x1", "mode", "64x64@60", "@", "lose", "access", "for", "ever", "fail",
        "window", "\"A\"", "\"B", "handle", "5", "resize", "open", "title", "read", "0x", "0xFFFFFFFF", "times", "2147483648,0,1,1", ";", "#", "\n", "slow", "reads", "refresh", "1000.0000", "é",
    ]), 0..12)) {
        let _ = Script::parse(&words.join(" "));
    }
}
