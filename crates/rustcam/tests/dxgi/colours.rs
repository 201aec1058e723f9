//! Desktops that are not composed in BGRA, for example in HDR: this backend requests BGRA only, so that the system converts.

use crate::lab_desktop::{ms, options, request, LabDesktop};
use rustcam::capture::{Session, Target};
use rustcam::frame::PixelFormat;

const SMALL: &str = "size 320x200; refresh 100; pointer still; clock virtual; lab white 200; ";

/// Grabs until `end`, exact each time; returns how many frames there were.
fn grab_until(desktop: &LabDesktop, session: &mut Session, end: u64, what: &str) -> usize {
    let mut frames = 0;
    while desktop.lab.now() < ms(end) {
        let grabbed = session.grab(&request(ms(500)), Target::Owned(PixelFormat::Bgra), &mut || Ok(()));
        desktop.assert_exact(session, &grabbed.expect("alive").expect("presents"), what);
        frames += 1;
    }
    frames
}

#[test]
fn every_format_is_converted_by_the_system() {
    for format in ["bgra", "rgba", "rgb10", "fp16"] {
        for older in [false, true] {
            let desktop = LabDesktop::new(&format!("{SMALL} lab format {format}"));
            if older {
                desktop.lab.inject("DuplicateOutput1", 0, 0x887A_0004_u32 as i32).expect("a call");
            }
            let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
            assert!(grab_until(&desktop, &mut session, 100, format) > 5);
            assert_eq!(desktop.counters().duplications1, u64::from(!older), "{format}");
            // An fp16 desktop is cut off at SDR white, so a picture that is not converted would differ.
            assert_eq!(desktop.lab.image(5) != desktop.lab.world().image(5), format == "fp16");
            drop(session);
            desktop.finish();
        }
    }
}

#[test]
fn switching_hdr_on_and_off_is_followed() {
    let switches =
        "lab at 200ms format fp16; lab at 400ms format bgra; lab at 600ms format rgb10; lab at 800ms format fp16";
    for stale in ["unplugged", "strict"] {
        let desktop = LabDesktop::new(&format!("{SMALL} {switches}; lab stale {stale}"));
        let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
        assert!(grab_until(&desktop, &mut session, 1000, stale) > 50);
        assert_eq!(session.stats().recoveries, 4);
        drop(session);
        desktop.finish();
    }
}
