//! Work for a thread that handles window messages: what it does when it fetches the next message.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Once};

use windows::Win32::Foundation::{HWND, LPARAM, LRESULT, WPARAM};
use windows::Win32::System::LibraryLoader::GetModuleHandleW;
use windows::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DefWindowProcW, DestroyWindow, PostMessageW, RegisterClassW, HWND_MESSAGE, WINDOW_EX_STYLE,
    WINDOW_STYLE, WM_APP, WNDCLASSW,
};
use windows_core::{w, Result, PCWSTR};

use crate::mutex::lock;

const CLASS: PCWSTR = w!("dda_lab_queue");

type Work = Box<dyn FnOnce() + Send>;

/// The queue of one thread: a window for messages, whose thread does the work.
pub(crate) struct ThreadQueue {
    window: isize,
    work: Mutex<VecDeque<Work>>,
}

thread_local! {
    static QUEUE: RefCell<Option<Arc<ThreadQueue>>> = const { RefCell::new(None) };
    /// That of the thread's `DispatcherQueueController`.
    static DISPATCHER: RefCell<Option<Arc<ThreadQueue>>> = const { RefCell::new(None) };
}

impl ThreadQueue {
    /// The queue of this thread; it is made if there is none.
    pub(crate) fn of_this_thread() -> Result<Arc<Self>> {
        if let Some(queue) = QUEUE.with_borrow(Clone::clone) {
            return Ok(queue);
        }
        let queue = Arc::new(Self { window: create_window()?.0 as isize, work: Mutex::default() });
        QUEUE.set(Some(Arc::clone(&queue)));
        Ok(queue)
    }

    /// Makes this thread one with a `DispatcherQueue`. `false` if it has one.
    pub(crate) fn begin_dispatching() -> Result<bool> {
        if DISPATCHER.with_borrow(Option::is_some) {
            return Ok(false);
        }
        DISPATCHER.set(Some(Self::of_this_thread()?));
        Ok(true)
    }

    /// The thread's `DispatcherQueue` ends.
    pub(crate) fn end_dispatching() {
        DISPATCHER.set(None);
    }

    /// The thread's `DispatcherQueue`, if it has one.
    pub(crate) fn dispatcher() -> Option<Arc<Self>> {
        DISPATCHER.with_borrow(Clone::clone)
    }

    /// Has the thread do something when it handles its messages.
    pub(crate) fn post(&self, work: impl FnOnce() + Send + 'static) {
        lock(&self.work).push_back(Box::new(work));
        // SAFETY: any window may be named. A thread that has ended does no work any more.
        let _ = unsafe { PostMessageW(Some(HWND(self.window as *mut _)), WM_APP, WPARAM(0), LPARAM(0)) };
    }

    fn run(&self) {
        // Without the lock: the work may post more.
        while let Some(work) = { lock(&self.work).pop_front() } {
            work();
        }
    }
}

impl Drop for ThreadQueue {
    fn drop(&mut self) {
        // SAFETY: any window may be named. It fails on other threads, and the window ends with its own.
        let _ = unsafe { DestroyWindow(HWND(self.window as *mut _)) };
    }
}

fn create_window() -> Result<HWND> {
    static REGISTERED: Once = Once::new();
    // SAFETY: the module of the process; the class and its procedure live as long as the process.
    unsafe {
        let module = GetModuleHandleW(None)?;
        REGISTERED.call_once(|| {
            let class = WNDCLASSW {
                lpfnWndProc: Some(procedure),
                hInstance: module.into(),
                lpszClassName: CLASS,
                ..Default::default()
            };
            RegisterClassW(&raw const class);
        });
        CreateWindowExW(
            WINDOW_EX_STYLE::default(),
            CLASS,
            CLASS,
            WINDOW_STYLE::default(),
            0,
            0,
            0,
            0,
            Some(HWND_MESSAGE),
            None,
            Some(module.into()),
            None,
        )
    }
}

unsafe extern "system" fn procedure(window: HWND, message: u32, first: WPARAM, second: LPARAM) -> LRESULT {
    if message == WM_APP {
        let queue = QUEUE.try_with(|queue| queue.try_borrow().ok().and_then(|queue| queue.clone()));
        if let Ok(Some(queue)) = queue {
            queue.run();
        }
        return LRESULT(0);
    }
    // SAFETY: the caller's own arguments.
    unsafe { DefWindowProcW(window, message, first, second) }
}
