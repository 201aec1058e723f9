//! Every call that can fail, with every code: the rows of `matrix.rs`, played one after the other in virtual time.

use std::fmt::Write as _;
use std::time::Duration;

use crate::lab_desktop::{ms, options, presented, request, LabDesktop};
use crate::matrix::{Outcome, Row, When, ROWS};
use dda_lab::Lab;
use rustcam::capture::{Session, Target};
use rustcam::error::{Error, ErrorKind, Result};
use rustcam::frame::PixelFormat;
use rustcam::source::hresult::{ACCESS_LOST, DEVICE_REMOVED, E_NOINTERFACE};

const TIMEOUT: Duration = ms(400);

/// How much longer than its timeout a call may take.
const GRACE: Duration = ms(50);

/// The longest pause between two attempts to regain the desktop, and the next present.
const BACK_OFF: Duration = ms(250 + 20);

/// A desktop on which every call is made again and again: each present moves something, and the pointer changes its shape.
fn script() -> String {
    let mut script = "size 160x100; refresh 100; clock virtual; pointer still".to_owned();
    for (i, shape) in ["ibeam", "hand", "masked", "arrow"].iter().cycle().take(2000).enumerate() {
        let _ = write!(script, "\nat {}ms shape {shape}", 30 + 70 * i);
    }
    script
}

struct Player {
    desktop: LabDesktop,
    session: Option<Session>,
}

impl Player {
    /// Plays one row, with a failure that happens once or never ends.
    fn play(&mut self, row: &Row, endless: bool) {
        let expected = if endless { row.always } else { row.once };
        let name = format!("{:?} {} {:08X} {}", row.when, row.call, row.code, if endless { "always" } else { "once" });
        if row.when == When::Opening {
            self.close(&name);
        } else if self.session.is_none() {
            self.recover(&name, row);
        }
        let lab = &self.desktop.lab;
        let first = match row.when {
            When::Opening | When::Capturing => None,
            When::Regaining => Some(ACCESS_LOST),
            When::Replacing => Some(DEVICE_REMOVED),
        };
        if let Some(code) = first {
            lab.inject("AcquireNextFrame", 1, code as i32).expect("a call");
        }
        // The engine tries two functions to duplicate, so both must fail.
        for _ in 0..if row.call == "Duplicate" { 2 } else { 1 } {
            lab.inject(row.call, u32::from(!endless), row.code as i32).expect("a call");
        }
        let failed = self.desktop.counters().injected + u64::from(first.is_some());
        let mut outcome = self.step(&name, row);
        for _ in 0..20 {
            if self.desktop.counters().injected > failed || outcome != Outcome::Frame {
                break;
            }
            outcome = self.step(&name, row);
        }
        let called = self.desktop.counters().injected > failed;
        assert_eq!(called, expected != Outcome::Uncalled, "{name}: whether the call was made");
        assert_eq!(if called { outcome } else { Outcome::Uncalled }, expected, "{name}");
        if endless && expected == Outcome::Frame {
            for _ in 0..5 {
                assert_eq!(self.step(&name, row), Outcome::Frame, "{name}");
            }
        }
        if self.session.is_some() {
            self.recover(&name, row);
        } else {
            self.desktop.lab.heal();
        }
    }

    /// Opens a session if there is none, and grabs.
    fn step(&mut self, name: &str, row: &Row) -> Outcome {
        let clock = self.desktop.lab.clock();
        if self.session.is_none() {
            match Session::open(&options(&self.desktop, 0, false), &mut || Ok(())) {
                Ok(session) => self.session = Some(session),
                Err(error) => return raised(&error, name, row),
            }
        }
        let session = self.session.as_mut().expect("opened");
        let (recoveries, began) = (session.stats().recoveries, clock.now());
        let grabbed = session.grab(&request(TIMEOUT), Target::owned(PixelFormat::Bgra), &mut || Ok(()));
        let took = clock.now().saturating_sub(began);
        assert!(took <= TIMEOUT + GRACE, "{name} took {took:?}");
        match grabbed {
            Ok(Some(frame)) => {
                self.desktop.assert_exact(session, &frame, name);
                if session.stats().recoveries > recoveries {
                    Outcome::Regained
                } else {
                    Outcome::Frame
                }
            }
            Ok(None) => {
                assert!(took >= TIMEOUT, "{name} ended after {took:?}");
                Outcome::Nothing
            }
            Err(error) => raised(&error, name, row),
        }
    }

    /// Ends the failure, and asserts that exact frames come again soon.
    fn recover(&mut self, name: &str, row: &Row) {
        self.desktop.lab.heal();
        let clock = self.desktop.lab.clock();
        let began = clock.now();
        assert!(matches!(self.step(name, row), Outcome::Frame | Outcome::Regained), "{name}: not regained");
        let took = clock.now().saturating_sub(began);
        assert!(took <= BACK_OFF, "{name}: regained only after {took:?}");
        assert_eq!(self.step(name, row), Outcome::Frame, "{name}");
    }

    /// Closes the session, and asserts that nothing is left.
    fn close(&mut self, name: &str) {
        self.session = None;
        self.desktop.assert_nothing_lives(name);
    }
}

fn raised(error: &Error, name: &str, row: &Row) -> Outcome {
    assert_eq!(error.code(), Some(row.code), "{name}: {error}");
    assert!(error.hint().is_some(), "{name}: {error} has no hint");
    Outcome::Raises(error.kind())
}

