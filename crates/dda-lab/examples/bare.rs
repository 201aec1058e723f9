//! The least that a capture through the lab can cost: `bare glance|copy SCRIPT SECONDS`.
//!
//! `glance` acquires and releases, so its whole cost is the lab's own. `copy` also copies every frame to a staging texture, maps it, and
//! copies the rows to memory of its own, as every library must that returns an array. Prints one line of JSON.
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

    use windows::Win32::Foundation::FILETIME;
    use windows::Win32::Graphics::Direct3D11::ID3D11Texture2D;
    use windows::Win32::System::Threading::{GetCurrentProcess, GetProcessTimes};

    use crate::client::{acquire, done, Client, OK};

    /// Time before the measurement: on a desktop that changes everywhere the first frames cost the lab more.
    const WARM_UP: Duration = Duration::from_millis(500);

    pub(crate) fn main() {
        let arguments: Vec<String> = std::env::args().collect();
        let [_, mode, script, seconds] = &arguments[..] else { panic!("bare glance|copy SCRIPT SECONDS") };
        let seconds = seconds.parse().expect("seconds");
        let client = Client::new(script);
        let duplication = client.duplicate();
        let mut copy = Copy { client: &client, staging: None, pixels: Vec::new() };
        let mut run = |time: Duration| {
            let (start, mut frames, mut presents) = (client.lab.now(), 0, 0);
            while client.lab.now().saturating_sub(start) < time {
                let answer = acquire(&duplication, 100);
                if answer.code != OK {
                    continue;
                }
                let image = (answer.info.LastPresentTime != 0).then(|| answer.texture());
                if let (Some(image), "copy") = (&image, mode.as_str()) {
                    copy.queue(image);
                }
                done(&duplication);
                if image.is_some() {
                    frames += 1;
                    presents += answer.info.AccumulatedFrames;
                    copy.fetch();
                }
            }
            (frames, presents, client.lab.now().saturating_sub(start))
        };
        run(WARM_UP);
        let (cpu, own) = (cpu_ms(), client.lab.counters().own_ns);
        let (frames, presents, time) = run(Duration::from_secs_f64(seconds));
        let (cpu, own) = (cpu_ms() - cpu, client.lab.counters().own_ns - own);
        println!(
            "{{\"work\": \"{mode}\", \"frames\": {frames}, \"presents\": {presents}, \"seconds\": {:.6}, \"cpu_ms\": {cpu:.3}, \
             \"lab_ms\": {:.3}}}",
            time.as_secs_f64(),
            own as f64 / 1e6
        );
    }

    struct Copy<'a> {
        client: &'a Client,
        staging: Option<ID3D11Texture2D>,
        pixels: Vec<u8>,
    }

    impl Copy<'_> {
        fn queue(&mut self, image: &ID3D11Texture2D) {
            let staging = self.staging.get_or_insert_with(|| self.client.staging(image));
            // SAFETY: same size and format.
            unsafe { self.client.context.CopyResource(&*staging, image) };
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
