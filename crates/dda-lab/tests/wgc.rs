//! Windows.Graphics.Capture of outputs: what every program relies on, and the points of the checklist about pools and frames.
#![cfg(windows)]

mod capture_client;

use capture_client::*;

#[test]
fn the_desktop_is_captured_exactly_with_every_change_announced() {
    let client = client("refresh 50");
    let item = client.monitor();
    assert_eq!(item.DisplayName().expect("a name"), r"\\.\DISPLAY1");
    let capture = client.capture(&item);
    capture.session.SetIsCursorCaptureEnabled(false).expect("set");
    for number in 1..=6 {
        client.sleep(if number == 1 { 0 } else { 20 });
        let taken = client.take(&capture).expect("a frame");
        taken.assert_is(&client.lab.image(number), &format!("frame {number}"));
        assert_eq!((taken.content.Width, taken.content.Height), (320, 200));
        assert!(client.take(&capture).is_none());
        assert_eq!(capture.arrived(), number as u32);
    }
    let counters = client.lab.counters();
    assert_eq!((counters.wgc_sessions, counters.wgc_frames, counters.wgc_dropped), (1, 6, 0));
    assert_eq!((counters.wgc_held, counters.wgc_textures_kept, counters.read_after_release), (0, 0, 0));
}
