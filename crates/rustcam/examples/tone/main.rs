//! Measures the tone mapping of a 1080p desktop of half floats, as multiples of a plain copy of its bytes: `name seconds ratio` per line.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use half::f16;
use rustcam::color::{Color, ColorSpace, TextureFormat, ToneMapping};
use rustcam::frame::{ImageMut, ImageRef, PixelFormat};
use rustcam::geometry::{Rotation, Size};
use rustcam::parallel::Workers;
use rustcam::pixels::{Placement, Tone, ToneSettings};

const SIZE: Size = Size::new(1920, 1080);
const WHITE: f64 = 240.0;
/// Runs of which the median counts.
const RUNS: usize = 41;

/// A picture of half floats; `light` is a channel of one pixel as a multiple of SDR white.
fn picture(light: impl Fn(u64) -> f64) -> Vec<u8> {
    let half = |i: u64| f16::from_f64(light(i) * WHITE / 80.0).to_le_bytes();
    (0..SIZE.area() * 4).flat_map(half).collect()
}

/// A number from 0 to 1 without a pattern.
fn noise(i: u64) -> f64 {
    (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / f64::from(1 << 24)
}

/// Whether a pixel is in one of 16 patches, like the highlights and videos of an HDR desktop: 5 % of all pixels.
fn in_patch(pixel: u64) -> bool {
    let (x, y) = (pixel % 1920, pixel / 1920);
    x % 480 < 108 && y % 270 < 60
}

/// The median time of `work`, alternating with that of a copy, so that both see the same machine.
fn measured(src: &[u8], mut work: impl FnMut()) -> (Duration, Duration) {
    let mut copy = vec![0; src.len()];
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        let start = Instant::now();
        work();
        times[0].push(start.elapsed());
        let start = Instant::now();
        copy.copy_from_slice(std::hint::black_box(src));
        std::hint::black_box(&mut copy);
        times[1].push(start.elapsed());
    }
    let [work, copy] = times.map(|mut times| {
        times.sort_unstable();
        times[RUNS / 2]
    });
    (work, copy)
}

fn main() -> io::Result<()> {
    let smooth = |i: u64| 0.5 + 0.5 * ((i / 4 % 1920) as f64 / 300.0).sin();
    let pictures = [
        ("sdr", picture(move |i| smooth(i).min(1.0))),
        ("sdr_noise", picture(noise)),
        ("one_percent_bright", picture(move |i| if i / 4 % 1920 < 19 { 3.0 } else { smooth(i) })),
        ("mixed", picture(move |i| if in_patch(i / 4) { 1.01 + 3.0 * smooth(i) } else { smooth(i) })),
        ("all_bright", picture(move |i| 1.01 + 3.0 * smooth(i))),
        ("bright_noise", picture(|i| 4.0 * noise(i))),
    ];
    let color = Color { hdr: true, space: ColorSpace::Scrgb, sdr_white_nits: WHITE, max_nits: 1000.0, ..Color::SDR };
    let placement = Placement { region: SIZE.rect(), desktop: SIZE, rotation: Rotation::None };
    let mut out = io::stdout();
    for threads in [1, 2] {
        let mut workers = Workers::new(threads);
        for mapping in ToneMapping::ALL {
            let tone = Tone::new(ToneSettings::new(&color, mapping));
            for (name, src) in &pictures {
                let image = ImageRef::of(TextureFormat::Rgba16f, src, SIZE.width as usize * 8, SIZE);
                let mut dst = vec![0; SIZE.area() as usize * 4];
                let (work, copy) = measured(src, || {
                    let mut frame = ImageMut::new(&mut dst, SIZE.width as usize * 4, SIZE, PixelFormat::Bgra);
                    workers.write_toned(SIZE.rect(), image, &placement, &tone, None, &mut frame);
                });
                let ratio = work.as_secs_f64() / copy.as_secs_f64();
                writeln!(out, "{mapping}_{name}_x{threads} {:.6} {ratio:.2}", work.as_secs_f64())?;
            }
        }
    }
    Ok(())
}
