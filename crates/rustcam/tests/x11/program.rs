//! A program with windows, which remembers what it has drawn on them.

use std::collections::HashMap;
use std::time::Duration;

use rustcam::error::{Error, ErrorKind, Loss};
use rustcam::geometry::{Rect, Size};
use rustcam::source::x11::X11Source;
use rustcam::source::{Outcome, Source, WindowArea, WindowChoice, WindowTarget};
use x11rb::connection::Connection;
use x11rb::protocol::composite::ConnectionExt as _;
use x11rb::protocol::shape;
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ColormapAlloc, ConfigureWindowAux, ConnectionExt, CreateGCAux,
    CreateWindowAux, EventMask, Gcontext, ImageFormat, PropMode, Rectangle, StackMode, Window, WindowClass,
};
use x11rb::protocol::Event;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::xvfb::{ms, options, read, read_into, rect, Xvfb, TIMEOUT};

/// What a window is like when it is made.
#[derive(Clone, Copy, Default)]
pub struct Kind {
    pub border: u16,
    pub argb: bool,
    pub override_redirect: bool,
    pub input_only: bool,
    /// Its parent, if that is not the root window.
    pub parent: Option<Window>,
}

pub struct Program {
    pub connection: RustConnection,
    pub root: Window,
    argb_visual: u32,
    pictures: HashMap<Window, (Size, Vec<u32>)>,
    argb: Vec<Window>,
    seed: u32,
}

impl Program {
    pub fn start(server: &Xvfb) -> Self {
        let (connection, screen) = x11rb::connect(Some(&server.display)).expect("a plain client connects");
        let screen = &connection.setup().roots[screen];
        let root = screen.root;
        let deep = screen.allowed_depths.iter().find(|depth| depth.depth == 32);
        let argb_visual = deep.and_then(|depth| depth.visuals.first()).map_or(0, |visual| visual.visual_id);
        Self { connection, root, argb_visual, pictures: HashMap::new(), argb: Vec::new(), seed: 1 }
    }

    /// A mapped window at `place`, which is its area without the border, full of noise.
    pub fn window(&mut self, place: Rect, kind: Kind) -> Window {
        let window = self.connection.generate_id().expect("an id");
        self.window_with_id(window, place, kind);
        window
    }

    pub fn window_with_id(&mut self, window: Window, place: Rect, kind: Kind) {
        let connection = &self.connection;
        let parent = kind.parent.unwrap_or(self.root);
        let border = i32::from(kind.border);
        let mut aux = CreateWindowAux::new();
        if !kind.input_only {
            aux = aux.border_pixel(0x0077_7777);
        }
        if kind.override_redirect {
            aux = aux.override_redirect(1);
        }
        let (mut depth, mut visual, mut class) = (0, 0, WindowClass::INPUT_OUTPUT);
        if kind.argb {
            let colormap = connection.generate_id().expect("an id");
            connection.create_colormap(ColormapAlloc::NONE, colormap, self.root, self.argb_visual).expect("sent");
            (depth, visual, aux) = (32, self.argb_visual, aux.colormap(colormap));
            self.argb.push(window);
        }
        if kind.input_only {
            class = WindowClass::INPUT_ONLY;
        }
        let (x, y) = ((place.left - border) as i16, (place.top - border) as i16);
        let (width, height) = (place.width() as u16, place.height() as u16);
        let sent =
            connection.create_window(depth, window, parent, x, y, width, height, kind.border, class, visual, &aux);
        sent.expect("sent").check().expect("the server makes the window");
        if !kind.input_only {
            self.noise(window, place.size());
        }
        self.map(window);
    }

