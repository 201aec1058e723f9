//! Measures the pass over the pixels against `memcpy`, by one and more threads, and prints one JSON object.
//!
//! `cargo run --release --example kernels [rounds]`. The object also says on which machine and when, so that `benches/kernels.py` can keep
//! the output of another machine. Memory is reused, and all ways take turns, so that a slow second of the machine
//! hits them alike. Bytes are those read plus those written. For every step and every way:
//!
//! | figure | meaning |
//! |---|---|
//! | `warm` | milliseconds, the calls one after the other |
//! | `paused` | the same after 8 ms without work, as between two frames: the threads sleep, and perhaps their cores |
//! | `read` | milliseconds that a consumer then needs to read the result once, in the calling thread |
//! | `cpu` | processor time of all threads, per call, after pauses; 0 where it cannot be told |
//!
//! The ways are `1`, `2` and `4` threads; `1s`, `2s` and `4s` are the same with stores that bypass the caches.

// The JSON on standard output is the whole purpose of the program.
#![allow(clippy::print_stdout)]

mod step;

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustcam::geometry::Size;
use rustcam::parallel::Workers;
use rustcam::pixels::cpu_path;
use step::Step;

const SIZES: [Size; 3] = [Size::new(1280, 720), Size::new(1920, 1080), Size::new(3840, 2160)];
const PAUSE: Duration = Duration::from_millis(8);
const WAYS: [(&str, usize, bool); 6] =
    [("1", 1, false), ("2", 2, false), ("4", 4, false), ("1s", 1, true), ("2s", 2, true), ("4s", 4, true)];

/// What the rounds of one way took, in milliseconds.
#[derive(Clone, Default)]
struct Times {
    warm: Vec<f64>,
    paused: Vec<f64>,
    read: Vec<f64>,
    cpu: Vec<f64>,
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Processor time of this process and of the calling thread, in milliseconds; 0 where it cannot be told.
#[cfg(target_os = "linux")]
fn cpu_ms() -> (f64, f64) {
    use rustix::time::{clock_gettime, ClockId};
    let ms = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    (ms(ClockId::ProcessCPUTime), ms(ClockId::ThreadCPUTime))
}

#[cfg(not(target_os = "linux"))]
fn cpu_ms() -> (f64, f64) {
    (0.0, 0.0)
}

/// What a consumer does at least: reads everything once.
fn read(bytes: &[u8]) -> u64 {
    bytes.as_chunks::<8>().0.iter().fold(0, |sum: u64, word| sum.wrapping_add(u64::from_ne_bytes(*word)))
}

fn picture(size: Size) -> Vec<u8> {
    (0..size.area() as u32 * 4).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn measured(step: Step, size: Size, rounds: usize) -> Vec<Times> {
    let src = picture(size);
    let mut dst = vec![1; src.len()];
    let mut workers = WAYS.map(|(_, threads, streams)| Workers::new(threads).streaming(streams));
    let mut all = vec![Times::default(); WAYS.len()];
    for round in 0..=rounds {
        for (times, workers) in all.iter_mut().zip(&mut workers) {
            let mut run = |dst: &mut [u8]| step.run(workers, black_box(&src), black_box(dst), size);
            run(&mut dst);
            let warm = timed(|| run(&mut dst));
            thread::sleep(PAUSE);
            let (start, _) = cpu_ms();
            let paused = timed(|| run(&mut dst));
            let written = step.written(size) as usize;
            let (_, before_read) = cpu_ms();
            let read = timed(|| {
                black_box(read(black_box(&dst[..written])));
            });
            // Until now, because a thread that wakes late costs processor time after the call, too.
            let (end, after_read) = cpu_ms();
            if round > 0 {
                times.cpu.push(end - start - (after_read - before_read));
                times.warm.push(warm);
                times.paused.push(paused);
                times.read.push(read);
            }
        }
    }
    all
}

fn report(size: Size, rounds: usize) -> String {
    let mut entries = Vec::new();
    let mut copy = 0.0;
    for step in Step::all() {
        let all = measured(step, size, rounds);
        let one = median(&all[0].warm);
        if matches!(step, Step::Memcpy) {
            copy = step.bytes(size) / one;
        }
        let ways: Vec<String> = WAYS
            .iter()
            .zip(&all)
            .map(|((name, ..), times)| {
                format!(
                    "\"{name}\": {{\"warm\": {:.4}, \"paused\": {:.4}, \"read\": {:.4}, \"cpu\": {:.4}}}",
                    median(&times.warm),
                    median(&times.paused),
                    median(&times.read),
                    median(&times.cpu)
                )
            })
            .collect();
        entries.push(format!(
            "\"{}\": {{\"median_ms\": {one:.4}, \"best_ms\": {:.4}, \"ratio_median\": {:.3}, \"ways\": {{{}}}}}",
            step.name(),
            all[0].warm.iter().copied().fold(f64::MAX, f64::min),
            step.bytes(size) / one / copy,
            ways.join(", ")
        ));
    }
    format!("\"{size}\": {{{}}}", entries.join(", "))
}

/// The name of the processor, or its architecture.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    name.map_or(std::env::consts::ARCH, |(_, name)| name).to_owned()
}

fn system() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{} {}", if release.is_empty() { std::env::consts::OS } else { "Linux" }, release.trim()).trim().to_owned()
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(60).max(1);
    let sizes: Vec<String> = SIZES.iter().map(|size| report(*size, rounds)).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let date = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    println!(
        "{{\"cpu\": {:?}, \"cores\": {cores}, \"system\": {:?}, \"date\": {date}, \"cpu_path\": \"{}\", \"rounds\": {rounds}, \
         \"sizes\": {{{}}}}}",
        cpu(),
        system(),
        cpu_path(),
        sizes.join(", ")
    );
}
