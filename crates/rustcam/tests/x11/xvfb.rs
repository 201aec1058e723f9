//! A real X server without a screen, and a client that draws on it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustcam::frame::Damage;
use rustcam::geometry::{Point, Rect, Size};
use rustcam::memory::Memory;
use rustcam::source::x11::X11Source;
use rustcam::source::{Backend, Change, OpenOptions, Outcome, Source};
use rustix::process::{kill_process, Pid, Signal};
use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::xproto::{ChangeGCAux, ConnectionExt, CreateGCAux, Gcontext, Rectangle, SubwindowMode, Window};
use x11rb::rust_connection::RustConnection;

/// The name of a display that no other test has had: the server of another test on the display of one that was killed would pass for
/// its successor.
fn unused_display() -> String {
    static USED: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id() % 1000;
    format!(":{}", 1000 + process * 50 + USED.fetch_add(1, Ordering::Relaxed) % 50)
}

/// The screen of most tests, all of it, and a wait that saw nothing.
pub const SMALL: [&str; 3] = ["-screen", "0", "640x480x24"];
pub const WHOLE: Rect = Rect::new(0, 0, 640, 480);
pub const NOTHING: Change = Change::NOTHING;

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Long enough for anything that ends by itself.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// A server of one test, killed when the test ends.
pub struct Xvfb {
    child: Child,
    pub display: String,
}

impl Xvfb {
    /// Starts a server with `options` on a display of its own. `None` if there is no Xvfb and the environment does not insist on it.
    pub fn start(options: &[&str]) -> Option<Self> {
        let started = std::iter::repeat_with(|| Self::spawn(&unused_display(), options))
            .take(20)
            .find(|started| !started.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::Other));
        match started.unwrap_or_else(|| Err(std::io::Error::other("no display is free"))) {
            Ok(server) => Some(server),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                assert!(
                    std::env::var_os("RUSTCAM_REQUIRE_X11").is_none(),
                    "Xvfb is required and cannot be started: {e}"
                );
                writeln!(std::io::stderr(), "skipped: Xvfb is not installed").expect("stderr takes a line");
                None
            }
            Err(e) => panic!("Xvfb does not start: {e}"),
        }
    }

    /// Starts another server on the display of one that was killed.
    pub fn restart(&mut self, options: &[&str]) {
        let display = self.display.clone();
        *self = Self::spawn(&display, options).expect("Xvfb starts again");
    }

    fn spawn(display: &str, options: &[&str]) -> std::io::Result<Self> {
        let mut child = Command::new("Xvfb")
            .args([display, "-displayfd", "1", "-nolisten", "tcp", "-noreset"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().expect("stdout is piped");
        BufReader::new(out).read_line(&mut line)?;
        let mut server = Self { child, display: format!(":{}", line.trim()) };
        if line.trim().is_empty() {
            server.kill();
            return Err(std::io::Error::other("it reported no display"));
        }
        Ok(server)
    }

    /// Ends the server, a stopped one too, before it can do anything more.
    pub fn kill(&mut self) {
        // Failing means that it is dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A server that was killed leaves its socket and its lock behind.
        let number = self.display.trim_start_matches(':');
        let _ = std::fs::remove_file(format!("/tmp/.X11-unix/X{number}"));
        let _ = std::fs::remove_file(format!("/tmp/.X{number}-lock"));
    }

    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.child), signal);
    }

    /// How many pages of memory the server has got so far.
    pub fn page_faults(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("the server lives");
        let (_, fields) = stat.rsplit_once(") ").expect("the format of proc(5)");
        fields.split(' ').nth(7).and_then(|minor| minor.parse().ok()).expect("the format of proc(5)")
    }

    /// How many blocks of memory the server shares with this project.
    pub fn shared_blocks(&self) -> usize {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.child.id())).expect("the server lives");
        maps.lines().filter(|line| line.contains("memfd:rustcam")).count()
    }

    pub fn painter(&self) -> Painter {
        Painter::connect(&self.display)
    }

    /// A source on output `output`.
    pub fn open(&self, output: usize, watch_pointer: bool) -> X11Source {
        X11Source::open_display(&options(output, watch_pointer), &self.display).expect("the display can be captured")
    }

    pub fn xrandr(&self, arguments: &[&str]) {
        let status = Command::new("xrandr").args(["-d", &self.display]).args(arguments).stderr(Stdio::null()).status();
        assert!(status.expect("xrandr runs").success(), "xrandr {arguments:?}");
    }
}