fn play(call: &str) {
    // A desktop in system memory needs no textures.
    let memory = if call.ends_with("MapDesktopSurface") { "\nlab system memory" } else { "" };
    let desktop = LabDesktop::new(&(script() + memory));
    let mut player = Player { desktop, session: None };
    let rows: Vec<_> = ROWS.iter().filter(|row| row.call == call).collect();
    // The desktop has been duplicated before.
    player.recover(call, rows.first().expect("a row"));
    for row in rows {
        player.play(row, false);
        player.play(row, true);
    }
    player.recover(call, ROWS.iter().rfind(|row| row.call == call).expect("a row"));
    player.close(call);
    player.desktop.finish();
}

macro_rules! played {
    ($($test:ident: $call:literal,)*) => {
        const PLAYED: &[&str] = &[$($call,)*];
        $(#[test]
        fn $test() {
            play($call);
        })*
    };
}

played! {
    creating_the_factory: "CreateDXGIFactory1",
    listing_adapters: "EnumAdapters1",
    listing_adapters_the_old_way: "EnumAdapters",
    listing_outputs: "EnumOutputs",
    creating_the_device: "D3D11CreateDevice",
    querying_output_1: "QueryOutput1",
    querying_output_5: "QueryOutput5",
    duplicating_the_new_way: "DuplicateOutput1",
    duplicating_the_old_way: "DuplicateOutput",
    duplicating: "Duplicate",
    acquiring: "AcquireNextFrame",
    querying_the_texture: "QueryTexture",
    a_texture_of_another_format: "TextureFormat",
    listing_what_is_dirty: "GetFrameDirtyRects",
    listing_what_moved: "GetFrameMoveRects",
    fetching_the_pointer_shape: "GetFramePointerShape",
    a_pointer_of_no_kind: "ShapeType",
    a_pointer_of_no_width: "ShapeWidth",
    a_pointer_of_no_height: "ShapeHeight",
    a_pointer_of_no_pitch: "ShapePitch",
    releasing: "ReleaseFrame",
    mapping_the_desktop: "MapDesktopSurface",
    unmapping_the_desktop: "UnMapDesktopSurface",
    creating_textures: "CreateTexture2D",
    mapping: "Map",
}

#[test]
fn every_call_has_rows_and_every_row_is_played() {
    // `sharing.rs` tests the calls that share textures, `colours.rs` the one for half floats.
    let elsewhere = ["CreateSharedHandle", "AcquireSync", "ReleaseSync", "CheckFormatSupport"];
    for call in Lab::calls().filter(|call| !elsewhere.contains(call)) {
        assert!(ROWS.iter().any(|row| row.call == call), "{call} has no row");
    }
    for (i, row) in ROWS.iter().enumerate() {
        assert!(PLAYED.contains(&row.call), "{} is not played", row.call);
        let same = |other: &&Row| (other.when, other.call, other.code) == (row.when, row.call, row.code);
        assert!(!ROWS[..i].iter().any(|other| same(&other)), "{:?} {} {:08X} twice", row.when, row.call, row.code);
    }
}

#[test]
fn without_both_interfaces_the_error_names_windows_10() {
    let desktop = LabDesktop::new(&script());
    for call in ["QueryOutput1", "QueryOutput5"] {
        desktop.lab.inject(call, 0, E_NOINTERFACE as i32).expect("a call");
    }
    let error = Session::open(&options(&desktop, 0, false), &mut || Ok(())).expect_err("refused");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Duplication, Some(E_NOINTERFACE)));
    assert!(error.to_string().contains("Windows 10"), "{error}");
    desktop.assert_nothing_lives("Windows 7");
    desktop.finish();
}

#[test]
fn a_list_that_is_always_longer_than_announced_means_that_everything_changed() -> Result<()> {
    let desktop = LabDesktop::new(&script());
    let mut session = Session::open(&options(&desktop, 0, false), &mut || Ok(()))?;
    desktop.lab.inject("GetFrameDirtyRects", 0, 0x887A_0003_u32 as i32).expect("a call");
    let everything = session.output().size.rect();
    for _ in 0..3 {
        let frame = session.grab(&request(TIMEOUT), Target::owned(PixelFormat::Bgra), &mut || Ok(()))?;
        let frame = frame.expect("presents");
        desktop.assert_exact(&session, &frame, "more data");
        assert_eq!(frame.info.damage.dirty, [everything]);
    }
    drop(session);
    desktop.finish();
    Ok(())
}

#[test]
fn a_malformed_pointer_shape_leaves_the_last_valid_one() {
    let desktop = LabDesktop::new(
        "size 160x100; clock virtual; static; pointer still; at 300ms shape hand; at 500ms shape masked",
    );
    let mut source = desktop.open(true);
    presented(&mut source);
    let arrow = source.pointer().shape.clone().expect("the first frame brings the shape");
    desktop.lab.inject("ShapePitch", 1, 1).expect("a call");
    while desktop.lab.now() < ms(400) {
        source.wait(ms(10)).expect("alive");
    }
    assert_eq!(source.pointer().shape.as_ref(), Some(&arrow), "the description of the hand was malformed");
    while desktop.lab.now() < ms(600) {
        source.wait(ms(10)).expect("alive");
    }
    assert_ne!(source.pointer().shape.as_ref(), Some(&arrow), "the next one was valid");
    drop(source);
    desktop.finish();
}
