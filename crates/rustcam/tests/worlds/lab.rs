//! The same worlds through Desktop Duplication: the laboratory plays them over real Direct3D textures, in virtual time.

#[path = "../dxgi/stage.rs"]
#[allow(dead_code, reason = "every test program uses its own part")]
mod stage;

use std::io::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};

use rustcam::capture::Session;
use rustcam::error::ErrorKind;

use super::{play, script, step, Step};
use stage::{options, Stage};

fn run(script: &str, cursor: bool, steps: &[Step]) -> Result<(), TestCaseError> {
    let stage = Stage::new(&format!("{script}\nclock virtual; lab poison eager; lab pitch 48"));
    match Session::open(&options(&stage, 0, cursor)) {
        Ok(session) => {
            let clock = stage.lab.clock();
            play(session, &*clock, stage.lab.world(), &|time| stage.frame_at(time), cursor, steps)?;
        }
        // A desktop that is lost from the beginning cannot be opened.
        Err(error) => {
            let refused = matches!(error.kind(), ErrorKind::Duplication | ErrorKind::Device);
            prop_assert!(refused && script.contains("at 0ms"), "{error:?}");
        }
    }
    stage.finish();
    Ok(())
}

/// As many worlds as `RUSTCAM_LAB_WORLDS` says: making a device takes Wine a fifth of a second.
#[test]
fn every_picture_through_desktop_duplication_is_exact() {
    let cases = std::env::var("RUSTCAM_LAB_WORLDS").map_or(100, |n| n.parse().expect("RUSTCAM_LAB_WORLDS is a number"));
    let config =
        ProptestConfig { cases, max_shrink_iters: 300, failure_persistence: None, ..ProptestConfig::default() };
    let worlds = (script(), any::<bool>(), prop::collection::vec(step(), 1..25));
    match TestRunner::new(config).run(&worlds, |(script, cursor, steps)| run(&script, cursor, &steps)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, (script, cursor, steps))) => panic!("{reason}\n{script}\n{cursor}\n{steps:#?}"),
        Err(other) => panic!("{other}"),
    }
    // Past the harness, which hides what passing tests print.
    writeln!(std::io::stderr(), "random worlds through the lab: {cases} scripts run, 0 violations")
        .expect("stderr takes a line");
}
