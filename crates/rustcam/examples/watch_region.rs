//! Counts how often a part of the desktop changes, and shows how such a program is tested without a screen:
//! `watch_region LEFT TOP RIGHT BOTTOM [SECONDS]`.
//!
//! `cargo test --example watch_region` runs the tests at the end.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use rustcam::capture::{Request, Session, Target};
use rustcam::clock::Clock;
use rustcam::frame::PixelFormat;
use rustcam::geometry::Rect;
use rustcam::source::{Backend, OpenOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<i32> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let (watched, seconds) = match numbers[..] {
        [left, top, right, bottom] => (Rect::new(left, top, right, bottom), 10),
        [left, top, right, bottom, seconds] => (Rect::new(left, top, right, bottom), seconds),
        _ => return Err("usage: watch_region LEFT TOP RIGHT BOTTOM [SECONDS]".into()),
    };
    let options = OpenOptions::new(Backend::choose("auto", None)?).watch_pointer(false);
    let mut session = Session::open(&options, &mut || Ok(()))?;
    session.set_region(Some(watched))?;
    let time = Duration::from_secs(seconds.unsigned_abs().into());
    let changes = changes(&mut session, &*options.clock, watched, time)?;
    writeln!(std::io::stdout(), "{watched} changed {changes} times")?;
    Ok(())
}

/// How many frames change `watched` within `time`. The desktop as it is at the beginning does not count.
fn changes(session: &mut Session, clock: &dyn Clock, watched: Rect, time: Duration) -> rustcam::error::Result<u32> {
    let (end, mut changes, mut first) = (clock.now() + time, 0, true);
    while clock.now() < end {
        let request = Request::within(end.saturating_sub(clock.now()));
        let Some(frame) = session.grab(&request, Target::retained(PixelFormat::Bgra), &mut || Ok(()))? else { break };
        let touched = frame.info.damage.changed().any(|part| part.intersection(watched).is_some());
        changes += u32::from(touched && !first);
        first = false;
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The changes that a scripted desktop makes within ten seconds, which pass in no time.
    fn count(events: &str) -> u32 {
        let script = format!("size 320x200; static; pointer still; clock virtual; {events}");
        let options = OpenOptions::new(Backend::choose("sim", Some(&script)).expect("a script")).watch_pointer(false);
        let mut session = Session::open(&options, &mut || Ok(())).expect("a simulated desktop");
        let watched = Rect::new(100, 100, 200, 150);
        changes(&mut session, &*options.clock, watched, Duration::from_secs(10)).expect("no error")
    }

    #[test]
    fn a_still_desktop_has_no_changes() {
        assert_eq!(count(""), 0);
    }

    #[test]
    fn only_changes_inside_count() {
        let inside = "at 1s present dirty 110,110,120,120; at 2s present dirty 90,90,101,101";
        let outside = "at 3s present dirty 0,0,50,50; at 4s present dirty 200,100,210,110";
        assert_eq!(count(&format!("{inside}; {outside}")), 2);
    }

    #[test]
    fn a_desktop_that_comes_back_is_a_change() {
        assert_eq!(count("at 1s lose access for 3s"), 1);
    }
}
