//! Desktops that are not composed in BGRA, HDR among them: this backend asks for BGRA alone, so that the system converts, and never
//! shows anything else.

use crate::stage::{ms, options, request, Stage};
use rustcam::capture::{Session, Target};
use rustcam::frame::PixelFormat;

const SMALL: &str = "size 320x200; refresh 100; pointer still; clock virtual; lab white 200; ";

/// Grabs until `end`, exact each time; returns how many frames there were.
fn grab_until(stage: &Stage, session: &mut Session, end: u64, what: &str) -> usize {
    let mut frames = 0;
    while stage.lab.now() < ms(end) {
        let grabbed = session.grab(&request(ms(500)), Target::Owned(PixelFormat::Bgra), &mut || Ok(()));
        stage.assert_exact(session, &grabbed.expect("alive").expect("presents"), what);
        frames += 1;
    }
    frames
}

#[test]
fn every_format_is_converted_by_the_system() {
    for format in ["bgra", "rgba", "rgb10", "fp16"] {
        for older in [false, true] {
            let stage = Stage::new(&format!("{SMALL} lab format {format}"));
            if older {
                stage.lab.inject("DuplicateOutput1", 0, 0x887A_0004_u32 as i32).expect("a call");
            }
            let mut session = Session::open(&options(&stage, 0, false)).expect("opens");
            assert!(grab_until(&stage, &mut session, 100, format) > 5);
            assert_eq!(stage.counters().duplications1, u64::from(!older), "{format}");
            // What is brighter than white was on the old desktop is cut off: the test would notice a picture that is not converted.
            assert_eq!(stage.lab.image(5) != stage.lab.world().image(5), format == "fp16");
            drop(session);
            stage.finish();
        }
    }
}

#[test]
fn switching_hdr_on_and_off_is_followed() {
    let switches =
        "lab at 200ms format fp16; lab at 400ms format bgra; lab at 600ms format rgb10; lab at 800ms format fp16";
    for stale in ["unplugged", "strict"] {
        let stage = Stage::new(&format!("{SMALL} {switches}; lab stale {stale}"));
        let mut session = Session::open(&options(&stage, 0, false)).expect("opens");
        assert!(grab_until(&stage, &mut session, 1000, stale) > 50);
        assert_eq!(session.stats().recoveries, 4);
        drop(session);
        stage.finish();
    }
}
