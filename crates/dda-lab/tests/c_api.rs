//! The exported functions, for programs that load the DLL.
#![cfg(windows)]

use std::ffi::{c_char, CString};

use dda_lab::Lab;

extern "C" {
    fn lab_start(script: *const c_char) -> i32;
    fn lab_stop();
    fn lab_message(buffer: *mut u8, len: usize) -> usize;
    fn lab_counters(buffer: *mut u8, len: usize) -> usize;
    fn lab_inject(call: *const c_char, nth: u32, code: i32) -> i32;
    fn lab_frame(frame: u64, buffer: *mut u8, len: usize) -> usize;
    fn lab_output_frame(output: u32, frame: u64, buffer: *mut u8, len: usize) -> usize;
    fn lab_present() -> u64;
    fn lab_time_ms() -> f64;
}

fn start(script: &str) -> i32 {
    let script = CString::new(script).expect("no zero byte");
    // SAFETY: ends with a zero byte.
    unsafe { lab_start(script.as_ptr()) }
}

fn text(export: unsafe extern "C" fn(*mut u8, usize) -> usize) -> String {
    // SAFETY: null, and then as many bytes as said.
    unsafe {
        let mut bytes = vec![0; export(std::ptr::null_mut(), 0)];
        export(bytes.as_mut_ptr(), bytes.len());
        String::from_utf8(bytes).expect("text")
    }
}

/// One test, because there is one lab per process.
#[test]
fn a_program_starts_queries_and_stops_the_lab() {
    // SAFETY: no pointers.
    assert_eq!(unsafe { (lab_present(), lab_time_ms()) }, (0, -1.0));
    assert_eq!(text(lab_counters), "");
    assert_eq!(start("size 64y64"), -1);
    assert!(text(lab_message).contains("line 1 of the script"));
    assert_eq!(start("size 64x48; outputs 2; static; clock virtual"), 0);
    assert_eq!(
        start("size 64x48; outputs 2; static; clock virtual; rotation 90"),
        0,
        "a second start replaces the first"
    );
    assert!(Lab::install("").is_err(), "but `Lab::install` does not replace one");
    let counters = text(lab_counters);
    assert!(counters.starts_with("{\"duplications\": 0, \"live\": 0,") && counters.ends_with('}'), "{counters}");
    let script = rustcam::source::sim::Script::parse("size 64x48; outputs 2; static; rotation 90").expect("a script");
    // SAFETY: as many bytes as said, and names that end with a zero byte.
    unsafe {
        let mut image = vec![0; lab_frame(1, std::ptr::null_mut(), 0)];
        assert_eq!(image.len(), 64 * 48 * 4);
        assert_eq!(lab_frame(1, image.as_mut_ptr(), image.len()), image.len());
        assert_eq!(image, rustcam::source::sim::World::new(&script, 0).image(1));
        assert_eq!(lab_output_frame(1, 1, image.as_mut_ptr(), image.len()), image.len());
        assert_eq!(image, rustcam::source::sim::World::new(&script, 1).image(1));
        assert_eq!(lab_output_frame(2, 1, image.as_mut_ptr(), image.len()), 0);
        assert_eq!((lab_inject(c"Map".as_ptr(), 1, 1), lab_inject(c"Mop".as_ptr(), 1, 1)), (0, -1));
        assert_eq!((lab_present(), lab_time_ms()), (1, 0.0));
        lab_stop();
        assert_eq!(lab_present(), 0);
    }
    assert!(text(lab_message).contains("no call \"Mop\""));
    assert!(Lab::install("").is_ok());
}
