//! The same worlds through Desktop Duplication: the lab plays them over real Direct3D textures, in virtual time.

#[path = "../dxgi/lab_desktop.rs"]
#[allow(dead_code, reason = "every test program uses its own part")]
mod lab_desktop;

use std::io::Write as _;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestError, TestRunner};

use rustcam::capture::Handle;
use rustcam::clock::performance_time;
use rustcam::error::ErrorKind;

use super::case::Case;
use super::generate;
use super::play::play_on;
use lab_desktop::{options, LabDesktop};

fn play(case: &Case) -> TestCaseResult {
    let desktop = LabDesktop::new(&format!("{}\nclock virtual; lab poison eager; lab pitch 48", case.script));
    match Handle::open(&options(&desktop, case.output, case.cursor), &mut || Ok(())) {
        Ok(handle) => {
            let start = performance_time(desktop.lab.ticks_at(Duration::ZERO));
            play_on(case, handle, desktop.lab.clock(), start)?;
        }
        // A desktop that is lost at the beginning cannot be opened.
        Err(error) => {
            let refused = matches!(error.kind(), ErrorKind::Duplication | ErrorKind::Device);
            prop_assert!(refused && case.script.contains("at 0ms"), "{error:?}");
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
    match TestRunner::new(config).run(&generate::cases(), |case| play(&case)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("{reason}\n{case}"),
        Err(other) => panic!("{other}"),
    }
    // Bypasses the test harness, which hides the output of passing tests.
    writeln!(std::io::stderr(), "random worlds through the lab: {cases} scripts run, 0 violations")
        .expect("stderr takes a line");
}