impl Drop for Xvfb {
    fn drop(&mut self) {
        // A server that is terminated, and not killed, removes its socket and its lock.
        self.signal(Signal::CONT);
        self.signal(Signal::TERM);
        let _ = self.child.wait();
    }
}

pub fn options(output: usize, watch_pointer: bool) -> OpenOptions {
    OpenOptions::new(Backend::X11).output(output).watch_pointer(watch_pointer)
}

/// A client that draws on the root window and remembers what it drew.
pub struct Painter {
    pub connection: RustConnection,
    pub root: Window,
    gc: Gcontext,
    pub size: Size,
    pixels: Vec<u32>,
}

impl Painter {
    fn connect(display: &str) -> Self {
        let (connection, screen) = x11rb::connect(Some(display)).expect("a plain client connects");
        let screen = &connection.setup().roots[screen];
        let root = screen.root;
        let size = Size::new(u32::from(screen.width_in_pixels), u32::from(screen.height_in_pixels));
        let gc = connection.generate_id().expect("an id");
        let aux = CreateGCAux::new().subwindow_mode(SubwindowMode::INCLUDE_INFERIORS);
        connection.create_gc(gc, root, &aux).expect("sent");
        let mut painter = Self { connection, root, gc, size, pixels: vec![0; size.area() as usize] };
        painter.fill(size.rect(), 0);
        painter.sync();
        painter
    }

    /// Fills `r` with the colour 0xRRGGBB; not flushed.
    pub fn fill(&mut self, r: Rect, colour: u32) {
        self.connection.change_gc(self.gc, &ChangeGCAux::new().foreground(colour)).expect("sent");
        let rectangle =
            Rectangle { x: r.left as i16, y: r.top as i16, width: r.width() as u16, height: r.height() as u16 };
        self.connection.poly_fill_rectangle(self.root, self.gc, &[rectangle]).expect("sent");
        for y in r.top..r.bottom {
            let start = y as usize * self.size.width as usize;
            self.pixels[start + r.left as usize..start + r.right as usize].fill(colour);
        }
    }

    pub fn sync(&self) {
        self.connection.get_input_focus().expect("sent").reply().expect("the server lives");
    }

    /// Paints a picture in which no two places look alike.
    pub fn scene(&mut self) {
        self.fill(self.size.rect(), 0x0010_2030);
        for i in 0..120i32 {
            let (x, y) = (i * 37 % (self.size.width as i32 - 40), i * 23 % (self.size.height as i32 - 30));
            let colour = (i as u32 + 1).wrapping_mul(0x009e_3779) & 0x00ff_ffff;
            self.fill(Rect::new(x, y, x + 5 + i % 35, y + 3 + i % 27), colour);
        }
        self.sync();
    }

    /// The opaque BGRA bytes of `r` as they were drawn.
    pub fn expected(&self, r: Rect) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(r.area() as usize * 4);
        for y in r.top..r.bottom {
            for x in r.left..r.right {
                let pixel = self.pixels[y as usize * self.size.width as usize + x as usize];
                bytes.extend((pixel | 0xff00_0000).to_le_bytes());
            }
        }
        bytes
    }
}

