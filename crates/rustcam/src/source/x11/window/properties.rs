//! Properties of windows, by the Inter-Client Communication Conventions and the Extended Window Manager Hints.

use x11rb::cookie::Cookie;
use x11rb::errors::ConnectionError;
use x11rb::protocol::xproto::{Atom, AtomEnum, ConnectionExt as _, GetPropertyReply, Window};

use super::super::connect::Connection;
use super::super::error::{unless_refused, ProtocolError};
use super::super::server::Server;
use super::text;

/// Units of four bytes that are read of a property. A longer title is cut.
const MOST_UNITS: u32 = 2048;

/// `WM_STATE` of a minimised window.
const ICONIC: u32 = 3;

/// A request for a property that was sent.
pub(super) type Asked<'a> = Result<Cookie<'a, Connection, GetPropertyReply>, ConnectionError>;

/// The names that the server has atoms for. `NONE` where no client has ever used the name: then no window has such a property.
pub(super) struct Atoms {
    pub(super) client_list: Atom,
    pub(super) client_list_stacking: Atom,
    pub(super) supporting_wm_check: Atom,
    pub(super) wm_state: Atom,
    net_wm_name: Atom,
    net_wm_pid: Atom,
    net_wm_state: Atom,
    hidden: Atom,
    utf8: Atom,
    compound_text: Atom,
}

impl Atoms {
    /// Asks for all of them. None is made.
    pub(super) fn query(server: &Server) -> Result<Self, ProtocolError> {
        const NAMES: [&str; 10] = [
            "_NET_CLIENT_LIST",
            "_NET_CLIENT_LIST_STACKING",
            "_NET_SUPPORTING_WM_CHECK",
            "WM_STATE",
            "_NET_WM_NAME",
            "_NET_WM_PID",
            "_NET_WM_STATE",
            "_NET_WM_STATE_HIDDEN",
            "UTF8_STRING",
            "COMPOUND_TEXT",
        ];
        let asked = NAMES.map(|name| server.connection.intern_atom(true, name.as_bytes()));
        let mut atoms = [x11rb::NONE; NAMES.len()];
        for (atom, asked) in atoms.iter_mut().zip(asked) {
            *atom = server.reply(asked)?.atom;
        }
        let [client_list, client_list_stacking, supporting_wm_check, wm_state, rest @ ..] = atoms;
        let [net_wm_name, net_wm_pid, net_wm_state, hidden, utf8, compound_text] = rest;
        Ok(Self {
            client_list,
            client_list_stacking,
            supporting_wm_check,
            wm_state,
            net_wm_name,
            net_wm_pid,
            net_wm_state,
            hidden,
            utf8,
            compound_text,
        })
    }
}

/// Asks for a property of any type.
pub(super) fn ask(server: &Server, window: Window, name: impl Into<Atom>) -> Asked<'_> {
    server.connection.get_property(false, window, name, AtomEnum::ANY, 0, MOST_UNITS)
}

/// The answer; `None` if the window has no such property, or does not exist.
pub(super) fn answer(server: &Server, asked: Asked<'_>) -> Result<Option<GetPropertyReply>, ProtocolError> {
    Ok(unless_refused(server.reply(asked))?.filter(|reply| reply.type_ != x11rb::NONE))
}

/// The 32 bit numbers of a property.
pub(super) fn numbers(server: &Server, asked: Asked<'_>) -> Result<Vec<u32>, ProtocolError> {
    let reply = answer(server, asked)?;
    Ok(reply.as_ref().and_then(GetPropertyReply::value32).map(Iterator::collect).unwrap_or_default())
}

/// Requests for what a window says of itself.
pub(super) struct Question<'a> {
    name: Asked<'a>,
    old_name: Asked<'a>,
    class: Asked<'a>,
    pid: Asked<'a>,
    machine: Asked<'a>,
    state: Asked<'a>,
    net_state: Asked<'a>,
}

/// What a window says of itself.
pub(super) struct Description {
    pub(super) title: String,
    pub(super) app: String,
    pub(super) pid: Option<u32>,
    /// The window manager shows an icon, or nothing, in its place.
    pub(super) iconic: bool,
}

impl<'a> Question<'a> {
    pub(super) fn ask(server: &'a Server, window: Window, atoms: &Atoms) -> Self {
        Self {
            name: ask(server, window, atoms.net_wm_name),
            old_name: ask(server, window, AtomEnum::WM_NAME),
            class: ask(server, window, AtomEnum::WM_CLASS),
            pid: ask(server, window, atoms.net_wm_pid),
            machine: ask(server, window, AtomEnum::WM_CLIENT_MACHINE),
            state: ask(server, window, atoms.wm_state),
            net_state: ask(server, window, atoms.net_wm_state),
        }
    }

    pub(super) fn answer(self, server: &Server, atoms: &Atoms) -> Result<Description, ProtocolError> {
        let name = answer(server, self.name)?.map(|reply| words(&reply, atoms)).filter(|name| !name.is_empty());
        let old_name = answer(server, self.old_name)?.map(|reply| words(&reply, atoms));
        let class = answer(server, self.class)?;
        let pid = numbers(server, self.pid)?.first().copied();
        let machine = answer(server, self.machine)?.map(|reply| words(&reply, atoms));
        let state = numbers(server, self.state)?.first().copied();
        let net_state = numbers(server, self.net_state)?;
        // A window of a program on another machine has a process identifier of that machine.
        let here = rustix::system::uname();
        let is_local = machine.is_some_and(|machine| here.nodename().to_bytes() == machine.as_bytes());
        Ok(Description {
            title: name.or(old_name).unwrap_or_default(),
            app: class.map(|class| class_of(&class.value)).unwrap_or_default(),
            pid: pid.filter(|_| is_local),
            iconic: state == Some(ICONIC) || atoms.hidden != x11rb::NONE && net_state.contains(&atoms.hidden),
        })
    }
}

/// What a window says of itself now.
pub(super) fn describe(server: &Server, window: Window) -> Result<Description, ProtocolError> {
    let atoms = Atoms::query(server)?;
    Question::ask(server, window, &atoms).answer(server, &atoms)
}

/// The text of a property, without what may pad it.
fn words(reply: &GetPropertyReply, atoms: &Atoms) -> String {
    let text = match reply.type_ {
        utf8 if utf8 == atoms.utf8 => String::from_utf8_lossy(&reply.value).into_owned(),
        compound if compound == atoms.compound_text => text::compound(&reply.value),
        _ => text::latin1(&reply.value),
    };
    text.trim_end_matches('\0').to_owned()
}

/// The class in `WM_CLASS`, which is the name of the instance, a zero, the class, and a zero.
fn class_of(value: &[u8]) -> String {
    let parts: Vec<&[u8]> = value.split(|byte| *byte == 0).collect();
    let class = parts.get(1).filter(|class| !class.is_empty()).or_else(|| parts.first());
    class.map_or(String::new(), |class| text::latin1(class))
}
