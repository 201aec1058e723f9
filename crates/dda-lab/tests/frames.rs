//! Frames: the points of the checklist about images, metadata and the pointer. Time is virtual, so it is exact.
#![cfg(windows)]

mod client;

use client::*;
use rustcam::geometry::{Rect, Rotation, Size};
use windows::Win32::Foundation::RECT;
use windows::Win32::Graphics::Dxgi::Common::*;
use windows::Win32::Graphics::Dxgi::DXGI_ERROR_MORE_DATA;
use windows_core::Interface;

#[test]
fn point_01_pointer_only_frames_hold_garbage_of_another_format() {
    let client = client("static; at 100ms pointer 5,6; at 200ms present");
    let dup = client.duplicate();
    let first = frame(&dup, 1000);
    assert_ne!(first.info.LastPresentTime, 0);
    assert_eq!(describe(&first.texture()).Format, DXGI_FORMAT_B8G8R8A8_UNORM);
    client.assert_shows(&first.texture(), 1);
    assert_eq!(release(&dup), OK);
    let pointer = frame(&dup, 1000);
    assert_eq!(client.ms(), 100);
    let info = pointer.info;
    assert_eq!((info.LastPresentTime, info.AccumulatedFrames, info.TotalMetadataBufferSize), (0, 0, 0));
    assert_ne!(info.LastMouseUpdateTime, 0);
    assert_eq!((info.PointerPosition.Position.x, info.PointerPosition.Position.y), (5, 6));
    assert_eq!(dirty(&dup, 4).2.len() + moves(&dup, 4).2.len(), 0);
    assert_eq!(describe(&pointer.texture()).Format, DXGI_FORMAT_R8G8B8A8_UNORM);
    let garbage = client.pixels(&pointer.texture());
    assert!(garbage.chunks(4).all(|pixel| pixel == [0xFF, 0x7F, 0xFF, 0x7F]));
    assert_eq!(client.lab.counters().read_without_image, 1);
    assert_eq!(release(&dup), OK);
    let next = frame(&dup, 1000);
    client.assert_shows(&next.texture(), 2);
    assert_eq!(next.info.AccumulatedFrames, 1);
}

#[test]
fn point_02_a_static_desktop_gives_timeouts_of_exactly_the_time_asked_for() {
    let client = client("static");
    let dup = client.duplicate();
    frame(&dup, 0);
    assert_eq!(release(&dup), OK);
    for n in 1..=20 {
        assert_eq!(acquire(&dup, 250).code, TIMEOUT);
        assert_eq!(client.ms(), n * 250);
    }
    for _ in 0..1000 {
        assert_eq!(acquire(&dup, 0).code, TIMEOUT);
    }
    assert_eq!(client.ms(), 5000);
    assert_eq!(client.lab.counters().timeouts, 1020);
}

#[test]
fn point_03_a_shape_is_reported_once_and_a_monochrome_one_is_twice_as_high() {
    let client =
        client("static; at 100ms shape ibeam; at 200ms pointer 1,1; at 300ms shape masked; at 400ms pointer hide");
    let dup = client.duplicate();
    let first = frame(&dup, 0);
    assert_eq!(first.info.PointerShapeBufferSize, 13 * 4 * 19, "the first frame reports the present shape");
    let (code, needed, ..) = shape(&dup, 10);
    assert_eq!((code, needed), (DXGI_ERROR_MORE_DATA, 13 * 4 * 19));
    let (code, _, info, _) = shape(&dup, 13 * 4 * 19);
    assert_eq!((code, info.Type, info.Width, info.Height, info.Pitch), (OK, 2, 12, 19, 52));
    done(&dup);
    let second = frame(&dup, 1000);
    let (code, needed, info, bytes) = shape(&dup, 4096);
    assert_eq!((code, needed, second.info.PointerShapeBufferSize), (OK, 8 * 34, 8 * 34));
    assert_eq!((info.Type, info.Width, info.Height, info.Pitch), (1, 33, 34, 8));
    assert_eq!((info.HotSpot.x, info.HotSpot.y), (16, 8));
    assert_eq!(bytes[0], 0, "the AND mask of a white row");
    assert_eq!(bytes[8 * 17], 0xFF, "its XOR mask");
    done(&dup);
    assert_eq!(frame(&dup, 1000).info.PointerShapeBufferSize, 0, "moved, but the shape is the same");
    assert_eq!(shape(&dup, 4096).1, 0);
    done(&dup);
    // A shape that is not fetched is lost.
    assert_ne!(frame(&dup, 1000).info.PointerShapeBufferSize, 0);
    done(&dup);
    let hidden = frame(&dup, 1000).info;
    assert_eq!(hidden.PointerShapeBufferSize, 0);
    assert!(!hidden.PointerPosition.Visible.as_bool());
    assert_ne!(hidden.LastMouseUpdateTime, 0);
    assert_eq!(hidden.PointerPosition.Position.x, i32::MAX, "the position of a hidden pointer is garbage");
    assert_eq!(client.lab.counters().shapes, 2);
}

