//! The parts of the desktop that a frame shows.

use std::sync::Arc;

use crate::geometry::Rect;
use crate::region;

/// The parts of the desktop that a frame shows: one, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Regions {
    One(Rect),
    /// Not empty.
    Each(Arc<[Rect]>),
}

impl Regions {
    /// The regions.
    pub(super) fn all(&self) -> &[Rect] {
        match self {
            Self::One(region) => std::slice::from_ref(region),
            Self::Each(regions) => regions,
        }
    }

    /// How many they are, if they are a list.
    pub(super) fn listed(&self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Each(regions) => Some(regions.len()),
        }
    }

    /// The smallest rectangle that contains them.
    pub(super) fn bounds(&self) -> Rect {
        region::bounds(self.all())
    }
}
