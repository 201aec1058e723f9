//! What is captured: the output of a monitor, or a window.

use std::time::Duration;

use windows::Graphics::Capture::GraphicsCaptureItem;
use windows::Win32::Graphics::Gdi::HMONITOR;

use super::activation::{items, refused};
use super::geometry::{when_restored, Geometry};
use super::handle::WindowHandle;
use super::listing::{describe, obstacle, windows};
use crate::error::{Error, ErrorKind, Loss, Result};
use crate::geometry::{Rect, Rotation, Size};
use crate::source::displays::outputs::{Arrangement, Found};
use crate::source::hresult;
use crate::source::output::select;
use crate::source::window::{no_such_window, select_window};
use crate::source::{OpenOptions, Output, WindowChoice, WindowTarget};

/// How long a window may be refused because it is new.
const NEW_WINDOW: Duration = Duration::from_millis(500);

/// What is captured.
pub(super) enum Subject {
    Monitor,
    Window(CapturedWindow),
}

/// A window that is captured.
pub(super) struct CapturedWindow {
    target: WindowTarget,
    window: WindowHandle,
    /// Its title when it was last looked for.
    title: String,
}

/// Where the captured part is in an image.
pub(super) enum Place {
    /// Here.
    At(Rect),
    /// The image shows the window as it was before it was resized.
    Older,
}

impl Subject {
    /// What `options` name.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such output or window, or the window cannot be captured.
    pub(super) fn choose(options: &OpenOptions) -> Result<Self> {
        match &options.window {
            Some(target) => CapturedWindow::choose(target).map(Self::Window),
            None => Ok(Self::Monitor),
        }
    }

    /// The output of `arrangement` that shows it. `opened`: as it was when it was captured before.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such output; a loss if the monitor of `opened` is gone.
    pub(super) fn locate<'a>(
        &self,
        arrangement: &'a Arrangement,
        options: &OpenOptions,
        opened: Option<&Output>,
    ) -> Result<&'a Found> {
        match (self, opened) {
            (Self::Window(window), _) => window.output(arrangement),
            (Self::Monitor, Some(opened)) => arrangement.find_again(opened),
            (Self::Monitor, None) => {
                let infos = arrangement.infos()?;
                let chosen = select(&infos, options.device, &options.output)?;
                let index = infos.iter().position(|info| info == chosen).unwrap_or_default();
                Ok(&arrangement.outputs[index])
            }
        }
    }

    /// What it is as a screen, on an output.
    pub(super) fn screen(&self, output: &Output) -> Output {
        match self {
            Self::Window(window) => window.describe(output),
            Self::Monitor => upright(output),
        }
    }

    /// A new item for it; `monitor` shows it.
    ///
    /// # Errors
    /// `Duplication`, or a loss if it was captured `before`; `InvalidArgument` for a window that cannot be captured.
    pub(super) fn item(&self, monitor: HMONITOR, before: bool, options: &OpenOptions) -> Result<GraphicsCaptureItem> {
        let items = items()?;
        match self {
            // SAFETY: any handle is allowed.
            Self::Monitor => unsafe { items.CreateForMonitor(monitor) }.map_err(|e| refused(&e, before)),
            // SAFETY: any handle is allowed. Windows that cannot be captured were refused before.
            Self::Window(window) => unsafe { items.CreateForWindow(window.window.hwnd()) }.map_err(|e| {
                let code = e.code().0 as u32;
                if !before && code == hresult::E_INVALIDARG {
                    return window.cannot_be_captured(options).with_code(code);
                }
                refused(&e, before)
            }),
        }
    }

    /// Fails if it shows nothing any more.
    ///
    /// # Errors
    /// A loss, `AccessLost` without one if it is gone for good.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Monitor => Ok(()),
            Self::Window(window) => window.check(),
        }
    }

    /// Makes sure that it can be captured again; looks for another window if this one was closed and was chosen by its title.
    ///
    /// # Errors
    /// As for [`Subject::check`].
    pub(super) fn find_again(&mut self) -> Result<Again> {
        match self {
            Self::Monitor => Ok(Again::Same),
            Self::Window(window) => window.find_again(),
        }
    }

    /// Where it is in an image of size `content`, which may be older than the last time that it was resized.
    pub(super) fn place(&self, content: Size) -> Place {
        match self {
            Self::Monitor => Place::At(content.rect()),
            Self::Window(window) => match Geometry::of(window.window.hwnd()) {
                Some(geometry) if geometry.fits(content) => Place::At(geometry.place(window.target.area, content)),
                _ => Place::Older,
            },
        }
    }

    /// The monitor that shows a window now; `None` if it is an output.
    pub(super) fn monitor_now(&self) -> Option<HMONITOR> {
        match self {
            Self::Monitor => None,
            Self::Window(window) => Some(window.window.monitor()),
        }
    }
}