#[test]
fn point_04_the_position_is_garbage_unless_the_pointer_moved() {
    let client = client("refresh 10");
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    for _ in 0..4 {
        let info = frame(&dup, 1000).info;
        assert_eq!(info.LastMouseUpdateTime, 0);
        assert_eq!(info.PointerPosition.Position.x, i32::MAX);
        done(&dup);
    }
}

#[test]
fn point_05_textures_and_rectangles_are_not_rotated_but_description_and_pointer_are() {
    for (degrees, number, rotation) in
        [(90, 2, Rotation::Clockwise90), (180, 3, Rotation::Clockwise180), (270, 4, Rotation::Clockwise270)]
    {
        let client = client(&format!(
            "rotation {degrees}; static; at 100ms present dirty 10,20,40,30 move 50,60>100,110,160,130; at 200ms pointer 300,190"
        ));
        let dup = client.duplicate();
        // SAFETY: a live object.
        let desc = unsafe { dup.GetDesc() };
        assert_eq!((desc.ModeDesc.Width, desc.ModeDesc.Height, desc.Rotation.0), (320, 200, number));
        let first = frame(&dup, 0);
        let texture = describe(&first.texture());
        let size = rotation.apply(Size::new(320, 200));
        assert_eq!((texture.Width, texture.Height), (size.width, size.height));
        client.assert_shows(&first.texture(), 1);
        done(&dup);
        let second = frame(&dup, 1000);
        client.assert_shows(&second.texture(), 2);
        let rotated = rotation.to_texture(Rect::new(10, 20, 40, 30), Size::new(320, 200));
        assert_eq!(
            dirty(&dup, 4).2,
            [RECT { left: rotated.left, top: rotated.top, right: rotated.right, bottom: rotated.bottom }]
        );
        let (_, _, moved) = moves(&dup, 4);
        let to = rotation.to_texture(Rect::new(100, 110, 160, 130), Size::new(320, 200));
        let from = rotation.to_texture(Rect::new(50, 60, 110, 80), Size::new(320, 200));
        assert_eq!((moved[0].SourcePoint.x, moved[0].SourcePoint.y), (from.left, from.top));
        assert_eq!((moved[0].DestinationRect.left, moved[0].DestinationRect.bottom), (to.left, to.bottom));
        done(&dup);
        let pointer = frame(&dup, 1000).info.PointerPosition;
        assert_eq!((pointer.Position.x, pointer.Position.y), (300, 190));
    }
}

