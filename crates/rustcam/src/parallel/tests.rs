use std::sync::Weak;

use proptest::prelude::*;

use super::*;
use crate::frame::PixelFormat;
use crate::geometry::{Rotation, Size};

fn picture(size: Size) -> Vec<u8> {
    (0..size.area() as u32 * 4).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// What `write` makes of a part, in memory of `size` with padded rows.
fn written(write: impl FnOnce(&mut ImageMut<'_>), (size, format, bottom_up): (Size, PixelFormat, bool)) -> Vec<u8> {
    let stride = size.width as usize * format.bytes() + 5;
    let mut bytes = vec![0xA5; stride * size.height as usize];
    let image = ImageMut::new(&mut bytes, stride, size, format);
    let mut image = if bottom_up { image.bottom_up() } else { image };
    write(&mut image);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn bands_are_the_rows_of_the_whole(
        width in 1..1400_u32,
        height in 1..1400_u32,
        (left, top) in (0..60_i32, 0..300_i32),
        rotation in prop::sample::select(vec![
            Rotation::None, Rotation::Clockwise90, Rotation::Clockwise180, Rotation::Clockwise270,
        ]),
        format in prop::sample::select(PixelFormat::ALL.to_vec()),
        threads in 1..6_usize,
        bottom_up: bool,
    ) {
        let texture = Size::new(width, height);
        let desktop = rotation.apply(texture);
        let region = Rect::new(left, top, desktop.width as i32, desktop.height as i32);
        prop_assume!(!region.is_empty());
        let placement = Placement { region, desktop, rotation };
        let pixels = picture(texture);
        let image = ImageRef::new(&pixels, texture.width as usize * 4, texture);
        let shape = (region.size(), format, bottom_up);
        let whole = written(|dst| pixels::write(texture.rect(), image, &placement, None, dst), shape);
        let mut workers = Workers::new(threads);
        let banded = written(|dst| workers.write(texture.rect(), image, &placement, None, dst), shape);
        prop_assert!(whole == banded);
        prop_assert_eq!(workers.refused(), None);
    }
}

#[test]
fn small_frames_need_no_threads() {
    let mut workers = Workers::new(4);
    workers.prepare(Rect::new(0, 0, 700, 700));
    assert!(workers.pool.is_none());
    // While another test starts a pool, none is to be had.
    while workers.pool.is_none() && workers.refused().is_none() {
        workers.prepare(Rect::new(0, 0, 1920, 1080));
    }
    assert_eq!((workers.threads(), workers.refused()), (4, None));
}

#[test]
fn captures_share_the_threads_and_the_last_one_ends_them() {
    let area = Rect::new(0, 0, 1920, 1080);
    // A number of threads that no other test uses.
    let mut all: Vec<Workers> = (0..200).map(|_| Workers::new(12)).collect();
    for workers in &mut all {
        while workers.pool.is_none() && workers.refused().is_none() {
            workers.prepare(area);
        }
    }
    let pool = Arc::downgrade(all[0].pool.as_ref().expect("started"));
    assert!(all
        .iter()
        .all(|workers| workers.pool.as_ref().is_some_and(|own| Weak::ptr_eq(&Arc::downgrade(own), &pool))));
    all.truncate(1);
    assert!(pool.upgrade().is_some());
    drop(all);
    assert!(pool.upgrade().is_none());
}

#[test]
fn threads_that_are_busy_are_not_waited_for() {
    let mut workers = Workers::new(13);
    while workers.pool.is_none() && workers.refused().is_none() {
        workers.prepare(Rect::new(0, 0, 3840, 2160));
    }
    let pool = workers.pool.clone().expect("started");
    // All threads of the pool are busy until the second job is done.
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().expect("open");
    let busy = Arc::clone(&gate);
    let others = std::thread::spawn({
        let pool = Arc::clone(&pool);
        move || pool.run(13, &|| drop(busy.lock()))
    });
    let done = std::sync::atomic::AtomicUsize::new(0);
    pool.run(13, &|| {
        done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(done.into_inner() >= 1);
    drop(closed);
    others.join().expect("no panic");
}
