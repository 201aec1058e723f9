//! The threads that all captures of the process share. They sleep between frames and end with the last capture.

use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};
use std::thread::JoinHandle;

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use super::job::SharedJob;

/// Threads that wait for work.
#[derive(Debug)]
pub(super) struct Pool {
    /// `None` only while this is dropped.
    waiting: Option<ThreadPool>,
    /// Joined at the end, so that no thread is left when the last capture is closed.
    threads: Vec<JoinHandle<()>>,
    process: u32,
}

/// The pools that are in use, one per number of threads.
static POOLS: Mutex<Vec<Weak<Pool>>> = Mutex::new(Vec::new());

impl Pool {
    /// The pool with `size` threads; `None` if it cannot be had now, because another thread starts one.
    ///
    /// # Errors
    /// Why the system refuses to start a thread.
    pub(super) fn shared(size: usize) -> Result<Option<Arc<Self>>, String> {
        let mut pools = match POOLS.try_lock() {
            Ok(pools) => pools,
            Err(TryLockError::Poisoned(pools)) => pools.into_inner(),
            // Perhaps for ever, in a process that was forked while the lock was held.
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let fits = |pool: &Arc<Self>| pool.threads.len() == size && pool.is_of_this_process();
        if let Some(pool) = pools.iter().filter_map(Weak::upgrade).find(fits) {
            return Ok(Some(pool));
        }
        let pool = Arc::new(Self::start(size)?);
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(&pool));
        Ok(Some(pool))
    }

    fn start(size: usize) -> Result<Self, String> {
        let threads = Mutex::new(Vec::new());
        let pool = ThreadPoolBuilder::new()
            .num_threads(size)
            // A panic is reported to the thread that offered the work.
            .panic_handler(|_| ())
            .thread_name(|index| format!("rustcam-{index}"))
            .spawn_handler(|thread| {
                let name = thread.name().unwrap_or_default().to_owned();
                let handle = std::thread::Builder::new().name(name).spawn(|| thread.run())?;
                threads.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
                Ok(())
            })
            .build();
        let threads = threads.into_inner().unwrap_or_else(PoisonError::into_inner);
        match pool {
            Ok(pool) => Ok(Self { waiting: Some(pool), threads, process: std::process::id() }),
            Err(error) => {
                // Those that were started before the refusal end by themselves.
                join(threads);
                Err(error.to_string())
            }
        }
    }

    /// Whether the threads exist: a forked process has none of those of its parent.
    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    /// Runs `work` on at most `threads` threads, the calling one among them, and returns when none of them runs it any more. Threads
    /// that are not awake when the calling thread has finished are not waited for.
    pub(super) fn run(&self, threads: usize, work: &(dyn Fn() + Sync)) {
        let Some(pool) = &self.waiting else { return work() };
        let job = SharedJob::new(work);
        for _ in 1..threads {
            let job = job.for_helper();
            pool.spawn(move || job.help());
        }
        work();
        job.finish();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.is_of_this_process() {
            drop(self.waiting.take());
            join(std::mem::take(&mut self.threads));
        } else {
            // In a forked process ending the pool could wait for ever for threads that do not exist here.
            std::mem::forget((self.waiting.take(), std::mem::take(&mut self.threads)));
        }
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // An error is the panic of a job, which whoever offered the job has reported.
        drop(thread.join());
    }
}