#[test]
fn point_06_frames_accumulate_rectangles_coalesce_and_lists_may_be_empty() {
    let many: Vec<_> = (0..70).map(|n| format!(" dirty {},50,{},52", n * 4, n * 4 + 2)).collect();
    let many = many.concat();
    let client = client(&format!(
        "static; at 10ms present dirty 1,1,5,5; at 20ms present dirty 30,30,40,40 move 0,0>60,60,80,80; at 50ms present{many}; \
         at 60ms present nothing; at 70ms present dirty 5,5,9,9 move 20,20>20,20,30,30"
    ));
    let dup = client.duplicate();
    frame(&dup, 0);
    assert_eq!(dirty(&dup, 1).2, [RECT { left: 0, top: 0, right: 320, bottom: 200 }]);
    done(&dup);
    // Two presents between two acquires. The move does not read the image that was reported last, so it is reported as dirty.
    assert_eq!(acquire(&dup, 5).code, TIMEOUT);
    let held = frame(&dup, 100);
    assert_eq!((client.ms(), held.info.AccumulatedFrames), (10, 1));
    done(&dup);
    let second = frame(&dup, 100);
    assert_eq!((second.info.AccumulatedFrames, second.info.TotalMetadataBufferSize), (1, 16 + 24));
    let (code, needed, _) = dirty(&dup, 0);
    assert_eq!((code, needed), (DXGI_ERROR_MORE_DATA, 16));
    assert_eq!(moves(&dup, 8).1, 24);
    done(&dup);
    let coalesced = frame(&dup, 100).info;
    assert!(coalesced.RectsCoalesced.as_bool());
    assert_eq!(dirty(&dup, 1).2, [RECT { left: 0, top: 50, right: 278, bottom: 52 }]);
    done(&dup);
    let nothing = frame(&dup, 100);
    assert_ne!(nothing.info.LastPresentTime, 0);
    assert_eq!((nothing.info.TotalMetadataBufferSize, dirty(&dup, 0).0), (0, OK));
    client.assert_shows(&nothing.texture(), 5);
    done(&dup);
    frame(&dup, 100);
    let unmoved = moves(&dup, 1).2[0];
    assert_eq!((unmoved.SourcePoint.x, unmoved.SourcePoint.y), (20, 20));
    assert_eq!((unmoved.DestinationRect.left, unmoved.DestinationRect.top), (20, 20));
}

#[test]
fn point_06_presents_of_an_owned_frame_count_for_the_next() {
    let client = client("refresh 100");
    let dup = client.duplicate();
    let other = client.lab.world();
    frame(&dup, 0);
    done(&dup);
    let mut reported = 1;
    for _ in 0..10 {
        let info = frame(&dup, 1000).info;
        reported += u64::from(info.AccumulatedFrames);
        assert_eq!(reported, other.frame_at(client.lab.now()));
        done(&dup);
    }
    assert_eq!(client.lab.counters().presents, reported);
}

#[test]
fn frames_that_change_everywhere_are_exact_however_they_are_made() {
    for settings in [
        "refresh 100",
        "refresh 100; rotation 90; at 355ms present dirty 5,5,50,50",
        "refresh 90; lab format rgba",
        "refresh 100; lab paint ahead",
        "refresh 90; rotation 270; at 130ms present dirty 5,5,50,50; lab paint ahead",
    ] {
        let client = client(&format!("full; {settings}"));
        let dup = client.duplicate();
        let mut shown = 0;
        for _ in 0..80 {
            let answer = frame(&dup, 100);
            shown += u64::from(answer.info.AccumulatedFrames);
            client.assert_shows(&answer.texture(), shown);
            done(&dup);
        }
    }
}