    /// Makes noise the background of a window, which the server paints by itself wherever it is exposed.
    pub fn noise(&mut self, window: Window, size: Size) {
        self.seed = self.seed.wrapping_mul(0x9e37_79b1).wrapping_add(0x7f4a_7c15);
        let mut state = self.seed | 1;
        let pixels: Vec<u32> = (0..size.area())
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                state
            })
            .collect();
        let depth = if self.argb.contains(&window) { 32 } else { 24 };
        let connection = &self.connection;
        let (pixmap, gc) = (connection.generate_id().expect("an id"), connection.generate_id().expect("an id"));
        let (width, height) = (size.width as u16, size.height as u16);
        connection.create_pixmap(depth, pixmap, window, width, height).expect("sent");
        connection.create_gc(gc, pixmap, &CreateGCAux::new()).expect("sent");
        self.put(pixmap, gc, size.rect(), depth, &pixels);
        let aux = ChangeWindowAttributesAux::new().background_pixmap(pixmap);
        self.connection.change_window_attributes(window, &aux).expect("sent");
        self.connection.clear_area(false, window, 0, 0, 0, 0).expect("sent");
        self.connection.free_gc(gc).expect("sent");
        self.connection.free_pixmap(pixmap).expect("sent");
        self.pictures.insert(window, (size, pixels));
        self.sync();
    }

    fn put(&self, drawable: u32, gc: Gcontext, place: Rect, depth: u8, pixels: &[u32]) {
        let width = place.width() as usize;
        let rows = (100_000 / (width * 4)).max(1);
        for (index, part) in pixels.chunks(rows * width).enumerate() {
            let bytes: Vec<u8> = part.iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
            let (height, y) = ((part.len() / width) as u16, place.top + (index * rows) as i32);
            let format = ImageFormat::Z_PIXMAP;
            let sent = self.connection.put_image(
                format,
                drawable,
                gc,
                width as u16,
                height,
                place.left as i16,
                y as i16,
                0,
                depth,
                &bytes,
            );
            sent.expect("sent");
        }
    }

    /// Gives a window the outline of `parts`.
    pub fn set_outline(&self, window: Window, parts: &[Rect]) {
        let connection = &self.connection;
        connection.xfixes_query_version(5, 0).expect("sent").reply().expect("alive");
        let region = connection.generate_id().expect("an id");
        let of = |r: &Rect| Rectangle {
            x: r.left as i16,
            y: r.top as i16,
            width: r.width() as u16,
            height: r.height() as u16,
        };
        let parts: Vec<_> = parts.iter().map(of).collect();
        connection.xfixes_create_region(region, &parts).expect("sent");
        connection.xfixes_set_window_shape_region(window, shape::SK::BOUNDING, 0, 0, region).expect("sent");
        connection.xfixes_destroy_region(region).expect("sent");
        self.sync();
    }

    /// Resizes a window to `size` and gives it one colour, so that no client ever sees that size in another colour.
    pub fn plain(&mut self, window: Window, size: Size, colour: u32) {
        self.connection.grab_server().expect("sent");
        let aux = ChangeWindowAttributesAux::new().background_pixel(colour);
        self.connection.change_window_attributes(window, &aux).expect("sent");
        let aux = ConfigureWindowAux::new().width(size.width).height(size.height);
        self.connection.configure_window(window, &aux).expect("sent");
        self.connection.clear_area(false, window, 0, 0, 0, 0).expect("sent");
        self.connection.ungrab_server().expect("sent");
        self.sync();
    }

    /// Makes a plain colour the background of a window; what it shows stays.
    pub fn plain_background(&self, window: Window) {
        let aux = ChangeWindowAttributesAux::new().background_pixel(0x00aa_bbcc).event_mask(EventMask::EXPOSURE);
        self.connection.change_window_attributes(window, &aux).expect("sent");
        self.sync();
    }

    /// Waits until the server exposes a part of a window and draws all of the window again, `later`.
    pub fn paint_when_exposed(&self, window: Window, later: Duration) {
        while !matches!(self.connection.wait_for_event().expect("alive"), Event::Expose(e) if e.window == window) {}
        std::thread::sleep(later);
        let (size, pixels) = &self.pictures[&window];
        let gc = self.connection.generate_id().expect("an id");
        self.connection.create_gc(gc, window, &CreateGCAux::new()).expect("sent");
        self.put(window, gc, size.rect(), 24, pixels);
        self.sync();
    }

    /// Fills a part of a window with one colour.
    pub fn fill(&mut self, window: Window, part: Rect, colour: u32) {
        let gc = self.connection.generate_id().expect("an id");
        self.connection.create_gc(gc, window, &CreateGCAux::new()).expect("sent");
        let depth = if self.argb.contains(&window) { 32 } else { 24 };
        self.put(window, gc, part, depth, &vec![colour; part.area() as usize]);
        self.connection.free_gc(gc).expect("sent");
        let (size, pixels) = self.pictures.get_mut(&window).expect("a window of this program");
        for y in part.top..part.bottom {
            let start = y as usize * size.width as usize;
            pixels[start + part.left as usize..start + part.right as usize].fill(colour);
        }
        self.sync();
    }

    /// The opaque BGRA bytes of a window as they were drawn.
    pub fn expected(&self, window: Window) -> Vec<u8> {
        self.pictures[&window].1.iter().flat_map(|pixel| (pixel | 0xff00_0000).to_le_bytes()).collect()
    }

    /// Draws what the window `child` shows into what its parent shows, whose origin the child's is `place`d at.
    pub fn expected_with(&self, window: Window, child: Window, place: Rect) -> Vec<u8> {
        let (size, pixels) = &self.pictures[&window];
        let (mut pixels, below) = (pixels.clone(), &self.pictures[&child].1);
        for y in place.top.max(0)..place.bottom.min(size.height as i32) {
            for x in place.left.max(0)..place.right.min(size.width as i32) {
                let from = (y - place.top) as usize * place.width() as usize + (x - place.left) as usize;
                pixels[y as usize * size.width as usize + x as usize] = below[from];
            }
        }
        pixels.iter().flat_map(|pixel| (pixel | 0xff00_0000).to_le_bytes()).collect()
    }

    pub fn map(&self, window: Window) {
        self.connection.map_window(window).expect("sent");
        self.sync();
    }

    pub fn unmap(&self, window: Window) {
        self.connection.unmap_window(window).expect("sent");
        self.sync();
    }

    pub fn destroy(&self, window: Window) {
        self.connection.destroy_window(window).expect("sent");
        self.sync();
    }

    pub fn move_to(&self, window: Window, x: i32, y: i32) {
        self.connection.configure_window(window, &ConfigureWindowAux::new().x(x).y(y)).expect("sent");
        self.sync();
    }

    pub fn raise(&self, window: Window, mode: StackMode) {
        self.connection.configure_window(window, &ConfigureWindowAux::new().stack_mode(mode)).expect("sent");
        self.sync();
    }

    /// Resizes a window and draws noise on all of it.
    pub fn resize(&mut self, window: Window, size: Size) {
        let aux = ConfigureWindowAux::new().width(size.width).height(size.height);
        self.connection.configure_window(window, &aux).expect("sent");
        self.noise(window, size);
    }

    pub fn atom(&self, name: &str) -> u32 {
        self.connection.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("alive").atom
    }

    pub fn set_text(&self, window: Window, name: &str, kind: &str, text: &[u8]) {
        let (name, kind) = (self.atom(name), self.atom(kind));
        self.connection.change_property8(PropMode::REPLACE, window, name, kind, text).expect("sent");
        self.sync();
    }

    pub fn set_numbers(&self, window: Window, name: &str, kind: &str, numbers: &[u32]) {
        let (name, kind) = (self.atom(name), self.atom(kind));
        self.connection.change_property32(PropMode::REPLACE, window, name, kind, numbers).expect("sent");
        self.sync();
    }

    pub fn set_title(&self, window: Window, title: &str) {
        self.set_text(window, "_NET_WM_NAME", "UTF8_STRING", title.as_bytes());
    }

    pub fn sync(&self) {
        self.connection.get_input_focus().expect("sent").reply().expect("the server lives");
    }

    /// Whether any client has redirected `window`: only then it has a pixmap that can be named.
    pub fn is_redirected(&self, window: Window) -> bool {
        self.connection.composite_query_version(0, 4).expect("sent").reply().expect("alive");
        let pixmap = self.connection.generate_id().expect("an id");
        let named = self.connection.composite_name_window_pixmap(window, pixmap).expect("sent").check().is_ok();
        if named {
            self.connection.free_pixmap(pixmap).expect("sent");
        }
        named
    }

    /// Class and instance, as `WM_CLASS` has them.
    pub fn set_class(&self, window: Window, instance: &str, class: &str) {
        let value = format!("{instance}\0{class}\0");
        let (name, kind) = (AtomEnum::WM_CLASS, AtomEnum::STRING);
        self.connection.change_property8(PropMode::REPLACE, window, name, kind, value.as_bytes()).expect("sent");
        self.sync();
    }
}

