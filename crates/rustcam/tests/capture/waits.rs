//! What a capture does while nothing happens: how often it wakes up, what ends its waits, and what it makes ready, in virtual time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Session, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::{Error, ErrorKind, Result};
use rustcam::frame::{Damage, ImageRef, PixelFormat, Pointer};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::memory::Memory;
use rustcam::source::sim::SimSource;
use rustcam::source::{Change, Output, Read, Source, Waker};

use crate::lab::{ms, never, options, waiting};

const SIZE: Size = Size::new(4, 2);

/// What a test sees of a desktop that never changes.
#[derive(Default)]
struct Seen {
    clock: VirtualClock,
    waits: AtomicU32,
    woken: AtomicBool,
}

impl Clock for Seen {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
    }
}

struct Still {
    seen: Arc<Seen>,
    output: Output,
    pointer: Pointer,
    begun: bool,
    can_be_woken: bool,
}

impl Source for Still {
    fn output(&self) -> &Output {
        &self.output
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(Change { presents: 1, ..Change::default() });
        }
        self.seen.waits.fetch_add(1, Ordering::Relaxed);
        if self.seen.woken.swap(false, Ordering::Relaxed) {
            return Ok(Change { interrupted: true, ..Change::default() });
        }
        self.seen.sleep(timeout);
        Ok(Change::default())
    }

    fn waker(&self) -> Option<Waker> {
        let seen = Arc::clone(&self.seen);
        self.can_be_woken.then(|| Arc::new(move || seen.woken.store(true, Ordering::Relaxed)) as Waker)
    }

    fn damage(&mut self, _: Duration) -> Result<Damage> {
        Ok(Damage::default())
    }

    fn read(
        &mut self,
        parts: &[Rect],
        _: Duration,
        sink: &mut dyn FnMut(Rect, ImageRef<'_>, &Pointer),
    ) -> Result<Read> {
        let black = vec![0; SIZE.area() as usize * 4];
        for part in parts {
            sink(*part, ImageRef::new(&black, SIZE.width as usize * 4, part.size()), &self.pointer);
        }
        Ok(Read::Done)
    }

    fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    fn rebuild(&mut self, _: Duration) -> Result<()> {
        Ok(())
    }
}

/// A session that has returned the desktop as it is.
fn open(can_be_woken: bool) -> (Session, Arc<Seen>) {
    let seen = Arc::<Seen>::default();
    let output = Output {
        device_idx: 0,
        output_idx: 0,
        device_name: "still".to_owned(),
        name: "still".to_owned(),
        position: Point::default(),
        size: SIZE,
        rotation: Rotation::default(),
        image_rotation: Rotation::default(),
        refresh_hz: 60.0,
        is_primary: true,
    };
    let source = Still { seen: Arc::clone(&seen), output, pointer: Pointer::default(), begun: false, can_be_woken };
    let mut session = Session::over(Box::new(source), Arc::clone(&seen) as Arc<dyn Clock>, false);
    assert!(session.grab(&waiting(0), OWNED, &mut never).expect("no error").is_some());
    seen.waits.store(0, Ordering::Relaxed);
    (session, seen)
}

const OWNED: Target<'static> = Target::Owned(PixelFormat::Bgra);

#[test]
fn an_idle_wait_wakes_four_times_a_second_where_it_can_be_ended() {
    for (can_be_woken, waits) in [(true, 4), (false, 50)] {
        let (mut session, seen) = open(can_be_woken);
        let before = seen.now();
        let mut asked = 0;
        let mut interrupt = || {
            asked += 1;
            Ok(())
        };
        assert!(session.grab(&waiting(1000), OWNED, &mut interrupt).expect("no error").is_none());
        assert_eq!(seen.now() - before, ms(1000));
        assert_eq!(seen.waits.load(Ordering::Relaxed), waits);
        assert_eq!(asked, waits - 1, "between two waits");
    }
}

#[test]
fn a_wait_that_was_ended_asks_at_once_and_goes_on_if_it_may() {
    let (mut session, seen) = open(true);
    let wake = session.waker().expect("it can be woken");
    let before = seen.now();
    wake();
    let mut asked = Vec::new();
    let mut interrupt = || {
        asked.push(seen.now() - before);
        Ok(())
    };
    assert!(session.grab(&waiting(600), OWNED, &mut interrupt).expect("no error").is_none());
    assert_eq!(seen.now() - before, ms(600));
    assert_eq!(asked, [ms(0), ms(250), ms(500)]);
}

#[test]
fn a_wait_that_was_ended_ends_the_call_if_the_caller_says_so() {
    let (mut session, seen) = open(true);
    session.waker().expect("it can be woken")();
    let before = seen.now();
    let mut interrupt = || Err(Error::new(ErrorKind::Interrupted, "enough"));
    let error = session.grab(&waiting(60_000), OWNED, &mut interrupt).err().expect("the caller's error");
    assert_eq!((error.kind(), seen.now() - before), (ErrorKind::Interrupted, ms(0)));
}

/// A desktop that counts the blocks of memory it makes.
struct Maker {
    desktop: SimSource,
    made: Arc<AtomicU32>,
}

impl Source for Maker {
    fn output(&self) -> &Output {
        self.desktop.output()
    }

    fn wait(&mut self, timeout: Duration) -> Result<Change> {
        self.desktop.wait(timeout)
    }

    fn damage(&mut self, timeout: Duration) -> Result<Damage> {
        self.desktop.damage(timeout)
    }

    fn read(
        &mut self,
        parts: &[Rect],
        timeout: Duration,
        sink: &mut dyn FnMut(Rect, ImageRef<'_>, &Pointer),
    ) -> Result<Read> {
        self.desktop.read(parts, timeout, sink)
    }

    fn allocate(&mut self, size: Size) -> Option<Memory> {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.desktop.allocate(size)
    }

    fn read_into(
        &mut self,
        memory: &mut Memory,
        size: Size,
        origin: Point,
        parts: &[Rect],
        timeout: Duration,
    ) -> Result<Option<Read>> {
        self.desktop.read_into(memory, size, origin, parts, timeout)
    }

    fn pointer(&self) -> &Pointer {
        self.desktop.pointer()
    }

    fn rebuild(&mut self, timeout: Duration) -> Result<()> {
        self.desktop.rebuild(timeout)
    }
}

#[test]
fn memory_for_the_next_picture_is_made_while_waiting_if_the_caller_holds_all_there_is() {
    let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
    let script = options("size 96x64; refresh 1; pointer still; memory direct", false, Arc::clone(&clock));
    let made = Arc::<AtomicU32>::default();
    let desktop = SimSource::open(&script).expect("the desktop opens");
    let mut session = Session::over(Box::new(Maker { desktop, made: Arc::clone(&made) }), clock, false);
    let mut grab = |timeout_ms| session.grab(&waiting(timeout_ms), OWNED, &mut never).expect("no error");
    let count = || made.load(Ordering::Relaxed);

    let first = grab(0);
    assert!(first.is_some());
    assert!(grab(0).is_none());
    assert_eq!(count(), 1, "a caller who does not wait wants nothing more");
    for _ in 0..2 {
        assert!(grab(100).is_none());
        assert_eq!(count(), 2, "one for the next picture");
    }
    let second = grab(1000);
    assert!(second.is_some());
    assert_eq!(count(), 2, "the one that was ready");
    drop(first);
    assert!(grab(100).is_none());
    assert_eq!(count(), 2, "the first one's is free again");
    drop(second);
}
