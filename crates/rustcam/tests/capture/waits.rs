//! Captures while nothing happens, in virtual time: how often they wake up, what ends their waits, and which memory they allocate.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Session, Target};
use rustcam::clock::{Clock, EventCount, VirtualClock};
use rustcam::error::{Error, ErrorKind};
use rustcam::frame::PixelFormat;
use rustcam::frame_format::FrameSpec;
use rustcam::source::{Change, Source, Waker};

use crate::sim_capture::{desktop, ms, waiting};
use crate::wrapped::Wrapped;

/// What a test observes of a desktop that never changes.
#[derive(Default)]
struct Seen {
    clock: Arc<VirtualClock>,
    waits: AtomicU32,
    woken: AtomicBool,
}

impl Seen {
    fn now(&self) -> Duration {
        self.clock.now()
    }
}

/// A session that has returned the desktop as it is.
fn open(can_be_woken: bool) -> (Session, Arc<Seen>) {
    let seen = Arc::<Seen>::default();
    let clock = || Arc::clone(&seen.clock) as Arc<dyn Clock>;
    let desktop = desktop("size 96x64; static; pointer still", false, clock());
    let (watched, woken) = (Arc::clone(&seen), Arc::clone(&seen));
    let wake: Waker = Arc::new(move || woken.woken.store(true, Ordering::Relaxed));
    let source = Wrapped::new(desktop).with_waker(can_be_woken.then_some(wake)).waiting(move |desktop, timeout| {
        watched.waits.fetch_add(1, Ordering::Relaxed);
        if watched.woken.swap(false, Ordering::Relaxed) {
            return Ok(Change::INTERRUPTED);
        }
        desktop.wait(timeout)
    });
    let mut session = Session::over(Box::new(source), clock(), false);
    assert!(session.grab(&waiting(0), OWNED, &mut || Ok(())).expect("no error").is_some());
    seen.waits.store(0, Ordering::Relaxed);
    (session, seen)
}

/// Where a signal does not end a wait, a waiting call has to look often whether one came.
const SIGNALS_END_WAITS: bool = EventCount::SIGNALS_END_WAITS;

const OWNED: Target<'static> = Target::Owned(FrameSpec::packed(PixelFormat::Bgra));

#[test]
fn an_idle_wait_wakes_four_times_a_second_if_it_can_be_ended() {
    for (can_be_woken, waits) in [(true, if SIGNALS_END_WAITS { 4 } else { 50 }), (false, 50)] {
        let (mut session, seen) = open(can_be_woken);
        let before = seen.now();
        let mut checks = 0;
        let mut interrupt = || {
            checks += 1;
            Ok(())
        };
        assert!(session.grab(&waiting(1000), OWNED, &mut interrupt).expect("no error").is_none());
        assert_eq!(seen.now() - before, ms(1000));
        assert_eq!(seen.waits.load(Ordering::Relaxed), waits);
        assert_eq!(checks, waits - 1, "between two waits");
    }
}

#[test]
fn a_wait_that_was_ended_checks_the_interrupt_at_once_and_continues() {
    let (mut session, seen) = open(true);
    let wake = session.waker().expect("it can be woken");
    let before = seen.now();
    wake();
    let mut checks = Vec::new();
    let mut interrupt = || {
        checks.push(seen.now() - before);
        Ok(())
    };
    assert!(session.grab(&waiting(600), OWNED, &mut interrupt).expect("no error").is_none());
    assert_eq!(seen.now() - before, ms(600));
    let slice = if SIGNALS_END_WAITS { 250 } else { 20 };
    let expected: Vec<Duration> = (0..600).step_by(slice).map(|time| ms(time as u64)).collect();
    assert_eq!(checks, expected);
}

#[test]
fn a_wait_that_was_ended_ends_the_call_if_the_interrupt_fails() {
    let (mut session, seen) = open(true);
    session.waker().expect("it can be woken")();
    let before = seen.now();
    let mut interrupt = || Err(Error::new(ErrorKind::Interrupted, "enough"));
    let error = session.grab(&waiting(60_000), OWNED, &mut interrupt).expect_err("the caller's error");
    assert_eq!((error.kind(), seen.now() - before), (ErrorKind::Interrupted, ms(0)));
}

#[test]
fn memory_for_the_next_frame_is_allocated_while_waiting_if_the_caller_holds_all_buffers() {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
    let made = Arc::<AtomicU32>::default();
    let desktop = desktop("size 96x64; refresh 1; pointer still; memory direct", false, Arc::clone(&clock));
    let counted = Arc::clone(&made);
    let source = Wrapped::new(desktop).before_allocation(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let mut session = Session::over(Box::new(source), clock, false);
    let mut grab = |timeout_ms| session.grab(&waiting(timeout_ms), OWNED, &mut || Ok(())).expect("no error");
    let count = || made.load(Ordering::Relaxed);

    let first = grab(0);
    assert!(first.is_some());
    assert!(grab(0).is_none());
    assert_eq!(count(), 1, "a poll allocates nothing");
    for _ in 0..2 {
        assert!(grab(100).is_none());
        assert_eq!(count(), 2, "one for the next frame");
    }
    let second = grab(1000);
    assert!(second.is_some());
    assert_eq!(count(), 2, "the one allocated before");
    drop(first);
    assert!(grab(100).is_none());
    assert_eq!(count(), 2, "the first one is unused again");
    drop(second);
}
