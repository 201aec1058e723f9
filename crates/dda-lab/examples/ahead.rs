//! What looking ahead gains with a device that works asynchronously: `ahead`. Prints a table.
//!
//! A display presents 240 times per second, and changes everywhere. A program reads every frame and works on its rows for some time. Without
//! looking ahead it acquires a frame, waits for its copy, works, and only then acquires the next one. rustcam queues the copy of the next
//! frame, if that is there, before the program works on the one before. All in virtual time, so the numbers are those of the method: waits
//! end when they should, and calls take no time.
#![allow(clippy::print_stdout)]

#[cfg(windows)]
#[allow(clippy::wildcard_imports)]
#[path = "../tests/client/mod.rs"]
mod client;

#[cfg(windows)]
fn main() {
    ahead::main();
}

#[cfg(not(windows))]
fn main() {}

#[cfg(windows)]
mod ahead {
    use std::time::Duration;

    use dda_lab::Lab;
    use rustcam::source::{open, Backend, OpenOptions};

    use crate::client::{acquire, done, Client, OK};

    const FOR: Duration = Duration::from_secs(2);

    /// What a program got.
    #[derive(Default)]
    struct Seen {
        frames: u32,
        presents: u64,
        /// Waiting for the device, of all frames.
        waited: Duration,
    }

    pub(crate) fn main() {
        println!("| a copy takes | the program works for | look-ahead | frames of presents | wait for the device, per frame |");
        println!("|---|---|---|---|---|");
        for (copy, work) in [(160, 2000), (160, 4050), (1000, 2000), (1000, 3500), (1000, 4050)] {
            let script = format!(
                "size 640x480; refresh 240; pointer still; clock virtual; full; lab claims hardware; lab events prompt; \
                 lab copies take {copy}us"
            );
            let work = Duration::from_micros(work);
            for (name, seen) in [("no", in_turn(&script, work)), ("yes", looking_ahead(&script, work))] {
                let wait = seen.waited.as_secs_f64() * 1e6 / f64::from(seen.frames.max(1));
                println!(
                    "| {copy} µs | {} µs | {name} | {} of {} | {wait:.0} µs |",
                    work.as_micros(),
                    seen.frames,
                    seen.presents
                );
            }
        }
    }

    /// One step after the other.
    fn in_turn(script: &str, work: Duration) -> Seen {
        let client = Client::new(script);
        let (duplication, clock) = (client.duplicate(), client.lab.clock());
        let (mut seen, mut staging) = (Seen::default(), None);
        while client.lab.now() < FOR {
            let answer = acquire(&duplication, 100);
            if answer.code != OK {
                continue;
            }
            if answer.info.LastPresentTime == 0 {
                done(&duplication);
                continue;
            }
            let image = answer.texture();
            let staging = staging.get_or_insert_with(|| client.staging(&image));
            // SAFETY: same size and format.
            unsafe { client.context.CopyResource(&*staging, &image) };
            done(&duplication);
            let begun = client.lab.now();
            assert_eq!(client.map(staging, 0).0, OK);
            seen.waited += client.lab.now().saturating_sub(begun);
            clock.sleep(work);
            // SAFETY: mapped above.
            unsafe { client.context.Unmap(&*staging, 0) };
            seen.frames += 1;
            seen.presents += u64::from(answer.info.AccumulatedFrames);
        }
        seen
    }

    /// As rustcam does it.
    fn looking_ahead(script: &str, work: Duration) -> Seen {
        let lab = Lab::install(script).expect("the lab starts");
        let clock = lab.clock();
        let options = OpenOptions::new(Backend::Dxgi).clock(lab.clock());
        let mut source = open(&options, &mut || Ok(())).expect("the lab's desktop opens");
        let whole = source.output().texture_size().rect();
        let mut seen = Seen::default();
        while lab.now() < FOR {
            let change = source.wait(Duration::from_millis(100)).expect("alive");
            if change.presents == 0 {
                continue;
            }
            let begun = clock.now();
            let read = source.read(&[whole], Duration::from_secs(1), &mut |_, _, _| {
                seen.waited += clock.now().saturating_sub(begun);
                clock.sleep(work);
            });
            read.expect("alive");
            seen.frames += 1;
            seen.presents += change.presents;
        }
        seen
    }
}
