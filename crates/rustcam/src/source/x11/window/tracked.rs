//! A window as the subject of a capture.
//!
//! The server draws a redirected window to a pixmap of its own, whole, whatever covers it and wherever it is. The redirection is
//! automatic, so that the window is shown as ever; any number of clients may ask for it, also beside a compositing manager, and it ends
//! with the last of them or with their connections. The pixmap is named, and read under that name. It is another one after each change of
//! the size, and after the window was unmapped.
//!
//! | what is captured | what is redirected | why |
//! |---|---|---|
//! | the client area | the program's own window | The pixmap is exactly what the program draws, of its own depth. |
//! | | and the frame around it | Otherwise the server reports what is uncovered on the screen as drawn by the program. |
//! | the whole window | the frame: the child of the root window | Its pixmap contains the program's window. |

use x11rb::connection::{Connection as _, SequenceNumber};
use x11rb::protocol::composite::ConnectionExt as _;
use x11rb::protocol::xproto::{
    ChangeWindowAttributesAux, ConnectionExt as _, EventMask, GetGeometryReply, MapState, Pixmap, Window as WindowId,
};
use x11rb::protocol::Event;

use super::super::error::{unless_refused, ProtocolError};
use super::super::monitors;
use super::super::server::Server;
use super::super::subject::{Found, Subject};
use super::super::view::View;
use super::list::{one, windows};
use super::properties::describe;
use super::redirection::Redirection;
use crate::error::{Error, ErrorKind, Loss};
use crate::geometry::{Point, Rect, Size};
use crate::source::window::{no_such_window, select_window};
use crate::source::{Output, WindowArea, WindowChoice, WindowTarget};

/// How often a window is looked at again that changes while it is looked at.
const ATTEMPTS: usize = 5;

/// A window that was chosen, and what the server does for it.
pub(in super::super) struct TrackedWindow {
    target: WindowTarget,
    /// The program's window.
    client: WindowId,
    /// Its title when it was found last.
    title: String,
    state: State,
    /// The windows around it, from its parent to the child of the root window.
    around: Vec<WindowId>,
    redirection: Redirection,
    /// The pixmap of the captured window, and the request that named it.
    pixmap: Option<(Pixmap, SequenceNumber)>,
    /// Size and border of the captured window.
    shape: Shape,
    /// The Composite extension may be used on this connection.
    negotiated: bool,
}

/// What events have said since the window was found. What comes later in this list outweighs what comes before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Nothing that matters.
    Current,
    /// Something may have changed.
    Stale,
    /// It was unmapped, so that its pixmap is another one now, if it is shown at all.
    Unmapped,
    /// It was destroyed.
    Closed,
}

/// The size of a window without its border, and the width of the border.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Shape {
    size: Size,
    border: u16,
}

impl Shape {
    fn new(width: u16, height: u16, border: u16) -> Self {
        Self { size: Size::new(u32::from(width), u32::from(height)), border }
    }

    fn of(geometry: &GetGeometryReply) -> Self {
        Self::new(geometry.width, geometry.height, geometry.border_width)
    }

    /// The part that `area` means, in the coordinates of the window.
    fn part(self, area: WindowArea) -> Rect {
        let border = i32::from(self.border);
        match area {
            WindowArea::Client => self.size.rect(),
            WindowArea::Whole => {
                Rect::new(-border, -border, self.size.width as i32 + border, self.size.height as i32 + border)
            }
        }
    }
}

impl TrackedWindow {
    /// The window that `target` chooses, which is still to be found.
    pub(in super::super) fn choose(server: &Server, target: &WindowTarget) -> Result<Self, ProtocolError> {
        server.negotiate_composite()?;
        let mut chosen = Self::new(target.clone());
        chosen.negotiated = true;
        chosen.adopt(choose(server, &target.choice)?, server)?;
        Ok(chosen)
    }

    /// A window that has to be looked for.
    fn new(target: WindowTarget) -> Self {
        Self {
            target,
            client: x11rb::NONE,
            title: String::new(),
            state: State::Closed,
            around: Vec::new(),
            redirection: Redirection::default(),
            pixmap: None,
            shape: Shape::default(),
            negotiated: false,
        }
    }

    /// Tracks `client` from now on.
    fn adopt(&mut self, client: WindowId, server: &Server) -> Result<(), ProtocolError> {
        self.redirection.set(&[], server)?;
        self.around.clear();
        self.client = client;
        self.state = State::Stale;
        Ok(())
    }

    /// Another window that is chosen now; the loss if there is none, or several.
    fn adopt_another(&mut self, server: &Server) -> Result<(), ProtocolError> {
        let windows = windows(server)?;
        match select_window(&windows, &self.target.choice) {
            Ok(window) => self.adopt(window.handle as WindowId, server),
            Err(error) => {
                let message = format!("{}; {}", self.was_closed().message(), error.message());
                Err(Error::new(ErrorKind::AccessLost, message).with_loss(Loss::Transient).into())
            }
        }
    }

