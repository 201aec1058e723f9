//! What the laboratory has seen its guests do.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What was called how often since the laboratory started, and which rules were broken.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters { $($(#[$doc])* pub $name: u64,)* }

        /// The counters while they count.
        #[derive(Debug, Default)]
        pub(crate) struct Counting { $(pub(crate) $name: AtomicU64,)* }

        impl Counting {
            pub(crate) fn snapshot(&self) -> Counters {
                Counters { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Counters {
            /// The counters as one JSON object.
            pub fn to_json(&self) -> String {
                let mut text = String::from("{");
                $(let _ = write!(text, "\"{}\": {}, ", stringify!($name), self.$name);)*
                text.truncate(text.len() - 2);
                text.push('}');
                text
            }
        }
    };
}

counters! {
    /// Duplications handed out.
    duplications,
    /// Duplications that still exist.
    live,
    /// Those of them that `DuplicateOutput1` handed out.
    duplications1,
    /// Devices with a duplication, now or before, that still exist.
    live_devices,
    /// Textures of such devices that still exist, those of the laboratory not counted.
    live_textures,
    /// Calls of `AcquireNextFrame` that handed out a frame.
    acquires,
    /// Calls of `AcquireNextFrame` that timed out.
    timeouts,
    /// Acquired frames with an image.
    image_frames,
    /// Acquired frames without one.
    pointer_frames,
    /// Presents that images stood for: the sum of `AccumulatedFrames`.
    presents,
    /// Successful calls of `ReleaseFrame`.
    releases,
    /// Pointer shapes told.
    shapes,
    /// Calls that failed on demand.
    injected,
    /// Calls of `CopyResource`.
    copy_resource,
    /// Calls of `CopySubresourceRegion`.
    copy_region,
    /// Bytes that both copied.
    bytes_copied,
    /// Successful calls of `Map`.
    maps,
    /// Calls of `Map` that said that the device is still drawing.
    maps_still_drawing,
    /// Calls of `Unmap`.
    unmaps,
    /// Bytes of pixels in the mapped textures, padding not counted.
    bytes_mapped,
    /// Calls of `Flush`.
    flushes,
    /// Textures created, those of the laboratory not counted.
    textures,
    /// Nanoseconds that the laboratory worked inside `AcquireNextFrame`, mostly to paint and upload. Waiting is not in it.
    own_ns,
    /// Nanoseconds that guests spent in calls that copy, draw, map, flush and ask whether that is done: the work of a device that computes in
    /// software, as far as the calling thread does it.
    device_ns,
    /// Calls of `Draw`.
    draws,
    /// Calls of `GetData` that said that the device is still drawing.
    still_drawing,
    /// Textures created to be shared by a handle of the kernel.
    shared_textures,
    /// Successful calls of `CreateSharedHandle`.
    shared_handles,
    /// Handles of shared textures that are open now, duplicates included.
    open_handles,
    /// Shared textures opened.
    shared_opened,
    /// Broken rule: `AcquireNextFrame` while a frame is owned.
    acquire_while_owned,
    /// Broken rule: `ReleaseFrame` although no frame was acquired since the last try.
    release_without_frame,
    /// Broken rule: `ReleaseFrame` for a frame that was released already.
    release_twice,
    /// Broken rule: `ReleaseFrame` while the desktop surface is mapped.
    release_while_mapped,
    /// Broken rule: references to textures of a duplication that ended.
    leaked_refs,
    /// Broken rule: a copy out of a texture whose frame was released.
    read_after_release,
    /// Broken rule: a copy out of a texture that holds no image.
    read_without_image,
    /// Broken rule: a second duplication of an output that this process duplicates already.
    duplicate_while_live,
    /// Broken rule: a second `CreateSharedHandle` for one texture.
    shared_twice,
    /// Broken rule: `AcquireSync` by who has the mutex, `ReleaseSync` by who has not.
    key_out_of_order,
    /// Broken rule: drawing on a texture whose keyed mutex is not acquired.
    draw_without_key,
    /// Broken rule: a texture without a mutex was opened before the device had finished it.
    opened_before_done,
    /// Unwise: formats for `DuplicateOutput1` without `B8G8R8A8_UNORM`.
    formats_without_bgra,
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One less.
pub(crate) fn discount(counter: &AtomicU64) {
    counter.fetch_sub(1, Ordering::Relaxed);
}

/// So many more.
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
