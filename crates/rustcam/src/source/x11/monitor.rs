//! An output as the subject of a capture: a rectangle of the root window that RANDR describes.

use x11rb::connection::SequenceNumber;
use x11rb::protocol::Event;

use super::advice;
use super::error::ProtocolError;
use super::monitors::{self, Layout};
use super::server::Server;
use super::subject::{Found, Subject};
use super::view::View;
use crate::error::{Error, ErrorKind, Loss};
use crate::geometry::{Point, Rect, Size};
use crate::source::output::{find_again, select, Output, OutputChoice};

/// An output, known by its monitor.
pub(super) struct Monitor {
    /// As it was found last.
    output: Output,
    /// The arrangement of the outputs may have changed.
    stale: bool,
}

impl Monitor {
    /// The output that is chosen by the index of its adapter and by `choice`.
    pub(super) fn choose(
        server: &Server,
        device: usize,
        choice: &OutputChoice,
    ) -> Result<(Self, Found), ProtocolError> {
        let layout = monitors::query(server)?;
        let output = select(&layout.outputs, device, choice)?.clone();
        let found = Found { view: view(server, output.clone(), layout.root)?, hidden: None };
        Ok((Self { output, stale: false }, found))
    }
}

impl Subject for Monitor {
    fn note(&mut self, event: &Event, _: SequenceNumber, server: &Server, _: &View) {
        self.stale |= match event {
            Event::ConfigureNotify(e) => e.window == server.screen.root,
            Event::RandrNotify(_) | Event::RandrScreenChangeNotify(_) => true,
            _ => false,
        };
    }

    fn is_stale(&self) -> bool {
        self.stale
    }

    fn check(&mut self, server: &Server, view: &mut View) -> Result<(), ProtocolError> {
        let Layout { outputs, root } = monitors::query(server)?;
        self.stale = false;
        let new = find_again(&outputs, &self.output).ok_or_else(|| gone(&self.output, &outputs))?;
        let Some(change) = difference(&view.output, new) else {
            view.is_all = view.place == root.rect();
            return Ok(());
        };
        let error = Error::new(ErrorKind::AccessLost, format!("the output changed {change}"));
        Err(error.with_loss(Loss::Transient).into())
    }

    fn find(&mut self, server: &Server) -> Result<Found, ProtocolError> {
        let Layout { outputs, root } = monitors::query(server)?;
        let output = find_again(&outputs, &self.output).ok_or_else(|| gone(&self.output, &outputs))?;
        self.output = output.clone();
        self.stale = false;
        Ok(Found { view: view(server, output.clone(), root)?, hidden: None })
    }

    fn reconnected(&self) -> Box<dyn Subject> {
        Box::new(Self { output: self.output.clone(), stale: false })
    }
}

/// The pixels of `output` on a screen of size `root`.
fn view(server: &Server, output: Output, root: Size) -> Result<View, ProtocolError> {
    server.check_pixels()?;
    let place = Rect::at(output.position, output.size);
    Ok(View {
        window: server.screen.root,
        drawable: server.screen.root,
        visual: server.screen.root_visual,
        place,
        origin: Point::default(),
        is_all: place == root.rect(),
        output,
    })
}

/// The loss of an output that is not among those that exist.
fn gone(output: &Output, existing: &[Output]) -> Error {
    let listed: Vec<_> = existing.iter().map(|o| format!("{} ({})", o.name, o.size)).collect();
    Error::new(ErrorKind::AccessLost, format!("the output {} is gone; there is {}", output.name, listed.join(", ")))
        .with_hint(advice::OUTPUT_GONE.hint)
        .with_loss(Loss::Lasting)
}

/// How the place or the mode of an output changed, in words; `None` if none of them did.
fn difference(old: &Output, new: &Output) -> Option<String> {
    if new.size != old.size {
        Some(format!("from {} to {}", old.size, new.size))
    } else if new.name != old.name {
        Some(format!("its connector from {} to {}", old.name, new.name))
    } else if (new.refresh_hz - old.refresh_hz).abs() > 0.01 {
        Some(format!("from {:.2} to {:.2} hertz", old.refresh_hz, new.refresh_hz))
    } else if new.rotation != old.rotation {
        Some(format!("from {} to {} degrees", old.rotation.degrees(), new.rotation.degrees()))
    } else if new.position != old.position {
        let (from, to) = (old.position, new.position);
        Some(format!("its place from ({}, {}) to ({}, {})", from.x, from.y, to.x, to.y))
    } else {
        None
    }
}
