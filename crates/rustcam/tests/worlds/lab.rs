//! The same worlds through Desktop Duplication: the lab plays them over real Direct3D textures, in virtual time.

#[path = "../dxgi/lab_desktop.rs"]
#[allow(dead_code, reason = "every test program uses its own part")]
mod lab_desktop;

use std::io::Write as _;
use std::sync::mpsc::{channel, RecvTimeoutError, Sender};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestCaseResult, TestError, TestRunner};

use rustcam::capture::Handle;
use rustcam::clock::performance_time;
use rustcam::error::ErrorKind;

use super::case::Case;
use super::generate;
use super::play::{play_on, tone_mapping};
use lab_desktop::{options, LabDesktop};

/// The device maps half floats within one level of the processor (tests/dxgi/colours.rs), so here the processor does it, which is exact.
const EXACT: &str = "lab inject CheckFormatSupport 0 0x80004005";

/// What Windows does besides what the script says; a world has some of it.
const WORDS: &[&str] = &[
    "events prompt",
    "events late 3ms",
    "events late 30ms",
    "first pointer",
    "first black",
    "first partial",
    "first half",
    "first nothing",
    "first timeless",
    "first late",
    "adapter basic",
    "stale strict",
    "stale silent",
    "pointer untold",
    "nudge answered",
    "session detached",
    "system memory",
    "copies queued",
    "claims hardware",
    "paths unknown",
    "adapters 2 alike",
    "at 60ms name 1 7",
    "at 90ms detach 1 for 40ms",
    "at 120ms renew 0",
    "refuse DuplicateOutput 0x887A0022 for 300ms",
    "refuse EnumOutputs 0x887A0002 for 100ms",
];

fn words() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(select(WORDS), 0..4)
}

/// A world takes no time but that of its own work. One that waits for what never comes is named, and ends the program.
const LONGEST: Duration = Duration::from_secs(60);

/// Watches one world, until it is dropped.
struct Watched(Sender<()>);

