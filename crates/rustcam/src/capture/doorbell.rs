//! Waiting for another thread, in a way that signals end where the system has such a way.

#[cfg(target_os = "linux")]
pub(super) use linux::Doorbell;
#[cfg(not(target_os = "linux"))]
pub(super) use portable::Doorbell;

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use rustix::fs::Timespec;
    use rustix::thread::futex;

    /// Counts its rings. The condition variables of the standard library would sleep on when a signal arrives.
    #[derive(Default)]
    pub(in crate::capture) struct Doorbell(AtomicU32);

    impl Doorbell {
        pub(in crate::capture) const SIGNALS_END_WAITS: bool = true;

        pub(in crate::capture) fn rings(&self) -> u32 {
            self.0.load(Ordering::Acquire)
        }

        /// Wakes everybody who waits.
        pub(in crate::capture) fn ring(&self) {
            self.0.fetch_add(1, Ordering::Release);
            // Cannot fail at an address of our own.
            let _ = futex::wake(&self.0, futex::Flags::PRIVATE, i32::MAX as u32);
        }

        /// Waits for the ring after `seen`, at most `timeout`.
        pub(in crate::capture) fn wait(&self, seen: u32, timeout: Duration) {
            // A timeout beyond what the kernel can express is as good as none.
            let timeout = Timespec::try_from(timeout).ok();
            // Whether it rang, was late or interrupted, the caller has to look anyway.
            let _ = futex::wait(&self.0, futex::Flags::PRIVATE, seen, timeout.as_ref());
        }
    }
}

#[cfg(any(not(target_os = "linux"), test))]
mod portable {
    use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
    use std::time::Duration;

    /// Counts its rings.
    #[derive(Default)]
    pub(in crate::capture) struct Doorbell {
        rings: Mutex<u32>,
        rung: Condvar,
    }

    impl Doorbell {
        #[cfg_attr(target_os = "linux", allow(dead_code, reason = "only the tests use this one here"))]
        pub(in crate::capture) const SIGNALS_END_WAITS: bool = false;

        pub(in crate::capture) fn rings(&self) -> u32 {
            *self.lock()
        }

        /// Wakes everybody who waits.
        pub(in crate::capture) fn ring(&self) {
            *self.lock() += 1;
            self.rung.notify_all();
        }

        /// Waits for the ring after `seen`, at most `timeout`.
        pub(in crate::capture) fn wait(&self, seen: u32, timeout: Duration) {
            drop(self.rung.wait_timeout_while(self.lock(), timeout, |rings| *rings == seen));
        }

        fn lock(&self) -> MutexGuard<'_, u32> {
            self.rings.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const FOREVER: Duration = Duration::from_secs(60);

    macro_rules! promises {
        ($name:ident, $doorbell:ty) => {
            #[test]
            fn $name() {
                let doorbell = Arc::<$doorbell>::default();
                let start = Instant::now();
                let seen = doorbell.rings();
                let waiters: Vec<_> = (0..4)
                    .map(|_| {
                        let doorbell = Arc::clone(&doorbell);
                        std::thread::spawn(move || {
                            while doorbell.rings() == seen {
                                doorbell.wait(seen, FOREVER);
                            }
                        })
                    })
                    .collect();
                std::thread::sleep(Duration::from_millis(20));
                doorbell.ring();
                for waiter in waiters {
                    waiter.join().expect("no panic");
                }
                // A ring that nobody waited for is not lost.
                doorbell.wait(seen, FOREVER);
                assert!(start.elapsed() < FOREVER / 2);

                let start = Instant::now();
                let limit = Duration::from_millis(30);
                while start.elapsed() < limit {
                    doorbell.wait(doorbell.rings(), limit);
                }
                assert!(start.elapsed() < FOREVER / 2, "nobody rings");
            }
        };
    }

    #[cfg(target_os = "linux")]
    promises!(a_ring_wakes_everybody_and_is_never_lost, super::linux::Doorbell);
    promises!(so_it_is_on_other_systems, super::portable::Doorbell);
}
