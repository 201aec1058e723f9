//! Scripts: errors, and what the parser ignores.

use rustcam::error::ErrorKind;
use rustcam::source::sim::{windows, Script};

#[test]
fn wrong_scripts_name_their_line_and_what_is_allowed() {
    let cases = [
        ("static\ncolour blue", "line 2", "one of size, refresh"),
        ("size 0x10", "line 1", "1280x720"),
        ("size 16384x16384", "line 1", "area"),
        ("size", "line 1", "ends too early"),
        ("refresh 59.9401", "line 1", "3 decimals"),
        ("refresh 0.5", "line 1", "1 to 1000"),
        ("rotation 45", "line 1", "0, 90, 180, 270"),
        ("outputs 0", "line 1", "1 to 16"),
        ("color red", "line 1", "sdr, hdr"),
        ("white bright", "line 1", "0 to 10000 nits"),
        ("max 10001", "line 1", "0 to 10000 nits"),
        ("min 0.00001", "line 1", "4 decimals"),
        ("at 1s color", "line 1", "sdr, hdr"),
        ("at 1s white -1", "line 1", "0 to 10000 nits"),
        ("pitch -1", "line 1", "0 to 65536"),
        ("clock atomic", "line 1", "real, virtual"),
        ("timer", "line 1", "ends too early"),
        ("timer 0ms", "line 1", "exact, or a period from 0.1ms to 1s"),
        ("present every 0", "line 1", "refreshes"),
        ("present 2", "line 1", "every"),
        ("pointer fly", "line 1", "path, still, storm"),
        ("pointer storm 9000", "line 1", "1 to 8000"),
        ("slow read 5ms", "line 1", "reads, damage"),
        ("slow reads 5", "line 1", "100ms"),
        ("memory foreign", "line 1", "ordinary, direct"),
        ("reads lately", "line 1", "latched, live"),
        ("damage done", "line 1", "exact, wild"),
        ("refuse 5", "line 1", "0x8007000E"),
        ("refuse 0x+5", "line 1", "0x8007000E"),
        ("# comment\n\n at soon present", "line 3", "100ms"),
        ("at 1s", "line 1", "present, pointer, shape"),
        ("at 1s jump", "line 1", "present, pointer, shape"),
        ("at 1s present dirty 1,2,3", "line 1", "left,top,right,bottom"),
        ("at 1s present dirty 5,0,5,1", "line 1", "left < right"),
        ("at 1s present dirty 1, 2, 3, 4", "line 1", "without spaces"),
        ("at 1s present move 1,2,3,4", "line 1", "100,100>10,10,60,60"),
        ("at 1s present move 0,0>5,5,9,9 move 0,0>8,8,10,10", "line 1", "same pixels"),
        ("at 1s present full dirty 0,0,1,1", "line 1", "complete"),
        ("at 1s pointer", "line 1", "show, hide, software, hardware"),
        ("at 1s pointer 1,2,3", "line 1", "100,200"),
        (
            "at 1s shape circle",
            "line 1",
            "arrow, bitmap, ibeam, masked, hand, premultiplied, empty, narrow, short, huge",
        ),
        ("at 1s lose hope", "line 1", "access, device"),
        ("at 1s lose access during lunch", "line 1", "wait, damage, read, rebuild"),
        ("at 1s unplug lasting", "line 1", "complete"),
        ("at 1s lose access for 1m", "line 1", "1.5s"),
        ("at 99999999s present", "line 1", "at most"),
        ("at 1s mode big", "line 1", "1280x720"),
        ("at 1s rotate left", "line 1", "0, 90"),
        ("at 1s protect maybe", "line 1", "on, off"),
        ("at 1s fail open 0x1", "line 1", "wait, damage, read, rebuild"),
        ("static; static full", "line 1", "';'"),
        ("static\nwindow \"Editor", "line 2", "a quotation mark is missing"),
        ("window", "line 1", "a title in quotation marks"),
        ("window editor", "line 1", "a title in quotation marks"),
        ("window \"\"", "line 1", "a title of its own"),
        ("window \"A\"\nwindow \"A\"", "line 2", "a title of its own"),
        ("window \"A\" \"at\" 1,1", "line 1", "at, size, app, pid"),
        ("window \"A\" at 1", "line 1", "100,200"),
        ("window \"A\" app notes", "line 1", "in quotation marks"),
        ("window \"A\" pid 0", "line 1", "1 to 4294967295"),
        ("window \"A\" handle 0", "line 1", "1 to 18446744073709551615"),
        ("window \"A\" frame 4", "line 1", "4,24"),
        ("window \"A\" frame 4,-1", "line 1", "4,24"),
        ("window \"A\" every 0", "line 1", "refreshes"),
        ("window \"A\" hidden", "line 1", "minimized, closed"),
        ("window \"A\" handle 5\nwindow \"B\" handle 5\nstatic", "line 2", "handle 5"),
        (
            "window \"A\" handle 5\nwindow \"B\" handle 5 closed; at 1s window \"B\" open; at 2s window \"A\" close",
            "line 2",
            "handle 5",
        ),
        ("at 1s window \"A\" close\nwindow \"A\"", "line 1", "comes first"),
        ("window \"A\"; at 1s window \"a\" close", "line 1", "comes first"),
        ("window \"A\"; at 1s window \"A\"", "line 1", "present, move, resize"),
        ("window \"A\"; at 1s window \"A\" hide", "line 1", "present, move, resize"),
        ("window \"A\"; at 1s window \"A\" title New", "line 1", "in quotation marks"),
        ("window \"A\"; at 1s window \"A\" resize 0x9", "line 1", "1280x720"),
        ("window \"A\"; at 1s window \"A\" open handle 5", "line 1", "complete"),
    ];
    for (text, line, allowed) in cases {
        let error = Script::parse(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
        assert!(error.message().starts_with(line) && error.message().contains(allowed), "{text:?}: {error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn scripts_ignore_case_comments_and_empty_statements() {
    let a = Script::parse("SIZE 64x64 # small; at 1s jump\n;;\n  Static;At 1.5S Present Full").expect("a script");
    let b = Script::parse("size 64x64\nstatic\nat 1500ms present full").expect("a script");
    assert_eq!(a, b);
    assert_eq!(Script::parse("").expect("a script"), Script::default());
}

#[test]
fn texts_in_quotation_marks_keep_their_case_and_may_contain_anything() {
    let script = Script::parse("WINDOW \"A; \\\"b\\\" # \\\\\"app \"Notes\"Size 9x9 # a comment").expect("a script");
    let listed = windows(&script);
    assert_eq!((listed[0].title.as_str(), listed[0].app.as_str()), ("A; \"b\" # \\", "Notes"));
    assert_eq!(Script::parse(&script.to_string()).expect("its own text"), script);
}
