//! Windows of programs, and how one is selected.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::geometry::Rect;

/// More windows than this are not listed in an error.
const MOST_LISTED: usize = 20;

/// One window that can be captured. Made by [`Window::new`]; the fields can be assigned afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// What the system calls it by: an HWND, or the id of an X11 window.
    pub handle: u64,
    /// Its title, which may be empty.
    pub title: String,
    /// Its program, or its WM class. Empty where the system does not say.
    pub app: String,
    /// The process that it belongs to; `None` where the system does not say.
    pub pid: Option<u32>,
    /// Its client area on the whole desktop, in physical pixels. Of a minimised window it is empty, or as it was.
    pub client: Rect,
    /// Whether it is minimised. Then it shows nothing.
    pub minimized: bool,
}

impl Window {
    /// A window without a title, of an unknown program, that is not minimised.
    pub fn new(handle: u64, client: Rect) -> Self {
        Self { handle, title: String::new(), app: String::new(), pid: None, client, minimized: false }
    }
}

/// How a window is chosen when it is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WindowChoice {
    /// By its handle. With a process, only if the window belongs to it: systems use handles again.
    Handle {
        /// The handle.
        handle: u64,
        /// The process.
        pid: Option<u32>,
    },
    /// The one window whose title contains this text, in any case.
    Title(String),
    /// The one window whose title this accepts.
    Pattern(TitlePattern),
}

impl WindowChoice {
    /// Whether a window that is closed is looked for again, because a new one may have the same title. Another window never takes the
    /// place of one that was chosen by its handle.
    pub fn is_by_title(&self) -> bool {
        !matches!(self, Self::Handle { .. })
    }

    /// Whether `window` is one that is meant.
    pub fn accepts(&self, window: &Window) -> bool {
        match self {
            Self::Handle { handle, pid } => {
                window.handle == *handle && (pid.is_none() || window.pid.is_none() || window.pid == *pid)
            }
            Self::Title(text) => window.title.to_lowercase().contains(&text.to_lowercase()),
            Self::Pattern(pattern) => (pattern.accepts)(&window.title),
        }
    }
}

impl fmt::Display for WindowChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handle { handle, pid: Some(pid) } => write!(f, "handle {handle} of process {pid}"),
            Self::Handle { handle, pid: None } => write!(f, "handle {handle}"),
            Self::Title(text) => write!(f, "title {text:?}"),
            Self::Pattern(pattern) => write!(f, "title matching {:?}", pattern.text),
        }
    }
}

/// A test of titles, for example a regular expression.
#[derive(Clone)]
pub struct TitlePattern {
    text: String,
    accepts: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl TitlePattern {
    /// A test that `text` describes in messages. It may be called in any thread.
    pub fn new(text: impl Into<String>, accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { text: text.into(), accepts: Arc::new(accepts) }
    }
}

impl fmt::Debug for TitlePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TitlePattern").field(&self.text).finish()
    }
}

/// Which part of a window is captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WindowArea {
    /// What the program draws.
    #[default]
    Client,
    /// The title bar and the frame as well.
    Whole,
}

impl std::str::FromStr for WindowArea {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().as_str() {
            "client" => Ok(Self::Client),
            "whole" => Ok(Self::Whole),
            _ => Err(Error::invalid(format!("window_area must be \"client\" or \"whole\", got {name:?}"))),
        }
    }
}

/// The window to capture.
#[derive(Clone, Debug)]
pub struct WindowTarget {
    /// Which one.
    pub choice: WindowChoice,
    /// Which part of it.
    pub area: WindowArea,
}

/// The one of `windows` that `choice` accepts.
///
/// # Errors
/// `InvalidArgument` that lists the candidates, if it accepts none or several.
pub(super) fn select_window<'a>(windows: &'a [Window], choice: &WindowChoice) -> Result<&'a Window> {
    let accepted: Vec<&Window> = windows.iter().filter(|window| choice.accepts(window)).collect();
    match accepted[..] {
        [window] => Ok(window),
        [] => Err(no_such_window(windows, choice)),
        _ => Err(Error::invalid(format!(
            "{} windows have {choice}: {}",
            accepted.len(),
            listed(accepted.iter().copied())
        ))
        .with_hint("Pass the handle, or a longer part of the title")),
    }
}

/// The error for a choice that accepts none of `windows`: it lists them.
pub(super) fn no_such_window(windows: &[Window], choice: &WindowChoice) -> Error {
    let exist = if windows.is_empty() { "there is none".to_owned() } else { format!("there is {}", listed(windows)) };
    Error::invalid(format!("no window has {choice}; {exist}"))
}

fn listed<'a>(windows: impl IntoIterator<Item = &'a Window>) -> String {
    let mut each: Vec<String> =
        windows.into_iter().map(|w| format!("{:?} (handle {}, {})", w.title, w.handle, w.client.size())).collect();
    let more = each.len().saturating_sub(MOST_LISTED);
    each.truncate(MOST_LISTED);
    if more > 0 {
        each.push(format!("{more} more"));
    }
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(handle: u64, title: &str) -> Window {
        Window { title: title.into(), pid: Some(7), ..Window::new(handle, Rect::new(0, 0, 8, 6)) }
    }

    fn chosen(choice: &WindowChoice) -> std::result::Result<u64, String> {
        let windows = [window(1, "Editor – notes"), window(2, "editor"), window(3, "ÄRGER")];
        select_window(&windows, choice).map(|window| window.handle).map_err(|error| error.to_string())
    }

    #[test]
    fn a_window_is_chosen_by_a_part_of_its_title_in_any_case() {
        assert_eq!(chosen(&WindowChoice::Title("NOTES".into())), Ok(1));
        assert_eq!(chosen(&WindowChoice::Title("ärger".into())), Ok(3));
    }

    #[test]
    fn a_window_is_chosen_by_a_test_of_its_title() {
        let whole = TitlePattern::new("^editor$", |title| title == "editor");
        assert_eq!(chosen(&WindowChoice::Pattern(whole)), Ok(2));
    }

    #[test]
    fn a_handle_counts_only_with_its_process() {
        assert_eq!(chosen(&WindowChoice::Handle { handle: 2, pid: None }), Ok(2));
        assert_eq!(chosen(&WindowChoice::Handle { handle: 2, pid: Some(7) }), Ok(2));
        let error = chosen(&WindowChoice::Handle { handle: 2, pid: Some(8) }).expect_err("another process");
        assert!(error.starts_with("no window has handle 2 of process 8; there is \"Editor"), "{error}");
    }

    #[test]
    fn none_or_several_windows_are_an_error_that_lists_the_candidates() {
        let several = chosen(&WindowChoice::Title("editor".into())).expect_err("two");
        assert!(
            several.starts_with("2 windows have title \"editor\": \"Editor – notes\" (handle 1, 8x6), "),
            "{several}"
        );
        let none = chosen(&WindowChoice::Title("browser".into())).expect_err("none");
        assert!(none.contains("no window has title \"browser\"; there is \"Editor – notes\" (handle 1"), "{none}");
        let nothing = no_such_window(&[], &WindowChoice::Title("x".into())).to_string();
        assert_eq!(nothing, "no window has title \"x\"; there is none");
    }

    #[test]
    fn a_long_list_is_cut() {
        let many: Vec<Window> = (0..23).map(|n| window(n, "x")).collect();
        let error = select_window(&many, &WindowChoice::Title("x".into())).expect_err("many").to_string();
        assert!(error.contains("(handle 19, 8x6), 3 more"), "{error}");
    }
}