/// Whether what is captured again is what was captured before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Same,
    Another,
}

impl CapturedWindow {
    fn choose(target: &WindowTarget) -> Result<Self> {
        let window = match target.choice {
            WindowChoice::Handle { handle, .. } => {
                let window = WindowHandle::of(handle).filter(|window| target.choice.accepts(&describe(*window)));
                window.ok_or_else(|| no_such_window(&windows(), &target.choice))?
            }
            _ => WindowHandle::of(select_window(&windows(), &target.choice)?.handle)
                .ok_or_else(|| no_such_window(&windows(), &target.choice))?,
        };
        let this = Self { target: target.clone(), window, title: window.title() };
        match obstacle(window) {
            Some(obstacle) => {
                Err(Error::invalid(format!("the window {:?} (handle {}) {obstacle}", window.title(), window.number()))
                    .with_hint("Windows that the task switcher shows can be captured: list_windows() lists them"))
            }
            None => Ok(this),
        }
    }

    /// The output that shows most of it; the first one, if none does.
    fn output<'a>(&self, arrangement: &'a Arrangement) -> Result<&'a Found> {
        let monitor = self.window.monitor();
        let outputs = &arrangement.outputs;
        let shows = outputs.iter().find(|found| found.monitor == monitor);
        shows.or(outputs.first()).ok_or_else(|| arrangement.nothing())
    }

    /// The screen that it is, on an output.
    fn describe(&self, output: &Output) -> Output {
        let area = self.target.area;
        let hwnd = self.window.hwnd();
        let part = Geometry::of(hwnd).map(|geometry| geometry.part(area)).filter(|part| !part.is_empty());
        Output {
            refresh_hz: output.refresh_hz,
            color: output.color,
            ..Output::window(self.title.clone(), part.unwrap_or_else(|| when_restored(hwnd, area)))
        }
    }

    fn check(&self) -> Result<()> {
        if !self.window.exists() {
            return Err(self.was_closed());
        }
        if self.window.is_minimized() {
            return Err(loss("the window is minimised").with_hint("It shows nothing until it is restored"));
        }
        Ok(())
    }

    fn find_again(&mut self) -> Result<Again> {
        let mut again = Again::Same;
        if !self.window.is_the_same() {
            if !self.target.choice.is_by_title() {
                return Err(self.was_closed());
            }
            let all = windows();
            let found = select_window(&all, &self.target.choice);
            let found = found
                .map_err(|error| loss(format!("the window {:?} was closed, and {}", self.title, error.message())))?;
            self.window = WindowHandle::of(found.handle).ok_or_else(|| self.was_closed())?;
            again = Again::Another;
        }
        self.title = self.window.title();
        self.check()?;
        Ok(again)
    }

    /// Why there is nothing more to capture; final if it was chosen by its handle.
    fn was_closed(&self) -> Error {
        let message = format!("the window {:?} was closed", self.title);
        if self.target.choice.is_by_title() {
            loss(message).with_hint("A window with such a title is waited for")
        } else {
            Error::new(ErrorKind::AccessLost, message)
        }
    }

    /// Windows that have just been made may be refused.
    fn cannot_be_captured(&self, options: &OpenOptions) -> Error {
        let title = &self.title;
        let error =
            Error::invalid(format!("the window {title:?} (handle {}) cannot be captured", self.window.number()))
                .with_hint("Windows refuses it; list_windows() lists those that can be captured");
        if options.waited() < NEW_WINDOW {
            error.with_loss(Loss::Transient)
        } else {
            error
        }
    }
}

/// A loss that passes by itself.
pub(super) fn loss(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::AccessLost, message).with_loss(Loss::Transient)
}

/// An output whose images are upright.
fn upright(output: &Output) -> Output {
    Output { image_rotation: Rotation::None, ..output.clone() }
}