#[test]
fn point_11_first_frames_come_in_several_kinds() {
    // The desktop at once, and nothing else follows.
    let client_ = client("static");
    let dup = client_.duplicate();
    let first = frame(&dup, 0);
    assert_eq!((first.info.LastPresentTime != 0, first.info.AccumulatedFrames), (true, 1));
    client_.assert_shows(&first.texture(), 1);
    done(&dup);
    assert_eq!(acquire(&dup, 500).code, TIMEOUT);
    drop((first, dup, client_));
    // Black, without an image, or in part; then the desktop.
    for kind in ["black", "pointer", "partial"] {
        let client = client(&format!("static; lab first {kind}"));
        let dup = client.duplicate();
        let first = frame(&dup, 0);
        assert_eq!((first.info.LastPresentTime, first.info.AccumulatedFrames), (0, 0), "{kind}");
        assert_eq!(first.info.TotalMetadataBufferSize, 0);
        let pixels = client.pixels(&first.texture());
        let right = client.expected(1);
        match kind {
            "black" => assert!(pixels.iter().all(|byte| *byte == 0)),
            "pointer" => assert_eq!(describe(&first.texture()).Format, DXGI_FORMAT_R8G8B8A8_UNORM),
            _ => {
                let half = right.len() / 2;
                assert_same(&pixels[..half], &right[..half], "the upper half");
                assert!(pixels[half..].iter().all(|byte| *byte == 0));
            }
        }
        done(&dup);
        let second = frame(&dup, 0);
        assert_ne!(second.info.LastPresentTime, 0);
        client.assert_shows(&second.texture(), 1);
    }
    // The desktop without a present time, and then nothing, or the same with one a little later.
    for (kind, later) in [("timeless", false), ("late", true)] {
        let client = client(&format!("static; lab first {kind}"));
        let dup = client.duplicate();
        let first = frame(&dup, 0);
        assert_eq!((first.info.LastPresentTime, first.info.AccumulatedFrames), (0, 0), "{kind}");
        client.assert_shows(&first.texture(), 1);
        done(&dup);
        let second = acquire(&dup, 500);
        assert_eq!(second.code, if later { OK } else { TIMEOUT });
        if later {
            assert_eq!(client.ms(), 20);
            assert_ne!(second.info.LastPresentTime, 0);
            client.assert_shows(&second.texture(), 1);
        }
    }
}

#[test]
fn point_12_protection_comes_and_goes() {
    let client = client("refresh 100; at 15ms protect on; at 25ms protect off; at 35ms protect on");
    let dup = client.duplicate();
    let mut flags = Vec::new();
    for _ in 0..5 {
        flags.push(frame(&dup, 100).info.ProtectedContentMaskedOut.as_bool());
        done(&dup);
    }
    assert_eq!(flags, [false, false, true, false, true]);
}

#[test]
fn point_13_a_pointer_storm_wakes_a_thousand_times_a_second() {
    let client = client("refresh 10; pointer storm 1000");
    let dup = client.duplicate();
    frame(&dup, 0);
    done(&dup);
    let mut wakes = 0;
    while frame(&dup, 1000).info.LastPresentTime == 0 {
        wakes += 1;
        done(&dup);
    }
    assert_eq!((wakes, client.ms()), (99, 100));
}

#[test]
fn point_17_formats_are_negotiated() {
    let half = DXGI_FORMAT_R16G16B16A16_FLOAT;
    let bgra = DXGI_FORMAT_B8G8R8A8_UNORM;
    let format = |client: &Client, list: &[DXGI_FORMAT]| {
        let dup = client.try_duplicate1(list).expect("a duplication");
        describe(&frame(&dup, 0).texture()).Format
    };
    let high = client("static; lab format fp16; lab white 200");
    assert_eq!(format(&high, &[bgra, half]), half);
    assert_eq!(format(&high, &[bgra]), bgra);
    assert_eq!(high.lab.counters().formats_without_bgra, 0);
    assert_eq!(format(&high, &[half]), half);
    assert_eq!(high.lab.counters().formats_without_bgra, 1);
    assert_eq!(high.try_duplicate1(&[]).err(), Some(windows::Win32::Foundation::E_INVALIDARG));
    // Without half floats light is clipped: black and white stay, values between them become brighter.
    let dup = high.duplicate();
    let pixels = high.pixels(&frame(&dup, 0).texture());
    let right = high.expected(1);
    assert!(pixels.iter().zip(&right).enumerate().all(|(i, (got, wanted))| i % 4 == 3 || got >= wanted));
    assert!(pixels.iter().zip(&right).enumerate().any(|(i, (got, wanted))| i % 4 != 3 && got > wanted));
    drop((dup, high));
    let ordinary = client("static");
    assert_eq!(format(&ordinary, &[half, bgra]), bgra);
    drop(ordinary);
    let toggled = client("static; lab at 50ms format fp16");
    let dup = toggled.try_duplicate1(&[half, bgra]).expect("a duplication");
    assert_eq!(describe(&frame(&dup, 0).texture()).Format, bgra);
    done(&dup);
    assert_eq!(acquire(&dup, 1000).code, LOST);
    assert_eq!(toggled.ms(), 50);
    drop(dup);
    assert_eq!(format(&toggled, &[half, bgra]), half);
}

