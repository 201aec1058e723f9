//! What a session captures and with which properties: what a pool knows of its session.

use std::sync::Mutex;
use std::time::Duration;

use windows::Foundation::TimeSpan;
use windows::Graphics::Capture::GraphicsCaptureDirtyRegionMode;

use crate::capture::stream::Pace;
use crate::capture::target::Target;
use crate::mutex::lock;

/// The properties of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Properties {
    pub(crate) cursor: bool,
    pub(crate) border: bool,
    pub(crate) dirty_mode: GraphicsCaptureDirtyRegionMode,
    pub(crate) min_interval: TimeSpan,
    pub(crate) secondary: bool,
}

/// What fills a pool.
pub(crate) struct Feed {
    pub(crate) target: Target,
    /// When the item was made.
    pub(crate) born: Duration,
    properties: Mutex<Properties>,
}

impl Feed {
    pub(crate) fn new(target: Target, born: Duration) -> Self {
        let properties = Properties {
            cursor: true,
            border: true,
            dirty_mode: GraphicsCaptureDirtyRegionMode::ReportOnly,
            min_interval: TimeSpan::default(),
            secondary: false,
        };
        Self { target, born, properties: Mutex::new(properties) }
    }

    pub(crate) fn properties(&self) -> Properties {
        *lock(&self.properties)
    }

    pub(crate) fn change(&self, write: impl FnOnce(&mut Properties)) {
        write(&mut lock(&self.properties));
    }

    pub(crate) fn pace(&self) -> Pace {
        let Properties { cursor, min_interval, .. } = self.properties();
        let hundreds = u64::try_from(min_interval.Duration).unwrap_or(0);
        Pace { pointer: cursor, min_interval: Duration::from_nanos(hundreds.saturating_mul(100)) }
    }

    /// Whether only the parts of a texture that changed are valid.
    pub(crate) fn renders_dirty_only(&self) -> bool {
        self.properties().dirty_mode == GraphicsCaptureDirtyRegionMode::ReportAndRender
    }
}
