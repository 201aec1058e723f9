//! Waiting for an event from another thread, or for a moment.
//!
//! | system | the wait | a signal ends it |
//! |---|---|---|
//! | Linux | futex | yes |
//! | Windows | an event of the thread and its high-resolution timer, waited for together. Condition variables would end up to 15.6 ms late | no |
//! | others | condition variable | no |

#[cfg(target_os = "linux")]
pub use linux::EventCount;
#[cfg(not(any(target_os = "linux", windows)))]
pub use portable::EventCount;
#[cfg(windows)]
pub use timed::EventCount;

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use rustix::fs::Timespec;
    use rustix::thread::futex;

    /// Counts events. The condition variables of the standard library would continue to sleep when a signal arrives.
    #[derive(Debug, Default)]
    pub struct EventCount(AtomicU32);

    impl EventCount {
        /// Whether a signal ends [`EventCount::wait`].
        pub const SIGNALS_END_WAITS: bool = true;

        /// The number of events so far.
        pub fn count(&self) -> u32 {
            self.0.load(Ordering::Acquire)
        }

        /// Counts one more event and wakes all waiting threads.
        pub fn notify(&self) {
            self.0.fetch_add(1, Ordering::Release);
            // It cannot fail for a valid address.
            let _ = futex::wake(&self.0, futex::Flags::PRIVATE, i32::MAX as u32);
        }

        /// Waits until the count is no longer `seen`, at most `timeout`. It may return early.
        pub fn wait(&self, seen: u32, timeout: Duration) {
            // A timeout that the kernel cannot represent is as long as none.
            let timeout = Timespec::try_from(timeout).ok();
            // Whatever ended the wait, the caller checks the count.
            let _ = futex::wait(&self.0, futex::Flags::PRIVATE, seen, timeout.as_ref());
        }
    }
}

#[cfg(windows)]
mod timed {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
    use std::time::Duration;

    use crate::kernel_wait::Event;

    thread_local! {
        /// What ends a wait of this thread; `None` if the system has no event for it.
        static WAKEUP: Option<Arc<Event>> = Event::new().map(Arc::new);
    }

    /// Counts events.
    #[derive(Debug, Default)]
    pub struct EventCount {
        count: AtomicU32,
        waiting: Mutex<Vec<Arc<Event>>>,
    }

    impl EventCount {
        /// Whether a signal ends [`EventCount::wait`].
        pub const SIGNALS_END_WAITS: bool = false;

        /// The number of events so far.
        pub fn count(&self) -> u32 {
            self.count.load(Ordering::Acquire)
        }

        /// Counts one more event and wakes all waiting threads.
        pub fn notify(&self) {
            let waiting = self.lock();
            self.count.fetch_add(1, Ordering::Release);
            for event in &*waiting {
                event.set();
            }
        }

        /// Waits until the count is no longer `seen`, at most `timeout`. It may return early.
        pub fn wait(&self, seen: u32, timeout: Duration) {
            let Ok(Some(wakeup)) = WAKEUP.try_with(Clone::clone) else {
                // Without an event of its own the thread polls.
                std::thread::sleep(timeout.min(Duration::from_millis(1)));
                return;
            };
            {
                let mut waiting = self.lock();
                if self.count() != seen {
                    return;
                }
                // Nothing else knows the event now, so a signal of an earlier wait cannot end this one.
                wakeup.reset();
                waiting.push(Arc::clone(&wakeup));
            }
            wakeup.wait(timeout);
            self.lock().retain(|event| !Arc::ptr_eq(event, &wakeup));
        }

        fn lock(&self) -> MutexGuard<'_, Vec<Arc<Event>>> {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(any(not(any(target_os = "linux", windows)), test))]
mod portable {
    use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
    use std::time::Duration;

    /// Counts events.
    #[derive(Debug, Default)]
    pub struct EventCount {
        count: Mutex<u32>,
        signal: Condvar,
    }

    impl EventCount {
        /// Whether a signal ends [`EventCount::wait`].
        #[cfg_attr(any(target_os = "linux", windows), allow(dead_code, reason = "only the tests use this type here"))]
        pub const SIGNALS_END_WAITS: bool = false;

        /// The number of events so far.
        pub fn count(&self) -> u32 {
            *self.lock()
        }

        /// Counts one more event and wakes all waiting threads.
        pub fn notify(&self) {
            *self.lock() += 1;
            self.signal.notify_all();
        }

        /// Waits until the count is no longer `seen`, at most `timeout`. It may return early.
        pub fn wait(&self, seen: u32, timeout: Duration) {
            drop(self.signal.wait_timeout_while(self.lock(), timeout, |count| *count == seen));
        }

        fn lock(&self) -> MutexGuard<'_, u32> {
            self.count.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const LONG: Duration = Duration::from_secs(60);

    macro_rules! check {
        ($name:ident, $events:ty) => {
            #[test]
            fn $name() {
                let events = Arc::<$events>::default();
                let start = Instant::now();
                let seen = events.count();
                let waiters: Vec<_> = (0..4)
                    .map(|_| {
                        let events = Arc::clone(&events);
                        std::thread::spawn(move || {
                            while events.count() == seen {
                                events.wait(seen, LONG);
                            }
                        })
                    })
                    .collect();
                std::thread::sleep(Duration::from_millis(20));
                events.notify();
                for waiter in waiters {
                    waiter.join().expect("no panic");
                }
                // An event from before the wait is not lost.
                events.wait(seen, LONG);
                assert!(start.elapsed() < LONG / 2);

                let start = Instant::now();
                let limit = Duration::from_millis(30);
                while start.elapsed() < limit {
                    events.wait(events.count(), limit);
                }
                assert!(start.elapsed() < LONG / 2, "without an event");
            }
        };
    }

    #[cfg(any(target_os = "linux", windows))]
    check!(an_event_wakes_all_threads_and_is_never_lost, super::EventCount);
    check!(an_event_wakes_all_threads_on_other_systems, super::portable::EventCount);

    #[cfg(windows)]
    #[test]
    fn a_signal_of_an_earlier_wait_does_not_end_the_next_one() {
        let (first, second) = (super::EventCount::default(), super::EventCount::default());
        std::thread::scope(|scope| {
            for _ in 0..50 {
                // The notification comes at about the end of the wait, before or after it.
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(2));
                    first.notify();
                });
                first.wait(first.count(), Duration::from_millis(2));
                let start = Instant::now();
                second.wait(second.count(), Duration::from_millis(5));
                assert!(start.elapsed() >= Duration::from_millis(4), "{:?}", start.elapsed());
            }
        });
    }
}
