//! The least that a capture through the lab can cost: `bare glance|copy|LEFT,TOP,RIGHT,BOTTOM SCRIPT SECONDS`.
//!
//! `glance` acquires and releases, so its whole cost is the lab's own. `copy` also copies every frame to a staging texture, maps it, and
//! copies the rows to memory of its own, as every library must that returns an array. Four numbers do the same with that region only.
//! Prints one line of JSON; of each frame `late_us` is the mean time from its present until its rows are copied, without the lab's own work,
//! and `call_us` that from its arrival.
#![allow(clippy::print_stdout)]

#[cfg(windows)]
#[allow(clippy::wildcard_imports)]
#[path = "../tests/client/mod.rs"]
mod client;

#[cfg(windows)]
fn main() {
    bare::main();
}

#[cfg(not(windows))]
fn main() {}

#[cfg(windows)]
mod bare {
    use std::time::Duration;

    use rustcam::clock::performance_time;
    use windows::Win32::Foundation::FILETIME;
    use windows::Win32::Graphics::Direct3D11::{ID3D11Texture2D, D3D11_BOX};
    use windows::Win32::System::Threading::{GetCurrentProcess, GetProcessTimes};

    use crate::client::{acquire, done, Client, OK};

    /// Time before the measurement: on a desktop that changes everywhere the first frames cost the lab more.
    const WARM_UP: Duration = Duration::from_millis(500);

    pub(crate) fn main() {
        let arguments: Vec<String> = std::env::args().collect();
        let [_, mode, script, seconds] = &arguments[..] else {
            panic!("bare glance|copy|LEFT,TOP,RIGHT,BOTTOM SCRIPT SECONDS")
        };
        let seconds = seconds.parse().expect("seconds");
        let client = Client::new(script);
        let duplication = client.duplicate();
        let part = match mode.as_str() {
            "glance" => None,
            "copy" => Some(None),
            region => Some(Some(parse(region))),
        };
        let mut copy = Copy { client: &client, part: part.flatten(), staging: None, pixels: Vec::new() };
        let began = performance_time(client.lab.ticks_at(Duration::ZERO));
        let mut run = |time: Duration| {
            let (start, mut frames, mut presents) = (client.lab.now(), 0, 0);
            let (mut late, mut spent) = (Duration::ZERO, Duration::ZERO);
            while client.lab.now().saturating_sub(start) < time {
                let answer = acquire(&duplication, 100);
                if answer.code != OK {
                    continue;
                }
                let arrived = client.lab.now();
                let image = (answer.info.LastPresentTime != 0).then(|| answer.texture());
                if let Some(image) = image.as_ref().filter(|_| part.is_some()) {
                    copy.queue(image);
                }
                done(&duplication);
                if image.is_some() {
                    frames += 1;
                    presents += answer.info.AccumulatedFrames;
                    copy.fetch();
                    let presented = performance_time(answer.info.LastPresentTime).saturating_sub(began);
                    let copied = client.lab.now();
                    late += copied.saturating_sub(presented);
                    spent += copied.saturating_sub(arrived);
                }
            }
            (frames, presents, (late, spent), client.lab.now().saturating_sub(start))
        };
        run(WARM_UP);
        let (cpu, own) = (cpu_ms(), client.lab.counters().own_ns);
        let (frames, presents, (late, spent), time) = run(Duration::from_secs_f64(seconds));
        let (cpu, own) = (cpu_ms() - cpu, client.lab.counters().own_ns - own);
        println!(
            "{{\"work\": \"{mode}\", \"frames\": {frames}, \"presents\": {presents}, \"seconds\": {:.6}, \"cpu_ms\": {cpu:.3}, \
             \"lab_ms\": {:.3}, \"late_us\": {:.1}, \"call_us\": {:.1}}}",
            time.as_secs_f64(),
            own as f64 / 1e6,
            (late.as_secs_f64() * 1e6 - own as f64 / 1e3) / f64::from(frames.max(1)),
            spent.as_secs_f64() * 1e6 / f64::from(frames.max(1))
        );
    }

    /// The region that four numbers describe.
    fn parse(text: &str) -> D3D11_BOX {
        let numbers: Vec<u32> = text.split(',').map(|number| number.parse().expect("a number")).collect();
        let [left, top, right, bottom] = numbers[..] else { panic!("LEFT,TOP,RIGHT,BOTTOM") };
        D3D11_BOX { left, top, front: 0, right, bottom, back: 1 }
    }

    struct Copy<'a> {
        client: &'a Client,
        /// What is copied; `None` for everything.
        part: Option<D3D11_BOX>,
        staging: Option<ID3D11Texture2D>,
        pixels: Vec<u8>,
    }

    impl Copy<'_> {
        fn queue(&mut self, image: &ID3D11Texture2D) {
            let size = self.part.map(|part| (part.right - part.left, part.bottom - part.top));
            let staging = self.staging.get_or_insert_with(|| self.client.staging_of(image, size));
            match &self.part {
                // SAFETY: the region is inside the image, and as large as the staging texture.
                Some(part) => unsafe {
                    self.client.context.CopySubresourceRegion(&*staging, 0, 0, 0, 0, image, 0, Some(part));
                    self.client.context.Flush();
                },
                // SAFETY: same size and format.
                None => unsafe { self.client.context.CopyResource(&*staging, image) },
            }
        }

        fn fetch(&mut self) {
            let Some(staging) = &self.staging else { return };
            let desc = crate::client::describe(staging);
            let row = desc.Width as usize * 4;
            self.pixels.resize(row * desc.Height as usize, 0);
            let (code, mapped) = self.client.map(staging, 0);
            assert_eq!(code, OK);
            for (y, to) in self.pixels.chunks_exact_mut(row).enumerate() {
                // SAFETY: mapped rows.
                let from = unsafe {
                    std::slice::from_raw_parts(mapped.pData.cast::<u8>().add(y * mapped.RowPitch as usize), row)
                };
                to.copy_from_slice(from);
            }
            // SAFETY: mapped above.
            unsafe { self.client.context.Unmap(staging, 0) };
        }
    }

    /// Processor time of all threads of this process.
    fn cpu_ms() -> f64 {
        let [mut created, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
        // SAFETY: all pointers are valid for the call.
        unsafe {
            GetProcessTimes(GetCurrentProcess(), &raw mut created, &raw mut ended, &raw mut kernel, &raw mut user)
        }
        .expect("the times of this process");
        let ticks = |time: FILETIME| (u64::from(time.dwHighDateTime) << 32) | u64::from(time.dwLowDateTime);
        (ticks(kernel) + ticks(user)) as f64 / 10_000.0
    }
}
