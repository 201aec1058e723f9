//! Random worlds: for any behaviour of a desktop and any order of calls, every returned picture is exact to the byte, every change is
//! reported, no call outlives its deadline, and what a caller holds never changes.

mod case;
mod generate;
#[cfg(windows)]
mod lab;
mod light;
mod oracle;
mod play;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};

use case::Case;
use play::play;

/// Worlds that failed once, or are likely to. Cargo runs tests in the folder of the crate.
const CORPUS: &str = "tests/worlds/corpus";

/// Runs as many worlds as `RUSTCAM_WORLDS` says. One that fails is shrunk and added to the corpus.
#[test]
fn every_picture_of_every_world_is_exact() {
    let cases = std::env::var("RUSTCAM_WORLDS").map_or(10_000, |n| n.parse().expect("RUSTCAM_WORLDS is a number"));
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        max_shrink_iters: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    match runner.run(&generate::cases(), |case| play(&case)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("{reason}\nkept as {}:\n{case}", keep(&case).display()),
        Err(other) => panic!("{other}"),
    }
    // Bypasses the test harness, which hides the output of passing tests.
    writeln!(std::io::stderr(), "random worlds: {cases} scripts run, 0 violations").expect("stderr takes a line");
}

#[test]
fn worlds_of_the_corpus_are_exact() {
    let mut played = 0;
    for entry in std::fs::read_dir(CORPUS).expect("the corpus is part of the sources") {
        let path = entry.expect("readable").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        let case: Case = text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Err(error) = play(&case) {
            panic!("{}: {error}\n{case}", path.display());
        }
        played += 1;
    }
    assert!(played > 0);
    writeln!(std::io::stderr(), "kept worlds: {played} scripts run, 0 violations").expect("stderr takes a line");
}

fn keep(case: &Case) -> PathBuf {
    let text = case.to_string();
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let path = Path::new(CORPUS).join(format!("found-{:016x}.world", hasher.finish()));
    std::fs::write(&path, text).expect("the corpus can be written to");
    path
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_text_of_a_world_parses_back(case in generate::cases()) {
        prop_assert_eq!(case.to_string().parse::<Case>(), Ok(case));
    }
}
