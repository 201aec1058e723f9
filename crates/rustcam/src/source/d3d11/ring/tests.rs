//! The ring on a device that checks the rules.

mod device;

use device::{Device, Texture};
use proptest::prelude::*;

use super::*;
use crate::error::Loss;

const SIZE: Size = Size::new(64, 48);
const SMALL: Size = Size::new(32, 48);

const fn kind(size: Size, sync: TextureSync) -> Kind {
    Kind { size, format: TextureFormat::Bgra8, sync }
}

/// One frame, number `content`, for a holder that needs a handle at once.
fn publish(ring: &mut Ring<Texture>, device: &Device, sync: TextureSync, content: u64) -> Result<HeldTexture<Device>> {
    publish_of(ring, device, kind(SIZE, sync), content)
}

fn publish_of(ring: &mut Ring<Texture>, device: &Device, kind: Kind, content: u64) -> Result<HeldTexture<Device>> {
    let held_texture = publish_without_handle(ring, device, kind, content)?;
    held_texture.own_handle()?;
    Ok(held_texture)
}

fn publish_without_handle(
    ring: &mut Ring<Texture>,
    device: &Device,
    kind: Kind,
    content: u64,
) -> Result<HeldTexture<Device>> {
    let writing = ring.begin(device, kind)?;
    device.paint(&writing.texture, content);
    ring.publish(device, writing)
}

/// What a reader sees: through the handle, or in memory that it has opened before.
fn read(device: &Device, held_texture: &HeldTexture<Device>) -> u64 {
    match held_texture.handle.get() {
        Some(handle) => device.content(handle.1),
        None => device.world().memories[&held_texture.texture.1].content,
    }
}

/// A reader that follows the protocol.
fn read_keyed(device: &Device, held_texture: &HeldTexture<Device>) -> u64 {
    let id = held_texture.texture.1;
    assert_eq!(device.reader(id, READER), hresult::S_OK);
    let content = read(device, held_texture);
    device.reader_leaves(id, WRITER);
    content
}

#[test]
fn one_texture_serves_a_reader_that_keeps_up() {
    for sync in TextureSync::ALL {
        let (mut ring, device) = (Ring::default(), Device::default());
        for frame in 1..=10_000 {
            let held_texture = publish(&mut ring, &device, sync, frame).expect("nothing fails");
            let seen = if sync == TextureSync::Keyed {
                read_keyed(&device, &held_texture)
            } else {
                read(&device, &held_texture)
            };
            assert_eq!(seen, frame);
        }
        drop(ring);
        assert_eq!(device.balance(), (10_000, 10_000, 0, 0), "{sync}");
        assert_eq!(device.world().memories.len(), 1, "one texture is enough");
    }
}

#[test]
fn a_held_texture_keeps_its_frame_and_too_many_are_refused() {
    for sync in TextureSync::ALL {
        let (mut ring, device) = (Ring::default(), Device::default());
        let mut held: Vec<_> =
            (0..MOST as u64).map(|frame| publish(&mut ring, &device, sync, frame).expect("room")).collect();
        let error = publish(&mut ring, &device, sync, 99).err().expect("no room");
        assert_eq!((error.kind(), error.loss()), (ErrorKind::Capture, None));
        assert!(error.to_string().contains("8 textures") && error.hint().is_some(), "{error}");
        for (frame, held_texture) in held.iter().enumerate() {
            assert_eq!(read(&device, held_texture), frame as u64);
        }
        let closed = held.remove(3);
        if sync == TextureSync::Keyed {
            read_keyed(&device, &closed);
        }
        drop(closed);
        held.push(publish(&mut ring, &device, sync, 100).expect("room again"));
        let seen: Vec<_> = held.iter().map(|held_texture| read(&device, held_texture)).collect();
        assert_eq!(seen, [0, 1, 2, 4, 5, 6, 7, 100]);
        assert_eq!(device.balance().3, MOST);
    }
}

