//! Stores that bypass the caches, for destinations that are larger than the caches.
//!
//! An ordinary store first reads the cache line that it changes. For a large destination that is a third of all traffic, and it drives
//! out what the caches held.

/// Copies `src` to `dst`, which are equally long, past the caches where the processor can. [`fence`] must follow before another thread
/// reads `dst`.
#[cfg(target_arch = "x86_64")]
pub(super) fn stream(src: &[u8], dst: &mut [u8]) {
    use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};

    let head = dst.as_ptr().align_offset(VECTOR).min(dst.len());
    let (src_head, src) = src.split_at(head);
    let (dst_head, dst) = dst.split_at_mut(head);
    dst_head.copy_from_slice(src_head);
    let (src, src_tail) = src.as_chunks::<VECTOR>();
    let (dst, dst_tail) = dst.as_chunks_mut::<VECTOR>();
    for (d, s) in dst.iter_mut().zip(src) {
        #[expect(clippy::cast_ptr_alignment, reason = "the head ends at a multiple of the alignment")]
        // SAFETY: both are 16 bytes of their own, the destination is aligned to as many, and every x86-64 processor has SSE2.
        unsafe {
            _mm_stream_si128(d.as_mut_ptr().cast::<__m128i>(), _mm_loadu_si128(s.as_ptr().cast()));
        };
    }
    dst_tail.copy_from_slice(src_tail);
}

#[cfg(target_arch = "x86_64")]
const VECTOR: usize = 16;

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn stream(src: &[u8], dst: &mut [u8]) {
    dst.copy_from_slice(src);
}

/// Makes streamed bytes visible to other threads before whatever is stored next.
pub(super) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
