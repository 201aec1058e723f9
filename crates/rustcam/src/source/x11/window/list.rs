//! The windows that a user sees: those that the window manager lists, or else the screen's own children.

use x11rb::cookie::Cookie;
use x11rb::errors::ConnectionError;
use x11rb::protocol::xproto::{
    ConnectionExt as _, GetGeometryReply, GetWindowAttributesReply, MapState, QueryTreeReply,
    TranslateCoordinatesReply, Window as WindowId, WindowClass,
};

use super::super::connect::Connection;
use super::super::error::{unless_refused, ProtocolError};
use super::super::rects::from_protocol;
use super::super::server::Server;
use super::properties::{ask, numbers, Atoms, Question};
use crate::error::Error;
use crate::source::Window;

/// How deep below the screen's own children a window manager that lists nothing may have put a program's window.
const DEPTH: usize = 3;

/// All windows that can be captured, the top-most first.
pub(in super::super) fn windows(server: &Server) -> Result<Vec<Window>, ProtocolError> {
    let atoms = Atoms::query(server)?;
    let managed = match managed(server, &atoms)? {
        Some(listed) => (listed, true),
        None => unmanaged(server, &atoms)?,
    };
    let (ids, is_managed) = managed;
    let asked: Vec<_> = ids.into_iter().map(|id| Request::send(server, id, &atoms)).collect();
    let mut windows = Vec::new();
    for asked in asked {
        let Some(answer) = asked.answer(server, &atoms)? else { continue };
        if answer.check_pixels(server).is_ok() && (is_managed || answer.is_shown_to_users()) {
            windows.push(answer.window);
        }
    }
    Ok(windows)
}

/// The windows that a window manager lists, the top-most first; `None` without one that lists them.
fn managed(server: &Server, atoms: &Atoms) -> Result<Option<Vec<WindowId>>, ProtocolError> {
    let root = server.screen.root;
    let check = atoms.supporting_wm_check;
    let Some(&window) = numbers(server, ask(server, root, check))?.first() else { return Ok(None) };
    // The properties of a manager that was killed stay; the window that vouches for them does not.
    if numbers(server, ask(server, window, check))?.first() != Some(&window) {
        return Ok(None);
    }
    for name in [atoms.client_list_stacking, atoms.client_list] {
        if super::properties::answer(server, ask(server, root, name))?.is_some() {
            let mut listed = numbers(server, ask(server, root, name))?;
            listed.reverse();
            return Ok(Some(listed));
        }
    }
    Ok(None)
}

/// The windows of programs without such a manager, the top-most first, and whether a manager has marked them. A manager that only frames
/// windows marks those of programs with `WM_STATE`.
fn unmanaged(server: &Server, atoms: &Atoms) -> Result<(Vec<WindowId>, bool), ProtocolError> {
    let mut level = children(server, vec![server.connection.query_tree(server.screen.root)])?;
    let top: Vec<WindowId> = level.iter().rev().copied().collect();
    let mut marked = Vec::new();
    if atoms.wm_state == x11rb::NONE {
        return Ok((top, false));
    }
    for _ in 0..=DEPTH {
        let states: Vec<_> = level.iter().map(|id| ask(server, *id, atoms.wm_state)).collect();
        let mut deeper = Vec::new();
        for (id, state) in level.into_iter().zip(states) {
            if numbers(server, state)?.is_empty() {
                deeper.push(server.connection.query_tree(id));
            } else {
                marked.push(id);
            }
        }
        level = children(server, deeper)?;
    }
    if marked.is_empty() {
        return Ok((top, false));
    }
    marked.reverse();
    Ok((marked, true))
}

type Sent<'a, R> = Result<Cookie<'a, Connection, R>, ConnectionError>;

fn children(server: &Server, asked: Vec<Sent<'_, QueryTreeReply>>) -> Result<Vec<WindowId>, ProtocolError> {
    let mut all = Vec::new();
    for asked in asked {
        all.extend(unless_refused(server.reply(asked))?.map(|tree| tree.children).unwrap_or_default());
    }
    Ok(all)
}

/// One window as the list needs it; `None` if there is no such window.
pub(super) fn one(server: &Server, id: WindowId) -> Result<Option<Listed>, ProtocolError> {
    let atoms = Atoms::query(server)?;
    Request::send(server, id, &atoms).answer(server, &atoms)
}

/// A window, and what decides whether it is listed.
pub(super) struct Listed {
    pub(super) window: Window,
    attributes: GetWindowAttributesReply,
}

impl Listed {
    /// Refuses a window whose pixels cannot be read.
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub(super) fn check_pixels(&self, server: &Server) -> Result<(), Error> {
        if self.attributes.class != WindowClass::INPUT_OUTPUT {
            return Err(Error::invalid(format!(
                "the window {} has no pixels, it only takes input",
                self.window.handle
            )));
        }
        server.check_window_pixels(self.attributes.visual).map_err(|error| Error::invalid(error.message()))
    }

    /// Whether a window that no manager lists is meant for users. Menus and tooltips keep window managers away and have no title;
    /// unmapped windows are those that toolkits keep for themselves.
    fn is_shown_to_users(&self) -> bool {
        self.attributes.map_state == MapState::VIEWABLE
            && !(self.attributes.override_redirect && self.window.title.is_empty())
    }
}

/// Requests about one window.
struct Request<'a> {
    id: WindowId,
    attributes: Sent<'a, GetWindowAttributesReply>,
    geometry: Sent<'a, GetGeometryReply>,
    place: Sent<'a, TranslateCoordinatesReply>,
    question: Question<'a>,
}

impl<'a> Request<'a> {
    fn send(server: &'a Server, id: WindowId, atoms: &Atoms) -> Self {
        let connection = &server.connection;
        Self {
            id,
            attributes: connection.get_window_attributes(id),
            geometry: connection.get_geometry(id),
            place: connection.translate_coordinates(id, server.screen.root, 0, 0),
            question: Question::ask(server, id, atoms),
        }
    }

    /// `None` if there is no such window.
    fn answer(self, server: &Server, atoms: &Atoms) -> Result<Option<Listed>, ProtocolError> {
        let attributes = unless_refused(server.reply(self.attributes))?;
        let geometry = unless_refused(server.reply(self.geometry))?;
        let place = unless_refused(server.reply(self.place))?;
        let description = self.question.answer(server, atoms)?;
        let (Some(attributes), Some(geometry), Some(place)) = (attributes, geometry, place) else { return Ok(None) };
        let client = from_protocol(place.dst_x, place.dst_y, geometry.width, geometry.height);
        let mut window = Window::new(u64::from(self.id), client);
        window.title = description.title;
        window.app = description.app;
        window.pid = description.pid;
        window.minimized = description.iconic || attributes.map_state != MapState::VIEWABLE;
        Ok(Some(Listed { window, attributes }))
    }
}
