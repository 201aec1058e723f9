//! Measures the row kernels against `memcpy` and prints one JSON object.
//!
//! `cargo run --release --example kernels [rounds]`. Every figure is of warm, reused buffers, and the kernels take turns, so that a
//! slow second of the machine hits all of them alike. Bytes are those read plus those written.

// The JSON on standard output is the whole purpose of the program.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use rustcam::frame::{ImageMut, ImageRef, PixelFormat};
use rustcam::geometry::{Rotation, Size};
use rustcam::pixels::{cpu_path, write, Placement};

const SIZES: [Size; 2] = [Size::new(1920, 1080), Size::new(3840, 2160)];

/// What one measured step does.
#[derive(Clone, Copy)]
enum Step {
    Memcpy,
    Convert(PixelFormat, Rotation),
}

impl Step {
    fn all() -> Vec<Step> {
        let mut steps = vec![Step::Memcpy];
        steps.extend(PixelFormat::ALL.map(|format| Step::Convert(format, Rotation::None)));
        steps.extend(Rotation::ALL[1..].iter().map(|rotation| Step::Convert(PixelFormat::Bgra, *rotation)));
        steps
    }

    fn name(self) -> String {
        match self {
            Step::Memcpy => "memcpy".to_owned(),
            Step::Convert(format, Rotation::None) => format.name().to_owned(),
            Step::Convert(format, rotation) => format!("{format}_{}", rotation.degrees()),
        }
    }

    fn bytes(self, size: Size) -> f64 {
        let written = match self {
            Step::Memcpy => 4,
            Step::Convert(format, _) => format.channels() as u64,
        };
        (size.area() * (4 + written)) as f64
    }

    fn run(self, src: &[u8], dst: &mut [u8], size: Size) {
        let Step::Convert(format, rotation) = self else {
            return dst.copy_from_slice(src);
        };
        let desktop = rotation.apply(size);
        let stride = desktop.width as usize * format.channels();
        let placement = Placement { region: desktop.rect(), desktop, rotation };
        let image = ImageRef::new(src, size.width as usize * 4, size);
        write(size.rect(), image, &placement, None, &mut ImageMut::new(dst, stride, desktop, format));
    }
}

fn measure(size: Size, rounds: usize) -> String {
    let src: Vec<u8> = (0..size.area() as u32 * 4).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut dst = vec![1; src.len()];
    let steps = Step::all();
    let mut times = vec![Vec::with_capacity(rounds); steps.len()];
    for _ in 0..rounds {
        for (step, times) in steps.iter().zip(&mut times) {
            let start = Instant::now();
            step.run(black_box(&src), black_box(&mut dst), size);
            times.push(start.elapsed().as_secs_f64());
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    let speed = |step: usize, time: usize| steps[step].bytes(size) / times[step][time];
    let middle = rounds / 2;
    let entries: Vec<String> = (0..steps.len())
        .map(|i| {
            format!(
                "\"{}\": {{\"best_ms\": {:.4}, \"median_ms\": {:.4}, \"bytes_per_s\": {:.0}, \"ratio_best\": {:.3}, \"ratio_median\": {:.3}}}",
                steps[i].name(),
                times[i][0] * 1e3,
                times[i][middle] * 1e3,
                speed(i, 0),
                speed(i, 0) / speed(0, 0),
                speed(i, middle) / speed(0, middle),
            )
        })
        .collect();
    format!("\"{size}\": {{{}}}", entries.join(", "))
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(60).max(1);
    let sizes: Vec<String> = SIZES.iter().map(|size| measure(*size, rounds)).collect();
    println!("{{\"cpu_path\": \"{}\", \"rounds\": {rounds}, \"sizes\": {{{}}}}}", cpu_path(), sizes.join(", "));
}