#[test]
fn an_unread_picture_is_never_overwritten() {
    let (mut ring, device) = (Ring::default(), Device::default());
    let unread = publish(&mut ring, &device, TextureSync::Keyed, 1).expect("nothing fails");
    let id = unread.texture.1;
    drop(unread);
    // The reader's work was queued before the holder closed, and runs later than the next frame is written.
    drop(publish(&mut ring, &device, TextureSync::Keyed, 2).expect("another texture"));
    assert_eq!(device.reader(id, READER), hresult::S_OK);
    assert_eq!(device.world().memories[&id].content, 1);
    device.reader_leaves(id, WRITER);
    let again = publish(&mut ring, &device, TextureSync::Keyed, 3).expect("nothing fails");
    assert_eq!(again.texture.1, id, "a texture that was read is reused");
}

#[test]
fn readers_that_never_release_their_key_cause_no_errors() {
    let (mut ring, device) = (Ring::default(), Device::default());
    for frame in 0..100 {
        let held_texture = publish(&mut ring, &device, TextureSync::Keyed, frame).expect("there is always room");
        assert_eq!(device.reader(held_texture.texture.1, READER), hresult::S_OK);
        assert!(device.balance().3 <= MOST);
    }
}

#[test]
fn an_abandoned_mutex_is_never_used_again() {
    let (mut ring, device) = (Ring::default(), Device::default());
    let held_texture = publish(&mut ring, &device, TextureSync::Keyed, 1).expect("nothing fails");
    let id = held_texture.texture.1;
    assert_eq!(device.reader(id, READER), hresult::S_OK);
    device.reader_dies(id);
    drop(held_texture);
    let next = publish(&mut ring, &device, TextureSync::Keyed, 2).expect("a new texture");
    assert_ne!(next.texture.1, id);
    assert_eq!(device.balance().3, 1, "the abandoned one is gone");
    assert_eq!(read_keyed(&device, &next), 2);
}

#[test]
fn positive_codes_of_the_mutex_are_no_success() {
    for code in [hresult::WAIT_TIMEOUT, hresult::WAIT_ABANDONED, hresult::E_FAIL, 1] {
        let (mut ring, device) = (Ring::default(), Device::default());
        device.world().acquire_code = Some(code);
        let error = publish(&mut ring, &device, TextureSync::Keyed, 1).err().expect("a new texture must be free");
        assert_eq!((error.kind(), error.code(), error.loss()), (ErrorKind::Capture, Some(code), None));
        assert_eq!(device.balance(), (0, 0, 0, 0));

        read_keyed(&device, &publish(&mut ring, &device, TextureSync::Keyed, 2).expect("it goes on"));
        // A texture that was used before is replaced by another one.
        device.world().acquire_code = Some(code);
        assert_eq!(read_keyed(&device, &publish(&mut ring, &device, TextureSync::Keyed, 3).expect("another one")), 3);
        let kept = if code == hresult::WAIT_TIMEOUT { 2 } else { 1 };
        assert_eq!(device.balance().3, kept, "{code:X}");

        device.world().release_code = Some(code);
        let error = publish(&mut ring, &device, TextureSync::Keyed, 4).err().expect("it cannot be handed over");
        assert_eq!((error.code(), error.loss()), (Some(code), None));
        assert_eq!(read_keyed(&device, &publish(&mut ring, &device, TextureSync::Keyed, 5).expect("it goes on")), 5);
        let (opened, closed, open, _) = device.balance();
        assert_eq!((opened, open), (closed, 0));
    }
}