    /// Whether the window, which is hidden, is none that users see, while another one has its title: then that is tracked from now on.
    fn was_replaced(&mut self, server: &Server) -> Result<bool, ProtocolError> {
        let windows = windows(server)?;
        if windows.iter().any(|window| window.handle == u64::from(self.client)) {
            return Ok(false);
        }
        let Ok(other) = select_window(&windows, &self.target.choice) else { return Ok(false) };
        self.adopt(other.handle as WindowId, server)?;
        Ok(true)
    }

    /// Finds out where the window is and what it shows, and redirects it.
    fn look(&mut self, server: &Server) -> Result<Found, ProtocolError> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.try_to_look(server)? {
                return Ok(found);
            }
            if self.state == State::Closed {
                return Err(self.was_closed().into());
            }
        }
        Err(self.was_hidden().into())
    }

    /// `None` if something changed meanwhile.
    fn try_to_look(&mut self, server: &Server) -> Result<Option<Found>, ProtocolError> {
        if !self.follow_surroundings(server)? {
            return Ok(None);
        }
        let connection = &server.connection;
        let top = self.around.last().copied().unwrap_or(self.client);
        let window = if self.target.area == WindowArea::Client { self.client } else { top };
        self.redirection.set(&[window, top], server)?;
        let (client, own) = (connection.get_window_attributes(self.client), connection.get_window_attributes(window));
        let place = connection.translate_coordinates(window, server.screen.root, 0, 0);
        let geometry = connection.get_geometry(window);
        let (client, own) = (unless_refused(server.reply(client))?, unless_refused(server.reply(own))?);
        let (place, geometry) = (unless_refused(server.reply(place))?, unless_refused(server.reply(geometry))?);
        if client.is_none() {
            self.state = State::Closed;
        }
        let (Some(client), Some(own), Some(place), Some(geometry)) = (client, own, place, geometry) else {
            return Ok(None);
        };
        server.check_window_pixels(own.visual)?;
        let description = describe(server, self.client)?;
        self.title.clone_from(&description.title);
        let shape = Shape::of(&geometry);
        let shown = client.map_state == MapState::VIEWABLE;
        let drawable = if shown { self.name_pixmap(window, shape, server)? } else { None };
        if shown && drawable.is_none() {
            return Ok(None);
        }
        self.shape = shape;
        self.state = State::Current;
        let part = shape.part(self.target.area);
        let border = i32::from(shape.border);
        let area = part.translated(i32::from(place.dst_x), i32::from(place.dst_y));
        let view = View {
            output: Output { refresh_hz: refresh_at(area, server)?, ..Output::window(description.title, area) },
            window,
            drawable: drawable.unwrap_or(x11rb::NONE),
            visual: own.visual,
            place: part,
            origin: Point::new(border, border),
            is_all: self.target.area == WindowArea::Whole || border == 0,
        };
        Ok(Some(Found { view, hidden: (!shown).then(|| is_hidden(description.iconic)) }))
    }

    /// Asks for the events of the window and of all around it, up to the root window. Whether they exist.
    fn follow_surroundings(&mut self, server: &Server) -> Result<bool, ProtocolError> {
        self.around.clear();
        let mut window = self.client;
        loop {
            let events = EventMask::STRUCTURE_NOTIFY | EventMask::VISIBILITY_CHANGE;
            let events = ChangeWindowAttributesAux::new().event_mask(events);
            server.connection.change_window_attributes(window, &events)?;
            // Asked for afterwards: if the parent changes from here on, an event says so.
            let Some(tree) = unless_refused(server.reply(server.connection.query_tree(window)))? else {
                if window == self.client {
                    self.state = State::Closed;
                }
                return Ok(false);
            };
            if tree.parent == tree.root || tree.parent == x11rb::NONE {
                return Ok(true);
            }
            self.around.push(tree.parent);
            window = tree.parent;
        }
    }

    /// The pixmap that `window` is drawn to now; `None` if it is not drawn, or does not have `shape` any more.
    fn name_pixmap(
        &mut self,
        window: WindowId,
        shape: Shape,
        server: &Server,
    ) -> Result<Option<Pixmap>, ProtocolError> {
        let connection = &server.connection;
        if let Some((old, _)) = self.pixmap.take() {
            connection.free_pixmap(old)?;
        }
        let pixmap = connection.generate_id()?;
        let named = connection.composite_name_window_pixmap(window, pixmap)?.sequence_number();
        let Some(geometry) = unless_refused(server.reply(connection.get_geometry(pixmap)))? else { return Ok(None) };
        self.pixmap = Some((pixmap, named));
        let is_current = Shape::of(&geometry).size == shape.part(WindowArea::Whole).size();
        Ok(is_current.then_some(pixmap))
    }

    /// An event about `window`, sent after request `sequence`, says that it was unmapped.
    fn note_unmapped(&mut self, window: WindowId, sequence: SequenceNumber) {
        let is_ours = window == self.client || self.around.contains(&window);
        // Events from before the pixmap was named are about an older one.
        if is_ours && self.pixmap.is_none_or(|(_, named)| sequence >= named) {
            self.state = self.state.max(State::Unmapped);
        }
    }

    fn was_closed(&self) -> Error {
        let error = Error::new(ErrorKind::AccessLost, format!("the window {:?} was closed", self.title));
        // Another one may have the same title, but never the same handle.
        if self.target.choice.is_by_title() {
            error.with_loss(Loss::Transient)
        } else {
            error
        }
    }

    /// The window is there, and not what it was a moment ago.
    fn was_hidden(&self) -> Error {
        transient(format!("the window {:?} was hidden for a moment", self.title))
    }
}