pub fn by_handle(window: Window) -> WindowChoice {
    WindowChoice::Handle { handle: u64::from(window), pid: None }
}

pub fn by_title(title: &str) -> WindowChoice {
    WindowChoice::Title(title.to_owned())
}

pub fn try_to_open(server: &Xvfb, choice: WindowChoice, area: WindowArea) -> rustcam::error::Result<X11Source> {
    X11Source::open_display(&options(0, false).window(WindowTarget { choice, area }), &server.display)
}

/// A source on a window of `server`.
pub fn open(server: &Xvfb, choice: WindowChoice) -> X11Source {
    try_to_open(server, choice, WindowArea::Client).expect("the window can be captured")
}

/// The place of most windows, and all of such a window.
pub const PLACE: Rect = Rect::new(100, 80, 300, 230);

pub const ALL: Rect = Rect::new(0, 0, 200, 150);

/// Every pixel of the window, through both ways of reading.
pub fn picture(source: &mut X11Source) -> Vec<u8> {
    let whole = source.output().size.rect();
    source.damage(TIMEOUT).expect("the window lives");
    let read = read(source, &[whole]).remove(0).1;
    if let Some(mut memory) = source.allocate(whole.size()) {
        assert_eq!(read_into(source, &mut memory, whole, &[whole]), Outcome::Done(()));
        assert!(memory.bytes() == read, "two ways of reading differ");
    }
    read
}

