//! What rustcam takes to read one region of every frame, to compare with `bare LEFT,TOP,RIGHT,BOTTOM`: `region LEFT,TOP,RIGHT,BOTTOM SCRIPT
//! SECONDS`. Prints one line of JSON; `late_us` is the mean time from a present until its rows are copied, without the lab's own work.
#![allow(clippy::print_stdout)]

#[cfg(windows)]
fn main() {
    region::main();
}

#[cfg(not(windows))]
fn main() {}

#[cfg(windows)]
mod region {
    use std::time::Duration;

    use dda_lab::Lab;
    use rustcam::geometry::Rect;
    use rustcam::source::{open, Backend, OpenOptions};

    /// Until the region is chosen, and the lab has painted what it needs.
    const WARM_UP: Duration = Duration::from_millis(500);

    pub(crate) fn main() {
        let arguments: Vec<String> = std::env::args().collect();
        let [_, region, script, seconds] = &arguments[..] else {
            panic!("region LEFT,TOP,RIGHT,BOTTOM SCRIPT SECONDS")
        };
        let numbers: Vec<i32> = region.split(',').map(|number| number.parse().expect("a number")).collect();
        let [left, top, right, bottom] = numbers[..] else { panic!("LEFT,TOP,RIGHT,BOTTOM") };
        let region = Rect::new(left, top, right, bottom);
        let lab = Lab::install(script).expect("the lab starts");
        let options = OpenOptions::new(Backend::Dxgi).clock(lab.clock());
        let mut source = open(&options, &mut || Ok(())).expect("the lab's desktop opens");
        let row = region.width() as usize * 4;
        let mut pixels = vec![0; row * region.height() as usize];
        let clock = lab.clock();
        let mut run = |time: Duration| {
            let (start, mut frames, mut late) = (lab.now(), 0_u32, Duration::ZERO);
            while lab.now().saturating_sub(start) < time {
                let change = source.wait(Duration::from_millis(100)).expect("alive");
                if change.presents == 0 {
                    continue;
                }
                let read = source.read(&[region], Duration::from_secs(1), &mut |_, image, _| {
                    for (y, to) in pixels.chunks_exact_mut(row).enumerate() {
                        to.copy_from_slice(image.row(y));
                    }
                });
                read.expect("alive");
                frames += 1;
                late += clock.now().saturating_sub(change.present_time);
            }
            (frames, late)
        };
        run(WARM_UP);
        let own = lab.counters().own_ns;
        let (frames, late) = run(Duration::from_secs_f64(seconds.parse().expect("seconds")));
        let own = lab.counters().own_ns - own;
        let late = (late.as_secs_f64() * 1e6 - own as f64 / 1e3) / f64::from(frames.max(1));
        println!("{{\"work\": \"rustcam\", \"frames\": {frames}, \"late_us\": {late:.1}}}");
    }
}
