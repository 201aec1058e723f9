//! Slots of a constant rate that have no new image.

use crate::sim_capture::{ms, SimCapture, SMALL};
use rustcam::capture::{FixedRate, Frame, Rate};
use rustcam::clock::Clock as _;

#[test]
fn a_slot_without_a_new_image_shares_the_memory_of_a_retained_frame_and_copies_an_owned_one() {
    for retained in [true, false] {
        let capture = SimCapture::new(&format!("{SMALL}static; at 95ms present full"), false);
        capture.handle.begin_frames(None, &mut || Ok(())).expect("no other sequence");
        let mut slots = FixedRate::new(Rate::new(100, 1).expect("a rate"));
        let mut next = || capture.handle.next_frame(&mut slots, retained, &mut || Ok(())).expect("a frame").0;
        let address = |frame: &Frame| frame.image().expect("memory of its own").buffer.as_ptr();
        let first = next();
        // Four slots are overdue then, and repeat the first.
        capture.clock.sleep(ms(45));
        for _ in 0..4 {
            let repeated = next();
            assert!(!repeated.info.is_new);
            assert_eq!(address(&repeated) == address(&first), retained);
            assert!(repeated.image().expect("memory").bytes() == first.image().expect("memory").bytes());
        }
        let before = first.image().expect("memory").bytes().to_vec();
        let frames: Vec<Frame> = (5..12).map(|_| next()).collect();
        let changed = frames.last().expect("seven");
        assert!(changed.image().expect("memory").bytes() == capture.expected(2, capture.region()));
        assert!(first.image().expect("memory").bytes() == before, "a held frame never changes");
        capture.handle.end_frames();
    }
}
