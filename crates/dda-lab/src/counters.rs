//! What the program did, and which rules it broke.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What was called how often since the lab started, and which rules were broken.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters { $($(#[$doc])* pub $name: u64,)* }

        /// The same counters, for all threads to count with.
        #[derive(Debug, Default)]
        pub(crate) struct AtomicCounters { $(pub(crate) $name: AtomicU64,)* }

        impl AtomicCounters {
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
    /// Duplications created.
    duplications,
    /// Duplications that still exist.
    live,
    /// Duplications created by `DuplicateOutput1`.
    duplications1,
    /// Devices with a duplication, now or before, that still exist.
    live_devices,
    /// The program's textures on such devices that still exist.
    live_textures,
    /// Successful calls of `AcquireNextFrame`.
    acquires,
    /// Calls of `AcquireNextFrame` that timed out.
    timeouts,
    /// Acquired frames with an image.
    image_frames,
    /// Acquired frames with news of the pointer only.
    pointer_frames,
    /// Presents that the acquired images include: the sum of `AccumulatedFrames`.
    presents,
    /// Successful calls of `ReleaseFrame`.
    releases,
    /// Pointer shapes returned.
    shapes,
    /// Calls that failed by injection.
    injected,
    /// Calls of `CopyResource`.
    copy_resource,
    /// Calls of `CopySubresourceRegion`.
    copy_region,
    /// Bytes that `CopyResource` and `CopySubresourceRegion` copied.
    bytes_copied,
    /// Successful calls of `Map`.
    maps,
    /// Calls of `Map` answered with `WAS_STILL_DRAWING`.
    maps_still_drawing,
    /// Calls of `Unmap`.
    unmaps,
    /// Bytes of pixels in the mapped textures, padding not counted.
    bytes_mapped,
    /// Calls of `Flush`.
    flushes,
    /// Calls of `CreateTexture2D` by the program that were passed on.
    textures,
    /// Nanoseconds that the lab worked inside `AcquireNextFrame`, mostly to paint and upload. Waiting is not included.
    own_ns,
    /// Nanoseconds that the program spent in calls that copy, draw, map, flush and ask whether that is done. On a device that computes
    /// in software this is the device's work on the calling thread.
    device_ns,
    /// Calls of `Draw`.
    draws,
    /// Calls of `GetData` answered with "not yet".
    still_drawing,
    /// Successful calls of `MapDesktopSurface`.
    desktop_maps,
    /// Calls of `EnqueueSetEvent` that the lab answered.
    events,
    /// Textures created to be shared by an NT handle.
    shared_textures,
    /// Successful calls of `CreateSharedHandle`.
    shared_handles,
    /// Handles of shared textures that are open now, duplicates included.
    open_handles,
    /// Shared textures opened.
    shared_opened,
    /// Broken rule: `AcquireNextFrame` while a frame is owned.
    acquire_while_owned,
    /// Broken rule: `ReleaseFrame` although the last `AcquireNextFrame` brought no frame.
    release_without_frame,
    /// Broken rule: `ReleaseFrame` for a frame that was released already.
    release_twice,
    /// Broken rule: `ReleaseFrame` while the desktop surface is mapped.
    release_while_mapped,
    /// Broken rule: references to its textures that were left when a duplication ended.
    leaked_refs,
    /// Broken rule: a copy out of a texture whose frame was released.
    read_after_release,
    /// Broken rule: a copy out of a texture that holds no image.
    read_without_image,
    /// Broken rule: a second duplication of an output while the first exists.
    duplicate_while_live,
    /// Broken rule: a second `CreateSharedHandle` for one texture.
    shared_twice,
    /// Broken rule: `AcquireSync` by the owner of the mutex, or `ReleaseSync` by another.
    key_out_of_order,
    /// Broken rule: drawing on a texture whose keyed mutex is not acquired.
    draw_without_key,
    /// Broken rule: a texture without a keyed mutex was opened before the device had finished drawing it.
    opened_before_done,
    /// Sessions of Windows.Graphics.Capture that were started.
    wgc_sessions,
    /// Such sessions that run now.
    wgc_live_sessions,
    /// Pools of frames that exist now and are not closed.
    wgc_pools,
    /// Calls of `Recreate`.
    wgc_recreates,
    /// Frames that `TryGetNextFrame` returned.
    wgc_frames,
    /// Frames that the program holds now.
    wgc_held,
    /// Updates for which no buffer was free.
    wgc_dropped,
    /// Times that `FrameArrived` was raised.
    wgc_arrivals,
    /// Calls of `Close`, of frames, sessions and pools.
    wgc_closes,
    /// Broken rule: references to a texture that were left when its frame ended.
    wgc_textures_kept,
    /// Broken rule: copies out of a texture beyond the content of its frame.
    wgc_outside_content,
    /// Not recommended: calls of objects that were closed.
    wgc_after_close,
    /// Not recommended: frames that were held during `Recreate`.
    wgc_held_at_recreate,
    /// Not recommended: formats for `DuplicateOutput1` without `B8G8R8A8_UNORM`.
    formats_without_bgra,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Subtracts one.
pub(crate) fn discount(counter: &AtomicU64) {
    counter.fetch_sub(1, Ordering::Relaxed);
}

/// Adds `n`.
pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
