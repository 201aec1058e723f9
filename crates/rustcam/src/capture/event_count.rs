//! Waiting for an event from another thread. On Linux a signal ends the wait, too; elsewhere only the event does.

#[cfg(target_os = "linux")]
pub(super) use linux::EventCount;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::EventCount;

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use rustix::fs::Timespec;
    use rustix::thread::futex;

    /// Counts events. The condition variables of the standard library would continue to sleep when a signal arrives.
    #[derive(Default)]
    pub(in crate::capture) struct EventCount(AtomicU32);

    impl EventCount {
        pub(in crate::capture) const SIGNALS_END_WAITS: bool = true;

        pub(in crate::capture) fn count(&self) -> u32 {
            self.0.load(Ordering::Acquire)
        }

        /// Counts one more event and wakes all waiting threads.
        pub(in crate::capture) fn notify(&self) {
            self.0.fetch_add(1, Ordering::Release);
            // It cannot fail for a valid address.
            let _ = futex::wake(&self.0, futex::Flags::PRIVATE, i32::MAX as u32);
        }

        /// Waits until the count is no longer `seen`, at most `timeout`.
        pub(in crate::capture) fn wait(&self, seen: u32, timeout: Duration) {
            // A timeout that the kernel cannot represent is as long as none.
            let timeout = Timespec::try_from(timeout).ok();
            // Whatever ended the wait, the caller checks the count.
            let _ = futex::wait(&self.0, futex::Flags::PRIVATE, seen, timeout.as_ref());
        }
    }
}

#[cfg(any(not(target_os = "linux"), test))]
mod portable {
    use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
    use std::time::Duration;

    /// Counts events.
    #[derive(Default)]
    pub(in crate::capture) struct EventCount {
        count: Mutex<u32>,
        signal: Condvar,
    }

    impl EventCount {
        #[cfg_attr(target_os = "linux", allow(dead_code, reason = "on Linux only the tests use this type"))]
        pub(in crate::capture) const SIGNALS_END_WAITS: bool = false;

        pub(in crate::capture) fn count(&self) -> u32 {
            *self.lock()
        }

        /// Counts one more event and wakes all waiting threads.
        pub(in crate::capture) fn notify(&self) {
            *self.lock() += 1;
            self.signal.notify_all();
        }

        /// Waits until the count is no longer `seen`, at most `timeout`.
        pub(in crate::capture) fn wait(&self, seen: u32, timeout: Duration) {
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

    #[cfg(target_os = "linux")]
    check!(an_event_wakes_all_threads_and_is_never_lost, super::linux::EventCount);
    check!(an_event_wakes_all_threads_on_other_systems, super::portable::EventCount);
}
