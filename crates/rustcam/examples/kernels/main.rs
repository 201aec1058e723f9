//! Measures the row kernels against `memcpy`, and two threads against one, and prints one JSON object.
//!
//! `cargo run --release --example kernels [rounds]`. Every figure is of warm, reused buffers, and the kernels take turns, so that a
//! slow second of the machine hits all of them alike. Bytes are those read plus those written.
//!
//! `gain_of_two` is the time of one thread divided by that of two, each with half of the rows, the second of which waits for work
//! between the rounds. `gain_of_two_after_pause` is the same where nothing happens for a while before each measurement, as between
//! two frames: the second thread is then asleep, and perhaps its core.

// The JSON on standard output is the whole purpose of the program.
#![allow(clippy::print_stdout)]

mod partner;
mod step;

use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use partner::{Half, Partner};
use rustcam::geometry::Size;
use rustcam::pixels::cpu_path;
use step::Step;

const SIZES: [Size; 2] = [Size::new(1920, 1080), Size::new(3840, 2160)];
const PAUSE: Duration = Duration::from_millis(8);

/// Seconds that each round took, sorted once all are there.
#[derive(Clone, Default)]
struct Times(Vec<f64>);

impl Times {
    fn add(&mut self, work: impl FnOnce()) {
        let start = Instant::now();
        work();
        self.0.push(start.elapsed().as_secs_f64());
    }

    fn sort(&mut self) {
        self.0.sort_by(f64::total_cmp);
    }

    fn best(&self) -> f64 {
        self.0[0]
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
}

fn picture(size: Size) -> Vec<u8> {
    (0..size.area() as u32 * 4).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// The times of each step in one thread.
fn alone(size: Size, rounds: usize) -> Vec<Times> {
    let src = picture(size);
    let mut dst = vec![1; src.len()];
    let steps = Step::all();
    let mut all = vec![Times::default(); steps.len()];
    for _ in 0..rounds {
        for (&step, times) in steps.iter().zip(&mut all) {
            let height = step.shown(size).height;
            times.add(|| step.run(black_box(&src), black_box(&mut dst), size, 0..height));
        }
    }
    all.iter_mut().for_each(Times::sort);
    all
}

/// How many times faster each step is in two threads, with `pause` before each measurement.
fn gains_of_two(size: Size, rounds: usize, pause: Duration) -> Vec<f64> {
    let src = Arc::new(picture(size));
    let (mut dst, mut lower) = (vec![1; src.len()], vec![1; src.len()]);
    let partner = Partner::new();
    let gain = |step: Step| {
        let height = step.shown(size).height;
        let (mut one, mut two) = (Times::default(), Times::default());
        for _ in 0..rounds {
            thread::sleep(pause);
            one.add(|| step.run(black_box(&src), black_box(&mut dst), size, 0..height));
            thread::sleep(pause);
            two.add(|| {
                partner.begin(Half { step, src: Arc::clone(&src), dst: std::mem::take(&mut lower), size });
                step.run(black_box(&src), black_box(&mut dst), size, 0..height / 2);
                lower = partner.finish().dst;
            });
        }
        one.sort();
        two.sort();
        one.median() / two.median()
    };
    Step::all().into_iter().map(gain).collect()
}

fn report(size: Size, rounds: usize) -> String {
    let (steps, times) = (Step::all(), alone(size, rounds));
    let (busy, paused) = (gains_of_two(size, rounds, Duration::ZERO), gains_of_two(size, rounds, PAUSE));
    let speed = |i: usize, time: fn(&Times) -> f64| steps[i].bytes(size) / time(&times[i]);
    let entries: Vec<String> = (0..steps.len())
        .map(|i| {
            format!(
                "\"{}\": {{\"best_ms\": {:.4}, \"median_ms\": {:.4}, \"bytes_per_s\": {:.0}, \"ratio_best\": {:.3}, \
                 \"ratio_median\": {:.3}, \"gain_of_two\": {:.3}, \"gain_of_two_after_pause\": {:.3}}}",
                steps[i].name(),
                times[i].best() * 1e3,
                times[i].median() * 1e3,
                speed(i, Times::best),
                speed(i, Times::best) / speed(0, Times::best),
                speed(i, Times::median) / speed(0, Times::median),
                busy[i],
                paused[i],
            )
        })
        .collect();
    format!("\"{size}\": {{{}}}", entries.join(", "))
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(60).max(1);
    let sizes: Vec<String> = SIZES.iter().map(|size| report(*size, rounds)).collect();
    println!("{{\"cpu_path\": \"{}\", \"rounds\": {rounds}, \"sizes\": {{{}}}}}", cpu_path(), sizes.join(", "));
}