#[test]
fn an_hdr_script_delivers_its_light() {
    let client = client("static; color hdr; white 240; rotation 90; at 50ms color sdr");
    let list = [DXGI_FORMAT_R16G16B16A16_FLOAT, DXGI_FORMAT_B8G8R8A8_UNORM];
    let dup = client.try_duplicate1(&list).expect("a duplication");
    let texture = frame(&dup, 0).texture();
    assert_eq!(describe(&texture).Format, list[0]);
    let (seen, light) = (client.pixels(&texture), client.lab.world().light(1));
    let (width, height) = (320, 200);
    for (x, y) in [(0, 0), (5, 7), (319, 199), (160, 12)] {
        // The image has to be turned clockwise to become the desktop.
        let there = ((width - 1 - x) * height + y) * 8;
        let here = (y * width + x) * 8;
        assert_eq!(seen[there..there + 6], light[here..here + 6], "{x} {y}");
    }
    drop(texture);
    done(&dup);
    assert_eq!((acquire(&dup, 1000).code, client.ms()), (LOST, 50));
    drop(dup);
    let dup = client.try_duplicate1(&list).expect("a duplication");
    assert_eq!(describe(&frame(&dup, 0).texture()).Format, list[1]);
}

#[test]
fn point_19_times_are_large_and_either_may_be_the_later() {
    let client = client("static; at 10ms pointer 3,3; at 20ms present; at 30ms present; at 40ms pointer 4,4");
    let dup = client.duplicate();
    let first = frame(&dup, 0).info;
    assert!(first.LastPresentTime > 1 << 40);
    done(&dup);
    assert_eq!(acquire(&dup, 5).code, TIMEOUT);
    let moved = frame(&dup, 100).info;
    assert_eq!(moved.LastMouseUpdateTime, client.lab.ticks_at(std::time::Duration::from_millis(10)));
    done(&dup);
    let shown = frame(&dup, 100).info;
    assert_eq!(shown.LastPresentTime, client.lab.ticks_at(std::time::Duration::from_millis(20)));
    assert!(shown.LastPresentTime > moved.LastMouseUpdateTime);
    done(&dup);
    frame(&dup, 100);
    done(&dup);
    assert!(frame(&dup, 100).info.LastMouseUpdateTime > shown.LastPresentTime);
}

#[test]
fn point_20_the_pointer_may_cross_edges_and_belongs_to_one_output() {
    let client = client(
        "static; outputs 2; rotation 90; at 10ms pointer -5,-7; at 20ms pointer 318,196; at 30ms pointer 330,5; \
         at 40ms pointer -1,100",
    );
    // SAFETY: plain enumeration.
    let second = unsafe { client.adapter.EnumOutputs(1) }.expect("a second output");
    // SAFETY: as above.
    let desc = unsafe { second.GetDesc() }.expect("a description");
    assert_eq!(
        (desc.DesktopCoordinates.left, desc.DesktopCoordinates.right, desc.DesktopCoordinates.bottom),
        (320, 640, 200)
    );
    let (left, right) = (client.duplicate(), try_duplicate(&second, &client.device).expect("a second duplication"));
    assert!(!frame(&right, 0).info.PointerPosition.Visible.as_bool());
    frame(&left, 0);
    done(&left);
    done(&right);
    for place in [(-5, -7), (318, 196)] {
        let position = frame(&left, 100).info.PointerPosition;
        assert_eq!((position.Position.x, position.Position.y, position.Visible.as_bool()), (place.0, place.1, true));
        done(&left);
        assert_eq!(acquire(&right, 0).code, TIMEOUT);
    }
    let gone = frame(&left, 100).info;
    assert!(gone.LastMouseUpdateTime != 0 && !gone.PointerPosition.Visible.as_bool());
    done(&left);
    let come = frame(&right, 0).info.PointerPosition;
    assert_eq!((come.Position.x, come.Position.y, come.Visible.as_bool()), (10, 5, true));
    assert!(second.cast::<windows::Win32::Graphics::Dxgi::IDXGIOutput6>().is_ok());
}
