//! How often an idle capture wakes up, and what ends its waits, on a desktop that counts them in virtual time.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rustcam::capture::{Session, Target};
use rustcam::clock::{Clock, VirtualClock};
use rustcam::error::{Error, ErrorKind, Result};
use rustcam::frame::{Damage, ImageRef, PixelFormat, Pointer};
use rustcam::geometry::{Point, Rect, Rotation, Size};
use rustcam::source::{Change, Output, Read, Source, Waker};

use crate::lab::{ms, never, waiting};

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
