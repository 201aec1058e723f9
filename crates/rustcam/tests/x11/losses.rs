//! An X server that changes its size, freezes or dies.

use crate::xvfb::{begin, dirty, ms, presented, read, read_into, rect, within, Xvfb, NOTHING, SMALL, TIMEOUT, WHOLE};
use rustcam::error::{ErrorKind, Loss};
use rustcam::geometry::{Point, Size};
use rustcam::source::{Outcome, Source};
use rustix::process::Signal;

#[test]
fn a_new_size_is_a_transient_loss() {
    let Some(server) = Xvfb::start(&["-screen", "0", "1280x1024x24"]) else { return };
    let mut source = server.open(0, false);
    begin(&mut source);
    let old = source.output().size;
    let mut memory = source.allocate(old).expect("Xvfb shares memory");
    let modes = ["800x600 38.25 800 832 912 1024 600 603 607 624", "1024x768 63.5 1024 1072 1176 1328 768 771 775 798"];
    for mode in modes {
        let numbers: Vec<_> = mode.split(' ').collect();
        server.xrandr(&[&["--newmode"], &numbers[..]].concat());
        server.xrandr(&["--addmode", "screen", numbers[0]]);
    }
    assert_eq!(source.wait(ms(50)).expect("another mode on offer changes nothing"), NOTHING);
    server.xrandr(&["--output", "screen", "--mode", "800x600"]);
    let error = source.wait(TIMEOUT).expect_err("the size changed");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)));
    assert!(error.message().contains("from 1280x1024 to 800x600"), "{error}");
    assert_eq!(source.wait(ms(0)).expect_err("until the rebuild").loss(), Some(Loss::Transient));
    assert!(source.read_into(&mut memory, old, Point::default(), &[old.rect()], TIMEOUT).is_err());
    source.rebuild(TIMEOUT).expect("the server lives");
    assert_eq!(source.output().size, Size::new(800, 600));
    assert!((source.output().refresh_hz - 59.86).abs() < 0.01, "{}", source.output().refresh_hz);
    begin(&mut source);
    let mut painter = server.painter();
    painter.scene();
    let whole = rect(0, 0, 800, 600);
    read(&mut source, &[whole]);
    assert_eq!(read(&mut source, &[whole]), [(whole, painter.expected(whole))]);

    // A read finds out by itself, too, instead of delivering an image of the wrong size.
    server.xrandr(&["--output", "screen", "--mode", "1024x768"]);
    let error = source.read(&[whole], TIMEOUT, &mut |_, _, _| {}).expect_err("the size changed");
    assert!(error.message().contains("from 800x600 to 1024x768"), "{error}");
    source.rebuild(TIMEOUT).expect("the server lives");
    assert_eq!(source.output().size, Size::new(1024, 768));
}

#[test]
fn a_dead_server_is_a_lasting_loss_until_it_is_back() {
    let Some(mut server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, true);
    begin(&mut source);
    let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    server.kill();
    let error = source.wait(TIMEOUT).expect_err("the server is dead");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
    assert!(error.message().contains(&format!("{} went away", server.display)) && error.hint().is_some(), "{error}");
    assert!(source.damage(ms(0)).is_err() && source.read(&[WHOLE], ms(0), &mut |_, _, _| {}).is_err());
    assert!(source.allocate(WHOLE.size()).is_none());
    let error = within(ms(200), || source.rebuild(ms(200))).expect_err("there is no server");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));

    // A frozen one accepts no connection, and the attempt ends in time all the same.
    server.restart(&SMALL);
    server.signal(Signal::STOP);
    let error = within(ms(200), || source.rebuild(ms(200))).expect_err("the server is frozen");
    assert!(error.message().contains("does not answer"), "{error}");
    server.signal(Signal::CONT);
    source.rebuild(TIMEOUT).expect("the server is back");
    let mut painter = server.painter();
    painter.scene();
    begin(&mut source);
    let again = source.read_into(&mut memory, WHOLE.size(), Point::default(), &[WHOLE], TIMEOUT);
    assert_eq!(again.expect("alive"), Outcome::Unsupported, "memory of the old connection");
    assert_eq!(read(&mut source, &[WHOLE]), [(WHOLE, painter.expected(WHOLE))]);
}