impl Subject for TrackedWindow {
    fn note(&mut self, event: &Event, sequence: SequenceNumber, _: &Server, view: &View) {
        match event {
            Event::DestroyNotify(e) if e.window == self.client => self.state = State::Closed,
            Event::UnmapNotify(e) => self.note_unmapped(e.window, sequence),
            Event::ReparentNotify(e) => self.note_unmapped(e.window, sequence),
            Event::DestroyNotify(e) => self.note_unmapped(e.window, sequence),
            Event::ConfigureNotify(e)
                if e.window == view.window && Shape::new(e.width, e.height, e.border_width) != self.shape =>
            {
                self.state = self.state.max(State::Stale);
            }
            Event::VisibilityNotify(e) if e.window == self.client => self.redirection.note_visible(sequence),
            _ => {}
        }
    }

    fn is_stale(&self) -> bool {
        self.state != State::Current
    }

    fn check(&mut self, server: &Server, view: &mut View) -> Result<(), ProtocolError> {
        if self.state == State::Closed {
            return Err(self.was_closed().into());
        }
        let client = server.connection.get_window_attributes(self.client);
        let geometry = server.connection.get_geometry(view.window);
        let (client, geometry) = (unless_refused(server.reply(client))?, unless_refused(server.reply(geometry))?);
        let Some(client) = client else {
            self.state = State::Closed;
            return Err(self.was_closed().into());
        };
        if client.map_state != MapState::VIEWABLE {
            return Err(is_hidden(describe(server, self.client)?.iconic).into());
        }
        match geometry.as_ref().map(Shape::of) {
            Some(shape) if shape == self.shape && self.state < State::Unmapped => {
                self.state = State::Current;
                Ok(())
            }
            Some(shape) if shape.size != self.shape.size => {
                let [from, to] = [self.shape, shape].map(|shape| shape.part(self.target.area).size());
                Err(transient(format!("the window changed its size from {from} to {to}")).into())
            }
            _ => Err(self.was_hidden().into()),
        }
    }

    fn take_uncovered(&mut self) -> bool {
        self.redirection.take_uncovered()
    }

    fn find(&mut self, server: &Server) -> Result<Found, ProtocolError> {
        if !self.negotiated {
            server.negotiate_composite()?;
            self.negotiated = true;
        }
        let by_title = self.target.choice.is_by_title();
        if self.state == State::Closed && !by_title {
            return Err(self.was_closed().into());
        }
        if self.state == State::Closed {
            self.adopt_another(server)?;
        }
        let found = self.look(server)?;
        if found.hidden.is_some() && by_title && self.was_replaced(server)? {
            return self.look(server);
        }
        Ok(found)
    }

    fn reconnected(&self) -> Box<dyn Subject> {
        // Windows do not outlive their server, and their numbers mean nothing to another one.
        Box::new(Self { title: self.title.clone(), ..Self::new(self.target.clone()) })
    }
}

/// The window that `choice` means.
fn choose(server: &Server, choice: &WindowChoice) -> Result<WindowId, ProtocolError> {
    let WindowChoice::Handle { handle, .. } = choice else {
        return Ok(select_window(&windows(server)?, choice)?.handle as WindowId);
    };
    if *handle == u64::from(server.screen.root) {
        return Err(Error::invalid(format!("the window {handle} is the screen itself, which output= captures")).into());
    }
    let listed = match WindowId::try_from(*handle) {
        Ok(id) => one(server, id)?,
        Err(_) => None,
    };
    let Some(listed) = listed.filter(|listed| choice.accepts(&listed.window)) else {
        return Err(no_such_window(&windows(server)?, choice).into());
    };
    listed.check_pixels(server)?;
    Ok(listed.window.handle as WindowId)
}

/// The loss of a window that shows nothing now.
fn is_hidden(iconic: bool) -> Error {
    transient(if iconic {
        "the window is minimised"
    } else {
        "the window is not shown: it is unmapped, or on another workspace"
    })
}

fn transient(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::AccessLost, message).with_loss(Loss::Transient)
}

/// The refresh rate of the output that shows most of `area`.
fn refresh_at(area: Rect, server: &Server) -> Result<f64, ProtocolError> {
    let outputs = monitors::query(server)?.outputs;
    let shown = |output: &&Output| {
        let place = Rect::at(output.position, output.size);
        place.intersection(area).map_or(0, Rect::area)
    };
    Ok(outputs.iter().max_by_key(shown).map_or(0.0, |output| output.refresh_hz))
}
