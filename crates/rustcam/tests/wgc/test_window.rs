//! A real window, on a thread of its own that pumps its messages.

use std::sync::mpsc::{channel, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use rustcam::geometry::{Point, Rect, Size};
use windows::core::{w, HSTRING};
use windows::Win32::Foundation::{HWND, LPARAM, LRESULT, POINT, RECT, WPARAM};
use windows::Win32::Graphics::Gdi::ClientToScreen;
use windows::Win32::System::LibraryLoader::GetModuleHandleW;
use windows::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DefWindowProcW, DestroyWindow, DispatchMessageW, GetClientRect, GetWindowLongW, PeekMessageW,
    RegisterClassW, SetWindowPos, SetWindowTextW, ShowWindow, GWL_STYLE, HWND_TOP, MSG, PM_REMOVE, SWP_NOACTIVATE,
    SW_SHOWMINNOACTIVE, SW_SHOWNOACTIVATE, WINDOW_EX_STYLE, WINDOW_STYLE, WM_NCCALCSIZE, WNDCLASSW, WS_CAPTION,
    WS_POPUP,
};

type Work = Box<dyn FnOnce(HWND) + Send>;

/// A window that is closed when it is dropped.
pub struct TestWindow {
    hwnd: usize,
    work: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

/// The frame that a window without a caption draws itself: left, top, right and below.
const FRAME: [i32; 4] = [5, 21, 4, 3];

unsafe extern "system" fn procedure(window: HWND, message: u32, w: WPARAM, l: LPARAM) -> LRESULT {
    // SAFETY: the arguments of the system; with this message it passes a rectangle, which others may follow.
    unsafe {
        let draws_frame = GetWindowLongW(window, GWL_STYLE) as u32 & WS_CAPTION.0 != WS_CAPTION.0;
        if message == WM_NCCALCSIZE && draws_frame {
            let client = &mut *(l.0 as *mut RECT);
            // A minimised window is smaller.
            if client.bottom - client.top > 40 {
                client.left += FRAME[0];
                client.top += FRAME[1];
                client.right -= FRAME[2];
                client.bottom -= FRAME[3];
            }
            return LRESULT(0);
        }
        DefWindowProcW(window, message, w, l)
    }
}

/// How a window is made.
#[derive(Clone)]
pub struct Options {
    pub title: String,
    pub area: Rect,
    pub style: WINDOW_STYLE,
    pub extended: WINDOW_EX_STYLE,
    pub shown: bool,
    /// Whether its thread pumps messages.
    pub pumps: bool,
}

impl Options {
    pub fn new(title: &str, area: Rect) -> Self {
        // Without a window manager, a window with a caption takes Wine two seconds.
        let (style, extended) = (WS_POPUP, WINDOW_EX_STYLE(0));
        Self { title: title.into(), area, style, extended, shown: true, pumps: true }
    }
}

impl TestWindow {
    /// A window with a frame, of this outer size.
    pub fn new(title: &str, width: i32, height: i32) -> Self {
        Self::with(Options::new(title, Rect::new(60, 40, 60 + width, 40 + height)))
    }

    pub fn with(options: Options) -> Self {
        let (work, todo) = channel::<Work>();
        let (made, hwnd) = channel();
        let thread = std::thread::spawn(move || live(&options, &made, &todo));
        Self { hwnd: hwnd.recv().expect("a window"), work: Some(work), thread: Some(thread) }
    }

    pub fn handle(&self) -> u64 {
        self.hwnd as u64
    }

    pub fn hwnd(&self) -> HWND {
        HWND(self.hwnd as *mut _)
    }

    /// Does `work` on the window's thread.
    pub fn run<T: Send + 'static>(&self, work: impl FnOnce(HWND) -> T + Send + 'static) -> T {
        let (done, result) = channel();
        let work: Work = Box::new(move |window| drop(done.send(work(window))));
        self.work.as_ref().expect("open").send(work).expect("it lives");
        result.recv().expect("it was done")
    }

    pub fn place(&self, area: Rect) {
        let (x, y, width, height) = (area.left, area.top, area.width() as i32, area.height() as i32);
        // SAFETY: its own window.
        self.run(move |window| unsafe { SetWindowPos(window, Some(HWND_TOP), x, y, width, height, SWP_NOACTIVATE) })
            .expect("it is placed");
    }

    pub fn minimize(&self) {
        // SAFETY: its own window.
        self.run(|window| unsafe { ShowWindow(window, SW_SHOWMINNOACTIVE) }).as_bool();
    }

    pub fn restore(&self) {
        // SAFETY: its own window.
        self.run(|window| unsafe { ShowWindow(window, SW_SHOWNOACTIVATE) }).as_bool();
    }

    pub fn rename(&self, title: &str) {
        let title = HSTRING::from(title);
        // SAFETY: its own window.
        self.run(move |window| unsafe { SetWindowTextW(window, &title) }).expect("it is renamed");
    }

    /// Its client area on the desktop.
    pub fn client(&self) -> Rect {
        let (mut client, mut origin) = (RECT::default(), POINT::default());
        // SAFETY: any handle is allowed; the pointers are valid during the calls.
        unsafe {
            GetClientRect(self.hwnd(), &raw mut client).expect("it lives");
            let _ = ClientToScreen(self.hwnd(), &raw mut origin);
        }
        Rect::at(Point::new(origin.x, origin.y), Size::new(client.right as u32, client.bottom as u32))
    }

    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the window's thread ends");
        }
    }
}

impl Drop for TestWindow {
    fn drop(&mut self) {
        self.end();
    }
}

/// The life of a window.
fn live(options: &Options, made: &Sender<usize>, todo: &Receiver<Work>) {
    // SAFETY: a class with a valid procedure; registering it twice fails, which does not matter. The window is used on this thread only.
    let window = unsafe {
        let instance = GetModuleHandleW(None).expect("a module").into();
        let class = WNDCLASSW {
            lpfnWndProc: Some(procedure),
            hInstance: instance,
            lpszClassName: w!("rustcam_test_window"),
            ..Default::default()
        };
        RegisterClassW(&raw const class);
        let Options { area, title, style, extended, .. } = options;
        let title = HSTRING::from(title.as_str());
        let (width, height) = (area.width() as i32, area.height() as i32);
        let window = CreateWindowExW(
            *extended,
            class.lpszClassName,
            &title,
            *style,
            area.left,
            area.top,
            width,
            height,
            None,
            None,
            Some(instance),
            None,
        );
        let window = window.expect("a window");
        if options.shown {
            let _ = ShowWindow(window, SW_SHOWNOACTIVATE);
        }
        window
    };
    if options.pumps {
        pump();
    }
    made.send(window.0 as usize).expect("the test waits");
    loop {
        match todo.recv_timeout(Duration::from_millis(2)) {
            Ok(work) => work(window),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if options.pumps {
            pump();
        }
    }
    // SAFETY: a window of this thread.
    let _ = unsafe { DestroyWindow(window) };
    pump();
}

fn pump() {
    let mut message = MSG::default();
    // SAFETY: the pointer is valid during the calls.
    unsafe {
        while PeekMessageW(&raw mut message, None, 0, 0, PM_REMOVE).as_bool() {
            DispatchMessageW(&raw const message);
        }
    }
}