/// The loss that the next waits report.
pub fn lost(source: &mut X11Source) -> Error {
    (0..3).find_map(|_| source.wait(TIMEOUT).err()).expect("the window is not what it was")
}

#[track_caller]
pub fn is_transient(error: &Error, says: &str) {
    assert_eq!((error.kind(), error.loss()), (ErrorKind::AccessLost, Some(Loss::Transient)), "{error}");
    assert!(error.message().contains(says), "{error}");
}

/// A window inside a frame, as a window manager makes it: the frame, and the window.
pub fn framed(program: &mut Program) -> (Window, Window) {
    let frame = program.window(rect(60, 40, 220, 180), Kind { border: 2, override_redirect: true, ..Kind::default() });
    let window = program.window(rect(10, 20, 200, 150), Kind { parent: Some(frame), ..Kind::default() });
    (frame, window)
}

/// [`framed`], or a window of its own, which stands for both.
pub fn framed_or_plain(program: &mut Program, is_framed: bool) -> (Window, Window) {
    if is_framed {
        return framed(program);
    }
    let window = program.window(PLACE, Kind::default());
    (window, window)
}

/// Waits until nothing more is reported.
pub fn settle(source: &mut X11Source) {
    while source.wait(ms(30)).expect("alive").any() {}
    source.damage(TIMEOUT).expect("alive");
}
