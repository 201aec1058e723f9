//! What one present does to a picture, and its text form.

use std::fmt::{self, Display, Formatter};

use crate::frame::Damage;
use crate::geometry::Rect;

/// What one present does to the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Present {
    /// What a periodic present does: window, clock and counter advance.
    Natural,
    /// Every pixel changes.
    Full,
    /// Exactly these parts change; there may be none.
    Parts(Damage),
}

struct Edges(Rect);

impl Display for Edges {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Rect { left, top, right, bottom } = self.0;
        write!(f, "{left},{top},{right},{bottom}")
    }
}

impl Display for Present {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Present::Natural => f.write_str("present"),
            Present::Full => f.write_str("present full"),
            Present::Parts(damage) if *damage == Damage::default() => f.write_str("present nothing"),
            Present::Parts(damage) => {
                f.write_str("present")?;
                for dirty in &damage.dirty {
                    write!(f, " dirty {}", Edges(*dirty))?;
                }
                for m in &damage.moves {
                    write!(f, " move {},{}>{}", m.source.x, m.source.y, Edges(m.destination))?;
                }
                Ok(())
            }
        }
    }
}