/// What a session does first: the desktop as it is is reported, and all of it is new.
pub fn begin(source: &mut X11Source) {
    let change = source.wait(TIMEOUT).expect("the server lives");
    assert_eq!(change.presents, 1);
    let whole = source.output().texture_size().rect();
    assert_eq!(source.damage(TIMEOUT).expect("the server lives").dirty, [whole]);
}

/// Waits until something was presented.
pub fn presented(source: &mut X11Source) -> Change {
    let start = Instant::now();
    while start.elapsed() < TIMEOUT {
        let change = source.wait(Duration::from_millis(200)).expect("the server lives");
        if change.presents > 0 {
            return change;
        }
    }
    panic!("nothing was presented");
}

pub fn dirty(source: &mut X11Source) -> Vec<Rect> {
    let Damage { mut dirty, moves } = source.damage(TIMEOUT).expect("the server lives");
    assert!(moves.is_empty());
    dirty.sort_by_key(|r| (r.top, r.left));
    dirty
}

/// Reads until the source is done, and returns the opaque bytes of each part.
pub fn read(source: &mut X11Source, parts: &[Rect]) -> Vec<(Rect, Vec<u8>)> {
    let mut found = Vec::new();
    let read = source.read(parts, TIMEOUT, &mut |part, image, _| {
        assert_eq!(image.size(), part.size());
        let mut bytes = Vec::new();
        for y in 0..part.height() as usize {
            for pixel in image.row(y).as_chunks::<4>().0 {
                bytes.extend([pixel[0], pixel[1], pixel[2], 255]);
            }
        }
        found.push((part, bytes));
    });
    assert_eq!(read.expect("the server lives"), Outcome::Done(()));
    found
}

/// Like [`read`], into memory that the source made.
pub fn read_into(source: &mut X11Source, memory: &mut Memory, area: Rect, parts: &[Rect]) -> Outcome {
    let read = source.read_into(memory, area.size(), area.origin(), parts, TIMEOUT);
    read.expect("the server lives")
}

pub fn crop(bytes: &[u8], width: u32, r: Rect) -> Vec<u8> {
    let row = |y: i32| {
        let start = (y as usize * width as usize + r.left as usize) * 4;
        bytes[start..start + r.width() as usize * 4].iter().copied()
    };
    (r.top..r.bottom).flat_map(row).collect()
}

/// Runs `f` and panics if it takes longer than `limit` and a little.
pub fn within<T>(limit: Duration, f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = f();
    let took = start.elapsed();
    assert!(took <= limit + Duration::from_millis(40), "took {took:?} instead of {limit:?}");
    result
}

/// The rectangle from (`x`, `y`) of this width and height.
pub fn rect(x: i32, y: i32, width: u32, height: u32) -> Rect {
    Rect::at(Point::new(x, y), Size::new(width, height))
}

/// How often this thread has slept so far.
pub fn sleeps() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("proc is mounted");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).expect("the format of proc(5)")
}

/// Defines a monitor, or replaces the one of this name. A `real` one is fed by the outputs of the screen.
pub fn set_monitor(painter: &Painter, name: &str, place: Rect, primary: bool, real: bool) {
    let connection = &painter.connection;
    let name = connection.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("alive").atom;
    let resources = connection.randr_get_screen_resources_current(painter.root).expect("sent").reply().expect("alive");
    let monitor = MonitorInfo {
        name,
        primary,
        automatic: false,
        x: place.left as i16,
        y: place.top as i16,
        width: place.width() as u16,
        height: place.height() as u16,
        width_in_millimeters: 100,
        height_in_millimeters: 100,
        outputs: if real { resources.outputs } else { Vec::new() },
    };
    // A monitor cannot be changed, only replaced. Under a grab no other client sees the moment without it.
    connection.grab_server().expect("sent");
    connection.randr_delete_monitor(painter.root, name).expect("sent").ignore_error();
    connection.randr_set_monitor(painter.root, monitor).expect("sent").check().expect("the server takes it");
    connection.ungrab_server().expect("sent");
    painter.sync();
}