impl Watched {
    fn new(world: String) -> Self {
        let (ended, wait) = channel();
        std::thread::spawn(move || {
            if wait.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
                let _ = writeln!(std::io::stderr(), "this world does not end:\n{world}");
                std::process::abort();
            }
        });
        Self(ended)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// Whether the pictures of `case` are known in spite of `word`. Where nothing else is presented, half a picture is all that there is, and
/// it is delivered after a while (tests/dxgi/unkind.rs). Without paths the level of SDR white is assumed (tests/dxgi/colours.rs).
fn leaves_a_picture(case: &Case, words: &[&str], word: &str) -> bool {
    match word {
        "first half" => !case.script.contains("static") && !words.contains(&"session detached"),
        "paths unknown" => !case.script.contains("color hdr"),
        _ => true,
    }
}

fn play(case: &Case, words: &[&str]) -> TestCaseResult {
    let played = words.iter().copied().filter(|word| leaves_a_picture(case, words, word));
    let words = std::iter::once("").chain(played).collect::<Vec<_>>().join("; lab ");
    let _watched = Watched::new(format!("{case}with {words}"));
    let desktop = LabDesktop::new(&format!("{}\nclock virtual; lab poison eager; {EXACT}{words}", case.script));
    let options = options(&desktop, case.output, case.cursor).tone_mapping(tone_mapping(case));
    match Handle::open(&options, &mut || Ok(())) {
        Ok(handle) => {
            let start = performance_time(desktop.lab.ticks_at(Duration::ZERO));
            play_on(case, handle, desktop.lab.clock(), start)?;
        }
        // A desktop that is lost at the beginning cannot be opened, and while one monitor is away the index of another may be wrong.
        Err(error) => {
            let refused = matches!(error.kind(), ErrorKind::Duplication | ErrorKind::Device);
            let lost = case.script.contains("at 0ms") || words.contains("refuse EnumOutputs");
            let away = error.kind() == ErrorKind::InvalidArgument && words.contains("detach");
            prop_assert!((refused || away) && lost, "{error:?}");
        }
    }
    desktop.finish();
    Ok(())
}

/// Runs as many worlds as `RUSTCAM_LAB_WORLDS` says: under Wine, creating a device takes a fifth of a second.
#[test]
fn every_picture_through_desktop_duplication_is_exact() {
    let cases = std::env::var("RUSTCAM_LAB_WORLDS").map_or(60, |n| n.parse().expect("RUSTCAM_LAB_WORLDS is a number"));
    let config =
        ProptestConfig { cases, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() };
    match TestRunner::new(config)
        .run(&(generate::cases_with_constant_white(), words()), |(case, words)| play(&case, &words))
    {
        Ok(()) => {}
        Err(TestError::Fail(reason, (case, words))) => panic!("{reason}\n{case}with {words:?}"),
        Err(other) => panic!("{other}"),
    }
    // Bypasses the test harness, which hides the output of passing tests.
    writeln!(std::io::stderr(), "random worlds through the lab: {cases} scripts run, 0 violations")
        .expect("stderr takes a line");
}

/// Worlds that failed once, each with its words of the lab.
const FAILED: &[(&str, &[&str])] = &[
    // A loss during a slow read, and nothing that shows the new desktop for a while: the present from before the loss is not its time.
    (
        "open 0
grab owned bgra 250
grab owned bgra 0
video owned bgra 1 1
---
size 16x16; rotation 0; refresh 50; outputs 1; present every 1; pointer path; memory ordinary; slow reads 60ms
at 181ms mode 16x17
",
        &["first half", "refuse EnumOutputs 0x887A0002 for 100ms"],
    ),
    // The desktop is HDR now, and the first attempt to duplicate it fails: the older way would deliver images that are cut off.
    (
        "open 0
grab owned bgra 0
grab owned bgra 0
pass 36
grab owned bgra 3
---
size 16x17; rotation 90; refresh 20; outputs 1; static; pointer path; memory ordinary
at 1ms mode 16x17
at 2ms fail rebuild 0x80004005 times 1
at 0ms color hdr
",
        &[],
    ),
    // The same of a desktop that was HDR before.
    (
        "open 0 cursor
grab owned bgra 0
grab owned bgra 17
grab owned rgba16f 17
---
size 16x16; rotation 0; refresh 20; color hdr; outputs 1; static; pointer path; memory ordinary
at 31ms mode 16x16
at 0ms fail rebuild 0x80004005 times 1
",
        &[],
    ),
    // A wait whose last nanosecond was rounded down to none, again and again.
    (
        "open 0 cursor
pass 34
grab into 7 downwards rgba 0
grab retained rgba 250 current
grab into 2 upwards rgb 17 current
pass 16
grab into 6 upwards rgb 17
grab into 3 downwards rgba16f 17 region 44 92 82 27
grab retained gray 250
grab owned rgba 3 region 40 32 10 51
grab retained bgr 0
drop
grab retained bgra 0 current
pass 25
grab owned bgra 0 current
pass 18
grab into 0 downwards bgra 17
grab retained rgb 0 current
---
size 69x43; rotation 270; refresh 28; color hdr; white 200; max 600; outputs 2; static; pointer storm 700; memory direct; slow reads 7ms
at 107ms shape empty
at 274ms present nothing
at 198ms present dirty 25,7,26,26 dirty 2,12,38,33 dirty 42,19,49,24
at 149ms unplug during rebuild for 15ms
at 252ms unplug during wait for 5s
at 348ms present dirty 31,28,44,38
",
        &["first black", "adapter basic"],
    ),
];

#[test]
fn worlds_that_failed_once_are_exact() {
    for (case, words) in FAILED {
        let case: Case = case.parse().unwrap_or_else(|error| panic!("{error}\n{case}"));
        if let Err(error) = play(&case, words) {
            panic!("{error}\n{case}with {words:?}");
        }
    }
}
