//! Adapters, outputs and monitors that change while a capture runs, and objects that do not say so.

use rustcam::capture::{FixedRate, Handle, Rate, Session, Target};
use rustcam::error::{ErrorKind, Loss};
use rustcam::frame::PixelFormat;
use rustcam::geometry::Size;
use rustcam::source::hresult::{E_ACCESSDENIED, E_FAIL, NOT_FOUND};
use rustcam::source::{facts, outputs, Backend};

use crate::lab_desktop::{lost, ms, options, presented, request, LabDesktop};

const SMALL: &str = "size 320x200; refresh 100; pointer still; clock virtual; ";

/// Grabs until `end`, each frame exact, and returns the errors.
fn grab_until(desktop: &LabDesktop, session: &mut Session, end: u64) -> Vec<rustcam::error::Error> {
    let mut errors = Vec::new();
    while desktop.lab.now() < ms(end) {
        match session.grab(&request(ms(100)), Target::owned(PixelFormat::Bgra), &mut || Ok(())) {
            Ok(Some(frame)) => desktop.assert_exact(session, &frame, "after a change"),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    errors
}

fn opened(desktop: &LabDesktop) -> Session {
    Session::open(&options(desktop, 0, false), &mut || Ok(())).expect("opens")
}

#[test]
fn outputs_that_stay_silent_after_a_change_and_claim_to_be_current_are_replaced() {
    let changes = "at 300ms mode 240x160@50; at 600ms rotate 90; at 900ms mode 320x200@100; at 1200ms lose access";
    let desktop = LabDesktop::new(&format!("{SMALL} {changes}; lab stale silent"));
    let mut session = opened(&desktop);
    for expected in 0..=4 {
        let errors = grab_until(&desktop, &mut session, 300 * expected + 200);
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(session.stats().recoveries, expected);
    }
    assert_eq!(session.output().size, Size::new(320, 200));
    drop(session);
    desktop.finish();
}

#[test]
fn frames_at_a_constant_rate_go_on_after_a_change_of_mode() {
    let desktop = LabDesktop::new(&format!("{SMALL} static; at 300ms mode 240x160@50; lab stale silent"));
    let handle = Handle::open(&options(&desktop, 0, false), &mut || Ok(())).expect("opens");
    let rate = Rate::new(30, 1).expect("a rate");
    let mut slots = FixedRate::new(rate);
    handle.begin_frames(None, &mut || Ok(())).expect("begins");
    for expected in 0..60 {
        let (frame, slot) = handle.next_frame(&mut slots, false, &mut || Ok(())).expect("a frame");
        assert_eq!(slot, expected);
        let size = if slot < 9 { Size::new(320, 200) } else { Size::new(240, 160) };
        if !(9..=20).contains(&slot) {
            assert_eq!(frame.image().expect("memory").size, size, "slot {slot}");
        }
    }
    assert!(desktop.lab.now() < ms(2200), "in time: {:?}", desktop.lab.now());
    drop(handle);
    desktop.finish();
}

#[test]
fn a_monitor_is_found_again_under_another_name_and_none_is_taken_in_its_place() {
    // The second monitor has the first one's name while that one is gone.
    let changes =
        "lab at 300ms name 1 5; lab at 600ms detach 1 for 300ms; lab at 600ms name 2 5; lab at 800ms name 1 1";
    let desktop = LabDesktop::new(&format!("{SMALL} outputs 2; {changes}"));
    let mut session = opened(&desktop);
    let id = session.output().id.clone();
    assert!(id.contains("DISPLAY#"), "{id:?} is a device path");
    let errors = grab_until(&desktop, &mut session, 590);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(session.output().name, r"\\.\DISPLAY5");
    let errors = grab_until(&desktop, &mut session, 900);
    assert!(!errors.is_empty(), "it is gone");
    for error in errors {
        assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)), "{error}");
        assert!(error.to_string().contains("is gone"), "{error}");
    }
    assert!(grab_until(&desktop, &mut session, 1300).is_empty());
    assert_eq!((session.output().name.as_str(), &session.output().id), (r"\\.\DISPLAY1", &id));
    drop(session);
    // It can be opened by its identity, too.
    let by_id = options(&desktop, 0, false).output(id.as_str());
    assert_eq!(rustcam::source::open(&by_id, &mut || Ok(())).expect("the monitor").output().id, id);
    desktop.finish();
}