#[test]
fn a_lost_device_is_reported_as_such() {
    for sync in TextureSync::ALL {
        let (mut ring, device) = (Ring::default(), Device::default());
        device.world().create_code = Some(hresult::DEVICE_REMOVED);
        let error = publish(&mut ring, &device, sync, 1).err().expect("no device");
        assert_eq!((error.kind(), error.loss()), (ErrorKind::Device, Some(Loss::Lasting)));
    }
    let (mut ring, device) = (Ring::default(), Device::default());
    read_keyed(&device, &publish(&mut ring, &device, TextureSync::Keyed, 1).expect("nothing fails"));
    device.world().acquire_code = Some(hresult::DEVICE_REMOVED);
    let error = publish(&mut ring, &device, TextureSync::Keyed, 2).err().expect("no device");
    assert_eq!(error.loss(), Some(Loss::Lasting));
    device.world().release_code = Some(hresult::DEVICE_HUNG);
    let error = publish(&mut ring, &device, TextureSync::Keyed, 2).err().expect("no device");
    assert_eq!(error.loss(), Some(Loss::Lasting));
}

#[test]
fn a_handle_is_created_once_on_request() {
    for sync in TextureSync::ALL {
        let (mut ring, device) = (Ring::default(), Device::default());
        let held_texture = publish_without_handle(&mut ring, &device, kind(SIZE, sync), 1).expect("room");
        assert_eq!(device.balance(), (0, 0, 0, 1));
        device.world().duplicate_code = Some(hresult::E_ACCESSDENIED);
        let error = held_texture.own_handle().err().expect("no handle");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Capture, Some(hresult::E_ACCESSDENIED)));
        let first = held_texture.own_handle().expect("the next time there is one").1;
        assert_eq!(held_texture.own_handle().expect("it has one").1, first);
        assert_eq!((read(&device, &held_texture), device.balance()), (1, (1, 0, 1, 1)));
        drop(held_texture);
        assert_eq!(device.balance(), (1, 1, 0, 1));
    }
}

#[test]
fn another_kind_replaces_textures_that_are_not_held() {
    let (mut ring, device) = (Ring::default(), Device::default());
    let held = publish(&mut ring, &device, TextureSync::None, 1).expect("room");
    drop(publish(&mut ring, &device, TextureSync::None, 2).expect("room"));
    let small = publish_of(&mut ring, &device, kind(SMALL, TextureSync::None), 3).expect("room");
    assert_eq!(device.balance().3, 2, "the unused one of the other size was discarded");
    let half = Kind { format: TextureFormat::Rgba16f, ..kind(SMALL, TextureSync::None) };
    let light = publish_of(&mut ring, &device, half, 5).expect("room");
    assert_eq!((device.balance().3, read(&device, &light)), (3, 5), "the one of the other format is held");
    drop(light);
    let keyed = publish(&mut ring, &device, TextureSync::Keyed, 4).expect("room");
    assert_eq!((read(&device, &held), read(&device, &small), read(&device, &keyed)), (1, 3, 4));
}

#[test]
fn after_the_loss_of_the_device_held_textures_still_count() {
    let (mut ring, device) = (Ring::default(), Device::default());
    let held: Vec<_> = (0..MOST as u64 - 1)
        .map(|frame| publish(&mut ring, &device, TextureSync::None, frame).expect("room"))
        .collect();
    drop(publish(&mut ring, &device, TextureSync::None, 50).expect("room"));
    ring.clear();
    assert_eq!(device.balance().3, MOST - 1, "only those that are held are left");
    let new = publish(&mut ring, &device, TextureSync::None, 51).expect("one more");
    assert!(publish(&mut ring, &device, TextureSync::None, 52).is_err());
    drop(held);
    assert!(publish(&mut ring, &device, TextureSync::None, 53).is_ok());
    drop(ring);
    assert_eq!(read(&device, &new), 51, "a holder outlives the capture");
    drop(new);
    assert_eq!(device.balance().3, 0);
}

#[derive(Clone, Debug)]
enum Step {
    Publish(bool, bool),
    Ask(usize),
    Cancel(bool),
    Close(usize),
    Take(usize),
    Leave(usize),
    Die(usize),
    Clear,
    FailAcquire(u32),
    FailRelease(u32),
    FailDuplicate,
}