#[test]
fn a_server_that_dies_during_a_read_is_a_loss() {
    let Some(mut server) = Xvfb::start(&SMALL) else { return };
    let mut source = server.open(0, false);
    begin(&mut source);
    server.signal(Signal::STOP);
    assert_eq!(source.read(&[WHOLE], ms(20), &mut |_, _, _| {}).expect("only frozen"), Outcome::Pending);
    server.kill();
    let error = source.read(&[WHOLE], TIMEOUT, &mut |_, _, _| {}).expect_err("the server is dead");
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Lasting)));
}

#[test]
fn a_frozen_server_delays_no_call() {
    for missing in [&[][..], &["-extension", "RENDER"], &["-extension", "MIT-SHM"]] {
        let Some(server) = Xvfb::start(&[&SMALL, missing].concat()) else { return };
        let mut painter = server.painter();
        painter.scene();
        let mut source = server.open(0, true);
        begin(&mut source);
        read(&mut source, &[WHOLE]);
        let mut memory = source.allocate(WHOLE.size());
        painter.fill(rect(5, 5, 50, 50), 0x00ff_ffff);
        painter.sync();
        server.signal(Signal::STOP);
        for _ in 0..20 {
            within(ms(15), || source.wait(ms(15))).expect("only frozen");
            within(ms(0), || source.wait(ms(0))).expect("only frozen");
        }
        for _ in 0..3 {
            let read = within(ms(30), || source.read(&[WHOLE], ms(30), &mut |_, _, _| panic!("nothing came")));
            assert_eq!(read.expect("only frozen"), Outcome::Pending);
            let other = [rect(3, 3, 9, 9)];
            let read = within(ms(30), || source.read(&other, ms(30), &mut |_, _, _| panic!("nothing came")));
            assert_eq!(read.expect("only frozen"), Outcome::Pending);
            assert_eq!(within(ms(30), || source.damage(ms(30))).expect("only frozen").dirty, [WHOLE]);
            assert!(within(ms(0), || source.allocate(WHOLE.size())).is_none());
            within(ms(30), || source.wait(ms(30))).expect("only frozen");
        }
        if let Some(memory) = &mut memory {
            let pending = within(ms(30), || source.read_into(memory, WHOLE.size(), Point::default(), &[WHOLE], ms(30)));
            assert_eq!(pending.expect("only frozen"), Outcome::Pending);
        }
        server.signal(Signal::CONT);
        if let Some(memory) = &mut memory {
            assert_eq!(read_into(&mut source, memory, WHOLE, &[WHOLE]), Outcome::Done(()));
            assert!(memory.bytes() == painter.expected(WHOLE));
        }
        assert_eq!(read(&mut source, &[WHOLE]), [(WHOLE, painter.expected(WHOLE))]);

        // After that everything works as before.
        source.damage(TIMEOUT).expect("alive");
        painter.fill(rect(9, 9, 2, 2), 0x0012_3456);
        painter.sync();
        presented(&mut source);
        assert!(dirty(&mut source).iter().any(|r| r.contains(rect(9, 9, 2, 2))));
    }
}

#[test]
fn a_read_resumes_after_the_freeze() {
    let Some(server) = Xvfb::start(&SMALL) else { return };
    let mut painter = server.painter();
    painter.scene();
    let mut source = server.open(0, false);
    begin(&mut source);
    let mut memory = source.allocate(WHOLE.size()).expect("Xvfb shares memory");
    server.signal(Signal::STOP);
    for _ in 0..5 {
        let read = source.read_into(&mut memory, WHOLE.size(), Point::default(), &[WHOLE], ms(5)).expect("only frozen");
        assert_eq!(read, Outcome::Pending);
    }
    server.signal(Signal::CONT);
    painter.sync();
    // The batch was answered long ago: its answer is there at once.
    let read = source.read_into(&mut memory, WHOLE.size(), Point::default(), &[WHOLE], ms(500)).expect("alive");
    assert_eq!(read, Outcome::Done(()));
    assert!(memory.bytes() == painter.expected(WHOLE));
}