#[test]
fn without_device_paths_a_monitor_is_found_again_by_its_name_only() {
    let desktop = LabDesktop::new(&format!("{SMALL} outputs 2; lab paths unknown; lab at 300ms name 1 5"));
    let mut session = opened(&desktop);
    assert_eq!(session.output().id, "");
    let errors = grab_until(&desktop, &mut session, 900);
    let error = errors.last().expect("its name is gone");
    assert_eq!((error.code(), error.loss()), (Some(NOT_FOUND), Some(Loss::Lasting)));
    drop(session);
    desktop.finish();
}

#[test]
fn captures_of_one_monitor_share_its_duplication_whatever_it_is_called() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab at 300ms name 1 5"));
    let mut first = opened(&desktop);
    assert!(grab_until(&desktop, &mut first, 400).is_empty());
    let mut second = opened(&desktop);
    assert_eq!(second.output().name, r"\\.\DISPLAY5");
    for session in [&mut first, &mut second] {
        let end = desktop.lab.now().as_millis() as u64 + 100;
        assert!(grab_until(&desktop, session, end).is_empty());
    }
    assert_eq!(desktop.counters().duplications, 2, "one, and one more after the change");
    drop((first, second));
    desktop.finish();
}

#[test]
fn the_device_is_kept_while_its_adapter_is_the_same_until_the_second_failure() {
    let desktop = LabDesktop::new(&format!("{SMALL} at 300ms mode 240x160; at 600ms mode 320x200"));
    let mut source = desktop.open(false);
    presented(&mut source);
    lost(&mut source);
    desktop.lab.inject("D3D11CreateDevice", 0, E_FAIL as i32).expect("a call");
    assert!(desktop.regain(&mut source).is_empty(), "no new device is needed");
    presented(&mut source);
    lost(&mut source);
    for call in ["DuplicateOutput", "DuplicateOutput1"] {
        desktop.lab.inject(call, 1, E_ACCESSDENIED as i32).expect("a call");
    }
    let codes: Vec<_> = (0..2).map(|_| source.rebuild(ms(100)).expect_err("refused").code()).collect();
    assert_eq!(codes, [Some(E_ACCESSDENIED), Some(E_FAIL)], "the second attempt is made with a new device");
    desktop.lab.heal();
    desktop.regain(&mut source);
    presented(&mut source);
    drop(source);
    desktop.finish();
}

#[test]
fn an_adapter_that_comes_back_as_another_one_gets_a_new_device() {
    for change in ["renew 0", "remove 0 for 200ms"] {
        let desktop = LabDesktop::new(&format!("{SMALL} lab at 300ms {change}"));
        let mut session = opened(&desktop);
        let errors = grab_until(&desktop, &mut session, 1200);
        assert!(errors.iter().all(|error| error.loss() == Some(Loss::Lasting)), "{change}: {errors:?}");
        assert_eq!((session.stats().recoveries, session.stats().lost), (1, None), "{change}");
        drop(session);
        desktop.finish();
    }
}

#[test]
fn another_adapter_that_goes_away_does_not_matter() {
    let desktop =
        LabDesktop::new(&format!("{SMALL} outputs 2; lab adapters 2; lab output 2 on 1; lab at 300ms remove 1"));
    let mut session = opened(&desktop);
    assert!(grab_until(&desktop, &mut session, 800).is_empty());
    drop(session);
    desktop.finish();
}

#[test]
fn the_basic_render_driver_is_captured_if_it_has_the_outputs() {
    let desktop = LabDesktop::new(&format!("{SMALL} lab adapter basic; lab system memory"));
    let listed = outputs(&Backend::Dxgi, &mut || Ok(())).expect("outputs");
    assert!(listed[0].device_name.contains("Basic Render"), "{}", listed[0].device_name);
    assert!(facts(&Backend::Dxgi, &mut || Ok(())).expect("adapters").adapters[0].software);
    let mut session = opened(&desktop);
    assert!(grab_until(&desktop, &mut session, 200).is_empty());
    drop(session);
    desktop.finish();
}
