//! HDR desktops: half floats, changes of the level of SDR white, switching HDR on and off.

use half::f16;
use rustcam::color::{Color, ColorSpace, TextureFormat};
use rustcam::error::Loss;
use rustcam::frame::Damage;
use rustcam::geometry::{Rect, Size};
use rustcam::source::sim::outputs;
use rustcam::source::Source;

use crate::sim_desktop::{ms, parsed, SimDesktop, LONG, ZERO};

fn hdr(white: f64) -> Color {
    Color { hdr: true, space: ColorSpace::Scrgb, bits: 10, sdr_white_nits: white, max_nits: 1000.0, min_nits: 0.0 }
}

#[test]
fn the_colour_of_an_output_is_what_the_script_says() {
    assert_eq!(outputs(&parsed("white 300; max 600"))[0].color, Color::SDR);
    assert_eq!(outputs(&parsed("color hdr"))[0].color, hdr(240.0));
    let dim = outputs(&parsed("color hdr; white 203.5; max 600; min 0.0005"))[0].color;
    assert_eq!((dim.sdr_white_nits, dim.max_nits, dim.min_nits), (203.5, 600.0, 0.0005));
}

#[test]
fn an_hdr_desktop_delivers_half_floats_with_garbage_for_alpha() {
    for rotation in [0, 90, 180, 270] {
        let mut desktop = SimDesktop::new(&format!("size 400x200; color hdr; rotation {rotation}; full"));
        for _ in 0..3 {
            desktop.wait();
            desktop.assert_exact();
        }
        let image = desktop.read();
        let channels: Vec<f16> = image.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect();
        let alpha: std::collections::HashSet<_> = channels.iter().skip(3).step_by(4).map(|a| a.to_bits()).collect();
        assert!(alpha.len() > 16);
        let light = || channels.as_chunks::<4>().0.iter().map(|pixel| &pixel[..3]);
        let white = f16::from_f64(3.0);
        assert!(light().any(|rgb| rgb.iter().any(|c| *c < f16::ZERO)), "out of gamut");
        assert!(light().any(|rgb| rgb.iter().all(|c| *c > white)), "above white");
        assert!(light().any(|rgb| rgb.iter().all(|c| *c > f16::from_f64(12.5))), "above the maximum");
        let sdr = light().filter(|rgb| rgb.iter().all(|c| *c >= f16::ZERO && *c <= white)).count();
        assert!(sdr * 10 > channels.len() / 4 * 8, "most of the desktop is SDR content");
    }
}

#[test]
fn a_change_of_white_makes_everything_new_without_a_loss() {
    let mut desktop = SimDesktop::new("static; size 64x48; color hdr; at 20ms white 300");
    desktop.wait();
    desktop.damage();
    assert_eq!(desktop.source.color(), hdr(240.0));
    let change = desktop.wait();
    assert_eq!((change.presents, desktop.now()), (1, ms(20)));
    assert_eq!(desktop.source.color(), hdr(300.0));
    assert_eq!(desktop.damage(), Damage::everything(Size::new(64, 48).rect()));
    desktop.assert_exact();
}

#[test]
fn white_changes_nothing_on_an_sdr_desktop() {
    let mut desktop = SimDesktop::new("static; size 64x48; at 20ms white 300; at 30ms color hdr");
    desktop.wait();
    desktop.damage();
    assert_eq!(desktop.lost().loss(), Some(Loss::Transient));
    assert_eq!((desktop.now(), desktop.source.color()), (ms(30), Color::SDR));
    desktop.source.rebuild(ZERO).expect("regained");
    assert_eq!((desktop.source.color(), desktop.source.output().color), (hdr(300.0), hdr(300.0)));
}

#[test]
fn switching_hdr_is_a_change_of_the_mode() {
    let mut desktop = SimDesktop::new("size 64x48; refresh 100; at 25ms color hdr; at 45ms color sdr; memory direct");
    let size = Size::new(8, 8);
    for (color, format) in
        [(Color::SDR, TextureFormat::Bgra8), (hdr(240.0), TextureFormat::Rgba16f), (Color::SDR, TextureFormat::Bgra8)]
    {
        desktop.wait();
        desktop.assert_exact();
        assert_eq!((desktop.source.color(), desktop.source.output().color), (color, color));
        let mut delivered = None;
        let part = Rect::new(3, 5, 9, 7);
        let read = desktop.source.read(&[part], LONG, &mut |_, image, _| delivered = Some(image.format()));
        assert!(read.is_ok() && delivered == Some(format));
        assert_eq!(desktop.source.allocate(size).is_some(), !color.hdr, "a system writes BGRA only");
        while desktop.now() < ms(45) && desktop.source.wait(LONG).is_ok() {}
        desktop.source.rebuild(ZERO).expect("regained");
    }
}

#[test]
fn scripted_presents_paint_above_white_and_out_of_gamut() {
    let presents: Vec<_> = (1..=6).map(|i| format!("at {i}ms present dirty {i},0,{},9", i + 9)).collect();
    let mut desktop = SimDesktop::new(&format!("static; size 64x48; color hdr\n{}", presents.join("\n")));
    for _ in 0..7 {
        desktop.wait();
        desktop.assert_exact();
    }
}