fn step() -> impl Strategy<Value = Step> {
    let code = prop::sample::select(vec![hresult::WAIT_TIMEOUT, hresult::WAIT_ABANDONED, hresult::E_FAIL]);
    prop_oneof![
        12 => (any::<bool>(), prop::bool::weighted(0.1)).prop_map(|(keyed, small)| Step::Publish(keyed, small)),
        6 => (0..MOST).prop_map(Step::Ask),
        1 => any::<bool>().prop_map(Step::Cancel),
        8 => (0..MOST).prop_map(Step::Close),
        8 => (0..64_usize).prop_map(Step::Take),
        8 => (0..64_usize).prop_map(Step::Leave),
        1 => (0..64_usize).prop_map(Step::Die),
        1 => Just(Step::Clear),
        1 => code.clone().prop_map(Step::FailAcquire),
        1 => code.prop_map(Step::FailRelease),
        1 => Just(Step::FailDuplicate),
    ]
}

const fn sync_of(keyed: bool) -> TextureSync {
    if keyed {
        TextureSync::Keyed
    } else {
        TextureSync::None
    }
}

proptest! {
    /// In any order of the steps of writers, holders and readers: the device asserts its rules, held pictures stay unchanged, every handle
    /// is closed once, and there are never more textures than allowed.
    #[test]
    fn any_order_keeps_the_rules(steps in prop::collection::vec(step(), 0..300)) {
        let (mut ring, device) = (Ring::default(), Device::default());
        // Held textures with their frames, and keyed textures with the frames that their readers must see.
        let mut held: Vec<(HeldTexture<Device>, u64)> = Vec::new();
        let mut unread: Vec<(u64, u64)> = Vec::new();
        let mut reading: Vec<u64> = Vec::new();
        for (frame, step) in (1..).zip(steps) {
            match step {
                Step::Publish(keyed, small) => {
                    let size = if small { SMALL } else { SIZE };
                    match publish_without_handle(&mut ring, &device, kind(size, sync_of(keyed)), frame) {
                        Ok(held_texture) => {
                            if keyed {
                                unread.push((held_texture.texture.1, frame));
                            }
                            held.push((held_texture, frame));
                        }
                        Err(error) => prop_assert!(held.len() == MOST || error.code().is_some(), "{}", error),
                    }
                }
                Step::Cancel(keyed) => {
                    if let Ok(writing) = ring.begin(&device, kind(SIZE, sync_of(keyed))) {
                        ring.cancel(&device, writing);
                    }
                }
                Step::Ask(i) if i < held.len() => {
                    let failing = device.world().duplicate_code.is_some();
                    prop_assert!(held[i].0.own_handle().is_ok() || failing);
                }
                Step::Close(i) if i < held.len() => drop(held.swap_remove(i)),
                Step::Take(i) if i < unread.len() => {
                    let (id, frame) = unread.swap_remove(i);
                    prop_assert_eq!(device.reader(id, READER), hresult::S_OK, "an unread picture stays for its reader");
                    prop_assert_eq!(device.world().memories[&id].content, frame);
                    reading.push(id);
                }
                Step::Leave(i) if i < reading.len() => device.reader_leaves(reading.swap_remove(i), WRITER),
                Step::Die(i) if i < reading.len() => device.reader_dies(reading.swap_remove(i)),
                Step::Clear => ring.clear(),
                Step::FailAcquire(code) => device.world().acquire_code = Some(code),
                Step::FailRelease(code) => device.world().release_code = Some(code),
                Step::FailDuplicate => device.world().duplicate_code = Some(hresult::E_ACCESSDENIED),
                _ => {}
            }
            for (held_texture, frame) in &held {
                prop_assert_eq!(read(&device, held_texture), *frame, "it changed while it was held");
            }
            let (opened, closed, open, live) = device.balance();
            let asked = held.iter().filter(|(held_texture, _)| held_texture.handle.get().is_some()).count();
            prop_assert_eq!((opened - closed, open), (asked as u64, asked));
            prop_assert!(live <= MOST, "{} textures", live);
        }
        drop(ring);
        drop(held);
        prop_assert_eq!((device.balance().2, device.balance().3), (0, 0));
    }
}
